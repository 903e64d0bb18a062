"""How often a year the period of a value comes."""

from churn_agent.domain.snapshot import Card
from churn_agent.evidence import contract_terms

_MONTHS = 12
_DAYS = 365.25
_DAYS_OF_MONTH = 31
"""As `contract_terms` counts days and weeks."""


def times_a_year(word: str, card: Card) -> float | None:
    """Returns how often a period comes in a year; None if the word is unknown.

    Args:
        word: a period such as `month`, `monthly` or `vierteljährlich`.
        card: card of the book; its words come first.

    Example:
        >>> times_a_year("monthly", Card()), times_a_year("term", Card(value_periods={"Term": 3}))
        (12.0, 3.0)
    """
    plain = word.strip().casefold()
    own = {name.strip().casefold(): times for name, times in card.value_periods.items()}
    if plain in own:
        return own[plain]
    months = contract_terms.months(plain) if plain else None
    if not months:
        return None
    return _MONTHS / months if months >= 1 else _DAYS / (months * _DAYS_OF_MONTH)
