"""Reads the turns of calls as rows.

Columns: `interaction_id` (file or call, and number of the turn), `customer_id`, `timestamp`, `channel` (call or chat),
`direction`, `speaker`, `author`, `text`, `call`. Customer and time come from the name of the file, from the file, or
from the mapping.
"""

from collections.abc import Iterator, Sequence
from datetime import timedelta
from pathlib import Path

from churn_agent.ingest.readers.base import Row
from churn_agent.ingest.readers.transcripts.cues import turns_of
from churn_agent.ingest.readers.transcripts.documents import calls_of
from churn_agent.ingest.readers.transcripts.files import read_name
from churn_agent.ingest.readers.transcripts.people import Staff
from churn_agent.ingest.readers.transcripts.plain import plain_call
from churn_agent.ingest.readers.transcripts.turns import Call

_DIRECTIONS = {"company": "outbound", "customer": "inbound"}


def read_transcript(
    path: Path, staff: Sequence[str], *, customer: str = "", file_name: str | None = None
) -> Iterator[Row]:
    """Yields the turns of a file's calls. A call without a customer or a time is one row with a `problem`.

    Args:
        path: `.vtt`, `.srt`, `.txt` or `.json`.
        staff: names, addresses and domains of the company's people; `FILE/NAME` counts in that file only. Without
            them, and without roles in the names (`Agent`), speakers are `unknown`.
        customer: customer of all calls, if the names of the files do not say it.
        file_name: pattern of the names, such as `{customer_id}_{date}`.

    Raises:
        FileFormatError: the file is not a transcript.
    """
    ours = Staff(staff, path.stem)
    line = 0
    for call in read_calls(path, ours):
        for row in _rows(path, call, ours, customer, file_name, line):
            line = row.line
            yield row


def read_calls(path: Path, staff: Staff) -> list[Call]:
    """Returns the calls of a file. Raises `FileFormatError`."""
    match path.suffix.casefold():
        case ".json":
            return calls_of(path)
        case ".txt":
            return [plain_call(path, staff)]
        case _:
            return [Call(turns_of(path, staff))]


def customer_of(path: Path, call: Call, file_name: str | None = None) -> str:
    """Returns the customer of a call, by the name of its file or by the file; empty if neither says it."""
    return read_name(path.stem, file_name).customer or call.customer


def _rows(path: Path, call: Call, staff: Staff, customer: str, file_name: str | None, line: int) -> Iterator[Row]:
    named = read_name(path.stem, file_name)
    whose = customer or named.customer or call.customer
    begin = call.started or named.started or read_name(path.parent.name).started  # Zoom names the folder
    if begin and call.by_clock:
        begin = begin.replace(hour=0, minute=0, second=0)
    if not whose or begin is None:
        missing = " and ".join(name for name, value in (("customer", whose), ("date", begin)) if not value)
        yield Row(
            line + 1,
            {"call": call.key or path.stem},
            f"nothing says the {missing} of this call; rename the file to CUSTOMER_2026-03-01T14-30{path.suffix}, "
            "or map its name (file_name: '{customer_id}_{date}') or its customer (defaults: {customer_id: ...})",
        )
        return
    sides = staff.sides([turn.speaker for turn in call.turns], call.sides)
    for number, turn in enumerate(call.turns, start=1):
        speaker = sides[turn.speaker]
        values = {
            "interaction_id": f"{call.key or path.stem} {number}",
            "customer_id": whose,
            "timestamp": (begin + timedelta(seconds=turn.start_s)).isoformat(),
            "channel": call.channel,
            "direction": _DIRECTIONS.get(speaker, ""),
            "speaker": speaker,
            "author": turn.speaker,
            "text": turn.text,
            "call": call.key or path.stem,
        }
        yield Row(line + number, values)
