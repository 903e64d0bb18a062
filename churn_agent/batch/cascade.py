"""A cascade: everybody is screened, who comes out on top is assessed in full."""

import math
import re
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from datetime import date

from churn_agent.agent import ChurnAgent
from churn_agent.domain.assessment import Assessment
from churn_agent.errors import InputError
from churn_agent.screening import Screening


@dataclass(frozen=True)
class Top:
    """How many of those screened are assessed in full: a number, or a share from 0 to 1, rounded up."""

    count: int | None = None
    share: float | None = None

    def of(self, n: int) -> int:
        """How many of `n`."""
        return min(n, self.count) if self.count is not None else math.ceil((self.share or 0) * n)


def parse_top(text: str) -> Top:
    """`20` or `10%`. Raises `InputError`."""
    share = re.fullmatch(r"(\d+(?:\.\d+)?)\s*%", text)
    if share and 0 < float(share[1]) <= 100:
        return Top(share=float(share[1]) / 100)
    if re.fullmatch(r"[1-9]\d*", text):
        return Top(count=int(text))
    raise InputError(f"{text!r} is no number of customers; give one such as 20, or a share such as 10%")


def rank(
    agent: ChurnAgent,
    customer_ids: Sequence[str],
    *,
    as_of: date | None = None,
    progress: Callable[[], None] = lambda: None,
) -> list[Screening]:
    """All screenings, the highest score first, those without one last."""
    found: list[Screening] = []
    for each in agent.screen_many(customer_ids, as_of=as_of):
        found.append(each)
        progress()
    return sorted(found, key=lambda each: -math.inf if each.score is None else each.score, reverse=True)


def cascade(
    agent: ChurnAgent, customer_ids: Sequence[str], *, share: float, as_of: date | None = None
) -> tuple[list[Screening], Iterator[Assessment]]:
    """Screens all, then assesses those on top.

    Args:
        share: of the customers to be assessed in full, 0 to 1; rounded up.

    Returns:
        All screenings, as `rank` gives them, and the assessments as they are made.
    """
    ranked = rank(agent, customer_ids, as_of=as_of)
    top = [each.customer_id for each in ranked[: Top(share=share).of(len(ranked))]]
    return ranked, agent.assess_many(top, as_of=as_of)
