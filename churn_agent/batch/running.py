"""Assesses a book into a JSON Lines file. A second call on the same file goes on where the first one stopped."""

import hashlib
import json
from collections import Counter
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import date
from importlib.metadata import version
from pathlib import Path
from typing import Any

from churn_agent.assessing.agent import ChurnAgent
from churn_agent.assessing.screening import Screening
from churn_agent.batch.budget import Budget, Meter, Prices
from churn_agent.batch.cascade import Top, rank, rounds
from churn_agent.batch.choosing import Part, choose
from churn_agent.batch.record_file import SCREENED, RecordFile, counted
from churn_agent.domain.assessment import Assessment
from churn_agent.errors import InputError
from churn_agent.evidence.facts import compute
from churn_agent.files import atomic
from churn_agent.history import records, runs, snapshots


@dataclass(frozen=True)
class BatchSpec:
    """What a batch is to do."""

    as_of: date | None = None
    """None: the day of the latest interaction stored."""
    where: str | None = None
    """A condition on attributes."""
    part: Part | None = None
    only_new: bool = False
    only_failed: bool = False
    """Only who failed in an earlier call on the same file."""
    limit: int | None = None
    """The first so many customers, by id."""
    top: Top | None = None
    """Screen all, and assess only these in full."""
    budget: Budget = field(default_factory=Budget)


@dataclass
class BatchSummary:
    """What a batch did."""

    run_id: str
    as_of: date
    path: Path
    customers: int = 0
    screenings: int = 0
    """Looks done in this call: who is among the better is looked at again."""
    to_screen: int = 0
    """Looks there will be."""
    already_done: int = 0
    statuses: Counter[str] = field(default_factory=Counter)
    """Of those done in this call; `screened` are those who were not among the top."""
    left: int = 0
    """Customers that the budget was not enough for."""
    drifted: list[str] = field(default_factory=list)
    """How the customers differ from those that the trained method learned from."""

    @property
    def finished(self) -> int:
        """Customers who are done, in this call or before."""
        return self.already_done + self.statuses.total()


def run_batch(
    agent: ChurnAgent,
    path: Path,
    spec: BatchSpec = BatchSpec(),
    *,
    progress: Callable[[BatchSummary], None] = lambda summary: None,
) -> BatchSummary:
    """Assesses customers with a history up to a day into `path`, and notes the run in the log of the store.

    Records that the file already holds for the same date, model and prompt are kept; failed ones are done again, and
    stand with their reasons in a file beside it (`failures_path`).

    Raises:
        InputError: the file holds something else, or records of another date, model or prompt; a condition cannot be
            read.
    """
    day = day_of(agent, spec)
    customers = _chosen(agent, day, spec)
    file = _read(path, day, agent)
    file.rewrite()  # a file that cannot be written is told of before anything is paid
    run_id = _start(agent, path, day, spec)
    failed = {id_ for id_, status in file.statuses.items() if status == "failed"}
    again = {id_ for id_ in customers if not spec.only_failed or id_ in failed}
    file.drop(failed)
    summary = BatchSummary(run_id, day, path, len(again))
    progress(summary)
    meter = Meter(spec.budget, Prices.named(agent.settings))
    # All are ranked, also where only some are done again: who is on top of those is no more than who is on top of all.
    top, rest = _screened(agent, customers, day, spec, summary, meter, progress)
    order = {id_: n for n, id_ in enumerate([*top, *(each.customer_id for each in rest)])}
    # Who was only screened before, and is on top now, is assessed.
    file.drop([id_ for id_ in top if file.statuses.get(id_) == SCREENED])
    left = [id_ for id_ in top if id_ not in file.statuses and id_ in again]
    brief = [each for each in rest if each.customer_id not in file.statuses and each.customer_id in again]
    summary.already_done = len(again) - len(left) - len(brief)
    try:
        with file.appending() as append:
            for assessment in _assessed(agent, left, brief, run_id, summary, meter):
                append(assessment)
                progress(summary)
    finally:
        _note(agent, summary, file.statuses.values())
    # A file that was gone on with reads as one that was written at once.
    file.rewrite(key=lambda customer_id: order.get(customer_id, -1))
    _write_failures(path, file)
    summary.drifted = agent.drifted(each.facts for each in file.records())
    return summary


def failures_path(path: Path) -> Path:
    """The file beside a batch's with a line for each failure: `customer_id`, `reason`."""
    return path.with_name(f"{path.stem}.failures.jsonl")


def to_do(agent: ChurnAgent, path: Path, spec: BatchSpec) -> tuple[int, list[str]]:
    """(How many customers are asked for, those whom no earlier call has done): what `run_batch` would find.

    Raises what it does.
    """
    day = day_of(agent, spec)
    file = _read(path, day, agent)
    failed = {id_: status == "failed" for id_, status in file.statuses.items()}
    asked = [id_ for id_ in _chosen(agent, day, spec) if not spec.only_failed or failed.get(id_)]
    return len(asked), [id_ for id_ in asked if failed.get(id_, True)]


def _chosen(agent: ChurnAgent, day: date, spec: BatchSpec) -> list[str]:
    return choose(agent, day, where=spec.where, only_new=spec.only_new, part=spec.part)[: spec.limit]


def day_of(agent: ChurnAgent, spec: BatchSpec) -> date:
    """The date at which customers are assessed."""
    return spec.as_of or snapshots.default_as_of(agent.store.history, agent.store.card)


def default_path(agent: ChurnAgent, spec: BatchSpec) -> Path:
    """A file in the store; what is asked for again finds its own file again. Raises `InputError`, `Unavailable`."""
    day = day_of(agent, spec)
    folder = agent.settings.store / "batches"
    folder.mkdir(parents=True, exist_ok=True)
    return folder / f"{day}-{_digest(_asked(agent, day, spec))[:8]}.jsonl"


def _start(agent: ChurnAgent, path: Path, day: date, spec: BatchSpec) -> str:
    noted = _asked(agent, day, spec) | {"file": str(path.resolve())}
    run_id = _digest(noted)
    # What changes no number is told, and makes no other run of it.
    told = {"churn_agent": version("churn-agent"), "playbook": agent.playbook.content_hash, "limit": spec.limit}
    runs.start(agent.store.history, run_id, noted | told | {"budget": vars(spec.budget)})
    return run_id


def _digest(noted: Mapping[str, Any]) -> str:
    return hashlib.sha256(json.dumps(noted, sort_keys=True).encode()).hexdigest()[:32]


def _asked(agent: ChurnAgent, day: date, spec: BatchSpec) -> dict[str, Any]:
    """What a run is about, and by which means."""
    asked = {
        "as_of": day.isoformat(),
        "model": agent.model.info.fingerprint,
        "model_id": agent.model.info.id,
        "prompt": agent.prompt.label,
        "prompt_hash": agent.prompt.content_hash,
        "method": agent.method,
        "embedder": agent.settings.embedder,
        "evidence": [agent.settings.evidence_limit, agent.settings.evidence_tokens],
        "seed": agent.settings.seed,
        "where": spec.where,
        "part": None if spec.part is None else f"{spec.part.number}/{spec.part.of}",
        "only_new": spec.only_new,
        "top": None if spec.top is None else vars(spec.top),
    }
    if spec.top:
        screened_by = agent.screening_prompt
        asked |= {"screening_prompt": screened_by.label, "screening_prompt_hash": screened_by.content_hash}
    return asked


def _screened(
    agent: ChurnAgent,
    customers: Sequence[str],
    day: date,
    spec: BatchSpec,
    summary: BatchSummary,
    meter: Meter,
    progress: Callable[[BatchSummary], None],
) -> tuple[list[str], list[Screening]]:
    """Who is to be assessed in full, and the screenings of the others."""
    if spec.top is None:
        return list(customers), []

    def advance() -> None:
        summary.screenings += 1
        progress(summary)

    wanted = spec.top.of(len(customers))
    summary.to_screen = sum(rounds(len(customers), wanted))
    top, others = rank(agent, customers, wanted, as_of=day, progress=advance)
    for each in (*top, *others):
        meter.count(each.prompt_tokens, each.output_tokens)
    return [each.customer_id for each in top], others


def _assessed(
    agent: ChurnAgent,
    left: Sequence[str],
    brief: Sequence[Screening],
    run_id: str,
    summary: BatchSummary,
    meter: Meter,
) -> Iterator[Assessment]:
    for screening in brief:
        snapshot = agent.store.snapshot(screening.customer_id, as_of=screening.as_of)
        record = screening.record(compute(snapshot))
        records.add(agent.store.history, record, run_id=run_id)
        summary.statuses[counted(record)] += 1
        yield record
    for n, assessment in enumerate(agent.assess_many(left, as_of=summary.as_of, run_id=run_id), start=1):
        summary.statuses[assessment.status] += 1
        meter.count(assessment.provenance.prompt_tokens, assessment.provenance.output_tokens)
        yield assessment
        if meter.spent:
            summary.left = len(left) - n
            return


def _note(agent: ChurnAgent, summary: BatchSummary, statuses: Iterable[str]) -> None:
    """Notes what stands in the file, whichever call did it."""
    counts = Counter(statuses)
    told = {"customers": counts.total() + summary.left, "left": summary.left, **counts}
    runs.finish(agent.store.history, summary.run_id, told)


def _read(path: Path, day: date, agent: ChurnAgent) -> RecordFile:
    """The file, with the records of an earlier call."""

    def check(record: Assessment, where: str) -> None:
        if not _fits(record, day, agent):
            raise InputError(f"{where} was made for another date, model, prompt or method; give another file")

    file = RecordFile(path)
    file.read(check)
    return file


def _fits(record: Assessment, day: date, agent: ChurnAgent) -> bool:
    """Whether an agent would make such a record for a day: a full one, or that of a customer who is screened only."""
    how, info = record.provenance, agent.model.info
    if (record.as_of, how.model_id, how.model_sha256) != (day, info.id, info.sha256):
        return False
    made = how.prompt_hash, how.method
    if record.screening is None and made == (agent.prompt.content_hash, agent.method):
        return True
    screened = record.screening is not None or record.status == "failed"
    return screened and made == (agent.screening_prompt.content_hash, None)


def _write_failures(path: Path, file: RecordFile) -> None:
    failed = "".join(
        json.dumps({"customer_id": each.customer_id, "reason": each.status_reason}, ensure_ascii=False) + "\n"
        for each in file.records("failed")
    )
    if failed:
        atomic.save(failures_path(path), failed)
    else:
        failures_path(path).unlink(missing_ok=True)
