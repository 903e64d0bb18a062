"""Judges customers again after changes that should not matter, to measure how far scores move."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace

from churn_agent.assessing.agent import ChurnAgent
from churn_agent.content.prompts import list_prompts
from churn_agent.domain.assessment import Assessment
from churn_agent.domain.snapshot import Snapshot
from churn_agent.evidence.sessions import THREADS

_IRRELEVANT = {
    "de": "Können Sie mir bitte sagen, wo ich die Anleitung finde?",
    "en": "Could you tell me where I can find the manual, please?",
}
_REWORDED = "_reworded"
"""Suffix of a prompt that rewords another one with the same meaning."""


@dataclass(frozen=True)
class Perturbed:
    """Customers judged again under one perturbation, in the same order."""

    name: str
    snapshots: Sequence[Snapshot]
    assessments: Sequence[Assessment]


def ways(agent: ChurnAgent) -> int:
    """The number of times that `perturbed` judges each customer."""
    return len(_ways(agent))


def perturbed(
    agent: ChurnAgent, snapshots: Sequence[Snapshot], *, progress: Callable[[], None] = lambda: None
) -> list[Perturbed]:
    """Judges customers by the mode alone, in variants that should not differ.

    The variants: unchanged, with half of the evidence, with an additional irrelevant message, and with the reworded
    prompt (if there is one).

    Args:
        agent: whose model, prompt and settings are used.
        snapshots: the customers.
        progress: called after each assessment.

    Returns:
        One result for each perturbation; the unchanged customers come first.
    """
    results: list[Perturbed] = []
    for name, judge, change in _ways(agent):
        changed = [change(snapshot) for snapshot in snapshots]
        assessments: list[Assessment] = []
        for assessment in judge.read_many(changed):
            assessments.append(assessment)
            progress()
        results.append(Perturbed(name, changed, assessments))
    return results


def _ways(agent: ChurnAgent) -> list[tuple[str, ChurnAgent, Callable[[Snapshot], Snapshot]]]:
    """The name of each perturbation, the agent that assesses it, and the change to the snapshot."""
    half = agent.varied(evidence_limit=max(1, agent.settings.evidence_limit // 2))
    perturbations = [
        ("as they are", agent, _as_it_is),
        ("half of the evidence", half, _as_it_is),
        ("an irrelevant message", agent, _with_irrelevant_message),
    ]
    reworded = agent.prompt.name + _REWORDED
    if (agent.prompt.mode, reworded) in list_prompts(agent.settings.prompts_dir):
        perturbations.append(("the prompt reworded", agent.varied(prompt=reworded), _as_it_is))
    return perturbations


def _as_it_is(snapshot: Snapshot) -> Snapshot:
    return snapshot


def _with_irrelevant_message(snapshot: Snapshot) -> Snapshot:
    """Adds a message at the time of the latest one, so that the facts about rhythm do not change.

    It is a separate thread, so that it is not read as a line of a chat session.
    """
    if not snapshot.messages:
        return snapshot
    last = snapshot.messages[-1]
    text = _IRRELEVANT.get(last.language or "en", _IRRELEVANT["en"])
    thread = {**last.metadata, THREADS[0]: "irrelevant"}
    message = replace(last, id=f"{last.id[:-1]}x", text=text, original=None, metadata=thread)
    at = snapshot.interactions.index(last) + 1
    return replace(snapshot, interactions=(*snapshot.interactions[:at], message, *snapshot.interactions[at:]))
