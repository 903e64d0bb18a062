"""Rows a second into a history: `churn-agent ingest` beside a plain pandas `read_csv` + `to_sql` loop.

    python eval/bench/ingest.py [--rows 1000000]

Both read the same CSV of a synthetic book and write a new SQLite file, each in a process of its own whose highest
memory is taken. The loop stores the cells as they are, without indexes; `indexed` is the same loop with times parsed
and with the indexes that a history needs to find a customer, a text and a day. Ours also checks every row, makes ids
that recognise a row when it comes again, cleans texts and tags their languages. `sqlite_alone` is the time that SQLite
takes for rows of the history that lie ready in memory, without an index: no import into it can be faster.
"""

import argparse
import csv
import json
import resource
import sqlite3
import subprocess
import sys
import tempfile
import time
from pathlib import Path

_CHUNK = 50_000


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--rows", type=int, default=1_000_000)
    parser.add_argument("--one", choices=list(_WAYS), help=argparse.SUPPRESS)
    parser.add_argument("--csv", type=Path, help=argparse.SUPPRESS)
    arguments = parser.parse_args()
    if arguments.one:
        _measure(arguments.one, arguments.csv)
        return
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "interactions.csv"
        _write(path, arguments.rows)
        result: dict[str, object] = {"rows": arguments.rows, "bytes": path.stat().st_size}
        found = {name: _in_process(name, path) for name in _WAYS}
    result |= found
    ours = found["churn_agent"]["rows_a_second"]
    result["times_plain"] = round(ours / found["pandas"]["rows_a_second"], 2)
    result["times_indexed"] = round(ours / found["pandas_indexed"]["rows_a_second"], 2)
    print(json.dumps(result, indent=2))


def _write(path: Path, rows: int) -> None:
    """The first rows of a synthetic book."""
    from churn_agent.demo.writing import write_book

    book = path.parent / "book"
    write_book(book, "telecom", max(20, rows // 25))
    with (book / "interactions.csv").open(encoding="utf-8", newline="") as source, path.open("w", newline="") as file:
        for number, line in enumerate(source):
            if number > rows:
                break
            file.write(line)
    written = sum(1 for _ in path.open()) - 1
    if written < rows:
        sys.exit(f"the book has only {written} rows")


def _in_process(name: str, path: Path) -> dict[str, float]:
    command = [sys.executable, __file__, "--one", name, "--csv", str(path)]
    done = subprocess.run(command, check=True, stdout=subprocess.PIPE, text=True)
    return json.loads(done.stdout)


def _measure(name: str, path: Path) -> None:
    with tempfile.TemporaryDirectory() as folder:
        ready = _ready(path) if name == "sqlite_alone" else None
        started = time.perf_counter()
        rows = _sqlite_alone(ready, Path(folder)) if ready else _WAYS[name](path, Path(folder))
        seconds = time.perf_counter() - started
    memory = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024
    print(json.dumps({"rows_a_second": round(rows / seconds), "seconds": round(seconds, 1), "MiB": round(memory)}))


def _ours(path: Path, folder: Path) -> int:
    from churn_agent import ChurnAgent, Settings

    with ChurnAgent(Settings.load(store=folder)) as agent:
        return agent.ingest(path).added


def _pandas(path: Path, folder: Path) -> int:
    import pandas as pd
    from sqlalchemy import create_engine

    engine = create_engine(f"sqlite:///{folder}/plain.db")
    rows = 0
    for chunk in pd.read_csv(path, chunksize=_CHUNK, dtype={"customer_id": str}):
        chunk.to_sql("interactions", engine, if_exists="append", index=False)
        rows += len(chunk)
    return rows


def _pandas_indexed(path: Path, folder: Path) -> int:
    import pandas as pd
    from sqlalchemy import create_engine

    engine = create_engine(f"sqlite:///{folder}/plain.db")
    rows = 0
    for chunk in pd.read_csv(path, chunksize=_CHUNK, dtype={"customer_id": str}, parse_dates=["timestamp"]):
        chunk.to_sql("interactions", engine, if_exists="append", index=False)
        rows += len(chunk)
    with engine.begin() as connection:
        for columns in ("customer_id, timestamp", "text", "timestamp"):
            name = columns.split(",")[0]
            connection.exec_driver_sql(f"CREATE INDEX by_{name}_{len(columns)} ON interactions ({columns})")
    return rows


def _ready(path: Path) -> list[tuple[str | float | None, ...]]:
    """The columns of the history as SQLite keeps them, without what has to be worked out."""
    with path.open(encoding="utf-8", newline="") as file:
        return [
            (
                f"{n:032x}",
                id_,
                at[:19],
                0,
                channel,
                direction,
                author,
                text,
                f"{n:032x}",
                float(amount or 0),
                "{}",
                None,
                "en",
            )
            for n, (id_, at, channel, direction, author, text, amount) in enumerate(list(csv.reader(file))[1:])
        ]


def _sqlite_alone(rows: list[tuple[str | float | None, ...]], folder: Path) -> int:
    connection = sqlite3.connect(folder / "alone.db")
    connection.execute("CREATE TABLE interactions (a, b, c, d, e, f, g, h, i, j, k, l, m)")
    with connection:
        connection.executemany("INSERT INTO interactions VALUES (?,?,?,?,?,?,?,?,?,?,?,?,?)", rows)
    connection.close()
    return len(rows)


_WAYS = {"pandas": _pandas, "pandas_indexed": _pandas_indexed, "churn_agent": _ours, "sqlite_alone": _sqlite_alone}


if __name__ == "__main__":
    main()
