"""Language of a text."""

import unicodedata
from collections.abc import Sequence
from functools import cache
from itertools import accumulate
from typing import Any, NamedTuple, cast

LANGUAGES = """ar bg cs da de el en es et fi fr he hr hu it ja ko lt lv nl no pl pt ro ru sk sl sv tr uk zh""".split()
"""ISO 639-1 codes of the languages detected; a short list, so that short texts are not tagged with rare languages."""
_FEWEST_LETTERS = 12
_LEAST_CONFIDENCE = 0.6
_LANGUAGE_SAMPLE = 160
"""Number of characters used to detect the language."""
_AT_ONCE = 4096


def languages_of(texts: Sequence[str]) -> list[str | None]:
    """Returns the ISO 639-1 code of the language of each text; None if it is uncertain.

    Many texts at once take a small part of the time that one call for each takes.
    """
    languages: list[str | None] = [None] * len(texts)
    long = [number for number, text in enumerate(texts) if _has_letters(text)]
    for start in range(0, len(long), _AT_ONCE):
        numbers = long[start : start + _AT_ONCE]
        classified = _classified([_encoded(texts[number][:_LANGUAGE_SAMPLE]) for number in numbers])
        for number, language in zip(numbers, classified, strict=True):
            languages[number] = language
    return languages


def _has_letters(text: str) -> bool:
    head = text[: 4 * _FEWEST_LETTERS]
    return sum(map(str.isalpha, head)) >= _FEWEST_LETTERS or sum(map(str.isalpha, text)) >= _FEWEST_LETTERS


def _encoded(text: str) -> bytes:
    """Returns the bytes from which the model was trained."""
    lowered = text.lower() if text.isupper() else text
    return unicodedata.normalize("NFC", lowered).encode("utf-8", "surrogatepass")


class _Model(NamedTuple):
    """The model of py3langid: an automaton over bytes whose states emit features, and naive Bayes over these."""

    moves: Any
    """Row of a state, 256 numbers long -> next state, by the next byte."""
    rows: Any
    """State -> where its row begins in `moves`."""
    features: Any
    """State -> feature that it emits, or -1."""
    weights: Any
    """(features, languages)."""
    prior: Any
    languages: list[str]


def _classified(texts: list[bytes]) -> list[str | None]:
    """Returns the language of each text by the method of py3langid, for all texts at once."""
    import numpy as np
    from scipy.sparse import csr_array

    model = _model()
    order = sorted(range(len(texts)), key=lambda number: -len(texts[number]))
    lengths = np.array([len(texts[number]) for number in order])
    starts = np.array([0, *accumulate(lengths[:-1].tolist())])
    letters = np.frombuffer(b"".join(texts[number] for number in order), dtype=np.uint8)
    states = np.zeros(len(texts), dtype=np.int64)
    at_text: list[Any] = []
    seen: list[Any] = []
    texts_longer_than = len(texts) - np.searchsorted(lengths[::-1], np.arange(int(lengths[0])), side="right")
    for at, longer in enumerate(texts_longer_than.tolist()):
        states = model.moves[model.rows[states[:longer]] + letters[starts[:longer] + at]]
        emitted = model.features[states]
        emitting = np.flatnonzero(emitted >= 0)
        at_text.append(emitting)
        seen.append(emitted[emitting])
    texts_with, features = np.concatenate(at_text), np.concatenate(seen)
    shape = len(texts), len(model.weights)
    visits = csr_array((np.ones(len(features), dtype=np.float32), (texts_with, features)), shape=shape)
    visits.data = np.log1p(visits.data)  # how often, as the constructor adds up equal places
    featureless = np.bincount(texts_with, minlength=len(texts)) == 0
    scores = np.where(featureless[:, None], np.float32(0), visits @ model.weights + model.prior)
    scores *= 1 / np.sqrt(np.maximum(lengths, 1), dtype=np.float32)[:, None]
    shares = np.exp(scores - scores.max(axis=1, keepdims=True))
    shares /= shares.sum(axis=1, keepdims=True)
    best = shares.argmax(axis=1)
    sure = shares.max(axis=1) >= _LEAST_CONFIDENCE
    languages: list[str | None] = [None] * len(texts)
    for number, language, is_sure in zip(order, best.tolist(), sure.tolist(), strict=True):
        languages[number] = model.languages[language] if is_sure else None
    return languages


@cache
def _model() -> _Model:
    import numpy as np
    from py3langid.langid import MODEL_FILE, LanguageIdentifier  # pyright: ignore[reportMissingTypeStubs]

    identifier = cast("Any", LanguageIdentifier).from_model_file(MODEL_FILE, norm_probs=True)
    identifier.set_languages(LANGUAGES)
    return _Model(
        np.asarray(identifier.tk_nextmove),
        np.asarray(identifier.tk_row).astype(np.int64) * 256,
        np.asarray(identifier.tk_output, dtype=np.int32),
        identifier.nb_ptc.astype(np.float32, order="C"),
        identifier.nb_pc.astype(np.float32),
        identifier.nb_classes,
    )
