"""Lists of windows and calls, filtered and page by page."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Final

from sqlalchemy import ColumnElement, Connection, Select, func, or_, select, tuple_

from store.engine import Store
from store.tables import anomaly_log, api_log

Row = dict[str, Any]
After = tuple[int, int]  # timestamp [epoch ms] and id of the row before, in the order of the list

PAGE_ROWS: Final = 5_000  # of a page of a stream: some 5 MB, some 30 ms
_NEWEST: Final[After] = (2**63 - 1, 2**63 - 1)


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
    next_after: After | None


@dataclass(frozen=True)
class Pages:
    """All rows of a list, newest first, in pages that are read one after the other.

    Each page is a read transaction of its own, so that who takes his time keeps none open. Rows
    that come after the first page was read are left out; a row that was there before and is not
    removed meanwhile is in exactly one page.
    """

    names: tuple[str, ...]
    next_after: After | None  # of the last row, when the limit leaves some out
    pages: Iterator[Sequence[Sequence[Any]]]  # values of a row in the order of `names`


def windows_page(store: Store, filters: Filters, limit: int, after: After | None = None) -> Page:
    """Windows, newest first, from `next_after` of the page before; new rows don't shift pages."""
    return _page(store, _windows(filters), limit, after)


def calls_page(store: Store, filters: Filters, limit: int, after: After | None = None) -> Page:
    """Calls, newest first, from `next_after` of the page before; new rows don't shift pages."""
    return _page(store, _calls(filters), limit, after)


def riskiest_windows(store: Store, start: int, end: int, limit: int) -> list[Row]:
    """The windows of a range, highest risk first, endpoints before clients."""
    w = anomaly_log.c
    inside = select_windows().where(w.timestamp >= start, w.timestamp < end)
    order = (w.risk_score.desc(), w.subject.desc(), w.req_count.desc(), w.id)
    with store.read() as connection:
        return rows(connection, inside.order_by(*order).limit(limit))


def window_pages(
    store: Store, filters: Filters, limit: int | None = None, after: After | None = None
) -> Pages:
    """All windows, or the newest `limit` of them."""
    return _pages(store, _windows(filters), limit, after)


def call_pages(
    store: Store, filters: Filters, limit: int | None = None, after: After | None = None
) -> Pages:
    """All calls, or the newest `limit` of them."""
    return _pages(store, _calls(filters), limit, after)


def select_windows() -> Select[Any]:
    """All that a list shows of a window: not its histogram."""
    return select(*(column for column in anomaly_log.c if column.name != "latency_histogram"))


def rows(connection: Connection, statement: Select[Any]) -> list[Row]:
    """The rows of a query as dicts."""
    return [dict(row) for row in connection.execute(statement).mappings()]


def _windows(filters: Filters) -> Select[Any]:
    names = ("endpoint", "method", "client", "subject", "priority", "usage_cluster", "is_anomaly")
    return select_windows().where(*_conditions(anomaly_log, filters, names))


def _calls(filters: Filters) -> Select[Any]:
    columns = [column for column in api_log.c if column.name != "identity"]
    return select(*columns).where(*_call_conditions(filters))


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


def _page(store: Store, statement: Select[Any], limit: int, after: After | None) -> Page:
    with store.read() as connection:
        items = rows(connection, _next(statement, limit + 1, after))
    more = len(items) > limit
    items = items[:limit]
    return Page(items, (items[-1]["timestamp"], items[-1]["id"]) if more else None)


def _pages(store: Store, statement: Select[Any], limit: int | None, after: After | None) -> Pages:
    c = statement.selected_columns
    with store.read() as connection:
        last_id = connection.scalar(select(func.coalesce(func.max(c.id), 0)))
        statement = statement.where(c.id <= last_id)
        ends = [] if limit is None else _ends(connection, statement, limit, after)
    if len(ends) < 2:
        return Pages(tuple(c.keys()), None, _read_pages(store, statement, after))
    statement = statement.where(tuple_(c.timestamp, c.id) >= tuple_(*ends[0]))
    return Pages(tuple(c.keys()), ends[0], _read_pages(store, statement, after))


def _ends(
    connection: Connection, statement: Select[Any], limit: int, after: After | None
) -> list[After]:
    """Places of the last row within the limit and of the one after it, as far as there are any."""
    c = statement.selected_columns
    skipped = min(limit - 1, _NEWEST[1])
    places = _next(statement.with_only_columns(c.timestamp, c.id), 2, after).offset(skipped)
    return [(at, row_id) for at, row_id in connection.execute(places)]


def _read_pages(
    store: Store, statement: Select[Any], after: After | None
) -> Iterator[Sequence[Sequence[Any]]]:
    while True:
        with store.read() as connection:
            page = connection.execute(_next(statement, PAGE_ROWS, after)).all()
        if page:
            yield page
        if len(page) < PAGE_ROWS:
            return
        after = (page[-1].timestamp, page[-1].id)


def _next(statement: Select[Any], limit: int, after: After | None) -> Select[Any]:
    """The next rows of a list. The place is always given: it leads SQLite to the right index."""
    c = statement.selected_columns
    earlier = tuple_(c.timestamp, c.id) < tuple_(*(after or _NEWEST))
    return statement.where(earlier).order_by(c.timestamp.desc(), c.id.desc()).limit(limit)
