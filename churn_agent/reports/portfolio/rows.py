"""The customers of a report as flat rows, for CSV, JSON Lines and tables."""

import csv
import io
import json
import re
from collections.abc import Iterator, Mapping
from datetime import date

from babel.numbers import get_decimal_symbol

from churn_agent.batch.changes import Change
from churn_agent.domain.assessment import Citation, Reason
from churn_agent.reports.language import SOURCE, current, gettext, in_period, speaking
from churn_agent.reports.portfolio import columns
from churn_agent.reports.portfolio.accounts import Account, Portfolio, depth_of
from churn_agent.reports.portfolio.phrases import TASK_STATES
from churn_agent.reports.sentences import translated

Cell = str | float | int | bool | date | None


FORMULA = ("=", "+", "-", "@", "\t", "\r")
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
    """Yields a row for each customer, in the order of the report and in the current language.

    Args:
        portfolio: the report of a run.
        changes: customer -> change of the number since another run.
    """
    for account in portfolio.accounts:
        yield _row(account, portfolio, changes.get(account.assessment.customer_id))


def to_csv(portfolio: Portfolio, changes: Mapping[str, Change], *, separator: str | None = None) -> str:
    """Returns CSV with a byte order mark and a header, for spreadsheets.

    In a language other than English, words are translated, and numbers have its decimal sign. Text that a spreadsheet
    would run as a formula, or turn into another value (`007`, `1E5`, `MAR1`, numbers of more than 15 digits), gets an
    apostrophe before it.

    Args:
        portfolio: the report of a run.
        changes: customer -> change of the number since another run.
        separator: between cells; a semicolon where the language has decimal commas, else a comma, if not given.
    """
    with speaking(portfolio.card.language) as spoken:
        decimal = get_decimal_symbol(spoken.locale)
        separator = separator or (";" if decimal == "," else ",")
        shown = columns.of(portfolio)
        buffer = io.StringIO(newline="")
        # RFC 4180 line ends; with others, the csv module would leave a lone carriage return in a text unquoted.
        writer = csv.writer(buffer, delimiter=separator, lineterminator="\r\n")
        writer.writerow(column.name if spoken.is_source else gettext(column.title) for column in shown)
        for row in rows(portfolio, changes):
            writer.writerow(harmless(row[column.name], decimal) for column in shown)
    return _BOM + buffer.getvalue()


def to_jsonl(portfolio: Portfolio, changes: Mapping[str, Change]) -> str:
    """Returns one JSON object per line, with ISO dates and unchanged values, in English whatever the language."""
    with speaking(SOURCE):
        return "".join(json.dumps(row, ensure_ascii=False, default=str) + "\n" for row in rows(portfolio, changes))


def _row(account: Account, portfolio: Portfolio, change: Change | None) -> dict[str, Cell]:
    """Returns the row of a customer, as data."""
    card, assessment = portfolio.card, account.assessment
    number = assessment.churn_probability
    calibrated = number is not None and number.calibrated
    reason = next(iter(account.risks), None)
    citation = _newest(reason)
    action = assessment.actions[0] if assessment.actions else None
    announced = assessment.announced
    return {
        "rank": account.rank,
        "call": account.call,
        "list": gettext(account.listed) if account.listed else None,
        "control": account.control,
        "customer_id": assessment.customer_id,
        "name": account.name,
        "owner": account.owner,
        "depth": gettext(depth_of(assessment)),
        "band": gettext(assessment.band) if assessment.band else None,
        "band_before": gettext(assessment.band_before) if assessment.band_before else None,
        "probability": number.shown if number and calibrated else None,
        "low": number.low if number and calibrated else None,
        "high": number.high if number and calibrated else None,
        "score": number.raw if number else assessment.screening,
        "monthly_value" if card.value_period == "month" else "yearly_value": in_period(account.yearly_value, card),
        "value_at_risk": in_period(account.at_risk, card),
        "renewal_date": account.renewal,
        "days_to_renewal": account.days_to_renewal,
        "announced_on": announced.date if announced and announced.stands else None,
        "ends_on": account.ends_on,
        "former": assessment.former is not None,
        "last_contact_by": account.last_contact.author if account.last_contact else None,
        "last_contact_on": account.last_contact.on if account.last_contact else None,
        "promise_due": assessment.promised.due if assessment.promised else None,
        "unanswered": account.unanswered or None,
        "task": account.task.number if account.task else None,
        "task_state": gettext(TASK_STATES[account.task.state]) if account.task else None,
        "task_due": account.task.due if account.task else None,
        "task_owner": account.task.owner if account.task else None,
        "reason": translated(reason.statement if reason else assessment.status_reason or "") or None,
        "quote": " ".join(citation.quote.split()) if citation else None,
        "quoted_on": citation.occurred_at.date() if citation else None,
        "action": translated(action.title) if action else None,
        "due": account.due,
        "action_id": action.playbook_id if action else None,
        "action_reason": translated(action.rationale) if action else None,
        "action_channel": translated(action.channel) if action and action.channel else None,
        "what_to_do": translated(action.what) if action and action.what else None,
        "talk_track": " ".join(map(translated, action.talk_track)) or None if action else None,
        "never_say": "; ".join(map(translated, action.never_say)) or None if action else None,
        "no_action": translated(account.no_action) if account.no_action else None,
        "change": change.total if change else None,
        **{name: change.parts[part] if change else None for part, name in columns.CHANGES.items()},
        "judgement": gettext(account.judged.verdict) if account.judged and account.judged.verdict else None,
        "decision": gettext(account.judged.decision) if account.judged and account.judged.decision else None,
        "on_withdrawn_data": assessment.provenance.on_withdrawn_data,
        "as_of": assessment.as_of,
        "horizon_days": number.horizon_days if number else None,
    }


def _newest(reason: Reason | None) -> Citation | None:
    return max(reason.citations, key=lambda citation: citation.occurred_at, default=None) if reason else None


def harmless(value: Cell, decimal: str = ".") -> Cell:
    """Returns a cell that a spreadsheet neither runs as a formula nor turns into another value; see `to_csv`."""
    if isinstance(value, float):
        return str(round(value, 4)).replace(".", decimal)
    if isinstance(value, bool):
        return gettext("yes") * value if not current().is_source else value
    return f"'{value}" if isinstance(value, str) and (value.startswith(FORMULA) or _is_changed(value)) else value


def _is_changed(text: str) -> bool:
    """Whether a spreadsheet would turn a text into a number, a date, a time or a truth value that looks different."""
    if text.strip().casefold() in _WORDS or _LIKE_DATE.fullmatch(text):
        return True
    return bool(_LIKE_NUMBER.fullmatch(text)) and not _SAFE_NUMBER.fullmatch(text)
