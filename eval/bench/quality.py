"""Is the default assessment as good as the plain loop's? AUROC of both on the same labelled customers.

    python eval/bench/quality.py DATA_FOLDER [--store FOLDER] [--json FILE] [SET:CUSTOMERS ...]

DATA_FOLDER holds one folder a set. The plain loop's assessment is mode `explain`, whose answers the engine gives as the
plain loop would, only sooner. Answers are paid once and kept in `--store`, so a second call goes on. AUROC is pooled
over pairs of customers of the same set; the interval is a bootstrap over customers, both ways on the same draws.
"""

import argparse
import csv
import json
from datetime import date
from pathlib import Path
from typing import Any

import numpy as np
from more_itertools import chunked
from numpy.typing import NDArray
from rich.progress import Progress

from churn_agent.evals.sets.labelled import find_set
from churn_agent.settings import Settings

_SETS = ("churn_intent_chat_en:200", "churn_intent_chat_de:200", "dev_chat:100")
_DRAWS = 2000
_GROUP = 40

Scores = NDArray[np.float64]
"""Shape (customers, 2): of the default and of the plain loop's assessment."""


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("data", type=Path)
    parser.add_argument("sets", nargs="*", default=_SETS)
    parser.add_argument("--store", type=Path, default=Path("quality-store"))
    parser.add_argument("--json", type=Path)
    arguments = parser.parse_intermixed_args()
    books: dict[str, tuple[Scores, NDArray[np.bool_]]] = {}
    for each in arguments.sets:
        name, _, most = each.partition(":")
        books[name] = _assess(arguments.data / name, int(most or 200), arguments.store / name)
    result = _compare(books)
    print(json.dumps(result, indent=2))
    if arguments.json:
        arguments.json.write_text(json.dumps(result, indent=2), encoding="utf-8")


def _assess(folder: Path, most: int, store: Path) -> tuple[Scores, NDArray[np.bool_]]:
    with (folder / "labels.csv").open(encoding="utf-8") as file:
        rows = [row for row in csv.DictReader(file) if row.get("eval_subset", "1") == "1"][:most]
    labelled = find_set(folder.name, near=folder.parent)
    columns: list[list[float]] = []
    for mode in ("read", "explain"):
        with labelled.open(store, Settings.load(mode=mode)) as agent, Progress() as progress:
            column: list[float] = []
            done = progress.add_task(f"{folder.name}, {mode}", total=len(rows))
            for group in chunked(rows, _GROUP):
                for as_of, ids in _by_day(group).items():
                    for record in agent.assess_many(ids, as_of=as_of):
                        column.append(record.churn_probability.raw if record.churn_probability else np.nan)
                        progress.advance(done)
            columns.append(column)
    churned = [row["churned"] == "1" for group in chunked(rows, _GROUP) for row in _sorted_by_day(group)]
    scores = np.array(columns).T
    fair = ~np.isnan(scores).any(axis=1)
    return scores[fair], np.array(churned)[fair]


def _sorted_by_day(group: list[dict[str, str]]) -> list[dict[str, str]]:
    return sorted(group, key=lambda row: row["as_of"])


def _by_day(group: list[dict[str, str]]) -> dict[date, list[str]]:
    found: dict[date, list[str]] = {}
    for row in _sorted_by_day(group):
        found.setdefault(date.fromisoformat(row["as_of"]), []).append(row["customer_id"])
    return found


def _compare(books: dict[str, tuple[Scores, NDArray[np.bool_]]]) -> dict[str, Any]:
    random = np.random.default_rng(0)
    draws: list[float] = []
    for _ in range(_DRAWS):
        drawn = {}
        for name, (scores, churned) in books.items():
            chosen = random.integers(0, len(churned), len(churned))
            drawn[name] = scores[chosen], churned[chosen]
        default, plain = _pooled(drawn)
        draws.append(default - plain)
    default, plain = _pooled(books)
    low, high = np.quantile(draws, [0.025, 0.975])
    return {
        "customers": {name: len(churned) for name, (_, churned) in books.items()},
        "auroc": {"default": round(default, 3), "plain": round(plain, 3)},
        "auroc_by_set": {
            name: dict(zip(("default", "plain"), (round(each, 3) for each in _pooled({name: book})), strict=True))
            for name, book in books.items()
        },
        "auroc_difference": {
            "value": round(default - plain, 3),
            "low": round(float(low), 3),
            "high": round(float(high), 3),
        },
    }


def _pooled(books: dict[str, tuple[Scores, NDArray[np.bool_]]]) -> tuple[float, float]:
    """AUROC of both: pairs of a churned and a staying customer of the same set that are ranked right, ties half."""
    right, pairs = np.zeros(2), 0
    for scores, churned in books.values():
        left, stayed = scores[churned][:, None, :], scores[~churned][None, :, :]
        right += ((left > stayed) + 0.5 * (left == stayed)).sum(axis=(0, 1))
        pairs += left.shape[0] * stayed.shape[1]
    return float(right[0] / pairs), float(right[1] / pairs)


if __name__ == "__main__":
    main()
