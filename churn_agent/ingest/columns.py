"""Maps the columns of a source to fields, by common names or a mapping file."""

import json
import re
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Annotated, Literal

from pydantic import AfterValidator, AliasChoices, BaseModel, ConfigDict, Field

from churn_agent.domain.snapshot import known_zone
from churn_agent.errors import DataError
from churn_agent.files import strict_yaml
from churn_agent.ingest.readers.base import header_name

COMMON_NAMES: Mapping[str, tuple[str, ...]] = {
    "interaction_id": (
        "interaction_id", "message_id", "comment_id", "ticket_comment_id", "event_id", "review_id", "post_id",
        "tweet_id",
    ),
    "customer_id": (
        "customer_id", "customer", "customerid", "client_id", "account_id", "user_id", "member_id", "userid",
        "clientid", "kunde", "kundennummer", "kunden_id", "customer_no", "customer_number", "client_no", "kundennr",
        "kundennr.", "kunden_nr", "kunden_nr.",
    ),
    "occurred_at": (
        "occurred_at", "timestamp", "time", "datetime", "date", "created_at", "sent_at", "created", "ts", "event_time",
        "posted_at", "datum", "zeitpunkt", "call_time", "called_at", "sent", "gesendet", "gesendet_am",
        "erstellt_am", "zeit", "created_time", "create_time", "createtime", "created_date", "createddate",
        "createddatetime", "created_on", "date_created", "date_sent", "submitted_at", "received_at",
    ),
    "text": (
        "text", "message", "body", "content", "comment", "description", "review", "review_text", "review_body", "post",
        "tweet", "caption", "nachricht", "notes", "note", "notiz", "notizen",
    ),
    "channel": ("channel", "source", "type", "event", "event_type", "platform", "kanal"),
    "direction": ("direction", "richtung"),
    "speaker": (
        "speaker", "speaker_role", "author_role", "author_type", "sender_role", "sender_type", "from_role", "from_type",
        "role", "rolle",
    ),
    "author": ("author", "sender", "from", "speaker", "contact", "contact_name", "username"),
    "subject": ("subject", "title", "summary", "headline", "review_title", "ticket_subject", "betreff", "titel"),
    "currency": ("currency", "currency_code", "waehrung", "währung"),
    "amount": (
        "amount", "total", "price", "value", "betrag", "amount_eur", "amount_usd", "amount_gbp", "amount_chf",
        "betrag_eur", "betrag_chf",
    ),
    "occurred_at_time": ("time_of_day", "uhrzeit", "zeit"),
    "due_at": (
        "due_at", "due_date", "due_on", "due", "payment_due", "payable_by", "fällig_am", "faellig_am", "fällig",
        "faellig", "fälligkeit", "faelligkeit", "fälligkeitsdatum", "faelligkeitsdatum", "zahlbar_bis",
    ),
    "paid_at": (
        "paid_at", "paid_on", "paid_date", "date_paid", "payment_date", "payment_received", "bezahlt_am", "gezahlt_am",
        "beglichen_am", "zahlungsdatum", "zahlungseingang",
    ),
    "payment_status": (
        "payment_status", "payment_state", "invoice_status", "bill_status", "paid_status", "zahlungsstatus",
        "zahlstatus", "rechnungsstatus", "status", "state", "zustand",
    ),
    "updated_at": (
        "updated_at", "last_updated", "last_updated_at", "last_modified", "last_modified_at", "last_modified_date",
        "lastmodifieddate", "modified_at", "modified_on", "modified", "updated", "geändert_am", "geaendert_am",
        "zuletzt_geändert", "letzte_änderung",
    ),
    "known_from": ("known_from",),
    "as_of": ("as_of", "cutoff", "snapshot_date", "stichtag"),
    "churned": ("churned", "churn", "label", "is_churn"),
    "horizon_days": ("horizon_days", "horizon"),
    "left_on": (
        "left_on", "left_at", "churned_on", "churned_at", "churn_date", "lost_on", "austritt", "austritt_am",
        "austrittsdatum", "gekündigt_zum", "gekuendigt_zum",
    ),
    "notice_on": (
        "notice_on", "notice_at", "notice_date", "notice_given_on", "kündigung_am", "kuendigung_am", "gekündigt_am",
        "gekuendigt_am",
    ),
    "kind": ("kind", "outcome_kind", "outcome_type", "churn_kind"),
    "change_amount": ("amount", "change_amount", "arr_change", "mrr_change", "lost_amount"),
    "measured_at": (
        "measured_at", "measured_on", "timestamp", "time", "datetime", "date", "day", "week", "week_start",
        "week_of", "week_end", "week_ending", "month", "month_start", "month_end", "period", "period_start",
        "period_end", "quarter", "year", "occurred_at", "created_at", "datum", "tag", "woche", "monat", "quartal",
        "jahr",
    ),
    "metric": ("metric", "metric_name", "measure", "measurement", "kpi", "kennzahl"),
    "metric_value": ("metric_value", "value", "count", "quantity", "amount", "wert"),
    "person": ("person", "contact", "user", "user_id", "member_id", "email"),
    "seats": ("seats", "licences", "licenses", "seat_count", "lizenzen"),
    "measurement_id": ("measurement_id", "event_id", "row_id"),
    "old": ("old", "old_id", "from", "alias", "merged_id", "duplicate", "duplicate_id"),
    "new": ("new", "new_id", "to", "customer_id", "master_id", "merged_into"),
    "voluntary": ("voluntary", "is_voluntary", "churn_type"),
}  # fmt: skip
_LIKELY: Mapping[str, Sequence[str]] = {
    "customer_id": """distinct customer client account kunde requester contact email mail reporter respondent reviewer
        user member person from sender author""".split(),
    "occurred_at": "created create sent submitted posted received date time start datum zeit".split(),
    "text": "text message comment body content description answer feedback review why note words".split(),
    "measured_at": "date day time week month datum".split(),
}
"""Field -> words with which names of its columns often begin, likeliest first; used in messages only."""
INTERACTION_FIELDS = (
    "customer_id", "occurred_at", "text", "channel", "direction", "speaker", "author", "subject", "amount", "currency",
    "occurred_at_time", "interaction_id", "due_at", "paid_at", "payment_status", "updated_at",
)  # fmt: skip
INTERACTION_NEEDS = ("customer_id", "occurred_at", "text")
"""A subject can replace the text; records need none."""
LABEL_FIELDS = (
    "customer_id", "as_of", "churned", "horizon_days", "left_on", "notice_on", "kind", "change_amount", "voluntary",
)  # fmt: skip
MEASUREMENT_FIELDS = ("customer_id", "measured_at", "metric", "metric_value", "person", "seats", "measurement_id")
Table = Literal["interactions", "customers", "labels", "measurements", "aliases"]
"""A kind of data; also the name of its sheet, or of its table in a database."""
_DAYS = ("date", "datum")
_SHIPPED = Path(__file__).parent / "mappings"


class Sides(BaseModel):
    """Columns that tell whose person the author of a row is."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    author: tuple[str, ...]
    """Columns with the author's id, name or address; also compared with the list of staff."""
    role: str | None = None
    """Column with the author's role; `values.speaker` says what its words mean."""
    customer: tuple[str, ...] = ()
    """Columns with ids of the customer's people, one or a list."""
    company: tuple[str, ...] = ()
    """Columns with ids of the company's people."""


class Lookup(BaseModel):
    """A list beside the records, such as users: in the same document, or in a file of its name beside the source."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    records: str | None = None
    """Key of the list in the document, if it is not the lookup's name."""
    key: str = "id"
    """Field that identifies an entry."""


class Rule(BaseModel):
    """Turns one kind of row into an interaction."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    each: str | None = None
    """List inside a JSON record; each element is an interaction, and its fields have this prefix."""
    columns: dict[str, str | None] = {}
    """Our field -> the source's column (null: none); dots select inside JSON objects, numbers inside lists."""
    exact: bool = False
    """Whether only the columns named here count; otherwise columns with common names are taken, too."""
    defaults: dict[str, str] = {}
    """Our field -> the value if the source has none."""
    values: dict[str, dict[str, str]] = {}
    """Our field -> the source's value -> ours."""
    only: dict[str, tuple[str, ...]] = {}
    """Column -> values of the rows to import; other rows are skipped."""
    unless: dict[str, tuple[str, ...]] = {}
    """Column -> values of rows that are not imported."""
    ignore: tuple[str, ...] = ()
    """Columns that are not kept (`*` matches anything): those that change after the fact, such as a status."""
    sides: Sides | None = None
    """Who the author is, where no column says it in one word."""
    notes_by_staff: bool | None = None
    """Whether texts are notes that the company's people wrote about a call or a visit; `direction` then says
    who called. If not given, the names of the columns tell it for calls."""
    inbound_if_same: tuple[str, str] | None = None
    """Two columns: if they are equal, the customer is the author, otherwise the company."""
    time_format: str | None = None
    """Format of times for `datetime.strptime`."""
    day_first: bool | None = None
    """Whether 01/02/2026 is the first of February; asked for if the column does not say."""
    decimal: Literal[".", ","] | None = None
    """The decimal mark of amounts; asked for if the column does not say."""
    amount_unit: Annotated[float, Field(gt=0)] | Literal["minor"] = 1.0
    """Factor for amounts, such as 0.01 for cents; `minor` for the smallest unit of the row's currency (ISO 4217)."""


class ColumnMapping(Rule):
    """A mapping file: a rule, and further rules for other kinds of rows in the same source."""

    also: tuple[Rule, ...] = ()
    attributes: dict[str, str | None] = {}
    """Customer attribute -> its column in the file of attributes, such as `contract: Laufzeit`, or a text with values
    (`{term} months`); null if the file has none and `defaults` has the value."""
    lookups: dict[str, Lookup] = {}
    """Lists in which columns such as `users[author_id].role` look values up."""
    records: str | None = None
    """Key of the list of records in a JSON document."""
    source: str | None = None
    """Name of the source, before its keys: two sources with the same keys need different names."""
    encoding: str | dict[Table, str] | None = None
    """Encoding of text files, such as cp1252; or kind of data -> its encoding, as in `{customers: cp1252}`."""
    sheet: str | dict[Table, str] | None = None
    """Sheet of a workbook; or kind of data -> its sheet."""
    time_zone: Annotated[str, AfterValidator(known_zone)] | None = None
    """Time zone of times without an offset; the book's if not given."""
    own: Annotated[tuple[str, ...], Field(validation_alias=AliasChoices("own", "own_domains"))] = ()
    """The company's mail addresses and domains: `support@acme.example`, `@acme.example`."""
    staff: tuple[str, ...] = ()
    """Names or addresses of the company's people."""
    machines: tuple[str, ...] = ()
    """Names, addresses or domains of the company's programs: `bot@acme.example`; they precede `own` and `staff`."""
    whole_ids: bool | None = None
    """Whether the customer 1001.0 is 1001; asked for if both occur."""
    unknown_is: Literal["customer", "company", "unknown"] | None = None
    """Author to assume when no column names one."""
    measured_over: Literal["day", "week", "month", "quarter", "year"] | None = None
    """What a date in a file of measurements stands for; found from its column if not given."""
    file_name: str | None = None
    """Pattern of the names of transcripts, such as `{customer_id}_{date}`."""

    @property
    def rules(self) -> tuple[Rule, ...]:
        """All rules, in the order in which they are tried."""
        return (self, *self.also)


def shipped_mappings() -> list[str]:
    """Returns the names of the mapping files in the package."""
    return sorted(path.stem for path in _SHIPPED.glob("*.yaml"))


def load_mapping(name: Path) -> ColumnMapping:
    """Loads a mapping file, or a shipped mapping by name (`zendesk`).

    Raises:
        FileFormatError: the file is not a mapping.
        DataError: the mapping has an unknown field.
    """
    shipped = str(name) in shipped_mappings() and not name.exists()
    path = _SHIPPED / f"{name}.yaml" if shipped else name
    mapping = strict_yaml.load(path, ColumnMapping)
    if shipped and mapping.source is None:
        mapping = mapping.model_copy(update={"source": str(name)})
    for attribute, column in mapping.attributes.items():
        if column is None and attribute not in mapping.defaults:
            raise DataError(
                f"{path}: attributes: {{{attribute}: null}} has no value; add defaults: {{{attribute}: VALUE}}"
            )
    for rule in mapping.rules:
        unknown = sorted(set(rule.columns) - set(COMMON_NAMES))
        unknown += sorted((set(rule.defaults) | set(rule.values)) - {*COMMON_NAMES, *mapping.attributes})
        if unknown:
            raise DataError(
                f"{path}: unknown field {unknown[0]!r}; fields are {', '.join(COMMON_NAMES)}; "
                f"to import an attribute, write attributes: {{{unknown[0]}: COLUMN}}"
            )
    return mapping


def assign(
    header: Sequence[str],
    fields: Sequence[str],
    needs: Sequence[str],
    source: object,
    rule: Rule | None = None,
    *,
    complete: bool = True,
) -> dict[str, str]:
    """Maps fields to columns of the source.

    Args:
        header: names of the columns.
        fields: fields to map.
        needs: fields that must have a column or a default.
        source: name of the source for error messages.
        rule: rule of the mapping.
        complete: whether the header names all columns of the source (a JSON record may omit empty ones).

    Raises:
        DataError: a needed field has no column; the message names the field and the columns of the source.
    """
    columns: dict[str, str] = {}
    for field in fields:
        if rule and field in rule.columns:
            mapped = rule.columns[field]
            if not mapped:
                continue
            columns[field] = header_name(mapped)
            if complete and columns[field] not in header:
                raise DataError(f"{source}: the mapping's column {mapped!r} is not in the file")
        elif not (rule and rule.exact):
            column = next(
                (name for name in COMMON_NAMES[field] if name in header and name not in columns.values()), None
            )
            if column:
                columns[field] = column
    if (
        "occurred_at_time" in fields
        and "occurred_at_time" not in columns
        and not (rule and "occurred_at" in rule.columns)
    ):
        day = next((name for name in _DAYS if name in header and name not in columns.values()), None)
        if day and columns.get("occurred_at") == "time":  # a date, and the time of day beside it
            columns |= {"occurred_at": day, "occurred_at_time": "time"}
    defaults = rule.defaults if rule else {}
    missing = [field for field in needs if field not in columns and field not in defaults]
    if "subject" in columns and "text" in missing:
        columns["text"] = columns.pop("subject")
        missing.remove("text")
    if missing:
        taken = {columns.get(field) for field in needs}
        raise DataError(_no_column(source, missing, [name for name in header if name not in taken], header))
    return columns


def _no_column(source: object, missing: Sequence[str], free: Sequence[str], header: Sequence[str]) -> str:
    """Returns what is missing, and the line of a mapping with the columns that may be meant."""
    likely: dict[str, str] = {}
    for field in missing:
        name = next((name for word in _LIKELY.get(field, ()) for name in free if _has_word(name, word)), None)
        if name and name not in likely.values():
            likely[field] = name
    such = ", ".join(f"{field}: {_in_yaml(name)}" for field, name in likely.items())
    how = f", such as columns: {{{such}}}" if such else ""
    if any("." in name for name in header):
        how += "; with dots for what is nested, as in columns: {text: comments.body}"
    records = "; records need none: defaults: {channel: invoice}" if "text" in missing else ""
    names = ", ".join(repr(field) for field in missing)
    return (
        f"{source}: no column for {names}; the header has {', '.join(header)[:200]}. "
        f"Rename a column, or map it in a mapping file (--mapping{how}{records})"
    )


def _has_word(name: str, word: str) -> bool:
    """Whether a part of a column's name begins with a word; a name that reads as an expression has none."""
    return not set("|[{").intersection(name) and any(part.startswith(word) for part in re.split(r"[\W_]+", name))


def _in_yaml(name: str) -> str:
    return name if re.fullmatch(r"\w[\w. -]*", name) else json.dumps(name, ensure_ascii=False)
