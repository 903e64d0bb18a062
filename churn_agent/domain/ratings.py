"""Ratings and scores beside interactions, by the names that exports give them."""

from collections.abc import Mapping
from functools import cache

from churn_agent.domain.interactions import as_number

_KINDS = {
    "rating": "rating ratings stars star_rating starrating review_stars review_rating bewertung sterne",
    "score": "score nps nps_score csat csat_score",
}
KINDS = tuple(_KINDS)
"""Kinds of ratings: stars, and scores of surveys."""
_KIND_OF = {name: kind for kind, names in _KINDS.items() for name in names.split()}


@cache
def kind_of_rating(name: str) -> str | None:
    """Returns one of `KINDS` for the name of a column or of a field in a record (`attributes.rating`), else None."""
    return _KIND_OF.get(name.rpartition(".")[2])


def rating(metadata: Mapping[str, str], kind: str) -> float | None:
    """Returns the rating of a kind in the metadata of an interaction; None if there is none."""
    numbers = (as_number(text) for name, text in metadata.items() if kind_of_rating(name) == kind)
    return next((number for number in numbers if number is not None), None)
