"""Reads transcripts in plain text: lines with a speaker, blocks below a speaker and a time, and saved chats of Zoom.

A text counts as a transcript only where its form is clear: a colon in a sentence is not a speaker.
"""

import re
from collections.abc import Container, Iterator
from pathlib import Path

from churn_agent.errors import FileFormatError
from churn_agent.ingest.readers.transcripts.cues import decoded, is_speaker, speakers_of
from churn_agent.ingest.readers.transcripts.turns import Call, Turn, joined

_CLOCK = r"(?:(?P<hours>\d{1,2}):)?(?P<minutes>\d{1,2}):(?P<seconds>\d{2})(?:[.,]\d{1,3})?"
_CHAT = re.compile(
    rf"(?:\d{{4}}-\d\d-\d\d )?{_CLOCK}\s+(?:From|Von|De|Da|Van)\s+(?P<name>\S.*?)\s*"
    r"(?:\s(?:to|an|à|para|a|aan)\s+[^:]{1,80})?\s?:\s*(?P<words>.*)"
)
"""`10:31:04 From Ana Lopez to Everyone:`, with the words behind it or on the lines below."""
_REACTION = re.compile(r"(?:Reacted to|Removed a .{1,12} reaction from) \".*", re.DOTALL)
_BLOCK = re.compile(rf"(?P<name>[^\W_][^:\n]{{0,59}}?)(?:[ ]{{2,8}}|\s*\t\s*|\s?[\[(]){_CLOCK}[\])]?\s?:?")
"""`Ana Lopez  0:03` or `Speaker 1 (00:03):`, with the words on the lines below. A single space is not enough: a diary
has `Monday 10:30`."""
_TIMED = re.compile(rf"\s*[\[(]?{_CLOCK}[\])]?\s*[-–—|:]?\s+(?P<line>\S.*)")
"""`[00:01:02] Ana Lopez: text`."""
_FEWEST = 2
"""Fewest turns of a transcript."""
_SHARE = 0.5
"""Least share of lines with a speaker, if the speakers have no times."""
_HEAD = 20_000


def is_plain_transcript(path: Path) -> bool:
    """Whether a `.txt` file is a transcript, by its first lines."""
    try:
        with path.open("rb") as file:
            return bool(_read(decoded(file.read(_HEAD)), ()).turns)
    except OSError:
        return False


def plain_call(path: Path, staff: Container[str]) -> Call:
    """Returns the call in a `.txt` file. Raises `FileFormatError`."""
    try:
        call = _read(decoded(path.read_bytes()), staff)
    except OSError as error:
        raise FileFormatError(f"cannot read {str(path)!r}: {error.strerror}") from error
    if not call.turns:
        raise FileFormatError(
            f"{path}: not a transcript; its lines begin with 'Name: ', '[00:01:02] Name: ', or a name and a time"
        )
    return call


def _read(text: str, staff: Container[str]) -> Call:
    lines = text.split("\n")
    chat = list(_chat(lines))
    if len(chat) >= _FEWEST or (chat and _CHAT.fullmatch(lines[0])):
        return Call(joined(chat), channel="chat", by_clock=True)
    blocks = list(_blocks(lines))
    if len(blocks) >= _FEWEST:
        return Call(joined(blocks))
    return Call(joined(_labelled(lines, staff)))


def _seconds(match: re.Match[str]) -> float:
    return int(match["hours"] or 0) * 3600 + int(match["minutes"]) * 60 + int(match["seconds"])


def _chat(lines: list[str]) -> Iterator[Turn]:
    """Yields the messages of a saved chat, but for reactions; the clock goes on after midnight."""
    turn: Turn | None = None
    midnights = 0.0
    for line in lines:
        head = _CHAT.fullmatch(line.rstrip())
        if head is None:
            if turn:
                turn = Turn(turn.start_s, turn.speaker, f"{turn.text}\n{line.strip()}")
            continue
        if turn:
            yield from _worded(turn)
        start = _seconds(head) + midnights
        if turn and start < turn.start_s:
            midnights += 86_400
            start += 86_400
        turn = Turn(start, head["name"].strip(), head["words"].strip())
    if turn:
        yield from _worded(turn)


def _worded(turn: Turn) -> Iterator[Turn]:
    words = turn.text.strip()
    if words and not _REACTION.fullmatch(words):
        yield Turn(turn.start_s, turn.speaker, words)


def _blocks(lines: list[str]) -> Iterator[Turn]:
    """Yields blocks whose first line is a name and a time, after a blank line or at the beginning."""
    turn: Turn | None = None
    for number, line in enumerate(lines):
        head = _BLOCK.fullmatch(line.strip())
        after_blank = number == 0 or not lines[number - 1].strip()
        if head and is_speaker(head["name"].strip()) and (after_blank or turn is None):
            if turn:
                yield from _worded(turn)
            turn = Turn(_seconds(head), head["name"].strip(), "")
        elif turn:
            turn = Turn(turn.start_s, turn.speaker, f"{turn.text} {line.strip()}".strip())
    if turn:
        yield from _worded(turn)


def _labelled(lines: list[str], staff: Container[str]) -> list[Turn]:
    """Returns the turns of lines with a speaker; none if most lines have none. Other lines continue the last turn."""
    timed = [_TIMED.fullmatch(line) for line in lines]
    bare = [match["line"] if match else line.strip() for match, line in zip(timed, lines, strict=True)]
    speakers = speakers_of([line for line in bare if line], staff)
    turns: list[Turn] = []
    start = 0.0
    labelled = 0
    for match, line in zip(timed, bare, strict=True):
        start = _seconds(match) if match else start
        speaker, words = speakers(line)
        labelled += bool(speaker)
        if speaker:
            turns.append(Turn(start, speaker, words))
        elif turns and line:
            turns[-1] = Turn(turns[-1].start_s, turns[-1].speaker, f"{turns[-1].text} {line}".strip())
        elif line and not any(timed):
            return []  # words before the first speaker: a letter, not a transcript
    filled = sum(1 for line in bare if line)
    is_clear = labelled >= _FEWEST and labelled >= _SHARE * filled and len({turn.speaker for turn in turns}) > 1
    return [turn for turn in turns if turn.text] if is_clear else []
