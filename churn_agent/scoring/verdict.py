"""Turns facts and signals into a score and the reasons that add up to it."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from churn_agent.content.taxonomy import Taxonomy
from churn_agent.content.thresholds import Thresholds
from churn_agent.domain.assessment import ChurnProbability, Fact, Polarity, Reason, Signal
from churn_agent.domain.snapshot import Snapshot
from churn_agent.scoring import prior

LEAST_CONTRIBUTION = 0.15
"""Contribution in log-odds below which a fact is not a reason."""
LEANING = "leaning"
"""Concept of the reason for the leaning of all messages together."""

_WORDED: Mapping[str, tuple[str, str]] = {
    "recency": ("Has done nothing for {value:g} days.", "Has been active lately."),
    "tenure": ("Is a new customer, of {value:g} days.", "Has been a customer for {value:g} days."),
    "active_days": ("Has been active on few days: {value:g}.", "Has been active on {value:g} days."),
}
"""Wordings of facts as reasons for and against churn, where the plain fact would be unclear."""


@dataclass(frozen=True)
class Verdict:
    """A score and the reasons for it, weightiest first."""

    probability: ChurnProbability
    reasons: tuple[Reason, ...]

    @property
    def weights(self) -> Mapping[str, float]:
        """Concept -> contribution in log-odds."""
        return {reason.concept: reason.contribution or 0.0 for reason in self.reasons}

    def with_number(self, number: "Number") -> "Verdict":
        """The same reasons for another number, with their contributions to that number.

        Reasons keep their polarity. If the contribution contradicts it, a fact is dropped, and a reason with the
        customer's words stays without a weight.
        """
        weighed = [_weighed(reason, number.contributions.get(reason.concept, 0.0)) for reason in self.reasons]
        reasons = [r for r in weighed if r.citations or abs(r.contribution or 0) >= LEAST_CONTRIBUTION]
        reasons.sort(key=lambda r: -abs(r.contribution or 0))
        return Verdict(number.probability, tuple(reasons))


@dataclass(frozen=True)
class Number:
    """The result of a trained method."""

    probability: ChurnProbability
    contributions: Mapping[str, float]
    """Concept -> decrease of the log-odds without that signal, or with a typical value of that fact."""
    alike: Fact | None = None
    """The outcomes of similar customers."""


def _weighed(reason: Reason, contribution: float) -> Reason:
    """The reason with its contribution to the number; with None if that contradicts its polarity."""
    agrees = contribution >= 0 if reason.polarity == "risk" else contribution <= 0
    return reason.model_copy(update={"contribution": round(contribution, 3) if agrees else None})


def from_signals(
    snapshot: Snapshot,
    facts: Sequence[Fact],
    signals: Sequence[Signal],
    leanings: Sequence[float],
    taxonomy: Taxonomy,
    thresholds: Thresholds,
) -> Verdict:
    """The prior model over facts, verified signals and leanings (mode `read`).

    Args:
        snapshot: of the customer.
        facts: computed from the snapshot.
        signals: read in the messages, verified or not.
        leanings: of the messages, in log-odds of leaving against staying, the oldest first.
        taxonomy: with the weights of signals and their wording for readers.
        thresholds: of the prompt and model that read the messages.
    """
    statements = taxonomy.statements(snapshot.company)
    reasons = _fact_reasons(snapshot, facts)
    log_odds = prior.INTERCEPT + sum(reason.contribution or 0 for reason in reasons)
    end = snapshot.card.end_of_day(snapshot.as_of)
    for signal in signals:
        verified = tuple(citation for citation in signal.citations if citation.verified)
        if not verified:
            continue
        newest = max(citation.occurred_at for citation in verified)
        part = prior.signal_contribution(
            signal,
            weight=taxonomy.weights[signal.concept],
            age_days=(end - newest).days,
            horizon_days=snapshot.card.horizon_days,
        )
        log_odds += part.log_odds
        reasons.append(
            Reason(
                statement=statements[signal.concept],
                polarity=signal.polarity,
                concept=signal.concept,
                contribution=round(part.log_odds, 3),
                citations=tuple(sorted(verified, key=lambda c: c.occurred_at, reverse=True)[:3]),
            )
        )
    leaning = prior.overall_leaning(leanings)
    added = prior.leaning_contribution(leaning, thresholds)
    log_odds += added
    if leaning is not None and not thresholds.staying_leaning < leaning < thresholds.leaving_leaning:
        which = "leaving" if leaning >= thresholds.leaving_leaning else "staying"
        messages = "the one message" if len(leanings) == 1 else f"the {len(leanings)} messages"
        reasons.append(
            _reason(LEANING, f"Taken as a whole, {messages} read{'s' * (len(leanings) == 1)} like {which}.", added)
        )
    return _verdict(snapshot, log_odds, reasons, method="prior")


def from_log_odds(snapshot: Snapshot, facts: Sequence[Fact], log_odds: float) -> Verdict:
    """The model's own log-odds (mode `ask`); the facts are context."""
    return _verdict(snapshot, log_odds, _fact_reasons(snapshot, facts), method="label_log_odds", adds_up=False)


def from_statement(snapshot: Snapshot, stated: float, reasons: Sequence[Reason]) -> Verdict:
    """The probability that the model wrote down (mode `explain`), with its verified reasons."""
    log_odds = prior.log_odds(stated, held=1e-3)
    return _verdict(snapshot, log_odds, list(reasons), method="stated", raw=stated)


def _fact_reasons(snapshot: Snapshot, facts: Sequence[Fact]) -> list[Reason]:
    by_name = {fact.name: fact for fact in facts}
    reasons: list[Reason] = []
    for part in prior.fact_contributions(facts, horizon_days=snapshot.card.horizon_days):
        fact = by_name[part.concept]
        worded = _WORDED.get(fact.name)
        statement = worded[part.log_odds <= 0].format(value=fact.value) if worded else fact.text
        reasons.append(_reason(part.concept, statement, part.log_odds))
    return reasons


def _reason(concept: str, statement: str, log_odds: float) -> Reason:
    polarity: Polarity = "risk" if log_odds > 0 else "protective"
    return Reason(statement=statement, polarity=polarity, concept=concept, contribution=round(log_odds, 3))


def _verdict(
    snapshot: Snapshot,
    log_odds: float,
    reasons: Sequence[Reason],
    *,
    method: str,
    raw: float | None = None,
    adds_up: bool = True,
) -> Verdict:
    score = prior.sigmoid(log_odds) if raw is None else raw
    shown = [r for r in reasons if r.contribution is None or abs(r.contribution) >= LEAST_CONTRIBUTION or r.citations]
    shown.sort(key=lambda r: -abs(r.contribution or 0))
    if not adds_up:
        shown = [r.model_copy(update={"contribution": None}) for r in shown]
    probability = ChurnProbability(
        value=score,
        low=None,
        high=None,
        raw=score,
        method=method,
        calibrated=False,
        base_rate=snapshot.card.base_rate,
        horizon_days=snapshot.card.horizon_days,
    )
    return Verdict(probability, tuple(shown))
