"""The page before a call as HTML, PDF, Markdown or text; the parts are the same, and short enough for one page."""

from collections.abc import Mapping, Sequence
from pathlib import Path

from churn_agent.domain.assessment import Citation, Promised, Reason
from churn_agent.domain.permissions import Medium
from churn_agent.domain.snapshot import Card
from churn_agent.errors import InputError
from churn_agent.evidence.people import Person, Role
from churn_agent.files import atomic
from churn_agent.followup.brief import Brief
from churn_agent.reports import wording
from churn_agent.reports.files import escape
from churn_agent.reports.language import day, gettext, in_period, money, ngettext, noop, speaking
from churn_agent.reports.lookback.page import Section, render
from churn_agent.reports.portfolio.phrases import TASK_STATES
from churn_agent.reports.portfolio.writing import to_paper
from churn_agent.reports.sentences import translated

SUFFIXES = (".html", ".pdf", ".md")
_REASONS, _QUOTES, _PEOPLE, _FACTS, _OPEN, _ACTIONS = 4, 2, 6, 6, 4, 2
"""Most of each on the page."""
_LONGEST_QUOTE = 220
_STYLE = """
h2 { margin: 1.1rem 0 .2rem; font-size: 1.05rem; } ul { padding-left: 1.1rem; } blockquote small { display: inline; }
@media print {
  body { font-size: 9px; line-height: 1.3; } h1 { font-size: 15px; } h2 { margin: .5rem 0 .1rem; font-size: 11px; }
  p, ul, blockquote { margin: .1rem 0 .2rem; } main { columns: 2; column-gap: 8mm; }
  footer { margin-top: .6rem; padding-top: .2rem; }
}
"""
"""Two columns on paper, so that it is one page."""
_ROLES: Mapping[Role, str] = {
    "decision maker": noop("decision maker"),
    "champion": noop("champion"),
    "user": noop("user"),
}
_REFUSED: Mapping[Medium, str] = {
    "phone": noop("Do not call: the customer refuses calls."),
    "email": noop("Do not send emails: the customer refuses them."),
    "sms": noop("Do not send text messages: the customer refuses them."),
    "post": noop("Do not send letters: the customer refuses them."),
}


def write(brief: Brief, path: Path, card: Card) -> None:
    """Writes the page in the language of the card. Raises `InputError` for another suffix, `Unavailable` for a PDF."""
    check(path)
    with speaking(card.language):
        title, subtitle, parts = heading(brief), _subtitle(brief), sections(brief, card)
        if path.suffix == ".md":
            content: str | bytes = _markdown(title, subtitle, parts)
        else:
            content = render(title, subtitle, parts, style=_STYLE)
            if path.suffix == ".pdf":
                content = to_paper(content)
    atomic.save(path, content)


def check(path: Path) -> None:
    """Raises `InputError` for a suffix without a format."""
    if path.suffix not in SUFFIXES:
        raise InputError(f"cannot write {str(path)!r}: use a file name that ends in {', '.join(SUFFIXES)}")


def heading(brief: Brief) -> str:
    """Returns the title, in the current language."""
    name = f"{brief.name} ({brief.customer_id})" if brief.name else brief.customer_id
    return gettext("Before the call: {customer}", customer=name)


def _subtitle(brief: Brief) -> str:
    if brief.assessment is None:
        return gettext("As of {day}. Not assessed yet.", day=day(brief.as_of))
    known = {"day": day(brief.as_of), "assessed": day(brief.assessment.as_of)}
    return gettext("As of {day}; assessed as of {assessed}.", **known)


def sections(brief: Brief, card: Card) -> list[Section]:
    """Returns the parts of the page that hold anything, in the current language."""
    risk, protective = wording.cases(brief.assessment) if brief.assessment else ([], [])
    parts = [
        Section(gettext("Who they are"), _who(brief, card)),
        Section(gettext("People"), _people(brief)),
        Section(gettext("What has changed"), _changed(brief)),
        Section(gettext("What speaks for leaving"), *_reasons(risk)),
        Section(gettext("What speaks for staying"), *_reasons(protective)),
        Section(gettext("Open on our side"), *_open(brief)),
        Section(gettext("What to offer"), _offer(brief)),
        Section(gettext("What not to say or do"), _never(brief)),
        Section(gettext("Facts"), _other_facts(brief)),
    ]
    return [part for part in parts if part.lines or part.quotes]


def _who(brief: Brief, card: Card) -> list[str]:
    lines: list[str] = []
    assessment = brief.assessment
    if assessment:
        lines += [line for line in (wording.care_line(assessment), wording.standing_line(assessment)) if line]
        if assessment.band:
            lines.append(gettext(wording.RISK_WORDS[assessment.band]))
        if assessment.churn_probability:
            lines.append(wording.score_words(assessment.churn_probability))
    if brief.customer_since:
        lines.append(gettext("On record since {day}", day=day(brief.customer_since)))
    value = in_period(brief.yearly_value, card)
    if value is not None:
        amount = money(value, card.currency)
        monthly = card.value_period == "month"
        lines.append(
            gettext("{amount} per month", amount=amount) if monthly else gettext("{amount} per year", amount=amount)
        )
    if brief.renewal:
        lines.append(gettext("Renewal: {day}", day=day(brief.renewal)))
    if brief.owner:
        lines.append(gettext("Looked after by {name}", name=brief.owner))
    for item in brief.items:
        due = day(item.task.due) if item.task.due else gettext("without a due day")
        lines.append(
            gettext(
                "Risk item {n}: {state}, due {due}",
                n=item.task.number,
                state=gettext(TASK_STATES[item.task.state]),
                due=due,
            )
        )
    if brief.last_contact:
        by = f", {brief.last_contact.by}" if brief.last_contact.by else ""
        lines.append(gettext("Our last text: {day}", day=day(brief.last_contact.on)) + by)
    return lines


def _people(brief: Brief) -> list[str]:
    if not brief.people.people:
        return [gettext("Nobody has written under a name.")]
    lines = [_person(person) for person in brief.people.people[:_PEOPLE]]
    more = len(brief.people.people) - _PEOPLE
    if more > 0:
        lines.append(ngettext("{n} more person has written.", "{n} more people have written or are named.", more))
    if brief.people.single_thread:
        lines.append(
            gettext(
                "Everything hangs on one person: of several before, only {name} has written in the last 180 days.",
                name=brief.people.single_thread,
            )
        )
    return lines


def _person(person: Person) -> str:
    parts: list[str] = []
    if person.role:
        parts.append(gettext(_ROLES[person.role]))
    if person.messages and person.last_on:
        parts.append(ngettext("{n} message", "{n} messages", person.messages))
        parts.append(gettext("last on {day}", day=day(person.last_on)))
    elif not person.left:
        parts.append(gettext("has never written"))
    if person.silent and person.silence_days is not None and not person.left:
        parts.append(ngettext("silent for {n} day", "silent for {n} days", person.silence_days))
    if person.arrived:
        parts.append(gettext("new since {day}", day=day(person.arrived.on)))
    if person.left:
        if person.left.successor:
            parts.append(gettext("left ({day}), successor {name}", day=day(person.left.on), name=person.left.successor))
        else:
            parts.append(gettext("left ({day}), no successor named", day=day(person.left.on)))
    return f"{person.name}: {', '.join(parts)}"


def _changed(brief: Brief) -> list[str]:
    lines: list[str] = []
    changes, now = brief.changes, brief.assessment
    if changes and now:
        before = changes.before
        if before.band and now.band and before.band != now.band:
            lines.append(
                gettext(
                    "The risk was {before} on {day} and is {now} now.",
                    before=gettext(before.band),
                    day=day(before.as_of),
                    now=gettext(now.band),
                )
            )
        lines += [gettext("New: {reason}", reason=translated(statement)) for statement in changes.new[:_REASONS]]
        lines += [gettext("No longer: {reason}", reason=translated(statement)) for statement in changes.gone[:_REASONS]]
    lines += [
        gettext("{name} has come: {words}", name=each.name, words=wording.in_quotes(_cut(each.arrived.citation.quote)))
        for each in brief.people.arrivals
        if each.arrived
    ]
    lines += [
        gettext("{name} has left: {words}", name=each.name, words=wording.in_quotes(_cut(each.left.citation.quote)))
        for each in brief.people.departures
        if each.left
    ]
    return lines


def _reasons(reasons: Sequence[Reason]) -> tuple[list[str], None, list[tuple[str, str]]]:
    """Returns the statements, no table, and the quotes of the strongest reasons."""
    shown = reasons[:_REASONS]
    lines = [translated(wording.statement(reason)) for reason in shown]
    quotes = [
        (_dated(citation), wording.in_their_words(citation.model_copy(update={"quote": _cut(citation.quote)})))
        for reason in shown
        for citation in sorted(reason.citations, key=lambda each: each.occurred_at, reverse=True)[:_QUOTES]
    ]
    return lines, None, list(dict.fromkeys(quotes))


def _open(brief: Brief) -> tuple[list[str], None, list[tuple[str, str]]]:
    lines = [_promise(promise, brief) for promise in brief.promises[:_OPEN]]
    quotes = [
        (gettext("unanswered, {when}", when=_dated(each)), wording.in_quotes(_cut(each.quote)))
        for each in brief.questions[-_OPEN:]
    ]
    quotes += [
        (gettext("refund awaited, {when}", when=_dated(each)), wording.in_quotes(_cut(each.quote)))
        for each in brief.refunds[-_OPEN:]
    ]
    return lines, None, quotes


def _promise(promise: Promised, brief: Brief) -> str:
    overdue = promise.due < brief.as_of
    line = (
        gettext("Promised for {day}, overdue", day=day(promise.due))
        if overdue
        else gettext("Promised for {day}", day=day(promise.due))
    )
    by = f" ({promise.by})" if promise.by else ""
    return f"{line}{by}" + (f": {wording.in_quotes(_cut(promise.citation.quote))}" if promise.citation else "")


def _offer(brief: Brief) -> list[str]:
    assessment = brief.assessment
    if assessment is None or assessment.care:
        return []
    if brief.no_action:
        return [gettext("No action fits: {why}", why=translated(brief.no_action))]
    lines: list[str] = []
    for action in assessment.actions[:_ACTIONS]:
        lines.append(wording.action_line(action))
        if action.what:
            lines.append(translated(action.what))
        if action.talk_track:
            lines.append(gettext("Say: {words}", words=" ".join(map(translated, action.talk_track))))
    return lines


def _never(brief: Brief) -> list[str]:
    lines: list[str] = []
    if brief.control:
        lines.append(gettext("Control group: do not call this customer, so that the effect of calls can be measured."))
    lines += [gettext(_REFUSED[medium]) for medium in _REFUSED if medium in brief.refused]
    assessment = brief.assessment
    if assessment and assessment.care:
        lines.append(gettext("No offers and no retention calls while this needs a person's attention."))
    for action in assessment.actions[:_ACTIONS] if assessment else ():
        lines += [wording.never_say(action)] if action.never_say else []
    lines.append(gettext("The score and its reasons are for you: do not mention them to the customer."))
    return list(dict.fromkeys(lines))


def _other_facts(brief: Brief) -> list[str]:
    """Returns the facts that are not among the reasons."""
    shown = {reason.statement for reason in brief.assessment.reasons} if brief.assessment else set[str]()
    return [translated(text) for text in brief.facts if text not in shown][:_FACTS]


def _dated(citation: Citation) -> str:
    who = f", {citation.author}" if citation.author else ""
    return f"{day(citation.occurred_at.date())}{who}"


def _cut(text: str) -> str:
    words = " ".join(text.split())
    return words if len(words) <= _LONGEST_QUOTE else f"{words[: _LONGEST_QUOTE - 1].rstrip()}\u2026"


def _markdown(title: str, subtitle: str, parts: Sequence[Section]) -> str:
    lines = [f"# {escape(title)}", "", escape(subtitle), ""]
    for part in parts:
        lines += [f"## {escape(part.title)}", ""]
        lines += [f"- {escape(line)}" for line in part.lines]
        lines += [f"  > {escape(words)} ({escape(when)})" for when, words in part.quotes]
        lines.append("")
    return "\n".join(lines)
