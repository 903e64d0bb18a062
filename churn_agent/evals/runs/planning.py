"""Which samples of which sets a suite is tried on."""

from collections import Counter, defaultdict
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

from churn_agent.assessing.agent import ChurnAgent
from churn_agent.domain.snapshot import Snapshot
from churn_agent.errors import InputError
from churn_agent.evals.runs.predictions import Kind, Prediction, SampleNote, Split
from churn_agent.evals.runs.suite import Suite, Way, Ways, resolve
from churn_agent.evals.sets import labelled as sets
from churn_agent.evals.sets.labelled import LabelledSet
from churn_agent.outcomes.samples import Sample, fingerprint
from churn_agent.settings import Settings

_Gold = Mapping[str, Mapping[str, tuple[str, ...]]]
_FEW_VALUES = 8
_SHOWN, _QUOTED = 6, 400
"""Interactions of a sample that a report shows, and characters of each."""


@dataclass(frozen=True)
class Planned:
    """A set, the samples drawn from it, and the prompts, models and methods to run on them."""

    name: str
    """As the run calls it: the set's name, or `A to B` for both sets of a pair."""
    labelled: LabelledSet
    samples: Sequence[Sample]
    development: frozenset[str]
    """Ids of the samples that choices are made on."""
    ways: Sequence[tuple[Way, Sequence[Sample]]]
    notes: Sequence[SampleNote]
    store: Path
    all_samples: int = 0
    """How many the set has, drawn or not."""
    all_labels: str = ""
    """Fingerprint of all labels of the set, drawn or not."""
    learned_on: "Planned | None" = None
    """The other set of a pair, on which all is learned that is judged on this one."""
    only_learned_on: bool = False
    """The set is the first of a pair."""

    @property
    def role(self) -> str:
        """What comes before its name where both sets of a pair are named."""
        return "train: " if self.only_learned_on else "test: " if self.learned_on else ""

    def split_of(self, sample: Sample) -> Split:
        """The split that a sample belongs to."""
        if self.only_learned_on:
            return "train"
        return "development" if sample.id in self.development else "test"

    def prediction(self, sample: Sample, kind: Kind, **fields: Any) -> Prediction:
        """A prediction about a sample; the other fields as `Prediction` has them."""
        return Prediction(
            set=self.name,
            customer_id=sample.customer_id,
            as_of=sample.as_of.isoformat(),
            churned=sample.churned,
            split=self.split_of(sample),
            kind=kind,
            **fields,
        )


def plan(suite: Suite, settings: Settings, *, near: Path, stores: Path, limit: int | None = None) -> list[Planned]:
    """Imports the sets and draws the samples.

    Args:
        suite: what to run.
        settings: of models and prompts, as `assess` takes them.
        near: folder that paths in the suite are relative to.
        stores: folder of the stores that sets are imported into, one each.
        limit: most samples of each set, if fewer than the suite's.

    Raises:
        InputError, DataError: a way or a set cannot be used; ways are looked at before any set.
    """
    ways = [(ways, list(resolve(ways, settings))) for ways in suite.ways]
    most = min((n for n in (limit, suite.limit) if n), default=None)
    drawing = _Drawing(suite, settings, ways, stores, most)
    labelled_sets = [sets.find_set(name, near=near, sets_dir=settings.sets_dir) for name in suite.names]
    if suite.sets:
        if len({labelled.name for labelled in labelled_sets}) < len(labelled_sets):
            raise InputError("two sets of a suite have the same folder name; rename one")
        return [drawing.plan(labelled, labelled.name) for labelled in labelled_sets]
    name = " to ".join(labelled.name for labelled in labelled_sets)
    train, test = (drawing.plan(labelled, name) for labelled in labelled_sets)
    both = {sample.customer_id for sample in train.samples} & {sample.customer_id for sample in test.samples}
    if both:
        raise InputError(f"{len(both)} customers are in both sets of {name!r} ({min(both)}); remove them from one")
    train = replace(train, only_learned_on=True)
    return [train, replace(test, development=frozenset(), learned_on=train)]


@dataclass(frozen=True)
class _Drawing:
    """Draws the samples of a suite from its sets."""

    suite: Suite
    settings: Settings
    ways: Sequence[tuple[Ways, Sequence[Way]]]
    stores: Path
    most: int | None

    def plan(self, labelled: LabelledSet, name: str) -> Planned:
        store, seed = labelled.store_in(self.stores), self.suite.seed
        with labelled.open(store, self.settings) as agent:
            all_samples = labelled.samples(agent)
            # Before drawing, so that a sample is on the same side however many are drawn.
            development, test = sets.split(all_samples, labelled.description.split)
            samples = sets.draw([all_samples[i] for i in sorted((*development, *test))], self.most, seed=seed)
            notes = _describe(name, samples, agent, labelled)
        drawn = frozenset(sample.id for sample in samples)
        samples_of_ways = {
            way: sets.draw(samples, ways.limit, seed=seed)
            for ways, resolved in self.ways
            if ways.sets is None or labelled.name in ways.sets
            for way in resolved
        }
        return Planned(
            name,
            labelled,
            samples,
            drawn & {all_samples[i].id for i in development},
            list(samples_of_ways.items()),
            notes,
            store,
            all_samples=len(all_samples),
            all_labels=fingerprint(all_samples),
        )


def _describe(name: str, samples: Sequence[Sample], agent: ChurnAgent, labelled: LabelledSet) -> list[SampleNote]:
    gold, judged = labelled.gold(), labelled.judged()
    snapshots = [agent.store.snapshot(sample.customer_id, as_of=sample.as_of) for sample in samples]
    values = defaultdict[str, set[str]](set)
    for snapshot in snapshots:
        for attribute, value in snapshot.attributes.items():
            values[attribute].add(value)
    kinds = {attribute for attribute, some in values.items() if 1 < len(some) <= _FEW_VALUES}
    return [
        SampleNote(
            set=name,
            customer_id=sample.customer_id,
            as_of=sample.as_of.isoformat(),
            segments=_segments(snapshot) | {k: v for k, v in snapshot.attributes.items() if k in kinds},
            evidence=[
                f"{snapshot.card.local(latest.occurred_at):%Y-%m-%d} {latest.channel}: {latest.text[:_QUOTED]}"
                for latest in (snapshot.messages or snapshot.interactions)[-_SHOWN:]
            ],
            gold=_gold_of(sample, gold, judged),
            judged=judged.get(sample.customer_id) if judged else None,
        )
        for sample, snapshot in zip(samples, snapshots, strict=True)
    ]


def _gold_of(sample: Sample, gold: _Gold, judged: _Gold | None) -> Mapping[str, tuple[str, ...]] | None:
    """What a reader should find for a sample; None if nobody has looked."""
    looked = bool(gold) if judged is None else sample.customer_id in judged
    return gold.get(sample.customer_id, {}) if looked else None


def _segments(snapshot: Snapshot) -> dict[str, str]:
    languages = Counter(message.language for message in snapshot.messages if message.language)
    channels = Counter(interaction.channel for interaction in snapshot.interactions)
    n = len(snapshot.interactions)
    sizes = {1: "1 interaction", 5: "2 to 5", 20: "6 to 20", 100: "21 to 100"}
    segments = {"history": next((name for most, name in sizes.items() if n <= most), "more than 100")}
    if languages:
        segments["language"] = languages.most_common(1)[0][0]
    if channels:
        segments["channel"] = channels.most_common(1)[0][0]
    return segments
