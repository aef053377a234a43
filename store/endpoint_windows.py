"""Risky windows of one endpoint."""

from __future__ import annotations

from typing import Final

from store.engine import Store
from store.lists import Row, rows, select_windows
from store.tables import anomaly_log

_RISKY: Final = ("HIGH", "MEDIUM")
_W = anomaly_log.c


def risky_windows(
    store: Store, endpoint: str, method: str | None, start: int, end: int, *, limit: int
) -> list[Row]:
    """The newest windows of MEDIUM and HIGH that start in `[start, end)` [epoch ms].

    Of all methods where none is named. Every window of the endpoint from the newest on is looked
    at until there are enough, so a range that is known to hold the risky ones saves time.
    """
    found = select_windows().where(
        _W.endpoint == endpoint,
        _W.subject == "endpoint",
        _W.priority.in_(_RISKY),
        _W.timestamp >= start,
        _W.timestamp < end,
    )
    if method is not None:
        found = found.where(_W.method == method)
    newest_first = found.order_by(_W.timestamp.desc(), _W.risk_score.desc(), _W.id.desc())
    with store.read() as connection:
        return rows(connection, newest_first.limit(limit))
