"""Mode `explain`: the model writes reasons with quotes, chooses actions, then states a probability.

Quotes are checked afterwards; a reason without a verified quote does not count. A failed request is
repeated once with half of the evidence.
"""

from collections.abc import Sequence
from typing import Any

from pydantic import BaseModel, ConfigDict, Field, ValidationError

from churn_agent.content.prompts import PromptTemplate, fill
from churn_agent.domain.assessment import EXPLAINED, Polarity, Probability, Reason
from churn_agent.elicitation.base import Case, Elicitation, cite, closed_object, failure_of, string, variables
from churn_agent.models.base import ChatModel, GenerateRequest, Message, ModelOutput

MOST_REASONS = 4
MOST_ACTIONS = 2


class _Reason(BaseModel):
    model_config = ConfigDict(extra="ignore")
    statement: str
    polarity: Polarity
    evidence: str
    quote: str


class _Answer(BaseModel):
    model_config = ConfigDict(extra="ignore")
    reasons: list[_Reason]
    actions: list[str] = Field(default_factory=list)
    churn_probability: Probability


def explain(cases: Sequence[Case], model: ChatModel, prompt: PromptTemplate, *, seed: int = 0) -> list[Elicitation]:
    """Reasons, actions and a stated probability for each case."""
    elicitations = [Elicitation(evidence=case.pack.evidence) for case in cases]
    _explain(dict(enumerate(cases)), elicitations, model, prompt, seed)
    failed = {
        i: cases[i]
        for i, elicitation in enumerate(elicitations)
        if elicitation.failure and len(elicitation.evidence) > 1
    }
    for i in failed:
        elicitations[i].evidence = elicitations[i].evidence[len(elicitations[i].evidence) // 2 :]  # the later half
    _explain(failed, elicitations, model, prompt, seed)
    return elicitations


def _explain(
    cases: dict[int, Case], elicitations: list[Elicitation], model: ChatModel, prompt: PromptTemplate, seed: int
) -> None:
    requests: list[GenerateRequest] = []
    for i, case in cases.items():
        values = variables(case, elicitations[i].evidence)
        messages = (Message("user", fill(prompt.user, values)),)
        schema = _schema(case, [item.label for item in elicitations[i].evidence], think=prompt.think)
        requests.append(GenerateRequest(str(i), prompt.shared(values), messages, schema, prompt.max_tokens, seed=seed))
    for output in model.generate(requests):
        elicitation = elicitations[int(output.id)]
        elicitation.count(output.usage)
        _take(output, cases[int(output.id)], elicitation)


def _take(output: ModelOutput, case: Case, into: Elicitation) -> None:
    error = failure_of(output)
    into.failure = str(error) if error else None
    if error:
        return
    try:
        answer = _Answer.model_validate_json(output.text)
    except ValidationError as invalid:
        into.failure = f"the model's answer does not fit the schema: {invalid.errors()[0]['msg']}"
        return
    shown = {item.label: item for item in into.evidence}
    known = {action.id for action in case.actions}
    into.stated_probability = answer.churn_probability
    into.actions = [id_ for id_ in dict.fromkeys(answer.actions) if id_ in known]
    statements: set[str] = set()
    for reason in answer.reasons:
        evidence = shown.get(reason.evidence)
        if evidence is None or reason.statement.casefold() in statements:
            continue
        statements.add(reason.statement.casefold())
        citation = cite(evidence, reason.quote, case.snapshot.card)
        into.rejected_quotes += not citation.verified
        if citation.verified:
            into.reasons.append(
                Reason(statement=reason.statement, polarity=reason.polarity, concept=EXPLAINED, citations=(citation,))
            )


def _schema(case: Case, labels: Sequence[str], *, think: bool) -> dict[str, Any]:
    reason = closed_object(
        {
            "statement": string(120),
            "polarity": {"enum": ["risk", "protective"]},
            "evidence": {"enum": list(labels) or ["none"]},
            "quote": string(160),
        }
    )
    actions = [action.id for action in case.actions] or ["none"]
    thought = {"thought": string(300)} if think else {}
    return closed_object(
        thought
        | {
            "reasons": {"type": "array", "minItems": min(1, len(labels)), "maxItems": MOST_REASONS, "items": reason},
            "actions": {"type": "array", "maxItems": MOST_ACTIONS, "items": {"enum": actions}},
            "churn_probability": {"type": "number", "minimum": 0, "maximum": 1},
        }
    )
