"""Annotations become corrections: with a number, the text that was judged, who judged it, and an analyst's approval."""

import sqlalchemy as sa
from alembic import op

revision = "0007"
down_revision = "0006"


def upgrade() -> None:
    op.create_table(
        "corrections",
        sa.Column("number", sa.Integer(), primary_key=True),
        sa.Column("interaction_id", sa.String(32), nullable=False),
        sa.Column("text_id", sa.String(32), nullable=False),
        sa.Column("concept", sa.String(64), nullable=False),
        sa.Column("shown", sa.Boolean(), nullable=False),
        sa.Column("created_at", sa.DateTime(), nullable=False),
        sa.Column("created_by", sa.Text()),
        sa.Column("approved_at", sa.DateTime()),
        sa.Column("approved_by", sa.Text()),
        sqlite_autoincrement=True,
    )
    op.create_index("corrections_by_message", "corrections", ["interaction_id", "concept"], unique=True)
    op.execute(
        "INSERT INTO corrections (interaction_id, text_id, concept, shown, created_at) "
        "SELECT a.interaction_id, i.text_id, a.concept, a.shown, a.created_at FROM annotations a "
        "JOIN interactions i ON i.id = a.interaction_id ORDER BY a.created_at, a.interaction_id, a.concept"
    )
    op.drop_table("annotations")
