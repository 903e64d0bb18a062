"""Compares two runs."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from churn_agent.domain.assessment import Assessment, Band
from churn_agent.history import records
from churn_agent.store.store import Store


@dataclass(frozen=True)
class Moved:
    """A customer whose band changed."""

    customer_id: str
    band: Band | None
    band_before: Band | None
    value: float | None
    value_before: float | None


@dataclass(frozen=True)
class RunDiff:
    """The differences between two runs."""

    first: str
    second: str
    spec: Mapping[str, tuple[Any, Any]]
    """Different options of the runs: name -> (first, second)."""
    both: int
    only_first: Sequence[str]
    only_second: Sequence[str]
    moved: Sequence[Moved]
    """Customers whose band changed, largest change of the number first."""


def compare(store: Store, first: str, second: str) -> RunDiff:
    """Compares two runs of a store.

    Args:
        store: the store of both runs.
        first: start of a run's id, or `latest`.
        second: start of the other run's id, or `latest`.

    Raises:
        InputError: there is no such run.
    """
    a, b = (store.run(name) for name in (first, second))
    of_a, of_b = ({record.customer_id: record for record in records.of_run(store.history, run.id)} for run in (a, b))
    moved = [
        Moved(id_, of_b[id_].band, of_a[id_].band, _shown(of_b[id_]), _shown(of_a[id_]))
        for id_ in of_a.keys() & of_b.keys()
        if of_a[id_].band != of_b[id_].band
    ]
    moved.sort(key=lambda m: (-abs((m.value or 0) - (m.value_before or 0)), m.customer_id))
    names = dict.fromkeys((*a.spec, *b.spec))
    return RunDiff(
        a.id,
        b.id,
        {n: (a.spec.get(n), b.spec.get(n)) for n in names if n != "file" and a.spec.get(n) != b.spec.get(n)},
        len(of_a.keys() & of_b.keys()),
        sorted(of_a.keys() - of_b.keys()),
        sorted(of_b.keys() - of_a.keys()),
        moved,
    )


def _shown(assessment: Assessment) -> float | None:
    return assessment.churn_probability.shown if assessment.churn_probability else None
