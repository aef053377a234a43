"""What people said of windows: false alarm or confirmed. The last verdict on a window counts.

A verdict carries the features of its window, because windows go with retention.
"""

from __future__ import annotations

import json
from dataclasses import dataclass
from typing import Any, Final, NamedTuple

from sqlalchemy import ColumnElement, Connection, Select, Table, delete, func, select, text
from sqlalchemy.dialects import postgresql, sqlite

from store.tables import FEATURE_COLUMNS, anomaly_log, feedback

FALSE_ALARM: Final = "false_alarm"
CONFIRMED: Final = "confirmed"
VERDICTS: Final = (FALSE_ALARM, CONFIRMED)
SIMULATED_COUNT: Final = "simulated_count"  # kept beside the features: such windows never train
_KEY: Final = ("timestamp", "subject", "endpoint", "method", "client")


class UnknownWindowError(LookupError):
    """There is no such window."""


class WindowKey(NamedTuple):
    """What tells a window from every other."""

    timestamp: int  # start [epoch ms]
    subject: str
    endpoint: str
    method: str
    client: str | None


@dataclass(frozen=True)
class VerdictFilters:
    """Conditions on verdicts; None: no condition. `start` and `end` are of the window's start."""

    start: int | None = None
    end: int | None = None
    verdict: str | None = None
    subject: str | None = None
    endpoint: str | None = None
    method: str | None = None
    client: str | None = None


def window_key(connection: Connection, window_id: int) -> WindowKey:
    """The key of a stored window.

    Raises
    ------
    UnknownWindowError
        There is no window with this id.
    """
    columns = (anomaly_log.c[name] for name in _KEY)
    row = connection.execute(select(*columns).where(anomaly_log.c.id == window_id)).first()
    if row is None:
        raise UnknownWindowError(f"no window has the id {window_id!r}")
    return WindowKey(*row)


def save_verdict(
    connection: Connection, key: WindowKey, verdict: str, *, who: str, at: int
) -> dict[str, Any]:
    """Store what a person said of a window, with the window as it is now.

    Parameters
    ----------
    verdict : str
        One of `VERDICTS`.
    who : str
        The person.
    at : int
        When [epoch ms].

    Returns
    -------
    dict
        The row, as of `verdicts_page`.

    Raises
    ------
    UnknownWindowError
        No such window is stored.
    ValueError
        The verdict is of no known kind.
    """
    if verdict not in VERDICTS:
        raise ValueError(f"verdict {verdict!r} is none of {', '.join(VERDICTS)}")
    said = {"verdict": verdict, "who": who, "at": at, **_window_as_it_is(connection, key)}
    dialect = sqlite if connection.dialect.name == "sqlite" else postgresql
    statement = dialect.insert(feedback).values(**key._asdict(), **said)
    index = (*(feedback.c[name] for name in _KEY[:4]), func.coalesce(feedback.c.client, text("''")))
    connection.execute(statement.on_conflict_do_update(index_elements=index, set_=said))
    row = connection.execute(select(feedback).where(*_is(feedback, key))).mappings().one()
    return _row(dict(row))


def verdicts_page(
    connection: Connection,
    filters: VerdictFilters,
    limit: int,
    after: tuple[int, int] | None = None,
) -> list[dict[str, Any]]:
    """Verdicts, newest first, from the (`at`, `id`) of the last one of the page before.

    `features` is an object of feature -> value, and `simulated_count` is beside it.
    """
    c = feedback.c
    statement = select(feedback).where(*_conditions(filters))
    if after is not None:
        at, row_id = after
        statement = statement.where((c.at < at) | ((c.at == at) & (c.id < row_id)))
    return _rows(connection, statement.order_by(c.at.desc(), c.id.desc()).limit(limit))


def verdict_counts(connection: Connection) -> dict[str, int]:
    """Number of windows by verdict."""
    statement = select(feedback.c.verdict, func.count()).group_by(feedback.c.verdict)
    found = {row[0]: row[1] for row in connection.execute(statement)}
    return {verdict: found.get(verdict, 0) for verdict in VERDICTS}


def _window_as_it_is(connection: Connection, key: WindowKey) -> dict[str, Any]:
    row = connection.execute(select(anomaly_log).where(*_is(anomaly_log, key))).mappings().first()
    if row is None:
        raise UnknownWindowError(f"no such window is stored: {key._asdict()}")
    return {
        "features": json.dumps({name: row[name] for name in (*FEATURE_COLUMNS, SIMULATED_COUNT)}),
        "risk_score": row["risk_score"],
        "priority": row["priority"],
        "model_version": row["model_version"],
    }


def _is(table: Table, key: WindowKey) -> list[ColumnElement[bool]]:
    """Conditions of one window; a client of None is compared with IS."""
    return [table.c[name].is_not_distinct_from(value) for name, value in key._asdict().items()]


def _conditions(filters: VerdictFilters) -> list[ColumnElement[bool]]:
    c = feedback.c
    names = ("verdict", "subject", "endpoint", "method", "client")
    given = {name: getattr(filters, name) for name in names}
    conditions = [c[name] == value for name, value in given.items() if value is not None]
    if filters.start is not None:
        conditions.append(c.timestamp >= filters.start)
    if filters.end is not None:
        conditions.append(c.timestamp < filters.end)
    return conditions


def _rows(connection: Connection, statement: Select[Any]) -> list[dict[str, Any]]:
    return [_row(dict(row)) for row in connection.execute(statement).mappings()]


def _row(row: dict[str, Any]) -> dict[str, Any]:
    features = json.loads(row["features"])
    simulated = features.pop(SIMULATED_COUNT, 0)
    return {**row, "features": features, SIMULATED_COUNT: simulated}


def remove_verdicts(connection: Connection, before: int) -> None:
    """Remove those that were said before an instant [epoch ms]."""
    connection.execute(delete(feedback).where(feedback.c.at < before))
