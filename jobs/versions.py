"""Changing the current model version, and noting who did so and why."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from ml.registry import FACTORY, POINTER_FILE, Models, UnknownVersionError
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


def before(models: Models) -> str | None:
    """Name of the version that `roll_back` makes current; None: there is none."""
    try:
        pointers = (models.directory / POINTER_FILE).read_text(encoding="utf-8").split()
    except FileNotFoundError:
        return None
    earlier = pointers[1] if len(pointers) > 1 else None
    known = models.versions()
    if earlier == FACTORY:
        return next((version.name for version in known if version.is_factory), None)
    return next((version.name for version in known if version.name == earlier), None)


def roll_back(
    store: Store, models: Models, *, who: str, reason: str, at: int, to: str | None = None
) -> str:
    """Make the version current that was so before; returns its name.

    Parameters
    ----------
    to : str, optional
        The version that is expected, because a person has read its name.

    Raises
    ------
    UnknownVersionError, ModelError
        As `Models.rollback`, or another version than `to` was current before; nothing is noted
        then.
    """
    with store.begin() as connection:
        if to is not None and (earlier := before(models)) != to:
            raise UnknownVersionError(f"{earlier!r} was current before by now, not {to!r}")
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
