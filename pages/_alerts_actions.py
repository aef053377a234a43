"""What a person says of alerts or of single windows: stored with who and when."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import Any, Final

from components import format, tables
from jobs.alert_feed import Alert
from jobs.alert_state import ACKNOWLEDGED
from store import Store, alerts, feedback

Undo = Callable[[Any, Sequence[feedback.WindowKey]], None]

ACTIONS: Final = ("acknowledge", *feedback.VERDICTS, "undo")
_DONE: Final = {
    "acknowledge": "Acknowledged",
    feedback.FALSE_ALARM: "Marked as false alarm",
    feedback.CONFIRMED: "Confirmed",
    "undo": "Taken back",
}


def say_of_alert(store: Store, alert: Alert, do: str, who: str, at: int) -> str:
    """Say something of an incident; what was said, in words.

    Seen are also the windows of the clients that suffer; judged only those of the subject itself.
    Undo takes back the verdict, and where there is none the acknowledgement.

    Raises
    ------
    ValueError
        The action is of no known kind.
    """
    incident = alert.incident
    seen = do == "acknowledge" or (do == "undo" and alert.state.name == ACKNOWLEDGED)
    rows = incident.all_windows if seen else incident.windows
    undo = [alerts.take_back if seen else alerts.take_back_verdicts]
    with store.begin() as connection:
        _say(connection, rows, do, who, at, undo)
    name = format.shortened(tables.subject_name(incident.worst), 48)
    return f"{_DONE[do]}: {name}, {format.plural(len(rows), 'window')}"


def say_of_windows(store: Store, ids: Sequence[int], do: str, who: str, at: int) -> str:
    """The same of single windows; undo takes back all that was said of them.

    Raises
    ------
    UnknownWindowError
        One of them is not stored any more.
    ValueError
        The action is of no known kind.
    """
    with store.begin() as connection:
        rows = alerts.windows_of(connection, ids)
        _say(connection, rows, do, who, at, [alerts.take_back, alerts.take_back_verdicts])
    return f"{_DONE[do]}: {format.plural(len(rows), 'window')}"


def _say(
    connection: Any,
    rows: Sequence[Mapping[str, Any]],
    do: str,
    who: str,
    at: int,
    undo: Sequence[Undo],
) -> None:
    if do not in ACTIONS:
        raise ValueError(f"action {do!r} is none of {', '.join(ACTIONS)}")
    keys = [alerts.key_of(row) for row in rows]
    if do == "acknowledge":
        alerts.acknowledge(connection, keys, who=who, at=at)
    elif do == "undo":
        for take_back in undo:
            take_back(connection, keys)
    else:
        for key in keys:
            feedback.save_verdict(connection, key, do, who=who, at=at)
