"""Opening the store: one engine that writes, one that reads, the same on SQLite and PostgreSQL."""

from __future__ import annotations

import time
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final, NamedTuple

from filelock import FileLock
from sqlalchemy import (
    Connection,
    Engine,
    create_engine,
    event,
    inspect,
    make_url,
    select,
    text,
    update,
)
from sqlalchemy.engine import URL
from sqlalchemy.exc import OperationalError
from sqlalchemy.schema import CreateColumn, CreateIndex

from store.percentile import add_percentiles
from store.tables import (
    CALLS_BY_ENDPOINT,
    CALLS_BY_USER,
    ENDPOINT_WINDOWS,
    RISKY_ENDPOINT_WINDOWS,
    SCHEMA_VERSION,
    meta,
    metadata,
)

BUSY_TIMEOUT_MS: Final = 5_000
_STEPS_BETWEEN_LOOKS: Final = 10_000  # of SQLite's machine, under a millisecond
_SCHEMA_LOCK: Final = (
    7_014_217_003  # any fixed number; PostgreSQL's advisory lock while tables are made
)


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

    @property
    def window_ms(self) -> int:
        """Length of a window [ms]."""
        return self.grid.window_ms

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

    @contextmanager
    def read_within(self, seconds: float) -> Iterator[Connection]:
        """A reading transaction whose queries are given up after `seconds` with `TooSlow`."""
        deadline = time.monotonic() + seconds
        with self.reader.connect() as connection, connection.begin():
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


def _make_tables(connection: Connection, grid: Grid) -> None:
    """Make what is missing, and refuse a store that was made for something else."""
    metadata.create_all(connection)
    version = meta.c.name == "schema_version"
    stored = connection.scalar(select(meta.c.value).where(version))
    if stored is not None and 0 < stored < SCHEMA_VERSION:
        _add_missing_columns(connection)
        _renew_indexes(connection, stored)
        connection.execute(update(meta).where(version).values(value=SCHEMA_VERSION))
    expected = {"schema_version": SCHEMA_VERSION, "window_ms": grid.window_ms}
    for name, value in expected.items():
        found = connection.scalar(select(meta.c.value).where(meta.c.name == name))
        if found is None:
            connection.execute(meta.insert().values(name=name, value=value))
        elif found != value:
            raise ValueError(
                f"the store has {name}={found}, this server needs {value}: use another DATA_DIR or "
                "DATABASE_URL, or the release and WINDOW_SECONDS that the store was made with"
            )


def _add_missing_columns(connection: Connection) -> None:
    """Bring the tables of a release before up to date: what came since may be NULL."""
    for table in metadata.tables.values():
        known = {column["name"] for column in inspect(connection).get_columns(table.name)}
        for column in table.columns:
            if column.name not in known:
                definition = CreateColumn(column).compile(dialect=connection.dialect)
                connection.execute(text(f"ALTER TABLE {table.name} ADD COLUMN {definition}"))


def _renew_indexes(connection: Connection, stored: int) -> None:
    """Those that the stored schema does not have, or has with fewer columns."""
    if stored < 3:
        for index in (CALLS_BY_ENDPOINT, CALLS_BY_USER):
            index.drop(connection, checkfirst=True)
            index.create(connection)
    for index in (ENDPOINT_WINDOWS, RISKY_ENDPOINT_WINDOWS):
        connection.execute(CreateIndex(index, if_not_exists=True))


def _open_sqlite(url: URL, grid: Grid) -> Store:
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
    store = Store(writer, reader, grid)
    lock = FileLock(path.with_name(path.name + ".setup-lock"))
    with _closed_on_error(store), lock, store.begin() as connection:
        _make_tables(connection, grid)
    return store


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
    add_percentiles(connection)


def _open_postgresql(url: URL, grid: Grid) -> Store:
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
    store = Store(writer, reader, grid)
    with _closed_on_error(store), store.begin() as connection:
        connection.execute(text(f"SELECT pg_advisory_xact_lock({_SCHEMA_LOCK})"))
        _make_tables(connection, grid)
    return store
