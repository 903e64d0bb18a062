"""Run by Alembic: applies migrations on the connection that it gets from `migrating`."""

from alembic import context

from churn_agent.history.tables import metadata

context.configure(connection=context.config.attributes["connection"], target_metadata=metadata, render_as_batch=True)
with context.begin_transaction():
    context.run_migrations()
