"""Output on consoles that cannot show every character."""

import codecs
import sys
from typing import TextIO

_ESCAPES = "churn_agent.escapes"


def never_fail() -> None:
    r"""Makes standard output and error write characters that their encoding lacks as `\uXXXX`.

    Such are most letters on a Windows console (cp1252) and in the C locale, and the undecodable bytes of file names
    everywhere. Escapes are those of JSON (two for a character beyond U+FFFF), so that `--json` stays valid.
    """
    codecs.register_error(_ESCAPES, _escaped)
    for stream in (sys.stdout, sys.stderr):
        _reconfigure(stream)


def _reconfigure(stream: TextIO) -> None:
    reconfigure = getattr(stream, "reconfigure", None)
    if reconfigure:  # not the streams of tests and notebooks
        reconfigure(errors=_ESCAPES)


def _escaped(error: UnicodeError) -> tuple[str, int]:
    if not isinstance(error, UnicodeEncodeError):
        raise error
    units = error.object[error.start : error.end].encode("utf-16-be", "surrogatepass")
    pairs = zip(units[::2], units[1::2], strict=True)
    return "".join(f"\\u{high:02x}{low:02x}" for high, low in pairs), error.end
