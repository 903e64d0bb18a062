"""Explains the change of a number between two runs.

Differences are substituted one at a time in a fixed order: model, prompt, calibration (all on the data of the first
run), the time passed, and the new evidence. Each part is the effect of its substitution, so that the parts add up to
the change.
"""

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import date

from churn_agent.assessing.agent import ChurnAgent
from churn_agent.assessing.pipeline import Setup
from churn_agent.batch.remaking import recreated_agent, with_prompt_of
from churn_agent.domain.assessment import Assessment, ChurnProbability
from churn_agent.domain.snapshot import Snapshot
from churn_agent.scoring import prior

_VISIBLE = 0.005
PARTS = ("another model", "another prompt", "another calibration", "time passed", "new evidence")


@dataclass(frozen=True)
class Change:
    """The change of a customer's number, in parts."""

    before_as_of: date
    before: float
    now: float
    parts: Mapping[str, float]
    """Each of `PARTS` -> its effect on the number, -1 to 1; they add up to `now - before`."""

    @property
    def total(self) -> float:
        """How much the number moved, -1 to 1."""
        return self.now - self.before

    @property
    def seen(self) -> dict[str, float]:
        """The parts of half a point (0.005) or more."""
        return {name: part for name, part in self.parts.items() if abs(part) >= _VISIBLE}


def explain(
    agent: ChurnAgent,
    before: Sequence[Assessment],
    now: Sequence[Assessment],
    *,
    progress: Callable[[], None] = lambda: None,
) -> Iterator[tuple[str, Change]]:
    """Yields (customer, change) for customers with a number in both runs.

    Args:
        agent: an agent on their store, with the model of the second run.
        before: records of the first run.
        now: records of the second run.
        progress: called after each record of the second run.

    Raises:
        NotAsMade: the model, the prompt or the method of a record of the second run has changed.
    """
    earlier = {record.customer_id: record for record in before if record.churn_probability}
    judges: dict[tuple[str | int | None, ...], _Judge] = {}
    for record in now:
        was, how = earlier.get(record.customer_id), record.provenance
        if was and record.churn_probability:
            key = (*_model(record), how.prompt, how.prompt_hash, how.thresholds_hash, how.method, how.seed)
            if key not in judges:
                same_agent = recreated_agent(agent, record)
                judges[key] = _Judge(same_agent, same_agent.setup())
            yield record.customer_id, _explain(judges[key], was, record)
        progress()


@dataclass(frozen=True)
class _Judge:
    """An agent and its setup."""

    agent: ChurnAgent
    setup: Setup

    def log_odds(self, snapshot: Snapshot, *, fallback: float, raw: bool = False) -> float:
        """Returns the log-odds of a customer; `fallback` if they get no number."""
        [record] = self.agent.judge([snapshot], self.setup)
        return _log_odds(record.churn_probability, raw=raw) if record.churn_probability else fallback

    def plain(self) -> "_Judge":
        """Returns the same judge without a trained method."""
        return replace(self, setup=replace(self.setup, method=None))

    def with_prompt_of(self, record: Assessment) -> "_Judge | None":
        """Returns the same judge with the prompt of a record; None if that prompt no longer exists."""
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
    values = [prior.sigmoid(log_odds) for log_odds in path]
    parts = {name: after - at for name, at, after in zip(PARTS, values, values[1:], strict=False)}
    return Change(was.as_of, values[0], values[-1], parts)


def _readers(judge: _Judge, was: Assessment, now: Assessment, then: Snapshot, start: float) -> tuple[float, float]:
    """Returns the log-odds with the new model, and with the new model and prompt, from their effect on the score."""
    scored = judge.log_odds(then, fallback=start, raw=True)
    moved = scored - _log_odds(was.churn_probability, raw=True)
    if _model(was) == _model(now):
        return start, start + moved
    if was.provenance.prompt_hash == now.provenance.prompt_hash:
        return start + moved, start + moved
    by_old_prompt = judge.with_prompt_of(was)
    if by_old_prompt is None:  # the old prompt is gone: count both changes as the model's
        return start + moved, start + moved
    by_old = by_old_prompt.log_odds(then, fallback=start, raw=True)
    return start + by_old - _log_odds(was.churn_probability, raw=True), start + moved


def _model(assessment: Assessment) -> tuple[str, str | None]:
    how = assessment.provenance
    return how.model_id, how.model_sha256 or how.model_fingerprint


def _reader(assessment: Assessment) -> tuple[tuple[str, str | None], str, str | None]:
    return _model(assessment), assessment.provenance.prompt_hash, assessment.provenance.thresholds_hash


def _log_odds(number: ChurnProbability | None, *, raw: bool = False) -> float:
    """Returns the log-odds of the number shown (a calibrated probability or a score), or of the raw score."""
    assert number
    return prior.log_odds(number.raw if raw else number.shown)
