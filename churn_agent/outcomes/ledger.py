"""The ledger: compares every forecast with its outcome once its horizon is over.

Records are added and never changed, so no forecast can be improved afterwards.
"""

import math
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import date, datetime, timedelta
from itertools import combinations
from typing import Any, Literal

import numpy as np
from more_itertools import map_reduce

from churn_agent.domain.assessment import Assessment
from churn_agent.domain.snapshot import Card
from churn_agent.history import assignments, book, records
from churn_agent.history.feedback import Feedback, all_feedback
from churn_agent.history.records import Given
from churn_agent.measuring import comparing, metrics
from churn_agent.measuring.comparing import Conclusion
from churn_agent.measuring.metrics import Groups, Interval, Labels
from churn_agent.outcomes.samples import Sample, treated
from churn_agent.store.store import Store

By = Literal["all", "month", "method", "model", "prompt", "treated", "made"]
_FEWEST = 10
"""A group with fewer outcomes is not measured."""


@dataclass(frozen=True)
class Forecast:
    """A number that the tool gave, and its outcome."""

    assessment: Assessment
    churned: bool | None
    """None while the outcome is unknown."""
    over: bool
    """The horizon has passed."""
    treated: bool
    """The company tried to keep the customer within the horizon."""
    held_out: bool
    """The customer was drawn for the control group (`actions plan`)."""
    back_test: bool
    """The forecast was made after its horizon had passed. It uses only data up to its date, but it was too late to act
    on it, and a method may have learned from its outcome."""
    run_id: str | None

    @property
    def number(self) -> float:
        """The calibrated probability, or the score."""
        probability = self.assessment.churn_probability
        assert probability
        return probability.shown

    @property
    def calibrated(self) -> bool:
        """Whether `number` is a probability."""
        probability = self.assessment.churn_probability
        return probability is not None and probability.calibrated

    @property
    def can_be_judged(self) -> bool:
        """Whether the horizon is over and the outcome is known.

        Early leavers are known before the horizon is over, but do not count until then, because customers who stay are
        not known yet.
        """
        return self.over and self.churned is not None

    def group(self, by: By) -> str:
        """The group of forecasts that this one belongs to."""
        provenance = self.assessment.provenance
        return {
            "all": "all",
            "month": f"{self.assessment.as_of:%Y-%m}",
            "method": provenance.method or f"{provenance.mode} (uncalibrated)",
            "model": provenance.model_id,
            "prompt": provenance.prompt,
            "treated": "treated" if self.treated else "held out" if self.held_out else "not treated",
            "made": "back-test" if self.back_test else "ahead of time",
        }[by]


@dataclass(frozen=True)
class Standing:
    """How good a group of forecasts was. Measures of probabilities are None unless all forecasts are calibrated."""

    group: str
    n: int
    churned: float
    """Share of customers who churned."""
    expected: float | None
    """Mean probability."""
    brier: Interval | None
    skill: float | None
    """1 minus the ratio of the Brier score to that of the base rate. Above 0 is better than the base rate."""
    calibration_slope: float | None
    """1 is ideal; below 1 is overconfident."""
    auroc: Interval
    lift: float
    """Churn rate in the top tenth, divided by the overall churn rate."""


@dataclass(frozen=True)
class Judgements:
    """Accuracy of account managers' judgements and of the tool, on the customers that were judged."""

    n: int
    right: int
    """Judgements that came true. To disagree with the tool is to predict the opposite."""
    tool_right: int
    disagreed: int
    right_when_disagreeing: int


@dataclass(frozen=True)
class Ledger:
    """The evaluation of all forecasts in a store."""

    forecasts: int
    """Number of forecasts."""
    not_over: int
    """Forecasts whose horizon has not passed."""
    outcome_unknown: int
    """Forecasts whose horizon has passed and whose outcome is not known."""
    standings: Sequence[Standing]
    back_tests: int
    """Forecasts that were made after their horizon had passed."""
    compared: "Sequence[Compared]"
    judgements: Judgements


def summarise(store: Store, by: By = "all") -> Ledger:
    """Scores all forecasts of a store by group, compares the groups, and scores account managers' judgements.

    Args:
        store: a store with forecasts.
        by: how to group forecasts.

    Raises:
        EmptyStore: there is no history.
    """
    all_forecasts = forecasts(store)
    return Ledger(
        forecasts=len(all_forecasts),
        not_over=sum(not forecast.over for forecast in all_forecasts),
        outcome_unknown=sum(forecast.over and forecast.churned is None for forecast in all_forecasts),
        standings=score(all_forecasts, by),
        back_tests=sum(forecast.back_test for forecast in all_forecasts),
        compared=compare(all_forecasts, by),
        judgements=judgements(all_forecasts, all_feedback(store.history)),
    )


def forecasts(store: Store, customer_id: str | None = None, *, today: date | None = None) -> list[Forecast]:
    """Every number given, by date.

    A forecast is a number for a customer at a date by a model (its weights), a prompt (any version) and a method. If it
    was made several times, the latest number made ahead of time counts. Without one, the first counts: a back-test may
    know the outcome, so repeating it cannot improve it.

    Args:
        store: a store with forecasts.
        customer_id: only this customer; None for all.
        today: the day up to which horizons are over, if the history ends earlier. Default: the current date.

    Raises:
        EmptyStore: there is no history.
    """
    card = store.card
    counted: dict[tuple[Any, ...], Given] = {}
    for record in records.assessed(store.history, customer_id):
        key = _key(record.assessment)
        if key not in counted or not _is_back_test(record, card):
            counted[key] = record
    last_day = max(today or datetime.now(card.zone).date(), store.default_as_of())
    held_out = {
        (assignment.customer_id, assignment.as_of)
        for assignment in assignments.all_assignments(store.history)
        if assignment.drawn and assignment.arm == "control"
    }
    all_forecasts: list[Forecast] = []
    for days, of_horizon in map_reduce(counted.values(), lambda record: _horizon(record.assessment)).items():
        outcomes = book.outcomes(store.history, horizon_days=days)
        keys = {(record.assessment.customer_id, record.assessment.as_of) for record in of_horizon}
        samples = [Sample(*key, churned=outcomes.get(key, False)) for key in sorted(keys)]
        treated_keys = {(sample.customer_id, sample.as_of) for sample in treated(store, samples, days)}
        for record in of_horizon:
            key = record.assessment.customer_id, record.assessment.as_of
            end = record.assessment.as_of + timedelta(days=days)
            all_forecasts.append(
                Forecast(
                    record.assessment,
                    outcomes.get(key),
                    over=end <= last_day,
                    treated=key in treated_keys,
                    held_out=key in held_out,
                    back_test=_is_back_test(record, card),
                    run_id=record.run_id,
                )
            )
    return sorted(all_forecasts, key=lambda forecast: (forecast.assessment.as_of, forecast.assessment.customer_id))


def _key(assessment: Assessment) -> tuple[Any, ...]:
    """Identifies a forecast. Versions of this tool and of a prompt are not part of it."""
    provenance = assessment.provenance
    prompt = provenance.prompt.partition("@")[0]  # mode and name
    how = provenance.model_id, provenance.model_sha256, prompt, provenance.method
    return assessment.customer_id, assessment.as_of, *how


def _is_back_test(record: Given, card: Card) -> bool:
    """Whether a number was given after its horizon had passed."""
    end = record.assessment.as_of + timedelta(days=_horizon(record.assessment))
    return card.local(record.at).date() > end


def score(forecasts: Iterable[Forecast], by: By = "all") -> list[Standing]:
    """How good the forecasts with a known outcome were, by group. Groups with too few outcomes are left out."""
    return [_standing(group, members) for group, members in _known(forecasts, by) if len(members) >= _FEWEST]


@dataclass(frozen=True)
class Compared:
    """A comparison of two groups of forecasts."""

    first: str
    second: str
    paired: bool
    """True if both are measured on the same customers and dates; otherwise each is measured on its own."""
    conclusion: Conclusion

    def as_dict(self) -> dict[str, Any]:
        """For JSON."""
        return {"first": self.first, "second": self.second, "paired": self.paired, "verdict": self.conclusion.text}


def compare(forecasts: Iterable[Forecast], by: By) -> list[Compared]:
    """Compares each pair of groups by AUROC.

    Groups are compared on the customers and dates that both have. If they share none, as with customers divided between
    two methods, each is measured on its own.
    """
    by_sample = {
        group: {(forecast.assessment.customer_id, forecast.assessment.as_of): forecast for forecast in members}
        for group, members in _known(forecasts, by)
    }
    pairs: list[tuple[str, str, bool, comparing.Difference]] = []
    for first, second in combinations(by_sample, 2):
        shared = sorted(by_sample[first].keys() & by_sample[second].keys())
        labels, groups = _outcomes([by_sample[first][key] for key in shared])
        if metrics.enough(labels, groups):
            a, b = (np.array([by_sample[name][key].number for key in shared]) for name in (first, second))
            pairs.append((first, second, True, comparing.difference("auroc", labels, a, b, groups)))
        elif not shared:
            one, other = (list(by_sample[name].values()) for name in (first, second))
            if all(metrics.enough(*_outcomes(members)) for members in (one, other)):
                pairs.append((first, second, False, comparing.unpaired(_area(one), len(one), _area(other), len(other))))
    conclusions = comparing.judge([difference for *_, difference in pairs])
    return [Compared(*pair[:3], conclusion) for pair, conclusion in zip(pairs, conclusions, strict=True)]


def judgements(forecasts: Iterable[Forecast], feedback: Iterable[Feedback]) -> Judgements:
    """Counts account managers' judgements of forecasts with a known outcome. The latest judgement of each counts."""
    by_sample: dict[tuple[str, date, str | None], Forecast] = {}
    for forecast in forecasts:
        if forecast.can_be_judged:
            # A judgement without a run applies to any forecast for the customer at that date.
            for run_id in (forecast.run_id, None):
                by_sample[forecast.assessment.customer_id, forecast.assessment.as_of, run_id] = forecast
    opinions: Mapping[tuple[str, date, str | None], str] = {
        (entry.customer_id, entry.as_of, entry.run_id): entry.verdict
        for entry in feedback
        if entry.verdict in ("agree", "disagree")
    }
    judged = [(by_sample[key], opinion) for key, opinion in opinions.items() if key in by_sample]
    tool = [(forecast.assessment.band != "low") == forecast.churned for forecast, _ in judged]
    agreed = [opinion == "agree" for _, opinion in judged]
    right = [t == a for t, a in zip(tool, agreed, strict=True)]
    return Judgements(
        n=len(judged),
        right=sum(right),
        tool_right=sum(tool),
        disagreed=agreed.count(False),
        right_when_disagreeing=sum(r for r, a in zip(right, agreed, strict=True) if not a),
    )


def _known(forecasts: Iterable[Forecast], by: By) -> list[tuple[str, list[Forecast]]]:
    """The forecasts that are over and whose outcome is known, by group."""
    return sorted(
        map_reduce(
            (forecast for forecast in forecasts if forecast.can_be_judged), lambda forecast: forecast.group(by)
        ).items()
    )


def _area(forecasts: Sequence[Forecast]) -> Interval:
    labels, groups = _outcomes(forecasts)
    return metrics.auroc(labels, np.array([forecast.number for forecast in forecasts]), groups)


def _horizon(assessment: Assessment) -> int:
    assert assessment.churn_probability
    return assessment.churn_probability.horizon_days


def _standing(group: str, forecasts: Sequence[Forecast]) -> Standing:
    labels, groups = _outcomes(forecasts)
    scores = np.array([forecast.number for forecast in forecasts])
    calibrated = all(forecast.calibrated for forecast in forecasts)
    brier = metrics.bootstrap(metrics.brier, labels, scores, groups) if calibrated else None
    rate = float(labels.mean())
    of_prior = rate * (1 - rate)
    return Standing(
        group=group,
        n=len(forecasts),
        churned=rate,
        expected=float(scores.mean()) if calibrated else None,
        brier=brier,
        skill=1 - brier.value / of_prior if brier and of_prior else None,
        calibration_slope=metrics.calibration_slope(labels, scores) if calibrated else None,
        auroc=metrics.auroc(labels, scores, groups),
        lift=metrics.lift(labels, scores) if rate else math.nan,
    )


def _outcomes(forecasts: Sequence[Forecast]) -> tuple[Labels, Groups]:
    customers = [forecast.assessment.customer_id for forecast in forecasts]
    groups = np.unique(customers, return_inverse=True)[1] if customers else np.zeros(0, dtype=np.intp)
    return np.array([bool(forecast.churned) for forecast in forecasts], dtype=bool), groups
