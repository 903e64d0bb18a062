"""The first half of mode `read` for prompts with a `choice`: signals proposed by the probabilities of words."""

import math
from collections.abc import Iterator, Mapping, Sequence

import numpy as np

from churn_agent.content.prompts import Choice, PromptTemplate, fill
from churn_agent.content.taxonomy import LEAVING, Taxonomy
from churn_agent.elicitation.base import failure_of
from churn_agent.elicitation.confirm import LONGEST_QUOTE, Reading
from churn_agent.evidence.box import box
from churn_agent.evidence.excerpts import GAP
from churn_agent.evidence.grounding import sentences
from churn_agent.models.base import ChatModel, LabelScores, Question, ScoreRequest
from churn_agent.scoring.prior import log_odds, sigmoid

_HINTING = (*LEAVING, "before_leaving")
"""Roles of the signals whose words hint at leaving."""
_FEWEST_WORDS = 4
"""Shorter sentences are read together with the one before, or the next."""


def choose(readings: Mapping[int, Reading], model: ChatModel, prompt: PromptTemplate, taxonomy: Taxonomy) -> None:
    """Proposes signals for each reading, quoting the sentence that shows them. Equal sentences are read once."""
    choice, thresholds = prompt.choice, prompt.thresholds
    assert choice
    hinting = [word for id_, word in choice.words.items() if taxonomy.role_of(id_) in _HINTING]
    # No company is named, so that equal sentences are cached for all books.
    shared = prompt.shared({"company": "the company", "domain": "", "signals": taxonomy.listing(choice.words)})
    labels = (choice.nothing, *choice.words.values())
    parts = {i: list(_parts(reading.text)) for i, reading in readings.items()}
    distinct = {
        part: str(n) for n, part in enumerate(dict.fromkeys(p for of_reading in parts.values() for p in of_reading))
    }
    requests = [
        ScoreRequest(id_, shared, fill(prompt.user, {"message": f'"{box(part)}"'}), (Question("word", "", labels),))
        for part, id_ in distinct.items()
    ]
    scored = {result.id: result for result in model.score_labels(requests)}
    counted: set[str] = set()
    for i, reading in readings.items():
        reading.failure, reading.silent = None, True
        reading.proposals, reading.proposed_odds = {}, {}
        hints = dict.fromkeys(parts[i], 0.0)
        for part in parts[i]:
            result = scored[distinct[part]]
            if result.id not in counted:  # counted for the first reading that needs it
                counted.add(result.id)
                reading.usages.append(result.usage)
            error = failure_of(result)
            if error:
                reading.failure = str(error)
                break
            likely = _likely(result, choice)
            reading.silent = reading.silent and likely[choice.nothing] >= thresholds.silent
            hints[part] = sum(likely[word] for word in hinting)
            for signal in sorted(choice.words, key=lambda id_: -likely[choice.words[id_]])[
                : thresholds.most_a_sentence
            ]:
                odds = log_odds(likely[choice.words[signal]])
                if odds >= max(log_odds(thresholds.proposed), reading.proposed_odds.get(signal, -math.inf)):
                    reading.proposals[signal], reading.proposed_odds[signal] = part, odds
        reading.strengths = {id_: sigmoid(odds) for id_, odds in reading.proposed_odds.items()}
        if prompt.check:
            _propose_announced(reading, parts[i], taxonomy)
        most = max(hints, key=lambda part: hints[part], default=None)
        reading.hint = most if most and hints[most] >= thresholds.hinting else None


def _propose_announced(reading: Reading, parts: Sequence[str], taxonomy: Taxonomy) -> None:
    """Proposes the announcement to leave that rules find in plain words where the model saw nothing.

    The model has to confirm it. Where another company is named, words alone do not say which one is left.
    """
    announced = taxonomy.with_role("leaving_announced")
    if announced is None or not reading.silent or reading.named_others:
        return
    span = taxonomy.quotes.announcement(reading.text, announced)
    if span is None:
        return
    sentence = reading.text[slice(*span)]
    whole = (part for part in parts if sentence in part)
    reading.proposals[announced] = next(whole, sentence[:LONGEST_QUOTE].rsplit(" ", 1)[0])
    reading.proposed_odds[announced], reading.silent = 0.0, False


def _likely(result: LabelScores, choice: Choice) -> dict[str, float]:
    """Probability of each word among all of them."""
    scores = result.log_probabilities["word"]
    total = np.logaddexp.reduce(list(scores.values()))
    return {word: float(np.exp(score - total)) for word, score in scores.items()}


def _parts(text: str) -> Iterator[str]:
    """The sentences of a text, short ones with their neighbours, none longer than what is quoted."""
    for block in text.split(GAP):  # no quote reaches over words that are not shown
        yield from _parts_of(block)


def _parts_of(text: str) -> Iterator[str]:
    spans: list[tuple[int, int]] = []
    for start, end in sentences(text):
        if spans and (_is_short(text[start:end]) or _is_short(text[slice(*spans[-1])])):
            spans[-1] = spans[-1][0], end
        else:
            spans.append((start, end))
    for start, end in spans:
        part = text[start:end]
        yield part if len(part) <= LONGEST_QUOTE else part[:LONGEST_QUOTE].rsplit(" ", 1)[0]


def _is_short(sentence: str) -> bool:
    return len(sentence.split()) < _FEWEST_WORDS
