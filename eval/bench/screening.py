"""Does a cascade find the customers that a full run would put on top?

    python eval/bench/screening.py [--customers 300] [--limit N] [--store FOLDER] [--json FILE]

Customers of the synthetic book are screened, and assessed by default. Recall is the share of the customers that the
full run puts on top (a tenth, a fifth) which the screening puts there too; its interval is a bootstrap over customers,
its lift how many times more that is than a choice at random would find.
What is paid is kept in `--store`, so a second call goes on.
"""

import argparse
import json
import tempfile
from pathlib import Path
from typing import Any

import numpy as np
from more_itertools import chunked
from numpy.typing import NDArray
from rich.progress import track

from churn_agent import ChurnAgent
from churn_agent.demo.writing import write_book
from churn_agent.history import interactions

_SHARES = (0.1, 0.2)
_DRAWS = 2000
_GROUP = 40

Scores = NDArray[np.float64]
"""Shape (customers,)."""


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--customers", type=int, default=300)
    parser.add_argument("--limit", type=int, help="only the first so many customers of the book")
    parser.add_argument("--store", type=Path, default=Path("screening-store"))
    parser.add_argument("--json", type=Path)
    arguments = parser.parse_args()
    with ChurnAgent.open(arguments.store) as agent, tempfile.TemporaryDirectory() as folder:
        write_book(Path(folder) / "book", "telecom", arguments.customers)
        agent.ingest([Path(folder) / "book"])
        ids = interactions.customer_ids(agent.history)[: arguments.limit]
        groups = list(chunked(ids, _GROUP))
        screened = {
            each.customer_id: each.score
            for group in track(groups, "screening")
            for each in agent.screen_many(group)
            if each.score is not None
        }
        assessed = {
            record.customer_id: record.churn_probability.raw
            for group in track(groups, "assessing")
            for record in agent.assess_many(group)
            if record.churn_probability
        }
    both = sorted(screened.keys() & assessed.keys())
    result = _compare(np.array([screened[id_] for id_ in both]), np.array([assessed[id_] for id_ in both]))
    result["left_out"] = len(ids) - len(both)
    print(json.dumps(result, indent=2))
    if arguments.json:
        arguments.json.write_text(json.dumps(result, indent=2), encoding="utf-8")


def _compare(screened: Scores, assessed: Scores) -> dict[str, Any]:
    random = np.random.default_rng(0)
    draws = [random.integers(0, len(assessed), len(assessed)) for _ in range(_DRAWS)]
    recall: dict[str, Any] = {}
    for share in _SHARES:
        drawn = [_recall(screened[chosen], assessed[chosen], share) for chosen in draws]
        low, high = np.quantile(drawn, [0.025, 0.975])
        value = _recall(screened, assessed, share)
        recall[f"top {share:.0%}"] = {
            "value": round(value, 3),
            "lift": round(value / share, 1),
            "low": round(float(low), 3),
            "high": round(float(high), 3),
        }
    return {
        "customers": len(assessed),
        "recall": recall,
        "correlation": round(float(np.corrcoef(screened, assessed)[0, 1]), 3),
    }


def _recall(screened: Scores, assessed: Scores, share: float) -> float:
    n = round(share * len(assessed))
    return len(np.intersect1d(_top(screened, n), _top(assessed, n))) / n


def _top(scores: Scores, n: int) -> NDArray[np.int64]:
    return np.argsort(-scores, kind="stable")[:n]


if __name__ == "__main__":
    main()
