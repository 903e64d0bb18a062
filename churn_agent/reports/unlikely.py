"""Findings of the data report about what is unlikely, and usually comes from a wrong mapping."""

from collections import Counter
from collections.abc import Iterator

from churn_agent.domain.snapshot import Card
from churn_agent.domain.wording import counted
from churn_agent.evidence import contract_terms
from churn_agent.history.statistics import BookStatistics
from churn_agent.ingest.speakers import is_own_voice

_LEAST = 20
"""Fewest messages or interactions from which a share says something."""
_LARGE_SHARE = 0.3
_LEAST_PHRASES = 3
_SHOWN_TERMS = 5
_COVERED = 0.9
"""Share of customers from which an attribute counts as covered."""


def unlikely(book: BookStatistics, card: Card) -> Iterator[str]:
    """Yields what is unlikely, and what to do."""
    yield from _about_speakers(book)
    yield from _about_shares(book)
    for amounts in book.oddities.large_amounts:
        are = counted(amounts.n, "amount is", "amounts are")
        yield (
            f"Channel {amounts.channel!r}: {are} at least a hundred times the median ({amounts.largest:,.10g} beside "
            f"{amounts.median:,.10g}). If these are not large customers or bills for a year, is the "
            "decimal sign or the unit (cents) mixed up?"
        )
    yield from _about_attributes(book, card)


def _about_speakers(book: BookStatistics) -> Iterator[str]:
    odd = book.oddities
    total: Counter[str] = Counter()
    for channel, speakers in odd.speakers.items():
        if not is_own_voice(channel):
            total.update(speakers)
    if total["customer"] >= _LEAST and not total["company"]:
        yield (
            f"All {total['customer']:,} messages of known authors are the customers'. If answers of yours are among "
            "them, map a direction or a speaker."
        )
    staff, leaving = Counter(odd.staff_phrases), Counter(odd.leaving_phrases)
    wrong, right = staff["customer"] + leaving["company"], staff["company"] + leaving["customer"]
    what = (
        f"{counted(staff['customer'], 'message')} of customers with phrases of staff (\u201cthank you for contacting "
        f"us\u201d), {leaving['company']:,} of yours with phrases of customers (\u201cI want to cancel\u201d)"
    )
    if wrong >= _LEAST_PHRASES and wrong > right:
        yield f"Directions look reversed: {what}. Check direction or speaker in the mapping."
    elif staff["customer"] >= _LEAST_PHRASES and staff["customer"] > staff["company"]:
        yield f"Words of yours may count as the customers': {what}."
    if odd.like_staff:
        names = ", ".join(odd.like_staff)
        yield f"Customers who mostly speak like your staff: {names}. Are these people or addresses of yours?"


def _about_shares(book: BookStatistics) -> Iterator[str]:
    most = book.oddities.most_messages
    if most and book.messages >= _LEAST and book.customers >= 5 and most[1] / book.messages >= _LARGE_SHARE:
        share = f"{most[1] / book.messages:.0%}"
        yield f"The customer {most[0]} has {share} of all messages. Is it an address of yours, or an id for 'none'?"
    day, n = book.busiest_day
    if book.interactions >= _LEAST and n / book.interactions >= _LARGE_SHARE:
        share = f"{n / book.interactions:.0%}"
        yield f"{share} of all interactions are on {day}. Is this the day of an export or a migration?"


def _about_attributes(book: BookStatistics, card: Card) -> Iterator[str]:
    for name, n in book.oddities.coverage.items():
        if n == 0 and name == card.value_attribute:
            yield f"No customer has {name!r}, which the card names as their value. Import it: --customers FILE."
        elif 0 < n / book.customers < _COVERED:
            yield f"{1 - n / book.customers:.0%} of customers have no {name!r}; reports show no such value for them."
    unknown = {term: n for term, n in book.oddities.contract_terms.items() if contract_terms.months(term) is None}
    if unknown:
        named = ", ".join(f"{term!r} ({counted(n, 'customer')})" for term, n in list(unknown.items())[:_SHOWN_TERMS])
        more = f" and {len(unknown) - _SHOWN_TERMS} more" if len(unknown) > _SHOWN_TERMS else ""
        yield f"Contract terms that are not understood: {named}{more}. Write them as lengths, such as '12 months'."
