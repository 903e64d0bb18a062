"""Cleans the texts of an import in named and counted steps."""

import re
from collections import Counter
from collections.abc import Container, Mapping, Sequence
from functools import lru_cache
from itertools import islice
from typing import NamedTuple

from churn_agent.domain.interactions import Mark, template_of
from churn_agent.ingest.cleaning.boilerplate import mark_footers
from churn_agent.ingest.cleaning.flat import flat_quote
from churn_agent.ingest.cleaning.language import languages_of
from churn_agent.ingest.cleaning.lines import Line, lines_of
from churn_agent.ingest.cleaning.markup import visible
from churn_agent.ingest.cleaning.quotes import mark_quotes
from churn_agent.ingest.cleaning.sent import SentMails
from churn_agent.ingest.cleaning.signatures import mark_signature
from churn_agent.ingest.cleaning.tags import tagged_quotes

_MAIL_CHANNELS = frozenset("email e-mail mail ticket".split())
_CONTROL = re.compile(r"[\x00-\x08\x0b\x0c\x0e-\x1f\x7f]|\r\n?")
_MOST_ROUNDS = 6
_MOST_TEMPLATES = 100_000
"""Most distinct texts counted; templates appear early."""
_MOST_KNOWN = 20_000
_LONGEST_KNOWN = 4000
"""Most texts whose result is kept for their next occurrence, and their longest length in characters."""


class Cleaned(NamedTuple):
    """A cleaned text."""

    text: str
    language: str | None
    steps: tuple[str, ...]
    """Names of the steps that changed the text: `control_characters`, `html`, and kinds of marks."""
    marks: tuple[Mark, ...] = ()
    """What was left out of the visible text, in its order."""


_Known = tuple[str, bool, frozenset[str]]
"""A text, whether it is a mail, and its lines that are known to be quoted."""


class Cleaner:
    """Cleans and counts the texts of one import."""

    def __init__(self) -> None:
        self.changed: Counter[str] = Counter()
        """Step -> number of texts that it changed."""
        self.languages: Counter[str] = Counter()
        self._templates: Counter[str] = Counter()
        self._known: dict[_Known, Cleaned] = {}
        self.sent = SentMails()
        """The company's mails so far, which the customers' quote."""

    def __call__(self, text: str, channel: str, *, words: bool) -> Cleaned:
        """Cleans one text.

        Args:
            text: the text as the source has it.
            channel: channel of the text.
            words: whether people write in this channel. If so, quotes, signatures and boilerplate are marked and the
                language is detected.
        """
        return self.clean([text], [channel], [words])[0]

    def clean(
        self,
        texts: Sequence[str],
        channels: Sequence[str],
        words: Sequence[bool],
        earlier: Mapping[int, frozenset[str]] | None = None,
    ) -> list[Cleaned]:
        """Cleans texts, each with its channel, as a call cleans one. Languages are detected for all texts at once.

        Args:
            texts: the texts.
            channels: their channels.
            words: whether people write in these channels.
            earlier: number of a text -> its lines with a quotation sign that are in an earlier mail of the other side.
        """
        self._count_templates(texts)
        mail = {channel: is_mail(channel) for channel in set(channels)}
        known_lines, none = earlier or {}, frozenset[str]()
        by_people = [
            (text, mail[channel], known_lines.get(number, none))
            for number, (text, channel, by) in enumerate(zip(texts, channels, words, strict=True))
            if by
        ]
        known = self._known
        new = [key for key in dict.fromkeys(by_people) if key not in known]
        parts = [left_out(text, mail=as_mail, earlier=lines) for text, as_mail, lines in new]
        languages = languages_of([kept for kept, _, _ in parts])
        for key, (kept, marks, steps), language in zip(new, parts, languages, strict=True):
            known[key] = Cleaned(kept, language, steps, marks)
        written = [known[key] for key in by_people]
        others = iter(written)
        cleaned = [next(others) if by else _clean_record(text) for text, by in zip(texts, words, strict=True)]
        for one in cleaned:
            if one.steps:
                self.changed.update(one.steps)
        self.languages.update(one.language or "unknown" for one in written)
        self._forget(new)
        return cleaned

    def _forget(self, new: Sequence[_Known]) -> None:
        """Bounds the memory for known texts."""
        for key in new:
            if len(key[0]) > _LONGEST_KNOWN:
                del self._known[key]
        for key in list(islice(self._known, max(len(self._known) - _MOST_KNOWN, 0))):
            del self._known[key]

    def templates(self, at_least: int = 10) -> list[tuple[str, int]]:
        """Returns frequent texts, with 0 in place of each number, and their counts."""
        return [(text, n) for text, n in self._templates.most_common(20) if n >= at_least]

    def _count_templates(self, texts: Sequence[str]) -> None:
        for masked, n in Counter(map(template_of, texts)).items():
            if masked in self._templates or len(self._templates) < _MOST_TEMPLATES:
                self._templates[masked] += n


def visible_text(text: str) -> str:
    """Returns what a reader sees of a text: without control characters, tags and entities."""
    return _visible(text)[0]


def _clean_record(text: str) -> Cleaned:
    return Cleaned(text, None, ()) if _is_plain(text) else _clean_odd_record(text)


@lru_cache(maxsize=2000)
def _clean_odd_record(text: str) -> Cleaned:
    seen, _, steps = _visible(text)
    return Cleaned(seen, None, tuple(steps))


def _is_plain(text: str) -> bool:
    """Whether a text certainly has no control characters, tags or entities. Fast."""
    return text.isprintable() and "<" not in text and "&" not in text


def is_mail(channel: str) -> bool:
    """Whether the texts of a channel are mails, with signatures, footers and quotation signs."""
    return channel.casefold() in _MAIL_CHANNELS


def left_out(text: str, *, mail: bool, earlier: Container[str] = ()) -> tuple[str, tuple[Mark, ...], tuple[str, ...]]:
    """Returns what is left of a text that a person wrote, what was left out, and the names of the steps.

    Args:
        text: the text.
        mail: whether it is a mail.
        earlier: lines with a quotation sign, without it, that are in an earlier mail of the other side.
    """
    seen, cited, steps = _visible(text)
    spans = _spans(seen, cited, earlier, mail=mail)
    marks = tuple(Mark(start, kind, seen[start:end]) for start, end, kind in spans)
    kinds = dict.fromkeys(mark.kind for mark in marks if mark.kind != "blank")
    return _without(seen, spans), marks, (*steps, *kinds)


def _visible(text: str) -> tuple[str, list[int] | None, list[str]]:
    """The text that a reader sees, what HTML says of its lines, and the names of the steps."""
    if _is_plain(text):
        return text, None, []
    plain = _plain(text)
    steps = ["control_characters"] if plain != text else []
    seen, cited = visible(plain)
    if seen == plain or (plain.strip() and not seen.strip()):
        return plain, None, steps
    return seen, cited, [*steps, "html"]


def _plain(text: str) -> str:
    """Unifies line ends and removes control characters (some databases reject NUL)."""
    return (
        _CONTROL.sub(lambda match: "\n" if match[0].startswith("\r") else "", text) if _CONTROL.search(text) else text
    )


def _spans(text: str, cited: list[int] | None, earlier: Container[str], *, mail: bool) -> list[tuple[int, int, str]]:
    """What to leave out of a visible text: start, end, kind. Nothing, if nothing would be left."""
    tagged = tagged_quotes(text)
    if "\n" not in text and not cited and not tagged:
        start = flat_quote(text)
        return _with_blanks(text, [(start, len(text), "quote")]) if start else []
    if not mail and not cited and not tagged and not any(sign in text for sign in (">", ":", "\uff1a", "--")):
        return []
    lines = lines_of(text, cited, tagged)
    mark_quotes(lines, mail=mail, earlier=earlier)
    for _ in range(_MOST_ROUNDS if mail else 0):  # a signature may stand above a footer, and the other way round
        if not mark_footers(lines) | mark_signature(lines):
            break
    if not any(line.own for line in lines):
        return []
    return _with_blanks(text, _joined(lines))


def _without(text: str, spans: list[tuple[int, int, str]]) -> str:
    starts = [0, *(end for _, end, _ in spans)]
    ends = [*(start for start, _, _ in spans), len(text)]
    return "".join(text[start:end] for start, end in zip(starts, ends, strict=True))


def _joined(lines: list[Line]) -> list[tuple[int, int, str]]:
    spans: list[tuple[int, int, str]] = []
    for line in lines:
        if line.kind is None:
            continue
        if spans and spans[-1][1] == line.start and spans[-1][2] == line.kind:
            spans[-1] = spans[-1][0], line.end, line.kind
        else:
            spans.append((line.start, line.end, line.kind))
    return spans


def _with_blanks(text: str, spans: list[tuple[int, int, str]]) -> list[tuple[int, int, str]]:
    """Adds the blank space around what is left out, so that the rest has none at its ends and no gap within."""
    wide: list[tuple[int, int, str]] = []
    for number, (start, end, kind) in enumerate(spans):
        limit = spans[number + 1][0] if number + 1 < len(spans) else len(text)
        after = text[end:limit]
        end += len(after) - len(after.lstrip())
        if wide and wide[-1][1] == start and wide[-1][2] == kind:
            wide[-1] = wide[-1][0], end, kind
        else:
            wide.append((start, end, kind))
    if not wide:
        return []
    if wide[-1][1] == len(text):
        first = len(wide) - 1
        while first and wide[first - 1][1] == wide[first][0]:
            first -= 1
        start, end, kind = wide[first]
        before = text[wide[first - 1][1] if first else 0 : start]
        wide[first] = start - (len(before) - len(before.rstrip())), end, kind
    else:
        end = len(text.rstrip())
        wide += [(end, len(text), "blank")] * (end < len(text))
    begin = len(text) - len(text.lstrip())
    return [(0, begin, "blank"), *wide] if begin and wide[0][0] >= begin else wide
