"""Thresholds for a model, measured on our own labelled messages (`churn-agent models fit`).

The rule, for all models alike:

- `neutral_leaning` is the median leaning of messages that show no signal.
- `leaving_leaning` is the lowest leaning from which at least four in five messages are of somebody who leaves, and
  `staying_leaning` the highest up to which at least four in five are not.
- `proposed` and `confirmed` are taken from a grid: of those settings whose precision of signals reaches that of the
  default model, the one that finds most; where none does, the one with the highest F1.
- The other thresholds stay those of the default model.

Figures are cross-fitted: thresholds chosen on one half of the messages are measured on the other.
"""

import csv
import hashlib
from collections.abc import Callable, Generator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import UTC, datetime
from importlib.metadata import version
from itertools import product
from pathlib import Path

import numpy as np
from more_itertools import chunked

from churn_agent.assessing.pipeline import BATCH
from churn_agent.content import fitted_thresholds
from churn_agent.content.prompts import PromptTemplate, shipped_fits
from churn_agent.content.taxonomy import Taxonomy
from churn_agent.content.thresholds import Figures, Fit, MeasuredOn, SetUsed, Thresholds
from churn_agent.elicitation.confirm import ANY_COMPANY, Reading
from churn_agent.elicitation.read import read_messages
from churn_agent.elicitation.second_reader.messages import GoldMessage
from churn_agent.errors import DataError, InputError, Unavailable
from churn_agent.evals.sets.labelled import find_set, shipped_folder
from churn_agent.history.database import open_database
from churn_agent.measuring import metrics
from churn_agent.models.base import ChatModel
from churn_agent.models.cache import CachedModel
from churn_agent.models.common_answers import with_common_answers
from churn_agent.models.opening import open_model
from churn_agent.settings import Settings

SETS = ("hard_cases", "switching")
"""Shipped sets that messages are taken from: the first for signals, the second for leaving."""
PROPOSED, CONFIRMED = (0.25, 0.35, 0.5), (0.6, 0.7, 0.8, 0.9)
"""The grid."""
LEAST_SHARE = 0.8
"""Share of messages beyond a boundary of the leaning that must be what it says."""
CORRECTIONS = "corrections"
"""Name, in place of a set's, of the messages that people corrected."""
STORE = "fitting"
"""Folder, in the model folder, of the answers."""
_NONE = Figures(precision=0.0, recall=0.0, f1=0.0, auroc_of_leaving=0.5)
_FEWEST_BEYOND = 5
"""Messages that must lie beyond a boundary for their share to count."""
_HALVES = 2

Progress = Callable[[int, int], None]
"""Called with how many messages were read, and how many there are to read."""


@dataclass(frozen=True)
class LabelledMessage:
    """A message with what people say of it."""

    set: str
    company: str
    text: str
    companies: frozenset[str]
    """Names of companies that it may speak of."""
    leaves: bool | None = None
    """Whether its writer leaves the company; None if nobody said."""
    signals: frozenset[str] | None = None
    """Ids of the signals that it shows; None if nobody said."""
    judged: frozenset[str] | None = None
    """Ids of the signals that people were asked about; None for all."""

    @property
    def half(self) -> int:
        """0 or 1; the same text is always in the same half, whatever company it is about."""
        return hashlib.sha256(self.text.encode()).digest()[0] % _HALVES


def sample() -> list[LabelledMessage]:
    """The messages that thresholds are measured on; the same for all models."""
    return [*_with_signals(SETS[0]), *_with_leavers(SETS[1])]


def corrected(messages: Sequence[GoldMessage]) -> list[LabelledMessage]:
    """Messages that people corrected, as messages that thresholds are measured on."""
    return [
        LabelledMessage(
            CORRECTIONS,
            message.company or ANY_COMPANY,
            message.text,
            frozenset(message.others),
            signals=frozenset(signal.id for signal in message.signals),
            judged=frozenset(message.judged or ()),
        )
        for message in messages
    ]


def _with_signals(name: str) -> list[LabelledMessage]:
    customers, gold = _rows(name, "customers"), find_set(name, near=shipped_folder() / "datasets").gold()
    company_of = {row["customer_id"]: row["company"] for row in customers}
    companies = frozenset(company_of.values())
    messages: list[LabelledMessage] = []
    for row in _rows(name, "interactions"):
        if row["direction"] == "inbound" and row["text"]:
            customer, when = row["customer_id"], row["timestamp"][:16]
            shown = frozenset(signal for signal, times in gold.get(customer, {}).items() if when in times)
            messages.append(LabelledMessage(name, company_of[customer], row["text"], companies, signals=shown))
    return messages


def _with_leavers(name: str) -> list[LabelledMessage]:
    company_of = {row["customer_id"]: row["company"] for row in _rows(name, "customers")}
    left = {row["customer_id"]: row["churned"] == "1" for row in _rows(name, "labels")}
    companies = frozenset(company_of.values())
    return [
        LabelledMessage(name, company_of[row["customer_id"]], row["text"], companies, leaves=left[row["customer_id"]])
        for row in _rows(name, "interactions")
    ]


def _rows(name: str, table: str) -> list[dict[str, str]]:
    path = shipped_folder() / "datasets" / name / f"{table}.csv"
    with path.open(encoding="utf-8", newline="") as file:
        return list(csv.DictReader(file))


def default_fit() -> Fit:
    """The shipped thresholds of `read/words` for the default model, with their figures."""
    return shipped_fits()[0]


@contextmanager
def reading_model(
    settings: Settings, *, in_store: bool = False, notify: Callable[[str], None] = lambda line: None
) -> Generator[ChatModel]:
    """The model that the settings name, with answers kept in a separate store in the model folder.

    Args:
        settings: with the model.
        in_store: keep answers in the store of the settings, where they are forgotten with their customers.
        notify: called with notes.

    Raises:
        InputError: the name means nothing.
        Unavailable: the model or the store cannot be used.
    """
    answers = open_database(settings.store if in_store else settings.models_dir / STORE, notify)
    try:
        model = CachedModel(
            with_common_answers(open_model(settings, notify=notify), settings.models_dir),
            answers,
            most_answers=settings.answers_limit,
        )
        try:
            yield model
        finally:
            model.close()
    finally:
        answers.dispose()


def keep(measured: Fit, prompt: PromptTemplate, models_dir: Path) -> Path:
    """Keeps thresholds in the model folder. Raises `Unavailable` if it cannot be written."""
    try:
        return fitted_thresholds.keep_fit(measured, prompt, models_dir)
    except OSError as error:
        raise Unavailable(f"cannot write the thresholds to {str(models_dir)!r}: {error.strerror}") from error


def fit(
    model: ChatModel,
    prompt: PromptTemplate,
    taxonomy: Taxonomy,
    messages: Sequence[LabelledMessage],
    *,
    progress: Progress = lambda done, total: None,
) -> Fit:
    """Measures thresholds of a prompt for a model.

    Args:
        model: with a cache of answers: messages are read several times.
        prompt: of mode `read`, with a `choice` or a `check`.
        taxonomy: whose signals are read.
        messages: with labels; see `sample`.
        progress: called as messages are read.

    Raises:
        InputError: the prompt has no thresholds, or the messages show no signal of the taxonomy.
        DataError: the model's answers to most messages cannot be used.
    """
    if not prompt.has_thresholds:
        raise InputError(f"prompt {prompt.label} has no thresholds to fit: it has neither a 'choice' nor a 'check'")
    if not any(message.signals and message.signals & taxonomy.by_id.keys() for message in messages):
        raise InputError("none of the messages used to measure thresholds shows a signal of your signals.yaml")
    fitting = _Fitting(model, prompt, taxonomy, messages, progress)
    halves = [[message.half == half for message in messages] for half in range(_HALVES)]
    chosen = fitting.choose([True] * len(messages))
    # What is chosen on one half is measured on the other.
    figures = fitting.measure([(fitting.choose(halves[1 - half]), halves[half]) for half in range(_HALVES)])
    counts = {name: sum(message.set == name for message in messages) for name in dict.fromkeys(m.set for m in messages)}
    return fit_of(model, prompt, tuple(SetUsed(name=name, n=n) for name, n in counts.items()), chosen, figures)


def fit_of(
    model: ChatModel, prompt: PromptTemplate, sets: tuple[SetUsed, ...], values: Thresholds, figures: Figures
) -> Fit:
    """The result of a measurement that was made now."""
    return Fit(
        model=model.info.id,
        sha256=model.info.sha256,
        fingerprint=model.info.fingerprint,
        prompt_hash=prompt.content_hash,
        measured_on=MeasuredOn(
            sets=sets,
            version=version("churn-agent"),
            date=datetime.now(UTC).date(),
            command=f"churn-agent models fit {model.info.id} --prompt {prompt.mode}/{prompt.name}"
            + (" --with-corrections" if any(used.name == CORRECTIONS for used in sets) else ""),
        ),
        figures=figures,
        values=values,
    )


class _Fitting:
    """The messages as the model reads them by different thresholds."""

    def __init__(
        self,
        model: ChatModel,
        prompt: PromptTemplate,
        taxonomy: Taxonomy,
        messages: Sequence[LabelledMessage],
        progress: Progress,
    ) -> None:
        self._model, self._prompt, self._taxonomy, self._messages = model, prompt, taxonomy, messages
        self._start = (prompt.fits or shipped_fits())[0].values
        self._least_precision = (default_fit().figures or _NONE).precision
        # All are asked about leaving and about the least likely signals: what other thresholds need is then known.
        lenient = {"silent": 1.0, "proposed": min(PROPOSED), "confirmed": 0.0}
        readings = self._read(messages, self._start.model_copy(update=lenient), progress)
        self._leanings = [None if reading.failure else reading.leaning for reading in readings]
        if sum(reading.failure is not None for reading in readings) > len(messages) / 2:
            raise DataError(f"most answers of {model.info.id} are unusable; no thresholds were stored")

    def _read(
        self,
        messages: Sequence[LabelledMessage],
        thresholds: Thresholds,
        progress: Progress = lambda done, total: None,
    ) -> list[Reading]:
        prompt = self._prompt.model_copy(update={"thresholds": thresholds})
        all_readings: list[Reading] = []
        for batch in chunked(messages, BATCH):
            readings = [Reading(message.company, message.text, message.companies) for message in batch]
            read_messages(readings, self._model, prompt, self._taxonomy)
            all_readings += readings
            progress(len(all_readings), len(messages))
        return all_readings

    def choose(self, used: Sequence[bool]) -> Thresholds:
        """The thresholds by the rule, on some of the messages."""
        known = [
            (message, leaning)
            for message, leaning, use in zip(self._messages, self._leanings, used, strict=True)
            if use and leaning is not None
        ]
        neutral = [leaning for message, leaning in known if message.signals == frozenset() and message.judged is None]
        middle = float(np.median(neutral)) if neutral else self._start.neutral_leaning
        leanings = np.array([leaning for message, leaning in known if message.leaves is not None])
        leaves = np.array([message.leaves for message, _ in known if message.leaves is not None], dtype=bool)
        thresholds = self._start.model_copy(
            update={
                "neutral_leaning": middle,
                "leaving_leaning": max(middle, boundary(leanings, leaves)),
                "staying_leaning": min(middle, -boundary(-leanings, ~leaves)),
            }
        )
        with_signals = [
            message for message, use in zip(self._messages, used, strict=True) if use and message.signals is not None
        ]
        settings = [
            thresholds.model_copy(update={"proposed": proposed, "confirmed": confirmed})
            for proposed, confirmed in product(PROPOSED, CONFIRMED)
        ]
        return max(settings, key=lambda candidate: self._worth(self._counts(with_signals, candidate)))

    def _worth(self, counts: "_Counts") -> tuple[bool, float, float]:
        reaches = counts.precision >= self._least_precision
        return reaches, counts.recall if reaches else counts.f1, counts.precision

    def measure(self, parts: Sequence[tuple[Thresholds, Sequence[bool]]]) -> Figures:
        """What thresholds give on some of the messages each, all taken together."""
        counts, leanings, leaves = _Counts(), list[float](), list[bool]()
        for thresholds, used in parts:
            some = [message for message, use in zip(self._messages, used, strict=True) if use]
            for message, reading in zip(some, self._read(some, thresholds), strict=True):
                counts += self._counted(message, reading)
                if message.leaves is not None:
                    leanings.append(thresholds.neutral_leaning if reading.leaning is None else reading.leaning)
                    leaves.append(message.leaves)
        ranked = metrics.auroc(np.array(leaves), np.array(leanings)).value if len(set(leaves)) > 1 else 0.5
        return Figures(
            precision=counts.precision, recall=counts.recall, f1=counts.f1, auroc_of_leaving=round(float(ranked), 3)
        )

    def _counts(self, messages: Sequence[LabelledMessage], thresholds: Thresholds) -> "_Counts":
        counts = _Counts()
        for message, reading in zip(messages, self._read(messages, thresholds), strict=True):
            counts += self._counted(message, reading)
        return counts

    def _counted(self, message: LabelledMessage, reading: Reading) -> "_Counts":
        if message.signals is None:
            return _Counts()
        judged = self._taxonomy.by_id.keys() & (message.judged or self._taxonomy.by_id.keys())
        wanted, read = message.signals & judged, reading.strengths.keys() & judged
        return _Counts(len(wanted & read), len(read), len(wanted))


@dataclass(frozen=True)
class _Counts:
    """Signals that were read and that should be."""

    right: int = 0
    read: int = 0
    wanted: int = 0

    def __add__(self, other: "_Counts") -> "_Counts":
        return _Counts(self.right + other.right, self.read + other.read, self.wanted + other.wanted)

    @property
    def precision(self) -> float:
        return round(self.right / self.read, 3) if self.read else 0.0

    @property
    def recall(self) -> float:
        return round(self.right / self.wanted, 3) if self.wanted else 0.0

    @property
    def f1(self) -> float:
        both = self.read + self.wanted
        return round(2 * self.right / both, 3) if both else 0.0


def boundary(values: metrics.Scores, wanted: metrics.Labels) -> float:
    """The lowest value at or above which at least four in five are wanted; the highest value if there is none.

    Args:
        values: of messages, shape (messages,).
        wanted: whether a message is of the kind that should lie beyond the boundary, shape (messages,).
    """
    if not len(values):
        return 0.0
    order = np.argsort(-values, kind="stable")
    beyond = np.arange(1, len(values) + 1)
    share = np.cumsum(wanted[order]) / beyond
    last_of_equals = np.append(np.diff(values[order]) != 0, True)
    reached = np.flatnonzero((share >= LEAST_SHARE) & (beyond >= _FEWEST_BEYOND) & last_of_equals)
    return float(values[order][reached[-1]] if len(reached) else values.max())
