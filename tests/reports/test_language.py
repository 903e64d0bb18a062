"""Reports in another language: catalogues that are complete, sentences of records, and no English left over."""

import csv
import importlib.util
import io
import json
import re
from dataclasses import replace
from datetime import date
from email import message_from_bytes, policy
from io import StringIO
from pathlib import Path

import openpyxl
import pytest
from babel.messages.pofile import read_po
from lxml import html
from rich.console import Console

from churn_agent.domain.assessment import Announced, CareFlag, Corrected, Fact, Former
from churn_agent.domain.snapshot import REPORT_LANGUAGES
from churn_agent.errors import DataError
from churn_agent.history import book, runs
from churn_agent.reports import files, language
from churn_agent.reports.language import day, money, month, ngettext, number, share, signed, speaking
from churn_agent.reports.portfolio import digest, writing
from churn_agent.reports.portfolio.accounts import LastContact
from churn_agent.reports.portfolio.building import build
from churn_agent.reports.sentences import translated
from churn_agent.reports.terminal import print_card
from tests.reports.portfolio.conftest import LEAVES, assessed_once, open_agent, store  # noqa: F401 - fixtures
from tests.reports.test_rendering import record

ROOT = Path(__file__).parents[2]
OTHERS = [code for code in REPORT_LANGUAGES if code != "en"]
PLACE = re.compile(r"\{\w*\}")


def script():
    spec = importlib.util.spec_from_file_location("catalogue", ROOT / "scripts" / "catalogue.py")
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


def catalogue(code):
    path = ROOT / "churn_agent" / "reports" / "locale" / f"{code}.po"
    return [message for message in read_po(io.BytesIO(path.read_bytes()), locale=code) if message.id]


@pytest.mark.parametrize("code", OTHERS)
def test_every_message_of_code_templates_playbook_and_taxonomy_is_translated(code):
    before, after, missing = script().updated(code)
    assert missing == []
    assert before == after, "run: make catalogue"


@pytest.mark.parametrize("code", OTHERS)
def test_a_translation_has_the_same_places_and_all_plural_forms(code):
    for message in catalogue(code):
        originals = message.id if message.pluralizable else (message.id,)
        strings = message.string if message.pluralizable else (message.string,)
        assert len(strings) == (2 if message.pluralizable else 1), message.id
        for original, string in zip(originals, strings, strict=True):
            assert set(PLACE.findall(original)) == set(PLACE.findall(string)), original
            assert string.strip() == string != ""


def test_german_addresses_readers_formally_and_uses_its_own_quotation_marks():
    for message in catalogue("de"):
        for string in message.string if message.pluralizable else (message.string,):
            assert not re.search(r"\b(?:du|dir|dich|dein\w*|euch|euer|eure\w*)\b", string, re.IGNORECASE), string
            assert '"' not in string
            assert string.count("„") == string.count("“")


def test_numbers_days_and_money_have_the_form_of_the_language():
    with speaking("de"):
        assert (number(1234567), number(0.5, 1), share(0.456), signed(-3.25, 1)) == (
            "1.234.567",
            "0,5",
            "46\u00a0%",
            "-3,2",
        )
        assert (day(date(2026, 3, 1)), day(None), month(date(2026, 3, 1))) == ("01.03.2026", "", "März 2026")
        assert (money(1200, "EUR"), money(5, "")) == ("1.200\u00a0EUR", "5")
    with speaking("de-CH"):
        assert money(1200, "CHF") in ("CHF\u00a01’200", "CHF\u00a01'200")
        assert ngettext("{n} customers", "{n} customers", 2) == "2 customers"
    assert (number(1234567), share(0.456), day(date(2026, 3, 1)), money(1200, "EUR")) == (
        "1,234,567", "46%", "2026-03-01", "EUR 1,200")  # fmt: skip


@pytest.mark.parametrize(
    ("n", "words"), [(0, "0 Kunden haben"), (1, "1 Kunde hat"), (2, "2 Kunden haben"), (1000, "1.000 Kunden haben")]
)
def test_plural_forms_follow_the_number(n, words):
    with speaking("de"):
        assert (
            ngettext("{n} customer has given notice.", "{n} customers have given notice.", n) == f"{words} gekündigt."
        )


@pytest.mark.parametrize(
    ("tag", "code"),
    [
        ("de", "de"),
        ("de-CH", "de"),
        ("de_AT", "de"),
        ("en", "en"),
        ("en-GB", "en"),
        ("fr", "en"),
        ("?", "en"),
        ("", "en"),
    ],
)
def test_a_language_without_a_catalogue_is_english(tag, code):
    assert language.language(tag).code == code


def test_a_card_in_a_language_without_a_catalogue_is_refused(tmp_path):
    (tmp_path / "card.yaml").write_text("company: Acme\nlanguage: fr\n")
    (tmp_path / "rows.csv").write_text("customer_id,timestamp,channel,text\nc-1,2026-01-01,chat,hello\n")
    with (
        open_agent(tmp_path / "store") as agent,
        pytest.raises(DataError, match="not available in the language 'fr'; use en or de"),
    ):
        agent.ingest([tmp_path / "rows.csv"], card=tmp_path / "card.yaml")


SAID = {
    "They were last active 12 days before.": "Zuletzt aktiv vor 12 Tagen.",
    "They were last active 1 day before.": "Zuletzt aktiv vor 1 Tag.",
    "They were last active on the day of the assessment.": "Zuletzt aktiv am Tag der Bewertung.",
    "There are 1,234 interactions (3 chat, 2 order).": "1.234 Kontakte erfasst (3 chat, 2 order).",
    "The silence so far is 2.5 times their usual gap.": "Die Pause ist bisher 2,5-mal so lang wie üblich.",
    "2 contacts wrote (Ana 3 times, Ben, the boss 1 times).": "2 Ansprechpartner haben geschrieben (Ana 3-mal, Ben, the boss 1-mal).",
    "The amounts sum up to 1,234.50 over 3 interactions.": "Summe der Beträge: 1.234,50 aus 3 Vorgängen.",
    "The amounts sum up to EUR 10.00 over 2 interactions, no currency 5.00 over 1 interaction.":
        "Summe der Beträge: 10,00 EUR aus 2 Vorgängen, 5,00 ohne Währung aus 1 Vorgang.",
    "2 bills are overdue, the oldest for 40 days (EUR 1,240.00).":
        "2 Rechnungen sind überfällig, die älteste seit 40 Tagen (1.240,00\u00a0EUR).",
    "3 payments failed or bounced, the last one on the day of the assessment (EUR 3.00).":
        "3 Zahlungen fehlgeschlagen oder zurückgebucht, zuletzt am Tag der Bewertung (3,00\u00a0EUR).",
    "1 payment failed or bounced, 2 days before.": "1 Zahlung fehlgeschlagen oder zurückgebucht, vor 2 Tagen.",
    "Their contract ends or renews on 2026-07-04, in 125 days.":
        "Der Vertrag endet oder verlängert sich am 04.07.2026, in 125 Tagen.",
    "The contract (12 months) means that the customer is bound for a term.":
        "Der Vertrag (12 months) bindet den Kunden für eine Laufzeit.",
    "Their seats fell from 1,200 to 11.": "Weniger Lizenzen: 11 statt 1.200.",
    "Kind of book: contract (from the attribute renewal_date).": "Art des Geschäfts: Vertrag (laut Attribut renewal_date).",
    "Measured logins: the total of the last 28 days is 1,234, 45% of their usual 2,700.":
        "Messwert logins: in der Summe der letzten 28 Tage 1.234, das sind 45\u00a0% der üblichen 2.700.",
    "Taken as a whole, the 3 messages with signals read like leaving.":
        "Insgesamt klingen die 3 Nachrichten mit Signalen nach Weggehen.",
    "Announced on 2026-02-10 that they leave Nordwind Software, with the end on 2026-06-30; it stands.":
        "Hat am 10.02.2026 bei Nordwind Software gekündigt, Ende am 30.06.2026; das gilt weiterhin.",
    "Gave notice on 2026-02-10, which does not stand since 2026-02-12: taken back.":
        "Hat am 10.02.2026 gekündigt; das gilt seit 12.02.2026 nicht mehr: zurückgenommen.",
    "Considers leaving A & B (Holding).": "Überlegt, A & B (Holding) zu verlassen.",
    "Finds it too expensive (2026-02-10, 2026-02-12)": "Findet es zu teuer (10.02.2026, 12.02.2026)",
    "Considers leaving Acme (2026-02-10)": "Überlegt, Acme zu verlassen (10.02.2026)",
    "What they wrote (2026-02-10)": "Wortlaut des Kunden (10.02.2026)",
    "contacted on 2026-02-20": "am 20.02.2026 kontaktiert",
    "the condition of “Offer a plan check” does not hold (tenure >= 30)":
        "die Bedingung von „Tarifprüfung anbieten“ ist nicht erfüllt (tenure >= 30)",
    "too little history: no messages, and known for less than 14 days":
        "zu wenig Verlauf: keine Nachrichten und seit weniger als 14 Tagen bekannt",
    "A sentence of one's own playbook.": "A sentence of one's own playbook.",
    "": "",
}  # fmt: skip


@pytest.mark.parametrize("english", SAID)
def test_a_sentence_of_a_record_is_said_in_german(english):
    with speaking("de"):
        assert translated(english) == SAID[english]
    assert translated(english) == english


def fragments():
    """Parts of English messages that are long enough to be English wherever they stand."""
    for message in catalogue("de"):
        for original in message.id if message.pluralizable else (message.id,):
            for part in PLACE.split(original):
                if len(part.split()) > 2 and part not in message.string:
                    yield part.strip()


@pytest.fixture
def portfolio(store, tmp_path):  # noqa: F811 - the fixture
    with open_agent(store) as agent:
        card = agent.store.card.model_copy(update={
            "language": "de", "company": "Nordwind", "churn_means": "der Kunde bestellt nicht mehr"})  # fmt: skip
        with agent.history.begin() as connection:
            book.set_card(connection, card)
        (tmp_path / "n.csv").write_text(
            "customer_id,name,yearly_value\n" + "".join(f"c-{n},Firma {n},{n}250\n" for n in range(1, 6))
        )
        agent.ingest([], customers=tmp_path / "n.csv")
        built = build(agent.store, runs.find(agent.history, "latest"))
    accounts = [replace(account, last_contact=LastContact(date(2026, 2, 20), "Eva"),
                        renewal=date(2026, 6, 1)) for account in built.accounts]  # fmt: skip
    return replace(built, accounts=accounts)


def texts_of(portfolio, tmp_path):
    """What a reader sees of each format."""
    yield "html", "\n".join(html.fromstring(writing.RENDERERS[".html"](portfolio, {})).itertext())
    yield "md", writing.RENDERERS[".md"](portfolio, {})
    yield "csv", writing.RENDERERS[".csv"](portfolio, {})
    yield "ics", writing.RENDERERS[".ics"](portfolio, {}).decode().replace("\r\n ", "")
    (tmp_path / "w.xlsx").write_bytes(writing.RENDERERS[".xlsx"](portfolio, {}))
    sheets = openpyxl.load_workbook(tmp_path / "w.xlsx").worksheets
    yield "xlsx", "\n".join(str(cell.value) for sheet in sheets for row in sheet for cell in row if cell.value)
    mail = message_from_bytes(digest.to_eml(portfolio, portfolio.to_call, to="a@example.org"), policy=policy.default)
    yield "eml", f"{mail['Subject']}\n{mail['From']}\n" + "\n".join(
        mail.get_body((kind,)).get_content() for kind in ("plain", "html"))  # fmt: skip
    yield "chat", json.dumps(digest.to_chat(portfolio, portfolio.to_call), ensure_ascii=False)


def test_no_format_of_a_german_report_has_an_english_message(portfolio, tmp_path):
    risky = [replace(a, assessment=a.assessment.model_copy(update={"band": "high"})) for a in portfolio.accounts]
    known = set(fragments())
    assert len(known) > 150
    for name, text in texts_of(replace(portfolio, accounts=risky), tmp_path):
        left = [part for part in known if part in " ".join(text.split())]
        assert left == [], name
        assert "Nordwind" in text or name in ("csv", "xlsx"), name


@pytest.mark.parametrize(("tag", "form"), [("de", "dd.mm.yyyy"), ("en", "yyyy-mm-dd")])
def test_dates_of_the_workbook_have_the_form_of_the_language(portfolio, tmp_path, tag, form):
    spoken = replace(portfolio, card=portfolio.card.model_copy(update={"language": tag}))
    (tmp_path / "w.xlsx").write_bytes(writing.RENDERERS[".xlsx"](spoken, {}))
    sheets = openpyxl.load_workbook(tmp_path / "w.xlsx").worksheets
    assert {cell.number_format for sheet in sheets for row in sheet for cell in row if cell.is_date} == {form}


def test_the_page_in_german_has_german_days_numbers_and_words(portfolio):
    text = writing.RENDERERS[".html"](portfolio, {})
    page = html.fromstring(text)
    assert page.xpath("//html/@lang") == ["de"]
    assert [h.text for h in page.xpath("//h1")] == ["Abwanderungsrisiko bei Nordwind"]
    shown = " ".join("\n".join(page.itertext()).replace("\n,", ",").split())
    for words in ("Gekündigt (1)", "Persönlicher Anruf zur Kundenbindung", "letzter Kontakt 20.02.2026, Eva", "Juni 2026",
                  "5.250 EUR", "Score 96 von 100", "hoch", f"„{LEAVES}“"):  # fmt: skip
        assert words in shown, words


def test_every_fact_reason_and_action_of_a_record_is_said_in_german(portfolio):
    with speaking("de"):
        for account in portfolio.accounts:
            record_ = account.assessment
            texts = [fact.text for fact in record_.facts] + [reason.statement for reason in record_.reasons]
            texts += [
                text
                for action in record_.actions
                for text in (action.title, action.what, action.rationale, *action.talk_track)
            ]
            for text in texts:
                assert translated(text) != text, text


def test_a_german_csv_opens_in_a_german_excel_and_json_lines_stay_the_same(portfolio):
    text = writing.RENDERERS[".csv"](portfolio, {})
    head, *rows = csv.reader(io.StringIO(text.removeprefix("\ufeff")), delimiter=";")
    first = dict(zip(head, rows[0], strict=True))
    assert first["Kundennummer"] == portfolio.accounts[0].assessment.customer_id
    assert re.fullmatch(r"0,\d+", first["Score"] if "Score" in first else first["score"])
    assert {row["Liste"] for row in (dict(zip(head, cells, strict=True)) for cells in rows)} == {
        "gekündigt",
        "Frühwarnung",
    }
    english = replace(portfolio, card=portfolio.card.model_copy(update={"language": "en"}))
    assert writing.RENDERERS[".jsonl"](portfolio, {}) == writing.RENDERERS[".jsonl"](english, {})


def standing():
    """Records with all that a card can say."""
    statements = ("Finds it too expensive.", "Has been a customer for 400 days.")
    reasons = [
        reason.model_copy(update={"statement": statement})
        for reason, statement in zip(record().reasons, statements, strict=True)
    ]
    plain = record().model_copy(
        update={"facts": (Fact(name="recency", value=3, unit="days", text="They were last active 3 days before."),)}
    )
    plain = plain.model_copy(update={"reasons": tuple(reasons)})
    citation = plain.reasons[0].citations[0]
    care = CareFlag(kind="death", citation=citation, date=date(2026, 2, 1), expires_on=date(2026, 5, 1))
    announced = Announced(date=date(2026, 2, 1), citation=citation, ends_on=date(2026, 6, 30))
    yield plain.model_copy(update={"care": (care,), "announced": announced, "actions": ()})
    yield plain.model_copy(update={"former": Former(since=date(2026, 1, 1), source="attribute status")})
    yield plain.model_copy(update={"provenance": plain.provenance.model_copy(update={"on_withdrawn_data": True})})
    yield plain.model_copy(update={"band": None})
    by = {"statement": statements[0], "interaction_id": "1", "number": 1, "whose": "customer", "on": date(2026, 2, 1)}
    made = [Corrected(concept="price", shown=shown, by=who, **by) for shown, who in ((True, "Ana"), (False, None))]
    yield plain.model_copy(update={"corrected": tuple(made)})
    yield record(calibrated=True).model_copy(update={"reasons": plain.reasons})
    yield record(status="abstained")
    yield record(reasons=False)


@pytest.mark.parametrize("n", range(8))
def test_the_card_of_a_customer_is_in_german_too(n, tmp_path):
    shown = list(standing())[n]
    out = StringIO()
    print_card(shown, Console(file=out, width=100, highlight=False), company="Acme", language="de")
    files.write(shown, tmp_path / "card.md", language="de")
    for text in (
        " ".join(out.getvalue().replace("│", " ").split()),
        (tmp_path / "card.md").read_text(encoding="utf-8"),
    ):
        assert [part for part in fragments() if part in text] == []
    assert "Abwanderungsrisiko von c-1 am 01.03.2026" in text
    assert "Kunde c-1 am 01.03.2026, Acme" in out.getvalue()
    files.write(shown, tmp_path / "card.json", language="de")
    assert json.loads((tmp_path / "card.json").read_text(encoding="utf-8"))["customer_id"] == "c-1"


def test_the_words_of_a_customer_are_never_translated(tmp_path):
    """Even if they are a message of the catalogue."""
    citation = record(quote="All customers").reasons[0].citations[0]
    said = record().reasons[0].model_copy(update={"citations": (citation,)})
    files.write(record().model_copy(update={"reasons": (said,)}), tmp_path / "c.md", language="de")
    assert "„All customers“" in (tmp_path / "c.md").read_text(encoding="utf-8")
