"""The page: lists with names and what to say, renewals, periods of values, phone and paper."""

import json
import shutil
import subprocess
from dataclasses import replace
from datetime import date

import pytest
from lxml import html

from churn_agent.domain.assessment import Corrected
from churn_agent.history import book, runs
from churn_agent.outcomes.feedback import FeedbackLine, MessageJudgement
from churn_agent.reports.portfolio import page, phrases, renewals, writing
from churn_agent.reports.portfolio.accounts import LastContact
from churn_agent.reports.portfolio.building import build
from churn_agent.reports.portfolio.page import to_html

from .conftest import LEAVES, open_agent

BROWSER = next(filter(None, map(shutil.which, ("chromium", "chromium-browser", "google-chrome"))), None)


def built(store, tmp_path, header=None, *rows, **card):
    """The report, after attributes and the card have changed."""
    with open_agent(store) as agent:
        now = agent.store.card.model_copy(update=card)
        with agent.history.begin() as connection:
            book.set_card(connection, now)
        if header:
            (tmp_path / "people.csv").write_text("\n".join([header, *rows]), encoding="utf-8")
            agent.ingest([], customers=tmp_path / "people.csv")
        return build(agent.store, runs.find(agent.history, "latest"))


@pytest.fixture
def portfolio(store, tmp_path):
    return built(store, tmp_path, "customer_id,name", *(f"c-{n},Firma {n} & Co" for n in range(1, 6)))


def test_a_quote_can_be_marked_as_wrong_and_the_page_counts_corrections(portfolio, tmp_path):
    [leaver] = portfolio.notice_given
    [box] = html.fromstring(to_html(portfolio)).xpath("//details[@data-customer='c-1']//input[@class='wrong']")
    citation = leaver.assessment.announced.citation
    assert (box.get("data-signal"), box.get("data-message")) == ("leaving_announced", citation.interaction_id)
    assert "corrections" not in " ".join(phrases.head(portfolio))
    made = Corrected(
        concept="price", shown=False, statement="Finds it too expensive.", interaction_id="1", number=1,
        whose="message", by="Eva", on=date(2026, 2, 1),
    )  # fmt: skip
    corrected = replace(leaver, assessment=leaver.assessment.model_copy(update={"corrected": (made,)}))
    accounts = [corrected if account is leaver else account for account in portfolio.accounts]
    text = to_html(replace(portfolio, accounts=accounts))
    assert "1 card rests on people&#39;s corrections." in text
    assert "Not shown, by a correction of Eva (2026-02-01): Finds it too expensive." in text


@pytest.mark.slow
def test_a_browser_saves_what_is_marked_as_wrong(portfolio, tmp_path):
    script = (
        "const box = document.querySelector('[data-customer=\"c-1\"] .wrong'); box.click();"
        "URL.createObjectURL = blob => { blob.text().then(text => { document.title = text; }); return '#'; };"
        "document.getElementById('export').click();"
    )
    shown = in_browser(to_html(portfolio), tmp_path / "page.html", script=script)
    line = json.loads(shown.xpath("//title/text()")[0])
    [citation] = [account.assessment.announced.citation for account in portfolio.notice_given]
    assert FeedbackLine.model_validate(line).corrections == (
        MessageJudgement(interaction_id=citation.interaction_id, signal="leaving_announced"),
    )


def rows_of(portfolio, heading):
    [table] = html.fromstring(to_html(portfolio)).xpath(f"//h2[@id='{heading}']/following-sibling::table[1]")
    return table.xpath("./tbody/tr")


def test_a_row_has_name_and_id_owner_words_what_to_say_and_when(portfolio):
    [leaver] = portfolio.notice_given
    spoken = replace(leaver, last_contact=LastContact(date(2026, 2, 20), "Eva"))
    others = [spoken if account is leaver else account for account in portfolio.accounts]
    [row] = rows_of(replace(portfolio, accounts=others), "notice")
    text = " ".join(" ".join(row.itertext()).split())
    action = leaver.assessment.actions[0]
    for words in ("Firma 1 & Co c-1", "Ana", LEAVES, "2026-02-10", action.title, action.what, *action.talk_track,
                  f"due {leaver.due}", "ends on not known", "renewal 2026-04-01", "last contact 2026-02-20, Eva",
                  "EUR 100 per year"):  # fmt: skip
        assert words in text, words


def test_a_customer_without_a_name_is_shown_by_id(portfolio):
    page_ = html.fromstring(to_html(portfolio))
    assert page_.xpath("//details[@data-customer='c-6']//span[@class='name']/text()") == ["c-6"]
    assert page_.xpath("//details[@data-customer='c-2']//span[@class='name']/text()") == ["Firma 2 & Co"]


def test_the_card_names_the_attribute_with_the_name(store, tmp_path):
    portfolio = built(store, tmp_path, "customer_id,firm", "c-1,Anna", name_attribute="firm")
    assert {a.assessment.customer_id: a.name for a in portfolio.accounts}["c-1"] == "Anna"


def test_names_are_in_every_file(portfolio, tmp_path):
    for ending in (".html", ".csv", ".jsonl", ".md", ".ics"):
        risky = [replace(a, renewal=date(2026, 6, 1), assessment=a.assessment.model_copy(update={"band": "high"}))
                 for a in portfolio.accounts]  # fmt: skip
        writing.write(replace(portfolio, accounts=risky), tmp_path / f"n{ending}", changes={})
        assert "Firma 1" in (tmp_path / f"n{ending}").read_text(encoding="utf-8"), ending


@pytest.mark.parametrize(
    ("period", "value", "words"), [("year", 100, "EUR 100 per year"), ("month", 1200, "EUR 100 per month")]
)
def test_values_are_for_the_period_that_the_card_says(store, tmp_path, period, value, words):
    portfolio = built(store, tmp_path, value_period=period)
    [leaver] = portfolio.notice_given
    assert leaver.yearly_value == value
    assert phrases.value_words(leaver, portfolio) == words
    text = to_html(portfolio)
    assert f"value per {period}" in text
    assert f"value per {'month' if period == 'year' else 'year'}" not in text
    [line] = [json.loads(line) for line in writing.RENDERERS[".jsonl"](portfolio, {}).splitlines() if '"c-1"' in line]
    assert line[f"{period}ly_value"] == 100
    assert line["value_at_risk"] == pytest.approx(100 * leaver.number)
    months = renewals.by_month(portfolio.accounts, portfolio.as_of)
    total = sum(month.yearly_value for month in months)
    assert total == pytest.approx(1500 * (12 if period == "month" else 1))


def test_renewals_are_counted_by_month_and_band_without_former_customers(portfolio):
    days = [date(2026, 2, 28), date(2026, 3, 1), date(2026, 3, 31), date(2027, 2, 28), date(2027, 3, 1), None]
    accounts = [replace(account, renewal=day) for account, day in zip(portfolio.accounts, days, strict=True)]
    months = renewals.by_month(accounts, date(2026, 3, 1))
    assert [(month.first, len(month.accounts)) for month in months] == [
        (date(2026, 3, 1), 2), (date(2027, 2, 1), 1), (None, 1)]  # fmt: skip
    assert sum(sum(month.bands.values()) for month in months) == 4
    shown = [row.findtext("td/b") for row in rows_of(replace(portfolio, accounts=accounts), "renewals")]
    assert shown == ["March 2026", "February 2027", "later"]


def test_the_list_ends_where_reasons_end_and_the_page_says_so(portfolio):
    assert len(portfolio.early_warnings) < portfolio.capacity
    assert "The list ends where reasons for a call end." in to_html(portfolio)
    assert all(account.risks for account in portfolio.early_warnings)
    full = replace(portfolio, capacity=len(portfolio.early_warnings))
    assert "The list ends" not in to_html(full)


def test_without_early_warnings_the_page_says_that_nobody_is_to_be_called(portfolio):
    nobody = replace(portfolio, accounts=[replace(a, call=False) for a in portfolio.accounts])
    assert "Nobody else is to be called: no customer has a reason for a call." in to_html(nobody)


def test_on_paper_there_are_all_rows_or_a_line_that_says_where_the_others_are(portfolio, monkeypatch):
    monkeypatch.setattr(page, "_SHOWN", 2)
    printed = html.fromstring(to_html(portfolio, on_paper=True))
    assert len(printed.xpath("//table[@id='table']/tbody/tr")) == 6
    assert "more customers are in the data files" not in printed.text_content()
    monkeypatch.setattr(page, "_PRINTED", 4)
    printed = html.fromstring(to_html(portfolio, on_paper=True))
    assert len(printed.xpath("//table[@id='table']/tbody/tr")) == 4
    assert printed.xpath("//p[@class='paper']/text()")[0].startswith("2 more customers are in the data files")


def test_plots_have_the_colours_of_the_page(portfolio):
    [plot] = html.fromstring(to_html(portfolio)).xpath("//figure")
    drawn = html.tostring(plot, encoding="unicode")
    assert "var(--" in drawn
    assert "#000000" not in drawn
    assert "#ffffff" not in drawn


def in_browser(text, path, *options, script):
    if BROWSER is None:
        pytest.skip("no Chromium or Chrome on this machine")
    nonce = text.split('nonce="')[1].split('"')[0]
    path.write_text(text.replace("</body>", f'<script nonce="{nonce}">{script}</script></body>'), encoding="utf-8")
    command = [BROWSER, "--headless", "--no-sandbox", "--disable-gpu", "--virtual-time-budget=3000", *options]
    made = subprocess.run(
        [*command, "--dump-dom", path.as_uri()], capture_output=True, text=True, timeout=300, check=True
    )
    return html.fromstring(made.stdout)


@pytest.mark.slow
def test_a_phone_shows_the_page_without_scrolling_sideways(portfolio, tmp_path):
    """Chromium opens no window narrower than 500 pixels, so the page is in a frame of a phone's width."""
    if BROWSER is None:
        pytest.skip("no Chromium or Chrome on this machine")
    long = [replace(a, name=f"{a.name} {'Unteilbarerfirmenname' * 6}") for a in portfolio.accounts]
    text = to_html(replace(portfolio, accounts=long))
    nonce = text.split('nonce="')[1].split('"')[0]
    script = (
        "document.querySelectorAll('details').forEach(d => { d.open = true; });"
        "const root = document.documentElement;"
        "parent.postMessage([root.clientWidth, root.scrollWidth, getComputedStyle(document.querySelector('#table tbody tr')).display], '*');"
    )
    probe = f'<script nonce="{nonce}">{script}</script></body>'
    (tmp_path / "page.html").write_text(text.replace("</body>", probe), encoding="utf-8")
    (tmp_path / "frame.html").write_text(
        "<script>addEventListener('message', e => { document.title = e.data.join(' '); });</script>"
        "<iframe src='page.html' width='390' height='800' style='border: 0'></iframe>"
    )
    command = [BROWSER, "--headless", "--no-sandbox", "--disable-gpu", "--virtual-time-budget=3000", "--dump-dom"]
    made = subprocess.run(
        [*command, (tmp_path / "frame.html").as_uri()], capture_output=True, text=True, timeout=300, check=True
    )
    [measured] = html.fromstring(made.stdout).xpath("//title/text()")
    visible, whole, row = measured.split()
    assert int(whole) <= int(visible) <= 390
    assert row == "block"


@pytest.mark.slow
def test_a_browser_prints_all_rows_and_shows_as_many_as_before_afterwards(portfolio, tmp_path, monkeypatch):
    monkeypatch.setattr(page, "_SHOWN", 2)
    count = "document.querySelectorAll('#table tbody tr').length"
    script = (
        f"const seen = [{count}]; dispatchEvent(new Event('beforeprint')); seen.push({count});"
        f"dispatchEvent(new Event('afterprint')); seen.push({count}); document.title = seen.join(' ');"
    )
    shown = in_browser(to_html(portfolio), tmp_path / "page.html", script=script)
    assert shown.xpath("//title/text()") == ["2 6 2"]
