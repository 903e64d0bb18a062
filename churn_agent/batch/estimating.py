"""What a batch will take, before anything of it is done."""

from dataclasses import dataclass
from pathlib import Path
from statistics import mean

from churn_agent.agent import ChurnAgent
from churn_agent.batch.budget import Prices
from churn_agent.batch.running import BatchSpec, to_do
from churn_agent.history import records

_LOOKED_AT = 500
"""Latest records that a guess is made from."""
_SCREENING = 1 / 4
"""What a screening takes, as a share of an assessment (`eval/bench/inference.py`)."""


@dataclass(frozen=True)
class Estimate:
    """What is left to do, as earlier assessments by the same model and prompt let expect."""

    customers: int
    already_done: int
    in_full: int
    """Of those left, who is assessed and not only screened."""
    based_on: int
    """Earlier assessments that it was judged by; with none nothing more is known."""
    tokens: float | None = None
    seconds: float | None = None
    money: float | None = None


def estimate(agent: ChurnAgent, path: Path, spec: BatchSpec) -> Estimate:
    """Judges a batch without running any of it. Raises `InputError` where `run_batch` would."""
    customers, done = to_do(agent, path, spec)
    left = customers - done
    in_full = left if spec.top is None else min(left, spec.top.of(customers))
    same = (agent.model.info.id, agent.prompt.content_hash)
    used = [
        each.provenance
        for each in records.newest(agent.history, _LOOKED_AT)
        if (each.provenance.model_id, each.provenance.prompt_hash) == same and each.screening is None
    ]
    fresh = [each for each in used if not each.cached_answers] or used
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
        tokens=prompt + output,
        seconds=units * mean(each.seconds for each in fresh),
        money=Prices.named(agent.settings).of(prompt, output),
    )
