"""The customers of a report as flat rows, for CSV, JSON Lines and tables."""

import csv
import io
import json
import re
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import date
from typing import Literal

from churn_agent.batch.changes import PARTS, Change
from churn_agent.domain.assessment import Citation, Reason
from churn_agent.reports.portfolio.building import Account, Portfolio, depth_of

Cell = str | float | int | bool | date | None


@dataclass(frozen=True)
class Column:
    """A column of the rows; `says` describes it."""

    name: str
    kind: Literal["text", "number", "share", "money", "date", "flag"]
    says: str


_PARTS = {part: f"change_{part.replace(' ', '_')}" for part in PARTS}
COLUMNS: Sequence[Column] = (
    Column("rank", "number", "rank in the report, most at risk first"),
    Column("call", "flag", "customer to call before the next report"),
    Column("list", "text", "notice given or early warnings; empty for customers on neither list"),
    Column("control", "flag", "control group: customer who is not called, to measure the effect of calls"),
    Column("customer_id", "text", "id of the customer, as in the data"),
    Column("owner", "text", "account manager of the customer"),
    Column("depth", "text", "assessed, screened, abstained or failed"),
    Column("band", "text", "low, medium or high risk"),
    Column("band_before", "text", "band of the latest assessment at an earlier date"),
    Column("probability", "share", "probability of churn within the horizon; empty unless calibrated"),
    Column("low", "share", "lower bound of the probability"),
    Column("high", "share", "upper bound of the probability"),
    Column("score", "share", "uncalibrated score: it ranks customers and is not a probability"),
    Column("yearly_value", "money", "yearly value of the customer"),
    Column("value_at_risk", "money", "yearly value times probability (or score)"),
    Column("renewal_date", "date", "date on which the contract ends or renews"),
    Column("days_to_renewal", "number", "days from the assessment to the renewal"),
    Column("announced_on", "date", "day on which the customer announced to leave, while that stands"),
    Column("ends_on", "date", "end of the contract of a customer who has given notice, where it is known"),
    Column("former", "flag", "former customer, on no list"),
    Column("last_contact_by", "text", "who of the company wrote or spoke to the customer last"),
    Column("last_contact_on", "date", "date of that contact"),
    Column("unanswered", "number", "the customer's last messages without an answer: an open case"),
    Column("reason", "text", "strongest reason for churn"),
    Column("quote", "text", "verified quote from the customer for that reason"),
    Column("quoted_on", "date", "date of the quote"),
    Column("action", "text", "first suggested action"),
    Column("action_id", "text", "id of the action in the playbook"),
    Column("action_reason", "text", "reason for the action"),
    Column("action_channel", "text", "channel for the action"),
    Column("never_say", "text", "what not to say or promise with the action"),
    Column("change", "share", "change of the number since the run compared with; its parts add up to it"),
    *(Column(name, "share", f"part of the change: {part}") for part, name in _PARTS.items()),
    Column("judgement", "text", "account manager's judgement: agree, disagree or already known"),
    Column("decision", "text", "account manager's decision: an action of the playbook, none or other"),
    Column("on_withdrawn_data", "flag", "an import that the assessment rests on was undone"),
    Column("as_of", "date", "date of the assessment"),
    Column("horizon_days", "number", "days that the assessment looks ahead"),
)
_FORMULA = ("=", "+", "-", "@", "\t", "\r")
"""Characters that start a formula in a spreadsheet (OWASP: CSV injection)."""
_SAFE_NUMBER = re.compile(r"0|[1-9][0-9]{0,14}")
"""A number that a spreadsheet shows as it is written; it keeps 15 digits."""
_LIKE_NUMBER = re.compile(r"\s*\(?[0-9][0-9.,:/eE%() '+-]*\s*")
_MONTH = (
    "(?:jan(?:uary)?|feb(?:ruary)?|mar(?:ch)?|apr(?:il)?|may|june?|july?|aug(?:ust)?|sept?(?:ember)?|oct(?:ober)?|"
    "nov(?:ember)?|dec(?:ember)?)"
)
_LIKE_DATE = re.compile(
    rf"\s*(?:[0-9]{{1,4}}[-/. ]?{_MONTH}|{_MONTH}[-/. ]?[0-9]{{1,4}})(?:[-/. ][0-9]{{1,4}})?\s*", re.IGNORECASE
)
_WORDS = frozenset({"true", "false"})
_BOM = "\ufeff"
"""Without it, Excel reads a CSV file in the system's own encoding."""


def rows(portfolio: Portfolio, changes: Mapping[str, Change]) -> Iterator[Mapping[str, Cell]]:
    """Yields a row for each customer, in the order of the report.

    Args:
        portfolio: the report of a run.
        changes: customer -> change of the number since another run.
    """
    for account in portfolio.accounts:
        yield _row(account, changes.get(account.assessment.customer_id))


def to_csv(portfolio: Portfolio, changes: Mapping[str, Change]) -> str:
    """Returns CSV with a byte order mark and a header, for spreadsheets.

    Text that a spreadsheet would run as a formula, or turn into another value (`007`, `1E5`, `MAR1`, numbers of more
    than 15 digits), gets an apostrophe before it.
    """
    buffer = io.StringIO(newline="")
    # RFC 4180 line ends; with others, the csv module would leave a lone carriage return in a text unquoted.
    writer = csv.DictWriter(buffer, [column.name for column in COLUMNS], lineterminator="\r\n")
    writer.writeheader()
    for row in rows(portfolio, changes):
        writer.writerow({name: _harmless(value) for name, value in row.items()})
    return _BOM + buffer.getvalue()


def to_jsonl(portfolio: Portfolio, changes: Mapping[str, Change]) -> str:
    """Returns one JSON object per line, with ISO dates and unchanged values."""
    return "".join(json.dumps(row, ensure_ascii=False, default=str) + "\n" for row in rows(portfolio, changes))


def _row(account: Account, change: Change | None) -> dict[str, Cell]:
    assessment = account.assessment
    number = assessment.churn_probability
    calibrated = number is not None and number.calibrated
    reason = next(iter(account.risks), None)
    citation = _newest(reason)
    action = assessment.actions[0] if assessment.actions else None
    announced = assessment.announced
    return {
        "rank": account.rank,
        "call": account.call,
        "list": account.listed,
        "control": account.control,
        "customer_id": assessment.customer_id,
        "owner": account.owner,
        "depth": depth_of(assessment),
        "band": assessment.band,
        "band_before": assessment.band_before,
        "probability": number.shown if number and calibrated else None,
        "low": number.low if number and calibrated else None,
        "high": number.high if number and calibrated else None,
        "score": number.raw if number else assessment.screening,
        "yearly_value": account.yearly_value,
        "value_at_risk": account.at_risk,
        "renewal_date": account.renewal,
        "days_to_renewal": account.days_to_renewal,
        "announced_on": announced.date if announced and announced.stands else None,
        "ends_on": account.ends_on,
        "former": assessment.former is not None,
        "last_contact_by": account.last_contact.author if account.last_contact else None,
        "last_contact_on": account.last_contact.at.date() if account.last_contact else None,
        "unanswered": account.unanswered or None,
        "reason": reason.statement if reason else assessment.status_reason,
        "quote": " ".join(citation.quote.split()) if citation else None,
        "quoted_on": citation.occurred_at.date() if citation else None,
        "action": action.title if action else None,
        "action_id": action.playbook_id if action else None,
        "action_reason": action.rationale if action else None,
        "action_channel": action.channel if action else None,
        "never_say": "; ".join(action.never_say) if action and action.never_say else None,
        "change": change.total if change else None,
        **{name: change.parts[part] if change else None for part, name in _PARTS.items()},
        "judgement": account.judged.verdict if account.judged else None,
        "decision": account.judged.decision if account.judged else None,
        "on_withdrawn_data": assessment.provenance.on_withdrawn_data,
        "as_of": assessment.as_of,
        "horizon_days": number.horizon_days if number else None,
    }


def _newest(reason: Reason | None) -> Citation | None:
    return max(reason.citations, key=lambda citation: citation.occurred_at, default=None) if reason else None


def _harmless(value: Cell) -> Cell:
    if isinstance(value, float):
        return round(value, 4)
    return f"'{value}" if isinstance(value, str) and (value.startswith(_FORMULA) or _is_changed(value)) else value


def _is_changed(text: str) -> bool:
    """Whether a spreadsheet would turn a text into a number, a date, a time or a truth value that looks different."""
    if text.strip().casefold() in _WORDS or _LIKE_DATE.fullmatch(text):
        return True
    return bool(_LIKE_NUMBER.fullmatch(text)) and not _SAFE_NUMBER.fullmatch(text)
