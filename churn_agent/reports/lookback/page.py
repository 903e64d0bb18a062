"""The look-back as one HTML page that works offline and prints."""

from collections.abc import Sequence
from dataclasses import dataclass
from functools import partial
from importlib.metadata import version
from importlib.resources import files
from typing import Any

from churn_agent import extras
from churn_agent.domain.snapshot import Card
from churn_agent.lookback.looking_back import LookBack
from churn_agent.measuring.plots import legend_beside, to_svg
from churn_agent.reports.language import current, gettext, month, speaking
from churn_agent.reports.lookback import phrases

_BINS = 12
_LEAST_DRAWN = 5
"""Fewer lead times are told in words alone."""


@dataclass(frozen=True)
class Section:
    """A part of a page."""

    title: str = ""
    lines: Sequence[str] = ()
    table: tuple[Sequence[str], Sequence[Sequence[str]]] | None = None
    quotes: Sequence[tuple[str, str]] = ()
    """Day and words."""
    plots: Sequence[tuple[str, str]] = ()
    """Caption and SVG."""


def to_html(found: LookBack, card: Card) -> str:
    """Returns the page of a look-back, in the language of the card."""
    with speaking(card.language):
        return render(phrases.title(card), phrases.period(found), _sections(found, card))


def render(title: str, subtitle: str, sections: Sequence[Section], *, style: str = "") -> str:
    """Returns a page in the current language; `style` is CSS of its own, after that of all pages."""
    with extras.importing("reports"):
        import jinja2

    source = files("churn_agent.reports.lookback").joinpath("page.html").read_text(encoding="utf-8")
    common = files("churn_agent.reports.portfolio").joinpath("page.css").read_text(encoding="utf-8")
    from markupsafe import Markup

    return (
        jinja2.Environment(autoescape=True, trim_blocks=True)
        .from_string(source)
        .render(
            lang=str(current().locale).replace("_", "-"),
            title=title,
            subtitle=subtitle,
            sections=sections,
            style=Markup(common + style),  # noqa: S704 - our own files
            version=version("churn-agent"),
        )
    )


def _sections(found: LookBack, card: Card) -> list[Section]:
    tests = [phrases.test_words(test) for test in found.tests]
    sections = [
        Section(lines=phrases.head(found), plots=list(_plots(found))),
        Section(
            gettext("Tests that people quote"),
            table=([gettext("test"), gettext("answer"), gettext("figures")], tests),
        ),
    ]
    sections += [
        Section(
            gettext("By {kind}", kind=gettext(phrases.KINDS[groups.kind])),
            phrases.group_notes(groups),
            (phrases.headings(groups.kind), phrases.table(groups)),
        )
        for groups in ([found.by] if found.by else [])
    ]
    if found.against:
        sections.append(
            Section(
                gettext("Compared with {name}", name=found.against.name), phrases.against_lines(found.against, card)
            )
        )
    sections.append(Section(gettext("Money"), phrases.money_lines(found, card)))
    sections += [
        Section(
            gettext("Differences between groups: by {kind}", kind=gettext(phrases.KINDS[groups.kind])),
            phrases.group_notes(groups),
            (phrases.headings(groups.kind), phrases.table(groups)),
        )
        for groups in found.treated
    ]
    return [*sections, Section(gettext("What was left out"), phrases.notes(found))]


def _plots(found: LookBack) -> list[tuple[str, str]]:
    plots: list[tuple[str, str]] = []
    if found.overall.lead and found.overall.lead.n >= _LEAST_DRAWN:
        plots.append((gettext("Days from the first flag to notice"), _svg(partial(_draw_leads, found=found))))
    if found.coverage:
        plots.append(
            (gettext("Customers who left, by month of their notice"), _svg(partial(_draw_months, found=found)))
        )
    return plots


def _svg(draw: Any) -> str:
    svg = to_svg(draw, size=(7.2, 2.6), transparent=True)
    return svg.replace("#000000", "currentColor")


def _draw_leads(axes: Any, *, found: LookBack) -> None:
    assert found.overall.lead
    days = found.overall.lead.days
    axes.hist(days, bins=min(_BINS, max(1, len(days))), color="#3b6ea5")
    axes.axvline(found.overall.lead.median, color="#b42318", lw=1.5)
    axes.set_xlabel(gettext("days before notice (line: median)"))
    axes.set_ylabel(gettext("customers"))
    axes.yaxis.get_major_locator().set_params(integer=True)


def _draw_months(axes: Any, *, found: LookBack) -> None:
    names = [month(day) for day, _, _ in found.coverage]
    warned = [n for _, n, _ in found.coverage]
    rest = [left - n for _, n, left in found.coverage]
    axes.bar(names, warned, color="#3b6ea5", label=gettext("warned before notice"))
    axes.bar(names, rest, bottom=warned, color="#c9ced6", label=gettext("not warned before notice"))
    axes.set_xticks(range(len(names)), names, rotation=30, ha="right")
    axes.set_ylabel(gettext("customers"))
    axes.yaxis.get_major_locator().set_params(integer=True)
    legend_beside(axes)
