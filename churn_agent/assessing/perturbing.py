"""The same customers judged again where nothing that matters has changed: how far do scores move?"""

from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace

from churn_agent.assessing.agent import ChurnAgent
from churn_agent.content.prompts import list_prompts
from churn_agent.domain.assessment import Assessment
from churn_agent.domain.snapshot import Snapshot

_IRRELEVANT = {
    "de": "Können Sie mir bitte sagen, wo ich die Anleitung finde?",
    "en": "Could you tell me where I can find the manual, please?",
}
_REWORDED = "_reworded"
"""End of the names of prompts that say the same as another in other words."""


@dataclass(frozen=True)
class Perturbed:
    """Customers judged again under one perturbation, in their order."""

    name: str
    snapshots: Sequence[Snapshot]
    assessments: Sequence[Assessment]


def ways(agent: ChurnAgent) -> int:
    """How many times `perturbed` judges each customer."""
    return len(_ways(agent))


def perturbed(
    agent: ChurnAgent, snapshots: Sequence[Snapshot], *, progress: Callable[[], None] = lambda: None
) -> list[Perturbed]:
    """Judges customers by the mode alone: as they are, with half of the evidence, with one more message that says
    nothing, and with the prompt in other words (where there is such a prompt).

    Args:
        progress: called after each assessment.

    Returns:
        The customers as they are come first.
    """
    found: list[Perturbed] = []
    for name, by, change in _ways(agent):
        given = [change(each) for each in snapshots]
        made: list[Assessment] = []
        for assessment in by.read_many(given):
            made.append(assessment)
            progress()
        found.append(Perturbed(name, given, made))
    return found


def _ways(agent: ChurnAgent) -> list[tuple[str, ChurnAgent, Callable[[Snapshot], Snapshot]]]:
    """What each is called, who judges, and what is changed before."""
    half = agent.varied(evidence_limit=max(1, agent.settings.evidence_limit // 2))
    found = [
        ("as they are", agent, _as_it_is),
        ("half of the evidence", half, _as_it_is),
        ("an irrelevant message", agent, _with_irrelevant_message),
    ]
    reworded = agent.prompt.name + _REWORDED
    if (agent.prompt.mode, reworded) in list_prompts(agent.settings.prompts_dir):
        found.append(("the prompt reworded", agent.varied(prompt=reworded), _as_it_is))
    return found


def _as_it_is(snapshot: Snapshot) -> Snapshot:
    return snapshot


def _with_irrelevant_message(snapshot: Snapshot) -> Snapshot:
    """One more message, at the time of the latest one, so that the facts about rhythm stay."""
    if not snapshot.messages:
        return snapshot
    last = snapshot.messages[-1]
    text = _IRRELEVANT.get(last.language or "en", _IRRELEVANT["en"])
    message = replace(last, id=f"{last.id[:-1]}x", text=text, original=None)
    at = snapshot.interactions.index(last) + 1
    return replace(snapshot, interactions=(*snapshot.interactions[:at], message, *snapshot.interactions[at:]))
