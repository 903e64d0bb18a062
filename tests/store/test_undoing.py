"""An import that is undone leaves none of its words in any file of the store, however often that is interrupted."""

import os
import shutil
import sqlite3
from contextlib import closing
from dataclasses import replace
from datetime import UTC, date, datetime
from fnmatch import fnmatch
from pathlib import Path

import pytest

from churn_agent.batch.running import BatchSpec, default_path, run_batch
from churn_agent.history import answers, imports, interactions, records
from churn_agent.learning import stored
from churn_agent.learning.forgetting import naming
from churn_agent.learning.stored import Trained
from churn_agent.store import places
from churn_agent.store.places.files import LOOKBACKS
from tests.conftest import write_csv
from tests.store.forgetting_case import calibration, open_agent, run

DAY = date(2026, 3, 1)
WORDS = {
    "text": "the quagga chews my cable",
    "author": "Quaggamann",
    "metadata": "quaggastall",
    "subject": "Quaggazaun",
}
ATTRIBUTE, REJECTED, NOTE = "Quaggaweg 7", "quaggarow", "quaggalabel"
METRIC, ALIAS, COMPANY = "quaggalogins", "q-old", "Quagga Ltd"
NEW = "q-77-lamp"
STEPS = [*(place.name for place in places.PLACES if place.kind != "outside"), "the end"]
IMPORT = 2


@pytest.fixture(scope="module")
def full_store(tmp_path_factory):
    """A store with an import to keep and one to undo, in every place that can hold words."""
    folder = tmp_path_factory.mktemp("undo")
    store = folder / "store"
    header = "customer_id,timestamp,channel,direction,author,text,subject,place"
    card = folder / "card.yaml"
    card.write_text(f"company: {COMPANY}")
    row = "{},2026-02-0{},email,inbound,{author},{text} {},{subject},{metadata}"
    with open_agent(store) as agent:
        kept = [f"c-1,2026-02-0{n},email,inbound,Ann,all is well with bananas {n},hello,stall" for n in range(1, 5)]
        agent.ingest(write_csv(folder / "kept.csv", *kept, header=header))
        new = [row.format(id_, n, f"{n}{len(id_)}", **WORDS) for id_ in ("c-1", NEW) for n in range(1, 8)]
        agent.ingest(
            write_csv(folder / "new.csv", *new, f"{NEW},some day,email,inbound,x,{REJECTED},x,x", header=header),
            customers=write_csv(folder / "people.csv", f"{NEW},{ATTRIBUTE}", header="customer_id,street"),
            labels=write_csv(folder / "l.csv", f"{NEW},2026-03-01,1,{NOTE}", header="customer_id,as_of,churned,why"),
            measurements=write_csv(
                folder / "m.csv", f"{NEW},2026-02-05,{METRIC},3", header="customer_id,date,metric,value"
            ),
            aliases=write_csv(folder / "a.csv", f"{ALIAS},{NEW}", header="old,new"),
            card=card,
        )
        agent.store.index()
        spec = BatchSpec(as_of=DAY)
        run_batch(agent, default_path(agent, spec), spec)
        (store / LOOKBACKS).mkdir()
        shutil.copy(default_path(agent, spec), store / LOOKBACKS / "2026-01-31-0a1b2c3d-4e5f6a7b.jsonl")
        answers.keep(agent.history, "k", f'{{"quote": "{WORDS["text"]}"}}')
        trained = Trained.model_construct(
            method="calibrated", labels_hash="h", n=2, churned=2, first_as_of=DAY, last_as_of=DAY, horizon_days=90,
            auroc=1.0, auroc_low=1.0, auroc_high=1.0, log_loss=0.1, log_loss_of_prior=0.7, seed=0,
        )  # fmt: skip
        stored.keep(store, trained, calibration(["c-1", NEW]))
    shutil.copy(store / "history.db", store / "history-before-9000.db")
    return store


@pytest.fixture
def store(full_store, tmp_path):
    return shutil.copytree(full_store, tmp_path / "store")


def places_with_its_data(store):
    """The places in which a word of the import, or its new customer, is to be read."""
    needles = (b"quagga", b"q-77-lamp", b"q-old")
    with closing(sqlite3.connect(store / "history.db")) as connection:
        tables = [place.name for place in places.PLACES if place.kind == "table"]
        rows = {name: connection.execute(f"SELECT * FROM {name}").fetchall() for name in tables}  # noqa: S608 - ours
    raw = {name: repr(of_table).encode() for name, of_table in rows.items()}
    for path in filter(Path.is_file, store.rglob("*")):
        name = path.relative_to(store).as_posix()
        for place in places.PLACES:
            if any(fnmatch(name, pattern) for pattern in place.paths):
                raw[place.name] = raw.get(place.name, b"") + path.read_bytes()
    return {name for name, data in raw.items() if any(needle in data.lower() for needle in needles)}


def held(store):
    """File and word for each word of the import that is in a file of the store, whatever its case."""
    needles = [word.encode() for word in (*WORDS.values(), ATTRIBUTE, REJECTED, NOTE, "quagga")]
    raw = {path: path.read_bytes().lower() for path in store.rglob("*") if path.is_file()}
    return sorted(
        {(path.name, word.decode()) for path, data in raw.items() for word in needles if word.lower() in data}
    )


def check_undone(store):
    assert held(store) == []
    with open_agent(store) as agent:
        assert agent.store.find_import(IMPORT).state == "undone"
        left = interactions.of_customer(agent.history, "c-1", until=datetime(2100, 1, 1, tzinfo=UTC))
        assert [row.text[-9:] for row in left] == [f"bananas {n}" for n in range(1, 5)]
        assert agent.store.indexed_text_ids() == interactions.all_text_ids(agent.history)
        assert records.withdrawn(agent.history) == {("c-1", DAY), (NEW, DAY)}
    assert [list(naming(store, [id_])) for id_ in ("c-1", NEW)] == [["calibrated-1"], []]


def test_the_import_is_everywhere_at_first(full_store):
    """Else the tests below would show nothing."""
    names = {name for name, _ in held(full_store)}
    assert {"history.db", "history-before-9000.db"} <= names
    assert list(naming(full_store, [NEW])) == ["calibrated-1"]
    assert {path.parent.name for path in full_store.rglob("*") if path.name in names} >= {"batches", "rejected"}


def test_undoing_takes_the_import_out_of_every_place(store):
    """A place that is new in the list must have data of the import here, and be named if it cannot or may keep them."""
    hashes_alone = {"index", "copies of the index", "corrections", "identities"}
    by_people = {"runs", "feedback", "assignments", "tasks", "task_log", "audits", "weekly"}
    not_of_imports = {"demo", "pending erasures"}
    earlier = {"versions"}  # of rows that another import brought first
    in_store = {place.name for place in places.PLACES if place.kind != "outside"}
    (store / "batches" / "y.jsonl.99.part").write_text(WORDS["text"])
    assert in_store - places_with_its_data(store) == hashes_alone | by_people | not_of_imports | earlier
    with open_agent(store) as agent:
        agent.store.undo_import(IMPORT)
    # Assessments keep number and date of the customer, and so do their lines in batches.
    assert places_with_its_data(store) == {"records", "batches", "history"}
    assert held(store) == []


def test_no_word_of_an_import_that_is_undone_is_left_in_any_file(store):
    with open_agent(store) as agent:
        agent.store.undo_import(IMPORT)
    check_undone(store)


def undo_and_die(store, name):
    """Undoes the import, and ends without a word before a place is dealt with, or before the end."""

    finish = imports.finish

    def die(*_, **__):
        os._exit(9)

    if name == "the end":
        imports.finish = lambda *some, **values: die() if "state" in values else finish(*some, **values)
    places.PLACES = tuple(replace(place, undo=die) if place.name == name else place for place in places.PLACES)
    with open_agent(store) as agent:
        agent.store.undo_import(IMPORT)


def undo_again(store):
    with open_agent(store) as agent:
        agent.store.undo_import(IMPORT)


@pytest.mark.slow
@pytest.mark.parametrize("step", STEPS)
def test_an_interrupted_undoing_is_completed_by_the_next(store, step):
    assert run(undo_and_die, store, step) == 9
    undo_again(store)
    check_undone(store)
