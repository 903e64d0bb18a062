"""Chooses what is shown of a text that is too long.

The beginning and the end are shown first: people say what they want at the end. The rest of the budget goes to the
sentences nearest to the phrases of the signals, and to sentences unlike the others. Lines that differ only in numbers
are shown once, or not at all if there are many. In a ticket with a log of two megabytes, what remains are the sentences
that a person wrote.
"""

import math
import re
from collections import Counter
from collections.abc import Callable, Collection, Iterator, Sequence

import numpy as np
from numpy.typing import NDArray

from churn_agent.evidence.grounding import in_word, sentences

_SHORTEST_END = 30
"""Fewest characters of the ends of a text."""
GAP = "\n\x1e\n"
"""Stands for sentences that are not shown (U+001E, a record separator). No quote may reach over it.

In prompts it is a space: a visible mark such as an ellipsis in brackets makes small models miss a wish to leave.
"""
BEGINNING_SHARE, END_SHARE = 0.15, 0.35
"""Shares of the budget for the first and the last sentences."""
_LONGEST_UNIT = 240
"""Most characters of a unit; a longer sentence is divided between words."""
_NOVELTY_WEIGHT = 0.2
"""Weight of words that are rare in the text, compared with words of the signals' phrases."""
_WORD = re.compile(r"[^\W\d_]{2,}")
_WITH_BREAK = re.compile(r"\w+\W*|\W+")
_BY_MACHINE = 10
"""So many lines that differ only in numbers are a log."""
_CHARACTERS_A_TOKEN = 4
_CERTAINLY_LONG = 40
"""Characters a token that no text has on average; longer texts are not counted token by token."""


def words_of(phrases: Collection[str]) -> frozenset[str]:
    """Returns the words of phrases, for `excerpt`."""
    return frozenset(word for phrase in phrases for word in _words(phrase))


def ends(text: str) -> str:
    """Returns the first and the last quarter of a long text: the topic, and what people want, which they say last.

    A text of fewer than 120 characters is returned as it is.
    """
    quarter = len(text) // 4
    return f"{text[:quarter]}{GAP}{text[-quarter:]}" if quarter >= _SHORTEST_END else text


def excerpt(
    text: str,
    budget: int,
    count_tokens: Callable[[str], int],
    *,
    telling: Collection[str],
    closeness: NDArray[np.floating] | None = None,
) -> tuple[str, int, int]:
    """Returns a text, or what is shown of it if it has more than `budget` tokens.

    Args:
        text: the text.
        budget: most tokens shown.
        count_tokens: number of tokens of a text.
        telling: words of the signals' phrases; see `words_of`.
        closeness: for each of the text's equally long parts, how near it is to the signals; None if not known.

    Returns:
        The words shown, in their order, with `GAP` for what is left out; their tokens; about how many tokens are left
        out. The words shown between gaps are verbatim but for white space.
    """
    if len(text) <= budget * _CERTAINLY_LONG:
        total = count_tokens(text)
        if total <= budget:
            return text, total, 0
    else:
        total = len(text) // _CHARACTERS_A_TOKEN
    units = list(_units(text))
    if not units:
        return "", 0, total
    kept = _choose(units, budget, count_tokens, _relevance(units, len(text), telling, closeness))
    shown = _joined([units[i][2] for i in kept], kept)
    while kept and (tokens := count_tokens(shown)) > budget:  # tokens of a whole may be more than those of its parts
        kept = kept[1:] if len(kept) > 1 else []
        shown = _joined([units[i][2] for i in kept], kept)
    if not kept:
        shown = _cut(units[-1][2], budget, count_tokens)
    tokens = count_tokens(shown) if shown else 0
    return shown, tokens, max(total - tokens, 0)


def _units(text: str) -> Iterator[tuple[int, int, str]]:
    """Yields (start, end, words) of the sentences, and of about equally long pieces of long ones."""
    for start, end in sentences(text):
        while end - start > _LONGEST_UNIT:
            pieces = math.ceil((end - start) / _LONGEST_UNIT)
            stop = _boundary(text, start, start + math.ceil((end - start) / pieces), end)
            yield start, stop, text[start:stop].strip()
            start = stop
        if rest := text[start:end].strip():
            yield start, end, rest


def _boundary(text: str, start: int, middle: int, end: int) -> int:
    """Returns the end of the last word before `middle`; of the first one if that is longer. No word is divided."""
    before = next((i for i in range(middle - 1, start, -1) if not in_word(text[i])), None)
    return before + 1 if before else next((i + 1 for i in range(middle, end) if not in_word(text[i])), end)


def _choose(
    units: Sequence[tuple[int, int, str]], budget: int, count_tokens: Callable[[str], int], relevance: Sequence[float]
) -> list[int]:
    """Returns the positions of the units shown, in order.

    Of units that differ only in numbers, one is shown; none if there are so many that a machine wrote them.
    """
    gap = count_tokens(GAP) + 1
    left = budget
    kept: set[int] = set()
    n = len(units)
    alike = [" ".join(_words(unit)) for _, _, unit in units]
    by_machine = {words for words, count in Counter(alike).items() if count >= _BY_MACHINE}
    shown: set[str] = set() if by_machine.issuperset(alike) else by_machine

    def fill(order: Iterator[int] | Sequence[int], share: int, *, at_first: bool) -> None:
        """Takes units while they fit into a share of the budget; the first may be larger than it."""
        nonlocal left
        spent = 0
        for i in order:
            if alike[i] in shown:
                continue
            cost = count_tokens(units[i][2]) + gap
            if cost > left or (spent + cost > share and not (at_first and spent == 0)):
                break
            kept.add(i)
            shown.add(alike[i])
            spent += cost
            left -= cost

    fill(range(n - 1, -1, -1), int(budget * END_SHARE), at_first=True)
    fill(range(n), int(budget * BEGINNING_SHARE), at_first=True)
    middle = [i for i in sorted(range(n), key=lambda i: (-relevance[i], -i)) if relevance[i] > 0]
    fill(middle, left, at_first=False)
    return sorted(kept)


def _relevance(
    units: Sequence[tuple[int, int, str]],
    length: int,
    telling: Collection[str],
    closeness: NDArray[np.floating] | None,
) -> list[float]:
    """Weighs each unit: words of the signals that are rare in the text, other rare words, and its part's closeness."""
    words = [set(_words(unit)) for _, _, unit in units]
    frequency = Counter(word for of_unit in words for word in of_unit)
    rarity = {word: math.log(len(units) / count) for word, count in frequency.items()}
    scores: list[float] = []
    for (start, end, _), of_unit in zip(units, words, strict=True):
        known = sum(rarity[word] for word in of_unit if word in telling)
        novel = sum(rarity[word] for word in of_unit)
        score = (known + _NOVELTY_WEIGHT * novel) / math.sqrt(len(of_unit) or 1)
        if closeness is not None and len(closeness) > 1:
            part = min(int((start + end) / 2 / length * len(closeness)), len(closeness) - 1)
            score += max(float(closeness[part]), 0.0)
        scores.append(score)
    return scores


def _joined(shown: Sequence[str], at: Sequence[int]) -> str:
    """Joins units; neighbours on separate lines, so that pieces of a long sentence are read one by one."""
    text = ""
    for n, (unit, i) in enumerate(zip(shown, at, strict=True)):
        text += ("" if n == 0 else "\n" if i == at[n - 1] + 1 else GAP) + unit
    return text


def _cut(unit: str, budget: int, count_tokens: Callable[[str], int]) -> str:
    """Returns the last words of a unit that fit the budget."""
    words = _WITH_BREAK.findall(unit)
    while words and count_tokens("".join(words)) > budget:
        words = words[1:]
    return "".join(words).strip()


def _words(text: str) -> list[str]:
    return [word.casefold() for word in _WORD.findall(text)]
