"""Metrics of scores: ranking, probabilities, decisions and money, from one label and one score for each sample.

`Labels` are True for customers who churned, `Scores` are 0 to 1, both of shape (samples,). A metric that needs both
classes is NaN if one is missing.
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
"""The customer number of each sample."""

REACH = float(stats.norm.ppf(0.975))
"""Half-width of a normal 95 % interval, in standard errors."""
_NEWTON_STEPS, _CONVERGED = 50, 1e-9
_SEPARATED = 50.0
"""A slope with greater log-odds means that the outcomes are perfectly separated, so that no slope is optimal."""
_HELD = 1e-6
"""Probabilities are kept this far from 0 and 1 before logarithms are taken."""


@dataclass(frozen=True)
class Interval:
    """An estimate with its 95 % interval."""

    value: float
    low: float
    high: float

    @property
    def standard_error(self) -> float:
        """The standard error, if the interval is normal."""
        return (self.high - self.low) / (2 * REACH)


def enough(labels: Labels, groups: Groups) -> bool:
    """Whether there are at least two customers of each outcome; metrics need them."""
    return min(len(np.unique(groups[labels])), len(np.unique(groups[~labels]))) >= 2


# --- ranking


@dataclass(frozen=True)
class Placements:
    """The placement of each sample among those of the other class. AUROC is the mean of placements.

    The variance is that of DeLong et al. (1988), or of Obuchowski (1997) if customers have several samples.
    """

    churned: Scores
    """For each sample that churned, the share of the other class below it; ties count half."""
    stayed: Scores
    """For each sample that stayed, the share of the other class above it; ties count half."""
    churned_groups: Groups
    stayed_groups: Groups

    @classmethod
    def of(cls, labels: Labels, scores: Scores, groups: Groups | None = None) -> "Placements":
        """Placements of scores. Without groups, each sample counts as a separate customer."""
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
        """Differences from the placements of other scores of the same samples."""
        return Placements(
            self.churned - other.churned, self.stayed - other.stayed, self.churned_groups, self.stayed_groups
        )

    @property
    def mean(self) -> float:
        """Share that churned, 0 to 1."""
        return float(self.churned.mean())

    @property
    def customers(self) -> tuple[int, int]:
        """The number of customers who churned, and the number who stayed."""
        return len(np.unique(self.churned_groups)), len(np.unique(self.stayed_groups))

    @property
    def variance(self) -> float:
        """Variance of the mean; NaN unless at least two customers churned and two stayed."""
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
    """For each group, the sum of its values minus the overall mean."""
    sums = np.zeros(len(groups))
    np.add.at(sums, np.searchsorted(groups, of), values - values.mean())
    return sums


def auroc(labels: Labels, scores: Scores, groups: Groups | None = None) -> Interval:
    """Probability that a churned customer's score is above a staying one's, ties half. Interval: DeLong et al. (1988).

    For a perfect ranking, DeLong's interval has no width. The bound is then the AUROC at which this number of customers
    of the rarer outcome would all be placed correctly with a probability of 2.5 %.
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
    """Average precision. Equal to scikit-learn's, but faster in a bootstrap."""
    if not labels.any():
        return math.nan
    order = np.argsort(-scores, kind="stable")
    last_of_tie = np.append(np.diff(scores[order]) != 0, True)
    caught = np.cumsum(labels[order])[last_of_tie]
    precision = caught / (np.flatnonzero(last_of_tie) + 1)
    return float((np.diff(caught, prepend=0) * precision).sum() / caught[-1])


def lift(labels: Labels, scores: Scores, share: float = 0.1) -> float:
    """Churn rate among the highest scores, as a multiple of the base rate. Ties at the border count in proportion."""
    return _caught(labels, scores, share) / share if labels.any() else math.nan


def gain_curve(labels: Labels, scores: Scores, points: int = 100) -> tuple[Scores, Scores]:
    """Share of customers contacted, highest scores first -> share of all churners among them."""
    shares = np.linspace(0, 1, points + 1)
    return shares, np.array([_caught(labels, scores, share) for share in shares])


def called(scores: Scores, n: float) -> Scores:
    """Each sample's probability of being among the `n` highest, shape (samples,). Ties are drawn at random."""
    _, which, tied = np.unique(-scores, return_inverse=True, return_counts=True)
    above = np.cumsum(tied) - tied
    return np.clip((n - above) / tied, 0, 1)[which]


def _caught(labels: Labels, scores: Scores, share: float) -> float:
    """Share of churners among this share of the highest scores; ties count in proportion."""
    return float(called(scores, share * len(labels))[labels].sum() / labels.sum())


# --- probabilities


def brier(labels: Labels, scores: Scores) -> float:
    """Mean squared difference between score and outcome (Brier 1950); lower is better."""
    return float(np.mean((scores - labels) ** 2))


@dataclass(frozen=True)
class BrierParts:
    """Brier score = miscalibration - discrimination + uncertainty."""

    miscalibration: float
    discrimination: float
    uncertainty: float


def brier_parts(labels: Labels, scores: Scores) -> BrierParts:
    """CORP decomposition (Dimitriadis, Gneiting & Jordan 2021): uses isotonic recalibration instead of bins."""
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
    """Mean distance between score and observed rate over bins of equal mass, weighted by size."""
    return _ece(labels.astype(float), scores, bins)


def calibration_error_of_the_perfect(scores: Scores, *, bins: int = 10, draws: int = 1000, seed: int = 0) -> Interval:
    """The calibration error that these scores would have if they were perfectly calibrated.

    Its mean over samples of this size, and the range that contains 95 % of them.
    """
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

    `sklearn.calibration.calibration_curve(strategy="quantile")` gives the same rates if no scores are tied, but not the
    number of samples in each bin, which shows how uncertain a rate is.
    """
    order = np.argsort(scores, kind="stable")
    parts = np.array_split(order, min(bins, len(scores)))
    return [(float(scores[p].mean()), float(labels[p].mean()), len(p)) for p in parts]


def calibration_slope(labels: Labels, scores: Scores) -> float:
    """Slope of the outcome's log-odds on the score's (Cox 1958): 1 is ideal, below 1 is overconfident."""
    return calibration_curve(labels, scores)[1]


def calibration_curve(labels: Labels, scores: Scores) -> tuple[float, float]:
    """Intercept and slope of the outcome's log-odds on the score's (Cox 1958): 0 and 1 are ideal."""
    x = log_odds(scores)
    if labels.all() or not labels.any() or np.ptp(x) == 0:
        return math.nan, math.nan
    design = np.column_stack([np.ones(len(x)), (x - x.mean()) / x.std()])
    curve = np.zeros(2)
    for _ in range(_NEWTON_STEPS):  # a general solver would be too slow in a bootstrap
        fitted = expit(design @ curve)
        hessian = (design * (fitted * (1 - fitted))[:, None]).T @ design
        step = np.linalg.lstsq(hessian, design.T @ (labels - fitted), rcond=None)[0]
        curve = curve + step
        if np.abs(step).max() < _CONVERGED or np.abs(curve).max() > _SEPARATED:
            break
    slope = float(curve[1] / x.std())
    return float(curve[0]) - slope * float(x.mean()), slope


def calibration_intercept(labels: Labels, scores: Scores) -> float:
    """The shift of the scores' log-odds at which their mean is the base rate: 0 is ideal."""
    if labels.all() or not labels.any():
        return math.nan
    x = log_odds(scores)

    def excess(shift: float) -> float:
        return float(expit(x + shift).mean() - labels.mean())

    return float(optimize.brentq(excess, -50, 50))


def _held(scores: Scores) -> Scores:
    return np.clip(scores, _HELD, 1 - _HELD)


def log_odds(scores: Scores) -> Scores:
    """Log-odds of scores, which are kept slightly away from 0 and 1."""
    return logit(_held(scores))


def at_base_rate(scores: Scores, learned: float, target: float, *, shift: float = 0.0) -> Scores:
    """Probabilities learned at one base rate, shifted in log-odds to another, and by `shift`."""
    return expit(log_odds(scores) + shift + logit(target) - logit(learned))


_FARTHEST = 50.0
"""Log-odds within which a shift is looked for."""


def shift_to_mean(numbers: Scores, mean: float) -> float:
    """The log-odds to add to each number so that the mean of the probabilities is `mean`.

    Args:
        numbers: log-odds, not empty.
        mean: above 0 and below 1.
    """
    return float(
        optimize.brentq(lambda shift: float(expit(numbers + shift).mean() - mean), -_FARTHEST, _FARTHEST, xtol=1e-12)
    )


# --- decisions


@dataclass(frozen=True)
class Decisions:
    """The decisions if every customer at or above a threshold is contacted."""

    threshold: float
    caught: int
    """Churned and contacted (true positives)."""
    missed: int
    bothered: int
    """Stayed and contacted (false positives)."""
    spared: int

    @classmethod
    def at(cls, labels: Labels, scores: Scores, threshold: float) -> "Decisions":
        """Decisions if every score at or above the threshold is contacted."""
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
        """Share of correct decisions, 0 to 1."""
        return _ratio(self.caught + self.spared, self.caught + self.missed + self.bothered + self.spared)

    @property
    def precision(self) -> float:
        """Share of churners among contacted customers, 0 to 1."""
        return _ratio(self.caught, self.caught + self.bothered)

    @property
    def recall(self) -> float:
        """Share of churners who were contacted, 0 to 1."""
        return _ratio(self.caught, self.caught + self.missed)

    @property
    def f1(self) -> float:
        """Harmonic mean of precision and recall, 0 to 1."""
        return _ratio(2 * self.caught, 2 * self.caught + self.missed + self.bothered)


def best_threshold(labels: Labels, scores: Scores) -> float:
    """The threshold with the highest F1. Choose it on the development split only."""
    candidates = np.unique(scores)
    return float(candidates[np.argmax([Decisions.at(labels, scores, each).f1 for each in candidates])])


def _ratio(part: float, whole: float) -> float:
    return part / whole if whole else math.nan


# --- money


@dataclass(frozen=True)
class Costs:
    """Costs and benefits of a retention campaign per customer, in one currency (Verbeke et al. 2012)."""

    value: float = 200.0
    """Value of a customer who stays."""
    offer: float = 10.0
    """Cost of the offer for each customer who accepts it."""
    contact: float = 1.0
    """Cost of contacting a customer."""
    accepted: float = 0.3
    """Share of would-be churners who stay because of the offer, 0 to 1."""


def profit_at_capacity(labels: Labels, scores: Scores, costs: Costs, capacity: float = 0.1) -> float:
    """Profit per customer if this share of the highest scores is contacted; would-be stayers all take the offer."""
    base = float(labels.mean())
    caught = _caught(labels, scores, capacity) * base if labels.any() else 0.0
    bothered = capacity - caught
    won = caught * costs.accepted * (costs.value - costs.offer)
    return won - bothered * costs.offer - capacity * costs.contact


def expected_maximum_profit(labels: Labels, scores: Scores, costs: Costs) -> float:
    """Profit per customer at the best share to contact, with an uncertain share of acceptance around the given one.

    EMP by Verbraken, Verbeke & Baesens (2013), computed by empulse.
    """
    with extras.importing("evals"):
        from empulse.metrics import empc_score

    if not labels.any() or labels.all():
        return math.nan
    spread = 20.0  # alpha + beta of the beta distribution in the paper, whose mean is .3
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
    """Share of samples decided, most certain first -> share of wrong decisions among them (El-Yaniv & Wiener 2010)."""
    order = np.argsort(-np.abs(log_odds(scores) - log_odds(np.array([threshold]))), kind="stable")
    wrong = ((scores >= threshold) != labels)[order]
    n = np.arange(1, len(labels) + 1)
    return n / len(labels), np.cumsum(wrong) / n


def area_under_risk_coverage(labels: Labels, scores: Scores, threshold: float) -> float:
    """Mean share of wrong decisions over all coverages (AURC, Geifman, Uziel & El-Yaniv 2019); lower is better."""
    return float(risk_coverage(labels, scores, threshold)[1].mean())


# --- intervals for other metrics


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
    drawn = [metric(labels[rows], scores[rows]) for rows in resamples(len(labels), groups, draws, seed)]
    return percentiles(metric(labels, scores), drawn)


def ratio(parts: Scores, wholes: Scores, groups: Groups | None = None, *, draws: int = 1000, seed: int = 0) -> Interval:
    """Sum of the parts divided by the sum of the wholes, with the percentile interval of a bootstrap over customers."""

    def of(rows: Any) -> float:
        return _ratio(float(parts[rows].sum()), float(wholes[rows].sum()))

    drawn = [of(rows) for rows in resamples(len(parts), groups, draws, seed)]
    return percentiles(of(slice(None)), drawn)


def share(part: int, whole: int) -> Interval:
    """A share with the exact interval of Clopper & Pearson (1934)."""
    exact = stats.binomtest(part, whole).proportion_ci(0.95)
    return Interval(part / whole, float(exact.low), float(exact.high))


def weighted_share(parts: Scores, weights: Scores) -> Interval:
    """A weighted share, with the exact interval at the effective sample size.

    The interval is that of Clopper & Pearson for as many units as weights leave (Kish 1965), as Korn & Graubard (1998)
    propose for samples. With equal weights it is the exact one.

    Args:
        parts: for each unit 0 to 1, shape (n,).
        weights: for each unit the number that it stands for, above 0, shape (n,).
    """
    value = float(parts @ weights / weights.sum())
    n = effective_size(weights)
    hits = value * n
    low = float(stats.beta.ppf(0.025, hits, n - hits + 1)) if hits > _HELD else 0.0
    high = float(stats.beta.ppf(0.975, hits + 1, n - hits)) if n - hits > _HELD else 1.0
    return Interval(value, low, high)


def effective_size(weights: Scores) -> float:
    """Number of units of equal weight that tell as much as these (Kish 1965)."""
    return float(weights.sum() ** 2 / (weights @ weights))


def kappa(first: Labels, second: Labels) -> float:
    """Agreement of two people on the same items beyond chance (Cohen 1960), at most 1; NaN if chance is certain."""
    by_chance = float(first.mean() * second.mean() + (1 - first.mean()) * (1 - second.mean()))
    return math.nan if by_chance >= 1 else (float((first == second).mean()) - by_chance) / (1 - by_chance)


def percentiles(value: float, drawn: Sequence[float]) -> Interval:
    """A number with the 95 % percentile interval of those of resamples; NaN among them does not count."""
    usable = [number for number in drawn if not math.isnan(number)]
    low, high = np.quantile(usable, [0.025, 0.975]) if usable else (math.nan, math.nan)
    return Interval(value, float(low), float(high))


def resamples(n: int, groups: Groups | None, draws: int, seed: int) -> Sequence[NDArray[np.intp]]:
    """Positions of samples drawn with replacement. All samples of a customer are drawn together."""
    random = np.random.default_rng(seed)
    if groups is None or len(np.unique(groups)) == n:
        return [random.integers(0, n, n) for _ in range(draws)]
    members = [np.flatnonzero(groups == group) for group in np.unique(groups)]
    return [
        np.concatenate([members[int(k)] for k in random.integers(0, len(members), len(members))]) for _ in range(draws)
    ]
