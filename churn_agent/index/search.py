"""Search by meaning over the messages of all customers."""

from dataclasses import dataclass
from datetime import datetime

import numpy as np
from numpy.typing import NDArray
from sqlalchemy import Engine

from churn_agent.domain.interactions import Interaction
from churn_agent.history import interactions
from churn_agent.index.vectors import Index

_FIRST_LOOK = 8
"""Texts fetched for each hit; more if too many of them are old."""
_WIDER = 4
_MOST = 100_000


@dataclass(frozen=True)
class Hit:
    """The latest message of a customer with a text near in meaning."""

    similarity: float
    """Cosine similarity, -1 to 1."""
    interaction: Interaction


def nearest(
    engine: Engine, index: Index, vector: NDArray[np.float32], *, limit: int, since: datetime | None = None
) -> list[Hit]:
    """Returns at most `limit` hits, best first; equal texts of one customer are one hit.

    Args:
        engine: database of the history.
        index: index of its texts.
        vector: vector of the query, of shape (dimension,) and unit length.
        limit: most hits.
        since: only interactions from this time on (with a time zone).
    """
    fetched = limit * _FIRST_LOOK
    while True:
        similar = index.nearest(vector, fetched)
        hits: dict[tuple[str, str], Hit] = {}
        for interaction in interactions.with_texts(engine, list(similar), since=since):
            key = interaction.customer_id, interaction.text_id
            if key not in hits or hits[key].interaction.occurred_at < interaction.occurred_at:
                hits[key] = Hit(similar[interaction.text_id], interaction)
        if len(hits) >= limit or len(similar) < fetched // _WIDER or fetched > _MOST:
            break
        fetched *= _WIDER
    return sorted(hits.values(), key=lambda hit: (-hit.similarity, -hit.interaction.occurred_at.timestamp()))[:limit]
