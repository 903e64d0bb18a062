"""Reads transcripts in JSON: AWS Transcribe, Whisper, WhisperX, Deepgram, AssemblyAI, and calls as Gong has them."""

import re
from collections.abc import Iterator
from datetime import datetime
from pathlib import Path
from typing import Any, cast

from churn_agent.domain.interactions import Direction
from churn_agent.errors import FileFormatError
from churn_agent.files import strict_json
from churn_agent.ingest.readers.mail.own import account_of
from churn_agent.ingest.readers.transcripts.turns import Call, Turn, joined

_HINTS = tuple(
    f'"{name}"'
    for name in ("callTranscripts", "jobName", "monologues", "utterances", "parties", "Transcript", "segments")
)
_OPENING = re.compile(r'\{\s*"(?:text|results|metadata|task|duration)"')
_HEAD = 4096
_SIDES: dict[str, Direction] = {
    "internal": "outbound", "agent": "outbound", "external": "inbound", "customer": "inbound",
}  # fmt: skip

Record = dict[str, Any]


def is_transcript(path: Path) -> bool:
    """Whether a `.json` file is the transcript of a call. Only files that begin like one are read in full."""
    try:
        with path.open("rb") as file:
            head = file.read(_HEAD).decode("utf-8", "replace").lstrip("\ufeff \t\r\n")
        likely = (head.startswith("{") and any(hint in head for hint in _HINTS)) or _OPENING.match(head)
        return bool(likely and _calls(_parsed(path)))
    except (OSError, FileFormatError):
        return False


def calls_of(path: Path) -> list[Call]:
    """Returns the calls of a file. Raises `FileFormatError`."""
    calls = _calls(_parsed(path))
    if not calls:
        raise FileFormatError(f"{path}: not a transcript in a known format")
    return calls


def _parsed(path: Path) -> Record:
    return _record(strict_json.load(path))


def _calls(document: Record) -> list[Call]:
    for read in (_gong, _call_analytics, _aws, _utterances, _whisper):
        try:
            if calls := [call for call in read(document) if call.turns]:
                return calls
        except (TypeError, ValueError, KeyError, AttributeError):  # keys of that form with other contents
            continue
    return []


def _record(value: Any) -> Record:
    return cast("Record", value) if isinstance(value, dict) else {}


def _records(value: Any) -> list[Record]:
    return [_record(item) for item in value if strict_json.is_object(item)] if strict_json.is_list(value) else []


def _text(value: Any) -> str:
    return " ".join(value.split()) if isinstance(value, str) else ""


def _seconds(value: Any, unit: float = 1.0) -> float:
    return float(value or 0) * unit


def _turns(items: Iterator[tuple[float, str, str]]) -> list[Turn]:
    return joined(Turn(start, speaker, text) for start, speaker, text in items if text)


def _whisper(document: Record) -> Iterator[Call]:
    segments = _records(document.get("segments"))
    if any("text" in segment and "start" in segment for segment in segments):
        yield Call(_turns((_seconds(s.get("start")), _text(s.get("speaker")), _text(s.get("text"))) for s in segments))


def _utterances(document: Record) -> Iterator[Call]:
    """AssemblyAI (milliseconds, at the top) and Deepgram (seconds, in `results`)."""
    nested = _record(document.get("results")).get("utterances")
    unit = 1.0 if nested else 0.001
    items = _records(nested or document.get("utterances"))
    yield Call(
        _turns(
            (
                _seconds(u.get("start"), unit),
                f"Speaker {u['speaker']}" if "speaker" in u else "",
                _text(u.get("transcript") or u.get("text")),
            )
            for u in items
        )
    )


def _call_analytics(document: Record) -> Iterator[Call]:
    """AWS Transcribe Call Analytics: turns with the role of the participant."""
    items = _records(document.get("Transcript"))
    roles = {_text(item.get("ParticipantRole")) for item in items}
    sides: dict[str, Direction] = {role: _SIDES[role.casefold()] for role in roles if role.casefold() in _SIDES}
    turns = _turns(
        (_seconds(item.get("BeginOffsetMillis"), 0.001), _text(item.get("ParticipantRole")), _text(item.get("Content")))
        for item in items
    )
    yield Call(turns, sides)


def _aws(document: Record) -> Iterator[Call]:
    """AWS Transcribe: words with speakers or channels; without either, one text."""
    results = _record(document.get("results"))
    if not results.get("transcripts") and not results.get("items"):
        return
    speaker_at = {
        str(item.get("start_time")): _text(item.get("speaker_label"))
        for segment in _records(_record(results.get("speaker_labels")).get("segments"))
        for item in _records(segment.get("items"))
    }
    channels = _records(_record(results.get("channel_labels")).get("channels"))
    words = [
        (item, _text(channel.get("channel_label"))) for channel in channels for item in _records(channel.get("items"))
    ]
    words = words or [(item, _text(item.get("channel_label"))) for item in _records(results.get("items"))]
    spoken: list[tuple[float, str, str]] = []
    for item, channel in words:
        alternatives = _records(item.get("alternatives"))
        content = _text(alternatives[0].get("content")) if alternatives else ""
        if item.get("type") == "punctuation" and spoken:
            start, speaker, text = spoken[-1]
            spoken[-1] = (start, speaker, text + content)
            continue
        label = channel or _text(item.get("speaker_label")) or speaker_at.get(str(item.get("start_time")), "")
        spoken.append((_seconds(item.get("start_time")), label, content))
    if any(speaker for _, speaker, _ in spoken):
        yield Call(_turns(iter(sorted(spoken, key=lambda word: word[0]))))
        return
    whole = " ".join(_text(transcript.get("transcript")) for transcript in _records(results.get("transcripts")))
    yield Call(_turns(iter([(0.0, "", whole)])))


def _gong(document: Record) -> Iterator[Call]:
    """Calls with parties (`affiliation`) and monologues, in one document or as two answers of the API put together."""
    transcripts = {
        str(item.get("callId")): item.get("transcript") or item.get("monologues")
        for item in _records(document.get("callTranscripts"))
    }
    calls = _records(document.get("calls")) or ([document] if document.get("parties") else [])
    if not calls:
        calls = [{"metaData": {"id": key}} for key in transcripts]
    for call in calls:
        meta = _record(call.get("metaData")) or call
        key = str(meta.get("id") or call.get("callId") or "")
        monologues = call.get("transcript") or call.get("monologues") or transcripts.get(key)
        if monologues is None and len(calls) == len(transcripts) == 1:  # the parties of the only call have no key
            monologues = next(iter(transcripts.values()))
        if isinstance(monologues, dict):
            monologues = _record(monologues).get("transcript") or _record(monologues).get("monologues")
        yield _gong_call(_records(monologues), _records(call.get("parties")), _records(call.get("context")), meta, key)


def _gong_call(monologues: list[Record], parties: list[Record], context: list[Record], meta: Record, key: str) -> Call:
    names = {
        str(party.get("speakerId") or party.get("id")): _text(party.get("name")) or _text(party.get("emailAddress"))
        for party in parties
    }
    sides: dict[str, Direction] = {}
    for party in parties:
        side = _SIDES.get(_text(party.get("affiliation")).casefold())
        if side:
            sides[names[str(party.get("speakerId") or party.get("id"))]] = side
    turns = _turns(
        (
            _seconds(sentences[0].get("start"), 0.001) if sentences else _seconds(monologue.get("start"), 0.001),
            names.get(str(monologue.get("speakerId")), str(monologue.get("speakerId") or "")),
            " ".join(_text(sentence.get("text")) for sentence in sentences) or _text(monologue.get("text")),
        )
        for monologue in monologues
        for sentences in [_records(monologue.get("sentences"))]
    )
    return Call(turns, sides, _account(parties, context), _started(meta), key)


def _account(parties: list[Record], context: list[Record]) -> str:
    """Returns the account in the CRM; else what the addresses of the external people share."""
    for system in context:
        for thing in _records(system.get("objects")):
            if _text(thing.get("objectType")).casefold() == "account" and thing.get("objectId"):
                return str(thing["objectId"])
    external = [p for p in parties if _text(p.get("affiliation")).casefold() == "external"]
    accounts = {
        account_of(_text(p.get("emailAddress")).casefold()) for p in external if "@" in _text(p.get("emailAddress"))
    }
    return accounts.pop() if len(accounts) == 1 else ""


def _started(meta: Record) -> datetime | None:
    for name in ("started", "scheduled", "date"):
        try:
            return datetime.fromisoformat(_text(meta.get(name)))
        except ValueError:
            continue
    return None
