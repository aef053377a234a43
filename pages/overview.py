"""Overview: the state of the system and the risk of every endpoint and client, live."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from typing import Any, Final, NamedTuple

import dash
from dash import (
    ClientsideFunction,
    Input,
    Output,
    State,
    callback,
    clientside_callback,
    dcc,
    html,
    no_update,
)

from components import cards, figures, format, health, kpis, shell, states, tables
from components.theme import PRIORITIES, Limits
from pages import _range, current, endpoint_href, now_ms, page_path, subject_href
from pages._drawn import fingerprint
from pages._ongoing import ongoing_alerts
from store import Store, lists, views
from store.times import epoch_ms

dash.register_page(__name__, path="/", name="Overview", title="Overview · Foresight", order=0)

CHART_PX: Final = 304
RING_PX: Final = 112
WINDOWS_PX: Final = 430
MOST_PICKED: Final = 200  # windows of a selected bucket
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
    "picked": Output("overview-picked", "children"),
    "unpicked": Output("overview-picked-bar", "hidden"),
}
_NUMBERS: Final = {
    "subtitle": Output("overview-subtitle", "children"),
    "hero": Output("overview-hero", "children"),
    "hidden": Output("overview-content", "hidden"),
    "status": Output("overview-status", "children"),
    "kpis": Output("overview-kpis", "children"),
    "drawn": Output("overview-drawn", "data"),
}


class Picked(NamedTuple):
    """The bucket of time that a click selected; no span where the address names no time."""

    words: str
    span: tuple[int, int] | None
    windows: list[lists.Row]


def layout(**_: str) -> html.Div:
    """Skeletons in the shape of what comes; the range is in the shell."""
    return shell.page(
        "Overview",
        shell.tick("overview"),
        dcc.Store(id="overview-drawn"),
        dcc.Store(id="overview-at"),
        html.Div(id="overview-hero"),
        html.Div(
            [
                html.Div(states.skeleton("numbers"), id="overview-status", className="row-status"),
                html.Div(states.skeleton("numbers"), id="overview-kpis", className="row-kpis"),
                _charts(),
                cards.card(
                    "Newest risky windows",
                    cards.selection("overview-picked"),
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


clientside_callback(
    ClientsideFunction("selection", "at"),
    Output("overview-at", "data"),
    Input("shell-url", "search"),
    State("overview-at", "data"),
)
clientside_callback(
    ClientsideFunction("selection", "pick"),
    Output("shell-url", "search", allow_duplicate=True),
    Input("overview-risk", "clickData"),
    Input("overview-picked-clear", "n_clicks"),
    State("shell-url", "search"),
    prevent_initial_call=True,
)
clientside_callback(
    ClientsideFunction("selection", "follow"),
    Output("overview-endpoints", "clickData"),
    Input("overview-endpoints", "clickData"),
    prevent_initial_call=True,
)


@callback(
    output={"numbers": _NUMBERS, "charts": _CHARTS},
    inputs={
        "_ticks": Input(_TICK, "n_intervals"),
        "chosen": Input("shell-range", "data"),
        "theme": Input("shell-theme", "data"),
        "at": Input("overview-at", "data"),
        "drawn": State("overview-drawn", "data"),
    },
    running=[(Output(_TICK, "disabled"), True, False)],
)
def show(
    _ticks: int,
    chosen: dict[str, str] | None,
    theme: str | None,
    at: str | None,
    drawn: dict[str, str] | None,
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
    picked = _picked(app.store, at, found.bucket_ms, now)
    drawing = {"key": shown.key, "content": _content(found, shown, picked, theme)}
    numbers = {
        "subtitle": _subtitle(shown, found.totals, now, compared=found.previous.windows > 0),
        "hero": [],
        "hidden": False,
        "status": _status(app.store, fresh, now),
        "kpis": kpis.kpi_row(found.totals, found.previous),
        "drawn": drawing,
    }
    if drawing == drawn:
        return {"numbers": numbers, "charts": dict.fromkeys(_CHARTS, no_update)}
    charts = _drawings(found, shown, picked, theme or "dark", now)
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


def _picked(store: Store, at: str | None, bucket_ms: int, now: int) -> Picked | None:
    """The bucket that the address selects, with its windows."""
    if at is None:
        return None
    try:
        start = epoch_ms(at)
    except ValueError:
        problem = f"“{at[:60]}” is no time: write it like 2026-03-18T15:30Z"
        return Picked(problem, None, [])
    start -= start % bucket_ms
    windows = lists.riskiest_windows(store, start, start + bucket_ms, MOST_PICKED)
    span = format.span(start, start + bucket_ms, now)
    if len(windows) < MOST_PICKED:
        words = f"{format.plural(len(windows), 'window')} of {span}, riskiest first"
    else:
        words = f"The riskiest {format.number(MOST_PICKED)} windows of {span}"
    return Picked(words, (start, start + bucket_ms), windows)


def _content(
    found: views.Overview, shown: _range.TimeRange, picked: Picked | None, theme: str | None
) -> str:
    """Changes when the charts would look different: new data, range or theme, or a bucket on."""
    moved = shown.end // found.bucket_ms
    seen = (found.risky, found.risk, found.endpoints, found.totals.windows)
    return fingerprint(theme, moved, picked, *seen)


def _subtitle(
    shown: _range.TimeRange, totals: views.Totals | None, now: int, *, compared: bool = False
) -> str:
    parts = [shown.words, format.span(shown.start, shown.end, now)]
    if totals and totals.simulated_calls:
        parts.append(kpis.simulated(totals))
    if compared:
        parts.append(f"changes against the {format.duration(shown.end - shown.start)} before")
    return " · ".join(parts)


def _status(store: Store, fresh: views.Freshness, now: int) -> Any:
    totals, endpoints = views.recent(store, now - health.RECENT_MS, now)
    limit = _limits().high
    high = tuple(f"{e.method} {e.endpoint}" for e in endpoints if e.maximum_risk >= limit)
    recent = health.Recent(
        calls=totals.calls,
        errors=totals.errors,
        windows=totals.windows,
        high_windows=totals.high,
        endpoints=len(endpoints),
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
    return cards.health_strip(state, _facts(fresh, now), ongoing_alerts(store, now))


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
    found: views.Overview,
    shown: _range.TimeRange,
    picked: Picked | None,
    theme: str,
    now: int,
) -> dict[str, Any]:
    nothing = states.empty("inbox", "No scored windows")
    priorities = kpis.priorities(found.totals)
    limits = _limits()
    any_anomaly = any(e.anomalies for e in found.endpoints)
    return {
        "risk": figures.risk_over_time(
            found.risk,
            found.bucket_ms,
            shown.start,
            shown.end,
            theme,
            limits,
            picked.span if picked else None,
        ),
        "risk_state": [] if found.risk else _no_windows(shown, now),
        "endpoints": figures.anomalies_by_endpoint(
            found.endpoints, CHART_PX, theme, limits, lambda e: endpoint_href(e.endpoint, e.method)
        ),
        "endpoints_state": _no_anomalies(found, any_anomaly, nothing),
        "priorities": figures.priority_mix(priorities, theme),
        "priorities_state": [] if found.totals.windows else nothing,
        "legend": cards.legend([(name, priorities[name]) for name in PRIORITIES], _alerts_hrefs())
        if found.totals.windows
        else [],
        "metrics": kpis.model_metrics(found.totals, found.previous),
        "picked": picked.words if picked else [],
        "unpicked": picked is None,
        "windows": tables.window_rows(picked.windows if picked else found.risky, subject_href),
        "windows_state": []
        if picked
        else _no_risky(found.risky, bool(found.totals.windows), nothing),
    }


def _alerts_hrefs() -> dict[str, str]:
    alerts = page_path("/alerts")
    return {name: f"{alerts}?priority={name}" for name in ("HIGH", "MEDIUM")}


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
