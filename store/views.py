"""What pages and REST show, from one place so that they can't disagree.

Everything reads windows (the per-minute roll-up); raw calls are read only for minutes that are not
scored yet or lie half inside the range, and for the log itself. Times are epoch milliseconds, a
range is `[start, end)`. Each function opens one reading transaction: its numbers belong together.
"""

from __future__ import annotations

import json
from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Any, Final

from sqlalchemy import (
    ColumnElement,
    Connection,
    Integer,
    Select,
    case,
    cast,
    func,
    select,
    text,
    union,
)
from sqlalchemy import literal as sql_literal

from store import reads
from store.engine import Store
from store.lists import Row, rows, select_windows
from store.tables import anomaly_log, api_log, dirty_window

MINUTE_MS: Final = 60_000
MAX_RISK_POINTS: Final = 180
_BUCKETS_MS: Final = tuple(m * MINUTE_MS for m in (1, 2, 5, 10, 15, 30, 60, 120, 360, 720, 1440))
STALE_AFTER_MS: Final = 150_000  # two missed minutes and the grace of late rows
_W = anomaly_log.c


@dataclass(frozen=True)
class Totals:
    """Counts of a range: calls as they came in, windows of both subjects as they were scored."""

    calls: int = 0
    errors: int = 0
    simulated_calls: int = 0
    windows: int = 0
    anomalies: int = 0
    high: int = 0
    medium: int = 0
    low: int = 0
    bot_windows: int = 0
    average_risk: float | None = None
    average_response_ms: float | None = None


@dataclass(frozen=True)
class RiskPoint:
    """Risk of all windows that start in one bucket of time."""

    start: int
    maximum: float
    mean: float
    anomalies: int


@dataclass(frozen=True)
class EndpointRisk:
    """Anomalous windows of one endpoint and method."""

    endpoint: str
    method: str
    anomalies: int
    windows: int
    maximum_risk: float


@dataclass(frozen=True)
class Overview:
    """What the Overview page shows of a range; `previous` is the equal range before it."""

    totals: Totals
    previous: Totals
    previous_since: int | None  # start of the first window in that range
    bucket_ms: int
    risk: list[RiskPoint]
    endpoints: list[EndpointRisk]
    risky: list[Row]


@dataclass(frozen=True)
class Freshness:
    """How far the scores are behind the calls."""

    last_call_at: int | None
    last_window_end: int | None
    scored_at: int | None  # last successful run of the scoring job
    error: str | None  # why the last run failed, None when it did not
    stale: bool
    unscored_steps: int
    calls_lost: int


@dataclass(frozen=True)
class EndpointAnalytics:
    """One endpoint over a range; `points` sums its windows by `bucket_ms`, oldest first."""

    totals: Totals
    status_counts: dict[str, int]
    latency_histograms: list[bytes] = field(repr=False)
    bucket_ms: int
    points: list[Row] = field(repr=False)


def totals(store: Store, start: int, end: int) -> Totals:
    """Counts of a range."""
    with store.read() as connection:
        return _totals(connection, store, start, end)


def overview(
    store: Store, start: int, end: int, *, endpoints: int = 8, risky: int = 50
) -> Overview:
    """Everything the Overview page shows.

    Parameters
    ----------
    start, end : int
        Range [epoch ms].
    endpoints, risky : int
        Most endpoints and risky windows to return.
    """
    bucket_ms = risk_bucket_ms(start, end)
    with store.read() as connection:
        return Overview(
            totals=_totals(connection, store, start, end),
            previous=_totals(connection, store, 2 * start - end, start),
            previous_since=connection.scalar(
                select(func.min(_W.timestamp)).where(
                    _W.timestamp >= 2 * start - end, _W.timestamp < start
                )
            ),
            bucket_ms=bucket_ms,
            risk=_risk_points(connection, store, start, end, bucket_ms),
            endpoints=_endpoint_risks(connection, store, start, end, endpoints),
            risky=_risky_windows(connection, start, end, risky),
        )


def risk_bucket_ms(start: int, end: int) -> int:
    """The finest bucket that gives at most MAX_RISK_POINTS points."""
    fitting = (b for b in _BUCKETS_MS if (end - start) / b <= MAX_RISK_POINTS)
    return next(
        fitting, _BUCKETS_MS[-1] * max(1, (end - start) // (_BUCKETS_MS[-1] * MAX_RISK_POINTS))
    )


def data_range(store: Store) -> tuple[int, int] | None:
    """The range of all calls and windows [epoch ms], None without any; either may be older."""
    spans = ((api_log.c.timestamp, 1), (_W.timestamp, store.window_ms))
    with store.read() as connection:
        first = [connection.scalar(select(func.min(at))) for at, _ in spans]
        last = [connection.scalar(select(func.max(at) + length)) for at, length in spans]
    starts, ends = ([t for t in times if t is not None] for times in (first, last))
    return (min(starts), max(ends)) if starts else None


def freshness(store: Store, now: int) -> Freshness:
    """How far scores are behind; stale when a closed window waits or the job failed or ended."""
    with store.read() as connection:
        last_call = connection.execute(select(func.max(api_log.c.timestamp))).scalar_one()
        last_window = connection.execute(select(func.max(_W.timestamp))).scalar_one()
        overdue = now - store.window_ms - STALE_AFTER_MS
        waiting, oldest = connection.execute(
            select(func.count(), func.min(dirty_window.c.start)).where(
                dirty_window.c.start <= now - store.window_ms
            )
        ).one()
        run = reads.job_runs(connection).get("scoring", {})
        lost = reads.counters(connection).get("calls_lost", 0)
    scored_at = run.get("succeeded_at")
    stopped = scored_at is not None and scored_at < now - STALE_AFTER_MS
    behind = oldest is not None and oldest <= overdue and (scored_at is None or stopped)
    return Freshness(
        last_call_at=last_call,
        last_window_end=None if last_window is None else last_window + store.window_ms,
        scored_at=scored_at,
        error=run.get("error"),
        stale=bool(run.get("error")) or stopped or behind,
        unscored_steps=waiting,
        calls_lost=lost,
    )


def endpoint_analytics(
    store: Store, endpoint: str, method: str | None, start: int, end: int
) -> EndpointAnalytics:
    """One endpoint, all its methods unless one is named; all zero and empty without windows."""
    bucket_ms = risk_bucket_ms(start, end)
    inside = (
        *_of_endpoint(anomaly_log, endpoint, method),
        _W.subject == "endpoint",
        *_aligned(store),
        _W.timestamp >= start,
        _W.timestamp < end,
    )
    status: Counter[str] = Counter()
    with store.read() as connection:
        sums = _totals(connection, store, start, end, endpoint, method)
        points = rows(connection, _endpoint_points(bucket_ms, inside))
        details = connection.execute(select(_W.status_counts, _W.latency_histogram).where(*inside))
        histograms = []
        for counts, histogram in details:
            status.update(json.loads(counts or "{}"))
            histograms += [histogram] if histogram is not None else []
    return EndpointAnalytics(sums, dict(sorted(status.items())), histograms, bucket_ms, points)


def _endpoint_points(bucket_ms: int, inside: Sequence[ColumnElement[bool]]) -> Select[Any]:
    calls = func.sum(_W.req_count)
    timed = func.sum(case((_W.avg_response_time.is_not(None), _W.req_count)))
    return (
        select(
            (_W.timestamp - _W.timestamp % bucket_ms).label("timestamp"),
            calls.label("req_count"),
            (func.sum(_W.error_rate * _W.req_count) / calls).label("error_rate"),
            (func.sum(_W.avg_response_time * _W.req_count) / timed).label("avg_response_time"),
            func.max(_W.max_response_time).label("max_response_time"),
            func.max(_W.risk_score).label("risk_score"),
            func.max(_W.failure_probability).label("failure_probability"),
            func.max(_W.anomaly_score).label("anomaly_score"),
        )
        .where(*inside)
        .group_by(text("1"))
        .order_by(text("1"))
    )


def _of_endpoint(table: Any, endpoint: str | None, method: str | None) -> list[ColumnElement[bool]]:
    given = {"endpoint": endpoint, "method": method}
    return [table.c[name] == value for name, value in given.items() if value is not None]


def is_known_endpoint(store: Store, endpoint: str) -> bool:
    """Whether any call or window has this endpoint."""
    with store.read() as connection:
        return any(
            connection.execute(select(t.c.id).where(t.c.endpoint == endpoint).limit(1)).first()
            for t in (anomaly_log, api_log)
        )


def _totals(
    connection: Connection,
    store: Store,
    start: int,
    end: int,
    endpoint: str | None = None,
    method: str | None = None,
) -> Totals:
    raw_starts = _raw_windows(store, start, end)
    scored = _window_sums(store, start, end, raw_starts)
    unscored = _raw_sums(store, start, end, raw_starts)
    windows, raw = (
        connection.execute(sums.where(*_of_endpoint(table, endpoint, method))).mappings().one()
        for sums, table in ((scored, anomaly_log), (unscored, api_log))
    )
    timed = (windows["timed"] or 0) + (raw["timed"] or 0)
    spent = (windows["spent"] or 0) + (raw["spent"] or 0)
    return Totals(
        calls=int((windows["calls"] or 0) + raw["calls"]),
        errors=int((windows["errors"] or 0) + (raw["errors"] or 0)),
        simulated_calls=int((windows["simulated"] or 0) + (raw["simulated"] or 0)),
        windows=windows["windows"],
        anomalies=windows["anomalies"] or 0,
        high=windows["high"] or 0,
        medium=windows["medium"] or 0,
        low=windows["low"] or 0,
        bot_windows=windows["bots"] or 0,
        average_risk=windows["risk"],
        average_response_ms=spent / timed if timed else None,
    )


def _raw_windows(store: Store, start: int, end: int) -> Any:
    """Starts of windows whose calls are counted one by one: unscored, or cut by the range."""
    w = store.window_ms
    begin = start - start % w
    dirty = select(dirty_window.c.start).where(
        dirty_window.c.start % w == 0, dirty_window.c.start >= begin, dirty_window.c.start < end
    )
    cut = {t - t % w for t in (start, end) if t % w}
    return union(dirty, *(select(sql_literal(t).label("start")) for t in cut)).cte("raw_windows")


def _window_sums(store: Store, start: int, end: int, raw_starts: Any) -> Any:
    counted = _W.timestamp.not_in(select(raw_starts.c.start)) & (_W.subject == "endpoint")
    timed = counted & _W.avg_response_time.is_not(None)
    return select(
        func.count().label("windows"),
        func.sum(_W.is_anomaly).label("anomalies"),
        func.sum(cast(_W.priority == "HIGH", Integer)).label("high"),
        func.sum(cast(_W.priority == "MEDIUM", Integer)).label("medium"),
        func.sum(cast(_W.priority == "LOW", Integer)).label("low"),
        func.sum(cast(_W.usage_cluster == "bot", Integer)).label("bots"),
        func.avg(_W.risk_score).label("risk"),
        func.sum(case((counted, _W.req_count))).label("calls"),
        func.sum(case((counted, func.round(_W.error_rate * _W.req_count)))).label("errors"),
        func.sum(case((counted, _W.simulated_count))).label("simulated"),
        func.sum(case((timed, _W.req_count))).label("timed"),
        func.sum(case((timed, _W.avg_response_time * _W.req_count))).label("spent"),
    ).where(*_aligned(store), _W.timestamp >= start, _W.timestamp < end)


def _raw_sums(store: Store, start: int, end: int, raw_starts: Any) -> Any:
    c = api_log.c
    inside = (c.timestamp >= raw_starts.c.start) & (
        c.timestamp < raw_starts.c.start + store.window_ms
    )
    return (
        select(
            func.count().label("calls"),
            func.sum(cast(c.status_code >= 400, Integer)).label("errors"),
            func.sum(cast(c.source == "simulated", Integer)).label("simulated"),
            func.count(c.response_time_ms).label("timed"),
            func.sum(c.response_time_ms).label("spent"),
        )
        .select_from(raw_starts.join(api_log, inside))
        .where(c.timestamp >= start, c.timestamp < end)
    )


def _risk_points(
    connection: Connection, store: Store, start: int, end: int, bucket_ms: int
) -> list[RiskPoint]:
    bucket = (_W.timestamp - _W.timestamp % bucket_ms).label("bucket")
    rows = connection.execute(
        select(bucket, func.max(_W.risk_score), func.avg(_W.risk_score), func.sum(_W.is_anomaly))
        .where(*_aligned(store), _W.timestamp >= start, _W.timestamp < end)
        .group_by("bucket")
        .order_by("bucket")
    )
    return [RiskPoint(at, float(top), float(mean), int(n)) for at, top, mean, n in rows]


def _endpoint_risks(
    connection: Connection, store: Store, start: int, end: int, limit: int
) -> list[EndpointRisk]:
    anomalies = func.sum(_W.is_anomaly)
    top = func.max(_W.risk_score)
    rows = connection.execute(
        select(_W.endpoint, _W.method, anomalies, func.count(), top)
        .where(
            *_aligned(store), _W.subject == "endpoint", _W.timestamp >= start, _W.timestamp < end
        )
        .group_by(_W.endpoint, _W.method)
        .order_by(anomalies.desc(), top.desc(), _W.endpoint, _W.method)
        .limit(limit)
    )
    return [EndpointRisk(e, m, int(n), int(all_), float(risk)) for e, m, n, all_, risk in rows]


def _risky_windows(connection: Connection, start: int, end: int, limit: int) -> list[Row]:
    risky = _W.priority.in_(("HIGH", "MEDIUM"))
    statement = select_windows().where(risky, _W.timestamp >= start, _W.timestamp < end)
    # Within a minute endpoints first: where one fails, its many clients are risky with it.
    order = (_W.timestamp.desc(), _W.subject.desc(), _W.risk_score.desc(), _W.id.desc())
    return rows(connection, statement.order_by(*order).limit(limit))


def _aligned(store: Store) -> tuple[ColumnElement[bool], ...]:
    """Only windows that don't overlap, also where some were scored while windows slid."""
    return (_W.timestamp % store.window_ms == 0,)
