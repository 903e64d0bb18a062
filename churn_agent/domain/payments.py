"""Bills and payments: due dates, days of payment, and statuses.

The import writes the three into the metadata of interactions in record channels. A status is that of the export and
says nothing about an earlier day, so that states here follow from dates where there are some.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import date, timedelta
from typing import Literal, get_args

from churn_agent.domain.days import real_day

PaymentStatus = Literal["paid", "open", "overdue", "failed", "returned", "written_off", "credited", "cancelled"]
PAYMENT_STATUSES: tuple[PaymentStatus, ...] = get_args(PaymentStatus)
DUE_AT, PAID_AT, STATUS = "due_at", "paid_at", "payment_status"
"""Keys of the metadata: ISO dates, and a `PaymentStatus`."""
State = Literal["paid", "open", "failed", "void"]
UNCOLLECTED: tuple[PaymentStatus, ...] = ("failed", "returned", "written_off", "credited", "cancelled")
"""Statuses of amounts that did not come in, and are not expected to without a new bill or attempt."""
_STATUSES: Mapping[str, PaymentStatus] = {status: status for status in PAYMENT_STATUSES}
_VOID = ("credited", "cancelled")
_USUAL_TERM = timedelta(days=30)
"""Time to pay a bill that is marked overdue and has no due date."""


@dataclass(frozen=True)
class Payment:
    """A bill or payment."""

    billed: date
    due: date | None
    """Day by which it is to be paid; None if nothing says it."""
    paid: date | None
    status: PaymentStatus | None

    def state(self, day: date) -> State | None:
        """The state as far as it was known at the end of a day; None if nothing says whether it was paid.

        It was open until it was paid, and a failed payment failed when it was due.
        """
        if self.status in _VOID:
            return "void"
        if self.status in ("failed", "returned") and max(self.billed, self.due or self.billed) <= day:
            return "paid" if self.paid and self.paid <= day else "failed"
        if self.paid:
            return "paid" if self.paid <= day else "open"
        if self.status == "paid":
            return "paid"
        return None if self.status is None else "open"

    def days_overdue(self, day: date) -> int:
        """Whole days since it was due, if it is open at the end of a day; otherwise 0."""
        if self.due is None or self.state(day) != "open":
            return 0
        return max((day - self.due).days, 0)


def payment_of(metadata: Mapping[str, str], billed: date) -> Payment | None:
    """Returns the bill or payment of an interaction; None if its metadata name none.

    Args:
        metadata: of the interaction.
        billed: its day.
    """
    if not any(key in metadata for key in (DUE_AT, PAID_AT, STATUS)):
        return None
    status = _STATUSES.get(metadata.get(STATUS, ""))
    due = real_day(metadata.get(DUE_AT))
    if due is None and status == "overdue":
        due = billed + _USUAL_TERM
    return Payment(billed, due, real_day(metadata.get(PAID_AT)), status)


def known(metadata: Mapping[str, str], billed: date, day: date) -> dict[str, str]:
    """Returns what the metadata say of a payment, as far as it was known at the end of a day.

    Args:
        metadata: of the interaction.
        billed: its day.
        day: the day.
    """
    payment = payment_of(metadata, billed)
    if payment is None:
        return {}
    state = payment.state(day)
    status = state if state in ("paid", "open") else payment.status if state else None
    dates = {DUE_AT: payment.due, PAID_AT: payment.paid if payment.paid and payment.paid <= day else None}
    of = {key: value.isoformat() for key, value in dates.items() if value}
    return of | ({STATUS: status} if status else {})
