"""An import that is undone leaves none of its words in any file of the store, however often that is interrupted."""

import os
import shutil
from datetime import UTC, date, datetime

import pytest

from churn_agent.batch.running import BatchSpec, default_path, run_batch
from churn_agent.history import answers, imports, interactions, records
from churn_agent.index import updating
from churn_agent.learning import stored
from churn_agent.learning.forgetting import naming
from churn_agent.learning.stored import Trained
from churn_agent.store import places, undoing
from churn_agent.store.places import files
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
NEW = "q-77"
STEPS = ("index", "rejects", "batches", "methods", "copies", "answers", "the log", "rewriting", "the end")
IMPORT = 2


@pytest.fixture(scope="module")
def full_store(tmp_path_factory):
    """A store with an import to keep and one to undo, in every place that can hold words."""
    folder = tmp_path_factory.mktemp("undo")
    store = folder / "store"
    header = "customer_id,timestamp,channel,direction,author,text,subject,place"
    row = "{},2026-02-0{},email,inbound,{author},{text} {},{subject},{metadata}"
    with open_agent(store) as agent:
        kept = [f"c-1,2026-02-0{n},email,inbound,Ann,all is well with bananas {n},hello,stall" for n in range(1, 5)]
        agent.ingest(write_csv(folder / "kept.csv", *kept, header=header))
        new = [row.format(id_, n, n, **WORDS) for id_ in ("c-1", NEW) for n in range(1, 6)]
        agent.ingest(
            write_csv(folder / "new.csv", *new, f"{NEW},some day,email,inbound,x,{REJECTED},x,x", header=header),
            customers=write_csv(folder / "people.csv", f"{NEW},{ATTRIBUTE}", header="customer_id,street"),
            labels=write_csv(folder / "l.csv", f"{NEW},2026-03-01,1,{NOTE}", header="customer_id,as_of,churned,why"),
        )
        agent.store.index()
        spec = BatchSpec(as_of=DAY)
        run_batch(agent, default_path(agent, spec), spec)
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
    assert [list(naming(store, id_)) for id_ in ("c-1", NEW)] == [["calibrated-1"], []]


def test_the_import_is_everywhere_at_first(full_store):
    """Else the tests below would show nothing."""
    names = {name for name, _ in held(full_store)}
    assert {"history.db", "history-before-9000.db"} <= names
    assert list(naming(full_store, NEW)) == ["calibrated-1"]
    assert {path.parent.name for path in full_store.rglob("*") if path.name in names} >= {"batches", "rejected"}


def test_no_word_of_an_import_that_is_undone_is_left_in_any_file(store):
    with open_agent(store) as agent:
        agent.store.undo_import(IMPORT)
    check_undone(store)


def undo_and_die(store, step):
    """Undoes the import, and ends without a word before a step."""

    def die(*_, **__):
        os._exit(9)

    module, name = {
        "index": (updating, "forget"),
        "rejects": (files, "remove_rejects"),
        "batches": (files, "strip_batches"),
        "methods": (files, "erase_unknown_from_methods"),
        "copies": (places, "remove_copies"),
        "answers": (answers, "delete_texts"),
        "the log": (imports, "strip_log"),
        "the end": (imports, "finish"),
        "rewriting": (undoing, "compact"),
    }[step]
    setattr(module, name, die)
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
