"""Client: one caller, how it uses the API, what it endangers; without one, who there is."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Final

import dash
from dash import (
    ClientsideFunction,
    Input,
    Output,
    State,
    callback,
    clientside_callback,
    html,
    no_update,
)

from components import figures, shell, tables
from pages import _client_layout, _client_list, _client_view, _range, current, now_ms
from pages._client_view import CHARTS, Asked
from pages._drawn import fingerprint
from store import TooSlow, client_list, clients, views
from store.times import epoch_ms

dash.register_page(__name__, path="/client", name="Client", title="Client · Foresight", order=8)

MOST_CHARACTERS: Final = 500  # of a name in the address
USAGES: Final = ("normal", "heavy", "bot")
_TICK: Final = shell.tick_id("client")
_LIST_TICK: Final = shell.tick_id("clients")
_PLAIN: Final = {
    name: Output(f"client-{name.replace('_', '-')}", "children")
    for name in ("subtitle", "hero", "standing", "kpis", "problem", "chip")
}
_TOP: Final = {
    **_PLAIN,
    "hidden": Output("client-content", "hidden"),
    "unpicked": Output("client-picked", "hidden"),
    "drawn": Output("client-drawn", "data"),
}
_DRAWN: Final = {
    **{name: Output(f"client-{name}", "figure") for name in CHARTS},
    **{f"{name}_state": Output(f"client-{name}-state", "children") for name in CHARTS},
    **{
        name: Output(f"client-{name.replace('_', '-')}", "children") for name in _client_view.PANELS
    },
    **{name: Output(f"client-{name}-grid", "rowData") for name in ("minutes", "calls")},
    **{
        f"{name}_state": Output(f"client-{name}-grid-state", "children")
        for name in ("minutes", "calls")
    },
}


def layout(client: Any = "", usage: Any = None, q: Any = "", **_: Any) -> html.Div:
    """The page of a client, or the list of them where the address names none."""
    name = _one(client).strip()[:MOST_CHARACTERS]
    if name:
        return _client_layout.one_client(current().seal.client(name))
    given = [usage] if isinstance(usage, str) else list(usage or [])
    unknown = [value for value in given if value not in USAGES]
    first = {"usage": [value for value in given if value in USAGES], "q": _one(q)}
    return _client_list.layout(first, unknown, USAGES)


clientside_callback(
    ClientsideFunction("selection", "at"),
    Output("client-at", "data"),
    Input("shell-url", "search"),
    State("client-at", "data"),
)
clientside_callback(
    ClientsideFunction("selection", "pick"),
    Output("shell-url", "search", allow_duplicate=True),
    *[Input(f"client-{name}", "clickData") for name in CHARTS],
    Input("client-clear", "n_clicks"),
    State("shell-url", "search"),
    prevent_initial_call=True,
)
clientside_callback(
    ClientsideFunction("client", "reveal"),
    Output("client-revealed", "data"),
    Input("client-at", "data"),
)
clientside_callback(
    ClientsideFunction("client", "first"),
    Output("clients-grid", "filterModel"),
    Output(tables.search_id("clients-grid"), "value"),
    Output("clients-first", "data"),
    Input("clients-grid", "virtualRowData"),
    State("clients-first", "data"),
)
clientside_callback(
    ClientsideFunction("client", "remember"),
    Output("clients-remembered", "data"),
    Input("clients-grid", "filterModel"),
    Input(tables.search_id("clients-grid"), "value"),
    State("clients-first", "data"),
    prevent_initial_call=True,
)


@callback(
    output={"top": _TOP, "drawings": _DRAWN},
    inputs={
        "_ticks": Input(_TICK, "n_intervals"),
        "chosen": Input("shell-range", "data"),
        "theme": Input("shell-theme", "data"),
        "at": Input("client-at", "data"),
        "client": State("client-of", "data"),
        "drawn": State("client-drawn", "data"),
    },
    running=[(Output(_TICK, "disabled"), True, False)],
)
def show(
    _ticks: int,
    chosen: dict[str, str] | None,
    theme: str | None,
    at: str | None,
    client: str,
    drawn: dict[str, str] | None,
) -> Any:
    """One client; charts and grids are only sent when they changed."""
    now, store = now_ms(), current().store
    shown = _range.time_range(chosen, now, views.data_range(store))
    asked = Asked(client, shown, chosen or {}, theme or "dark", now)
    try:
        found = clients.client_view(store, client, shown.start, shown.end)
        asked, problem = _with_selection(asked, at, found.bucket_ms)
        if not found.points and not found.calls.newest and asked.picked is None:
            return _nothing(_client_view.nobody(asked, found.last_at) | {"problem": problem})
        picked = (
            None if asked.picked is None else clients.client_selection(store, client, *asked.picked)
        )
    except TooSlow as error:
        return _nothing(_client_view.too_slow(asked, str(error)))
    moved = shown.end // found.bucket_ms
    key = f"{shown.key} {at}"
    drawing = {"key": key, "content": fingerprint(theme, moved, at, found, picked)}
    top = _client_view.top(asked, found, picked) | {
        "hero": [],
        "hidden": False,
        "problem": problem,
        "unpicked": asked.picked is None,
        "drawn": drawing,
    }
    if drawing == drawn:
        return {"top": top, "drawings": dict.fromkeys(_DRAWN, no_update)}
    drawings = _client_view.drawings(asked, found, picked)
    if drawn and drawn["key"].split()[0] == shown.key:
        drawings |= {name: figures.redrawn(drawings[name]) for name in CHARTS}
    return {"top": top, "drawings": drawings}


def _nothing(top: Mapping[str, Any]) -> dict[str, Any]:
    """No data: one sentence instead of empty charts."""
    empty: dict[str, Any] = {name: [] for name in _PLAIN}
    empty |= {"hidden": True, "unpicked": True, "drawn": None}
    return {"top": empty | dict(top), "drawings": dict.fromkeys(_DRAWN, no_update)}


def _with_selection(asked: Asked, at: str | None, bucket_ms: int) -> tuple[Asked, str]:
    """With the bucket that `at` lies in; what is wrong when it is no time."""
    if not at:
        return asked, ""
    try:
        instant = epoch_ms(at)
    except ValueError as error:
        return asked, f"The address has at={at!r}, which {error}. Nothing is selected."
    start = instant - instant % bucket_ms
    return asked._replace(picked=(start, start + bucket_ms)), ""


@callback(
    output={
        "subtitle": Output("clients-subtitle", "children"),
        "about": Output("clients-about", "children"),
        "rows": Output("clients-grid", "rowData"),
        "state": Output("clients-grid-state", "children"),
        "drawn": Output("clients-drawn", "data"),
    },
    inputs={
        "_ticks": Input(_LIST_TICK, "n_intervals"),
        "chosen": Input("shell-range", "data"),
        "drawn": State("clients-drawn", "data"),
    },
    running=[(Output(_LIST_TICK, "disabled"), True, False)],
)
def show_list(_ticks: int, chosen: dict[str, str] | None, drawn: str | None) -> dict[str, Any]:
    """Who there is; the rows are only sent when they changed."""
    now, store = now_ms(), current().store
    shown = _range.time_range(chosen, now, views.data_range(store))
    try:
        found = client_list.clients_between(store, shown.start, shown.end)
    except TooSlow as error:
        return _client_list.too_slow(str(error))
    drawing = fingerprint(shown.key, found)
    parts = _client_list.parts(found, shown, chosen or {}, now) | {"drawn": drawing}
    if drawing == drawn:
        parts |= {"rows": no_update, "state": no_update}
    return parts


def _one(given: Any) -> str:
    """A parameter of the address; the last one when it is there more than once."""
    return str(given[-1] if isinstance(given, list) else given)
