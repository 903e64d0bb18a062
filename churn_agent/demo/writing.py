"""Writes a simulated book as ordinary import files."""

import csv
from collections.abc import Callable, Iterable
from contextlib import ExitStack
from pathlib import Path
from typing import Any

import yaml

from churn_agent.demo import accounts
from churn_agent.demo.phrases import load
from churn_agent.demo.simulator import HORIZON_DAYS, simulate
from churn_agent.demo.state import DemoCustomer, Event
from churn_agent.files import atomic

SEED = 7
"""Seed of the book that `churn-agent demo` writes."""
_NOTE = "SYNTHETIC: a fictional company for demos; it shows nothing about the quality of assessments."
_INTERACTIONS = ("customer_id", "timestamp", "channel", "direction", "author", "text", "amount")
_OF_ACCOUNTS = ("speaker", "due_date", "paid_on")
"""Further columns of interactions of accounts."""


def write_book(
    folder: Path,
    domain: str,
    n: int,
    *,
    seed: int = SEED,
    progress: Callable[[int, int], None] = lambda done, total: None,
) -> None:
    """Writes `interactions.csv`, `customers.csv`, `labels.csv` and `card.yaml` for `n` customers into `folder`.

    Accounts (domain `software`) have `measurements.csv`, too.
    """
    folder.mkdir(parents=True, exist_ok=True)
    with ExitStack() as files:

        def table(name: str) -> Any:
            file = files.enter_context((folder / f"{name}.csv").open("w", encoding="utf-8", newline=""))
            return csv.writer(file)

        of_accounts = domain == "software"
        interactions, customers, labels = table("interactions"), table("customers"), table("labels")
        measurements = table("measurements") if of_accounts else None
        metrics = ("logins", "jobs_planned", "active_people", "seats", "nps")
        interactions.writerow(_INTERACTIONS + (_OF_ACCOUNTS if of_accounts else ()))
        labels.writerow(
            ("customer_id", "as_of", "churned", "horizon_days", *(("notice_on", "left_on") if of_accounts else ()))
        )
        if measurements:
            measurements.writerow(("customer_id", "week_start", *metrics))
        for done, customer in enumerate(simulate(domain, n, seed=seed), start=1):
            id_ = customer.customer_id
            if done == 1:
                customers.writerow(("customer_id", *customer.attributes))
            customers.writerow((id_, *customer.attributes.values()))
            interactions.writerows((id_, *_cells(event, of_accounts=of_accounts)) for event in customer.events)
            labels.writerow((id_, *_outcome(customer, of_accounts=of_accounts)))
            if measurements:
                measurements.writerows(
                    (id_, one.week, *(one.values.get(metric, "") for metric in metrics))
                    for one in customer.measurements
                )
            progress(done, n)
    # Written last, because the card marks the book as complete.
    atomic.write(folder / "card.yaml", yaml.safe_dump(card_of(domain), sort_keys=False, allow_unicode=True))


def card_of(domain: str) -> dict[str, Any]:
    """Returns the card of a domain's company."""
    if domain == "software":
        own = accounts.card()
    else:
        company = load().domains[domain]
        own = {
            "company": company.company,
            "competitors": list(company.rivals),
            "domain": domain,
            "churn_means": company.churn_means,
            "value_attribute": "yearly_value",
        }
    return own | {"horizon_days": HORIZON_DAYS, "time_zone": "UTC", "currency": "EUR", "note": _NOTE}


def _cells(event: Event, *, of_accounts: bool) -> Iterable[object]:
    amount = "" if event.amount is None else f"{event.amount:.2f}"
    yield from (event.at.isoformat(), event.channel, event.direction or "", event.author or "", event.text, amount)
    if of_accounts:
        yield from (event.speaker or "", event.due or "", event.paid or "")


def _outcome(customer: DemoCustomer, *, of_accounts: bool) -> Iterable[object]:
    label = customer.label
    yield from (label.as_of, int(label.churned), label.horizon_days)
    if of_accounts:
        yield from (label.notice_on or "", label.left_on or "")
