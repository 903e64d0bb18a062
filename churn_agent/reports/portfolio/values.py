"""The yearly value of customers from their attributes, in one currency."""

from collections import Counter
from collections.abc import Iterable, Mapping

from churn_agent.domain.interactions import as_number
from churn_agent.domain.money import currency_in
from churn_agent.domain.snapshot import Card
from churn_agent.ingest.formats.currencies import currency_of
from churn_agent.reports.portfolio.accounts import Amount
from churn_agent.reports.portfolio.periods import times_a_year


def main_currency(rows: Iterable[Mapping[str, str]], card: Card) -> str:
    """Returns the currency of the report: that of the card, else the most frequent one of the values."""
    if card.currency or not card.value_attribute:
        return _currency(card.currency)
    counts = Counter(currency_in(row, card.value_attribute) for row in rows if card.value_attribute in row)
    del counts[""]
    return _currency(max(counts, key=lambda name: (counts[name], name), default=""))


def value_of(row: Mapping[str, str], card: Card, main: str) -> tuple[float | None, tuple[Amount | str, ...]]:
    """Returns a customer's yearly value, or None with the amounts that cannot be added to those of the others."""
    attribute = card.value_attribute or ""
    text, currency = row.get(attribute, ""), currency_in(row, attribute)
    value = as_number(text)
    if value is not None and currency and main and _currency(currency) != main:
        return None, (Amount(value, currency),)
    if value is not None and card.value_period_attribute:
        period = row.get(card.value_period_attribute, "")
        times = times_a_year(period, card)
        return (value * times, ()) if times is not None else (None, (f"{text} {period}".strip(),))
    if value is None:
        return None, (text,) if any(map(str.isdigit, text)) else ()
    return value * (12 if card.value_period == "month" else 1), ()


def _currency(name: str) -> str:
    """Returns the code of a currency, whether it is written as a code or a sign."""
    return currency_of(name.strip()) or name.strip().upper()
