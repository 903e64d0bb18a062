"""The reliability plot of a trained method."""

from pathlib import Path
from typing import TYPE_CHECKING, Any

from churn_agent.measuring.plots import write_svg

if TYPE_CHECKING:
    from churn_agent.learning.kept import KeptCard

_SIZE = (5.2, 4.2)


def write(card: "KeptCard", path: Path) -> None:
    """Draws predicted and observed churn rates on held-out customers, before and after calibration.

    Raises:
        InputError: the file is not an .svg, or cannot be written.
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
                [predicted for predicted, _, _ in points],
                [observed for _, observed, _ in points],
                label=name,
                ms=4,
                **style,
            )
    axes.set_xlabel("predicted (bins of equal size)")
    axes.set_ylabel("observed")
    axes.set_title(f"{card.n} held-out customers, {card.churned} churned", fontsize=9)
    axes.legend(frameon=False)
