"""Who may run which callback: all share one route, so the gate can't tell them apart.

What is not listed is for admins alone.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Container
from functools import wraps
from typing import Any, Final

import msgspec
from dash import Dash
from dash.exceptions import UnsupportedRelativePath
from flask import Flask, abort, request
from flask_login import current_user

from jobs.access.roles import Role

# By the id of a callback's first output, or the part of it before the first hyphen.
NEEDED: Final = {
    "_pages_content": Role.VIEWER,  # layouts of admins' pages ask by themselves
    "alerts": Role.VIEWER,
    "alerts-said": Role.OPERATOR,  # acknowledge, false alarm
    "analytics": Role.VIEWER,
    "client": Role.VIEWER,
    "clients": Role.VIEWER,
    "datasets": Role.VIEWER,
    "endpoint": Role.VIEWER,
    "grid-file": Role.OPERATOR,  # export
    "models": Role.VIEWER,
    "models-result": Role.ADMIN,  # promote, roll back
    "overview": Role.VIEWER,
    "shell": Role.VIEWER,
}


class _Asked(msgspec.Struct):
    """What is needed of what a browser sends for a callback."""

    output: str


def install(server: Flask, dashboard: Dash) -> None:
    """Check who runs the callbacks of a dashboard."""
    name = f"{dashboard.get_relative_path('/')}_dash-update-component"
    server.view_functions[name] = _checked(server.view_functions[name], dashboard.callback_map)


def role_needed(output: str) -> Role:
    """The role that a callback with this output, as Dash writes it, needs."""
    first = output.removeprefix("..").removesuffix("..").split("...")[0]
    name = _id(first.rpartition(".")[0])
    return NEEDED.get(name) or NEEDED.get(name.partition("-")[0], Role.ADMIN)


def _id(text: str) -> str:
    """An id, or the type of one with parts."""
    if not text.startswith("{"):
        return text
    try:
        return str(json.loads(text)["type"])
    except (ValueError, KeyError, TypeError):
        return ""


def _checked(dispatch: Callable[..., Any], known: Container[str]) -> Callable[..., Any]:
    @wraps(dispatch)
    def checked(*args: Any, **kwargs: Any) -> Any:
        try:
            asked = msgspec.json.decode(request.get_data(), type=_Asked)
        except msgspec.MsgspecError as error:
            abort(400, f"this is no callback: {error}")
        needed = role_needed(asked.output)
        if not current_user.may(needed):
            abort(403, f"this needs the role {needed}; {current_user.name} is {current_user.role}")
        if asked.output not in known:
            abort(400, f"no callback has the output {asked.output[:80]!r}")
        try:
            return dispatch(*args, **kwargs)
        except UnsupportedRelativePath:
            abort(400, "this is no page of the dashboard")

    return checked
