"""An older file that is imported again, or late, does not replace newer values."""

import json
from datetime import UTC, datetime
from itertools import permutations

import pytest

from churn_agent import ChurnAgent
from churn_agent.history import interactions
from tests.conftest import write_csv
from tests.ingest.test_sync import HEADER, dump, rows_of
from tests.learning import test_canary

UPDATED = "message_id,customer_id,date,text,direction,status,updated_at"
WEEKS = (
    ["m1,c-1,2026-03-01,I wait,inbound,open,2026-03-02 10:00", "m2,c-1,2026-03-02,hello,inbound,open,2026-03-02 10:00"],
    ["m1,c-1,2026-03-01,I wait,inbound,solved,2026-03-09 10:00", "m3,c-1,2026-03-08,bye,inbound,open,2026-03-09 10:00"],
    ["m1,c-1,2026-03-01,I still wait,inbound,solved,2026-03-10 09:00"],
)


@pytest.fixture
def notes(agent, monkeypatch):
    lines = []
    monkeypatch.setattr(agent.store, "_notify", lines.append)
    return lines


@pytest.fixture
def weeks(tmp_path):
    return [write_csv(tmp_path / f"week{n}.csv", *rows, header=UPDATED) for n, rows in enumerate(WEEKS, start=1)]


def state(opened):
    return [(row.text, row.metadata) for row in opened.snapshot("c-1").interactions]


def test_the_same_files_again_leave_the_newer_values_of_later_imports(agent, tmp_path, notes):
    one = write_csv(tmp_path / "week1.csv", *rows_of("open", "open"), header=HEADER)
    two = write_csv(tmp_path / "week2.csv", *rows_of("closed"), header=HEADER)
    agent.ingest(one)
    agent.ingest(two)
    before = dump(agent.settings.store)
    for dry_run in (True, False):
        assert agent.ingest(one, dry_run=dry_run).import_id is None
    assert dump(agent.settings.store) == before
    assert [row.id for row in agent.store.imports()] == [1, 2]
    said = "import 1 had these files, and import 2 replaced some of their values by newer ones, which stay"
    assert said in notes[-1]
    assert notes[-1].endswith("churn-agent imports undo 2")


def test_the_same_files_again_are_imported_where_nothing_is_newer(agent, tmp_path, notes):
    one = write_csv(tmp_path / "a.csv", "c-1,2026-02-01 00:30,chat,hello")
    agent.ingest(one)
    agent.ingest(write_csv(tmp_path / "b.csv", "c-2,2026-02-01,chat,hello"))
    assert agent.ingest(one).import_id == 3


@pytest.mark.parametrize("order", list(permutations(range(3)))[1:], ids=str)
def test_the_source_says_which_values_are_newer(agent, weeks, tmp_path, order):
    for n in order:
        agent.ingest(weeks[n])
    with ChurnAgent.open(tmp_path / "in order") as other:
        for week in weeks:
            other.ingest(week)
        assert state(agent) == state(other)


@pytest.mark.parametrize("order", [(1, 0), (2, 0), (2, 1, 0), (1, 0, 2), (0, 2, 1)], ids=str)
def test_undoing_an_import_equals_never_having_had_it_whichever_was_newer(weeks, tmp_path, order):
    for n, undone in enumerate(order, start=1):
        folder = tmp_path / f"{order}-{n}"
        with ChurnAgent.open(folder / "with") as all_, ChurnAgent.open(folder / "without") as others:
            for week in order:
                all_.ingest(weeks[week])
            for week in order:
                if week != undone:
                    others.ingest(weeks[week])
            all_.store.undo_import(n)
            assert state(all_) == state(others)


def test_older_rows_are_counted(cli, weeks):
    cli("ingest", weeks[1])
    result = cli("ingest", weeks[0])
    assert "1 row is older than what is stored, which stays\n" in result.out
    assert "outdated: 1\n" in cli("imports", "show", 2).out


def test_times_of_changes_are_compared_in_whatever_form_they_are_written(agent, tmp_path):
    header = UPDATED.replace("updated_at", "Last modified")
    for text, changed in (("new", "13/03/2026 10:00"), ("old", "02/03/2026 10:00"), ("newest", "13/03/2026 10:01")):
        row = f"m1,c-1,01/03/2026,{text} words,inbound,open,{changed}"
        agent.ingest(
            write_csv(tmp_path / f"{text}.csv", row, row.replace("m1", "x").replace("01/", "31/"), header=header)
        )
    text, metadata = state(agent)[0]
    assert (text, metadata["updated_at"]) == ("newest words", "2026-03-13T10:01:00")


def test_a_column_without_times_is_kept_as_it_is(agent, tmp_path):
    agent.ingest(write_csv(tmp_path / "a.csv", "m1,c-1,2026-03-01,hi,inbound,open,by Tim", header=UPDATED))
    [(text, metadata)] = state(agent)
    assert (text, metadata["updated_at"]) == ("hi", "by Tim")


def test_an_import_that_ends_before_the_one_it_changes_says_so(agent, tmp_path, notes):
    agent.ingest(write_csv(tmp_path / "week2.csv", *rows_of("closed", "open"), header=HEADER))
    agent.ingest(write_csv(tmp_path / "week1.csv", *rows_of("open"), header=HEADER))
    [note] = [note for note in notes if "if they are older" in note]
    assert note.startswith("values of import 1, which goes on to 2026-02-02, were replaced")
    assert note.endswith("churn-agent imports undo 2")
    notes.clear()
    agent.ingest(write_csv(tmp_path / "week3.csv", *rows_of("closed", "closed", "open"), header=HEADER))
    assert not [note for note in notes if "if they are older" in note]


def of_source(opened):
    """What is stored of each interaction, by customer and time."""
    until = datetime(2100, 1, 1, tzinfo=UTC)
    ids = [customer.customer_id for customer in opened.store.customers()]
    rows = (row for id_ in ids for row in interactions.of_customer(opened.history, id_, until=until))
    return [(row.key, row.speaker, row.channel, row.text, row.metadata) for row in rows]


@pytest.mark.parametrize("mapping", sorted(test_canary.RECORDS.keys() - {"app_store", "slack", "stripe"}))
def test_an_older_export_changes_nothing_and_a_newer_one_updates_in_place(agent, tmp_path, mapping):
    def export(week, text):
        (tmp_path / str(week)).mkdir()
        at = 1_769_940_000 if mapping == "intercom" else "2026-02-01T10:00:00Z"
        record = test_canary.RECORDS[mapping](7, text, at, {"updated_at": f"2026-02-{week:02}T10:00:00Z"})
        return test_canary.write(tmp_path / str(week), mapping, [record])

    def bring(file):
        return agent.ingest(file, mapping=mapping, unknown_is="customer", yes=True)

    bring(export(9, "I wait for your answer"))
    second = of_source(agent)
    older = bring(export(2, "I wait for you"))
    assert of_source(agent) == second
    assert (older.added, older.updated, older.outdated) == (0, 0, len(second))
    newer = bring(export(16, "I wait for your answer since January"))
    third = of_source(agent)
    assert newer.added == newer.outdated == 0
    assert [row[:3] for row in third] == [row[:3] for row in second]
    assert all(row[3].endswith("since January") for row in third)


INVOICE = {
    "id": "in_1",
    "object": "invoice",
    "customer": "c-1",
    "created": 1769940000,
    "total": 1900,
    "currency": "usd",
}


def test_an_older_export_of_stripe_does_not_open_a_paid_invoice_again(agent, tmp_path):
    states = [
        ("open", {"finalized_at": 1769940100}),
        ("uncollectible", {"finalized_at": 1769940100, "marked_uncollectible_at": 1769950000}),
        ("paid", {"finalized_at": 1769940100, "marked_uncollectible_at": 1769950000, "paid_at": 1769960000}),
    ]  # fmt: skip
    for order in permutations(range(3)):
        with ChurnAgent.open(tmp_path / str(order)) as other:
            for n in order:
                status, times = states[n]
                path = tmp_path / f"{status}.json"
                path.write_text(json.dumps({"data": [INVOICE | {"status": status, "status_transitions": times}]}))
                other.ingest(path, mapping="stripe")
            [row] = other.snapshot("c-1").interactions
            assert row.metadata["payment_status"] == "paid"


def test_an_invoice_of_stripe_that_is_void_later_is_not_open_any_more(agent, tmp_path):
    for status in ("open", "void"):
        path = tmp_path / f"{status}.json"
        path.write_text(json.dumps({"data": [INVOICE | {"status": status}]}))
        agent.ingest(path, mapping="stripe")
    [row] = agent.snapshot("c-1").interactions
    assert row.metadata["payment_status"] == "cancelled"


@pytest.mark.parametrize(
    ("before", "after", "text"),
    [
        ({"object": "credit_note", "status": "issued"}, "void", "Credit note (void)"),
        ({"object": "refund", "status": "succeeded"}, "failed", "Refund that failed"),
    ],
)
def test_money_that_was_not_given_back_after_all_does_not_count(agent, tmp_path, before, after, text):
    record = {"id": "x_1", "customer": "c-1", "created": 1769940000, "amount": 700, "currency": "usd"} | before
    for state in (record, record | {"status": after}):
        path = tmp_path / f"{state['status']}.json"
        path.write_text(json.dumps({"data": [state]}))
        agent.ingest(path, mapping="stripe")
    [row] = agent.snapshot("c-1").interactions
    assert (row.text, row.amount, row.key) == (text, None, "stripe:x_1")


def test_an_older_export_of_slack_does_not_take_an_edit_back(agent, tmp_path):
    message = {"type": "message", "ts": "1769940000.0001", "user": "U1"}
    later = message | {"text": "we cancel in May", "edited": {"user": "U1", "ts": "1769950000.0001"}}
    for n, version in enumerate(
        (message | {"text": "we cancel in March"}, later, message | {"text": "we cancel in March"})
    ):
        (tmp_path / f"{n}").mkdir()
        agent.ingest(test_canary.write(tmp_path / f"{n}", "slack", [version]), mapping="slack", unknown_is="customer")
    assert [row[3] for row in of_source(agent)] == ["we cancel in May"]


def test_an_older_export_of_the_app_store_does_not_take_an_answer_back(agent, tmp_path):
    review = {
        "id": "r1",
        "attributes": {"rating": 1, "body": "Bad", "reviewerNickname": "Ana", "createdDate": "2026-02-01T10:00:00Z"},
    }
    for day, answer in ((3, "Sorry, it is mended now"), (2, "Sorry")):
        own = {"responseBody": answer, "lastModifiedDate": f"2026-02-0{day}T10:00:00Z"}
        link = {"review": {"data": {"id": "r1"}}}
        path = tmp_path / f"{day}.json"
        path.write_text(
            json.dumps({"data": [review], "included": [{"id": "a1", "attributes": own, "relationships": link}]})
        )
        agent.ingest(path, mapping="app_store")
    assert [row[3] for row in of_source(agent)] == ["Bad", "Sorry, it is mended now"]
