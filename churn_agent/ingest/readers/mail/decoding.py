"""Decodes the bytes of mails, whose declared character sets are missing or wrong rather often."""

import codecs
from contextlib import suppress
from functools import cache

_ALIASES = {
    "gb2312": "gb18030",
    "gbk": "gb18030",
    "ks_c_5601-1987": "cp949",
    "euc-kr": "cp949",
    "shift_jis": "cp932",
    "x-sjis": "cp932",
    "windows-31j": "cp932",
    "iso-8859-1": "cp1252",
    "latin1": "cp1252",
    "latin-1": "cp1252",
    "iso-8859-8-i": "iso-8859-8",
    "unicode-1-1-utf-7": "utf-7",
    "x-unknown": "",
    "unknown-8bit": "",
    "default": "",
    "us-ascii": "",
    "ascii": "",
}
"""Declared name -> codec, a superset where writers use more than they declare; empty if the name says nothing."""

_WIDE = ("utf-16", "utf-32")
_MARKS = (codecs.BOM_UTF16_LE, codecs.BOM_UTF16_BE)
_SINGLE = ("cp125", "iso8859", "koi8", "cp437", "cp85", "mac")
_BEYOND_ASCII = bytes(range(128, 256))
_LATIN_SHARE = 0.8
"""Smallest share of ASCII in Western text; in Chinese written as UTF-16 about half of the bytes look like it."""


def decoded(content: bytes, charset: str | None = None) -> str:
    """Decodes text in its declared character set, else in UTF-8, else in Windows-1252. No byte makes it fail.

    A declared character set that the bytes contradict does not count: UTF-16 without a zero byte among Latin letters,
    and one of single bytes for what is UTF-8.
    """
    declared = _codec(charset or "")
    for name in ("" if _contradicted(declared, content) else declared, "utf-8", "cp1252"):
        if name:
            try:
                return content.decode(name)
            except (UnicodeError, LookupError, ValueError):
                continue
    return content.decode("latin-1")


def _contradicted(codec: str, content: bytes) -> bool:
    if codec.startswith(_WIDE):
        latin = content.translate(None, _BEYOND_ASCII)
        return b"\0" not in content and not content.startswith(_MARKS) and len(latin) > _LATIN_SHARE * len(content)
    if codec.startswith(_SINGLE) and not content.isascii():
        with suppress(UnicodeDecodeError):
            return bool(content.decode())
    return False


@cache
def _codec(charset: str) -> str:
    name = charset.strip(" \"'").casefold()
    name = _ALIASES.get(name, name)
    for candidate in (name, name.replace("cp-", "cp").replace("x-", "").replace("windows", "cp").replace("cp-", "cp")):
        try:
            codecs.lookup(candidate)
        except LookupError:
            continue
        return codecs.lookup(candidate).name
    return ""
