"""How long a first list takes: every customer of a new book is screened by facts and the second reader.

    python eval/bench/first_list.py [--customers 300] [--messages 50] [--json FILE]

Histories are drawn from the 14,700 messages in `eval/datasets`. It prints the seconds of import and of the
screening, milliseconds per message, and the minutes that 150,000 messages (3,000 customers) would take at that rate.
The language model is not asked.
"""

import argparse
import csv
import json
import random
import tempfile
import time
from collections.abc import Callable
from datetime import date, timedelta
from pathlib import Path

from churn_agent import ChurnAgent, Settings
from churn_agent.batch.cascade import rank
from churn_agent.elicitation.second_reader.messages import load
from churn_agent.history import interactions

DATASETS = Path(__file__).parents[1] / "datasets"
MESSAGES = 150_000
"""Messages of the book that minutes are stated for."""


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--customers", type=int, default=300)
    parser.add_argument("--messages", type=int, default=50, help="for each customer")
    parser.add_argument("--json", type=Path)
    arguments = parser.parse_args()
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        _write(folder / "book.csv", arguments.customers, arguments.messages)
        with ChurnAgent(Settings.load(store=folder / "store", model="scripted", prompt="encoder")) as agent:
            imported = _seconds(lambda: agent.ingest(folder / "book.csv", unknown_is="customer"))
            ids = interactions.customer_ids(agent.history)
            screened = _seconds(lambda: rank(agent, ids, max(1, len(ids) // 10)))
    messages = arguments.customers * arguments.messages
    result = {
        "customers": arguments.customers,
        "messages": messages,
        "import_s": round(imported, 1),
        "screening_s": round(screened, 1),
        "ms_per_message": round(1000 * screened / messages, 2),
        "minutes_for_150_000_messages": round((imported + screened) / messages * MESSAGES / 60, 1),
    }
    print(json.dumps(result, indent=2))
    if arguments.json:
        arguments.json.write_text(json.dumps(result, indent=2), encoding="utf-8")


def _write(path: Path, customers: int, messages: int) -> None:
    texts = [each.text for each in load(*sorted(DATASETS.glob("bank/*.jsonl")), DATASETS / "held_out.jsonl")]
    rng = random.Random(1)  # noqa: S311 - no secret
    with path.open("w", encoding="utf-8", newline="") as file:
        rows = csv.writer(file)
        rows.writerow(["customer_id", "timestamp", "channel", "text"])
        for customer in range(customers):
            for _ in range(messages):
                day = date(2026, 3, 1) - timedelta(days=rng.randrange(365))
                rows.writerow([f"c{customer}", day.isoformat(), "email", rng.choice(texts)])


def _seconds(work: Callable[[], object]) -> float:
    began = time.perf_counter()
    work()
    return time.perf_counter() - began


if __name__ == "__main__":
    main()
