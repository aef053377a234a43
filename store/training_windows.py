"""Stored windows to learn a site from: a bounded, even sample with the scores they were given."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, Final

from sqlalchemy import ColumnElement, Connection, func, or_, select

from store.tables import FEATURE_COLUMNS, anomaly_log

MOST_WINDOWS: Final = 50_000  # of each subject; more take longer to fit and teach no more
STRETCH: Final = 120  # windows
_FACTOR: Final = 48_271  # of Park and Miller's generator: neighbours end up far from each other
_PRIME: Final = 2**31 - 1
_PARTS: Final = 1_000
COLUMNS: Final = (
    *("timestamp", "subject", "endpoint", "method", "client"),
    *FEATURE_COLUMNS,
    *("simulated_count", "risk_score", "priority", "thin"),
)
Row = tuple[Any, ...]


@dataclass(frozen=True)
class Span:
    """Which stored windows: `start <= timestamp < end`, and of clients what is scored lately.

    LOW client windows go long before the others: of an older time only the risky ones are left,
    and what is left of it is not what was normal.
    """

    start: int  # epoch ms
    end: int  # epoch ms
    window_ms: int  # of windows that overlap only every so many count
    clients_scored_since: int  # epoch ms
    with_simulated: bool = False

    def conditions(self) -> list[ColumnElement[bool]]:
        """The span as conditions on `anomaly_log`."""
        c = anomaly_log.c
        scored = func.coalesce(c.scored_at, c.timestamp)
        conditions = [
            c.timestamp >= self.start,
            c.timestamp < self.end,
            c.timestamp % self.window_ms == 0,
            or_(c.subject != "client", scored >= self.clients_scored_since),
        ]
        return conditions if self.with_simulated else [*conditions, c.simulated_count == 0]


def last_window(connection: Connection, until: int) -> int | None:
    """Start of the last stored window that began before `until` [epoch ms]."""
    c = anomaly_log.c.timestamp
    found: int | None = connection.scalar(select(func.max(c)).where(c < until))
    return found


def training_windows(connection: Connection, span: Span, most: int = MOST_WINDOWS) -> list[Row]:
    """Windows of a span with the columns of `COLUMNS`, by time.

    Of about `most` of a subject no more: stretches are left out, in no rhythm of hours or days.
    """
    rows: list[Row] = []
    for subject, count in _counts(connection, span).items():
        share = _PARTS * most // count
        stretch = span.window_ms * _stretch(subject, share)
        chosen = anomaly_log.c.timestamp // stretch * _FACTOR % _PRIME % _PARTS < share
        rows += _rows(connection, span, anomaly_log.c.subject == subject, chosen)
    return rows


def _stretch(subject: str, share: int) -> int:
    """Windows in a row that are kept or left out together: what an endpoint is like needs a past.

    Of a store so large that few such stretches could be kept, single minutes are.
    """
    return STRETCH if subject == "endpoint" and share >= _PARTS // 20 else 1


def risky_windows(
    connection: Connection, span: Span, *, max_error_rate: float, max_avg_response_ms: float
) -> list[Row]:
    """All HIGH windows of a span and all failing ones that are not thin; columns of `COLUMNS`."""
    c = anomaly_log.c
    beyond = or_(c.error_rate > max_error_rate, c.avg_response_time > max_avg_response_ms)
    return _rows(connection, span, or_(c.priority == "HIGH", (c.thin == 0) & beyond))


def _counts(connection: Connection, span: Span) -> dict[str, int]:
    c = anomaly_log.c
    statement = select(c.subject, func.count()).where(*span.conditions()).group_by(c.subject)
    return {row[0]: row[1] for row in connection.execute(statement)}


def _rows(connection: Connection, span: Span, *conditions: ColumnElement[bool]) -> list[Row]:
    c = anomaly_log.c
    columns = (c[name] for name in COLUMNS)
    statement = select(*columns).where(*span.conditions(), *conditions)
    return [tuple(row) for row in connection.execute(statement.order_by(c.timestamp, c.id))]
