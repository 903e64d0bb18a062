"""Labelled sets: a history, outcomes, and a description that says what churn means there and where it comes from."""

import csv
import hashlib
import random
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from itertools import groupby
from pathlib import Path
from typing import Annotated, Literal

from pydantic import BaseModel, ConfigDict, Field, model_validator

from churn_agent.assessing.agent import ChurnAgent
from churn_agent.domain.snapshot import Card
from churn_agent.errors import DataError, InputError
from churn_agent.files import strict_yaml
from churn_agent.history import book
from churn_agent.outcomes.samples import Sample, labelled_samples
from churn_agent.settings import Settings

_DEVELOPMENT = 0.4
"""Share of customers whose labels decide choices."""
_FEWEST_OF_A_CLASS = 2
GOLD = "gold.csv"
TOGETHER = "all sets"
"""Replaces the name of a set for the customers of several sets."""


class Fetch(BaseModel):
    """Where the originals of a set lie, and what turns them into one."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    converter: str
    """A name of `converting.CONVERTERS`."""
    folder: Annotated[str, Field(pattern=r"^https?://[^/]+/(.+/)?$")]
    """Address that those of all files begin with."""
    files: Annotated[tuple[Annotated[str, Field(min_length=1)], ...], Field(min_length=1)]
    """Raw files at a commit, so that they stay what they are; below the folder."""
    sha256: tuple[Annotated[str, Field(pattern=r"^[0-9a-f]{64}$")], ...] = ()
    """Of each file, in their order; none if nobody has noted them yet."""
    customers: int | None = None
    churned: int | None = None
    """How many there should be: what a file without a hash can be checked by."""

    @model_validator(mode="after")
    def _one_hash_each(self) -> "Fetch":
        if self.sha256 and len(self.sha256) != len(self.files):
            raise ValueError(f"{len(self.sha256)} hashes for {len(self.files)} files")
        return self

    @property
    def urls(self) -> tuple[str, ...]:
        """The address of each original file."""
        return tuple(self.folder + file for file in self.files)


class SetDescription(BaseModel):
    """What a reader must know to judge by a set."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    book: Card
    """As it is given to the agent."""
    origin: str = "unknown"
    licence: str = "unknown"
    leaks: tuple[str, ...] = ()
    """Known ways in which the history tells the outcome."""
    split: Literal["customer", "time"] = "customer"
    """What separates the development split from the test split: the customer, or the date (earlier for development)."""
    speaker: Literal["customer", "company", "unknown"] = "customer"
    """Author to assume when no column of the set names one."""
    gold: Literal["complete", "judged"] = "complete"
    """Whether the file `gold.csv` names all signals of all customers, or only those that somebody has judged, with
    `shown` yes or no."""
    note: Annotated[str | None, Field(max_length=2000)] = None
    fetch: Fetch | None = None
    """None if it is nobody's originals: shipped, or one's own."""


@dataclass(frozen=True)
class LabelledSet:
    """A set on disk."""

    name: str
    folder: Path
    description: SetDescription

    def store_in(self, folder: Path) -> Path:
        """Where its store lies among others: sets of the same name in two places are two sets."""
        place = hashlib.sha256(str(self.folder).encode()).hexdigest()[:8]
        return folder / f"{self.name}-{place}"

    def fingerprint(self) -> str:
        """SHA-256 over the files of the folder, cut to 16 hexadecimal digits: texts count, not labels alone."""
        digest = hashlib.sha256()
        for path in sorted(self.folder.iterdir()):
            if path.is_file():
                digest.update(path.name.encode() + b"\0" + path.read_bytes())
        return digest.hexdigest()[:16]

    def open(self, store: Path, settings: Settings) -> ChurnAgent:
        """An agent on a store that holds the set; interactions that are there already are not imported again.

        Args:
            store: folder of the store.
            settings: of the agent; the store that they name is not used.

        Raises:
            DataError: the set cannot be read.
        """
        agent = ChurnAgent(settings.changed(store=store))
        self.import_into(agent)
        return agent

    def import_into(self, agent: ChurnAgent) -> None:
        """Imports the set and the card of its book. Raises `DataError`."""
        # The card in the description replaces that of the folder.
        agent.store.ingest([self.folder], replace_card=True, unknown_is=self.description.speaker)
        with agent.store.history.begin() as connection:
            book.set_card(connection, self.description.book)

    def gold(self) -> dict[str, dict[str, tuple[str, ...]]]:
        """Customer -> signal -> local times of the interactions that show it (`gold.csv`); empty without that file."""
        return self._gold(lambda row: row.get("shown") != "no")

    def judged(self) -> dict[str, dict[str, tuple[str, ...]]] | None:
        """The same for all judged signals, shown or not; None if all signals of the set are judged."""
        return None if self.description.gold == "complete" else self._gold(lambda row: True)

    def _gold(self, counts: Callable[[Mapping[str, str]], bool]) -> dict[str, dict[str, tuple[str, ...]]]:
        path = self.folder / GOLD
        found: dict[str, dict[str, tuple[str, ...]]] = {}
        if path.exists():
            with path.open(encoding="utf-8", newline="") as file:
                for row in filter(counts, csv.DictReader(file)):
                    of_customer = found.setdefault(row["customer_id"], {})
                    of_customer[row["signal"]] = (*of_customer.get(row["signal"], ()), row["timestamp"][:16])
        return found

    def samples(self, agent: ChurnAgent) -> list[Sample]:
        """All samples of the set, by customer and date. Raises `DataError` if there are too few of either class."""
        found = labelled_samples(agent.store)
        churned = sum(sample.churned for sample in found)
        if min(churned, len(found) - churned) < _FEWEST_OF_A_CLASS:
            raise DataError(f"set {self.name!r} has {churned} churned of {len(found)} labels: it needs both outcomes")
        return found


def find_set(name: str, *, near: Path, sets_dir: Path | None = None) -> LabelledSet:
    """The set of a name or path.

    Args:
        name: a path, relative to the folder `near`; or the name of a folder in `sets_dir` or of a shipped set.
        near: folder that a relative path starts from.
        sets_dir: folder of labelled sets, as `Settings.sets_dir`.

    Raises:
        InputError: there is no such set.
    """
    places = [near / name, *([sets_dir / name] if sets_dir else []), shipped_folder() / "datasets" / name]
    folder = next((place.resolve() for place in places if place.is_dir()), None)
    if folder is None:
        raise InputError(f"no set {name!r}; name a folder with interactions and labels, or set CHURN_AGENT_SETS_DIR")
    return LabelledSet(folder.name, folder, _description(folder))


def shipped_folder() -> Path:
    """Where descriptions, suites and our own set lie: in the checkout or in the installed package."""
    package = Path(__file__).parents[2]
    checkout = package.parent
    return checkout / "eval" if (checkout / "pyproject.toml").is_file() else package / "_eval"


def list_descriptions() -> dict[str, SetDescription]:
    """Name -> description of every set that is known."""
    shipped = shipped_folder()
    descriptions = {
        path.stem: strict_yaml.load(path, SetDescription) for path in sorted((shipped / "sets").glob("*.yaml"))
    }
    for path in sorted((shipped / "datasets").glob("*/set.yaml")):
        descriptions[path.parent.name] = strict_yaml.load(path, SetDescription)
    return descriptions


def list_sets(sets_dir: Path | None) -> dict[str, tuple[SetDescription, Path | None]]:
    """Name -> description, and the folder if the set is here: all known sets, and those with labels in `sets_dir`."""
    own = sorted(path.parent for path in sets_dir.glob("*/labels.*")) if sets_dir else []
    found: dict[str, tuple[SetDescription, Path | None]] = {
        folder.name: (_description(folder), folder) for folder in own
    }
    for name, description in list_descriptions().items():
        shipped = shipped_folder() / "datasets" / name
        found.setdefault(name, (description, shipped if shipped.is_dir() else None))
    return dict(sorted(found.items()))


def _description(folder: Path) -> SetDescription:
    own, known, plain = folder / "set.yaml", shipped_folder() / "sets" / f"{folder.name}.yaml", folder / "card.yaml"
    if own.exists():
        return strict_yaml.load(own, SetDescription)
    if known.exists():
        return strict_yaml.load(known, SetDescription)
    book = strict_yaml.load(plain, Card) if plain.exists() else Card()
    return SetDescription(book=book.model_copy(update={"attributes_as_of": "label"}))


# --- choosing samples


def draw(samples: Sequence[Sample], n: int | None, *, seed: int = 0) -> list[Sample]:
    """At most `n` samples, churned and staying in the proportion of all, in the order of all."""
    if n is None or n >= len(samples):
        return list(samples)
    random_ = random.Random(seed)  # noqa: S311 - no secret
    churned = [sample for sample in samples if sample.churned]
    stayed = [sample for sample in samples if not sample.churned]
    of_churned = min(len(churned), n - 1, max(1, round(n * len(churned) / len(samples))))
    chosen = {*random_.sample(churned, of_churned), *random_.sample(stayed, min(len(stayed), n - of_churned))}
    return [sample for sample in samples if sample in chosen]


def split(samples: Sequence[Sample], how: Literal["customer", "time"]) -> tuple[list[int], list[int]]:
    """Positions of the development and of the test samples. No customer is in both; the same samples split alike.

    By time, the development samples are the earlier dates, as many as come nearest to two fifths, and the test samples
    the later dates of customers that are not among them.
    """
    if how == "time":
        dates = sorted(sample.as_of for sample in samples)
        border = dates[int(_DEVELOPMENT * len(dates))]
        development = [i for i, sample in enumerate(samples) if sample.as_of < border]
        seen = {samples[i].customer_id for i in development}
        if development:
            later = [i for i, s in enumerate(samples) if s.as_of >= border and s.customer_id not in seen]
            return development, later
    chosen: set[str] = set()
    for _, group in groupby(sorted(samples, key=lambda s: s.churned), key=lambda s: s.churned):
        ids = sorted({sample.customer_id for sample in group}, key=_shuffled)
        chosen |= set(ids[: round(_DEVELOPMENT * len(ids))])
    development = [i for i, sample in enumerate(samples) if sample.customer_id in chosen]
    return development, sorted(set(range(len(samples))) - set(development))


def _shuffled(customer_id: str) -> str:
    return hashlib.sha256(customer_id.encode()).hexdigest()
