"""Numbers and times as people read them. Times come as epoch milliseconds and are shown in UTC."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import Final

NO_BREAK: Final = "\u00a0"
COMPACT_FROM: Final = 100_000  # smaller counts are shown in full
DASH: Final = "\u2013"
MISSING: Final = DASH  # not known
JUST_NOW_MS: Final = 5_000
_MINUTE_S: Final = 60
_HOUR_S: Final = 3_600
_DAY_S: Final = 86_400
_YEAR_S: Final = 365 * _DAY_S


def number(value: float) -> str:
    """1284 -> 1,284."""
    return f"{value:,.0f}"


def compact(value: float) -> str:
    """Like `number` below 100,000, else three digits and a unit: 128k, 1.28M, 2.5B."""
    if abs(value) < COMPACT_FROM:
        return number(value)
    for size, unit in ((1e9, "B"), (1e6, "M"), (1e3, "k")):
        if abs(value) >= size * 0.9995:
            scaled = value / size
            text = f"{scaled:.{3 - len(f'{abs(scaled):.0f}')}f}"
            return (text.rstrip("0").rstrip(".") if "." in text else text) + unit
    return number(value)


def percent(share: float | None) -> str:
    """0.0284 -> 2.8 %; what is more than nothing is never shown as 0 %."""
    if share is None:
        return MISSING
    if 0 < share < 0.0005:
        return f"<{NO_BREAK}0.1{NO_BREAK}%"
    text = f"{share * 100:.1f}".removesuffix(".0")
    return f"{text}{NO_BREAK}%"


def milliseconds(value: float | None) -> str:
    """412.3 -> 412 ms; 12400 -> 12.4 s."""
    if value is None:
        return MISSING
    if value >= 10_000:
        return f"{value / 1000:.1f}{NO_BREAK}s"
    return f"{value:,.1f}{NO_BREAK}ms" if value < 10 else f"{value:,.0f}{NO_BREAK}ms"


def score(value: float | None) -> str:
    """0.8123 -> 0.81; shortened downwards, so that 0.7999 is not shown as the 0.80 it is below."""
    return MISSING if value is None else f"{int(value * 100 + 1e-9) / 100:.2f}"


def mean_score(value: float | None) -> str:
    """0.1969 -> 0.20; rounded, since no threshold applies to a mean."""
    return MISSING if value is None else f"{value:.2f}"


def clock(at: int) -> str:
    """Time of day: 14:03."""
    return _utc(at).strftime("%H:%M")


def moment(at: int, now: int) -> str:
    """14:03 UTC; with its date when that is not today's."""
    return f"{_dated(at, _utc(now))} UTC"


def is_today(at: int, now: int) -> bool:
    """Whether both lie in the same day, UTC."""
    return _utc(at).date() == _utc(now).date()


def span(start: int, end: int, now: int) -> str:
    """11:20 - 14:20 UTC; with dates where they are needed."""
    first, today = _utc(start), _utc(now)
    if first.date() == _utc(end).date() == today.date():
        return f"{clock(start)} {DASH} {clock(end)} UTC"
    last = clock(end) if _utc(end).date() == first.date() else _dated(end, first)
    return f"{first:%-d %b %Y %H:%M} {DASH} {last} UTC"


def ago(at: int, now: int) -> str:
    """just now, 34 s ago, 2 min ago, 3 h ago, 5 d ago."""
    return f"{duration(now - at)} ago" if now - at >= JUST_NOW_MS else "just now"


def duration(length_ms: int) -> str:
    """Rounded down: 34 s, 2 min, 90 min, 3 h, 40 h, 5 d, 11 y; one hour is told as 60 min."""
    seconds = length_ms // 1000
    for size, unit in ((_YEAR_S, "y"), (_DAY_S, "d"), (_HOUR_S, "h"), (_MINUTE_S, "min")):
        if seconds >= size * (1 if unit == "min" else 2):
            return f"{seconds // size}{NO_BREAK}{unit}"
    return f"{seconds}{NO_BREAK}s"


def shortened(text: str, length: int) -> str:
    """At most `length` characters: the middle gives way, since both ends of a path tell most."""
    if len(text) <= length:
        return text
    tail = (length - 1) // 2
    return f"{text[: length - 1 - tail]}…{text[len(text) - tail :]}"


def plural(count: int, noun: str) -> str:
    """1 endpoint, 3 endpoints."""
    return f"{number(count)} {noun}" if count == 1 else f"{number(count)} {noun}s"


def _dated(at: int, reference: datetime) -> str:
    when = _utc(at)
    if when.date() == reference.date():
        return f"{when:%H:%M}"
    return f"{when:%-d %b %H:%M}" if when.year == reference.year else f"{when:%-d %b %Y %H:%M}"


def _utc(at: int) -> datetime:
    return datetime.fromtimestamp(at / 1000, UTC)
