"""The prior model: facts and verified signals to log-odds, by documented weights.

It is used without labels. Its signs and sizes come from the literature (silence and frequency:
Fader, Hardie & Lee 2005, "RFM and CLV"; reasons to switch: Keaveney 1995; contract terms: Ahn, Han & Lee 2006,
"Customer churn analysis") and from a rule measured on public sets: log1p(recency) - 3 log(active days).
Nothing in it was fitted to the demo company. It ranks customers; it does not give a probability. The weight of each
signal is in the taxonomy; the leanings of neutral, leaving and staying messages are in the thresholds of the prompt.
"""

import hashlib
import json
import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from churn_agent.content.thresholds import Thresholds
from churn_agent.domain.assessment import Fact, Signal
from churn_agent.domain.snapshot import KINDS

INTERCEPT = -0.8
RECENCY_WEIGHT, FREQUENCY_WEIGHT = 0.3, 0.9
"""Per unit of log1p(recency) and of -log(active days)."""
TYPICAL_RECENCY_SHARE = 0.2
"""Neutral recency, as a share of the horizon."""
TYPICAL_ACTIVE_DAYS = 4
MOST_FREQUENCY = 1.0
"""Cap on log(active days / typical), so that activity does not outweigh what customers say."""
SETTLED_SHARE = 0.3
"""Share of the horizon after which few active days count in full; new customers had no time for more."""
OVERDUE_WEIGHT = 0.25
"""Per unit of log(silence / usual gap), above twice the usual gap; where the longest gap is not known."""
LONGEST_SILENCE_WEIGHT = 0.8
"""Per unit of log(silence / longest gap), above the longest gap from which the customer came back."""
RATING_WEIGHT = 0.25
"""Per star away from three, halved for every horizon since the rating."""
MISSED_WEIGHT = 0.5
MONTHLY_CONTRACT_WEIGHT = 0.7
TERM_HOLDS_UP_TO = 1.0
"""Log-odds of open problems from which a term no longer speaks for staying; in proportion below. A customer whose
problems go on has reasons, and often the right, to end the contract before its time."""
MAIN_CONTACT_SILENT_WEIGHT = 0.5
_COMES_BACK: Mapping[str, float] = {
    "recency": RECENCY_WEIGHT,
    "active_days": FREQUENCY_WEIGHT,
    "overdue": OVERDUE_WEIGHT,
    "main_contact_silence": MAIN_CONTACT_SILENT_WEIGHT,
}
_BOUND: Mapping[str, float] = {
    "main_contact_silence": 0.7,
    "usage_trend": 0.8,
    "usage_stop": 1.5,
    "seats_change": 1.5,
    "payments_overdue": 0.6,
    "payments_failed": 0.5,
    "days_to_renewal": 0.15,
    "term_ended": 0.9,
}
KIND_WEIGHTS: Mapping[str, Mapping[str, float]] = {
    "contract": _BOUND,
    "subscription": _BOUND,
    "membership": {**_BOUND, "usage_trend": 1.0, "seats_change": 0.0},
    "account": {**_BOUND, "usage_trend": 1.0, "days_to_renewal": 0.0, "term_ended": 0.0, "seats_change": 0.0},
    "repeat_purchase": _COMES_BACK,
}
"""Kind of book -> weight of each fact that counts for it, in log-odds; a fact that is not named has none.

Where customers come back, silence is the only sign of leaving; under a contract it says nothing (Fader & Hardie 2009).
What silence means depends on the customer: for one who came often, the same weeks say more (Schmittlein, Morrison &
Colombo 1987, "Counting your customers"). A silence longer than any before takes the weight from many active days.
There, silent leavers are told by usage against their own level (Ascarza & Hardie 2013; visits are all that a member
of a gym does, and transactions all that an account is for, so these weigh more), by overdue and failed payments
(Burez & Van den Poel 2008, "Separating financial from commercial customer churn"), by fewer seats, and by the end of
the term, at which they are free to go. A renewal that is near matters most where something else is wrong
(`RENEWAL_WITH_TROUBLE_WEIGHT`); a term that ended while usage goes on as before counts as a renewal alone. The signs
are from the literature and the sizes a choice: one plain sign alone is of medium risk (a sudden stop of high risk), and
several are of high risk.
If the kind is unknown, repeat purchases are assumed.
"""
RENEWAL_WITH_TROUBLE_WEIGHT = 0.9
"""Of a renewal that is near, if usage falls, seats go, bills are overdue or the main contact is silent."""
RENEWAL_NEAR_DAYS = 90
"""A renewal is near within so many days of its last day for notice, or of itself; at most the horizon."""
LESS, MORE = 0.8, 1.1
"""Ratios to the usual level below which usage falls and above which seats grow."""
OVERDUE_IN_FULL_DAYS = 14
"""Days after which an overdue bill counts in full; a few days late is common."""
MOST_BILLS = 3
TENURE_WEIGHT = 0.25
"""Per unit of -log(tenure in years)."""
UNCLEAR_LEANING_WEIGHT, CLEAR_LEANING_WEIGHT = 0.4, 1.2
"""Per unit of leaning, between the leanings at which messages read like staying and like leaving, and beyond them."""
MOST_LEANING = 1.5
MOST_QUIET = (0.01, 0.04)
"""How far messages without a signal can lower and raise the score, all together: any one of them moves it by less than
.05. More would let small talk outweigh words that mean something."""
LEANING_FADES = 0.5
"""Weight of a message in the leaning, as a share of that of the next message."""

_SHORTEST_TENURE_DAYS = 30


@dataclass(frozen=True)
class Contribution:
    """Contribution of one fact or signal to the score, in log-odds."""

    concept: str
    log_odds: float


def fingerprint(signals: Mapping[str, float], thresholds: Thresholds) -> str:
    """Fingerprint of all weights, 16 hexadecimal digits. Methods trained on scores are valid only for the same weights.

    Args:
        signals: signal id -> weight (`Taxonomy.weights`).
        thresholds: with the leanings that the weights apply to.
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
    """The contributions of all facts that have a weight.

    Which facts count is decided by the kind of book (`KIND_WEIGHTS`). Longer tenure means lower risk under a contract,
    and shorter tenure higher risk only without a term; it adds nothing to the silence of others (Fader & Hardie 2009,
    "Probability models for customer-base analysis").
    """
    value = {fact.name: fact.value for fact in facts}
    under_contract = "monthly_contract" in value
    kind = KINDS[int(value["kind_of_book"])] if "kind_of_book" in value else "repeat_purchase"
    weights = KIND_WEIGHTS[kind]
    parts = _silence_parts(value, weights, horizon_days) | _standing_parts(value, weights, horizon_days)
    if "last_rating" in value:
        fresh = decay(value.get("rating_age", 0), horizon_days=horizon_days)
        parts["last_rating"] = -RATING_WEIGHT * _clip(value["last_rating"] - 3, 2) * fresh
    if under_contract and value.get("tenure", 0) >= _SHORTEST_TENURE_DAYS:
        new = -TENURE_WEIGHT * _clip(math.log(value["tenure"] / 365), 2)
        parts["tenure"] = new if value["monthly_contract"] else min(new, 0)
    if "missed" in value:
        parts["missed"] = MISSED_WEIGHT * min(value["missed"], 3)
    if "main_contact_silence" in value:
        parts["main_contact_silence"] = weights["main_contact_silence"]
    if "monthly_contract" in value:
        parts["monthly_contract"] = MONTHLY_CONTRACT_WEIGHT * (1 if value["monthly_contract"] else -1)
    return [Contribution(name, log_odds) for name, log_odds in parts.items()]


def _silence_parts(value: Mapping[str, float], weights: Mapping[str, float], horizon_days: int) -> dict[str, float]:
    """The contributions of silence, where the kind of book gives it a weight; none during an announced pause."""
    parts: dict[str, float] = {}
    if "recency" not in weights or "paused" in value:
        return parts
    if "active_days" in value and (value["active_days"] > 1 or "monthly_contract" not in value):
        typical = math.log1p(horizon_days * TYPICAL_RECENCY_SHARE)
        parts["recency"] = weights["recency"] * (math.log1p(value["recency"]) - typical)
        few = -weights["active_days"] * min(math.log(value["active_days"] / TYPICAL_ACTIVE_DAYS), MOST_FREQUENCY)
        parts["active_days"] = few * min(1, value["tenure"] / (horizon_days * SETTLED_SHARE)) if few > 0 else few
    if "longest_gap" in value and "active_days" in parts:
        beyond = math.log(max(value["recency"], 1) / max(value["longest_gap"], 1))
        if beyond > 0:
            parts["overdue"] = LONGEST_SILENCE_WEIGHT * min(beyond, 3)
            parts["active_days"] *= max(1 - beyond, 0)
    elif value.get("overdue", 0) > 2:
        parts["overdue"] = weights["overdue"] * _clip(math.log(value["overdue"] / 2), 3)
    return parts


def _standing_parts(value: Mapping[str, float], weights: Mapping[str, float], horizon_days: int) -> dict[str, float]:
    """The contributions of usage, seats, payments and the term, where the kind of book gives them a weight."""
    parts: dict[str, float] = {}

    def add(name: str, size: float) -> None:
        if name in value and weights.get(name) and size:
            parts[name] = weights[name] * size

    if "usage_stop" in value:
        add("usage_stop", 1)
    elif value.get("usage_trend", 1) < LESS:
        add("usage_trend", _fall(value["usage_trend"]))
    seats = value.get("seats_change", 1)
    add("seats_change", _fall(seats) if seats < 1 else -0.2 if seats > MORE else 0)
    late = min(value.get("payments_overdue_days", 0) / OVERDUE_IN_FULL_DAYS, 1)
    bills = min(value.get("payments_overdue", 0), MOST_BILLS)
    add("payments_overdue", late * (1 + (bills - 1) / 2))
    add("payments_failed", min(value.get("payments_failed", 0), MOST_BILLS))
    trouble = {name for name, added in parts.items() if added > 0} | {"main_contact_silence"} & set(value)
    if "term_ended" in value and weights.get("term_ended"):
        goes_on = not trouble and value.get("usage_trend", 0) >= LESS
        parts["term_ended"] = weights["days_to_renewal" if goes_on else "term_ended"]
    days = value.get("notice_deadline", value.get("days_to_renewal", -1))
    if 0 <= days <= min(RENEWAL_NEAR_DAYS, horizon_days) and weights.get("days_to_renewal"):
        parts["days_to_renewal"] = RENEWAL_WITH_TROUBLE_WEIGHT if trouble else weights["days_to_renewal"]
    return parts


def _fall(ratio: float) -> float:
    """The size of a fall: minus the logarithm of the ratio, at most 1.9."""
    return -math.log(max(ratio, 0.15))


def of_facts(facts: Sequence[Fact], *, horizon_days: int) -> float:
    """The score of a customer without messages, in log-odds."""
    return INTERCEPT + sum(part.log_odds for part in fact_contributions(facts, horizon_days=horizon_days))


def signal_contribution(signal: Signal, *, weight: float, age_days: float, horizon_days: int) -> Contribution:
    """Weight times strength, halved for every horizon since the message."""
    weight *= decay(age_days, horizon_days=horizon_days)
    return Contribution(signal.concept, weight * signal.strength)


def term_held(log_odds: float, problems: float) -> float:
    """What is left of the contribution of a term (`monthly_contract`, below 0) beside problems that are open.

    Args:
        log_odds: the contribution; if it is above 0, the customer is not bound, and all of it is left.
        problems: contributions of the problems, added up, in log-odds.
    """
    return log_odds * (1 - min(max(problems, 0) / TERM_HOLDS_UP_TO, 1)) if log_odds < 0 else log_odds


def decay(age_days: float, *, horizon_days: int) -> float:
    """The remaining share of a signal, 0 to 1."""
    return 0.5 ** (max(age_days, 0) / horizon_days)


def overall_leaning(leanings: Sequence[float]) -> float | None:
    """Weighted mean of the answers to "will this customer leave?" (log-odds); None without any.

    Each counts half as much as the answer for the next message.

    Args:
        leanings: of the messages, the oldest first.
    """
    weights = [LEANING_FADES**after for after in reversed(range(len(leanings)))]
    return sum(w * x for w, x in zip(weights, leanings, strict=True)) / sum(weights) if weights else None


def leaning_contribution(leaning: float | None, thresholds: Thresholds) -> float:
    """Contribution of the overall leaning, compared with that of a neutral message (log-odds, at most 1.5)."""
    if leaning is None:
        return 0.0
    unclear = min(max(leaning, thresholds.staying_leaning), thresholds.leaving_leaning)
    clear = leaning - unclear
    unclear -= thresholds.neutral_leaning
    return _clip(UNCLEAR_LEANING_WEIGHT * unclear + CLEAR_LEANING_WEIGHT * clear, MOST_LEANING)


def pull_to_base_rate(log_odds: float, base_rate: float | None, *, strength: float = 0.5) -> float:
    """The score as a number, pulled halfway to the base rate if one is known.

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
    """The log-odds of a probability, which is kept at least `held` away from 0 and 1."""
    p = min(max(probability, held), 1 - held)
    return math.log(p / (1 - p))


def _clip(x: float, most: float) -> float:
    return max(-most, min(most, x))
