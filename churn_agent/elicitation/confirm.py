"""The second half of mode `read`: yes/no questions about what was proposed.

Each proposal is asked about with the sentence that it quotes, and each message as a whole is asked about leaving and
staying. How far the model leans to yes on words that say nothing is subtracted first (contextual calibration:
Zhao et al. 2021, "Calibrate Before Use").
"""

import math
from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass, field

from churn_agent.context import box
from churn_agent.elicitation.base import failure_of
from churn_agent.grounding import find_quote, sentences
from churn_agent.models.base import ChatModel, LabelScores, Message, Question, ScoreRequest, Usage
from churn_agent.prompts import Check, Taxonomy, fill
from churn_agent.scoring.prior import LEAVING_LEANING, NEUTRAL_LEANING, sigmoid

_LEAVING, _STAYING, _CLOSING, _CONFIRMED = "leaving", "staying", "closing", "confirmed"  # ids of questions
_YES, _NO = "Yes", "No"
_CONSIDERED = "leaving_considered"
"""Asked about wherever a message as a whole leans to leaving: small models often call it something else."""
_ANNOUNCED = "leaving_announced"
_CLOSES = 0.75
"""Log-odds from which a message asks to end it all. Chosen on questions to a bank and on chats about telephone
companies: of closures nine in ten are above it, of other questions none, of who leaves another company one in six."""
_LESS_SURE = 1.0
"""By how many log-odds that answer leans less to leaving than it says: it is easily given."""
_MISTAKEN_FOR_LEAVING = "disengagement"
_ANY_COMPANY = "the company"
"""Neutral words are said to any company, so that their answers are paid once for all."""
LONGEST_QUOTE = 240
"""Characters up to which a sentence or a message is quoted whole."""


@dataclass
class Reading:
    """What was read in one message. Equal messages to the same company are read once."""

    company: str
    text: str
    proposals: dict[str, str] = field(default_factory=dict)
    """Signal id -> quote."""
    proposed_odds: dict[str, float] = field(default_factory=dict)
    """Signal id -> log-odds with which it was proposed, where they are known."""
    strengths: dict[str, float] = field(default_factory=dict)
    """Signal id -> how much it counts, 0 to 1: the probability of yes, the odds of the proposal included, and for
    complaints that of leaving."""
    silent: bool = False
    """Shows so clearly nothing that nothing more is asked about it."""
    hint: str | None = None
    """The sentence whose words hint most at leaving, if any do."""
    leaning: float | None = None
    """Log-odds of leaving against staying."""
    usages: list[Usage] = field(default_factory=list)
    failure: str | None = None

    @property
    def variables(self) -> dict[str, str]:
        return {"company": self.company, "message": f'"{box(self.text)}"'}


def confirm(readings: Mapping[int, Reading], model: ChatModel, check: Check, taxonomy: Taxonomy) -> None:
    """Keeps of each reading's proposals those that the model confirms, with their strength, and sets its leaning."""
    asked: list[_Asked] = []
    for i, reading in readings.items():
        hinted = check.closing is not None and reading.hint is not None
        if reading.silent and not hinted:
            reading.leaning, reading.strengths = NEUTRAL_LEANING, {}
            continue
        asked += [_Asked(i, reading.text, _LEAVING), _Asked(i, reading.text, _STAYING)]
        asked += [_Asked(i, reading.text, _CLOSING)] if hinted else []
        asked += [_Asked(i, _seen(id_, reading), id_) for id_ in reading.proposals]
    odds = _ask(asked, readings, model, check, taxonomy)
    for i in {each.reading for each in asked}:
        if not readings[i].failure:
            _weigh(readings[i], {name: value for (of, name), value in odds.items() if of == i}, check, taxonomy)
    hinted = [_Asked(i, reading.text, _CONSIDERED) for i, reading in readings.items() if _hints_at_leaving(reading)]
    for (i, _), value in _ask(hinted, readings, model, check, taxonomy).items():
        _add_wish_to_leave(readings[i], sigmoid(value), check)


@dataclass(frozen=True)
class _Asked:
    """A question about a text of a reading: `_LEAVING`, `_STAYING`, or whether it shows a signal."""

    reading: int
    text: str
    name: str


def _ask(
    asked: Sequence[_Asked], readings: Mapping[int, Reading], model: ChatModel, check: Check, taxonomy: Taxonomy
) -> dict[tuple[int, str], float]:
    """(Reading, name) -> log-odds of yes, for signals less those of neutral words. A text is evaluated once."""
    signals = {each.name for each in asked} - {_LEAVING, _STAYING, _CLOSING}
    causeless = _odds_without_cause(signals, model, check, taxonomy)
    together: dict[tuple[int, str], list[str]] = {}
    for each in asked:
        together.setdefault((each.reading, each.text), []).append(each.name)
    requests: list[ScoreRequest] = []
    for (i, text), names in together.items():
        company = readings[i].company
        values = {"company": company, "message": f'"{box(text)}"'}
        plain = {_LEAVING: fill(check.leaving, values), _STAYING: fill(check.staying, values)}
        plain[_CLOSING] = fill(check.closing or "", values)
        questions = {
            name: plain.get(name) or fill(check.question, values | _about(name, company, taxonomy)) for name in names
        }
        requests.append(_request(f"{i}/{len(requests)}", values, questions, check))
    odds: dict[tuple[int, str], float] = {}
    for scores in model.score_labels(requests):
        i = int(scores.id.partition("/")[0])
        readings[i].usages.append(scores.usage)
        error = failure_of(scores)
        if error:
            readings[i].failure = str(error)
        for name, value in _log_odds(scores).items():
            odds[i, name] = value - causeless.get(name, 0.0)
    return odds


def _odds_without_cause(
    signals: Collection[str], model: ChatModel, check: Check, taxonomy: Taxonomy
) -> Mapping[str, float]:
    """Signal id -> mean log-odds of yes over the neutral words."""
    requests: list[ScoreRequest] = []
    for signal in sorted(signals):
        for n, words in enumerate(check.neutral):
            values = {"company": _ANY_COMPANY, "message": f'"{words}"'}
            question = fill(check.question, values | _about(signal, _ANY_COMPANY, taxonomy))
            requests.append(_request(f"{n}/{signal}", values, {_CONFIRMED: question}, check))
    found: dict[str, list[float]] = {}
    for scores in model.score_labels(requests):
        found.setdefault(scores.id.partition("/")[2], []).extend(_log_odds(scores).values())
    return {signal: sum(values) / len(values) for signal, values in found.items() if values}


def _request(id_: str, values: Mapping[str, str], questions: Mapping[str, str], check: Check) -> ScoreRequest:
    return ScoreRequest(
        id_,
        shared=(Message("system", fill(check.system, {"company": values["company"]})),),
        context=fill(check.context, values),
        questions=tuple(Question(name, text, (_YES, _NO)) for name, text in questions.items()),
    )


def _about(signal: str, company: str, taxonomy: Taxonomy) -> dict[str, str]:
    return {"definition": fill(taxonomy.by_id[signal].definition, {"company": company})}


def _log_odds(scores: LabelScores) -> dict[str, float]:
    """Question id -> log-odds of yes."""
    return {name: labels[_YES] - labels[_NO] for name, labels in scores.log_probabilities.items()}


def _seen(signal: str, reading: Reading) -> str:
    """What a check of a proposal sees: its sentence; the whole message if the sentence alone was scored before."""
    return reading.text if signal in reading.proposed_odds else _sentence(reading.proposals[signal], reading.text)


def _sentence(quote: str, text: str) -> str:
    """The sentence (or sentences) that a quote stands in; the quote itself if it is not in the text."""
    span = find_quote(quote, text)
    if span is None:
        return quote
    around = [(start, end) for start, end in sentences(text) if end > span[0] and start < span[1]]
    start, end = around[0][0], around[-1][1]
    return text[start:end] if end - start <= LONGEST_QUOTE else text[span[0] : span[1]]


def _weigh(reading: Reading, odds: Mapping[str, float], check: Check, taxonomy: Taxonomy) -> None:
    """Keeps the proposals that were confirmed, and sets the leaning.

    A complaint counts as far as the whole message leans to leaving: it may be about somebody else, or meant kindly.
    """
    plain, closing = (odds[_LEAVING] - odds[_STAYING]) / 2, odds.get(_CLOSING, -math.inf)
    if reading.silent and closing < _CLOSES:
        reading.leaning, reading.strengths = NEUTRAL_LEANING, {}
        return
    reading.leaning = max(plain, closing - _LESS_SURE) if closing >= _CLOSES else plain
    complaint = sigmoid(2 * reading.leaning)
    yes = {id_: sigmoid(odds[id_] + _weight_of_proposal(id_, reading)) for id_ in reading.proposals}
    reading.strengths = {
        id_: yes[id_] * (complaint if _is_complaint(id_, taxonomy) else 1.0)
        for id_ in reading.proposals
        if yes[id_] >= check.least and _agrees(id_, reading.leaning)
    }
    if closing >= _CLOSES and plain <= 0 and reading.hint and not any(map(_speaks_of_leaving, reading.strengths)):
        reading.proposals[_ANNOUNCED], reading.strengths[_ANNOUNCED] = reading.hint, sigmoid(closing)
    _one_signal_a_quote(reading)


def _hints_at_leaving(reading: Reading) -> bool:
    """Whether a message leans to leaving, and no signal says so yet."""
    if reading.failure or reading.leaning is None or reading.leaning <= 0:
        return False
    return _CONSIDERED not in reading.proposals and not any(map(_speaks_of_leaving, reading.strengths))


def _add_wish_to_leave(reading: Reading, yes: float, check: Check) -> None:
    if yes < check.least:
        return
    mistaken = reading.strengths.pop(_MISTAKEN_FOR_LEAVING, None)
    quote = reading.proposals[_MISTAKEN_FOR_LEAVING] if mistaken else reading.text
    if len(quote) <= LONGEST_QUOTE:
        reading.proposals[_CONSIDERED] = quote
        reading.strengths[_CONSIDERED] = yes


def _one_signal_a_quote(reading: Reading) -> None:
    """Of several signals on the same words, the strongest stays."""
    for id_ in sorted(reading.strengths, key=lambda id_: reading.strengths[id_]):
        quote = reading.proposals[id_].casefold()
        if any(other != id_ and quote in reading.proposals[other].casefold() for other in reading.strengths):
            del reading.strengths[id_]


def _weight_of_proposal(signal: str, reading: Reading) -> float:
    """The odds of the proposal, which knows of no company: on leaving whom for whom it can only speak against."""
    odds = reading.proposed_odds.get(signal, 0.0)
    return min(odds, 0.0) if _speaks_of_leaving(signal) or _speaks_of_staying(signal) else odds


def _agrees(signal: str, leaning: float) -> bool:
    """Whether a signal about leaving or staying fits the answers to the plain questions."""
    if _speaks_of_leaving(signal):
        return leaning > 0  # likelier to leave than to stay
    return not _speaks_of_staying(signal) or leaning < LEAVING_LEANING


def _is_complaint(signal: str, taxonomy: Taxonomy) -> bool:
    return taxonomy.by_id[signal].polarity == "risk" and not _speaks_of_leaving(signal)


def _speaks_of_leaving(signal: str) -> bool:
    return signal.startswith("leaving_")


def _speaks_of_staying(signal: str) -> bool:
    return signal in ("loyalty", "renewal")
