"""Who may run which callback: all share one route, so the gate can't tell them apart.

What is not listed is for admins alone.
"""

from __future__ import annotations

import json
from collections.abc import Callable
from functools import wraps
from typing import Any, Final

import msgspec
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
    "models-dialog": Role.ADMIN,  # promote, roll back
    "overview": Role.VIEWER,
    "shell": Role.VIEWER,
}


class _Asked(msgspec.Struct):
    """What is needed of what a browser sends for a callback."""

    output: str


def install(server: Flask, dashboard: str) -> None:
    """Check the callbacks of the dashboard that is mounted at the path `dashboard`."""
    name = f"{dashboard}_dash-update-component"
    server.view_functions[name] = _checked(server.view_functions[name])


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


def _checked(dispatch: Callable[..., Any]) -> Callable[..., Any]:
    @wraps(dispatch)
    def checked(*args: Any, **kwargs: Any) -> Any:
        try:
            asked = msgspec.json.decode(request.get_data(), type=_Asked)
        except msgspec.MsgspecError as error:
            abort(400, f"this is no callback: {error}")
        needed = role_needed(asked.output)
        if not current_user.may(needed):
            abort(403, f"this needs the role {needed}; {current_user.name} is {current_user.role}")
        return dispatch(*args, **kwargs)

    return checked
