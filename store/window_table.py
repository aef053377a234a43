"""Stored windows as columns, for looking at many at once."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from sqlalchemy import select

from store.engine import Store
from store.tables import anomaly_log


def newest(
    store: Store, columns: Sequence[str], start: int, end: int, limit: int
) -> dict[str, list[Any]]:
    """Columns of the newest windows that begin in `[start, end)`, newest first.

    Parameters
    ----------
    columns : sequence of str
        Of `anomaly_log`.
    start, end : int
        Epoch ms.
    limit : int
        Most windows.
    """
    c = anomaly_log.c
    statement = (
        select(*(c[name] for name in columns))
        .where(c.timestamp >= start, c.timestamp < end)
        .order_by(c.timestamp.desc(), c.id.desc())
        .limit(limit)
    )
    with store.read() as connection:
        rows = connection.execute(statement).all()
    if not rows:
        return {name: [] for name in columns}
    return dict(zip(columns, map(list, zip(*rows, strict=True)), strict=True))
