"""Which schema a store has, and bringing it to this release's.

`meta` holds the number, which every release compares with its own before it does anything else;
alembic's table holds the same as a revision. Both change in the transaction of the migration.
"""

from __future__ import annotations

import logging
from collections.abc import Callable
from typing import Final

from sqlalchemy import Connection, PrimaryKeyConstraint, String, Table, inspect, select, update
from sqlalchemy.schema import Column

from store import audit_guard  # noqa: F401 - the triggers are made with the tables
from store.tables import SCHEMA_VERSION, meta, metadata

REVISION: Final = f"{SCHEMA_VERSION:04}"  # the newest in store/migrations/versions
_FIRST: Final = 4  # its revision is run also for its own stores, and completes older ones

_log = logging.getLogger(__name__)

_revision = Table(  # as alembic makes it
    "alembic_version",
    metadata,
    Column("version_num", String(32), nullable=False),
    PrimaryKeyConstraint("version_num", name="alembic_version_pkc"),
)


def is_current(connection: Connection, window_ms: int) -> bool:
    """Whether nothing needs to be made or migrated.

    Raises
    ------
    ValueError
        The store is of a newer release, or of another window length [ms].
    """
    if not inspect(connection).has_table(meta.name):
        return False
    found = _noted(connection)
    _refuse_another(found, window_ms)
    return found.get("schema_version") == SCHEMA_VERSION and "window_ms" in found


def bring_up_to_date(
    connection: Connection, window_ms: int, backup: Callable[[str], object]
) -> None:
    """Make the tables of an empty store, or run the migrations that it lacks.

    Parameters
    ----------
    connection : Connection
        Of `Store.begin`: all is done or nothing.
    window_ms : int
        Length of a window [ms].
    backup : callable
        Called with the revision before a migration begins; what it raises prevents the migration.

    Raises
    ------
    ValueError
        The store is of a newer release, or of another window length.
    """
    found = _noted(connection) if inspect(connection).has_table(meta.name) else {}
    _refuse_another(found, window_ms)
    stored = found.get("schema_version")
    if stored is None:
        metadata.create_all(connection)
        connection.execute(_revision.insert().values(version_num=REVISION))
    elif stored < SCHEMA_VERSION:
        _migrate(connection, stored, backup)
    for name, value in {"schema_version": SCHEMA_VERSION, "window_ms": window_ms}.items():
        if name not in found:
            connection.execute(meta.insert().values(name=name, value=value))


def _migrate(connection: Connection, stored: int, backup: Callable[[str], object]) -> None:
    from store import migrations

    backup(REVISION)
    _log.info("the store is brought from schema %d to %d", stored, SCHEMA_VERSION)
    _revision.create(connection, checkfirst=True)
    connection.execute(_revision.delete())
    if stored > _FIRST:
        connection.execute(_revision.insert().values(version_num=f"{stored:04}"))
    migrations.upgrade(connection)
    version = meta.c.name == "schema_version"
    connection.execute(update(meta).where(version).values(value=SCHEMA_VERSION))
    _log.info("the store has schema %d", SCHEMA_VERSION)


def _noted(connection: Connection) -> dict[str, int]:
    return {row.name: row.value for row in connection.execute(select(meta))}


def _refuse_another(found: dict[str, int], window_ms: int) -> None:
    version = found.get("schema_version", SCHEMA_VERSION)
    if version > SCHEMA_VERSION or version < 1:
        raise ValueError(
            f"the store has schema_version={version}, this release needs {SCHEMA_VERSION}: it was "
            "made by a newer release; use that one, or another DATA_DIR or DATABASE_URL"
        )
    stored_ms = found.get("window_ms", window_ms)
    if stored_ms != window_ms:
        raise ValueError(
            f"the store has window_ms={stored_ms}, this server needs {window_ms}: use another "
            "DATA_DIR or DATABASE_URL, or the WINDOW_SECONDS that the store was made with"
        )
