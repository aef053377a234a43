"""Retention: what is old goes, in small batches that never hold the writer up."""

from __future__ import annotations

import time
from collections.abc import Callable, Sequence
from typing import Final

from sqlalchemy import Connection

from store import (
    Store,
    alerts,
    drift,
    events,
    feedback,
    forecasts,
    questions,
    reads,
    rolling,
    scenario_runs,
    writes,
)

DAY_MS: Final = 86_400_000
LOW_CLIENT_WINDOWS_DAYS: Final = 1  # most client windows are LOW and never looked at again
LIVE_EVENTS_DAYS: Final = 1  # who was away for longer looks at the windows
VERDICTS_DAYS: Final = 365  # models learn from them
QUESTIONS_DAYS: Final = 365
RUNS_DAYS: Final = 365  # of the scenario lab
FOUND_ROWS: Final = 10_000  # of one look, which takes no lock
BATCH_ROWS: Final = 1_000  # the write lock is held for some milliseconds
LEAST_PAUSE_S: Final = 0.01  # between two batches; who waits for the lock looks that often


def remove_old(
    store: Store,
    now: int,
    *,
    calls_days: int,
    windows_days: int,
    go_on: Callable[[], bool] = lambda: True,
) -> str:
    """Remove what came in longer ago than its retention; says how much of each.

    Parameters
    ----------
    now : int
        The clock [epoch ms].
    calls_days, windows_days : int
        How long calls and windows are kept [days].
    go_on : callable
        Asked between batches; the rest is left to the next run.
    """
    calls_before = now - calls_days * DAY_MS
    windows_before = now - windows_days * DAY_MS
    low_before = max(windows_before, now - LOW_CLIENT_WINDOWS_DAYS * DAY_MS)
    calls = _in_batches(
        store, lambda c: reads.old_calls(c, calls_before, FOUND_ROWS), writes.remove_calls, go_on
    )
    windows = _in_batches(
        store,
        lambda c: reads.old_windows(c, windows_before, low_before, FOUND_ROWS),
        writes.remove_windows,
        go_on,
    )
    with store.begin() as connection:
        forecasts.remove_outcomes(connection, windows_before)
        drift.remove_drift(connection, windows_before)
        alerts.remove_acknowledgements(connection, windows_before)
        feedback.remove_verdicts(connection, now - VERDICTS_DAYS * DAY_MS)
        questions.remove_questions(connection, now - QUESTIONS_DAYS * DAY_MS)
        scenario_runs.remove_runs(connection, now - RUNS_DAYS * DAY_MS)
        rolling.remove_rollups(connection, windows_before)
        events.remove_events(connection, now - LIVE_EVENTS_DAYS * DAY_MS)
    return f"removed {calls} calls, {windows} windows"


def _in_batches(
    store: Store,
    find: Callable[[Connection], list[int]],
    remove: Callable[[Connection, Sequence[int]], None],
    go_on: Callable[[], bool],
) -> int:
    """Look without a lock, remove under a short one, until nothing old is found.

    Between two batches others have as long as the last one took: SQLite lets nobody queue.
    """
    total = 0
    while go_on():
        with store.read() as connection:
            ids = find(connection)
        if not ids:
            break
        for first in range(0, len(ids), BATCH_ROWS):
            began = time.monotonic()
            with store.begin() as connection:
                remove(connection, ids[first : first + BATCH_ROWS])
            time.sleep(max(LEAST_PAUSE_S, time.monotonic() - began))
        total += len(ids)
    return total
