"""Reads that the pipeline needs: calls to score, windows before them, what is dirty, how jobs went.

What pages and REST show is in `store.views`.
"""

from __future__ import annotations

from typing import Any, Final

import numpy as np
from numpy.typing import NDArray
from sqlalchemy import Connection, func, select

from store.tables import (
    FEATURE_COLUMNS,
    anomaly_log,
    api_log,
    counter,
    dirty_window,
    job_run,
    journal_position,
)

Columns = dict[str, NDArray[Any]]

_CALL_SELECT: Final = select(
    api_log.c.timestamp,
    api_log.c.endpoint,
    api_log.c.method,
    func.coalesce(api_log.c.user_id, api_log.c.ip_address).label("client"),
    api_log.c.path,
    api_log.c.response_time_ms,
    api_log.c.status_code,
    api_log.c.payload_size,
    api_log.c.fingerprint,
    (api_log.c.source == "simulated").label("simulated"),
)
_CALL_DTYPES: Final[dict[str, Any]] = {
    "timestamp": np.int64,
    "endpoint": object,
    "method": object,
    "client": object,
    "path": object,
    "response_time_ms": np.float64,  # NaN where not known
    "status_code": np.int64,
    "payload_size": np.int64,
    "fingerprint": object,  # int or None
    "simulated": np.bool_,
}


def calls_between(connection: Connection, start: int, end: int) -> Columns:
    """Calls with `start <= timestamp < end` [epoch ms] as columns, arrays of length n_calls."""
    rows = connection.execute(
        _CALL_SELECT.where(api_log.c.timestamp >= start, api_log.c.timestamp < end)
    ).fetchall()
    columns = zip(*rows, strict=True) if rows else ((),) * len(_CALL_DTYPES)
    return {
        name: np.array(values, dtype=dtype)
        for (name, dtype), values in zip(_CALL_DTYPES.items(), columns, strict=True)
    }


def dirty_marks(connection: Connection, until: int, limit: int) -> dict[int, int]:
    """Dirty steps with `start <= until` [epoch ms]: start -> mark, newest first."""
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


def features_between(connection: Connection, start: int, end: int) -> list[dict[str, Any]]:
    """Stored windows with `start <= timestamp < end`: key and features."""
    names = ("timestamp", "subject", "endpoint", "method", "client", *FEATURE_COLUMNS)
    statement = select(*(anomaly_log.c[name] for name in names)).where(
        anomaly_log.c.timestamp >= start, anomaly_log.c.timestamp < end
    )
    return [dict(row) for row in connection.execute(statement).mappings()]


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


def is_empty(connection: Connection) -> bool:
    """Whether no call was ever stored."""
    return connection.execute(select(api_log.c.id).limit(1)).first() is None
