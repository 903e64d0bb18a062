"""Computes the records of a run again, from the history as of their date and the stored answers of the model."""

import math
from collections import Counter
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, cast

from churn_agent.assessing.agent import ChurnAgent
from churn_agent.assessing.pipeline import Setup
from churn_agent.batch.remaking import recreated_agent
from churn_agent.domain.assessment import Assessment
from churn_agent.errors import AnswerNotStored, UnknownCustomer
from churn_agent.evidence.facts import compute
from churn_agent.history import records
from churn_agent.history.runs import NEWEST

_COMPARED = frozenset({"evidence_ids", "rejected_quotes"})
"""Fields of the provenance that are computed. The others name what a record was made with, or what it cost."""
_NAMES = ("concept", "name", "playbook_id", "kind")
"""Fields that name the parts of a record in paths."""


@dataclass(frozen=True)
class Difference:
    """A field of a record that has another value when it is computed again."""

    customer_id: str
    field: str
    """Path of the field, as `reasons.price.contribution`."""
    stored: Any
    computed: Any


@dataclass(frozen=True)
class Verification:
    """The result of computing the records of a run again."""

    run_id: str
    verified: int
    """Number of records computed again."""
    differences: Sequence[Difference]
    not_verified: Mapping[str, str]
    """Customer -> why the record cannot be computed again."""

    @property
    def differing(self) -> int:
        """Number of records with a difference."""
        return len({difference.customer_id for difference in self.differences})


def verify(
    agent: ChurnAgent, run: str = NEWEST, *, progress: Callable[[int, int], None] = lambda done, total: None
) -> Verification:
    """Computes the records of a run again and compares them field by field. No model is asked, nothing is stored.

    A record differs where the history as of its date, people's corrections, the card, the playbook, a setting or the
    rules have changed since, and where the stored record itself was changed.

    Args:
        agent: on the store of the run, with its model.
        run: start of the run's id, or `latest`.
        progress: called after each record with the number of records done, and of all.

    Raises:
        InputError: there is no such run.
        NotAsMade: the model, the prompt or the method of a record has changed.
        Unavailable: the model or the store cannot be used.
    """
    logged = agent.store.run(run)
    limits = dict(zip(("evidence_limit", "evidence_tokens"), logged.spec.get("evidence", ()), strict=False))
    unasked = agent.varied(**limits).without_asking()
    rows = list(records.rows_of_run(agent.store.history, logged.id))
    ways: dict[tuple[object, ...], tuple[ChurnAgent, Setup]] = {}
    differences: list[Difference] = []
    not_verified: dict[str, str] = {}
    for n, (row_id, stored) in enumerate(rows, start=1):
        why = _why_not(stored)
        if why is None:
            how = stored.provenance
            way = (how.model_id, how.model_sha256, how.model_fingerprint, how.prompt, how.prompt_hash,
                   how.thresholds_hash, how.method, how.seed)  # fmt: skip
            if way not in ways:
                same = recreated_agent(unasked, stored)
                ways[way] = same, same.setup()
            try:
                computed = _again(stored, row_id, *ways[way])
            except (AnswerNotStored, UnknownCustomer) as error:
                why = str(error)
            else:
                differences += compared(stored, computed)
        if why:
            not_verified[stored.customer_id] = why
        progress(n, len(rows))
    return Verification(logged.id, len(rows) - len(not_verified), differences, not_verified)


def _why_not(record: Assessment) -> str | None:
    """Why a record cannot be computed from stored answers; None if it can."""
    if record.provenance.on_withdrawn_data:
        return "an import that it rests on was undone"
    return "failed" if record.status == "failed" else None


def _again(stored: Assessment, row_id: int, agent: ChurnAgent, setup: Setup) -> Assessment:
    id_, day = stored.customer_id, stored.as_of
    if stored.screening is not None:
        # The latest message was always read, and those before it as the rounds of the screening went.
        read = stored.provenance.evidence_ids
        [screening] = agent.screen_many([id_], as_of=day, latest=1, read=read, setup=setup)
        return screening.record(compute(agent.store.snapshot(id_, as_of=day)))
    before = records.before(agent.store.history, id_, day, method=stored.provenance.method, row_id=row_id)
    [computed] = agent.judge([agent.store.snapshot(id_, as_of=day)], setup, before=[before])
    return computed


def compared(stored: Assessment, computed: Assessment) -> list[Difference]:
    """The fields of a record that differ from another one of the same customer and date; costs do not count."""
    return [
        Difference(stored.customer_id, *difference)
        for difference in _differences(_document(stored), _document(computed))
    ]


def _document(record: Assessment) -> dict[str, Any]:
    document = record.model_dump(mode="json")
    document["provenance"] = {name: document["provenance"][name] for name in sorted(_COMPARED)}
    return document


def _differences(stored: Any, computed: Any, path: str = "") -> Iterator[tuple[str, Any, Any]]:
    """Yields (path, stored value, computed value) of what differs; None where there is no such part."""
    parts = [_parts(value) for value in (stored, computed)]
    if parts[0] is not None and parts[1] is not None:
        for name in {**parts[0], **parts[1]}:
            yield from _differences(parts[0].get(name), parts[1].get(name), f"{path}.{name}" if path else name)
    elif not _equal(stored, computed):
        yield path, stored, computed


def _parts(value: Any) -> dict[str, Any] | None:
    """The parts of a value by name; None if it has none. Parts of a list have the names of their concepts."""
    if isinstance(value, dict):
        return cast("dict[str, Any]", value)
    if not isinstance(value, list):
        return None
    items = cast("list[Any]", value)
    if not all(isinstance(item, dict) for item in items):
        return None
    taken: Counter[str] = Counter()
    named: dict[str, Any] = {}
    for n, item in enumerate(cast("list[dict[str, Any]]", items)):
        name = next((str(item[key]) for key in _NAMES if key in item), str(n))
        taken[name] += 1
        named[name if taken[name] == 1 else f"{name}.{taken[name]}"] = item
    return named


def _equal(stored: Any, computed: Any) -> bool:
    if isinstance(stored, float) and isinstance(computed, float):
        return math.isclose(stored, computed, rel_tol=1e-6, abs_tol=1e-9)
    return stored == computed
