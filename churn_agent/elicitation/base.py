"""The input and the output of a mode."""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import Any

from churn_agent.content.playbook import PlaybookAction
from churn_agent.domain.assessment import Citation, Corrected, Fact, Reason, Signal
from churn_agent.domain.snapshot import Card, Snapshot
from churn_agent.errors import InvalidAnswer, ModelCallError
from churn_agent.evidence.box import evidence_lines, fact_lines
from churn_agent.evidence.retrieval import Evidence, EvidencePack
from churn_agent.models.base import LabelScores, ModelOutput, Usage
from churn_agent.scoring.standing import ReadMessage


@dataclass(frozen=True)
class Case:
    """One customer to assess."""

    snapshot: Snapshot
    facts: tuple[Fact, ...]
    pack: EvidencePack
    actions: tuple[PlaybookAction, ...] = ()
    """Actions that a model may choose from."""
    companies: frozenset[str] = frozenset()
    """Names of companies that messages may mention."""

    def showing(self, evidence: Iterable[Evidence]) -> "Case":
        """The same case with other evidence."""
        return replace(self, pack=replace(self.pack, evidence=tuple(evidence)))


@dataclass
class Elicitation:
    """The answers of the model about one case."""

    signals: list[Signal] = field(default_factory=list[Signal])
    messages: list[ReadMessage] = field(default_factory=list[ReadMessage])
    """Mode `read`: the messages as they were read, in the order of the evidence."""
    leanings: list[float] = field(default_factory=list[float])
    """Mode `read`: for each message, the log-odds of leaving against staying."""
    corrected: tuple[Corrected, ...] = ()
    """Mode `read`: what people's corrections changed."""
    log_odds: float | None = None
    """Mode `ask`: log-odds of churn."""
    stated_probability: float | None = None
    """Mode `explain`: as the model wrote it."""
    reasons: list[Reason] = field(default_factory=list[Reason])
    actions: list[str] = field(default_factory=list[str])
    evidence: tuple[Evidence, ...] = ()
    """The evidence that the model was shown in the end."""
    failure: str | None = None
    prompt_tokens: int = 0
    output_tokens: int = 0
    cached_answers: int = 0
    rejected_quotes: int = 0
    """Mode `explain`: number of quotes that are not in the interaction they cite; their reasons are dropped."""

    def count(self, usage: Usage) -> None:
        """Adds the cost of a request."""
        self.prompt_tokens += usage.prompt_tokens
        self.output_tokens += usage.output_tokens
        self.cached_answers += usage.cached


def variables(case: Case, evidence: Sequence[Evidence]) -> Mapping[str, str]:
    """The variables of prompts over a whole history; `base_rate` is a sentence, or empty if unknown."""
    card = case.snapshot.card
    return {
        "company": case.snapshot.company,
        "domain": card.domain,
        "churn_means": card.churn_means,
        "horizon_days": str(card.horizon_days),
        "base_rate": "" if card.base_rate is None else f" Of all customers {card.base_rate:.1%} do.",
        "as_of": case.snapshot.as_of.isoformat(),
        "facts": fact_lines(case.facts),
        "evidence": evidence_lines(evidence, card) or "nothing",
        "actions": "\n".join(f"- {action.id}: {action.title}" for action in case.actions),
    }


def cite(evidence: Evidence, quote: str, card: Card) -> Citation:
    """A citation, verified or not. A verified one quotes the interaction's own words."""
    placed = evidence.piece.place(quote)
    line, span = placed or (evidence.piece.lines[-1], None)
    row = line.interaction
    return Citation(
        interaction_id=row.id,
        label=evidence.label,
        quote=row.text[span[0] : span[1]] if span else quote,
        occurred_at=card.local(row.occurred_at),
        verified=span is not None,
        author=row.author,
        start=span[0] if span else None,
        end=span[1] if span else None,
        question=line.question if span else None,
    )


def failure_of(result: ModelOutput | LabelScores) -> ModelCallError | None:
    """The reason why a result cannot be used, or None."""
    if result.error is not None:
        return result.error
    if isinstance(result, ModelOutput) and result.finish_reason != "stop":
        return InvalidAnswer("the model's answer was cut off before its end")
    return None


def string(most: int) -> dict[str, Any]:
    """JSON schema of a bounded string."""
    return {"type": "string", "maxLength": most}


def closed_object(properties: Mapping[str, Any]) -> dict[str, Any]:
    """JSON schema of an object with exactly these properties."""
    return {
        "type": "object",
        "properties": dict(properties),
        "required": list(properties),
        "additionalProperties": False,
    }
