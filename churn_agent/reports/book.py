"""The data report: what a book holds, what is thin, and what that means for assessments."""

import json
from collections.abc import Callable, Mapping
from dataclasses import asdict
from importlib.resources import files
from pathlib import Path
from typing import Any

from churn_agent import extras
from churn_agent.domain.snapshot import Card
from churn_agent.errors import InputError
from churn_agent.files import atomic
from churn_agent.history.statistics import BookStatistics
from churn_agent.measuring.plots import legend_beside, to_svg

_MEASURED_LANGUAGES = ("en", "de")
"""Languages in which reading was measured."""
_MANY = 0.2
_SHOWN_CHANNELS = 7


def findings(book: BookStatistics, card: Card) -> list[str]:
    """What the numbers mean for assessments, the weightiest first; each says what to do."""
    found: list[str] = []
    if card == Card():
        found.append("There is no card of the book: say what churn means (churn-agent ingest --card card.yaml).")
    if not book.labels:
        found.append(
            "There are no outcomes, so scores cannot be checked or calibrated. Import some (--labels), make them from "
            "the history (churn-agent labels derive), or answer questions (churn-agent label)."
        )
    elif book.churned < 50 or book.labels - book.churned < 50:
        found.append(
            f"Of {book.labels} outcomes {book.churned} are churn: below 50 of a kind, measures of quality are rough."
        )
    silent = book.silent_customers / book.customers
    if silent > _MANY:
        found.append(f"{silent:.0%} of the customers wrote nothing: their assessments rest on facts alone.")
    thin = book.one_day_customers / book.customers
    if thin > _MANY:
        found.append(f"{thin:.0%} of the customers were there on one day only: facts about rhythm say nothing of them.")
    others = sum(n for name, n in book.languages.items() if name not in (*_MEASURED_LANGUAGES, "unknown"))
    if book.messages and others / book.messages > _MANY / 4:
        found.append(
            f"{others / book.messages:.0%} of the messages are neither English nor German; reading was measured in "
            "these two only."
        )
    if book.messages and book.without_direction / book.messages > _MANY:
        found.append(
            f"For {book.without_direction / book.messages:.0%} of the messages it is not known who wrote them: your "
            "own words may be read as the customer's. Map a direction (inbound, outbound)."
        )
    if book.empty_months:
        named = ", ".join(book.empty_months[:3]) + (", ..." if len(book.empty_months) > 3 else "")
        found.append(f"Nothing happened in {len(book.empty_months)} months ({named}): is an export missing?")
    if book.repeated_rows / book.interactions > _MANY / 4:
        found.append(
            f"{book.repeated_rows} interactions repeat another one at the same time: was an export joined twice?"
        )
    if book.messages and book.distinct_texts / book.messages < 0.5:
        found.append(
            f"Only {book.distinct_texts} of {book.messages} messages differ: templates? Your own should be outbound."
        )
    if book.rejected_rows:
        found.append(
            f"{book.rejected_rows} rows were not taken by imports; they stand in the store's folder `rejected`."
        )
    return found


def to_text(book: BookStatistics, card: Card) -> str:
    """The report for a terminal."""
    lines = [f"{name + ':':<25}{value}" for name, value in _numbers(book)]
    means = findings(book, card)
    return "\n".join([*lines, "", *(f"- {line}" for line in means or ["Nothing speaks against assessing this book."])])


def to_json(book: BookStatistics, card: Card) -> str:
    """All numbers and findings."""
    return json.dumps(document(book, card), indent=2, ensure_ascii=False) + "\n"


def document(book: BookStatistics, card: Card) -> dict[str, Any]:
    """All numbers and findings, as plain data."""
    plain = asdict(book) | {"first": book.first.isoformat(), "last": book.last.isoformat()}
    return plain | {"findings": findings(book, card)}


def to_html(book: BookStatistics, card: Card) -> str:
    """The report as one HTML page with its plots inside; nothing is loaded from elsewhere."""
    with extras.importing("reports"):
        from jinja2 import Environment

    source = (files("churn_agent.reports") / "book.html").read_text(encoding="utf-8")
    template = Environment(autoescape=True).from_string(source)
    return template.render(
        company=card.company, numbers=_numbers(book), findings=findings(book, card), plots=_plots(book), book=book
    )


RENDERERS: Mapping[str, Callable[[BookStatistics, Card], str]] = {".html": to_html, ".json": to_json, ".txt": to_text}


def write(book: BookStatistics, card: Card, path: Path) -> None:
    """Raises `InputError` for an ending without a renderer, or a file that cannot be written."""
    if path.suffix not in RENDERERS:
        raise InputError(f"cannot write {str(path)!r}: give a file that ends in {' or '.join(RENDERERS)}")
    atomic.save(path, RENDERERS[path.suffix](book, card))


def _numbers(book: BookStatistics) -> list[tuple[str, str]]:
    rate = f", {book.churned / book.labels:.0%} churned" if book.labels else ""
    return [
        ("customers", f"{book.customers:,}"),
        ("interactions", f"{book.interactions:,}, of which {book.messages:,} are messages"),
        ("time", f"{book.first:%Y-%m-%d} to {book.last:%Y-%m-%d}, {len(book.empty_months)} empty months"),
        ("channels", _most(book.channels)),
        ("languages", _most(book.languages) or "no messages"),
        ("customers without words", f"{book.silent_customers:,}"),
        ("customers of one day", f"{book.one_day_customers:,}"),
        ("several contacts", f"{book.contacts:,} customers"),
        ("empty texts", f"{book.empty_texts:,}"),
        ("repeated rows", f"{book.repeated_rows:,}"),
        ("distinct texts", f"{book.distinct_texts:,} of {book.messages:,} messages"),
        ("cleaned texts", f"{book.cleaned_texts:,}"),
        ("outcomes", f"{book.labels:,}{rate}"),
    ]


def _most(counts: Mapping[str, int]) -> str:
    pairs = list(counts.items())[:6]
    return ", ".join(f"{n:,} {name}" for name, n in pairs) + (", ..." if len(counts) > 6 else "")


def _plots(book: BookStatistics) -> list[tuple[str, str]]:
    """(title, SVG)."""
    return [
        ("Interactions a month, by channel", to_svg(lambda axes: _draw_months(axes, book))),
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
    rest = [sum(book.months.get(name, {}).values()) for name in names]
    for channel in shown:
        heights = [book.months.get(name, {}).get(channel, 0) for name in names]
        axes.bar(names, heights, bottom=bottom, label=channel, width=0.9)
        bottom = [a + b for a, b in zip(bottom, heights, strict=True)]
    if len(book.channels) > len(shown):
        axes.bar(names, [a - b for a, b in zip(rest, bottom, strict=True)], bottom=bottom, label="others", color="0.8")
    axes.set_xticks(names[:: max(1, len(names) // 8)])
    legend_beside(axes)
    axes.set_ylabel("interactions")


def _draw_bars(axes: Any, counts: Mapping[str, int], what: str) -> None:
    names = list(counts)
    axes.bar(names, list(counts.values()), color="#3b6ea5", width=0.8)
    axes.set_xlabel(what)
    axes.set_ylabel("customers" if what != "language" else "messages")
    if len(names) > 12:
        axes.set_xticks(names[:: len(names) // 8])
