"""Mode `read` with the second reader: it proposes signals, the model is asked about them, a combiner weighs both.

A message of which the second reader is sure that it shows nothing costs no request; any other costs one, with all
questions after the same message.
"""

from collections.abc import Mapping
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

from churn_agent.content.prompts import PromptTemplate
from churn_agent.content.taxonomy import Taxonomy
from churn_agent.content.thresholds import Combiner
from churn_agent.elicitation.confirm import (
    LEAVING_QUESTION,
    LONGEST_QUOTE,
    STAYING_QUESTION,
    Asked,
    Reading,
    ask_about,
)
from churn_agent.errors import ModelUnavailable
from churn_agent.evidence.grounding import sentences
from churn_agent.evidence.naming import Renaming
from churn_agent.models.base import ChatModel
from churn_agent.scoring.prior import log_odds, sigmoid

if TYPE_CHECKING:
    from churn_agent.elicitation.second_reader.reading import SecondReader, SecondReading

_MAY_LEAVE = 0.2
"""Probability, by the second reader, from which the model is asked about both signals of leaving."""
_MEAN_LEANING = 0.0
"""Assumed of the model where it is not asked."""
_MOST_SENTENCES = 6
"""Messages with more sentences are read as a whole only: in long ones, single sentences mean too many things."""
_MOST_PROPOSALS = 4
"""Most signals of a message that the model is asked about: those that are likeliest to the second reader."""


@dataclass(frozen=True)
class Answers:
    """What both readers say of one message."""

    second: "SecondReading"
    odds: Mapping[str, float]
    """Question or signal id -> the model's log-odds of yes; empty if it was not asked."""


def read_twice(
    readings: Mapping[int, Reading],
    model: ChatModel | None,
    prompt: PromptTemplate,
    taxonomy: Taxonomy,
    second: "SecondReader",
) -> None:
    """Sets signals with strengths, and the leaning, of each reading; without a model by the second reader alone.

    Raises:
        ModelUnavailable: the thresholds were not fitted with this second reader.
    """
    thresholds = prompt.thresholds
    combiner = thresholds.combiner
    if combiner is None or combiner.reader != second.id:
        raise ModelUnavailable(f"the thresholds of prompt {prompt.label} were not fitted with this second reader")
    answers = ask_both(readings, model, prompt, taxonomy, second, proposed=combiner.proposed, silent=combiner.silent)
    for i, reading in readings.items():
        reading.silent = most(answers[i].second) < combiner.silent
        if reading.silent:
            reading.leaning = thresholds.neutral_leaning
        elif model is None:
            _take(reading, answers[i].second, combiner)
        elif not reading.failure:
            _combine(reading, answers[i], combiner)
        if (reading.leaning or 0.0) >= thresholds.leaving_leaning:
            _say_leaving(reading, answers[i], combiner, taxonomy)


def ask_both(
    readings: Mapping[int, Reading],
    model: ChatModel | None,
    prompt: PromptTemplate,
    taxonomy: Taxonomy,
    second: "SecondReader",
    *,
    proposed: float,
    silent: float,
) -> dict[int, Answers]:
    """The answers of both readers, by number of the reading, which receives its proposals with their quotes.

    Args:
        readings: the messages.
        model: asked about the proposals, and whether the writer leaves or stays; None to ask nobody.
        prompt: with the questions.
        taxonomy: the signals.
        second: proposes signals.
        proposed: least probability of a proposal.
        silent: greatest probability of any signal or leaning at which the model is not asked about a message.
    """
    assert prompt.check
    renamings = {i: Renaming(reading.text, reading.company, reading.companies) for i, reading in readings.items()}
    second_readings = dict(zip(readings, second.read([renaming.text for renaming in renamings.values()]), strict=True))
    _read_sentences(second_readings, {i: renaming.text for i, renaming in renamings.items()}, taxonomy, second)
    asked: list[Asked] = []
    for i, reading in readings.items():
        if most(second_readings[i]) < silent:
            continue
        for id_ in _proposed(second_readings[i], taxonomy, proposed):
            _propose(id_, reading, second_readings[i])
        names = (LEAVING_QUESTION, STAYING_QUESTION, *reading.proposals)
        asked += [Asked(i, renamings[i].text, name) for name in names]
    odds: dict[int, dict[str, float]] = {i: {} for i in readings}
    for (i, name), value in (ask_about(asked, readings, model, prompt.check, taxonomy) if model else {}).items():
        odds[i][name] = value
    return {i: Answers(second_readings[i], odds[i]) for i in readings}


def _read_sentences(
    read: dict[int, "SecondReading"], texts: Mapping[int, str], taxonomy: Taxonomy, second: "SecondReader"
) -> None:
    """Raises the signals of leaving to those of the likeliest sentence with a word of leaving.

    Beside a complaint such a sentence is overlooked; other sentences mean too many things alone.
    """
    parts = [
        (i, start, text[start:end])
        for i, text in texts.items()
        if 1 < len(spans := list(sentences(text))) <= _MOST_SENTENCES
        for start, end in spans
        if taxonomy.quotes.hints_at_leaving(text[start:end])
        and text.count('"', start, end) % 2 == 0  # else it is cut out of a question that is quoted before its answer
    ]
    for (i, start, _), alone in zip(parts, second.read([text for _, _, text in parts]) if parts else [], strict=True):
        for id_ in taxonomy.leaving & alone.signals.keys():
            if alone.signals[id_] > read[i].signals[id_]:
                signals = {**read[i].signals, id_: alone.signals[id_]}
                places = {**read[i].places, id_: start + alone.places[id_]}
                read[i] = replace(read[i], signals=signals, places=places)


def _proposed(second_reading: "SecondReading", taxonomy: Taxonomy, least: float) -> list[str]:
    """The likeliest signals, and those of leaving if the message as a whole may be about leaving."""
    known = taxonomy.by_id.keys() & second_reading.signals
    likeliest = sorted(
        (id_ for id_ in known if second_reading.signals[id_] >= least), key=lambda id_: -second_reading.signals[id_]
    )
    leaves = second_reading.leaning["leaves"] + second_reading.leaning["considers"] >= _MAY_LEAVE
    of_leaving = sorted(known & taxonomy.leaving) if leaves else []
    return list(dict.fromkeys([*likeliest[:_MOST_PROPOSALS], *of_leaving]))


def leaving_odds(second: "SecondReading") -> float:
    """Log-odds of leaving, or of considering it, by the second reader."""
    return log_odds(second.leaning["leaves"] + second.leaning["considers"])


def leaning_of(odds: Mapping[str, float]) -> float:
    """Log-odds of leaving against staying by the model."""
    return (odds[LEAVING_QUESTION] - odds[STAYING_QUESTION]) / 2


def most(second_reading: "SecondReading") -> float:
    """The greatest probability that a message shows anything."""
    return max(
        *(value for name, value in second_reading.leaning.items() if name != "none"), *second_reading.signals.values()
    )


def _propose(signal: str, reading: Reading, second_reading: "SecondReading") -> None:
    """Notes a signal with the sentence that shows it."""
    renaming = Renaming(reading.text, reading.company, reading.companies)
    reading.proposals[signal] = _quote(reading.text, renaming.original(second_reading.places[signal]))


def _quote(text: str, at: int) -> str:
    """The sentence around a position."""
    start, end = next(((start, end) for start, end in sentences(text) if at < end), (0, len(text)))
    if end - start <= LONGEST_QUOTE:
        return text[start:end]
    first = max(start, at - LONGEST_QUOTE // 2)
    return text[first : first + LONGEST_QUOTE]


def _combine(reading: Reading, answers: Answers, combiner: Combiner) -> None:
    """Keeps what both readers together find likely."""
    reading.leaning = combiner.leaning(leaving_odds(answers.second), leaning_of(answers.odds))
    likely = {id_: probability(id_, answers, combiner) for id_ in reading.proposals}
    reading.strengths = {id_: value for id_, value in likely.items() if value >= combiner.shown}


def _say_leaving(reading: Reading, answers: Answers, combiner: Combiner, taxonomy: Taxonomy) -> None:
    """Shows the likeliest signal of leaving if none is shown: the message as a whole reads like leaving."""
    second = answers.second
    of_leaving = sorted(taxonomy.leaving & second.signals.keys())
    if of_leaving and reading.strengths.keys().isdisjoint(of_leaving):
        likeliest = max(of_leaving, key=lambda id_: second.signals[id_])
        if likeliest not in reading.proposals:
            _propose(likeliest, reading, second)
        reading.strengths[likeliest] = combiner.shown


def _take(reading: Reading, second: "SecondReading", combiner: Combiner) -> None:
    """Keeps what the second reader alone finds likely."""
    reading.leaning = combiner.leaning(leaving_odds(second), _MEAN_LEANING)
    reading.strengths = {id_: second.signals[id_] for id_ in reading.proposals if second.signals[id_] >= combiner.shown}


def probability(signal: str, answers: Answers, combiner: Combiner) -> float:
    """The combined probability of a proposed signal."""
    return sigmoid(combiner.signal(signal, log_odds(answers.second.signals[signal]), answers.odds[signal]))
