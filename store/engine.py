"""Opening the store: one engine that writes, one that reads, the same on SQLite and PostgreSQL."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final

from filelock import FileLock
from sqlalchemy import Connection, Engine, create_engine, event, make_url, text
from sqlalchemy.engine import URL

from store.tables import metadata

BUSY_TIMEOUT_MS: Final = 5_000
_SCHEMA_LOCK: Final = (
    7_014_217_003  # any fixed number; PostgreSQL's advisory lock while tables are made
)


@dataclass(frozen=True)
class Store:
    """An open database. `begin` is the only way to write, `read` the only way to read."""

    writer: Engine
    reader: Engine
    window_ms: int
    step_ms: int

    @contextmanager
    def begin(self) -> Iterator[Connection]:
        """A writing transaction, committed at the end of the block; one at a time on SQLite."""
        with self.writer.begin() as connection:
            yield connection

    @contextmanager
    def read(self) -> Iterator[Connection]:
        """A reading transaction: all its queries see the same state."""
        with self.reader.begin() as connection:
            yield connection

    def close(self) -> None:
        """Close all pooled connections."""
        self.writer.dispose()
        self.reader.dispose()


def open_store(url: str, window_ms: int = 60_000, step_ms: int = 60_000) -> Store:
    """Open the database, making its tables when they are not there.

    Several processes may do so at once on an empty database.

    Parameters
    ----------
    url : str
        SQLAlchemy URL, `sqlite:///...` or `postgresql+psycopg://...`.
    window_ms, step_ms : int
        Length of a window and distance of window starts [ms].

    Raises
    ------
    ValueError
        The URL is of another database.
    """
    parsed = make_url(url)
    match parsed.get_backend_name():
        case "sqlite":
            return _open_sqlite(parsed, window_ms, step_ms)
        case "postgresql":
            return _open_postgresql(parsed.set(drivername="postgresql+psycopg"), window_ms, step_ms)
        case other:
            raise ValueError(
                f"DATABASE_URL is of {other!r}; it must be sqlite:///FILE or postgresql+psycopg://..."
            )


def _open_sqlite(url: URL, window_ms: int, step_ms: int) -> Store:
    if not url.database or url.database == ":memory:":
        raise ValueError(
            f"DATABASE_URL {url.render_as_string()!r} names no file, which several threads need"
        )
    path = Path(url.database)
    path.parent.mkdir(parents=True, exist_ok=True)
    writer = create_engine(url, pool_size=2, max_overflow=6)
    reader = create_engine(url, pool_size=8, max_overflow=56)
    event.listen(writer, "connect", _prepare_sqlite_writer)
    event.listen(writer, "begin", lambda connection: connection.exec_driver_sql("BEGIN IMMEDIATE"))
    event.listen(reader, "connect", _prepare_sqlite_reader)
    event.listen(reader, "begin", lambda connection: connection.exec_driver_sql("BEGIN"))
    with FileLock(path.with_name(path.name + ".setup-lock")), writer.begin() as connection:
        metadata.create_all(connection)
    return Store(writer, reader, window_ms, step_ms)


def _prepare_sqlite_writer(connection: Any, _: object) -> None:
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


def _prepare_sqlite_reader(connection: Any, _: object) -> None:
    connection.isolation_level = None
    for pragma in (f"busy_timeout={BUSY_TIMEOUT_MS}", "query_only=ON", "mmap_size=268435456"):
        connection.execute(f"PRAGMA {pragma}")


def _open_postgresql(url: URL, window_ms: int, step_ms: int) -> Store:
    # Positional parameters, so that the same tuples go into both databases without a dict a row.
    writer = create_engine(url, paramstyle="format", pool_size=4, pool_pre_ping=True)
    reader = create_engine(
        url,
        paramstyle="format",
        pool_size=8,
        max_overflow=24,
        pool_pre_ping=True,
        isolation_level="REPEATABLE READ",
    )
    event.listen(
        reader, "begin", lambda connection: connection.exec_driver_sql("SET TRANSACTION READ ONLY")
    )
    with writer.begin() as connection:
        connection.execute(text(f"SELECT pg_advisory_xact_lock({_SCHEMA_LOCK})"))
        metadata.create_all(connection)
    return Store(writer, reader, window_ms, step_ms)
