"""Overview: the state of the system and the risk of every endpoint and client, live."""

from __future__ import annotations

from dataclasses import replace
from typing import Any, Final

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

from components import cards, figures, kpis, shell, states, tables
from pages import _overview_view, _range, current, now_ms, risk_limits
from pages._overview_view import Seen
from store import views

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
    ClientsideFunction("links", "follow"),
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
    now, app = now_ms(), current()
    shown = _range.time_range(chosen, now, views.data_range(app.store))
    fresh = views.freshness(app.store, now)
    if fresh.last_window_end is None:
        numbers = _overview_view.nothing_yet(shown, fresh, now, app.settings.demo)
        return {"numbers": numbers, "charts": dict.fromkeys(_CHARTS, no_update)}
    found = views.overview(app.store, shown.start, shown.end)
    if not _range.reaches_back(found.previous_since, shown):
        found = replace(found, previous=views.Totals())  # half a period is nothing to compare with
    picked = _overview_view.picked(app.store, at, found.bucket_ms, now)
    seen = Seen(found, shown, chosen or {}, picked, theme or "dark", risk_limits(), now)
    drawing = {"key": shown.key, "content": seen.content()}
    numbers = {
        "subtitle": _overview_view.subtitle(seen),
        "hero": [],
        "hidden": False,
        "status": _overview_view.status(app.store, fresh, seen),
        "kpis": kpis.kpi_row(found.totals, found.previous),
        "drawn": drawing,
    }
    if drawing == drawn:
        return {"numbers": numbers, "charts": dict.fromkeys(_CHARTS, no_update)}
    charts = _overview_view.drawings(seen, CHART_PX)
    if drawn and drawn["key"] == shown.key:
        charts["risk"] = figures.redrawn(charts["risk"])
    return {"numbers": numbers, "charts": charts}
