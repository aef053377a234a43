"""Sums of windows over spans of time, from stored roll-ups where there are any.

A roll-up is a cache: `store.rolling` makes them, saving windows removes those that hold them. What
no roll-up covers is read from the windows themselves, so a range costs about the same at any
length and is never out of date.
"""

from __future__ import annotations

import json
from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, Final, NamedTuple

from sqlalchemy import (
    ColumnElement,
    Connection,
    Integer,
    Select,
    and_,
    case,
    cast,
    func,
    literal_column,
    null,
    or_,
    select,
)
from sqlalchemy import literal as sql_literal

from store.tables import anomaly_log, rollup

MINUTE_MS: Final = 60_000
TEN_MINUTES_MS: Final = 10 * MINUTE_MS
HOUR_MS: Final = 60 * MINUTE_MS
SPANS_MS: Final = (HOUR_MS, TEN_MINUTES_MS, MINUTE_MS)
ALL: Final = "*"  # endpoint and method of the sums of all windows of a subject
_MOST_GAPS: Final = 20  # between roll-ups; with more of them the windows are read throughout
_W = anomaly_log.c
_R = rollup.c

Range = tuple[int, int]  # [start, end), epoch ms


@dataclass(slots=True)
class Sums:
    """Sums of windows; the fields are columns of `rollup`, in its order."""

    windows: int = 0
    anomalies: int = 0
    high: int = 0
    medium: int = 0
    bots: int = 0
    risk_sum: float = 0.0
    risk: float = 0.0
    failure_probability: float = 0.0
    anomaly_score: float = 0.0
    calls: int = 0
    errors: int = 0
    simulated: int = 0
    timed: int = 0
    spent_ms: float = 0.0
    slowest_ms: float | None = None
    newest: int | None = None
    newest_risk: float | None = None
    newest_failure_probability: float | None = None
    newest_anomaly_score: float | None = None
    status_texts: list[str] = field(default_factory=list)  # JSON objects, status code -> calls
    histograms: list[bytes] = field(default_factory=list)

    def add(self, other: Sums) -> None:
        """Add the windows of another one."""
        self.windows += other.windows
        self.anomalies += other.anomalies
        self.high += other.high
        self.medium += other.medium
        self.bots += other.bots
        self.risk_sum += other.risk_sum
        self.risk = max(self.risk, other.risk)
        self.failure_probability = max(self.failure_probability, other.failure_probability)
        self.anomaly_score = max(self.anomaly_score, other.anomaly_score)
        self.calls += other.calls
        self.errors += other.errors
        self.simulated += other.simulated
        self.timed += other.timed
        self.spent_ms += other.spent_ms
        if other.slowest_ms is not None:
            self.slowest_ms = max(self.slowest_ms or 0.0, other.slowest_ms)
        if other.newest is not None and (self.newest is None or other.newest >= self.newest):
            self.newest, self.newest_risk = other.newest, other.newest_risk
            self.newest_failure_probability = other.newest_failure_probability
            self.newest_anomaly_score = other.newest_anomaly_score
        self.status_texts += other.status_texts
        self.histograms += other.histograms

    def average_ms(self) -> float | None:
        """Mean response time of the calls that have one [ms]."""
        return self.spent_ms / self.timed if self.timed else None


_HIGHEST: Final = ("risk", "failure_probability", "anomaly_score", "slowest_ms")
_NEWEST: Final = ("newest", "newest_risk", "newest_failure_probability", "newest_anomaly_score")


def status_counts(texts: Iterable[str]) -> dict[str, int]:
    """Calls by status code, lowest code first, from JSON objects of them."""
    counts: Counter[str] = Counter()
    for text in texts:
        counts.update(json.loads(text))
    return dict(sorted(counts.items()))


class Key(NamedTuple):
    """What is summed up: one endpoint, or all of a subject (`*`), in a bucket of time."""

    endpoint: str
    method: str
    subject: str
    bucket: int  # its start [epoch ms]


Summed = dict[Key, Sums]


def total_sums(
    connection: Connection,
    ranges: Sequence[Range],
    bucket_ms: int | None,
    window_ms: int,
    *,
    by_endpoint: bool = False,
) -> Summed:
    """Sums of all endpoint windows and of all client windows that start in the ranges.

    Parameters
    ----------
    ranges : sequence of (int, int)
        `[start, end)` [epoch ms], in order and apart from each other.
    bucket_ms : int or None
        Length of the buckets of the answer [ms]; None: one bucket, which starts at 0.
    window_ms : int
        Windows that are not aligned to it overlap others and are left out.
    by_endpoint : bool
        Endpoint windows alone, those of each endpoint and method for themselves.

    Returns
    -------
    dict
        Numbers alone: no newest window, status codes or histogram.
    """
    spans = _spans(bucket_ms, SPANS_MS[:2] if by_endpoint else SPANS_MS)
    stored, gaps = _covered(connection, ranges, spans)
    found: Summed = {}
    for span, start, end in stored:
        at = (_R.span_ms == span, _R.timestamp >= start, _R.timestamp < end)
        total = _R.endpoint != ALL if by_endpoint else _R.endpoint == ALL
        names = (_R.endpoint, _R.method, _R.subject, _bucket(_R.timestamp, bucket_ms))
        statement = select(*names, *_STORED_SUMS).where(*at, total).group_by(*names)
        _add(found, connection, statement)
    if gaps:
        star = sql_literal(ALL)
        named = (_W.endpoint, _W.method) if by_endpoint else (star, star)
        names = (*named, _W.subject, _bucket(_W.timestamp, bucket_ms))
        conditions = [_inside(gaps), _W.timestamp % window_ms == 0]
        conditions += [_W.subject == "endpoint"] if by_endpoint else []
        groups = names if by_endpoint else names[2:]
        statement = select(*names, *_WINDOW_SUMS).where(*conditions).group_by(*groups)
        _add(found, connection, statement)
    return found


def endpoint_sums(
    connection: Connection,
    ranges: Sequence[Range],
    bucket_ms: int,
    window_ms: int,
    endpoint: str | None = None,
    method: str | None = None,
) -> Summed:
    """All of each endpoint and method, or of those with this name; arguments as `total_sums`."""
    stored, gaps = _covered(connection, ranges, _spans(bucket_ms, SPANS_MS[:2]))
    given = {"endpoint": endpoint, "method": method}
    named = [(_R[n] == v, _W[n] == v) for n, v in given.items() if v is not None]
    of_rollups = [condition for condition, _ in named] or [_R.endpoint != ALL]
    found: Summed = {}
    for span, start, end in stored:
        at = (_R.span_ms == span, _R.timestamp >= start, _R.timestamp < end)
        names = (_R.endpoint, _R.method, _R.subject, _bucket(_R.timestamp, bucket_ms))
        details = (_R.status_counts, _R.latency_histogram)
        statement = select(*names, *_STORED.values(), *details).where(*at, *of_rollups)
        _add(found, connection, statement)
    if gaps:
        names = (_W.endpoint, _W.method, _W.subject, _bucket(_W.timestamp, bucket_ms))
        details = (_W.status_counts, _W.latency_histogram)
        own = [condition for _, condition in named]
        inside = (_W.subject == "endpoint", _inside(gaps), _W.timestamp % window_ms == 0)
        _add(found, connection, select(*names, *_OF_WINDOW.values(), *details).where(*inside, *own))
    return found


def without(start: int, end: int, holes: Iterable[Range]) -> list[Range]:
    """The parts of `[start, end)` that lie in none of the holes."""
    parts = []
    for first, last in sorted(holes):
        if first > start:
            parts.append((start, min(first, end)))
        start = max(start, last)
        if start >= end:
            break
    return [*parts, (start, end)] if start < end else parts


def _covered(
    connection: Connection, ranges: Sequence[Range], spans: Sequence[int]
) -> tuple[list[tuple[int, int, int]], list[Range]]:
    """Stored spans (length, first start, end) that cover the ranges, and what they leave."""
    stored: list[tuple[int, int, int]] = []
    left = [*ranges]
    for span in spans:
        gaps: list[Range] = []
        for start, end in left:
            runs = _runs(connection, span, start, end)
            if len(runs) > _MOST_GAPS:
                runs = []
            stored += [(span, *run) for run in runs]
            gaps += without(start, end, runs)
        left = gaps
    return stored, left


def _runs(connection: Connection, span: int, start: int, end: int) -> list[Range]:
    """Where stored spans follow one another, within a range."""
    first = -(-start // span) * span
    if first + span > end:
        return []
    starts = connection.scalars(
        select(_R.timestamp)
        .where(
            _R.span_ms == span,
            _R.endpoint == ALL,
            _R.method == ALL,
            _R.subject == "endpoint",
            _R.timestamp >= first,
            _R.timestamp <= end - span,
        )
        .order_by(_R.timestamp)
    )
    runs: list[Range] = []
    for at in starts:
        if runs and runs[-1][1] == at:
            runs[-1] = (runs[-1][0], at + span)
        else:
            runs.append((at, at + span))
    return runs


_TIMED: Final = _W.avg_response_time.is_not(None)
_STORED: Final[dict[str, ColumnElement[Any]]] = {
    column.name: column for column in tuple(rollup.c)[5:-2]
}
_OF_WINDOW: Final[dict[str, ColumnElement[Any]]] = {  # what one window adds to each of these
    "windows": literal_column("1"),
    "anomalies": _W.is_anomaly,
    "high": cast(_W.priority == "HIGH", Integer),
    "medium": cast(_W.priority == "MEDIUM", Integer),
    "bots": cast(_W.usage_cluster == "bot", Integer),
    "risk_sum": _W.risk_score,
    "risk": _W.risk_score,
    "failure_probability": _W.failure_probability,
    "anomaly_score": _W.anomaly_score,
    "calls": _W.req_count,
    "errors": func.round(_W.error_rate * _W.req_count),
    "simulated": _W.simulated_count,
    "timed": case((_TIMED, _W.req_count), else_=literal_column("0")),
    "spent_ms": func.coalesce(_W.avg_response_time * _W.req_count, literal_column("0.0")),
    "slowest_ms": _W.max_response_time,
    "newest": _W.timestamp,
    "newest_risk": _W.risk_score,
    "newest_failure_probability": _W.failure_probability,
    "newest_anomaly_score": _W.anomaly_score,
}


def _aggregated(values: Mapping[str, ColumnElement[Any]]) -> list[ColumnElement[Any]]:
    return [
        null() if name in _NEWEST else (func.max if name in _HIGHEST else func.sum)(value)
        for name, value in values.items()
    ]


_STORED_SUMS: Final = _aggregated(_STORED)  # made once: it takes longer than many a query
_WINDOW_SUMS: Final = _aggregated(_OF_WINDOW)


def _spans(bucket_ms: int | None, stored: Sequence[int]) -> list[int]:
    """Of the stored lengths those that fit into a bucket."""
    return [span for span in stored if bucket_ms is None or bucket_ms % span == 0]


def _bucket(at: ColumnElement[int], bucket_ms: int | None) -> ColumnElement[int]:
    if bucket_ms is None:
        return at - at  # a bare 0 in GROUP BY would be the number of a column
    return at - at % literal_column(str(bucket_ms))  # the same expression in GROUP BY


def _add(found: Summed, connection: Connection, statement: Select[Any]) -> None:
    """Add the rows of a statement: a key, numbers, and perhaps status codes and a histogram."""
    for row in connection.execute(statement).all():
        sums = Sums(*row[4:23])
        sums.errors = int(sums.errors)  # PostgreSQL's round and sum give other types
        sums.calls, sums.timed = int(sums.calls), int(sums.timed)
        if len(row) > 23:
            sums.status_texts += [row[23]] if row[23] else []
            sums.histograms += [row[24]] if row[24] else []
        key = Key(*row[:4])
        if key in found:
            found[key].add(sums)
        else:
            found[key] = sums


def _inside(ranges: Sequence[Range]) -> ColumnElement[bool]:
    return or_(*(and_(_W.timestamp >= start, _W.timestamp < end) for start, end in ranges))
