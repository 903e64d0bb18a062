"""Writes a simulated book as ordinary import files."""

import csv
from collections.abc import Callable
from pathlib import Path

import yaml

from churn_agent.demo.phrases import load
from churn_agent.demo.simulator import HORIZON_DAYS, simulate
from churn_agent.files import atomic

SEED = 7
"""Seed of the book that `churn-agent demo` writes."""
_ATTRIBUTES = ("segment", "region", "owner", "yearly_value", "renewal_date")
_COLUMNS = ("customer_id", "timestamp", "channel", "direction", "author", "text", "amount")


def write_book(
    folder: Path,
    domain: str,
    n: int,
    *,
    seed: int = SEED,
    progress: Callable[[int, int], None] = lambda done, total: None,
) -> None:
    """Writes `interactions.csv`, `customers.csv`, `labels.csv` and `card.yaml` for `n` customers into `folder`."""
    folder.mkdir(parents=True, exist_ok=True)
    company = load().domains[domain]
    card = {
        "company": company.company,
        "competitors": list(company.rivals),
        "domain": domain,
        "churn_means": company.churn_means,
        "horizon_days": HORIZON_DAYS,
        "time_zone": "UTC",
        "value_attribute": "yearly_value",
        "currency": "EUR",
        "note": "SYNTHETIC: a fictional company for demos; it shows nothing about the quality of assessments.",
    }
    with (
        (folder / "interactions.csv").open("w", encoding="utf-8", newline="") as interactions_file,
        (folder / "customers.csv").open("w", encoding="utf-8", newline="") as customers_file,
        (folder / "labels.csv").open("w", encoding="utf-8", newline="") as labels_file,
    ):
        interactions = csv.writer(interactions_file)
        customers = csv.writer(customers_file)
        labels = csv.writer(labels_file)
        interactions.writerow(_COLUMNS)
        customers.writerow(("customer_id", *_ATTRIBUTES))
        labels.writerow(("customer_id", "as_of", "churned", "horizon_days"))
        for done, customer in enumerate(simulate(domain, n, seed=seed), start=1):
            id_ = customer.customer_id
            for e in customer.events:
                amount = "" if e.amount is None else f"{e.amount:.2f}"
                interactions.writerow(
                    (id_, e.at.isoformat(), e.channel, e.direction or "", e.author or "", e.text, amount)
                )
            customers.writerow((id_, *(customer.attributes[name] for name in _ATTRIBUTES)))
            label = customer.label
            labels.writerow((id_, label.as_of, int(label.churned), label.horizon_days))
            progress(done, n)
    # Written last, because the card marks the book as complete.
    atomic.write(folder / "card.yaml", yaml.safe_dump(card, sort_keys=False, allow_unicode=True))
