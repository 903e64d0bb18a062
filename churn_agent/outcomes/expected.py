"""Expected performance of a run, before its outcomes are known, from calibrated probabilities.

If probabilities are right, they say by themselves how many flags will come true: confidence-based performance
estimation, CBPE (Guillory et al. 2021; the NannyML documentation, 2022). It is worth as much as the calibration, so the
calibration is tested first, and its uncertainty is part of the interval.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Literal

import numpy as np
from numpy.typing import NDArray
from scipy import stats
from scipy.special import expit

from churn_agent.domain.assessment import Assessment
from churn_agent.errors import InputError
from churn_agent.history import records
from churn_agent.history.runs import NEWEST
from churn_agent.learning.stored import MethodInfo, stored_methods
from churn_agent.measuring import metrics
from churn_agent.measuring.metrics import Groups, Interval, Labels, Scores
from churn_agent.outcomes import ledger
from churn_agent.store.store import Store

Verdict = Literal["has held", "has not held", "cannot tell"]
FIGURES: Mapping[str, str] = {
    "leave": "customers who will leave",
    "precision": "share of the high band who will leave",
    "coverage": "share of those who will leave in the high band",
    "auroc": "AUROC",
    "brier": "Brier score",
}
"""Name of a figure -> words."""
_FEWEST, _FEWEST_CHURNED = 100, 20
"""Outcomes of forecasts that are needed to judge calibration by them."""
_SLOPES = 0.5, 2.0
"""The interval of the slope has to be within these bounds: a wider one would include anything."""
_CURVES, _DRAWS = 200, 1000


@dataclass(frozen=True)
class Calibration:
    """Whether the probabilities of a method were right so far."""

    verdict: Verdict
    reason: str
    n: int
    """Number of outcomes that it rests on."""
    slope: Interval | None = None
    """1 is ideal."""
    shift: Interval | None = None
    """Of the log-odds; 0 is ideal."""


@dataclass(frozen=True)
class Expected:
    """The expected performance of a run."""

    run_id: str
    method: str | None
    calibration: Calibration
    customers: int
    """Number of customers whose probabilities are used."""
    left_out: int
    """Customers without a calibrated probability, those who have given notice, and former ones."""
    figures: Mapping[str, Interval]
    """See `FIGURES`; none unless calibration has held. Intervals are for what will be observed, 95 %."""


@dataclass(frozen=True)
class _Evidence:
    """Probabilities and outcomes by which calibration is judged."""

    labels: Labels
    scores: Scores
    groups: Groups | None
    source: str


def expect(store: Store, run: str = NEWEST) -> Expected:
    """Estimates the performance of a run.

    Args:
        store: the store of the run.
        run: start of the run's id, or `latest`.

    Raises:
        InputError: there is no such run.
        EmptyStore: there is no history.
    """
    batch = store.run(run)
    all_records = list(records.of_run(store.history, batch.id))
    usable = [record for record in all_records if _is_usable(record)]
    method = next((record.provenance.method for record in usable), None)
    info = next((kept for kept in stored_methods(store.settings.store) if kept.name == method), None)
    evidence = _evidence(store, method, info)
    calibration, curves = _judged(evidence, calibrated=bool(usable))
    figures: Mapping[str, Interval] = {}
    if calibration.verdict == "has held":
        scores = np.array([_probability(record) for record in usable])
        figures = estimate(scores, np.array([record.band == "high" for record in usable]), curves)
    return Expected(batch.id, method, calibration, len(usable), len(all_records) - len(usable), figures)


def _is_usable(record: Assessment) -> bool:
    number = record.churn_probability
    gave_notice = record.announced is not None and record.announced.stands  # that number is not from the calibration
    return bool(number and number.calibrated) and not gave_notice and record.former is None


def _probability(record: Assessment) -> float:
    if record.churn_probability is None:
        raise InputError(f"{record.customer_id!r} has no number")
    return record.churn_probability.value


def _evidence(store: Store, method: str | None, info: MethodInfo | None) -> _Evidence | None:
    """Earlier forecasts of the method with outcomes, if there are enough; else customers held out of its training."""
    known = [
        forecast
        for forecast in ledger.forecasts(store)
        if forecast.assessment.provenance.method == method
        and forecast.can_be_judged
        and not forecast.back_test
        and not forecast.treated
        and _is_usable(forecast.assessment)
    ]
    if len(known) >= _FEWEST and sum(bool(each.churned) for each in known) >= _FEWEST_CHURNED:
        customers = [each.assessment.customer_id for each in known]
        return _Evidence(
            np.array([bool(each.churned) for each in known]),
            np.array([each.number for each in known]),
            np.unique(customers, return_inverse=True)[1],
            "outcomes of earlier forecasts",
        )
    bins = info.reliability if info else ()
    if not bins:
        return None
    labels = [np.arange(n) < round(share * n) for _, share, n in bins]
    scores = [np.full(n, mean) for mean, _, n in bins]
    return _Evidence(np.concatenate(labels), np.concatenate(scores), None, "customers held out of the training")


def _judged(evidence: _Evidence | None, *, calibrated: bool) -> tuple[Calibration, NDArray[np.float64]]:
    """The verdict, and curves (intercept, slope) that the evidence allows, of shape (curves, 2)."""
    none = np.zeros((0, 2))
    if not calibrated:
        return Calibration("cannot tell", "no customer of the run has a calibrated probability", 0), none
    if evidence is None:
        return Calibration("cannot tell", "no outcomes of this method are known", 0), none
    n, churned = len(evidence.labels), int(evidence.labels.sum())
    if n < _FEWEST or min(churned, n - churned) < _FEWEST_CHURNED:
        why = f"{n} {evidence.source}, {churned} churned; {_FEWEST} with {_FEWEST_CHURNED} of each outcome would tell"
        return Calibration("cannot tell", why, n), none
    drawn = metrics.resamples(n, evidence.groups, _CURVES, 0)
    curves = np.array([metrics.calibration_curve(evidence.labels[rows], evidence.scores[rows]) for rows in drawn])
    shifts = [metrics.calibration_intercept(evidence.labels[rows], evidence.scores[rows]) for rows in drawn]
    curves = curves[np.isfinite(curves).all(axis=1)]
    slope = metrics.percentiles(metrics.calibration_slope(evidence.labels, evidence.scores), curves[:, 1].tolist())
    shift = metrics.percentiles(metrics.calibration_intercept(evidence.labels, evidence.scores), shifts)
    words = (
        f"slope {slope.value:.2f} [{slope.low:.2f}, {slope.high:.2f}] (1 is ideal), shift {shift.value:+.2f} "
        f"[{shift.low:+.2f}, {shift.high:+.2f}] (0 is ideal), on {n} {evidence.source}"
    )
    if not (slope.low <= 1 <= slope.high and shift.low <= 0 <= shift.high):
        return Calibration("has not held", words, n, slope, shift), none
    if not (_SLOPES[0] <= slope.low and slope.high <= _SLOPES[1]):
        return Calibration("cannot tell", f"{words}; the interval of the slope is too wide", n, slope, shift), none
    return Calibration("has held", words, n, slope, shift), curves


def estimate(scores: Scores, flagged: NDArray[np.bool_], curves: NDArray[np.float64]) -> dict[str, Interval]:
    """Expected figures of calibrated probabilities, with intervals for what will be observed.

    Args:
        scores: calibrated probabilities, shape (customers,).
        flagged: whether each customer is in the high band, shape (customers,).
        curves: intercepts and slopes of calibration that the evidence allows, shape (curves, 2).

    Returns:
        Figures by name; without those of the high band if it is empty.
    """
    expected = _expected(scores, flagged)
    random = np.random.default_rng(0)
    log_odds = metrics.log_odds(scores)
    drawn: list[dict[str, float]] = []
    for _ in range(_DRAWS):
        intercept, slope = curves[random.integers(len(curves))]
        chances = np.asarray(expit(intercept + slope * log_odds), dtype=np.float64)
        outcome = random.random(len(scores)) < chances
        drawn.append(_observed(outcome, scores, flagged))
    return {name: metrics.percentiles(value, [each[name] for each in drawn]) for name, value in expected.items()}


def _expected(scores: Scores, flagged: NDArray[np.bool_]) -> dict[str, float]:
    found = {
        "leave": float(scores.sum()),
        "auroc": _expected_auroc(scores),
        "brier": float((scores * (1 - scores)).mean()),
    }
    if flagged.any():
        found["precision"] = float(scores[flagged].mean())
        found["coverage"] = float(scores[flagged].sum() / scores.sum())
    return found


def _expected_auroc(scores: Scores) -> float:
    """The AUROC if each customer leaves with their probability: pairs are weighted by how likely they are to occur."""
    values, where = np.unique(scores, return_inverse=True)
    leave = np.bincount(where, weights=scores, minlength=len(values))
    stay = np.bincount(where, weights=1 - scores, minlength=len(values))
    below = np.cumsum(stay) - stay
    pairs = float(leave.sum() * stay.sum() - (scores * (1 - scores)).sum())
    same = float((leave * stay).sum() - (scores * (1 - scores)).sum())
    return (float((leave * below).sum()) + same / 2) / pairs


def _observed(outcome: Labels, scores: Scores, flagged: NDArray[np.bool_]) -> dict[str, float]:
    left = int(outcome.sum())
    ranks = stats.rankdata(scores)
    area = float("nan")
    if 0 < left < len(outcome):
        area = float((ranks[outcome].sum() - left * (left + 1) / 2) / (left * (len(outcome) - left)))
    found = {"leave": float(left), "auroc": area, "brier": float(((scores - outcome) ** 2).mean())}
    if flagged.any():
        found["precision"] = float(outcome[flagged].mean())
        found["coverage"] = float(outcome[flagged].sum() / left) if left else float("nan")
    return found
