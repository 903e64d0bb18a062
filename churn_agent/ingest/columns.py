"""What the columns of a file mean: by their common names, or by a mapping file."""

from collections.abc import Mapping, Sequence
from pathlib import Path

from pydantic import BaseModel, ConfigDict

from churn_agent import strict_yaml
from churn_agent.errors import DataError
from churn_agent.ingest.readers import header_name

COMMON_NAMES: Mapping[str, tuple[str, ...]] = {
    "customer_id": ("customer_id", "customer", "customerid", "client_id", "account_id", "user_id", "member_id"),
    "occurred_at": ("occurred_at", "timestamp", "time", "datetime", "date", "created_at", "sent_at"),
    "text": ("text", "message", "body", "content", "comment", "description", "review"),
    "channel": ("channel", "source", "type", "event"),
    "direction": ("direction",),
    "author": ("author", "sender", "from", "agent"),
    "amount": ("amount", "total", "price", "value"),
    "as_of": ("as_of", "cutoff", "snapshot_date"),
    "churned": ("churned", "churn", "label", "is_churn"),
    "horizon_days": ("horizon_days", "horizon"),
}
INTERACTION_FIELDS = ("customer_id", "occurred_at", "channel", "direction", "author", "text", "amount")
INTERACTION_NEEDS = ("customer_id", "occurred_at", "text")
LABEL_FIELDS = LABEL_NEEDS = ("customer_id", "as_of", "churned")


class ColumnMapping(BaseModel):
    """A mapping file: which column holds which of our fields."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    columns: dict[str, str]
    """Our field -> the file's column."""
    defaults: dict[str, str] = {}
    """Our field -> the value where the file has no such column."""


def load_mapping(path: Path) -> ColumnMapping:
    """Raises `FileFormatError` for a file that is no mapping, `DataError` for a field that we do not have."""
    mapping = strict_yaml.load(path, ColumnMapping)
    unknown = sorted((set(mapping.columns) | set(mapping.defaults)) - set(COMMON_NAMES))
    if unknown:
        raise DataError(f"{path}: unknown field {unknown[0]!r}; fields are {', '.join(COMMON_NAMES)}")
    return mapping


def assign(
    header: Sequence[str], fields: Sequence[str], needs: Sequence[str], path: Path, mapping: ColumnMapping | None = None
) -> dict[str, str]:
    """Field -> column of the file.

    Raises:
        DataError: a needed field has no column; the message names it and the columns that were found.
    """
    found: dict[str, str] = {}
    for field in fields:
        if mapping and field in mapping.columns:
            found[field] = header_name(mapping.columns[field])
            if found[field] not in header:
                raise DataError(f"{path}: the mapping's column {mapping.columns[field]!r} is not in the file")
        else:
            column = next((name for name in COMMON_NAMES[field] if name in header and name not in found.values()), None)
            if column:
                found[field] = column
    given = mapping.defaults if mapping else {}
    missing = [field for field in needs if field not in found and field not in given]
    if missing:
        raise DataError(
            f"{path}: no column for {missing[0]!r}; the header has {', '.join(header)[:200]}. "
            f"Rename a column, or name it in a mapping file (--mapping)"
        )
    return found
