"""Which messages matter: recall of the evidence on a gold set of ours, beside recency, BM25 and the embedding alone.

    python eval/retrieval.py [--customers 60] [--seed 11] [--json]

Customers are composed of the messages in `eval/datasets/retrieval/pool.yaml`: 30 to 60 messages over a year, 3 to 8 of
them of the kind that matters, at random times. Recall@k is the mean share of those among the k messages chosen. The
interval is that of the difference to the tool's own evidence (paired bootstrap over customers).
"""

import argparse
import json
import random
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from pathlib import Path

import numpy as np
import yaml
from rank_bm25 import BM25Okapi

from churn_agent.content.taxonomy import load_taxonomy
from churn_agent.domain.interactions import Interaction
from churn_agent.domain.snapshot import Card, Snapshot
from churn_agent.evidence.retrieval import retrieve
from churn_agent.evidence.sessions import Piece
from churn_agent.index.embedder import Embedder
from churn_agent.settings import Settings

POOL = Path(__file__).parent / "datasets" / "retrieval" / "pool.yaml"
_END = datetime(2026, 3, 1, 12, tzinfo=UTC)


@dataclass(frozen=True)
class GoldCustomer:
    """A history, and which of its messages matter."""

    snapshot: Snapshot
    matters: frozenset[str]
    """Ids of interactions."""


def compose(n: int, seed: int) -> list[GoldCustomer]:
    """The same seed gives the same customers."""
    pool = yaml.safe_load(POOL.read_text(encoding="utf-8"))
    telling = [text for texts in pool["matters"].values() for text in texts]
    rng = random.Random(seed)  # noqa: S311 - no secret
    return [_customer(f"g-{number}", telling, pool["neutral"], rng) for number in range(n)]


def _customer(customer_id: str, telling: list[str], neutral: list[str], rng: random.Random) -> GoldCustomer:
    size, wanted = rng.randint(30, 60), rng.randint(3, 8)
    texts = rng.sample(telling, wanted) + rng.sample(neutral, size - wanted)
    days = rng.sample(range(365), size)
    rows = [
        Interaction(f"{customer_id}-{i}", customer_id, _END - timedelta(days=day), "chat", text, direction="inbound")
        for i, (text, day) in enumerate(zip(texts, days, strict=True))
    ]
    rows.sort(key=lambda row: row.occurred_at)
    matters = frozenset(row.id for row in rows if row.text in set(telling))
    return GoldCustomer(Snapshot(customer_id, _END.date(), Card(company="Acme"), tuple(rows)), matters)


Chooser = Callable[[Snapshot, int], Sequence[str]]
"""(snapshot with vectors, k) -> ids of at most k interactions."""


def choosers(embedder: Embedder) -> dict[str, Chooser]:
    """The ways to choose evidence that are compared."""
    taxonomy = load_taxonomy()
    queries = {kind: np.vstack(embedder.encode(texts)) for kind, texts in taxonomy.phrases.items()}
    signals = ("risk", "protective")
    words = [query.casefold().split() for kind in signals for query in taxonomy.phrases[kind]]
    everything = np.vstack([queries[kind] for kind in signals])

    def recency(snapshot: Snapshot, k: int) -> list[str]:
        return [each.id for each in snapshot.interactions[::-1][:k]]

    def bm25(snapshot: Snapshot, k: int) -> list[str]:
        index = BM25Okapi([each.text.casefold().split() for each in snapshot.interactions])
        best = np.max([index.get_scores(query) for query in words], axis=0)
        return [snapshot.interactions[i].id for i in np.argsort(-best, kind="stable")[:k]]

    def embedding(snapshot: Snapshot, k: int) -> list[str]:
        scores = [float((snapshot.vectors[each.text_id] @ everything.T).max()) for each in snapshot.interactions]
        return [snapshot.interactions[i].id for i in np.argsort(scores)[::-1][:k]]

    def evidence(snapshot: Snapshot, k: int) -> list[str]:
        pack = retrieve(
            snapshot,
            list(map(Piece.of, snapshot.messages)),
            queries,
            limit=k,
            token_budget=10**6,
            count_tokens=lambda text: len(text) // 4,
        )
        return [each.interaction.id for each in pack.evidence]

    return {"evidence": evidence, "embedding": embedding, "bm25": bm25, "recency": recency}


def recalls(customers: Sequence[GoldCustomer], chooser: Chooser, k: int) -> np.ndarray:
    """The share of what matters among the k chosen, for each customer."""
    return np.array([len(each.matters & set(chooser(each.snapshot, k))) / len(each.matters) for each in customers])


def with_vectors(customers: Sequence[GoldCustomer], embedder: Embedder) -> list[GoldCustomer]:
    """The same customers with a vector for every message."""
    texts = {row.text_id: row.text for each in customers for row in each.snapshot.interactions}
    vectors = dict(zip(texts, embedder.encode(texts.values()), strict=True))
    made = []
    for each in customers:
        old = each.snapshot
        own = {row.text_id: vectors[row.text_id] for row in old.interactions}
        made.append(
            GoldCustomer(Snapshot(old.customer_id, old.as_of, old.card, old.interactions, vectors=own), each.matters)
        )
    return made


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--customers", type=int, default=60)
    parser.add_argument("--seed", type=int, default=11)
    parser.add_argument("--k", type=int, nargs="+", default=[6, 12])
    parser.add_argument("--json", action="store_true")
    arguments = parser.parse_args()
    settings = Settings.load()
    embedder = Embedder.open(settings.embedder, settings.models_dir)
    customers = with_vectors(compose(arguments.customers, arguments.seed), embedder)
    ways = choosers(embedder)
    rng = np.random.default_rng(arguments.seed)
    draws = rng.integers(0, len(customers), size=(2000, len(customers)))
    table: list[dict[str, object]] = []
    for k in arguments.k:
        own = recalls(customers, ways["evidence"], k)
        for name, way in ways.items():
            found = recalls(customers, way, k)
            low, high = np.quantile((own - found)[draws].mean(axis=1), [0.025, 0.975])
            gains = [round(float(low), 3), round(float(high), 3)]
            table.append({"way": name, "k": k, "recall": round(float(found.mean()), 3), "evidence_gains": gains})
    if arguments.json:
        print(json.dumps(table, indent=2))
        return
    for row in table:
        print(f"recall@{row['k']:<3} {row['way']:<10} {row['recall']:.3f}   evidence gains {row['evidence_gains']}")


if __name__ == "__main__":
    main()
