"""Why a number is another than last time.

What differs is substituted one after the other, in a fixed order: model, prompt, calibration (all on what was known
then), the time that has passed, and what has happened since. Each part is the difference that its substitution makes,
so that the parts add up to the change and nothing is left over.
"""

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import date

from churn_agent.assessing.agent import ChurnAgent
from churn_agent.assessing.pipeline import Setup
from churn_agent.batch.remaking import as_made, with_prompt_of
from churn_agent.domain.assessment import Assessment, ChurnProbability
from churn_agent.domain.snapshot import Snapshot
from churn_agent.scoring import prior

_SEEN = 0.005
PARTS = ("another model", "another prompt", "another calibration", "time passed", "new evidence")


@dataclass(frozen=True)
class Change:
    """How a customer's number came from one to another."""

    before_as_of: date
    before: float
    now: float
    parts: Mapping[str, float]
    """Each of `PARTS` -> by how much it moved the number, 0 to 1; they sum up to `now - before`."""

    @property
    def total(self) -> float:
        """How much the number moved, -1 to 1."""
        return self.now - self.before

    @property
    def seen(self) -> dict[str, float]:
        """The parts that make half a point or more."""
        return {name: part for name, part in self.parts.items() if abs(part) >= _SEEN}


def explain(
    agent: ChurnAgent,
    before: Sequence[Assessment],
    now: Sequence[Assessment],
    *,
    progress: Callable[[], None] = lambda: None,
) -> Iterator[tuple[str, Change]]:
    """(Customer, change) of all who had a number in both runs.

    Args:
        agent: on their store, with the model of the second run; each record says by which prompt and method.

    Raises:
        NotAsMade: the model, the prompt or the method of a record of the second run is not what it was.
    """
    earlier = {each.customer_id: each for each in before if each.churn_probability}
    judges: dict[tuple[str | int | None, ...], _Judge] = {}
    for each in now:
        was, how = earlier.get(each.customer_id), each.provenance
        if was and each.churn_probability:
            means = (*_model(each), how.prompt, how.prompt_hash, how.method, how.seed)
            if means not in judges:
                maker = as_made(agent, each)
                judges[means] = _Judge(maker, maker.setup())
            yield each.customer_id, _explain(judges[means], was, each)
        progress()


@dataclass(frozen=True)
class _Judge:
    """An agent, with what it assesses customers with."""

    agent: ChurnAgent
    setup: Setup

    def log_odds(self, snapshot: Snapshot, *, fallback: float, raw: bool = False) -> float:
        """Of a customer; `fallback` where they are given no number."""
        [record] = self.agent.judge([snapshot], self.setup)
        return _log_odds(record.churn_probability, raw=raw) if record.churn_probability else fallback

    def plain(self) -> "_Judge":
        """The same without a trained method."""
        return replace(self, setup=replace(self.setup, method=None))

    def with_prompt_of(self, record: Assessment) -> "_Judge | None":
        """The same with the prompt of a record; None if there is no such prompt any more."""
        agent = with_prompt_of(self.agent, record.provenance)
        return agent and _Judge(agent, replace(self.setup, settings=agent.settings, prompt=agent.prompt))


def _explain(judge: _Judge, was: Assessment, now: Assessment) -> Change:
    then = judge.agent.store.snapshot(was.customer_id, as_of=was.as_of)
    aged = replace(then, as_of=now.as_of)
    start, end = _log_odds(was.churn_probability), _log_odds(now.churn_probability)
    same_reader = _reader(was) == _reader(now)
    path = [start, *((start, start) if same_reader else _readers(judge.plain(), was, now, then, start))]
    same_method = same_reader and was.provenance.method == now.provenance.method
    path.append(path[-1] if same_method else judge.log_odds(then, fallback=path[-1]))
    path.append(judge.log_odds(aged, fallback=path[-1]) if now.as_of != was.as_of else path[-1])
    path.append(end)
    values = [prior.sigmoid(each) for each in path]
    parts = {name: after - at for name, at, after in zip(PARTS, values, values[1:], strict=False)}
    return Change(was.as_of, values[0], values[-1], parts)


def _readers(judge: _Judge, was: Assessment, now: Assessment, then: Snapshot, start: float) -> tuple[float, float]:
    """Log-odds after another model, and after another prompt too, by what they do to the uncalibrated score."""
    scored = judge.log_odds(then, fallback=start, raw=True)
    moved = scored - _log_odds(was.churn_probability, raw=True)
    if was.provenance.prompt_hash == now.provenance.prompt_hash:
        return start + moved, start + moved
    if _model(was) == _model(now):
        return start, start + moved
    by_old_prompt = judge.with_prompt_of(was)
    if by_old_prompt is None:  # nobody can read with it any more: the model stands for both
        return start + moved, start + moved
    by_old = by_old_prompt.log_odds(then, fallback=start, raw=True)
    return start + by_old - _log_odds(was.churn_probability, raw=True), start + moved


def _model(assessment: Assessment) -> tuple[str, str | None]:
    how = assessment.provenance
    return how.model_id, how.model_sha256 or how.model_fingerprint


def _reader(assessment: Assessment) -> tuple[tuple[str, str | None], str]:
    return _model(assessment), assessment.provenance.prompt_hash


def _log_odds(number: ChurnProbability | None, *, raw: bool = False) -> float:
    """Of what is shown: the calibrated probability, or the score."""
    assert number
    return prior.log_odds(number.raw if raw else number.shown)
