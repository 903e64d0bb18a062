"""The data report: the contents of a book, its gaps, and their effect on assessments."""

import json
from collections import Counter
from collections.abc import Callable, Mapping
from dataclasses import asdict
from importlib.resources import files
from pathlib import Path
from typing import Any

from churn_agent import extras
from churn_agent.domain.snapshot import Card
from churn_agent.domain.wording import counted
from churn_agent.errors import InputError
from churn_agent.files import atomic
from churn_agent.history.statistics import BookStatistics
from churn_agent.measuring.plots import legend_beside, to_svg
from churn_agent.reports.unlikely import unlikely

_MEASURED_LANGUAGES = ("en", "de")
"""Languages in which mode `read` was measured."""
_MANY = 0.2
_SHOWN_CHANNELS = 7


def findings(book: BookStatistics, card: Card) -> list[str]:
    """Returns what the numbers mean for assessments and what to do, most important first."""
    lines: list[str] = []
    if card == Card():
        lines.append("The book has no card. Say what churn means: churn-agent ingest --card card.yaml.")
    if not book.labels:
        lines.append(
            "There are no outcomes, so scores cannot be checked or calibrated. Import some (--labels), derive them "
            "from the history (churn-agent labels derive), or answer questions (churn-agent label)."
        )
    elif book.churned < 50 or book.labels - book.churned < 50:
        lines.append(
            f"{book.churned} of {book.labels} outcomes are churn. With fewer than 50 of either kind, metrics are rough."
        )
    silent = book.silent_customers / book.customers
    if silent > _MANY:
        lines.append(f"{silent:.0%} of customers wrote nothing. Their assessments use facts only.")
    thin = book.one_day_customers / book.customers
    if thin > _MANY:
        lines.append(f"{thin:.0%} of customers were active on one day only. Facts about rhythm do not apply to them.")
    others = sum(n for name, n in book.languages.items() if name not in (*_MEASURED_LANGUAGES, "unknown"))
    if book.messages and others / book.messages > _MANY / 4:
        lines.append(
            f"{others / book.messages:.0%} of messages are in neither English nor German. Reading was measured in "
            "these two languages only."
        )
    if book.messages and book.without_direction / book.messages > _MANY:
        lines.append(
            f"{book.without_direction / book.messages:.0%} of messages have an unknown author, so they are not read. "
            "Map a direction or a speaker, or import them with --unknown-is customer."
        )
    lines.extend(unlikely(book, card))
    if book.empty_months:
        named = ", ".join(book.empty_months[:3]) + (", ..." if len(book.empty_months) > 3 else "")
        lines.append(f"{len(book.empty_months)} months have no interactions ({named}). Is an export missing?")
    if book.repeated_rows / book.interactions > _MANY / 4:
        lines.append(
            f"{book.repeated_rows} interactions repeat another one with the same time. Was an export joined twice?"
        )
    if book.messages and book.distinct_texts / book.messages < 0.5:
        lines.append(
            f"Only {book.distinct_texts} of {book.messages} messages are distinct. Mark your own templates as outbound."
        )
    if book.rejected_rows:
        lines.append(f"Imports rejected {counted(book.rejected_rows, 'row')}. See the store's folder `rejected`.")
    return lines


def to_text(book: BookStatistics, card: Card) -> str:
    """Returns the report for a terminal."""
    lines = [f"{name + ':':<25}{value}" for name, value in _numbers(book)]
    results = findings(book, card)
    return "\n".join([*lines, "", *(f"- {line}" for line in results or ["No problems found."])])


def to_json(book: BookStatistics, card: Card) -> str:
    """Returns all numbers and findings as JSON."""
    return json.dumps(document(book, card), indent=2, ensure_ascii=False) + "\n"


def document(book: BookStatistics, card: Card) -> dict[str, Any]:
    """Returns all numbers and findings as plain data."""
    plain = asdict(book) | {"first": book.first.isoformat(), "last": book.last.isoformat()}
    return plain | {"findings": findings(book, card)}


def to_html(book: BookStatistics, card: Card) -> str:
    """Returns the report as one HTML page with its plots inline; it loads nothing from elsewhere."""
    with extras.importing("reports"):
        from jinja2 import Environment

    source = (files("churn_agent.reports") / "book.html").read_text(encoding="utf-8")
    template = Environment(autoescape=True).from_string(source)
    return template.render(
        company=card.company, numbers=_numbers(book), findings=findings(book, card), plots=_plots(book), book=book
    )


RENDERERS: Mapping[str, Callable[[BookStatistics, Card], str]] = {".html": to_html, ".json": to_json, ".txt": to_text}


def write(book: BookStatistics, card: Card, path: Path) -> None:
    """Writes the report; the suffix chooses the format.

    Raises:
        InputError: the suffix has no renderer, or the file cannot be written.
    """
    if path.suffix not in RENDERERS:
        raise InputError(f"cannot write {str(path)!r}: use a file name that ends in {' or '.join(RENDERERS)}")
    atomic.save(path, RENDERERS[path.suffix](book, card))


def _numbers(book: BookStatistics) -> list[tuple[str, str]]:
    rate = f", {book.churned / book.labels:.0%} churned" if book.labels else ""
    return [
        ("customers", f"{book.customers:,}"),
        ("interactions", f"{book.interactions:,}, of which {book.messages:,} are messages"),
        ("period", f"{book.first:%Y-%m-%d} to {book.last:%Y-%m-%d}, {len(book.empty_months)} empty months"),
        ("channels", _most(book.channels)),
        ("messages by", _most(_speakers(book)) or "no messages"),
        ("languages", _most(book.languages) or "no messages"),
        ("silent customers", f"{book.silent_customers:,}"),
        ("one-day customers", f"{book.one_day_customers:,}"),
        ("several contacts", f"{book.contacts:,} customers"),
        ("empty texts", f"{book.empty_texts:,}"),
        ("repeated rows", f"{book.repeated_rows:,}"),
        ("distinct texts", f"{book.distinct_texts:,} of {book.messages:,} messages"),
        ("cleaned texts", f"{book.cleaned_texts:,}"),
        ("outcomes", f"{book.labels:,}{rate}"),
        ("customers with", ", ".join(f"{name} {n / book.customers:.0%}" for name, n in book.oddities.coverage.items())),
    ]


def _speakers(book: BookStatistics) -> Counter[str]:
    total: Counter[str] = Counter()
    for speakers in book.oddities.speakers.values():
        total.update(speakers)
    return total


def _most(counts: Mapping[str, int]) -> str:
    pairs = sorted(counts.items(), key=lambda pair: -pair[1])[:6]
    return ", ".join(f"{n:,} {name}" for name, n in pairs) + (", ..." if len(counts) > 6 else "")


def _plots(book: BookStatistics) -> list[tuple[str, str]]:
    """Returns pairs of title and SVG."""
    return [
        ("Interactions per month, by channel", to_svg(lambda axes: _draw_months(axes, book))),
        ("Customers by number of interactions", to_svg(lambda axes: _draw_bars(axes, book.by_size, "interactions"))),
        (
            "Customers by months since their last interaction",
            to_svg(lambda axes: _draw_bars(axes, {str(k): n for k, n in book.quiet_since.items()}, "months")),
        ),
        ("Messages by language", to_svg(lambda axes: _draw_bars(axes, book.languages, "language"))),
    ]


def _draw_months(axes: Any, book: BookStatistics) -> None:
    names = sorted([*book.months, *book.empty_months])
    shown = list(book.channels)[:_SHOWN_CHANNELS]
    bottom = [0] * len(names)
    totals = [sum(book.months.get(name, {}).values()) for name in names]
    for channel in shown:
        heights = [book.months.get(name, {}).get(channel, 0) for name in names]
        axes.bar(names, heights, bottom=bottom, label=channel, width=0.9)
        bottom = [a + b for a, b in zip(bottom, heights, strict=True)]
    if len(book.channels) > len(shown):
        axes.bar(
            names, [a - b for a, b in zip(totals, bottom, strict=True)], bottom=bottom, label="others", color="0.8"
        )
    axes.set_xticks(names[:: max(1, len(names) // 8)])
    legend_beside(axes)
    axes.set_ylabel("interactions")


def _draw_bars(axes: Any, counts: Mapping[str, int], label: str) -> None:
    names = list(counts)
    axes.bar(names, list(counts.values()), color="#3b6ea5", width=0.8)
    axes.set_xlabel(label)
    axes.set_ylabel("customers" if label != "language" else "messages")
    if len(names) > 12:
        axes.set_xticks(names[:: len(names) // 8])
