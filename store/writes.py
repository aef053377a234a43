"""Everything that changes the store. Each function works inside a transaction of its caller."""

from __future__ import annotations

import re
from collections.abc import Collection, Iterable, Mapping, Sequence
from functools import cache
from itertools import chain
from operator import itemgetter
from typing import Any, Final

from sqlalchemy import Connection, Dialect, bindparam, delete, or_, select, update
from sqlalchemy.dialects import postgresql, sqlite

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


def add_calls(connection: Connection, calls: Sequence[tuple[Any, ...]], step_ms: int) -> int:
    """Store calls and mark the steps they fall into as dirty.

    Parameters
    ----------
    connection : Connection
        Of `Store.begin`.
    calls : sequence of tuple
        Rows in the order of `CALL_COLUMNS` (an `ingest.call.Call` is one).
    step_ms : int
        Distance of window starts [ms].

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
    stored = first = 0
    while first + many <= len(rows):
        values = tuple(chain.from_iterable(rows[first : first + many]))
        stored += connection.exec_driver_sql(_add_calls_sql(dialect, many), values).rowcount
        first += many
    if first < len(rows):
        rest = list(rows[first:])
        stored += connection.exec_driver_sql(_add_calls_sql(dialect, 1), rest).rowcount
    times = set(map(itemgetter(0), rows))
    mark_dirty(connection, {time // step_ms for time in times}, step_ms)
    return stored


@cache
def _mark_dirty_statement(dialect: str) -> Any:
    insert = (sqlite if dialect == "sqlite" else postgresql).insert(dirty_window)
    return insert.values(start=bindparam("start"), mark=1).on_conflict_do_update(
        index_elements=["start"], set_={"mark": dirty_window.c.mark + 1}
    )


def mark_dirty(connection: Connection, steps: Collection[int], step_ms: int) -> None:
    """Note that the steps (start divided by `step_ms`) have rows that are not scored yet."""
    connection.execute(
        _mark_dirty_statement(connection.dialect.name),
        [{"start": step * step_ms} for step in sorted(steps)],
    )


def clear_dirty(connection: Connection, marks: Mapping[int, int]) -> None:
    """Clear scored steps (start -> mark), unless they got rows since the mark was read."""
    if not marks:
        return
    statement = delete(dirty_window).where(
        dirty_window.c.start == bindparam("seen_start"),
        dirty_window.c.mark == bindparam("seen_mark"),
    )
    connection.execute(
        statement, [{"seen_start": start, "seen_mark": mark} for start, mark in marks.items()]
    )


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
    """Store windows, rows in the order of `WINDOW_COLUMNS`; one stored before is replaced."""
    if windows:
        connection.exec_driver_sql(_save_windows_sql(connection.dialect), list(windows))


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
    """Take or renew the lease; True when `holder` leads until `now + duration_ms`.

    A lease that ends later than any holder could have asked for (the clock jumped back) is void.
    """
    free = or_(
        lease.c.holder == holder, lease.c.expires_at <= now, lease.c.expires_at > now + duration_ms
    )
    expires_at = now + duration_ms
    connection.execute(
        _insert(connection, lease)
        .values(name=name, holder=holder, expires_at=expires_at)
        .on_conflict_do_nothing()
    )
    taken = connection.execute(
        update(lease).where(lease.c.name == name, free).values(holder=holder, expires_at=expires_at)
    )
    return bool(taken.rowcount == 1)


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


def mark_range_dirty(connection: Connection, start: int, end: int, step_ms: int) -> None:
    """Have every step of `[start, end)` that holds calls scored again."""
    at = api_log.c.timestamp
    steps = connection.scalars(
        select(at - at % step_ms).where(at >= start, at < end).distinct()
    ).all()
    mark_dirty(connection, {step // step_ms for step in steps}, step_ms)
