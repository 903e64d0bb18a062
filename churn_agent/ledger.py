"""What forecasts were worth: every number that was given, against what came of it once its horizon was over.

Records are added and never changed, so nothing here can be made better afterwards.
"""

import math
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import asdict, dataclass
from datetime import date, timedelta
from itertools import combinations
from typing import Any, Literal

import numpy as np
from more_itertools import map_reduce

from churn_agent import snapshots
from churn_agent.domain.assessment import Assessment
from churn_agent.history import book, records
from churn_agent.history.feedback import Feedback
from churn_agent.measuring import comparing, metrics
from churn_agent.measuring.comparing import Verdict
from churn_agent.measuring.metrics import Groups, Interval, Labels
from churn_agent.store import Store
from churn_agent.training import Sample, treated

By = Literal["all", "month", "method", "model", "prompt", "treated"]
_FEWEST = 10
"""Outcomes below which nothing is measured."""


@dataclass(frozen=True)
class Forecast:
    """A number that was given, and what came of it."""

    assessment: Assessment
    churned: bool | None
    """None as long as nobody knows."""
    over: bool
    """The horizon has passed, as far as the history goes."""
    treated: bool
    """Somebody tried to keep the customer within the horizon."""

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

    def group(self, by: By) -> str:
        """Which group of forecasts it belongs to."""
        how = self.assessment.provenance
        return {
            "all": "all",
            "month": f"{self.assessment.as_of:%Y-%m}",
            "method": how.method or f"{how.mode} (uncalibrated)",
            "model": how.model_id,
            "prompt": how.prompt,
            "treated": "treated" if self.treated else "not treated",
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
    auroc: Interval
    lift: float
    """How much more often those in the top tenth churned than all."""

    def as_dict(self) -> dict[str, Any]:
        return asdict(self)


@dataclass(frozen=True)
class Judgements:
    """How the judgements of account managers did, beside the tool, on the customers that they judged."""

    n: int
    right: int
    """Judgements that came true: agreeing with the tool is to say what it says, disagreeing the opposite."""
    tool_right: int
    disagreed: int
    right_when_disagreeing: int

    def as_dict(self) -> dict[str, Any]:
        return asdict(self)


def forecasts(store: Store, customer_id: str | None = None) -> list[Forecast]:
    """Every number given, by date; of several for the same customer and date by the same means the newest.

    Raises:
        EmptyStore: there is no history.
    """
    last_day = snapshots.default_as_of(store.history, store.card)
    newest: dict[tuple[Any, ...], Assessment] = {}
    for each in records.assessed(store.history, customer_id):
        how = each.provenance
        newest[each.customer_id, each.as_of, how.model_id, how.prompt_hash, how.method] = each
    outcomes = book.outcomes(store.history)
    samples = {
        key: Sample(*key, churned=outcomes.get(key, False))
        for key in {(each.customer_id, each.as_of) for each in newest.values()}
    }
    horizons = map_reduce(newest.values(), _horizon, lambda each: samples[each.customer_id, each.as_of])
    reached = {
        (sample.customer_id, sample.as_of)
        for days, given in horizons.items()
        for sample in treated(store, list(dict.fromkeys(given)), days)
    }
    return [
        Forecast(
            each,
            outcomes.get((each.customer_id, each.as_of)),
            each.as_of + timedelta(days=_horizon(each)) <= last_day,
            (each.customer_id, each.as_of) in reached,
        )
        for each in sorted(newest.values(), key=lambda each: (each.as_of, each.customer_id))
    ]


def score(found: Iterable[Forecast], by: By = "all") -> list[Standing]:
    """How good forecasts were whose outcome is known, by group; groups of few outcomes are left out."""
    return [_standing(group, of_group) for group, of_group in _known(found, by) if len(of_group) >= _FEWEST]


def compare(found: Iterable[Forecast], by: By) -> list[tuple[str, str, Verdict]]:
    """Groups against each other on the customers and dates that both have: which served better (AUROC, paired)?"""
    by_sample = {
        group: {(each.assessment.customer_id, each.assessment.as_of): each for each in of_group}
        for group, of_group in _known(found, by)
    }
    pairs: list[tuple[str, str, comparing.Difference]] = []
    for first, second in combinations(by_sample, 2):
        both = sorted(by_sample[first].keys() & by_sample[second].keys())
        labels, groups = _outcomes([by_sample[first][key] for key in both])
        if min(labels.sum(), (~labels).sum()) >= 2:
            a, b = (np.array([by_sample[name][key].number for key in both]) for name in (first, second))
            pairs.append((first, second, comparing.difference("auroc", labels, a, b, groups)))
    verdicts = comparing.judge([difference for _, _, difference in pairs])
    return [(first, second, verdict) for (first, second, _), verdict in zip(pairs, verdicts, strict=True)]


def judgements(found: Iterable[Forecast], said: Iterable[Feedback]) -> Judgements:
    """Counts what account managers said of forecasts whose outcome is known; the latest word on each counts."""
    by_sample = {(each.assessment.customer_id, each.assessment.as_of): each for each in found}
    verdicts: Mapping[tuple[str, date], str] = {
        (each.customer_id, each.as_of): each.verdict for each in said if each.verdict in ("agree", "disagree")
    }
    judged = [(by_sample[key], verdict) for key, verdict in verdicts.items() if key in by_sample]
    judged = [(forecast, verdict) for forecast, verdict in judged if forecast.churned is not None]
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
    """The forecasts whose outcome is known, by group."""
    return sorted(map_reduce((each for each in found if each.churned is not None), lambda each: each.group(by)).items())


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
        auroc=metrics.auroc(labels, scores, groups),
        lift=metrics.lift(labels, scores) if rate else math.nan,
    )


def _outcomes(found: Sequence[Forecast]) -> tuple[Labels, Groups]:
    customers = [each.assessment.customer_id for each in found]
    groups = np.unique(customers, return_inverse=True)[1] if customers else np.zeros(0, dtype=np.intp)
    return np.array([bool(each.churned) for each in found], dtype=bool), groups
