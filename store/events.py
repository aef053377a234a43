"""Events of the live stream: windows that became an anomaly, or HIGH, while that was news."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, Final, NamedTuple

from sqlalchemy import Connection, Select, delete, func, or_, select, text

from store import writes
from store.engine import Store
from store.lists import Row, rows, select_windows
from store.tables import WINDOW_COLUMNS, anomaly_log, live_event

NEWS_MS: Final = 10 * 60_000  # a window that ended longer ago is history
NEWEST: Final = 20  # events for who has seen none
MOST_AT_ONCE: Final = 100  # events of one read
_E = live_event.c
_W = anomaly_log.c
_START, _PRIORITY, _ANOMALY, _SCORED = (
    WINDOW_COLUMNS.index(name) for name in ("timestamp", "priority", "is_anomaly", "scored_at")
)


class Event(NamedTuple):
    """One event with its window as it is stored now."""

    id: int
    window: Row


class Position(NamedTuple):
    """Where to go on in the stream: after the event `after`."""

    after: int
    known: bool  # False: what was asked for is not kept, or of another store


def save_windows(
    connection: Connection, windows: Sequence[tuple[Any, ...]], window_ms: int
) -> None:
    """Store windows as `writes.save_windows` does, and an event for each that is news.

    News is what becomes an anomaly or HIGH within `NEWS_MS` of the window's end; one that was an
    anomaly and becomes HIGH is news again, one that is scored the same again is not.

    Parameters
    ----------
    windows : sequence of tuple
        Rows in the order of `WINDOW_COLUMNS`.
    window_ms : int
        Length of a window [ms].
    """
    starts = sorted({row[_START] for row in windows if _may_be_news(row, window_ms)})
    if not starts:
        writes.save_windows(connection, windows)
        return
    _one_at_a_time(connection)
    before = _alarming(connection, starts)
    writes.save_windows(connection, windows)
    at = max(row[_SCORED] or 0 for row in windows)
    found = [
        {"at": at, "window_id": id, "priority": priority}
        for id, priority in _alarming(connection, starts).items()
        if id not in before or (priority == "HIGH" != before[id])
    ]
    if found:
        connection.execute(live_event.insert(), found)


def _may_be_news(row: tuple[Any, ...], window_ms: int) -> bool:
    ended_ago = (row[_SCORED] or 0) - (row[_START] + window_ms)
    alarming = row[_ANOMALY] == 1 or row[_PRIORITY] == "HIGH"
    return alarming and row[_SCORED] is not None and ended_ago < NEWS_MS


def _one_at_a_time(connection: Connection) -> None:
    """Have events committed in the order of their ids, also by two servers that score at once.

    Who has read event 5 must not miss a 4 that is committed later. SQLite has one writer anyway.
    """
    if connection.dialect.name == "postgresql":
        connection.execute(text("LOCK TABLE live_event IN EXCLUSIVE MODE"))


def _alarming(connection: Connection, starts: Sequence[int]) -> dict[int, str]:
    """Priorities of the windows at these starts that are an anomaly or HIGH, by id."""
    statement = select(_W.id, _W.priority).where(
        _W.timestamp.in_(starts), or_(_W.is_anomaly == 1, _W.priority == "HIGH")
    )
    found = connection.execute(statement.order_by(_W.timestamp, _W.id))
    return {window.id: window.priority for window in found}


def last_event_id(store: Store) -> int:
    """The highest id of any event, 0 when there is none yet."""
    with store.read() as connection:
        return _last_id(connection)


def _last_id(connection: Connection) -> int:
    return int(connection.scalar(select(func.max(_E.id))) or 0)


def position(store: Store, last_id: int | None) -> Position:
    """Where to go on for who has seen the events up to `last_id`, or none (None).

    Without an id, or with one that is unknown, the newest `NEWEST` events come again.
    """
    with store.read() as connection:
        if last_id is not None:
            first = connection.scalar(select(func.min(_E.id))) or 1
            if first - 1 <= last_id <= _last_id(connection):
                return Position(last_id, known=True)
        before_newest = select(_E.id).order_by(_E.id.desc()).offset(NEWEST).limit(1)
        return Position(connection.scalar(before_newest) or 0, known=last_id is None)


def events_after(store: Store, after: int) -> list[Event]:
    """The next events after an id, oldest first, at most `MOST_AT_ONCE`."""
    statement = _events().where(_E.id > after).order_by(_E.id).limit(MOST_AT_ONCE)
    return _read(store, statement)


def new_high(store: Store, after: int, since: int) -> list[Event]:
    """The newest events after an id whose window became HIGH and still is, newest first.

    Parameters
    ----------
    since : int
        Windows that started earlier [epoch ms] are no news.
    """
    high = (_E.priority == "HIGH") & (_W.priority == "HIGH")
    statement = _events().where(_E.id > after, high, _W.timestamp >= since)
    return _read(store, statement.order_by(_E.id.desc()).limit(MOST_AT_ONCE))


def _events() -> Select[Any]:
    windows = select_windows().add_columns(_E.id.label("event_id"))
    return windows.join_from(live_event, anomaly_log, _E.window_id == _W.id)


def _read(store: Store, statement: Select[Any]) -> list[Event]:
    with store.read() as connection:
        return [Event(row.pop("event_id"), row) for row in rows(connection, statement)]


def remove_events(connection: Connection, before: int) -> None:
    """Remove events from before an instant [epoch ms], but for the last: it holds the last id."""
    last = select(func.max(_E.id)).scalar_subquery()
    connection.execute(delete(live_event).where(_E.at < before, _E.id < last))
