"""Applies people's corrections to what was read: what they said of a message holds for it and for messages like it.

A correction holds for its own message, for equal and near-identical messages of the same customer, and, once an analyst
has approved it, for those of all customers. Near-identical messages are found by their vectors. Vectors hardly see
negations, so these must agree too.
"""

import re
from collections.abc import Callable, Collection, Container, Mapping, Sequence
from dataclasses import dataclass, replace
from string import Template

import numpy as np
from numpy.typing import NDArray

from churn_agent.content.taxonomy import LEAVING, Taxonomy
from churn_agent.domain.assessment import Announced, Citation, Corrected, Whose
from churn_agent.domain.interactions import Interaction
from churn_agent.elicitation.base import Case, Elicitation, cite
from churn_agent.elicitation.confirm import LONGEST_QUOTE
from churn_agent.evidence.retrieval import Evidence
from churn_agent.history.corrections import Correction
from churn_agent.scoring.standing import ReadMessage, signals_of

ALIKE = 0.97
"""Least cosine of near-identical messages; see `docs/lab-notes.md`."""
_NEGATIONS = re.compile(
    r"\b(?:not?|never|none|nobody|nothing|cannot|without|(?:ca|do|wo|is|are|was|did|does|has|have|would|should|could)n['’]?t"
    r"|nicht|kein\w*|nie|niemals|nichts|ohne|pas|jamais|sans|non|mai|senza|nunca|jamás|sin|niet|geen|nooit)\b",
    re.IGNORECASE,
)
_PRECEDENCE: Mapping[Whose, int] = {"message": 2, "customer": 1, "book": 0}

Vectors = NDArray[np.float32]
"""Of one text, shape (parts, dimension), with rows of unit length."""


def _no_vectors(texts: Mapping[str, str]) -> Mapping[str, Vectors]:
    return {}


@dataclass(frozen=True)
class _Decision:
    correction: Correction
    whose: Whose
    similarity: float

    @property
    def precedence(self) -> tuple[int, float, int]:
        """The nearest message counts, and the latest correction of equally near ones."""
        return _PRECEDENCE[self.whose], self.similarity, self.correction.number


@dataclass(frozen=True)
class Corrections:
    """The corrections of a book that are in force."""

    all: Sequence[Correction] = ()
    vectors_of: Callable[[Mapping[str, str]], Mapping[str, Vectors]] = _no_vectors
    """Text id -> text; returns the vectors by text id."""

    def of_equal_texts(self) -> "Corrections":
        """The same without vectors: for the message corrected and for equal ones, where many messages are read."""
        return Corrections(self.all)

    def for_customer(self, customer_id: str) -> list[Correction]:
        """Those that can hold for messages of a customer."""
        return [correction for correction in self.all if correction.customer_id == customer_id or correction.for_all]

    def affirmed(self, customer_id: str) -> frozenset[str]:
        """Texts of a customer that show a signal by a correction, and so belong to the evidence."""
        return frozenset(
            correction.text for correction in self.all if correction.shown and correction.customer_id == customer_id
        )

    def unless_denied(self, announced: Announced | None, taxonomy: Taxonomy) -> Announced | None:
        """The announcement of an earlier record; None if a correction says that its message announces nothing."""
        signal = taxonomy.with_role("leaving_announced")
        if announced is None or announced.citation is None:
            return announced
        message = announced.citation.interaction_id
        denied = any(
            not correction.shown and (correction.interaction_id, correction.concept) == (message, signal)
            for correction in self.all
        )
        return None if denied else announced

    def applied(self, case: Case, elicitation: Elicitation, taxonomy: Taxonomy) -> Elicitation:
        """The readings of a customer's messages, corrected. Modes without messages are not changed."""
        known = [
            correction
            for correction in self.for_customer(case.snapshot.customer_id)
            if correction.concept in taxonomy.by_id
        ]
        if not known or not elicitation.messages:
            return elicitation
        evidence = {item.piece.own_ids: item for item in case.pack.evidence}
        read = [evidence[message.interaction_ids] for message in elicitation.messages]
        lines = [[line.interaction for line in item.piece.lines] for item in read]
        vectors = self._vectors([line for group in lines for line in group], known)
        messages: list[ReadMessage] = []
        changes: list[Corrected] = []
        for original, shown, own_lines in zip(elicitation.messages, read, lines, strict=True):
            decided = [(line, _decided(line, known, vectors, taxonomy)) for line in own_lines]
            corrected, changed = _apply(original, decided, shown, case, taxonomy)
            messages.append(corrected)
            changes += changed
        return replace(
            elicitation,
            messages=messages,
            signals=signals_of(messages, taxonomy),
            leanings=[message.leaning for message in messages if message.leaning is not None],
            corrected=tuple(changes),
        )

    def _vectors(self, messages: Sequence[Interaction], known: Sequence[Correction]) -> Mapping[str, Vectors]:
        """Vectors of all these texts; none if the messages are only those that were corrected."""
        if {message.text_id for message in messages} <= {correction.text_id for correction in known}:
            return {}
        return self.vectors_of(
            {message.text_id: message.text for message in messages}
            | {correction.text_id: correction.text for correction in known}
        )


def _decided(
    message: Interaction, known: Sequence[Correction], vectors: Mapping[str, Vectors], taxonomy: Taxonomy
) -> dict[str, _Decision]:
    """Signal id -> the correction that decides about a message."""
    decided: dict[str, _Decision] = {}
    for correction in known:
        similarity = likeness(message.text_id, correction.text_id, vectors)
        same = message.text_id == correction.text_id
        if not same and (similarity < ALIKE or not same_sense(message.text, correction, taxonomy)):
            continue
        own = correction.customer_id == message.customer_id
        whose: Whose = "message" if correction.interaction_id == message.id else "customer" if own else "book"
        decision = _Decision(correction, whose, similarity)
        other = decided.get(correction.concept)
        if other is None or decision.precedence > other.precedence:
            decided[correction.concept] = decision
    return decided


def likeness(text_id: str, other_id: str, vectors: Mapping[str, Vectors]) -> float:
    """Cosine of two texts, of the least alike of their parts; 0 where one has no vectors, or more parts."""
    if text_id == other_id:
        return 1.0
    if text_id not in vectors or other_id not in vectors or vectors[text_id].shape != vectors[other_id].shape:
        return 0.0
    return float((vectors[text_id] * vectors[other_id]).sum(axis=1).min())


def same_sense(text: str, correction: Correction, taxonomy: Taxonomy) -> bool:
    """Whether a near-identical text has as many negations, and no rule denies it a signal that it is to show."""
    if len(_NEGATIONS.findall(text)) != len(_NEGATIONS.findall(correction.text)):
        return False
    if not correction.shown:
        return True
    return taxonomy.quotes.shown_by(correction.concept, _quote(text), text) == correction.concept


def _quote(text: str) -> str:
    return text.strip()[:LONGEST_QUOTE].strip()


def _apply(
    message: ReadMessage,
    decided: Sequence[tuple[Interaction, Mapping[str, _Decision]]],
    evidence: Evidence,
    case: Case,
    taxonomy: Taxonomy,
) -> tuple[ReadMessage, list[Corrected]]:
    """A message, or a session, with its corrections and what they changed; `decided` has them line by line.

    Its leaning is left out where it contradicts them.
    """
    signals: dict[str, tuple[float, Citation]] = dict(message.signals)
    changes: list[Corrected] = []
    for line, decisions in decided:
        for id_, decision in decisions.items():
            if not decision.correction.shown and id_ in signals and signals[id_][1].interaction_id == line.id:
                del signals[id_]
                changes.append(_change(line, decision, case, taxonomy))
    for line, decisions in decided:
        for id_, decision in decisions.items():
            if decision.correction.shown and id_ not in signals:
                signals[id_] = 1.0, cite(evidence, _quote(line.text), case.snapshot.card)
                changes.append(_change(line, decision, case, taxonomy))
    answers = {(taxonomy.role_of(id_), answer.correction.shown) for _, of in decided for id_, answer in of.items()}
    leaning = None if _contradicts(message.leaning or 0.0, answers, signals, taxonomy) else message.leaning
    return replace(message, signals=signals, leaning=leaning), changes


def _contradicts(
    leaning: float, answers: Collection[tuple[str | None, bool]], signals: Container[str], taxonomy: Taxonomy
) -> bool:
    """Whether a leaning contradicts what people said about leaving or staying."""
    leaves, stays_not = any((role, True) in answers for role in LEAVING), ("staying", False) in answers
    says_leaving = any(id_ in signals for id_ in taxonomy.leaving)
    leaves_not = any((role, False) in answers for role in LEAVING) and not says_leaving
    stays = ("staying", True) in answers
    return (leaves_not or stays) if leaning > 0 else (leaves or stays_not)


def _change(line: Interaction, decision: _Decision, case: Case, taxonomy: Taxonomy) -> Corrected:
    correction = decision.correction
    statement = Template(taxonomy.by_id[correction.concept].statement)
    return Corrected(
        concept=correction.concept,
        shown=correction.shown,
        statement=statement.safe_substitute(company=case.snapshot.company),
        interaction_id=line.id,
        number=correction.number,
        whose=decision.whose,
        by=correction.created_by,
        on=case.snapshot.card.local(correction.created_at).date(),
    )


NONE = Corrections()
