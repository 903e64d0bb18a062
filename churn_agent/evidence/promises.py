"""What the company has promised a customer for a day, and has not done yet.

A promise is a due date in a task, a follow-up or an attribute, or a plain sentence of staff in English or German: "we
will call you back by Friday". A sentence without a day is none. Whatever the company says to the customer afterwards
keeps it.
"""

import re
from collections.abc import Iterator, Mapping
from datetime import date, timedelta

from churn_agent.domain.assessment import Citation, Promised
from churn_agent.domain.days import real_day
from churn_agent.domain.interactions import Interaction
from churn_agent.domain.snapshot import Snapshot
from churn_agent.evidence.end_dates import dates_in, whole_sentences
from churn_agent.evidence.patterns import MOST

OVERDUE_DAYS = 30
"""Days after the due day for which a promise counts as not kept."""
_LONGEST = timedelta(days=120)
"""A day farther off is not that of a call."""
_TASKS = frozenset("task todo to_do activity follow_up followup callback reminder aufgabe wiedervorlage".split())
"""Channels of work that the company plans for a customer."""
_DUE = frozenset(
    """due due_at due_on due_date follow_up_on follow_up_date followup_date follow_up_at callback_on callback_at
    callback_date call_back_on promised_for promise_due next_contact next_contact_on next_contact_date next_step_date
    next_activity_date wiedervorlage wiedervorlage_am fällig_am faellig_am rückruf_am rueckruf_am""".split()
)
"""Fields of these tasks, and attributes, with the day."""
_DONE = frozenset("done closed completed complete cancelled canceled erledigt abgeschlossen storniert".split())
_WORDS = r"(?:[^.!?]|(?<=\d)\.)*"
"""Words of the same sentence; the point of an ordinal does not end it."""
_PROMISE = re.compile(
    r"\b(?:(?:we|i)(?:['’]ll| will| shall| am going to| are going to)(?: \w+){0,2}? (?:(?:call|phone|ring|contact) you"
    r"|write to you|get back to you|come back to you|be (?:back )?in touch|be in contact|let you know|follow up"
    r"|report back)"
    r"|you(?:['’]ll| will) hear (?:back )?from (?:us|me)"
    r"|call-?back (?:is )?(?:promised|agreed|scheduled|arranged|booked)"
    rf"|(?:ich rufe|rufe ich|wir rufen|rufen wir)\b{_WORDS}\b(?:an|zurück)\b"
    rf"|(?:ich melde|melde ich)\b{_WORDS}\bmich\b|(?:wir melden|melden wir)\b{_WORDS}\buns\b"
    rf"|(?:ich werde|werde ich|wir werden|werden wir)\b{_WORDS}\b(?:mich|uns|sie|dich|ihnen|dir)\b{_WORDS}"
    r"\b(?:melden|anrufen|zurückrufen|zurückmelden|kontaktieren)\b"
    rf"|sie (?:hören|werden)\b{_WORDS}\bvon (?:uns|mir)\b"
    r"|rückruf (?:ist )?(?:zugesagt|vereinbart|versprochen|geplant))",
    re.IGNORECASE,
)
_NOT = re.compile(
    r"\?|\b(?:if|unless|once|when|should|would|could|not|never|n['’]t|cannot|every|always|wenn|falls|sobald|sollten?|würden?"
    r"|könn(?:t?en?)|nicht|nie|kein\w*|immer|jeden?)\b",
    re.IGNORECASE,
)
_WEEKDAYS = {
    name: number
    for number, names in enumerate(
        (
            "monday montag", "tuesday dienstag", "wednesday mittwoch", "thursday donnerstag", "friday freitag",
            "saturday samstag sonnabend", "sunday sonntag",
        )
    )
    for name in names.split()
}  # fmt: skip
_DAY = re.compile(
    r"\b(?:(?P<next>next |nächste[nr]? |kommende[nr]? )?(?P<weekday>" + "|".join(_WEEKDAYS) + r")\b"
    r"|(?P<tomorrow>tomorrow|(?<!guten )(?-i:morgen))|(?P<today>today|heute)"
    r"|(?P<week>(?:end of (?:the|this) week|ende der woche|ende dieser woche|this week|diese woche))"
    r"|(?P<next_week>next week|nächste(?:r)? woche|kommende(?:r)? woche)"
    r"|(?:within|in|innerhalb von) (?:the next )?(?P<n>\d{1,2}) (?P<working>working |business |werk|arbeits)?"
    r"(?:days?|tagen?))",
    re.IGNORECASE,
)
_FRIDAY = 4


def promised(snapshot: Snapshot) -> Promised | None:
    """The promise to a customer that is due next, or overdue for at most `OVERDUE_DAYS`; None without any."""
    return next(iter(open_promises(snapshot)), None)


def open_promises(snapshot: Snapshot) -> list[Promised]:
    """All promises to a customer that are due, or overdue for at most `OVERDUE_DAYS`, by due day."""
    earliest = snapshot.as_of - timedelta(days=OVERDUE_DAYS)
    found = (*_in_interactions(snapshot), *_in_attributes(snapshot))
    return sorted((one for one in found if one.due >= earliest), key=lambda one: one.due)


def _in_interactions(snapshot: Snapshot) -> Iterator[Promised]:
    """The promises after which the company has said nothing to the customer."""
    card = snapshot.card
    spoken = [row.occurred_at for row in snapshot.interactions if _speaks_to_customer(row, snapshot)]
    for row in snapshot.interactions:
        if any(at > row.occurred_at for at in spoken):
            continue
        made_on = card.local(row.occurred_at).date()
        due = _due_of_task(row)
        if due:
            yield Promised(due=due, made_on=made_on, by=row.author)
        elif _speaks_to_customer(row, snapshot):
            yield from _in_words(row, made_on, snapshot)


def _speaks_to_customer(row: Interaction, snapshot: Snapshot) -> bool:
    return row.speaker == "company" and row.channel.casefold() not in _TASKS and snapshot.card.holds_words(row.channel)


def _due_of_task(row: Interaction) -> date | None:
    if row.channel.casefold() not in _TASKS or any(text.casefold() in _DONE for text in row.metadata.values()):
        return None
    return _first_day(row.metadata)


def _first_day(fields: Mapping[str, str]) -> date | None:
    named = {name.strip().casefold().replace(" ", "_").replace("-", "_"): text for name, text in fields.items()}
    return next((day for name in sorted(_DUE & named.keys()) if (day := real_day(named[name]))), None)


def _in_words(row: Interaction, made_on: date, snapshot: Snapshot) -> Iterator[Promised]:
    if len(row.text) > MOST:
        return
    for start, end in whole_sentences(row.text):
        sentence = row.text[start:end]
        if not _PROMISE.search(sentence) or _NOT.search(sentence):
            continue
        due = next(iter(sorted(day for day in _days(sentence, made_on) if made_on <= day <= made_on + _LONGEST)), None)
        if due:
            citation = Citation(
                interaction_id=row.id,
                label="",
                quote=sentence,
                occurred_at=snapshot.card.local(row.occurred_at),
                verified=True,
                author=row.author,
                start=start,
                end=end,
            )
            yield Promised(due=due, made_on=made_on, by=row.author, citation=citation)


def _days(sentence: str, made_on: date) -> Iterator[date]:
    """The days that a sentence names: dates, and days counted from its own."""
    yield from dates_in(sentence, made_on)
    for match in _DAY.finditer(sentence):
        if match["weekday"]:
            ahead = (_WEEKDAYS[match["weekday"].casefold()] - made_on.weekday()) % 7
            yield made_on + timedelta(days=ahead or 7)
        elif match["tomorrow"]:
            yield made_on + timedelta(days=1)
        elif match["today"]:
            yield made_on
        elif match["week"]:
            yield made_on + timedelta(days=(_FRIDAY - made_on.weekday()) % 7)
        elif match["next_week"]:
            yield made_on + timedelta(days=7 + _FRIDAY - made_on.weekday())
        else:
            yield _after(made_on, int(match["n"]), working=bool(match["working"]))


def _after(day: date, n: int, *, working: bool) -> date:
    while n:
        day += timedelta(days=1)
        n -= not working or day.weekday() <= _FRIDAY
    return day


def _in_attributes(snapshot: Snapshot) -> Iterator[Promised]:
    """The promise in attributes, unless the company has spoken to the customer on its day or later."""
    due = _first_day(snapshot.attributes)
    if due is None:
        return
    spoken = [row for row in snapshot.interactions if _speaks_to_customer(row, snapshot)]
    if not any(snapshot.card.local(row.occurred_at).date() >= due for row in spoken):
        yield Promised(due=due)
