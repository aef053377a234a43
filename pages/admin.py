"""Admin: users, tokens, the audit log, and the state of the product."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Final

import dash
from dash import (
    ALL,
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
from flask import request

from components import admin_dialog, admin_system, admin_tokens, admin_users, shell, states
from components.admin_dialog import FIELD, View
from jobs.access.people import RefusedError
from jobs.access.roles import Role
from pages import (
    _admin_audit,
    _admin_layout,
    _admin_system,
    _admin_tokens,
    _admin_users,
    current,
    doer,
    now_ms,
    only,
    who,
)
from pages._admin_layout import TABS
from pages._drawn import fingerprint

dash.register_page(__name__, path="/admin", name="Admin", title="Admin · Foresight", order=7)

_GRIDS: Final = {"type": "admin-grid", "tab": ALL}
_COVERS: Final = {**_GRIDS, "part": "state"}
_DIALOG: Final = {
    "open": ("admin-dialog", "is_open"),
    "body": ("admin-dialog-body", "children"),
    "confirm": ("admin-confirm", "children"),
    "hidden": ("admin-confirm", "hidden"),
    "cancel": ("admin-cancel", "children"),
    "problem": ("admin-problem", "children"),
}
_AUDIT_TICK: Final = shell.tick_id("admin-audit")
_SYSTEM_TICK: Final = shell.tick_id("admin-system")


def _layout(tab: Any = "", action: Any = "", before: Any = "", **_: Any) -> html.Div:
    """One tab, that of the address."""
    asked = _one(tab) or "users"
    known = asked if asked in TABS else "users"
    return shell.page(
        "Admin",
        dcc.Store(id="admin-chosen"),
        dcc.Store(id="admin-changed"),
        _admin_layout.tabs(known),
        None if asked == known else _admin_layout.unknown(asked),
        html.Div(id="admin-result", role="status", className="admin-result"),
        html.Div(_admin_layout.body(known, _one(action), _one(before)), className="page-rows"),
        admin_dialog.dialog(),
        id="admin",
        subtitle="Who may come in, what was done, and the state of the product",
    )


layout = only(Role.ADMIN, _layout)


def _rows(tab: str) -> list[dict[str, Any]]:
    parts = current()
    if tab == "users":
        return admin_users.rows(_admin_users.users(parts), who())
    return admin_tokens.rows(_admin_tokens.tokens(parts), now_ms())


def _none_of(tab: str) -> Any:
    if tab == "users":
        return states.empty("people", "Nobody has signed in yet", "Add the first user.")
    return states.empty("key", "No token yet", "Programs need one to ask the REST API.")


clientside_callback(
    ClientsideFunction("admin", "settle"),
    Output("admin-dialog-body", "className"),
    Input("admin-dialog-body", "children"),
)
clientside_callback(
    ClientsideFunction("admin", "close"),
    Output("admin-dialog", "is_open", allow_duplicate=True),
    Output("admin-dialog-body", "children", allow_duplicate=True),
    Input("admin-cancel", "n_clicks"),
    Input("admin-dialog", "is_open"),
    prevent_initial_call=True,
)


@callback(
    output={name: Output(*prop) for name, prop in _DIALOG.items()},
    inputs={"chosen": Input("admin-chosen", "data")},
    prevent_initial_call=True,
)
def ask(chosen: Mapping[str, Any] | None) -> dict[str, Any]:
    """Show in the dialog what a button leads to."""
    name, of = _chosen(chosen)
    parts, now = current(), now_ms()
    if name in (_admin_users.ADD, *_admin_users.OF_ONE):
        return _shown(_admin_users.view(parts, name, of, who(), now))
    return _shown(_admin_tokens.view(parts, name, of, now))


@callback(
    output={
        "dialog": {name: Output(*prop, allow_duplicate=True) for name, prop in _DIALOG.items()},
        "result": Output("admin-result", "children"),
        "changed": Output("admin-changed", "data"),
    },
    inputs={
        "clicks": Input("admin-confirm", "n_clicks"),
        "chosen": State("admin-chosen", "data"),
        "names": State({"type": FIELD, "name": ALL}, "id"),
        "values": State({"type": FIELD, "name": ALL}, "value"),
    },
    running=[(Output("admin-confirm", "disabled"), True, False)],
    prevent_initial_call=True,
)
def act(
    clicks: int | None, chosen: Mapping[str, Any] | None, names: list[Any], values: list[Any]
) -> dict[str, Any]:
    """Do what the dialog asked for; a refusal stays in the dialog."""
    dialog: dict[str, Any] = dict.fromkeys(_DIALOG, no_update)
    if not clicks:
        return {"dialog": dialog, "result": no_update, "changed": no_update}
    given = {one["name"]: value for one, value in zip(names, values, strict=True)}
    try:
        said, shown = _done(*_chosen(chosen), given)
    except RefusedError as error:
        told = f"{str(error)[:1].upper()}{str(error)[1:]}."
        return {"dialog": dialog | {"problem": told}, "result": no_update, "changed": no_update}
    dialog |= {"open": False, "body": []} if shown is None else _shown(shown)
    return {"dialog": dialog, "result": admin_dialog.done(said), "changed": now_ms()}


@callback(
    Output(_GRIDS, "rowData"),
    Output(_COVERS, "children"),
    Input("admin-changed", "data"),
    State(_GRIDS, "id"),
)
def show_rows(_changed: int | None, grids: list[Any]) -> Any:
    """Users or tokens, when the page is opened and after each act."""
    tabs = [str(grid["tab"]) for grid in grids]
    rows = [_rows(tab) for tab in tabs]
    return rows, [[] if found else _none_of(tab) for tab, found in zip(tabs, rows, strict=True)]


@callback(
    Output("admin-audit", "children"),
    Output("admin-audit-drawn", "data"),
    Input(_AUDIT_TICK, "n_intervals"),
    State("admin-group", "data"),
    State("admin-audit-drawn", "data"),
    running=[(Output(_AUDIT_TICK, "disabled"), True, False)],
    prevent_initial_call=True,
)
def show_audit(_ticks: int | None, group: str | None, drawn: str | None) -> Any:
    """The newest entries, when there are new ones."""
    asked = _admin_audit.asked_for(group or "", "")
    page = _admin_audit.found(current(), asked)
    mark = fingerprint(page)
    if mark == drawn:
        return no_update, no_update
    return _admin_audit.shown(page, asked, now_ms()), mark


@callback(
    Output("admin-verdict", "children"),
    Input("admin-verify", "n_clicks"),
    running=[(Output("admin-verify", "disabled"), True, False)],
    prevent_initial_call=True,
)
def verify(_clicks: int | None) -> Any:
    """Go through the chain of entries."""
    return _admin_audit.verified(current())


@callback(
    Output("admin-system", "children"),
    Output("admin-jobs", "children"),
    Output("admin-system-drawn", "data"),
    Input(_SYSTEM_TICK, "n_intervals"),
    Input("admin-changed", "data"),  # the clock alone would not call it when the page opens
    State("admin-system-drawn", "data"),
    running=[(Output(_SYSTEM_TICK, "disabled"), True, False)],
)
def show_system(_ticks: int | None, _changed: int | None, drawn: str | None) -> Any:
    """What has changed of the state of the product."""
    now = now_ms()
    seen = _admin_system.seen(current(), now)
    mark = fingerprint(seen.groups, seen.jobs)
    if mark == drawn:
        return no_update, no_update, no_update
    shown = admin_system.panels(seen.groups, now)
    return shown, admin_system.jobs_table(seen.jobs, now), mark


@callback(
    Output("admin-findings", "children"),
    Input("admin-examine", "n_clicks"),
    running=[(Output("admin-examine", "disabled"), True, False)],
    prevent_initial_call=True,
)
def show_findings(_clicks: int | None) -> Any:
    """Have the doctor look at the installation."""
    now = now_ms()
    return admin_system.findings(_admin_system.findings(now), now)


def _done(name: str, of: str, given: Mapping[str, Any]) -> tuple[str, View | None]:
    """What is said of what was done, and what is to be shown once."""
    parts = current()
    if name == _admin_tokens.CREATE:
        origin = request.origin or request.host_url.rstrip("/")
        made = _admin_tokens.create(parts, doer(), given, origin)
        return made.said, made.shown
    if name == _admin_tokens.REVOKE:
        return _admin_tokens.revoke(parts, doer(), of), None
    return _admin_users.act(parts, doer(), name, of, given), None


def _shown(view: View) -> dict[str, Any]:
    return {
        "open": True,
        "body": view.content,
        "confirm": view.confirm,
        "hidden": not view.confirm,
        "cancel": view.cancel,
        "problem": "",
    }


def _chosen(chosen: Mapping[str, Any] | None) -> tuple[str, str]:
    """A view of the dialog, and what it is of."""
    return str((chosen or {}).get("view", "")), str((chosen or {}).get("of", ""))


def _one(given: Any) -> str:
    """A parameter of the address; the last one when it is there more than once."""
    return str(given[-1] if isinstance(given, list) else given)
