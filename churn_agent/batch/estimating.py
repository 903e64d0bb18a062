"""Estimates the tokens, time and money of a batch before it starts."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date
from pathlib import Path
from statistics import mean

from churn_agent.assessing.agent import ChurnAgent
from churn_agent.batch.budget import Prices
from churn_agent.batch.running import BatchSpec, day_of, to_do
from churn_agent.history import interactions, records

_LOOKED_AT = 500
"""Number of latest records that an estimate is based on."""
MESSAGE_TOKENS, MESSAGE_SECONDS = 900, 1.2
"""Stated rate for an estimate without usable records: cost of a message in mode `read` with the default model.

The tokens count what all prompts share, which is evaluated once. The seconds are those of 7.13 customers a minute, of
7.2 messages each, on two cores (docs/engine.md, How fast)."""
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
    """Number of assessments behind the estimate; with 0, the rest is from the stated rate, or None if no customer is
    left."""
    messages: int | None = None
    """Number of messages that the stated rate is for; None for an estimate from assessments."""
    tokens: float | None = None
    seconds: float | None = None
    money: float | None = None


def estimate(agent: ChurnAgent, path: Path, spec: BatchSpec) -> Estimate:
    """Estimates a batch from the cost of earlier assessments, or else from a stated rate. Nothing is assessed.

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
    if not left:
        return Estimate(customers, done, in_full, 0)
    units = in_full if spec.top is None else in_full + left * _SCREENING
    prices = Prices.named(agent.settings)
    if not any(cost.evidence_ids for cost in fresh):
        messages = round(_messages(agent, day_of(agent, spec), ids) * units / left)
        tokens = messages * MESSAGE_TOKENS
        seconds = messages * MESSAGE_SECONDS
        return Estimate(customers, done, in_full, 0, messages, tokens, seconds, money=prices.of(tokens, 0))
    prompt, output = (
        units * mean(getattr(cost, name) for cost in fresh) for name in ("prompt_tokens", "output_tokens")
    )
    return Estimate(
        customers,
        done,
        in_full,
        len(fresh),
        tokens=prompt + output,
        seconds=units * mean(cost.seconds for cost in fresh),
        money=prices.of(prompt, output),
    )


def _messages(agent: ChurnAgent, day: date, ids: Sequence[str]) -> int:
    """Number of messages that assessments of customers would read."""
    card, store = agent.store.card, agent.store
    written = interactions.messages(store.history, until=card.end_of_day(day), holds_words=card.holds_words)
    return sum(min(written.get(id_, 0), agent.settings.evidence_limit) for id_ in ids)
