"""Counts of all calls ever stored, by source, class of status and duration.

They go up in the transaction that stores the calls, so that restarts and retention take nothing
away and all servers on a store agree. There are at most `MOST_COUNTS`, whatever the calls are.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from functools import cache
from itertools import groupby
from operator import itemgetter
from typing import Any, Final, NamedTuple

import numpy as np
from sqlalchemy import Connection, bindparam, select
from sqlalchemy.dialects import postgresql, sqlite

from store.tables import CALL_COLUMNS, api_log, call_count

SOURCES: Final = ("live", "posted", "import", "simulated")
STATUS_CLASSES: Final = (1, 2, 3, 4, 5, 0)  # hundreds; 0: another
# Upper bounds of durations [ms]: those that Prometheus has by default, and half a minute.
BOUNDS_MS: Final = (5, 10, 25, 50, 100, 250, 500, 1_000, 2_500, 5_000, 10_000, 30_000)
LONGER: Final = len(BOUNDS_MS)  # bin of the durations beyond the last bound
UNKNOWN: Final = LONGER + 1  # bin of the calls without a duration
BINS: Final = UNKNOWN + 1
MOST_COUNTS: Final = len(SOURCES) * len(STATUS_CLASSES) * BINS

_SOURCE: Final = CALL_COLUMNS.index("source")
_STATUS: Final = CALL_COLUMNS.index("status_code")
_DURATION: Final = CALL_COLUMNS.index("response_time_ms")
_IDENTITY: Final = CALL_COLUMNS.index("identity")

Call = tuple[Any, ...]  # in the order of `CALL_COLUMNS`


class CallCounts(NamedTuple):
    """What was counted of the calls of one source."""

    by_status: dict[int, int]  # of `STATUS_CLASSES`
    by_duration: list[int]  # a bin of `BOUNDS_MS` each, then `LONGER`; not those without one
    seconds: float  # sum of the known durations [s]


def count_calls(connection: Connection, calls: Sequence[Call]) -> None:
    """Count calls that were stored; the last part of their transaction, as it locks the counts."""
    rows = []
    by_source: dict[str, list[Call]] = {}
    for source, alike in groupby(calls, key=itemgetter(_SOURCE)):
        by_source.setdefault(source, []).extend(alike)
    for source in sorted(by_source.keys() & set(SOURCES)):  # who locks rows does it in one order
        rows += [{"source": source, **row} for row in _counted(by_source[source])]
    if rows:
        connection.execute(_add_statement(connection.dialect.name), rows)


def _counted(calls: Sequence[Call]) -> Iterator[dict[str, int]]:
    """Rows for the classes of status and bins of duration that occur, in order."""
    status = np.array([call[_STATUS] for call in calls]) // 100
    status[(status < 1) | (status > 5)] = 0
    ms = np.array([call[_DURATION] for call in calls], dtype=np.float64)  # NaN where not known
    ms[~np.isfinite(ms)] = np.nan
    bins = np.where(np.isnan(ms), UNKNOWN, np.searchsorted(BOUNDS_MS, ms))
    key = status * BINS + bins
    number = np.bincount(key)
    microseconds = np.bincount(key, np.nan_to_num(ms)) * 1000
    for at in np.flatnonzero(number).tolist():
        yield {
            "status_class": at // BINS,
            "duration_bin": at % BINS,
            "calls": int(number[at]),
            "duration_us": round(microseconds[at]),
        }


@cache
def _add_statement(dialect: str) -> Any:
    insert = (sqlite if dialect == "sqlite" else postgresql).insert(call_count)
    insert = insert.values({column.name: bindparam(column.name) for column in call_count.c})
    added = insert.excluded
    return insert.on_conflict_do_update(
        index_elements=["source", "status_class", "duration_bin"],
        set_={name: call_count.c[name] + added[name] for name in ("calls", "duration_us")},
    )


def new_of(connection: Connection, calls: Sequence[Call], last_id: int) -> list[Call]:
    """Those of calls with an identity that are stored with an id above `last_id`, each once.

    On PostgreSQL a call that another transaction stores at the same moment counts for both.
    """
    identity = select(api_log.c.identity).where(api_log.c.id > last_id)
    stored = set(connection.scalars(identity))
    return list({call[_IDENTITY]: call for call in calls if call[_IDENTITY] in stored}.values())


def call_counts(connection: Connection) -> dict[str, CallCounts]:
    """What was counted of the calls of each source; 0 where none came yet."""
    found = {s: CallCounts(dict.fromkeys(STATUS_CLASSES, 0), [0] * UNKNOWN, 0.0) for s in SOURCES}
    for row in connection.execute(select(call_count)):
        counts = found[row.source]
        counts.by_status[row.status_class] += row.calls
        if row.duration_bin != UNKNOWN:
            counts.by_duration[row.duration_bin] += row.calls
        found[row.source] = counts._replace(seconds=counts.seconds + row.duration_us / 1e6)
    return found
