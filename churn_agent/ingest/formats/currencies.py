"""Codes and signs of currencies."""

from collections.abc import Mapping
from functools import cache
from typing import cast

from babel import Locale
from babel.numbers import list_currencies

_MINOR_UNITS = {
    0: "BIF CLP DJF GNF ISK JPY KMF KRW PYG RWF UGX UYI VND VUV XAF XOF XPF",
    3: "BHD IQD JOD KWD LYD OMR TND",
    4: "CLF UYW",
}
"""Decimals -> currencies that ISO 4217 (list one, `CcyMnrUnts`) gives other than two decimals.

The digits that CLDR, and so Babel, gives are those of prices in daily life: none for HUF, COP, IDR and a dozen others
whose minor unit is still a hundredth.
"""
_DIGITS = {code: digits for digits, codes in _MINOR_UNITS.items() for code in codes.split()}
_SHARED = ("$", "¥", "kr", "kr.", "rs", "rs.")
"""Signs of several currencies; they stand for themselves."""
_SIGNS = {
    "fr": "CHF", "fr.": "CHF", "sfr": "CHF", "sfr.": "CHF", "us$": "USD", "c$": "CAD", "au$": "AUD", "s$": "SGD",
    "zł": "PLN", "kč": "CZK", "ft": "HUF", "lei": "RON", "лв": "BGN", "₽": "RUB", "₺": "TRY", "₴": "UAH", "₦": "NGN",
    "₡": "CRC", "₲": "PYG", "₵": "GHS", "₸": "KZT", "₼": "AZN", "₾": "GEL", "฿": "THB", "元": "CNY", "円": "JPY",
    "s/": "PEN", "s/.": "PEN", "rp": "IDR", "rp.": "IDR", "rm": "MYR", "r": "ZAR", "kn": "HRK", "din": "RSD",
    "eur": "EUR", "euro": "EUR", "euros": "EUR", "usd": "USD", "chf": "CHF", "gbp": "GBP",
}  # fmt: skip


@cache
def _known() -> dict[str, str]:
    """Returns codes and (in lower case) signs -> currency."""
    codes = frozenset(list_currencies()) | _DIGITS.keys()
    symbols = cast("Mapping[str, str]", Locale("en").currency_symbols)
    return (
        {symbol.casefold(): code for code, symbol in symbols.items() if symbol != code}
        | _SIGNS
        | {sign: sign for sign in _SHARED}
        | {code: code for code in codes}
    )


def currency_of(sign: str) -> str | None:
    """Returns the currency of a code or sign: an ISO 4217 code, or the sign itself if several currencies share it.

    Example:
        >>> currency_of("€"), currency_of("CHF"), currency_of("$"), currency_of("Fr."), currency_of("pcs")
        ('EUR', 'CHF', '$', 'CHF', None)
    """
    known = _known()
    return known.get(sign) or known.get(sign.casefold())


def minor_units(code: str) -> int:
    """Returns the number of decimals of a currency by ISO 4217.

    Raises:
        ValueError: the code is not a currency.

    Example:
        >>> minor_units("EUR"), minor_units("JPY"), minor_units("kwd")
        (2, 0, 3)
    """
    name = code.strip().upper()
    if len(name) != 3 or name not in _known():
        raise ValueError(f"{code!r} is not a currency of ISO 4217")
    return _DIGITS.get(name, 2)
