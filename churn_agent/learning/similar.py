"""Past customers who wrote similar messages, and their outcomes."""

from collections.abc import Collection
from dataclasses import dataclass
from datetime import date, timedelta
from typing import Any

import numpy as np
from numpy.typing import NDArray

from churn_agent.domain.assessment import Fact
from churn_agent.learning.examples import Examples
from churn_agent.learning.states import State
from churn_agent.measuring.metrics import Labels

NEAREST = 10
_FEWEST = 5
"""With fewer known outcomes, there is no fact."""


@dataclass(frozen=True)
class SimilarCustomers:
    """Customers at dates with known outcomes, and the mean embedding of their messages up to then."""

    customers: NDArray[np.str_]
    dates: NDArray[np.datetime64]
    churned: Labels
    directions: NDArray[np.float32]
    """Shape (customers, dimension), rows of unit length."""

    @classmethod
    def of(cls, examples: Examples) -> "SimilarCustomers | None":
        """None if no customer wrote anything."""
        if examples.vectors is None or not examples.vectors.any():
            return None
        wrote = examples.vectors.any(axis=1)
        vectors = examples.vectors[wrote]
        return cls(
            np.array(examples.customers)[wrote],
            np.array(examples.dates, dtype="datetime64[D]")[wrote],
            examples.labels[wrote],
            vectors / np.linalg.norm(vectors, axis=1, keepdims=True),
        )

    def state(self) -> State:
        """The state, as data."""
        return {
            "customers": self.customers.tolist(),
            "days": self.dates.astype("datetime64[D]").astype(np.int64),
            "churned": self.churned,
            "directions": self.directions,
        }

    @classmethod
    def of_state(cls, state: State) -> "SimilarCustomers":
        """The opposite of `state`."""
        return cls(
            np.array(state["customers"], dtype=np.str_),
            state["days"].astype("datetime64[D]"),
            state["churned"],
            state["directions"],
        )

    def without(self, customers: Collection[str]) -> "SimilarCustomers":
        """All customers except these."""
        others = ~np.isin(self.customers, list(customers))
        return SimilarCustomers(
            self.customers[others], self.dates[others], self.churned[others], self.directions[others]
        )

    def fact(self, customer_id: str, as_of: date, vector: NDArray[Any], *, horizon_days: int) -> Fact | None:
        """The outcomes of the nearest other customers, as far as they were known at `as_of`."""
        known_from = np.datetime64(as_of - timedelta(days=horizon_days))
        usable = np.flatnonzero((self.dates <= known_from) & (self.customers != customer_id))
        if len(usable) < _FEWEST or not vector.any():
            return None
        nearest = usable[np.argsort(-(self.directions[usable] @ vector), kind="stable")[:NEAREST]]
        left = int(self.churned[nearest].sum())
        text = f"Of the {len(nearest)} past customers whose words were most alike, {left} left."
        return Fact(name="alike_left", value=left, unit=f"of {len(nearest)} customers", text=text)
