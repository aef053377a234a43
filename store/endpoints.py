"""Endpoints over a range: how often they are called, how fast they are, how they fail."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from functools import reduce
from typing import Final

from sqlalchemy import Integer, cast, func, select

from store import rollups
from store.engine import Store
from store.lists import Row, rows
from store.rollups import HOUR_MS, MINUTE_MS, TEN_MINUTES_MS, Summed, Sums
from store.tables import api_log

MOST_POINTS: Final = 180  # of one endpoint
CALLS_READ: Final = 5_000  # newest calls of an endpoint that its clients are counted in
_BUCKETS_MS: Final = (  # of one endpoint; whole days beyond
    *(minutes * MINUTE_MS for minutes in (1, 2, 5, 10, 20, 30)),
    *(hours * HOUR_MS for hours in (1, 2, 4, 6, 12)),
)
MOST_POINTS_OF_MANY: Final = 48  # of each of many endpoints, beyond half a day
_DAY_MS: Final = 24 * HOUR_MS


@dataclass(frozen=True)
class EndpointPoint:
    """One endpoint in one bucket of time."""

    start: int
    calls: int = 0
    errors: int = 0
    average_ms: float | None = None
    max_ms: float | None = None
    risk: float = 0.0  # highest of its windows, like the next two
    failure_probability: float = 0.0
    anomaly_score: float = 0.0
    anomalies: int = 0
    latency_histogram: bytes = field(default=b"", repr=False)  # see ml/histogram.py
    status_texts: list[str] = field(default_factory=list, repr=False)

    @property
    def status_counts(self) -> dict[str, int]:
        """Calls by status code."""
        return rollups.status_counts(self.status_texts)


@dataclass(frozen=True)
class EndpointSummary:
    """One endpoint over a range; `points` are its buckets, oldest first, without empty ones."""

    endpoint: str
    method: str
    calls: int
    errors: int
    simulated_calls: int
    windows: int
    anomalies: int
    high: int
    medium: int
    average_ms: float | None
    max_ms: float | None
    risk: float  # highest of its windows
    failure_probability: float  # highest
    last_start: int  # of its newest window, whose scores are the next three
    last_risk: float
    last_failure_probability: float
    last_anomaly_score: float
    status_texts: list[str] = field(repr=False)
    latency_histogram: bytes = field(repr=False)
    points: list[EndpointPoint] = field(repr=False)

    @property
    def status_counts(self) -> dict[str, int]:
        """Calls by status code."""
        return rollups.status_counts(self.status_texts)


@dataclass(frozen=True)
class Summaries:
    """Endpoints of a range, most calls first; `left_out` more have fewer calls."""

    bucket_ms: int
    endpoints: list[EndpointSummary]
    left_out: int


@dataclass(frozen=True)
class EndpointSeries:
    """One endpoint over a range; the summary is None where it has no window in it."""

    bucket_ms: int
    summary: EndpointSummary | None
    points: list[EndpointPoint]


@dataclass(frozen=True)
class ClientShare:
    """What one client called of an endpoint."""

    client: str
    calls: int
    errors: int
    average_ms: float | None
    last_at: int


@dataclass(frozen=True)
class TopClients:
    """The busiest clients of the newest `calls_read` calls of an endpoint in a range."""

    clients: list[ClientShare]
    calls_read: int


def endpoint_summaries(store: Store, start: int, end: int, *, limit: int = 500) -> Summaries:
    """Every endpoint and method of a range, most calls first.

    Parameters
    ----------
    start, end : int
        Range of the starts of windows [epoch ms].
    limit : int
        Most endpoints to return.
    """
    bucket_ms = _bucket_of_many(end - start)
    with store.read() as connection:
        summed = rollups.endpoint_sums(connection, [(start, end)], bucket_ms, store.window_ms)
    found = [_summary(*name, own) for name, own in _by_endpoint(summed).items()]
    found.sort(key=lambda one: (-one.calls, one.endpoint, one.method))
    return Summaries(bucket_ms, found[:limit], max(0, len(found) - limit))


def endpoint_series(
    store: Store, endpoint: str, method: str | None, start: int, end: int
) -> EndpointSeries:
    """One endpoint with up to `MOST_POINTS` points; of all its methods together without one."""
    bucket_ms = _bucket_of_one(end - start)
    with store.read() as connection:
        summed = rollups.endpoint_sums(
            connection, [(start, end)], bucket_ms, store.window_ms, endpoint, method
        )
    by_start: dict[int, Sums] = defaultdict(Sums)
    for key, sums in summed.items():
        by_start[key.bucket].add(sums)
    own = dict(sorted(by_start.items()))
    summary = _summary(endpoint, method or rollups.ALL, own) if own else None
    return EndpointSeries(bucket_ms, summary, summary.points if summary else [])


def top_clients(
    store: Store, endpoint: str, method: str | None, start: int, end: int, *, limit: int = 10
) -> TopClients:
    """Who calls an endpoint most, of its newest `CALLS_READ` calls in a range."""
    c = api_log.c
    client = func.coalesce(c.user_id, c.ip_address).label("client")
    newest = select(client, c.timestamp, c.status_code, c.response_time_ms).where(
        c.endpoint == endpoint, c.timestamp >= start, c.timestamp < end
    )
    if method is not None:
        newest = newest.where(c.method == method)
    calls = newest.order_by(c.timestamp.desc()).limit(CALLS_READ).subquery()
    n = calls.c
    shares = (
        select(
            n.client,
            func.count().label("calls"),
            func.sum(cast(n.status_code >= 400, Integer)).label("errors"),
            func.avg(n.response_time_ms).label("average_ms"),
            func.max(n.timestamp).label("last_at"),
        )
        .group_by(n.client)
        .order_by(func.count().desc(), n.client)
    )
    with store.read() as connection:
        found: Sequence[Row] = rows(connection, shares)
    read = sum(share["calls"] for share in found)
    return TopClients([ClientShare(**share) for share in found[:limit]], read)


def _bucket_of_one(length_ms: int) -> int:
    fitting = (bucket for bucket in _BUCKETS_MS if length_ms / bucket <= MOST_POINTS)
    days = -(-length_ms // (_DAY_MS * MOST_POINTS))
    return next(fitting, _DAY_MS * max(1, days))


def _bucket_of_many(length_ms: int) -> int:
    """Coarser than of one, in the lengths that are stored for all endpoints."""
    if length_ms <= HOUR_MS:
        return MINUTE_MS
    if length_ms <= 12 * HOUR_MS:
        return TEN_MINUTES_MS
    hours = -(-length_ms // (HOUR_MS * MOST_POINTS_OF_MANY))
    return HOUR_MS * next((n for n in (1, 2, 4, 6, 12) if n >= hours), -(-hours // 24) * 24)


def _by_endpoint(summed: Summed) -> dict[tuple[str, str], dict[int, Sums]]:
    found: dict[tuple[str, str], dict[int, Sums]] = defaultdict(dict)
    for key, sums in sorted(summed.items()):
        found[key.endpoint, key.method][key.bucket] = sums
    return found


def _summary(endpoint: str, method: str, by_start: dict[int, Sums]) -> EndpointSummary:
    total = _total(by_start.values())
    return EndpointSummary(
        endpoint=endpoint,
        method=method,
        calls=total.calls,
        errors=total.errors,
        simulated_calls=total.simulated,
        windows=total.windows,
        anomalies=total.anomalies,
        high=total.high,
        medium=total.medium,
        average_ms=total.average_ms(),
        max_ms=total.slowest_ms,
        risk=total.risk,
        failure_probability=total.failure_probability,
        last_start=total.newest or 0,
        last_risk=total.newest_risk or 0.0,
        last_failure_probability=total.newest_failure_probability or 0.0,
        last_anomaly_score=total.newest_anomaly_score or 0.0,
        status_texts=total.status_texts,
        latency_histogram=b"".join(total.histograms),
        points=[_point(at, sums) for at, sums in by_start.items()],
    )


def _total(parts: Iterable[Sums]) -> Sums:
    def added(total: Sums, part: Sums) -> Sums:
        total.add(part)
        return total

    return reduce(added, parts, Sums())


def _point(start: int, sums: Sums) -> EndpointPoint:
    return EndpointPoint(
        start=start,
        calls=sums.calls,
        errors=sums.errors,
        average_ms=sums.average_ms(),
        max_ms=sums.slowest_ms,
        risk=sums.risk,
        failure_probability=sums.failure_probability,
        anomaly_score=sums.anomaly_score,
        anomalies=sums.anomalies,
        latency_histogram=b"".join(sums.histograms),
        status_texts=sums.status_texts,
    )
