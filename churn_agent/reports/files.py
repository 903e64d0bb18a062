"""Writes an assessment to a file; the suffix chooses the format."""

from collections.abc import Callable, Mapping
from pathlib import Path

from churn_agent.domain.assessment import Assessment, Reason
from churn_agent.errors import InputError
from churn_agent.files import atomic
from churn_agent.reports import wording
from churn_agent.reports.language import day, gettext, speaking
from churn_agent.reports.sentences import translated

_SPECIAL = str.maketrans({c: f"\\{c}" for c in "\\`*_[]<>#|&"})


def write(assessment: Assessment, path: Path, *, name: str | None = None, language: str = "en") -> None:
    """Writes an assessment; a card for people is in a language, the record is not.

    Args:
        assessment: the record.
        path: of the file.
        name: of the customer, for a card.
        language: of the card.

    Raises:
        InputError: the suffix has no renderer, or the file cannot be written.
    """
    with speaking(language):
        content = renderer(path)(assessment, name)
    atomic.save(path, content)


def renderer(path: Path) -> Callable[[Assessment, str | None], str]:
    """Returns the renderer for a file's suffix; it takes a record and a name. Raises `InputError` if there is none."""
    render = RENDERERS.get(path.suffix)
    if render is None:
        raise InputError(f"cannot write {str(path)!r}: use a file name that ends in {' or '.join(RENDERERS)}")
    return render


def to_json(assessment: Assessment, name: str | None = None) -> str:
    """Returns the record as indented JSON; a record has no name in it."""
    return assessment.model_dump_json(indent=2) + "\n"


def to_markdown(assessment: Assessment, name: str | None = None) -> str:
    """Returns the card as Markdown, with the customer's name if it is given. Text from data is escaped."""
    title = gettext(
        "Churn assessment of {customer} at {day}",
        customer=escape(wording.called(assessment, name)),
        day=day(assessment.as_of),
    )
    lines = [f"# {title}", ""]
    care, standing = wording.care_line(assessment), wording.standing_line(assessment)
    lines += [f"**{escape(care)}.**", ""] if care else []
    lines += [f"{escape(standing)}.", ""] if standing else []
    withdrawn = wording.withdrawn(assessment)
    lines += [f"**{withdrawn}**", ""] if withdrawn else []
    if assessment.churn_probability:
        band = wording.band_words(assessment) if assessment.band else wording.not_fitted(assessment) or ""
        lines += [f"**{band[:1].upper()}{band[1:]}.**", ""]
        because = wording.band_because(assessment)
        lines += [because, ""] if because else []
        lines += [f"{wording.score_words(assessment.churn_probability)}.", ""]
        start = wording.start_words(assessment)
        lines += [start, ""] if start else []
        risk, protective = wording.cases(assessment)
        if not assessment.reasons and not withdrawn:
            lines += [gettext(wording.NO_REASON), ""]
        lines += _reasons(assessment, gettext("For churn"), risk)
        lines += _reasons(assessment, gettext("Against churn"), protective)
        if assessment.corrected:
            lines += [f"## {gettext('Corrections')}", ""]
            lines += [*(f"- {escape(line)}" for line in wording.correction_lines(assessment)), ""]
        if assessment.actions:
            lines += [f"## {gettext('Suggested actions')}", ""]
            for action in assessment.actions:
                lines.append(f"- {escape(wording.action_line(action))}")
                lines += [f"  - {escape(line)}" for line in wording.what_to_say(action)]
            lines.append("")
    else:
        lines += [f"**{escape(wording.status_line(assessment))}**", ""]
    if assessment.facts:
        facts = [f"- {escape(translated(fact.text))}" for fact in assessment.facts]
        lines += [f"## {gettext('Facts')}", "", *facts, ""]
    missed = wording.not_considered(assessment)
    lines += ([missed, ""] if missed else []) + [escape(wording.origin(assessment))]
    return "\n".join(lines) + "\n"


def _reasons(assessment: Assessment, title: str, reasons: list[Reason]) -> list[str]:
    if not reasons:
        return []
    lines = [f"## {title}", ""]
    for reason in reasons:
        lines.append(f"- {escape(translated(wording.statement(reason)))}{wording.added_words(assessment, reason)}")
        lines += [f"  - {escape(wording.quoted(assessment, citation))}" for citation in reason.citations]
    return [*lines, ""]


def escape(text: str) -> str:
    """Returns text from data as one line of literal Markdown."""
    return " ".join(text.split()).translate(_SPECIAL)


RENDERERS: Mapping[str, Callable[[Assessment, str | None], str]] = {".json": to_json, ".md": to_markdown}
