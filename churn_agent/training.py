"""Classic methods trained on the labels of a store, and kept in it."""

import hashlib
from collections.abc import Callable, Collection, Sequence
from dataclasses import dataclass
from datetime import date
from itertools import groupby

import numpy as np
from scipy.special import expit

from churn_agent.agent import ChurnAgent
from churn_agent.errors import DataError, InputError, ModelCallError, UnknownCustomer
from churn_agent.history import book
from churn_agent.learning import kept
from churn_agent.learning.drift import spreads
from churn_agent.learning.examples import Examples, readings_of
from churn_agent.learning.kept import KeptCard, Trained
from churn_agent.learning.ladder import LEARNED
from churn_agent.learning.methods import Method, Need, cross_fitted
from churn_agent.measuring import metrics
from churn_agent.measuring.metrics import Labels, Scores

Advance = Callable[[], None]


@dataclass(frozen=True)
class Sample:
    """A customer at a date, and what came of it."""

    customer_id: str
    as_of: date
    churned: bool

    @property
    def id(self) -> str:
        return f"{self.customer_id}@{self.as_of}"


def fingerprint(samples: Sequence[Sample]) -> str:
    """SHA-256 over samples with their outcomes, cut to 16 hexadecimal digits."""
    digest = hashlib.sha256()
    for each in samples:
        digest.update(f"{each.id}={int(each.churned)}\n".encode())
    return digest.hexdigest()[:16]


def samples(agent: ChurnAgent) -> list[Sample]:
    """All labels of the store, by customer and date."""
    return [Sample(*row) for row in book.all_labels(agent.history)]


def examples(
    agent: ChurnAgent, given: Sequence[Sample], *, needs: Collection[Need] = (), progress: Advance = lambda: None
) -> Examples:
    """What methods learn from: made from the snapshots that the agent sees.

    Args:
        needs: of the methods; what none needs is left out.
        progress: called after each sample, and after each reading.

    Raises:
        Unavailable: the store, the embedder or the model cannot be used.
        ModelCallError: the model failed on a sample.
    """
    readings = None
    if "readings" in needs:
        horizon_days = agent.card.horizon_days
        by_id: dict[str, dict[str, float]] = {}
        for as_of, group in groupby(sorted(given, key=lambda each: each.as_of), key=lambda each: each.as_of):
            of_day = [each.customer_id for each in group]
            for assessment in agent.read_many(of_day, as_of=as_of):
                if assessment.status == "failed":
                    raise ModelCallError(
                        f"{assessment.customer_id} could not be read: {assessment.status_reason}; "
                        "run it again, what was read is paid"
                    )
                by_id[f"{assessment.customer_id}@{as_of}"] = readings_of(assessment, horizon_days=horizon_days)
                progress()
        readings = [by_id[each.id] for each in given]
    if "vectors" in needs:
        agent.index()
    return agent.examples(
        (agent.snapshot(each.customer_id, as_of=each.as_of) for each in given),
        [each.churned for each in given],
        needs=needs,
        readings=readings,
        progress=progress,
    )


def train(agent: ChurnAgent, name: str, *, progress: Advance = lambda: None) -> KeptCard:
    """Trains a method on all labels of the store and keeps it there.

    Raises:
        InputError: there is no such method.
        DataError: it cannot be learned from these labels.
    """
    method = _find(name)
    found = samples(agent)
    if not found:
        raise DataError("the store has no labels; give them with --labels FILE, or run: churn-agent labels derive")
    given = [sample for sample in found if _has_history(agent, sample)]
    outcomes = {sample.churned for sample in given}
    if len(outcomes) < 2:
        raise DataError(f"of {len(given)} labels of customers with a history none is of the other outcome")
    seen = examples(agent, given, needs=method.needs, progress=progress)
    lacking = method.lacks(seen)
    if lacking:
        raise DataError(f"{name} cannot be trained: {lacking}")
    seed = agent.settings.seed
    scores = cross_fitted(method, seen, seed=seed)
    fitted = method.make(seed).fit(seen, seen.labels)
    before = expit(np.array([row["score"] for row in seen.readings])) if seen.readings else None
    area = metrics.auroc(seen.labels, scores, seen.groups)
    dates = [each.as_of for each in given]
    trained = Trained(
        method=name,
        labels_hash=fingerprint(given),
        n=len(given),
        left_out=len(found) - len(given),
        churned=int(seen.labels.sum()),
        first_as_of=min(dates),
        last_as_of=max(dates),
        horizon_days=_horizon(agent),
        auroc=area.value,
        auroc_low=area.low,
        auroc_high=area.high,
        log_loss=metrics.log_loss(seen.labels, scores),
        log_loss_of_prior=metrics.log_loss(seen.labels, np.full(len(given), seen.labels.mean())),
        says=getattr(fitted, "says_", ""),
        auroc_before=None if before is None else metrics.auroc(seen.labels, before).value,
        log_loss_before=None if before is None else metrics.log_loss(seen.labels, before),
        reliability=_bins(seen.labels, scores),
        reliability_before=() if before is None else _bins(seen.labels, before),
        reader=agent.reader if method.reads else None,
        embedder=agent.embedder_id if "vectors" in method.needs else None,
        seed=seed,
        facts=spreads(seen.facts),
    )
    return kept.keep(agent.settings.store, trained, fitted)


def _bins(labels: Labels, scores: Scores) -> tuple[tuple[float, float, int], ...]:
    return tuple(metrics.reliability(labels, scores, bins=min(10, max(2, len(labels) // 20))))


def _has_history(agent: ChurnAgent, sample: Sample) -> bool:
    try:
        agent.snapshot(sample.customer_id, as_of=sample.as_of)
    except UnknownCustomer:
        return False
    return True


def _horizon(agent: ChurnAgent) -> int:
    """Days that the labels look ahead."""
    horizons = book.label_horizons(agent.history)
    if len(horizons) > 1:
        shown = ", ".join(f"{days} days" for days in sorted(horizons))
        raise DataError(f"the labels look ahead by different times ({shown}): keep those of one")
    return next(iter(horizons), agent.card.horizon_days)


def _find(name: str) -> Method:
    if name not in LEARNED:
        raise InputError(f"no method {name!r}; there are: {', '.join(LEARNED)}")
    return LEARNED[name]
