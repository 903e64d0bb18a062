"""The data report: the contents of a book, its gaps, and their effect on assessments."""

import json
from collections import Counter
from collections.abc import Callable, Iterator, Mapping
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
from churn_agent.reports.language import day, gettext, ngettext, noop, number, share, speaking
from churn_agent.reports.unlikely import unlikely

_MEASURED_LANGUAGES = ("en", "de")
"""Languages in which mode `read` was measured."""
_MANY = 0.2
_SHOWN_CHANNELS = 7
_SHOWN_TEXT = 160
_CARD = "churn-agent ingest --card card.yaml"
_WORDS = (noop("customer"), noop("company"), noop("machine"), noop("other"), noop("unknown"))
"""Speakers, and a language that is not known."""


def findings(book: BookStatistics, card: Card) -> list[str]:
    """Returns what the numbers mean for assessments and what to do, most important first, in the current language."""
    lines: list[str] = []
    if card == Card():
        lines.append(gettext("The book has no card. Say what churn means: {command}.", command=_CARD))
    if not book.labels:
        lines.append(
            gettext(
                "There are no outcomes, so scores cannot be checked or calibrated. Import some (--labels), derive them "
                "from the history (churn-agent labels derive), or answer questions (churn-agent label)."
            )
        )
    elif book.churned < 50 or book.labels - book.churned < 50:
        lines.append(
            gettext(
                "{churned} of {all} outcomes are churn. With fewer than 50 of either kind, metrics are rough.",
                churned=number(book.churned),
                all=number(book.labels),
            )
        )
    lines.extend(_about_customers(book))
    lines.extend(_about_messages(book))
    lines.extend(unlikely(book, card))
    if book.empty_months:
        named = ", ".join(book.empty_months[:3]) + (", ..." if len(book.empty_months) > 3 else "")
        lines.append(
            ngettext(
                "{n} month has no interactions ({months}). Is an export missing?",
                "{n} months have no interactions ({months}). Is an export missing?",
                len(book.empty_months),
                months=named,
            )
        )
    if book.repeated_rows / book.interactions > _MANY / 4:
        lines.append(
            ngettext(
                "{n} interaction repeats another one with the same time. Was an export joined twice?",
                "{n} interactions repeat another one with the same time. Was an export joined twice?",
                book.repeated_rows,
            )
        )
    if book.messages and book.distinct_texts / book.messages < 0.5:
        lines.append(
            gettext(
                "Only {distinct} of {all} messages are distinct. Mark your own templates as outbound.",
                distinct=number(book.distinct_texts),
                all=number(book.messages),
            )
        )
    if book.rejected_rows:
        lines.append(
            ngettext(
                "Imports rejected {n} row. See the store's folder `rejected`.",
                "Imports rejected {n} rows. See the store's folder `rejected`.",
                book.rejected_rows,
            )
        )
    return lines


def _about_customers(book: BookStatistics) -> Iterator[str]:
    silent = book.silent_customers / book.customers
    if silent > _MANY:
        yield gettext("{share} of customers wrote nothing. Their assessments use facts only.", share=share(silent))
    thin = book.one_day_customers / book.customers
    if thin > _MANY:
        yield gettext(
            "{share} of customers were active on one day only. Facts about rhythm do not apply to them.",
            share=share(thin),
        )


def _about_messages(book: BookStatistics) -> Iterator[str]:
    others = sum(n for name, n in book.languages.items() if name not in (*_MEASURED_LANGUAGES, "unknown"))
    if book.messages and others / book.messages > _MANY / 4:
        yield gettext(
            "{share} of messages are in neither English nor German. Reading was measured in these two languages only.",
            share=share(others / book.messages),
        )
    if book.messages and book.without_direction / book.messages > _MANY:
        yield gettext(
            "{share} of messages have an unknown author, so they are not read. Map a direction or a speaker, or import "
            "them with --unknown-is customer.",
            share=share(book.without_direction / book.messages),
        )


def to_text(book: BookStatistics, card: Card) -> str:
    """Returns the report for a terminal, in the language of the card."""
    with speaking(card.language):
        numbers = _numbers(book)
        width = max(len(name) for name, _ in numbers) + 3
        lines = [f"{name + ':':<{width}}{value}" for name, value in numbers]
        results = findings(book, card) or [gettext("No problems found.")]
    return "\n".join([*lines, "", *(f"- {line}" for line in results)])


def to_json(book: BookStatistics, card: Card) -> str:
    """Returns all numbers and findings as JSON, in English."""
    return json.dumps(document(book, card), indent=2, ensure_ascii=False) + "\n"


def document(book: BookStatistics, card: Card) -> dict[str, Any]:
    """Returns all numbers and findings as plain data."""
    plain = asdict(book) | {"first": book.first.isoformat(), "last": book.last.isoformat()}
    return plain | {"findings": findings(book, card)}


def to_html(book: BookStatistics, card: Card) -> str:
    """Returns the report as one HTML page in the language of the card, with its plots inline; it loads nothing."""
    with extras.importing("reports"):
        from jinja2 import Environment

    source = (files("churn_agent.reports") / "book.html").read_text(encoding="utf-8")
    template = Environment(autoescape=True).from_string(source)
    with speaking(card.language) as language:
        return template.render(
            _=gettext,
            lang=language.code,
            title=gettext("Data report: {company}", company=card.company),
            numbers=_numbers(book),
            findings=findings(book, card),
            plots=_plots(book),
            repeated=[(ngettext("{n} time", "{n} times", n), text[:_SHOWN_TEXT]) for text, n in book.repeated_texts],
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
    nothing = gettext("no messages")
    messages = number(book.messages)
    outcomes = number(book.labels)
    if book.labels:
        outcomes = gettext("{n}, {share} churned", n=outcomes, share=share(book.churned / book.labels))
    empty = ngettext("{n} empty month", "{n} empty months", len(book.empty_months))
    period = gettext("{first} to {last}", first=day(book.first.date()), last=day(book.last.date()))
    covered = ", ".join(f"{name} {share(n / book.customers)}" for name, n in book.oddities.coverage.items())
    return [
        (gettext("customers"), number(book.customers)),
        (
            gettext("interactions"),
            gettext("{n}, of which {messages} are messages", n=number(book.interactions), messages=messages),
        ),
        (gettext("period"), f"{period}, {empty}"),
        (gettext("channels"), _most(book.channels)),
        (gettext("messages by"), _most({gettext(name): n for name, n in _speakers(book).items()}) or nothing),
        (gettext("languages"), _most({gettext(name): n for name, n in book.languages.items()}) or nothing),
        (gettext("silent customers"), number(book.silent_customers)),
        (gettext("one-day customers"), number(book.one_day_customers)),
        (gettext("several contacts"), ngettext("{n} customer", "{n} customers", book.contacts)),
        (gettext("empty texts"), number(book.empty_texts)),
        (gettext("repeated rows"), number(book.repeated_rows)),
        (
            gettext("distinct texts"),
            gettext("{distinct} of {all} messages", distinct=number(book.distinct_texts), all=messages),
        ),
        (gettext("cleaned texts"), number(book.cleaned_texts)),
        (gettext("outcomes"), outcomes),
        (gettext("customers with"), covered),
    ]


def _speakers(book: BookStatistics) -> Counter[str]:
    total: Counter[str] = Counter()
    for speakers in book.oddities.speakers.values():
        total.update(speakers)
    return total


def _most(counts: Mapping[str, int]) -> str:
    pairs = sorted(counts.items(), key=lambda pair: -pair[1])[:6]
    return ", ".join(f"{number(n)} {name}" for name, n in pairs) + (", ..." if len(counts) > 6 else "")


def _plots(book: BookStatistics) -> list[tuple[str, str]]:
    """Returns pairs of title and SVG."""
    customers, messages = gettext("customers"), gettext("messages")
    by_size = {name.replace(" and more", "+"): n for name, n in book.by_size.items()}
    quiet = {str(months): n for months, n in book.quiet_since.items()}
    languages = {gettext(name): n for name, n in book.languages.items()}
    return [
        (gettext("Interactions per month, by channel"), to_svg(lambda axes: _draw_months(axes, book))),
        (
            gettext("Customers by number of interactions"),
            to_svg(lambda axes: _draw_bars(axes, by_size, gettext("interactions"), customers)),
        ),
        (
            gettext("Customers by months since their last interaction"),
            to_svg(lambda axes: _draw_bars(axes, quiet, gettext("months"), customers)),
        ),
        (
            gettext("Messages by language"),
            to_svg(lambda axes: _draw_bars(axes, languages, gettext("language"), messages)),
        ),
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
            names,
            [a - b for a, b in zip(totals, bottom, strict=True)],
            bottom=bottom,
            label=gettext("others"),
            color="0.8",
        )
    axes.set_xticks(names[:: max(1, len(names) // 8)])
    legend_beside(axes)
    axes.set_ylabel(gettext("interactions"))


def _draw_bars(axes: Any, counts: Mapping[str, int], across: str, upwards: str) -> None:
    names = list(counts)
    axes.bar(names, list(counts.values()), color="#3b6ea5", width=0.8)
    axes.set_xlabel(across)
    axes.set_ylabel(upwards)
    if len(names) > 12:
        axes.set_xticks(names[:: len(names) // 8])
