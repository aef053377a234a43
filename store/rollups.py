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

from sqlalchemy import Connection, Select

from store import rollup_statements as statements
from store.rollup_statements import ALL

__all__ = ["ALL", "Key", "Sums", "endpoint_sums", "status_counts", "total_sums", "without"]

MINUTE_MS: Final = 60_000
TEN_MINUTES_MS: Final = 10 * MINUTE_MS
HOUR_MS: Final = 60 * MINUTE_MS
BLOCK_MS: Final = 4 * HOUR_MS  # what a point of a week's charts is
SPANS_MS: Final = (BLOCK_MS, HOUR_MS, TEN_MINUTES_MS, MINUTE_MS)
SPANS_OF_ENDPOINTS_MS: Final = SPANS_MS[:-1]  # minutes are stored of totals alone
_MOST_GAPS: Final = 20  # between roll-ups; with more of them the windows are read throughout
_ENDLESS_MS: Final = 2**62  # as a bucket it holds all times

_TOTALS: Final = {  # by endpoint or not: from roll-ups, from windows
    False: (statements.STORED_TOTALS, statements.WINDOW_TOTALS),
    True: (statements.STORED_TOTALS_BY_ENDPOINT, statements.WINDOW_TOTALS_BY_ENDPOINT),
}

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
    spans = _spans(bucket_ms, SPANS_OF_ENDPOINTS_MS if by_endpoint else SPANS_MS)
    stored, gaps = _covered(connection, ranges, spans)
    found: Summed = {}
    given = {"bucket": bucket_ms or _ENDLESS_MS, "window": window_ms}
    of_rollups, of_windows = _TOTALS[by_endpoint]
    for span, start, end in stored:
        _add(found, connection, of_rollups, given | {"span": span, "start": start, "end": end})
    for start, end in gaps:
        _add(found, connection, of_windows, given | {"start": start, "end": end})
    return found


def endpoint_sums(
    connection: Connection,
    ranges: Sequence[Range],
    bucket_ms: int,
    window_ms: int,
    endpoint: str | None = None,
    method: str | None = None,
) -> Summed:
    """All of each endpoint and method, or of those with this name; arguments as `total_sums`.

    A method alone names nothing.
    """
    stored, gaps = _covered(connection, ranges, _spans(bucket_ms, SPANS_OF_ENDPOINTS_MS))
    given = {"bucket": bucket_ms, "window": window_ms, "endpoint": endpoint, "method": method}
    named = sum(name is not None for name in (endpoint, method))
    found: Summed = {}
    for span, start, end in stored:
        at = {"span": span, "start": start, "end": end}
        _add(found, connection, statements.STORED_DETAILS[named], given | at)
    for start, end in gaps:
        _add(
            found,
            connection,
            statements.WINDOW_DETAILS[named],
            given | {"start": start, "end": end},
        )
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
    at = {"span": span, "start": first, "end": end - span}
    starts = connection.scalars(statements.STORED_SPANS, at)
    runs: list[Range] = []
    for at in starts:
        if runs and runs[-1][1] == at:
            runs[-1] = (runs[-1][0], at + span)
        else:
            runs.append((at, at + span))
    return runs


def _spans(bucket_ms: int | None, stored: Sequence[int]) -> list[int]:
    """Of the stored lengths those that fit into a bucket."""
    return [span for span in stored if bucket_ms is None or bucket_ms % span == 0]


def _add(
    found: Summed, connection: Connection, statement: Select[Any], values: Mapping[str, Any]
) -> None:
    """Add the rows of a statement: a key, numbers, and perhaps status codes and a histogram."""
    for row in connection.execute(statement, values).all():
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
