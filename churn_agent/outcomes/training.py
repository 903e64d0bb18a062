"""Trains classic methods on the labels of a store and stores them in it."""

from collections.abc import Callable, Collection, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from functools import partial, reduce
from pathlib import Path
from typing import Any

import numpy as np
from more_itertools import chunked
from scipy.special import expit

from churn_agent.assessing.agent import ChurnAgent
from churn_agent.assessing.perturbing import Perturbed, perturbed
from churn_agent.assessing.pipeline import examples_of
from churn_agent.domain.assessment import Assessment
from churn_agent.domain.snapshot import Snapshot
from churn_agent.errors import DataError, InputError, ModelCallError
from churn_agent.history import book
from churn_agent.learning import leaks, stored
from churn_agent.learning.drift import spreads
from churn_agent.learning.examples import Examples, readings_of
from churn_agent.learning.ladder import LEARNED, Ladder
from churn_agent.learning.methods import METHODS, Estimator, Method, Need, cross_fitted, score
from churn_agent.learning.stored import MethodInfo, Segment, Trained
from churn_agent.learning.transfer import TransferredCalibration, transferred_scores
from churn_agent.measuring import metrics
from churn_agent.measuring.metrics import Labels, Scores
from churn_agent.outcomes.level import customers_of_today, level_of
from churn_agent.outcomes.samples import Sample, fingerprint, labelled_samples, treated, with_history

Advance = Callable[[], None]
_BATCH = 100
"""Samples whose snapshots are in memory at once."""
_SHOWN = 3


def examples(
    agent: ChurnAgent, samples: Sequence[Sample], *, needs: Collection[Need] = (), progress: Advance = lambda: None
) -> Examples:
    """The examples that methods learn from, made from the agent's snapshots.

    Args:
        agent: whose store and model are used.
        samples: customers at dates, with labels.
        needs: what the methods need; everything else is left out.
        progress: called after each sample and after each reading.

    Raises:
        Unavailable: the store, the embedder or the model cannot be used.
        ModelCallError: the model failed on a sample.
    """
    if "vectors" in needs:
        agent.store.index()
    reads, readings, announced = "readings" in needs, list[Mapping[str, float]](), list[bool]()
    neutral = _neutral_leaning(agent) if reads else 0.0

    def snapshots_read() -> Iterator[Snapshot]:
        """Each snapshot, after its readings have been collected."""
        for batch in chunked(samples, _BATCH):
            snapshots = [agent.store.snapshot(sample.customer_id, as_of=sample.as_of) for sample in batch]
            for assessment in agent.read_many(snapshots) if reads else ():
                if assessment.status == "failed":
                    raise ModelCallError(
                        f"customer {assessment.customer_id} could not be read: {assessment.status_reason}; "
                        "run the command again (readings so far are stored and cost nothing)"
                    )
                readings.append(_readings(agent, assessment, neutral))
                announced.append(assessment.announced is not None and assessment.announced.stands)
                progress()
            yield from snapshots

    learned = examples_of(
        agent.store,
        snapshots_read(),
        [sample.churned for sample in samples],
        needs=needs,
        companies=agent.store.companies(),
        readings=readings if reads else None,
        neutral_leaning=neutral,
        progress=progress,
    )
    return replace(learned, announced=np.array(announced, dtype=bool)) if reads else learned


def _without_announced(samples: Sequence[Sample], known: Examples) -> tuple[Sequence[Sample], Examples]:
    """The samples without a standing announcement to leave, whose number does not come from a method.

    If they had not both outcomes, all samples are kept: a rough calibration is better than none.
    """
    if known.announced is None or not known.announced.any():
        return samples, known
    rest = known.take(np.flatnonzero(~known.announced))
    if len(set(rest.labels.tolist())) < 2:
        return samples, known
    return [sample for sample, announced in zip(samples, known.announced, strict=True) if not announced], rest


def _neutral_leaning(agent: ChurnAgent) -> float:
    """The leaning that the agent's model gives a message about something else."""
    return agent.fitted(agent.prompt).thresholds.neutral_leaning


def _readings(agent: ChurnAgent, record: Assessment, neutral_leaning: float) -> dict[str, float]:
    return readings_of(
        record,
        horizon_days=agent.store.card.horizon_days,
        signal_ids=agent.store.taxonomy.by_id,
        neutral_leaning=neutral_leaning,
    )


def train(
    agent: ChurnAgent,
    name: str,
    *,
    segment: str | None = None,
    perturb: int = 0,
    progress: Advance = lambda: None,
) -> MethodInfo:
    """Trains a method on all labels of the store and stores it there.

    Args:
        agent: whose store and model are used.
        name: name of the method.
        segment: an attribute. Calibrated probabilities are shifted by its values as far as the labels support it.
        perturb: customers to judge again after changes that should not matter. The changes of their numbers widen all
            intervals.
        progress: called after each sample and after each reading.

    Raises:
        InputError: there is no such method.
        DataError: the method cannot be trained on these labels.
    """
    method = _method(name)
    if segment:
        method = replace(method, make=partial(Ladder, segment=segment))
    learnable = _learnable(agent)
    samples, known = _without_announced(
        learnable.samples, examples(agent, learnable.samples, needs=method.needs, progress=progress)
    )
    lacking = method.lacks(known)
    if segment and not any(segment in row for row in known.attributes):
        lacking = f"no customer has an attribute {segment!r} with words as values"
    if lacking:
        raise DataError(f"{name} cannot be trained: {lacking}")
    seed = agent.settings.seed
    scores = cross_fitted(method, known, seed=seed)
    fitted = method.make(seed).fit(known, known.labels)
    level = None
    if hasattr(fitted, "interval") and (agent.store.card.base_rate or agent.store.card.bands == "capacity"):
        today, customers = customers_of_today(agent)
        own = examples(agent, today, needs=method.needs, progress=progress)
        level = level_of(fitted, own, customers=customers, base_rate=agent.store.card.base_rate)
    trained = Trained(
        method=name,
        left_out=learnable.left_out + len(learnable.samples) - len(samples),
        treated=learnable.treated,
        horizon_days=learnable.horizon_days,
        attributes_as_of=agent.store.card.attributes_as_of,
        says=getattr(fitted, "says_", ""),
        spread=_spread(agent, fitted, method, _some(samples, perturb), progress) if perturb else 0.0,
        segment=segment,
        segments=_segments(fitted, known, segment) if segment else {},
        telling=tuple(leaks.telling(known)),
        named_like_an_outcome=tuple(leaks.named_like_an_outcome(known)),
        reader=agent.readings_id if method.reads else None,
        embedder=agent.store.embedder_id if {"vectors", "encoder"}.intersection(method.needs) else None,
        seed=seed,
        facts=spreads(known.facts),
        level=level,
        **_measured(samples, known, scores, np.full(len(samples), known.labels.mean())),
    )
    return stored.keep(agent.settings.store, trained, fitted)


def carry(
    agent: ChurnAgent, stores: Sequence[Path], *, perturb: int = 0, progress: Advance = lambda: None
) -> MethodInfo:
    """Calibrates the score of a book by the outcomes in other stores and its own base rate, as method `calibrated`.

    See `learning.transfer`. Up to 300 of the book's own customers are read, as of its last day. The figures
    are measured on each other book with a calibration from the rest of them, or cross-fitted if there is only one.

    Args:
        agent: of the book to calibrate.
        stores: stores with labels. They are read with the agent's model and prompt.
        perturb: see `train`.
        progress: called after each sample and after each reading.

    Raises:
        InputError: the card of the book has no base rate.
        DataError: a store has no labels to learn from.
    """
    rate = agent.store.card.base_rate
    if rate is None:
        raise InputError("the card of this book has no base rate; set `base_rate` to the share of customers who churn")
    method, seed = LEARNED["calibrated"], agent.settings.seed
    learnable: list[_Learnable] = []
    books: list[Examples] = []
    for store in stores:
        with agent.elsewhere(store) as other:
            try:
                learnable.append(_learnable(other))
            except DataError as error:
                raise DataError(f"{store}: {error}") from error
            read = examples(other, learnable[-1].samples, needs=("readings",), progress=progress)
            kept, read = _without_announced(learnable[-1].samples, read)
            learnable[-1] = replace(
                learnable[-1],
                samples=kept,
                left_out=learnable[-1].left_out + len(learnable[-1].samples) - len(kept),
            )
            books.append(read)
    today, customers = customers_of_today(agent)
    own = examples(agent, today, needs=("readings",), progress=progress)
    fitted = TransferredCalibration().fit(books, own, rate)
    scores = transferred_scores(books) if len(books) > 1 else [cross_fitted(METHODS["platt"], books[0], seed=seed)]
    samples = [sample for source in learnable for sample in source.samples]
    trained = Trained(
        method=method.name,
        left_out=sum(source.left_out for source in learnable),
        treated=sum(source.treated for source in learnable),
        horizon_days=agent.store.card.horizon_days,
        attributes_as_of=agent.store.card.attributes_as_of,
        says=f"slope of {len(books)} other books, shifted to a base rate of {rate:.1%} over {len(today)} customers",
        spread=_spread(agent, fitted, method, _some(today, perturb), progress) if perturb else 0.0,
        reader=agent.readings_id,
        seed=seed,
        facts=spreads(own.facts),
        level=level_of(fitted, own, customers=customers, base_rate=rate),
        **_measured(
            samples,
            reduce(Examples.and_, books),
            np.concatenate(scores),
            np.concatenate([np.full(len(of_book), of_book.labels.mean()) for of_book in books]),
        ),
    )
    return stored.keep(agent.settings.store, trained, fitted)


@dataclass(frozen=True)
class _Learnable:
    """The labels of a store that can be used for training."""

    samples: Sequence[Sample]
    left_out: int
    treated: int
    horizon_days: int


def _learnable(agent: ChurnAgent) -> _Learnable:
    """Raises `DataError` unless there are labels of both outcomes."""
    labelled = labelled_samples(agent.store)
    if not labelled:
        raise DataError("the store has no labels; import them with --labels FILE, or run: churn-agent labels derive")
    known = with_history(agent.store, labelled)
    if not known:
        shown = ", ".join(f"{sample.customer_id!r} at {sample.as_of}" for sample in labelled[:_SHOWN])
        raise DataError(
            f"none of the {len(labelled)} labels is of a customer with a history at its date ({shown}, ...)"
        )
    horizon_days = _horizon(agent)
    treated_samples = treated(agent.store, known, horizon_days)
    learnable = [sample for sample in known if sample not in treated_samples]
    if len({sample.churned for sample in learnable}) < 2:
        left_out = f" ({len(treated_samples)} labels of treated customers are left out)" if treated_samples else ""
        raise DataError(
            f"training needs labels of both outcomes, but the {len(learnable)} labels of customers with a history"
            f"{left_out} do not have both; add labels"
        )
    return _Learnable(learnable, len(labelled) - len(known), len(treated_samples), horizon_days)


def _measured(samples: Sequence[Sample], known: Examples, scores: Scores, base_rates: Scores) -> dict[str, Any]:
    """Fields of a `Trained`: the labels used, and how good scores of customers outside the training set are."""
    before = expit(np.array([row["score"] for row in known.readings])) if known.readings else None
    area = metrics.auroc(known.labels, scores, known.groups)
    dates = [sample.as_of for sample in samples]
    return {
        "labels_hash": fingerprint(samples),
        "n": len(samples),
        "churned": int(known.labels.sum()),
        "first_as_of": min(dates),
        "last_as_of": max(dates),
        "auroc": area.value,
        "auroc_low": area.low,
        "auroc_high": area.high,
        "log_loss": metrics.log_loss(known.labels, scores),
        "log_loss_of_prior": metrics.log_loss(known.labels, base_rates),
        "auroc_before": None if before is None else metrics.auroc(known.labels, before).value,
        "log_loss_before": None if before is None else metrics.log_loss(known.labels, before),
        "reliability": _bins(known.labels, scores),
        "reliability_before": () if before is None else _bins(known.labels, before),
    }


def _some(samples: Sequence[Sample], n: int) -> Sequence[Sample]:
    """About `n` samples, evenly spaced."""
    return samples[:: -(-len(samples) // n)]


def _spread(
    agent: ChurnAgent, fitted: Estimator, method: Method, samples: Sequence[Sample], progress: Advance
) -> float:
    """Root mean square of the changes of a method's number, in log-odds, after changes that should not matter."""
    snapshots = [agent.store.snapshot(sample.customer_id, as_of=sample.as_of) for sample in samples]
    companies, neutral = agent.store.companies(), _neutral_leaning(agent)

    def log_odds(variant: Perturbed) -> Scores:
        readings = [_readings(agent, assessment, neutral) for assessment in variant.assessments]
        outcomes = [sample.churned for sample in samples]  # not used for scoring
        new = examples_of(
            agent.store,
            variant.snapshots,
            outcomes,
            needs=method.needs,
            companies=companies,
            readings=readings,
            neutral_leaning=neutral,
        )
        return metrics.log_odds(score(fitted, new))

    plain, *others = (log_odds(variant) for variant in perturbed(agent, snapshots, progress=progress))
    return float(np.sqrt(np.mean([(other - plain) ** 2 for other in others])))


def _segments(fitted: Ladder, known: Examples, segment: str) -> dict[str, Segment]:
    of_rows = np.array([row.get(segment, "") for row in known.attributes])
    return {
        str(name): Segment(n=int(rows.sum()), churned=int(known.labels[rows].sum()), offset=offset, error=error)
        for name, (offset, error) in fitted.offsets_.items()
        for rows in [of_rows == name]
    }


def _bins(labels: Labels, scores: Scores) -> tuple[tuple[float, float, int], ...]:
    return tuple(metrics.reliability(labels, scores, bins=min(10, max(2, len(labels) // 20))))


def _horizon(agent: ChurnAgent) -> int:
    """Horizon of the labels, in days."""
    horizons = book.label_horizons(agent.store.history)
    if len(horizons) > 1:
        shown = ", ".join(f"{days} days" for days in sorted(horizons))
        raise DataError(f"the labels have different horizons ({shown}); keep the labels of one horizon")
    return next(iter(horizons), agent.store.card.horizon_days)


def _method(name: str) -> Method:
    if name not in LEARNED:
        raise InputError(f"there is no method {name!r}; available methods: {', '.join(LEARNED)}")
    return LEARNED[name]
