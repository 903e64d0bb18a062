"""Findings of the data report about what is unlikely, and usually comes from a wrong mapping."""

from collections import Counter
from collections.abc import Iterator
from datetime import date

from churn_agent.domain.snapshot import Card
from churn_agent.evidence import contract_terms
from churn_agent.history.statistics import BookStatistics
from churn_agent.ingest.speakers import is_own_voice
from churn_agent.reports.language import day, gettext, ngettext, number, share
from churn_agent.reports.wording import in_quotes

_LEAST = 20
"""Fewest messages or interactions from which a share says something."""
_LARGE_SHARE = 0.3
_LEAST_PHRASES = 3
_SHOWN_TERMS = 5
_COVERED = 0.9
"""Share of customers from which an attribute counts as covered."""


def unlikely(book: BookStatistics, card: Card) -> Iterator[str]:
    """Yields what is unlikely, and what to do, in the current language."""
    yield from _about_speakers(book)
    yield from _about_shares(book)
    for amounts in book.oddities.large_amounts:
        yield ngettext(
            "Channel “{channel}”: {n} amount is at least a hundred times the median ({largest} beside {median}). If "
            "this is not a large customer or a bill for a year, is the decimal sign or the unit (cents) mixed up?",
            "Channel “{channel}”: {n} amounts are at least a hundred times the median ({largest} beside {median}). If "
            "these are not large customers or bills for a year, is the decimal sign or the unit (cents) mixed up?",
            amounts.n,
            channel=amounts.channel,
            largest=_amount(amounts.largest),
            median=_amount(amounts.median),
        )
    yield from _about_attributes(book, card)


def _about_speakers(book: BookStatistics) -> Iterator[str]:
    odd = book.oddities
    total: Counter[str] = Counter()
    for channel, speakers in odd.speakers.items():
        if not is_own_voice(channel):
            total.update(speakers)
    if total["customer"] >= _LEAST and not total["company"]:
        yield gettext(
            "All {n} messages of known authors are the customers'. If answers of yours are among them, map a direction "
            "or a speaker.",
            n=number(total["customer"]),
        )
    staff, leaving = Counter(odd.staff_phrases), Counter(odd.leaving_phrases)
    wrong, right = staff["customer"] + leaving["company"], staff["company"] + leaving["customer"]
    counts = ngettext(
        "{n} message of customers with phrases of staff (“thank you for contacting us”), {yours} of yours with phrases "
        "of customers (“I want to cancel”)",
        "{n} messages of customers with phrases of staff (“thank you for contacting us”), {yours} of yours with "
        "phrases of customers (“I want to cancel”)",
        staff["customer"],
        yours=number(leaving["company"]),
    )
    if wrong >= _LEAST_PHRASES and wrong > right:
        yield gettext("Directions look reversed: {found}. Check direction or speaker in the mapping.", found=counts)
    elif staff["customer"] >= _LEAST_PHRASES and staff["customer"] > staff["company"]:
        yield gettext("Words of yours may count as the customers': {found}.", found=counts)
    if odd.like_staff:
        yield gettext(
            "Customers who mostly speak like your staff: {names}. Are these people or addresses of yours?",
            names=", ".join(odd.like_staff),
        )


def _about_shares(book: BookStatistics) -> Iterator[str]:
    most = book.oddities.most_messages
    if most and book.messages >= _LEAST and book.customers >= 5 and most[1] / book.messages >= _LARGE_SHARE:
        yield gettext(
            "The customer {customer} has {share} of all messages. Is it an address of yours, or an id for “none”?",
            customer=most[0],
            share=share(most[1] / book.messages),
        )
    busiest, n = book.busiest_day
    if book.interactions >= _LEAST and n / book.interactions >= _LARGE_SHARE:
        yield gettext(
            "{share} of all interactions are on {day}. Is this the day of an export or a migration?",
            share=share(n / book.interactions),
            day=day(date.fromisoformat(str(busiest))),
        )


def _about_attributes(book: BookStatistics, card: Card) -> Iterator[str]:
    for name, n in book.oddities.coverage.items():
        if n == 0 and name == card.value_attribute:
            yield gettext(
                "No customer has “{name}”, which the card names as their value. Import it: --customers FILE.", name=name
            )
        elif 0 < n / book.customers < _COVERED:
            yield gettext(
                "{share} of customers have no “{name}”; reports show no such value for them.",
                share=share(1 - n / book.customers),
                name=name,
            )
    unknown = {term: n for term, n in book.oddities.contract_terms.items() if contract_terms.months(term) is None}
    if unknown:
        shown = list(unknown.items())[:_SHOWN_TERMS]
        terms = ", ".join(f"{in_quotes(term)} ({_customers(n)})" for term, n in shown)
        if len(unknown) > _SHOWN_TERMS:
            terms = gettext("{terms} and {n} more", terms=terms, n=number(len(unknown) - _SHOWN_TERMS))
        yield gettext(
            "Contract terms that are not understood: {terms}. Write them as lengths, such as “12 months”.", terms=terms
        )


def _customers(n: int) -> str:
    return ngettext("{n} customer", "{n} customers", n)


def _amount(value: float) -> str:
    return number(value, 0 if value == round(value) else 2)
