"""The time range of a page, as its address says it: `?range=3h`, `?from=...&to=...`."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Final

from store.times import epoch_ms

_MINUTE_MS: Final = 60_000
_HOUR_MS: Final = 60 * _MINUTE_MS
DEFAULT: Final = "3h"
ALL: Final = "all"
SPANS: Final[dict[str, tuple[int, str]]] = {  # key -> length [ms], words
    "15m": (15 * _MINUTE_MS, "Last 15 minutes"),
    "1h": (_HOUR_MS, "Last hour"),
    "3h": (3 * _HOUR_MS, "Last 3 hours"),
    "12h": (12 * _HOUR_MS, "Last 12 hours"),
    "24h": (24 * _HOUR_MS, "Last 24 hours"),
    "7d": (7 * 24 * _HOUR_MS, "Last 7 days"),
}
LABELS: Final = {key: key for key in SPANS} | {ALL: "All"}


@dataclass(frozen=True)
class TimeRange:
    """`[start, end)` in epoch ms; `key` stays the same while the clock moves on."""

    key: str
    words: str
    start: int
    end: int


def time_range(
    chosen: Mapping[str, str] | None, now: int, data: tuple[int, int] | None
) -> TimeRange:
    """The range that was chosen.

    Parameters
    ----------
    chosen : mapping or None
        `{"range": key}`, or `{"from": ..., "to": ...}` as ISO 8601 or epoch ms, of which one may be
        missing. None, an unknown key or a time that can't be read gives the default range.
    now : int
        The clock [epoch ms].
    data : tuple of int, optional
        First and one past the last time of the stored data; None when there are none.
    """
    chosen = chosen or {}
    try:
        if "from" in chosen or "to" in chosen:
            return _between(chosen, now, data)
    except ValueError:
        chosen = {}
    if chosen.get("range") == ALL and data is not None:
        return TimeRange(ALL, "All data", *data)
    key = chosen.get("range", DEFAULT)
    key = key if key in SPANS else DEFAULT
    length, words = SPANS[key]
    return TimeRange(key, words, now - length, now)


def reaches_back(first: int | None, shown: TimeRange) -> bool:
    """Whether data that begin at `first` [epoch ms] cover the equal period before the range.

    A twentieth may be missing. None: there are no data in that period.
    """
    length = shown.end - shown.start
    return first is not None and first <= shown.start - length + length // 20


def _between(chosen: Mapping[str, str], now: int, data: tuple[int, int] | None) -> TimeRange:
    end = epoch_ms(chosen["to"]) if "to" in chosen else now
    if "from" in chosen:
        start = epoch_ms(chosen["from"])
    else:  # an end before all data shows that there is nothing, not another range
        first = data[0] if data else end
        start = first if first < end else end - SPANS[DEFAULT][0]
    if start >= end:
        raise ValueError(f"from={chosen.get('from')!r} is not before to={chosen.get('to')!r}")
    return TimeRange(f"{start}-{end}", "Custom range", start, end)
