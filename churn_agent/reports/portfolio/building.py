"""Turns the records of a run into a report: the customers to call first, the reasons, and the value at risk."""

from collections import Counter, defaultdict
from collections.abc import Mapping, Sequence
from dataclasses import replace
from datetime import date, timedelta
from statistics import median
from string import Template

from churn_agent.content.playbook import Playbook, load_playbook
from churn_agent.content.taxonomy import Taxonomy
from churn_agent.domain.assessment import Assessment
from churn_agent.domain.days import real_day
from churn_agent.domain.snapshot import Card
from churn_agent.errors import InputError
from churn_agent.history import assignments, book, contacts, interactions, records, tasks
from churn_agent.history.feedback import all_feedback
from churn_agent.history.runs import Run
from churn_agent.learning.stored import stored_methods
from churn_agent.outcomes.auditing import audit
from churn_agent.reports import wording
from churn_agent.reports.portfolio import acting, listing, values
from churn_agent.reports.portfolio.accounts import Account, Amount, Driver, LastContact, Portfolio
from churn_agent.reports.portfolio.cards import with_card
from churn_agent.store.store import Store

CAPACITY = 20
"""Number of customers that can be called before the next report."""
CARDS = 300
"""Number of customers who get a card; the others are in the table."""
_YEAR = timedelta(days=365)
_DRIVERS = 12


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
        cards: number of customers who get a card.
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
    playbook = load_playbook(store.settings.prompts_dir)
    shared = _within_capacity(of_book, playbook)
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
        with_card(
            _explained(replace(account, rank=n, call=account.assessment.customer_id in to_call), store, playbook),
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
        audit=audit(store),
        owner=owner,
    )


def read(store: Store, run: Run) -> list[Account]:
    """Reads the customers of a run, unranked."""
    card, day = store.card, date.fromisoformat(str(run.spec["as_of"]))
    attributes = book.all_attributes(store.history, as_of=day)
    paid: Mapping[str, float] = {}
    in_others: Mapping[str, Mapping[str, float]] = {}
    main = values.main_currency(attributes.values(), card)
    if card.value_attribute is None:
        year = {"after": card.end_of_day(day - _YEAR), "until": card.end_of_day(day)}
        paid, in_others = interactions.amounts(store.history, **year, currency=card.currency)
    opinions = all_feedback(store.history)
    feedback = {(row.customer_id, row.as_of): row for row in opinions}
    treated, decided = listing.recently_treated(store, card, day), listing.decided(opinions, day)
    spoken = contacts.last_contacts(store.history, until=card.end_of_day(day), holds_words=card.holds_words)
    today = store.aliases()
    active = tasks.read(store.history, states=tasks.ACTIVE)
    open_tasks = {today.get(task.customer_id, task.customer_id): task for task in active}
    accounts: list[Account] = []
    for assessment in records.of_run(store.history, run.id):
        row = attributes.get(assessment.customer_id, {})
        if card.value_attribute:
            value, left_out = values.value_of(row, card, main)
        else:
            value = paid.get(assessment.customer_id)
            left_out = tuple(Amount(sum_, name) for name, sum_ in in_others.get(assessment.customer_id, {}).items())
        value = None if value is not None and value < 0 else value  # more was refunded than paid, which says nothing
        owner, renewal = row.get(card.owner_attribute) or None, real_day(row.get(card.renewal_attribute))
        name = " ".join(row.get(card.name_attribute, "").split()) or None
        id_ = assessment.customer_id
        spoke = spoken.get(id_)
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
                last_contact=LastContact(card.local(spoke.at).date(), spoke.author) if spoke else None,
                name=name,
                task=open_tasks.get(today.get(id_, id_)),
            )
        )
    return accounts


def _in_our_words(assessment: Assessment) -> Assessment:
    """Replaces the model's own wording, which may promise more than the playbook; quotes of the customer stay."""
    reasons = tuple(reason.model_copy(update={"statement": wording.statement(reason)}) for reason in assessment.reasons)
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
        spent = account.assessment.actions if not left else ()
        result.append(
            replace(
                account,
                assessment=account.assessment.model_copy(update={"actions": tuple(left)}),
                no_action=acting.no_capacity(spent[0]) if spent else None,
            )
        )
    return result


def _explained(account: Account, store: Store, playbook: Playbook) -> Account:
    """Says why a customer to call has no action, unless it is known already that its capacity is used up."""
    assessment = account.assessment
    if not account.call or assessment.actions or account.no_action:
        return account
    snapshot = store.snapshot(assessment.customer_id, as_of=assessment.as_of)
    return replace(account, no_action=acting.why_none(assessment, playbook, snapshot))


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
