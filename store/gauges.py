"""What monitoring asks at each scrape; every query is a look at an index or at a small table."""

from __future__ import annotations

from typing import Any, Final

from sqlalchemy import Connection, func, select

from store.tables import anomaly_log, dirty_window, feedback

PRIORITIES: Final = ("HIGH", "MEDIUM", "LOW")
VERDICTS: Final = ("false_alarm", "confirmed")


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


def oldest_waiting(connection: Connection, since: int, until: int) -> int | None:
    """The first window start of `[since, until]` [epoch ms] with calls not scored yet."""
    start = dirty_window.c.start
    waiting = select(func.min(start)).where(start >= since, start <= until)
    oldest: int | None = connection.execute(waiting).scalar_one()
    return oldest


def feedback_by_verdict(connection: Connection) -> dict[str, int]:
    """What people said of windows: verdict -> number."""
    rows = connection.execute(select(feedback.c.verdict, func.count()).group_by("verdict"))
    return dict.fromkeys(VERDICTS, 0) | {verdict: int(number) for verdict, number in rows}


def _count(connection: Connection, statement: Any) -> int:
    return int(connection.execute(statement).scalar_one())
