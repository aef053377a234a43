"""Flask blueprints: gate and door, health, REST."""

from __future__ import annotations

import time
from typing import Any, cast

from flask import current_app, g
from flask_login import current_user

from api.errors import ApiError
from jobs.access.audited import Doer, note_alone
from jobs.access.roles import Role
from jobs.runtime import EXTENSION, Foresight


def current() -> Foresight:
    """The parts of the running app."""
    return cast(Foresight, current_app.extensions[EXTENSION])


def who() -> str:
    """Who asks: the name of a person or of a token."""
    return str(current_user.name)


def doer() -> Doer:
    """Who asks, from where, now."""
    return Doer(who(), g.address, now_ms())


def note_export(subject: str, **detail: Any) -> None:
    """Let only operators take data away as a file, and note that they did.

    Raises
    ------
    ApiError
        403: the role is too low.
    """
    if not current_user.may(Role.OPERATOR):
        raise ApiError(403, f"an export needs the role operator; {who()} is {current_user.role}")
    note_alone(current(), doer(), "export", subject, **detail)


def now_ms() -> int:
    """The clock of the API [epoch ms]."""
    return time.time_ns() // 1_000_000
