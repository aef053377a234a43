"""The dashboard: one Dash page a file. What they share: the running app's parts and the frame."""

from __future__ import annotations

import time
from collections.abc import Callable, Mapping
from functools import wraps
from typing import Any, Final, cast
from urllib.parse import urlencode

import dash
from dash import Dash
from dash.development.base_component import Component
from flask import current_app, g, has_request_context, request
from flask_login import current_user
from flask_wtf.csrf import generate_csrf

from components import shell, states
from components.theme import Limits
from jobs.access.audited import Doer
from jobs.access.register import ADMIN
from jobs.access.roles import Role
from jobs.runtime import EXTENSION, Foresight
from jobs.tail import can_stream
from pages import _export, _range, _shell

ICONS: Final = {
    "/": "grid-1x2",
    "/analytics": "bar-chart",
    "/alerts": "bell",
    "/models": "cpu",
    "/datasets": "database",
    "/ask": "chat-dots",
    "/lab": "flask",
    "/admin": "sliders",
}
WITHOUT_CHARTS: Final = (
    "/admin",
    "/alerts",
    "/ask",
    "/lab",
)  # the library of charts is not fetched ahead
_ABOVE: Final = {"/analytics": ("/endpoint", "/client")}  # pages reached from one of the sidebar
_DEMO_ONLY: Final = "/lab"  # its address tells who comes all the same how to open it
_COUNTS: Final = {"/alerts": "shell-alert-count"}
FOR_ADMINS: Final = ("/ask", "/lab", "/admin")
_PASSWORD: Final = "/auth/password"
_LOGOUT: Final = "/auth/logout"
_REFERENCE: Final = "/api/docs"


def current() -> Foresight:
    """The parts of the running app."""
    return cast(Foresight, current_app.extensions[EXTENSION])


def index_html(app: Dash) -> str:
    """The page around the dashboard, before its first script has run."""
    plain = [app.get_relative_path(path) for path in WITHOUT_CHARTS]
    return shell.index_html(app.get_asset_url(""), _range.DEFAULT, plain)


def layout() -> Component:
    """The frame with its navigation; Dash fills in the page. Made anew for each load."""
    return shell.frame(
        _navigation(),
        dash.page_container,
        ranges=_range.LABELS,
        demo=current().settings.demo,
        stream=has_request_context() and can_stream(request.environ),
        account=_account() if has_request_context() else shell.Account("", "", "", "", "", ""),
    )


def _account() -> shell.Account:
    by_setting = who() == ADMIN and current().settings.admin_password.get_secret_value()
    password = _PASSWORD if current_user.session_id and not by_setting else ""
    return shell.Account(who(), current_user.role, _LOGOUT, password, _REFERENCE, generate_csrf())


def register_callbacks(app: Dash) -> None:
    """Add the callbacks of the frame to one app; pages bring their own."""
    _shell.register(app)
    _export.register(app)


def now_ms() -> int:
    """The clock of the pages [epoch ms]."""
    return time.time_ns() // 1_000_000


def risk_limits() -> Limits:
    """From where on risk is MEDIUM or HIGH."""
    settings = current().settings
    return Limits(settings.medium_risk, settings.high_risk)


def who() -> str:
    """Who asks: the name of a person or of a token."""
    return str(current_user.name)


def doer() -> Doer:
    """Who asks, from where, now: for the audit log."""
    return Doer(who(), g.address, now_ms())


def may(role: Role) -> bool:
    """Whether who asks may do what a role may."""
    return bool(current_user.may(role))


def only(role: Role, layout: Callable[..., Component]) -> Callable[..., Component]:
    """The layout of a page that needs a role; others are told so."""

    @wraps(layout)
    def checked(**query: Any) -> Component:
        return layout(**query) if may(role) else states.forbidden(role, current_user.role)

    return checked


def subject_href(window: Mapping[str, Any], **more: str) -> str:
    """Address of the page of a window's endpoint or client."""
    if window["subject"] == "client":
        return client_href(window["client"], **more)
    return endpoint_href(window["endpoint"], window["method"], **more)


def endpoint_href(endpoint: str, method: str, **more: str) -> str:
    """Address of an endpoint's page; `more` are other parts of its query, such as the range."""
    return f"{page_path('/endpoint')}?{urlencode({'endpoint': endpoint, 'method': method, **more})}"


def client_href(client: str, **more: str) -> str:
    """Address of a client's page; `more` are other parts of its query, such as the range."""
    return f"{page_path('/client')}?{urlencode({'client': client, **more})}"


def page_path(path: str) -> str | None:
    """Full address of the page registered under `path`, if there is one."""
    for page in dash.page_registry.values():
        if page["path"] == path:
            return str(page["relative_path"])
    return None


def _navigation() -> list[shell.NavItem]:
    """Pages with an icon, in their order; subpages such as one endpoint's are reached by links."""
    return [
        shell.NavItem(
            page["name"],
            page["relative_path"],
            ICONS[page["path"]],
            tuple(path for below in _ABOVE.get(page["path"], ()) if (path := page_path(below))),
            _COUNTS.get(page["path"], ""),
        )
        for page in dash.page_registry.values()
        if page["path"] in ICONS
        and (page["path"] != _DEMO_ONLY or current().settings.demo)
        and (page["path"] not in FOR_ADMINS or not has_request_context() or may(Role.ADMIN))
    ]
