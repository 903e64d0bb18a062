"""The people of an account: who they are, who has gone silent, who has come and who has left.

Roles come from the data (attributes of the customer, metadata of messages), from signatures, and from what people say
of themselves. Arrivals and departures come from plain sentences in English and German, of the person or of a colleague.
"""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import date
from itertools import pairwise
from statistics import median
from typing import Literal

from churn_agent.domain.assessment import Citation
from churn_agent.domain.contacts import Author, Contact, author_of, contacts_of, stored_author
from churn_agent.domain.interactions import Interaction
from churn_agent.domain.snapshot import Snapshot
from churn_agent.evidence.people_words import Move, moves_in, role_in_words, role_of_title

Role = Literal["decision maker", "champion", "user"]
ROLE_ATTRIBUTES: Mapping[str, Role] = {
    **dict.fromkeys(
        ("decision_maker", "economic_buyer", "buyer", "executive_sponsor", "sponsor", "entscheider", "entscheiderin"),
        "decision maker",
    ),
    **dict.fromkeys(("champion", "advocate", "fürsprecher", "fürsprecherin"), "champion"),
    **dict.fromkeys(("main_user", "key_user", "power_user", "admin_user", "hauptanwender", "hauptnutzer"), "user"),
}
"""Attributes of a customer with the name or address of a person -> role."""
_TITLE_METADATA = ("author_role", "contact_role", "job_title", "author_title", "position", "funktion", "jobtitel")
_FEWEST = 3
"""Fewest messages of a person whose silence means something."""
_SHORTEST_SILENCE_DAYS = 30
_USUAL_GAPS = 3
SINGLE_THREAD_DAYS = 180


@dataclass(frozen=True)
class Told:
    """An arrival or a departure, in the words of a message."""

    on: date
    citation: Citation
    successor: str | None = None
    """Of somebody who leaves: the name of the successor, if one is named."""


@dataclass(frozen=True)
class Person:
    """A person of the account."""

    name: str
    role: Role | None
    role_from: str | None
    """Where the role is known from: `attribute NAME`, the title, or the words."""
    first_on: date | None
    """Day of the first message; None for somebody who is only named in the data."""
    last_on: date | None
    messages: int
    silence_days: int | None
    silent: bool
    """Whether the silence is longer than 30 days and three times the person's usual gap."""
    arrived: Told | None = None
    left: Told | None = None


@dataclass(frozen=True)
class People:
    """The people of an account on a day."""

    people: tuple[Person, ...]
    """The most messages first; people who are only named come last."""
    single_thread: str | None
    """The only person who has written in the last 180 days, of several before; None if there are more, or none."""

    @property
    def departures(self) -> list[Person]:
        """Those who have left."""
        return [person for person in self.people if person.left]

    @property
    def arrivals(self) -> list[Person]:
        """Those who have come."""
        return [person for person in self.people if person.arrived]


LEFT_DAYS = 90
"""Days for which a departure is news."""


def numbers(people: People, as_of: date) -> dict[str, float]:
    """Returns what rules can compare, by name.

    `people_left`: who left in the last `LEFT_DAYS` without a successor; `single_thread`: 1 or 0;
    `decision_maker_silence` and `champion_silence`: days since the last message of anybody with that role who is still
    there; left out if there is none.
    """
    lately = [each for each in people.departures if each.left and (as_of - each.left.on).days < LEFT_DAYS]
    found = {
        "people_left": float(sum(not each.left.successor for each in lately if each.left)),
        "single_thread": float(people.single_thread is not None),
    }
    for role, name in (("decision maker", "decision_maker_silence"), ("champion", "champion_silence")):
        days = [each.silence_days for each in people.people if each.role == role and not each.left]
        known = [day for day in days if day is not None]
        found |= {name: float(min(known))} if known else {}
    return found


def people_of(snapshot: Snapshot) -> People:
    """Returns the people of a customer, by the authors of its messages and by names in attributes."""
    rows = [row for row in snapshot.messages if row.author]
    contacts = contacts_of(_author(row) for row in rows)
    contact_of = {author: contact for contact in contacts for author in contact.authors}
    own: dict[Contact, list[Interaction]] = {contact: [] for contact in contacts}
    for row in rows:
        own[contact_of[_author(row)]].append(row)
    people = [_person(contact, of, snapshot) for contact, of in own.items()]
    people = _with_roles_of_attributes(people, contacts, snapshot)
    people = _with_moves(people, snapshot, {row.id: contact_of[_author(row)].name for row in rows})
    people.sort(key=lambda person: (-person.messages, person.name))
    return People(tuple(people), _single_thread(people, own, snapshot))


def _author(row: Interaction) -> Author:
    return stored_author(row.author or "", row.metadata)


def _day(row: Interaction, snapshot: Snapshot) -> date:
    return snapshot.card.local(row.occurred_at).date()


def _person(contact: Contact, rows: Sequence[Interaction], snapshot: Snapshot) -> Person:
    days = sorted({_day(row, snapshot) for row in rows})
    silence = (snapshot.as_of - days[-1]).days
    gap = median((later - earlier).days for earlier, later in pairwise(days)) if len(days) > 1 else 0
    silent = len(rows) >= _FEWEST and silence > max(_SHORTEST_SILENCE_DAYS, _USUAL_GAPS * gap)
    role, source = _stated_role(rows)
    return Person(contact.name, role, source, days[0], days[-1], len(rows), silence, silent)


def _stated_role(rows: Sequence[Interaction]) -> tuple[Role | None, str | None]:
    """Returns the role by the latest title in the data, in a signature, or in a person's own words."""
    for row in reversed(rows):
        for name in _TITLE_METADATA:
            if role := role_of_title(row.metadata.get(name, "")):
                return role, row.metadata[name].strip()
        for mark in row.marks:
            if mark.kind == "signature":
                for line in mark.text.splitlines():
                    if role := role_of_title(line):
                        return role, line.strip()
    for row in reversed(rows):
        if found := role_in_words(row.text):
            return found
    return None, None


def _with_roles_of_attributes(people: list[Person], contacts: Sequence[Contact], snapshot: Snapshot) -> list[Person]:
    """Adds roles that the customer's attributes state, and people who are named there and have never written."""
    for name, role in ROLE_ATTRIBUTES.items():
        text = snapshot.attributes.get(name, "").strip()
        if not text:
            continue
        named = author_of(text)
        merged = contacts_of([*(author for contact in contacts for author in contact.authors), named])
        authors = next(contact.authors for contact in merged if named in contact.authors)
        known = next((contact.name for contact in contacts if contact.authors & authors), None)
        if known is None:
            people.append(Person(named.name or named.address, role, f"attribute {name}", None, None, 0, None, False))
        else:
            people = [
                replace(person, role=role, role_from=f"attribute {name}") if person.name == known else person
                for person in people
            ]
    return people


def _with_moves(people: list[Person], snapshot: Snapshot, writers: Mapping[str, str]) -> list[Person]:
    """Adds arrivals and departures. Who has left and writes again later has not left."""
    for row, move in _moves(snapshot):
        on = _day(row, snapshot)
        citation = Citation(
            interaction_id=row.id,
            label="",
            quote=row.text[move.start : move.end],
            occurred_at=snapshot.card.local(row.occurred_at),
            verified=True,
            author=row.author,
            start=move.start,
            end=move.end,
        )
        whom = writers.get(row.id) if move.name is None else _known(move.name, people)
        if whom is None:
            if move.name is None:
                continue
            whom = move.name
            people = [*people, Person(whom, None, None, None, None, 0, None, False)]
        successor = move.successor
        if move.kind == "left" and move.name is not None and successor is None and row.id in writers:
            arrived = next((each.arrived for each in people if each.name == writers[row.id]), None)
            successor = writers[row.id] if arrived and arrived.citation.interaction_id == row.id else None
        told = Told(on, citation, successor)
        field = "left" if move.kind == "left" else "arrived"
        people = [replace(person, **{field: told}) if person.name == whom else person for person in people]
    return [
        replace(person, left=None)
        if person.left and person.last_on and (person.last_on - person.left.on).days > _SHORTEST_SILENCE_DAYS
        else person
        for person in people
    ]


def _moves(snapshot: Snapshot) -> Iterator[tuple[Interaction, Move]]:
    for row in snapshot.interactions:
        from_them = row.speaker in ("customer", "machine") and row.direction != "outbound"
        if from_them and snapshot.card.holds_words(row.channel):
            for move in moves_in(row.text):
                yield row, move


def _known(name: str, people: Sequence[Person]) -> str | None:
    """Returns the name of the only person whose name has all words of another."""
    words = set(name.casefold().split())
    found = [person.name for person in people if words <= set(person.name.casefold().replace(",", " ").split())]
    return found[0] if len(found) == 1 else None


def _single_thread(
    people: Sequence[Person], own: Mapping[Contact, Sequence[Interaction]], snapshot: Snapshot
) -> str | None:
    """The only person who has written lately and is still there, if several have written."""
    left = {person.name for person in people if person.left}
    recent = {
        contact.name: of
        for contact, of in own.items()
        if contact.name not in left and (snapshot.as_of - _day(of[-1], snapshot)).days < SINGLE_THREAD_DAYS
    }
    return next(iter(recent)) if len(own) > 1 and len(recent) == 1 else None
