"""Flask blueprints: the door, health, REST."""

from __future__ import annotations

import time
from typing import cast

from flask import current_app, session

from jobs.runtime import EXTENSION, Foresight


def current() -> Foresight:
    """The parts of the running app."""
    return cast(Foresight, current_app.extensions[EXTENSION])


def who() -> str:
    """Who asks: the user of the session, else whoever has the token."""
    return str(session.get("user") or "API token")


def now_ms() -> int:
    """The clock of the API [epoch ms]."""
    return time.time_ns() // 1_000_000
