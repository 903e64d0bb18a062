"""Plots as SVG that can be embedded in a page."""

import io
from collections.abc import Callable
from pathlib import Path
from typing import Any

from churn_agent import extras
from churn_agent.errors import InputError
from churn_agent.files import atomic


def write_svg(fill: Callable[[Any], None], path: Path, *, size: tuple[float, float]) -> None:
    """Writes a plot to a file; see `to_svg`.

    Raises:
        InputError: the file name does not end in .svg, or the file cannot be written.
    """
    if path.suffix != ".svg":
        raise InputError(f"cannot write a plot to {str(path)!r}; use a file name that ends in .svg")
    atomic.save(path, to_svg(fill, size=size))


def legend_beside(axes: Any) -> None:
    """Adds a legend to the right of matplotlib axes, where it covers no data."""
    axes.legend(fontsize=7, frameon=False, loc="upper left", bbox_to_anchor=(1, 1))


def to_svg(fill: Callable[[Any], None], *, size: tuple[float, float] = (6.4, 2.8), transparent: bool = False) -> str:
    """Draws one pair of axes.

    Args:
        fill: draws on matplotlib axes.
        size: width and height, in inches.
        transparent: leave out the white background, for pages with their own.
    """
    with extras.importing("reports"):
        import matplotlib as mpl
        from matplotlib.figure import Figure

    with mpl.rc_context():  # pyright: ignore[reportUnknownMemberType] - in part untyped
        mpl.rcdefaults()  # a matplotlibrc in the working folder may call LaTeX
        mpl.rcParams.update({"svg.fonttype": "none", "text.parse_math": False, "font.size": 9})
        figure = Figure(figsize=size, layout="constrained")
        axes: Any = figure.subplots()
        axes.spines[["top", "right"]].set_visible(False)
        fill(axes)
        output = io.StringIO()
        figure.savefig(output, format="svg", metadata={"Date": None}, transparent=transparent)  # pyright: ignore[reportUnknownMemberType] - in part untyped
    text = output.getvalue()
    return text[text.index("<svg") :]
