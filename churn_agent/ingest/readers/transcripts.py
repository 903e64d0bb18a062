"""Reads transcripts of calls (`.vtt`, `.srt`), one row per turn of a speaker.

A file is one call; its name gives the customer and the time: `CUSTOMER_2026-03-01.vtt` or
`CUSTOMER_2026-03-01T14-30.vtt`. Speakers come from voice tags (`<v Ana>`, WebVTT) or `Ana:` at the start of a cue.
"""

import re
from collections.abc import Iterator, Sequence
from datetime import datetime, timedelta
from pathlib import Path

from churn_agent import extras
from churn_agent.errors import FileFormatError
from churn_agent.ingest.readers.base import Row

_NAME = re.compile(r"(?P<customer>.+)_(?P<day>\d{4}-\d{2}-\d{2})(?:T(?P<hour>\d{2})-?(?P<minute>\d{2}))?")
_SPOKEN_BY = re.compile(r"(?P<speaker>[^\W\d_][\w .'-]{0,30}):\s+(?P<words>.*)", re.DOTALL)
_STAFF = re.compile(
    r"\b(agent|advisor|adviser|support|service|representative|rep|operator|staff|assistant|bot|mitarbeiter\w*|berater\w*)\b",
    re.IGNORECASE,
)


def read_transcript(path: Path, staff: Sequence[str]) -> Iterator[Row]:
    """Yields the turns of a call.

    Args:
        path: the file.
        staff: names of the company's speakers, besides roles such as `Agent` or `Support`.

    Raises:
        FileFormatError: the file is not a transcript, or its name has no customer and date.
    """
    match = _NAME.fullmatch(path.stem)
    if match is None:
        raise FileFormatError(f"{path}: rename the file to CUSTOMER_2026-03-01.vtt (or ..._2026-03-01T14-30.vtt)")
    begin = datetime.fromisoformat(f"{match['day']}T{match['hour'] or '00'}:{match['minute'] or '00'}")
    ours = {name.casefold() for name in staff}
    turns: list[tuple[float, str, list[str]]] = []
    for start_s, speaker, words in _cues(path):
        if turns and speaker in ("", turns[-1][1]):
            turns[-1][2].append(words)
        else:
            turns.append((start_s, speaker, [words]))
    for number, (start_s, speaker, parts) in enumerate(turns, start=1):
        by_us = speaker.casefold() in ours or bool(_STAFF.search(speaker))
        values = {
            "customer_id": match["customer"],
            "timestamp": (begin + timedelta(seconds=start_s)).isoformat(),
            "channel": "call",
            "direction": ("outbound" if by_us else "inbound") if speaker else "",
            "author": speaker,
            "text": " ".join(parts),
            "call": path.stem,
        }
        yield Row(number, values)


def _cues(path: Path) -> Iterator[tuple[float, str, str]]:
    """Yields (seconds from the start, speaker or empty text, words)."""
    with extras.importing("files"):
        import webvtt
        from webvtt.errors import MalformedCaptionError, MalformedFileError

    try:
        read = webvtt.from_srt if path.suffix.casefold() == ".srt" else webvtt.read
        captions = read(str(path)).captions
    except (MalformedFileError, MalformedCaptionError, OSError, UnicodeDecodeError) as error:
        why = str(error) or "malformed"
        raise FileFormatError(f"{path}: not a readable transcript ({path.suffix[1:]}): {why}") from error
    for caption in captions:
        words = " ".join(caption.text.split())
        spoken = _SPOKEN_BY.fullmatch(words)
        speaker = caption.voice or (spoken["speaker"].strip() if spoken else "")
        if spoken and not caption.voice:
            words = spoken["words"]
        if words:
            yield caption.start_in_seconds, speaker, words
