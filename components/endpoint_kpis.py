"""The numbers above the grid of endpoints, and those of one endpoint."""

from __future__ import annotations

from dataclasses import dataclass

from dash import html

from components import cards, format


@dataclass(frozen=True)
class Site:
    """All endpoints of a range; what is of the range before it is None where that is unknown."""

    endpoints: int
    at_risk: int  # endpoints whose newest minute is MEDIUM or HIGH
    per_minute: float
    error_rate: float | None
    p95_ms: float | None
    slowest: tuple[str, float] | None  # name, p95 [ms]
    riskiest: tuple[str, float, str] | None  # name, risk, priority
    per_minute_before: float | None = None
    error_rate_before: float | None = None


@dataclass(frozen=True)
class One:
    """One endpoint of a range."""

    calls: int
    per_minute: float
    errors: int
    p50_ms: float | None
    p95_ms: float | None
    p99_ms: float | None
    windows: int
    anomalies: int
    per_minute_before: float | None = None
    error_rate_before: float | None = None


def site_kpis(site: Site) -> list[html.Div]:
    """Endpoints, calls a minute, error rate, p95, and who is slowest and most at risk."""
    return [
        cards.kpi(
            "Endpoints",
            format.compact(site.endpoints),
            icon="hdd-network",
            note=f"{format.number(site.at_risk)} at risk now" if site.at_risk else "none at risk",
        ),
        _per_minute(site.per_minute, site.per_minute_before),
        _error_rate(site.error_rate, site.error_rate_before, ""),
        cards.kpi(
            "p95 of all calls",
            format.milliseconds(site.p95_ms),
            icon="speedometer2",
            note="95 % are faster",
        ),
        html.Div([_slowest(site), _riskiest(site)], className="kpi kpi-triple kpi-pair"),
    ]


def endpoint_kpis(one: One) -> list[html.Div]:
    """Calls, error rate, anomalies, and the three percentiles."""
    rate = one.errors / one.calls if one.calls else None
    share = one.anomalies / one.windows if one.windows else None
    times = {"p50": one.p50_ms, "p95": one.p95_ms, "p99": one.p99_ms}
    return [
        cards.kpi(
            "Calls",
            format.compact(one.calls),
            icon="activity",
            full=format.number(one.calls),
            note=f"in {format.plural(one.windows, 'window')}",
        ),
        _per_minute(one.per_minute, one.per_minute_before),
        _error_rate(rate, one.error_rate_before, format.plural(one.errors, "error")),
        cards.kpi(
            "Anomalous minutes",
            format.compact(one.anomalies),
            icon="search",
            note=f"{format.percent(share)} of them",
        ),
        html.Div(
            [_part(name, format.milliseconds(ms), "") for name, ms in times.items()],
            className="kpi kpi-triple",
        ),
    ]


def _per_minute(now: float, before: float | None) -> html.Div:
    return cards.kpi(
        "Calls a minute",
        rate(now),
        icon="activity",
        delta=cards.change(now, before),
        note="on average",
    )


def _error_rate(now: float | None, before: float | None, note: str) -> html.Div:
    return cards.kpi(
        "Error rate",
        format.percent(now),
        icon="exclamation-triangle",
        delta=cards.change(now, before, more_is="bad", unit="pt"),
        note=note,
    )


def _slowest(site: Site) -> html.Div:
    if site.slowest is None:
        return _part("Slowest", format.MISSING, "No response times")
    name, p95 = site.slowest
    return _part("Slowest", format.milliseconds(p95), name)


def _riskiest(site: Site) -> html.Div:
    if site.riskiest is None:
        return _part("Most at risk", format.MISSING, "No scores")
    name, risk, priority = site.riskiest
    tone = f"kpi-{priority.lower()}"
    return _part("Most at risk now", format.score(risk), name, tone)


def _part(label: str, value: str, note: str, tone: str = "") -> html.Div:
    return html.Div(
        [
            html.Div(label, className="kpi-label"),
            html.Div(value, className=f"kpi-value {tone}".strip()),
            html.Div(
                html.Span(format.shortened(note, 40), className="kpi-name", title=note),
                className="kpi-foot",
            ),
        ],
        className="kpi-part",
    )


def rate(per_minute: float) -> str:
    """Calls a minute: with a digit where there are few."""
    return format.compact(per_minute) if per_minute >= 10 else f"{per_minute:.1f}"
