"""Every rendering, on plain and on hostile data."""

import csv
import io
import json
import re
import shutil
import subprocess
from dataclasses import replace
from datetime import date
from pathlib import Path

import icalendar
import openpyxl
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from lxml import html

from churn_agent.batch.changes import PARTS, Change
from churn_agent.batch.running import BatchSpec, run_batch
from churn_agent.content.playbook import load_playbook
from churn_agent.domain.assessment import ChurnProbability
from churn_agent.errors import InputError
from churn_agent.history import records as stored
from churn_agent.history import runs
from churn_agent.history.feedback import Feedback, add
from churn_agent.reports.portfolio import digest, writing
from churn_agent.reports.portfolio.building import build
from churn_agent.reports.portfolio.calendar import to_ics
from churn_agent.reports.portfolio.columns import COLUMNS
from churn_agent.reports.portfolio.markdown import to_markdown
from churn_agent.reports.portfolio.page import to_html
from churn_agent.reports.portfolio.phrases import number_words
from churn_agent.reports.portfolio.rows import to_csv, to_jsonl
from churn_agent.reports.portfolio.sheets import _name
from tests.conftest import examples, write_csv

from .conftest import LEAVES, hostile_texts, open_agent, quoting

BROWSER = next(filter(None, map(shutil.which, ("chromium", "chromium-browser", "google-chrome"))), None)


@pytest.fixture
def hostile(tmp_path, request):
    """A report on customers whose ids, words and owners are hostile."""
    folder = request.getfixturevalue("data") if request.param else None
    texts = hostile_texts(folder)
    with (tmp_path / "rows.csv").open("w", encoding="utf-8", newline="") as file:
        writer = csv.writer(file)
        writer.writerow(("customer_id", "timestamp", "channel", "direction", "text"))
        for text in texts:
            writer.writerow((f"id {text}", "2026-02-01", "chat", "inbound", text))
            writer.writerow((f"id {text}", "2026-01-01", "order", "inbound", "1 x tea"))
    with (tmp_path / "customers.csv").open("w", encoding="utf-8", newline="") as file:
        writer = csv.writer(file)
        writer.writerow(("customer_id", "owner"))
        writer.writerows((f"id {text}", text) for text in texts)
    with open_agent(tmp_path / "store", quoting(*texts)) as agent:
        agent.ingest([tmp_path / "rows.csv"], customers=tmp_path / "customers.csv")
        run_batch(agent, tmp_path / "b.jsonl", BatchSpec(as_of=date(2026, 3, 1)))
        return build(agent.store, runs.find(agent.history, "latest"))


both = pytest.mark.parametrize("hostile", [False, pytest.param(True, id="test material")], indirect=True)


def written(portfolio, tmp_path, ending):
    path = tmp_path / f"book{ending}"
    writing.write(portfolio, path, changes={})
    return path


def column(sheet, title):
    """The cells under a heading."""
    [at] = [n for n, cell in enumerate(sheet[1]) if cell.value == title]
    return [row[at].value for row in sheet.iter_rows(min_row=2)]


def renewing(portfolio):
    """The report, with all customers at high risk and a renewal to come."""
    return replace(
        portfolio,
        accounts=[
            replace(a, renewal=date(2026, 6, 1), assessment=a.assessment.model_copy(update={"band": "high"}))
            for a in portfolio.accounts
        ],
    )


def test_rows_are_the_same_in_every_format(portfolio, tmp_path):
    lines = [json.loads(line) for line in written(portfolio, tmp_path, ".jsonl").read_text().splitlines()]
    assert [line["customer_id"] for line in lines] == [a.assessment.customer_id for a in portfolio.accounts]
    assert list(lines[0]) == [column.name for column in COLUMNS]
    [leaver] = [line for line in lines if line["customer_id"] == "c-1"]
    assert (leaver["quote"], leaver["quoted_on"]) == (LEAVES, "2026-02-10")
    assert leaver["action_id"] == "retention_call"
    assert leaver["probability"] is None
    table = list(csv.DictReader(io.StringIO(written(portfolio, tmp_path, ".csv").read_text("utf-8-sig"))))
    assert [row["customer_id"] for row in table] == [line["customer_id"] for line in lines]
    sheet = openpyxl.load_workbook(written(portfolio, tmp_path, ".xlsx"))["All customers"]
    assert column(sheet, "customer id") == [line["customer_id"] for line in lines]


def test_the_workbook_has_typed_cells_a_frozen_head_filters_and_a_sheet_for_each_owner(portfolio, tmp_path):
    book = openpyxl.load_workbook(written(portfolio, tmp_path, ".xlsx"))
    assert book.sheetnames == ["Call first", "All customers", "Ana", "Ben", "Columns"]
    sheet = book["All customers"]
    assert sheet.freeze_panes == "A2"
    assert sheet.auto_filter.ref.startswith("A1:")
    names = [cell.value for cell in sheet[1]]
    first = dict(zip(names, sheet[2], strict=True))
    assert isinstance(first["score"].value, float)
    assert first["score"].number_format == "0 %"
    assert first["renewal"].is_date
    assert sheet.conditional_formatting
    assert set(column(book["Ana"], "owner")) == {"Ana"}


def test_the_first_sheet_has_the_calls_in_the_order_of_the_page_and_no_sheet_has_an_empty_column(portfolio, tmp_path):
    book = openpyxl.load_workbook(written(portfolio, tmp_path, ".xlsx"))
    calls = [a.assessment.customer_id for a in (*portfolio.notice_given, *portfolio.early_warnings)]
    assert column(book["Call first"], "customer id") == calls
    assert column(book["Call first"], "their words")[0] == LEAVES
    assert column(book["Call first"], "what to say")[0].startswith("I would like to hear")
    for sheet in book.worksheets:
        for cells in sheet.iter_cols(min_row=2):
            assert any(cell.value not in (None, "") for cell in cells), (sheet.title, cells[0].column_letter)
    headings = [cell.value for cell in book["Columns"]["A"][1:]]
    assert {cell.value for sheet in book.worksheets[:-1] for cell in sheet[1]} == set(headings)


def test_a_workbook_without_calls_says_so(portfolio, tmp_path):
    nobody = replace(
        portfolio, accounts=[replace(a, call=False, not_listed="already known") for a in portfolio.accounts]
    )
    book = openpyxl.load_workbook(written(nobody, tmp_path, ".xlsx"))
    assert book["Call first"]["A1"].value == "Nobody is to be called: no customer has a reason for a call."


@pytest.mark.parametrize("separator", [";", "\t"])
def test_the_separator_of_a_csv_can_be_chosen(portfolio, tmp_path, separator):
    writing.write(portfolio, tmp_path / "s.csv", changes={}, separator=separator)
    rows = list(csv.DictReader(io.StringIO((tmp_path / "s.csv").read_text("utf-8-sig")), delimiter=separator))
    assert [row["customer_id"] for row in rows] == [a.assessment.customer_id for a in portfolio.accounts]
    assert rows[0]["score"] == f"{round(portfolio.accounts[0].number, 4)}"


def test_the_calendar_has_renewals_at_risk(portfolio, tmp_path):
    calendar = icalendar.Calendar.from_ical(written(portfolio, tmp_path, ".ics").read_bytes())
    at_risk = [a for a in portfolio.accounts if a.renewal and a.assessment.band in ("high", "medium")]
    entries = calendar.walk("VEVENT")
    assert len(entries) == len(at_risk) > 0
    assert {e.decoded("dtstart") for e in entries} == {a.renewal for a in at_risk}


def test_a_renewal_is_the_same_entry_week_after_week_however_late(store, tmp_path):
    with open_agent(store) as agent:
        rows = ["c-1,Ana,100,2199-12-31"]
        agent.ingest(
            [], customers=write_csv(tmp_path / "c.csv", *rows, header="customer_id,owner,yearly_value,renewal_date")
        )
        newest, older = runs.all_runs(agent.history)
        found = [build(agent.store, run) for run in (newest, older)]
    uids = []
    for portfolio in found:
        risky = [replace(a, assessment=a.assessment.model_copy(update={"band": "high"})) for a in portfolio.accounts]
        calendar = icalendar.Calendar.from_ical(to_ics(replace(portfolio, accounts=risky)))
        uids.append({e["uid"] for e in calendar.walk("VEVENT")})
        assert date(2199, 12, 31) in {e.decoded("dtstart") for e in calendar.walk("VEVENT")}
    assert uids[0] == uids[1]


def test_a_calendar_without_entries_is_not_written_and_a_note_says_so(cli, store, tmp_path):
    write_csv(tmp_path / "c.csv", *(f"c-{n},0001-01-01" for n in range(1, 7)), header="customer_id,renewal_date")
    cli("--store", store, "ingest", "--customers", tmp_path / "c.csv")
    done = cli("--store", store, "report", "-o", "r.ics", "-o", "r.md")
    assert (done.code, done.out.split()) == (0, ["written:", "r.md"])
    assert "r.ics is not written: no customer at risk has a renewal to come" in done.err
    assert not Path("r.ics").exists()
    Path("r.ics").write_text("of last week")
    assert "the file of that name is an earlier one" in cli("--store", store, "report", "-o", "r.ics").err
    assert Path("r.ics").read_text() == "of last week"


@pytest.mark.parametrize("none", ["0001-01-01", "9999-12-31", "1900-01-00", "1970-01-01", "1899-12-30"])
def test_a_date_that_means_none_is_no_renewal(store, tmp_path, none):
    write_csv(tmp_path / "c.csv", *(f"c-{n},Ana,{none}" for n in range(1, 7)), header="customer_id,owner,renewal_date")
    with open_agent(store) as agent:
        agent.ingest([], customers=tmp_path / "c.csv")
        made = build(agent.store, runs.find(agent.history, "latest"))
    assert {account.renewal for account in made.accounts} == {None}
    assert to_ics(made) is None
    for ending in (".html", ".csv", ".md", ".jsonl"):
        writing.write(made, tmp_path / f"d{ending}", changes={})
        assert none not in (tmp_path / f"d{ending}").read_text("utf-8")
    assert none not in digest.to_eml(made, made.accounts).decode()


CHANGED = ("007", "4915123456789012", "1E5", "1.0", "12-3", "2024-001", "1/2", "10:30", "MAR1", "1-Mar-24", "50%", "(12)",
           "TRUE", "1 000", "1,5")  # fmt: skip
UNCHANGED = ("1001", "0", "123456789012345", "c-1", "Mark 2", "May", "Jan", "AB12", "Müller", "1001a", "id 007")


@pytest.mark.parametrize("id_", [*CHANGED, *UNCHANGED])
def test_an_id_that_a_spreadsheet_would_change_is_marked_as_text_in_csv(portfolio, id_):
    [account, *_] = portfolio.accounts
    renamed = replace(account, assessment=account.assessment.model_copy(update={"customer_id": id_}))
    text = to_csv(replace(portfolio, accounts=[renamed]), {})
    [row] = csv.DictReader(io.StringIO(text.removeprefix("\ufeff")))
    assert row["customer_id"] == (f"'{id_}" if id_ in CHANGED else id_)


def test_excel_sees_that_a_csv_is_utf_8(portfolio, tmp_path):
    assert written(portfolio, tmp_path, ".csv").read_bytes().startswith(b"\xef\xbb\xbfrank,")


def test_names_of_sheets_never_end_in_an_apostrophe():
    used = set()
    for owner in ("a" * 30 + "'b", "'" * 40, "Ana", "ana"):
        name = _name(owner, used)
        assert not name.startswith("'")
        assert not name.endswith("'")
        assert len(name) <= 31
    assert len(used) == 4


def test_what_changed_stands_in_the_data_too_and_adds_up(portfolio, tmp_path):
    change = Change(date(2026, 1, 15), 0.2, 0.5, dict(zip(PARTS, (0.0, 0.0, 0.1, 0.05, 0.15), strict=True)))
    for ending in (".jsonl", ".csv", ".xlsx", ".md"):
        writing.write(portfolio, tmp_path / f"c{ending}", changes={"c-1": change})
    lines = [json.loads(line) for line in (tmp_path / "c.jsonl").read_text().splitlines()]
    [row] = [line for line in lines if line["customer_id"] == "c-1"]
    parts = [value for name, value in row.items() if name.startswith("change_")]
    assert sum(parts) == pytest.approx(row["change"]) == pytest.approx(0.3)
    assert "Since 2026-01-15: +30 points: another calibration +10" in (tmp_path / "c.md").read_text()
    assert "change_new_evidence" in (tmp_path / "c.csv").read_text()


@pytest.mark.slow
def test_what_a_model_words_by_itself_stands_in_no_report(portfolio, tmp_path, store):
    """Its statement may offer what no playbook has; the customer's own words stay."""
    with open_agent(store) as agent:
        run = runs.find(agent.history, "latest")
        told = [
            each.model_copy(
                update={
                    "reasons": tuple(
                        r.model_copy(update={"statement": OFFER, "concept": "explained"}) for r in each.reasons
                    )
                }
            )
            for each in stored.of_run(agent.history, run.id)
        ]
        for each in told:
            stored.add(agent.history, each, run_id=run.id)
        made = build(agent.store, run)
    assert any(reason.citations for a in made.accounts for reason in a.assessment.reasons)
    for ending in (".html", ".csv", ".jsonl", ".md", ".ics"):
        writing.write(made, tmp_path / f"o{ending}", changes={})
        text = (tmp_path / f"o{ending}").read_text()
        assert OFFER not in text
    assert LEAVES in (tmp_path / "o.html").read_text()
    assert OFFER not in json.dumps(digest.to_chat(made, made.accounts))


def test_markdown_names_whom_to_call(portfolio, tmp_path):
    text = written(portfolio, tmp_path, ".md").read_text()
    assert "**c-1** (Ana): score" in text
    assert f"it stands. \u201c{LEAVES}\u201d" in text


def test_who_is_called_without_an_action_is_said_to_have_none(portfolio, tmp_path):
    none = [
        replace(
            account,
            call=account.rank <= 2 or account.listed == "notice given",
            assessment=account.assessment.model_copy(update={"actions": ()}),
        )
        for account in portfolio.accounts
    ]
    called = sum(account.call for account in none)
    bare, said = replace(portfolio, accounts=none), "No action fits: no action in the playbook applies"
    assert written(bare, tmp_path, ".md").read_text().count(said) == called
    assert to_html(bare).count(said) == 2 * called  # on the list and on the card


def test_the_page_is_one_file_with_headings_labels_and_a_card_for_everybody(portfolio):
    page = html.fromstring(to_html(portfolio))
    assert page.xpath("//html/@lang") == ["en"]
    assert [h.text for h in page.xpath("//h1")] == ["Churn risk at Acme"]
    assert not page.xpath("//*[@src or (@href and not(starts-with(@href, '#')))]")
    assert all(field.getparent().tag == "label" for field in page.xpath("//input|//select"))
    assert len(page.xpath("//details")) == len(portfolio.accounts)
    assert page.xpath("//mark/text()") == [LEAVES]
    assert not page.xpath("//figure[not(@aria-label)]")


def test_a_judgement_that_was_brought_back_stands_on_the_card_and_in_the_data(store, tmp_path):
    said = Feedback(customer_id="c-1", as_of=date(2026, 3, 1), verdict="disagree", decision="other", note="<b>no</b>")
    with open_agent(store) as agent:
        add(agent.history, [said])
        made = build(agent.store, runs.find(agent.history, "latest"))
    page = html.fromstring(to_html(made))
    [card] = page.xpath("//details[@data-customer='c-1']")
    assert card.xpath(".//input[@checked]/@value") == ["disagree"]
    assert card.xpath(".//option[@selected]/@value") == ["other"]
    assert card.xpath(".//input[@class='note']/@value") == ["<b>no</b>"]
    assert not page.xpath("//details[@data-customer='c-2']//input[@checked]")
    lines = [json.loads(line) for line in written(made, tmp_path, ".jsonl").read_text().splitlines()]
    assert {line["customer_id"]: line["judgement"] for line in lines if line["judgement"]} == {"c-1": "disagree"}


def test_every_column_is_explained_in_the_documentation():
    documented = (Path(__file__).parents[3] / "docs" / "reports.md").read_text(encoding="utf-8")
    assert [c.name for c in COLUMNS if f"`{c.name}`" not in documented] == []


def test_an_unknown_ending_and_an_unwritable_file_are_said(portfolio, tmp_path):
    with pytest.raises(InputError, match=r"ends in \.html, \.pdf"):
        writing.write(portfolio, tmp_path / "book.docx", changes={})
    with pytest.raises(InputError, match="cannot write"):
        writing.write(portfolio, tmp_path / "no" / "book.csv", changes={})


def test_files_of_owners_stay_in_the_folder_and_apart(tmp_path):
    taken = set()
    names = [writing.path_for(tmp_path / "b.html", owner, taken=taken) for owner in ("../x", "X", "", "Ana Silva")]
    assert [path.name for path in names] == ["b-x.html", "b-x-2.html", "b-unnamed.html", "b-ana-silva.html"]
    assert {path.parent for path in names} == {tmp_path}


@both
def test_hostile_text_is_text_in_the_page(hostile):
    page = html.fromstring(to_html(hostile))
    scripts = page.xpath("//script")
    assert len(scripts) == 2
    handlers = [name for each in page.iter() if isinstance(each.tag, str) for name in each.attrib if name[:2] == "on"]
    assert handlers == []
    assert not page.xpath("//img|//iframe|//object|//embed|//link|//base|//form|//main//style")
    shown = page.text_content()
    assert "{{ 7 * 7 }}" in shown


@both
def test_hostile_text_runs_nothing_in_a_browser(hostile, tmp_path):
    if BROWSER is None:
        pytest.skip("no Chromium or Chrome on this machine")
    page = to_html(hostile)
    nonce = page.split('nonce="')[1].split('"')[0]
    probe = f'<script nonce="{nonce}">document.title = "ran: " + (window.__pwned ?? "nothing") + ", rows: " '
    probe += '+ document.querySelectorAll("#table tbody tr").length;</script></body>'
    path = tmp_path / "page.html"
    path.write_text(page.replace("</body>", probe), encoding="utf-8")
    command = [BROWSER, "--headless", "--no-sandbox", "--disable-gpu", "--virtual-time-budget=3000", "--dump-dom"]
    made = subprocess.run([*command, path.as_uri()], capture_output=True, text=True, timeout=120, check=True)
    title = html.fromstring(made.stdout).xpath("//title/text()")
    assert title == [f"ran: nothing, rows: {min(50, len(hostile.accounts))}"]


@both
def test_no_cell_of_a_table_is_a_formula(hostile, tmp_path):
    for sheet in openpyxl.load_workbook(written(hostile, tmp_path, ".xlsx")):
        assert not [cell for row in sheet.iter_rows() for cell in row if cell.data_type == "f" or cell.hyperlink]
    raw = written(hostile, tmp_path, ".csv").read_bytes().decode("utf-8-sig")
    table = list(csv.reader(io.StringIO(raw, newline="")))
    assert {len(row) for row in table} == {len(COLUMNS)}
    numbers = {"-"}  # of negative days; the cells that begin so are numbers
    assert not [cell for row in table[1:] for cell in row if cell[:1] in set("=+@\t\r")]
    assert all(cell.lstrip("-").replace(".", "").isdigit() for row in table for cell in row if cell[:1] in numbers)


@both
def test_hostile_text_is_text_in_markdown_and_calendars(hostile, tmp_path):
    assert not re.search(
        r"(?<!\\)[<*|`](?!\*)", written(hostile, tmp_path, ".md").read_text(encoding="utf-8").replace("**", "")
    )
    icalendar.Calendar.from_ical(written(renewing(hostile), tmp_path, ".ics").read_bytes())


@pytest.mark.parametrize("hostile", [False], indirect=True)
def test_a_pdf_has_the_page(hostile, tmp_path):
    try:
        import weasyprint  # noqa: F401
    except (ImportError, OSError) as error:
        pytest.skip(f"no WeasyPrint or Pango: {error}")
    assert written(hostile, tmp_path, ".pdf").read_bytes().startswith(b"%PDF")


OFFER = "90% off for life"


@pytest.mark.parametrize(
    "actions",
    [
        [OFFER],
        ["free_money", "retention_call"],
        [f"retention_call {OFFER}"],
        ["RETENTION_CALL"],
        ["retention_call"] * 9,
    ],
)
def test_no_offer_that_is_not_in_the_catalogue_reaches_a_report(actions, tmp_path):
    catalogue = {action.title for action in load_playbook().actions}
    reason = {"statement": "Leaves.", "polarity": "risk", "evidence": "E1", "quote": LEAVES, "offer": OFFER}
    answer = {"reasons": [reason], "actions": actions, "offer": OFFER, "churn_probability": 0.9}
    (tmp_path / "rows.csv").write_text(
        f"customer_id,timestamp,channel,text\nc-1,2026-01-01,chat,{LEAVES}\nc-1,2026-02-20,chat,{LEAVES}\n"
    )
    with open_agent(tmp_path / "store", {"generate": [{"answer": answer}]}, mode="explain") as agent:
        agent.ingest([tmp_path / "rows.csv"])
        run_batch(agent, tmp_path / "b.jsonl", BatchSpec(as_of=date(2026, 3, 1)))
        portfolio = build(agent.store, runs.find(agent.history, "latest"))
    [account] = portfolio.accounts
    assert account.assessment.status == "assessed"
    assert {action.title for action in account.assessment.actions} <= catalogue
    for ending in (".html", ".csv", ".jsonl", ".md", ".ics"):
        assert OFFER not in written(renewing(portfolio), tmp_path, ending).read_text(encoding="utf-8")


def test_garbage_in_place_of_an_answer_reaches_no_report(data, tmp_path):
    lines = (data / "adversarial" / "model_outputs.jsonl").read_text(encoding="utf-8").splitlines()
    outputs = [json.loads(line)["raw"] for line in lines]
    rows = [f"c-{n:02},2026-02-{day},chat,text number {n:02}" for n in range(len(outputs)) for day in (10, 20)]
    (tmp_path / "rows.csv").write_text("\n".join(["customer_id,timestamp,channel,text", *rows]))
    script = {"generate": [{"contains": f"number {n:02}", "answer": raw} for n, raw in enumerate(outputs)]}
    with open_agent(tmp_path / "store", script, mode="explain") as agent:
        agent.ingest([tmp_path / "rows.csv"])
        run_batch(agent, tmp_path / "b.jsonl", BatchSpec(as_of=date(2026, 3, 1)))
        portfolio = build(agent.store, runs.find(agent.history, "latest"))
    assert len(portfolio.accounts) == len(outputs)
    catalogue = {action.title for action in load_playbook().actions}
    assert {action.title for each in portfolio.accounts for action in each.assessment.actions} <= catalogue
    assert "Call within 24 hours" not in written(portfolio, tmp_path, ".html").read_text(encoding="utf-8")


def one_customer(portfolio, *, value, raw, calibrated):
    """The report of the first customer alone, with another number."""
    account = replace(portfolio.accounts[0], yearly_value=1000.0, call=True)
    number = ChurnProbability(
        value=value,
        low=None,
        high=None,
        raw=raw,
        method="m",
        calibrated=calibrated,
        base_rate=0.05,
        horizon_days=90,
    )
    assessment = account.assessment.model_copy(update={"churn_probability": number})
    return replace(portfolio, accounts=[replace(account, assessment=assessment)])


@pytest.mark.slow
@settings(max_examples=examples(25), deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(value=st.floats(0.01, 0.99), raw=st.floats(0.01, 0.99), calibrated=st.booleans())
def test_every_rendering_has_one_number(portfolio, value, raw, calibrated):
    given_ = one_customer(portfolio, value=value, raw=raw, calibrated=calibrated)
    [account] = given_.accounts
    shown = value if calibrated else raw
    words = f"{100 * shown:.0f}% within" if calibrated else f"score {100 * shown:.0f} out of 100"
    assert words in number_words(account)
    page = to_html(given_, changes={})
    assert words in page
    assert f'"number": {shown!r}' in page
    if account.earlier:
        assert f"now: {100 * shown:.0f}</small>" in page
        assert f",{22 - 20 * shown:.1f}" in page
    [row] = [json.loads(line) for line in to_jsonl(given_, {}).splitlines()]
    assert row["probability" if calibrated else "score"] == shown
    assert row["value_at_risk"] == pytest.approx(1000 * shown)
    if given_.value_at_risk:
        assert given_.value_at_risk[0] == pytest.approx(1000 * shown)
    for text in (
        to_markdown(given_, {}),
        digest.to_eml(given_, [account]).decode(),
        str(digest.to_chat(given_, [account])),
    ):
        assert words in text
