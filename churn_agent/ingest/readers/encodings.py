"""The encoding of a text file: given, marked, or guessed with an example."""

import codecs
import gzip
import re
from collections.abc import Iterator
from pathlib import Path
from typing import IO, cast

from churn_agent.errors import FileFormatError
from churn_agent.ingest.questions import Guess
from churn_agent.ingest.readers.base import ReadOptions

_MARKS = (
    (codecs.BOM_UTF8, "utf-8-sig"),
    (codecs.BOM_UTF32_LE, "utf-32"),  # before UTF-16, whose mark begins it
    (codecs.BOM_UTF32_BE, "utf-32"),
    (codecs.BOM_UTF16_LE, "utf-16"),
    (codecs.BOM_UTF16_BE, "utf-16"),
)
_WESTERN = "cp1252"
_HEAD = 64
_MOST_FOREIGN = 0.3
"""Highest share of letters outside ASCII in lines of a Western European language; in Cyrillic it is nearly 1."""
_LOWER = "a-zß-öø-ÿ"
_STRANGE = f"[^\x00-\x7f{_LOWER}œšžƒ’‘–—…\xad]"
_ODD = re.compile(f"[{_LOWER}]{_STRANGE}(?:[{_LOWER}]|{_STRANGE})")
"""A sign inside a word, as in text of an old Mac or of DOS decoded as cp1252."""
_WORD = re.compile(r"\w*[^\x00-\x7f]+\w*")


def open_bytes(path: Path) -> IO[bytes]:
    """Opens a file, unpacked if its name ends with `.gz`."""
    return cast("IO[bytes]", gzip.open(path)) if path.name.casefold().endswith(".gz") else path.open("rb")


def encoding_of(path: Path, options: ReadOptions) -> str:
    """Returns the encoding of a text file; a guess is noted with an example.

    Args:
        path: the file.
        options: the encoding of the mapping, and where guesses are noted.

    Raises:
        FileFormatError: the file is not text, or its encoding is neither given nor known.
    """
    with open_bytes(path) as file:
        head = file.read(_HEAD)
    if head.startswith(b"PK"):
        raise FileFormatError(f"{path}: looks like a spreadsheet or another zip file; rename a spreadsheet to .xlsx")
    if options.encoding and not options.unless_utf8:
        return _checked(path, options.encoding)
    for mark, encoding in _MARKS:
        if head.startswith(mark):
            return encoding
    if b"\0" in head:
        return _wide(path, head, options)
    if options.encoding:
        return "utf-8" if _is_utf8(path) else _checked(path, options.encoding)
    return _guessed(path, options)


def _checked(path: Path, encoding: str) -> str:
    """Returns the encoding of a mapping if the file has it."""
    try:
        codec = codecs.lookup(encoding)
    except LookupError as error:
        raise FileFormatError(f"{encoding!r} is not an encoding; use one such as utf-8, cp1252 or utf-16") from error
    name = "utf-8-sig" if codec.name == "utf-8" else codec.name
    decoder = codecs.getincrementaldecoder(name)()
    with open_bytes(path) as file:
        try:
            while block := file.read(1 << 20):
                decoder.decode(block)
            decoder.decode(b"", final=True)
        except UnicodeDecodeError as error:
            raise FileFormatError(f"{path}: is not {encoding} text; correct the mapping's encoding") from error
    return name


def _is_utf8(path: Path) -> bool:
    try:
        for _, line in _lines_beyond_ascii(path):
            line.decode()
    except UnicodeDecodeError:
        return False
    return True


def _wide(path: Path, head: bytes, options: ReadOptions) -> str:
    """Guesses UTF-16 without a mark, where every second byte of Western text is 0."""
    for encoding, blanks, letters in (("utf-16-le", head[1::2], head[::2]), ("utf-16-be", head[::2], head[1::2])):
        if not any(blanks) and all(letters):
            example = head.decode(encoding, errors="ignore").splitlines()[0]
            options.note(
                Guess(f"{path}: encoding", encoding, f"it begins with {example!r}", options.line("encoding", "utf-8"))
            )
            return encoding
    raise FileFormatError(f"{path}: looks like a binary file, not text")


def _guessed(path: Path, options: ReadOptions) -> str:
    """Returns UTF-8 for a file in it, else cp1252 for one that looks like it."""
    first_bad, in_utf8, foreign, letters, example = 0, 0, 0, 0, ""
    for number, line in _lines_beyond_ascii(path):
        try:
            line.decode()
            in_utf8 += 1
            continue
        except UnicodeDecodeError:
            first_bad = first_bad or number
        try:
            text = line.decode(_WESTERN)
        except UnicodeDecodeError:
            raise _unknown(path, number) from None
        if _ODD.search(text):
            raise _unknown(path, number)
        foreign += sum(character.isalpha() and not character.isascii() for character in text)
        letters += sum(map(str.isalpha, text))
        example = example or _WORD.findall(text)[0]
    if not first_bad:
        return "utf-8"
    if in_utf8:
        raise FileFormatError(
            f"{path}: line {first_bad} is not UTF-8 text, and other lines are; correct it, or set encoding in a mapping"
        )
    if foreign > _MOST_FOREIGN * letters:
        raise _unknown(path, first_bad)
    evidence = f"line {first_bad} is not UTF-8; decoded it has {example!r}"
    options.note(Guess(f"{path}: encoding", _WESTERN, evidence, options.line("encoding", "cp850")))
    return _WESTERN


def _unknown(path: Path, line: int) -> FileFormatError:
    return FileFormatError(
        f"{path}: line {line} is not UTF-8 text; save the file as UTF-8, or set encoding in a mapping file"
    )


def _lines_beyond_ascii(path: Path) -> Iterator[tuple[int, bytes]]:
    with open_bytes(path) as file:
        for number, line in enumerate(file, start=1):
            if not line.isascii():
                yield number, line
