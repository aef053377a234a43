"""Opening the store: one engine that writes, one that reads, the same on SQLite and PostgreSQL."""

from __future__ import annotations

import logging
import time
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from contextvars import ContextVar
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Final, NamedTuple

from sqlalchemy import Connection, Engine, create_engine, event, make_url, text
from sqlalchemy.engine import URL
from sqlalchemy.exc import OperationalError

from store import mending, schema
from store.condition import Condition
from store.sqlite_file import engines_of, require_same_file

_STEPS_BETWEEN_LOOKS: Final = 10_000  # of SQLite's machine, under a millisecond
_SCHEMA_LOCK: Final = (
    7_014_217_003  # any fixed number; PostgreSQL's advisory lock while tables are made
)
_FORBIDDEN: Final[ContextVar[bool]] = ContextVar("writes are forbidden", default=False)
_log = logging.getLogger(__name__)


class Grid(NamedTuple):
    """Where windows begin: every `step_ms`, aligned to the epoch, each `window_ms` long."""

    window_ms: int = 60_000
    step_ms: int = 60_000

    def starts(self, times: Iterable[int]) -> set[int]:
        """Starts of all windows that hold one of the times [epoch ms]."""
        steps = {time // self.step_ms for time in times}
        overlapping = range(self.window_ms // self.step_ms)
        return {(step - back) * self.step_ms for step in steps for back in overlapping}


@dataclass(frozen=True)
class Store:
    """An open database. `begin` is the only way to write, `read` the only way to read."""

    writer: Engine
    reader: Engine
    grid: Grid
    file: Path | None = None  # of SQLite
    condition: Condition = field(default_factory=Condition)

    @property
    def window_ms(self) -> int:
        """Length of a window [ms]."""
        return self.grid.window_ms

    @contextmanager
    def begin(self) -> Iterator[Connection]:
        """A writing transaction, committed at the end of the block; one at a time on SQLite."""
        if _FORBIDDEN.get():
            raise WritesForbidden("yours may read, and not write")
        try:
            with self.writer.connect() as connection:
                with connection.begin():
                    yield connection
                if self.file is not None:
                    require_same_file(connection, self.file)
        except Exception as error:
            self.condition.note(error)
            raise
        self.condition.is_well()

    @contextmanager
    def read(self) -> Iterator[Connection]:
        """A reading transaction: all its queries see the same state."""
        try:
            with self.reader.begin() as connection:
                yield connection
        except Exception as error:
            self.condition.note(error)
            raise

    @contextmanager
    def read_within(self, seconds: float) -> Iterator[Connection]:
        """A reading transaction whose queries are given up after `seconds` with `TooSlow`."""
        deadline = time.monotonic() + seconds
        with self.read() as connection:
            try:
                with _interrupted_at(connection, deadline):
                    yield connection
            except OperationalError as error:
                if time.monotonic() < deadline:
                    raise
                raise TooSlow(f"the query was given up after {seconds:g} s") from error

    def close(self) -> None:
        """Close all pooled connections."""
        self.writer.dispose()
        self.reader.dispose()


class TooSlow(RuntimeError):
    """A query took longer than it may."""


class WritesForbidden(PermissionError):
    """Something would have been written for somebody who may only read."""


@contextmanager
def writes_forbidden() -> Iterator[None]:
    """Let every `Store.begin` of this thread fail: a second bolt behind the rules of the gate."""
    before = _FORBIDDEN.set(True)
    try:
        yield
    finally:
        _FORBIDDEN.reset(before)


@contextmanager
def _interrupted_at(connection: Connection, deadline: float) -> Iterator[None]:
    if connection.dialect.name == "postgresql":
        left_ms = max(1, round((deadline - time.monotonic()) * 1000))
        connection.exec_driver_sql(f"SET LOCAL statement_timeout = {left_ms}")
        yield
        return
    driver: Any = connection.connection.driver_connection
    driver.set_progress_handler(lambda: time.monotonic() > deadline, _STEPS_BETWEEN_LOOKS)
    try:
        yield
    finally:
        driver.set_progress_handler(None, 0)


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
        The URL is of another kind of database, or the store is of another schema or window length.
    """
    parsed, grid = make_url(url), Grid(window_ms, step_ms)
    match parsed.get_backend_name():
        case "sqlite":
            return _open_sqlite(parsed, grid)
        case "postgresql":
            return _open_postgresql(parsed.set(drivername="postgresql+psycopg"), grid)
        case other:
            raise ValueError(
                f"DATABASE_URL is of {other!r}; it must be sqlite:///FILE or postgresql+psycopg://..."
            )


@contextmanager
def _closed_on_error(store: Store) -> Iterator[None]:
    try:
        yield
    except BaseException:
        store.close()
        raise


def _open_sqlite(url: URL, grid: Grid) -> Store:
    if not url.database or url.database == ":memory:":
        raise ValueError(
            f"DATABASE_URL {url.render_as_string()!r} names no file, which several threads need"
        )
    file = Path(url.database)
    store = Store(*engines_of(url, file), grid, file)
    with _closed_on_error(store):
        mending.prepare(store, file)
    return store


def _open_postgresql(url: URL, grid: Grid) -> Store:
    # Positional parameters, so that the same tuples go into both databases without a dict a row.
    # Errors go into logs without parameters, which are users, addresses and paths.
    writer = create_engine(
        url, paramstyle="format", pool_size=4, pool_pre_ping=True, hide_parameters=True
    )
    reader = create_engine(
        url,
        paramstyle="format",
        hide_parameters=True,
        pool_size=8,
        max_overflow=24,
        pool_pre_ping=True,
        isolation_level="REPEATABLE READ",
    )
    event.listen(
        reader, "begin", lambda connection: connection.exec_driver_sql("SET TRANSACTION READ ONLY")
    )
    store = Store(writer, reader, grid)
    with _closed_on_error(store):
        _prepare_postgresql(store)
    return store


def _prepare_postgresql(store: Store) -> None:
    with store.read() as connection:
        if schema.is_current(connection, store.window_ms):
            return
    with store.begin() as connection:
        connection.execute(text(f"SELECT pg_advisory_xact_lock({_SCHEMA_LOCK})"))
        schema.bring_up_to_date(connection, store.window_ms, _say_whose_backup)


def _say_whose_backup(revision: str) -> None:
    _log.warning(
        "the database is migrated to schema %s in one transaction; a copy of the data as they "
        "were is its operator's to make, by pg_dump",
        revision,
    )
