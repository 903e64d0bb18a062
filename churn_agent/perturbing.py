"""The same customers judged again where nothing that matters has changed: how far do scores move?"""

from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace

from churn_agent.agent import ChurnAgent
from churn_agent.domain.assessment import Assessment
from churn_agent.domain.snapshot import Snapshot
from churn_agent.prompts import list_prompts

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
    return 3 + (_reworded(agent) is not None)


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
    settings = agent.settings
    tried = [
        ("as they are", agent, snapshots),
        ("half of the evidence", agent.varied(evidence_limit=max(1, settings.evidence_limit // 2)), snapshots),
        ("an irrelevant message", agent, [_with_irrelevant_message(each) for each in snapshots]),
    ]
    reworded = _reworded(agent)
    if reworded:
        tried.append(("the prompt reworded", agent.varied(prompt=reworded), snapshots))
    found: list[Perturbed] = []
    for name, by, given in tried:
        made: list[Assessment] = []
        for assessment in by.read_many(given):
            made.append(assessment)
            progress()
        found.append(Perturbed(name, given, made))
    return found


def _reworded(agent: ChurnAgent) -> str | None:
    name = agent.prompt.name + _REWORDED
    return name if (agent.prompt.mode, name) in list_prompts(agent.settings.prompts_dir) else None


def _with_irrelevant_message(snapshot: Snapshot) -> Snapshot:
    """One more message, at the time of the latest one, so that the facts about rhythm stay."""
    if not snapshot.messages:
        return snapshot
    last = snapshot.messages[-1]
    text = _IRRELEVANT.get(last.language or "en", _IRRELEVANT["en"])
    message = replace(last, id=f"{last.id[:-1]}x", text=text, original=None)
    at = snapshot.interactions.index(last) + 1
    return replace(snapshot, interactions=(*snapshot.interactions[:at], message, *snapshot.interactions[at:]))
