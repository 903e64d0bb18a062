"""The retrospective of a customer, for a terminal and as a separate page."""

from collections.abc import Sequence

from more_itertools import split_when

from churn_agent.domain.snapshot import Card
from churn_agent.lookback.retrospect import Moment, Retro, ToRead
from churn_agent.reports import wording
from churn_agent.reports.language import day, gettext, ngettext, number, speaking
from churn_agent.reports.lookback.page import Section, render
from churn_agent.reports.sentences import translated


def to_html(retro: Retro, card: Card) -> str:
    """Returns the page, in the language of the card."""
    with speaking(card.language):
        title = gettext("In retrospect: {customer}", customer=retro.customer_id)
        return render(title, card.company, sections(retro))


def sections(retro: Retro) -> list[Section]:
    """Returns the parts of the retrospective, in the current language."""
    return [
        Section(lines=_head(retro)),
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
                _rows(retro.moments),
            ),
        ),
        Section(gettext("Numbers given at the time"), _forecasts(retro)),
        Section(gettext("What was done"), _done(retro)),
        Section(
            gettext("What was to be read before the notice") if retro.notice else gettext("The latest messages"),
            _unread(retro),
            (
                [gettext("day"), gettext("channel"), gettext("words"), gettext("signals")],
                [[day(message.day), message.channel, message.words, _signals(message)] for message in retro.to_read],
            )
            if retro.to_read
            else None,
        ),
    ]


def _head(retro: Retro) -> list[str]:
    if retro.notice is None:
        return [gettext("No departure of this customer is known.")]
    lines = [gettext("Notice on {day}.", day=day(retro.notice))]
    if retro.departure and retro.departure.left_on:
        lines.append(gettext("Left on {day}.", day=day(retro.departure.left_on)))
    if retro.first_flag and retro.lead_days is not None:
        lines.append(
            ngettext(
                "The first flag that led to this notice was raised at the end of {day}, {n} day before it.",
                "The first flag that led to this notice was raised at the end of {day}, {n} days before it.",
                retro.lead_days,
                day=day(retro.first_flag),
            )
        )
    else:
        lines.append(gettext("No flag led to it: at no month end in the horizon before was the risk high."))
    if not any(moment.after_notice is False for moment in retro.moments):
        lines.append(gettext("There was no month end before the notice at which they could have been flagged."))
    return lines


def _rows(moments: Sequence[Moment]) -> list[Sequence[str]]:
    """The month ends; those at which nothing is new in one row with the first and the last of them."""
    every = [(moment.messages, _row(moment)) for moment in moments]
    rows: list[Sequence[str]] = []
    for same in split_when(every, lambda last, now: now[0] > 0 or last[1][1:] != now[1][1:]):
        (_, first), (_, last) = same[0], same[-1]
        days = first[0] if len(same) == 1 else gettext("{first} to {last}", first=first[0], last=last[0])
        rows.append([days, *first[1:]])
    return rows


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


def _forecasts(retro: Retro) -> list[str]:
    lines = [
        gettext("{day}: {number}", day=day(forecast.as_of), number=number(100 * forecast.number))
        + (f" ({gettext(forecast.band)})" if forecast.band else "")
        for forecast in retro.forecasts
    ]
    return lines or [gettext("None: nobody had assessed this customer ahead of time.")]


def _done(retro: Retro) -> list[str]:
    lines = [
        f"{day(action.day)}: {action.what}" + (f" - {action.words}" if action.words else "") for action in retro.done
    ]
    if not lines:
        lines.append(gettext("No action and no decision is recorded."))
    lines.append(
        ngettext(
            "{n} text of the company in the horizon before.",
            "{n} texts of the company in the horizon before.",
            retro.contacts,
        )
    )
    return lines


def _unread(retro: Retro) -> list[str]:
    lines: list[str] = []
    if not retro.to_read:
        lines.append(gettext("The customer wrote nothing in that time: only facts could have warned."))
    if retro.unattributed:
        lines.append(
            ngettext(
                "{n} text of an unknown author was not read.",
                "{n} texts of unknown authors were not read.",
                retro.unattributed,
            )
        )
    return lines


def _signals(message: ToRead) -> str:
    if message.signals:
        return ", ".join(name.replace("_", " ") for name in message.signals)
    return gettext("no signal") if message.was_read else gettext("not among the evidence")
