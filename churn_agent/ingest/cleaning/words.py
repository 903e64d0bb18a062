"""Words of mail clients and of people's mails (`words.yaml`) as patterns."""

import re
from collections.abc import Iterable
from functools import cache
from pathlib import Path
from typing import Any, cast

import yaml

from churn_agent.files.strict_yaml import LOADER

_WITHOUT_SPACES = re.compile(r"[\u3040-\u30ff\u3400-\u9fff\uac00-\ud7af\u0e00-\u0e7f]")


@cache
def words() -> dict[str, Any]:
    """Returns the content of `words.yaml`."""
    return yaml.load(Path(__file__).with_name("words.yaml").read_text(encoding="utf-8"), LOADER)  # noqa: S506 - a safe one


def any_of(phrases: Iterable[str]) -> str:
    """Returns a pattern for any of the phrases as whole words; scripts without spaces match within a word."""
    listed = sorted(set(phrases), key=len, reverse=True)
    parts = [re.escape(phrase).replace(r"\ ", r"\s") for phrase in listed]
    whole = "|".join(part for part in parts if not _WITHOUT_SPACES.search(part))
    within = [part for part in parts if _WITHOUT_SPACES.search(part)]
    return "|".join((rf"(?<!\w)(?:{whole})(?!\w)", *within))


@cache
def pattern(*names: str) -> re.Pattern[str]:
    """Returns the patterns of some lists as one, ignoring case."""
    parts: dict[str, str] = {}
    for name, forms in words()["patterns"].items():
        parts[name] = f"(?:{_filled('|'.join(cast('list[str]', forms)) if isinstance(forms, list) else forms, parts)})"
    listed = (_filled(text, parts) for name in names for text in words()[name])
    return re.compile("|".join(f"(?:{text})" for text in listed), re.IGNORECASE)


def _filled(text: str, parts: dict[str, str]) -> str:
    for name, part in parts.items():
        text = text.replace(f"{{{name}}}", part)
    return text
