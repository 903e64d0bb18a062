"""Transcripts of calls (`.vtt`, `.srt`) to rows, one a turn of a speaker.

A file is one call; its name says whose and when: `CUSTOMER_2026-03-01.vtt` or `CUSTOMER_2026-03-01T14-30.vtt`. Speakers
come from voice tags (`<v Ana>`, WebVTT) or from `Ana:` at the start of a cue.
"""

import re
from collections.abc import Iterator, Sequence
from datetime import datetime, timedelta
from pathlib import Path

from churn_agent import extras
from churn_agent.errors import FileFormatError
from churn_agent.ingest.readers.base import Row

_NAME = re.compile(r"(?P<customer>.+)_(?P<day>\d{4}-\d{2}-\d{2})(?:T(?P<hour>\d{2})-?(?P<minute>\d{2}))?")
_SPOKEN_BY = re.compile(r"(?P<speaker>[^\W\d_][\w .'-]{0,30}):\s+(?P<said>.*)", re.DOTALL)
_STAFF = re.compile(
    r"\b(agent|advisor|adviser|support|service|representative|rep|operator|staff|assistant|bot|mitarbeiter\w*|berater\w*)\b",
    re.IGNORECASE,
)


def read_transcript(path: Path, staff: Sequence[str]) -> Iterator[Row]:
    """Yields the turns of a call.

    Args:
        staff: names of speakers of the company, beside those that say so (`Agent`, `Support`, ...).

    Raises:
        FileFormatError: the file is no transcript, or its name does not say whose it is.
    """
    named = _NAME.fullmatch(path.stem)
    if named is None:
        raise FileFormatError(f"{path}: name the file CUSTOMER_2026-03-01.vtt (or ..._2026-03-01T14-30.vtt)")
    begin = datetime.fromisoformat(f"{named['day']}T{named['hour'] or '00'}:{named['minute'] or '00'}")
    ours = {name.casefold() for name in staff}
    turns: list[tuple[float, str, list[str]]] = []
    for start_s, speaker, said in _cues(path):
        if turns and speaker in ("", turns[-1][1]):
            turns[-1][2].append(said)
        else:
            turns.append((start_s, speaker, [said]))
    for number, (start_s, speaker, parts) in enumerate(turns, start=1):
        by_us = speaker.casefold() in ours or bool(_STAFF.search(speaker))
        values = {
            "customer_id": named["customer"],
            "timestamp": (begin + timedelta(seconds=start_s)).isoformat(),
            "channel": "call",
            "direction": ("outbound" if by_us else "inbound") if speaker else "",
            "author": speaker,
            "text": " ".join(parts),
            "call": path.stem,
        }
        yield Row(number, values)


def _cues(path: Path) -> Iterator[tuple[float, str, str]]:
    """(seconds from the start, speaker or nothing, what was said)."""
    with extras.importing("files"):
        import webvtt
        from webvtt.errors import MalformedCaptionError, MalformedFileError

    try:
        read = webvtt.from_srt if path.suffix.casefold() == ".srt" else webvtt.read
        captions = read(str(path)).captions
    except (MalformedFileError, MalformedCaptionError, OSError, UnicodeDecodeError) as error:
        why = str(error) or "its form is wrong"
        raise FileFormatError(f"{path}: no readable transcript ({path.suffix[1:]}): {why}") from error
    for caption in captions:
        said = " ".join(caption.text.split())
        spoken = _SPOKEN_BY.fullmatch(said)
        speaker = caption.voice or (spoken["speaker"].strip() if spoken else "")
        if spoken and not caption.voice:
            said = spoken["said"]
        if said:
            yield caption.start_in_seconds, speaker, said
