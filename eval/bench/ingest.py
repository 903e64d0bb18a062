"""Rows a second into a history: `churn-agent ingest` beside a plain pandas `read_csv` + `to_sql` loop.

    python eval/bench/ingest.py [--rows 1000000] [--before FOLDER] [--rounds 3]

Both read the same CSV of a synthetic book and write a new SQLite file, each in a process of its own whose highest
memory is taken. The loop stores the cells as they are, without indexes; `indexed` is the same loop with times parsed
and with the indexes that a history needs to find a customer, a text and a day. Ours also checks every row, makes ids
that recognise a row when it comes again, cleans texts and tags their languages. `sqlite_alone` is the time that SQLite
takes for rows of the history that lie ready in memory, without an index: no import into it can be faster.
`churn_agent_again` imports the same file once more, and `churn_agent_next_week` one with some more rows.

With `--before`, the version in that folder (a checkout) imports the same CSV; `times_before` is how many times as fast
this version is, by the clock and by the processor's time. Ways take turns, and the best of `--rounds` counts, which
evens out what else the machine does.
"""

import argparse
import csv
import json
import os
import resource
import sqlite3
import subprocess
import sys
import tempfile
import time
from pathlib import Path

_CHUNK = 50_000
_NEW_SHARE = 0.02
"""Share of the rows of next week's export that the first one did not have."""


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--rows", type=int, default=1_000_000)
    parser.add_argument("--before", type=Path, help="checkout of an earlier version")
    parser.add_argument("--rounds", type=int, default=1)
    parser.add_argument("--ways", nargs="+", choices=list(_WAYS), default=list(_WAYS))
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
        measured = _rounds(path, arguments.ways, arguments.before, arguments.rounds)
    result |= measured
    for name, other in (("times_plain", "pandas"), ("times_indexed", "pandas_indexed"), ("times_before", "before")):
        if "churn_agent" in measured and other in measured:
            result[name] = round(measured["churn_agent"]["rows_a_second"] / measured[other]["rows_a_second"], 2)
    if "before" in measured and "churn_agent" in measured:
        cpu = (
            measured["before"]["processor_seconds_with_start"] / measured["churn_agent"]["processor_seconds_with_start"]
        )
        result["times_before_processor"] = round(cpu, 2)
    print(json.dumps(result, indent=2))


def _rounds(path: Path, ways: list[str], before: Path | None, rounds: int) -> dict[str, dict[str, float]]:
    """Returns the best of some rounds of each way."""
    best: dict[str, dict[str, float]] = {}
    here = Path(__file__).parents[2]
    for _ in range(rounds):
        for name in [*ways, *(["before"] if before else [])]:
            one = _in_process("churn_agent" if name == "before" else name, path, before if name == "before" else here)
            if name not in best or one["processor_seconds_with_start"] < best[name]["processor_seconds_with_start"]:
                best[name] = one
    return best


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


def _in_process(name: str, path: Path, checkout: Path) -> dict[str, float]:
    command = [sys.executable, str(checkout / "eval/bench/ingest.py"), "--one", name, "--csv", str(path)]
    used = _processor_seconds(resource.RUSAGE_CHILDREN)
    done = subprocess.run(
        command, check=True, stdout=subprocess.PIPE, text=True, env=os.environ | {"PYTHONPATH": str(checkout)}
    )
    whole = {"processor_seconds_with_start": round(_processor_seconds(resource.RUSAGE_CHILDREN) - used, 1)}
    return whole | json.loads(done.stdout)


def _processor_seconds(who: int) -> float:
    usage = resource.getrusage(who)
    return usage.ru_utime + usage.ru_stime


def _measure(name: str, path: Path) -> None:
    with tempfile.TemporaryDirectory() as folder:
        ready = _ready(path) if name == "sqlite_alone" else None
        if name in _PREPARED:
            _ours(_PREPARED[name](path, Path(folder)), Path(folder))
        before = _processor_seconds(resource.RUSAGE_SELF)
        started = time.perf_counter()
        rows = _sqlite_alone(ready, Path(folder)) if ready else _WAYS[name](path, Path(folder))
        seconds = time.perf_counter() - started
    processor = _processor_seconds(resource.RUSAGE_SELF) - before
    memory = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024
    result = {"rows_a_second": round(rows / seconds), "seconds": round(seconds, 1), "MiB": round(memory)}
    print(json.dumps(result | {"processor_seconds": round(processor, 1)}))


def _ours(path: Path, folder: Path) -> int:
    from churn_agent import ChurnAgent, Settings

    with ChurnAgent(Settings.load(store=folder)) as agent:
        return agent.ingest(path).rows


def _same(path: Path, folder: Path) -> Path:
    return path


def _last_week(path: Path, folder: Path) -> Path:
    """The export without its last rows, in the folder."""
    lines = path.read_text(encoding="utf-8").splitlines(keepends=True)
    earlier = folder / "earlier.csv"
    earlier.write_text("".join(lines[: round(len(lines) * (1 - _NEW_SHARE))]), encoding="utf-8")
    return earlier


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


_WAYS = {
    "pandas": _pandas,
    "pandas_indexed": _pandas_indexed,
    "churn_agent": _ours,
    "churn_agent_again": _ours,
    "churn_agent_next_week": _ours,
    "sqlite_alone": _sqlite_alone,
}
_PREPARED = {"churn_agent_again": _same, "churn_agent_next_week": _last_week}
"""Way -> the file that was imported before."""


if __name__ == "__main__":
    main()
