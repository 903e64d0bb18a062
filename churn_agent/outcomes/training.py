"""Classic methods trained on the labels of a store, and kept in it."""

from collections.abc import Callable, Collection, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from functools import reduce
from pathlib import Path
from typing import Any

import numpy as np
from more_itertools import chunked
from scipy.special import expit

from churn_agent.assessing.agent import ChurnAgent
from churn_agent.assessing.perturbing import Perturbed, perturbed
from churn_agent.assessing.pipeline import examples_of
from churn_agent.domain.snapshot import Snapshot
from churn_agent.errors import DataError, InputError, ModelCallError
from churn_agent.history import book, interactions
from churn_agent.history.snapshots import default_as_of
from churn_agent.learning import kept
from churn_agent.learning.carried import Carried, carried_to_each
from churn_agent.learning.drift import spreads
from churn_agent.learning.examples import Examples, readings_of
from churn_agent.learning.kept import KeptCard, Segment, Trained
from churn_agent.learning.ladder import LEARNED, Ladder
from churn_agent.learning.methods import METHODS, Estimator, Method, Need, cross_fitted, score
from churn_agent.measuring import metrics
from churn_agent.measuring.metrics import Labels, Scores
from churn_agent.outcomes.samples import Sample, fingerprint, labelled_samples, treated, with_history

Advance = Callable[[], None]
_BATCH = 100
"""Samples whose snapshots are held at once."""
_READ = 300
"""Customers whose mean a calibration from other books is moved by."""


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
    if "vectors" in needs:
        agent.store.index()
    horizon_days = agent.store.card.horizon_days
    reads, readings = "readings" in needs, list[Mapping[str, float]]()

    def taken() -> Iterator[Snapshot]:
        """Each snapshot, once what is in it has been read."""
        for batch in chunked(given, _BATCH):
            snapshots = [agent.store.snapshot(each.customer_id, as_of=each.as_of) for each in batch]
            for assessment in agent.read_many(snapshots) if reads else ():
                if assessment.status == "failed":
                    raise ModelCallError(
                        f"{assessment.customer_id} could not be read: {assessment.status_reason}; "
                        "run it again, what was read is paid"
                    )
                readings.append(readings_of(assessment, horizon_days=horizon_days))
                progress()
            yield from snapshots

    return examples_of(
        agent.store,
        taken(),
        [each.churned for each in given],
        needs=needs,
        companies=agent.store.companies(),
        readings=readings if reads else None,
        progress=progress,
    )


def train(
    agent: ChurnAgent,
    name: str,
    *,
    segment: str | None = None,
    perturb: int = 0,
    progress: Advance = lambda: None,
) -> KeptCard:
    """Trains a method on all labels of the store and keeps it there.

    Args:
        segment: an attribute by whose values calibrated probabilities are moved, as far as the labels carry it.
        perturb: customers who are judged again where nothing that matters has changed; how far their numbers move
            widens all intervals.

    Raises:
        InputError: there is no such method.
        DataError: it cannot be learned from these labels.
    """
    method = _find(name)
    if segment:
        method = replace(method, make=lambda seed: Ladder(seed, segment=segment))
    learnable = _learnable(agent)
    given = learnable.samples
    seen = examples(agent, given, needs=method.needs, progress=progress)
    lacking = method.lacks(seen)
    if segment and not any(segment in row for row in seen.attributes):
        lacking = f"no customer has an attribute {segment!r} with words as values"
    if lacking:
        raise DataError(f"{name} cannot be trained: {lacking}")
    seed = agent.settings.seed
    scores = cross_fitted(method, seen, seed=seed)
    fitted = method.make(seed).fit(seen, seen.labels)
    trained = Trained(
        method=name,
        left_out=learnable.left_out,
        treated=learnable.treated,
        horizon_days=learnable.horizon_days,
        says=getattr(fitted, "says_", ""),
        spread=_spread(agent, fitted, method, _some(given, perturb), progress) if perturb else 0.0,
        segment=segment,
        segments=_segments(fitted, seen, segment) if segment else {},
        reader=agent.reader if method.reads else None,
        embedder=agent.store.embedder_id if {"vectors", "encoder"}.intersection(method.needs) else None,
        seed=seed,
        facts=spreads(seen.facts),
        **_measured(given, seen, scores, np.full(len(given), seen.labels.mean())),
    )
    return kept.keep(agent.settings.store, trained, fitted)


def carry(agent: ChurnAgent, stores: Sequence[Path], *, perturb: int = 0, progress: Advance = lambda: None) -> KeptCard:
    """Calibrates the score of a book by the outcomes in other stores and its own base rate; kept as `calibrated`.

    See `learning.carried`. Of its own customers up to 300 are read, as they are at its last day. The figures on
    strangers are of each other book by the rest of them, or cross-fitted where there is only one.

    Args:
        stores: with labels; they are read with the agent's model and prompt.
        perturb: as of `train`.

    Raises:
        InputError: the card of the book has no base rate.
        DataError: a store has no labels to learn from.
    """
    rate = agent.store.card.base_rate
    if rate is None:
        raise InputError("what share churns has to be known: put `base_rate` on the card of the book")
    method, seed = LEARNED["calibrated"], agent.settings.seed
    learnable: list[_Learnable] = []
    books: list[Examples] = []
    for store in stores:
        with agent.elsewhere(store) as other:
            try:
                learnable.append(_learnable(other))
            except DataError as error:
                raise DataError(f"{store}: {error}") from error
            books.append(examples(other, learnable[-1].samples, needs=("readings",), progress=progress))
    day = default_as_of(agent.store.history, agent.store.card)
    known = interactions.customer_ids(agent.store.history, until=agent.store.card.end_of_day(day))
    today = [Sample(id_, day, False) for id_ in np.random.default_rng(seed).permutation(known)[:_READ].tolist()]
    own = examples(agent, today, needs=("readings",), progress=progress)
    fitted = Carried().fit(books, own, rate)
    strangers = carried_to_each(books) if len(books) > 1 else [cross_fitted(METHODS["platt"], books[0], seed=seed)]
    given = [sample for each in learnable for sample in each.samples]
    trained = Trained(
        method=method.name,
        left_out=sum(each.left_out for each in learnable),
        treated=sum(each.treated for each in learnable),
        horizon_days=agent.store.card.horizon_days,
        says=f"the slope of other books ({len(books)}), moved to a base rate of {rate:.1%} over {len(today)} customers",
        spread=_spread(agent, fitted, method, _some(today, perturb), progress) if perturb else 0.0,
        reader=agent.reader,
        seed=seed,
        facts=spreads(own.facts),
        **_measured(
            given,
            reduce(Examples.and_, books),
            np.concatenate(strangers),
            np.concatenate([np.full(len(each), each.labels.mean()) for each in books]),
        ),
    )
    return kept.keep(agent.settings.store, trained, fitted)


@dataclass(frozen=True)
class _Learnable:
    """The labels of a store that can be learned from."""

    samples: Sequence[Sample]
    left_out: int
    treated: int
    horizon_days: int


def _learnable(agent: ChurnAgent) -> _Learnable:
    """Raises `DataError` if there are not labels of both outcomes."""
    labelled = labelled_samples(agent.store)
    if not labelled:
        raise DataError("the store has no labels; give them with --labels FILE, or run: churn-agent labels derive")
    known = with_history(agent.store, labelled)
    horizon_days = _horizon(agent)
    reached = treated(agent.store, known, horizon_days)
    learnable = [sample for sample in known if sample not in reached]
    if len({sample.churned for sample in learnable}) < 2:
        left = f", {len(reached)} of treated customers left out," if reached else ""
        raise DataError(f"of {len(learnable)} labels of customers with a history{left} none is of the other outcome")
    return _Learnable(learnable, len(labelled) - len(known), len(reached), horizon_days)


def _measured(given: Sequence[Sample], seen: Examples, scores: Scores, base_rates: Scores) -> dict[str, Any]:
    """Fields of a card: what was learned from, and how good scores of strangers are."""
    before = expit(np.array([row["score"] for row in seen.readings])) if seen.readings else None
    area = metrics.auroc(seen.labels, scores, seen.groups)
    dates = [each.as_of for each in given]
    return {
        "labels_hash": fingerprint(given),
        "n": len(given),
        "churned": int(seen.labels.sum()),
        "first_as_of": min(dates),
        "last_as_of": max(dates),
        "auroc": area.value,
        "auroc_low": area.low,
        "auroc_high": area.high,
        "log_loss": metrics.log_loss(seen.labels, scores),
        "log_loss_of_prior": metrics.log_loss(seen.labels, base_rates),
        "auroc_before": None if before is None else metrics.auroc(seen.labels, before).value,
        "log_loss_before": None if before is None else metrics.log_loss(seen.labels, before),
        "reliability": _bins(seen.labels, scores),
        "reliability_before": () if before is None else _bins(seen.labels, before),
    }


def _some(given: Sequence[Sample], n: int) -> Sequence[Sample]:
    """About so many of the samples, from all over."""
    return given[:: -(-len(given) // n)]


def _spread(agent: ChurnAgent, fitted: Estimator, method: Method, given: Sequence[Sample], progress: Advance) -> float:
    """Root mean square of the changes of what a method says, in log-odds, where nothing that matters has changed."""
    snapshots = [agent.store.snapshot(each.customer_id, as_of=each.as_of) for each in given]
    companies = agent.store.companies()

    def said(each: Perturbed) -> Scores:
        readings = [readings_of(made, horizon_days=agent.store.card.horizon_days) for made in each.assessments]
        outcomes = [sample.churned for sample in given]  # nothing looks at them
        seen = examples_of(
            agent.store, each.snapshots, outcomes, needs=method.needs, companies=companies, readings=readings
        )
        return metrics.log_odds(score(fitted, seen))

    plain, *others = (said(each) for each in perturbed(agent, snapshots, progress=progress))
    return float(np.sqrt(np.mean([(other - plain) ** 2 for other in others])))


def _segments(fitted: Ladder, seen: Examples, segment: str) -> dict[str, Segment]:
    of_rows = np.array([row.get(segment, "") for row in seen.attributes])
    return {
        str(name): Segment(n=int(rows.sum()), churned=int(seen.labels[rows].sum()), offset=offset, error=error)
        for name, (offset, error) in fitted.offsets_.items()
        for rows in [of_rows == name]
    }


def _bins(labels: Labels, scores: Scores) -> tuple[tuple[float, float, int], ...]:
    return tuple(metrics.reliability(labels, scores, bins=min(10, max(2, len(labels) // 20))))


def _horizon(agent: ChurnAgent) -> int:
    """Days that the labels look ahead."""
    horizons = book.label_horizons(agent.store.history)
    if len(horizons) > 1:
        shown = ", ".join(f"{days} days" for days in sorted(horizons))
        raise DataError(f"the labels look ahead by different times ({shown}): keep those of one")
    return next(iter(horizons), agent.store.card.horizon_days)


def _find(name: str) -> Method:
    if name not in LEARNED:
        raise InputError(f"no method {name!r}; there are: {', '.join(LEARNED)}")
    return LEARNED[name]
