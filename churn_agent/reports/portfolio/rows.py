"""The customers of a report as flat rows: CSV, JSON Lines, and what tables are filled from."""

import csv
import io
import json
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
    """A column of the rows."""

    name: str
    kind: Literal["text", "number", "share", "money", "date", "flag"]
    says: str


_PARTS = {part: f"change_{part.replace(' ', '_')}" for part in PARTS}
COLUMNS: Sequence[Column] = (
    Column("rank", "number", "place in the report, the most at risk first"),
    Column("call", "flag", "comes within what can be called before the next report"),
    Column("control", "flag", "drawn by lot to be left alone, so that calling can be judged"),
    Column("customer_id", "text", "as in the data"),
    Column("owner", "text", "who looks after the customer"),
    Column("depth", "text", "assessed, screened, abstained or failed"),
    Column("band", "text", "low, medium or high risk"),
    Column("band_before", "text", "of the customer's latest assessment at an earlier date"),
    Column("probability", "share", "of churn within the horizon; empty unless calibrated"),
    Column("low", "share", "lower bound of its interval"),
    Column("high", "share", "upper bound of its interval"),
    Column("score", "share", "uncalibrated: it ranks, and is no probability"),
    Column("yearly_value", "money", "what the customer is worth a year"),
    Column("value_at_risk", "money", "yearly value times probability (or score)"),
    Column("renewal_date", "date", "when the contract ends or is renewed"),
    Column("days_to_renewal", "number", "from the day of the assessment on"),
    Column("reason", "text", "what speaks most for churn"),
    Column("quote", "text", "the customer's own words for it, verified"),
    Column("quoted_on", "date", "when they said so"),
    Column("action", "text", "what to do first"),
    Column("action_id", "text", "its id in the playbook"),
    Column("action_reason", "text", "why"),
    Column("action_channel", "text", "by which way"),
    Column("never_say", "text", "what must not be said or promised with it"),
    Column("change", "share", "of the number since the run that the report was held against; its parts add up to it"),
    *(Column(name, "share", f"part of the change: {part}") for part, name in _PARTS.items()),
    Column("judgement", "text", "what an account manager said of it: agree, disagree, already known"),
    Column("decision", "text", "what they decided: an action of the playbook, none or other"),
    Column("as_of", "date", "the day that was judged at"),
    Column("horizon_days", "number", "days that the assessment looks ahead"),
)
_FORMULA = ("=", "+", "-", "@", "\t", "\r")
"""What a spreadsheet takes for the beginning of a formula (OWASP: CSV injection)."""


def rows(portfolio: Portfolio, changes: Mapping[str, Change]) -> Iterator[Mapping[str, Cell]]:
    """A row for each customer, in the order of the report.

    Args:
        changes: customer -> what moved their number since another run.
    """
    for account in portfolio.accounts:
        yield _row(account, changes.get(account.assessment.customer_id))


def to_csv(portfolio: Portfolio, changes: Mapping[str, Change]) -> str:
    """With a header; text that a spreadsheet would run as a formula gets an apostrophe before it."""
    written = io.StringIO(newline="")
    # Lines end as RFC 4180 has it; with another end, the module would leave a lone carriage return in text unquoted.
    writer = csv.DictWriter(written, [column.name for column in COLUMNS], lineterminator="\r\n")
    writer.writeheader()
    for row in rows(portfolio, changes):
        writer.writerow({name: _harmless(value) for name, value in row.items()})
    return written.getvalue()


def to_jsonl(portfolio: Portfolio, changes: Mapping[str, Change]) -> str:
    """A row a line, dates as ISO dates, nothing changed."""
    return "".join(json.dumps(row, ensure_ascii=False, default=str) + "\n" for row in rows(portfolio, changes))


def _row(account: Account, change: Change | None) -> dict[str, Cell]:
    assessment = account.assessment
    number = assessment.churn_probability
    calibrated = number is not None and number.calibrated
    reason = next(iter(account.risks), None)
    citation = _newest(reason)
    action = assessment.actions[0] if assessment.actions else None
    return {
        "rank": account.rank,
        "call": account.call,
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
        "as_of": assessment.as_of,
        "horizon_days": number.horizon_days if number else None,
    }


def _newest(reason: Reason | None) -> Citation | None:
    return max(reason.citations, key=lambda each: each.occurred_at, default=None) if reason else None


def _harmless(value: Cell) -> Cell:
    if isinstance(value, float):
        return round(value, 4)
    return f"'{value}" if isinstance(value, str) and value.startswith(_FORMULA) else value
