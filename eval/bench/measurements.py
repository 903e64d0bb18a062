"""Measurements: rows a second into a history, memory, and the time for the facts of a customer.

    python eval/bench/measurements.py [--rows 1000000] [--parquet] [--once]

The rows are five numbers a day, 1,000 rows a customer, written as they are made to a CSV or Parquet file, and imported
as `churn-agent ingest --measurements` does. The database aggregates. `customer_ms` is the median time for a snapshot
and all facts of one of 50 customers; `customers_ms` and `last_day_ms` are what a batch asks first: who is there, and
until when. `again_` is a second import of rows that are there already, and `undo_seconds` takes it back (neither with
`--once`). `peak_mib` is the highest memory of the first import, of which `start_mib` was in use before it.
"""

import argparse
import json
import random
import resource
import tempfile
import time
from collections.abc import Callable
from datetime import date, timedelta
from pathlib import Path
from statistics import median

from churn_agent.assessing.agent import ChurnAgent
from churn_agent.evidence import facts
from churn_agent.history import interactions
from churn_agent.settings import Settings

_ROWS_EACH = 1_000
_METRICS = ("logins", "exports", "api_calls", "failed_payments", "reports")
_LAST = date(2026, 2, 28)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--rows", type=int, default=1_000_000)
    parser.add_argument("--parquet", action="store_true", help="a Parquet file in place of CSV")
    parser.add_argument("--once", action="store_true", help="neither import the rows again nor undo that")
    options = parser.parse_args()
    rows, customers = options.rows, max(1, options.rows // _ROWS_EACH)
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        files = [_write(folder, rows, customers, seed, options.parquet) for seed in range(1 if options.once else 2)]
        with ChurnAgent(Settings.load(store=folder / "store", model="scripted")) as agent:
            result = {"rows": rows, "start_mib": _peak_mib()}
            result |= _import(agent, files[0], rows, "")
            result["peak_mib"] = _peak_mib()
            result["store_mb"] = round((folder / "store" / "history.db").stat().st_size / 1e6)
            ids = [f"c-{number}" for number in range(0, customers, max(1, customers // 50))]
            result["customer_ms"] = median(_milliseconds(lambda id_=id_: _facts(agent, id_)) for id_ in ids)
            result["customers_ms"] = _milliseconds(lambda: interactions.customer_ids(agent.history))
            result["last_day_ms"] = _milliseconds(agent.store.default_as_of)
            if not options.once:
                result |= _import(agent, files[1], rows, "again_")
                result["undo_seconds"] = round(_milliseconds(lambda: agent.store.undo_import(2)) / 1000, 1)
    print(json.dumps(result, indent=2))


def _write(folder: Path, rows: int, customers: int, seed: int, parquet: bool) -> Path:
    draw = random.Random(seed)  # noqa: S311 - no secret
    path = folder / f"{seed}.csv"
    with path.open("w", encoding="utf-8") as file:
        file.write("customer_id,date,metric,value\n")
        for number in range(rows):
            customer, rest = number % customers, number // customers
            day = _LAST - timedelta(days=rest // len(_METRICS))
            file.write(f"c-{customer},{day},{_METRICS[rest % len(_METRICS)]},{draw.randrange(20)}\n")
    if not parquet:
        return path
    import duckdb

    with duckdb.connect() as connection:
        connection.sql(f"COPY (FROM '{path}') TO '{path.with_suffix('.parquet')}'")  # a stream
    path.unlink()
    return path.with_suffix(".parquet")


def _import(agent: ChurnAgent, path: Path, rows: int, prefix: str) -> dict[str, int]:
    """Imports a file. Returns its rows a second by the clock, and by the processor's time."""
    used = time.process_time()
    by_clock = rows / _milliseconds(lambda: agent.ingest([], measurements=path))
    by_processor = rows / (time.process_time() - used)
    return {f"{prefix}rows_a_second": round(1000 * by_clock), f"{prefix}rows_a_processor_second": round(by_processor)}


def _facts(agent: ChurnAgent, customer_id: str) -> None:
    if not facts.compute(agent.store.snapshot(customer_id, as_of=_LAST)):
        raise SystemExit("too few rows for facts")


def _milliseconds(what: Callable[[], object]) -> float:
    begin = time.perf_counter()
    what()
    return round(1000 * (time.perf_counter() - begin), 1)


def _peak_mib() -> int:
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss // 1024


if __name__ == "__main__":
    main()
