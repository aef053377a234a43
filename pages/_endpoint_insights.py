"""What stands out of an endpoint's windows, and until when windows are known at all."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from math import isnan
from typing import Any, Final

from components.insights import Bucket, Insight, Seen, can_tell, insights
from jobs.scoring import GRACE_MS
from ml.histogram import percentile_of_each
from pages._range import TimeRange
from store.endpoints import EndpointPoint, EndpointSummary
from store.views import Freshness

AS_USUAL: Final = "As usual"
TOO_FEW: Final = "Too few calls to compare"


def known_until(shown: TimeRange, fresh: Freshness, window_ms: int) -> int:
    """End of the last minute of a range whose calls are counted [epoch ms].

    A minute without calls has no window, but is known when the scoring job has passed it.
    """
    until = fresh.last_window_end or shown.start
    if fresh.scored_at is not None and not fresh.stale:
        passed = (fresh.scored_at - GRACE_MS) // window_ms * window_ms
        until = max(until, passed)
    return max(shown.start, min(shown.end, until))


def percentile_of_points(points: Sequence[EndpointPoint], p: float) -> list[float | None]:
    """A percentile of the response time of each point [ms]."""
    found = percentile_of_each([point.latency_histogram for point in points], p).tolist()
    return [None if isnan(ms) else ms for ms in found]


def buckets(points: Sequence[EndpointPoint], p95: Sequence[float | None]) -> list[Bucket]:
    """What insights are made of."""
    return [Bucket(p.start, p.calls, p.errors, ms) for p, ms in zip(points, p95, strict=True)]


def found(
    summary: EndpointSummary, rows: Sequence[Bucket], seen: Seen, window_ms: int
) -> list[Insight]:
    """What stands out of one endpoint."""
    return insights(rows, seen, last_call_at=summary.last_start + window_ms)


def first_words(said: Sequence[Insight], rows: Sequence[Bucket]) -> tuple[str, str]:
    """The most important sentence and its tone: `bad`, `plain` or `quiet`."""
    if said:
        first = said[0]
        return first.text, first.tone if first.until is None else "plain"
    return (AS_USUAL if can_tell(rows) else TOO_FEW), "quiet"


def kept_range(chosen: Mapping[str, Any] | None) -> dict[str, str]:
    """The part of an address that keeps the range."""
    return {name: str(value) for name, value in (chosen or {}).items()}
