"""Facts from bills and payments: what is overdue, and what failed, as of a day."""

from collections.abc import Iterator
from datetime import date

from churn_agent.domain.assessment import Fact
from churn_agent.domain.interactions import Interaction
from churn_agent.domain.payments import Payment, payment_of
from churn_agent.domain.snapshot import Snapshot
from churn_agent.domain.wording import counted

RECENT_DAYS = 92
"""Days in which a failed payment is recent: three months."""
_RETRY_DAYS = 14
"""Days within which a payment of the same amount is the repetition of one that failed."""

Bill = tuple[Interaction, Payment]


def bills_of(snapshot: Snapshot) -> list[Bill]:
    """The interactions that are bills or payments, the oldest first."""
    bills: list[Bill] = []
    for row in snapshot.interactions:
        payment = payment_of(row.metadata, snapshot.card.local(row.occurred_at).date())
        if payment is not None:
            bills.append((row, payment))
    return bills


def counts_as_paid(snapshot: Snapshot, interaction: Interaction) -> bool:
    """Whether an amount may be added up: it is not known to be open, failed or cancelled on the day of the snapshot."""
    payment = payment_of(interaction.metadata, snapshot.card.local(interaction.occurred_at).date())
    return payment is None or payment.state(snapshot.as_of) in ("paid", None)


def compute(snapshot: Snapshot) -> Iterator[Fact]:
    """Yields the facts of overdue bills and recently failed payments."""
    bills = bills_of(snapshot)
    yield from _overdue(snapshot, bills)
    yield from _failed(snapshot, bills)


def _overdue(snapshot: Snapshot, bills: list[Bill]) -> Iterator[Fact]:
    overdue = [(row, days) for row, bill in bills if (days := bill.days_overdue(snapshot.as_of))]
    if not overdue:
        return
    oldest = max(days for _, days in overdue)
    bills_are = f"{counted(len(overdue), 'bill is', 'bills are')} overdue"
    since = f"for {counted(oldest, 'day')}" if len(overdue) == 1 else f"the oldest for {counted(oldest, 'day')}"
    text = f"{bills_are}, {since}{_sum([row for row, _ in overdue])}."
    yield Fact(name="payments_overdue", value=len(overdue), unit="bills", text=text)
    text = f"The oldest overdue bill was due {counted(oldest, 'day')} before."
    yield Fact(name="payments_overdue_days", value=oldest, unit="days", text=text)


def _failed(snapshot: Snapshot, bills: list[Bill]) -> Iterator[Fact]:
    paid = [(bill.paid or bill.billed, row.amount) for row, bill in bills if bill.state(snapshot.as_of) == "paid"]

    def repeated(day: date, amount: float | None) -> bool:
        return any(0 <= (later - day).days <= _RETRY_DAYS and amount == other for later, other in paid)

    failed: list[tuple[date, Interaction]] = []
    for row, bill in bills:
        day = max(bill.billed, bill.due or bill.billed)
        recent = bill.state(snapshot.as_of) == "failed" and (snapshot.as_of - day).days <= RECENT_DAYS
        if recent and not repeated(day, row.amount):
            failed.append((day, row))
    if failed:
        days = (snapshot.as_of - max(day for day, _ in failed)).days
        when = "on the day of the assessment" if not days else f"{counted(days, 'day')} before"
        last = when if len(failed) == 1 else f"the last one {when}"
        text = f"{counted(len(failed), 'payment')} failed or bounced, {last}{_sum([row for _, row in failed])}."
        yield Fact(name="payments_failed", value=len(failed), unit="payments", text=text)


def _sum(bills: list[Interaction]) -> str:
    """The amounts of one currency added up, in brackets; empty without amounts or with several currencies."""
    currencies = {row.metadata.get("currency", "") for row in bills}
    amounts = [row.amount for row in bills if row.amount is not None]
    if len(currencies) > 1 or not amounts:
        return ""
    return f" ({' '.join((*currencies, f'{sum(amounts):,.2f}')).strip()})"
