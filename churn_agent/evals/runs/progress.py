"""How a run tells its caller what it is doing."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Protocol

if TYPE_CHECKING:
    from churn_agent.evals.runs.planning import Planned


@dataclass
class Estimate:
    """The work that is left, estimated from the first samples of each way."""

    samples: int = 0
    """Assessments by language models."""
    tokens: float = 0.0
    """Of prompts and outputs."""
    seconds: float = 0.0


class Progress(Protocol):
    """Receives the events of a run."""

    def planned(self, plan: "Sequence[Planned]") -> None:
        """The plan is made; nothing has run yet."""

    def estimated(self, estimate: Estimate) -> None:
        """The first samples are assessed, and the rest is estimated from them."""

    def began(self, what: str, total: int) -> None:
        """A step with so many samples begins."""

    def advanced(self) -> None:
        """A sample of the step is done."""

    def left_out(self, name: str, method: str, why: str) -> None:
        """A method cannot be used on a set."""


class Silent(Progress):
    """Ignores all events."""
