"""Runs a suite into a folder. A second call on the same folder repeats no finished prediction and no paid answer."""

import time
from collections import defaultdict
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from itertools import groupby
from pathlib import Path
from typing import Any, Protocol

import numpy as np

from churn_agent.assessing.agent import NO_METHOD, ChurnAgent
from churn_agent.domain.assessment import Assessment
from churn_agent.errors import DataError
from churn_agent.evals.runs.planning import Planned
from churn_agent.evals.runs.predictions import SAMPLES, Prediction, Writer, read_predictions
from churn_agent.evals.runs.suite import Suite, Way, find_methods
from churn_agent.files import atomic
from churn_agent.learning.examples import Examples, Scores
from churn_agent.learning.methods import Method, cross_fitted, needs_of, score
from churn_agent.outcomes import training
from churn_agent.outcomes.samples import Sample
from churn_agent.settings import Settings

_PILOT = 4
"""Samples of each way that are assessed first, and as many again to tell by how long the rest will take: the first pay
for what all share."""
_CITED = 3


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


class Silent(Progress):
    """Is told and says nothing."""


def run(
    planned: Sequence[Planned], suite: Suite, settings: Settings, *, out: Path, progress: Progress | None = None
) -> list[Prediction]:
    """Does what was planned. Ctrl-C and worse lose nothing that was finished."""
    progress = progress or Silent()
    running = _Run(suite, settings, Writer(out), progress)
    progress.planned(planned)
    atomic.write(out / SAMPLES, "".join(note.model_dump_json() + "\n" for each in planned for note in each.notes))
    progress.estimated(running.try_few(planned))
    for each in planned:
        running.classic(each)
        for way, samples in each.ways:
            for repeat in range(way.repeats):
                running.way(each, way, running.writer.lacks(each.name, way.name, samples, repeat=repeat), repeat=repeat)
    return read_predictions(out)


@dataclass(frozen=True)
class _Run:
    """What all parts of a run share."""

    suite: Suite
    settings: Settings
    writer: Writer
    progress: Progress

    def try_few(self, planned: Sequence[Planned]) -> Estimate:
        """Does the first samples of each way that has none yet, and judges by them how much is left."""
        estimate = Estimate()
        for each in planned:
            for way, samples in each.ways:
                left = self.writer.lacks(each.name, way.name, samples)
                tried = [p for p in self.writer.made if (p.set, p.method) == (each.name, way.name)]
                if left and not tried:
                    self.way(each, way, left[:_PILOT])
                    tried = self.way(each, way, left[_PILOT : 2 * _PILOT])
                    left = left[2 * _PILOT :]
                again = (self.writer.lacks(each.name, way.name, samples, repeat=n) for n in range(1, way.repeats))
                rest = len(left) + sum(map(len, again))
                if tried and rest:
                    estimate.samples += rest
                    estimate.tokens += rest * sum(p.prompt_tokens + p.output_tokens for p in tried) / len(tried)
                    estimate.seconds += rest * sum(p.seconds for p in tried) / len(tried)
        return estimate

    def way(self, planned: Planned, way: Way, samples: Sequence[Sample], *, repeat: int = 0) -> list[Prediction]:
        """Judges samples by a way of asking a language model."""
        if not samples:
            return []
        self.progress.began(f"{planned.labelled.name}: {way.name}", len(samples))
        made: list[Prediction] = []
        with self._open(planned, way, repeat) as agent:
            for sample, record in _assess(agent, sorted(samples, key=lambda s: s.as_of)):
                made.append(_to_prediction(planned, way, sample, record, repeat))
                self.writer.add(made[-1:])
                self.progress.advanced()
        return made

    def classic(self, planned: Planned) -> None:
        """Judges all samples drawn by methods that learn, cross-fitted or learned on the other set of a pair."""
        wanted = find_methods(self.suite.baselines)
        waiting = [m for m in wanted if self.writer.lacks(planned.name, m.name, planned.samples)]
        if not waiting:
            return
        given = self._examples(planned, waiting)
        known = self._examples(planned.learned_on, waiting) if planned.learned_on else given
        for method in waiting:
            began = time.perf_counter()
            try:
                scores = self._learned(method, given, known, planned)
            except DataError as error:
                self.progress.left_out(planned.labelled.name, method.name, str(error))
                continue
            each = (time.perf_counter() - began) / len(given)
            self.writer.add(
                [
                    planned.prediction(sample, method.name, churn_probability=float(said), seconds=each)
                    for sample, said in zip(planned.samples, scores, strict=True)
                ]
            )

    def _learned(self, method: Method, given: Examples, known: Examples, planned: Planned) -> Scores:
        lacking = method.lacks(known) or method.lacks(given)
        if lacking:
            raise DataError(lacking)
        seed = self.suite.seed
        if known is not given:
            return score(method.make(seed).fit(known, known.labels), given)
        if planned.labelled.card.split != "time":
            return cross_fitted(method, given, seed=seed)
        # What came later must not be learned from: the later dates are judged by what the earlier ones taught.
        early = np.array([sample.id in planned.development for sample in planned.samples])
        earlier, later = (given.take(np.flatnonzero(rows)) for rows in (early, ~early))
        scores = np.empty(len(given))
        scores[early] = cross_fitted(method, earlier, seed=seed)
        scores[~early] = score(method.make(seed).fit(earlier, earlier.labels), later)
        return scores

    def _examples(self, planned: Planned, methods: Sequence[Method]) -> Examples:
        with self._open(planned) as agent:
            return examples_of(planned.labelled.name, agent, planned.samples, methods, self.progress)

    def _open(self, planned: Planned, way: Way | None = None, repeat: int = 0) -> ChurnAgent:
        """An agent on the store of a set, for a way or for what `assess` does by default."""
        update: dict[str, Any] = {"store": planned.store, "seed": self.suite.seed + repeat, "method": NO_METHOD}
        if way:
            update |= {"mode": way.mode, "prompt": way.prompt, "model": way.model, **dict(way.settings)}
        if repeat:
            update["evidence_order"] = "shuffled"
        return ChurnAgent(self.settings.changed(**update))


def examples_of(
    name: str, agent: ChurnAgent, samples: Sequence[Sample], methods: Sequence[Method], progress: Progress
) -> Examples:
    """What methods learn from, of the samples of a set."""
    needs = needs_of(methods)
    progress.began(f"{name}: classic methods", len(samples) * (1 + ("readings" in needs)))
    return training.examples(agent, samples, needs=needs, progress=progress.advanced)


def _assess(agent: ChurnAgent, samples: Sequence[Sample]) -> Iterator[tuple[Sample, Assessment]]:
    for as_of, group in groupby(samples, key=lambda sample: sample.as_of):
        of_day = list(group)
        yield from zip(of_day, agent.assess_many([sample.customer_id for sample in of_day], as_of=as_of), strict=True)


def _to_prediction(planned: Planned, way: Way, sample: Sample, record: Assessment, repeat: int) -> Prediction:
    quotes = [citation for reason in record.reasons for citation in reason.citations]
    quotes += [citation for signal in record.signals for citation in signal.citations if not citation.verified]
    used, zone = record.provenance, planned.labelled.card.book.zone
    reasons = [(each.statement, [c.quote for c in each.citations if c.verified]) for each in record.reasons]
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
        quotes=len(quotes) + used.rejected_quotes,
        verified_quotes=sum(citation.verified for citation in quotes),
        found={concept: tuple(sorted(times)) for concept, times in sorted(found.items())},
        cited=tuple(f"{statement} “{quotes[0]}”" for statement, quotes in reasons if quotes)[:_CITED],
    )
