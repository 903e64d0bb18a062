"""Decodes the bytes of mails, whose declared character sets are missing or wrong rather often."""

import codecs
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


def decoded(content: bytes, charset: str | None = None) -> str:
    """Decodes text in its declared character set, else in UTF-8, else in Windows-1252. No byte makes it fail."""
    for name in (_codec(charset or ""), "utf-8", "cp1252"):
        if name:
            try:
                return content.decode(name)
            except (UnicodeError, LookupError, ValueError):
                continue
    return content.decode("latin-1")


@cache
def _codec(charset: str) -> str:
    name = charset.strip(" \"'").casefold()
    name = _ALIASES.get(name, name)
    for candidate in (name, name.replace("cp-", "cp").replace("x-", "").replace("windows", "cp").replace("cp-", "cp")):
        try:
            codecs.lookup(candidate)
        except LookupError:
            continue
        return candidate
    return ""
