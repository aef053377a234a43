"""Everything that changes the store. Each function works inside a transaction of its caller."""

from __future__ import annotations

import re
import secrets
from collections.abc import Collection, Iterable, Mapping, Sequence
from functools import cache
from itertools import chain
from operator import itemgetter
from typing import Any, Final

from sqlalchemy import Connection, Dialect, bindparam, delete, func, or_, select, update
from sqlalchemy.dialects import postgresql, sqlite

from store import call_counts, reads, rolling
from store.engine import Grid
from store.tables import (
    CALL_COLUMNS,
    WINDOW_COLUMNS,
    WINDOW_KEY,
    anomaly_log,
    api_log,
    counter,
    dirty_window,
    job_run,
    journal_position,
    lease,
)

CLOCK_TOLERANCE_MS: Final = 60_000  # between the clocks of servers that share a store
# SQLite is a fifth faster so; psycopg is three times as fast with one row, pipelined.
CALLS_A_STATEMENT: Final = {"sqlite": 100}

_MOVE_POSITION: Final = (
    update(journal_position)
    .where(
        journal_position.c.journal == bindparam("name"),
        journal_position.c.position == bindparam("from"),
    )
    .values(position=bindparam("to"))
)


def _insert(connection: Connection, table: Any) -> Any:
    """The dialect's own INSERT: only that one knows ON CONFLICT."""
    return (sqlite if connection.dialect.name == "sqlite" else postgresql).insert(table)


@cache
def _add_calls_sql(dialect: Dialect, rows: int) -> str:
    """INSERT of `rows` rows in one statement."""
    insert = (sqlite if dialect.name == "sqlite" else postgresql).insert(api_log)
    statement = insert.values(
        {name: bindparam(name) for name in CALL_COLUMNS}
    ).on_conflict_do_nothing()
    sql = str(statement.compile(dialect=dialect))
    head, values, tail = re.split(r"(?<= VALUES )(.*)(?= ON CONFLICT)", sql)
    return head + ", ".join([values] * rows) + tail


def add_calls(connection: Connection, calls: Sequence[tuple[Any, ...]], grid: Grid) -> int:
    """Store calls and mark the windows they fall into as dirty.

    Parameters
    ----------
    connection : Connection
        Of `Store.begin`.
    calls : sequence of tuple
        Rows in the order of `CALL_COLUMNS` (an `ingest.call.Call` is one).
    grid : Grid
        Of the store's windows.

    Returns
    -------
    int
        Rows stored; less than given when a call's identity is stored already.
    """
    if not calls:
        return 0
    dialect = connection.dialect
    many = CALLS_A_STATEMENT.get(dialect.name, len(calls) + 1)
    named = type(calls[0]) is not tuple
    rows = [tuple(call) for call in calls] if named else calls  # sqlite3 binds named ones slowly
    last_id = reads.last_call_id(connection)
    stored = first = 0
    while first + many <= len(rows):
        values = tuple(chain.from_iterable(rows[first : first + many]))
        stored += connection.exec_driver_sql(_add_calls_sql(dialect, many), values).rowcount
        first += many
    if first < len(rows):
        rest = list(rows[first:])
        stored += connection.exec_driver_sql(_add_calls_sql(dialect, 1), rest).rowcount
    if stored:
        mark_dirty(connection, grid.starts(set(map(itemgetter(0), rows))))
        new = rows if stored == len(rows) else call_counts.new_of(connection, rows, last_id)
        call_counts.count_calls(connection, new)
    return stored


@cache
def _mark_dirty_statement(dialect: str) -> Any:
    insert = (sqlite if dialect == "sqlite" else postgresql).insert(dirty_window)
    return insert.values(start=bindparam("start"), mark=bindparam("mark")).on_conflict_do_update(
        index_elements=["start"], set_={"mark": insert.excluded["mark"]}
    )


def mark_dirty(connection: Connection, starts: Collection[int]) -> None:
    """Note that the windows with these starts [epoch ms] have rows that are not scored yet.

    The mark is drawn at random, so that it never comes again: whoever read an earlier one can't
    clear this one, also when the row was cleared and made anew in between.
    """
    if starts:
        mark = secrets.randbits(62)
        rows = [{"start": start, "mark": mark} for start in sorted(starts)]
        connection.execute(_mark_dirty_statement(connection.dialect.name), rows)


def clear_dirty(connection: Connection, marks: Mapping[int, int]) -> None:
    """Clear scored windows (start -> mark), unless they got rows since the mark was read."""
    if not marks:
        return
    statement = delete(dirty_window).where(
        dirty_window.c.start == bindparam("seen_start"),
        dirty_window.c.mark == bindparam("seen_mark"),
    )
    # In the order in which `mark_dirty` takes its locks, or the two could wait for each other.
    rows = [{"seen_start": start, "seen_mark": mark} for start, mark in sorted(marks.items())]
    connection.execute(statement, rows)


@cache
def _save_windows_sql(dialect: Dialect) -> str:
    insert = (sqlite if dialect.name == "sqlite" else postgresql).insert(anomaly_log)
    insert = insert.values({name: bindparam(name) for name in WINDOW_COLUMNS})
    key = {"timestamp", "subject", "endpoint", "method", "client"}
    statement = insert.on_conflict_do_update(
        index_elements=WINDOW_KEY,
        set_={name: insert.excluded[name] for name in WINDOW_COLUMNS if name not in key},
    )
    return str(statement.compile(dialect=dialect))


def save_windows(connection: Connection, windows: Sequence[tuple[Any, ...]]) -> None:
    """Store windows, rows in the order of `WINDOW_COLUMNS`; one stored before is replaced.

    `events.save_windows` does so too, and tells who waits for news.
    """
    if windows:
        rolling.forget(connection, {row[0] for row in windows})
        before = rolling.last_window_id(connection)
        connection.exec_driver_sql(_save_windows_sql(connection.dialect), list(windows))
        rolling.note_own(connection, before)


def move_position(connection: Connection, journal: str, start: int, end: int) -> bool:
    """Note that a journal is stored up to `end` [bytes]; goes with the rows of `add_calls`.

    Returns
    -------
    bool
        False, and nothing is noted, when it is not stored up to `start`: another drainer was here.
        A killed one's last transaction may still be committing on PostgreSQL; this waits for it.
    """
    moved = connection.execute(_MOVE_POSITION, {"name": journal, "from": start, "to": end})
    if moved.rowcount == 0 and start == 0:
        insert = _insert(connection, journal_position).values(journal=journal, position=end)
        moved = connection.execute(
            insert.on_conflict_do_nothing(), execution_options={"preserve_rowcount": True}
        )
    return bool(moved.rowcount == 1)


def forget_positions(connection: Connection, journals: Iterable[str]) -> None:
    """Forget journals whose files are gone."""
    connection.execute(
        delete(journal_position).where(journal_position.c.journal.in_(list(journals)))
    )


def add_to_counter(connection: Connection, name: str, amount: int) -> None:
    """Count something that must survive a restart, such as calls lost to a full journal."""
    insert = _insert(connection, counter).values(name=name, value=amount)
    connection.execute(
        insert.on_conflict_do_update(
            index_elements=["name"], set_={"value": counter.c.value + amount}
        )
    )


def take_lease(connection: Connection, name: str, holder: str, now: int, duration_ms: int) -> bool:
    """Take or renew the lease; True when `holder` leads for the next `duration_ms`.

    On PostgreSQL, which servers of several machines share, its clock counts instead of `now`. A
    lease that ends much later than any holder could ask for (the clock jumped back) is void.
    """
    now = _database_now(connection, now)
    expires_at = now + duration_ms
    free = or_(
        lease.c.holder == holder,
        lease.c.expires_at <= now,
        lease.c.expires_at > expires_at + CLOCK_TOLERANCE_MS,
    )
    connection.execute(
        _insert(connection, lease)
        .values(name=name, holder=holder, expires_at=expires_at)
        .on_conflict_do_nothing()
    )
    taken = connection.execute(
        update(lease).where(lease.c.name == name, free).values(holder=holder, expires_at=expires_at)
    )
    return bool(taken.rowcount == 1)


def _database_now(connection: Connection, now: int) -> int:
    if connection.dialect.name == "sqlite":
        return now
    seconds = func.extract("epoch", func.clock_timestamp())
    return int(connection.execute(select(seconds * 1000)).scalar_one())


def release_lease(connection: Connection, name: str, holder: str) -> None:
    """Give the lease up, so that the next leader need not wait for its end."""
    connection.execute(delete(lease).where(lease.c.name == name, lease.c.holder == holder))


def start_job(connection: Connection, name: str, now: int) -> None:
    """Note that a job began."""
    insert = _insert(connection, job_run).values(name=name, started_at=now)
    connection.execute(
        insert.on_conflict_do_update(index_elements=["name"], set_={"started_at": now})
    )


def finish_job(
    connection: Connection, name: str, now: int, *, error: str | None = None, detail: str = ""
) -> None:
    """Note how a job ended; `error` is one line for the page, the traceback is in the log."""
    values: dict[str, Any] = {"finished_at": now, "error": error, "detail": detail}
    if error is None:
        values["succeeded_at"] = now
    connection.execute(update(job_run).where(job_run.c.name == name).values(**values))


def remove_calls(connection: Connection, ids: Sequence[int]) -> None:
    """Remove calls by id."""
    connection.execute(delete(api_log).where(api_log.c.id.in_(ids)))


def remove_windows(connection: Connection, ids: Sequence[int]) -> None:
    """Remove windows by id."""
    connection.execute(delete(anomaly_log).where(anomaly_log.c.id.in_(ids)))


def mark_range_dirty(connection: Connection, start: int, end: int, grid: Grid) -> None:
    """Have every window that holds calls of `[start, end)` scored again."""
    at = api_log.c.timestamp
    steps = connection.scalars(
        select(at - at % grid.step_ms).where(at >= start, at < end).distinct()
    ).all()
    mark_dirty(connection, grid.starts(steps))
