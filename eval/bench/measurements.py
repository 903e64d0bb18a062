"""Measurements: rows a second into a history, and the time to aggregate them for a customer and to take them back.

    python eval/bench/measurements.py [--rows 1000000]

The rows are five numbers a day, 1,000 rows a customer, in a CSV file. The database aggregates; `customer_ms` is the
median time for the facts of one of 50 customers, `again_rows_a_second` a second import of rows that are there already.
"""

import argparse
import json
import random
import resource
import tempfile
import time
from datetime import date, timedelta
from pathlib import Path
from statistics import median

from churn_agent.assessing.agent import ChurnAgent
from churn_agent.domain.snapshot import Card, Snapshot
from churn_agent.evidence import facts_measurements
from churn_agent.history import measurements
from churn_agent.settings import Settings

_ROWS_EACH = 1_000
_METRICS = ("logins", "exports", "api_calls", "failed_payments", "reports")
_LAST = date(2026, 2, 28)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--rows", type=int, default=1_000_000)
    rows = parser.parse_args().rows
    customers = max(1, rows // _ROWS_EACH)
    with tempfile.TemporaryDirectory() as folder:
        first, second = Path(folder) / "a.csv", Path(folder) / "b.csv"
        _write(first, rows, customers, seed=0)
        _write(second, rows, customers, seed=1)
        with ChurnAgent(Settings.load(store=Path(folder) / "store", model="scripted")) as agent:
            result = {"rows": rows, "rows_a_second": _timed(agent, first, rows)}
            times = [_facts(agent, f"c-{number}") for number in range(0, customers, max(1, customers // 50))]
            result["customer_ms"] = round(1000 * median(times), 1)
            result["again_rows_a_second"] = _timed(agent, second, rows)
            begin = time.perf_counter()
            agent.store.undo_import(2)
            result["undo_seconds"] = round(time.perf_counter() - begin, 1)
        result["store_mb"] = round((Path(folder) / "store" / "history.db").stat().st_size / 1e6)
    result["peak_mib"] = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss // 1024
    print(json.dumps(result, indent=2))


def _write(path: Path, rows: int, customers: int, *, seed: int) -> None:
    draw = random.Random(seed)  # noqa: S311 - no secret
    with path.open("w", encoding="utf-8") as file:
        file.write("customer_id,date,metric,value\n")
        for number in range(rows):
            customer, rest = number % customers, number // customers
            day = _LAST - timedelta(days=rest // len(_METRICS))
            file.write(f"c-{customer},{day},{_METRICS[rest % len(_METRICS)]},{draw.randrange(20)}\n")


def _timed(agent: ChurnAgent, path: Path, rows: int) -> int:
    begin = time.perf_counter()
    agent.ingest([], measurements=path)
    return round(rows / (time.perf_counter() - begin))


def _facts(agent: ChurnAgent, customer_id: str) -> float:
    begin = time.perf_counter()
    series = measurements.of_customer(agent.history, customer_id, until=_LAST)
    snapshot = Snapshot(customer_id, _LAST, Card(), (), measurements=series)
    if not list(facts_measurements.compute(snapshot)):
        raise SystemExit("too few rows for facts")
    return time.perf_counter() - begin


if __name__ == "__main__":
    main()
