"""The dashboard: one Dash page a file. What they share: the running app's parts and the frame."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Final, cast
from urllib.parse import urlencode

import dash
from dash import Dash
from dash.development.base_component import Component
from flask import current_app, has_request_context, request, session

from components import shell
from jobs.runtime import EXTENSION, Foresight
from jobs.tail import can_stream
from pages import _range, _shell

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
_LOGOUT: Final = "/auth/logout"
_REFERENCE: Final = "/api/docs"


def current() -> Foresight:
    """The parts of the running app."""
    return cast(Foresight, current_app.extensions[EXTENSION])


def layout() -> Component:
    """The frame with its navigation; Dash fills in the page. Made anew for each load."""
    return shell.frame(
        _navigation(),
        dash.page_container,
        ranges=_range.LABELS,
        demo=current().settings.demo,
        stream=has_request_context() and can_stream(request.environ),
        user=session.get("user", "admin") if has_request_context() else "admin",
        logout=_LOGOUT,
        reference=_REFERENCE,
    )


def register_callbacks(app: Dash) -> None:
    """Add the callbacks of the frame to one app; pages bring their own."""
    _shell.register(app)


def subject_href(window: Mapping[str, Any]) -> str:
    """Address of a window's subject: its own page where there is one, else the newest windows."""
    query = (
        {"client": window["client"]}
        if window["subject"] == "client"
        else {"endpoint": window["endpoint"], "method": window["method"]}
    )
    found = page_path(f"/{window['subject']}")
    return f"{found}?{urlencode(query)}" if found else f"{page_path('/')}#overview-windows"


def page_path(path: str) -> str | None:
    """Full address of the page registered under `path`, if there is one."""
    for page in dash.page_registry.values():
        if page["path"] == path:
            return str(page["relative_path"])
    return None


def _navigation() -> list[shell.NavItem]:
    """Pages with an icon, in their order; subpages such as one endpoint's are reached by links."""
    return [
        shell.NavItem(page["name"], page["relative_path"], ICONS[page["path"]])
        for page in dash.page_registry.values()
        if page["path"] in ICONS
    ]
