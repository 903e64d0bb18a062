"""Runs a suite into a folder. A second call on the same folder repeats no finished prediction and no paid answer."""

import time
from collections import Counter, defaultdict
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from itertools import groupby
from pathlib import Path
from typing import Any, Literal, Protocol

from pydantic import BaseModel, ConfigDict, ValidationError

from churn_agent import training
from churn_agent.agent import NO_METHOD, ChurnAgent
from churn_agent.domain.assessment import Assessment, Status
from churn_agent.domain.snapshot import Snapshot
from churn_agent.errors import DataError, InputError
from churn_agent.evals import sets
from churn_agent.evals.sets import LabelledSet
from churn_agent.evals.suite import Suite, Way, find_methods, resolve
from churn_agent.learning.methods import cross_fitted, needs_of, score
from churn_agent.settings import Settings
from churn_agent.training import Sample

Split = Literal["train", "development", "test"]
"""Choices are made on the first two. `train` is a set of its own, which nothing is judged on."""
PREDICTIONS, SAMPLES = "predictions.jsonl", "samples.jsonl"
_PILOT = 4
"""Samples of each way that are assessed first, to tell how long the rest will take."""
_FEW_VALUES = 8
_SHOWN, _QUOTED = 6, 400
"""Interactions of a sample that a report shows, and characters of each."""


class _OfSample(BaseModel):
    model_config = ConfigDict(extra="forbid", frozen=True)

    set: str
    customer_id: str
    as_of: str

    @property
    def sample_id(self) -> str:
        """As `Sample.id`."""
        return f"{self.customer_id}@{self.as_of}"


class Prediction(_OfSample):
    """What one method said about one sample."""

    churned: bool
    split: Split
    method: str
    """`mode/prompt model`, or the name of a classic method."""
    repeat: int = 0
    """0 is the first time; others are for stability alone."""
    prompt: str | None = None
    model: str | None = None
    churn_probability: float | None
    """Raw score, 0 to 1; None unless assessed."""
    status: Status = "assessed"
    status_reason: str | None = None
    prompt_tokens: int = 0
    output_tokens: int = 0
    seconds: float = 0.0
    quotes: int = 0
    verified_quotes: int = 0
    found: Mapping[str, tuple[str, ...]] = {}
    """Signal -> local times of the interactions that verified quotes show it in."""


class SampleNote(_OfSample):
    """What a sample is like, for those who read a report."""

    segments: dict[str, str]
    """Kind -> which: `language`, `channel`, `history`, and attributes that few values share."""
    evidence: list[str]
    """Their latest words."""
    gold: Mapping[str, tuple[str, ...]] | None = None
    """What a reader should find, as `Prediction.found`; None if the set does not say."""


@dataclass(frozen=True)
class Planned:
    """A set with the samples that are drawn from it and what is tried on them."""

    name: str
    """As the run calls it: the set's name, or `A to B` for both sets of a pair."""
    labelled: LabelledSet
    samples: Sequence[Sample]
    development: frozenset[str]
    """Ids of the samples that choices are made on."""
    ways: Sequence[tuple[Way, Sequence[Sample]]]
    notes: Sequence[SampleNote]
    store: Path
    all_labels: str = ""
    """Fingerprint of all labels of the set, drawn or not."""
    learned_on: "Planned | None" = None
    """The other set of a pair, on which all is learned that is judged on this one."""
    only_learned_on: bool = False
    """The set is the first of a pair."""

    def split_of(self, sample: Sample) -> Split:
        if self.only_learned_on:
            return "train"
        return "development" if sample.id in self.development else "test"

    def prediction(self, sample: Sample, method: str, **said: Any) -> Prediction:
        """What a method said about a sample."""
        return Prediction(
            set=self.name,
            customer_id=sample.customer_id,
            as_of=sample.as_of.isoformat(),
            churned=sample.churned,
            split=self.split_of(sample),
            method=method,
            **said,
        )


@dataclass
class Estimate:
    """What is left to do, judged by the first samples of each way."""

    samples: int = 0
    """Assessments by language models."""
    tokens: float = 0.0
    seconds: float = 0.0


class Progress(Protocol):
    """Is told how a run goes."""

    def planned(self, plan: Sequence[Planned]) -> None:
        """What is going to be done."""

    def estimated(self, estimate: Estimate) -> None:
        """What that will take."""

    def began(self, what: str, total: int) -> None:
        """A method on a set."""

    def advanced(self) -> None:
        """By a sample."""

    def left_out(self, name: str, method: str, why: str) -> None:
        """A classic method cannot be used on a set."""


class _Silent(Progress):
    pass


class Writer:
    """The predictions of a run, on disk as soon as they are made."""

    def __init__(self, folder: Path) -> None:
        """Reads what an earlier call left; a last line that was cut off is dropped.

        Raises:
            InputError: the folder holds something else.
        """
        folder.mkdir(parents=True, exist_ok=True)
        self._path = folder / PREDICTIONS
        self.made = [p for p in read_predictions(folder) if p.status != "failed"] if self._path.exists() else []
        self._path.write_text("".join(p.model_dump_json() + "\n" for p in self.made), encoding="utf-8")

    def lacks(self, name: str, method: str, samples: Sequence[Sample], *, repeat: int = 0) -> list[Sample]:
        """The samples that a method has not judged yet."""
        done = {p.sample_id for p in self.made if (p.set, p.method, p.repeat) == (name, method, repeat)}
        return [sample for sample in samples if sample.id not in done]

    def add(self, predictions: Sequence[Prediction]) -> None:
        with self._path.open("a", encoding="utf-8") as file:
            file.writelines(prediction.model_dump_json() + "\n" for prediction in predictions)
        self.made += predictions


def read_predictions(folder: Path) -> list[Prediction]:
    """The predictions of a run. Raises `InputError` if the folder holds none or something else."""
    path = folder / PREDICTIONS
    try:
        lines = path.read_text(encoding="utf-8").splitlines(keepends=True)
    except OSError as error:
        raise InputError(f"{str(folder)!r} is no run of an eval: {error.strerror}: {path.name}") from error
    if lines and not lines[-1].endswith("\n"):
        lines.pop()
    found: list[Prediction] = []
    for number, line in enumerate(lines, start=1):
        try:
            found.append(Prediction.model_validate_json(line))
        except ValidationError as error:
            raise InputError(f"{path}:{number} is no prediction; give another folder") from error
    return found


def plan(suite: Suite, settings: Settings, *, near: Path, out: Path, limit: int | None = None) -> list[Planned]:
    """Imports the sets and draws the samples.

    Args:
        near: folder that paths in the suite are relative to.
        limit: most samples of each set, if fewer than the suite's.

    Raises:
        InputError, DataError: a set cannot be used.
    """
    most = min((n for n in (limit, suite.limit) if n), default=None)
    drawing = _Drawing(suite, settings, out.parent / "stores", most)
    found = [sets.find_set(name, near=near, sets_dir=settings.sets_dir) for name in suite.names]
    if len({labelled.name for labelled in found}) < len(found):
        raise InputError("two sets of a suite have the same folder name; rename one")
    if suite.sets:
        return [drawing.plan(labelled, labelled.name) for labelled in found]
    name = " to ".join(labelled.name for labelled in found)
    train, test = (drawing.plan(labelled, name) for labelled in found)
    both = {sample.customer_id for sample in train.samples} & {sample.customer_id for sample in test.samples}
    if both:
        raise InputError(f"{len(both)} customers are in both sets of {name!r} ({min(both)}); take them out of one")
    train = replace(train, only_learned_on=True)
    return [train, replace(test, development=frozenset(), learned_on=train)]


@dataclass(frozen=True)
class _Drawing:
    """Draws what a suite wants of its sets."""

    suite: Suite
    settings: Settings
    stores: Path
    most: int | None

    def plan(self, labelled: LabelledSet, name: str) -> Planned:
        store, seed = self.stores / labelled.name, self.suite.seed
        with labelled.open(store) as agent:
            found = labelled.samples(agent)
            samples = sets.draw(found, self.most, seed=seed)
            notes = _describe(name, samples, agent, labelled.gold())
        development, _ = sets.split(samples, labelled.card.split)
        tried = {
            way: sets.draw(samples, each.limit, seed=seed)
            for each in self.suite.ways
            if each.sets is None or labelled.name in each.sets
            for way in resolve(each, self.settings)
        }
        of_development = frozenset(samples[i].id for i in development)
        ways = list(tried.items())
        return Planned(name, labelled, samples, of_development, ways, notes, store, training.fingerprint(found))


def _describe(
    name: str, samples: Sequence[Sample], agent: ChurnAgent, gold: Mapping[str, Mapping[str, tuple[str, ...]]]
) -> list[SampleNote]:
    snapshots = [agent.snapshot(sample.customer_id, as_of=sample.as_of) for sample in samples]
    values = defaultdict[str, set[str]](set)
    for snapshot in snapshots:
        for attribute, value in snapshot.attributes.items():
            values[attribute].add(value)
    kinds = {attribute for attribute, found in values.items() if 1 < len(found) <= _FEW_VALUES}
    return [
        SampleNote(
            set=name,
            customer_id=sample.customer_id,
            as_of=sample.as_of.isoformat(),
            segments=_segments(snapshot) | {k: v for k, v in snapshot.attributes.items() if k in kinds},
            evidence=[
                f"{each.local_time:%Y-%m-%d} {each.channel}: {each.text[:_QUOTED]}"
                for each in (snapshot.messages or snapshot.interactions)[-_SHOWN:]
            ],
            gold=gold.get(sample.customer_id, {}) if gold else None,
        )
        for sample, snapshot in zip(samples, snapshots, strict=True)
    ]


def _segments(snapshot: Snapshot) -> dict[str, str]:
    languages = Counter(each.language for each in snapshot.messages if each.language)
    channels = Counter(each.channel for each in snapshot.interactions)
    n = len(snapshot.interactions)
    sizes = {1: "1 interaction", 5: "2 to 5", 20: "6 to 20", 100: "21 to 100"}
    found = {"history": next((name for most, name in sizes.items() if n <= most), "more than 100")}
    if languages:
        found["language"] = languages.most_common(1)[0][0]
    if channels:
        found["channel"] = channels.most_common(1)[0][0]
    return found


def read_notes(folder: Path) -> list[SampleNote]:
    """What the samples of a run are like; nothing if the run was made by hand."""
    path = folder / SAMPLES
    if not path.exists():
        return []
    return [SampleNote.model_validate_json(line) for line in path.read_text(encoding="utf-8").splitlines()]


def run(
    planned: Sequence[Planned], suite: Suite, settings: Settings, *, out: Path, progress: Progress | None = None
) -> list[Prediction]:
    """Does what was planned. Ctrl-C and worse lose nothing that was finished."""
    progress = progress or _Silent()
    writer = Writer(out)
    progress.planned(planned)
    (out / SAMPLES).write_text(
        "".join(note.model_dump_json() + "\n" for each in planned for note in each.notes), encoding="utf-8"
    )
    estimate = Estimate()
    for each in planned:
        for way, samples in each.ways:
            left = writer.lacks(each.name, way.name, samples)
            tried = [p for p in writer.made if (p.set, p.method) == (each.name, way.name)]
            if left and not tried:
                tried = _run_way(each, way, left[:_PILOT], suite, settings, writer, progress)
                left = left[len(tried) :]
            rest = len(left) + (way.repeats - 1) * len(samples)
            if tried and rest:
                estimate.samples += rest
                estimate.tokens += rest * sum(p.prompt_tokens + p.output_tokens for p in tried) / len(tried)
                estimate.seconds += rest * sum(p.seconds for p in tried) / len(tried)
    progress.estimated(estimate)
    for each in planned:
        _run_baselines(each, suite, settings, writer, progress)
        for way, samples in each.ways:
            for repeat in range(way.repeats):
                left = writer.lacks(each.name, way.name, samples, repeat=repeat)
                _run_way(each, way, left, suite, settings, writer, progress, repeat=repeat)
    wanted = {(each.name, way.name) for each in planned for way, _ in each.ways}
    wanted |= {(each.name, method.name) for each in planned for method in find_methods(suite.baselines)}
    return [p for p in writer.made if (p.set, p.method) in wanted]


def _run_way(
    planned: Planned,
    way: Way,
    samples: Sequence[Sample],
    suite: Suite,
    settings: Settings,
    writer: Writer,
    progress: Progress,
    *,
    repeat: int = 0,
) -> list[Prediction]:
    if not samples:
        return []
    progress.began(f"{planned.labelled.name}: {way.name}", len(samples))
    made: list[Prediction] = []
    with _open(planned.store, way, suite, settings, repeat) as agent:
        for sample, record in _assess(agent, sorted(samples, key=lambda s: s.as_of)):
            made.append(_to_prediction(planned, way, sample, record, repeat))
            writer.add(made[-1:])
            progress.advanced()
    return made


def _open(store: Path, way: Way | None, suite: Suite, settings: Settings, repeat: int = 0) -> ChurnAgent:
    """An agent on the store of a set, for a way or for what `assess` does by default."""
    update: dict[str, Any] = {"store": store, "seed": suite.seed + repeat, "method": NO_METHOD}
    if way:
        update |= {"mode": way.mode, "prompt": way.prompt, "model": way.model, **dict(way.settings)}
    if repeat:
        update["evidence_order"] = "shuffled"
    return ChurnAgent(settings.model_copy(update=update))


def _assess(agent: ChurnAgent, samples: Sequence[Sample]) -> Iterator[tuple[Sample, Assessment]]:
    for as_of, group in groupby(samples, key=lambda sample: sample.as_of):
        of_day = list(group)
        yield from zip(of_day, agent.assess_many([sample.customer_id for sample in of_day], as_of=as_of), strict=True)


def _to_prediction(planned: Planned, way: Way, sample: Sample, record: Assessment, repeat: int) -> Prediction:
    quotes = [citation for reason in record.reasons for citation in reason.citations]
    quotes += [citation for signal in record.signals for citation in signal.citations if not citation.verified]
    used, zone = record.provenance, planned.labelled.card.book.zone
    found: dict[str, set[str]] = defaultdict(set)
    for each in (*record.signals, *record.reasons):
        for citation in each.citations:
            if citation.verified:
                found[each.concept].add(f"{citation.occurred_at.astimezone(zone):%Y-%m-%dT%H:%M}")
    return planned.prediction(
        sample,
        way.name,
        repeat=repeat,
        prompt=used.prompt,
        model=used.model_id,
        churn_probability=record.churn_probability.raw if record.churn_probability else None,
        status=record.status,
        status_reason=record.status_reason,
        prompt_tokens=used.prompt_tokens,
        output_tokens=used.output_tokens,
        seconds=used.seconds,
        quotes=len(quotes),
        verified_quotes=sum(citation.verified for citation in quotes),
        found={concept: tuple(sorted(times)) for concept, times in sorted(found.items())},
    )


def _run_baselines(planned: Planned, suite: Suite, settings: Settings, writer: Writer, progress: Progress) -> None:
    """The classic methods, cross-fitted over all samples drawn."""
    wanted = find_methods(suite.baselines)
    waiting = [m for m in wanted if writer.lacks(planned.name, m.name, planned.samples)]
    if not waiting:
        return
    progress.began(f"{planned.labelled.name}: classic methods", len(planned.samples))
    needed = needs_of(waiting)
    with _open(planned.store, None, suite, settings) as agent:
        given = training.examples(agent, planned.samples, needs=needed, progress=progress.advanced)
    known = given
    if planned.learned_on:
        with _open(planned.learned_on.store, None, suite, settings) as agent:
            known = training.examples(agent, planned.learned_on.samples, needs=needed, progress=progress.advanced)
    for method in waiting:
        lacking = method.lacks(known) or method.lacks(given)
        if lacking:
            progress.left_out(planned.labelled.name, method.name, lacking)
            continue
        began = time.perf_counter()
        try:
            if planned.learned_on:
                scores = score(method.make(suite.seed).fit(known, known.labels), given)
            else:
                scores = cross_fitted(method, given, seed=suite.seed)
        except DataError as error:
            progress.left_out(planned.labelled.name, method.name, str(error))
            continue
        each = (time.perf_counter() - began) / len(given)
        writer.add(
            [
                planned.prediction(sample, method.name, churn_probability=float(said), seconds=each)
                for sample, said in zip(planned.samples, scores, strict=True)
            ]
        )
