"""Estimates the tokens, time and money of a batch before it starts."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date
from pathlib import Path
from statistics import mean

from churn_agent.assessing.agent import ChurnAgent
from churn_agent.batch.budget import Prices
from churn_agent.batch.running import BatchSpec, day_of, to_do
from churn_agent.domain.assessment import Provenance
from churn_agent.history import records

_LOOKED_AT = 500
"""Number of latest records that an estimate is based on."""
_PILOT = 4
"""Number of customers assessed for an estimate without usable records."""
_SCREENING = 1 / 4
"""Cost of a screening as a share of an assessment, by messages of the synthetic book."""


@dataclass(frozen=True)
class Estimate:
    """The expected cost of the rest of a batch, from assessments by the same model and prompt."""

    customers: int
    already_done: int
    in_full: int
    """Number of remaining customers to assess in full, not only to screen."""
    based_on: int
    """Number of assessments behind the estimate; with 0 (no customer is left), the rest is None."""
    tried: bool = False
    """Whether these assessments were made for the estimate, because no earlier one is stored."""
    tokens: float | None = None
    seconds: float | None = None
    money: float | None = None


def estimate(agent: ChurnAgent, path: Path, spec: BatchSpec) -> Estimate:
    """Estimates a batch from the cost of earlier assessments.

    Without usable ones, a few customers are assessed. Their records are not stored, but the model's answers are, so the
    batch does not pay for them again.

    Raises:
        InputError: as `run_batch` does.
    """
    customers, ids = to_do(agent, path, spec)
    left = len(ids)
    done = customers - left
    in_full = left if spec.top is None else min(left, spec.top.of(customers))
    hashes = agent.prompt.hashes
    used = [
        record.provenance
        for record in records.newest(agent.store.history, _LOOKED_AT)
        if record.provenance.model_id == agent.model.info.id
        and record.provenance.prompt_hash in hashes
        and record.screening is None
    ]
    # Assessments with cached answers or without evidence do not show the full cost.
    fresh = [cost for cost in used if not cost.cached_answers]
    tried = not any(cost.evidence_ids for cost in fresh)
    if tried:
        fresh = _pilot(agent, day_of(agent, spec), ids)
    if not fresh:
        return Estimate(customers, done, in_full, 0)
    units = in_full if spec.top is None else in_full + left * _SCREENING
    prompt, output = (
        units * mean(getattr(cost, name) for cost in fresh) for name in ("prompt_tokens", "output_tokens")
    )
    return Estimate(
        customers,
        done,
        in_full,
        len(fresh),
        tried,
        tokens=prompt + output,
        seconds=units * mean(cost.seconds for cost in fresh),
        money=Prices.named(agent.settings).of(prompt, output),
    )


def _pilot(agent: ChurnAgent, day: date, ids: Sequence[str]) -> list[Provenance]:
    """Assesses a few customers, spread over the list, and returns their costs."""
    chosen = ids[:: max(1, len(ids) // _PILOT)][:_PILOT]
    first, rest = (
        [record.provenance for record in agent.read_many(agent.store.snapshot(id_, as_of=day) for id_ in part)]
        for part in (chosen[:1], chosen[1:])
    )
    return rest or first  # the first loads the model and evaluates what all prompts share
