"""Who else says this? Search by meaning over the words of all customers."""

from dataclasses import dataclass
from datetime import datetime

import numpy as np
from numpy.typing import NDArray
from sqlalchemy import Engine

from churn_agent.domain.interactions import Interaction
from churn_agent.history import interactions
from churn_agent.index.vectors import Index

_FIRST_LOOK = 8
"""Texts looked at for each hit that is wanted; more if too many of them are old."""
_WIDER = 4
_MOST = 100_000


@dataclass(frozen=True)
class Hit:
    """The latest time that a customer said something near in meaning."""

    similarity: float
    """Cosine similarity, -1 to 1."""
    interaction: Interaction


def nearest(
    engine: Engine, index: Index, vector: NDArray[np.float32], *, limit: int, since: datetime | None = None
) -> list[Hit]:
    """At most `limit` hits, best first; what one customer says in the same words is one hit.

    Args:
        vector: of what is looked for: shape (dimension,), unit length.
        since: only interactions from then on (aware).
    """
    looked_at = limit * _FIRST_LOOK
    while True:
        similar = index.nearest(vector, looked_at)
        hits: dict[tuple[str, str], Hit] = {}
        for interaction in interactions.with_texts(engine, list(similar), since=since):
            key = interaction.customer_id, interaction.text_id
            if key not in hits or hits[key].interaction.occurred_at < interaction.occurred_at:
                hits[key] = Hit(similar[interaction.text_id], interaction)
        if len(hits) >= limit or len(similar) < looked_at // _WIDER or looked_at > _MOST:
            break
        looked_at *= _WIDER
    return sorted(hits.values(), key=lambda hit: (-hit.similarity, -hit.interaction.occurred_at.timestamp()))[:limit]
