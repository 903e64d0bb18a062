"""What a batch will take, before anything of it is done."""

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
"""Latest records that a guess is made from."""
_PILOT = 4
"""Customers who are looked at where no record tells anything."""
_SCREENING = 1 / 4
"""What a screening takes, as a share of an assessment: of the messages of the synthetic book."""


@dataclass(frozen=True)
class Estimate:
    """What is left to do, as assessments by the same model and prompt let expect."""

    customers: int
    already_done: int
    in_full: int
    """Of those left, who is assessed and not only screened."""
    based_on: int
    """Assessments that it was judged by; with none (nobody is left) nothing more is known."""
    tried: bool = False
    """Whether these were made for this estimate, because no earlier one is stored."""
    tokens: float | None = None
    seconds: float | None = None
    money: float | None = None


def estimate(agent: ChurnAgent, path: Path, spec: BatchSpec) -> Estimate:
    """Judges a batch by what earlier assessments took.

    Where none tells it, a few customers are assessed to find out. They are not stored; the answers of the model are
    kept, so that the batch does not pay them again. Raises `InputError` where `run_batch` would.
    """
    customers, ids = to_do(agent, path, spec)
    left = len(ids)
    done = customers - left
    in_full = left if spec.top is None else min(left, spec.top.of(customers))
    same = (agent.model.info.id, agent.prompt.content_hash)
    used = [
        each.provenance
        for each in records.newest(agent.store.history, _LOOKED_AT)
        if (each.provenance.model_id, each.provenance.prompt_hash) == same and each.screening is None
    ]
    # What a screening had paid, or had nothing to read, tells nothing.
    fresh = [each for each in used if not each.cached_answers]
    tried = not any(each.evidence_ids for each in fresh)
    if tried:
        fresh = _pilot(agent, day_of(agent, spec), ids)
    if not fresh:
        return Estimate(customers, done, in_full, 0)
    units = in_full if spec.top is None else in_full + left * _SCREENING
    prompt, output = (
        units * mean(getattr(each, name) for each in fresh) for name in ("prompt_tokens", "output_tokens")
    )
    return Estimate(
        customers,
        done,
        in_full,
        len(fresh),
        tried,
        tokens=prompt + output,
        seconds=units * mean(each.seconds for each in fresh),
        money=Prices.named(agent.settings).of(prompt, output),
    )


def _pilot(agent: ChurnAgent, day: date, ids: Sequence[str]) -> list[Provenance]:
    """What it takes to assess a few customers, spread over the list."""
    chosen = ids[:: max(1, len(ids) // _PILOT)][:_PILOT]
    first, rest = (
        [each.provenance for each in agent.read_many(agent.store.snapshot(id_, as_of=day) for id_ in part)]
        for part in (chosen[:1], chosen[1:])
    )
    return rest or first  # the first loads the model and evaluates what all prompts share
