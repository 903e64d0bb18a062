"""Turns facts and signals into a score and the reasons that add up to it."""

from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass

from churn_agent.content.taxonomy import Taxonomy
from churn_agent.content.thresholds import Thresholds
from churn_agent.domain.assessment import Announced, Band, ChurnProbability, Fact, Polarity, Reason, Signal
from churn_agent.domain.snapshot import Snapshot
from churn_agent.scoring import prior
from churn_agent.scoring.bands import Bands, same_band

LEAST_CONTRIBUTION = 0.15
"""Contribution in log-odds below which a fact is not a reason."""
LEAST_LEFT = 1 / 16
"""Remaining share of a signal from which its words are a reason: that of words four horizons old. Older ones say little
about today, whatever they say."""
ANNOUNCED = "announced"
"""Method of the number of a customer whose announcement to leave stands."""
LEANING = "leaning"
"""Concept of the reason for the leaning of all messages together."""
MENTIONED = "Mentioned ending it, but long ago or not plainly."
"""Statement of signals of leaving that do not lift the number out of the low band."""
SOLVED = "Had a problem, which was solved."
"""Statement of a problem whose thread ended well."""

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
    *,
    quiet: Collection[int] = (),
    margin: float = Bands.margin,
    solved: Collection[str] = (),
) -> Verdict:
    """The prior model over facts, verified signals and leanings (mode `read`).

    The leanings of messages without a signal move the score by at most `prior.MOST_QUIET`, and not into another band.

    Args:
        snapshot: of the customer.
        facts: computed from the snapshot.
        signals: read in the messages, verified or not.
        leanings: of the messages, in log-odds of leaving against staying, the oldest first.
        taxonomy: with the weights of signals and their wording for readers.
        thresholds: of the prompt and model that read the messages.
        quiet: positions in `leanings` of the messages that show no signal.
        margin: of the bands.
        solved: signals whose problems have all been solved.
    """
    statements = taxonomy.statements(snapshot.company)
    reasons: list[Reason] = []
    log_odds, problems = prior.INTERCEPT, 0.0
    end = snapshot.card.end_of_day(snapshot.as_of)
    for signal in signals:
        verified = tuple(citation for citation in signal.citations if citation.verified)
        if not verified:
            continue
        age_days = (end - max(citation.occurred_at for citation in verified)).days
        horizon_days = snapshot.card.horizon_days
        if prior.decay(age_days, horizon_days=horizon_days) < LEAST_LEFT:
            continue
        weight = taxonomy.weights[signal.concept]
        part = prior.signal_contribution(signal, weight=weight, age_days=age_days, horizon_days=horizon_days)
        log_odds += part.log_odds
        if taxonomy.role_of(signal.concept) == "problem" and signal.concept not in solved:
            problems += part.log_odds
        reasons.append(
            Reason(
                statement=SOLVED if signal.concept in solved else statements[signal.concept],
                polarity=signal.polarity,
                concept=signal.concept,
                contribution=round(part.log_odds, 3),
                citations=tuple(sorted(verified, key=lambda c: c.occurred_at, reverse=True)[:3]),
            )
        )
    of_facts = _fact_reasons(snapshot, facts, problems=problems)
    log_odds += sum(reason.contribution or 0 for reason in of_facts)
    reasons = [*of_facts, *reasons]
    speaking = [leaning for n, leaning in enumerate(leanings) if n not in quiet]
    leaning = prior.overall_leaning(speaking)
    added = prior.leaning_contribution(leaning, thresholds)
    log_odds += added
    if leaning is not None and not thresholds.staying_leaning < leaning < thresholds.leaving_leaning:
        which = "leaving" if leaning >= thresholds.leaving_leaning else "staying"
        messages = "the one message" if len(speaking) == 1 else f"the {len(speaking)} messages"
        if len(speaking) < len(leanings):
            messages += " with a signal" if len(speaking) == 1 else " with signals"
        reasons.append(
            _reason(LEANING, f"Taken as a whole, {messages} read{'s' * (len(speaking) == 1)} like {which}.", added)
        )
    if len(speaking) < len(leanings):
        with_all = prior.leaning_contribution(prior.overall_leaning(leanings), thresholds)
        log_odds = _moved_by_quiet(log_odds, log_odds - added + with_all, margin)
    return _verdict(snapshot, log_odds, reasons, method="prior")


def _moved_by_quiet(log_odds: float, with_quiet: float, margin: float) -> float:
    """The log-odds of the score after messages without a signal, which move it by less the farther they would."""
    score, wanted = prior.sigmoid(log_odds), prior.sigmoid(with_quiet)
    most = prior.MOST_QUIET[wanted > score]
    moved = score + (wanted - score) / (1 + abs(wanted - score) / most)
    return prior.log_odds(same_band(moved, score, margin=margin))


def announced_verdict(
    verdict: Verdict, announced: Announced, company: str, taxonomy: Taxonomy, thresholds: Thresholds, *, least: float
) -> Verdict:
    """The verdict while an announcement to leave stands: its number depends on the announcement alone.

    So no later message and no login lowers it. The other reasons stay, without a contribution.

    Args:
        verdict: without the announcement.
        announced: stands.
        company: that is left.
        taxonomy: with the weight of an announcement.
        thresholds: of the prompt and model that read it.
        least: log-odds of the boundary of the high band.
    """
    id_ = taxonomy.with_role("leaving_announced") or ANNOUNCED
    leans = (
        prior.MOST_LEANING if announced.leaning is None else prior.leaning_contribution(announced.leaning, thresholds)
    )
    log_odds = max(least, prior.INTERCEPT + taxonomy.weights.get(id_, 0.0) * announced.strength + leans)
    until = f", with the end on {announced.ends_on}" if announced.ends_on else ""
    words = f"Announced on {announced.date} that they leave {company}{until}; it stands."
    if announced.citation is None:
        words = f"Notice was given{until or f', known since {announced.date}'}; it stands."
    first = Reason(
        statement=words,
        polarity="risk",
        concept=id_,
        contribution=round(log_odds - prior.INTERCEPT, 3),
        citations=(announced.citation,) if announced.citation else (),
    )
    others = [
        reason.model_copy(update={"contribution": None})
        for reason in verdict.reasons
        if reason.concept not in (id_, LEANING)
    ]
    before = verdict.probability
    number = before.model_copy(
        update={
            "value": prior.sigmoid(log_odds),
            "raw": prior.sigmoid(log_odds),
            "low": None,
            "high": None,
            "calibrated": False,
            "method": ANNOUNCED,
        }
    )
    return Verdict(number, (first, *others))


def ended_reason(announced: Announced) -> Reason:
    """The reason that says that an announcement does not stand any more."""
    assert announced.ended_on
    return Reason(
        statement=f"Gave notice on {announced.date}, which does not stand since {announced.ended_on}: "
        f"{announced.ended_by}.",
        polarity="protective",
        concept=ANNOUNCED,
        citations=(announced.citation,) if announced.citation else (),
    )


def fitting(reasons: Sequence[Reason], band: Band | None, taxonomy: Taxonomy) -> tuple[Reason, ...]:
    """The reasons worded so that they do not contradict the band: in the low one, nobody is said to leave."""
    if band != "low":
        return tuple(reasons)

    def worded(reason: Reason) -> Reason:
        leaves = reason.concept in taxonomy.leaving
        return reason.model_copy(update={"statement": MENTIONED}) if leaves else reason

    return tuple(worded(reason) for reason in reasons if reason.concept != LEANING or reason.polarity == "protective")


def rest_of(probability: ChurnProbability, reasons: Sequence[Reason]) -> float | None:
    """The log-odds of the number shown that no reason accounts for; None if no reason has a contribution."""
    parts = [reason.contribution for reason in reasons if reason.contribution is not None]
    if reasons and not parts:
        return None
    return round(prior.log_odds(probability.shown) - sum(parts), 6)


def from_log_odds(snapshot: Snapshot, facts: Sequence[Fact], log_odds: float) -> Verdict:
    """The model's own log-odds (mode `ask`); the facts are context."""
    return _verdict(snapshot, log_odds, _fact_reasons(snapshot, facts), method="label_log_odds", adds_up=False)


def from_statement(snapshot: Snapshot, stated: float, reasons: Sequence[Reason]) -> Verdict:
    """The probability that the model wrote down (mode `explain`), with its verified reasons."""
    log_odds = prior.log_odds(stated, held=1e-3)
    return _verdict(snapshot, log_odds, list(reasons), method="stated", raw=stated)


def _fact_reasons(snapshot: Snapshot, facts: Sequence[Fact], *, problems: float = 0.0) -> list[Reason]:
    """The reasons of facts; `problems` are the contributions of open problems (`prior.term_held`)."""
    by_name = {fact.name: fact for fact in facts}
    reasons: list[Reason] = []
    for part in prior.fact_contributions(facts, horizon_days=snapshot.card.horizon_days):
        fact = by_name[part.concept]
        worded = _WORDED.get(fact.name)
        statement = worded[part.log_odds <= 0].format(value=fact.value) if worded else fact.text
        held = part.concept == "monthly_contract"
        log_odds = prior.term_held(part.log_odds, problems) if held else part.log_odds
        reasons.append(_reason(part.concept, statement, log_odds))
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
