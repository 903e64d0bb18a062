"""What the default model makes of words that were once cut or taken for the customer's."""

import pytest

from churn_agent.assessing.agent import ChurnAgent
from churn_agent.settings import Settings
from tests.field.books import lines, mail, mailbox, put

pytestmark = pytest.mark.model
WORDS = "Unsubscribe me from the plan and close my account, I am leaving"


@pytest.fixture
def reader(tmp_path, real_model):
    with ChurnAgent(Settings.load(store=tmp_path / "store"), model=real_model) as opened:
        yield opened


def test_a_request_to_unsubscribe_in_a_mail_is_as_high_as_by_itself(reader, tmp_path):
    text = f"Hello,\n\n{WORDS}.\n\nKind regards\nKim"
    reader.ingest(
        mailbox(tmp_path / "in.mbox", mail("kim@home.example", "help@warm.example", text)), own=["@warm.example"]
    )
    imported = reader.assess("kim@home.example")
    alone = reader.assess_text(WORDS)
    assert (imported.band, alone.band) == ("high", "high")


def test_staff_who_say_that_the_customer_wants_to_cancel_are_not_the_customer(reader, tmp_path):
    call = lines(
        "WEBVTT", "", "00:00:01.000 --> 00:00:05.000", "Nora Feld: Thanks for joining, how is the product going?", "",
        "00:00:05.000 --> 00:00:09.000", "Jan Ott: Fine so far. The report came late last week.", "",
        "00:00:09.000 --> 00:00:12.000", "Nora Feld: I am sorry. So you want to cancel the contract?", "",
        "00:00:12.000 --> 00:00:15.000", "Jan Ott: No, no. Please just send it on Mondays.",
    )  # fmt: skip
    reader.ingest(put(tmp_path / "k1_2026-03-02.vtt", call), own=["Nora Feld"])
    record = reader.assess("k1")
    assert record.band != "high"
    cited = [citation for part in (*record.signals, *record.reasons) for citation in part.citations]
    assert {citation.author for citation in cited} <= {"Jan Ott"}
