"""What is new since somebody looked: incidents that became HIGH, each told once."""

from __future__ import annotations

from typing import Final, NamedTuple

from jobs.incidents import QUIET_MS, Incident, Row, incidents_of
from store import Store, alerts, events

TOLD_OF_LAST_MS: Final = 10 * 60_000  # older windows are history, not news
_MOST_WINDOWS: Final = 500


class News(NamedTuple):
    """An incident and its windows that are new and HIGH, newest first."""

    incident: Incident
    windows: list[Row]


class Latest(NamedTuple):
    """What is new, and the id of the last event that it holds."""

    news: list[News]
    event: int


def latest_news(store: Store, after: int, now: int) -> Latest:
    """Incidents with their first HIGH window among the events after an id.

    An outage is one incident, so the clients that suffer from it are no news of their own; nor are
    later minutes of what was told before.

    Parameters
    ----------
    after : int
        Id of the last event that was seen.
    now : int
        The clock [epoch ms].
    """
    found = events.new_high(store, after, now - TOLD_OF_LAST_MS - store.window_ms)
    if not found:
        return Latest([], after)
    new = {event.window["id"]: event.window for event in found}
    first = min(event.window["timestamp"] for event in found)
    with store.read() as connection:
        risky = alerts.risky_windows(connection, first - QUIET_MS, now, _MOST_WINDOWS)
    told = []
    for incident in incidents_of(risky.rows, window_ms=store.window_ms):
        high = [window for window in incident.windows if window["priority"] == "HIGH"]
        if high and all(window["id"] in new for window in high):
            told.append(News(incident, [new[window["id"]] for window in reversed(high)]))
    return Latest(told, found[0].id)
