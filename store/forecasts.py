"""Failure probabilities that were given, and by the hour what came of them."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any, Final, NamedTuple

import numpy as np
from sqlalchemy import Connection, bindparam, delete, func, literal_column, or_, select, text
from sqlalchemy.dialects import postgresql, sqlite

from store.columns import Columns, Selected, as_json, columns_of
from store.tables import anomaly_log, counter, dirty_window, forecast_bin, onset

HOUR_MS: Final = 3_600_000
UNMATCHED: Final = "(unmatched)"  # errors by definition: whether it "fails" is no forecast
_STRETCH_MS: Final = 300_000  # how finely `new_stretches` tells times apart
_W = anomaly_log.c
_SPACE: Final[Any] = literal_column("' '")
_GIVEN: Final[Selected] = {
    "timestamp": (_W.timestamp, np.int64),
    "name": (func.coalesce(_W.client, _W.method + _SPACE + _W.endpoint), object),
    "failure_probability": (_W.failure_probability, np.float64),
    "error_rate": (_W.error_rate, np.float64),
    "avg_response_time": (_W.avg_response_time, np.float64),  # NaN where not known
    "thin": (_W.thin, np.bool_),
}
_GIVEN_AS_JSON: Final = as_json(
    _GIVEN,
    _W.timestamp,
    _W.subject == bindparam("subject"),
    _W.endpoint != UNMATCHED,
    _W.timestamp % bindparam("window_ms") == 0,  # windows that do not overlap
)


class Progress(NamedTuple):
    """How far forecasts are compared; stored with the hours that were."""

    settled_until: int | None  # all hours before are final [epoch ms], None: nothing is compared
    seen_id: int  # windows up to this id are compared, or start after `settled_until`


class Onset(NamedTuple):
    """A failure that began, and what was forecast of it."""

    at: int  # start of the first failing window [epoch ms]
    warned_at: int | None  # start of the first warning window before it, None: there was none
    probability: float | None  # of the window just before, None: no forecast was possible


class Stretch(NamedTuple):
    """Times that got windows."""

    start: int  # [epoch ms]
    end: int
    first_id: int  # lowest id of the new windows


def given_between(
    connection: Connection, subject: str, start: int, end: int, window_ms: int
) -> Columns:
    """Forecasts of windows that start in `[start, end)` [epoch ms], arrays of n_windows.

    `name` is the client, or method and endpoint with a space between.
    """
    statement = _GIVEN_AS_JSON[connection.dialect.name]
    values = {"subject": subject, "start": start, "end": end, "window_ms": window_ms}
    return columns_of(connection.execute(statement, values).one(), _GIVEN)


def first_dirty(connection: Connection, start: int, end: int) -> int | None:
    """The first start of a window in `[start, end)` that waits to be scored [epoch ms]."""
    waiting = select(func.min(dirty_window.c.start)).where(
        dirty_window.c.start >= start, dirty_window.c.start < end
    )
    first: int | None = connection.execute(waiting).scalar_one()
    return first


def first_window(connection: Connection, start: int) -> int | None:
    """Start of the first window from an instant on [epoch ms]."""
    statement = select(func.min(_W.timestamp)).where(_W.timestamp >= start)
    first: int | None = connection.execute(statement).scalar_one()
    return first


def highest_window_id(connection: Connection) -> int:
    """The highest id of a window; when this returns, none below it is still being written.

    PostgreSQL gives ids before it commits, so this waits for who is writing; needs `Store.begin`.
    """
    if connection.dialect.name == "postgresql":
        connection.execute(text("LOCK TABLE anomaly_log IN SHARE MODE"))
    return connection.scalar(select(func.max(_W.id))) or 0


def new_stretches(
    connection: Connection, after_id: int, last_id: int, before: int
) -> list[Stretch]:
    """Times before an instant [epoch ms] that got windows with ids in `(after_id, last_id]`.

    In the order in which they got them.
    """
    start = (_W.timestamp - _W.timestamp % _STRETCH_MS).label("start")
    first_id = func.min(_W.id).label("first_id")
    rows = connection.execute(
        select(start, first_id)
        .where(_W.id > after_id, _W.id <= last_id, _W.timestamp < before)
        .group_by("start")
        .order_by("first_id")
    )
    return [Stretch(at, at + _STRETCH_MS, lowest) for at, lowest in rows]


def progress(connection: Connection) -> Progress:
    """How far forecasts are compared."""
    names = [f"forecasts_{name}" for name in Progress._fields]
    rows = connection.execute(select(counter).where(counter.c.name.in_(names)))
    found = {row.name: row.value for row in rows}
    return Progress(found.get(names[0]), found.get(names[1], 0))


def save_progress(connection: Connection, now: Progress) -> None:
    """Note how far forecasts are compared."""
    insert = (sqlite if connection.dialect.name == "sqlite" else postgresql).insert(counter)
    connection.execute(
        insert.on_conflict_do_update(
            index_elements=["name"], set_={"value": insert.excluded["value"]}
        ),
        [{"name": f"forecasts_{name}", "value": value} for name, value in now._asdict().items()],
    )


def windows_compared(connection: Connection, subject: str, hour: int) -> int:
    """Number of forecasts in the stored bins of an hour."""
    b = forecast_bin.c
    compared = select(func.sum(b.windows)).where(b.subject == subject, b.timestamp == hour)
    return connection.scalar(compared) or 0


def replace_hour(
    connection: Connection,
    subject: str,
    hour: int,
    bins: Iterable[dict[str, Any]],
    onsets: Iterable[dict[str, Any]],
) -> None:
    """Store what came of the forecasts of an hour; what was stored of it goes.

    Parameters
    ----------
    bins, onsets : iterable of dict
        Columns of `forecast_bin` without timestamp and subject; of `onset` without subject.
    """
    b, o = forecast_bin.c, onset.c
    connection.execute(delete(forecast_bin).where(b.subject == subject, b.timestamp == hour))
    inside = (o.timestamp >= hour, o.timestamp < hour + HOUR_MS)
    connection.execute(delete(onset).where(o.subject == subject, *inside))
    key = {"timestamp": hour, "subject": subject}
    for table, rows in ((forecast_bin, bins), (onset, onsets)):
        if values := [key | row for row in rows]:
            connection.execute(table.insert(), values)


def remove_outcomes(connection: Connection, before: int) -> None:
    """Remove hours before an instant [epoch ms] of which no window is left.

    Those of an imported old log stay as long as its windows do.
    """
    for table in (forecast_bin, onset):
        at = table.c.timestamp
        hour = at - at % HOUR_MS
        left = select(_W.id).where(_W.timestamp >= hour, _W.timestamp < hour + HOUR_MS)
        connection.execute(delete(table).where(at < before, ~left.exists()))


def first_compared(connection: Connection, subject: str) -> int | None:
    """The first hour of which forecasts were compared [epoch ms]."""
    b = forecast_bin.c
    first: int | None = connection.scalar(select(func.min(b.timestamp)).where(b.subject == subject))
    return first


def bins_between(
    connection: Connection, subject: str, start: int, end: int
) -> list[tuple[int, int, int, float, float]]:
    """Bins of the hours that start in `[start, end)`, added up.

    Returns
    -------
    list of tuple
        Number of the bin, windows, failed, sum of probabilities, sum of squared errors.
    """
    b = forecast_bin.c
    sums = (func.sum(c) for c in (b.windows, b.failed, b.probability_sum, b.squared_error_sum))
    rows = connection.execute(
        select(b.bin, *sums)
        .where(b.subject == subject, b.timestamp >= start, b.timestamp < end)
        .group_by(b.bin)
        .order_by(b.bin)
    )
    return [(n, int(windows), int(failed), p, e) for n, windows, failed, p, e in rows]


def leads_between(
    connection: Connection, subject: str, start: int, end: int
) -> dict[int | None, int]:
    """Onsets in `[start, end)` that a forecast was possible for, by the time of their warning [ms].

    None is the key of those that nothing warned of.
    """
    lead = (onset.c.timestamp - onset.c.warned_at).label("lead")
    rows = connection.execute(
        select(lead, func.count())
        .where(*_onsets(subject, start, end), _forecast_was_possible())
        .group_by("lead")
    )
    return {lead: int(count) for lead, count in rows}


def unforeseeable_between(connection: Connection, subject: str, start: int, end: int) -> int:
    """Number of onsets in `[start, end)` of subjects that were not seen just before."""
    inside = (*_onsets(subject, start, end), ~_forecast_was_possible())
    return connection.execute(select(func.count()).select_from(onset).where(*inside)).scalar_one()


def endpoint_onsets(
    connection: Connection, endpoint: str, method: str | None, start: int, end: int
) -> list[Onset]:
    """Failures of an endpoint that began in `[start, end)` [epoch ms], by time.

    Of all its methods where none is named.
    """
    o = onset.c
    found = select(o.timestamp, o.warned_at, o.probability).where(
        *_onsets("endpoint", start, end), o.endpoint == endpoint
    )
    if method is not None:
        found = found.where(o.method == method)
    rows = connection.execute(found.order_by(o.timestamp, o.method))
    return [Onset(*row) for row in rows]


def _onsets(subject: str, start: int, end: int) -> tuple[Any, ...]:
    o = onset.c
    return o.subject == subject, o.timestamp >= start, o.timestamp < end


def _forecast_was_possible() -> Any:
    return or_(onset.c.probability.is_not(None), onset.c.warned_at.is_not(None))
