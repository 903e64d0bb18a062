"""A store with a customer in every place, and a process that is killed while it forgets them."""

import json
import multiprocessing
import os
import shutil
from collections.abc import Callable
from contextlib import closing
from dataclasses import replace
from datetime import UTC, date, datetime
from pathlib import Path

import numpy as np

from churn_agent.assessing.agent import ChurnAgent
from churn_agent.batch.running import BatchSpec, default_path, run_batch
from churn_agent.domain.interactions import Label, text_id
from churn_agent.history import answers, assignments, audits, book, corrections, feedback, interactions, tasks
from churn_agent.history.assignments import Assignment
from churn_agent.history.audits import AuditCard
from churn_agent.history.feedback import Feedback
from churn_agent.history.tables import identities, measurements
from churn_agent.history.tasks import Entry
from churn_agent.index.vectors import DAMAGED, Index
from churn_agent.learning import stored
from churn_agent.learning.estimators import ShrunkLogistic
from churn_agent.learning.ladder import Ladder
from churn_agent.learning.methods import METHODS
from churn_agent.learning.similar import SimilarCustomers
from churn_agent.learning.stored import Trained
from churn_agent.models.scripted import ScriptedModel
from churn_agent.settings import Settings
from churn_agent.store import forgetting, places
from churn_agent.store.places.files import LOOKBACKS, WEEKLY
from tests.conftest import write_csv
from tests.index.letters import Letters

CUSTOMER, OTHER = "c-07", "c-08"
WORD = {CUSTOMER: "zebra", OTHER: "bananas"}
DAY = date(2026, 3, 1)
WORDS = "the zebra ate my modem"
SHARED = "hello to all of you"
MAIL = "zoe@zebra.example"


def calibration(customers):
    """A calibration by recency, which names customers as those who wrote alike."""
    ladder = Ladder()
    ladder.chosen_, ladder.says_, ladder.losses_ = ["recency"], "", {}
    ladder.estimators_ = [METHODS["recency"].make(0)]
    ladder.calibrator_ = ShrunkLogistic(1.0, 1.0).fit(np.array([[-1.0], [1.0]]), [False, True])
    ladder.draws_, ladder.offsets_ = np.zeros((1, 2)), {}
    n = len(customers)
    ladder.alike_ = SimilarCustomers(
        np.array(customers), np.full(n, DAY, "datetime64[D]"), np.ones(n, bool), np.eye(n, 3)
    )
    return ladder


def open_agent(store, **more):
    agent = ChurnAgent(Settings.load(store=store, prompt="direct"), model=ScriptedModel(), **more)
    agent.store.__dict__["embedder"] = Letters()
    return agent


def make_store(folder: Path) -> Path:
    """A store in `folder` in which every place holds `CUSTOMER`, and most hold `OTHER` too."""
    store = folder / "store"
    own = [f"{CUSTOMER},2026-02-0{n % 9 + 1},chat,{WORDS}" for n in range(12)]
    own += [f"{CUSTOMER},2026-02-03,chat,{text}" for text in (SHARED, "a secret")]
    others = [f"{OTHER},2026-02-03,chat,{text}" for text in (SHARED, "bananas")]
    rejected = {id_: f'{id_},some day,chat,"{id_} said {word}"' for id_, word in WORD.items()}
    people = [f"{CUSTOMER},{MAIL},smb", f"{OTHER},bo@b.example,smb", "c-09,,smb"]
    with open_agent(store) as agent:
        agent.ingest(
            [
                write_csv(folder / f"{CUSTOMER}_2026.csv", *own, rejected[CUSTOMER]),
                write_csv(folder / "others.csv", *others, rejected[OTHER]),
            ],
            customers=write_csv(folder / "people.csv", *people, header="customer_id,mail,segment"),
            unknown_is="customer",
        )
        again = [f"{row},new" for row in own]
        agent.ingest(
            write_csv(folder / "again.csv", *again, header="customer_id,timestamp,channel,text,status"),
            unknown_is="customer",
        )
        agent.store.merge_customers(f"{CUSTOMER}-old", CUSTOMER)
        with agent.history.begin() as connection:
            mine = interactions.of_customer(agent.history, CUSTOMER, until=datetime(2100, 1, 1, tzinfo=UTC))
            connection.execute(identities.insert().values(identity="1", interaction_id=mine[0].id))
            logins = {"at": datetime(2026, 2, 3), "day": 20487, "metric": "logins", "value": 3}
            rows = [{**logins, "customer_id": id_, "source_customer_id": id_} for id_ in (CUSTOMER, OTHER)]
            connection.execute(measurements.insert(), rows)
        agent.store.index()
        spec = BatchSpec(as_of=DAY, where=f"segment = smb and mail != '{MAIL}' or mail = '{MAIL}'")
        run = run_batch(agent, default_path(agent, spec), spec)
        (store / LOOKBACKS).mkdir()
        shutil.copy(run.path, store / LOOKBACKS / "2026-01-31-0a1b2c3d-4e5f6a7b.jsonl")
        day = agent.store.card.end_of_day(DAY)
        for id_ in (CUSTOMER, OTHER):
            first = interactions.of_customer(agent.history, id_, until=day)[0]
            with agent.history.begin() as connection:
                corrections.put(connection, first.id, "price", shown=True, by="Ana")
        feedback.add(agent.history, [Feedback(customer_id=id_, as_of=DAY, note=word) for id_, word in WORD.items()])
        for id_, word in WORD.items():
            with agent.history.begin() as connection:
                days = dict.fromkeys(("opened_on", "as_of", "checked_on"), DAY)
                item = {"customer_id": id_, "state": "open", "rules": ["high_risk"], "run_id": run.run_id, **days}
                tasks.add(connection, item, [Entry("note", note=f"{id_} likes {word}", person=True)])
        decided = [Assignment(run.run_id, id_, DAY, "act", True) for id_ in (CUSTOMER, OTHER)]
        assignments.replace(agent.history, run.run_id, decided)
        drawn = (
            AuditCard("a", id_, datetime.now(UTC), run.run_id, n, "low", 1.0, 1, [], 0, {})
            for n, id_ in enumerate(WORD)
        )
        audits.add(agent.history, list(drawn))
        answers.keep(agent.history, "k", f'{{"quote": "{WORDS}"}}')
        with agent.history.begin() as connection:
            labels = [Label(id_, DAY.isoformat(), True, None, {"reason": word}) for id_, word in WORD.items()]
            book.add_labels(connection, labels)
        trained = Trained.model_construct(
            method="calibrated", labels_hash="h", n=2, churned=2, first_as_of=DAY, last_as_of=DAY, horizon_days=90,
            auroc=1.0, auroc_low=1.0, auroc_high=1.0, log_loss=0.1, log_loss_of_prior=0.7, seed=0,
        )  # fmt: skip
        stored.keep(store, trained, calibration([CUSTOMER, OTHER]))
    (store / WEEKLY).mkdir()
    (store / WEEKLY / "log.jsonl").write_text(
        "".join(json.dumps({"step": "sync", "result": f"{id_} is twice in the file"}) + "\n" for id_ in WORD)
    )
    failures = [{"customer_id": id_, "reason": "broke"} for id_ in (CUSTOMER, OTHER)]
    lines = "".join(json.dumps(each) + "\n" for each in failures) + '{"customer_id":"c-0'
    (store / "batches" / "x.failures.jsonl").write_text(lines)
    (store / "batches" / "y.jsonl.99.part").write_text(json.dumps({"customer_id": CUSTOMER, "text": WORDS}))
    shutil.copy(store / "history.db", store / "history-before-9000.db")
    shutil.copytree(store / "index", store / f"{DAMAGED}{datetime.now(UTC):%Y%m%dT%H%M%S}")
    (store / "index-new-x" / "index").mkdir(parents=True)
    return store


def run(target: Callable[..., None], *arguments: object) -> int | None:
    """The exit code of a process that begins with the program loaded and nothing opened."""
    context = multiprocessing.get_context("forkserver")
    context.set_forkserver_preload(["tests.store.forgetting_case", "churn_agent.learning.forgetting", "chromadb"])
    process = context.Process(target=target, args=arguments)
    process.start()
    process.join(120)
    return process.exitcode


def rebuild_and_die(store: Path) -> None:
    """Ends in the middle of building the index anew."""

    class Fatal(Letters):
        def stream(self, texts, progress=lambda done: None):
            os._exit(9)
            yield

    with open_agent(store) as agent:
        agent.store.__dict__["embedder"] = Fatal()
        agent.store.index(rebuild=True)


def write_and_die(store: Path) -> None:
    """Ends before what was written beside a batch is moved to its place."""
    Path.replace = lambda *_: os._exit(9)  # type: ignore[method-assign]
    with open_agent(store) as agent:
        run_batch(agent, default_path(agent, BatchSpec()), BatchSpec())


def forget_and_die(store: Path, name: str, when: str, customer_id: str = CUSTOMER) -> None:
    """Forgets a customer, and ends without a word before or after a place was dealt with, or in the middle."""

    def fatal(place):
        def erase(site, of):
            if when == "before":
                os._exit(9)
            if when == "as the first file is moved":
                Path.replace = lambda *_: os._exit(9)  # type: ignore[method-assign]
            place.erase(site, of)
            os._exit(9)

        return replace(place, erase=erase)

    places.PLACES = tuple(fatal(each) if each.name == name else each for each in places.PLACES)
    with open_agent(store) as agent:
        agent.store.forget(customer_id)


def forget_again(store: Path) -> None:
    """What a person does who reads the note; nothing may be left then."""
    said = []
    with open_agent(store, notify=said.append) as agent:
        agent.store.forget(CUSTOMER)
    assert forgetting.cut_off(CUSTOMER) in said, said
    assert held(store) == []
    after = sizes(store)
    assert not any(theirs for theirs, _ in after.values()), after
    assert after["interactions"] == (0, 2)


def held(store: Path) -> list[tuple[str, str]]:
    """What the files of a store hold of the customer: a name, words, or the vector of a text (not the index's padding)."""
    whole = {
        path: path.read_bytes()
        for path in store.rglob("*")
        if path.is_file() and "index" not in path.relative_to(store).parts
    }
    needles = (CUSTOMER, "zebra", MAIL, "a secret")
    found = [(path.name, needle) for path, raw in whole.items() for needle in needles if needle.encode() in raw]
    with closing(Index(store)) as index:
        return found + [("index", each) for each in index.vectors([text_id(WORDS), text_id("a secret")])]


def sizes(store: Path) -> dict[str, tuple[int, int]]:
    """Place -> how much it holds of the customer, and of the other one."""
    with open_agent(store) as agent:
        traces = [forgetting.traces(agent.history, id_) for id_ in (CUSTOMER, OTHER)]
        return {
            place.name: tuple(sum(1 for _ in place.read(agent.store._site, of)) for of in traces)
            for place in places.PLACES
        }
