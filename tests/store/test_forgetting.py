"""Customers who are forgotten: in every place, and however often that is cut off."""

import json
import shutil
import sqlite3

import pytest
from filelock import FileLock

from churn_agent.domain.interactions import text_id
from churn_agent.errors import IndexBusy, StoreUnavailable, UnknownCustomer
from churn_agent.history.records import FORGOTTEN
from churn_agent.index.vectors import Index
from churn_agent.learning import stored
from churn_agent.store import forgetting, places
from tests.conftest import write_csv
from tests.store import forgetting_case as case
from tests.store.forgetting_case import CUSTOMER, OTHER, SHARED, held, make_store, open_agent, run, sizes

IN_STORE = [place.name for place in places.PLACES if place.kind != "outside"]
MOMENTS = [*((name, "before") for name in IN_STORE), (IN_STORE[-1], "after")]
MOMENTS += [(name, "as the first file is moved") for name in ("batches", "rejected", "methods")]


@pytest.fixture(scope="session")
def full_store(tmp_path_factory):
    return make_store(tmp_path_factory.mktemp("full"))


@pytest.fixture
def store(full_store, tmp_path):
    return shutil.copytree(full_store, tmp_path / "store")


def test_every_place_in_the_store_holds_the_customer_at_first(store):
    """Else the tests below would show nothing."""
    before = sizes(store)
    silent = {"answers", "book", "history", "demo", "pending erasures"}  # read elsewhere, or nothing of customers
    assert {name for name in IN_STORE if not before[name][0]} == silent
    assert held(store)


def test_a_customer_is_erased_in_every_place_and_the_others_are_not(store):
    before = sizes(store)
    said = []
    with open_agent(store, notify=said.append) as agent:
        removed = agent.store.forget(CUSTOMER)
    assert (removed.interactions, removed.forecasts) == (14, 1)
    assert held(store) == []
    after = sizes(store)
    assert {name for name, (theirs, _) in after.items() if theirs} == set()
    assert after.keys() == before.keys()
    copies = {place.name for place in places.PLACES if place.kind == "copy"}
    kept_whole = before.keys() - copies - {"index"}  # what both had written is now the other's alone
    assert {name: after[name][1] for name in kept_whole} == {name: before[name][1] for name in kept_whole}
    index = Index(store)
    assert set(index.vectors([text_id(SHARED), text_id("bananas")])) == {text_id(SHARED), text_id("bananas")}
    index.close()
    assert any("history-before-9000.db" in line for line in said)
    with open_agent(store) as agent, pytest.raises(UnknownCustomer):
        agent.store.forget(CUSTOMER)


@pytest.mark.slow
@pytest.mark.parametrize(("name", "when"), MOMENTS)
def test_what_was_cut_off_is_finished_by_the_next_call(store, name, when):
    assert run(case.forget_and_die, store, name, when) == 9
    assert forgetting.pending(store) == [CUSTOMER]
    assert run(case.forget_again, store) == 0
    assert forgetting.pending(store) == []
    with sqlite3.connect(store / "history.db") as connection:
        names = {
            connection.execute(f"SELECT customer_id FROM {table} WHERE customer_id != ?", [OTHER]).fetchall()[0][0]  # noqa: S608
            for table in ("records", "labels", "assignments")
        }
    [nobody] = names
    assert nobody.startswith(FORGOTTEN)


@pytest.mark.slow
def test_who_came_back_before_the_end_is_forgotten_whole(store, tmp_path):
    assert run(case.forget_and_die, store, "interactions", "after") == 9
    with open_agent(store) as agent:
        agent.ingest(
            write_csv(tmp_path / "again.csv", f"{CUSTOMER},2026-02-20,chat,zebra again"),
            labels=write_csv(tmp_path / "labels.csv", f"{CUSTOMER},2026-03-01,1", header="customer_id,as_of,churned"),
        )
        agent.store.index()
    assert run(case.forget_again, store) == 0


def test_a_cut_off_erasure_is_told_of_whenever_the_store_is_opened(store, cli):
    run(case.forget_and_die, store, "feedback", "after")
    told = cli("--store", store, "customers")
    assert f"forgetting '{CUSTOMER}' was interrupted; finish it with: churn-agent forget {CUSTOMER}" in told.err
    done = cli("--store", store, "forget", CUSTOMER, "--yes")
    assert done.code == 0
    assert "deleted 14 interactions" in done.out
    assert "interrupted" not in cli("--store", store, "customers").err


def test_a_damaged_note_is_no_hindrance(store):
    run(case.forget_and_die, store, "feedback", "after")
    [note] = (store / places.PENDING).iterdir()
    note.write_bytes(b'{"customer_id": "c-0')
    with open_agent(store) as agent:
        agent.store.forget(CUSTOMER)
    assert held(store) == []


def test_an_index_in_use_is_told_of_before_anything_is_erased(store):
    with FileLock(store / "index.lock"), open_agent(store) as agent, pytest.raises(IndexBusy):
        agent.store.forget(CUSTOMER)
    assert sizes(store)["interactions"] == (14, 2)
    assert forgetting.pending(store) == []


def test_a_history_that_others_read_is_not_called_clean(store):
    with sqlite3.connect(store / "history.db", isolation_level=None) as reader:
        reader.execute("BEGIN")
        reader.execute("SELECT count(*) FROM interactions").fetchone()
        with open_agent(store) as agent, pytest.raises(StoreUnavailable, match="run the command again"):
            agent.store.forget(CUSTOMER)
        assert forgetting.pending(store) == [CUSTOMER]
    with open_agent(store) as agent:
        agent.store.forget(CUSTOMER)
    assert held(store) == []


def test_who_has_attributes_alone_can_be_forgotten(store, tmp_path):
    with open_agent(store) as agent:
        agent.ingest([], customers=write_csv(tmp_path / "p.csv", "silent,x", header="customer_id,segment"))
        assert agent.store.forget("silent").interactions == 0
        with pytest.raises(UnknownCustomer):
            agent.store.forget("silent")


def test_what_names_a_customer_in_free_text_is_taken_out(store):
    with open_agent(store) as agent:
        agent.store.forget(CUSTOMER)
    with sqlite3.connect(store / "history.db") as connection:
        [[spec]] = connection.execute("SELECT spec FROM runs").fetchall()
        sources = [row[0] for row in connection.execute("SELECT source FROM imports")]
    assert json.loads(spec)["where"] == "segment = smb and mail != '(forgotten)' or mail = '(forgotten)'"
    assert "(forgotten)_2026.csv" in sources[0]
    assert "others.csv" in sources[0]


def test_a_method_without_the_customer_is_used_on(store):
    with open_agent(store) as agent:
        agent.store.forget(CUSTOMER)
    assert stored.load(store, "calibrated").estimator.alike_.customers.tolist() == [OTHER]


def test_a_method_that_cannot_be_opened_is_removed_and_named(store):
    (store / "methods" / f"calibrated-1{stored.SUFFIX}").write_bytes(b"c-07, and who knows what")
    said = []
    with open_agent(store, notify=said.append) as agent:
        agent.store.forget(CUSTOMER)
    assert any("deleting the method calibrated-1" in line for line in said)
    assert not list((store / "methods").iterdir())


def test_a_damaged_line_goes_only_if_it_names_the_customer(store):
    batch = store / "batches" / "x.failures.jsonl"
    batch.write_bytes(b'{"customer_id":"c-07", half\n{"customer_id":"c-08", half\n[1]\n{"customer_id":"c-08"}\n')
    with open_agent(store) as agent:
        agent.store.forget(CUSTOMER)
    assert batch.read_bytes() == b'{"customer_id":"c-08", half\n[1]\n{"customer_id":"c-08"}\n'


def test_files_of_others_in_the_store_are_named(store):
    (store / "reports").mkdir()
    (store / "reports" / "book.html").write_text(CUSTOMER)
    said = []
    with open_agent(store, notify=said.append) as agent:
        agent.store.forget(CUSTOMER)
    assert any("reports/book.html" in line and "not changed" in line for line in said)


def test_forgetting_a_merged_customer_also_erases_what_is_stored_under_the_older_id(full_store, store, tmp_path):
    new = "d-1"
    with open_agent(store) as agent:
        agent.ingest(write_csv(tmp_path / "new.csv", f"{new},2026-02-03,chat,hello"), unknown_is="customer")
        agent.store.merge_customers(CUSTOMER, new)
        agent.store.forget(new)
    assert held(store) == []
    assert {name for name, (theirs, _) in sizes(store).items() if theirs} == set()


def test_another_id_of_a_customer_is_not_forgotten_alone(store, cli):
    with open_agent(store) as agent:
        agent.store.merge_customers(CUSTOMER, OTHER)
    before = sizes(store)
    result = cli("--store", store, "forget", CUSTOMER, "--yes")
    assert (result.code, result.out) == (2, "")
    assert f"another id of the customer '{OTHER}'" in result.err
    assert sizes(store) == before
    cli("--store", store, "aliases", "split", CUSTOMER)
    assert cli("--store", store, "forget", CUSTOMER, "--yes").code == 0
    assert held(store) == []
