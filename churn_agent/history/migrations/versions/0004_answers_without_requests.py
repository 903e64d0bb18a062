"""Removes the request id of answers, which was never read: answers are found by key."""

from alembic import op

revision = "0004"
down_revision = "0003"


def upgrade() -> None:
    with op.batch_alter_table("answers") as answers:
        answers.drop_index("answers_by_request")
        answers.drop_column("request_id")
