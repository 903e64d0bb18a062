"""Restores texts as people wrote them, in named and counted steps. The original is kept.

Customer ids are never changed.
"""

import html
import re
from collections import Counter
from collections.abc import Callable
from dataclasses import dataclass
from functools import cache, lru_cache
from typing import Any

from churn_agent.domain.interactions import template_of

LANGUAGES = """ar bg cs da de el en es et fi fr he hr hu it ja ko lt lv nl no pl pt ro ru sk sl sv tr uk zh""".split()
"""ISO 639-1 codes of the languages detected; a short list, so that short texts are not tagged with rare languages."""
_FEWEST_LETTERS = 12
_LEAST_CONFIDENCE = 0.6
_LANGUAGE_SAMPLE = 160
"""Number of characters used to detect the language."""
_MAIL_CHANNELS = frozenset("email e-mail mail ticket".split())

_TAG = re.compile(
    r"</?(?:html|head|body|div|span|p|br|hr|a|b|i|u|em|strong|ul|ol|li|table|tbody|thead|tr|td|th|h[1-6]|img|font|pre|"
    r"blockquote|style|script|center|section|article)(?:\s+[\w-]+\s*=[^<>]*)?\s*/?>",
    re.IGNORECASE,
)
_ENTITY = re.compile(r"&(?:#\d{2,7}|#x[0-9a-f]{2,6}|[a-z]{2,8});", re.IGNORECASE)
_CONTROL = re.compile(r"[\x00-\x08\x0b\x0c\x0e-\x1f\x7f]|\r\n?")
_QUOTING = re.compile(r"^>|[:\uff1a>]\s*$|^[ \t]*[-_]{3}|<", re.MULTILINE)
"""Only a text that matches can contain a quoted reply or tags."""
_MANY_BLANK_LINES = re.compile(r"\n\s*\n\s*\n+")
_BOILERPLATE = re.compile(
    r"""^[ \t]*(?:
        sent\ from\ (?:my|mail\ for|outlook|yahoo).{0,80} | get\ outlook\ for\ .{0,60}
      | von\ meinem\ .{2,30}\ gesendet.{0,20}
      | gesendet\ (?:von|mit)\ .{2,60} | envoyé\ de\ mon\ .{2,40} | inviato\ da\ .{2,40}
      | (?:this|the)\ (?:e-?mail|message)\b.{0,80}\b(?:confidential|privileged|intended\ (?:only|solely)).*
      | diese\ (?:e-?mail|nachricht)\b.{0,80}\b(?:vertraulich|ausschließlich).*
      | (?:please\ )?consider\ the\ environment\ before\ printing.* | bitte\ denken\ sie\ an\ die\ umwelt.*
      | (?:\[?external\]?|caution|achtung|\[external\ e-?mail\])\s*:?\s*
        (?:this\ e-?mail\ originated|diese\ e-?mail\ kommt).*
      | (?:to\ )?unsubscribe\b.{0,120} | you(?:\ are|'re)\ receiving\ this\ .{0,120}
      | view\ (?:this\ email\ )?in\ (?:your\ )?browser.{0,60}
    )[ \t]*$""",
    re.IGNORECASE | re.VERBOSE | re.MULTILINE,
)
_REPLY_HEAD = 8000
"""Number of characters of a mail searched for quoted replies; the patterns are slow on longer texts."""
_LONGEST_LINE = 2000
_LONGEST_SIGNATURE = 400
_MOST_TEMPLATES = 100_000
"""Most distinct texts counted; templates appear early."""


@dataclass(frozen=True)
class Cleaned:
    """A cleaned text."""

    text: str
    language: str | None
    steps: tuple[str, ...]
    """Names of the steps that changed the text."""


class Cleaner:
    """Cleans and counts the texts of one import."""

    def __init__(self) -> None:
        self.changed: Counter[str] = Counter()
        """Step -> number of texts that it changed."""
        self.languages: Counter[str] = Counter()
        self._templates: Counter[str] = Counter()

    def __call__(self, text: str, channel: str, *, words: bool) -> Cleaned:
        """Cleans one text.

        Args:
            channel: channel of the text.
            words: whether people write in this channel. If so, replies, signatures and boilerplate are removed and
                the language is detected.
        """
        self._count_template(text)
        cleaned = _clean_words(text, channel.casefold() in _MAIL_CHANNELS) if words else _clean_record(text)
        self.changed.update(cleaned.steps)
        if words:
            self.languages[cleaned.language or "unknown"] += 1
        return cleaned

    def templates(self, at_least: int = 10) -> list[tuple[str, int]]:
        """Returns frequent texts, with 0 in place of each number, and their counts."""
        return [(text, n) for text, n in self._templates.most_common(20) if n >= at_least]

    def _count_template(self, text: str) -> None:
        masked = template_of(text)
        if masked in self._templates or len(self._templates) < _MOST_TEMPLATES:
            self._templates[masked] += 1


@lru_cache(maxsize=20_000)
def _clean_record(text: str) -> Cleaned:
    return _run(text, (("control_characters", _plain), ("html", _from_html)), tag=False)


@lru_cache(maxsize=20_000)
def _clean_words(text: str, mail: bool) -> Cleaned:
    steps: list[tuple[str, Callable[[str], str]]] = [("control_characters", _plain), ("html", _from_html)]
    if _QUOTING.search(text):
        steps.append(("quoted_reply", _without_quotes))
    if mail and "\n" in text:
        steps.append(("signature", _without_signature))
    steps.append(("boilerplate", _without_boilerplate))
    return _run(text, tuple(steps), tag=True)


def _run(text: str, steps: tuple[tuple[str, Callable[[str], str]], ...], *, tag: bool) -> Cleaned:
    """Applies the steps, except a step that would leave an empty text."""
    done: list[str] = []
    for name, step in steps:
        new = step(text)
        if new != text and (new.strip() or not text.strip()):
            done.append(name)
            text = new
    return Cleaned(text, language_of(text) if tag else None, tuple(done))


def _plain(text: str) -> str:
    """Unifies line ends and removes control characters (some databases reject NUL)."""
    return (
        _CONTROL.sub(lambda match: "\n" if match[0].startswith("\r") else "", text) if _CONTROL.search(text) else text
    )


def _from_html(text: str) -> str:
    if "<" in text and _TAG.search(text):
        from inscriptis import get_text
        from lxml.etree import LxmlError

        try:
            text = "\n".join(line.strip() for line in get_text(text).splitlines()).strip()
        except (LxmlError, ValueError):  # not HTML after all
            return text
        return _MANY_BLANK_LINES.sub("\n\n", text)
    return html.unescape(text) if "&" in text and _ENTITY.search(text) else text


def _without_quotes(text: str) -> str:
    """Removes the quoted mails that this mail answers."""
    head = _head(text)
    replies = _reply_parser().read(head).replies if head else []
    answer = replies[0].content if len(replies) > 1 else text
    lines = answer.split("\n")
    own = [line for line in lines if not line.startswith(">")]
    return "\n".join(own).strip() if len(own) < len(lines) else answer


def _without_signature(text: str) -> str:
    head = _head(text)
    if not head or head != text:
        return text
    reply = _reply_parser().read(text).replies[0]
    signature = reply.signatures or ""
    at = text.rfind(signature) if signature and len(signature) <= _LONGEST_SIGNATURE else -1
    return text[:at].rstrip() if at > 0 else text


def _head(text: str) -> str:
    """Returns the part of a mail for the reply parser; empty if a line is too long for its patterns."""
    tidy = _MANY_BLANK_LINES.sub("\n\n", text)
    head = text if tidy == text and len(text) <= _REPLY_HEAD else tidy[:_REPLY_HEAD]
    return "" if any(len(line) > _LONGEST_LINE for line in head.split("\n")) else head


def _without_boilerplate(text: str) -> str:
    return _BOILERPLATE.sub("", text).strip() if _BOILERPLATE.search(text) else text


def language_of(text: str) -> str | None:
    """Returns the ISO 639-1 code of a text's language; None if it is uncertain."""
    if sum(map(str.isalpha, text)) < _FEWEST_LETTERS:
        return None
    code, confidence = _identifier().classify(text[:_LANGUAGE_SAMPLE])
    return code if confidence >= _LEAST_CONFIDENCE else None


@cache
def _identifier() -> Any:
    from py3langid.langid import MODEL_FILE, LanguageIdentifier

    identifier: Any = LanguageIdentifier.from_model_file(MODEL_FILE, norm_probs=True)
    identifier.set_languages(LANGUAGES)
    return identifier


@cache
def _reply_parser() -> Any:
    from mailparser_reply import EmailReplyParser

    return EmailReplyParser(languages=["en", "de", "fr", "it", "es", "nl"])
