"""What a trained method would have known at a month end: it is fitted on outcomes that were known by then alone."""

from collections.abc import Sequence
from dataclasses import replace
from datetime import UTC, date, datetime, timedelta
from importlib.metadata import version
from math import nan

import numpy as np

from churn_agent.assessing.agent import NO_METHOD, ChurnAgent
from churn_agent.errors import DataError
from churn_agent.learning.drift import spreads
from churn_agent.learning.examples import Examples
from churn_agent.learning.ladder import CALIBRATED, LEARNED
from churn_agent.learning.stored import MethodInfo, StoredMethod, stored_methods
from churn_agent.measuring import metrics
from churn_agent.outcomes.samples import Sample, fingerprint, treated
from churn_agent.outcomes.training import examples


def learned_by(agent: ChurnAgent) -> str | None:
    """Returns the name of the method that assessments of this agent use, without a version; None if the mode scores.

    Raises:
        InputError: there is no such method.
    """
    name = agent.settings.method
    if name == NO_METHOD:
        return None
    if name is None:
        trained = any(info.method == CALIBRATED for info in stored_methods(agent.settings.store))
        return CALIBRATED if trained else None
    return name if name in LEARNED else name.rpartition("-")[0] or name


class LearningThen:
    """Fits a method anew at each month end.

    A sample is a customer at an earlier replayed month end. It is learned from once its horizon is over, so that an
    outcome after the month end cannot have any influence. Customers whom the company tried to keep are left out.
    """

    def __init__(self, agent: ChurnAgent, name: str) -> None:
        """Learns nothing yet.

        Args:
            agent: whose store and model are used, without a trained method.
            name: a name of `LEARNED`.
        """
        self._agent = agent
        self._method = LEARNED[name]
        self._waiting: list[Sample] = []
        self._samples: list[Sample] = []
        self._examples: Examples | None = None
        self.without: list[date] = []
        """Month ends at which too few outcomes were known; the mode's own score counts there."""

    def saw(self, samples: Sequence[Sample]) -> None:
        """Adds the customers of a month end, with what became of them within the horizon."""
        self._waiting += samples

    def at(self, day: date) -> StoredMethod | None:
        """Returns the method as it would have been trained at the end of a day; None if it could not be."""
        horizon = timedelta(days=self._agent.store.card.horizon_days)
        ripe = [sample for sample in self._waiting if sample.as_of + horizon <= day]
        self._waiting = [sample for sample in self._waiting if sample.as_of + horizon > day]
        left_out = treated(self._agent.store, ripe, horizon.days)
        self._learn([sample for sample in ripe if sample not in left_out])
        fitted = self._fitted()
        if fitted is None:
            self.without.append(day)
        return fitted

    def _learn(self, samples: list[Sample]) -> None:
        if samples:
            new = examples(self._agent, samples, needs=self._method.needs)
            self._samples += samples
            self._examples = new if self._examples is None else self._examples.and_(new)

    def _fitted(self) -> StoredMethod | None:
        if self._examples is None:
            return None
        # A customer counts once, however many month ends they were seen at.
        groups = np.unique([sample.customer_id for sample in self._samples], return_inverse=True)[1]
        known = replace(self._examples, groups=groups)
        if not metrics.enough(known.labels, groups) or self._method.lacks(known):
            return None
        seed = self._agent.settings.seed
        try:
            estimator = self._method.make(seed).fit(known, known.labels)
        except DataError:
            return None
        return StoredMethod(self._info(known, seed), estimator)

    def _info(self, known: Examples, seed: int) -> MethodInfo:
        dates = [sample.as_of for sample in self._samples]
        return MethodInfo(
            method=self._method.name,
            labels_hash=fingerprint(self._samples),
            n=len(self._samples),
            churned=int(known.labels.sum()),
            first_as_of=min(dates),
            last_as_of=max(dates),
            horizon_days=self._agent.store.card.horizon_days,
            # Not measured: the look-back itself measures what it is worth.
            auroc=nan,
            auroc_low=nan,
            auroc_high=nan,
            log_loss=nan,
            log_loss_of_prior=nan,
            reader=self._agent.readings_id if self._method.reads else None,
            embedder=self._agent.store.embedder_id if {"vectors", "encoder"}.intersection(self._method.needs) else None,
            seed=seed,
            facts=spreads(known.facts),
            version=0,
            trained_at=datetime.now(UTC),
            churn_agent=version("churn-agent"),
            scikit_learn=version("scikit-learn"),
            sha256="",
        )
