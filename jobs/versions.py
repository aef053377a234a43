"""Changing the current model version, and noting who did so and why."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from ml.registry import Models
from store import Store
from store.model_events import add_event


def promote(
    store: Store,
    models: Models,
    version: str,
    *,
    who: str,
    reason: str,
    at: int,
    detail: Mapping[str, Any] | None = None,
) -> str:
    """Make a version current; returns its name.

    Raises
    ------
    UnknownVersionError, ModelError
        As `Models.promote`; nothing is noted then.
    """
    with store.begin() as connection:
        name = models.promote(version)
        add_event(
            connection,
            at=at,
            version=name,
            event="promoted",
            who=who,
            reason=reason,
            detail=detail,
        )
    return name


def roll_back(store: Store, models: Models, *, who: str, reason: str, at: int) -> str:
    """Make the version current that was so before; returns its name.

    Raises
    ------
    UnknownVersionError, ModelError
        As `Models.rollback`; nothing is noted then.
    """
    with store.begin() as connection:
        name = models.rollback()
        add_event(connection, at=at, version=name, event="rolled_back", who=who, reason=reason)
    return name


def note(
    store: Store,
    version: str,
    event: str,
    *,
    who: str,
    reason: str,
    at: int,
    detail: Mapping[str, Any] | None = None,
) -> None:
    """Note that a version was saved and did not become current: `trained` or `refused`."""
    with store.begin() as connection:
        add_event(
            connection, at=at, version=version, event=event, who=who, reason=reason, detail=detail
        )
