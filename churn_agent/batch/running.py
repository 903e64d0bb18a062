"""Assesses a book into a JSON Lines file. A second call on the same file goes on where the first one stopped."""

import hashlib
import json
from collections import Counter
from collections.abc import Callable
from dataclasses import dataclass, field
from datetime import date
from pathlib import Path

from churn_agent import snapshots
from churn_agent.agent import ChurnAgent
from churn_agent.domain.assessment import Assessment
from churn_agent.errors import InputError
from churn_agent.history import interactions, records


@dataclass
class BatchSummary:
    """What a batch did."""

    run_id: str
    as_of: date
    customers: int = 0
    already_done: int = 0
    statuses: Counter[str] = field(default_factory=Counter)
    drifted: list[str] = field(default_factory=list)
    """How the customers differ from those that the trained method learned from."""


def run_batch(
    agent: ChurnAgent,
    path: Path,
    *,
    as_of: date | None = None,
    limit: int | None = None,
    progress: Callable[[int, int], None] = lambda done, total: None,
) -> BatchSummary:
    """Assesses every customer with a history up to `as_of`, sorted by id, into `path`.

    Records that the file already holds for the same date, model and prompt are kept; failed ones are done again.

    Raises:
        InputError: the file holds something else, or records of another date, model or prompt.
    """
    day = as_of or snapshots.default_as_of(agent.history, agent.card)
    customers = interactions.customer_ids(agent.history, until=agent.card.end_of_day(day))[:limit]
    spec = {
        "as_of": day.isoformat(),
        "model": agent.model.info.fingerprint,
        "prompt_hash": agent.prompt.content_hash,
        "method": agent.method,
    }
    run_id = hashlib.sha256(json.dumps([spec, str(path.resolve())]).encode()).hexdigest()[:32]
    records.start_run(agent.history, run_id, spec)
    kept = _read(path, day, agent)
    _rewrite(path, kept)
    done = {assessment.customer_id for assessment in kept}
    summary = BatchSummary(run_id, day, len(customers), already_done=len(done & set(customers)))
    left = [customer_id for customer_id in customers if customer_id not in done]
    progress(len(customers) - len(left), len(customers))
    facts = [assessment.facts for assessment in kept]
    with path.open("a", encoding="utf-8") as file:
        for n, assessment in enumerate(agent.assess_many(left, as_of=day, run_id=run_id), start=1):
            file.write(assessment.model_dump_json() + "\n")
            file.flush()
            summary.statuses[assessment.status] += 1
            progress(len(customers) - len(left) + n, len(customers))
            facts.append(assessment.facts)
    summary.drifted = agent.drifted(facts)
    return summary


def _read(path: Path, day: date, agent: ChurnAgent) -> list[Assessment]:
    """The finished records of an earlier call; a last line that was cut off is dropped."""
    if not path.exists():
        return []
    lines = path.read_text(encoding="utf-8").splitlines(keepends=True)
    if lines and not lines[-1].endswith("\n"):
        lines.pop()
    found: list[Assessment] = []
    for number, line in enumerate(lines, start=1):
        try:
            assessment = Assessment.model_validate_json(line)
        except ValueError as error:
            raise InputError(f"{path}:{number} is no record of a batch; give another file") from error
        how = assessment.provenance
        made = (assessment.as_of, how.model_id, how.prompt_hash, how.method)
        if made != (day, agent.model.info.id, agent.prompt.content_hash, agent.method):
            raise InputError(f"{path}:{number} was made for another date, model, prompt or method; give another file")
        if assessment.status != "failed":
            found.append(assessment)
    return found


def _rewrite(path: Path, kept: list[Assessment]) -> None:
    scratch = path.with_name(path.name + ".part")
    try:
        scratch.write_text("".join(each.model_dump_json() + "\n" for each in kept), encoding="utf-8")
        scratch.replace(path)
    except OSError as error:
        raise InputError(f"cannot write {str(path)!r}: {error.strerror}") from error
