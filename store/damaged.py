"""A damaged SQLite file: finding the damage, setting the file aside, saving what must not be lost.

A file that is set aside is renamed and never written to again. As long as it lies beside the store,
`set_aside_files` tells of it.
"""

from __future__ import annotations

import logging
import sqlite3
import time
from collections.abc import Iterator
from contextlib import closing
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import Any, Final

from sqlalchemy import Connection, Table, create_engine, inspect, select, true
from sqlalchemy.exc import DatabaseError, NoSuchTableError
from sqlalchemy.pool import NullPool

from store.access_tables import account, audit, token
from store.sqlite_file import parts_of
from store.tables import counter, feedback, meta, model_event, saved_question

_MARK: Final = ".damaged-"
_STAMP: Final = "%Y%m%dT%H%M%S"
_STEPS_BETWEEN_LOOKS: Final = 10_000  # of SQLite's machine, under a millisecond
# Small, and nobody can make them anew. Calls and windows stay in the damaged file.
SAVED_TABLES: Final = (account, token, audit, meta, counter, feedback, model_event, saved_question)
_SAVED_ROWS: Final = {meta: meta.c.name == "audit_entries"}  # the rest is of the new store

_log = logging.getLogger(__name__)


@dataclass(frozen=True)
class SetAside:
    """A damaged store that was set aside."""

    file: Path
    at: int  # epoch ms
    bytes: int


def damage_in(file: Path, seconds: float) -> str | None:
    """What SQLite's quick check finds first; None when it finds nothing within `seconds`.

    Parameters
    ----------
    file : Path
        The store, which may be in use. 500 MB take about a second when they are cached.
    seconds : float
        Bound of the check. The header and the schema are always looked at.

    Raises
    ------
    sqlite3.OperationalError
        The file can't be opened or read, for another reason than damage.
    """
    sizes = [part.stat().st_size if part.exists() else 0 for part in parts_of(file)]
    if sizes[0] == 0:
        return "the file is gone and its write-ahead log is left" if sizes[1] else None
    deadline = time.monotonic() + seconds
    address = f"{file.absolute().as_uri()}?mode=ro"  # else closing may write to damaged pages
    with closing(sqlite3.connect(address, uri=True, timeout=5)) as connection:
        try:
            connection.execute("SELECT count(*) FROM sqlite_master").fetchone()
            connection.set_progress_handler(
                lambda: time.monotonic() > deadline, _STEPS_BETWEEN_LOOKS
            )
            (said,) = connection.execute("PRAGMA quick_check(1)").fetchone()
        except sqlite3.DatabaseError as error:
            return _damage_told_by(error)
    return None if said == "ok" else str(said)


def _damage_told_by(error: sqlite3.DatabaseError) -> str | None:
    code = getattr(error, "sqlite_errorcode", 0) & 0xFF
    if code == sqlite3.SQLITE_INTERRUPT:
        return None
    if code in (sqlite3.SQLITE_CORRUPT, sqlite3.SQLITE_NOTADB):
        return str(error)
    raise error


def set_aside(file: Path, reason: str, at: datetime | None = None) -> Path:
    """Rename the store with its log, under `setup_lock`; returns the new name.

    SQLite finds the log again beside the renamed file, so that what can be read still can.
    """
    stamp = (at or datetime.now(UTC)).strftime(_STAMP)
    aside, number = file.with_name(f"{file.name}{_MARK}{stamp}"), 1
    while any(part.exists() for part in parts_of(aside)):
        number += 1
        aside = file.with_name(f"{file.name}{_MARK}{stamp}-{number}")
    for part, new in zip(parts_of(file), parts_of(aside), strict=True):
        if part.exists():
            part.rename(new)
    _log.error("the store %s is damaged (%s); it was set aside as %s", file, reason, aside)
    return aside


def set_aside_files(file: Path | None) -> list[SetAside]:
    """The damaged files that lie beside a store, the newest first; none on PostgreSQL.

    Parameters
    ----------
    file : Path, optional
        `Store.file`.
    """
    return sorted(_set_aside(file), key=lambda found: found.at, reverse=True) if file else []


def _set_aside(file: Path) -> Iterator[SetAside]:
    for path in file.parent.glob(f"{file.name}{_MARK}*"):
        stamp = path.name.removeprefix(file.name + _MARK)[:15]
        try:
            at = datetime.strptime(stamp, _STAMP).replace(tzinfo=UTC)
            size = path.stat().st_size
        except (ValueError, FileNotFoundError):  # of another name, or taken away just now
            continue
        if not path.name.endswith(("-wal", "-shm")):
            yield SetAside(path, round(at.timestamp() * 1000), size)


def save_from(aside: Path, connection: Connection) -> dict[str, int]:
    """Copy what must not be lost into the store that takes its place, as far as it can be read.

    Returns
    -------
    dict
        Table -> rows that were saved; a table that can't be read is left out.
    """
    engine = create_engine(
        "sqlite://",
        creator=lambda: sqlite3.connect(f"{aside.absolute().as_uri()}?mode=ro", uri=True),
        poolclass=NullPool,
    )
    saved: dict[str, int] = {}
    for table in SAVED_TABLES:
        try:
            with engine.connect() as damaged, connection.begin_nested():
                for row in _readable(damaged, table):
                    connection.execute(table.insert(), [row])
                    saved[table.name] = saved.get(table.name, 0) + 1
        except (DatabaseError, NoSuchTableError) as error:
            saved.pop(table.name, None)
            _log.warning("table %s of %s can't be read: %s", table.name, aside, error)
    return saved


def _readable(damaged: Connection, table: Table) -> Iterator[dict[str, Any]]:
    """Rows up to the first one that can't be read."""
    known = {column["name"] for column in inspect(damaged).get_columns(table.name)}
    columns = [column for column in table.columns if column.name in known]
    found = damaged.execute(
        select(*columns).where(_SAVED_ROWS.get(table, true())).order_by(*table.primary_key.columns)
    )
    while True:
        try:
            row = found.mappings().fetchone()
        except DatabaseError as error:
            _log.warning("table %s could be read in part: %s", table.name, error.orig)
            return
        if row is None:
            return
        yield dict(row)
