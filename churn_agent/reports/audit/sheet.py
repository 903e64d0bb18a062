"""The cards of an audit as a page and as a CSV file, on which people mark reasons and actions."""

import csv
import io
import secrets
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from importlib.metadata import version
from importlib.resources import files
from string import Template

from churn_agent import extras
from churn_agent.domain.assessment import Assessment
from churn_agent.outcomes.audit_marks import COLUMNS, MISSED
from churn_agent.outcomes.auditing import Drawn
from churn_agent.reports import wording
from churn_agent.reports.language import current, day, gettext, noop, number, speaking
from churn_agent.reports.portfolio import building
from churn_agent.reports.portfolio.accounts import Event
from churn_agent.reports.portfolio.cards import with_card
from churn_agent.reports.portfolio.rows import Cell, harmless
from churn_agent.reports.sentences import translated
from churn_agent.store.store import Store

_CHOICES = (("right", noop("right")), ("wrong", noop("wrong")), ("unclear", noop("unclear")))
_BOM = "\ufeff"


@dataclass(frozen=True)
class Shown:
    """A card of the sheet."""

    number: int
    label: str
    record: Assessment
    timeline: Sequence[Event]


def shown_cards(store: Store, drawn: Drawn) -> list[Shown]:
    """Returns the drawn cards with their latest interactions, in the order of their numbers."""
    accounts = {account.assessment.customer_id: account for account in building.read(store, drawn.run)}
    cards: list[Shown] = []
    for card, _ in drawn.cards:
        account = with_card(accounts[card.customer_id], store, show=True)
        cards.append(Shown(card.card, account.label, account.assessment, account.timeline or ()))
    return cards


def to_csv(store: Store, drawn: Drawn) -> str:
    """Returns a row for each reason and action of the cards, and one for signals that a card misses."""
    with speaking(store.card.language):
        buffer = io.StringIO(newline="")
        writer = csv.writer(buffer, lineterminator="\r\n")
        writer.writerow(COLUMNS)
        for card in shown_cards(store, drawn):
            for item, statement, quote, on in _items(card):
                cells: Sequence[Cell] = (card.record.customer_id, item, statement, quote, on)
                writer.writerow((drawn.audit_id, card.number, *map(harmless, cells), ""))
    return _BOM + buffer.getvalue()


def _items(card: Shown) -> Iterator[tuple[str, str, str, str]]:
    for n, reason in enumerate(card.record.reasons, start=1):
        quote = " | ".join(citation.quote for citation in reason.citations)
        days = sorted({day(citation.occurred_at.date()) for citation in reason.citations})
        yield f"r{n}", translated(reason.statement), " ".join(quote.split()), " ".join(days)
    for n, action in enumerate(card.record.actions, start=1):
        yield f"a{n}", f"{translated(action.title)}: {translated(action.rationale)}", "", ""
    yield MISSED, gettext("Signals that the messages show and the card does not name: their ids, or none"), "", ""


def to_html(store: Store, drawn: Drawn) -> str:
    """Returns the page, which works offline and saves marks as a CSV file. Raises `MissingExtra`."""
    with extras.importing("reports"):
        import jinja2
    from markupsafe import Markup

    company = store.card.company
    source = files("churn_agent.reports.audit").joinpath("page.html").read_text(encoding="utf-8")
    style = files("churn_agent.reports.portfolio").joinpath("page.css").read_text(encoding="utf-8")
    with speaking(store.card.language):
        environment = jinja2.Environment(autoescape=True, trim_blocks=True)
        return environment.from_string(source).render(
            {"_": gettext, "say": translated, "day": day, "in_their_words": wording.in_their_words},
            lang=str(current().locale).replace("_", "-"),
            title=gettext("Audit of cards at {company}", company=translated(company)),
            subtitle=gettext(
                "{n} of {of} cards of run {run}, drawn at random; audit {audit}",
                n=number(len(drawn.cards)),
                of=number(drawn.of),
                run=drawn.run.id[:8],
                audit=drawn.audit_id,
            ),
            audit=drawn.audit_id,
            cards=shown_cards(store, drawn),
            choices=[(value, gettext(words)) for value, words in _CHOICES],
            signals=[
                {"id": signal.id, "statement": Template(signal.statement).substitute(company=company)}
                for signal in store.taxonomy.signals
            ],
            progress=gettext("{done} of {all} marked"),
            style=Markup(style),  # noqa: S704 - our own file
            nonce=secrets.token_urlsafe(12),
            version=version("churn-agent"),
        )
