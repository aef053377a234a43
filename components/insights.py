"""What stands out in the traffic of one endpoint, in words: how much, since when, what is usual.

What is usual comes from the rest of the same range, so nothing is said where the range has too few
calls to tell. What goes on comes before what is over.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass
from statistics import median
from typing import Final, NamedTuple

from components import format
from components.endpoint_changes import (
    FEWEST_USUAL,
    Raised,
    Run,
    falling_off,
    inside_and_outside,
    is_separate,
    rest,
    standing_out,
)

_MINUTE_MS: Final = 60_000
FEWEST_CALLS: Final = 20  # in what stands out, and in what it is compared with
FEWEST_IN_BUCKET: Final = 5  # calls of a bucket whose percentile says something
MOST_BUCKETS: Final = 1_000
MORE_ERRORS: Final = 0.03  # above twice the usual share
SLOWER: Final = 1.6  # times the usual p95
SLOWER_MS: Final = 20.0
MORE_CALLS: Final = 3.0  # times the usual calls; days and nights differ by less
FEWER_CALLS: Final = 0.25
_LONG_ENOUGH: Final = 2.0  # minutes of a bucket at the end of the range
_SIGMAS: Final = 3.0
_SILENT_MS: Final = 3 * _MINUTE_MS
_SILENT_CALLS: Final = 10.0  # that would have come meanwhile


@dataclass(frozen=True)
class Bucket:
    """Calls of one endpoint in one bucket of time; `p95_ms` is None where no time is known."""

    start: int
    calls: int
    errors: int
    p95_ms: float | None = None


@dataclass(frozen=True)
class Insight:
    """One thing that stands out; `until` is None while it goes on."""

    text: str
    detail: str  # the numbers, where the text has none
    tone: str  # bad | plain
    since: int
    until: int | None
    weight: float


class Seen(NamedTuple):
    """The time that is known, all in epoch ms."""

    start: int
    until: int  # calls after it are not counted yet
    bucket_ms: int


def insights(
    buckets: Sequence[Bucket], seen: Seen, *, last_call_at: int | None = None
) -> list[Insight]:
    """What stands out, the most important first; nothing where there are too few calls.

    Parameters
    ----------
    buckets : sequence of Bucket
        By time; those without calls are missing.
    seen : Seen
        The range, as far as its calls are counted.
    last_call_at : int, optional
        When the last call came [epoch ms], where that is known better than by its bucket.
    """
    rows = _filled(buckets, seen)
    if sum(row.calls for row in rows) < 2 * FEWEST_CALLS:
        return []
    found = (
        _silence(rows, seen, last_call_at),
        _errors(rows, seen),
        _slowness(rows, seen),
        _frequency(rows, seen),
    )
    said = [one for one in found if one is not None]
    return sorted(said, key=lambda one: (one.until is not None, -one.weight))


def can_tell(buckets: Sequence[Bucket]) -> bool:
    """Whether there are enough calls for the absence of insights to mean anything."""
    telling = [bucket.calls for bucket in buckets if bucket.calls]
    return len(telling) > FEWEST_USUAL and sum(telling) >= 2 * FEWEST_CALLS


def _filled(buckets: Sequence[Bucket], seen: Seen) -> list[Bucket]:
    """Buckets from the first one on, without gaps."""
    known = {b.start: b for b in buckets if b.start < seen.until}
    first = min(known, default=seen.until)
    if (seen.until - first) / seen.bucket_ms > MOST_BUCKETS:
        return []
    times = range(first, seen.until, seen.bucket_ms)
    return [known.get(at, Bucket(at, 0, 0)) for at in times]


def _silence(rows: Sequence[Bucket], seen: Seen, last_call_at: int | None) -> Insight | None:
    last = _last_called(rows)
    since = min(last_call_at or seen.until, rows[last].start + seen.bucket_ms)
    silent_ms = seen.until - since
    usual = median(_per_minute(row, seen) for row in rows[: last + 1])  # a burst is not usual
    if silent_ms < _SILENT_MS or usual * silent_ms / _MINUTE_MS < _SILENT_CALLS:
        return None
    text = f"No calls {_since(since, seen)}, usually {_a_minute(usual)}"
    return Insight(text, "", "bad", since, None, 3.0)


def _errors(rows: Sequence[Bucket], seen: Seen) -> Insight | None:
    if not any(row.errors for row in rows):
        return None
    asked = [row for row in rows if row.calls]
    rates = [row.errors / row.calls for row in asked]

    def raised_over(usual: float) -> Raised:
        return lambda number: _has_many_errors(asked[number], usual)

    run = standing_out(rates, raised_over, lambda run: _enough(asked, run))
    if run is None:
        return None
    rate = _error_rate(asked[run.first : run.last + 1])
    middle = median(rest(rates, run))
    usual = _error_rate([row for row in rest(asked, run) if not _has_many_errors(row, middle)])
    if rate < 2 * usual + MORE_ERRORS:
        return None
    text = f"Error rate {_percent(rate)} {{when}}, usually {_percent(usual)}"
    return _told(text, "", asked, run, seen, "bad", 1.0 + 4.0 * rate)


def _has_many_errors(row: Bucket, usual: float) -> bool:
    expected = usual * row.calls
    noise = math.sqrt(expected * (1 - usual) + 1)
    unlikely = row.errors - expected >= _SIGMAS * noise
    return unlikely and row.errors / row.calls >= 2 * usual + MORE_ERRORS


def _slowness(rows: Sequence[Bucket], seen: Seen) -> Insight | None:
    timed = [r for r in rows if r.p95_ms is not None and r.calls >= FEWEST_IN_BUCKET]
    times = [row.p95_ms or 0.0 for row in timed]

    def raised_over(usual: float) -> Raised:
        return lambda number: times[number] >= max(SLOWER * usual, usual + SLOWER_MS)

    run = standing_out(times, raised_over, lambda run: _enough(timed, run))
    if run is None:
        return None
    now, usual = inside_and_outside(times, run)
    if now < SLOWER * usual or not is_separate(times, run):
        return None
    ratio = now / usual if usual else math.inf
    goes_on = run.last == len(timed) - 1
    values = f"{format.milliseconds(now)} instead of {format.milliseconds(usual)}"
    text = f"p95 {_slower(ratio, goes_on)} {{when}}"
    return _told(text, values, timed, run, seen, "bad", min(math.log2(ratio), 4.0))


def _frequency(rows: Sequence[Bucket], seen: Seen) -> Insight | None:
    begun = rows[: _last_called(rows) + 1]  # what comes after it is `_silence`
    long_enough = min(_LONG_ENOUGH, seen.bucket_ms / _MINUTE_MS)
    whole = [row for row in begun if _minutes(row, seen) >= long_enough]
    rates = [_per_minute(row, seen) for row in whole]

    def raised_over(usual: float) -> Raised:
        return lambda number: _has_many_calls(whole[number], usual, seen)

    rise = standing_out(rates, raised_over, lambda run: _enough(whole, run))
    if rise is not None:
        return _rise(rates, whole, rise, seen)
    fall = falling_off(rates, FEWER_CALLS)
    return None if fall is None else _fall(rates, whole, fall, seen)


def _has_many_calls(row: Bucket, usual: float, seen: Seen) -> bool:
    expected = usual * _minutes(row, seen)
    return row.calls >= max(MORE_CALLS * expected, expected + 4 * math.sqrt(expected) + 10)


def _rise(rates: Sequence[float], rows: Sequence[Bucket], run: Run, seen: Seen) -> Insight | None:
    now, middle = inside_and_outside(rates, run)
    others = rest(rates, run)
    usual = middle or sum(others) / len(others)  # it may be called in few of its minutes
    if usual <= 0 or now < MORE_CALLS * usual or not is_separate(rates, run):
        return None
    ratio = now / usual
    text = f"{_times(ratio)} its usual calls {{when}}"
    weight = 0.7 * math.log2(ratio)
    return _told(text, _instead(now, usual), rows, run, seen, "plain", weight)


def _fall(rates: Sequence[float], rows: Sequence[Bucket], run: Run, seen: Seen) -> Insight | None:
    now, usual = inside_and_outside(rates, run)
    missed = usual * sum(_minutes(row, seen) for row in rows[run.first :])
    if missed < FEWEST_CALLS:
        return None
    share = _percent(now / usual)
    text = f"{share} of its usual calls {{when}}"
    weight = 0.7 * math.log2(usual / max(now, usual / 100))
    return _told(text, _instead(now, usual), rows, run, seen, "plain", weight)


def _last_called(rows: Sequence[Bucket]) -> int:
    return max(number for number, row in enumerate(rows) if row.calls)


def _enough(rows: Sequence[Bucket], run: Run) -> bool:
    """Whether both what stands out and the rest have the calls to say so."""
    inside, outside = rows[run.first : run.last + 1], rest(rows, run)
    fewest = min(sum(row.calls for row in part) for part in (inside, outside))
    return fewest >= FEWEST_CALLS and len(outside) >= FEWEST_USUAL


def _error_rate(rows: Sequence[Bucket]) -> float:
    return sum(row.errors for row in rows) / max(1, sum(row.calls for row in rows))


def _minutes(row: Bucket, seen: Seen) -> float:
    """How much of a bucket lies in the range; at its ends it may be a part."""
    begin, end = max(row.start, seen.start), min(row.start + seen.bucket_ms, seen.until)
    return max(end - begin, 1) / _MINUTE_MS


def _per_minute(row: Bucket, seen: Seen) -> float:
    return row.calls / _minutes(row, seen)


def _told(
    text: str,
    detail: str,
    rows: Sequence[Bucket],
    run: Run,
    seen: Seen,
    tone: str,
    weight: float,
) -> Insight:
    since = max(rows[run.first].start, seen.start)
    end = min(rows[run.last].start + seen.bucket_ms, seen.until)
    goes_on = run.last == len(rows) - 1
    when = _since(since, seen) if goes_on else _between(since, end, seen)
    until = None if goes_on else end
    return Insight(text.format(when=when), detail, tone, since, until, weight)


def _since(at: int, seen: Seen) -> str:
    return f"since {_moment(at, seen)}"


def _between(start: int, end: int, seen: Seen) -> str:
    if end - start <= _MINUTE_MS:
        return f"at {_moment(start, seen)}"
    last = format.clock(end) if format.is_today(start, end) else _moment(end, seen)
    return f"from {_moment(start, seen)} to {last}"


def _moment(at: int, seen: Seen) -> str:
    """With a date where that is not the day on which the range ends."""
    return format.moment(at, seen.until - 1).removesuffix(" UTC")


def _percent(share: float) -> str:
    return format.percent(round(share, 2) if share >= 0.1 else share)


def _times(ratio: float) -> str:
    named = {2: "Twice", 3: "Three times"}
    return named.get(round(ratio), f"{ratio:,.0f} times")


def _slower(ratio: float, goes_on: bool) -> str:
    if ratio < 1.8:
        return f"{ratio:.1f} times its usual"
    if goes_on and ratio < 3.5:
        return "doubled" if ratio < 2.5 else "tripled"
    return f"{_times(ratio).lower()} its usual"


def _instead(now: float, usual: float) -> str:
    return f"{_a_minute(now)} instead of {_a_minute(usual)}"


def _a_minute(rate: float) -> str:
    if rate >= 1:
        return f"{format.number(rate) if rate >= 10 else f'{rate:.1f}'} a minute"
    return f"{rate * 60:.0f} an hour" if rate * 60 >= 1 else "none"
