"""The units of reading: a message, or the lines that a customer wrote in one chat session.

A line of a chat says little alone. Lines of one session (same channel and writer, close in time or in the same thread)
are therefore read as one text, a line each. A bare answer ("No", "Ja, bitte") is read with the question of the company
before it, which is context: quotes point into the customer's own words, in the one interaction that holds them.
"""

import re
from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import timedelta
from functools import cached_property

from churn_agent.domain.interactions import Interaction, text_id
from churn_agent.domain.snapshot import Snapshot
from churn_agent.evidence.grounding import find_quote, ground, sentences

_CHATS = frozenset("whatsapp telegram messenger signal imessage sms".split())
"""Channels of chats besides those whose name has the word `chat`."""
THREADS = ("thread_id", "thread_ts", "thread", "conversation_id", "conversation", "session_id", "session", "chat_id")
"""Metadata with the name of a conversation, the first that is there."""
_LONGEST_PAUSE = timedelta(minutes=30)
"""Between two lines of a session; a longer one ends it."""
_LONGEST_PAUSE_IN_THREAD = timedelta(days=1)
"""The same where the source says that they belong together."""
_LATEST_ANSWER = timedelta(days=7)
"""After which a letter is not an answer to the company's letter before it."""
_LONGEST_QUESTION = 160
"""Characters; question and answer together are quoted whole."""
_MOST_WORDS = 6
"""Words of a bare answer."""
_ANSWER = re.compile(
    r"\W*(?:yes|yeah|yep|yup|sure|correct|exactly|definitely|absolutely|of course|please do|go ahead|ok|okay"
    r"|no|nope|nah|not really|not yet|never"
    r"|ja|jawohl|jep|klar|gerne?|genau|richtig|stimmt|nein|nee|nö|ne|doch|eher nicht|noch nicht"
    r"|oui|ouais|bien sûr|d['’]accord|non|pas encore|sì|si|certo|va bene|sí|claro|vale"
    r"|todavía no|jazeker|graag|klopt)\b",
    re.IGNORECASE,
)
_WORD = re.compile(r"[^\W_]+")


@dataclass(frozen=True)
class Line:
    """A message of a customer, with the company's message that it answers if it is a bare answer."""

    interaction: Interaction
    answers: Interaction | None = None

    @cached_property
    def question(self) -> str | None:
        """The question that it answers, without quotation marks."""
        return question_of(self.answers.text) if self.answers else None

    @property
    def text(self) -> str:
        """Its words, after the question that they answer."""
        return f"{self._before}{self.interaction.text}"

    @property
    def _before(self) -> str:
        return f'"{self.question}" – ' if self.question else ""

    def place(self, quote: str) -> tuple[int, int] | None:
        """The character range of a quote in the interaction; None if it is not there, or holds only the question."""
        if not self.question:
            return ground(quote, self.interaction.text)
        span = find_quote(quote, self.text)
        start = len(self._before)
        if span is None or span[1] <= start:
            return None
        return ground(self.text[max(start, span[0]) : span[1]], self.interaction.text)


@dataclass(frozen=True)
class Piece:
    """A unit of reading: one message, or several lines."""

    lines: tuple[Line, ...]
    """Oldest first."""

    @classmethod
    def of(cls, interaction: Interaction) -> "Piece":
        """One message alone."""
        return cls((Line(interaction),))

    @property
    def interaction(self) -> Interaction:
        """Its latest message."""
        return self.lines[-1].interaction

    @cached_property
    def text(self) -> str:
        """The text to read: a message as it is, or the lines of a session."""
        return "\n".join(line.text for line in self.lines)

    @cached_property
    def text_id(self) -> str:
        """Key of the text."""
        return text_id(self.text)

    @property
    def own_words(self) -> str:
        """The customer's words alone."""
        return "\n".join(line.interaction.text for line in self.lines)

    @property
    def ids(self) -> tuple[str, ...]:
        """Ids of all interactions whose words are in its text."""
        answered = (line.answers for line in self.lines)
        return tuple(dict.fromkeys([*self.own_ids, *(row.id for row in answered if row)]))

    @property
    def own_ids(self) -> tuple[str, ...]:
        """Ids of the customer's messages."""
        return tuple(line.interaction.id for line in self.lines)

    def place(self, quote: str) -> tuple[Line, tuple[int, int]] | None:
        """The line that holds a quote, and the character range there; None if no line holds it.

        A quote that reaches over several lines is placed by its longest sentence.
        """
        parts = [quote]
        if len(self.lines) > 1:
            by_length = sorted(sentences(quote), key=lambda span: span[0] - span[1])
            parts += [quote[start:end] for start, end in by_length]
        for part in parts:
            for line in self.lines:
                if span := line.place(part):
                    return line, span
        return None


def pieces(snapshot: Snapshot) -> list[Piece]:
    """The customer's messages as they are read, by their latest lines, oldest first."""
    together: dict[tuple[object, ...], list[Line]] = {}
    for line, session in _in_sessions(snapshot):
        together.setdefault(session, []).append(line)
    return sorted(map(Piece, map(tuple, together.values())), key=lambda piece: piece.interaction.occurred_at)


def _in_sessions(snapshot: Snapshot) -> Iterator[tuple[Line, tuple[object, ...]]]:
    """Yields each message of the customer, and what names its session; a message that is no chat is one of its own."""
    own = {row.id for row in snapshot.messages}
    latest: dict[tuple[str, str], Interaction] = {}
    sessions: Counter[tuple[str, str]] = Counter()
    for row in snapshot.interactions:
        if not snapshot.card.holds_words(row.channel) or not row.text.strip():
            continue
        chat, thread = is_chat(row.channel), thread_of(row)
        conversation = row.channel.casefold(), thread
        before = latest.get(conversation)
        latest[conversation] = row
        pause = row.occurred_at - before.occurred_at if before else timedelta.max
        longest = _LONGEST_PAUSE_IN_THREAD if thread else _LONGEST_PAUSE
        sessions[conversation] += pause > longest
        if row.id in own:
            in_time = pause <= (longest if chat else _LATEST_ANSWER)
            line = Line(row, before if in_time and before and _answers(row, before) else None)
            yield line, ((*conversation, sessions[conversation], row.author) if chat else (row.id,))


def is_chat(channel: str) -> bool:
    """Whether a channel is one of chats, in which one message is a line."""
    name = channel.casefold()
    return name in _CHATS or "chat" in re.split(r"[\W_]+", name) or name in ("livechat", "webchat")


def thread_of(row: Interaction) -> str:
    """The name that the source has for the conversation of an interaction; empty if it has none."""
    return next((row.metadata[name] for name in THREADS if row.metadata.get(name)), "")


def is_bare_answer(text: str) -> bool:
    """Whether a text is hardly more than a yes or a no."""
    return bool(_ANSWER.match(text)) and len(_WORD.findall(text)) <= _MOST_WORDS


def question_of(text: str) -> str | None:
    """The question at the end of a text of the company, on one line and without quotation marks; None without any.

    A sentence may follow the question ("Shall I cancel it? Please answer yes or no.").
    """
    last = [text[start:end] for start, end in sentences(text)][-2:]
    asked = next((sentence for sentence in reversed(last) if sentence.rstrip(" \"'”“)").endswith("?")), None)
    if asked is None:
        return None
    words = re.sub(r'["“”„«»]', "", " ".join(asked.split())).strip()
    while len(words) > _LONGEST_QUESTION and " " in words:
        words = words.partition(" ")[2]
    return words if len(words) <= _LONGEST_QUESTION else None


def _answers(row: Interaction, before: Interaction) -> bool:
    """Whether a message is a bare answer to the question in the message right before it, which is the company's."""
    from_company = before.speaker in ("company", "machine") and before.direction != "inbound"
    return from_company and is_bare_answer(row.text) and question_of(before.text) is not None
