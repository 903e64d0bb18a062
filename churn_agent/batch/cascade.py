"""The screening of a cascade: all customers are screened, and the top ones are assessed in full.

The second reader screens each customer once, by all messages. A model screens by successive halving (Karnin et al.
2013, Jamieson & Talwalkar 2016): all customers by their latest message, the top half by two messages, the top half of
these by four, until few enough are left to assess in full.
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
    """The number of screened customers to assess in full: a count, or a share from 0 to 1, rounded up."""

    count: int | None = None
    share: float | None = None

    def of(self, n: int) -> int:
        """Returns the number out of `n` customers."""
        return min(n, self.count) if self.count is not None else math.ceil((self.share or 0) * n)


def parse_top(text: str) -> Top:
    """Parses `20` or `10%`. Raises `InputError` for other text."""
    share = re.fullmatch(r"(\d+(?:\.\d+)?)\s*%", text)
    if share and 0 < float(share[1]) <= 100:
        return Top(share=float(share[1]) / 100)
    if re.fullmatch(r"[1-9]\d*", text):
        return Top(count=int(text))
    raise InputError(f"{text!r} is not a number of customers; give one such as 20, or a share such as 10%")


def rounds(customers: int, top: int, *, second_reader: bool = False) -> list[int]:
    """Returns the number of customers in each round of the screening."""
    sizes = [customers]
    while not second_reader and (half := math.ceil(sizes[-1] / 2)) > top:
        sizes.append(half)
    return sizes


def rank(
    agent: ChurnAgent,
    customer_ids: Sequence[str],
    top: int,
    *,
    as_of: date | None = None,
    progress: Callable[[], None] = lambda: None,
) -> tuple[list[Screening], list[Screening]]:
    """Ranks customers.

    Args:
        agent: screens the customers.
        customer_ids: customers to rank.
        top: number of customers to find.
        as_of: date of the screenings; None for the default date.
        progress: called after each screening; in total as often as the sum of `rounds`.

    Returns:
        The last screenings of the top customers and of the others, by score from high to low, without a score last.
    """
    ranked: list[Screening] = []
    ids = list(customer_ids)
    sizes = rounds(len(ids), top, second_reader=agent.screening_prompt.second_reader)
    for number, n in enumerate(sizes):
        earlier = {screening.customer_id: screening for screening in ranked}
        screened: list[Screening] = []
        for screening in agent.screen_many(ids[:n], as_of=as_of, latest=2**number):
            screened.append(screening.after(earlier.get(screening.customer_id)))
            progress()
        ranked[:n] = _by_score(screened)
        ids = [screening.customer_id for screening in ranked]
    return ranked[:top], _by_score(ranked[top:])


def _by_score(screenings: Sequence[Screening]) -> list[Screening]:
    return sorted(screenings, key=lambda s: -math.inf if s.score is None else s.score, reverse=True)
