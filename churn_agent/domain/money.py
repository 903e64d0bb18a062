"""Amounts of money among the attributes of a customer, and their currencies."""

import re
from collections.abc import Mapping

_MONEY = frozenset(
    """amount value price arr mrr acv tcv ltv revenue fee fees spend cost total turnover betrag wert umsatz preis
    montant importe valor""".split()
)
_CURRENCIES = ("currency", "currency_code", "deal_currency", "currencyisocode", "waehrung", "währung")


def is_money(name: str) -> bool:
    """Whether an attribute of this name is an amount of money.

    Example:
        >>> is_money("yearly_value"), is_money("seats")
        (True, False)
    """
    return not _MONEY.isdisjoint(re.split(r"[\W_]+", name.casefold()))


def currency_in(attributes: Mapping[str, str], name: str) -> str:
    """Returns the currency of an amount as another attribute writes it (`NAME_currency`, `currency`, `deal_currency`).

    It is empty if there is none.
    """
    for column in (f"{name}_currency", *_CURRENCIES):
        if attributes.get(column, "").strip():
            return attributes[column].strip()
    return ""
