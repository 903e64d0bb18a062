"""The length of a contract, from the words for its term in English or German.

A term is parsed only if every part of it is known, as in "12 months" and "Jahresvertrag". "3 months' notice" and "no
fixed term" are not parsed, because a wrong length is worse than none.
"""

import re

_NUMBERS = {
    0.5: "half halb halbe halbes semi",
    1.0: "one ein eine einen einem einer eines",
    2.0: "two zwei",
    3.0: "three drei",
    4.0: "four vier",
    6.0: "six sechs",
    12.0: "twelve zwölf",
    18.0: "eighteen achtzehn",
    24.0: "vierundzwanzig",
    36.0: "sechsunddreissig",
}
_UNITS = {
    1 / 31: "day days daily tag tage tagen täglich",
    7 / 31: "week weeks weekly woche wochen wöchentlich",
    1.0: "month months monthly mo mos mth mths monat monate monaten monats monatlich monatig monatige monatiger",
    3.0: "quarter quarters quarterly quartal quartale quartals vierteljahr vierteljährlich",
    12.0: "year years yearly yr yrs annual annually jahr jahre jahren jahres jährlich jährig jährige jähriger",
}
"""Months -> words for them; 31 days make a month, so that "30 days" and "1 month" are alike."""
_CANCELLABLE = "cancellable cancelable kündbar"
_OTHERS = """a an the to by per and with of on for at in least minimum fixed rolling term contract agreement commitment
plan subscription membership billed billing pay paid payment renewing mit und von für auf der die das pro zu mindestens
laufzeit mindestlaufzeit vertragslaufzeit vertrag abo abonnement abrechnung zahlung fest feste"""
"""Words that do not change the length."""


def _any_of(words: str) -> str:
    return "|".join(sorted(words.split(), key=len, reverse=True))


_VALUES = {word: value for table in (_NUMBERS, _UNITS) for value, words in table.items() for word in words.split()}
_PART = re.compile(
    rf"(?P<number>\d+(?:[.,]\d+)?|{_any_of(' '.join(_NUMBERS.values()))})"
    rf"|(?P<unit>{_any_of(' '.join(_UNITS.values()))})"
    rf"|(?P<cancellable>{_any_of(_CANCELLABLE)})"
    rf"|(?P<other>{_any_of(_OTHERS)})"
    r"|[\W_]+"
)
"""German runs words together ("Zweijahresvertrag"), so parts need not end where words end."""
_TO_UNIT = re.compile(r"\s+|[-\u2010\u2011]")
"""Allowed between a number and its unit."""


def months(term: str) -> float | None:
    """The number of months for which a contract binds the customer; None if the term cannot be parsed.

    A number multiplies the unit after it ("24 Monate"), and a unit without a number counts once ("annual"). Of several
    lengths, the longest counts: "monthly, 12-month commitment" and "annual, billed monthly" are both 12. If a
    cancellable contract names several lengths, their meaning is unclear and the result is None.

    Example:
        >>> months("Two year"), months("month-to-month"), months("Premium")
        (24.0, 1.0, None)
    """
    lengths: list[float] = []
    number: float | None = None
    cancellable = False
    at, text = 0, term.casefold()
    while at < len(text):
        part = _PART.match(text, at)
        if part is None:
            return None
        at = part.end()
        match part.lastgroup:
            case "unit":
                lengths.append((1.0 if number is None else number) * _VALUES[part[0]])
                number = None
            case "number" if number is None:
                number = _VALUES.get(part[0]) or float(part[0].replace(",", "."))
            case None if number is None or _TO_UNIT.fullmatch(part[0]):
                pass
            case "cancellable" | "other" if number is None:
                cancellable |= part.lastgroup == "cancellable"
            case _:  # a number without a unit
                return None
    if number is not None or not lengths or (cancellable and len(set(lengths)) > 1):
        return None
    return max(lengths) or None
