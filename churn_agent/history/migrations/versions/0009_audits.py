"""Audits: cards drawn at random, with their weights, and what people marked on them."""

import sqlalchemy as sa
from alembic import op

revision = "0009"
down_revision = "0008"


def upgrade() -> None:
    op.create_table(
        "audits",
        sa.Column("audit_id", sa.String(16), primary_key=True),
        sa.Column("customer_id", sa.Text(), primary_key=True),
        sa.Column("created_at", sa.DateTime(), nullable=False),
        sa.Column("run_id", sa.String(32), nullable=False),
        sa.Column("card", sa.Integer(), nullable=False),
        sa.Column("stratum", sa.String(16), nullable=False),
        sa.Column("weight", sa.Float(), nullable=False),
        sa.Column("reasons", sa.Integer(), nullable=False),
        sa.Column("quoted", sa.JSON(), nullable=False),
        sa.Column("actions", sa.Integer(), nullable=False),
        sa.Column("marks", sa.JSON(), nullable=False),
    )
