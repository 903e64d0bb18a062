"""Milliseconds to the evidence of one customer, as the book grows: it should not depend on how many others there are.

    python eval/bench/retrieve.py [--sizes 100 1000 10000 100000]

Every book has the same 20 customers of 40 messages, whose evidence is timed, and others of one message each. Vectors
are random: their making is not measured here. `filtered_search` is the usual way for comparison: a nearest-neighbour
query over all texts with a filter on the customer's texts.
"""

import argparse
import json
import statistics
import tempfile
import time
from collections.abc import Iterable, Iterator, Sequence
from datetime import UTC, datetime, timedelta
from pathlib import Path

import numpy as np

from churn_agent import ChurnAgent
from churn_agent.domain.interactions import Interaction, text_id
from churn_agent.history import interactions
from churn_agent.models.scripted import ScriptedModel
from churn_agent.settings import Settings

_DIMENSION = 384
_MESSAGES = 40
_TIMED = 20
_END = datetime(2026, 3, 1, 12, tzinfo=UTC)


class RandomEmbedder:
    """A random unit vector for each text, always the same one."""

    id, revision, dimension = "random", "1", _DIMENSION

    def encode(self, texts: Iterable[str]) -> list[np.ndarray]:
        return [rows for _, rows in self.stream(list(texts))]

    def stream(self, texts: Sequence[str], progress=lambda done: None) -> Iterator[tuple[int, np.ndarray]]:
        for position, text in enumerate(texts):
            row = np.random.default_rng(int(text_id(text)[:15], 16)).normal(size=(1, _DIMENSION)).astype(np.float32)
            yield position, row / np.linalg.norm(row)
        progress(len(texts))


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--sizes", type=int, nargs="+", default=[100, 1000, 10_000, 100_000])
    table = [_measure(size) for size in parser.parse_args().sizes]
    first, last = table[0], table[-1]
    for way in ("evidence_ms", "filtered_search_ms"):
        print(f"{way}: {last[way] / first[way]:.2f} times as long at {last['customers']} as at {first['customers']}")
    print(json.dumps(table, indent=2))


def _measure(size: int) -> dict[str, float]:
    with (
        tempfile.TemporaryDirectory() as folder,
        ChurnAgent(Settings.load(store=Path(folder)), model=ScriptedModel()) as agent,
    ):
        agent.store.__dict__["embedder"] = RandomEmbedder()
        with agent.history.begin() as connection, interactions.bulk_loading(connection):
            interactions.add(connection, _rows(size))
        agent.store.index()
        agent.evidence("timed-0")  # loads what is loaded once
        evidence = [_ms(lambda n=n: agent.evidence(f"timed-{n}")) for n in range(_TIMED)]
        query = np.random.default_rng(0).normal(size=_DIMENSION).astype(np.float32)

        def search(n: int) -> None:
            ids = [text_id(f"message {i} of timed-{n}") for i in range(_MESSAGES)]
            agent.store._index._call(
                lambda collection: collection.query(
                    query_embeddings=[query], n_results=12, where={"text": {"$in": ids}}, include=["distances"]
                )
            )

        filtered = [_ms(lambda n=n: search(n)) for n in range(_TIMED)]
    return {
        "customers": size,
        "evidence_ms": round(statistics.median(evidence), 2),
        "filtered_search_ms": round(statistics.median(filtered), 2),
    }


def _rows(size: int) -> Iterator[Interaction]:
    number = 0
    for n in range(_TIMED):
        for i in range(_MESSAGES):
            number += 1
            at = _END - timedelta(days=i)
            yield Interaction(f"{number:032x}", f"timed-{n}", at, "chat", f"message {i} of timed-{n}")
    for n in range(size - _TIMED):
        number += 1
        yield Interaction(f"{number:032x}", f"other-{n}", _END - timedelta(days=n % 300), "chat", f"words of other-{n}")


def _ms(do) -> float:  # type: ignore[no-untyped-def]
    started = time.perf_counter()
    do()
    return (time.perf_counter() - started) * 1000


if __name__ == "__main__":
    main()
