"""The columns of the table of scores. They are added, never renamed; a change of meaning raises `SCHEMA_VERSION`."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from datetime import date, datetime
from typing import Literal

from churn_agent.history.runs import Run
from churn_agent.reports import wording
from churn_agent.reports.portfolio import building
from churn_agent.reports.portfolio.accounts import Account, depth_of
from churn_agent.store.store import Store

SCHEMA_VERSION = 1
TABLE = "churn_scores"
KEY = ("run_id", "customer_id")
WRITTEN = "written_at"
"""The column that is not compared: a row is written when one of the others changes."""

Value = str | float | int | bool | date | datetime | None
Type = Literal["TEXT", "INTEGER", "DOUBLE PRECISION", "BOOLEAN", "DATE", "TIMESTAMP"]
Row = dict[str, Value]


@dataclass(frozen=True)
class Column:
    """A column of the table."""

    name: str
    type: Type
    meaning: str
    words: bool = False
    """Whether it holds words of customers, of the model or about the customer, which leave only on demand."""


COLUMNS: Sequence[Column] = (
    Column("run_id", "TEXT", "id of the run; key, with `customer_id`"),
    Column("customer_id", "TEXT", "id of the customer in the history"),
    Column("schema_version", "INTEGER", "version of this table's columns"),
    Column("company", "TEXT", "company of the card"),
    Column("as_of", "DATE", "last day of the data that the row rests on"),
    Column("run_at", "TIMESTAMP", "start of the run, UTC"),
    Column("status", "TEXT", "`assessed`, `screened`, `abstained` or `failed`"),
    Column("band", "TEXT", "`high`, `medium` or `low`; null without one"),
    Column("band_before", "TEXT", "band of the latest assessment at an earlier date"),
    Column(
        "score", "DOUBLE PRECISION", "score before calibration, 0 to 1; of screened customers, that of the screening"
    ),
    Column("probability", "DOUBLE PRECISION", "calibrated probability, 0 to 1; null without calibration"),
    Column("low", "DOUBLE PRECISION", "lower bound of its 95 % interval"),
    Column("high", "DOUBLE PRECISION", "upper bound"),
    Column("horizon_days", "INTEGER", "days that the number looks ahead"),
    Column("rank", "INTEGER", "place in the report of the run, 1 first"),
    Column("list", "TEXT", "`early warnings`, `notice given`, or null for neither"),
    Column("control", "BOOLEAN", "whether the customer is in the control group, which is not called"),
    Column("owner", "TEXT", "account manager"),
    Column("yearly_value", "DOUBLE PRECISION", "value in a year, in `currency`"),
    Column("value_at_risk", "DOUBLE PRECISION", "`yearly_value` times the probability, or the score without one"),
    Column("currency", "TEXT", "currency of the card; null without one"),
    Column("renewal_on", "DATE", "day on which the contract ends or renews"),
    Column("announced_on", "DATE", "day of the standing announcement to leave"),
    Column("ends_on", "DATE", "end of the contract of a customer who has given notice"),
    Column("former", "BOOLEAN", "whether they are no customer any more"),
    Column("needs_care", "BOOLEAN", "whether a person's attention comes before any sales action"),
    Column("reason_id", "TEXT", "signal or fact behind the strongest reason for churn"),
    Column("signals", "TEXT", "ids of all signals read, sorted, separated by commas"),
    Column("action_id", "TEXT", "first action of the playbook"),
    Column("due_on", "DATE", "day by which that action is due"),
    Column("model", "TEXT", "model that read the messages"),
    Column("prompt", "TEXT", "prompt, with its version"),
    Column("method", "TEXT", "trained method behind the number; null without one"),
    Column("on_withdrawn_data", "BOOLEAN", "whether an import that the row rests on was undone later"),
    Column("written_at", "TIMESTAMP", "time of the last change of this row in the table, UTC"),
    Column("reason", "TEXT", "strongest reason for churn in a sentence", words=True),
    Column("quote", "TEXT", "latest verified quote for it", words=True),
    Column("quoted_on", "DATE", "day of that quote", words=True),
)


def rows(store: Store, run: Run, *, words: bool) -> Iterator[Row]:
    """Yields a row for each customer of a run, without `written_at`.

    Args:
        store: the store of the run.
        run: the run.
        words: whether columns with words are filled; they are null otherwise.
    """
    portfolio = building.build(store, run, cards=0)
    for account in portfolio.accounts:
        row = _row(account, run, company=portfolio.card.company, currency=portfolio.card.currency or None)
        yield row if words else row | {column.name: None for column in COLUMNS if column.words}


def _row(account: Account, run: Run, *, company: str, currency: str | None) -> Row:
    record, number = account.assessment, account.assessment.churn_probability
    calibrated = number if number and number.calibrated else None
    reason = next(iter(account.risks), None)
    verified = [citation for citation in reason.citations if citation.verified] if reason else []
    quote = max(verified, key=lambda citation: citation.occurred_at, default=None)
    return {
        "run_id": run.id,
        "customer_id": record.customer_id,
        "schema_version": SCHEMA_VERSION,
        "company": company,
        "as_of": record.as_of,
        "run_at": run.created_at.replace(tzinfo=None),
        "status": depth_of(record),
        "band": record.band,
        "band_before": record.band_before,
        "score": number.raw if number else record.screening,
        "probability": calibrated.value if calibrated else None,
        "low": calibrated.low if calibrated else None,
        "high": calibrated.high if calibrated else None,
        "horizon_days": number.horizon_days if number else None,
        "rank": account.rank,
        "list": account.listed,
        "control": account.control,
        "owner": account.owner,
        "yearly_value": account.yearly_value,
        "value_at_risk": account.at_risk,
        "currency": currency,
        "renewal_on": account.renewal,
        "announced_on": record.announced.date if record.announced and record.announced.stands else None,
        "ends_on": account.ends_on,
        "former": record.former is not None,
        "needs_care": bool(record.care),
        "reason_id": reason.concept if reason else None,
        "signals": ",".join(sorted({signal.concept for signal in record.signals})) or None,
        "action_id": record.actions[0].playbook_id if record.actions else None,
        "due_on": account.due,
        "model": record.provenance.model_id,
        "prompt": record.provenance.prompt,
        "method": record.provenance.method,
        "on_withdrawn_data": record.provenance.on_withdrawn_data,
        "reason": wording.statement(reason) if reason else None,
        "quote": " ".join(quote.quote.split()) if quote else None,
        "quoted_on": quote.occurred_at.date() if quote else None,
    }
