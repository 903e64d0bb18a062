"""Plots as SVG that can stand in a page."""

import io
from collections.abc import Callable
from typing import Any


def to_svg(fill: Callable[[Any], None], *, size: tuple[float, float] = (6.4, 2.8)) -> str:
    """Draws one pair of axes.

    Args:
        fill: draws on matplotlib axes.
        size: inches, width and height.
    """
    import matplotlib as mpl

    with mpl.rc_context({"svg.fonttype": "none", "text.parse_math": False, "font.size": 9}):
        from matplotlib.figure import Figure

        figure = Figure(figsize=size, layout="constrained")
        axes: Any = figure.subplots()
        axes.spines[["top", "right"]].set_visible(False)
        fill(axes)
        drawn = io.StringIO()
        figure.savefig(drawn, format="svg", metadata={"Date": None})
    text = drawn.getvalue()
    return text[text.index("<svg") :]
