"""The screening of a cascade, in which all customers are screened and those on top are assessed in full.

Screening is by successive halving (Karnin et al. 2013, Jamieson & Talwalkar 2016): all are looked at by their latest
message, the better half again by two, the better half of these by four, until as few are left as are to be assessed.
"""

import math
import re
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from datetime import date

from churn_agent.assessing.agent import ChurnAgent
from churn_agent.assessing.screening import Screening
from churn_agent.errors import InputError


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


def rounds(customers: int, wanted: int) -> list[int]:
    """How many of the customers each round of the screening looks at."""
    looks = [customers]
    while (better := math.ceil(looks[-1] / 2)) > wanted:
        looks.append(better)
    return looks


def rank(
    agent: ChurnAgent,
    customer_ids: Sequence[str],
    wanted: int,
    *,
    as_of: date | None = None,
    progress: Callable[[], None] = lambda: None,
) -> tuple[list[Screening], list[Screening]]:
    """Finds those on top by successive halving.

    Args:
        wanted: how many.
        progress: called after each look; there are the sum of `rounds`.

    Returns:
        The last looks at those on top, and at the others: the highest score first, those without one last.
    """
    ranked: list[Screening] = []
    ids = list(customer_ids)
    for number, n in enumerate(rounds(len(ids), wanted)):
        earlier = {each.customer_id: each for each in ranked}
        looked: list[Screening] = []
        for each in agent.screen_many(ids[:n], as_of=as_of, latest=2**number):
            looked.append(each.after(earlier.get(each.customer_id)))
            progress()
        ranked[:n] = _by_score(looked)
        ids = [each.customer_id for each in ranked]
    return ranked[:wanted], _by_score(ranked[wanted:])


def _by_score(found: Sequence[Screening]) -> list[Screening]:
    return sorted(found, key=lambda each: -math.inf if each.score is None else each.score, reverse=True)
