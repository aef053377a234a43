"""What became of model versions: trained, promoted, refused, rolled back; by whom and why."""

from __future__ import annotations

import json
from collections.abc import Mapping
from typing import Any, Final

from sqlalchemy import Connection, insert, select

from store.tables import model_event

EVENTS: Final = ("trained", "promoted", "refused", "rolled_back")


def add_event(
    connection: Connection,
    *,
    at: int,
    version: str,
    event: str,
    who: str,
    reason: str,
    detail: Mapping[str, Any] | None = None,
) -> None:
    """Note an event of a version.

    Parameters
    ----------
    at : int
        When [epoch ms].
    event : str
        One of `EVENTS`.
    detail : mapping, optional
        The figures of the decision, as JSON can hold them.

    Raises
    ------
    ValueError
        The event is of no known kind.
    """
    if event not in EVENTS:
        raise ValueError(f"event {event!r} is none of {', '.join(EVENTS)}")
    text = None if detail is None else json.dumps(detail, sort_keys=True)
    row = {"at": at, "version": version, "event": event, "who": who, "reason": reason}
    connection.execute(insert(model_event).values(**row, detail=text))


def newest_events(connection: Connection, limit: int) -> list[dict[str, Any]]:
    """The last events, newest first: columns of `model_event`, `detail` as an object or None."""
    statement = select(model_event).order_by(model_event.c.id.desc()).limit(limit)
    return [
        {**row, "detail": None if row["detail"] is None else json.loads(row["detail"])}
        for row in connection.execute(statement).mappings()
    ]
