"""Lists of windows and calls, filtered and page by page."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from sqlalchemy import ColumnElement, Connection, Select, or_, select

from store.engine import Store
from store.tables import anomaly_log, api_log

Row = dict[str, Any]


@dataclass(frozen=True)
class Filters:
    """Conditions on calls or windows; None: no condition. Named after the columns."""

    start: int | None = None
    end: int | None = None
    endpoint: str | None = None
    method: str | None = None
    client: str | None = None
    subject: str | None = None
    priority: str | None = None
    usage_cluster: str | None = None
    is_anomaly: int | None = None
    status_code: int | None = None
    source: str | None = None
    ip_address: str | None = None
    user_id: str | None = None


@dataclass(frozen=True)
class Page:
    """A page of rows, newest first; `next_after` is the (timestamp, id) to go on from."""

    items: list[Row]
    next_after: tuple[int, int] | None


def windows_page(
    store: Store, filters: Filters, limit: int, after: tuple[int, int] | None = None
) -> Page:
    """Windows, newest first, from `next_after` of the page before; new rows don't shift pages."""
    return _page(store, select_windows(), anomaly_log, _window_conditions(filters), limit, after)


def calls_page(
    store: Store, filters: Filters, limit: int, after: tuple[int, int] | None = None
) -> Page:
    """Calls, newest first, from `next_after` of the page before; new rows don't shift pages."""
    columns = [column for column in api_log.c if column.name != "identity"]
    return _page(store, select(*columns), api_log, _call_conditions(filters), limit, after)


def select_windows() -> Select[Any]:
    """All that a list shows of a window: not its histogram."""
    return select(*(column for column in anomaly_log.c if column.name != "latency_histogram"))


def rows(connection: Connection, statement: Select[Any]) -> list[Row]:
    """The rows of a query as dicts."""
    return [dict(row) for row in connection.execute(statement).mappings()]


def _window_conditions(filters: Filters) -> list[ColumnElement[bool]]:
    names = ("endpoint", "method", "client", "subject", "priority", "usage_cluster", "is_anomaly")
    return _conditions(anomaly_log, filters, names)


def _call_conditions(filters: Filters) -> list[ColumnElement[bool]]:
    c = api_log.c
    names = ("endpoint", "method", "status_code", "source", "ip_address", "user_id")
    conditions = _conditions(api_log, filters, names)
    if filters.client is not None:
        unnamed = c.user_id.is_(None) & (c.ip_address == filters.client)
        conditions.append(or_(c.user_id == filters.client, unnamed))
    return conditions


def _conditions(table: Any, filters: Filters, names: Sequence[str]) -> list[ColumnElement[bool]]:
    given: Mapping[str, Any] = {name: getattr(filters, name) for name in names}
    conditions = [table.c[name] == value for name, value in given.items() if value is not None]
    if filters.start is not None:
        conditions.append(table.c.timestamp >= filters.start)
    if filters.end is not None:
        conditions.append(table.c.timestamp < filters.end)
    return conditions


def _page(
    store: Store,
    statement: Select[Any],
    table: Any,
    conditions: list[ColumnElement[bool]],
    limit: int,
    after: tuple[int, int] | None,
) -> Page:
    if after is not None:
        at, row_id = after
        earlier = (table.c.timestamp < at) | ((table.c.timestamp == at) & (table.c.id < row_id))
        conditions = [*conditions, table.c.timestamp <= at, earlier]
    statement = statement.where(*conditions).order_by(table.c.timestamp.desc(), table.c.id.desc())
    with store.read() as connection:
        items = rows(connection, statement.limit(limit + 1))
    more = len(items) > limit
    items = items[:limit]
    return Page(items, (items[-1]["timestamp"], items[-1]["id"]) if more else None)
