"""Assesses a book into a JSON Lines file. Another call with the same file resumes."""

import hashlib
import json
from collections import Counter
from collections.abc import Callable, Iterator, Mapping, Sequence
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
from churn_agent.domain.arguments import as_day
from churn_agent.domain.assessment import Assessment
from churn_agent.errors import InputError
from churn_agent.evidence.facts import compute
from churn_agent.files import atomic
from churn_agent.history import records, runs


@dataclass(frozen=True)
class BatchSpec:
    """The options of a batch."""

    as_of: date | str | None = None
    """Date of the assessments, as for `ChurnAgent.assess`; None for `Store.default_as_of`."""
    where: str | None = None
    """A condition on attributes."""
    part: Part | None = None
    only_new: bool = False
    only_failed: bool = False
    """Only customers that failed in an earlier call on the same file."""
    limit: int | None = None
    """Only the first customers by id, up to this number."""
    top: Top | None = None
    """Screen all customers and assess only the top ones in full."""
    budget: Budget = field(default_factory=Budget)


@dataclass
class BatchSummary:
    """The result of a batch."""

    run_id: str
    as_of: date
    path: Path
    customers: int = 0
    screenings: int = 0
    """Screenings in this call; customers in the top half are screened again."""
    to_screen: int = 0
    """Screenings in total."""
    already_done: int = 0
    statuses: Counter[str] = field(default_factory=Counter[str])
    """Number of customers by status in this call; `screened` ones did not reach the top."""
    left: int = 0
    """Number of customers that the budget did not cover."""
    drifted: list[str] = field(default_factory=list[str])
    """Differences between the customers and those the trained method was trained on."""

    @property
    def finished(self) -> int:
        """Number of customers done, in this call or before."""
        return self.already_done + self.statuses.total()


def run_batch(
    agent: ChurnAgent,
    path: Path,
    spec: BatchSpec = BatchSpec(),
    *,
    progress: Callable[[BatchSummary], None] = lambda summary: None,
) -> BatchSummary:
    """Assesses customers with a history up to a day into `path`, and logs the run in the store.

    Records in the file for the same date, model and prompt are kept. Failed customers are tried again; those that still
    fail are listed with reasons in a second file (`failures_path`).

    Args:
        agent: its store, model, prompt and method are used.
        path: a JSON Lines file, with one record on each line. If it exists, the batch is resumed.
        spec: which customers, at which date, and within which budget.
        progress: called with the counts so far after each customer.

    Returns:
        The counts of this call.

    Raises:
        InputError: the file contains something else, or records of another date, model or prompt; a condition cannot be
            parsed.
    """
    day = day_of(agent, spec)
    customers = _chosen(agent, day, spec)
    file = _read(path, day, agent)
    file.rewrite()  # report a file that cannot be written before any cost arises
    run_id = _start(agent, path, day, spec)
    failed = {id_ for id_, status in file.statuses.items() if status == "failed"}
    again = {id_ for id_ in customers if not spec.only_failed or id_ in failed}
    summary = BatchSummary(run_id, day, path, len(again))
    progress(summary)
    meter = Meter(spec.budget, Prices.named(agent.settings))
    # Rank all customers even if only some are assessed again: the top is the top of the whole book.
    top, rest = _screened(agent, customers, day, spec, summary, meter, progress)
    order = {id_: n for n, id_ in enumerate([*top, *(screening.customer_id for screening in rest)])}
    # A record that is replaced stays until the new one is there: the budget may end before.
    done = {id_ for id_ in file.statuses if id_ not in failed}
    # A customer who was only screened before and is at the top now is assessed.
    done.difference_update([id_ for id_ in top if file.statuses.get(id_) == SCREENED])
    left = [id_ for id_ in top if id_ in again and id_ not in done]
    brief = [s for s in rest if s.customer_id in again and s.customer_id not in done]
    summary.already_done = len(again) - len(left) - len(brief)
    try:
        with file.appending() as append:
            for assessment in _assessed(agent, left, brief, run_id, summary, meter):
                append(assessment)
                progress(summary)
    finally:
        _note(agent, summary, file.statuses, customers=len(file.statuses.keys() | left))
    # A resumed file equals one that was written in a single call.
    file.rewrite(key=lambda customer_id: order.get(customer_id, -1))
    _write_failures(path, file)
    summary.drifted = agent.drifted(record.facts for record in file.records())
    return summary


def failures_path(path: Path) -> Path:
    """Returns the path of the list of failures, one JSON line each: `customer_id`, `reason`."""
    return path.with_name(f"{path.stem}.failures.jsonl")


def to_do(agent: ChurnAgent, path: Path, spec: BatchSpec) -> tuple[int, list[str]]:
    """Returns the number of selected customers and the ids of those not yet done, as `run_batch` would find them.

    Raises:
        InputError: as `run_batch` does.
    """
    day = day_of(agent, spec)
    file = _read(path, day, agent)
    failed = {id_: status == "failed" for id_, status in file.statuses.items()}
    asked = [id_ for id_ in _chosen(agent, day, spec) if not spec.only_failed or failed.get(id_)]
    return len(asked), [id_ for id_ in asked if failed.get(id_, True)]


def _chosen(agent: ChurnAgent, day: date, spec: BatchSpec) -> list[str]:
    return choose(agent, day, where=spec.where, only_new=spec.only_new, part=spec.part)[: spec.limit]


def day_of(agent: ChurnAgent, spec: BatchSpec) -> date:
    """Returns the date of the assessments."""
    return agent.store.default_as_of() if spec.as_of is None else as_day(spec.as_of)


def default_path(agent: ChurnAgent, spec: BatchSpec) -> Path:
    """Returns a file in the store, the same for the same options. Raises `InputError`, `Unavailable`."""
    day = day_of(agent, spec)
    folder = agent.settings.store / "batches"
    folder.mkdir(parents=True, exist_ok=True)
    return folder / f"{day}-{_digest(_comparable(agent, _identity(agent, day, spec)))[:8]}.jsonl"


def _start(agent: ChurnAgent, path: Path, day: date, spec: BatchSpec) -> str:
    options = _identity(agent, day, spec) | {"file": str(path.resolve())}
    run_id = _digest(_comparable(agent, options))
    # These are logged, but do not make it another run, because they change no number.
    details = {"churn_agent": version("churn-agent"), "playbook": agent.playbook.content_hash, "limit": spec.limit}
    runs.start(agent.store.history, run_id, options | details | {"budget": vars(spec.budget)})
    return run_id


def _comparable(agent: ChurnAgent, options: Mapping[str, Any]) -> dict[str, Any]:
    """Returns options with the identities of prompts instead of their hashes.

    All versions agree on identities, so a run started with one version continues with the next.
    """
    identities = {"prompt_hash": agent.fitted(agent.prompt).identity}
    if "screening_prompt_hash" in options:
        identities["screening_prompt_hash"] = agent.fitted(agent.screening_prompt).identity
    return {**options, **identities}


def _digest(options: Mapping[str, Any]) -> str:
    return hashlib.sha256(json.dumps(options, sort_keys=True).encode()).hexdigest()[:32]


def _identity(agent: ChurnAgent, day: date, spec: BatchSpec) -> dict[str, Any]:
    """Returns the options that identify a run."""
    options = {
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
        options |= {"screening_prompt": screened_by.label, "screening_prompt_hash": screened_by.content_hash}
    return options


def _screened(
    agent: ChurnAgent,
    customers: Sequence[str],
    day: date,
    spec: BatchSpec,
    summary: BatchSummary,
    meter: Meter,
    progress: Callable[[BatchSummary], None],
) -> tuple[list[str], list[Screening]]:
    """Returns the ids of customers to assess in full, and the screenings of the others."""
    if spec.top is None:
        return list(customers), []

    def advance() -> None:
        summary.screenings += 1
        progress(summary)

    size = spec.top.of(len(customers))
    summary.to_screen = sum(rounds(len(customers), size, second_reader=agent.screening_prompt.second_reader))
    top, others = rank(agent, customers, size, as_of=day, progress=advance)
    for screening in (*top, *others):
        meter.count(screening.prompt_tokens, screening.output_tokens)
    return [screening.customer_id for screening in top], others


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


def _note(agent: ChurnAgent, summary: BatchSummary, statuses: Mapping[str, str], *, customers: int) -> None:
    """Logs the counts of the whole file, across calls."""
    result = {"customers": customers, "left": summary.left, **Counter(statuses.values())}
    runs.finish(agent.store.history, summary.run_id, result)


def _read(path: Path, day: date, agent: ChurnAgent) -> RecordFile:
    """Opens the file and reads the records of an earlier call."""

    def check(record: Assessment, where: str) -> None:
        if not _fits(record, day, agent):
            raise InputError(f"{where} is for another date, model, prompt or method; choose another file")

    file = RecordFile(path)
    file.read(check)
    return file


def _fits(record: Assessment, day: date, agent: ChurnAgent) -> bool:
    """Whether a record, full or only screened, matches the agent and the day."""
    how, info = record.provenance, agent.model.info
    if (record.as_of, how.model_id, how.model_sha256) != (day, info.id, info.sha256):
        return False
    key = how.prompt_hash, how.thresholds_hash
    if record.screening is None and how.method == agent.method and agent.fitted(agent.prompt).made(*key):
        return True
    screened = record.screening is not None or record.status == "failed"
    return screened and how.method is None and agent.fitted(agent.screening_prompt).made(*key)


def _write_failures(path: Path, file: RecordFile) -> None:
    failed = "".join(
        json.dumps({"customer_id": record.customer_id, "reason": record.status_reason}, ensure_ascii=False) + "\n"
        for record in file.records("failed")
    )
    if failed:
        atomic.save(failures_path(path), failed)
    else:
        failures_path(path).unlink(missing_ok=True)
