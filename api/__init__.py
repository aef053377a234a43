"""Flask blueprints: the door, health, REST."""

from __future__ import annotations

from typing import cast

from flask import current_app

from jobs.runtime import EXTENSION, Foresight


def current() -> Foresight:
    """The parts of the running app."""
    return cast(Foresight, current_app.extensions[EXTENSION])
