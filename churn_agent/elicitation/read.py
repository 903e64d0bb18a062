"""Mode `read`: each message alone is read for signals; code combines them.

A first request proposes signals with quotes, written by the model or, if the prompt has a `choice`, chosen by the
probabilities of words. If it has a `check`, a second one asks yes or no about each proposal, and whether the writer
wants to leave or to stay. The probability of yes, less what neutral words get, is the signal's strength.
"""

from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any

from pydantic import BaseModel, ConfigDict, ValidationError

from churn_agent.content.prompts import PromptTemplate, fill
from churn_agent.content.taxonomy import Taxonomy
from churn_agent.content.thresholds import Combiner
from churn_agent.domain.snapshot import Card
from churn_agent.elicitation.base import Case, Elicitation, cite, closed_object, failure_of, string
from churn_agent.elicitation.choose import choose
from churn_agent.elicitation.confirm import Reading, confirm
from churn_agent.elicitation.read_twice import read_twice
from churn_agent.evidence.excerpts import ends
from churn_agent.evidence.retrieval import Evidence
from churn_agent.models.base import ChatModel, GenerateRequest, Message
from churn_agent.scoring.standing import STRONG, ReadMessage, signals_of

if TYPE_CHECKING:
    from churn_agent.elicitation.second_reader.reading import SecondReader

MOST_SIGNALS = 3
"""Most signals of one message."""


class _Proposal(BaseModel):
    model_config = ConfigDict(extra="ignore")
    quote: str
    signal: str


class _Answer(BaseModel):
    model_config = ConfigDict(extra="ignore")
    signals: list[_Proposal]


def read(
    cases: Sequence[Case],
    model: ChatModel | None,
    prompt: PromptTemplate,
    taxonomy: Taxonomy,
    *,
    second: "SecondReader | None" = None,
    seed: int = 0,
) -> list[Elicitation]:
    """The signals in each case's messages, with verified quotes.

    Args:
        cases: the customers.
        model: the model; None for the second reader alone.
        prompt: of mode `read`; one with `second_reader` needs `second`.
        taxonomy: the signals.
        second: the second reader.
        seed: for models that write.
    """
    readings: dict[tuple[str, str], Reading] = {}
    for case in cases:
        for evidence in case.pack.evidence:
            key = (case.snapshot.company, evidence.text)
            competitors = frozenset(case.snapshot.card.competitors)
            readings.setdefault(key, Reading(*key, case.companies, competitors))
    read_messages(list(readings.values()), model, prompt, taxonomy, second=second, seed=seed)
    return [_combine(case, readings, taxonomy, prompt.thresholds.combiner) for case in cases]


def read_messages(
    readings: Sequence[Reading],
    model: ChatModel | None,
    prompt: PromptTemplate,
    taxonomy: Taxonomy,
    *,
    second: "SecondReader | None" = None,
    seed: int = 0,
) -> None:
    """Reads messages, all requests together; each reading receives its signals or its failure."""
    numbered = dict(enumerate(readings))
    if prompt.second_reader:
        assert second
        read_twice(numbered, model, prompt, taxonomy, second)
    else:
        assert model
        _read_once(numbered, model, prompt, taxonomy, seed)
    for reading in readings:
        _check_quotes(reading, taxonomy)


def _read_once(
    numbered: dict[int, Reading], model: ChatModel, prompt: PromptTemplate, taxonomy: Taxonomy, seed: int
) -> None:
    _propose(numbered, model, prompt, taxonomy, seed)
    retry = {i: reading for i, reading in numbered.items() if reading.failure}
    for reading in retry.values():
        reading.text = ends(reading.text)
    if retry:
        _propose(retry, model, prompt, taxonomy, seed)
    if prompt.check:
        confirm({i: r for i, r in numbered.items() if not r.failure}, model, prompt, taxonomy)


def _check_quotes(reading: Reading, taxonomy: Taxonomy) -> None:
    """Drops the signals whose sentences say something else, or replaces them with what they say."""
    for id_, strength in list(reading.strengths.items()):
        quote = reading.proposals[id_]
        shown = taxonomy.quotes.shown_by(id_, quote, reading.text)
        if shown == id_:
            continue
        del reading.strengths[id_]
        if shown in taxonomy.by_id and strength > reading.strengths.get(shown, 0.0):
            reading.strengths[shown], reading.proposals[shown] = strength, quote


def _propose(
    readings: dict[int, Reading], model: ChatModel, prompt: PromptTemplate, taxonomy: Taxonomy, seed: int
) -> None:
    if prompt.choice:
        choose(readings, model, prompt, taxonomy)
    else:
        _write(readings, model, prompt, taxonomy, seed)


def _write(
    readings: dict[int, Reading], model: ChatModel, prompt: PromptTemplate, taxonomy: Taxonomy, seed: int
) -> None:
    schema = answer_schema(taxonomy, think=prompt.think)
    requests = [
        GenerateRequest(
            id=str(i),
            shared=prompt.shared({"company": reading.company, "domain": "", "signals": taxonomy.listing()}),
            messages=(Message("user", fill(prompt.user, reading.variables)),),
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
            proposal.signal: proposal.quote
            for proposal in reversed(answer.signals)
            if proposal.signal in taxonomy.by_id
        }
        reading.strengths = dict.fromkeys(reading.proposals, 1.0)


def _combine(
    case: Case, readings: dict[tuple[str, str], Reading], taxonomy: Taxonomy, combiner: Combiner | None
) -> Elicitation:
    least: dict[str, float] = {}
    if combiner and len(case.pack.evidence) > 1:
        least = dict.fromkeys(taxonomy.by_id, combiner.shown_among_many)
        if announced := taxonomy.with_role("leaving_announced"):
            least[announced] = max(least[announced], STRONG)  # a weaker one would not stand
    elicitation = Elicitation(evidence=case.pack.evidence)
    failures: list[str] = []
    for evidence in case.pack.evidence:
        reading = readings[case.snapshot.company, evidence.text]
        for usage in reading.usages:
            elicitation.count(usage)
        if reading.failure:
            failures.append(reading.failure)
            continue
        if reading.leaning is not None:
            elicitation.leanings.append(reading.leaning)
        elicitation.messages.append(_read_message(evidence, reading, case.snapshot.card, least))
    if failures and len(failures) == len(case.pack.evidence):
        elicitation.failure = failures[0]
    elicitation.signals = signals_of(elicitation.messages, taxonomy)
    return elicitation


def _read_message(evidence: Evidence, reading: Reading, card: Card, least: Mapping[str, float]) -> ReadMessage:
    quoted = {id_: (n, reading.proposals[id_]) for id_, n in reading.strengths.items() if n >= least.get(id_, 0.0)}
    return ReadMessage(
        interaction_ids=evidence.piece.own_ids,
        at=card.local(evidence.interaction.occurred_at),
        text=evidence.piece.own_words,
        signals={id_: (n, cite(evidence, quote, card)) for id_, (n, quote) in quoted.items()},
        leaning=reading.leaning,
    )


def answer_schema(taxonomy: Taxonomy, *, think: bool) -> dict[str, Any]:
    """JSON schema of the answer that proposes signals."""
    item = closed_object({"quote": string(160), "signal": {"enum": list(taxonomy.by_id)}})
    thought = {"thought": string(200)} if think else {}
    return closed_object(thought | {"signals": {"type": "array", "maxItems": MOST_SIGNALS, "items": item}})
