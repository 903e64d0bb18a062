"""How the cards of whole companies do: by test book, with the default and after each recommended setting."""

import json
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

from pydantic import BaseModel, ConfigDict

from churn_agent.evals.checks.cards import CardCheck, CardFigures, check_cards, figures, rows, to_markdown
from churn_agent.evals.checks.expectations import load_expectations
from churn_agent.evals.runs.progress import Progress, Silent
from churn_agent.evals.sets.books import TRUTH, Book, find_book
from churn_agent.files import atomic, strict_yaml
from churn_agent.files.overwriting import check_lines
from churn_agent.settings import Settings

CARDS = "cards.jsonl"
"""File of a run with every record."""


class Variation(BaseModel):
    """Settings and a card to try."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    settings: Mapping[str, str | int | float | bool | None] = {}
    card: Mapping[str, Any] = {}


class BookSuite(BaseModel):
    """A suite file of test books."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    books: tuple[str, ...]
    """Paths relative to the suite file, or names of shipped books."""
    variations: Mapping[str, Variation] = {"default": Variation()}
    """Name -> what is changed."""


@dataclass(frozen=True)
class BookResult:
    """The cards of one book under one variation."""

    book: str
    variation: str
    checks: Sequence[CardCheck]
    capacity: int

    @property
    def figures(self) -> CardFigures:
        """Over all cards of the book."""
        return figures(self.checks, capacity=self.capacity)


def is_book_suite(path: Path) -> bool:
    """Whether a suite file is about test books."""
    return any(line.startswith("books:") for line in path.read_text(encoding="utf-8-sig").splitlines())


def check_books(
    path: Path,
    *,
    settings: Settings,
    out: Path,
    stores: Path,
    progress: Progress | None = None,
) -> list[BookResult]:
    """Checks every card of the books of a suite file, and writes `cards.jsonl` and a report for each book.

    Answers of the model are kept in the stores, so a call that was interrupted asks only for the rest.

    Args:
        path: the suite file.
        settings: of models and prompts, as `assess` takes them. Their store is not used.
        out: folder of the run.
        stores: folder of the stores that books are imported into, one each.
        progress: receives the events of the run.

    Raises:
        InputError, DataError: a book cannot be used.
        Unavailable: a model or a store cannot be used.
    """
    check_lines(out / CARDS, {"book", "record"}, "checked cards")
    suite, progress = strict_yaml.load(path, BookSuite), progress or Silent()
    books = [find_book(name, near=path.parent) for name in suite.books]
    results = [
        _check(book, name, variation, settings, stores, progress)
        for book in books
        for name, variation in suite.variations.items()
    ]
    out.mkdir(parents=True, exist_ok=True)
    atomic.write(out / CARDS, "".join(_line(result, check) for result in results for check in result.checks))
    for result in results:
        title = f"{result.book}, {result.variation}"
        atomic.write(
            out / f"{result.book}-{result.variation}.md", to_markdown(result.checks, title, capacity=result.capacity)
        )
    return results


def _check(
    book: Book, name: str, variation: Variation, settings: Settings, stores: Path, progress: Progress
) -> BookResult:
    with book.open(stores, settings.changed(**variation.settings), card=variation.card) as agent:
        cases = load_expectations(book.folder / TRUTH, agent.store.taxonomy.by_id)
        progress.began(f"{book.name}, {name}", len(cases))
        checks = check_cards(cases, agent, as_of=book.description.as_of, progress=progress.advanced)
    return BookResult(book.name, name, checks, book.description.capacity)


def _line(result: BookResult, check: CardCheck) -> str:
    head = {"book": result.book, "variation": result.variation, "right": check.right, "wrong": check.wrong}
    return json.dumps({**head, "record": check.record.model_dump(mode="json")}, ensure_ascii=False) + "\n"


def table(results: Sequence[BookResult]) -> list[dict[str, str]]:
    """One row for each book and variation, for readers."""
    return [{"book": result.book, "variation": result.variation, **dict(rows(result.figures))} for result in results]


def as_dicts(results: Sequence[BookResult]) -> list[dict[str, Any]]:
    """As JSON holds it."""
    return [{"book": one.book, "variation": one.variation, "figures": asdict(one.figures)} for one in results]
