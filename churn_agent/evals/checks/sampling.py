"""The sets that a check examines, opened, with the samples drawn from them."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

from churn_agent.assessing.agent import NO_METHOD, ChurnAgent
from churn_agent.domain.snapshot import Snapshot
from churn_agent.evals.runs.progress import Progress
from churn_agent.evals.sets import labelled as sets
from churn_agent.evals.sets.labelled import LabelledSet
from churn_agent.outcomes.samples import Sample
from churn_agent.settings import Settings


@dataclass(frozen=True)
class DrawnSet:
    """An open set and the samples drawn from it."""

    labelled: LabelledSet
    agent: ChurnAgent
    """With the default prompt and no trained method, on the store of the set."""
    samples: list[Sample]

    @property
    def name(self) -> str:
        """The name of the set."""
        return self.labelled.name

    def snapshots(self) -> list[Snapshot]:
        """The histories of the samples, each as it was at the date of the sample."""
        return [self.agent.store.snapshot(sample.customer_id, as_of=sample.as_of) for sample in self.samples]


def drawn_sets(
    names: Sequence[str], settings: Settings, *, stores: Path, limit: int | None, progress: Progress
) -> Iterator[DrawnSet]:
    """Yields each set. It is open until the next one is requested.

    Args:
        names: names or paths of the sets.
        settings: of the agent, without a trained method.
        stores: folder of the stores that sets are imported into, one each.
        limit: most samples of each set; all if None.
        progress: receives an event for each set.

    Raises:
        InputError, DataError: a set cannot be used.
    """
    plain = settings.changed(method=NO_METHOD)
    for name in names:
        labelled = sets.find_set(name, near=Path(), sets_dir=settings.sets_dir)
        progress.began(f"{labelled.name}: reading", 1)
        with labelled.open(labelled.store_in(stores), plain) as agent:
            yield DrawnSet(labelled, agent, sets.draw(labelled.samples(agent), limit))
