"""Risky windows of one endpoint."""

from __future__ import annotations

from typing import Final

from sqlalchemy import literal_column

from store.engine import Store
from store.lists import Row, rows, select_windows
from store.tables import anomaly_log

_W = anomaly_log.c
_RISKY: Final = (  # as the index has it, in letters
    _W.priority != literal_column("'LOW'"),
    _W.subject == literal_column("'endpoint'"),
)


def risky_windows(
    store: Store, endpoint: str, method: str | None, start: int, end: int, *, limit: int
) -> list[Row]:
    """The newest windows of MEDIUM and HIGH that start in `[start, end)` [epoch ms].

    Of all methods where none is named.
    """
    found = select_windows().where(
        _W.endpoint == endpoint,
        *_RISKY,
        _W.timestamp >= start,
        _W.timestamp < end,
    )
    if method is not None:
        found = found.where(_W.method == method)
    newest_first = found.order_by(_W.timestamp.desc(), _W.risk_score.desc(), _W.id.desc())
    with store.read() as connection:
        return rows(connection, newest_first.limit(limit))
