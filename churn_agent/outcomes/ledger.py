"""What forecasts were worth: every number that was given, against what came of it once its horizon was over.

Records are added and never changed, so nothing here can be made better afterwards.
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
from churn_agent.history import assignments, book, records, snapshots
from churn_agent.history.feedback import Feedback, all_feedback
from churn_agent.history.records import Given
from churn_agent.measuring import comparing, metrics
from churn_agent.measuring.comparing import Verdict
from churn_agent.measuring.metrics import Groups, Interval, Labels
from churn_agent.outcomes.samples import Sample, treated
from churn_agent.store.store import Store

By = Literal["all", "month", "method", "model", "prompt", "treated", "made"]
_FEWEST = 10
"""Outcomes below which nothing is measured."""


@dataclass(frozen=True)
class Forecast:
    """A number that was given, and what came of it."""

    assessment: Assessment
    churned: bool | None
    """None as long as nobody knows."""
    over: bool
    """The horizon has passed."""
    treated: bool
    """Somebody tried to keep the customer within the horizon."""
    held_out: bool
    """The customer was drawn to be left alone (`actions plan`)."""
    back_test: bool
    """It was made when its horizon had passed: on what was known at its date, but nobody could act on it, and a method
    may have learned from what came of it."""
    run_id: str | None

    @property
    def number(self) -> float:
        """The calibrated probability, or the score."""
        found = self.assessment.churn_probability
        assert found
        return found.shown

    @property
    def calibrated(self) -> bool:
        found = self.assessment.churn_probability
        return found is not None and found.calibrated

    @property
    def can_be_judged(self) -> bool:
        """Whether the horizon is over and the outcome known; who left early is known of earlier than who stays."""
        return self.over and self.churned is not None

    def group(self, by: By) -> str:
        """Which group of forecasts it belongs to."""
        how = self.assessment.provenance
        return {
            "all": "all",
            "month": f"{self.assessment.as_of:%Y-%m}",
            "method": how.method or f"{how.mode} (uncalibrated)",
            "model": how.model_id,
            "prompt": how.prompt,
            "treated": "treated" if self.treated else "held out" if self.held_out else "not treated",
            "made": "back-test" if self.back_test else "ahead of time",
        }[by]


@dataclass(frozen=True)
class Standing:
    """How good a group of forecasts was; numbers of probabilities are there where all are calibrated."""

    group: str
    n: int
    churned: float
    """Share that churned."""
    expected: float | None
    """Mean probability."""
    brier: Interval | None
    skill: float | None
    """One less the Brier score over that of the base rate alone: above 0 is better than it."""
    calibration_slope: float | None
    """1 is right, below 1 is overconfident."""
    auroc: Interval
    lift: float
    """How much more often those in the top tenth churned than all."""


@dataclass(frozen=True)
class Judgements:
    """How the judgements of account managers did, beside the tool, on the customers that they judged."""

    n: int
    right: int
    """Judgements that came true: agreeing with the tool is to say what it says, disagreeing the opposite."""
    tool_right: int
    disagreed: int
    right_when_disagreeing: int


@dataclass(frozen=True)
class Ledger:
    """What all forecasts of a store were worth."""

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
        store: with forecasts.
        by: which groups.

    Raises:
        EmptyStore: there is no history.
    """
    found = forecasts(store)
    return Ledger(
        forecasts=len(found),
        not_over=sum(not each.over for each in found),
        outcome_unknown=sum(each.over and each.churned is None for each in found),
        standings=score(found, by),
        back_tests=sum(each.back_test for each in found),
        compared=compare(found, by),
        judgements=judgements(found, all_feedback(store.history)),
    )


def forecasts(store: Store, customer_id: str | None = None, *, today: date | None = None) -> list[Forecast]:
    """Every number given, by date; of several for the same customer and date by the same means the first, which no
    outcome can have changed.

    Args:
        today: up to which horizons are over, if the history does not go further; by default as the clock has it.

    Raises:
        EmptyStore: there is no history.
    """
    card = store.card
    first: dict[tuple[Any, ...], Given] = {}
    for each in records.assessed(store.history, customer_id):
        made, how = each.assessment, each.assessment.provenance
        first.setdefault(
            (made.customer_id, made.as_of, how.model_id, how.model_sha256, how.prompt_hash, how.method), each
        )
    last_day = max(today or datetime.now(card.zone).date(), snapshots.default_as_of(store.history, card))
    held_out = {
        (each.customer_id, each.as_of)
        for each in assignments.all_assignments(store.history)
        if each.drawn and each.arm == "control"
    }
    found: list[Forecast] = []
    for days, given in map_reduce(first.values(), lambda each: _horizon(each.assessment)).items():
        outcomes = book.outcomes(store.history, horizon_days=days)
        keys = {(each.assessment.customer_id, each.assessment.as_of) for each in given}
        samples = [Sample(*key, churned=outcomes.get(key, False)) for key in sorted(keys)]
        reached = {(sample.customer_id, sample.as_of) for sample in treated(store, samples, days)}
        for each in given:
            key = each.assessment.customer_id, each.assessment.as_of
            end = each.assessment.as_of + timedelta(days=days)
            found.append(
                Forecast(
                    each.assessment,
                    outcomes.get(key),
                    over=end <= last_day,
                    treated=key in reached,
                    held_out=key in held_out,
                    back_test=card.local(each.at).date() > end,
                    run_id=each.run_id,
                )
            )
    return sorted(found, key=lambda each: (each.assessment.as_of, each.assessment.customer_id))


def score(found: Iterable[Forecast], by: By = "all") -> list[Standing]:
    """How good forecasts were whose outcome is known, by group; groups of few outcomes are left out."""
    return [_standing(group, of_group) for group, of_group in _known(found, by) if len(of_group) >= _FEWEST]


@dataclass(frozen=True)
class Compared:
    """Two groups of forecasts held against each other."""

    first: str
    second: str
    paired: bool
    """On the same customers and dates; else each on its own."""
    verdict: Verdict

    def as_dict(self) -> dict[str, Any]:
        return {"first": self.first, "second": self.second, "paired": self.paired, "verdict": self.verdict.text}


def compare(found: Iterable[Forecast], by: By) -> list[Compared]:
    """Groups against each other: which served better (AUROC)?

    On the customers and dates that both have; where they share too few, as with customers divided between two methods,
    each on its own.
    """
    by_sample = {
        group: {(each.assessment.customer_id, each.assessment.as_of): each for each in of_group}
        for group, of_group in _known(found, by)
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
            if all(metrics.enough(*_outcomes(each)) for each in (one, other)):
                pairs.append((first, second, False, comparing.unpaired(_area(one), len(one), _area(other), len(other))))
    verdicts = comparing.judge([difference for *_, difference in pairs])
    return [Compared(a, b, paired, verdict) for (a, b, paired, _), verdict in zip(pairs, verdicts, strict=True)]


def judgements(found: Iterable[Forecast], said: Iterable[Feedback]) -> Judgements:
    """Counts what account managers said of forecasts whose outcome is known; the latest word on each counts."""
    by_sample: dict[tuple[str, date, str | None], Forecast] = {}
    for each in found:
        if each.can_be_judged:
            # A judgement that names no run is of whatever was said about the customer at that date.
            for run_id in (each.run_id, None):
                by_sample[each.assessment.customer_id, each.assessment.as_of, run_id] = each
    verdicts: Mapping[tuple[str, date, str | None], str] = {
        (each.customer_id, each.as_of, each.run_id): each.verdict
        for each in said
        if each.verdict in ("agree", "disagree")
    }
    judged = [(by_sample[key], verdict) for key, verdict in verdicts.items() if key in by_sample]
    tool = [(forecast.assessment.band != "low") == forecast.churned for forecast, _ in judged]
    agreed = [verdict == "agree" for _, verdict in judged]
    right = [t == a for t, a in zip(tool, agreed, strict=True)]
    return Judgements(
        n=len(judged),
        right=sum(right),
        tool_right=sum(tool),
        disagreed=agreed.count(False),
        right_when_disagreeing=sum(r for r, a in zip(right, agreed, strict=True) if not a),
    )


# --- parts


def _known(found: Iterable[Forecast], by: By) -> list[tuple[str, list[Forecast]]]:
    """The forecasts that are over and whose outcome is known, by group."""
    return sorted(map_reduce((each for each in found if each.can_be_judged), lambda each: each.group(by)).items())


def _area(found: Sequence[Forecast]) -> Interval:
    labels, groups = _outcomes(found)
    return metrics.auroc(labels, np.array([each.number for each in found]), groups)


def _horizon(assessment: Assessment) -> int:
    assert assessment.churn_probability
    return assessment.churn_probability.horizon_days


def _standing(group: str, found: Sequence[Forecast]) -> Standing:
    labels, groups = _outcomes(found)
    scores = np.array([each.number for each in found])
    sure = all(each.calibrated for each in found)
    brier = metrics.bootstrap(metrics.brier, labels, scores, groups) if sure else None
    rate = float(labels.mean())
    of_prior = rate * (1 - rate)
    return Standing(
        group=group,
        n=len(found),
        churned=rate,
        expected=float(scores.mean()) if sure else None,
        brier=brier,
        skill=1 - brier.value / of_prior if brier and of_prior else None,
        calibration_slope=metrics.calibration_slope(labels, scores) if sure else None,
        auroc=metrics.auroc(labels, scores, groups),
        lift=metrics.lift(labels, scores) if rate else math.nan,
    )


def _outcomes(found: Sequence[Forecast]) -> tuple[Labels, Groups]:
    customers = [each.assessment.customer_id for each in found]
    groups = np.unique(customers, return_inverse=True)[1] if customers else np.zeros(0, dtype=np.intp)
    return np.array([bool(each.churned) for each in found], dtype=bool), groups
