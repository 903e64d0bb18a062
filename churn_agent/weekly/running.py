"""The weekly run: its steps in order, resumable, with one log and one result."""

import hashlib
import json
from collections import Counter
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, field
from datetime import date, datetime
from pathlib import Path
from typing import Literal

from churn_agent.assessing.agent import ChurnAgent
from churn_agent.batch.budget import Budget
from churn_agent.batch.cascade import Top
from churn_agent.batch.estimating import estimate
from churn_agent.batch.running import BatchSpec, run_batch
from churn_agent.domain.wording import counted
from churn_agent.errors import ChurnAgentError, EmptyStore, InputError
from churn_agent.files import atomic
from churn_agent.followup import syncing
from churn_agent.history import book
from churn_agent.lookback.suggesting import to_csv as suggestions_csv
from churn_agent.reports.portfolio import building, writing
from churn_agent.reports.portfolio.reporting import build_digest, write_reports
from churn_agent.reports.scores.publishing import publish
from churn_agent.reports.scores.targets import Target
from churn_agent.store.places.files import BATCHES
from churn_agent.weekly.journal import Journal, State
from churn_agent.weekly.review import due_csv, review
from churn_agent.weekly.syncing import Synced, sync

Step = Literal["sync", "batch", "tasks", "report", "digests", "review", "scores"]
STEPS: tuple[Step, ...] = ("sync", "batch", "tasks", "report", "digests", "review", "scores")
"""In their order. Scores come last: a warehouse that is down must not keep reports back."""
DUE, SUGGESTED = "outcomes-due.csv", "outcomes-suggested.csv"


@dataclass(frozen=True)
class WeeklySpec:
    """The options of a weekly run."""

    output: Path
    """Folder of reports; each run has a folder named after its day in it."""
    as_of: date | None = None
    top: Top | None = None
    budget: Budget = field(default_factory=Budget)
    capacity: int = building.CAPACITY
    formats: tuple[str, ...] = ("html",)
    """Suffixes of reports."""
    targets: tuple[Target, ...] = ()
    words: bool = False
    """Whether words go to the targets."""


@dataclass(frozen=True)
class StepResult:
    """The result of one step."""

    step: Step
    outcome: Literal["done", "in part", "done earlier", "planned"]
    result: str


@dataclass(frozen=True)
class Weekly:
    """The result of a weekly run."""

    steps: Sequence[StepResult]
    resumed: bool
    log: Path

    @property
    def partly(self) -> bool:
        """Whether something is left to do."""
        return any(step.outcome == "in part" for step in self.steps)


def run_weekly(
    agent: ChurnAgent, spec: WeeklySpec, *, tell: Callable[[StepResult], None] = lambda step: None
) -> Weekly:
    """Runs all steps; run it again to resume one that stopped.

    Steps that are done are not repeated within the same week, unless an earlier one has new results. A new call after a
    finished run starts a new one.

    Args:
        agent: its store, model, prompt and method are used.
        spec: the options.
        tell: called with each result.

    Raises:
        ChurnAgentError: a step failed; it is in the log, and the next call resumes there.
    """
    for target in spec.targets:
        if target.file is not None:
            agent.store.check_output(target.file)
    agent.store.check_output(spec.output / "report.html")
    card = agent.store.card
    this_week = datetime.now(card.zone).isocalendar()[:2]
    with Journal.open(agent.settings.store) as journal:
        state, resumed = journal.resumed(_digest(agent, spec), lambda at: card.local(at).isocalendar()[:2] == this_week)
        results: list[StepResult] = []
        journal.log("run", "resumed" if resumed else "started", "")
        for result in _run(_Context(agent, spec, state, journal)):
            state.steps[result.step] = "in part" if result.outcome == "in part" else "done"
            journal.save(state)
            journal.log(result.step, result.outcome, result.result)
            results.append(result)
            tell(result)
        state.finished = all(state.steps[step] == "done" for step in STEPS)
        journal.save(state)
        journal.log("run", "finished" if state.finished else "in part", "")
    return Weekly(results, resumed, journal.log_path)


def plan(agent: ChurnAgent, spec: WeeklySpec) -> Iterator[StepResult]:
    """Yields what each step would do. Nothing is stored, written or sent to a model."""
    yield StepResult("sync", "planned", _sync_words(sync(agent.store, dry_run=True)))
    try:
        _day(agent, spec)
    except EmptyStore:
        yield from (StepResult(step, "planned", "known after the first sync") for step in STEPS[1:])
        return
    guess = estimate(agent, agent.settings.store / BATCHES / "weekly-planned.jsonl", _batch_spec(agent, spec))
    minutes = ""
    if guess.seconds is not None:
        minutes = f", about {counted(max(1, round(guess.seconds / 60)), 'minute')}"
    yield StepResult(
        "batch",
        "planned",
        f"{counted(guess.customers, 'customer')} of the data stored so far, {guess.in_full:,} in full{minutes}",
    )
    yield StepResult("tasks", "planned", "known after the batch")
    folder = spec.output / f"{_day(agent, spec)}"
    attributes = book.all_attributes(agent.store.history)
    owners = sorted({row.get(agent.store.card.owner_attribute, "") for row in attributes.values()} - {""})
    yield StepResult("report", "planned", f"{folder / 'report'} ({', '.join(spec.formats)}), and one for each owner")
    yield StepResult("digests", "planned", f"one for each owner: {', '.join(owners) or 'no customer has one'}")
    yield StepResult("review", "planned", _review_words(*_review_counts(agent)))
    yield StepResult("scores", "planned", ", ".join(target.shown for target in spec.targets) or "no --to")


@dataclass(frozen=True)
class _Context:
    agent: ChurnAgent
    spec: WeeklySpec
    state: State
    journal: Journal


def _run(context: _Context) -> Iterator[StepResult]:
    state, repeat = context.state, False
    for step in STEPS:
        if state.steps.get(step) == "done" and not repeat:
            yield StepResult(step, "done earlier", "")
            continue
        repeat = repeat or step != "sync"
        try:
            result, partly = _DO[step](context)
        except ChurnAgentError as error:
            context.journal.log(step, "failed", " ".join(str(error).split()))
            raise
        repeat = repeat or state.batch is None
        yield StepResult(step, "in part" if partly else "done", result)


# --- steps; each returns its result in words, and whether something is left


def _sync(context: _Context) -> tuple[str, bool]:
    state = context.state
    synced = sync(context.agent.store)
    if any(source.changed for source in synced):
        state.batch = state.as_of = None  # records of a batch that began before would be of other data
    return _sync_words(synced), any(source.failed for source in synced)


def _batch(context: _Context) -> tuple[str, bool]:
    agent, spec, state = context.agent, context.spec, context.state
    folder = agent.settings.store / BATCHES
    folder.mkdir(parents=True, exist_ok=True)
    state.as_of = state.as_of or _day(agent, spec)
    state.batch = state.batch or f"weekly-{datetime.now(agent.store.card.zone):%Y%m%dT%H%M%S%f}.jsonl"
    context.journal.save(state)  # a batch that is killed is resumed in the same file
    done = run_batch(agent, folder / state.batch, _batch_spec(agent, spec, state.as_of))
    state.run_id = done.run_id
    counts = [f"{n:,} {status}" for status, n in done.statuses.items() if n]
    if done.already_done:
        counts.append(f"{done.already_done:,} done earlier")
    if done.left:
        counts.append(f"{done.left:,} left, because the budget is spent")
    words = f"{counted(done.customers, 'customer')} at {done.as_of}: {', '.join(counts) or 'nobody'}"
    return words, bool(done.left or done.statuses["failed"])


def _tasks(context: _Context) -> tuple[str, bool]:
    synced = syncing.sync(context.agent.store, _run_id(context.state))
    counts = Counter(item.outcome for item in synced if item.outcome != "unchanged")
    return ", ".join(f"{n:,} {outcome}" for outcome, n in counts.items()) or "no risk item changes", False


def _scores(context: _Context) -> tuple[str, bool]:
    agent, spec, state = context.agent, context.spec, context.state
    run = agent.store.run(_run_id(state))
    done = [publish(agent.store, run, target, words=spec.words) for target in spec.targets]
    return "; ".join(f"{one.to}: {one.new} new, {one.changed} changed, {one.removed} removed" for one in done), False


def _report(context: _Context) -> tuple[str, bool]:
    agent, spec, state = context.agent, context.spec, context.state
    folder = _folder(spec, state)
    paths = [folder / f"report.{suffix}" for suffix in spec.formats]
    written = list(write_reports(agent, paths, _run_id(state), per_owner=True, capacity=spec.capacity))
    return f"{counted(len(written), 'file')} in {folder}", False


def _digests(context: _Context) -> tuple[str, bool]:
    agent, spec, state = context.agent, context.spec, context.state
    folder, run_id = _folder(spec, state), _run_id(state)
    owners = building.owners(building.read(agent.store, agent.store.run(run_id)))
    path = folder / "digest.eml"
    taken = {path}
    build_digest(agent.store, run_id, capacity=spec.capacity).save(path)
    for owner in owners:
        mail = build_digest(agent.store, run_id, owner=owner, capacity=spec.capacity)
        mail.save(writing.path_for(path, owner, taken=taken))
    return f"{counted(len(owners), 'owner')}, and one for all, in {folder}", False


def _review(context: _Context) -> tuple[str, bool]:
    agent, spec, state = context.agent, context.spec, context.state
    folder = _folder(spec, state)
    found = review(agent.store)
    for name, text, n in (
        (DUE, due_csv(found.due), len(found.due)),
        (SUGGESTED, suggestions_csv(found.suggested), len(found.suggested)),
    ):
        if n:
            atomic.save(folder / name, text)
        else:
            (folder / name).unlink(missing_ok=True)
    return _review_words(len(found.due), len(found.suggested)), False


_DO: dict[Step, Callable[[_Context], tuple[str, bool]]] = {
    "sync": _sync,
    "batch": _batch,
    "tasks": _tasks,
    "report": _report,
    "digests": _digests,
    "review": _review,
    "scores": _scores,
}


# --- parts


def _day(agent: ChurnAgent, spec: WeeklySpec) -> date:
    latest = agent.store.default_as_of()  # also refuses an empty store
    return spec.as_of or latest


def _batch_spec(agent: ChurnAgent, spec: WeeklySpec, as_of: date | None = None) -> BatchSpec:
    return BatchSpec(as_of=as_of or _day(agent, spec), top=spec.top, budget=spec.budget)


def _run_id(state: State) -> str:
    assert state.run_id, "the batch comes before"
    return state.run_id


def _folder(spec: WeeklySpec, state: State) -> Path:
    folder = spec.output / f"{state.as_of}"
    try:
        folder.mkdir(parents=True, exist_ok=True)
    except OSError as error:
        raise InputError(f"cannot make the folder {str(folder)!r}: {error.strerror}") from error
    return folder


def _digest(agent: ChurnAgent, spec: WeeklySpec) -> str:
    """Identifies the options; the budget may differ between calls."""
    options = {
        "output": str(spec.output.resolve()),
        "as_of": str(spec.as_of),
        "top": None if spec.top is None else vars(spec.top),
        "capacity": spec.capacity,
        "formats": spec.formats,
        "targets": [target.shown for target in spec.targets],
        "words": spec.words,
        "model": agent.model.info.fingerprint,
        "prompt": agent.prompt.content_hash,
        "method": agent.method,
    }
    return hashlib.sha256(json.dumps(options, sort_keys=True).encode()).hexdigest()[:16]


def _sync_words(synced: Sequence[Synced]) -> str:
    if not synced:
        return "the card names no sources"
    words = [f"{one.source}: {'failed: ' if one.failed else ''}{one.result}" for one in synced if not one.known]
    known = sum(one.known for one in synced)
    return "; ".join([*words, *([f"{counted(known, 'source')} unchanged"] if known else [])])


def _review_counts(agent: ChurnAgent) -> tuple[int, int]:
    found = review(agent.store)
    return len(found.due), len(found.suggested)


def _review_words(due: int, suggested: int) -> str:
    return f"{counted(due, 'forecast')} over without an outcome, {counted(suggested, 'customer')} may have left"
