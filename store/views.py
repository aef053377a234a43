"""What pages and REST show, from one place so that they can't disagree.

Everything reads windows (the per-minute roll-up); raw calls are read only for minutes that are not
scored yet or lie half inside the range, and for the log itself. Times are epoch milliseconds, a
range is `[start, end)`. Each function opens one reading transaction: its numbers belong together.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import Final

from sqlalchemy import ColumnElement, Connection, Integer, and_, cast, func, or_, select

from store import endpoints, reads, rollups
from store.engine import Store
from store.lists import Row, rows, select_windows
from store.rollups import HOUR_MS, MINUTE_MS, Range, Sums, without
from store.tables import anomaly_log, api_log, dirty_window

MAX_RISK_POINTS: Final = 180
MOST_ENDPOINTS: Final = 100  # that health is judged by
MOST_RAW_WINDOWS: Final = 60  # not scored yet; of older ones only what is scored counts
MOST_RAW_CALLS: Final = 500_000
_BUCKETS_MS: Final = tuple(m * MINUTE_MS for m in (1, 2, 5, 10, 20, 30, 60, 120, 360, 720, 1440))
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
    """One endpoint over a range: counts to the call, and its windows as a series."""

    totals: Totals
    series: endpoints.EndpointSeries


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


def recent(store: Store, start: int, end: int) -> tuple[Totals, list[EndpointRisk]]:
    """Counts of a range and its endpoints, those with most anomalies first."""
    with store.read() as connection:
        totals = _totals(connection, store, start, end)
        return totals, _endpoint_risks(connection, store, start, end, MOST_ENDPOINTS)


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
    found = endpoints.endpoint_series(store, endpoint, method, start, end)
    with store.read() as connection:
        sums = _totals(connection, store, start, end, endpoint, method)
    return EndpointAnalytics(sums, found)


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
    """Windows as they were scored; calls of those, but of raw windows as they were logged."""
    raw = _raw_ranges(connection, store, start, end)
    sums = _sums_within(connection, store, without(start, end, raw), endpoint, method)
    uncounted = [(at, min(to, end)) for at, to in raw if at >= start]
    of_raw = _sums_within(connection, store, uncounted, endpoint, method)
    logged = [(max(at, start), min(to, end)) for at, to in raw]
    calls, errors, simulated, timed, spent = _raw_sums(connection, logged, endpoint, method)
    windows = sums.windows + of_raw.windows
    high, medium = sums.high + of_raw.high, sums.medium + of_raw.medium
    timed += sums.timed
    return Totals(
        calls=sums.calls + calls,
        errors=sums.errors + errors,
        simulated_calls=sums.simulated + simulated,
        windows=windows,
        anomalies=sums.anomalies + of_raw.anomalies,
        high=high,
        medium=medium,
        low=windows - high - medium,
        bot_windows=sums.bots + of_raw.bots,
        average_risk=(sums.risk_sum + of_raw.risk_sum) / windows if windows else None,
        average_response_ms=(sums.spent_ms + spent) / timed if timed else None,
    )


def _raw_ranges(connection: Connection, store: Store, start: int, end: int) -> list[Range]:
    """Windows whose calls are counted one by one: unscored, or cut by the range."""
    w = store.window_ms
    dirty = connection.scalars(
        select(dirty_window.c.start)
        .where(
            dirty_window.c.start % w == 0,
            dirty_window.c.start >= start - start % w,
            dirty_window.c.start < end,
        )
        .order_by(dirty_window.c.start.desc())
        .limit(MOST_RAW_WINDOWS)
    )
    cut = {t - t % w for t in (start, end) if t % w}
    return [(at, at + w) for at in sorted({*dirty, *cut})]


def _sums_within(
    connection: Connection,
    store: Store,
    ranges: Sequence[Range],
    endpoint: str | None,
    method: str | None,
) -> Sums:
    """Windows that start in the ranges, of clients too if all endpoints are meant."""
    total = Sums()
    if not ranges:
        return total
    if endpoint is not None:
        of_one = rollups.endpoint_sums(
            connection, ranges, HOUR_MS, store.window_ms, endpoint, method
        )
        for sums in of_one.values():
            total.add(sums)
        return total
    for key, sums in rollups.total_sums(connection, ranges, None, store.window_ms).items():
        if key.subject != "endpoint":  # these are the same calls again
            sums = replace(sums, calls=0, errors=0, simulated=0, timed=0, spent_ms=0.0)
        total.add(sums)
    return total


def _raw_sums(
    connection: Connection, ranges: Sequence[Range], endpoint: str | None, method: str | None
) -> tuple[int, int, int, int, float]:
    """Calls, errors, simulated ones, ones with a response time, and the sum of these times [ms]."""
    if not ranges:
        return 0, 0, 0, 0, 0.0
    c = api_log.c
    inside = or_(*(and_(c.timestamp >= start, c.timestamp < end) for start, end in ranges))
    calls = (
        select(c.status_code, c.source, c.response_time_ms)
        .where(inside, *_of_endpoint(endpoint, method))
        .limit(MOST_RAW_CALLS)
        .subquery()
        .c
    )
    sums = connection.execute(
        select(
            func.count(),
            func.sum(cast(calls.status_code >= 400, Integer)),
            func.sum(cast(calls.source == "simulated", Integer)),
            func.count(calls.response_time_ms),
            func.sum(calls.response_time_ms),
        )
    ).one()
    return tuple(value or 0 for value in sums)  # type: ignore[return-value]


def _of_endpoint(endpoint: str | None, method: str | None) -> list[ColumnElement[bool]]:
    given = {"endpoint": endpoint, "method": method}
    return [api_log.c[name] == value for name, value in given.items() if value is not None]


def _risk_points(
    connection: Connection, store: Store, start: int, end: int, bucket_ms: int
) -> list[RiskPoint]:
    found: dict[int, Sums] = defaultdict(Sums)
    summed = rollups.total_sums(connection, [(start, end)], bucket_ms, store.window_ms)
    for key, sums in summed.items():
        found[key.bucket].add(sums)
    return [
        RiskPoint(at, sums.risk, sums.risk_sum / sums.windows, sums.anomalies)
        for at, sums in sorted(found.items())
        if sums.windows
    ]


def _endpoint_risks(
    connection: Connection, store: Store, start: int, end: int, limit: int
) -> list[EndpointRisk]:
    found = rollups.total_sums(connection, [(start, end)], None, store.window_ms, by_endpoint=True)
    risks = [
        EndpointRisk(key.endpoint, key.method, sums.anomalies, sums.windows, sums.risk)
        for key, sums in found.items()
    ]
    risks.sort(key=lambda one: (-one.anomalies, -one.maximum_risk, one.endpoint, one.method))
    return risks[:limit]


def _risky_windows(connection: Connection, start: int, end: int, limit: int) -> list[Row]:
    """Each priority for itself, which an index gives in order, then the newest of both."""
    within = (_W.timestamp >= start, _W.timestamp < end)
    # Within a minute endpoints first: where one fails, its many clients are risky with it.
    order = (_W.timestamp.desc(), _W.subject.desc(), _W.risk_score.desc(), _W.id.desc())
    found = [
        row
        for priority in ("HIGH", "MEDIUM")
        for row in rows(
            connection,
            select_windows().where(_W.priority == priority, *within).order_by(*order).limit(limit),
        )
    ]
    found.sort(key=lambda w: (w["timestamp"], w["subject"], w["risk_score"], w["id"]), reverse=True)
    return found[:limit]
