"""Executes a plan into a folder. A second call skips finished predictions and cached answers."""

import time
from collections import defaultdict
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from itertools import groupby
from pathlib import Path
from typing import Any

import numpy as np

from churn_agent.assessing.agent import NO_METHOD, ChurnAgent
from churn_agent.domain.assessment import Assessment
from churn_agent.errors import DataError
from churn_agent.evals.runs.planning import Planned
from churn_agent.evals.runs.predictions import SAMPLES, Prediction, Writer, kind_of, read_predictions
from churn_agent.evals.runs.progress import Estimate, Progress, Silent
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


def execute(
    plan: Sequence[Planned], suite: Suite, settings: Settings, *, out: Path, progress: Progress | None = None
) -> list[Prediction]:
    """Makes the predictions of a plan. An interruption loses none that is finished."""
    progress = progress or Silent()
    execution = _Execution(suite, settings, Writer(out), progress)
    progress.planned(plan)
    atomic.write(out / SAMPLES, "".join(note.model_dump_json() + "\n" for planned in plan for note in planned.notes))
    progress.estimated(execution.try_few(plan))
    for planned in plan:
        execution.learn(planned)
        for way, samples in planned.ways:
            for repeat in range(way.repeats):
                missing = execution.writer.lacks(planned.name, way.label, samples, repeat=repeat)
                execution.ask(planned, way, missing, repeat=repeat)
    return read_predictions(out)


@dataclass(frozen=True)
class _Execution:
    """What all parts of an execution share."""

    suite: Suite
    settings: Settings
    writer: Writer
    progress: Progress

    def try_few(self, plan: Sequence[Planned]) -> Estimate:
        """Assesses the first samples of each way that has none yet, and estimates the rest from them."""
        estimate = Estimate()
        for planned in plan:
            for way, samples in planned.ways:
                left = self.writer.lacks(planned.name, way.label, samples)
                tried = [p for p in self.writer.predictions if (p.set, p.method) == (planned.name, way.label)]
                if left and not tried:
                    self.ask(planned, way, left[:_PILOT])
                    tried = self.ask(planned, way, left[_PILOT : 2 * _PILOT])
                    left = left[2 * _PILOT :]
                again = (self.writer.lacks(planned.name, way.label, samples, repeat=n) for n in range(1, way.repeats))
                rest = len(left) + sum(map(len, again))
                if tried and rest:
                    estimate.samples += rest
                    estimate.tokens += rest * sum(p.prompt_tokens + p.output_tokens for p in tried) / len(tried)
                    estimate.seconds += rest * sum(p.seconds for p in tried) / len(tried)
        return estimate

    def ask(self, planned: Planned, way: Way, samples: Sequence[Sample], *, repeat: int = 0) -> list[Prediction]:
        """Assesses samples by a way of asking a language model."""
        if not samples:
            return []
        self.progress.began(f"{planned.labelled.name}: {way.label}", len(samples))
        predictions: list[Prediction] = []
        with self._open(planned, way, repeat) as agent:
            for sample, record in _assess(agent, sorted(samples, key=lambda s: s.as_of)):
                prediction = _to_prediction(planned, way, agent.prompt.version, sample, record, repeat)
                self.writer.add([prediction])
                predictions.append(prediction)
                self.progress.advanced()
        return predictions

    def learn(self, planned: Planned) -> None:
        """Scores all samples drawn by methods that learn, cross-fitted or learned on the other set of a pair."""
        methods = find_methods(self.suite.baselines)
        missing = [method for method in methods if self.writer.lacks(planned.name, method.name, planned.samples)]
        if not missing:
            return
        examples = self._examples(planned, missing)
        known = self._examples(planned.learned_on, missing) if planned.learned_on else examples
        for method in missing:
            began = time.perf_counter()
            try:
                scores = self._learned(method, examples, known, planned)
            except DataError as error:
                self.progress.left_out(planned.labelled.name, method.name, str(error))
                continue
            seconds_per_sample = (time.perf_counter() - began) / len(examples)
            self.writer.add(
                [
                    planned.prediction(
                        sample,
                        kind_of(method.name),
                        name=method.name,
                        churn_probability=float(value),
                        seconds=seconds_per_sample,
                    )
                    for sample, value in zip(planned.samples, scores, strict=True)
                ]
            )

    def _learned(self, method: Method, examples: Examples, known: Examples, planned: Planned) -> Scores:
        lacking = method.lacks(known) or method.lacks(examples)
        if lacking:
            raise DataError(lacking)
        seed = self.suite.seed
        if known is not examples:
            return score(method.make(seed).fit(known, known.labels), examples)
        if planned.labelled.description.split != "time":
            return cross_fitted(method, examples, seed=seed)
        # Nothing is learned from later dates than those that are judged.
        early = np.array([sample.id in planned.development for sample in planned.samples])
        earlier, later = (examples.take(np.flatnonzero(rows)) for rows in (early, ~early))
        scores = np.empty(len(examples))
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
    """The samples of a set as the inputs of methods that learn."""
    needs = needs_of(methods)
    progress.began(f"{name}: classic methods", len(samples) * (1 + ("readings" in needs)))
    return training.examples(agent, samples, needs=needs, progress=progress.advanced)


def _assess(agent: ChurnAgent, samples: Sequence[Sample]) -> Iterator[tuple[Sample, Assessment]]:
    for as_of, group in groupby(samples, key=lambda sample: sample.as_of):
        of_day = list(group)
        yield from zip(of_day, agent.assess_many([sample.customer_id for sample in of_day], as_of=as_of), strict=True)


def _to_prediction(
    planned: Planned, way: Way, prompt_version: int, sample: Sample, record: Assessment, repeat: int
) -> Prediction:
    quotes = [citation for reason in record.reasons for citation in reason.citations]
    quotes += [citation for signal in record.signals for citation in signal.citations if not citation.verified]
    used, zone = record.provenance, planned.labelled.description.book.zone
    reasons = [(reason.statement, [c.quote for c in reason.citations if c.verified]) for reason in record.reasons]
    times: dict[str, set[str]] = defaultdict(set)
    for statement in (*record.signals, *record.reasons):
        for citation in statement.citations:
            if citation.verified:
                times[statement.concept].add(f"{citation.occurred_at.astimezone(zone):%Y-%m-%dT%H:%M}")
    return planned.prediction(
        sample,
        "way",
        mode=way.mode,
        prompt=way.prompt,
        prompt_version=prompt_version,
        model=way.model,
        model_id=used.model_id,
        settings=dict(way.settings),
        repeat=repeat,
        churn_probability=record.churn_probability.raw if record.churn_probability else None,
        status=record.status,
        status_reason=record.status_reason,
        prompt_tokens=used.prompt_tokens,
        output_tokens=used.output_tokens,
        seconds=used.seconds,
        quotes=len(quotes) + used.rejected_quotes,
        verified_quotes=sum(citation.verified for citation in quotes),
        found={concept: tuple(sorted(of_concept)) for concept, of_concept in sorted(times.items())},
        cited=tuple(f"{statement} “{quotes[0]}”" for statement, quotes in reasons if quotes)[:_CITED],
    )
