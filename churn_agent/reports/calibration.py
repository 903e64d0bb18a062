"""How well a trained method keeps its word, as a picture."""

from pathlib import Path
from typing import TYPE_CHECKING, Any

from churn_agent.measuring.plots import write_svg

if TYPE_CHECKING:
    from churn_agent.learning.kept import KeptCard

_SIZE = (5.2, 4.2)


def write(card: "KeptCard", path: Path) -> None:
    """Draws what was said against what happened, before and after, on customers that had not been learned from.

    Raises:
        InputError: the file is no .svg, or cannot be written.
    """
    write_svg(lambda axes: _draw(axes, card), path, size=_SIZE)


def _draw(axes: Any, card: "KeptCard") -> None:
    axes.plot([0, 1], [0, 1], color="0.85", lw=0.8)
    for points, name, style in (
        (card.reliability_before, "uncalibrated score", {"ls": "--", "color": "0.6", "marker": "o"}),
        (card.reliability, card.name, {"color": "0", "marker": "o"}),
    ):
        if points:
            axes.plot(
                [said for said, _, _ in points], [happened for _, happened, _ in points], label=name, ms=4, **style
            )
    axes.set_xlabel("said (bins of as many customers each)")
    axes.set_ylabel("churned")
    axes.set_title(f"{card.n} customers, {card.churned} churned; none judged by what learned from them", fontsize=9)
    axes.legend(frameon=False)
