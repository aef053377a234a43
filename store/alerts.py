"""Windows that somebody should look at, and who has: acknowledgements beside verdicts.

Both hang on the key of a window, not on its id.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from typing import Any, Final, NamedTuple

from sqlalchemy import (
    Connection,
    Select,
    Table,
    bindparam,
    delete,
    func,
    select,
    text,
    union_all,
)
from sqlalchemy.dialects import postgresql, sqlite

from store.feedback import UnknownWindowError, WindowKey
from store.lists import Row
from store.tables import acknowledgement, anomaly_log, feedback

MOST_WINDOWS: Final = 2_000  # of one read
RISKY: Final = ("HIGH", "MEDIUM")
COLUMNS: Final = (
    "id",
    "timestamp",
    "subject",
    "endpoint",
    "method",
    "client",
    "risk_score",
    "priority",
    "req_count",
    "error_rate",
    "avg_response_time",
    "thin",
    "simulated_count",
    "status_counts",
    "scored_at",
    "reasons",
    "causes",
)
_KEY: Final = WindowKey._fields
_NOTHING_SAID: Final[dict[str, Any]] = dict.fromkeys(
    ("verdict", "judged_by", "judged_at", "acknowledged_by", "acknowledged_at")
)


class RiskyWindows(NamedTuple):
    """Windows, newest first, each with what was said of it; `cut`: older ones are left out."""

    rows: list[Row]
    cut: bool


def risky_windows(
    connection: Connection, start: int, end: int, limit: int = MOST_WINDOWS
) -> RiskyWindows:
    """The newest MEDIUM and HIGH windows that start in a range.

    Rows have `COLUMNS`, and `verdict`, `judged_by`, `judged_at`, `acknowledged_by` and
    `acknowledged_at`, which are None where nothing was said.

    Parameters
    ----------
    start, end : int
        Range [epoch ms].
    limit : int
        Most windows.
    """
    c = anomaly_log.c
    newest = union_all(*(_newest(priority, start, end, limit + 1) for priority in RISKY)).subquery()
    ids = select(newest.c.id).order_by(newest.c.timestamp.desc(), newest.c.id.desc())
    statement = (
        select(*(c[name] for name in COLUMNS))
        .where(c.id.in_(ids.limit(limit + 1)))
        .order_by(c.timestamp.desc(), c.id.desc())
    )
    found = [dict(zip(COLUMNS, row, strict=True)) for row in connection.execute(statement).all()]
    kept = found[:limit]
    _add_what_was_said(connection, kept)
    return RiskyWindows(kept, len(found) > limit)


def windows_of(connection: Connection, ids: Sequence[int]) -> list[Row]:
    """Windows by id with what was said of them, in the order of the ids.

    Raises
    ------
    UnknownWindowError
        One of them is not stored; the message names it.
    """
    columns = (anomaly_log.c[name] for name in COLUMNS)
    statement = select(*columns).where(anomaly_log.c.id.in_(ids))
    by_id = {row["id"]: dict(row) for row in connection.execute(statement).mappings()}
    missing = [window_id for window_id in ids if window_id not in by_id]
    if missing:
        raise UnknownWindowError(f"no window has the id {missing[0]!r}")
    rows = [by_id[window_id] for window_id in ids]
    _add_what_was_said(connection, rows)
    return rows


def key_of(row: Mapping[str, Any]) -> WindowKey:
    """The key of a window's row."""
    return WindowKey(*(row[name] for name in _KEY))


def acknowledge(
    connection: Connection, keys: Iterable[WindowKey], *, who: str, at: int
) -> list[WindowKey]:
    """Note that somebody has seen windows; who has seen one first stays.

    Parameters
    ----------
    who : str
        The person.
    at : int
        When [epoch ms].

    Returns
    -------
    list of WindowKey
        Those that nobody had acknowledged before.
    """
    keys = list(dict.fromkeys(keys))
    known = {
        key_of(row) for row in _said(connection, acknowledgement, [key.timestamp for key in keys])
    }
    new = [key for key in keys if key not in known]
    if new:
        dialect = sqlite if connection.dialect.name == "sqlite" else postgresql
        statement = dialect.insert(acknowledgement).on_conflict_do_nothing()
        connection.execute(statement, [{**key._asdict(), "who": who, "at": at} for key in new])
    return new


def take_back(connection: Connection, keys: Iterable[WindowKey]) -> None:
    """Remove acknowledgements; windows without one do no harm."""
    _remove(connection, acknowledgement, keys)


def take_back_verdicts(connection: Connection, keys: Iterable[WindowKey]) -> None:
    """Remove verdicts; windows without one do no harm."""
    _remove(connection, feedback, keys)


def acknowledged_count(connection: Connection) -> int:
    """Number of windows that are acknowledged."""
    return int(connection.scalar(select(func.count()).select_from(acknowledgement)) or 0)


def remove_acknowledgements(connection: Connection, before: int) -> None:
    """Remove those of before an instant [epoch ms]: their windows are gone."""
    connection.execute(delete(acknowledgement).where(acknowledgement.c.at < before))


def _newest(priority: str, start: int, end: int, limit: int) -> Select[Any]:
    """Ids of one priority, which an index has in order of time."""
    c = anomaly_log.c
    of_one = (
        select(c.id, c.timestamp)
        .where(c.priority == priority, c.timestamp >= start, c.timestamp < end)
        .order_by(c.timestamp.desc(), c.id.desc())
        .limit(limit)
        .subquery()
    )
    return select(of_one.c.id, of_one.c.timestamp)


def _add_what_was_said(connection: Connection, rows: Sequence[Row]) -> None:
    for row in rows:
        row.update(_NOTHING_SAID)
    between = [row["timestamp"] for row in rows]
    said = {key_of(row): row for row in _said(connection, feedback, between)}
    seen = {key_of(row): row for row in _said(connection, acknowledgement, between)}
    for row in rows if said or seen else ():
        key = key_of(row)
        if key in said:
            verdict = said[key]
            row.update(
                verdict=verdict["verdict"], judged_by=verdict["who"], judged_at=verdict["at"]
            )
        if key in seen:
            row.update(acknowledged_by=seen[key]["who"], acknowledged_at=seen[key]["at"])


def _said(connection: Connection, table: Table, starts: Sequence[int]) -> list[Row]:
    """Rows of what was said of windows that start between the first and the last of these."""
    if not starts:
        return []
    at = table.c.timestamp
    names = (*_KEY, "who", "at", *(("verdict",) if "verdict" in table.c else ()))
    columns = (table.c[name] for name in names)
    statement = select(*columns).where(at >= min(starts), at <= max(starts))
    return [dict(zip(names, row, strict=True)) for row in connection.execute(statement).all()]


def _remove(connection: Connection, table: Table, keys: Iterable[WindowKey]) -> None:
    given = [{f"of_{name}": value for name, value in key._asdict().items()} for key in keys]
    if not given:
        return
    for values in given:
        values["of_client"] = values["of_client"] or ""
    conditions = [table.c[name] == bindparam(f"of_{name}") for name in _KEY[:4]]
    client = func.coalesce(table.c.client, text("''")) == bindparam("of_client")
    connection.execute(delete(table).where(*conditions, client), given)
