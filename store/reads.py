"""Reads that the pipeline needs: calls to score, windows before them, what is dirty, how jobs went.

What pages and REST show is in `store.views`.
"""

from __future__ import annotations

from typing import Any, Final

import numpy as np
from sqlalchemy import Connection, bindparam, func, literal_column, select

from store.columns import Columns, Selected, as_json, columns_of
from store.tables import (
    FEATURE_COLUMNS,
    anomaly_log,
    api_log,
    counter,
    dirty_window,
    job_run,
    journal_position,
)

_CALLS: Final[Selected] = {
    "timestamp": (api_log.c.timestamp, np.int64),
    "endpoint": (api_log.c.endpoint, object),
    "method": (api_log.c.method, object),
    "client": (func.coalesce(api_log.c.user_id, api_log.c.ip_address), object),
    "path": (api_log.c.path, object),  # str or None
    "response_time_ms": (api_log.c.response_time_ms, np.float64),  # NaN where not known
    "status_code": (api_log.c.status_code, np.int64),
    "payload_size": (api_log.c.payload_size, np.int64),
    "fingerprint": (  # 0 where not known, and for one real fingerprint in 2**64
        func.coalesce(api_log.c.fingerprint, literal_column("0")),
        np.int64,
    ),
    "simulated": (api_log.c.source == literal_column("'simulated'"), np.bool_),
}
_KEY_TYPES: Final = {
    "timestamp": np.int64,
    "subject": object,
    "endpoint": object,
    "method": object,
    "client": object,  # None in endpoint windows
}
_FEATURES: Final[Selected] = {
    name: (anomaly_log.c[name], dtype)
    for name, dtype in {**_KEY_TYPES, **dict.fromkeys(FEATURE_COLUMNS, np.float64)}.items()
}


_CALLS_AS_JSON: Final = as_json(_CALLS, api_log.c.timestamp)
_FEATURES_AS_JSON: Final = as_json(
    _FEATURES, anomaly_log.c.timestamp, anomaly_log.c.subject == bindparam("subject")
)


def calls_between(connection: Connection, start: int, end: int) -> Columns:
    """Calls with `start <= timestamp < end` [epoch ms] as columns, arrays of length n_calls."""
    statement = _CALLS_AS_JSON[connection.dialect.name]
    return columns_of(connection.execute(statement, {"start": start, "end": end}).one(), _CALLS)


def features_between(connection: Connection, start: int, end: int, subject: str) -> Columns:
    """Key and features of stored windows with `start <= timestamp < end`, arrays of n_windows."""
    statement = _FEATURES_AS_JSON[connection.dialect.name]
    parameters = {"start": start, "end": end, "subject": subject}
    return columns_of(connection.execute(statement, parameters).one(), _FEATURES)


def count_between(connection: Connection, start: int, end: int) -> int:
    """Number of calls with `start <= timestamp < end` [epoch ms]."""
    at = api_log.c.timestamp
    statement = select(func.count()).where(at >= start, at < end)
    return connection.execute(statement).scalar_one()


def dirty_marks(connection: Connection, until: int, limit: int) -> dict[int, int]:
    """Starts of dirty windows, at most `until` [epoch ms]: start -> mark, newest first."""
    rows = connection.execute(
        select(dirty_window.c.start, dirty_window.c.mark)
        .where(dirty_window.c.start <= until)
        .order_by(dirty_window.c.start.desc())
        .limit(limit)
    )
    return {row.start: row.mark for row in rows}


def journal_positions(connection: Connection) -> dict[str, int]:
    """Journal name -> bytes of it that are stored."""
    rows = connection.execute(select(journal_position))
    return {row.journal: row.position for row in rows}


def counters(connection: Connection) -> dict[str, int]:
    """All persistent counts by name."""
    return {row.name: row.value for row in connection.execute(select(counter))}


def job_runs(connection: Connection) -> dict[str, dict[str, Any]]:
    """The last run of each job: name -> columns of `job_run`."""
    return {row["name"]: dict(row) for row in connection.execute(select(job_run)).mappings()}


def old_calls(connection: Connection, before: int, limit: int) -> list[int]:
    """Ids of at most `limit` calls received before an instant [epoch ms].

    Ids grow with the time of receipt, so that only the lowest ones need a look.
    """
    c = api_log.c
    first = select(c.id, func.coalesce(c.received_at, c.timestamp).label("received"))
    lowest = first.order_by(c.id).limit(limit).subquery()
    return list(connection.scalars(select(lowest.c.id).where(lowest.c.received < before)))


def old_windows(connection: Connection, before: int, low_before: int, limit: int) -> list[int]:
    """Ids of windows scored before `before`, of LOW client windows before `low_before`."""
    c = anomaly_log.c
    scored = func.coalesce(c.scored_at, c.timestamp)
    low = (c.subject == "client") & (c.priority == "LOW") & (scored < low_before)
    return list(connection.scalars(select(c.id).where(low | (scored < before)).limit(limit)))


def last_call_id(connection: Connection) -> int:
    """The highest id of any call, 0 when there is none."""
    highest = select(func.coalesce(func.max(api_log.c.id), 0))
    return int(connection.execute(highest).scalar_one())


def is_empty(connection: Connection) -> bool:
    """Whether no call was ever stored."""
    return connection.execute(select(api_log.c.id).limit(1)).first() is None
