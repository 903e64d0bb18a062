"""Makes a labelled set from a store: its outcomes, the history up to them, and approved corrections as gold."""

import csv
import io
import json
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from datetime import date
from pathlib import Path

import yaml
from more_itertools import map_reduce

from churn_agent.domain.interactions import Interaction
from churn_agent.errors import InputError
from churn_agent.evals.sets.labelled import GOLD
from churn_agent.files import atomic
from churn_agent.history import book, interactions
from churn_agent.outcomes.samples import Sample, labelled_samples, with_history
from churn_agent.store.store import Store

_FEWEST = 2
"""Customers of each outcome, without which nothing can be compared."""


@dataclass(frozen=True)
class MadeSet:
    """A set that was made."""

    folder: Path
    samples: int
    churned: int
    customers: int
    interactions: int
    corrections: int
    """Approved corrections of messages in the set."""
    not_approved: int
    """Corrections that are left out because no second look has confirmed them."""
    without_history: int
    """Outcomes of customers who have no interaction up to their date."""


def make_set(store: Store, folder: Path) -> MadeSet:
    """Writes a set into a new folder: interactions, labels, customers, gold and a description.

    A customer's interactions end with the date of their last sample, and attributes are those known at the first one,
    so that no file tells an outcome. The files hold customers' words.

    Args:
        store: with outcomes.
        folder: of the set; it must not exist, or be empty.

    Raises:
        InputError: the folder is not empty, or the store has too few outcomes.
        EmptyStore: there is no history.
    """
    if folder.exists() and any(folder.iterdir()):
        raise InputError(f"{str(folder)!r} is not empty; name a new folder for the set")
    labelled = labelled_samples(store)
    samples = with_history(store, labelled)
    churned = sum(sample.churned for sample in samples)
    if min(churned, len(samples) - churned) < _FEWEST:
        raise InputError(
            f"the store has {churned} outcomes of customers who left and {len(samples) - churned} of others: a set "
            f"needs at least {_FEWEST} of each; import them: churn-agent outcomes import FILE"
        )
    of_customer = map_reduce(samples, lambda sample: sample.customer_id)
    kept = {
        id_: interactions.of_customer(store.history, id_, until=store.card.end_of_day(max(s.as_of for s in own)))
        for id_, own in of_customer.items()
    }
    folder.mkdir(parents=True, exist_ok=True)
    rows = [row for own in kept.values() for row in own]
    atomic.save(
        folder / "interactions.jsonl", "".join(json.dumps(_row(row), ensure_ascii=False) + "\n" for row in rows)
    )
    atomic.save(folder / "labels.csv", _labels(store, samples))
    attributes = list(_attributes(store, of_customer))
    if attributes:
        atomic.save(folder / "customers.csv", _table(attributes))
    in_force = store.corrections_in_force()
    times = {row.id: row.occurred_at for row in rows}
    gold = [each for each in in_force if each.for_all and each.interaction_id in times]
    if gold:
        local = {id_: f"{store.card.local(at):%Y-%m-%dT%H:%M}" for id_, at in times.items()}
        table = [("customer_id", "signal", "timestamp", "shown")]
        table += [
            (each.customer_id, each.concept, local[each.interaction_id], "yes" if each.shown else "no") for each in gold
        ]
        atomic.save(folder / GOLD, _csv(table))
    atomic.save(folder / "set.yaml", _description(store, judged=bool(gold)))
    return MadeSet(
        folder=folder,
        samples=len(samples),
        churned=churned,
        customers=len(of_customer),
        interactions=len(rows),
        corrections=len(gold),
        not_approved=sum(not each.for_all for each in in_force),
        without_history=len(labelled) - len(samples),
    )


def _row(row: Interaction) -> dict[str, object]:
    known: dict[str, object] = {
        "customer_id": row.customer_id,
        "timestamp": row.occurred_at.isoformat(),
        "channel": row.channel,
        "direction": row.direction,
        "author": row.author,
        "speaker_role": row.speaker,
        "text": row.text,
        "amount": row.amount,
    }
    more = {name: value for name, value in row.metadata.items() if name not in known}
    return {name: value for name, value in (known | more).items() if value is not None}


def _labels(store: Store, samples: Sequence[Sample]) -> str:
    horizons = {(label.customer_id, label.as_of): label.horizon_days for label in store.labels()}
    rows = [("customer_id", "as_of", "churned", "horizon_days")]
    for sample in samples:
        horizon = horizons.get((sample.customer_id, sample.as_of.isoformat())) or store.card.horizon_days
        rows.append((sample.customer_id, f"{sample.as_of}", str(int(sample.churned)), str(horizon)))
    return _csv(rows)


def _attributes(store: Store, of_customer: dict[str, list[Sample]]) -> Iterator[dict[str, str]]:
    at: dict[date, list[str]] = map_reduce(
        of_customer.items(), lambda item: min(s.as_of for s in item[1]), lambda item: item[0]
    )
    for day, customers in sorted(at.items()):
        known = book.all_attributes(store.history, as_of=day)
        yield from ({"customer_id": id_, **known[id_]} for id_ in sorted(customers) if known.get(id_))


def _table(rows: Sequence[dict[str, str]]) -> str:
    names = list(dict.fromkeys(name for row in rows for name in row))
    return _csv([names, *([row.get(name, "") for name in names] for row in rows)])


def _csv(rows: Sequence[Sequence[str]]) -> str:
    buffer = io.StringIO(newline="")
    csv.writer(buffer, lineterminator="\n").writerows(rows)
    return buffer.getvalue()


def _description(store: Store, *, judged: bool) -> str:
    card = store.card.model_dump(mode="json", exclude_defaults=True, exclude={"sources"})
    description = {
        "book": card | {"attributes_as_of": "label"},
        "origin": "made by churn-agent eval set new from a store; it holds customers' words",
        "licence": "not to be passed on",
        "speaker": "unknown",
        "gold": "judged" if judged else "complete",
    }
    return yaml.safe_dump(description, allow_unicode=True, sort_keys=False)
