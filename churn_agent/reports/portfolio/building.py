"""From the records of a run to what a report shows: whom to call first, why, and what is at stake."""

from collections import Counter, defaultdict
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import date, datetime, timedelta
from statistics import median
from string import Template

from churn_agent.content.playbook import Playbook, load_playbook
from churn_agent.content.prompts import Taxonomy, load_taxonomy
from churn_agent.domain.assessment import EXPLAINED, Assessment, Band, Citation, Reason
from churn_agent.domain.interactions import Direction, Interaction, as_number
from churn_agent.domain.snapshot import Card
from churn_agent.errors import InputError
from churn_agent.history import assignments, book, interactions, records
from churn_agent.history.feedback import Feedback, all_feedback
from churn_agent.history.runs import Run
from churn_agent.learning.kept import KeptCard, kept_cards
from churn_agent.reports import wording
from churn_agent.store.store import Store

CAPACITY = 20
"""Customers that can be called before the next report."""
CARDS = 300
"""Customers who get a card of their own; the others stand in the table."""
_TIMELINE = 12
"""Latest interactions on a card; those that are cited come in addition."""
_QUOTED = 400
"""Characters of an interaction on a card."""
_YEAR = timedelta(days=365)
_DRIVERS = 12
BANDS: Sequence[Band] = ("high", "medium", "low")


@dataclass(frozen=True)
class Event:
    """An interaction on a card: its text in pieces, cited ones marked."""

    day: date
    channel: str
    direction: Direction | None
    pieces: Sequence[tuple[str, bool]]
    """(Text, whether it is cited)."""

    @property
    def cited(self) -> bool:
        """Whether a reason cites it."""
        return any(marked for _, marked in self.pieces)


@dataclass(frozen=True)
class Account:
    """A customer in a report."""

    rank: int
    assessment: Assessment
    owner: str | None
    yearly_value: float | None
    renewal: date | None
    call: bool
    """Comes within what can be called before the next report."""
    control: bool = False
    """Drawn by lot to be left alone, so that calling can be judged."""
    judged: Feedback | None = None
    """What an account manager said last of this assessment."""
    earlier: Sequence[tuple[date, float]] = ()
    """Numbers of earlier assessments of the same kind, the oldest first."""
    timeline: Sequence[Event] | None = None
    """None where there is no card."""

    @property
    def number(self) -> float | None:
        """The calibrated probability, or the score."""
        found = self.assessment.churn_probability
        return None if found is None else found.shown

    @property
    def risky(self) -> bool:
        """Of medium or high risk."""
        return self.assessment.band in ("high", "medium")

    @property
    def worth_a_call(self) -> bool:
        """Risky, or with a score that is no probability: that only ranks, and rules nobody out."""
        found = self.assessment.churn_probability
        return found is not None and (self.risky or not found.calibrated)

    @property
    def risks(self) -> Sequence[Reason]:
        """What speaks for churn, the weightiest first."""
        return wording.cases(self.assessment)[0]

    @property
    def at_risk(self) -> float | None:
        """Yearly value times that number."""
        return None if self.number is None or self.yearly_value is None else self.number * self.yearly_value

    @property
    def days_to_renewal(self) -> int | None:
        """Days from the assessment to the renewal; None where that is not known."""
        return (self.renewal - self.assessment.as_of).days if self.renewal else None


@dataclass(frozen=True)
class Driver:
    """A signal or fact over all customers in whose assessments it speaks for churn."""

    concept: str
    statement: str
    customers: int
    yearly_value: float


@dataclass(frozen=True)
class Portfolio:
    """All that a report shows."""

    run: Run
    card: Card
    as_of: date
    accounts: Sequence[Account]
    """The most at risk first."""
    drivers: Sequence[Driver]
    capacity: int
    planned: bool
    """Whom to call was decided by `actions plan`, not by the capacity alone."""
    method: KeptCard | None
    """What made probabilities of scores, if anything did."""
    owner: str | None = None
    """The report is about the customers of this person alone."""

    @property
    def calibrated(self) -> bool:
        """Whether any number is a calibrated probability."""
        return any(a.assessment.churn_probability and a.assessment.churn_probability.calibrated for a in self.accounts)

    @property
    def bands(self) -> Mapping[Band, int]:
        """Number of customers in each band."""
        found = Counter(account.assessment.band for account in self.accounts)
        return {band: found[band] for band in BANDS}

    @property
    def to_call(self) -> Sequence[Account]:
        """The customers to call before the next report."""
        return [account for account in self.accounts if account.call]

    @property
    def value_at_risk(self) -> tuple[float, float | None, float | None] | None:
        """Expected yearly value lost, with its bounds; None where no value is known or nothing is calibrated."""
        valued = [
            (account.assessment.churn_probability, account.yearly_value)
            for account in self.accounts
            if account.assessment.churn_probability and account.yearly_value is not None
        ]
        if not valued or not self.calibrated:
            return None
        low = sum((p.shown if p.low is None else p.low) * value for p, value in valued)
        high = sum((p.shown if p.high is None else p.high) * value for p, value in valued)
        return sum(p.shown * value for p, value in valued), low, high

    def counted(self, what: str) -> int:
        """How many were `assessed`, `screened`, `abstained` or `failed`."""
        return sum(depth_of(account.assessment) == what for account in self.accounts)


def depth_of(assessment: Assessment) -> str:
    """`assessed`, `screened`, `abstained` or `failed`."""
    return "screened" if assessment.screening is not None else assessment.status


def build(
    store: Store,
    run: Run,
    *,
    accounts: Sequence[Account] | None = None,
    owner: str | None = None,
    capacity: int = CAPACITY,
    cards: int = CARDS,
) -> Portfolio:
    """The report of a run.

    Args:
        accounts: what `read` gave, where several reports are made of one run.
        owner: only their customers; as `find_owner` gives it.
        capacity: how many of those worth a call can be called before the next report; where `actions plan` has
            decided, that holds.
        cards: customers who get a card of their own.
    """
    card = store.card
    planned = {each.customer_id: each.arm for each in assignments.of_run(store.history, run.id)}
    everybody = [
        replace(each, control=planned.get(each.assessment.customer_id) == "control")
        for each in accounts or read(store, run)
    ]
    usual = median([each.yearly_value for each in everybody if each.yearly_value is not None] or [1.0])
    everybody.sort(key=lambda each: (*_order(each, usual), each.assessment.customer_id))
    # What can be done for few only is given out over the whole book, so that two reports do not promise it twice.
    shared = _within_capacity(everybody, load_playbook(store.settings.prompts_dir))
    found = [each for each in shared if owner in (None, each.owner)]
    worth = [each.assessment.customer_id for each in found if each.worth_a_call]
    to_call = {id_ for id_ in worth if planned.get(id_) == "act"} if planned else set(worth[:capacity])
    ranked = [
        _with_card(
            replace(each, rank=n, call=each.assessment.customer_id in to_call),
            store,
            wanted=n <= cards,
        )
        for n, each in enumerate(found, start=1)
    ]
    method = run.spec.get("method")
    return Portfolio(
        run=run,
        card=card,
        as_of=date.fromisoformat(str(run.spec["as_of"])),
        accounts=ranked,
        drivers=_drivers(ranked, load_taxonomy(), card),
        capacity=capacity,
        planned=bool(planned),
        method=next((each for each in kept_cards(store.settings.store) if each.name == method), None),
        owner=owner,
    )


def read(store: Store, run: Run) -> list[Account]:
    """The customers of a run, not ranked yet."""
    card, attributes = store.card, book.all_attributes(store.history)
    day = date.fromisoformat(str(run.spec["as_of"]))
    paid: Mapping[str, float] = {}
    if card.value_attribute is None:
        paid = interactions.amounts(store.history, after=card.end_of_day(day - _YEAR), until=card.end_of_day(day))
    judged = {(each.customer_id, each.as_of): each for each in all_feedback(store.history)}
    found: list[Account] = []
    for assessment in records.of_run(store.history, run.id):
        row = attributes.get(assessment.customer_id, {})
        value = as_number(row.get(card.value_attribute)) if card.value_attribute else paid.get(assessment.customer_id)
        owner, renewal = row.get(card.owner_attribute) or None, _date(row.get(card.renewal_attribute))
        said = judged.get((assessment.customer_id, assessment.as_of))
        found.append(Account(0, _in_our_words(assessment), owner, value, renewal, call=False, judged=said))
    return found


def _in_our_words(assessment: Assessment) -> Assessment:
    """Without what a model worded by itself: it may promise what no playbook has. The customer's own words stand."""
    reasons = tuple(
        each.model_copy(update={"statement": wording.READ_AS[each.polarity]}) if each.concept == EXPLAINED else each
        for each in assessment.reasons
    )
    return assessment.model_copy(update={"reasons": reasons})


def owners(accounts: Sequence[Account]) -> list[str]:
    """Everybody who looks after one of the customers, sorted."""
    return sorted({each.owner for each in accounts if each.owner})


def find_owner(accounts: Sequence[Account], name: str, card: Card) -> str:
    """The account manager as the data call them. Raises `InputError` if nobody is called so."""
    known = owners(accounts)
    found = next((each for each in known if each.casefold() == name.casefold()), None)
    if found is None:
        there = ", ".join(known) or f"nobody has an attribute {card.owner_attribute!r}"
        raise InputError(f"nobody is called {name!r} in this run; there are: {there}")
    return found


# --- parts


def _order(account: Account, usual: float) -> tuple[int, float]:
    """Assessed ones by what is at risk (a usual value where none is known), then the screened, then the others."""
    if account.number is not None:
        value = usual if account.yearly_value is None else account.yearly_value
        return 0, -account.number * max(value, 0.0)
    screening = account.assessment.screening
    return (2, 0.0) if screening is None else (1, -screening)


def _within_capacity(accounts: Sequence[Account], playbook: Playbook) -> list[Account]:
    """Actions that can be done for few only go to those most at risk; the others have their next one."""
    taken: Counter[str] = Counter()
    found: list[Account] = []
    for account in accounts:
        left = [
            action
            for action in account.assessment.actions
            if (known := playbook.by_id.get(action.playbook_id)) is None
            or known.capacity is None
            or taken[action.playbook_id] < known.capacity
        ]
        if account.worth_a_call and not account.control and left:
            taken[left[0].playbook_id] += 1
        found.append(replace(account, assessment=account.assessment.model_copy(update={"actions": tuple(left)})))
    return found


def _with_card(account: Account, store: Store, *, wanted: bool) -> Account:
    assessment = account.assessment
    if not wanted or assessment.status != "assessed":
        return account
    snapshot = store.snapshot(assessment.customer_id, as_of=assessment.as_of)
    cited: dict[str, list[Citation]] = defaultdict(list)
    for reason in assessment.reasons:
        for citation in reason.citations:
            cited[citation.interaction_id].append(citation)
    latest = {each.id for each in snapshot.interactions[-_TIMELINE:]}
    shown = [each for each in snapshot.interactions if each.id in latest or each.id in cited]
    timeline = [_event(each, cited.get(each.id, ()), snapshot.card) for each in reversed(shown)]
    return replace(account, timeline=timeline, earlier=tuple(_earlier(account, store)))


def _earlier(account: Account, store: Store) -> Iterator[tuple[date, float]]:
    """The newest number of each earlier date, of the same kind."""
    own = account.assessment
    calibrated = own.churn_probability is not None and own.churn_probability.calibrated
    newest: dict[date, float] = {}
    for each in records.of_customer(store.history, own.customer_id):
        number = each.churn_probability
        if number and number.calibrated == calibrated and each.as_of < own.as_of:
            newest.setdefault(each.as_of, number.shown)
    yield from sorted(newest.items())


def _event(interaction: Interaction, citations: Sequence[Citation], card: Card) -> Event:
    text = interaction.text
    spans = sorted((c.start, c.end) for c in citations if c.verified and c.start is not None and c.end is not None)
    pieces: list[tuple[str, bool]] = []
    at = 0
    for start, end in spans:
        if start >= at:
            pieces += [(text[at:start], False), (text[start:end], True)]
            at = end
    rest = text[at:]
    pieces.append((rest if len(rest) <= _QUOTED else f"{rest[:_QUOTED]} \u2026", False))
    kept = [(piece, marked) for piece, marked in pieces if piece]
    return Event(card.local(interaction.occurred_at).date(), interaction.channel, interaction.direction, kept)


def _drivers(accounts: Sequence[Account], taxonomy: Taxonomy, card: Card) -> list[Driver]:
    """What speaks for churn over the book, what concerns most customers first."""
    customers: Counter[str] = Counter()
    value: dict[str, float] = defaultdict(float)
    for account in accounts:
        for concept in {reason.concept for reason in account.risks}:
            customers[concept] += 1
            value[concept] += account.yearly_value or 0.0
    return [
        Driver(concept, _statement(concept, taxonomy, card), n, value[concept])
        for concept, n in customers.most_common(_DRIVERS)
    ]


def _statement(concept: str, taxonomy: Taxonomy, card: Card) -> str:
    signal = taxonomy.by_id.get(concept)
    if signal:
        return Template(signal.statement).substitute(company=card.company)
    return wording.CONCEPTS.get(concept, concept.replace("_", " ").capitalize())


def _date(text: str | None) -> date | None:
    try:
        return datetime.fromisoformat(text or "").date()
    except ValueError:
        return None
