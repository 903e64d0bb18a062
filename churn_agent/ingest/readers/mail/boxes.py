"""Splits mailboxes into mails.

An mbox file separates mails by lines such as `From ana@home.example Sun Feb  1 10:00:00 2026`. Bodies have lines that
begin with "From ", too, and not every program escapes them as ">From ". So a separator needs a date, or nothing at all
after "From ", and a header in the next line. If the first separator of a file has another form, all may have it, but
then a blank line must come before.
"""

import re
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from itertools import chain
from pathlib import Path

from churn_agent.errors import FileFormatError

_DATED = re.compile(
    rb"From .*?\b(?:mon|tue|wed|thu|fri|sat|sun),?[ \t]+(?:[a-z]{3}[ \t]+\d{1,2}|\d{1,2}[ \t]+[a-z]{3})"
    rb"\b.{0,12}?\d{1,2}:\d{2}",
    re.IGNORECASE | re.DOTALL,
)
_BARE = re.compile(rb"From[ \t]*\r?\n?")
_PATCH = re.compile(rb"From [0-9a-f]{40} Mon Sep 17 00:00:00 2001")
"""First line of a patch by `git format-patch`; its mails contain it, with a header below."""
_HEADER = re.compile(rb"[!-9;-~]+[ \t]*:")
_ESCAPED = re.compile(rb">(>*From )")


@dataclass(frozen=True, slots=True)
class RawMail:
    """One mail of a file."""

    content: bytes
    envelope: str = ""
    """The separator without "From ": sender and date of delivery (or of the export)."""


def raw_mails(path: Path) -> Iterator[RawMail]:
    """Yields the mails of an `.mbox` or `.eml` file. Raises `FileFormatError` if it is not one or cannot be read."""
    try:
        if path.suffix.casefold() == ".eml":
            content = path.read_bytes().removeprefix(b"\xef\xbb\xbf").lstrip(b"\r\n")
            if content.startswith(b"From "):  # some programs save a single mail as a mailbox
                yield from _split(content.splitlines(keepends=True))
            elif content.strip():
                yield RawMail(content)
            return
        with path.open("rb") as file:
            lines = iter(file)
            first = next((line for line in lines if line.strip(b"\xef\xbb\xbf \t\r\n")), b"")
            first = first.removeprefix(b"\xef\xbb\xbf")
            if not first.startswith((b"From ", b"From\r", b"From\n")):
                raise FileFormatError(f"{path}: not a mailbox; an mbox file starts with 'From '")
            yield from _split(chain([first], lines))
    except OSError as error:
        raise FileFormatError(f"cannot read {str(path)!r}: {error.strerror}") from error


def _split(lines: Iterable[bytes]) -> Iterator[RawMail]:
    rest = iter(lines)
    separator = next(rest)
    usual = bool(_DATED.match(separator) or _BARE.fullmatch(separator))
    body: list[bytes] = []
    line = next(rest, None)
    while line is not None:
        following = next(rest, None)
        blank_before = not body or not body[-1].strip()
        if following is not None and _separates(line, following, usual=usual, blank_before=blank_before):
            yield _mail(separator, body)
            separator, body = line, []
        else:
            body.append(line)
        line = following
    yield _mail(separator, body)


def _separates(line: bytes, following: bytes, *, usual: bool, blank_before: bool) -> bool:
    if not line.startswith(b"From"):
        return False
    if not (_HEADER.match(following) or _DATED.match(following.removeprefix(b">"))):
        return False
    if _BARE.fullmatch(line):
        return True
    if _DATED.match(line):
        return not _PATCH.match(line)
    return not usual and blank_before and line.startswith(b"From ")


def _mail(separator: bytes, body: list[bytes]) -> RawMail:
    if body and body[0].startswith(b">From "):  # an escaped second separator, written by some exports
        body = body[1:]
    if body and not body[-1].strip():  # the blank line before the next separator
        body = body[:-1]
    return RawMail(b"".join(_unescaped(body)), separator[5:].decode("utf-8", "replace").strip())


def _unescaped(body: list[bytes]) -> Iterator[bytes]:
    """Undoes the escaping of "From " at the start of lines, except among quoted ones: they may be a quote."""
    for number, line in enumerate(body):
        if line.startswith(b">") and (match := _ESCAPED.match(line)):
            neighbours = body[max(number - 1, 0) : number] + body[number + 1 : number + 2]
            if not any(other.startswith(b">") and not _ESCAPED.match(other) for other in neighbours):
                yield match[1] + line[match.end() :]
                continue
        yield line
