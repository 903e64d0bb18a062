"""The summary of an import, for a terminal: what was understood, the counts, and what to look at."""

from collections.abc import Iterator, Mapping
from typing import TYPE_CHECKING

from churn_agent.domain.wording import counted

if TYPE_CHECKING:
    from churn_agent.domain.interactions import Interaction
    from churn_agent.ingest.summary import ImportSummary

_SHOWN_TEMPLATES = 2
_SHOWN_COUNTS = 6
_READ, _LEFT_OUT = 80, 40
"""Most characters shown of a text, and of what is left out of it."""


def summary_lines(summary: "ImportSummary", *, dry_run: bool) -> Iterator[str]:
    """Yields the lines for standard output."""
    yield from _examples(summary)
    yield from _about_customers(summary)
    verb = "would be added" if dry_run else "added"
    updated = f" ({summary.updated:,} with new values)" if summary.updated else ""
    parts = [f"{counted(summary.added, 'interaction')} {verb}", f"{summary.already_known:,} already stored{updated}"]
    kinds = (
        (summary.customers, "attributes of {}", "customer", None),
        (summary.labels, "{}", "label", None),
        (summary.measurements, "{}", "measurement", None),
        (summary.aliases, "{}", "alias", "aliases"),
    )
    parts += [text.format(counted(n, one, several)) for n, text, one, several in kinds if n]
    yield ", ".join(parts)
    if summary.first and summary.last:
        yield f"from {summary.first:%Y-%m-%d} to {summary.last:%Y-%m-%d}; channels: {_most(summary.channels)}"
    for title, counts in (
        ("texts by speaker", summary.speakers),
        ("languages", summary.languages),
        ("cleaned", summary.cleaning),
    ):
        if counts:
            yield f"{title}: {_most(counts)}"
    for text, n in summary.templates[:_SHOWN_TEMPLATES]:
        yield f"{counted(n, 'text')} differ only in numbers: {_shortened(text, _READ)!r}"
    if summary.outdated:
        yield f"{counted(summary.outdated, 'row is', 'rows are')} older than what is stored, which stays"
    if summary.empty:
        yield f"{counted(summary.empty, 'row without text or amount was', 'rows without text or amount were')} skipped"
    if summary.passed_over:
        yield f"{counted(summary.passed_over, 'row was', 'rows were')} skipped, as the mapping says"
    if summary.rejected:
        where = f"; see {summary.rejects_file}" if summary.rejects_file else ""
        yield f"{counted(summary.rejected, 'row was', 'rows were')} rejected{where}"


def warnings(summary: "ImportSummary") -> Iterator[str]:
    """Yields the notes for standard error."""
    if summary.unattributed:
        texts = counted(summary.unattributed, "text has", "texts have")
        yield f"{texts} no known author: stored, not read. If customers wrote all of them: --unknown-is customer"
    if summary.in_the_future:
        yield f"warning: the times of {counted(summary.in_the_future, 'interaction')} are in the future"
    for entry in summary.first_rejected:
        yield f"rejected: {entry['file']}:{entry['line']}: {entry['reason']}"


def _examples(summary: "ImportSummary") -> Iterator[str]:
    if summary.examples:
        yield f"As understood (times in {summary.time_zone}; [not read]):"
    for example in summary.examples:
        yield f"  {example.customer_id}" + (f" ({example.why})" if example.why else "")
        for interaction in example.interactions:
            yield f"    {_line(interaction)}"


def _about_customers(summary: "ImportSummary") -> Iterator[str]:
    for kind, rows in summary.about_customers.items():
        if rows:
            yield f"As understood ({kind}):"
        for row in rows:
            written = row.get("written", {})
            values = {name: value for name, value in row.items() if name not in ("customer_id", "metadata", "written")}
            values |= row.get("metadata", {})
            shown = [f"{name} {_value(value)}" + _from(written.get(name)) for name, value in values.items()]
            left_out = [f"{name} none" + _from(text) for name, text in written.items() if name not in values]
            yield f"  {row['customer_id']}: {', '.join([*shown, *left_out])}"


def _value(value: object) -> str:
    if isinstance(value, bool):
        return "yes" if value else "no"
    return f"{value:.15g}" if isinstance(value, float) else _shortened(str(value), _LEFT_OUT)


def _from(text: str | None) -> str:
    return f" (from {_shortened(text, _LEFT_OUT)!r})" if text else ""


def _line(interaction: "Interaction") -> str:
    author = f" {interaction.author}" if interaction.author else ""
    currency = interaction.metadata.get("currency", "")
    amount = "" if interaction.amount is None else f", amount {interaction.amount:.10g} {currency}".rstrip()
    head = f"{interaction.occurred_at:%Y-%m-%d %H:%M} {interaction.channel}, {interaction.speaker}{author}{amount}"
    text = " ".join(_pieces(interaction))
    return f"{head}: {text}" if text else head


def _pieces(interaction: "Interaction") -> Iterator[str]:
    """Yields what is read, shortened, and what is not read, in brackets."""
    pieces = [(kind, text) for kind, text in interaction.pieces if text.strip()]
    read = sum(kind is None for kind, _ in pieces)
    for kind, text in pieces[: 2 * _SHOWN_COUNTS]:
        yield _shortened(text, _READ // read) if kind is None else f"[{kind}: {_shortened(text, _LEFT_OUT)}]"


def _shortened(text: str, most: int) -> str:
    words = " ".join(text.split())
    return words if len(words) <= most else f"{words[: most - 1].rstrip()}\u2026"


def _most(counts: Mapping[str, int]) -> str:
    """The most frequent, as text."""
    pairs = sorted(counts.items(), key=lambda pair: -pair[1])
    return ", ".join(f"{n:,} {name}" for name, n in pairs[:_SHOWN_COUNTS]) + (
        ", ..." if len(pairs) > _SHOWN_COUNTS else ""
    )
