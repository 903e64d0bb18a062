"""The last day of a contract, as a message by which a customer leaves says it, in English and German.

A date counts only after a word such as "by", "until" or "zum", so that the date of an invoice is not mistaken for one.
A date without a year is the next one from the message's day on.
"""

import re
from calendar import monthrange
from collections.abc import Iterator
from contextlib import suppress
from datetime import date, timedelta

from churn_agent.evidence.grounding import find_quote, sentences

_MONTHS = {
    name: number
    for number, names in enumerate(
        (
            "january jan januar jänner",
            "february feb februar feber",
            "march mar märz mrz",
            "april apr",
            "may mai",
            "june jun juni",
            "july jul juli",
            "august aug",
            "september sept sep",
            "october oct oktober okt",
            "november nov",
            "december dec dezember dez",
        ),
        start=1,
    )
    for name in names.split()
}
_MONTH = rf"(?P<month>{'|'.join(sorted(_MONTHS, key=len, reverse=True))})\b\.?"
_YEAR = r"(?P<year>20\d\d)"
_CUE = (
    r"\b(?:by|on|as of|as from|effective|from|until|till|through|per|to|at|for|is|ends?|zum|zur|am|ab|bis|mit wirkung|"
    r"wirkung zum|per|endet|ist|den)\s+(?:the |end of day |on |dem |den |spätestens )?"
)
_FORMS = tuple(
    re.compile(pattern, re.IGNORECASE)
    for pattern in (
        rf"{_CUE}(?P<year>20\d\d)-(?P<number>\d\d)-(?P<day>\d\d)\b",
        rf"{_CUE}(?P<day>\d{{1,2}})\.\s?(?P<number>\d{{1,2}})\.\s?{_YEAR}?(?!\d)",
        rf"{_CUE}(?P<day>\d{{1,2}})(?:st|nd|rd|th|\.)?(?: of)? {_MONTH}(?:,? {_YEAR})?",
        rf"{_CUE}{_MONTH} (?P<day>\d{{1,2}})(?:st|nd|rd|th)?\b(?:,? {_YEAR})?",
        rf"\b(?P<end>end|ende)(?: of| von)? (?:the )?{_MONTH}(?: {_YEAR})?",
    )
)
_PERIOD = re.compile(
    r"\b(?:(?:at|by|from|until|on|to) (?:the )?end of (?:(?P<this>the|this) |(?P<next>next )|(?P<bare>))"
    r"(?P<unit>month|year|quarter)|(?:zum|bis zum|am) (?P<german>monatsende|jahresende|quartalsende)"
    r"|(?:zum|am) ende des (?P<of>monats|jahres|quartals))\b",
    re.IGNORECASE,
)
_UNITS = {"month": 1, "quarter": 3, "year": 12, "monat": 1, "quartal": 3, "jahr": 12}
_ORDINAL = re.compile(r"\b\d{1,2}\.$")
_LONGEST = timedelta(days=3 * 366)


def end_date(quote: str, text: str, sent_on: date) -> date | None:
    """The last day of the contract that a message says, in or right after the sentence of a quote.

    Args:
        quote: by which the customer leaves.
        text: the message.
        sent_on: its day.

    Returns:
        A day from `sent_on` to three years later; None if the message says none.
    """
    span = find_quote(quote, text)
    around = list(whole_sentences(text))
    inside = [n for n, (start, end) in enumerate(around) if span and end > span[0] and start < span[1]]
    if not inside:
        return None
    near = text[around[inside[0]][0] : around[min(inside[-1] + 1, len(around) - 1)][1]]
    return next((day for day in dates_in(near, sent_on) if sent_on <= day <= _latest(sent_on)), None)


def whole_sentences(text: str) -> Iterator[tuple[int, int]]:
    """The character ranges of the sentences of a text; "zum 31." and "März" are one."""
    begin: int | None = None
    for start, end in sentences(text):
        begin = start if begin is None else begin
        if not _ORDINAL.search(text[begin:end]):
            yield begin, end
            begin = None
    if begin is not None:
        yield begin, len(text)


def _latest(sent_on: date) -> date:
    with suppress(OverflowError):
        return sent_on + _LONGEST
    return date.max


def dates_in(sentence: str, sent_on: date) -> Iterator[date]:
    """The dates after a word such as "by", "until" or "zum", in the order of a sentence said on a day."""
    dates: list[tuple[int, date]] = []
    for form in _FORMS:
        for match in form.finditer(sentence):
            groups = match.groupdict()
            month = int(groups["number"]) if groups.get("number") else _MONTHS[(groups.get("month") or "").casefold()]
            year = int(groups["year"]) if groups.get("year") else None
            with suppress(ValueError):
                dates.append((match.start(), _day(year, month, groups.get("day"), sent_on)))
    dates += [(match.start(), _period_end(match, sent_on)) for match in _PERIOD.finditer(sentence)]
    yield from (day for _, day in sorted(dates))


def _day(year: int | None, month: int, day: str | None, sent_on: date) -> date:
    """Raises `ValueError` for a day that no calendar has."""

    def of(year: int) -> date:
        return date(year, month, int(day) if day else monthrange(year, month)[1])

    if year is not None:
        return of(year)
    this = of(sent_on.year)
    return this if this >= sent_on else of(sent_on.year + 1)


def _period_end(match: re.Match[str], sent_on: date) -> date:
    word = (match["unit"] or match["german"] or match["of"]).casefold()
    months = next(length for name, length in _UNITS.items() if word.startswith(name))
    at = sent_on.year * 12 + (sent_on.month - 1) // months * months + months - 1 + (months if match["next"] else 0)
    return date(at // 12, at % 12 + 1, monthrange(at // 12, at % 12 + 1)[1])
