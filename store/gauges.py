"""What monitoring asks at each scrape; every query is a look at an index or at a small table."""

from __future__ import annotations

from typing import Any, Final

from sqlalchemy import Connection, func, select

from store.tables import anomaly_log, api_log, dirty_window, feedback

PRIORITIES: Final = ("HIGH", "MEDIUM", "LOW")
VERDICTS: Final = ("false_alarm", "confirmed")


def calls_stored(connection: Connection) -> int:
    """Calls stored since the database was made, also those that retention removed.

    It is the highest row number. PostgreSQL spends numbers on imported lines, too, that it has
    already; counting rows would take seconds for millions.
    """
    return _count(connection, select(func.coalesce(func.max(api_log.c.id), 0)))


def windows_by_priority(connection: Connection, since: int) -> dict[str, int]:
    """Windows that started at or after an instant [epoch ms]: priority -> number."""
    w = anomaly_log.c
    rows = connection.execute(
        select(w.priority, func.count())
        .where(w.priority.in_(PRIORITIES), w.timestamp >= since)
        .group_by(w.priority)
    )
    return dict.fromkeys(PRIORITIES, 0) | {priority: int(number) for priority, number in rows}


def windows_waiting(connection: Connection, until: int) -> int:
    """Window starts at or before an instant [epoch ms] with calls that are not scored yet."""
    waiting = select(func.count()).where(dirty_window.c.start <= until)
    return _count(connection, waiting)


def feedback_by_verdict(connection: Connection) -> dict[str, int]:
    """What people said of windows: verdict -> number."""
    rows = connection.execute(select(feedback.c.verdict, func.count()).group_by("verdict"))
    return dict.fromkeys(VERDICTS, 0) | {verdict: int(number) for verdict, number in rows}


def _count(connection: Connection, statement: Any) -> int:
    return int(connection.execute(statement).scalar_one())
