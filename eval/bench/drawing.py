"""The plot of `inference.py`."""

from pathlib import Path
from typing import Any

from matplotlib import pyplot as plt


def draw(result: dict[str, Any], path: Path) -> None:
    """Customers a minute of each way, how long customers waited, and where the time went."""
    rows = result["ways"]
    names = sorted(rows, key=lambda name: rows[name]["customers_a_minute"])
    labels = [name.replace("_", " ") for name in names]
    figure, (left, middle, right) = plt.subplots(1, 3, figsize=(13, 0.5 * len(names) + 1.6), sharey=True)

    rates = [rows[name]["customers_a_minute"] for name in names]
    bars = left.barh(labels, rates, color=["0.65" if name in ("plain", "outlines", "guidance", "server") else "0.25"
                                           for name in names])  # fmt: skip
    left.bar_label(bars, [f"{rate:.1f}  ({result['ratios'][name + '_vs_plain']:.1f} x)"
                          for name, rate in zip(names, rates, strict=True)], padding=3)  # fmt: skip
    left.set_xlim(0, 1.3 * max(rates))
    left.set_title("customers a minute (times plain)")

    middle.barh(labels, [rows[name]["seconds_p95"] for name in names], color="0.85", label="95 %")
    middle.barh(labels, [rows[name]["seconds_p50"] for name in names], color="0.45", label="half")
    middle.set_title("seconds until a customer of a group is done")
    middle.legend(loc="upper right", frameon=False)

    start = [0.0] * len(names)
    for stage, shade in {"decode": "0.25", "mask": "0.85", "rest": "0.6"}.items():
        spent = [
            (rows[name]["seconds_a_stage"] or {"rest": rows[name]["seconds"]}).get(stage, 0.0) / rows[name]["customers"]
            for name in names
        ]
        right.barh(labels, spent, left=start, color=shade, label={"decode": "llama_decode"}.get(stage, stage))
        start = [a + b for a, b in zip(start, spent, strict=True)]
    right.set_title("seconds a customer")
    right.legend(loc="upper right", frameon=False)

    for axes in (left, middle, right):
        axes.spines[["top", "right"]].set_visible(False)
    figure.tight_layout()
    figure.savefig(path, dpi=150)
    plt.close(figure)
