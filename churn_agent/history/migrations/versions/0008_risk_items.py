"""Risk items, and the log of each."""

import sqlalchemy as sa
from alembic import op

revision = "0008"
down_revision = "0007"


def upgrade() -> None:
    op.create_table(
        "tasks",
        sa.Column("number", sa.Integer(), primary_key=True),
        sa.Column("key", sa.String(32), nullable=False),
        sa.Column("customer_id", sa.Text(), nullable=False),
        sa.Column("previous", sa.Integer()),
        sa.Column("state", sa.String(16), nullable=False),
        sa.Column("rules", sa.JSON(), nullable=False),
        sa.Column("band", sa.String(8)),
        sa.Column("override", sa.String(8)),
        sa.Column("owner", sa.Text()),
        sa.Column("owner_set", sa.Boolean(), nullable=False),
        sa.Column("due", sa.Date()),
        sa.Column("due_set", sa.Boolean(), nullable=False),
        sa.Column("opened_on", sa.Date(), nullable=False),
        sa.Column("run_id", sa.String(32), nullable=False),
        sa.Column("as_of", sa.Date(), nullable=False),
        sa.Column("checked_on", sa.Date(), nullable=False),
        sa.Column("touched", sa.Boolean(), nullable=False),
        sa.Column("untrue_since", sa.Date()),
        sa.Column("closed_on", sa.Date()),
        sa.Column("code", sa.String(64)),
        sa.Column("exported", sa.String(16)),
        sqlite_autoincrement=True,
    )
    op.create_index("tasks_by_key", "tasks", ["key"], unique=True)
    op.create_index("tasks_by_customer", "tasks", ["customer_id"])
    op.create_table(
        "task_log",
        sa.Column("id", sa.Integer(), primary_key=True),
        sa.Column("task", sa.Integer(), nullable=False),
        sa.Column("customer_id", sa.Text(), nullable=False),
        sa.Column("at", sa.DateTime(), nullable=False),
        sa.Column("person", sa.Boolean(), nullable=False),
        sa.Column("by", sa.Text()),
        sa.Column("what", sa.String(16), nullable=False),
        sa.Column("before", sa.Text()),
        sa.Column("after", sa.Text()),
        sa.Column("code", sa.String(64)),
        sa.Column("note", sa.Text()),
    )
    op.create_index("task_log_by_task", "task_log", ["task"])
