"""What the columns of a source mean: by their common names, or by a mapping file."""

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Annotated

from pydantic import BaseModel, ConfigDict, Field

from churn_agent.errors import DataError
from churn_agent.files import strict_yaml
from churn_agent.ingest.readers.base import header_name

COMMON_NAMES: Mapping[str, tuple[str, ...]] = {
    "customer_id": (
        "customer_id", "customer", "customerid", "client_id", "account_id", "user_id", "member_id", "userid",
        "clientid", "kunde", "kundennummer", "kunden_id",
    ),
    "occurred_at": (
        "occurred_at", "timestamp", "time", "datetime", "date", "created_at", "sent_at", "created", "ts", "event_time",
        "posted_at", "datum", "zeitpunkt",
    ),
    "text": (
        "text", "message", "body", "content", "comment", "description", "review", "review_text", "review_body", "post",
        "tweet", "caption", "nachricht",
    ),
    "channel": ("channel", "source", "type", "event", "event_type", "platform", "kanal"),
    "direction": ("direction",),
    "author": ("author", "sender", "from", "agent", "speaker", "contact", "contact_name", "username"),
    "amount": ("amount", "total", "price", "value", "betrag"),
    "as_of": ("as_of", "cutoff", "snapshot_date"),
    "churned": ("churned", "churn", "label", "is_churn"),
    "horizon_days": ("horizon_days", "horizon"),
}  # fmt: skip
INTERACTION_FIELDS = ("customer_id", "occurred_at", "channel", "direction", "author", "text", "amount")
INTERACTION_NEEDS = ("customer_id", "occurred_at", "text")
LABEL_FIELDS = LABEL_NEEDS = ("customer_id", "as_of", "churned")
_SHIPPED = Path(__file__).parent / "mappings"


class Rule(BaseModel):
    """How one kind of row becomes an interaction."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    each: str | None = None
    """List inside a JSON record: every element is an interaction, its fields stand under this name."""
    columns: dict[str, str] = {}
    """Our field -> the source's column; dots lead into JSON objects, numbers into lists."""
    defaults: dict[str, str] = {}
    """Our field -> the value where the source has none."""
    values: dict[str, dict[str, str]] = {}
    """Our field -> the source's value -> ours."""
    only: dict[str, tuple[str, ...]] = {}
    """Column -> the values of rows that are taken; others are passed over."""
    inbound_if_same: tuple[str, str] | None = None
    """Two columns: the customer wrote where they are equal, the company where they are not."""
    time_format: str | None = None
    """Format of times after `datetime.strptime`, where they are neither ISO 8601 nor seconds since 1970."""
    amount_unit: Annotated[float, Field(gt=0)] = 1.0
    """What amounts are multiplied by, such as 0.01 for cents."""


class ColumnMapping(Rule):
    """A mapping file: a rule, and others for other kinds of rows in the same source."""

    also: tuple[Rule, ...] = ()
    records: str | None = None
    """Key of the list of records in a JSON document."""
    own_domains: tuple[str, ...] = ()
    """Domains of the company's mail addresses."""
    staff: tuple[str, ...] = ()
    """Names of the company's speakers in transcripts."""

    @property
    def rules(self) -> tuple[Rule, ...]:
        """All rules, in the order in which they are tried."""
        return (self, *self.also)


def shipped_mappings() -> list[str]:
    """Names of the mapping files that come with the package."""
    return sorted(path.stem for path in _SHIPPED.glob("*.yaml"))


def load_mapping(name: Path) -> ColumnMapping:
    """A mapping file, or a shipped mapping by its name (`zendesk`).

    Raises:
        FileFormatError: the file is no mapping.
        DataError: a field that we do not have.
    """
    path = _SHIPPED / f"{name}.yaml" if str(name) in shipped_mappings() and not name.exists() else name
    mapping = strict_yaml.load(path, ColumnMapping)
    for rule in mapping.rules:
        unknown = sorted((set(rule.columns) | set(rule.defaults) | set(rule.values)) - set(COMMON_NAMES))
        if unknown:
            raise DataError(f"{path}: unknown field {unknown[0]!r}; fields are {', '.join(COMMON_NAMES)}")
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
    """Field -> column of the source.

    Args:
        complete: the header names all columns that the source has (a JSON record leaves out what is empty).

    Raises:
        DataError: a needed field has no column; the message names it and the columns that were found.
    """
    found: dict[str, str] = {}
    for field in fields:
        if rule and field in rule.columns:
            found[field] = header_name(rule.columns[field])
            if complete and found[field] not in header:
                raise DataError(f"{source}: the mapping's column {rule.columns[field]!r} is not in the file")
        else:
            column = next((name for name in COMMON_NAMES[field] if name in header and name not in found.values()), None)
            if column:
                found[field] = column
    given = rule.defaults if rule else {}
    missing = [field for field in needs if field not in found and field not in given]
    if missing:
        raise DataError(
            f"{source}: no column for {missing[0]!r}; the header has {', '.join(header)[:200]}. "
            f"Rename a column, or name it in a mapping file (--mapping)"
        )
    return found
