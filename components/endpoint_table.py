"""The grid of all endpoints: how often, how fast, how well they answer, and at what risk."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, Final

from components import tables
from components.theme import Limits

GRID: Final = "analytics-grid"
_MOST_OF_A_TREND: Final = 30  # values; more could not be told apart in 50 px
_FAILURE: Final = "Probability of the newest minute: fails now or within the next 5 minutes"
_RISK: Final = "Of the newest minute; the mark in the bar is the highest of the range"
_PRIORITY: Final = "Of the newest minute"
_WORDS: Final = "What differs most from the rest of the range"
Values = Sequence[float | None]


@dataclass(frozen=True)
class Line:
    """One endpoint of the grid; trends are by bucket, oldest first, None where nothing is known."""

    endpoint: str
    method: str
    href: str
    insight: str
    tone: str  # bad | plain | quiet
    calls: int
    per_minute: float
    error_rate: float
    p50_ms: float | None
    p95_ms: float | None
    p99_ms: float | None
    failure_probability: float
    risk: float
    highest_risk: float
    newest: int  # start of the newest window [epoch ms]
    simulated: float  # share of the calls
    calls_trend: Values
    error_trend: Values
    p95_trend: Values


def columns() -> list[tables.Column]:
    """Columns of `rows`, the most important first."""
    ms = "ForesightMs"
    return [
        tables.subject_column(title="Endpoint", width=160, narrow=120),
        tables.choice_column("method", "Method", 80, hide=True),
        tables.priority_column(tooltip=_PRIORITY),
        tables.column(
            "insight",
            "What stands out",
            190,
            flex=2,
            cellClass="cell-words",
            cellRenderer="ForesightWords",
            tooltipField="insight",
            tooltip=_WORDS,
            hide_below=700,
        ),
        _trend("per_minute", "Calls/min", "ForesightRate", "accent"),
        _trend("error_rate", "Errors", "ForesightPercent", "high"),
        _trend("p95", "p95", ms, "accent"),
        tables.number_column("p50", "p50", 74, ms, hide_below=1080),
        tables.number_column("p99", "p99", 86, ms, hide_below=1080),
        tables.number_column(
            "failure", "Failure", 80, "ForesightPercent", tooltip=_FAILURE, hide_below=700
        ),
        tables.number_column(
            "risk",
            "Risk",
            118,
            "ForesightScore",
            cellRenderer="ForesightRiskNow",
            tooltip=_RISK,
            narrow=68,
            sort="desc",
        ),
        tables.number_column("highest", "Highest risk", 108, "ForesightScore", hide=True),
        tables.number_column("calls", "Calls", 84, hide=True),
        tables.time_column("newest", "Newest minute (UTC)", hide=True),
    ]


def rows(lines: Sequence[Line], limits: Limits) -> list[dict[str, Any]]:
    """Endpoints as grid rows."""
    return [_row(line, limits) for line in lines]


def thinned(values: Values, *, highest: bool = False) -> list[float | None]:
    """At most `_MOST_OF_A_TREND` values: means, or the highest, of neighbours."""
    size = -(-len(values) // _MOST_OF_A_TREND)
    groups = [values[start : start + size] for start in range(0, len(values), max(size, 1))]
    found: list[float | None] = []
    for group in groups:
        known = [value for value in group if value is not None]
        one = (max(known) if highest else sum(known) / len(known)) if known else None
        found.append(None if one is None else float(f"{one:.3g}"))
    return found


def _trend(field: str, title: str, formatter: str, tone: str) -> tables.Column:
    params = {"tone": tone, "format": formatter}
    return tables.number_column(
        field,
        title,
        110,
        formatter,
        cellRenderer="ForesightTrend",
        cellRendererParams=params,
        hide_below=560,
    )


def _row(line: Line, limits: Limits) -> dict[str, Any]:
    name = f"{line.method} {line.endpoint}"
    return {
        "id": name,
        "subject": "endpoint",
        "name": name,
        "shown": tables.shown_name(name),
        "href": line.href,
        "method": line.method,
        "priority": limits.priority_of(line.risk),
        "insight": line.insight,
        "tone": line.tone,
        "per_minute": _digits(line.per_minute),
        "per_minute_trend": thinned(line.calls_trend),
        "error_rate": _digits(line.error_rate),
        "error_rate_trend": thinned(line.error_trend, highest=True),
        "p95": _digits(line.p95_ms),
        "p95_trend": thinned(line.p95_trend, highest=True),
        "p50": _digits(line.p50_ms),
        "p99": _digits(line.p99_ms),
        "failure": _digits(line.failure_probability),
        "risk": line.risk,
        "highest": line.highest_risk,
        "calls": line.calls,
        "newest": line.newest,
        "simulated": line.simulated,
        "thin": False,
    }


def _digits(value: float | None) -> float | None:
    """A percentile is right to 1 %, so more digits would mean nothing."""
    return None if value is None else float(f"{value:.4g}")
