"""Texts of fictional accounts: whole messages of `accounts.yaml`, with their slots filled."""

import random
import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import date
from functools import cache
from pathlib import Path
from typing import Literal

from pydantic import BaseModel, ConfigDict

from churn_agent.demo.phrases import Language, Lines
from churn_agent.files import strict_yaml

Tone = Literal["sour", "neutral", "glad"]
TO_THE_OWNER = frozenset("price rival fading wish growth contact_left notice retraction angry care".split())
"""Themes that the account manager answers; support answers the others."""
_GERMAN_SHARE = 0.15
_ASIDE_SHARE = 0.35
_SENTENCE = re.compile(r"(^|(?<!\d)[.!?]['\"]? )([a-zäöü])")
_AFTER_GREETING = re.compile(r"(\n\n)([a-zäöü])")


class _Data(BaseModel):
    model_config = ConfigDict(extra="forbid", frozen=True)


Messages = dict[Language, tuple[str | tuple[str, str], ...]]
"""Messages; a pair has the company's answer."""


class Naming(_Data):
    """Names of accounts and people who write in one language."""

    countries: tuple[str, ...]
    names: tuple[str, ...]
    trades: tuple[str, ...]
    places: tuple[str, ...]
    surnames: tuple[str, ...]
    first_names: tuple[str, ...]
    roles: tuple[str, ...]


class Calendar(_Data):
    """Words for times."""

    weekdays: Lines
    months: Lines
    nth: Lines


class AccountTexts(_Data):
    """The contents of `accounts.yaml`."""

    company: str
    churn_means: str
    domain: str
    rivals: tuple[str, ...]
    owners: tuple[str, ...]
    support: tuple[str, ...]
    plans: dict[str, int]
    accounts: dict[Language, Naming]
    features: Lines
    incidents: Lines
    wraps: dict[str, Lines]
    chat_openings: dict[Language, tuple[tuple[str, str], ...]]
    themes: dict[str, Messages]
    asides: dict[Tone, Lines]
    tone_of: dict[str, Tone]
    replies: dict[str, Lines]
    call_notes: dict[str, tuple[str, ...]]
    check_ins: dict[str, tuple[str, ...]]
    newsletters: Lines
    bill: str
    calendar: Calendar


@cache
def load() -> AccountTexts:
    """Returns the shipped texts."""
    return strict_yaml.load(Path(__file__).with_name("accounts.yaml"), AccountTexts)


@dataclass(frozen=True)
class Person:
    """A contact of an account."""

    name: str
    role: str

    @property
    def first(self) -> str:
        """The first name."""
        return self.name.split()[0]


class Correspondent:
    """Writes the texts of one account and of the company's people who look after it."""

    def __init__(self, rng: random.Random) -> None:
        self.texts = load()
        self._rng = rng
        self.language: Language = "de" if rng.random() < _GERMAN_SHARE else "en"
        self._naming = self.texts.accounts[self.language]
        self.trade = rng.choice(self._naming.trades)
        self._surnames = rng.sample(self._naming.surnames, 5)
        self._place = rng.choice(self._naming.places)
        slots = {"surname": self._surnames[0], "place": self._place, "trade": self.trade}
        self.account = rng.choice(self._naming.names).format_map(slots)
        self.country = rng.choice(self._naming.countries)
        self.owner = rng.choice(self.texts.owners)
        firsts = rng.sample(self._naming.first_names, 4)
        self.people = [
            Person(f"{first} {last}", rng.choice(self._naming.roles))
            for first, last in zip(firsts, self._surnames, strict=False)
        ]
        """The main contact first; the last one joins when somebody leaves."""
        self._features = {language: rng.sample(lines, 3) for language, lines in self.texts.features.items()}
        self._rival = rng.choice(self.texts.rivals)
        self._case = self._open_case()
        self._written: set[object] = set()

    def message(
        self, theme: str, channel: str, person: Person, slots: Mapping[str, str], *, staff: str
    ) -> tuple[str, str | None]:
        """Returns a message about a theme of `accounts.yaml`, as people write in the channel, and its answer.

        Args:
            theme: of the message; one is not worded in the same way twice while there are other wordings.
            channel: of the message.
            person: who writes.
            slots: what the texts may name.
            staff: whom of the company the message is for.

        Returns:
            The message and its answer, or None if nobody would answer.
        """
        texts, rng, language = self.texts, self._rng, self.language
        if theme == "incident":
            self._case = self._open_case()
        wordings = texts.themes[theme][language]
        wording = rng.choice([one for one in wordings if one not in self._written] or wordings)
        self._written.add(wording)
        body, answer = (wording, None) if isinstance(wording, str) else wording
        tone = texts.tone_of.get(theme)
        if tone and rng.random() < _ASIDE_SHARE:
            body += " " + rng.choice(texts.asides[tone][language])
        addressed = {**slots, "to": staff.split()[0], "to_full": staff}
        text = self.fill(rng.choice(texts.wraps[channel][language]).replace("{body}", body), person, addressed)
        if answer is None and theme in texts.replies:
            answer = rng.choice(texts.replies[theme][language])
        return self._capitals(text, channel), self.fill(answer, person, slots, staff=staff) if answer else None

    def opening(self, person: Person, staff: str) -> tuple[str, str]:
        """Returns the first line of a chat, and the answer."""
        line, answer = self._rng.choice(self.texts.chat_openings[self.language])
        return line, self.fill(answer, person, {}, staff=staff)

    def note(self, lines: Sequence[str], person: Person, slots: Mapping[str, str]) -> str:
        """Returns a note by staff about a call with a person; the company's own notes are in English."""
        return self.fill(self._rng.choice(lines), person, slots, language="en")

    def fill(
        self,
        template: str,
        person: Person,
        slots: Mapping[str, str],
        *,
        staff: str | None = None,
        language: Language | None = None,
    ) -> str:
        """Returns a template with its slots filled."""
        rng, texts = self._rng, self.texts
        language = language or self.language
        calendar = texts.calendar
        staff_names = rng.sample(texts.support, 2)
        colleague = rng.choice([one for one in self.people[:3] if one != person])
        incident, number = self._case
        template = template.replace("{incident}", incident).replace("{feature}", rng.choice(self._features[language]))
        return template.format_map(
            {
                "account": self.account,
                "from": person.name,
                "first": person.first,
                "role": person.role,
                "colleague": colleague.first,
                "owner": self.owner.split()[0],
                "staff": (staff or staff_names[0]).split()[0],
                "staff2": staff_names[1].split()[0],
                "to": self.owner.split()[0],
                "to_full": self.owner,
                "rival": self._rival,
                "place": rng.choice(self._naming.places),
                "number": number,
                "n": rng.randrange(3, 15),
                "minutes": rng.randrange(4, 50),
                "day": rng.randrange(2, 28),
                "hour": f"{rng.randrange(8, 18)}:{rng.choice(['00', '15', '30'])}",
                "weekday": rng.choice(calendar.weekdays[language]),
                "nth": rng.choice(calendar.nth[language]),
                **self._months(slots.get("on"), language),
                **slots,
            }
        )

    def _months(self, on: str | None, language: Language) -> dict[str, str]:
        """Names a month lately past, and one to come, seen from an ISO date."""
        names = self.texts.calendar.months[language]
        now = date.fromisoformat(on).month - 1 if on else 0
        return {"month": names[now - self._rng.randrange(1, 3)], "soon": names[(now + self._rng.randrange(1, 4)) % 12]}

    def _open_case(self) -> tuple[str, int]:
        """Returns a fault that messages are about until the next one, and its number."""
        return self._rng.choice(self.texts.incidents[self.language]), self._rng.randrange(10000, 99999)

    def _capitals(self, text: str, channel: str) -> str:
        """Capitals where a sentence begins; in chats the first word stays as it was typed."""
        first = text[:1]
        text = _SENTENCE.sub(lambda match: match[1] + match[2].upper(), text)
        if self.language == "en":  # in German, the line after "Hallo Ana," continues the sentence
            text = _AFTER_GREETING.sub(lambda match: match[1] + match[2].upper(), text)
        return first + text[1:] if channel == "chat" else text


def written(day: date, language: Language) -> str:
    """Returns a date in words: 31 March 2026, or 31. März 2026."""
    month = load().calendar.months[language][day.month - 1]
    return f"{day.day}{'.' if language == 'de' else ''} {month} {day.year}"
