"""When and how customers left, the text of attributes as given, and measurements."""

import sqlalchemy as sa
from alembic import op

revision = "0006"
down_revision = "0005"


def upgrade() -> None:
    for column in (
        sa.Column("left_on", sa.Date()),
        sa.Column("notice_on", sa.Date()),
        sa.Column("kind", sa.String(16)),
        sa.Column("amount", sa.Float()),
        sa.Column("voluntary", sa.Boolean()),
    ):
        op.add_column("labels", column)
    op.add_column("contributions", sa.Column("original", sa.JSON()))
    op.create_table(
        "measurements",
        sa.Column("id", sa.Integer(), primary_key=True),
        sa.Column("customer_id", sa.Text(), nullable=False),
        sa.Column("source_customer_id", sa.Text(), nullable=False),
        sa.Column("at", sa.DateTime(), nullable=False),
        sa.Column("day", sa.Integer(), nullable=False),
        sa.Column("metric", sa.Text(), nullable=False),
        sa.Column("value", sa.Float(), nullable=False),
        sa.Column("person", sa.Text(), nullable=False, server_default=""),
        sa.Column("seats", sa.Float()),
        sa.Column("key", sa.Text(), nullable=False, server_default=""),
        sa.Column("import_id", sa.Integer()),
        sa.Column("superseded_by", sa.Integer()),
    )
    op.create_index("measurements_by_customer", "measurements", ["customer_id", "metric", "day"])
    op.create_index("measurements_by_metric", "measurements", ["metric", "day"])
