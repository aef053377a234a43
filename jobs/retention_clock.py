"""Whether retention may go by the clock: one that leapt is on trial before anything is removed."""

from __future__ import annotations

import logging
from collections.abc import Callable
from typing import Final

from sqlalchemy import Connection

from store import Store
from store.sound_clock import (
    ClockState,
    clock_state,
    date_calls,
    date_windows,
    newest_ids,
    save_clock_state,
)

HOUR_MS: Final = 3_600_000
EVEN_MS: Final = 3 * HOUR_MS  # retention runs each hour; a step up to this is no leap
TRIAL_MS: Final = 6 * HOUR_MS  # in which a wrong clock is set right
IDS_AT_ONCE: Final = 5_000
log = logging.getLogger(__name__)

_Date = Callable[[Connection, tuple[int, int], int, int], int]


def may_remove(store: Store, now: int) -> bool:
    """Whether the clock has run evenly for `TRIAL_MS`; asked once by each run of retention.

    A clock that leapt, ahead or back, says nothing about the age of rows, and neither does one that
    goes on after hours without a server. At the end of such a trial, rows whose time of receipt was
    taken from a wrong clock get the present one: of a time to come they would never grow old, of a
    time long gone they would go at once.

    Parameters
    ----------
    now : int
        The clock [epoch ms].
    """
    with store.read() as connection:
        before, ids = clock_state(connection), newest_ids(connection)
    after = _judged(before, now)
    sound = not after.owed_ms
    if sound:
        if before is not None and before.owed_ms:
            _date_rows(store, after, ids, now)
        after = ClockState(now, 0, now, *ids)
    with store.begin() as connection:
        save_clock_state(connection, after)
    return sound


def _judged(before: ClockState | None, now: int) -> ClockState:
    if before is None:
        return ClockState(now, TRIAL_MS)
    step_ms = now - before.seen_at
    owed_ms = max(0, before.owed_ms - step_ms)
    if not 0 <= step_ms <= EVEN_MS:
        log.warning(
            "the clock leapt by %.1f h since old rows were last looked for, or no server ran: "
            "nothing is removed before it has run evenly for %d h",
            step_ms / HOUR_MS,
            TRIAL_MS // HOUR_MS,
        )
        owed_ms = TRIAL_MS
    return ClockState(now, owed_ms, before.sound_at, before.call_id, before.window_id)


def _date_rows(store: Store, state: ClockState, ids: tuple[int, int], now: int) -> None:
    calls = _in_batches(store, date_calls, (state.call_id, ids[0]), state.sound_at, now)
    windows = _in_batches(store, date_windows, (state.window_id, ids[1]), state.sound_at, now)
    if calls or windows:
        log.warning(
            "%d calls and %d windows had a time of receipt from a wrong clock; they count as "
            "received now",
            calls,
            windows,
        )


def _in_batches(store: Store, date: _Date, ids: tuple[int, int], since: int, now: int) -> int:
    changed = 0
    for first in range(ids[0], ids[1], IDS_AT_ONCE):
        with store.begin() as connection:
            last = min(first + IDS_AT_ONCE, ids[1])
            changed += date(connection, (first, last), since, now)
    return changed
