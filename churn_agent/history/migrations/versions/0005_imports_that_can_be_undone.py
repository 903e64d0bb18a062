"""Speakers, keys and marks of interactions, and the values of each import, so that it can be undone."""

import hashlib
from collections import Counter
from datetime import UTC
from zoneinfo import ZoneInfo

import sqlalchemy as sa
from alembic import op

revision = "0005"
down_revision = "0004"
_BATCH = 5000


def upgrade() -> None:
    op.add_column("imports", sa.Column("mapping", sa.JSON()))
    op.add_column("imports", sa.Column("contents", sa.JSON()))
    op.add_column("imports", sa.Column("state", sa.String(16), nullable=False, server_default="stored"))
    for column in (
        sa.Column("speaker", sa.String(8)),
        sa.Column("key", sa.Text()),
        sa.Column("marks", sa.JSON()),
        sa.Column("import_id", sa.Integer()),
        sa.Column("position", sa.BigInteger(), nullable=False, server_default="0"),
        sa.Column("source_customer_id", sa.Text()),
    ):
        op.add_column("interactions", column)
    op.create_index("interactions_by_key", "interactions", ["key"])
    op.create_index("interactions_by_import", "interactions", ["import_id"])
    # Texts of unknown direction were read as the customer's, and stay so.
    op.execute("UPDATE interactions SET speaker = CASE WHEN direction = 'outbound' THEN 'company' ELSE 'customer' END")
    op.create_table(
        "identities",
        sa.Column("identity", sa.String(32), primary_key=True),
        sa.Column("interaction_id", sa.String(32), nullable=False),
    )
    op.create_table(
        "versions",
        sa.Column("interaction_id", sa.String(32), primary_key=True),
        sa.Column("import_id", sa.Integer(), primary_key=True),
        sa.Column("row", sa.JSON()),
    )
    op.create_index("versions_by_import", "versions", ["import_id"])
    op.create_table(
        "contributions",
        sa.Column("id", sa.Integer(), primary_key=True),
        sa.Column("import_id", sa.Integer()),
        sa.Column("kind", sa.String(16), nullable=False),
        sa.Column("customer_id", sa.Text()),
        sa.Column("as_of", sa.Date()),
        sa.Column("known_from", sa.Date()),
        sa.Column("content", sa.JSON(), nullable=False),
    )
    op.create_index("contributions_by_customer", "contributions", ["customer_id", "kind"])
    op.create_index("contributions_by_import", "contributions", ["import_id"])
    op.create_table(
        "aliases",
        sa.Column("old", sa.Text(), primary_key=True),
        sa.Column("new", sa.Text(), nullable=False),
        sa.Column("created_at", sa.DateTime(), nullable=False),
    )
    _contribute()
    _identify()


def _contribute() -> None:
    """What is stored came with imports that are not known apart, and was always known."""
    op.execute(
        "INSERT INTO contributions (kind, customer_id, content) "
        "SELECT 'attributes', customer_id, attributes FROM customers ORDER BY customer_id"
    )
    op.execute(
        "INSERT INTO contributions (kind, customer_id, as_of, content) "
        "SELECT 'label', customer_id, as_of, json_object('churned', json(iif(churned, 'true', 'false')), "
        "'horizon_days', horizon_days, 'metadata', json(metadata)) FROM labels ORDER BY customer_id, as_of"
    )
    op.execute("INSERT INTO contributions (kind, content) SELECT 'card', value FROM book WHERE key = 'card'")


def _identify() -> None:
    """Notes the identities of the rows, by which a new import recognises them (`ingest.parsing.identity`)."""
    connection = op.get_bind()
    rows = sa.table(
        "interactions",
        *map(sa.column, "id customer_id utc_offset_minutes channel author text amount".split()),
        sa.column("original"),
        sa.column("occurred_at", sa.DateTime()),
    )
    identities = sa.table("identities", sa.column("identity"), sa.column("interaction_id"))
    card = connection.scalar(sa.text("SELECT json_extract(value, '$.time_zone') FROM book WHERE key = 'card'"))
    zone = ZoneInfo(card or "UTC")
    counts: Counter[bytes] = Counter()
    new: list[dict[str, str]] = []
    for row in connection.execute(sa.select(rows).order_by(rows.c.id)).mappings():
        at = row["occurred_at"].replace(tzinfo=UTC)
        local = at.astimezone(zone)
        offset = local.utcoffset()
        naive = offset is not None and offset.total_seconds() // 60 == row["utc_offset_minutes"]
        written = (local if naive else at).replace(tzinfo=None).isoformat()
        text = row["original"] if row["original"] is not None else row["text"]
        more = () if text.strip() else (row["channel"], row["amount"])
        content = ascii((row["customer_id"], written, row["author"], text, *more))
        digest = hashlib.sha256(content.encode()).digest()[:16]
        counts[digest] += 1
        identity = hashlib.sha256(digest + str(counts[digest]).encode()).hexdigest()[:32]
        new.append({"identity": identity, "interaction_id": row["id"]})
    for start in range(0, len(new), _BATCH):
        connection.execute(identities.insert(), new[start : start + _BATCH])
