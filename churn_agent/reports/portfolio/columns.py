"""The columns of the data files of a report."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Literal

from churn_agent.batch.changes import PARTS
from churn_agent.reports.language import noop
from churn_agent.reports.portfolio.accounts import Portfolio


@dataclass(frozen=True)
class Column:
    """A column of the rows; `says` describes it."""

    name: str
    """In data files."""
    kind: Literal["text", "number", "share", "money", "date", "flag"]
    title: str
    """Heading for readers."""
    says: str


CHANGES = {part: f"change_{part.replace(' ', '_')}" for part in PARTS}
_PART_TITLES = (
    noop("change by another model"),
    noop("change by another prompt"),
    noop("change by another calibration"),
    noop("change by time passed"),
    noop("change by new evidence"),
)
_CHANGE_PARTS = [
    Column(name, "share", title, noop("part of the change"))
    for name, title in zip(CHANGES.values(), _PART_TITLES, strict=True)
]
COLUMNS: Sequence[Column] = (
    Column("rank", "number", noop("rank"), noop("rank in the report, most at risk first")),
    Column("call", "flag", noop("call"), noop("customer to call before the next report")),
    Column("list", "text", noop("list"), noop("notice given or early warnings; empty for customers on neither list")),
    Column(
        "control",
        "flag",
        noop("control group"),
        noop("control group: customer who is not called, to measure the effect of calls"),
    ),
    Column("customer_id", "text", noop("customer id"), noop("id of the customer, as in the data")),
    Column("name", "text", noop("name"), noop("name of the customer")),
    Column("owner", "text", noop("owner"), noop("account manager of the customer")),
    Column("depth", "text", noop("depth"), noop("assessed, screened, abstained or failed")),
    Column("band", "text", noop("risk"), noop("low, medium or high risk")),
    Column("band_before", "text", noop("risk before"), noop("band of the latest assessment at an earlier date")),
    Column(
        "probability",
        "share",
        noop("probability"),
        noop("probability of churn within the horizon; empty unless calibrated"),
    ),
    Column("low", "share", noop("lower bound"), noop("lower bound of the probability")),
    Column("high", "share", noop("upper bound"), noop("upper bound of the probability")),
    Column("score", "share", noop("score"), noop("uncalibrated score: it ranks customers and is not a probability")),
    Column("yearly_value", "money", noop("value per year"), noop("yearly value of the customer")),
    Column("value_at_risk", "money", noop("value at risk"), noop("yearly value times probability (or score)")),
    Column("renewal_date", "date", noop("renewal"), noop("date on which the contract ends or renews")),
    Column("days_to_renewal", "number", noop("days to renewal"), noop("days from the assessment to the renewal")),
    Column(
        "announced_on",
        "date",
        noop("announced on"),
        noop("day on which the customer announced that they are leaving, while that stands"),
    ),
    Column(
        "ends_on",
        "date",
        noop("ends on"),
        noop("end of the contract of a customer who has given notice, where it is known"),
    ),
    Column("former", "flag", noop("former"), noop("former customer, on no list")),
    Column(
        "last_contact_by",
        "text",
        noop("last contact by"),
        noop("the person of the company who last wrote or spoke to the customer"),
    ),
    Column("last_contact_on", "date", noop("last contact on"), noop("date of that contact")),
    Column(
        "promise_due",
        "date",
        noop("promised for"),
        noop("date for which the company has promised something and not done it yet"),
    ),
    Column(
        "unanswered", "number", noop("open case"), noop("the customer's last messages without an answer: an open case")
    ),
    Column("task", "number", noop("risk item"), noop("number of the open risk item")),
    Column("task_state", "text", noop("state of the risk item"), noop("state of the open risk item: open or working")),
    Column("task_due", "date", noop("due day of the risk item"), noop("day by which the risk item is due")),
    Column("task_owner", "text", noop("owner of the risk item"), noop("who looks after the risk item")),
    Column("reason", "text", noop("reason"), noop("strongest reason for churn")),
    Column("quote", "text", noop("their words"), noop("verified quote from the customer for that reason")),
    Column("quoted_on", "date", noop("quoted on"), noop("date of the quote")),
    Column("action", "text", noop("action"), noop("first suggested action")),
    Column("due", "date", noop("due"), noop("day by which the action is due")),
    Column("action_id", "text", noop("action id"), noop("id of the action in the playbook")),
    Column("action_reason", "text", noop("reason for the action"), noop("the reason that the action answers")),
    Column("action_channel", "text", noop("channel"), noop("channel for the action")),
    Column("what_to_do", "text", noop("what to do"), noop("what the action consists of")),
    Column("talk_track", "text", noop("what to say"), noop("what to say with the action")),
    Column("never_say", "text", noop("what not to say"), noop("what not to say or promise with the action")),
    Column("no_action", "text", noop("no action fits"), noop("why no action is suggested to a customer to call")),
    Column(
        "change",
        "share",
        noop("change"),
        noop("change of the number since the run compared with; its parts add up to it"),
    ),
    *_CHANGE_PARTS,
    Column(
        "judgement",
        "text",
        noop("judgement"),
        noop("account manager's judgement: agree, disagree or already known"),
    ),
    Column(
        "decision",
        "text",
        noop("decision"),
        noop("account manager's decision: an action of the playbook, none or other"),
    ),
    Column(
        "on_withdrawn_data",
        "flag",
        noop("on withdrawn data"),
        noop("an import that the assessment rests on was undone"),
    ),
    Column("as_of", "date", noop("as of"), noop("date of the assessment")),
    Column("horizon_days", "number", noop("days ahead"), noop("days that the assessment looks ahead")),
)
_MONTHLY: Mapping[str, Column] = {
    "yearly_value": Column("monthly_value", "money", noop("value per month"), noop("monthly value of the customer")),
    "value_at_risk": Column(
        "value_at_risk", "money", noop("value at risk"), noop("monthly value times probability (or score)")
    ),
}


def of(portfolio: Portfolio) -> list[Column]:
    """Returns the columns of a report; the card says whether values are per year or per month."""
    own: Mapping[str, Column] = _MONTHLY if portfolio.card.value_period == "month" else {}
    return [own.get(column.name, column) for column in COLUMNS]
