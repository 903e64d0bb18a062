"""Fills an index with numbered texts, to be killed while it does: `python -m tests.index.writer STORE N`."""

import sys
from contextlib import closing
from pathlib import Path

from churn_agent.index import updating
from churn_agent.index.vectors import Index
from tests.index.letters import Letters


def texts(n):
    return {f"{i:032x}": f"{'abcdefgh'[i % 8] * (i % 11 + 1)}{'xyz'[i % 3] * (i % 5)}" for i in range(n)}


def fill(store, n, notify=lambda what: None):
    wanted = texts(n)
    with closing(Index(store, notify=notify)) as index:
        return updating.update(index, Letters(), set(wanted), lambda ids: {id_: wanted[id_] for id_ in ids})


if __name__ == "__main__":
    print("begins", flush=True)
    fill(Path(sys.argv[1]), int(sys.argv[2]))
