"""Overview: the state of the system and the risk of every endpoint and client, live."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from typing import Any, Final

import dash
from dash import Input, Output, State, callback, dcc, html, no_update

from components import cards, figures, format, health, kpis, shell, states, tables
from components.theme import PRIORITIES, Limits
from pages import _range, current, now_ms, page_path, subject_href
from pages._drawn import fingerprint
from store import Store, views

dash.register_page(__name__, path="/", name="Overview", title="Overview · Foresight", order=0)

CHART_PX: Final = 304
RING_PX: Final = 112
WINDOWS_PX: Final = 430
_TICK: Final = shell.tick_id("overview")
_CHARTS: Final = {
    "risk": Output("overview-risk", "figure"),
    "risk_state": Output("overview-risk-state", "children"),
    "endpoints": Output("overview-endpoints", "figure"),
    "endpoints_state": Output("overview-endpoints-state", "children"),
    "priorities": Output("overview-priorities", "figure"),
    "priorities_state": Output("overview-priorities-state", "children"),
    "legend": Output("overview-priorities-legend", "children"),
    "metrics": Output("overview-metrics", "children"),
    "windows": Output("overview-windows-grid", "rowData"),
    "windows_state": Output("overview-windows-grid-state", "children"),
}
_NUMBERS: Final = {
    "subtitle": Output("overview-subtitle", "children"),
    "hero": Output("overview-hero", "children"),
    "hidden": Output("overview-content", "hidden"),
    "status": Output("overview-status", "children"),
    "kpis": Output("overview-kpis", "children"),
    "drawn": Output("overview-drawn", "data"),
}


def layout(**_: str) -> html.Div:
    """Skeletons in the shape of what comes; the range is in the shell."""
    return shell.page(
        "Overview",
        shell.tick("overview"),
        dcc.Store(id="overview-drawn"),
        html.Div(id="overview-hero"),
        html.Div(
            [
                html.Div(states.skeleton("numbers"), id="overview-status", className="row-status"),
                html.Div(states.skeleton("numbers"), id="overview-kpis", className="row-kpis"),
                _charts(),
                cards.card(
                    "Newest risky windows",
                    tables.grid("overview-windows-grid", tables.window_columns(), WINDOWS_PX),
                    subtitle="One minute of one endpoint or client, MEDIUM and HIGH, newest first",
                    id="overview-windows",
                ),
            ],
            id="overview-content",
            className="page-rows",
        ),
        id="overview",
    )


def _charts() -> html.Div:
    ring = html.Div(
        [
            cards.chart("overview-priorities", "Windows by priority", RING_PX, None),
            html.Div(id="overview-priorities-legend", className="legend"),
            cards.cover("overview-priorities-state", "donut"),
        ],
        className="ring",
    )
    return html.Div(
        [
            cards.card(
                "Risk over time",
                cards.chart("overview-risk", "Risk over time", CHART_PX),
                subtitle="Risk of all endpoints and clients",
                aside=cards.key([("Highest", "accent"), ("Mean", "quiet")]),
                className="span-risk",
            ),
            cards.card(
                "Anomalies by endpoint",
                cards.chart("overview-endpoints", "Anomalies by endpoint", CHART_PX, "bars"),
                subtitle="Coloured by the worst priority",
                className="span-endpoints",
            ),
            html.Div(
                [
                    cards.card("Priorities", ring, subtitle="Windows by priority"),
                    cards.card("Model metrics", html.Div(id="overview-metrics")),
                ],
                className="span-mix",
            ),
        ],
        className="row-charts",
    )


@callback(
    output={"numbers": _NUMBERS, "charts": _CHARTS},
    inputs={
        "_ticks": Input(_TICK, "n_intervals"),
        "chosen": Input("shell-range", "data"),
        "theme": Input("shell-theme", "data"),
        "drawn": State("overview-drawn", "data"),
    },
    running=[(Output(_TICK, "disabled"), True, False)],
)
def show(
    _ticks: int, chosen: dict[str, str] | None, theme: str | None, drawn: dict[str, str] | None
) -> Any:
    """One read of the store, all of the page; charts and grid are only sent when they changed."""
    now = now_ms()
    app = current()
    data = views.data_range(app.store)
    shown = _range.time_range(chosen, now, data)
    fresh = views.freshness(app.store, now)
    if fresh.last_window_end is None:
        return _nothing_yet(shown, fresh, now, app.settings.demo)
    found = views.overview(app.store, shown.start, shown.end)
    if not _range.reaches_back(found.previous_since, shown):
        found = replace(found, previous=views.Totals())  # half a period is nothing to compare with
    drawing = {"key": shown.key, "content": _content(found, shown, theme)}
    numbers = {
        "subtitle": _subtitle(shown, found.totals, now),
        "hero": [],
        "hidden": False,
        "status": _status(app.store, fresh, now),
        "kpis": kpis.kpi_row(found.totals, found.previous),
        "drawn": drawing,
    }
    if drawing == drawn:
        return {"numbers": numbers, "charts": dict.fromkeys(_CHARTS, no_update)}
    charts = _drawings(found, shown, theme or "dark", now)
    if drawn and drawn["key"] == shown.key:
        charts["risk"] = figures.redrawn(charts["risk"])
    return {"numbers": numbers, "charts": charts}


def _nothing_yet(
    shown: _range.TimeRange, fresh: views.Freshness, now: int, demo: bool
) -> dict[str, Any]:
    """No window was ever scored: one sentence instead of empty charts."""
    numbers = {
        "subtitle": _subtitle(shown, None, now),
        "hero": (
            states.not_scored(fresh.error)
            if fresh.error
            else states.waiting(fresh.last_call_at is not None, demo)
        ),
        "hidden": True,
        "status": [],
        "kpis": [],
        "drawn": None,
    }
    return {"numbers": numbers, "charts": dict.fromkeys(_CHARTS, no_update)}


def _content(found: views.Overview, shown: _range.TimeRange, theme: str | None) -> str:
    """Changes when the charts would look different: new data, range or theme, or a bucket on."""
    moved = shown.end // found.bucket_ms
    content = (theme, moved, found.risky, found.risk, found.endpoints, found.totals.windows)
    return fingerprint(content)


def _subtitle(shown: _range.TimeRange, totals: views.Totals | None, now: int) -> str:
    parts = [shown.words, format.span(shown.start, shown.end, now)]
    if totals and totals.simulated_calls:
        parts.append(kpis.simulated(totals))
    return " · ".join(parts)


def _status(store: Store, fresh: views.Freshness, now: int) -> Any:
    found = views.overview(store, now - health.RECENT_MS, now, endpoints=100, risky=0)
    limit = _limits().high
    high = tuple(f"{e.method} {e.endpoint}" for e in found.endpoints if e.maximum_risk >= limit)
    recent = health.Recent(
        calls=found.totals.calls,
        errors=found.totals.errors,
        windows=found.totals.windows,
        high_windows=found.totals.high,
        endpoints=len(found.endpoints),
        high_endpoints=high,
    )
    state = health.system_health(
        recent,
        now,
        last_call_at=fresh.last_call_at,
        scored_at=fresh.scored_at,
        stale=fresh.stale,
        error=fresh.error,
    )
    return cards.health_strip(state, _facts(fresh, now))


def _limits() -> Limits:
    settings = current().settings
    return Limits(settings.medium_risk, settings.high_risk)


def _facts(fresh: views.Freshness, now: int) -> list[tuple[str, Any]]:
    facts = [
        ("Last call", cards.since(fresh.last_call_at, now)),
        ("Last scored minute ended", cards.since(fresh.last_window_end, now)),
    ]
    if fresh.unscored_steps > 1:
        facts.append(("Waiting for scores", format.plural(fresh.unscored_steps, "minute")))
    if fresh.calls_lost:
        facts.append(("Calls lost", format.compact(fresh.calls_lost)))
    return facts


def _drawings(
    found: views.Overview, shown: _range.TimeRange, theme: str, now: int
) -> dict[str, Any]:
    nothing = states.empty("inbox", "No scored windows")
    priorities = kpis.priorities(found.totals)
    limits = _limits()
    any_anomaly = any(e.anomalies for e in found.endpoints)
    return {
        "risk": figures.risk_over_time(
            found.risk, found.bucket_ms, shown.start, shown.end, theme, limits
        ),
        "risk_state": [] if found.risk else _no_windows(shown, now),
        "endpoints": figures.anomalies_by_endpoint(found.endpoints, CHART_PX, theme, limits),
        "endpoints_state": _no_anomalies(found, any_anomaly, nothing),
        "priorities": figures.priority_mix(priorities, theme),
        "priorities_state": [] if found.totals.windows else nothing,
        "legend": cards.legend([(name, priorities[name]) for name in PRIORITIES])
        if found.totals.windows
        else [],
        "metrics": kpis.model_metrics(found.totals, found.previous),
        "windows": tables.window_rows(found.risky, _own_page),
        "windows_state": _no_risky(found.risky, bool(found.totals.windows), nothing),
    }


def _no_windows(shown: _range.TimeRange, now: int) -> Any:
    everything = dcc.Link("Show all data", href=f"{page_path('/')}?range=all", className="button")
    return states.empty(
        "inbox",
        "No scored windows in this range",
        format.span(shown.start, shown.end, now),
        everything if shown.key != _range.ALL else None,
    )


def _no_anomalies(found: views.Overview, any_anomaly: bool, nothing: Any) -> Any:
    if any_anomaly:
        return []
    if not found.totals.windows:
        return nothing
    return states.empty("check2-circle", "No anomalies", "Every endpoint behaved as usual.")


def _no_risky(risky: Sequence[Any], any_window: bool, nothing: Any) -> Any:
    if risky:
        return []
    if not any_window:
        return nothing
    return states.empty("check2-circle", "Nothing risky", "All windows of this range are LOW.")


def _own_page(window: Any) -> str | None:
    """Address of the subject's own page; the grid itself needs no link to the grid."""
    return subject_href(window) if page_path(f"/{window['subject']}") else None
