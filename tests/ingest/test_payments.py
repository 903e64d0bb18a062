"""Bills and payments: dates and statuses of records, in English and German."""

import json
from datetime import UTC, datetime

import pytest

from churn_agent.domain.interactions import COMPANY_CHANNELS, RECORD_CHANNELS
from churn_agent.domain.payments import PAYMENT_STATUSES
from churn_agent.errors import DataError
from churn_agent.evidence.facts_usage import USE_CHANNELS
from churn_agent.history import interactions
from churn_agent.ingest import payments
from churn_agent.ingest.questions import NeedsAnswer
from tests.conftest import write_csv

HEADER = "customer_id,date,text,amount,due_date,paid_on,status"
BILLS = {"defaults": {"channel": "invoice", "speaker": "company"}}


def ingest(agent, path, mapping=BILLS):
    """Imports a file with a mapping, which is written beside it."""
    (path.parent / "mapping.yaml").write_text(json.dumps(mapping))
    return agent.ingest(path, mapping=path.parent / "mapping.yaml")


def metadata(agent, path, mapping=BILLS):
    ingest(agent, path, mapping)
    return [dict(one.metadata) for one in stored(agent)]


def stored(agent):
    return interactions.of_customer(agent.store.history, "c-1", until=datetime(2026, 3, 1, tzinfo=UTC))


def test_dates_and_status_of_a_bill_are_stored_in_one_form(agent, tmp_path):
    path = tmp_path / "bills.csv"
    path.write_text(
        "customer_id;date;text;amount;Fällig am;Bezahlt am;Zahlungsstatus\n"
        "c-1;01.01.2026;Rechnung 1;29,90;15.01.2026;20.01.2026;bezahlt\n"
        "c-1;01.02.2026;Rechnung 2;29,90;15.02.2026;;Überfällig\n"
        "c-1;02.02.2026;Rechnung 3;29,90;;;Rücklastschrift\n"
        "c-1;03.02.2026;Rechnung 4;29,90;15.03.2026;;\n"
    )
    assert metadata(agent, path) == [
        {"due_at": "2026-01-15", "paid_at": "2026-01-20", "payment_status": "paid"},
        {"due_at": "2026-02-15", "payment_status": "overdue"},
        {"payment_status": "returned"},
        {"due_at": "2026-03-15", "payment_status": "open"},
    ]
    found = {fact.name: fact for fact in agent.assess("c-1", as_of="2026-03-01").facts}
    assert found["payments_overdue"].text == "1 bill is overdue, for 14 days (29.90)."
    assert found["amount_total"].value == 29.9


def test_a_snapshot_has_payments_as_they_were_known_on_its_day(agent, tmp_path):
    rows = "c-1,2026-01-01,Bill,9,2026-01-15,2026-02-20,paid", "c-1,2026-01-02,Bill 2,9,2026-01-16,,storniert"
    ingest(agent, write_csv(tmp_path / "a.csv", *rows, header=HEADER))

    def known(day):
        return [dict(one.metadata) for one in agent.store.snapshot("c-1", as_of=day).interactions]

    cancelled = {"due_at": "2026-01-16", "payment_status": "cancelled"}
    assert known("2026-02-19") == [{"due_at": "2026-01-15", "payment_status": "open"}, cancelled]
    paid = {"due_at": "2026-01-15", "paid_at": "2026-02-20", "payment_status": "paid"}
    assert known("2026-02-20") == [paid, cancelled]


def test_the_status_of_a_ticket_is_not_that_of_a_bill(agent, tmp_path):
    rows = "c-1,2026-01-01,It does not work,,2026-01-05,,solved"
    [of] = metadata(agent, write_csv(tmp_path / "a.csv", rows, header=HEADER), {"defaults": {"channel": "ticket"}})
    assert of == {"due_date": "2026-01-05", "status": "solved"}


def test_beside_texts_by_people_the_columns_stay_as_they_are(agent, tmp_path):
    header = f"channel,{HEADER}"
    rows = "invoice,c-1,2026-01-01,Bill,9,2026-01-05,,open", "email,c-1,2026-01-02,Help me,,2026-01-09,,waiting"
    bill, mail = metadata(agent, write_csv(tmp_path / "a.csv", *rows, header=header), {})
    assert bill == {"due_at": "2026-01-05", "payment_status": "open"}
    assert mail == {"due_date": "2026-01-09", "status": "waiting"}


def test_a_status_without_dates_beside_it_is_kept_as_metadata(agent, tmp_path):
    path = write_csv(tmp_path / "a.csv", "c-1,2026-01-01,Order,9,open", header="customer_id,date,text,amount,status")
    assert metadata(agent, path, {"defaults": {"channel": "order"}}) == [{"status": "open"}]


def test_unknown_words_are_asked_about_and_answered_in_the_mapping(agent, tmp_path):
    rows = "c-1,2026-01-01,Bill,9,2026-01-05,,open", "c-1,2026-02-01,Bill 2,9,2026-02-05,,Sent to agency"
    path = write_csv(tmp_path / "a.csv", *rows, header=HEADER)
    with pytest.raises(NeedsAnswer, match="payment_status: 'Sent to agency'"):
        ingest(agent, path)
    answered = {**BILLS, "values": {"payment_status": {"Sent to agency": "overdue"}}}
    assert [of["payment_status"] for of in metadata(agent, path, answered)] == ["open", "overdue"]


def test_a_word_that_says_nothing_about_a_payment_is_none(agent, tmp_path):
    rows = "c-1,2026-01-01,Bill,9,2026-01-05,2026-01-04,paid", "c-1,2026-02-01,Bill 2,9,2026-02-05,2026-02-04,archived"
    mapping = {**BILLS, "values": {"payment_status": {"archived": "none"}}}
    of = metadata(agent, write_csv(tmp_path / "a.csv", *rows, header=HEADER), mapping)
    assert [one.get("payment_status") for one in of] == ["paid", None]


def test_a_column_that_holds_no_dates_is_kept_under_its_name(agent, tmp_path):
    path = write_csv(tmp_path / "a.csv", "c-1,2026-01-01,Bill,9,soon", header="customer_id,date,text,amount,due")
    assert metadata(agent, path) == [{"due": "soon"}]


def test_amounts_that_did_not_come_in_are_no_yearly_value(agent, tmp_path):
    rows = (f"c-1,2026-01-0{n},Bill {n},100,2026-01-20,,{status}" for n, status in enumerate(PAYMENT_STATUSES, 1))
    ingest(agent, write_csv(tmp_path / "a.csv", *rows, header=HEADER))
    history = stored(agent)
    counting = [one for one in history if one.metadata["payment_status"] in ("paid", "open", "overdue")]
    after, until = history[0].occurred_at.replace(year=2025), history[-1].occurred_at
    sums, _ = interactions.amounts(agent.store.history, after=after, until=until)
    assert sums == {"c-1": 100.0 * len(counting)}


@pytest.mark.parametrize(
    ("word", "status"),
    [
        ("Paid", "paid"), ("bezahlt", "paid"), ("offen", "open"), ("Past due", "overdue"), ("überfällig", "overdue"),
        ("gemahnt", "overdue"), ("card-declined", "failed"), ("Rücklastschrift", "returned"), ("chargeback", "returned"),
        ("uncollectible", "written_off"), ("abgeschrieben", "written_off"), ("Gutschrift", "credited"),
        ("storniert", "cancelled"), ("void", "cancelled"), ("", None), ("gold", None),
        ("Mahnung 2", "overdue"), ("bezahlt (verspätet)", "paid"), ("Credited, not paid out", "credited"),
        ("paid, refunded", None), ("not paid (lost)", None), ("gold (paid)", None),
    ],
)  # fmt: skip
def test_words_for_statuses_are_known_in_two_languages(word, status):
    assert payments.status_of(word) == status


def test_no_word_stands_for_two_statuses():
    words = [word for words in payments._WORDS.values() for word in words.split()]
    assert sorted(words) == sorted(set(words))


def test_channels_of_bills_and_of_use_are_records():
    assert COMPANY_CHANNELS | payments.BILLS | USE_CHANNELS <= RECORD_CHANNELS


@pytest.mark.parametrize("channel", sorted(payments.BILLS))
def test_a_mapped_payment_is_used_in_every_channel_of_bills(agent, tmp_path, channel):
    mapping = {"columns": {"due_at": "until", "payment_status": "how"}, "defaults": {"channel": channel}}
    path = write_csv(
        tmp_path / "a.csv", "c-1,2026-01-01,x,9,2026-01-05,open", header="customer_id,date,text,amount,until,how"
    )
    assert metadata(agent, path, mapping) == [{"due_at": "2026-01-05", "payment_status": "open"}]


CHANNELS = "channel,customer_id,date,text,amount,until,how"
MAPPED = {"columns": {"due_at": "until", "payment_status": "how"}, "values": {"payment_status": {"wartet": "none"}}}


def test_a_mapped_payment_that_is_not_used_is_named_for_each_channel(agent, tmp_path):
    rows = (
        "rechnung,c-1,2026-01-01,a,9,2026-01-05,offen",
        "rechnung,c-1,2026-01-02,b,9,2026-01-06,offen",
        "mail,c-1,2026-01-02,Help me,,,wartet",
        "chat,c-1,2026-01-02,Hello,,,",
        "order,c-1,2026-01-03,beans,9,2026-01-07,bezahlt",
    )
    lines = []
    agent.store._notify = lines.append
    found = metadata(agent, write_csv(tmp_path / "a.csv", *rows, header=CHANNELS), MAPPED)
    assert {"until": "2026-01-05", "how": "offen"} in found
    assert {"due_at": "2026-01-07", "payment_status": "paid"} in found
    said = [line.partition(": ")[2] for line in lines if "kept as metadata" in line]
    assert [line.partition(", because people write in it; if a system does: ")[::2] for line in said] == [
        (
            "due_at, payment_status of the channel 'rechnung' are kept as metadata",
            "record_channels: [rechnung] in the card",
        ),
        ("payment_status of the channel 'mail' is kept as metadata", "record_channels: [mail] in the card"),
    ]


def test_the_card_can_say_that_a_channel_has_bills(agent, tmp_path):
    (tmp_path / "card.yaml").write_text("company: Acme\nrecord_channels: [rechnung]\n")
    path = write_csv(
        tmp_path / "a.csv",
        "rechnung,c-1,2026-01-01,9,2026-01-05,",
        header="channel,customer_id,date,amount,due_date,status",
    )
    agent.ingest(path, card=tmp_path / "card.yaml")
    assert [dict(one.metadata) for one in stored(agent)] == [{"due_at": "2026-01-05"}]


@pytest.mark.parametrize("channel", ["bill", "invoice", "order", "login"])
def test_records_need_no_text(agent, tmp_path, channel):
    path = write_csv(tmp_path / "a.csv", "c-1,2026-01-01,7", "c-1,2026-01-02,8", header="customer_id,date,number")
    summary = ingest(agent, path, {"defaults": {"channel": channel}})
    assert (summary.added, summary.empty, summary.rejected) == (2, 0, 0)
    assert [(one.channel, one.text, dict(one.metadata)) for one in stored(agent)] == [
        (channel, "", {"number": "7"}),
        (channel, "", {"number": "8"}),
    ]
    assert ingest(agent, path, {"defaults": {"channel": channel}}).added == 0
    assert agent.assess("c-1").facts


@pytest.mark.parametrize(
    ("header", "row"), [("customer_id,date", "c-1,2026-01-01"), ("customer_id,date,channel", "c-1,2026-01-01,mail")]
)
def test_what_people_write_needs_a_text(agent, tmp_path, header, row):
    with pytest.raises(DataError, match=r"no column for 'text'.*records need none: defaults: \{channel: invoice\}"):
        agent.ingest(write_csv(tmp_path / "a.csv", row, header=header))
