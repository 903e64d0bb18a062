"""Plots as SVG that can stand in a page."""

import io
from collections.abc import Callable
from pathlib import Path
from typing import Any

from churn_agent import extras
from churn_agent.errors import InputError
from churn_agent.files import atomic


def write_svg(fill: Callable[[Any], None], path: Path, *, size: tuple[float, float]) -> None:
    """Draws what `to_svg` does into a file.

    Raises:
        InputError: the file is no .svg, or cannot be written.
    """
    if path.suffix != ".svg":
        raise InputError(f"cannot draw into {str(path)!r}: give a file that ends in .svg")
    atomic.save(path, to_svg(fill, size=size))


def legend_beside(axes: Any) -> None:
    """To the right of matplotlib axes, where it hides nothing."""
    axes.legend(fontsize=7, frameon=False, loc="upper left", bbox_to_anchor=(1, 1))


def to_svg(fill: Callable[[Any], None], *, size: tuple[float, float] = (6.4, 2.8)) -> str:
    """Draws one pair of axes.

    Args:
        fill: draws on matplotlib axes.
        size: inches, width and height.
    """
    with extras.importing("reports"):
        import matplotlib as mpl
        from matplotlib.figure import Figure

    with mpl.rc_context():
        mpl.rcdefaults()  # a matplotlibrc in the working folder may call LaTeX
        mpl.rcParams.update({"svg.fonttype": "none", "text.parse_math": False, "font.size": 9})
        figure = Figure(figsize=size, layout="constrained")
        axes: Any = figure.subplots()
        axes.spines[["top", "right"]].set_visible(False)
        fill(axes)
        drawn = io.StringIO()
        figure.savefig(drawn, format="svg", metadata={"Date": None})
    text = drawn.getvalue()
    return text[text.index("<svg") :]
