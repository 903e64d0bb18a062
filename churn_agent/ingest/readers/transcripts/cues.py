"""Reads subtitle files (WebVTT, SRT), with speakers from voice tags or from labels at the start of lines."""

import html
import re
from collections import Counter
from collections.abc import Callable, Container, Iterator
from itertools import pairwise
from pathlib import Path

from churn_agent.errors import FileFormatError
from churn_agent.ingest.readers.transcripts.people import is_label, is_role
from churn_agent.ingest.readers.transcripts.turns import Turn, joined

_TIMES = re.compile(
    r"\s*(?:(?P<hours>\d+):)?(?P<minutes>\d{1,2}):(?P<seconds>\d{1,2}(?:[.,]\d{1,3})?)\s*-->\s*(?:\d+:)?\d{1,2}:\d{1,2}"
)
_BLOCK = re.compile(r"(?:NOTE(?:\s|$)|(?:STYLE|REGION)\s*$)")
_VOICE = re.compile(r"<v(?:\.[\w.-]+)?[ \t]+([^>\n]+)>", re.IGNORECASE)
_TAG = re.compile(r"</?(?:c|i|b|u|v|ruby|rt|lang|font)(?:[.\s][^<>]*)?>|<\d{1,2}:[\d:.]+>", re.IGNORECASE)
_LABEL = re.compile(
    r"[-–—>\s]*(?:[\[(](?P<bracketed>[^:：\[\]()\n]{1,60})[\])]|(?P<name>\+?[^\W_][^:：\n]{0,59}?))[ \t]*"
    r"(?::[ \t]+|:$|：[ \t]*)(?P<words>.*)"
)
_PHONE = re.compile(r"\+?\d[\d ()/-]{5,}")
_PARTICLES = frozenset(
    "al ap bin da das de del della den der di do dos du el et la le of the ten ter van vom von y zu zum".split()
)
_NOT_NAMES = frozenset(
    """achtung addition also and answer antwort aber attention beispiel because but correction edit example fact first
    frage grund hinweis
    however issue key last merke note notiz ok okay or plus problem problème ps question réponse reason reminder
    result second so solution
    summary then therefore third tip todo update warning well which yes no""".split()
)
"""Words that stand before a colon without being a speaker."""
_MOST_WORDS = 5
_LABELLED = 0.5
"""Least share of lines with a label for a single word that occurs once to be a name, too."""


def turns_of(path: Path, staff: Container[str]) -> list[Turn]:
    """Returns the turns of a `.vtt` or `.srt` file. Raises `FileFormatError`."""
    cues = list(_cues(path))
    voices = any(voice for _, parts in cues for voice, _ in parts)
    if voices:
        turns = [Turn(start, voice, words) for start, parts in cues for voice, text in parts if (words := _plain(text))]
        return joined(turns)
    lines = [(start, _plain(line)) for start, [(_, text)] in cues for line in text.split("\n")]
    lines = [(start, line) for start, line in lines if line]
    speaker_and_words = speakers_of([line for _, line in lines], staff)
    turns: list[Turn] = []
    speaker = ""
    for start, line in lines:
        named, words = speaker_and_words(line)
        speaker = named or speaker
        if words:
            turns.append(Turn(start, speaker, words))
    return joined(turns)


def speakers_of(lines: list[str], staff: Container[str]) -> Callable[[str], tuple[str, str]]:
    """Returns a function that divides a line into its speaker (empty if it names none) and the words.

    Args:
        lines: all lines, which tell names from sentences with a colon.
        staff: names of the company's people.
    """
    names = _names(lines, staff)

    def divided(line: str) -> tuple[str, str]:
        label = _LABEL.fullmatch(line)
        if label and _folded(_name(label)) in names:
            return _name(label), label["words"].strip()
        return "", line

    return divided


def is_speaker(name: str) -> bool:
    """Whether a text that stands alone can be the name of a speaker."""
    return is_label(name) or is_role(name) or _looks_like_a_name(name)


def _cues(path: Path) -> Iterator[tuple[float, list[tuple[str, str]]]]:
    """Yields (seconds from the start, [(voice or empty text, text with tags)]).

    A cue is what stands between two lines of times, but for the identifier above the next one. Files with blank lines
    in a cue, without a header or without numbers are common.
    """
    try:
        lines = decoded(path.read_bytes()).split("\n")
    except OSError as error:
        raise FileFormatError(f"{path}: not a readable transcript ({path.suffix[1:]}): {error.strerror}") from error
    starts = [number for number, line in enumerate(lines) if _TIMES.match(line)]
    if not starts and lines[0].split()[:1] != ["WEBVTT"]:
        raise FileFormatError(f"{path}: not a readable transcript ({path.suffix[1:]}): it has no line with times")
    for start, following in pairwise([*starts, len(lines)]):
        text = "\n".join(_without_notes(_of_cue(lines[start + 1 : following], last=following == len(lines))))
        pieces = _VOICE.split(text)
        parts = [("", pieces[0])] if pieces[0].strip() or len(pieces) == 1 else []
        parts += [(_plain(voice), words) for voice, words in zip(pieces[1::2], pieces[2::2], strict=True)]
        yield _seconds(lines[start]), parts


def _of_cue(lines: list[str], *, last: bool) -> list[str]:
    """Returns the text of a cue: all but the identifier of the next one, which follows a blank line."""
    end = len(lines)
    while end and not lines[end - 1].strip():
        end -= 1
    is_identifier = end > 1 and end == len(lines) and not lines[end - 2].strip()
    if last:
        is_identifier = end > 1 and lines[end - 1].strip().isdecimal() and not lines[end - 2].strip()
    return lines[: end - 1] if is_identifier else lines[:end]


def _without_notes(lines: list[str]) -> list[str]:
    """Drops the blocks of WebVTT that are not spoken: comments and styles, up to the next blank line."""
    kept: list[str] = []
    in_block = False
    for number, line in enumerate(lines):
        after_blank = number > 0 and not lines[number - 1].strip()
        in_block = (in_block and bool(line.strip())) or (after_blank and bool(_BLOCK.match(line)))
        if not in_block:
            kept.append(line)
    return kept


def _seconds(line: str) -> float:
    match = _TIMES.match(line)
    assert match
    return int(match["hours"] or 0) * 3600 + int(match["minutes"]) * 60 + float(match["seconds"].replace(",", "."))


def decoded(content: bytes) -> str:
    """Returns the text of a file, with line feeds: UTF-8 or UTF-16, else Windows-1252."""
    for encoding in ("utf-16" if content[:2] in (b"\xff\xfe", b"\xfe\xff") else "utf-8-sig", "cp1252", "latin-1"):
        try:
            return content.decode(encoding).replace("\r\n", "\n").replace("\r", "\n")
        except UnicodeDecodeError:
            continue
    raise AssertionError("latin-1 decodes all bytes")


def _plain(text: str) -> str:
    return "\n".join(" ".join(line.split()) for line in html.unescape(_TAG.sub("", text)).split("\n")).strip()


def _names(lines: list[str], staff: Container[str]) -> set[str]:
    """Returns the labels that are speakers, folded: a colon in a sentence is none.

    A speaker is a label of a tool (`SPEAKER_00`), a role (`Agent`), one of ours, a name that recurs, or one of several
    words. A single word that occurs once is a name where most lines begin with a label.
    """
    labels = [label for line in lines if (label := _LABEL.fullmatch(line))]
    counts = Counter(_folded(_name(label)) for label in labels)
    names: set[str] = set()
    doubtful: set[str] = set()
    for label in labels:
        name, folded = _name(label), _folded(_name(label))
        if is_label(name) or is_role(name) or name in staff:
            names.add(folded)
        elif _looks_like_a_name(name):
            (names if counts[folded] > 1 or len(name.split()) > 1 or label["bracketed"] else doubtful).add(folded)
    known = sum(counts[name] for name in names | doubtful)
    return names | doubtful if known >= _LABELLED * len(lines) else names


def _name(label: re.Match[str]) -> str:
    return (label["bracketed"] or label["name"]).strip()


def _looks_like_a_name(name: str) -> bool:
    if _PHONE.fullmatch(name):
        return True
    words = name.split()
    if not 0 < len(words) <= _MOST_WORDS or any(sign in name for sign in '?!;"„“'):
        return False
    if len(words) == 1 and name.casefold() in _NOT_NAMES:
        return False
    cores = [word.strip("(),.'’") for word in words if word.casefold() not in _PARTICLES]
    return (
        any(map(str.isalpha, name))
        and bool(cores)
        and words[0].casefold() not in _NOT_NAMES
        and all(not core[:1].islower() for core in cores)
    )


def _folded(name: str) -> str:
    return " ".join(name.casefold().split())
