"""The Analytics page from what the store says: rows of the grid, numbers, the chart."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property
from itertools import pairwise
from typing import Any, Final

from components.endpoint_kpis import Site
from components.endpoint_table import Line
from components.insights import Seen
from components.theme import Limits
from ml.histogram import percentiles
from pages import _endpoint_insights as told
from pages import endpoint_href
from pages._range import TimeRange
from store import views
from store.endpoints import EndpointPoint, EndpointSummary, Summaries

NOW_MS: Final = 10 * 60_000  # a risk that is older than this is none of now
ANY: Final = "all"  # methods
_PERCENTILES: Final = (50, 95, 99)
_MINUTE_MS: Final = 60_000


@dataclass(frozen=True)
class Wanted:
    """The filters of the address; empty ones let everything through."""

    text: str = ""
    method: str = ANY
    risky: bool = False

    @classmethod
    def of(cls, given: Mapping[str, Any] | None) -> Wanted:
        """From what the browser has read."""
        given = given or {}
        text, method = str(given.get("q") or ""), str(given.get("method") or ANY)
        return cls(text, method, bool(given.get("risky")))

    @property
    def words(self) -> str:
        """What is wanted, in words."""
        parts = ["at risk now"] if self.risky else []
        parts += [f"called by {self.method}"] if self.method != ANY else []
        parts += [f"described by \u201c{self.text}\u201d"] if self.text else []
        return " and ".join(parts)


@dataclass(frozen=True)
class Found:
    """What a poll reads; `before` is of the equal range before it, None where that is unknown."""

    summaries: Summaries
    totals: views.Totals
    before: views.Totals | None
    shown: TimeRange
    until: int  # what comes later is not counted yet [epoch ms]
    now: int
    window_ms: int

    @property
    def seen(self) -> Seen:
        """The time that insights are about."""
        return Seen(self.shown.start, self.until, self.summaries.bucket_ms)

    @cached_property
    def all_simulated(self) -> bool:
        """Then the page says so once, and not in each row."""
        return simulated(self.summaries) >= 1

    @cached_property
    def starts(self) -> range:
        """Starts of all buckets from the first one on that any endpoint has."""
        first = min((e.points[0].start for e in self.summaries.endpoints), default=self.until)
        return range(first, self.until, self.summaries.bucket_ms)

    @cached_property
    def minutes(self) -> float:
        """How much of the range is counted."""
        counted = self.until - max(self.starts.start, self.shown.start)
        return max(counted, self.window_ms) / _MINUTE_MS


def lines(found: Found, chosen: Mapping[str, Any] | None) -> list[Line]:
    """The rows of the grid."""
    endpoints = found.summaries.endpoints
    points = [point for endpoint in endpoints for point in endpoint.points]
    p95 = told.percentile_of_points(points, 95)
    kept = told.kept_range(chosen)
    return [
        _line(endpoint, own, found, kept)
        for endpoint, own in zip(endpoints, _parted(p95, endpoints), strict=True)
    ]


def fitting(rows: Sequence[Line], wanted: Wanted, limits: Limits) -> list[Line]:
    """The rows that pass the filters; each word of the text must be in a row's name or words."""
    words = wanted.text.casefold().split()
    return [
        row
        for row in rows
        if (wanted.method in (ANY, row.method))
        and (not wanted.risky or row.risk >= limits.medium)
        and all(word in f"{_name(row)} {row.insight}".casefold() for word in words)
    ]


def site(found: Found, rows: Sequence[Line], limits: Limits) -> Site:
    """The numbers above the grid."""
    current = [row for row in rows if row.newest >= found.until - NOW_MS]
    riskiest = max(current, key=lambda row: row.risk, default=None)
    slow = [row for row in rows if row.p95_ms is not None]
    slowest = max(slow, key=lambda row: row.p95_ms or 0.0, default=None)
    whole = b"".join(e.latency_histogram for e in found.summaries.endpoints)
    before = found.before
    return Site(
        endpoints=len(rows) + found.summaries.left_out,
        at_risk=sum(row.risk >= limits.medium for row in current),
        per_minute=found.totals.calls / found.minutes,
        error_rate=_rate(found.totals),
        p95_ms=percentiles(whole, (95,))[0],
        slowest=slowest and (_name(slowest), slowest.p95_ms or 0.0),
        riskiest=riskiest and (_name(riskiest), riskiest.risk, limits.priority_of(riskiest.risk)),
        per_minute_before=before and before.calls / found.minutes,
        error_rate_before=before and _rate(before),
    )


def simulated(summaries: Summaries) -> float:
    """Share of all calls that the simulator made."""
    calls = sum(endpoint.calls for endpoint in summaries.endpoints)
    return sum(e.simulated_calls for e in summaries.endpoints) / calls if calls else 0.0


def traffic(summaries: Summaries) -> list[tuple[int, int, int]]:
    """Calls and errors of all endpoints together, by bucket."""
    sums: dict[int, list[int]] = defaultdict(lambda: [0, 0])
    for endpoint in summaries.endpoints:
        for point in endpoint.points:
            sums[point.start][0] += point.calls
            sums[point.start][1] += point.errors
    return [(at, calls, errors) for at, (calls, errors) in sorted(sums.items())]


def _line(
    endpoint: EndpointSummary,
    p95: Sequence[float | None],
    found: Found,
    kept: Mapping[str, str],
) -> Line:
    rows = told.buckets(endpoint.points, p95)
    said = told.found(endpoint, rows, found.seen, found.window_ms)
    words, tone = told.first_words(said, rows)
    p50, slow, slower = percentiles(endpoint.latency_histogram, _PERCENTILES)
    by_start = {p.start: (p, ms) for p, ms in zip(endpoint.points, p95, strict=True)}
    trend = [by_start.get(at) for at in found.starts]
    return Line(
        endpoint=endpoint.endpoint,
        method=endpoint.method,
        href=endpoint_href(endpoint.endpoint, endpoint.method, **kept),
        insight=words,
        tone=tone,
        calls=endpoint.calls,
        per_minute=endpoint.calls / found.minutes,
        error_rate=endpoint.errors / endpoint.calls if endpoint.calls else 0.0,
        p50_ms=p50,
        p95_ms=slow,
        p99_ms=slower,
        failure_probability=endpoint.last_failure_probability,
        risk=endpoint.last_risk,
        highest_risk=endpoint.risk,
        newest=endpoint.last_start,
        simulated=0.0 if found.all_simulated else _simulated(endpoint),
        calls_trend=[float(one[0].calls) if one else 0.0 for one in trend],
        error_trend=[_error_rate(one[0]) if one else None for one in trend],
        p95_trend=[one[1] if one else None for one in trend],
    )


def _simulated(endpoint: EndpointSummary) -> float:
    return endpoint.simulated_calls / endpoint.calls if endpoint.calls else 0.0


def _parted(
    values: Sequence[float | None], endpoints: Sequence[EndpointSummary]
) -> Iterator[Sequence[float | None]]:
    """Values of all points, in a piece for each endpoint."""
    ends = [0]
    for endpoint in endpoints:
        ends.append(ends[-1] + len(endpoint.points))
    return (values[start:end] for start, end in pairwise(ends))


def _error_rate(point: EndpointPoint) -> float | None:
    return point.errors / point.calls if point.calls else None


def _rate(totals: views.Totals) -> float | None:
    return totals.errors / totals.calls if totals.calls else None


def _name(line: Line) -> str:
    return f"{line.method} {line.endpoint}"
