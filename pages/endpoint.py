"""One endpoint: how it is called, how it answers, at what risk, why, and who causes it."""

from __future__ import annotations

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

from components import (
    cards,
    endpoint_lists,
    endpoint_panels,
    figures,
    shell,
    states,
    tables,
)
from components.theme import THEMES, Limits
from pages import _endpoint_insights as told
from pages import _endpoint_reads as reads
from pages import _endpoint_view as view
from pages import current, now_ms, page_path, risk_limits
from pages._drawn import fingerprint
from store import views

dash.register_page(__name__, path="/endpoint", name="Endpoint", title="Endpoint · Foresight")

CHART_PX: Final = 206
WINDOWS_PX: Final = 340
CALLS_PX: Final = 460
CHARTS: Final = ("frequency", "latency", "errors", "failure", "anomaly")
MOST_CHARACTERS: Final = 400  # of a name that is quoted
_TICK: Final = shell.tick_id("endpoint")
_CALLS: Final = {
    "selected": Output("endpoint-chip-words", "children"),
    "unselected": Output("endpoint-chip", "hidden"),
    "about": Output("endpoint-calls-about", "children"),
    "rows": Output(endpoint_lists.CALLS, "rowData"),
    "state": Output(tables.state_id(endpoint_lists.CALLS), "children"),
}
_DRAWN: Final = {
    **{name: Output(f"endpoint-{name}", "figure") for name in CHARTS},
    **{f"{name}_state": Output(f"endpoint-{name}-state", "children") for name in CHARTS},
    "status": Output("endpoint-status", "children"),
    "kpis": Output("endpoint-kpis", "children"),
    "insights": Output("endpoint-insights", "children"),
    "why": Output("endpoint-why", "children"),
    "causes": Output("endpoint-causes", "children"),
    "features": Output("endpoint-features", "children"),
    "outcomes": Output("endpoint-outcomes", "children"),
    "callers": Output("endpoint-callers", "children"),
    "callers_about": Output("endpoint-callers-about", "children"),
    "windows": Output(endpoint_lists.WINDOWS, "rowData"),
    "windows_state": Output(tables.state_id(endpoint_lists.WINDOWS), "children"),
}
_ALWAYS: Final = {
    "subtitle": Output("endpoint-subtitle", "children"),
    "problem": Output("endpoint-problem", "children"),
    "hero": Output("endpoint-hero", "children"),
    "hidden": Output("endpoint-content", "hidden"),
    "drawn": Output("endpoint-drawn", "data"),
}


def layout(endpoint: Any = "", method: Any = "", **_: Any) -> html.Div:
    """Skeletons in the shape of what comes; range and selected time are read from the address."""
    asked = {"endpoint": _one(endpoint), "method": _one(method) or None}
    title = " ".join(filter(None, (asked["method"], asked["endpoint"]))) or "Endpoint"
    return shell.page(
        title[:MOST_CHARACTERS],
        shell.tick("endpoint"),
        dcc.Store(id="endpoint-asked", data=asked),
        dcc.Store(id="endpoint-at"),
        dcc.Store(id="endpoint-drawn"),
        dcc.Store(id="endpoint-revealed"),
        html.Div(id="endpoint-problem", className="endpoint-problem", role="alert"),
        html.Div(id="endpoint-hero"),
        html.Div(
            [
                html.Div(states.skeleton("numbers"), id="endpoint-status", className="row-status"),
                html.Div(states.skeleton("numbers"), id="endpoint-kpis", className="row-kpis"),
                _reasons(),
                _charts(),
                _windows(),
                _calls(),
            ],
            id="endpoint-content",
            className="page-rows",
        ),
        id="endpoint",
    )


def _one(given: Any) -> str:
    """A parameter of the address; the last one when it is there more than once."""
    return str(given[-1] if isinstance(given, list) else given)


def _reasons() -> html.Div:
    panels = {
        "insights": "What stands out",
        "why": "Why at risk",
        "causes": "Caused by",
    }
    return html.Div(
        [
            cards.card(title, html.Div(states.skeleton("bars"), id=f"endpoint-{name}"))
            for name, title in panels.items()
        ],
        className="endpoint-thirds",
    )


def _charts() -> html.Div:
    status = [("2xx", "accent"), ("3xx", "cyan"), ("4xx", "medium"), ("5xx", "high")]
    percentiles = [("p50", "quiet"), ("p95", "accent"), ("p99", "violet")]
    return html.Div(
        [
            _chart("frequency", "Calls a minute", "By class of status", status),
            _chart("latency", "Response time", "Half, 95 % and 99 % are faster", percentiles),
            _chart("errors", "Error rate", "Dotted: from 30 % on it is failing", status[2:]),
            _chart(
                "failure",
                "Failure probability",
                _words("outcomes"),
                [("Within 5 minutes", "accent")],
            ),
            cards.card(
                "Anomaly score by feature",
                html.Div(
                    [
                        cards.chart("endpoint-anomaly", "Anomaly score by feature", CHART_PX),
                        html.Div(id="endpoint-features", className="endpoint-features"),
                    ],
                    className="endpoint-anomaly",
                ),
                subtitle="Line: how unusual a minute is. Bars: the risk of risky ones, by feature",
                aside=cards.key([("Anomaly score", "text")]),
                className="endpoint-wide",
            ),
        ],
        className="endpoint-halves",
    )


def _chart(name: str, title: str, subtitle: Any, key: list[tuple[str, str]]) -> html.Section:
    return cards.card(
        title,
        cards.chart(f"endpoint-{name}", title, CHART_PX),
        subtitle=subtitle,
        aside=cards.key(key),
    )


def _words(name: str) -> html.Span:
    """A line that a poll fills; it keeps its height until then."""
    return html.Span("\u00a0", id=f"endpoint-{name}", **{"aria-live": "polite"})


def _windows() -> html.Section:
    return cards.card(
        "Risky minutes",
        tables.grid(
            endpoint_lists.WINDOWS,
            endpoint_lists.window_columns(),
            WINDOWS_PX,
            label="Risky minutes",
            export_name="risky-minutes",
        ),
        subtitle="MEDIUM and HIGH, newest first; the number of calls leads to them",
    )


def _calls() -> html.Div:
    return html.Div(
        [
            cards.card(
                "Calls",
                tables.grid(
                    endpoint_lists.CALLS,
                    endpoint_lists.call_columns(),
                    CALLS_PX,
                    label="Calls",
                    export_name="calls",
                ),
                subtitle=_words("calls-about"),
                aside=endpoint_panels.chip(),
            ),
            cards.card(
                "Top clients",
                html.Div(states.skeleton("bars"), id="endpoint-callers"),
                subtitle=_words("callers-about"),
            ),
        ],
        className="endpoint-people",
        id="endpoint-calls",
    )


clientside_callback(
    ClientsideFunction("selection", "at"),
    Output("endpoint-at", "data"),
    Input("shell-url", "search"),
    State("endpoint-at", "data"),
)
clientside_callback(
    ClientsideFunction("selection", "pick"),
    Output("shell-url", "search", allow_duplicate=True),
    *(Input(f"endpoint-{name}", "clickData") for name in CHARTS),
    Input("endpoint-clear", "n_clicks"),
    State("shell-url", "search"),
    prevent_initial_call=True,
)
clientside_callback(
    ClientsideFunction("endpoint", "reveal"),
    Output("endpoint-revealed", "data"),
    Input("endpoint-at", "data"),
)


@callback(
    output={"always": _ALWAYS, "drawings": _DRAWN, "calls": _CALLS},
    inputs={
        "_ticks": Input(_TICK, "n_intervals"),
        "chosen": Input("shell-range", "data"),
        "theme": Input("shell-theme", "data"),
        "at": Input("endpoint-at", "data"),
        "asked": State("endpoint-asked", "data"),
        "drawn": State("endpoint-drawn", "data"),
    },
    running=[(Output(_TICK, "disabled"), True, False)],
)
def show(
    _ticks: int,
    chosen: dict[str, str] | None,
    theme: str | None,
    at: str | None,
    asked: dict[str, Any],
    drawn: dict[str, Any] | None,
) -> Any:
    """One endpoint in the range; charts and calls are only read and sent when they changed."""
    now, app = now_ms(), current()
    if not asked["endpoint"]:
        return _instead(endpoint_panels.unnamed(str(page_path("/analytics"))))
    fresh = views.freshness(app.store, now)
    if fresh.last_window_end is None and fresh.last_call_at is None:
        return _instead(states.waiting(False, app.settings.demo))
    wanted = reads.Asked(asked["endpoint"], asked["method"], at)
    limits = risk_limits()
    found = reads.found(app.store, wanted, chosen, now, fresh, limits.medium)
    kept = told.kept_range(chosen)
    if found.series.summary is None:
        return _instead(_missing(found), view.subtitle(found, kept))
    about = (theme, found.shown.key, found.selection, found.until, found.series.summary)
    newest = [(call["timestamp"], call["id"]) for call in found.calls.items[:1]]
    drawing = {
        "key": found.shown.key,
        "charts": fingerprint(about),
        "calls": fingerprint(found.shown.key, found.selection, newest, len(found.calls.items)),
    }
    always = {
        "subtitle": view.subtitle(found, kept),
        "problem": found.selection.problem,
        "hero": [],
        "hidden": False,
        "drawn": drawing,
    }
    before = drawn or {"key": None, "charts": None, "calls": None}
    drawings: dict[str, Any] = dict.fromkeys(_DRAWN, no_update)
    calls: dict[str, Any] = dict.fromkeys(_CALLS, no_update)
    if drawing["charts"] != before["charts"]:
        drawings = _drawings(
            found,
            limits,
            theme if theme in THEMES else "dark",
            kept,
            redraw=drawing["key"] == before["key"],
        )
    if drawing["calls"] != before["calls"]:
        calls = _call_list(found, kept)
    return {"always": always, "drawings": drawings, "calls": calls}


def _instead(hero: Any, subtitle: Any = "") -> dict[str, Any]:
    """One state in place of all of the page."""
    always = {
        "subtitle": subtitle,
        "problem": "",
        "hero": hero,
        "hidden": True,
        "drawn": None,
    }
    return {
        "always": always,
        "drawings": dict.fromkeys(_DRAWN, no_update),
        "calls": dict.fromkeys(_CALLS, no_update),
    }


def _missing(found: reads.Found) -> Any:
    if views.is_known_endpoint(found.store, found.asked.endpoint):
        return view.no_windows(found)
    name = found.asked.endpoint[:MOST_CHARACTERS]
    return endpoint_panels.unknown(name, str(page_path("/analytics")))


def _drawings(
    found: reads.Found, limits: Limits, theme: str, kept: dict[str, str], *, redraw: bool
) -> dict[str, Any]:
    charts = view.charts(found, theme)
    if redraw:
        charts = {name: figures.redrawn(figure) for name, figure in charts.items()}
    nothing_risky = states.empty("check2-circle", "Nothing risky", "All minutes are LOW.")
    return {
        **charts,
        **{f"{name}_state": [] for name in CHARTS},
        "status": view.status(found, limits),
        "kpis": view.kpis(found),
        "insights": view.insights(found),
        "why": view.why(found),
        "causes": view.causes(found, kept),
        "features": view.features(found, theme),
        "outcomes": view.outcomes(found),
        "callers": view.callers(found, kept),
        "callers_about": view.callers_words(found),
        "windows": view.risky_rows(found, kept),
        "windows_state": [] if found.risky else nothing_risky,
    }


def _call_list(found: reads.Found, kept: dict[str, str]) -> dict[str, Any]:
    return {
        "selected": view.selected(found),
        "unselected": found.selection.start is None,
        "about": view.calls_words(found),
        "rows": view.call_rows(found, kept),
        "state": view.no_calls(found),
    }
