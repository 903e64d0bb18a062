"""The card of an assessment for a terminal. Text from data is printed literally, never as markup."""

from rich.console import Console, Group, RenderableType
from rich.padding import Padding
from rich.panel import Panel
from rich.text import Text

from churn_agent.domain.assessment import Assessment, Band, Reason
from churn_agent.reports import wording
from churn_agent.reports.language import day, gettext, speaking
from churn_agent.reports.sentences import translated

_COLOURS = {"low": "green", "medium": "yellow", "high": "red"}
_BAR = 30


def print_card(
    assessment: Assessment, console: Console, *, company: str | None, name: str | None = None, language: str = "en"
) -> None:
    """Prints the card.

    Args:
        assessment: the record.
        console: where to print.
        company: whose customer it is; None for one message.
        name: of the customer.
        language: of the card.
    """
    with speaking(language):
        known = {"customer": wording.called(assessment, name), "day": day(assessment.as_of)}
        title = gettext("Customer {customer} at {day}, {company}", **known, company=translated(company or ""))
        _print_card(assessment, console, title if company else gettext("One message"))


def _print_card(assessment: Assessment, console: Console, title: str) -> None:
    parts: list[RenderableType] = []
    care, standing = wording.care_line(assessment), wording.standing_line(assessment)
    parts += [Text(f"{care}.", style="bold magenta")] if care else []
    parts += [Text(f"{_plain(standing)}.", style="bold")] if standing else []
    unfitted, withdrawn = wording.not_fitted(assessment), wording.withdrawn(assessment)
    if withdrawn:
        parts.append(Text(withdrawn, style="bold yellow"))
    if assessment.churn_probability:
        if assessment.band:
            parts.append(_bar(assessment, assessment.churn_probability.shown, assessment.band))
        if unfitted:
            parts.append(Text(_plain(unfitted), style="bold yellow"))
        parts.append(Text(f"{wording.score_words(assessment.churn_probability)}.", style="dim"))
        because = wording.band_because(assessment)
        parts += [Text(_plain(because), style="dim")] if because else []
        start = wording.start_words(assessment)
        parts += [Text(start, style="dim")] if start else []
        risk, protective = wording.cases(assessment)
        if not assessment.reasons and not assessment.provenance.on_withdrawn_data:
            parts += [Text(), Text(gettext(wording.NO_REASON))]
        parts += _reasons(assessment, gettext("For churn"), risk)
        parts += _reasons(assessment, gettext("Against churn"), protective)
        corrections = [Text(_plain(line)) for line in wording.correction_lines(assessment)]
        parts += _section(gettext("Corrections"), corrections)
        parts += _actions(assessment)
    else:
        parts.append(Text(_plain(wording.status_line(assessment)), style="bold yellow"))
    parts += _section(gettext("Facts"), [Text(f"\u00b7 {_plain(translated(fact.text))}") for fact in assessment.facts])
    missed = wording.not_considered(assessment)
    footer = ([missed] if missed else []) + [wording.origin(assessment)]
    parts += [Text(), *(Text(_plain(line), style="dim") for line in footer)]
    console.print(
        Panel(Group(*parts), title=Text(_plain(title), style="bold"), title_align="left", expand=False, width=100)
    )


def _plain(text: str) -> str:
    """Removes control characters, which could control the terminal."""
    return "".join(c if c.isprintable() else " " for c in text)


def _bar(assessment: Assessment, value: float, band: Band) -> Text:
    filled = round(value * _BAR)
    colour = _COLOURS[band]
    bar = Text("\u2588" * filled, style=colour) + Text("\u2591" * (_BAR - filled), style="dim")
    return bar + Text(f"  {wording.band_words(assessment)}", style=f"bold {colour}")


def _section(name: str, lines: list[Text]) -> list[RenderableType]:
    if not lines:
        return []
    return [Text(), Text(name, style="bold"), *(Padding(line, (0, 0, 0, 2)) for line in lines)]


def _reasons(assessment: Assessment, name: str, reasons: list[Reason]) -> list[RenderableType]:
    lines: list[Text] = []
    for reason in reasons:
        added = wording.added_words(assessment, reason)
        lines.append(Text(f"\u2022 {_plain(translated(wording.statement(reason)))}") + Text(added, style="dim"))
        quotes = [wording.quoted(assessment, citation) for citation in reason.citations]
        lines += [Text(f"    {_plain(quote)}", style="italic") for quote in quotes]
    return _section(name, lines)


def _actions(assessment: Assessment) -> list[RenderableType]:
    lines: list[Text] = []
    for action in assessment.actions:
        lines.append(Text(f"\u2192 {_plain(wording.action_line(action))}"))
        lines += [Text(f"    {_plain(line)}", style="dim") for line in wording.what_to_say(action)]
    return _section(gettext("Suggested actions"), lines)
