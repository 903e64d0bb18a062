"""Reads chats that WhatsApp exports as text, also in a `.zip`, from iOS and Android, in many languages.

Columns: `interaction_id` (chat and number), `customer_id` (the other side by the name of the file), `timestamp`,
`channel` (chat), `speaker`, `author`, `text`, `chat`, and `added`: placeholders for media and the like beside the
person's words. A message without such words is a machine's. The order of day and month is that in which the chat runs
forward; if both orders do, the times stay as written, and the import settles it or asks.
"""

import re
import zipfile
import zlib
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from datetime import datetime
from itertools import pairwise
from pathlib import Path

from churn_agent.errors import FileFormatError
from churn_agent.ingest.readers.base import Row
from churn_agent.ingest.readers.placeholders import MARKS, is_notice, without_placeholders
from churn_agent.ingest.readers.transcripts.people import Staff

_SPACES = str.maketrans({"\u202f": " ", "\u00a0": " ", "\u2009": " "})
_LINE = re.compile(
    r"\[?(?P<a>\d{1,4})(?P<sign>[./-])\s?(?P<b>\d{1,2})[./-]\s?(?P<c>\d{2,4})\.?,?\s+(?:(?P<before>[^\d\s\[\]]{1,4})\s?)?"
    r"(?P<hour>\d{1,2})[:.](?P<minute>\d{2})(?:[:.](?P<second>\d{2}))?\s?(?P<half>[aApP]\.?\s?[mM]\.?)?\s?"
    r"(?:\]\s?|\s?[-–]\s)(?P<rest>.*)",
    re.DOTALL,
)
_AFTERNOON = frozenset({"pm", "下午", "오후", "午後"})
_MORNING = frozenset({"am", "上午", "오전", "午前"})
_SPOKEN = re.compile(
    r"(?P<name>[^:\n\x22\u201c\u201e\u00ab]{1,80}?):\s(?P<text>.*)|(?P<only>[^:\n\x22\u201c\u201e\u00ab]{1,80}):$",
    re.DOTALL,
)
_FILE = re.compile(
    r"(?:whatsapp[ _-]*(?:chat|unterhaltung)|chat(?: de)? whatsapp|discussion whatsapp|conversa do whatsapp|"
    r"conversaci[oó]n de whatsapp|_?chat)"
    r"(?:[ _-]+(?:with|mit|avec|con|com|met|med|-))*[ _-]+(?P<name>.+)",
    re.IGNORECASE,
)
_FILE_IN_ZIP = re.compile(r"(?:^|/)(?:_chat|[^/]*whatsapp[^/]*)\.txt$")
_HEAD = 2000
"""Bytes in which a chat is recognised."""
_LONGEST = 1 << 28
"""Most bytes that are unpacked; the longest chats have a few MB."""
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
    """Whether a text file, or one in a `.zip`, begins like an exported chat."""
    try:
        return _begins_like_a_chat(_bytes(path, _HEAD).decode("utf-8", "replace"))
    except (OSError, FileFormatError):
        return False


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
        unpack = "; unpack it, and import its files" if path.suffix.casefold() == ".zip" else ""
        raise FileFormatError(
            f"{path}: not a chat that WhatsApp exported; its lines begin with date, time and name{unpack}"
        )
    other = _named(path)
    sides = _sides({message.author for message in messages if message.author}, other, staff)
    order = _order(messages)
    for number, message in enumerate(messages, start=1):
        words, added = without_placeholders(message.text)
        is_own = bool(words and message.author) and not is_notice(message.text, {*sides, other})
        speaker = sides[message.author] if is_own else "machine"
        values = {
            "interaction_id": f"{path.stem} {number}",
            "customer_id": customer or other,
            "timestamp": _written(message.when, order),
            "channel": "chat",
            "direction": {"company": "outbound", "customer": "inbound"}.get(speaker, ""),
            "speaker": speaker,
            "author": message.author,
            "text": words or message.text,
            "chat": path.stem,
        } | ({"added": added} if added and words else {})
        problem = None if values["customer_id"] else _NOBODY
        yield Row(message.line, values, problem)


def _bytes(path: Path, most: int = -1) -> bytes:
    """Returns the first bytes of a text file, or of the chat in a `.zip`. Raises `OSError`, `FileFormatError`."""
    if path.suffix.casefold() != ".zip":
        with path.open("rb") as file:
            return file.read(most)
    try:
        with zipfile.ZipFile(path) as archive, archive.open(_inside(path, archive)) as file:
            content = file.read(min(most, _LONGEST) if most >= 0 else _LONGEST)
            if file.read(1) and most < 0:
                raise FileFormatError(f"{path}: the chat in it is larger than {_LONGEST >> 20} MB; unpack it")
            return content
    except (zipfile.BadZipFile, zlib.error, EOFError, RuntimeError, NotImplementedError) as error:
        raise FileFormatError(f"{path}: not a readable archive ({error}); unpack it, and import its files") from error


def _inside(path: Path, archive: zipfile.ZipFile) -> str:
    """Returns the name of the only text in an archive. Raises `FileFormatError` if there is none, or several."""
    names = [name for name in archive.namelist() if not name.startswith("__MACOSX/")]
    texts = [name for name in names if name.casefold().endswith(".txt")]
    chats = [name for name in texts if _FILE_IN_ZIP.search(name.casefold())] or texts
    if len(chats) != 1:
        raise FileFormatError(f"{path}: holds {len(chats) or 'no'} chats; unpack it, and import its files")
    return chats[0]


def _begins_like_a_chat(head: str) -> bool:
    return any(_LINE.match(_tidy(line)) for line in head.splitlines()[:5])


def _named(path: Path) -> str:
    """Returns the other side of a chat by the name of its file; for `_chat.txt` of an iPhone by that of its folder."""
    stem = path.parent.name if path.stem.casefold() == "_chat" else path.stem
    named = _FILE.fullmatch(stem)
    return named["name"].strip() if named else ""


def _messages(path: Path) -> Iterator[_Message]:
    try:
        text = _bytes(path).decode("utf-8", "replace").removeprefix("\ufeff")
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
        first_line = _last(line, len(words)) if words else ""
        message = _Message(number, start, name.removeprefix("~").strip(), first_line)
    if message is not None:
        yield _stripped(message)


def _stripped(message: _Message) -> _Message:
    message.text = message.text.strip()
    return message


def _last(line: str, count: int) -> str:
    """Returns the last characters of a line, with their marks, which do not count."""
    for position in range(len(line) - 1, -1, -1):
        count -= ord(line[position]) not in MARKS
        if not count:
            while position and ord(line[position - 1]) in MARKS:
                position -= 1
            return line[position:]
    return line


def _tidy(line: str) -> str:
    """Returns a line without direction marks, with plain spaces in its date."""
    text = line.translate(MARKS)
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
