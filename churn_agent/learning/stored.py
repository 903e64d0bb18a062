"""Trained methods, stored by name and version.

A store may come from an untrusted source, and `assess` reads its methods without asking. The state of a method is
therefore stored as data (see `states`) in a safetensors file: named numbers that cannot become code when they are read.
The method itself is created by `LEARNED`. No other kind of file is opened.
"""

import hashlib
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from datetime import UTC, date, datetime
from importlib.metadata import version
from pathlib import Path
from typing import Literal

import numpy as np
from pydantic import BaseModel, ConfigDict, ValidationError
from scipy.special import expit, logit

from churn_agent.domain.assessment import ChurnProbability, Fact
from churn_agent.errors import InputError, StoreUnavailable
from churn_agent.files import atomic, strict_json
from churn_agent.learning import states
from churn_agent.learning.examples import Examples, Scores
from churn_agent.learning.ladder import LEARNED
from churn_agent.learning.methods import Estimator, Method, score
from churn_agent.learning.similar import SimilarCustomers
from churn_agent.learning.transfer import TransferredCalibration
from churn_agent.measuring import metrics
from churn_agent.scoring.verdict import Number, Verdict

FOLDER, SUFFIX = "methods", ".safetensors"


class Segment(BaseModel):
    """The difference between customers with one value of an attribute and the prediction from their other data."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    n: int
    churned: int
    offset: float
    """Shift of their probabilities in log-odds, shrunk towards 0 if there are few."""
    error: float
    """Standard error of the offset."""


class Level(BaseModel):
    """The probabilities of a calibration over the customers of its book on one day, standing announcements left out."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    day: date
    customers: int
    """Number of customers in the book on that day, without former ones."""
    base_rate: float | None
    """That of the card, which is the mean of the probabilities; None if the card had none, and nothing was shifted."""
    shift: float = 0.0
    """Log-odds added to the method's probabilities for that."""
    numbers: tuple[float, ...]
    """Log-odds of the probabilities, shifted; of all customers or of a random sample."""


class Trained(BaseModel):
    """The data that a method learned from, and its accuracy on customers outside the training set."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    method: str
    """A name of `LEARNED`."""
    labels_hash: str
    n: int
    left_out: int = 0
    """Labels of customers without a history up to their date."""
    treated: int = 0
    """Labels of treated customers, left out because their outcome without the treatment is unknown."""
    churned: int
    first_as_of: date
    last_as_of: date
    horizon_days: int
    attributes_as_of: Literal["import", "label"] = "import"
    """Whether attributes were known from their import on, or are taken to be of the labels' dates."""
    auroc: float
    auroc_low: float
    auroc_high: float
    """Cross-fitted, with its 95 % interval."""
    log_loss: float
    """Cross-fitted, in nats; `log_loss_of_prior` is that of the base rate."""
    log_loss_of_prior: float
    says: str = ""
    """The reason for the choice, if there was one."""
    spread: float = 0.0
    """Root mean square of the changes of numbers, in log-odds, after changes that should not matter."""
    segment: str | None = None
    """The attribute by whose values probabilities are shifted."""
    segments: dict[str, Segment] = {}
    """By value of the attribute."""
    auroc_before: float | None = None
    log_loss_before: float | None = None
    """Those of the language model's uncalibrated score, if the method learned from it."""
    reliability: tuple[tuple[float, float, int], ...] = ()
    reliability_before: tuple[tuple[float, float, int], ...] = ()
    """Bins of equal size, cross-fitted: mean score, share that churned, and number of customers."""
    telling: tuple[str, ...] = ()
    """Columns that tell the outcome alone; see `leaks.telling`."""
    named_like_an_outcome: tuple[str, ...] = ()
    """Attributes whose names suggest that they record the outcome."""
    reader: str | None = None
    """The model and prompt of the readings that it learned from, if any."""
    embedder: str | None = None
    """The embedder of the vectors that it learned from, or of its initial weights, if any."""
    seed: int
    facts: dict[str, tuple[float, float]] = {}
    """Mean and standard deviation of each fact, for `drift`."""
    level: Level | None = None
    """Of a calibration, if the card stated a base rate or bands by capacity."""


class MethodInfo(Trained):
    """The description of a stored method, in a JSON file beside its state."""

    version: int
    trained_at: datetime
    churn_agent: str
    scikit_learn: str
    sha256: str
    """Hash of the method's file. It detects damage; it does not make the file trustworthy."""

    @property
    def name(self) -> str:
        """The name for `assess --method`."""
        return f"{self.method}-{self.version}"


@dataclass(frozen=True)
class StoredMethod:
    """A trained method, ready to score."""

    info: MethodInfo
    estimator: Estimator

    @property
    def method(self) -> Method:
        """The method that it was trained with."""
        return LEARNED[self.info.method]

    def refuse_other(self, *, readings_id: str, embedder: str) -> None:
        """Checks that the method fits the current settings.

        Raises:
            InputError: it learned from another model, prompt or embedder than the current one, or from scores with
                other weights.
        """
        if self.info.reader not in (None, readings_id):
            raise InputError(
                f"{self.info.name} learned from readings by another model, prompt or weights; "
                f"{_again(self.info.method)}"
            )
        if self.info.embedder not in (None, embedder):
            raise InputError(
                f"{self.info.name} learned from the vectors of another embedder; {_again(self.info.method)}"
            )

    @property
    def calibrated(self) -> bool:
        """Whether its scores are probabilities, with intervals."""
        return hasattr(self.estimator, "interval")

    def numbers(
        self, examples: Examples, verdicts: Sequence[Verdict | None], *, base_rate: float | None = None
    ) -> list[Number]:
        """The method's number for each sample.

        Args:
            examples: the samples.
            verdicts: the mode's verdicts, whose reasons are weighted; None for a sample without one.
            base_rate: the base rate of the current book, if it is known and differs from that of the labels.
        """
        learned, target = self._base_rates(base_rate)
        shift = self.info.level.shift if self.info.level else 0.0
        scores = score(self.estimator, examples)
        columns = [scores, *(self._interval(examples, scores) if self.calibrated else ())]
        moved = [metrics.at_base_rate(column, learned, target, shift=shift).tolist() for column in columns]
        contributions = self._contributions(examples, scores, verdicts)
        return [
            Number(
                ChurnProbability(
                    value=value,
                    low=bounds[0] if bounds else None,
                    high=bounds[1] if bounds else None,
                    raw=verdict.probability.raw if verdict and self.calibrated else value,
                    method=self.info.name,
                    calibrated=self.calibrated,
                    base_rate=base_rate or learned,
                    horizon_days=self.info.horizon_days,
                ),
                by_concept,
                self._alike(examples, i),
            )
            for i, (verdict, by_concept, value, *bounds) in enumerate(zip(verdicts, contributions, *moved, strict=True))
        ]

    def of_book(self, base_rate: float | None) -> list[float]:
        """Log-odds of the probabilities over the book on the day of its level, at a base rate; none without a level."""
        learned, target = self._base_rates(base_rate)
        moved = float(logit(target) - logit(learned))
        return [number + moved for number in self.info.level.numbers] if self.info.level else []

    def _base_rates(self, base_rate: float | None) -> tuple[float, float]:
        """The base rate of the method's probabilities, and the one to which they are moved."""
        learned = getattr(self.estimator, "base_rate_", self.info.churned / self.info.n)
        if self.info.level and self.info.level.base_rate:
            learned = self.info.level.base_rate
        return learned, base_rate if base_rate and self.calibrated else learned

    def _interval(self, examples: Examples, scores: Scores) -> tuple[Scores, Scores]:
        """Uncertainty from the labels and from irrelevant changes: independent errors, whose squares are added."""
        middle, noise = metrics.log_odds(scores), metrics.REACH * self.info.spread
        low, high = (
            expit(middle + side * np.hypot(metrics.log_odds(bound) - middle, noise))
            for side, bound in zip((-1, 1), self.estimator.interval(examples), strict=True)
        )
        return low, high

    def _alike(self, examples: Examples, row: int) -> Fact | None:
        """The outcomes of past customers who wrote similar messages, if the method has any."""
        alike: SimilarCustomers | None = getattr(self.estimator, "alike_", None)
        if alike is None or examples.vectors is None:
            return None
        customer, day, horizon_days = examples.customers[row], examples.dates[row], self.info.horizon_days
        return alike.fact(customer, day, examples.vectors[row], horizon_days=horizon_days)

    def _contributions(
        self, examples: Examples, scores: Scores, verdicts: Sequence[Verdict | None]
    ) -> list[dict[str, float]]:
        """The effect of each reason on the log-odds: the score minus that of the same customer without the reason."""
        contributions: list[dict[str, float]] = [{} for _ in verdicts]
        reasons = [(i, reason) for i, verdict in enumerate(verdicts) if verdict for reason in verdict.reasons]
        if reasons:
            rows = np.array([i for i, _ in reasons])
            typical = {name: mean for name, (mean, _) in self.info.facts.items()}
            removed = [(reason.concept, reason.contribution or 0.0) for _, reason in reasons]
            without = metrics.log_odds(score(self.estimator, examples.take(rows).without(removed, typical)))
            for (i, reason), before, after in zip(reasons, metrics.log_odds(scores)[rows], without, strict=True):
                contributions[i][reason.concept] = float(before - after)
        return contributions


def path_of(store: Path, info: MethodInfo) -> Path:
    """The file with the state of a stored method."""
    return store / FOLDER / f"{info.name}{SUFFIX}"


def keep(store: Path, trained: Trained, estimator: Estimator) -> MethodInfo:
    """Stores a trained method as the next version of its name. Raises `StoreUnavailable`."""
    folder = store / FOLDER
    versions = [info.version for info in stored_methods(store) if info.method == trained.method]
    data = data_of(estimator)
    info = MethodInfo(
        **trained.model_dump(),
        version=max(versions, default=0) + 1,
        trained_at=datetime.now(UTC),
        churn_agent=version("churn-agent"),
        scikit_learn=version("scikit-learn"),
        sha256=hashlib.sha256(data).hexdigest(),
    )
    path = path_of(store, info)
    try:
        folder.mkdir(parents=True, exist_ok=True)
        path.unlink(missing_ok=True)  # writing to a link would change its target
        atomic.write(path, data)
        # The description is written last: a method without one does not count.
        atomic.write(path.with_suffix(".json"), info.model_dump_json(indent=2))
    except OSError as error:
        raise StoreUnavailable(f"cannot store a method in {str(folder)!r}: {error.strerror}") from error
    return info


def data_of(estimator: Estimator) -> bytes:
    """The state of an estimator, as the content of its file."""
    return states.to_bytes(
        {"carried": isinstance(estimator, TransferredCalibration), "learned": states.state_of(estimator)}
    )


def stored_methods(store: Path) -> list[MethodInfo]:
    """Descriptions of all stored methods, by name, the oldest version first."""
    return sorted(_infos(store), key=lambda info: (info.method, info.version))


def _infos(store: Path) -> Iterator[MethodInfo]:
    for path in (store / FOLDER).glob("*.json"):
        try:
            yield MethodInfo.model_validate(strict_json.parse(path.read_text(encoding="utf-8")))
        except (OSError, ValueError, ValidationError) as error:
            raise StoreUnavailable(f"{str(path)!r} is not the description of a method; move it away") from error


def load(store: Path, name: str) -> StoredMethod:
    """A stored method: `boosting` is its newest version, `boosting-2` the second.

    Raises:
        InputError: there is no method of that name.
        StoreUnavailable: the method was stored by an earlier version, as code, or its file was changed.
    """
    known = stored_methods(store)
    matches = [info for info in known if name in (info.method, info.name)]
    if not matches:
        available = ", ".join(info.name for info in known) or "none yet; run: churn-agent train boosting"
        raise InputError(f"no trained method {name!r} in this store; available methods: {available}")
    info = matches[-1]
    if info.method not in LEARNED:
        raise StoreUnavailable(f"this version does not have the method of {info.name}; train another method")
    path = path_of(store, info)
    data = _read(path, info)
    if hashlib.sha256(data).hexdigest() != info.sha256:
        raise StoreUnavailable(f"{str(path)!r} was changed after training; {_again(info.method)}")
    try:
        state = states.from_bytes(data)
        estimator = TransferredCalibration() if state["carried"] else LEARNED[info.method].make(info.seed)
        return StoredMethod(info, states.restore(estimator, state["learned"]))
    except (states.DamagedState, LookupError, TypeError) as error:
        raise StoreUnavailable(f"{str(path)!r} cannot be used: {error}; {_again(info.method)}") from error


def _read(path: Path, info: MethodInfo) -> bytes:
    """The content of the file, which must be a regular file of the only kind that is read."""
    if path.is_symlink():
        raise StoreUnavailable(f"{str(path)!r} is a link, and links are not followed; {_again(info.method)}")
    if path.is_file():
        try:
            return path.read_bytes()
        except OSError as error:
            raise StoreUnavailable(f"cannot read {str(path)!r}: {error.strerror}") from error
    if path.with_suffix(".joblib").exists():
        raise StoreUnavailable(
            f"{info.name} was stored by an earlier version, in a file that could run code; {_again(info.method)}"
        )
    raise StoreUnavailable(f"{str(path)!r} is missing; {_again(info.method)}")


def _again(method: str) -> str:
    return f"run: churn-agent {'calibrate' if method == 'calibrated' else f'train {method}'}"
