"""Schema 4, whole: stores of schemas 1 to 3 are brought to it in one step.

A store of schema 4 may lack tables that its release made only when they were first needed.
"""

from __future__ import annotations

from alembic import op
from sqlalchemy import Connection, inspect, select, text
from sqlalchemy.schema import CreateColumn, CreateIndex

from store.migrations.schema_4 import (
    CALLS_BY_ENDPOINT,
    CALLS_BY_USER,
    ENDPOINT_WINDOWS,
    RISKY_ENDPOINT_WINDOWS,
    meta,
    metadata,
)

revision = "0004"
down_revision = None


def upgrade() -> None:
    """Make the tables, columns and indexes that are missing."""
    connection = op.get_bind()
    metadata.create_all(connection)
    _add_missing_columns(connection)
    stored = connection.scalar(select(meta.c.value).where(meta.c.name == "schema_version"))
    if stored is not None and stored < 3:
        for index in (CALLS_BY_ENDPOINT, CALLS_BY_USER):  # had fewer columns, or was not there
            index.drop(connection, checkfirst=True)
            index.create(connection)
    for index in (ENDPOINT_WINDOWS, RISKY_ENDPOINT_WINDOWS):
        connection.execute(CreateIndex(index, if_not_exists=True))


def _add_missing_columns(connection: Connection) -> None:
    """Those that came with schemas 2 to 4 may be NULL or have a default."""
    for table in metadata.tables.values():
        known = {column["name"] for column in inspect(connection).get_columns(table.name)}
        for column in table.columns:
            if column.name not in known:
                definition = CreateColumn(column).compile(dialect=connection.dialect)
                connection.execute(text(f"ALTER TABLE {table.name} ADD COLUMN {definition}"))
