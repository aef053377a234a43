"""What alembic runs: the revisions, on the connection that `store.migrations.upgrade` gives."""

from alembic import context

context.configure(connection=context.config.attributes["connection"])
with context.begin_transaction():  # the caller's: it commits or rolls back
    context.run_migrations()
