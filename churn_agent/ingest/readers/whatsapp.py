"""Reads chats that WhatsApp exports as text (`WhatsApp Chat with Ana.txt`), from iOS and Android, in many languages.

Columns: `interaction_id` (chat and number), `customer_id` (the other side by the name of the file), `timestamp`,
`channel` (chat), `speaker`, `author`, `text`, `chat`. The order of day and month is that in which the chat runs
forward; if both orders do, the times stay as written, and the import settles it or asks.
"""

import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from datetime import datetime
from itertools import pairwise
from pathlib import Path

from churn_agent.errors import FileFormatError
from churn_agent.ingest.readers.base import Row
from churn_agent.ingest.readers.transcripts.people import Staff

_MARKS = dict.fromkeys(map(ord, "\u200e\u200f\u202a\u202b\u202c\ufeff"))
"""Direction marks, which WhatsApp puts before dates and attachments."""
_SPACES = str.maketrans({"\u202f": " ", "\u00a0": " ", "\u2009": " "})
_LINE = re.compile(
    r"\[?(?P<a>\d{1,4})(?P<sign>[./-])\s?(?P<b>\d{1,2})[./-]\s?(?P<c>\d{2,4})\.?,?\s+(?:(?P<before>[^\d\s\[\]]{1,4})\s?)?"
    r"(?P<hour>\d{1,2})[:.](?P<minute>\d{2})(?:[:.](?P<second>\d{2}))?\s?(?P<half>[aApP]\.?\s?[mM]\.?)?\s?"
    r"(?:\]\s?|\s?[-–]\s)(?P<rest>.*)",
    re.DOTALL,
)
_AFTERNOON = frozenset({"pm", "下午", "오후", "午後"})
_MORNING = frozenset({"am", "上午", "오전", "午前"})
_SPOKEN = re.compile(r"(?P<name>[^:\n]{1,80}?):\s(?P<text>.*)|(?P<only>[^:\n]{1,80}):$", re.DOTALL)
_FILE = re.compile(
    r"(?:whatsapp[ _-]*(?:chat|unterhaltung)|chat(?: de)? whatsapp|discussion whatsapp|conversa do whatsapp|"
    r"conversaci[oó]n de whatsapp|_?chat)"
    r"(?:[ _-]+(?:with|mit|avec|con|com|met|med|-))*[ _-]+(?P<name>.+)",
    re.IGNORECASE,
)
_NOBODY = (
    "nothing says the customer of this chat; name the file WhatsApp Chat with NAME.txt, or map it "
    "(defaults: {customer_id: ...})"
)


@dataclass
class _Message:
    line: int
    when: re.Match[str]
    author: str
    text: str


def is_whatsapp(path: Path) -> bool:
    """Whether a text file begins like an exported chat."""
    try:
        with path.open("rb") as file:
            head = file.read(2000).decode("utf-8", "replace")
    except OSError:
        return False
    return any(_LINE.match(_tidy(line)) for line in head.splitlines()[:5])


def read_whatsapp(path: Path, staff: Sequence[str], *, customer: str = "") -> Iterator[Row]:
    """Yields the messages of a chat.

    Args:
        path: the text file.
        staff: names of the company's people as they are in the chat. Without a list, in a chat of two, the
            person in the name of the file is the customer's, and the other ours.
        customer: customer of the chat; the other side by the name of the file if empty.

    Raises:
        FileFormatError: the file is not a chat.
    """
    messages = list(_messages(path))
    if not messages:
        raise FileFormatError(f"{path}: not a chat that WhatsApp exported; its lines begin with date, time and name")
    named = _FILE.fullmatch(path.stem)
    other = named["name"].strip() if named else ""
    sides = _sides({message.author for message in messages if message.author}, other, staff)
    order = _order(messages)
    for number, message in enumerate(messages, start=1):
        speaker = sides[message.author] if message.author else "machine"
        values = {
            "interaction_id": f"{path.stem} {number}",
            "customer_id": customer or other,
            "timestamp": _written(message.when, order),
            "channel": "chat",
            "direction": {"company": "outbound", "customer": "inbound"}.get(speaker, ""),
            "speaker": speaker,
            "author": message.author,
            "text": message.text,
            "chat": path.stem,
        }
        problem = None if values["customer_id"] else _NOBODY
        yield Row(message.line, values, problem)


def _messages(path: Path) -> Iterator[_Message]:
    try:
        text = path.read_bytes().decode("utf-8", "replace")
    except OSError as error:
        raise FileFormatError(f"cannot read {str(path)!r}: {error.strerror}") from error
    message: _Message | None = None
    for number, line in enumerate(text.replace("\r\n", "\n").split("\n"), start=1):
        start = _LINE.fullmatch(_tidy(line))
        if start is None:
            if message is not None:
                message.text += "\n" + line
            continue
        if message is not None:
            yield _stripped(message)
        spoken = _SPOKEN.fullmatch(start["rest"])
        name = (spoken["name"] or spoken["only"]).strip() if spoken else ""
        words = (spoken["text"] or "") if spoken else start["rest"]
        message = _Message(number, start, name.removeprefix("~").strip(), words)
    if message is not None:
        yield _stripped(message)


def _stripped(message: _Message) -> _Message:
    message.text = message.text.strip()
    return message


def _tidy(line: str) -> str:
    """Returns a line without direction marks, with plain spaces in its date."""
    text = line.translate(_MARKS)
    return text[:40].translate(_SPACES) + text[40:]


def _sides(names: set[str], other: str, staff: Sequence[str]) -> dict[str, str]:
    ours = Staff(staff)
    if ours:
        return {name: "company" if name in ours else "customer" for name in names}
    known = {name for name in names if name.casefold() == other.casefold()}
    if len(known) == 1 and len(names) == 2:
        return {name: "customer" if name in known else "company" for name in names}
    return dict.fromkeys(names, "unknown")


def _order(messages: Sequence[_Message]) -> str | None:
    """Returns the order of year, month and day in which all dates exist and none goes back; None if two orders do."""
    fitting: list[str] = []
    for order in ("ymd", "dmy", "mdy"):
        times = [_time(message.when, order) for message in messages]
        if all(times):
            backwards = sum(later < earlier for earlier, later in pairwise(times) if earlier and later)
            fitting += [order] if backwards <= len(times) // 100 else []
    first = messages[0].when
    if len(fitting) > 1 and first["sign"] == ".":
        return "dmy" if "dmy" in fitting else fitting[0]
    return fitting[0] if len(fitting) == 1 else None


def _time(when: re.Match[str], order: str) -> datetime | None:
    numbers = dict(zip(order, (when["a"], when["b"], when["c"]), strict=True))
    if (len(numbers["y"]) == 4) is not (max(len(part) for part in numbers.values()) == 4):
        return None
    year = int(numbers["y"]) + (2000 if len(numbers["y"]) == 2 else 0)
    try:
        return datetime(year, int(numbers["m"]), int(numbers["d"]), *_clock(when))  # noqa: DTZ001 - in the book's zone
    except ValueError:
        return None


def _clock(when: re.Match[str]) -> tuple[int, int, int]:
    hour = int(when["hour"])
    half = (when["half"] or when["before"] or "").replace(".", "").replace(" ", "").casefold()
    if half in _AFTERNOON and hour < 12:
        hour += 12
    elif half in _MORNING and hour == 12:
        hour = 0
    return hour, int(when["minute"]), int(when["second"] or 0)


def _written(when: re.Match[str], order: str | None) -> str:
    """Returns the time in ISO 8601; as written, with a clock of 24 hours and a full year, if the order is not known."""
    time = _time(when, order) if order else None
    if time:
        return time.isoformat()
    hour, minute, second = _clock(when)
    year = when["c"] if len(when["c"]) == 4 else f"20{when['c']}"
    return f"{int(when['a']):02}/{int(when['b']):02}/{year} {hour:02}:{minute:02}:{second:02}"
