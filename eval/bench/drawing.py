"""The plot of `inference.py`."""

from pathlib import Path
from typing import Any

from matplotlib import pyplot as plt

_OTHERS = ("plain", "outlines", "guidance", "server")
_STAGES = {"decode": "0.25", "mask": "0.85", "rest": "0.6"}


def draw(result: dict[str, Any], path: Path) -> None:
    """Six panels: customers a minute of each way, waiting, where the time went, tokens, valid answers, peak memory."""
    rows = result["ways"]
    names = sorted(rows, key=lambda name: rows[name]["customers_a_minute"])
    labels = [name.replace("_", " ") for name in names]
    size = (13, 0.7 * len(names) + 2.6)
    figure, ((rate, wait, stage), (tokens, valid, memory)) = plt.subplots(2, 3, figsize=size)

    rates = [rows[name]["customers_a_minute"] for name in names]
    bars = rate.barh(labels, rates, color=["0.65" if name in _OTHERS else "0.25" for name in names])
    rate.bar_label(bars, [f"{each:.1f}  ({result['ratios'][name + '_vs_plain']:.1f} x)"
                          for name, each in zip(names, rates, strict=True)], padding=3)  # fmt: skip
    rate.set_xlim(0, 1.3 * max(rates))
    rate.set_title("customers a minute (times plain)")

    wait.barh(labels, [rows[name]["seconds_p95"] for name in names], color="0.85", label="95 %")
    wait.barh(labels, [rows[name]["seconds_p50"] for name in names], color="0.45", label="half")
    wait.set_title("seconds until a customer of a group is done")

    spent = [rows[name]["seconds_a_stage"] or {"rest": rows[name]["seconds"]} for name in names]
    _stack(stage, labels, {
        {"decode": "llama_decode"}.get(part, part): (shade, [each.get(part, 0.0) for each in spent])
        for part, shade in _STAGES.items()
    }, [rows[name]["customers"] for name in names])  # fmt: skip
    stage.set_title("seconds a customer")

    _stack(tokens, labels, {
        "evaluated": ("0.75", [rows[name]["prompt_tokens"] for name in names]),
        "written": ("0.25", [rows[name]["output_tokens"] for name in names]),
    }, [rows[name]["customers"] for name in names])  # fmt: skip
    tokens.set_title("tokens a customer")

    bars = valid.barh(labels, [100 * (rows[name]["valid_share"] or 0) for name in names], color="0.45")
    valid.bar_label(bars, fmt="%.0f", padding=3)
    valid.set_xlim(0, 115)
    valid.set_title("valid answers, %")

    peaks = result["peak_rss_mb"]
    bars = memory.barh(list(peaks), list(peaks.values()), color="0.45")
    memory.bar_label(bars, padding=3)
    memory.set_title("peak memory of the process, MB")

    for axes in figure.axes:
        axes.spines[["top", "right"]].set_visible(False)
    for axes in (wait, stage, tokens):
        axes.legend(loc="upper right", frameon=False)
    for axes in (wait, stage, valid):
        axes.set_yticklabels([])
    figure.tight_layout()
    figure.savefig(path, dpi=150)
    plt.close(figure)


def _stack(axes: Any, labels: list[str], parts: dict[str, tuple[str, list[float]]], customers: list[int]) -> None:
    """Bars of parts, each a customer."""
    start = [0.0] * len(labels)
    for name, (shade, values) in parts.items():
        each = [value / n for value, n in zip(values, customers, strict=True)]
        axes.barh(labels, each, left=start, color=shade, label=name)
        start = [a + b for a, b in zip(start, each, strict=True)]
