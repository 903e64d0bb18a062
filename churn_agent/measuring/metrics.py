"""How good scores are: ranking, probabilities, decisions, money. All over one label and one score for each sample.

`Labels` are True for who churned, `Scores` 0 to 1, both of shape (samples,). A number that needs both classes is NaN
where one is missing.
"""

import math
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray
from scipy import optimize, stats
from scipy.special import expit, logit

from churn_agent import extras

Labels = NDArray[np.bool_]
Scores = NDArray[np.float64]
Groups = NDArray[np.intp]
"""Number of the customer that each sample is of."""

REACH = float(stats.norm.ppf(0.975))
"""Standard errors on either side of a normal 95 % interval."""
_NEWTON_STEPS, _CONVERGED = 50, 1e-9
_SEPARATED = 50.0
"""Log-odds beyond which outcomes are told apart without a mistake, and no slope is the best."""
_HELD = 1e-6
"""Probabilities are held this far from 0 and 1 where logarithms are taken."""


@dataclass(frozen=True)
class Interval:
    """An estimate with its 95 % interval."""

    value: float
    low: float
    high: float

    @property
    def standard_error(self) -> float:
        """Of a normal interval."""
        return (self.high - self.low) / (2 * REACH)


def enough(labels: Labels, groups: Groups) -> bool:
    """Whether two customers of each outcome are there, below which nothing can be said."""
    return min(len(np.unique(groups[labels])), len(np.unique(groups[~labels]))) >= 2


# --- ranking


@dataclass(frozen=True)
class Placements:
    """How each sample is placed among those of the other class: the parts that AUROC is a mean of.

    Their variance is that of DeLong et al. (1988), and, for several samples of a customer, of Obuchowski (1997).
    """

    churned: Scores
    """For each who churned, the share of the others below (ties half)."""
    stayed: Scores
    """For each who stayed, the share of the others above."""
    churned_groups: Groups
    stayed_groups: Groups

    @classmethod
    def of(cls, labels: Labels, scores: Scores, groups: Groups | None = None) -> "Placements":
        """Placements of scores; each sample is a customer of its own if no groups are given."""
        groups = np.arange(len(labels)) if groups is None else groups
        above, below = scores[labels], scores[~labels]
        ranks = stats.rankdata(np.concatenate([above, below]))
        among_above, among_below = stats.rankdata(above), stats.rankdata(below)
        return cls(
            (ranks[: len(above)] - among_above) / len(below),
            1 - (ranks[len(above) :] - among_below) / len(above),
            groups[labels],
            groups[~labels],
        )

    def less(self, other: "Placements") -> "Placements":
        """Differences to the placements of other scores of the same samples."""
        return Placements(
            self.churned - other.churned, self.stayed - other.stayed, self.churned_groups, self.stayed_groups
        )

    @property
    def mean(self) -> float:
        return float(self.churned.mean())

    @property
    def customers(self) -> tuple[int, int]:
        """How many customers churned, and how many stayed."""
        return len(np.unique(self.churned_groups)), len(np.unique(self.stayed_groups))

    @property
    def variance(self) -> float:
        """Of the mean; NaN unless two customers churned and two stayed."""
        groups = np.union1d(self.churned_groups, self.stayed_groups)
        churned = _centred_sums(self.churned, self.churned_groups, groups)
        stayed = _centred_sums(self.stayed, self.stayed_groups, groups)
        m, n = len(self.churned), len(self.stayed)
        with_churned, with_stayed = self.customers
        if with_churned < 2 or with_stayed < 2:
            return math.nan
        return float(
            with_churned / (with_churned - 1) * (churned @ churned) / m**2
            + with_stayed / (with_stayed - 1) * (stayed @ stayed) / n**2
            + 2 * len(groups) / (len(groups) - 1) * (churned @ stayed) / (m * n)
        )


def _centred_sums(values: Scores, of: Groups, groups: Groups) -> Scores:
    """For each group, the sum of its values less their overall mean."""
    sums = np.zeros(len(groups))
    np.add.at(sums, np.searchsorted(groups, of), values - values.mean())
    return sums


def auroc(labels: Labels, scores: Scores, groups: Groups | None = None) -> Interval:
    """Probability that a churned customer's score is above a staying one's, ties half; interval after DeLong.

    Where the scores rank without a mistake DeLong's interval has no width; then the bound is the ranking at which as
    many customers of the rarer outcome are all placed right once in forty times.
    """
    if labels.all() or not labels.any():
        return Interval(math.nan, math.nan, math.nan)
    placements = Placements.of(labels, scores, groups)
    value, variance = placements.mean, placements.variance
    if variance == 0 and value in (0.0, 1.0):
        bound = 0.025 ** (1 / min(placements.customers))
        return Interval(value, bound, 1.0) if value else Interval(value, 0.0, 1 - bound)
    reach = REACH * math.sqrt(variance)
    low, high = np.clip([value - reach, value + reach], 0, 1)
    return Interval(value, float(low), float(high))


def average_precision(labels: Labels, scores: Scores) -> float:
    """Precision averaged over the recalls that thresholds give; what scikit-learn gives, quicker for a bootstrap."""
    if not labels.any():
        return math.nan
    order = np.argsort(-scores, kind="stable")
    last_of_tie = np.append(np.diff(scores[order]) != 0, True)
    caught = np.cumsum(labels[order])[last_of_tie]
    precision = caught / (np.flatnonzero(last_of_tie) + 1)
    return float((np.diff(caught, prepend=0) * precision).sum() / caught[-1])


def lift(labels: Labels, scores: Scores, share: float = 0.1) -> float:
    """Churned among the highest scores, as a multiple of the base rate. Tied scores share what is at the border."""
    return _caught(labels, scores, share) / share if labels.any() else math.nan


def gain_curve(labels: Labels, scores: Scores, points: int = 100) -> tuple[Scores, Scores]:
    """Share of customers contacted, highest scores first -> share of all who churn among them."""
    shares = np.linspace(0, 1, points + 1)
    return shares, np.array([_caught(labels, scores, share) for share in shares])


def called(scores: Scores, n: float) -> Scores:
    """The chance of each to be among the `n` highest, 0 to 1, shape as the scores': what is tied is drawn by lot."""
    _, which, tied = np.unique(-scores, return_inverse=True, return_counts=True)
    above = np.cumsum(tied) - tied
    return np.clip((n - above) / tied, 0, 1)[which]


def _caught(labels: Labels, scores: Scores, share: float) -> float:
    """Share of the churned among that share of the highest scores; a tie is caught in proportion."""
    return float(called(scores, share * len(labels))[labels].sum() / labels.sum())


# --- probabilities


def brier(labels: Labels, scores: Scores) -> float:
    """Mean squared difference of score and outcome (Brier 1950); lower is better."""
    return float(np.mean((scores - labels) ** 2))


@dataclass(frozen=True)
class BrierParts:
    """Brier score = miscalibration - discrimination + uncertainty."""

    miscalibration: float
    discrimination: float
    uncertainty: float


def brier_parts(labels: Labels, scores: Scores) -> BrierParts:
    """CORP decomposition (Dimitriadis, Gneiting & Jordan 2021), without bins: against the isotonic recalibration."""
    _, which, sizes = np.unique(scores, return_inverse=True, return_counts=True)
    observed = np.bincount(which, weights=labels) / sizes
    recalibrated = optimize.isotonic_regression(observed, weights=sizes).x[which]
    at_best, base = brier(labels, recalibrated), float(labels.mean())
    uncertainty = base * (1 - base)
    return BrierParts(brier(labels, scores) - at_best, uncertainty - at_best, uncertainty)


def log_loss(labels: Labels, scores: Scores) -> float:
    """Mean negative log-likelihood in nats."""
    return float(np.mean(-np.log(np.where(labels, _held(scores), 1 - _held(scores)))))


def expected_calibration_error(labels: Labels, scores: Scores, bins: int = 10) -> float:
    """Mean distance of score and observed rate over bins of equal mass, weighted by their sizes."""
    return _ece(labels.astype(float), scores, bins)


def calibration_error_of_the_perfect(scores: Scores, *, bins: int = 10, draws: int = 1000, seed: int = 0) -> Interval:
    """The calibration error that these scores would show if they were perfectly calibrated: its mean over samples of
    this size, and the band that 95 % of them lie in."""
    random = np.random.default_rng(seed)
    outcomes = random.random((draws, len(scores))) < scores
    errors = [_ece(outcome.astype(float), scores, bins) for outcome in outcomes]
    low, high = np.quantile(errors, [0.025, 0.975])
    return Interval(float(np.mean(errors)), float(low), float(high))


def _ece(outcome: Scores, scores: Scores, bins: int) -> float:
    order = np.argsort(scores, kind="stable")
    parts = np.array_split(order, min(bins, len(scores)))
    return float(sum(len(p) * abs(scores[p].mean() - outcome[p].mean()) for p in parts) / len(scores))


def reliability(labels: Labels, scores: Scores, bins: int = 10) -> list[tuple[float, float, int]]:
    """(Mean score, observed rate, samples) of bins of equal mass.

    `sklearn.calibration.calibration_curve(strategy="quantile")` gives the same rates where no scores are tied, but not
    how many samples a rate comes from, without which nobody can tell how far it may be off.
    """
    order = np.argsort(scores, kind="stable")
    parts = np.array_split(order, min(bins, len(scores)))
    return [(float(scores[p].mean()), float(labels[p].mean()), len(p)) for p in parts]


def calibration_slope(labels: Labels, scores: Scores) -> float:
    """Of the outcome's log-odds on the score's (Cox 1958): 1 is right, below 1 is overconfident."""
    x = log_odds(scores)
    if labels.all() or not labels.any() or np.ptp(x) == 0:
        return math.nan
    design = np.column_stack([np.ones(len(x)), (x - x.mean()) / x.std()])
    found = np.zeros(2)
    for _ in range(_NEWTON_STEPS):  # a bootstrap calls this too often for a solver with more about it
        fitted = expit(design @ found)
        hessian = (design * (fitted * (1 - fitted))[:, None]).T @ design
        step = np.linalg.lstsq(hessian, design.T @ (labels - fitted), rcond=None)[0]
        found = found + step
        if np.abs(step).max() < _CONVERGED or np.abs(found).max() > _SEPARATED:
            break
    return float(found[1] / x.std())


def calibration_intercept(labels: Labels, scores: Scores) -> float:
    """What has to be added to the scores' log-odds for their mean to be the base rate: 0 is right."""
    if labels.all() or not labels.any():
        return math.nan
    x = log_odds(scores)
    root: Any = optimize.brentq(lambda a: expit(x + a).mean() - labels.mean(), -50, 50)
    return float(root)


def _held(scores: Scores) -> Scores:
    return np.clip(scores, _HELD, 1 - _HELD)


def log_odds(scores: Scores) -> Scores:
    """Of scores, held a little away from 0 and 1."""
    return logit(_held(scores))


def at_base_rate(scores: Scores, learned: float, wanted: float) -> Scores:
    """Probabilities learned where one share churned, moved in log-odds to where another does."""
    return expit(log_odds(scores) + logit(wanted) - logit(learned))


# --- decisions


@dataclass(frozen=True)
class Decisions:
    """What contacting everybody from a threshold on means."""

    threshold: float
    caught: int
    """Churned and contacted (true positives)."""
    missed: int
    bothered: int
    """Stayed and contacted (false positives)."""
    spared: int

    @classmethod
    def at(cls, labels: Labels, scores: Scores, threshold: float) -> "Decisions":
        """Decisions: contacted are scores at or above the threshold."""
        contacted = scores >= threshold
        return cls(
            threshold,
            int((labels & contacted).sum()),
            int((labels & ~contacted).sum()),
            int((~labels & contacted).sum()),
            int((~labels & ~contacted).sum()),
        )

    @property
    def accuracy(self) -> float:
        return _ratio(self.caught + self.spared, self.caught + self.missed + self.bothered + self.spared)

    @property
    def precision(self) -> float:
        return _ratio(self.caught, self.caught + self.bothered)

    @property
    def recall(self) -> float:
        return _ratio(self.caught, self.caught + self.missed)

    @property
    def f1(self) -> float:
        return _ratio(2 * self.caught, 2 * self.caught + self.missed + self.bothered)


def best_threshold(labels: Labels, scores: Scores) -> float:
    """The threshold of the highest F1. To be chosen on the development split only."""
    candidates = np.unique(scores)
    return float(candidates[np.argmax([Decisions.at(labels, scores, each).f1 for each in candidates])])


def _ratio(part: float, whole: float) -> float:
    return part / whole if whole else math.nan


# --- money


@dataclass(frozen=True)
class Costs:
    """What a retention campaign costs and brings, per customer, in one currency (Verbeke et al. 2012)."""

    value: float = 200.0
    """Of a customer who stays."""
    offer: float = 10.0
    """Given to each who accepts."""
    contact: float = 1.0
    accepted: float = 0.3
    """Share of those about to leave whom the offer holds, 0 to 1."""


def profit_at_capacity(labels: Labels, scores: Scores, costs: Costs, capacity: float = 0.1) -> float:
    """Profit per customer if that share of the highest scores is contacted; who would stay anyway takes the offer."""
    base = float(labels.mean())
    caught = _caught(labels, scores, capacity) * base if labels.any() else 0.0
    bothered = capacity - caught
    won = caught * costs.accepted * (costs.value - costs.offer)
    return won - bothered * costs.offer - capacity * costs.contact


def expected_maximum_profit(labels: Labels, scores: Scores, costs: Costs) -> float:
    """Profit per customer at the best share to contact, the share who accepts being uncertain around the one stated.

    EMP after Verbraken, Verbeke & Baesens (2013), by empulse.
    """
    with extras.importing("evals"):
        from empulse.metrics import empc_score  # type: ignore[import-untyped]

    if not labels.any() or labels.all():
        return math.nan
    spread = 20.0  # of the beta distribution: that of the paper, whose mean is .3
    return float(
        empc_score(
            labels.astype(int),
            scores,
            alpha=costs.accepted * spread,
            beta=(1 - costs.accepted) * spread,
            clv=costs.value,
            incentive_cost=costs.offer,
            contact_cost=costs.contact,
        )
    )


# --- abstention


def risk_coverage(labels: Labels, scores: Scores, threshold: float) -> tuple[Scores, Scores]:
    """Share of samples decided, the surest first -> share of wrong decisions among them (El-Yaniv & Wiener 2010)."""
    order = np.argsort(-np.abs(log_odds(scores) - log_odds(np.array([threshold]))), kind="stable")
    wrong = ((scores >= threshold) != labels)[order]
    n = np.arange(1, len(labels) + 1)
    return n / len(labels), np.cumsum(wrong) / n


def area_under_risk_coverage(labels: Labels, scores: Scores, threshold: float) -> float:
    """Mean share of wrong decisions over all shares decided (AURC, Geifman, Uziel & El-Yaniv 2019); lower is better."""
    return float(risk_coverage(labels, scores, threshold)[1].mean())


# --- intervals for everything else


def bootstrap(
    metric: Callable[[Labels, Scores], float],
    labels: Labels,
    scores: Scores,
    groups: Groups | None = None,
    *,
    draws: int = 1000,
    seed: int = 0,
) -> Interval:
    """A metric with the percentile interval of a bootstrap over customers."""
    found = [metric(labels[drawn], scores[drawn]) for drawn in resamples(len(labels), groups, draws, seed)]
    return _percentiles(metric(labels, scores), found)


def ratio(parts: Scores, wholes: Scores, groups: Groups | None = None, *, draws: int = 1000, seed: int = 0) -> Interval:
    """Sum of the parts over that of the wholes, with the percentile interval of a bootstrap over customers."""

    def of(rows: Any) -> float:
        whole = float(wholes[rows].sum())
        return float(parts[rows].sum()) / whole if whole else math.nan

    found = [of(rows) for rows in resamples(len(parts), groups, draws, seed)]
    return _percentiles(of(slice(None)), found)


def share(part: int, whole: int) -> Interval:
    """Part of the whole, with the exact interval of Clopper & Pearson (1934)."""
    found = stats.binomtest(part, whole).proportion_ci(0.95)
    return Interval(part / whole, float(found.low), float(found.high))


def _percentiles(value: float, found: Sequence[float]) -> Interval:
    usable = [each for each in found if not math.isnan(each)]
    low, high = np.quantile(usable, [0.025, 0.975]) if usable else (math.nan, math.nan)
    return Interval(value, float(low), float(high))


def resamples(n: int, groups: Groups | None, draws: int, seed: int) -> Sequence[NDArray[np.intp]]:
    """Positions of samples drawn with replacement, all of a customer's together."""
    random = np.random.default_rng(seed)
    if groups is None or len(np.unique(groups)) == n:
        return [random.integers(0, n, n) for _ in range(draws)]
    members = [np.flatnonzero(groups == group) for group in np.unique(groups)]
    return [np.concatenate([members[k] for k in random.integers(0, len(members), len(members))]) for _ in range(draws)]
