"""The prior model: facts and verified signals to log-odds, by documented weights.

It is used where no labels are at hand. Its signs and sizes come from the literature (silence and frequency:
Fader, Hardie & Lee 2005, "RFM and CLV"; reasons to switch: Keaveney 1995; contract terms: Ahn, Han & Lee 2006,
"Customer churn analysis") and from a rule that was measured on public sets: log1p(recency) - 3 log(active days).
Nothing in it was fitted to the demo company. It ranks; it does not give a probability. The weight of each signal stands
in the taxonomy, the leanings of neutral, leaving and staying messages in the thresholds of the prompt.
"""

import hashlib
import json
import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from churn_agent.content.thresholds import Thresholds
from churn_agent.domain.assessment import Fact, Signal

INTERCEPT = -0.8
RECENCY_WEIGHT, FREQUENCY_WEIGHT = 0.3, 0.9
"""Per unit of log1p(recency) and of -log(active days)."""
TYPICAL_RECENCY_SHARE = 0.2
"""Recency that speaks neither for nor against churn, as a share of the horizon."""
TYPICAL_ACTIVE_DAYS = 4
MOST_FREQUENCY = 1.0
"""log(active days / typical) beyond which more of them say no more, so that they do not drown what customers say."""
SETTLED_SHARE = 0.3
"""Share of the horizon after which few active days count in full; a new customer has had no time for more."""
OVERDUE_WEIGHT = 0.25
"""Per unit of log(silence / usual gap), from twice the usual gap on."""
RATING_WEIGHT = 0.25
"""Per star away from three."""
MISSED_WEIGHT = 0.5
MONTHLY_CONTRACT_WEIGHT = 0.7
MAIN_CONTACT_SILENT_WEIGHT = 0.5
TENURE_WEIGHT = 0.25
"""Per unit of -log(tenure in years)."""
UNCLEAR_LEANING_WEIGHT, CLEAR_LEANING_WEIGHT = 0.4, 1.2
"""Per unit of leaning between the leanings from which messages read like staying and like leaving, and beyond them."""
MOST_LEANING = 1.5
LEANING_FADES = 0.5
"""What a message counts for in the leaning, as a share of the one after it."""

_SHORTEST_TENURE_DAYS = 30


@dataclass(frozen=True)
class Contribution:
    """What one fact or signal adds to the score, in log-odds."""

    concept: str
    log_odds: float


def fingerprint(signals: Mapping[str, float], thresholds: Thresholds) -> str:
    """Of all weights, cut to 16 hexadecimal digits: what learned from scores holds for scores by the same weights.

    Args:
        signals: signal id -> weight (`Taxonomy.weights`).
        thresholds: whose leanings are weighed.
    """
    weights: dict[str, object] = {name: value for name, value in globals().items() if name.isupper()}
    weights["SIGNAL_WEIGHTS"] = dict(signals)
    weights |= {
        "NEUTRAL_LEANING": thresholds.neutral_leaning,
        "LEAVING_LEANING": thresholds.leaving_leaning,
        "STAYING_LEANING": thresholds.staying_leaning,
    }
    return hashlib.sha256(json.dumps(weights, sort_keys=True).encode()).hexdigest()[:16]


def fact_contributions(facts: Sequence[Fact], *, horizon_days: int) -> list[Contribution]:
    """The part of each fact that has a weight.

    Under a contract nobody need do anything to stay, so one active day tells nothing, and who has stayed for long stays
    longer; without one, silence is all that shows of leaving, and age says nothing beside it (Fader & Hardie 2009,
    "Probability models for customer-base analysis", on the two settings).
    """
    value = {fact.name: fact.value for fact in facts}
    under_contract = "monthly_contract" in value
    found: dict[str, float] = {}
    if "active_days" in value and (value["active_days"] > 1 or not under_contract):
        typical = math.log1p(horizon_days * TYPICAL_RECENCY_SHARE)
        found["recency"] = RECENCY_WEIGHT * (math.log1p(value["recency"]) - typical)
        few = -FREQUENCY_WEIGHT * min(math.log(value["active_days"] / TYPICAL_ACTIVE_DAYS), MOST_FREQUENCY)
        found["active_days"] = few * min(1, value["tenure"] / (horizon_days * SETTLED_SHARE)) if few > 0 else few
    if value.get("overdue", 0) > 2:
        found["overdue"] = OVERDUE_WEIGHT * _clip(math.log(value["overdue"] / 2), 3)
    if "last_rating" in value:
        found["last_rating"] = -RATING_WEIGHT * _clip(value["last_rating"] - 3, 2)
    if under_contract and value.get("tenure", 0) >= _SHORTEST_TENURE_DAYS:
        found["tenure"] = -TENURE_WEIGHT * _clip(math.log(value["tenure"] / 365), 2)
    if "missed" in value:
        found["missed"] = MISSED_WEIGHT * min(value["missed"], 3)
    if "main_contact_silence" in value:
        found["main_contact_silence"] = MAIN_CONTACT_SILENT_WEIGHT
    if "monthly_contract" in value:
        found["monthly_contract"] = MONTHLY_CONTRACT_WEIGHT * (1 if value["monthly_contract"] else -1)
    return [Contribution(name, log_odds) for name, log_odds in found.items()]


def of_facts(facts: Sequence[Fact], *, horizon_days: int) -> float:
    """The score, in log-odds, of a customer who has written nothing."""
    return INTERCEPT + sum(part.log_odds for part in fact_contributions(facts, horizon_days=horizon_days))


def signal_contribution(signal: Signal, *, weight: float, age_days: float, horizon_days: int) -> Contribution:
    """Weight x strength, halved for every horizon that has passed since."""
    weight *= decay(age_days, horizon_days=horizon_days)
    return Contribution(signal.concept, weight * signal.strength)


def decay(age_days: float, *, horizon_days: int) -> float:
    """How much of a signal is left, 0 to 1."""
    return 0.5 ** (max(age_days, 0) / horizon_days)


def overall_leaning(leanings: Sequence[float]) -> float | None:
    """Mean of the answers to "will this customer leave?" (log-odds), each counting half as much as that to the message
    after it; None without any.

    Args:
        leanings: of the messages, the oldest first.
    """
    weights = [LEANING_FADES**after for after in reversed(range(len(leanings)))]
    return sum(w * x for w, x in zip(weights, leanings, strict=True)) / sum(weights) if weights else None


def leaning_contribution(leaning: float | None, thresholds: Thresholds) -> float:
    """What the overall leaning adds over that of a neutral message (log-odds, at most 1.5)."""
    if leaning is None:
        return 0.0
    unclear = min(max(leaning, thresholds.staying_leaning), thresholds.leaving_leaning)
    clear = leaning - unclear
    unclear -= thresholds.neutral_leaning
    return _clip(UNCLEAR_LEANING_WEIGHT * unclear + CLEAR_LEANING_WEIGHT * clear, MOST_LEANING)


def pull_to_base_rate(log_odds: float, base_rate: float | None, *, strength: float = 0.5) -> float:
    """A probability that is half as sure as the score and centred on the base rate, if one is known.

    Returns:
        A number in (0, 1); without a base rate the plain logistic function of the score.
    """
    if base_rate is None:
        return sigmoid(log_odds)
    centre = math.log(base_rate / (1 - base_rate))
    return sigmoid(centre + strength * (log_odds - INTERCEPT))


def sigmoid(x: float) -> float:
    """The logistic function, without overflow.

    For one number; `scipy.special.expit` is for arrays, and importing it would add a quarter of a second to each card.
    """
    return 1 / (1 + math.exp(-x)) if x >= 0 else math.exp(x) / (1 + math.exp(x))


def log_odds(probability: float, *, held: float = 1e-6) -> float:
    """Of a probability, held a little away from 0 and 1."""
    p = min(max(probability, held), 1 - held)
    return math.log(p / (1 - p))


def _clip(x: float, most: float) -> float:
    return max(-most, min(most, x))
