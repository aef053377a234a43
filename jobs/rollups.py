"""Keeping the roll-ups of windows up to date, so that pages cost the same at any range."""

from __future__ import annotations

from collections.abc import Callable

from ml.histogram import merged
from store import Store, rolling


def roll_up(store: Store, go_on: Callable[[], bool] = lambda: True) -> int:
    """Sum up the hours that are due, newest first, each in a transaction of its own.

    `go_on` is asked before each of them. Returns how many there were.
    """
    with store.begin() as connection:
        rolling.find_foreign(connection)
    with store.read() as connection:
        hours = rolling.due_hours(connection)
    for number, hour in enumerate(hours):
        if not go_on():
            return number
        with store.begin() as connection:
            rolling.sum_up(connection, hour, store.window_ms, merged)
    return len(hours)
