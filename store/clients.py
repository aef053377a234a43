"""One client over a range, and who there is: read from client windows, each by an index.

LOW client windows are removed after a day, so that longer ranges hold the risky minutes alone.
Times are epoch milliseconds, a range is `[start, end)`.
"""

from __future__ import annotations

import json
from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass, field, replace
from typing import Any, Final

from sqlalchemy import ColumnElement, Connection, Integer, case, cast, func, select

from store.client_calls import ClientCalls, calls_of_client, last_call_at
from store.endangered import Endangering, Minute, endangering
from store.engine import Store
from store.lists import Row, rows, select_windows
from store.tables import anomaly_log
from store.views import risk_bucket_ms

READ_SECONDS: Final = 5.0
MOST_RISKY_SHOWN: Final = 100
MOST_WINDOWS_OF_BUCKET: Final = 500
MOST_CALLS_OF_BUCKET: Final = 500
MOST_EXPLAINED: Final = 1_000  # risky windows whose reasons are looked at
_CLUSTERS: Final = ("normal", "heavy", "bot")
_W = anomaly_log.c


@dataclass(frozen=True)
class ClientPoint:
    """One client in one bucket of time."""

    start: int
    windows: int
    calls: int
    errors: int
    simulated_calls: int
    average_ms: float | None
    max_ms: float | None
    maximum: float  # risk, highest of its windows
    mean: float  # risk
    anomalies: int
    anomaly_score: float  # highest
    risky: int  # windows of MEDIUM and above
    calls_by_cluster: dict[str, int]  # usage cluster of the windows -> their calls
    reasons: str | None = None  # JSON, of the riskiest window when that is MEDIUM or above


@dataclass(frozen=True)
class ClientView:
    """What the page of a client shows of a range."""

    bucket_ms: int
    last_at: int | None  # its last window or call of all that are stored; None: never seen
    points: list[ClientPoint] = field(default_factory=list)
    newest: Row | None = None  # newest window of the range
    cluster_since: int | None = None  # first window of the run in the usage cluster of `newest`
    risky: list[Row] = field(default_factory=list)  # newest first
    status_counts: dict[str, int] = field(default_factory=dict)  # status code -> calls
    endangering: Endangering = field(default_factory=Endangering)
    calls: ClientCalls = field(default_factory=ClientCalls)


@dataclass(frozen=True)
class Selection:
    """Windows and calls of one client in one bucket."""

    windows: list[Row]  # newest first, also the LOW ones
    calls: ClientCalls


def client_view(store: Store, client: str, start: int, end: int) -> ClientView:
    """Everything that the page of a client shows, in one reading transaction.

    Parameters
    ----------
    client : str
        User, address, or `(other)`, as windows name it.
    start, end : int
        Range [epoch ms].

    Raises
    ------
    TooSlow
        It took longer than `READ_SECONDS`.
    """
    bucket_ms = risk_bucket_ms(start, end)
    inside = _inside(store, client, start, end)
    with store.read_within(READ_SECONDS) as connection:
        points = _points(connection, bucket_ms, inside)
        calls = calls_of_client(connection, store, client, start, end)
        if not points and not calls.newest:
            return ClientView(bucket_ms, _last_at(connection, client))
        newest = _newest(connection, inside)
        minutes = _minutes(connection, inside)
        return ClientView(
            bucket_ms,
            max(row["timestamp"] for row in (newest, *calls.newest[:1]) if row),
            points,
            newest,
            _cluster_since(minutes),
            rows(connection, _risky(inside).limit(MOST_RISKY_SHOWN)),
            _status_counts(minutes),
            endangering(connection, client, minutes),
            calls,
        )


def client_selection(store: Store, client: str, start: int, end: int) -> Selection:
    """Windows and calls of a client in one bucket; raises like `client_view`."""
    inside = _inside(store, client, start, end)
    windows = select_windows().where(*inside).order_by(_W.timestamp.desc(), _W.id.desc())
    with store.read_within(READ_SECONDS) as connection:
        return Selection(
            rows(connection, windows.limit(MOST_WINDOWS_OF_BUCKET)),
            calls_of_client(connection, store, client, start, end, MOST_CALLS_OF_BUCKET),
        )


def _inside(store: Store, client: str, start: int, end: int) -> tuple[ColumnElement[bool], ...]:
    """Windows of the client in the range that don't overlap."""
    return (
        _W.client == client,
        _W.timestamp >= start,
        _W.timestamp < end,
        _W.timestamp % store.window_ms == 0,
        _W.subject == "client",
    )


def _points(
    connection: Connection, bucket_ms: int, inside: Sequence[ColumnElement[bool]]
) -> list[ClientPoint]:
    bucket = (_W.timestamp - _W.timestamp % bucket_ms).label("start")
    timed = _W.avg_response_time.is_not(None)
    clusters = {
        c: func.sum(case((_W.usage_cluster == c, _W.req_count), else_=0)) for c in _CLUSTERS
    }
    found = connection.execute(
        select(
            bucket,
            func.count().label("windows"),
            func.sum(_W.req_count).label("calls"),
            func.sum(func.round(_W.error_rate * _W.req_count)).label("errors"),
            func.sum(_W.simulated_count).label("simulated"),
            func.sum(case((timed, _W.req_count))).label("timed"),
            func.sum(case((timed, _W.avg_response_time * _W.req_count))).label("spent"),
            func.max(_W.max_response_time).label("max_ms"),
            func.max(_W.risk_score).label("maximum"),
            func.avg(_W.risk_score).label("mean"),
            func.sum(_W.is_anomaly).label("anomalies"),
            func.max(_W.anomaly_score).label("anomaly_score"),
            func.sum(cast(_W.priority != "LOW", Integer)).label("risky"),
            *(total.label(name) for name, total in clusters.items()),
        )
        .where(*inside)
        .group_by("start")
        .order_by("start")
    ).mappings()
    points = [_point(row) for row in found]
    if not any(point.risky for point in points):
        return points
    reasons = _reasons_by_bucket(connection, bucket_ms, inside)
    return [replace(point, reasons=reasons.get(point.start)) for point in points]


def _point(row: Any) -> ClientPoint:
    return ClientPoint(
        start=row["start"],
        windows=row["windows"],
        calls=int(row["calls"]),
        errors=int(row["errors"]),
        simulated_calls=int(row["simulated"]),
        average_ms=row["spent"] / row["timed"] if row["timed"] else None,
        max_ms=row["max_ms"],
        maximum=float(row["maximum"]),
        mean=float(row["mean"]),
        anomalies=int(row["anomalies"]),
        anomaly_score=float(row["anomaly_score"]),
        risky=int(row["risky"]),
        calls_by_cluster={name: int(row[name]) for name in _CLUSTERS if row[name]},
    )


def _reasons_by_bucket(
    connection: Connection, bucket_ms: int, inside: Sequence[ColumnElement[bool]]
) -> dict[int, str | None]:
    """Reasons of the riskiest window of each bucket, as stored."""
    riskiest: dict[int, tuple[float, str | None]] = {}
    found = _risky(inside).with_only_columns(_W.timestamp, _W.risk_score, _W.reasons)
    for at, risk, reasons in connection.execute(found.limit(MOST_EXPLAINED)):
        bucket = at - at % bucket_ms
        if risk > riskiest.get(bucket, (-1.0, None))[0]:
            riskiest[bucket] = (risk, reasons)
    return {bucket: reasons for bucket, (_, reasons) in riskiest.items()}


def _risky(inside: Sequence[ColumnElement[bool]]) -> Any:
    statement = select_windows().where(*inside, _W.priority != "LOW")
    return statement.order_by(_W.timestamp.desc(), _W.id.desc())


def _newest(connection: Connection, inside: Sequence[ColumnElement[bool]]) -> Row | None:
    found = select_windows().where(*inside).order_by(_W.timestamp.desc()).limit(1)
    return next(iter(rows(connection, found)), None)


def _minutes(connection: Connection, inside: Sequence[ColumnElement[bool]]) -> list[Minute]:
    """What is looked at of every window of the client, newest first."""
    columns = (_W.timestamp, _W.priority, _W.usage_cluster, _W.status_counts)
    statement = select(*columns).where(*inside).order_by(_W.timestamp.desc())
    return [Minute(*row) for row in connection.execute(statement).all()]


def _cluster_since(minutes: Sequence[Minute]) -> int | None:
    """Start of the first window of the run of windows in the usage cluster of the newest."""
    since = None
    for minute in minutes:
        if minute.cluster != minutes[0].cluster:
            break
        since = minute.start
    return since


def _status_counts(minutes: Sequence[Minute]) -> dict[str, int]:
    """Calls by status code; most windows of a client say the same, so each text is read once."""
    counted: Counter[str] = Counter()
    for text, times in Counter(minute.statuses for minute in minutes).items():
        for code, calls in json.loads(text or "{}").items():
            counted[code] += calls * times
    return dict(sorted(counted.items()))


def _last_at(connection: Connection, client: str) -> int | None:
    """When the client was last seen, in any time."""
    window = connection.scalar(
        select(func.max(_W.timestamp)).where(_W.client == client, _W.subject == "client")
    )
    known = [at for at in (window, last_call_at(connection, client)) if at is not None]
    return max(known, default=None)
