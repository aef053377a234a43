"""Analytics: every endpoint of the range in one grid, with what stands out of each in words."""

from __future__ import annotations

from typing import Any, Final

import dash
import dash_bootstrap_components as dbc
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

from components import (
    cards,
    endpoint_kpis,
    endpoint_table,
    figures,
    format,
    series_figures,
    shell,
    states,
    tables,
)
from components.endpoint_table import GRID
from components.series_frame import Frame
from pages import _analytics_view as view
from pages import _endpoint_insights as told
from pages import _range, current, now_ms, page_path, risk_limits
from pages._drawn import fingerprint
from store import endpoints, views

dash.register_page(
    __name__, path="/analytics", name="Analytics", title="Analytics · Foresight", order=1
)

TRAFFIC_PX: Final = 190
MOST_PX: Final = 560
LEAST_PX: Final = 200
ANY: Final = view.ANY
METHODS: Final = ("GET", "POST", "PUT", "PATCH", "DELETE", "HEAD", "OPTIONS")
_TICK: Final = shell.tick_id("analytics")
_DRAWN: Final = {
    "kpis": Output("analytics-kpis", "children"),
    "traffic": Output("analytics-traffic", "figure"),
    "traffic_state": Output("analytics-traffic-state", "children"),
    "rows": Output(GRID, "rowData"),
    "height": Output(GRID, "style"),
    "rows_state": Output(tables.state_id(GRID), "children"),
}
_ALWAYS: Final = {
    "subtitle": Output("analytics-subtitle", "children"),
    "hero": Output("analytics-hero", "children"),
    "hidden": Output("analytics-content", "hidden"),
    "drawn": Output("analytics-drawn", "data"),
}


def layout(method: Any = ANY, risky: Any = "", **_: Any) -> html.Div:
    """Skeletons in the shape of what comes; the range and the words of the search come later."""
    return shell.page(
        "Analytics",
        shell.tick("analytics"),
        dcc.Store(id="analytics-drawn"),
        dcc.Store(id="analytics-filters"),
        html.Div(id="analytics-hero"),
        html.Div(
            [
                html.Div(states.skeleton("numbers"), id="analytics-kpis", className="row-kpis"),
                cards.card(
                    "Traffic",
                    cards.chart("analytics-traffic", "Calls and error rate", TRAFFIC_PX),
                    subtitle="All endpoints together; click on a time to look at it alone",
                    aside=cards.key([("Calls a minute", "accent"), ("Error rate", "bad")]),
                ),
                cards.card(
                    "Endpoints",
                    tables.grid(
                        GRID,
                        endpoint_table.columns(),
                        LEAST_PX,
                        label="Endpoints",
                        export_name="endpoints",
                    ),
                    subtitle="Choose one to see who calls it, what it answered and why it is risky",
                    aside=_filters(_one(method), _one(risky) == "1"),
                    id="analytics-endpoints",
                ),
            ],
            id="analytics-content",
            className="page-rows",
        ),
        id="analytics",
    )


def _one(given: Any) -> str:
    """A parameter of the address; the last one when it is there more than once."""
    return str(given[-1] if isinstance(given, list) else given)


def _filters(method: str, risky: bool) -> html.Div:
    own = () if method == ANY else (method,)  # of the address, whatever it is
    options = [{"label": "All methods", "value": ANY}]
    options += [{"label": name, "value": name} for name in dict.fromkeys((*METHODS, *own))]
    return html.Div(
        [
            html.Label(
                [
                    html.Span("Method", className="visually-hidden"),
                    dbc.Select(
                        options, method, id="analytics-method", className="analytics-method"
                    ),
                ]
            ),
            dbc.Switch(id="analytics-risky", label="At risk only", value=risky),
        ],
        className="analytics-filters",
    )


clientside_callback(
    ClientsideFunction("analytics", "filters"),
    Output("analytics-method", "value"),
    Output("analytics-risky", "value"),
    Output(tables.search_id(GRID), "value"),
    Output("analytics-filters", "data"),
    Input("analytics-method", "value"),
    Input("analytics-risky", "value"),
    Input(tables.search_id(GRID), "value"),
    Input("shell-url", "search"),
)
clientside_callback(
    ClientsideFunction("analytics", "lookAt"),
    Output("analytics-traffic", "clickData"),
    Input("analytics-traffic", "clickData"),
    State("analytics-drawn", "data"),
    prevent_initial_call=True,
)


@callback(
    output={"always": _ALWAYS, "drawings": _DRAWN},
    inputs={
        "_ticks": Input(_TICK, "n_intervals"),
        "chosen": Input("shell-range", "data"),
        "theme": Input("shell-theme", "data"),
        "wanted": Input("analytics-filters", "data"),
        "drawn": State("analytics-drawn", "data"),
    },
    running=[(Output(_TICK, "disabled"), True, False)],
)
def show(
    _ticks: int,
    chosen: dict[str, str] | None,
    theme: str | None,
    wanted: dict[str, Any] | None,
    drawn: dict[str, Any] | None,
) -> Any:
    """All endpoints of the range; what is drawn is only sent when it changed."""
    now, app = now_ms(), current()
    data = views.data_range(app.store)
    shown = _range.time_range(chosen, now, data)
    fresh = views.freshness(app.store, now)
    if fresh.last_window_end is None:
        return _nothing_yet(fresh, app.settings.demo)
    summaries = endpoints.endpoint_summaries(app.store, shown.start, shown.end)
    until = told.known_until(shown, fresh, app.store.window_ms)
    content = fingerprint(theme, shown.key, until, summaries, wanted)
    always = {
        "subtitle": _subtitle(shown, summaries, now),
        "hero": [],
        "hidden": False,
        "drawn": {"key": shown.key, "content": content, "bucket_ms": summaries.bucket_ms},
    }
    if always["drawn"] == drawn:
        return {"always": always, "drawings": dict.fromkeys(_DRAWN, no_update)}
    totals = views.totals(app.store, shown.start, shown.end)
    known = _range.reaches_back(data and data[0], shown)
    before = views.totals(app.store, 2 * shown.start - shown.end, shown.start) if known else None
    found = view.Found(summaries, totals, before, shown, until, now, app.store.window_ms)
    drawings = _drawings(found, chosen, view.Wanted.of(wanted), theme or "dark")
    if drawn and drawn["key"] == shown.key:
        drawings["traffic"] = figures.redrawn(drawings["traffic"])
    return {"always": always, "drawings": drawings}


def _nothing_yet(fresh: views.Freshness, demo: bool) -> dict[str, Any]:
    """No window was ever scored: one sentence instead of an empty grid."""
    hero = (
        states.not_scored(fresh.error)
        if fresh.error
        else states.waiting(fresh.last_call_at is not None, demo)
    )
    always = {"subtitle": "", "hero": hero, "hidden": True, "drawn": None}
    return {"always": always, "drawings": dict.fromkeys(_DRAWN, no_update)}


def _subtitle(shown: _range.TimeRange, summaries: endpoints.Summaries, now: int) -> str:
    parts = [shown.words, format.span(shown.start, shown.end, now)]
    share = view.simulated(summaries)
    if share:
        all_of_it = share >= 1
        parts.append("simulated" if all_of_it else f"{format.percent(share)} simulated")
    if summaries.left_out:
        count = format.number(len(summaries.endpoints))
        parts.append(f"the {count} busiest of {_all_of(summaries)} endpoints")
    return " · ".join(parts)


def _all_of(summaries: endpoints.Summaries) -> str:
    return format.number(len(summaries.endpoints) + summaries.left_out)


def _drawings(found: view.Found, chosen: Any, wanted: view.Wanted, theme: str) -> dict[str, Any]:
    limits = risk_limits()
    lines = view.lines(found, chosen)
    shown = found.shown
    frame = Frame(found.summaries.bucket_ms, shown.start, shown.end, found.until, theme)
    fitting = view.fitting(lines, wanted, limits)
    nothing = [] if lines else _no_windows(shown, found.now)
    return {
        "kpis": endpoint_kpis.site_kpis(view.site(found, lines, limits)),
        "traffic": series_figures.traffic(view.traffic(found.summaries), frame),
        "traffic_state": nothing,
        "rows": endpoint_table.rows(fitting, limits),
        "height": {"height": f"{_height(len(fitting))}px", "width": "100%"},
        "rows_state": nothing if fitting or not lines else _none_fits(wanted, len(lines)),
    }


def _height(rows: int) -> int:
    """As high as its rows, within limits [px]."""
    scrollbar = 16
    needed = tables.HEADER_PX + rows * tables.ROW_PX + scrollbar
    return max(LEAST_PX, min(needed, MOST_PX))


def _none_fits(wanted: view.Wanted, endpoints: int) -> Any:
    title = f"None of {format.plural(endpoints, 'endpoint')} is {wanted.words}"
    return states.empty("funnel", title, "Change the filters above to see the others.")


def _no_windows(shown: _range.TimeRange, now: int) -> Any:
    everything = dcc.Link(
        "Show all data", href=f"{page_path('/analytics')}?range=all", className="button"
    )
    return states.empty(
        "inbox",
        "No endpoint was called in this range",
        format.span(shown.start, shown.end, now),
        everything if shown.key != _range.ALL else None,
    )
