"""Property files for the imports of HubSpot and Salesforce.

A file never has an empty cell, because targets differ in whether that clears a field. Customers without a number are
not in it, so that their fields stay as they are; nor is any field that people fill in.
"""

import csv
import io
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Literal, get_args

from churn_agent.errors import FileFormatError, InputError
from churn_agent.history.runs import Run
from churn_agent.reports import wording
from churn_agent.reports.portfolio import building
from churn_agent.reports.portfolio.accounts import Account
from churn_agent.reports.portfolio.rows import harmless
from churn_agent.store.store import Store

Crm = Literal["hubspot", "salesforce"]
CRMS: tuple[Crm, ...] = get_args(Crm)
NONE = "none"
"""Value of a property that has none; an empty cell would clear a field in one CRM and keep it in another."""


@dataclass(frozen=True)
class Property:
    """A property, with its name in each CRM."""

    hubspot: str
    salesforce: str
    type: str
    compared: bool = True
    """Whether a difference alone is a reason to write a record."""
    words: bool = False

    def name(self, crm: Crm) -> str:
        """Returns the heading of its column."""
        return self.hubspot if crm == "hubspot" else self.salesforce


PROPERTIES: Mapping[str, Property] = {
    "band": Property("Churn risk", "Churn_Risk__c", "text: high, medium, low or none"),
    "score": Property("Churn score", "Churn_Score__c", "number, 0 to 100"),
    "probability": Property("Churn probability", "Churn_Probability__c", "number, percent"),
    "notice": Property("Churn notice given", "Churn_Notice_Given__c", "checkbox: true or false"),
    "reason": Property("Churn reason", "Churn_Reason__c", "text: id of a signal or fact, or none"),
    "action": Property("Churn action", "Churn_Action__c", "text: id of an action of the playbook, or none"),
    "words": Property("Churn reason in words", "Churn_Reason_In_Words__c", "long text, or none", words=True),
    "as_of": Property("Churn assessed on", "Churn_Assessed_On__c", "date", compared=False),
}
KEYS: Mapping[Crm, str] = {"hubspot": "Record ID", "salesforce": "Id"}
"""Heading of the column that identifies a record."""


@dataclass(frozen=True)
class Change:
    """A record whose properties differ from those of the CRM."""

    key: str
    customer_id: str
    before: Mapping[str, str]
    """Heading -> value in the CRM, for the properties that differ."""
    after: Mapping[str, str]


@dataclass(frozen=True)
class PropertyFile:
    """The records to write, and the count of the others."""

    columns: Sequence[str]
    """Headings, the key first."""
    records: Sequence[Mapping[str, str]]
    changes: Sequence[Change]
    unchanged: int
    without_number: int
    """Customers who have no number in this run: their fields stay as they are."""
    without_key: int
    """Customers without the attribute that identifies them in the CRM."""
    not_there: int
    """Customers whom the export of the CRM does not have."""
    cleared: int = 0
    """Fields that the import would empty; there are none."""

    def to_csv(self) -> str:
        """Returns the file."""
        buffer = io.StringIO(newline="")
        writer = csv.writer(buffer, lineterminator="\r\n")
        writer.writerow(self.columns)
        for record in self.records:
            writer.writerow(record[name] for name in self.columns)
        return buffer.getvalue()


def property_file(
    store: Store,
    run: Run,
    crm: Crm,
    *,
    key: str | None = None,
    key_attribute: str | None = None,
    against: Path | None = None,
    words: bool = False,
) -> PropertyFile:
    """Returns the properties of a run's customers that differ from those of a CRM.

    Args:
        store: the store of the run.
        run: the run.
        crm: chooses headings.
        key: heading of the column that identifies a record; that of the CRM's own id if not given.
        key_attribute: attribute with a customer's id in the CRM; the id of the customer if not given.
        against: an export of the CRM with the key and the properties; without one, all records are written.
        words: whether reasons are written in words with their quotes, too.

    Raises:
        FileFormatError: the export has no column of that name, or two rows for one record.
        InputError: two customers have the same id in the CRM.
    """
    heading = key or KEYS[crm]
    there = _export(against, heading) if against else None
    accounts = building.build(store, run, cards=0).accounts
    numbered = [account for account in accounts if account.number is not None and not account.assessment.former]
    ids = {account.assessment.customer_id: _id_of(store, account, key_attribute) for account in numbered}
    keyed = [account for account in numbered if ids[account.assessment.customer_id]]
    names = _names(keyed, words=words)
    columns = [heading, *(PROPERTIES[name].name(crm) for name in names)]
    records: list[Mapping[str, str]] = []
    changes: list[Change] = []
    not_there, taken = 0, dict[str, str]()
    for account in sorted(keyed, key=lambda each: each.assessment.customer_id):
        customer_id = account.assessment.customer_id
        id_ = ids[customer_id]
        if taken.setdefault(id_, customer_id) != customer_id:
            raise InputError(f"{taken[id_]!r} and {customer_id!r} have the same id in the CRM, {id_!r}")
        if there is not None and id_ not in there:
            not_there += 1
            continue
        values = _values(account)
        after = {PROPERTIES[name].name(crm): values[name] for name in names}
        compared = [PROPERTIES[name].name(crm) for name in names if PROPERTIES[name].compared]
        before: Mapping[str, str] = there[id_] if there else {}
        different = [name for name in compared if not _same(before.get(name, ""), after[name])]
        if different:
            records.append({heading: id_, **after})
            was, now = ({name: of.get(name, "") for name in different} for of in (before, after))
            changes.append(Change(id_, customer_id, was, now))
    return PropertyFile(
        columns=columns,
        records=records,
        changes=changes,
        unchanged=len(keyed) - len(records) - not_there,
        without_number=len(accounts) - len(numbered),
        without_key=len(numbered) - len(keyed),
        not_there=not_there,
    )


def _id_of(store: Store, account: Account, attribute: str | None) -> str:
    assessment = account.assessment
    if attribute is None:
        return assessment.customer_id
    return store.snapshot(assessment.customer_id, as_of=assessment.as_of).attributes.get(attribute, "").strip()


def _names(accounts: Sequence[Account], *, words: bool) -> list[str]:
    """Returns the properties that every customer has."""
    calibrated = all(a.assessment.churn_probability and a.assessment.churn_probability.calibrated for a in accounts)
    return [
        name
        for name, each in PROPERTIES.items()
        if (words or not each.words) and (name != "probability" or (calibrated and accounts))
    ]


def _values(account: Account) -> Mapping[str, str]:
    record, number = account.assessment, account.number
    assert number is not None
    reason = next(iter(account.risks), None)
    return {
        "band": record.band or NONE,
        "score": f"{100 * number:.0f}",
        "probability": f"{100 * number:.0f}",
        "notice": str(bool(record.announced and record.announced.stands)).lower(),
        "reason": reason.concept if reason else NONE,
        "action": record.actions[0].playbook_id if record.actions else NONE,
        "words": str(harmless(" ".join((wording.statement(reason), *_quotes(account))))) if reason else NONE,
        "as_of": record.as_of.isoformat(),
    }


def _quotes(account: Account) -> Iterator[str]:
    for citation in account.risks[0].citations[:1]:
        if citation.verified:
            yield f'"{" ".join(citation.quote.split())}" ({citation.occurred_at:%Y-%m-%d})'


def _same(before: str, after: str) -> bool:
    try:
        return float(before) == float(after)
    except ValueError:
        return before.strip().removeprefix("'").casefold() == after.casefold()


def _export(path: Path, key: str) -> dict[str, Mapping[str, str]]:
    """Returns id -> cells of an export."""
    try:
        text = path.read_text(encoding="utf-8-sig")
    except UnicodeDecodeError as error:
        raise FileFormatError(f"{path}: not in UTF-8; export it as CSV in UTF-8") from error
    first = text.partition("\n")[0]
    reader = csv.DictReader(io.StringIO(text, newline=""), delimiter=max(",;\t", key=first.count))
    if key not in (reader.fieldnames or ()):
        raise FileFormatError(f"{path}: no column {key!r}; name the one that identifies a record with --key")
    there: dict[str, Mapping[str, str]] = {}
    for row in reader:
        id_ = (row[key] or "").strip()
        if id_ in there:
            raise FileFormatError(f"{path}:{reader.line_num}: a second row for {id_!r}")
        if id_:
            there[id_] = {name: value or "" for name, value in row.items() if isinstance(name, str)}
    return there
