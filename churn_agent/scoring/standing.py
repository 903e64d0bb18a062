"""What stands whatever else happens: an announcement to leave, until it is taken back; and that somebody has left.

All functions are pure: they take the readings in order of time, and what the snapshot knows of outcomes and attributes.
"""

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from datetime import date, datetime, timedelta

from churn_agent.content.taxonomy import Taxonomy
from churn_agent.domain.assessment import Announced, Citation, Former, Signal
from churn_agent.domain.days import real_day
from churn_agent.domain.snapshot import Snapshot
from churn_agent.evidence.care import spoken
from churn_agent.evidence.end_dates import end_date
from churn_agent.evidence.grounding import find_quote

STRONG = 0.8
"""Least strength of a reading that makes an announcement."""
STATUS_ATTRIBUTES = frozenset(
    """status state customer_status account_status contract_status subscription_status kundenstatus
    vertragsstatus""".split()
)
_GONE = frozenset(
    """former ex closed ended inactive churned lost left terminated deactivated deleted expired archived
    ehemalig ehemaliger ehemalige inaktiv beendet geschlossen ausgetreten verloren abgelaufen gelöscht""".split()
)
"""Values of these attributes for those who have left."""
_NOTICE = frozenset(
    """cancelled canceled cancelling notice notice_given in_notice resigned pending_cancellation
    gekündigt gekuendigt kündigung kuendigung in_kündigung""".split()
)
"""The same for those who have given notice, and who have left unless a day to come is known as the end."""
_ENDS = ("left_on", "closed_date", "closed_on", "closed_at", "end_date", "ended_on", "contract_end", "churn_date",
         "cancelled_to", "terminated_on", "austritt", "vertragsende", "beendet_am", "kündigung_zum")  # fmt: skip
_LEFT = ("left_on", "closed_date", "closed_on", "closed_at", "ended_on", "churn_date", "terminated_on", "austritt",
         "beendet_am")  # fmt: skip
"""Those of them that say by themselves that the customer leaves; others may be the end of a term that is renewed."""
_NOTICES = ("notice_on", "cancelled_at", "canceled_at", "cancelled_on", "canceled_on", "cancellation_date",
            "kündigung_am", "gekündigt_am")  # fmt: skip
_BEGINNINGS = ("start_date", "started_on", "contract_start", "contract_since", "signed_on", "renewed_on", "renewed_at",
               "last_renewal", "reactivated_on", "vertragsbeginn", "verlängert_am")  # fmt: skip


@dataclass(frozen=True)
class ReadMessage:
    """A message, or a chat session, as it was read."""

    interaction_ids: tuple[str, ...]
    at: datetime
    """Of its latest line, in the book's time zone."""
    text: str
    signals: Mapping[str, tuple[float, Citation]] = field(default_factory=dict[str, tuple[float, Citation]])
    """Signal id -> strength and quote."""
    leaning: float | None = None

    @property
    def speaks(self) -> bool:
        """Whether it shows a signal with a verified quote."""
        return any(citation.verified for _, citation in self.signals.values())


def announcement(
    messages: Iterable[ReadMessage], snapshot: Snapshot, taxonomy: Taxonomy, *, earlier: Announced | None = None
) -> Announced | None:
    """The latest announcement that the customer leaves, standing or not; None if there is none.

    A verified signal of the role `leaving_announced` announces if its strength is at least `STRONG` and its message
    leans to leaving. It stands until the customer takes it back, stays or renews by a later message, until an outcome
    says that they stayed, or until a new contract begins. Notice in outcomes or attributes counts like an announcement.

    Args:
        messages: as they were read.
        snapshot: the customer; later messages that were not read are searched for plain retractions.
        taxonomy: with roles and rules for sentences.
        earlier: the announcement in the latest record. It counts if its message was not read now and still says so.
    """
    by_time = sorted(messages, key=lambda message: message.at)
    announcements = [announced for message in by_time if (announced := _announces(message, taxonomy))]
    kept = _kept(earlier, by_time, snapshot, taxonomy)
    all_ = [_ended(candidate, by_time, snapshot, taxonomy) for candidate in [*([kept] if kept else []), *announcements]]
    standing = [candidate for candidate in all_ if candidate.stands]
    announced = max(standing, key=lambda candidate: candidate.strength, default=None)
    if announced:
        ends_on = next((candidate.ends_on for candidate in reversed(standing) if candidate.ends_on), None)
        announced = announced.model_copy(update={"ends_on": ends_on})
    elif all_:
        announced = max(all_, key=lambda candidate: candidate.date)
    official = _official_notice(snapshot)
    if official and not (announced and announced.stands):
        return official
    if official and announced and announced.ends_on is None:
        return announced.model_copy(update={"ends_on": official.ends_on})
    return announced


def former(snapshot: Snapshot) -> Former | None:
    """What shows that somebody has left by the snapshot's day; None for a customer."""
    day = snapshot.as_of
    begun = _latest_beginning(snapshot)
    for label in sorted(snapshot.outcomes, key=lambda label: label.as_of, reverse=True):
        left = real_day(label.left_on)
        if left and left <= day and not _returned(left, begun):
            return Former(since=left, source="outcome")
        lost = label.kind == "lost" and left is None and label.metadata.get("source") != "derived"
        if lost and label.notice_on is None and not _returned(date.fromisoformat(label.as_of), begun):
            return Former(since=None, source="outcome")
    for name in _LEFT:
        left = real_day(_attributes(snapshot).get(name))
        if left and left <= day and not _returned(left, begun):
            return Former(since=left, source=f"attribute {name}")
    status = _status(snapshot)
    ends = _end_in_attributes(snapshot)
    if status and (status[1] in _GONE or (status[1] in _NOTICE and (ends is None or ends <= day))):
        return Former(since=ends if ends and ends <= day else None, source=f"attribute {status[0]}")
    return None


def without_taken_back(
    messages: Sequence[ReadMessage], announced: Announced | None, taxonomy: Taxonomy
) -> list[ReadMessage]:
    """The messages; those up to the day when an announcement was taken back, without their signals of leaving."""
    if announced is None or announced.ended_on is None:
        return list(messages)
    ended_on = announced.ended_on

    def kept(message: ReadMessage) -> ReadMessage:
        leaves = message.signals.keys() & taxonomy.leaving
        if not leaves or message.at.date() > ended_on:
            return message
        rest = {id_: shown for id_, shown in message.signals.items() if id_ not in leaves}
        return replace(message, signals=rest, leaning=None)

    return [kept(message) for message in messages]


def signals_of(messages: Sequence[ReadMessage], taxonomy: Taxonomy) -> list[Signal]:
    """The signals in messages, each with its quotes and its greatest verified strength."""
    shown: dict[str, list[tuple[float, Citation]]] = {}
    for message in messages:
        for id_, one in message.signals.items():
            shown.setdefault(id_, []).append(one)
    return [
        Signal(
            concept=id_,
            polarity=taxonomy.by_id[id_].polarity,
            strength=max((strength for strength, citation in all_ if citation.verified), default=0.0),
            citations=tuple(citation for _, citation in all_),
        )
        for id_, all_ in shown.items()
    ]


# --- announcements


def _announces(message: ReadMessage, taxonomy: Taxonomy) -> Announced | None:
    id_ = taxonomy.with_role("leaving_announced")
    strength, citation = message.signals.get(id_ or "", (0.0, None))
    if (
        citation is None
        or not citation.verified
        or strength < STRONG
        or (message.leaning is not None and message.leaning <= 0)
    ):
        return None
    day = citation.occurred_at.date()
    return Announced(
        date=day,
        citation=citation,
        ends_on=end_date(citation.quote, message.text, day),
        strength=strength,
        leaning=message.leaning,
    )


def _kept(
    earlier: Announced | None, messages: Sequence[ReadMessage], snapshot: Snapshot, taxonomy: Taxonomy
) -> Announced | None:
    """The announcement of an earlier record, if its message was not read now and still holds its quote."""
    if earlier is None or earlier.citation is None:
        return None
    id_, quote = earlier.citation.interaction_id, earlier.citation.quote
    message = next((row for row in snapshot.messages if row.id == id_), None)
    if message is None or any(id_ in other.interaction_ids for other in messages):
        return None
    signal = taxonomy.with_role("leaving_announced") or ""
    if not find_quote(quote, message.text) or taxonomy.quotes.shown_by(signal, quote, message.text) != signal:
        return None
    return earlier.model_copy(update={"ended_on": None, "ended_by": None})


def _ended(announced: Announced, messages: Sequence[ReadMessage], snapshot: Snapshot, taxonomy: Taxonomy) -> Announced:
    """The announcement, with the first day on which something ended it."""
    assert announced.citation
    since = announced.citation.occurred_at
    ends = sorted(_ends(since, announced.ends_on, messages, snapshot, taxonomy))
    if not ends:
        return announced
    day, why = ends[0]
    return announced.model_copy(update={"ended_on": day, "ended_by": why})


def _ends(
    since: datetime, ends_on: date | None, messages: Sequence[ReadMessage], snapshot: Snapshot, taxonomy: Taxonomy
) -> Iterator[tuple[date, str]]:
    """The days on which something ended an announcement, each with a few words."""
    announced = (_announces(message, taxonomy) for message in messages)
    repeats = {repeat.citation.interaction_id for repeat in announced if repeat and repeat.citation}
    for row in spoken(snapshot):
        if row.occurred_at > since and row.id not in repeats and taxonomy.quotes.retraction(row.text):
            yield snapshot.card.local(row.occurred_at).date(), "taken back"
    for message in messages:
        if (message.leaning or 0.0) > 0:
            continue
        for id_, (_, citation) in message.signals.items():
            if citation.verified and citation.occurred_at > since and taxonomy.role_of(id_) == "staying":
                yield citation.occurred_at.date(), "renewed" if id_ == "renewal" else "wants to stay"
    for label in snapshot.outcomes:
        day = date.fromisoformat(label.as_of)
        over = day + timedelta(days=label.horizon_days or snapshot.card.horizon_days)
        if not label.churned and label.left_on is None and day >= since.date() and (ends_on is None or ends_on <= over):
            yield over, "the outcome says that they stayed"
    begun = _latest_beginning(snapshot)
    if begun and begun > since.date():
        yield begun, "a new contract began"


def _official_notice(snapshot: Snapshot) -> Announced | None:
    """Notice that outcomes or attributes know of, without a message."""
    begun = _latest_beginning(snapshot)
    known = _attributes(snapshot)
    notices: list[tuple[date, date | None]] = []
    for label in snapshot.outcomes:
        notice, left = real_day(label.notice_on), real_day(label.left_on)
        if label.churned and notice and notice <= snapshot.as_of:
            notices.append((notice, left))
    notices += [
        (day, _end_in_attributes(snapshot))
        for name in _NOTICES
        if (day := real_day(known.get(name))) and day <= snapshot.as_of
    ]
    ends = _end_in_attributes(snapshot)
    status = _status(snapshot)
    if status and status[1] in _NOTICE and ends and ends > snapshot.as_of and not notices:
        notices.append((snapshot.as_of, ends))
    notices = [
        (day, end) for day, end in notices if not _returned(day, begun) and (end is None or end > snapshot.as_of)
    ]
    if not notices:
        return None
    day, end = max(notices, key=lambda pair: pair[0])
    return Announced(date=day, citation=None, ends_on=end)


# --- outcomes and attributes


def _attributes(snapshot: Snapshot) -> Mapping[str, str]:
    return {name.casefold().strip().replace(" ", "_"): value for name, value in snapshot.attributes.items()}


def _status(snapshot: Snapshot) -> tuple[str, str] | None:
    """Name and value of the attribute that says what a customer is."""
    for name, value in _attributes(snapshot).items():
        if name in STATUS_ATTRIBUTES and value.strip():
            return name, value.strip().casefold().removesuffix(" customer").replace(" ", "_")
    return None


def _end_in_attributes(snapshot: Snapshot) -> date | None:
    known = _attributes(snapshot)
    return next((day for name in _ENDS if (day := real_day(known.get(name)))), None)


def _latest_beginning(snapshot: Snapshot) -> date | None:
    """The latest day up to the snapshot's on which a contract began or was renewed."""
    known = _attributes(snapshot)
    days = [day for name in _BEGINNINGS if (day := real_day(known.get(name))) and day <= snapshot.as_of]
    days += [date.fromisoformat(label.as_of) for label in snapshot.outcomes if label.kind in ("renewed", "expanded")]
    return max(days, default=None)


def _returned(left: date, begun: date | None) -> bool:
    return begun is not None and begun > left
