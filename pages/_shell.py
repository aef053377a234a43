"""Callbacks of the frame around all pages; they belong to one app, so they are registered on it."""

from __future__ import annotations

from typing import Any, Final

from dash import ALL, MATCH, ClientsideFunction, Dash, Input, Output, State, no_update

from components import format, shell, toasts
from jobs import news
from jobs.alert_feed import open_high
from store import Store, events, views
from store.damaged import set_aside_files

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
        Output("shell-alert-count", "children"),
        Output("shell-store", "children"),
        Input(_TICK, "n_intervals"),
        Input("shell-news", "data"),
        State("shell-seen", "data"),
        running=[(Output(_TICK, "disabled"), True, False)],
    )(show_news)


def show_news(
    ticks: int | None, told: int | None, seen: dict[str, int] | None
) -> tuple[Any, Any, Any, Any, Any]:
    """Freshness of the scores, and a toast for each incident that became HIGH after `seen`.

    And how many HIGH alerts of the last hour are open, and what is wrong with the store.

    Asked for by the clock, and at once when the live stream has told of something new.
    """
    from pages import current, now_ms, subject_href

    now = now_ms()
    store = current().store
    pill = freshness_pill(views.freshness(store, now), now)
    count = shell.open_alerts(open_high(store, now))
    said = store_state(store, now)
    if not ticks and not told:  # `seen` is not loaded from the session yet
        return pill, no_update, no_update, count, said
    after = (seen or {}).get("event", 0)
    if after > events.last_event_id(store):
        after = 0  # another store than at the last visit
    latest = news.latest_news(store, after, now)
    if latest.event == after:
        return pill, no_update, no_update, count, said
    told = [toasts.Told(new.windows, len(new.incident.suffering)) for new in latest.news]
    notices = toasts.notices(told, subject_href, now) if told else no_update
    return pill, notices, {"event": latest.event}, count, said


def store_state(store: Store, now: int) -> str:
    """What is wrong with the store, as a sentence; empty when it is well."""
    if (trouble := store.condition.trouble) is not None:
        return f"{trouble.value}. Calls are kept meanwhile."
    if not (aside := set_aside_files(store.file)):
        return ""
    newest = aside[0]
    return (
        f"The store was damaged and set aside at {format.moment(newest.at, now)} as "
        f"{newest.file.name}: what was stored before is in that file. This is told for as long as "
        "it lies there."
    )


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
        ClientsideFunction("range", "choose"),
        Output("shell-range", "data"),
        Output("shell-range-choice", "value"),
        Output("shell-url", "search"),
        Output("shell-range-words", "children"),
        Output("shell-range-problem", "children"),
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
        Output(_ANY_TICK, "n_intervals", allow_duplicate=True),
        Input("shell-connection", "data"),
        State(_ANY_TICK, "id"),
        State(_ANY_TICK, "n_intervals"),
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
