"""The hours of a replay, before it starts."""

from dataclasses import dataclass

from churn_agent.assessing.agent import ChurnAgent
from churn_agent.batch.budget import Prices
from churn_agent.batch.estimating import MESSAGE_SECONDS, MESSAGE_TOKENS
from churn_agent.history import interactions, records
from churn_agent.lookback.replaying import ReplaySpec, plan, replayed

_LOOKED_AT = 500
"""Number of latest records that the rate is based on."""


@dataclass(frozen=True)
class Cost:
    """The most that a replay can cost: messages that were read before cost nothing."""

    months: int
    customers: int
    customer_months: int
    messages: int
    """Messages up to the last month end that no earlier assessment by this model and prompt has read."""
    seconds: float
    tokens: float
    money: float
    based_on: int
    """Number of earlier assessments behind the rate; with 0, it is the stated rate of the default model."""


def cost(agent: ChurnAgent, spec: ReplaySpec) -> Cost:
    """Estimates a replay. A message counts once, however many month ends it is evidence at. Nothing is assessed.

    Raises:
        EmptyStore: there is no history.
        InputError: see `plan`.
    """
    replay, of_days = plan(agent, spec)
    store, hashes = agent.store, agent.prompt.hashes
    card, last = store.card, replay.days[-1]
    seen = {id_ for ids in of_days.values() for id_ in ids}
    written = interactions.messages(store.history, until=card.end_of_day(last), holds_words=card.holds_words)
    replayed_before = (record for day in replay.days for record in replayed(agent, day, spec))
    used = [
        record.provenance
        for record in (*records.newest(store.history, _LOOKED_AT), *replayed_before)
        if record.provenance.model_id == agent.model.info.id and record.provenance.prompt_hash in hashes
    ]
    read = {id_ for how in used for id_ in how.evidence_ids}
    messages = max(0, sum(written.get(id_, 0) for id_ in seen) - len(read))
    fresh = [how for how in used if how.evidence_ids and not how.cached_answers]
    shown = sum(len(how.evidence_ids) for how in fresh)
    seconds = sum(how.seconds for how in fresh) / shown if shown else MESSAGE_SECONDS
    tokens = sum(how.prompt_tokens + how.output_tokens for how in fresh) / shown if shown else MESSAGE_TOKENS
    return Cost(
        months=len(replay.days),
        customers=len(seen),
        customer_months=sum(map(len, of_days.values())),
        messages=messages,
        seconds=messages * seconds,
        tokens=messages * tokens,
        money=Prices.named(agent.settings).of(messages * tokens, 0),
        based_on=len(fresh),
    )
