"""Reads subtitle files (WebVTT, SRT), with speakers from voice tags or from labels at the start of lines."""

import html
import io
import re
from collections import Counter
from collections.abc import Container, Iterator
from pathlib import Path

from churn_agent import extras
from churn_agent.errors import FileFormatError
from churn_agent.ingest.readers.transcripts.people import is_label, is_role
from churn_agent.ingest.readers.transcripts.turns import Turn, joined

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
    names = _names([line for _, line in lines], staff)
    turns: list[Turn] = []
    speaker = ""
    for start, line in lines:
        label = _LABEL.fullmatch(line)
        if label and _folded(_name(label)) in names:
            speaker = _name(label)
            line = label["words"].strip()
        if line:
            turns.append(Turn(start, speaker, line))
    return joined(turns)


def _cues(path: Path) -> Iterator[tuple[float, list[tuple[str, str]]]]:
    """Yields (seconds from the start, [(voice or empty text, text with tags)])."""
    with extras.importing("files"):
        import webvtt
        from webvtt.errors import MalformedCaptionError, MalformedFileError

    try:
        text = _decoded(path.read_bytes())
        kind = "srt" if path.suffix.casefold() == ".srt" else "vtt"
        captions = webvtt.from_buffer(io.StringIO(text), format=kind).captions
    except (MalformedFileError, MalformedCaptionError, OSError) as error:
        why = getattr(error, "strerror", None) or str(error) or "malformed"
        raise FileFormatError(f"{path}: not a readable transcript ({path.suffix[1:]}): {why}") from error
    for caption in captions:
        pieces = _VOICE.split(caption.raw_text)
        parts = [("", pieces[0])] if pieces[0].strip() or len(pieces) == 1 else []
        parts += [(_plain(voice), text) for voice, text in zip(pieces[1::2], pieces[2::2], strict=True)]
        yield caption.start_in_seconds, parts


def _decoded(content: bytes) -> str:
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
