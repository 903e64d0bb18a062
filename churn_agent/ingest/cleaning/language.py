"""Language of a text."""

from functools import cache
from typing import Any

LANGUAGES = """ar bg cs da de el en es et fi fr he hr hu it ja ko lt lv nl no pl pt ro ru sk sl sv tr uk zh""".split()
"""ISO 639-1 codes of the languages detected; a short list, so that short texts are not tagged with rare languages."""
_FEWEST_LETTERS = 12
_LEAST_CONFIDENCE = 0.6
_LANGUAGE_SAMPLE = 160
"""Number of characters used to detect the language."""


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
