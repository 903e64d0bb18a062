"""A cascade: everybody is screened, who comes out on top is assessed in full."""

import math
from collections.abc import Iterator, Sequence
from datetime import date

from churn_agent.agent import ChurnAgent
from churn_agent.domain.assessment import Assessment
from churn_agent.screening import Screening


def cascade(
    agent: ChurnAgent, customer_ids: Sequence[str], *, share: float, as_of: date | None = None
) -> tuple[list[Screening], Iterator[Assessment]]:
    """Screens all, then assesses those on top.

    Args:
        share: of the customers to be assessed in full, 0 to 1; rounded up.

    Returns:
        All screenings, the highest score first (those without one last), and the assessments as they are made.
    """
    ranked = sorted(
        agent.screen_many(customer_ids, as_of=as_of),
        key=lambda each: -math.inf if each.score is None else each.score,
        reverse=True,
    )
    top = [each.customer_id for each in ranked[: math.ceil(share * len(ranked))]]
    return ranked, agent.assess_many(top, as_of=as_of)
