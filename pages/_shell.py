"""Callbacks of the frame around all pages; they belong to one app, so they are registered on it."""

from __future__ import annotations

import time
from typing import Any, Final

from dash import ALL, MATCH, ClientsideFunction, Dash, Input, Output, State, no_update

from components import format, shell, toasts
from store import events, views

TOASTS_OF_LAST_MS: Final = 10 * 60_000  # older windows were news before this page was opened
_ANY_TICK: Final = {"type": "shell-tick", "of": ALL}
_TICK: Final = shell.tick_id("shell")
_TOAST: Final = {"type": "shell-toast", "window": MATCH}
_TOAST_CLOSE: Final = {"type": "shell-toast-close", "window": MATCH}


def register(app: Dash) -> None:
    """Add the shell's callbacks to one app."""
    _register_browser_side(app)
    app.callback(
        Output("shell-freshness", "children"),
        Output("shell-toasts", "children"),
        Output("shell-seen", "data"),
        Input(_TICK, "n_intervals"),
        Input("shell-news", "data"),
        State("shell-seen", "data"),
        running=[(Output(_TICK, "disabled"), True, False)],
    )(show_news)


def show_news(
    ticks: int | None, told: int | None, seen: dict[str, int] | None
) -> tuple[Any, Any, Any]:
    """Freshness of the scores, and a toast for each window that became HIGH after `seen`.

    Asked for by the clock, and at once when the live stream has told of something new.
    """
    from pages import current, subject_href

    now = time.time_ns() // 1_000_000
    store = current().store
    pill = freshness_pill(views.freshness(store, now), now)
    if not ticks and not told:  # `seen` is not loaded from the session yet
        return pill, no_update, no_update
    after = (seen or {}).get("event", 0)
    if after > events.last_event_id(store):
        after = 0  # another store than at the last visit
    news = events.new_high(store, after, now - TOASTS_OF_LAST_MS - store.window_ms)
    if not news:
        return pill, no_update, no_update
    windows = [event.window for event in news]
    return pill, toasts.notices(windows, subject_href, now), {"event": news[0].id}


def freshness_pill(fresh: views.Freshness, now: int) -> Any:
    """What the top bar says of the scores."""
    if fresh.stale:
        since = f" since {format.moment(fresh.scored_at, now)}" if fresh.scored_at else ""
        return shell.freshness("stale", f"Scores stale{since}", fresh.error or "")
    if fresh.last_window_end is None:
        return shell.freshness("waiting", "Waiting for the first minute")
    until = format.moment(fresh.last_window_end, now)
    return shell.freshness(
        "fresh", f"Scored to {until}", "End of the newest window that has scores"
    )


def _register_browser_side(app: Dash) -> None:
    """What needs no server: range and address, theme, live switch and stream, polling, toasts."""
    app.clientside_callback(
        _script("range"),
        Output("shell-range", "data"),
        Output("shell-range-choice", "value"),
        Output("shell-url", "search"),
        Output("shell-range-custom", "children"),
        Input("shell-range-choice", "value"),
        Input("shell-url", "search"),
        State("shell-range", "data"),
        State("shell-range-choice", "options"),
    )
    app.clientside_callback(
        _script("navigation"),
        Output({"type": "shell-nav", "path": ALL}, "href"),
        Input("shell-url", "pathname"),
        Input("shell-range", "data"),
        State({"type": "shell-nav", "path": ALL}, "id"),
    )
    app.clientside_callback(
        _script("theme"), Output("shell-theme", "data"), Input("shell-theme-switch", "n_clicks")
    )
    app.clientside_callback(
        _script("live"),
        Output("shell-live-state", "data"),
        Input("shell-live", "n_clicks"),
    )
    app.clientside_callback(
        ClientsideFunction("live", "follow"),
        Input("shell-live-state", "data"),
        Input("shell-visible", "data"),
        State("shell-pace", "data"),
    )
    app.clientside_callback(
        ClientsideFunction("live", "interval"),
        Output(_TICK, "interval"),
        Input("shell-stream", "data"),
        State("shell-pace", "data"),
    )
    app.clientside_callback(
        _script("pace"),
        Output(_ANY_TICK, "max_intervals"),
        Output(_ANY_TICK, "n_intervals"),
        Input("shell-live-state", "data"),
        Input("shell-visible", "data"),
        State(_ANY_TICK, "n_intervals"),
    )
    app.clientside_callback(
        _script("resume"),
        Output(_ANY_TICK, "disabled"),
        Input("shell-connection", "data"),
        State(_ANY_TICK, "id"),
        prevent_initial_call=True,
    )
    app.clientside_callback(
        _script("dismiss"),
        Output(_TOAST, "hidden"),
        Input(_TOAST_CLOSE, "n_clicks"),
        prevent_initial_call=True,
    )


def _script(name: str) -> ClientsideFunction:
    """A function of `assets/shell.js`."""
    return ClientsideFunction("foresight", name)
