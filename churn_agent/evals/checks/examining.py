"""Is a set fit to judge by? Each finding says what is wrong, how it shows, and what to do."""

from collections.abc import Callable
from pathlib import Path

import numpy as np

from churn_agent.assessing.agent import ChurnAgent
from churn_agent.evals.checks import faults
from churn_agent.evals.checks.faults import Finding
from churn_agent.evals.runs.suite import Suite, load_suite
from churn_agent.evals.sets import labelled as sets
from churn_agent.evals.sets.labelled import LabelledSet
from churn_agent.models.base import ChatModel
from churn_agent.settings import Settings


def examine_sets(
    name: str,
    *,
    settings: Settings,
    stores: Path,
    delta: float | None = None,
    with_model: bool = False,
    notify: Callable[[str], None] = lambda what: None,
) -> dict[str, list[Finding]]:
    """Examines a set, or each set of a suite file.

    Args:
        name: name or path of a set, or path of a suite file (`.yaml`).
        settings: of models, as `assess` takes them.
        stores: folder of the stores that sets are imported into, one each.
        delta: as for `examine`.
        with_model: also ask the language model whether it knows texts by heart.
        notify: called with a few words about progress.

    Returns:
        Set -> its findings, faults first.

    Raises:
        InputError, DataError: the suite or a set cannot be used.
        Unavailable: a model or a store cannot be used.
    """
    path = Path(name)
    is_suite = path.suffix == ".yaml"
    suite = load_suite(path) if is_suite else Suite(sets=(name,))
    findings: dict[str, list[Finding]] = {}
    for set_name in suite.names:
        near = path.parent if is_suite else Path()
        labelled = sets.find_set(set_name, near=near, sets_dir=settings.sets_dir)
        notify(f"examining {labelled.name}")
        with labelled.open(labelled.store_in(stores), settings) as agent:
            model = agent.model if with_model else None
            findings[labelled.name] = examine(labelled, agent, delta=delta, limit=suite.limit, model=model)
    return findings


def examine(
    labelled: LabelledSet,
    agent: ChurnAgent,
    *,
    delta: float | None = None,
    limit: int | None = None,
    model: ChatModel | None = None,
) -> list[Finding]:
    """All findings on a set, faults first.

    Args:
        labelled: the set.
        agent: on a store that holds it.
        delta: the difference of AUROCs (above 0) that the set is to show; if none is asked for, a set that shows only
            those above .15 is warned of.
        limit: samples that will be drawn, if fewer than the set has.
        model: asked whether it knows texts of the set by heart; None leaves that out.

    Raises:
        DataError: the set cannot be judged by at all.
    """
    samples = labelled.samples(agent)
    snapshots = [agent.store.snapshot(sample.customer_id, as_of=sample.as_of) for sample in samples]
    labels = np.array([sample.churned for sample in samples])
    findings = [
        *faults.outcomes_in_texts(snapshots, labels),
        *faults.later_dates(snapshots, labels),
        *faults.telling_identifiers(samples, labels),
        *faults.size(labelled, samples, labels, delta, limit),
        *faults.base_rate(labels),
        *faults.duplicates(labelled, samples, snapshots),
        *faults.nothing_to_find(samples, snapshots),
        *(faults.memorised(model, snapshots) if model else ()),
    ]
    return sorted(findings, key=lambda finding: finding.weight != "fault")
