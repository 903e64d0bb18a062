"""Compares the words of records, whatever blanks, punctuation and subject they come with."""

import re
from collections.abc import Mapping
from typing import Any

_WORDS = re.compile(r"[\u0e00-\u0eff\u1000-\u109f\u1780-\u17ff\u3040-\u30ff\u3400-\u9fff]|\w+?(?=\b|[\u3040-\u9fff])")
"""Words; single characters of scripts that put no blanks between words."""


def words_of(text: str) -> frozenset[str]:
    """Returns the distinct words of a text, in small letters."""
    return frozenset(_WORDS.findall(text.casefold()))


def share_of_words(one: str, other: str) -> float:
    """Returns the share (0 to 1) of the distinct words of two texts that both have; 1 if neither has words."""
    words, others = words_of(one), words_of(other)
    return len(words & others) / len(words | others) if words or others else 1.0


def written(values: Mapping[str, Any]) -> str:
    """Returns the text of a record as in the source."""
    return values["text"] if values["original"] is None else values["original"]
