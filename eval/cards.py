"""Assesses a few customers of labelled sets with the default model and writes their cards, to be read by a person.

    python eval/cards.py DATA_FOLDER OUT_FOLDER [--customers 3] [--seed 3] [SET ...]

DATA_FOLDER holds one folder a set (`interactions`, `customers`, `labels`); the cards of the books are in `eval/sets/`.
`docs/cards.md` has the checklist that the cards are read against.
"""

import argparse
import csv
import random
from datetime import date
from pathlib import Path

from churn_agent.evals.sets.labelled import find_set
from churn_agent.reports import files
from churn_agent.settings import Settings

SETS = "online_retail amazon_music_reviews dev_chat telco_ibm oulad_withdrawal churn_intent_chat_en".split()


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("data", type=Path)
    parser.add_argument("out", type=Path)
    parser.add_argument("sets", nargs="*", default=SETS)
    parser.add_argument("--customers", type=int, default=3)
    parser.add_argument("--seed", type=int, default=3)
    arguments, settings = parser.parse_intermixed_args(), Settings.load()
    for name in arguments.sets:
        with (arguments.data / name / "labels.csv").open(encoding="utf-8") as file:
            labels = [row for row in csv.DictReader(file) if row.get("eval_subset", "1") == "1"]
        with find_set(name, near=arguments.data).open(arguments.out / "stores" / name, settings) as agent:
            chosen = random.Random(arguments.seed).sample(labels, arguments.customers)  # noqa: S311 - no secret
            for row in chosen:
                record = agent.assess(row["customer_id"], as_of=date.fromisoformat(row["as_of"]))
                path = arguments.out / f"{name}-{row['customer_id']}.md"
                files.write(record, path)
                print(f"{path}: {record.status}, {record.band}, {record.provenance.seconds:.1f} s", flush=True)


if __name__ == "__main__":
    main()
