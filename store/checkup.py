"""A look at a store that makes, migrates and mends nothing; for one that may not even open."""

from __future__ import annotations

import sqlite3
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final

from sqlalchemy import Connection, create_engine, func, inspect, make_url, select
from sqlalchemy.pool import NullPool

from store import reads
from store.tables import SCHEMA_VERSION, anomaly_log, api_log, lease, meta

CONNECT_S: Final = 5


@dataclass(frozen=True)
class Look:
    """What a store of this release's schema holds; times are epoch ms, None where there is none."""

    window_ms: int | None
    newest_call_at: int | None  # when it came in
    newest_window_at: int | None
    leads_until: int | None  # the lease of the server that runs the jobs
    jobs: Mapping[str, Mapping[str, Any]]
    counters: Mapping[str, int]
    journal_positions: Mapping[str, int]


def file_of(url: str) -> Path | None:
    """The file of a store on SQLite, None on another database.

    Raises
    ------
    sqlalchemy.exc.ArgumentError
        It is no URL.
    """
    parsed = make_url(url)
    is_file = parsed.get_backend_name() == "sqlite" and parsed.database
    return Path(str(parsed.database)) if is_file else None


@contextmanager
def looking(url: str) -> Iterator[Connection]:
    """A connection of its own that can only read."""
    file = file_of(url)
    if file is not None:
        address = f"{file.absolute().as_uri()}?mode=ro"
        engine = create_engine(
            "sqlite://",
            creator=lambda: sqlite3.connect(address, uri=True, timeout=CONNECT_S),
            poolclass=NullPool,
        )
    else:
        engine = create_engine(
            make_url(url).set(drivername="postgresql+psycopg"),
            connect_args={
                "connect_timeout": CONNECT_S,
                "options": "-c default_transaction_read_only=on",
            },
            poolclass=NullPool,
        )
    with engine.connect() as connection:
        yield connection


def schema_of(connection: Connection) -> int | None:
    """The schema that a store has; None: it is empty, or something else."""
    if not inspect(connection).has_table(meta.name):
        return None
    return connection.scalar(select(meta.c.value).where(meta.c.name == "schema_version"))


def look_at(connection: Connection) -> Look:
    """What there is to know of a store of schema `SCHEMA_VERSION`."""
    calls, windows = api_log.c, anomaly_log.c
    newest = select(calls.received_at).order_by(calls.id.desc()).limit(1)
    leads_until = select(lease.c.expires_at).where(lease.c.name == "scheduler")
    return Look(
        window_ms=connection.scalar(select(meta.c.value).where(meta.c.name == "window_ms")),
        newest_call_at=connection.scalar(newest),
        newest_window_at=connection.scalar(select(func.max(windows.timestamp))),
        leads_until=connection.scalar(leads_until),
        jobs=reads.job_runs(connection),
        counters=reads.counters(connection),
        journal_positions=reads.journal_positions(connection),
    )


__all__ = ["SCHEMA_VERSION", "Look", "file_of", "look_at", "looking", "schema_of"]
