"""Methods that were trained, kept in the store by name and version.

A store may come from anybody, and `assess` reads what is in it unasked. So what a method has learned is kept as data
(see `states`), in a safetensors file: numbers by name, which no reading turns into code. The method itself is made anew
by `LEARNED`. No other kind of file is opened.
"""

import hashlib
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from datetime import UTC, date, datetime
from importlib.metadata import version
from pathlib import Path

import numpy as np
from pydantic import BaseModel, ConfigDict, ValidationError
from scipy.special import expit

from churn_agent.domain.assessment import ChurnProbability, Fact
from churn_agent.errors import InputError, StoreUnavailable
from churn_agent.files import atomic, strict_json
from churn_agent.learning import states
from churn_agent.learning.alike import Alike
from churn_agent.learning.carried import Carried
from churn_agent.learning.examples import Examples, Scores
from churn_agent.learning.ladder import LEARNED
from churn_agent.learning.methods import Estimator, Method, score
from churn_agent.measuring import metrics
from churn_agent.scoring.verdict import Number, Verdict

FOLDER, SUFFIX = "methods", ".safetensors"


class Segment(BaseModel):
    """By how much the customers with one value of an attribute differ from what their other data say."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    n: int
    churned: int
    offset: float
    """Log-odds that their probabilities are moved by; drawn to none where there are few."""
    error: float
    """Its standard error."""


class Trained(BaseModel):
    """What a method learned from, and how well it told strangers apart."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    method: str
    """A name of `LEARNED`."""
    labels_hash: str
    n: int
    left_out: int = 0
    """Labels of customers without a history up to their date."""
    treated: int = 0
    """Labels of customers whom something meant to keep them reached: nobody knows what would have become of them."""
    churned: int
    first_as_of: date
    last_as_of: date
    horizon_days: int
    auroc: float
    auroc_low: float
    auroc_high: float
    """Cross-fitted, with its 95 % interval."""
    log_loss: float
    """Cross-fitted, in nats; that of the base rate is `log_loss_of_prior`."""
    log_loss_of_prior: float
    says: str = ""
    """Why this and no other, where there was a choice."""
    spread: float = 0.0
    """How far numbers move where nothing that matters has changed: root mean square, in log-odds."""
    segment: str | None = None
    """The attribute by which probabilities are moved."""
    segments: dict[str, Segment] = {}
    """By its value."""
    auroc_before: float | None = None
    log_loss_before: float | None = None
    """Of the uncalibrated score of the language model, where it was learned from."""
    reliability: tuple[tuple[float, float, int], ...] = ()
    reliability_before: tuple[tuple[float, float, int], ...] = ()
    """Mean score, share that churned and customers of bins of equal size, cross-fitted."""
    reader: str | None = None
    """Model and prompt whose readings it learned from, if any."""
    embedder: str | None = None
    """Whose vectors it learned from, or whose weights it began with, if any."""
    seed: int
    facts: dict[str, tuple[float, float]] = {}
    """Mean and standard deviation of each fact, for `drift`."""


class KeptCard(Trained):
    """The card of a kept method."""

    version: int
    trained_at: datetime
    churn_agent: str
    scikit_learn: str
    sha256: str
    """Of the file of what was learned: tells damage, and does not make the file one to trust."""

    @property
    def name(self) -> str:
        """As `assess --method` takes it."""
        return f"{self.method}-{self.version}"


@dataclass(frozen=True)
class Kept:
    """A trained method, ready to score."""

    card: KeptCard
    estimator: Estimator

    @property
    def method(self) -> Method:
        return LEARNED[self.card.method]

    def refuse_other(self, *, reader: str, embedder: str) -> None:
        """Raises `InputError` if it learned from another model's, prompt's or embedder's work than is done now, or from
        scores by other weights."""
        if self.card.reader not in (None, reader):
            raise InputError(
                f"{self.card.name} learned from readings by another model, prompt or weights; "
                f"{_again(self.card.method)}"
            )
        if self.card.embedder not in (None, embedder):
            raise InputError(f"{self.card.name} learned from another embedder's work; {_again(self.card.method)}")

    @property
    def calibrated(self) -> bool:
        """Whether its scores are probabilities, with intervals."""
        return hasattr(self.estimator, "interval")

    def numbers(
        self, examples: Examples, verdicts: Sequence[Verdict | None], *, base_rate: float | None = None
    ) -> list[Number]:
        """What it says of each sample.

        Args:
            examples: the samples.
            verdicts: of the mode, whose reasons are to be weighed; None where there is none.
            base_rate: of the book that it is used on, if known and another than that of the labels.
        """
        learned = getattr(self.estimator, "base_rate_", self.card.churned / self.card.n)
        wanted = base_rate if base_rate and self.calibrated else learned
        scores = score(self.estimator, examples)
        columns = [scores, *(self._interval(examples, scores) if self.calibrated else ())]
        moved = [metrics.at_base_rate(column, learned, wanted).tolist() for column in columns]
        contributions = self._contributions(examples, scores, verdicts)
        return [
            Number(
                ChurnProbability(
                    value=value,
                    low=bounds[0] if bounds else None,
                    high=bounds[1] if bounds else None,
                    raw=verdict.probability.raw if verdict and self.calibrated else value,
                    method=self.card.name,
                    calibrated=self.calibrated,
                    base_rate=base_rate or learned,
                    horizon_days=self.card.horizon_days,
                ),
                by_concept,
                self._alike(examples, i),
            )
            for i, (verdict, by_concept, value, *bounds) in enumerate(zip(verdicts, contributions, *moved, strict=True))
        ]

    def _interval(self, examples: Examples, scores: Scores) -> tuple[Scores, Scores]:
        """What the labels leave open, and how far a number moves by itself: independent errors, added in squares."""
        middle, noise = metrics.log_odds(scores), metrics.REACH * self.card.spread
        low, high = (
            expit(middle + side * np.hypot(metrics.log_odds(bound) - middle, noise))
            for side, bound in zip((-1, 1), self.estimator.interval(examples), strict=True)
        )
        return low, high

    def _alike(self, examples: Examples, row: int) -> Fact | None:
        """What became of past customers who wrote alike, if the method knows of any."""
        alike: Alike | None = getattr(self.estimator, "alike_", None)
        if alike is None or examples.vectors is None:
            return None
        customer, day, horizon_days = examples.customers[row], examples.dates[row], self.card.horizon_days
        return alike.fact(customer, day, examples.vectors[row], horizon_days=horizon_days)

    def _contributions(
        self, examples: Examples, scores: Scores, verdicts: Sequence[Verdict | None]
    ) -> list[dict[str, float]]:
        """By how much each reason moves the log-odds: the score less that of the same customer without it."""
        found: list[dict[str, float]] = [{} for _ in verdicts]
        reasons = [(i, reason) for i, verdict in enumerate(verdicts) if verdict for reason in verdict.reasons]
        if reasons:
            rows = np.array([i for i, _ in reasons])
            typical = {name: mean for name, (mean, _) in self.card.facts.items()}
            removed = [(reason.concept, reason.contribution or 0.0) for _, reason in reasons]
            without = metrics.log_odds(score(self.estimator, examples.take(rows).without(removed, typical)))
            for (i, reason), before, after in zip(reasons, metrics.log_odds(scores)[rows], without, strict=True):
                found[i][reason.concept] = float(before - after)
        return found


def path_of(store: Path, card: KeptCard) -> Path:
    """The file of what a kept method has learned."""
    return store / FOLDER / f"{card.name}{SUFFIX}"


def keep(store: Path, trained: Trained, estimator: Estimator) -> KeptCard:
    """Stores a trained method as the next version of its name. Raises `StoreUnavailable`."""
    folder = store / FOLDER
    versions = [card.version for card in kept_cards(store) if card.method == trained.method]
    data = data_of(estimator)
    card = KeptCard(
        **trained.model_dump(),
        version=max(versions, default=0) + 1,
        trained_at=datetime.now(UTC),
        churn_agent=version("churn-agent"),
        scikit_learn=version("scikit-learn"),
        sha256=hashlib.sha256(data).hexdigest(),
    )
    path = path_of(store, card)
    try:
        folder.mkdir(parents=True, exist_ok=True)
        path.unlink(missing_ok=True)  # a link there would be written through
        atomic.write(path, data)
        # The card last: what has none is not there.
        atomic.write(path.with_suffix(".json"), card.model_dump_json(indent=2))
    except OSError as error:
        raise StoreUnavailable(f"cannot keep a method in {str(folder)!r}: {error.strerror}") from error
    return card


def data_of(estimator: Estimator) -> bytes:
    """What an estimator has learned, as the content of its file."""
    return states.to_bytes({"carried": isinstance(estimator, Carried), "learned": states.state_of(estimator)})


def kept_cards(store: Path) -> list[KeptCard]:
    """Cards of all kept methods, by name, the oldest version first."""
    return sorted(_cards(store), key=lambda card: (card.method, card.version))


def _cards(store: Path) -> Iterator[KeptCard]:
    for path in (store / FOLDER).glob("*.json"):
        try:
            yield KeptCard.model_validate(strict_json.parse(path.read_text(encoding="utf-8")))
        except (OSError, ValueError, ValidationError) as error:
            raise StoreUnavailable(f"{str(path)!r} is no card of a method; move it away") from error


def load(store: Path, name: str) -> Kept:
    """A kept method: `boosting` is its newest version, `boosting-2` the second.

    Raises:
        InputError: there is none of that name.
        StoreUnavailable: it was kept by an earlier version, as code, or its file was changed.
    """
    cards = kept_cards(store)
    found = [card for card in cards if name in (card.method, card.name)]
    if not found:
        there = ", ".join(card.name for card in cards) or "none yet; run: churn-agent train boosting"
        raise InputError(f"no trained method {name!r} in this store; there are: {there}")
    card = found[-1]
    if card.method not in LEARNED:
        raise StoreUnavailable(f"{card.name} is of a method that this version does not have")
    path = path_of(store, card)
    data = _read(path, card)
    if hashlib.sha256(data).hexdigest() != card.sha256:
        raise StoreUnavailable(f"{str(path)!r} is not what was kept; {_again(card.method)}")
    try:
        state = states.from_bytes(data)
        made = Carried() if state["carried"] else LEARNED[card.method].make(card.seed)
        return Kept(card, states.restore(made, state["learned"]))
    except (states.DamagedState, LookupError, TypeError) as error:
        raise StoreUnavailable(f"{str(path)!r} cannot be used: {error}; {_again(card.method)}") from error


def _read(path: Path, card: KeptCard) -> bytes:
    """The file, if it is one of the store's own and of the one kind that is read."""
    if path.is_symlink():
        raise StoreUnavailable(f"{str(path)!r} is a link, and links are not followed; {_again(card.method)}")
    if path.is_file():
        try:
            return path.read_bytes()
        except OSError as error:
            raise StoreUnavailable(f"cannot read {str(path)!r}: {error.strerror}") from error
    if path.with_suffix(".joblib").exists():
        raise StoreUnavailable(
            f"{card.name} was kept by an earlier version, in a file that could run code; {_again(card.method)}"
        )
    raise StoreUnavailable(f"{str(path)!r} is not there; {_again(card.method)}")


def _again(method: str) -> str:
    return f"run: churn-agent {'calibrate' if method == 'calibrated' else f'train {method}'}"
