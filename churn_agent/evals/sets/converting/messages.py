"""Sets of what people wrote: messages, chats, reviews."""

import gzip
import random
import re
import zlib
from bisect import bisect_left
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, date, datetime, timedelta
from hashlib import sha256
from operator import itemgetter
from pathlib import Path
from typing import Any, cast

from lxml.etree import iterparse  # pyright: ignore[reportUnknownVariableType]

from churn_agent.errors import FileFormatError
from churn_agent.evals.sets.converting.cases import Case, Event, Originals, Record, make_event, only, read_rows
from churn_agent.files import strict_json

_FEWEST_MESSAGES = 3
_MOSTLY = 0.5
"""Share of messages that name the company in the next column."""


def closure_intent(originals: Originals) -> Iterator[Case]:
    """Questions to a bank: all that ask to close the account, and nine others for each of them."""
    rows = [row for path in originals.values() for row in read_rows(path)]
    closing = [row for row in rows if row["category"] == "terminate_account"]
    others = [row for row in rows if row["category"] != "terminate_account"]
    if len(others) < 9 * len(closing):
        raise ValueError(f"{len(others)} other messages are too few for {len(closing)} that close an account")
    random_ = random.Random(0)  # noqa: S311 - no secret
    drawn = closing + random_.sample(others, 9 * len(closing))
    random_.shuffle(drawn)  # or ids would tell the outcome
    day = date(2020, 3, 10)
    for n, row in enumerate(drawn, start=1):
        event = make_event(day, 0, "chat", row["text"])
        yield Case(f"bk{n:05}", day, row["category"] == "terminate_account", [event])


def brand_intent(originals: Originals) -> Iterator[Case]:
    """Messages to a chatbot, each with a company that its writer leaves or not; duplicates are dropped.

    Columns are recognised by their values: zeros and ones, companies that the messages name, messages.
    """
    [(url, path)] = originals.items()
    language = url.rsplit("/", 1)[-1][:2].lower()
    read = [row for row in read_rows(path) if any(row.values())]
    label, brand, text = _columns(read)
    labels_of: dict[tuple[str, str], set[str]] = {}
    for row in read:
        labels_of.setdefault((row[text], row[brand].casefold()), set()).add(row[label].removesuffix(".0"))
    day = date(2018, 8, 25)
    for n, ((message, company), labels) in enumerate(labels_of.items(), start=1):
        if len(labels) == 1:  # else it is said to leave and to stay
            about = {"brand": company, "language": language}
            events = [make_event(day, 0, "chat", message, brand=company)]
            yield Case(f"{language}{n:04}", day, labels == {"1"}, events, about)


def _columns(rows: Sequence[Record]) -> tuple[str, str, str]:
    """Label, company, message."""
    columns = list(rows[0]) if rows else []
    labels = [column for column in columns if {row[column].removesuffix(".0") for row in rows} == {"0", "1"}]
    if len(labels) != 1:
        raise FileFormatError(f"{len(labels)} of the columns {', '.join(columns)} hold zeros and ones, not one")
    others = [column for column in columns if column not in labels]
    if len(others) < 2:
        raise FileFormatError(f"there is no column of companies beside one of messages in {', '.join(columns)}")
    text = max(others, key=lambda column: sum(len(row[column]) for row in rows))
    others.remove(text)
    named = {column: sum(_names(row[text], row[column]) for row in rows) / len(rows) for column in others}
    brand = max(others, key=lambda column: named[column])
    if named[brand] < _MOSTLY:
        raise FileFormatError(f"no column holds the companies that the messages in {text!r} name")
    return labels[0], brand, text


def _names(message: str, company: str) -> bool:
    return bool(company) and re.search(rf"\b{re.escape(company)}\b", message, re.IGNORECASE) is not None


_YEAR = timedelta(days=365)


def reviewers(originals: Originals) -> Iterator[Case]:
    """Who wrote three reviews by a first of January or July, the last within a year; without one in the next they left.

    The file is a download that was cut off: what is whole of it counts.
    """
    written: dict[str, list[tuple[date, Event]]] = {}
    for row in _whole_lines(only(originals)):
        day = datetime.fromtimestamp(int(row["unixReviewTime"]), UTC).date()
        text = f"{row['summary']}. {row['reviewText']}".strip()
        event = make_event(day, 0, "review", text, rating=int(float(row["overall"])), product_id=row["asin"])
        written.setdefault(row["reviewerID"], []).append((day, event))
    dates = [date(year, month, 1) for year in range(2000, 2014) for month in (1, 7)]
    for reviewer, reviews in written.items():
        reviews.sort(key=itemgetter(0))
        days = [day for day, _ in reviews]
        for next_day in dates:
            known = bisect_left(days, next_day)
            if known >= _FEWEST_MESSAGES and next_day - days[known - 1] <= _YEAR:
                stays = known < len(days) and days[known] < next_day + _YEAR
                customer = f"amz_{sha256(reviewer.encode()).hexdigest()[:10]}"
                events = [event for _, event in reviews[:known]]
                yield Case(customer, next_day - timedelta(days=1), not stays, events)
                break


def _whole_lines(path: Path) -> Iterator[Mapping[str, str]]:
    with gzip.open(path, "rt", encoding="utf-8") as file:
        try:
            for line in file:
                yield Record(strict_json.parse(line))
        except EOFError:
            return
        except (gzip.BadGzipFile, zlib.error, ValueError) as error:
            raise FileFormatError(f"{path}: no compressed lines of JSON: {error}") from error


_COMMUNITIES = {"clojurians": "clojure", "elmlang": "elm"}
_FOLLOW_UP = timedelta(days=60)
_EMAIL = re.compile(r"[\w.+-]+@[\w-]+(?:\.[\w-]+)+")
_MENTION = re.compile(r"<@[^<>]+>|@(\w+)")


@dataclass(frozen=True)
class _Message:
    at: datetime
    user: str
    text: str
    conversation: str


def chat_members(originals: Originals) -> Iterator[Case]:
    """Members who wrote three messages from 31 December to 7 April; those who then write none for 60 days have left.

    Each file has its own invented names, so a member is a name in a file.
    """
    for url, path in originals.items():
        *_, team, year, _ = url.split("/")
        community, day = _COMMUNITIES.get(team, team), date(int(year), 4, 7)
        messages = sorted(_messages(path), key=lambda message: message.at)
        names = {message.user for message in messages}
        later = {message.user for message in messages if day < message.at.date() <= day + _FOLLOW_UP}
        events: dict[str, list[Event]] = {}
        for message in messages:
            text = _nameless(message.text, names)
            if text and date(int(year) - 1, 12, 31) <= message.at.date() <= day:
                conversation = f"{community}{year}-{message.conversation}"
                event: Event = {"timestamp": message.at.isoformat(), "channel": "chat", "text": text}
                event |= {"community": community, "conversation_id": conversation}
                events.setdefault(message.user, []).append(event)
        for user, written in events.items():
            if len(written) >= _FEWEST_MESSAGES:
                customer = f"dev_{sha256(f'{community}{year} {user}'.encode()).hexdigest()[:10]}"
                yield Case(customer, day, user not in later, written, {"community": community})


def _messages(path: Path) -> Iterator[_Message]:
    try:
        nodes = cast("Any", iterparse(str(path), tag="message", resolve_entities=False, no_network=True))
        for _, node in nodes:
            at = datetime.fromisoformat((node.findtext("ts") or "").strip()).replace(microsecond=0)
            at = at.astimezone(UTC).replace(tzinfo=None) if at.tzinfo else at
            user, text = (node.findtext("user") or "").strip(), (node.findtext("text") or "").strip()
            if user:
                yield _Message(at, user, text, node.get("conversation_id") or "")
            node.clear()
    except SyntaxError as error:  # as which lxml reports broken XML
        raise FileFormatError(f"{path}: no valid XML: {error.msg}") from error


def _nameless(text: str, names: set[str]) -> str:
    """Without addresses, and without the names of those who are spoken to; `@atom` in a line of code stays."""
    text = _EMAIL.sub("[email]", text)
    return _MENTION.sub(lambda match: "@someone" if match[1] is None or match[1] in names else match[0], text)
