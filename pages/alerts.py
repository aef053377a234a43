"""Alerts: incidents first, with their reasons, and what people made of them."""

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
from flask import abort

from components import alert_detail, alerts, shell, states, tables
from jobs.alert_feed import Alert, feed, windows_like
from pages import (
    _alerts_actions,
    _alerts_filters,
    _alerts_parts,
    _alerts_view,
    _range,
    current,
    now_ms,
    who,
)
from pages._drawn import fingerprint
from store import feedback, views

dash.register_page(__name__, path="/alerts", name="Alerts", title="Alerts · Foresight", order=2)

DAY_MS: Final = 86_400_000  # after a day times are told with their date
_ABOUT: Final = "Incidents: endpoints and clients at risk until they were quiet for 5 minutes"
_TICK: Final = shell.tick_id("alerts")
_GRID: Final = "alerts-grid"
_WINDOWS_OF: Final = "alerts-windows-of-grid"
_SHOWN: Final = {
    "subtitle": Output("alerts-subtitle", "children"),
    "notice": Output("alerts-notice", "children"),
    "numbers": Output("alerts-numbers", "children"),
    "list": Output("alerts-list", "children"),
    "more": Output("alerts-more", "children"),
    "exact": Output("alerts-exact", "children"),
    "incidents_hidden": Output("alerts-incidents", "hidden"),
    "windows_hidden": Output("alerts-windows", "hidden"),
    "rows": Output(_GRID, "rowData"),
    "rows_state": Output(tables.state_id(_GRID), "children"),
    "drawn": Output("alerts-drawn", "data"),
}
_PANEL: Final = {
    "head": Output("alerts-detail-head", "children"),
    "body": Output("alerts-detail-body", "children"),
    "rows": Output(_WINDOWS_OF, "rowData"),
    "rows_state": Output(tables.state_id(_WINDOWS_OF), "children"),
}


def layout(**query: Any) -> html.Div:
    """Skeletons in the shape of what comes; filters and the open alert are in the address."""
    asked = _alerts_filters.given(query)
    exact = {name: asked[name] for name in _alerts_filters.EXACT}
    return shell.page(
        "Alerts",
        shell.tick("alerts"),
        dcc.Store(id="alerts-drawn"),
        dcc.Store(id="alerts-filters", data=asked),
        dcc.Store(id="alerts-exact-data", data=exact),
        dcc.Store(id="alerts-open", data=_window_id(query.get("incident"))),
        dcc.Store(id="alerts-shown", data=_alerts_view.SHOWN_AT_ONCE),
        dcc.Store(id="alerts-asked"),
        dcc.Store(id="alerts-acted"),
        html.Div(
            [
                html.Div(
                    states.skeleton("numbers"), id="alerts-numbers", className="row-kpis row-alerts"
                ),
                _alerts_parts.bar(asked),
                html.Div(id="alerts-notice"),
                html.Div(
                    [
                        html.Div(states.skeleton("rows"), id="alerts-list"),
                        html.Div(id="alerts-more", className="alerts-more"),
                    ],
                    id="alerts-incidents",
                    hidden=asked["view"] == "windows",
                ),
                html.Div(
                    _alerts_parts.windows_card(_GRID),
                    id="alerts-windows",
                    hidden=asked["view"] != "windows",
                ),
            ],
            className="page-rows",
        ),
        alert_detail.frame(_WINDOWS_OF),
        html.Div(id="alerts-said", className="said-note", role="status", tabIndex=-1),
        id="alerts",
        subtitle=_ABOUT,
    )


clientside_callback(
    ClientsideFunction("alerts", "filters"),
    Output("alerts-filters", "data"),
    Output("alerts-shown", "data"),
    Input("alerts-view", "value"),
    Input("alerts-priority", "value"),
    Input("alerts-state", "value"),
    Input("alerts-simulated", "value"),
    Input("alerts-q", "value"),
    Input("alerts-exact-data", "data"),
    State("alerts-filters", "data"),
    prevent_initial_call=True,
)
clientside_callback(
    ClientsideFunction("alerts", "panel"),
    Output("alerts-detail", "hidden"),
    Input("alerts-open", "data"),
)


@callback(
    output=_SHOWN,
    inputs={
        "_ticks": Input(_TICK, "n_intervals"),
        "chosen": Input("shell-range", "data"),
        "asked": Input("alerts-filters", "data"),
        "shown": Input("alerts-shown", "data"),
        "_acted": Input("alerts-acted", "data"),
        "drawn": State("alerts-drawn", "data"),
    },
    running=[(Output(_TICK, "disabled"), True, False)],
)
def show(
    _ticks: int,
    chosen: dict[str, str] | None,
    asked: dict[str, str] | None,
    shown: int,
    _acted: Any,
    drawn: str | None,
) -> dict[str, Any]:
    """The feed of the range; the list or the table is only sent when it changed."""
    now = now_ms()
    time = _range.time_range(chosen, now, views.data_range(current().store))
    wanted = _alerts_filters.asked_for(asked)
    found = feed(current().store, time.start, time.end, now, wanted.filters)
    in_windows = wanted.view == "windows"
    windows = windows_like(found.risky, wanted.filters) if in_windows else []
    groups = [] if in_windows else _alerts_view.cards(found.groups, shown)
    left = len(found.alerts) - sum(map(len, groups))
    content = groups, left, [_alerts_view.version(row) for row in windows], found.counts
    fresh = fingerprint(time.key, asked, content, now // DAY_MS)
    answer = dict.fromkeys(_SHOWN, no_update) | {
        "subtitle": _alerts_parts.subtitle(found, time, now),
        "notice": _alerts_parts.notices(found, wanted, len(windows), now),
        "incidents_hidden": in_windows,
        "windows_hidden": not in_windows,
    }
    if drawn == fresh:
        return answer
    answer |= {
        "drawn": fresh,
        "numbers": _alerts_view.counts(found),
        "exact": _alerts_parts.exact_filters(wanted.filters),
    }
    if in_windows:
        rows = _alerts_view.rows(windows[: _alerts_view.MOST_ROWS], current().store.window_ms)
        empty = [] if rows else _alerts_parts.nothing(found, time, now)
        return answer | {"rows": rows, "rows_state": empty}
    listed = alerts.alert_list(groups, now) or _alerts_parts.nothing(found, time, now)
    return answer | {"list": listed, "more": alerts.more_button(left)}


@callback(
    output=_PANEL,
    inputs={
        "window_id": Input("alerts-open", "data"),
        "_drawn": Input("alerts-drawn", "data"),
        "chosen": State("shell-range", "data"),
    },
)
def show_alert(window_id: int | None, _drawn: Any, chosen: dict[str, str] | None) -> dict[str, Any]:
    """The panel of the alert that is open."""
    if window_id is None or chosen is None:  # closed, or the range is not read yet
        return dict.fromkeys(_PANEL, no_update)
    now = now_ms()
    alert = _alert_with(window_id, chosen, now)
    if alert is None:
        words = "It is not in the time range that is chosen: choose a longer one."
        return {"head": alert_detail.nothing(words), "body": [], "rows": [], "rows_state": []}
    return _alerts_view.details(alert, now)


@callback(
    Output("alerts-said", "children"),
    Output("alerts-acted", "data"),
    Input("alerts-asked", "data"),
    State("shell-range", "data"),
    prevent_initial_call=True,
)
def act(asked: dict[str, Any], chosen: dict[str, str] | None) -> tuple[Any, Any]:
    """Store what was said of an alert, or of windows that were chosen."""
    now, store, do = now_ms(), current().store, str(asked["do"])
    try:
        if "windows" in asked:
            ids = [int(one) for one in asked["windows"]]
            said = _alerts_actions.say_of_windows(store, ids, do, who(), now)
        else:
            alert = _alert_with(int(asked["alert"]), chosen, now)
            if alert is None:
                gone = "This alert is not in the range any more."
                return _alerts_parts.confirmation(gone, None), now
            said = _alerts_actions.say_of_alert(store, alert, do, who(), now)
    except feedback.UnknownWindowError as error:
        return _alerts_parts.confirmation(f"Nothing was stored: {error}.", None), now
    except ValueError as error:  # no button says so
        abort(400, str(error))
    return _alerts_parts.confirmation(f"{said}.", None if do == "undo" else asked), now


def _alert_with(window_id: int, chosen: dict[str, str] | None, now: int) -> Alert | None:
    """The alert that a window belongs to."""
    store = current().store
    time = _range.time_range(chosen, now, views.data_range(store))
    every = feed(store, time.start, time.end, now).alerts
    return next(
        (one for one in every if any(r["id"] == window_id for r in one.incident.all_windows)), None
    )


def _window_id(given: Any) -> int | None:
    """The number of a window in the address, None where there is none."""
    text = str(given[-1] if isinstance(given, list) and given else given or "")
    return int(text) if text.isdecimal() and len(text) < 19 else None
