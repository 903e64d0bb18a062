"""The reliability plot of a trained method."""

from pathlib import Path
from typing import TYPE_CHECKING, Any

from churn_agent.measuring.plots import write_svg

if TYPE_CHECKING:
    from churn_agent.learning.stored import MethodInfo

_SIZE = (5.2, 4.2)


def write(info: "MethodInfo", path: Path) -> None:
    """Draws predicted and observed churn rates on held-out customers, before and after calibration.

    Raises:
        InputError: the file is not an .svg, or cannot be written.
    """
    write_svg(lambda axes: _draw(axes, info), path, size=_SIZE)


def _draw(axes: Any, info: "MethodInfo") -> None:
    axes.plot([0, 1], [0, 1], color="0.85", lw=0.8)
    for points, name, style in (
        (info.reliability_before, "uncalibrated score", {"ls": "--", "color": "0.6", "marker": "o"}),
        (info.reliability, info.name, {"color": "0", "marker": "o"}),
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
    axes.set_title(f"{info.n} held-out customers, {info.churned} churned", fontsize=9)
    axes.legend(frameon=False)
