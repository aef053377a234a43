"""Making roll-ups: which hours are due; their minutes, ten minutes, hours and blocks summed up.

Roll-ups of windows that change go in the transaction that changes them (`forget`), and their hour
becomes due. Windows that others put into the table are found by their ids.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Collection, Iterable
from typing import Any, Final

from sqlalchemy import Connection, delete, func, insert, select, update
from sqlalchemy.dialects import postgresql, sqlite

from store.rollups import (
    ALL,
    BLOCK_MS,
    HOUR_MS,
    SPANS_MS,
    SPANS_OF_ENDPOINTS_MS,
    Key,
    Range,
    Summed,
    Sums,
    endpoint_sums,
    status_counts,
    total_sums,
    without,
)
from store.tables import ROLLUP_COLUMNS, anomaly_log, meta, rollup, rollup_due

Merge = Callable[[Iterable[bytes]], bytes]

_SEEN: Final = "rolled_up_id"  # in `meta`: windows with a higher id came from elsewhere
_SUBJECTS: Final = ("endpoint", "client")
_W = anomaly_log.c
_R = rollup.c


def last_window_id(connection: Connection) -> int:
    """The highest id of any window, 0 when there is none."""
    return int(connection.scalar(select(func.max(_W.id))) or 0)


def forget(connection: Connection, starts: Collection[int]) -> None:
    """Have the windows that start then [epoch ms] summed up anew; before they are changed."""
    _make_due(connection, {at - at % HOUR_MS for at in starts})
    for span in SPANS_MS:
        held = sorted({at - at % span for at in starts})
        connection.execute(delete(rollup).where(_R.span_ms == span, _R.timestamp.in_(held)))


def note_own(connection: Connection, before: int) -> None:
    """Note that windows were saved by us; `before` is the highest id there was."""
    if _seen(connection) == before:
        _see(connection, last_window_id(connection))


def note_removed(connection: Connection) -> None:
    """Note that the newest windows may be gone: their ids are given again."""
    last = last_window_id(connection)
    if last < _seen(connection):
        _see(connection, last)


def find_foreign(connection: Connection) -> None:
    """Make the hours due whose windows came from elsewhere, or are older than roll-ups."""
    seen, last = _seen(connection), last_window_id(connection)
    if last <= seen:
        return
    hour = _W.timestamp - _W.timestamp % HOUR_MS
    new = select(hour).where(_W.id > seen, _W.id <= last).distinct()
    hours = set(connection.scalars(new))
    _make_due(connection, hours)
    for at in hours:
        for span in SPANS_MS:
            inside = (_R.timestamp >= at - at % span, _R.timestamp < at + HOUR_MS)
            connection.execute(delete(rollup).where(_R.span_ms == span, *inside))
    _see(connection, last)


def due_hours(connection: Connection) -> list[int]:
    """Starts of the hours that are due [epoch ms], newest first."""
    return list(connection.scalars(select(rollup_due.c.hour).order_by(rollup_due.c.hour.desc())))


def sum_up(connection: Connection, hour: int, window_ms: int, merge: Merge) -> None:
    """Make the roll-ups of an hour that are missing, of spans that are over.

    Parameters
    ----------
    connection : Connection
        Of `Store.begin`.
    hour : int
        Start of the hour [epoch ms].
    window_ms : int
        Length of a window [ms].
    merge : callable
        Makes one latency histogram of several.
    """
    block = hour - hour % BLOCK_MS
    due = _due_of(connection, block)
    if hour not in due:
        return  # another server has done it
    newest = connection.scalar(select(func.max(_W.timestamp)))
    over = 0 if newest is None else newest + window_ms
    until = min(hour + HOUR_MS, over)
    for span in reversed(SPANS_MS[1:]):
        _fill(connection, span, (hour, until), window_ms, merge)
    if until == hour + HOUR_MS:
        connection.execute(delete(rollup_due).where(rollup_due.c.hour == hour))
        if due == [hour]:
            _fill(connection, BLOCK_MS, (block, min(block + BLOCK_MS, over)), window_ms, merge)


def _due_of(connection: Connection, block: int) -> list[int]:
    """The hours of a block that are due, held until the transaction ends."""
    hour = rollup_due.c.hour
    within = select(hour).where(hour >= block, hour < block + BLOCK_MS).order_by(hour)
    return list(connection.scalars(within.with_for_update()))


def _fill(connection: Connection, span: int, within: Range, window_ms: int, merge: Merge) -> None:
    """Make the roll-ups of this length that are missing in a range."""
    for part in _missing(connection, span, *within):
        _insert(connection, span, _sums_of(connection, span, part, window_ms), merge)


def remove_rollups(connection: Connection, before: int) -> None:
    """Remove those of spans that start before an instant [epoch ms]."""
    connection.execute(delete(rollup).where(_R.span_ms.in_(SPANS_MS), _R.timestamp < before))


def _make_due(connection: Connection, hours: Collection[int]) -> None:
    """Rows that are there already are written again: on PostgreSQL that waits for who sums up."""
    dialect = sqlite if connection.dialect.name == "sqlite" else postgresql
    statement = dialect.insert(rollup_due)
    statement = statement.on_conflict_do_update(
        index_elements=["hour"], set_={"hour": statement.excluded.hour}
    )
    if hours:
        connection.execute(statement, [{"hour": hour} for hour in sorted(hours)])


def _missing(connection: Connection, span: int, start: int, until: int) -> list[Range]:
    """The parts of a range without roll-ups of this length, in whole spans that are over."""
    stored = connection.scalars(
        select(_R.timestamp).where(
            _R.span_ms == span,
            _R.endpoint == ALL,
            _R.method == ALL,
            _R.subject == "endpoint",
            _R.timestamp >= start,
            _R.timestamp < until,
        )
    )
    return without(start, until - until % span, [(at, at + span) for at in stored])


def _sums_of(connection: Connection, span: int, part: Range, window_ms: int) -> Summed:
    """Totals of each span of the part, also where there is nothing; endpoints of longer ones."""
    found = {
        Key(ALL, ALL, subject, at): Sums() for at in range(*part, span) for subject in _SUBJECTS
    }
    found |= total_sums(connection, [part], span, window_ms)
    if span in SPANS_OF_ENDPOINTS_MS:
        found |= endpoint_sums(connection, [part], span, window_ms)
    return found


def _insert(connection: Connection, span: int, summed: Summed, merge: Merge) -> None:
    rows = [
        dict(zip(ROLLUP_COLUMNS, _row(span, key, sums, merge), strict=True))
        for key, sums in summed.items()
    ]
    if rows:
        connection.execute(insert(rollup), rows)


def _row(span: int, key: Key, sums: Sums, merge: Merge) -> tuple[Any, ...]:
    numbers = (getattr(sums, name) for name in ROLLUP_COLUMNS[5:-2])
    status = json.dumps(status_counts(sums.status_texts)) if sums.status_texts else None
    histogram = merge(sums.histograms) if sums.histograms else None
    return (span, *key, *numbers, status, histogram)


def _seen(connection: Connection) -> int:
    return connection.scalar(select(meta.c.value).where(meta.c.name == _SEEN)) or 0


def _see(connection: Connection, last: int) -> None:
    changed = connection.execute(update(meta).where(meta.c.name == _SEEN).values(value=last))
    if changed.rowcount == 0:
        connection.execute(insert(meta).values(name=_SEEN, value=last))
