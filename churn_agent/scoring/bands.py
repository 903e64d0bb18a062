"""Bands: low, medium, high. Customers near a boundary stay in their earlier band."""

import math
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Literal

from churn_agent.domain.assessment import Band, ChurnProbability
from churn_agent.scoring.prior import log_odds, sigmoid

SCORE_MEDIUM_FROM, SCORE_HIGH_FROM = 0.35, 0.65
"""Boundaries on an uncalibrated score."""
_JUST = 1e-6
"""How near a score may come to a boundary that it must not cross."""
HIGH_ODDS = 3.0
"""Least odds of a high calibrated probability, as a multiple of the odds of the base rate."""


@dataclass(frozen=True)
class Capacity:
    """Boundaries by the number of customers who can be called, in log-odds."""

    customers: int
    """Number of customers in the book."""
    high: tuple[float, int]
    """Least log-odds of the high band, and how many customers reach them: no more than can be called."""
    medium: tuple[float, int]
    """The same of the medium band: no more than twice as many."""

    @classmethod
    def over(cls, numbers: Sequence[float], *, count: int, customers: int) -> "Capacity":
        """The boundaries for a book.

        Args:
            numbers: log-odds of customers of the book, all or a random sample; not empty.
            count: number of customers who can be called.
            customers: number of customers in the book.
        """

        def boundary(most: int) -> tuple[float, int]:
            ranked = sorted(numbers, reverse=True)
            reaching = max(1, round(most * len(ranked) / customers))
            if reaching >= len(ranked):
                return ranked[-1], customers
            next_ = ranked[reaching]
            above = [number for number in ranked if number > next_]  # of equal numbers, all or none
            edge = (above[-1] + next_) / 2 if above else math.nextafter(next_, math.inf)
            return edge, round(len(above) * customers / len(ranked))

        return cls(customers, boundary(count), boundary(2 * count))


def same_band(score: float, centre: float, *, margin: float) -> float:
    """The score, moved towards `centre` until both are in the same band whatever the earlier band was.

    Args:
        score: uncalibrated, 0 to 1.
        centre: the same.
        margin: as in `Bands`.
    """
    edges = [
        sigmoid(log_odds(edge) + moved)
        for edge in (SCORE_MEDIUM_FROM, SCORE_HIGH_FROM)
        for moved in (-margin, 0, margin)
    ]
    if score >= centre:
        return min([score, *(edge - _JUST for edge in edges if centre < edge <= score)])
    return max([score, *(edge + _JUST for edge in edges if score < edge <= centre)])


def _in_words(edge: float, probability: ChurnProbability) -> str:
    return f"{sigmoid(edge):.0%}" if probability.calibrated else f"a score of {100 * sigmoid(edge):.0f}"


@dataclass(frozen=True)
class Bands:
    """Boundaries on calibrated probabilities."""

    medium_from: float | None = None
    """None: the base rate, or by capacity."""
    high_from: float | None = None
    """None: three times the odds of the base rate, or by capacity."""
    margin: float = 0.5
    """Log-odds by which a customer must pass a boundary to leave the earlier band. A reworded prompt changes the scores
    of this project's own sets by as much (root mean square; `churn-agent eval stability`)."""
    capacity: Capacity | None = None
    """Used where a boundary is None, instead of the base rate."""

    def of(self, probability: ChurnProbability, before: Band | None = None) -> Band:
        """The band of a customer who was in the band `before`."""
        medium, high = self._boundaries(probability)
        if before:  # the boundaries of the earlier band move away
            medium += self.margin if before == "low" else -self.margin
            high += -self.margin if before == "high" else self.margin
        x = log_odds(probability.shown)
        return "low" if x < medium else "high" if x >= high else "medium"

    def why(self, probability: ChurnProbability, before: Band | None = None) -> str:
        """The reason for the band, in a few words: its boundaries, or the band before."""
        band = self.of(probability, before)
        if band != self.of(probability):
            return f"near a boundary, and {before} at the assessment before"
        medium, high = (_in_words(edge, probability) for edge in self._boundaries(probability))
        if probability.calibrated:
            medium += "" if self.medium_from else self._because("medium", ", the base rate")
            high += "" if self.high_from else self._because("high", ", three times the odds of the base rate")
        return {"low": f"below {medium}", "medium": f"from {medium}", "high": f"from {high}"}[band]

    def high_boundary(self, probability: ChurnProbability) -> float:
        """The least log-odds of a number in the high band, whether the number is a score or a probability."""
        return max(log_odds(SCORE_HIGH_FROM), self._boundaries(probability)[1])

    def _because(self, band: Literal["medium", "high"], usual: str) -> str:
        if self.capacity is None:
            return usual
        reached = (self.capacity.high if band == "high" else self.capacity.medium)[1]
        return f", reached by {reached} of {self.capacity.customers} customers (bands by capacity)"

    def _boundaries(self, probability: ChurnProbability) -> tuple[float, float]:
        if not probability.calibrated:
            return log_odds(SCORE_MEDIUM_FROM), log_odds(SCORE_HIGH_FROM)
        usual = log_odds(probability.base_rate or 0.5)
        medium, high = usual, usual + math.log(HIGH_ODDS)
        if self.capacity:
            medium, high = self.capacity.medium[0], self.capacity.high[0]
        medium = medium if self.medium_from is None else log_odds(self.medium_from)
        high = high if self.high_from is None else log_odds(self.high_from)
        return medium, max(medium, high)
