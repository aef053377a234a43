"""Engines of a store in one SQLite file, which notice when another file takes its place."""

from __future__ import annotations

import os
import sqlite3
from pathlib import Path
from typing import Any, Final

from filelock import FileLock
from sqlalchemy import Connection, Engine, create_engine, event
from sqlalchemy.engine import URL
from sqlalchemy.exc import InvalidatePoolError, OperationalError

from store.percentile import add_percentiles

BUSY_TIMEOUT_MS: Final = 5_000
_OPENED: Final = "opened file"  # in the `info` of a connection

Identity = tuple[int, int]  # device and inode


def identity(file: Path) -> Identity | None:
    """What tells the file at a path from another that takes its place; None: there is none."""
    try:
        found = os.stat(file)
    except OSError:
        return None
    return found.st_dev, found.st_ino


def require_same_file(connection: Connection, file: Path) -> None:
    """Raise OperationalError when a connection is to a file that is at its path no more."""
    if connection.info.get(_OPENED) != identity(file):
        cause = sqlite3.OperationalError("the file was removed or replaced meanwhile")
        cause.sqlite_errorcode = sqlite3.SQLITE_CANTOPEN
        raise OperationalError("COMMIT", None, cause)


def parts_of(file: Path) -> list[Path]:
    """The file, its write-ahead log and the index of that."""
    return [file.with_name(file.name + suffix) for suffix in ("", "-wal", "-shm")]


def setup_lock(file: Path, timeout_s: float = -1) -> FileLock:
    """Held by the one process that makes, migrates or sets aside the file."""
    return FileLock(file.with_name(file.name + ".setup-lock"), timeout=timeout_s)


def make_empty(file: Path) -> None:
    """Make the file where there is none; no other user may read it."""
    # Never opened where it is there: closing it would drop the locks that SQLite has on it.
    if not file.exists():
        os.close(os.open(file, os.O_CREAT | os.O_EXCL | os.O_RDWR, 0o600))


def engines_of(url: URL, file: Path) -> tuple[Engine, Engine]:
    """One that writes and one that reads; neither makes a file that is not there."""
    # Parameters are users, addresses and paths: errors go into logs without them.
    writer = create_engine(url, pool_size=2, max_overflow=6, hide_parameters=True)
    reader = create_engine(url, pool_size=8, max_overflow=56, hide_parameters=True)
    event.listen(writer, "connect", _prepare_writer)
    event.listen(writer, "begin", lambda connection: connection.exec_driver_sql("BEGIN IMMEDIATE"))
    event.listen(reader, "connect", _prepare_reader)
    event.listen(reader, "begin", lambda connection: connection.exec_driver_sql("BEGIN"))
    for engine in (writer, reader):
        _follow(engine, file)
    return writer, reader


def _follow(engine: Engine, file: Path) -> None:
    """Have connections of the engine to the file that is at the path now, and to no other.

    What is written to a file that was removed or renamed would be written for nobody.
    """
    address = file.absolute().as_uri() + "?mode=rw"

    def open_existing(_dialect: Any, _record: Any, args: Any, options: Any) -> None:
        args[0] = address
        options["uri"] = True

    def remember(_connection: Any, record: Any) -> None:
        record.info[_OPENED] = identity(file)

    def compare(_connection: Any, record: Any, _proxy: Any) -> None:
        if record.info[_OPENED] != identity(file):
            raise InvalidatePoolError

    event.listen(engine, "do_connect", open_existing)
    event.listen(engine, "connect", remember)
    event.listen(engine, "checkout", compare)


def _prepare_writer(connection: Any, _: object) -> None:
    connection.isolation_level = (
        None  # transactions are ours: the driver's own BEGIN is not IMMEDIATE
    )
    for pragma in (
        f"busy_timeout={BUSY_TIMEOUT_MS}",
        "journal_mode=WAL",
        "synchronous=NORMAL",
        "temp_store=MEMORY",
    ):
        connection.execute(f"PRAGMA {pragma}")


def _prepare_reader(connection: Any, _: object) -> None:
    connection.isolation_level = None
    for pragma in (f"busy_timeout={BUSY_TIMEOUT_MS}", "query_only=ON", "mmap_size=268435456"):
        connection.execute(f"PRAGMA {pragma}")
    add_percentiles(connection)
