"""Reads a Slack export: a folder with `users.json` and a folder for each channel, with a JSON file for each day.

Columns: `interaction_id` (channel and `ts`), `customer_id` and `channel_name` (the name of the channel: map it to a
customer with `values`), `timestamp`, `channel` (chat), `speaker`, `author` (id), `author_name`, `author_email`,
`text`, `thread_ts`, `subtype`. Mentions and links are written out.
"""

import html
import re
from collections.abc import Iterator, Mapping, Sequence
from datetime import UTC, datetime
from functools import lru_cache
from pathlib import Path
from typing import Any

from churn_agent.files import strict_json
from churn_agent.files.strict_json import is_list, is_object
from churn_agent.ingest.readers.base import Row
from churn_agent.ingest.readers.transcripts.people import Staff

_USERS = ("users.json", "org_users.json")
_DAY = re.compile(r"\d{4}-\d{2}-\d{2}\.json")
_BY_PEOPLE = frozenset({"", "file_share", "thread_broadcast", "me_message", "file_comment", "reply_broadcast"})
"""Subtypes of messages that people write; those of others (`channel_join`, `bot_message`) are a machine's."""
_MENTION = re.compile(r"<@(?P<id>[A-Z0-9]+)(?:\|(?P<name>[^>]*))?>")
_CHANNEL = re.compile(r"<#[A-Z0-9]+\|(?P<name>[^>]*)>")
_LINK = re.compile(r"<(?P<url>(?:https?|mailto|tel):[^|>]+)(?:\|(?P<text>[^>]*))?>")


def slack_files(folder: Path) -> list[Path]:
    """Returns the files of all channels and days, if the folder is a Slack export."""
    return sorted(folder.glob("*/*.json")) if _users_file(folder) else []


def in_slack_export(path: Path) -> bool:
    """Whether a file is that of a channel and a day in a Slack export."""
    return bool(_DAY.fullmatch(path.name)) and _users_file(path.resolve().parent.parent) is not None


def read_slack(path: Path, staff: Sequence[str]) -> Iterator[Row]:
    """Yields the messages of a channel on one day.

    Args:
        path: the file.
        staff: ids, names, addresses and domains of the company's people. Everybody else is the customer's; without a
            list, speakers are `unknown`.

    Raises:
        FileFormatError: a file cannot be read.
    """
    users = _users(path.resolve().parent.parent)
    ours = Staff(staff)
    ids = {name.casefold() for name in staff}
    channel = path.resolve().parent.name
    for number, message in enumerate(_list(path), start=1):
        if not is_object(message):
            yield Row(number, {}, "not a message")
        elif message.get("type", "message") == "message":
            yield _row(number, message, channel, users, ours, ids)


def _users_file(folder: Path) -> Path | None:
    return next((folder / name for name in _USERS if (folder / name).is_file()), None)


@lru_cache(maxsize=4)
def _users(folder: Path) -> dict[str, dict[str, Any]]:
    file = _users_file(folder)
    entries = _list(file) if file else []
    return {str(entry["id"]): entry for entry in entries if is_object(entry) and entry.get("id")}


def _list(path: Path) -> list[Any]:
    content = strict_json.load(path)
    return content if is_list(content) else []


def _row(
    number: int, message: dict[str, Any], channel: str, users: Mapping[str, dict[str, Any]], staff: Staff, ids: set[str]
) -> Row:
    user = str(message.get("user") or message.get("bot_id") or "")
    profile = _inner(message, "user_profile") | _inner(users.get(user, {}), "profile")
    name = str(
        profile.get("real_name")
        or users.get(user, {}).get("real_name")
        or users.get(user, {}).get("name")
        or message.get("username")
        or ""
    )
    email = str(profile.get("email") or "")
    subtype = str(message.get("subtype") or "")
    is_bot = (
        bool(users.get(user, {}).get("is_bot"))
        or user == "USLACKBOT"
        or ("bot_id" in message and "user" not in message)
    )
    if subtype not in _BY_PEOPLE or is_bot:
        speaker = "machine"
    elif user.casefold() in ids or name in staff or (email and email in staff):
        speaker = "company"
    else:
        speaker = "customer" if staff else "unknown"
    ts = str(message.get("ts", ""))
    edited = str(_inner(message, "edited").get("ts") or "")
    values = {
        "interaction_id": f"{channel} {ts}",
        "customer_id": channel,
        "channel_name": channel,
        "timestamp": _time(ts),
        "updated_at": _time(edited) or _time(ts),
        "channel": "chat",
        "direction": {"company": "outbound", "customer": "inbound"}.get(speaker, ""),
        "speaker": speaker,
        "author": user or name,
        "author_name": name,
        "author_email": email,
        "text": _text(message, users, by_machine=speaker == "machine"),
        "thread_ts": str(message.get("thread_ts") or ""),
        "subtype": subtype,
    }
    problem = None if values["timestamp"] else f"the time {ts!r} of the message is not a number"
    return Row(number, {key: value for key, value in values.items() if value or key == "text"}, problem)


def _inner(record: Mapping[str, Any], name: str) -> dict[str, Any]:
    inner = record.get(name)
    return dict(inner) if is_object(inner) else {}


def _time(ts: str) -> str:
    try:
        return datetime.fromtimestamp(float(ts), UTC).isoformat()
    except (ValueError, OverflowError, OSError):
        return ""


def _text(message: Mapping[str, Any], users: Mapping[str, dict[str, Any]], *, by_machine: bool) -> str:
    """Returns the text with mentions and links written out.

    The texts of attachments stand for it in messages of bots, and where people share one of their messages. Other
    attachments of people have the words of others.
    """
    texts = [str(message.get("text") or "")]
    attachments = message.get("attachments")
    if not texts[0].strip() and is_list(attachments):
        texts = [
            str(item.get("text") or item.get("fallback") or "")
            for item in attachments
            if is_object(item) and (by_machine or item.get("author_id", "") == message.get("user"))
        ]

    def mention(match: re.Match[str]) -> str:
        user = users.get(match["id"], {})
        return "@" + str(match["name"] or _inner(user, "profile").get("real_name") or user.get("name") or match["id"])

    text = _MENTION.sub(mention, "\n".join(texts))
    text = _CHANNEL.sub(lambda match: f"#{match['name']}", text)
    text = _LINK.sub(lambda match: f"{match['text']} ({match['url']})" if match["text"] else match["url"], text)
    return html.unescape(text)
