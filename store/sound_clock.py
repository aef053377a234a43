"""What is known of the clock by which rows grow old, and times that a wrong clock left behind."""

from __future__ import annotations

from dataclasses import asdict, dataclass
from typing import Any, Final

from sqlalchemy import Connection, func, or_, select, update
from sqlalchemy.dialects import postgresql, sqlite

from store.tables import anomaly_log, api_log, meta

DAY_MS: Final = 86_400_000  # that a row may come later than the others of its time
_PREFIX: Final = "clock_"  # in `meta`


@dataclass(frozen=True)
class ClockState:
    """What retention saw of the clock."""

    seen_at: int  # at its last run [epoch ms]
    owed_ms: int  # that the clock still has to run evenly before it is believed
    sound_at: int = 0  # at the last run that believed it [epoch ms]
    call_id: int = 0  # of the newest call then
    window_id: int = 0  # of the newest window then


def clock_state(connection: Connection) -> ClockState | None:
    """What the last run noted; None before the first."""
    named = meta.c.name.like(_PREFIX + "%")
    found = {row.name: row.value for row in connection.execute(select(meta).where(named))}
    values = {name: found.get(_PREFIX + name) for name in ClockState.__dataclass_fields__}
    known = {name: value for name, value in values.items() if value is not None}
    return ClockState(**known) if {"seen_at", "owed_ms"} <= known.keys() else None


def save_clock_state(connection: Connection, state: ClockState) -> None:
    """Note what a run saw."""
    insert: Any = (sqlite if connection.dialect.name == "sqlite" else postgresql).insert(meta)
    statement = insert.on_conflict_do_update(
        index_elements=["name"], set_={"value": insert.excluded.value}
    )
    rows = [{"name": _PREFIX + name, "value": value} for name, value in asdict(state).items()]
    connection.execute(statement, rows)


def newest_ids(connection: Connection) -> tuple[int, int]:
    """The highest id of any call and of any window, 0 where there is none."""
    calls, windows = (
        connection.scalar(select(func.max(table.c.id))) or 0 for table in (api_log, anomaly_log)
    )
    return calls, windows


def date_calls(connection: Connection, ids: tuple[int, int], since: int, now: int) -> int:
    """Let calls that came by a wrong clock have come now, so that they grow old like all others.

    Parameters
    ----------
    ids : tuple of int
        Calls with an id above the first, up to the second, are looked at.
    since : int
        They came after this [epoch ms]; more than a day earlier can't be.
    now : int
        The clock, which is right [epoch ms]; later can't be.

    Returns
    -------
    int
        Calls that were changed.
    """
    return _date(connection, api_log.c.received_at, ids, since, now)


def date_windows(connection: Connection, ids: tuple[int, int], since: int, now: int) -> int:
    """As `date_calls`, for when windows were scored."""
    return _date(connection, anomaly_log.c.scored_at, ids, since, now)


def _date(connection: Connection, at: Any, ids: tuple[int, int], since: int, now: int) -> int:
    id = at.table.c.id
    wrong = or_(at > now, at < since - DAY_MS)
    statement = update(at.table).where(id > ids[0], id <= ids[1], wrong).values({at: now})
    return connection.execute(statement).rowcount
