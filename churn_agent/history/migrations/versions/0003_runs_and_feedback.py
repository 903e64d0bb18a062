"""Results of runs, plans of calls, and feedback of account managers."""

import sqlalchemy as sa
from alembic import op

revision = "0003"
down_revision = "0002"


def upgrade() -> None:
    op.add_column("runs", sa.Column("updated_at", sa.DateTime(), nullable=True))
    op.add_column("runs", sa.Column("summary", sa.JSON(), nullable=True))
    op.create_table(
        "feedback",
        sa.Column("id", sa.Integer(), primary_key=True),
        sa.Column("created_at", sa.DateTime(), nullable=False),
        sa.Column("run_id", sa.String(length=32), nullable=True),
        sa.Column("customer_id", sa.Text(), nullable=False),
        sa.Column("as_of", sa.Date(), nullable=False),
        sa.Column("verdict", sa.String(length=16), nullable=True),
        sa.Column("decision", sa.Text(), nullable=True),
        sa.Column("note", sa.Text(), nullable=True),
    )
    op.create_table(
        "assignments",
        sa.Column("run_id", sa.String(length=32), primary_key=True),
        sa.Column("customer_id", sa.Text(), primary_key=True),
        sa.Column("as_of", sa.Date(), nullable=False),
        sa.Column("arm", sa.String(length=8), nullable=False),
        sa.Column("drawn", sa.Boolean(), nullable=False),
    )
    op.create_index("feedback_by_customer", "feedback", ["customer_id", "as_of"])
