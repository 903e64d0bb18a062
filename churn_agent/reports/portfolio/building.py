"""Turns the records of a run into a report: the customers to call first, the reasons, and the value at risk."""

from collections import Counter, defaultdict
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import date, timedelta
from statistics import median
from string import Template

from churn_agent.content.playbook import Playbook, load_playbook
from churn_agent.content.taxonomy import Taxonomy
from churn_agent.domain.assessment import EXPLAINED, Assessment, Band, Citation, Reason
from churn_agent.domain.days import real_day
from churn_agent.domain.interactions import Direction, Interaction, as_number
from churn_agent.domain.money import currency_in
from churn_agent.domain.snapshot import Card
from churn_agent.errors import InputError
from churn_agent.history import assignments, book, contacts, interactions, records
from churn_agent.history.contacts import Contact
from churn_agent.history.feedback import Feedback, all_feedback
from churn_agent.history.runs import Run
from churn_agent.ingest.formats.currencies import currency_of
from churn_agent.learning.stored import MethodInfo, stored_methods
from churn_agent.reports import wording
from churn_agent.reports.portfolio import listing
from churn_agent.reports.portfolio.listing import ListName
from churn_agent.reports.portfolio.periods import times_a_year
from churn_agent.store.store import Store

CAPACITY = 20
"""Number of customers that can be called before the next report."""
CARDS = 300
"""Number of customers with a card of their own; the others are in the table."""
_TIMELINE = 12
"""Number of latest interactions on a card, in addition to the cited ones."""
_QUOTED = 400
"""Most characters of an interaction on a card."""
_YEAR = timedelta(days=365)
_DRIVERS = 12
BANDS: Sequence[Band] = ("high", "medium", "low")


@dataclass(frozen=True)
class Event:
    """An interaction on a card: its text in pieces, with the cited ones marked."""

    day: date
    channel: str
    direction: Direction | None
    pieces: Sequence[tuple[str, bool]]
    """Pairs of text and whether it is cited."""

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
    """None if it is unknown or negative."""
    renewal: date | None
    """None if it is unknown, or a date that programs write for "none"; see `days.real_day`."""
    call: bool
    """Whether to call the customer before the next report."""
    control: bool = False
    """Whether the customer is in the control group: not called, to measure the effect of calls."""
    left_out: Sequence[str] = ()
    """Amounts that are not in the yearly value, because they are in other currencies or not one number."""
    judged: Feedback | None = None
    """The latest feedback of an account manager on this assessment."""
    not_listed: str | None = None
    """Why the customer is on no list although the number might put them on one; None if nothing speaks against it."""
    last_contact: Contact | None = None
    """The company's last message or call."""
    earlier: Sequence[tuple[date, float]] = ()
    """Dates and numbers of earlier assessments of the same kind, oldest first."""
    timeline: Sequence[Event] | None = None
    """None without a card."""

    @property
    def number(self) -> float | None:
        """The calibrated probability, or the score."""
        probability = self.assessment.churn_probability
        return None if probability is None else probability.shown

    @property
    def risky(self) -> bool:
        """Whether the customer is at medium or high risk."""
        return self.assessment.band in ("high", "medium")

    @property
    def worth_a_call(self) -> bool:
        """Whether the customer is risky or has an uncalibrated score, which ranks customers and rules none out."""
        probability = self.assessment.churn_probability
        return probability is not None and (self.risky or not probability.calibrated)

    @property
    def listed(self) -> ListName | None:
        """The list that the customer belongs to, whether or not the capacity suffices for a call."""
        bound = self.renewal is not None or any(fact.name == "monthly_contract" for fact in self.assessment.facts)
        return listing.list_of(self.assessment, self.not_listed, worth_a_call=self.worth_a_call, bound=bound)

    @property
    def ends_on(self) -> date | None:
        """The end of the contract of a customer who has given notice, where it is known."""
        announced = self.assessment.announced
        return announced.ends_on if announced and announced.stands else None

    @property
    def unanswered(self) -> int:
        """Number of the customer's last messages without an answer: an open case."""
        return int(next((fact.value for fact in self.assessment.facts if fact.name == "unanswered"), 0))

    @property
    def risks(self) -> Sequence[Reason]:
        """The reasons for churn, strongest first."""
        return wording.cases(self.assessment)[0]

    @property
    def at_risk(self) -> float | None:
        """Yearly value times `number`."""
        return None if self.number is None or self.yearly_value is None else self.number * self.yearly_value

    @property
    def days_to_renewal(self) -> int | None:
        """Days from the assessment to the renewal; None where that is not known."""
        return (self.renewal - self.assessment.as_of).days if self.renewal else None


@dataclass(frozen=True)
class Driver:
    """A signal or fact, counted over all customers for whom it is a reason for churn."""

    concept: str
    statement: str
    customers: int
    yearly_value: float


@dataclass(frozen=True)
class Portfolio:
    """The contents of a report."""

    run: Run
    card: Card
    as_of: date
    accounts: Sequence[Account]
    """Most at risk first."""
    drivers: Sequence[Driver]
    capacity: int
    planned: bool
    """Whether `actions plan` chose the customers to call; otherwise the capacity alone does."""
    method: MethodInfo | None
    """The trained method that made the numbers, if any."""
    owner: str | None = None
    """The report covers only this account manager's customers; None for all."""

    @property
    def calibrated(self) -> bool:
        """Whether any number is a calibrated probability."""
        return any(a.assessment.churn_probability and a.assessment.churn_probability.calibrated for a in self.accounts)

    @property
    def bands(self) -> Mapping[Band, int]:
        """Number of customers in each band, without former ones."""
        counts = Counter(account.assessment.band for account in self.accounts if not account.assessment.former)
        return {band: counts[band] for band in BANDS}

    @property
    def to_call(self) -> Sequence[Account]:
        """The customers to call before the next report."""
        return [account for account in self.accounts if account.call]

    @property
    def notice_given(self) -> Sequence[Account]:
        """The customers whose announcement to leave stands, the nearest end first; unknown ends come last."""
        given = [account for account in self.accounts if account.listed == "notice given"]
        return sorted(given, key=lambda account: (account.ends_on is None, account.ends_on or self.as_of, account.rank))

    @property
    def early_warnings(self) -> Sequence[Account]:
        """The customers to call who have not given notice, most at risk first."""
        return [account for account in self.to_call if account.listed == "early warnings"]

    @property
    def former(self) -> Sequence[Account]:
        """Those who are no customers any more; they are on no list."""
        return [account for account in self.accounts if account.assessment.former]

    @property
    def value_at_risk(self) -> tuple[float, float | None, float | None] | None:
        """Expected yearly value lost and its bounds; None without known values or calibrated probabilities."""
        valued = [
            (account.assessment.churn_probability, account.yearly_value)
            for account in self.accounts
            if account.assessment.churn_probability
            and account.yearly_value is not None
            and not account.assessment.former
        ]
        if not valued or not self.calibrated:
            return None
        low = sum((p.shown if p.low is None else p.low) * value for p, value in valued)
        high = sum((p.shown if p.high is None else p.high) * value for p, value in valued)
        return sum(p.shown * value for p, value in valued), low, high

    def counted(self, depth: str) -> int:
        """Returns how many customers were `assessed`, `screened`, `abstained` or `failed`."""
        return sum(depth_of(account.assessment) == depth for account in self.accounts)


def depth_of(assessment: Assessment) -> str:
    """Returns `assessed`, `screened`, `abstained` or `failed`."""
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
    """Builds the report of a run.

    Args:
        store: the store of the run.
        run: the batch to report.
        accounts: the result of `read`, to build several reports of one run.
        owner: an account manager, as `find_owner` returns it; limits the report to their customers.
        capacity: how many customers can be called before the next report. Ignored if `actions plan` has chosen them.
        cards: number of customers with a card of their own.
    """
    card = store.card
    arms = {assignment.customer_id: assignment.arm for assignment in assignments.of_run(store.history, run.id)}
    of_book = [
        replace(account, control=arms.get(account.assessment.customer_id) == "control")
        for account in accounts or read(store, run)
    ]
    usual = median([account.yearly_value for account in of_book if account.yearly_value] or [1.0])
    of_book.sort(key=lambda account: (*_order(account, usual), account.assessment.customer_id))
    # Actions with a capacity are shared out over the whole book, so that two reports do not both promise them.
    shared = _within_capacity(of_book, load_playbook(store.settings.prompts_dir))
    reported = [account for account in shared if owner in (None, account.owner)]
    worth = [account.assessment.customer_id for account in reported if account.listed == "early warnings"]
    to_call = {id_ for id_ in worth if arms.get(id_) == "act"} if arms else set(worth[:capacity])
    # Who has given notice is another list, for which the capacity of early warnings is no limit.
    to_call |= {
        account.assessment.customer_id
        for account in reported
        if account.listed == "notice given" and arms.get(account.assessment.customer_id) != "control"
    }
    ranked = [
        _with_card(
            replace(account, rank=n, call=account.assessment.customer_id in to_call),
            store,
            show=n <= cards,
        )
        for n, account in enumerate(reported, start=1)
    ]
    method = run.spec.get("method")
    return Portfolio(
        run=run,
        card=card,
        as_of=date.fromisoformat(str(run.spec["as_of"])),
        accounts=ranked,
        drivers=_drivers(ranked, store.taxonomy, card),
        capacity=capacity,
        planned=bool(arms),
        method=next((kept for kept in stored_methods(store.settings.store) if kept.name == method), None),
        owner=owner,
    )


def read(store: Store, run: Run) -> list[Account]:
    """Reads the customers of a run, unranked."""
    card, day = store.card, date.fromisoformat(str(run.spec["as_of"]))
    attributes = book.all_attributes(store.history, as_of=day)
    paid: Mapping[str, float] = {}
    in_others: Mapping[str, Mapping[str, float]] = {}
    main = _main_currency(attributes.values(), card)
    if card.value_attribute is None:
        year = {"after": card.end_of_day(day - _YEAR), "until": card.end_of_day(day)}
        paid, in_others = interactions.amounts(store.history, **year, currency=card.currency)
    opinions = all_feedback(store.history)
    feedback = {(row.customer_id, row.as_of): row for row in opinions}
    treated, decided = listing.recently_treated(store, card, day), listing.decided(opinions, day)
    spoken = contacts.last_contacts(store.history, until=card.end_of_day(day), holds_words=card.holds_words)
    accounts: list[Account] = []
    for assessment in records.of_run(store.history, run.id):
        row = attributes.get(assessment.customer_id, {})
        if card.value_attribute:
            value, left_out = _value(row, card, main)
        else:
            value = paid.get(assessment.customer_id)
            left_out = tuple(f"{name} {sum_:,.0f}" for name, sum_ in in_others.get(assessment.customer_id, {}).items())
        value = None if value is not None and value < 0 else value  # more was refunded than paid, which says nothing
        owner, renewal = row.get(card.owner_attribute) or None, real_day(row.get(card.renewal_attribute))
        id_ = assessment.customer_id
        accounts.append(
            Account(
                0,
                _in_our_words(assessment),
                owner,
                value,
                renewal,
                call=False,
                left_out=left_out,
                judged=feedback.get((id_, assessment.as_of)),
                not_listed=listing.why_not_listed(assessment, row, treated.get(id_), decided.get(id_)),
                last_contact=spoken.get(id_),
            )
        )
    return accounts


def _main_currency(rows: Iterable[Mapping[str, str]], card: Card) -> str:
    """Returns the currency of the report: that of the card, else the most frequent one of the values."""
    if card.currency or not card.value_attribute:
        return _currency(card.currency)
    counts = Counter(currency_in(row, card.value_attribute) for row in rows if card.value_attribute in row)
    del counts[""]
    return _currency(max(counts, key=lambda name: (counts[name], name), default=""))


def _value(row: Mapping[str, str], card: Card, main: str) -> tuple[float | None, tuple[str, ...]]:
    """Returns a customer's yearly value, or None with the amounts that cannot be added to those of the others."""
    attribute = card.value_attribute or ""
    text, currency = row.get(attribute, ""), currency_in(row, attribute)
    value = as_number(text)
    if value is not None and currency and main and _currency(currency) != main:
        return None, (f"{currency} {value:,.0f}",)
    if value is not None and card.value_period_attribute:
        period = row.get(card.value_period_attribute, "")
        times = times_a_year(period, card)
        return (value * times, ()) if times is not None else (None, (f"{text} {period}".strip(),))
    return value, (text,) if value is None and any(map(str.isdigit, text)) else ()


def _currency(name: str) -> str:
    """Returns the code of a currency, whether it is written as a code or a sign."""
    return currency_of(name.strip()) or name.strip().upper()


def _in_our_words(assessment: Assessment) -> Assessment:
    """Replaces the model's own wording, which may promise more than the playbook; quotes of the customer stay."""
    reasons = tuple(
        reason.model_copy(update={"statement": wording.READ_AS[reason.polarity]})
        if reason.concept == EXPLAINED
        else reason
        for reason in assessment.reasons
    )
    return assessment.model_copy(update={"reasons": reasons})


def owners(accounts: Sequence[Account]) -> list[str]:
    """Returns the account managers of the customers, sorted."""
    return sorted({account.owner for account in accounts if account.owner})


def find_owner(accounts: Sequence[Account], name: str, card: Card) -> str:
    """Returns an account manager's name as it is in the data. Raises `InputError` if there is none."""
    known = owners(accounts)
    owner = next((other for other in known if other.casefold() == name.casefold()), None)
    if owner is None:
        choices = f"choose from {', '.join(known)}" if known else f"no customer has {card.owner_attribute!r}"
        raise InputError(f"no customer of this run has the owner {name!r}; {choices}")
    return owner


# --- parts


def _order(account: Account, usual: float) -> tuple[int, float, float]:
    """Sorts assessed customers by value at risk, then screened ones, then the others, and former ones last.

    The value of a customer without a known one is the `usual` value, so that their risk decides. Risk also decides
    between equal values at risk, such as those of customers who are worth nothing.
    """
    if account.assessment.former:
        return 3, 0.0, 0.0
    if account.number is not None:
        value = usual if account.yearly_value is None else account.yearly_value
        return 0, -account.number * value, -account.number
    screening = account.assessment.screening
    return (2, 0.0, 0.0) if screening is None else (1, -screening, 0.0)


def _within_capacity(accounts: Sequence[Account], playbook: Playbook) -> list[Account]:
    """Gives actions with a capacity to the customers most at risk; the others get their next action."""
    taken: Counter[str] = Counter()
    result: list[Account] = []
    for account in accounts:
        left = [
            action
            for action in account.assessment.actions
            if (known := playbook.by_id.get(action.playbook_id)) is None
            or known.capacity is None
            or taken[action.playbook_id] < known.capacity
        ]
        if account.listed and not account.control and left:
            taken[left[0].playbook_id] += 1
        result.append(replace(account, assessment=account.assessment.model_copy(update={"actions": tuple(left)})))
    return result


def _with_card(account: Account, store: Store, *, show: bool) -> Account:
    assessment = account.assessment
    if not show or assessment.status != "assessed":
        return account
    snapshot = store.snapshot(assessment.customer_id, as_of=assessment.as_of)
    cited: dict[str, list[Citation]] = defaultdict(list)
    for reason in assessment.reasons:
        for citation in reason.citations:
            cited[citation.interaction_id].append(citation)
    latest = {row.id for row in snapshot.interactions[-_TIMELINE:]}
    shown = [row for row in snapshot.interactions if row.id in latest or row.id in cited]
    timeline = [_event(row, cited.get(row.id, ()), snapshot.card) for row in reversed(shown)]
    return replace(account, timeline=timeline, earlier=tuple(_earlier(account, store)))


def _earlier(account: Account, store: Store) -> Iterator[tuple[date, float]]:
    """Yields the newest number of the same kind for record earlier date."""
    own = account.assessment
    calibrated = own.churn_probability is not None and own.churn_probability.calibrated
    newest: dict[date, float] = {}
    for record in records.of_customer(store.history, own.customer_id):
        number = record.churn_probability
        if number and number.calibrated == calibrated and record.as_of < own.as_of:
            newest.setdefault(record.as_of, number.shown)
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
    """Returns the reasons for churn across the book, the most frequent first."""
    customers: Counter[str] = Counter()
    value: dict[str, float] = defaultdict(float)
    for account in accounts:
        if account.assessment.former:
            continue
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
