"""Cleaned texts beside their originals, languages, and people's labels of signals."""

import sqlalchemy as sa
from alembic import op

revision = "0002"
down_revision = "0001"


def upgrade() -> None:
    op.add_column("interactions", sa.Column("original", sa.Text(), nullable=True))
    op.add_column("interactions", sa.Column("language", sa.String(length=8), nullable=True))
    op.create_table(
        "annotations",
        sa.Column("interaction_id", sa.String(length=32), nullable=False),
        sa.Column("concept", sa.String(length=64), nullable=False),
        sa.Column("shown", sa.Boolean(), nullable=False),
        sa.Column("created_at", sa.DateTime(), nullable=False),
        sa.PrimaryKeyConstraint("interaction_id", "concept"),
    )
