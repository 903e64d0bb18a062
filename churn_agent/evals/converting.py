"""Turns public data sets, in the form they were published in, into cases of a labelled set.

Converters put fields into words and add nothing; they leave out what tells the outcome. Where one draws a sample, the
seed is fixed.
"""

import random
import re
from calendar import monthrange
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import UTC, date, datetime, timedelta
from hashlib import sha256
from pathlib import Path

from lxml.etree import XMLSyntaxError, iterparse

from churn_agent.errors import FileFormatError
from churn_agent.ingest.readers.base import as_text
from churn_agent.ingest.sources import Source, open_rows

Originals = Mapping[str, Path]
"""Address on the card -> the file that came from there, in the order of the card."""
Event = dict[str, object]
"""A row of `interactions` without its customer."""


@dataclass(frozen=True)
class Case:
    """A customer of a set, a date, what is known up to it and what came of it."""

    customer_id: str
    as_of: date
    churned: bool
    events: Sequence[Event]
    attributes: Mapping[str, object] = field(default_factory=dict)


Converter = Callable[[Originals], Iterator[Case]]


# --- rows of originals, and of a set


def _event(day: date, hour: int, channel: str, text: str, **more: object) -> Event:
    return {"timestamp": f"{day}T{hour:02}:00:00", "channel": channel, "text": text, **more}


class _Record(dict[str, str]):
    """A row of an original; a column that it should have and has not is an error."""

    def __missing__(self, column: str) -> str:
        raise FileFormatError(f"there is no column {column!r} among {', '.join(self)[:200]}")


def _rows(path: Path) -> Iterator[_Record]:
    for row in open_rows(Source(str(path), path=path), None, ()):
        if row.problem:
            raise FileFormatError(f"{path}:{row.line}: {row.problem}")
        yield _Record({_column(name): cell.strip() for name, cell in row.values.items()})


def _column(name: str) -> str:
    """`Curricular units 1st sem (credited)` -> `curricular_units_1st_sem_credited`."""
    return re.sub(r"[^a-z0-9]+", "_", re.sub(r"['’]", "", name.casefold())).strip("_")


def _only(originals: Originals) -> Path:
    [path] = originals.values()
    return path


def _without(row: _Record, *beginnings: str) -> dict[str, str]:
    return {name: cell for name, cell in row.items() if not name.startswith(beginnings)}


def _number(cell: str) -> str:
    """As people write it: `3128.0` is `3128`."""
    return as_text(float(cell))


def _months_before(day: date, months: int) -> date:
    year, month = divmod(day.year * 12 + day.month - 1 - months, 12)
    return date(year, month + 1, min(day.day, monthrange(year, month + 1)[1]))


def _one_of(cell: str, churned: str, *stayed: str) -> bool:
    if cell not in (churned, *stayed):
        raise ValueError(f"{cell!r} is none of {', '.join((churned, *stayed))}")
    return cell == churned


# --- converters


def _closure_intent(originals: Originals) -> Iterator[Case]:
    """Questions to a bank: all that ask to close the account, and nine others for each of them."""
    rows = [row for path in originals.values() for row in _rows(path)]
    closing = [row for row in rows if row["category"] == "terminate_account"]
    others = [row for row in rows if row["category"] != "terminate_account"]
    if len(others) < 9 * len(closing):
        raise ValueError(f"{len(closing)} messages close an account, and {len(others)} others are too few for them")
    random_ = random.Random(0)  # noqa: S311 - no secret
    drawn = closing + random_.sample(others, 9 * len(closing))
    random_.shuffle(drawn)  # or ids would tell the outcome
    day = date(2020, 3, 10)
    for n, row in enumerate(drawn, start=1):
        event = _event(day, 0, "chat", row["text"])
        yield Case(f"bk{n:05}", day, row["category"] == "terminate_account", [event])


_EXTRAS = ("online_security", "online_backup", "device_protection", "tech_support")
_STREAMING = ("streaming_tv", "streaming_movies")


def _phone_company(originals: Originals) -> Iterator[Case]:
    """One row a customer: signup, contract and bill in words. IBM's own scores and the reasons given are left out."""
    day = date(2018, 9, 30)
    left_out = ("customerid", "count", "country", "state", "lat", "longitude", "churn", "cltv")
    for row in _rows(_only(originals)):
        services = ["phone with multiple lines" if row["multiple_lines"] == "Yes" else "phone"]
        services = services if row["phone_service"] == "Yes" else []
        services += [f"{row['internet_service']} internet"] if row["internet_service"] != "No" else []
        services += [name.replace("_", " ") for name in _EXTRAS + _STREAMING if row[name] == "Yes"]
        missing = [name.replace("_", " ") for name in _EXTRAS if row[name] == "No"]
        contract = f"Current contract: {row['contract']}. Services: {', '.join(services)}."
        contract += f" Without: {', '.join(missing)}." if missing else ""
        monthly, total = float(row["monthly_charges"]), row["total_charges"]
        so_far = f"${float(total):.2f} charged in total so far" if total else "nothing charged yet"
        paper = "paperless" if row["paperless_billing"] == "Yes" else "paper"
        bill = f"Monthly charge ${monthly:.2f}, {so_far}. Pays by {row['payment_method']}, {paper} bill."
        months = int(row["tenure_months"])
        events = [
            _event(_months_before(day, months), 9, "signup", f"Became a customer {months} month(s) ago."),
            _event(day, 10, "subscription", contract),
            _event(day, 11, "billing", bill, amount=monthly),
        ]
        churned = _one_of(row["churn_value"], "1", "0")
        yield Case(row["customerid"], day, churned, events, _without(row, *left_out))


def _card_accounts(originals: Originals) -> Iterator[Case]:
    """One row a customer: account, use, balance and contacts in words. The columns of a classifier are left out."""
    day = date(2019, 12, 31)
    for row in _rows(_only(originals)):
        months, amount, balance = int(row["months_on_book"]), row["total_trans_amt"], row["total_revolving_bal"]
        use = (
            f"Last 12 months: {row['total_trans_ct']} card transactions for {_number(amount)} in total. Fourth against "
            f"first quarter: number of transactions x{float(row['total_ct_chng_q4_q1'])}, "
            f"amount x{float(row['total_amt_chng_q4_q1'])}."
        )
        owed = (
            f"Revolving balance {_number(balance)} on a credit limit of {_number(row['credit_limit'])} "
            f"(average use {float(row['avg_utilization_ratio']):.1%})."
        )
        contacts = (
            f"{row['contacts_count_12_mon']} contact(s) with the bank in the last 12 months; inactive in "
            f"{row['months_inactive_12_mon']} of them; holds {row['total_relationship_count']} product(s)."
        )
        opened = f"Opened a {row['card_category']} card account {months} months ago."
        events = [
            _event(_months_before(day, months), 9, "account", opened),
            _event(day, 10, "transactions", use, amount=float(amount)),
            _event(day, 11, "balance", owed, amount=float(balance)),
            _event(day, 12, "contact", contacts),
        ]
        churned = _one_of(row["attrition_flag"], "Attrited Customer", "Existing Customer")
        yield Case(row["clientnum"], day, churned, events, _without(row, "clientnum", "attrition", "naive_bayes"))


_COURSES = {
    "33": "Biofuel Production Technologies",
    "171": "Animation and Multimedia Design",
    "8014": "Social Service (evening)",
    "9003": "Agronomy",
    "9070": "Communication Design",
    "9085": "Veterinary Nursing",
    "9119": "Informatics Engineering",
    "9130": "Equinculture",
    "9147": "Management",
    "9238": "Social Service",
    "9254": "Tourism",
    "9500": "Nursing",
    "9556": "Oral Hygiene",
    "9670": "Advertising and Marketing Management",
    "9773": "Journalism and Communication",
    "9853": "Basic Education",
    "9991": "Management (evening)",
}


def _students(originals: Originals) -> Iterator[Case]:
    """One row a student: enrolment, fees and the first semester in words. Nothing of the second semester is known."""
    day = date(2019, 2, 28)
    left_out = ("curricular_units_2nd", "unemployment_rate", "inflation_rate", "gdp", "target")
    for n, row in enumerate(_rows(_only(originals)), start=1):
        if row["course"] not in _COURSES:
            raise ValueError(f"{row['course']!r} is no course of the set")
        enrolment = (
            f"Enrolled in {_COURSES[row['course']]} (choice number {row['application_order']}), "
            f"{'daytime' if row['daytime_evening_attendance'] == '1' else 'evening'} classes, "
            f"aged {row['age_at_enrollment']}, admission grade {_number(row['admission_grade'])} of 200."
        )
        fees = (
            f"Tuition fees {'' if row['tuition_fees_up_to_date'] == '1' else 'NOT '}up to date; "
            f"{'owes money to the university' if row['debtor'] == '1' else 'no debts'}; "
            f"{'holds a' if row['scholarship_holder'] == '1' else 'no'} scholarship."
        )
        units = _Record({name.removeprefix("curricular_units_1st_sem_"): cell for name, cell in row.items()})
        grade = float(units["grade"])
        results = (
            f"First semester: enrolled in {units['enrolled']} course units, {units['credited']} credited, "
            f"{units['evaluations']} evaluations taken, {units['approved']} units passed, "
            f"{units['without_evaluations']} without any evaluation, mean grade {grade:.1f} of 20."
        )
        events = [
            _event(date(2018, 9, 15), 9, "enrolment", enrolment),
            _event(date(2019, 2, 15), 9, "billing", fees),
            _event(day, 9, "assessment", results, score=grade, units_passed=int(units["approved"])),
        ]
        churned = _one_of(row["target"], "Dropout", "Graduate", "Enrolled")
        yield Case(f"st{n:05}", day, churned, events, _without(row, *left_out))


_COMMUNITIES = {"clojurians": "clojure", "elmlang": "elm"}
_FOLLOW_UP = timedelta(days=60)
_FEWEST_MESSAGES = 3
_EMAIL = re.compile(r"[\w.+-]+@[\w-]+(?:\.[\w-]+)+")
_MENTION = re.compile(r"<@[^<>]+>|@(\w+)")


@dataclass(frozen=True)
class _Message:
    at: datetime
    user: str
    text: str
    conversation: str


def _chat_members(originals: Originals) -> Iterator[Case]:
    """Members who wrote three messages from 31 December to 7 April; those who then write none for 60 days have left.

    Names were made up afresh for each file, so a member is a name in a file.
    """
    for url, path in originals.items():
        *_, team, year, _ = url.split("/")
        community, day = _COMMUNITIES.get(team, team), date(int(year), 4, 7)
        messages = sorted(_messages(path), key=lambda message: message.at)
        names = {message.user for message in messages}
        later = {message.user for message in messages if day < message.at.date() <= day + _FOLLOW_UP}
        events: dict[str, list[Event]] = {}
        for message in messages:
            text = _nameless(message.text, names)
            if text and date(int(year) - 1, 12, 31) <= message.at.date() <= day:
                conversation = f"{community}{year}-{message.conversation}"
                event: Event = {"timestamp": message.at.isoformat(), "channel": "chat", "text": text}
                event |= {"community": community, "conversation_id": conversation}
                events.setdefault(message.user, []).append(event)
        for user, written in events.items():
            if len(written) >= _FEWEST_MESSAGES:
                customer = f"dev_{sha256(f'{community}{year} {user}'.encode()).hexdigest()[:10]}"
                yield Case(customer, day, user not in later, written, {"community": community})


def _messages(path: Path) -> Iterator[_Message]:
    try:
        for _, node in iterparse(str(path), tag="message", resolve_entities=False, no_network=True):
            at = datetime.fromisoformat((node.findtext("ts") or "").strip()).replace(microsecond=0)
            at = at.astimezone(UTC).replace(tzinfo=None) if at.tzinfo else at
            user, text = (node.findtext("user") or "").strip(), (node.findtext("text") or "").strip()
            if user:
                yield _Message(at, user, text, node.get("conversation_id") or "")
            node.clear()
    except XMLSyntaxError as error:
        raise FileFormatError(f"{path}: no valid XML: {error.msg}") from error


def _nameless(text: str, names: set[str]) -> str:
    """Without addresses, and without the names of those who are spoken to; `@atom` in a line of code stays."""
    text = _EMAIL.sub("[email]", text)
    return _MENTION.sub(lambda found: "@someone" if found[1] is None or found[1] in names else found[0], text)


CONVERTERS: Mapping[str, Converter] = {
    "closure_intent": _closure_intent,
    "phone_company": _phone_company,
    "card_accounts": _card_accounts,
    "students": _students,
    "chat_members": _chat_members,
}
