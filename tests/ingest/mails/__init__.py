"""Mails with known own and quoted sentences, and what cleaning leaves of them."""

from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

import yaml

from churn_agent.ingest.cleaning import Cleaner


@dataclass(frozen=True)
class Mail:
    """A mail as a client writes it."""

    name: str
    language: str
    client: str
    form: str
    text: str
    own: tuple[str, ...]
    quoted: tuple[str, ...]
    channel: str = "email"


@dataclass(frozen=True)
class Outcome:
    """What cleaning has left of some mails, in sentences."""

    own: int
    lost: tuple[str, ...]
    """Own sentences that are no longer in the texts, each with the name of its mail."""
    quoted: int
    left: tuple[str, ...]
    """Quoted sentences that are still in the texts."""


def mails(path: Path | None = None) -> list[Mail]:
    """Reads the corpus."""
    path = path or Path(__file__).with_name("corpus.yaml")
    listed = yaml.safe_load(path.read_text(encoding="utf-8"))
    return [Mail(**{**entry, "own": tuple(entry["own"]), "quoted": tuple(entry["quoted"])}) for entry in listed]


def cleaned(corpus: list[Mail]) -> Outcome:
    """Cleans the mails and looks for their sentences."""
    cleaner = Cleaner()
    return outcome_of(corpus, lambda mail: cleaner(mail.text, mail.channel, words=True).text)


def outcome_of(corpus: list[Mail], clean: Callable[[Mail], str]) -> Outcome:
    """Looks for the sentences of the mails in what `clean` makes of them."""
    lost, left = [], []
    for mail in corpus:
        text = _folded(clean(mail))
        lost += [f"{mail.name}: {sentence}" for sentence in mail.own if _folded(sentence) not in text]
        left += [f"{mail.name}: {sentence}" for sentence in mail.quoted if _folded(sentence) in text]
    return Outcome(sum(len(m.own) for m in corpus), tuple(lost), sum(len(m.quoted) for m in corpus), tuple(left))


def _folded(text: str) -> str:
    return " ".join(text.split())
