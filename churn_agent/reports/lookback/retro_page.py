"""The retrospective of a customer, for a terminal and as a separate page."""

from collections.abc import Sequence

from churn_agent.domain.snapshot import Card
from churn_agent.lookback.retrospect import Moment, Retro, ToRead
from churn_agent.reports import wording
from churn_agent.reports.language import day, gettext, ngettext, number, speaking
from churn_agent.reports.lookback.page import Section, render
from churn_agent.reports.sentences import translated


def to_html(found: Retro, card: Card) -> str:
    """Returns the page, in the language of the card."""
    with speaking(card.language):
        title = gettext("In retrospect: {customer}", customer=found.customer_id)
        return render(title, card.company, sections(found))


def sections(found: Retro) -> list[Section]:
    """Returns the parts of the retrospective, in the current language."""
    return [
        Section(lines=_head(found)),
        Section(
            gettext("What could be known when, and what the score said"),
            table=(
                [
                    gettext("end of"),
                    gettext("number"),
                    gettext("risk"),
                    gettext("messages"),
                    gettext("reasons, new ones marked with +"),
                ],
                [_row(moment) for moment in found.moments],
            ),
        ),
        Section(gettext("Numbers given at the time"), _forecasts(found)),
        Section(gettext("What was done"), _done(found)),
        Section(
            gettext("What was to be read before the notice") if found.notice else gettext("The latest messages"),
            _unread(found),
            (
                [gettext("day"), gettext("channel"), gettext("words"), gettext("signals")],
                [[day(each.day), each.channel, each.words, _signals(each)] for each in found.to_read],
            )
            if found.to_read
            else None,
        ),
    ]


def _head(found: Retro) -> list[str]:
    if found.notice is None:
        return [gettext("No departure of this customer is known.")]
    lines = [gettext("Notice on {day}.", day=day(found.notice))]
    if found.departure and found.departure.left_on:
        lines.append(gettext("Left on {day}.", day=day(found.departure.left_on)))
    if found.first_flag and found.lead_days is not None:
        lines.append(
            ngettext(
                "The first flag that led to this notice was raised at the end of {day}, {n} day before it.",
                "The first flag that led to this notice was raised at the end of {day}, {n} days before it.",
                found.lead_days,
                day=day(found.first_flag),
            )
        )
    else:
        lines.append(gettext("No flag led to it: at no month end in the horizon before was the risk high."))
    if not any(moment.after_notice is False for moment in found.moments):
        lines.append(gettext("There was no month end before the notice at which they could have been flagged."))
    return lines


def _row(moment: Moment) -> Sequence[str]:
    band = gettext(moment.band) if moment.band else gettext("no band")
    words = "; ".join(
        ("+ " if reason.new else "")
        + translated(reason.statement)
        + (f" {wording.in_quotes(reason.quote)} ({day(reason.said_on)})" if reason.quote else "")
        for reason in moment.reasons
        if reason.risk
    )
    return [
        day(moment.as_of),
        translated(moment.status or "") if moment.number is None else number(100 * moment.number),
        f"{band} ({gettext('after the notice')})" if moment.after_notice else band,
        number(moment.messages),
        words or gettext("none"),
    ]


def _forecasts(found: Retro) -> list[str]:
    lines = [
        gettext("{day}: {number}", day=day(each.as_of), number=number(100 * each.number))
        + (f" ({gettext(each.band)})" if each.band else "")
        for each in found.forecasts
    ]
    return lines or [gettext("None: nobody had assessed this customer ahead of time.")]


def _done(found: Retro) -> list[str]:
    lines = [f"{day(each.day)}: {each.what}" + (f" - {each.words}" if each.words else "") for each in found.done]
    if not lines:
        lines.append(gettext("No action and no decision is recorded."))
    lines.append(
        ngettext(
            "{n} text of the company in the horizon before.",
            "{n} texts of the company in the horizon before.",
            found.contacts,
        )
    )
    return lines


def _unread(found: Retro) -> list[str]:
    lines: list[str] = []
    if not found.to_read:
        lines.append(gettext("The customer wrote nothing in that time: only facts could have warned."))
    if found.unattributed:
        lines.append(
            ngettext(
                "{n} text of an unknown author was not read.",
                "{n} texts of unknown authors were not read.",
                found.unattributed,
            )
        )
    return lines


def _signals(message: ToRead) -> str:
    if message.signals:
        return ", ".join(name.replace("_", " ") for name in message.signals)
    return gettext("no signal") if message.was_read else gettext("not among the evidence")
