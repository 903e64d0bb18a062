"""Sets whose originals are tables of what happened: orders, courses, accounts."""

import random
from calendar import monthrange
from collections.abc import Iterator, Mapping, Sequence
from datetime import date, datetime, timedelta
from itertools import groupby
from operator import itemgetter

from more_itertools import unique_everseen

from churn_agent.evals.sets.converting.cases import (
    Case,
    Event,
    Originals,
    Record,
    known_by,
    make_event,
    number,
    read_rows,
    without,
)

# --- orders of a shop

_SHOP_DAY = date(2011, 9, 9)
_SHOP_HORIZON = timedelta(days=90)
_SHOP_SILENCE = timedelta(days=180)
_LINES_SHOWN = 8


def shop_orders(originals: Originals) -> Iterator[Case]:
    """Customers with two orders by 9 September, the last within 180 days; those who place none in 90 days have left.

    An invoice is one event; its lines without a customer, and those that are there twice, are left out.
    """
    read = (row for path in originals.values() for row in read_rows(path) if row["customerid"])
    lines = sorted(unique_everseen(read, key=lambda row: (*row.values(),)), key=itemgetter("customerid", "invoiceno"))
    for customer, bought in groupby(lines, key=itemgetter("customerid")):
        invoices = [[*of] for _, of in groupby(bought, key=itemgetter("invoiceno"))]
        events = [_invoice(of) for of in invoices]
        orders = [date.fromisoformat(str(event["timestamp"])[:10]) for event in events if event["channel"] == "order"]
        known = [day for day in orders if day <= _SHOP_DAY]
        if len(known) < 2 or _SHOP_DAY - max(known) >= _SHOP_SILENCE:
            continue
        churned = not any(_SHOP_DAY < day <= _SHOP_DAY + _SHOP_HORIZON for day in orders)
        yield Case(
            number(customer), _SHOP_DAY, churned, known_by(_SHOP_DAY, events), {"country": invoices[0][0]["country"]}
        )


def _invoice(lines: Sequence[Record]) -> Event:
    worth = [(int(row["quantity"]), int(row["quantity"]) * float(row["unitprice"]), row) for row in lines]
    amount = round(sum(value for _, value, _ in worth), 2)
    dearest = sorted(worth, key=lambda line: -abs(line[1]))[:_LINES_SHOWN]
    returned = lines[0]["invoiceno"].startswith("C")
    text = f"{'Return/cancellation' if returned else 'Order'} of {len(lines)} line{'s' if len(lines) > 1 else ''}, "
    text += f"GBP {abs(amount):.2f}: " + ", ".join(f"{abs(n)}x {row['description']}" for n, _, row in dearest)
    text += f" and {len(lines) - _LINES_SHOWN} more" if len(lines) > _LINES_SHOWN else ""
    return {
        "timestamp": min(datetime.fromisoformat(row["invoicedate"]) for row in lines).isoformat(),
        "channel": "return" if returned else "order",
        "text": text,
        "amount": amount,
        "n_lines": len(lines),
        "n_units": sum(n for n, _, _ in worth),
        "invoice_no": lines[0]["invoiceno"],
    }


# --- students of courses

_COURSE_START = {"B": (2, 1), "J": (10, 1)}
_COURSE_DAY = 60
_ENROLMENTS = 3000


def course_enrolments(originals: Originals) -> Iterator[Case]:
    """Enrolments that stand on day 60 of a course, three thousand of them; those undone later have left.

    Dates are nominal, since only days of the course are known.
    """
    info, registrations, assessments, submissions = (list(read_rows(path)) for path in originals.values())
    students = {_enrolment(row): row for row in info}
    due: dict[tuple[str, str], list[Record]] = {}
    for row in assessments:
        due.setdefault((row["code_module"], row["code_presentation"]), []).append(row)
    handed_in = {(row["id_student"], number(row["id_assessment"])): row for row in submissions}
    standing = [
        row
        for row in sorted(registrations, key=_enrolment)
        if (day := _whole(row["date_registration"])) is not None
        and day <= 0
        and ((left := _whole(row["date_unregistration"])) is None or left > _COURSE_DAY)
    ]
    random_ = random.Random(0)  # noqa: S311 - no secret
    for row in random_.sample(standing, min(_ENROLMENTS, len(standing))):
        module, presentation, student = _enrolment(row)
        about = students[_enrolment(row)]
        start = date(int(presentation[:4]), *_COURSE_START[presentation[4]])
        day, as_of = int(float(row["date_registration"])), start + timedelta(days=_COURSE_DAY)
        text = (
            f"Registered for module {module} ({presentation}) {-day} days before the start: {about['studied_credits']} "
            f"credits in total this session, {about['num_of_prev_attempts']} previous attempt(s) at this module."
        )
        events = [make_event(start + timedelta(days=day), 9, "registration", text, course_day=day)]
        for assessment in due.get((module, presentation), ()):
            events += _assessed(assessment, handed_in.get((student, number(assessment["id_assessment"]))), start)
        customer = f"ou_{module}{presentation}_{student}"
        withdrew = _whole(row["date_unregistration"]) is not None
        yield Case(customer, as_of, withdrew, known_by(as_of, events), without(about, "id_student", "final_result"))


def _enrolment(row: Mapping[str, str]) -> tuple[str, str, str]:
    return row["code_module"], row["code_presentation"], row["id_student"]


def _whole(cell: str) -> int | None:
    return None if cell in ("", "?") else int(float(cell))


def _assessed(assessment: Record, submission: Record | None, start: date) -> Iterator[Event]:
    what = f"{assessment['assessment_type']} (weight {number(assessment['weight'])}%)"
    due = _whole(assessment["date"])
    day = _whole(submission["date_submitted"]) if submission else None
    if submission and day is not None and day <= _COURSE_DAY:
        score = _whole(submission["score"])
        marked = "no score" if score is None else f"score {score}"
        if number(submission["is_banked"]) == "1":
            text = f"Result of {what} carried over from an earlier presentation: {marked}."
        else:
            text = f"Handed in {what} on day {day} ({_punctuality(day, due)}): {marked}."
        more = {} if score is None else {"score": score}
        yield make_event(start + timedelta(days=day), 12, "assessment", text, course_day=day, **more)
    elif due is not None and due <= _COURSE_DAY:
        text = f"Did not hand in {what}, due on day {due}."
        yield make_event(start + timedelta(days=due), 23, "assessment_missed", text, course_day=due)


def _punctuality(day: int, due: int | None) -> str:
    if due is None:
        return "no due day"
    if day == due:
        return "on the due day"
    return f"{abs(day - due)} day(s) {'early' if day < due else 'late'}"


# --- accounts of a software company

_ACCOUNTS_DAY = date(2024, 9, 30)
_ACCOUNTS_HORIZON = timedelta(days=92)
_SETTLED = timedelta(days=60)


def software_accounts(originals: Originals) -> Iterator[Case]:
    """Accounts of 60 days or more; those with a churn event in the next quarter have left, whatever flags say."""
    accounts, subscriptions, usage, tickets, ends = (list(read_rows(path)) for path in originals.values())
    events: dict[str, list[Event]] = {}
    account_of = {row["subscription_id"]: row["account_id"] for row in subscriptions}
    for row in subscriptions:
        events.setdefault(row["account_id"], []).extend(_subscribed(row))
    for row in tickets:
        events.setdefault(row["account_id"], []).append(_ticket(row))
    for row in ends:
        events.setdefault(row["account_id"], []).append(_cancelled(row))
    by_month: dict[tuple[str, str], list[Record]] = {}
    for row in usage:
        by_month.setdefault((account_of[row["subscription_id"]], row["usage_date"][:7]), []).append(row)
    for (account, month), used in by_month.items():
        events.setdefault(account, []).append(_used(month, used))
    churned = {
        row["account_id"]
        for row in ends
        if _ACCOUNTS_DAY < _date(row["churn_date"]) <= _ACCOUNTS_DAY + _ACCOUNTS_HORIZON
    }
    for row in accounts:
        if _ACCOUNTS_DAY - _date(row["signup_date"]) < _SETTLED - timedelta(days=1):
            continue
        text = (
            f"Account created via {row['referral_source']}: {row['industry']}, {row['country']}, "
            f"plan {row['plan_tier']}, {row['seats']} seats{_trial(row)}."
        )
        history = [make_event(_date(row["signup_date"]), 0, "signup", text), *events.get(row["account_id"], ())]
        known = known_by(_ACCOUNTS_DAY, history)
        attributes = without(row, "account_id", "account_name", "signup_date", "churn_flag")
        yield Case(row["account_id"], _ACCOUNTS_DAY, row["account_id"] in churned, known, attributes)


def _date(cell: str) -> date:
    return date.fromisoformat(cell[:10])


def _yes(cell: str) -> bool:
    return cell.casefold() == "true"


def _trial(row: Record) -> str:
    return ", trial" if _yes(row["is_trial"]) else ""


def _subscribed(row: Record) -> Iterator[Event]:
    monthly = float(row["mrr_amount"])
    what = f"{row['plan_tier']}, {row['seats']} seats, ${number(row['mrr_amount'])} a month"
    renews = f"auto-renew {'on' if _yes(row['auto_renew_flag']) else 'off'}"
    started = f"Subscription started: {what}, billed {row['billing_frequency']}{_trial(row)}, {renews}."
    yield make_event(_date(row["start_date"]), 0, "subscription", started, amount=monthly)
    if row["end_date"]:
        yield make_event(_date(row["end_date"]), 0, "subscription", f"Subscription ended: {what}.", amount=-monthly)


def _ticket(row: Record) -> Event:
    text = (
        f"{row['priority']} priority ticket: first response after {number(row['first_response_time_minutes'])} min, "
        f"solved in {number(row['resolution_time_hours'])} h{', escalated' if _yes(row['escalation_flag']) else ''}, "
    )
    score = row["satisfaction_score"]
    text += f"satisfaction {number(score)}/5." if score else "no satisfaction score."
    return make_event(
        _date(row["submitted_at"]), 0, "support_ticket", text, **({"rating": float(score)} if score else {})
    )


def _cancelled(row: Record) -> Event:
    refund = float(row["refund_amount_usd"] or 0)
    text = f"Cancelled, reason code {row['reason_code']}"
    text += f', feedback: "{row["feedback_text"]}"' if row["feedback_text"] else ""
    text += f", refund ${number(row['refund_amount_usd'])}" if refund else ""
    text += " (had come back before)." if _yes(row["is_reactivation"]) else "."
    return make_event(_date(row["churn_date"]), 0, "cancellation", text, amount=-refund)


def _used(month: str, rows: Sequence[Record]) -> Event:
    year, of_year = int(month[:4]), int(month[5:])
    last = date(year, of_year, monthrange(year, of_year)[1])
    features = len({row["feature_name"] for row in rows})
    actions, errors = (sum(int(row[of]) for row in rows) for of in ("usage_count", "error_count"))
    hours = sum(float(row["usage_duration_secs"]) for row in rows) / 3600
    text = f"{month}: {len(rows)} usage sessions of {features} features, {actions} actions, "
    text += f"{hours:.1f} h, {errors} errors."
    return make_event(last, 23, "usage", text)
