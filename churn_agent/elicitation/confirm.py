"""The second half of mode `read`: yes/no questions about what was proposed.

Each proposal is asked about with the sentence that it quotes, and each message as a whole is asked about leaving and
staying. How far the model leans to yes on words that say nothing is subtracted first (contextual calibration:
Zhao et al. 2021, "Calibrate Before Use").
"""

import math
from collections.abc import Collection, Mapping
from dataclasses import dataclass, field

from churn_agent.context import box
from churn_agent.elicitation.base import failure_of
from churn_agent.grounding import find_quote, sentences
from churn_agent.models.base import ChatModel, LabelScores, Message, Question, ScoreRequest, Usage
from churn_agent.prompts import Check, Taxonomy, fill
from churn_agent.scoring.prior import LEAVING_LEANING, NEUTRAL_LEANING

_LEAVING, _STAYING, _CONFIRMED = "leaving", "staying", "confirmed"  # ids of questions
_YES, _NO = "Yes", "No"
_CONSIDERED = "leaving_considered"
"""Always asked about: small models often call it something else."""
_MISTAKEN_FOR_LEAVING = "disengagement"
_ANY_COMPANY = "the company"
"""Neutral words are said to any company, so that their answers are paid once for all."""
_LONGEST_QUOTE = 240
"""Characters up to which a sentence or a message is quoted whole."""


@dataclass
class Reading:
    """What was read in one message. Equal messages to the same company are read once."""

    company: str
    text: str
    proposals: dict[str, str] = field(default_factory=dict)
    """Signal id -> quote."""
    strengths: dict[str, float] = field(default_factory=dict)
    """Signal id -> probability of yes."""
    leaning: float | None = None
    """Log-odds of leaving against staying."""
    usages: list[Usage] = field(default_factory=list)
    failure: str | None = None

    @property
    def variables(self) -> dict[str, str]:
        return {"company": self.company, "message": f'"{box(self.text)}"'}


def confirm(readings: Mapping[int, Reading], model: ChatModel, check: Check, taxonomy: Taxonomy) -> None:
    """Keeps of each reading's proposals those that the model confirms, with their strength, and sets its leaning."""
    asked = {_CONSIDERED, *(signal for reading in readings.values() for signal in reading.proposals)}
    causeless = _odds_without_cause(asked, model, check, taxonomy)
    requests: list[ScoreRequest] = []
    for i, reading in readings.items():
        whole = reading.variables | _about(_CONSIDERED, reading.company, taxonomy)
        questions = {_CONSIDERED: check.question, _LEAVING: check.leaving, _STAYING: check.staying}
        requests.append(_request(f"{i}/", whole, questions, check))
        for signal, quote in reading.proposals.items():
            sentence = {"message": f'"{box(_sentence(quote, reading.text))}"'}
            values = reading.variables | sentence | _about(signal, reading.company, taxonomy)
            requests.append(_request(f"{i}/{signal}", values, {_CONFIRMED: check.question}, check))
    odds: dict[int, dict[str, float]] = {i: {} for i in readings}
    for scores in model.score_labels(requests):
        number, _, signal = scores.id.partition("/")
        reading = readings[int(number)]
        reading.usages.append(scores.usage)
        error = failure_of(scores)
        if error:
            reading.failure = str(error)
        for name, value in _log_odds(scores).items():
            odds[int(number)][signal or name] = value - causeless.get(signal or name, 0.0)
    for i, reading in readings.items():
        if not reading.failure:
            _weigh(reading, odds[i], check)


def _odds_without_cause(
    signals: Collection[str], model: ChatModel, check: Check, taxonomy: Taxonomy
) -> Mapping[str, float]:
    """Signal id -> mean log-odds of yes over the neutral words."""
    requests = [
        _request(
            f"{n}/{signal}",
            {"company": _ANY_COMPANY, "message": f'"{words}"'} | _about(signal, _ANY_COMPANY, taxonomy),
            {_CONFIRMED: check.question},
            check,
        )
        for signal in sorted(signals)
        for n, words in enumerate(check.neutral)
    ]
    found: dict[str, list[float]] = {}
    for scores in model.score_labels(requests):
        found.setdefault(scores.id.partition("/")[2], []).extend(_log_odds(scores).values())
    return {signal: sum(values) / len(values) for signal, values in found.items() if values}


def _request(id_: str, values: Mapping[str, str], questions: Mapping[str, str], check: Check) -> ScoreRequest:
    return ScoreRequest(
        id_,
        shared=(Message("system", check.system),),
        context=fill(check.context, values),
        questions=tuple(Question(name, fill(text, values), (_YES, _NO)) for name, text in questions.items()),
    )


def _about(signal: str, company: str, taxonomy: Taxonomy) -> dict[str, str]:
    return {"definition": fill(taxonomy.by_id[signal].definition, {"company": company})}


def _log_odds(scores: LabelScores) -> dict[str, float]:
    """Question id -> log-odds of yes."""
    return {name: labels[_YES] - labels[_NO] for name, labels in scores.log_probabilities.items()}


def _sentence(quote: str, text: str) -> str:
    """The sentence (or sentences) that a quote stands in; the quote itself if it is not in the text."""
    span = find_quote(quote, text)
    if span is None:
        return quote
    around = [(start, end) for start, end in sentences(text) if end > span[0] and start < span[1]]
    start, end = around[0][0], around[-1][1]
    return text[start:end] if end - start <= _LONGEST_QUOTE else text[span[0] : span[1]]


def _weigh(reading: Reading, odds: dict[str, float], check: Check) -> None:
    """Keeps the proposals that were confirmed, and adds a wish to leave that was only found by asking."""
    reading.leaning = (odds[_LEAVING] - odds[_STAYING]) / 2
    yes = {name: 1 / (1 + math.exp(-value)) for name, value in odds.items()}
    reading.strengths = {
        id_: yes[id_] for id_ in reading.proposals if yes[id_] >= check.least and _agrees(id_, reading.leaning)
    }
    _one_signal_a_quote(reading)
    said = any(id_.startswith("leaving_") for id_ in reading.strengths)
    leaves = reading.leaning >= LEAVING_LEANING and yes[_CONSIDERED] >= check.least
    if leaves and not said:
        mistaken = reading.strengths.pop(_MISTAKEN_FOR_LEAVING, None)
        quote = reading.proposals[_MISTAKEN_FOR_LEAVING] if mistaken else reading.text
        if len(quote) <= _LONGEST_QUOTE:
            reading.proposals[_CONSIDERED] = quote
            reading.strengths[_CONSIDERED] = yes[_CONSIDERED]


def _one_signal_a_quote(reading: Reading) -> None:
    """Of several signals on the same words, the strongest stays."""
    for id_ in sorted(reading.strengths, key=lambda id_: reading.strengths[id_]):
        quote = reading.proposals[id_].casefold()
        if any(other != id_ and quote in reading.proposals[other].casefold() for other in reading.strengths):
            del reading.strengths[id_]


def _agrees(signal: str, leaning: float) -> bool:
    """Whether a signal about leaving or staying fits the answers to the plain questions."""
    if signal.startswith("leaving_"):
        return leaning > NEUTRAL_LEANING
    if signal in ("loyalty", "renewal"):
        return leaning < LEAVING_LEANING
    return True
