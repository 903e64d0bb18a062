"""Mode `read`: each message alone is read for signals; code combines them.

A first request proposes signals with quotes. If the prompt has a `check`, a second one asks yes or no about each
proposal, and whether the writer wants to leave or to stay. The probability of yes is the signal's strength.
"""

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from pydantic import BaseModel, ConfigDict, ValidationError

from churn_agent.context import box
from churn_agent.domain.assessment import Signal
from churn_agent.elicitation.base import Case, Elicitation, cite, closed_object, failure_of, string
from churn_agent.grounding import find_quote, sentences
from churn_agent.models.base import ChatModel, GenerateRequest, Message, Question, ScoreRequest, Usage
from churn_agent.prompts import Check, PromptTemplate, SignalDefinition, Taxonomy, fill
from churn_agent.retrieval import Evidence
from churn_agent.scoring.prior import LEAVING_LEANING, NEUTRAL_LEANING

MOST_SIGNALS = 3
"""A message shows at most so many."""
_LEAVING, _STAYING, _CONFIRMED = "leaving", "staying", "confirmed"  # ids of questions
_YES, _NO = "Yes", "No"
_CONSIDERED = "leaving_considered"
"""Always asked about: small models often call it something else."""
_WHOLE_MESSAGE = 240
"""Characters up to which a message can be quoted whole."""


class _Found(BaseModel):
    model_config = ConfigDict(extra="ignore")
    quote: str
    signal: str


class _Answer(BaseModel):
    model_config = ConfigDict(extra="ignore")
    signals: list[_Found]


@dataclass
class _Reading:
    """What was read in one message. Equal messages to the same company are read once."""

    company: str
    text: str
    proposals: dict[str, str] = field(default_factory=dict)
    """Signal id -> quote."""
    strengths: dict[str, float] = field(default_factory=dict)
    """Signal id -> probability of yes."""
    leaning: float | None = None
    usages: list[Usage] = field(default_factory=list)
    failure: str | None = None


def read(
    cases: Sequence[Case], model: ChatModel, prompt: PromptTemplate, taxonomy: Taxonomy, *, seed: int = 0
) -> list[Elicitation]:
    """The signals in each case's messages, with verified quotes."""
    readings: dict[tuple[str, str], _Reading] = {}
    for case in cases:
        for evidence in case.pack.evidence:
            key = (case.snapshot.company, evidence.text)
            readings.setdefault(key, _Reading(*key))
    numbered = dict(enumerate(readings.values()))
    _propose(numbered, model, prompt, taxonomy, seed)
    retry = {i: reading for i, reading in numbered.items() if reading.failure}
    for reading in retry.values():
        reading.text = reading.text[: len(reading.text) // 2]
    if retry:
        _propose(retry, model, prompt, taxonomy, seed)
    if prompt.check:
        _confirm({i: r for i, r in numbered.items() if not r.failure}, model, prompt.check, taxonomy)
    return [_combine(case, readings, taxonomy) for case in cases]


def _variables(reading: _Reading) -> dict[str, str]:
    return {"company": reading.company, "message": f'"{box(reading.text)}"'}


def _propose(
    readings: dict[int, _Reading], model: ChatModel, prompt: PromptTemplate, taxonomy: Taxonomy, seed: int
) -> None:
    schema = _schema(taxonomy, think=prompt.think)
    requests = [
        GenerateRequest(
            id=str(i),
            shared=prompt.shared({"company": reading.company, "domain": "", "signals": taxonomy.listing}),
            messages=(Message("user", fill(prompt.user, _variables(reading))),),
            schema=schema,
            max_tokens=prompt.max_tokens,
            seed=seed,
        )
        for i, reading in readings.items()
    ]
    for output in model.generate(requests):
        reading = readings[int(output.id)]
        reading.usages.append(output.usage)
        reading.failure = None
        error = failure_of(output)
        if error:
            reading.failure = str(error)
            continue
        try:
            answer = _Answer.model_validate_json(output.text)
        except ValidationError as invalid:
            reading.failure = f"the model's answer does not fit the schema: {invalid.errors()[0]['msg']}"
            continue
        reading.proposals = {
            found.signal: found.quote for found in reversed(answer.signals) if found.signal in taxonomy.by_id
        }
        reading.strengths = dict.fromkeys(reading.proposals, 1.0)


def _confirm(readings: dict[int, _Reading], model: ChatModel, check: Check, taxonomy: Taxonomy) -> None:
    """Asks about each proposal, with the quoted sentence before it, and about the message as a whole."""

    def request(id_: str, values: dict[str, str], questions: Mapping[str, str]) -> ScoreRequest:
        return ScoreRequest(
            id_,
            shared=(Message("system", check.system),),
            context=fill(check.context, values),
            questions=tuple(Question(name, fill(text, values), (_YES, _NO)) for name, text in questions.items()),
        )

    def about(signal: str, company: str) -> dict[str, str]:
        return {"definition": fill(taxonomy.by_id[signal].definition, {"company": company})}

    requests: list[ScoreRequest] = []
    for i, reading in readings.items():
        values = _variables(reading) | about(_CONSIDERED, reading.company)
        requests.append(
            request(f"{i}/", values, {_CONSIDERED: check.question, _LEAVING: check.leaving, _STAYING: check.staying})
        )
        for signal, quote in reading.proposals.items():
            values = {"company": reading.company, "message": f'"{box(_sentence(quote, reading.text))}"'}
            requests.append(
                request(f"{i}/{signal}", values | about(signal, reading.company), {_CONFIRMED: check.question})
            )
    odds: dict[int, dict[str, float]] = {i: {} for i in readings}
    for scores in model.score_labels(requests):
        number, _, signal = scores.id.partition("/")
        reading = readings[int(number)]
        reading.usages.append(scores.usage)
        error = failure_of(scores)
        if error:
            reading.failure = str(error)
            continue
        for name, labels in scores.log_probabilities.items():
            odds[int(number)][signal or name] = labels[_YES] - labels[_NO]
    for i, reading in readings.items():
        if not reading.failure:
            _weigh(reading, odds[i], check)


def _sentence(quote: str, text: str) -> str:
    """The sentence (or sentences) that a quote stands in; the quote itself if it is not in the text."""
    span = find_quote(quote, text)
    if span is None:
        return quote
    around = [(start, end) for start, end in sentences(text) if end > span[0] and start < span[1]]
    start, end = around[0][0], around[-1][1]
    return text[start:end] if end - start <= _WHOLE_MESSAGE else text[span[0] : span[1]]


def _weigh(reading: _Reading, odds: dict[str, float], check: Check) -> None:
    """Keeps the proposals that were confirmed, and adds a wish to leave that was only found by asking."""
    reading.leaning = (odds[_LEAVING] - odds[_STAYING]) / 2
    yes = {name: 1 / (1 + math.exp(-value)) for name, value in odds.items()}
    reading.strengths = {
        id_: yes[id_] for id_ in reading.proposals if yes[id_] >= check.least and _agrees(id_, reading.leaning)
    }
    _one_signal_a_quote(reading)
    said = any(id_.startswith("leaving_") for id_ in reading.strengths)
    leaves = reading.leaning >= LEAVING_LEANING and yes[_CONSIDERED] >= check.least
    if leaves and not said and len(reading.text) <= _WHOLE_MESSAGE:
        reading.proposals[_CONSIDERED] = reading.text
        reading.strengths[_CONSIDERED] = yes[_CONSIDERED]


def _one_signal_a_quote(reading: _Reading) -> None:
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


def _combine(case: Case, readings: dict[tuple[str, str], _Reading], taxonomy: Taxonomy) -> Elicitation:
    found = Elicitation(evidence=case.pack.evidence)
    failures: list[str] = []
    by_concept: dict[str, list[tuple[float, Evidence, str]]] = {}
    for evidence in case.pack.evidence:
        reading = readings[case.snapshot.company, evidence.text]
        for usage in reading.usages:
            found.count(usage)
        if reading.failure:
            failures.append(reading.failure)
            continue
        if reading.leaning is not None:
            found.leanings.append(reading.leaning)
        for id_, strength in reading.strengths.items():
            by_concept.setdefault(id_, []).append((strength, evidence, reading.proposals[id_]))
    if failures and len(failures) == len(case.pack.evidence):
        found.failure = failures[0]
    found.signals = [_signal(taxonomy.by_id[id_], shown) for id_, shown in by_concept.items()]
    return found


def _signal(definition: SignalDefinition, shown: list[tuple[float, Evidence, str]]) -> Signal:
    citations = [cite(evidence, quote) for _, evidence, quote in shown]
    verified = [strength for (strength, _, _), citation in zip(shown, citations, strict=True) if citation.verified]
    return Signal(
        concept=definition.id,
        polarity=definition.polarity,
        strength=max(verified, default=0.0),
        citations=tuple(citations),
    )


def _schema(taxonomy: Taxonomy, *, think: bool) -> dict[str, Any]:
    item = closed_object({"quote": string(160), "signal": {"enum": list(taxonomy.by_id)}})
    thought = {"thought": string(200)} if think else {}
    return closed_object(thought | {"signals": {"type": "array", "maxItems": MOST_SIGNALS, "items": item}})
