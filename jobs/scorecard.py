"""The scorecard job: every failure probability given is compared with what happened, by hours.

An hour is compared again with each run until the 5 minutes of its last forecast are over and
scored; then it is settled. Windows that come later (imports, downtime) are found by their ids.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Collection, Iterator
from typing import Any, Final, NamedTuple

import numpy as np
import pandas as pd

from jobs.scoring import GRACE_MS
from ml.failure import HORIZON_MS, is_failing
from ml.features import ANY, CLIENT, ENDPOINT, FEATURES
from ml.outcomes import WARNED_MS, Given, forecast_bins, onsets
from ml.scorecard import Bin, Card, card
from store import Store, forecasts
from store.columns import Columns
from store.forecasts import HOUR_MS, Progress, Stretch

MOST_WINDOWS: Final = 1_000_000  # compared in one run of each kind, but for one hour that has more
MOST_HOURS: Final = 500  # in one run of each kind
MOST_IDS: Final = 500_000  # looked at in one run
KEPT_MS: Final = 23 * HOUR_MS  # no window is removed earlier than this after it was scored


RANGES_MS: Final = {"day": 24 * HOUR_MS, "week": 7 * 24 * HOUR_MS}  # what is shown unasked


class Compared(NamedTuple):
    """What a run did."""

    hours: int
    windows: int


def compare_forecasts(store: Store, now: int, go_on: Callable[[], bool] = lambda: True) -> Compared:
    """Compare forecasts with what happened; call it every few minutes.

    Parameters
    ----------
    now : int
        The clock [epoch ms].
    go_on : callable
        Is asked after each hour and may end the work.

    Returns
    -------
    Compared
        A run is bounded; the next one goes on where it ended.
    """
    closed = (now - GRACE_MS) // store.window_ms * store.window_ms
    with store.begin() as connection:
        highest_id = forecasts.highest_window_id(connection)
    with store.read() as connection:
        before = forecasts.progress(connection)
    run = _Run(store, closed, now, go_on)
    settled_until = run.compare_recent(_first_open_hour(store, before.settled_until, closed))
    seen_id = run.compare_late(min(before.seen_id, highest_id), highest_id, settled_until)
    with store.begin() as connection:
        forecasts.save_progress(connection, Progress(settled_until, seen_id))
    return Compared(len(run.hours), run.windows)


def _first_open_hour(store: Store, settled_until: int | None, closed: int) -> int:
    """The hour to go on with: stretches without windows are passed over."""
    current = closed // HOUR_MS * HOUR_MS
    if settled_until is None:
        return current
    with store.read() as connection:
        first = forecasts.first_window(connection, settled_until)
    next_hour = current if first is None else min(current, first // HOUR_MS * HOUR_MS)
    return max(settled_until, next_hour)


class _Run:
    """One run of the job: what it has compared so far."""

    def __init__(self, store: Store, closed: int, now: int, go_on: Callable[[], bool]) -> None:
        self._store = store
        self._closed = closed  # windows that end up to here have ended for good
        self._now = now
        self._go_on = go_on
        self.hours: set[int] = set()
        self.windows = 0

    def compare_recent(self, start: int) -> int:
        """Compare the hours from `start` on; returns up to where they are settled."""
        settled_until = start
        for hour in range(start, self._closed, HOUR_MS)[:MOST_HOURS]:
            if self.windows > MOST_WINDOWS or not self._go_on():
                break
            known_until, settled = self._known(hour)
            self._compare(hour, known_until)
            if settled and settled_until == hour:
                settled_until += HOUR_MS
        return settled_until

    def compare_late(self, seen_id: int, highest_id: int, settled_until: int) -> int:
        """Compare settled hours again that got windows since; returns the id up to which all are.

        An hour that still waits for scores holds that id back.
        """
        last_id = min(highest_id, seen_id + MOST_IDS)
        before = settled_until + HORIZON_MS + self._store.window_ms
        with self._store.read() as connection:
            stretches = forecasts.new_stretches(connection, seen_id, last_id, before)
        most_windows, most_hours = self.windows + MOST_WINDOWS, len(self.hours) + MOST_HOURS
        left = []
        for hour, first_id in _hours(stretches, settled_until, self.hours).items():
            known_until, settled = self._known(hour)
            may_go_on = self.windows < most_windows and len(self.hours) < most_hours
            if settled and may_go_on and self._go_on():
                self._compare(hour, known_until)
            else:
                left.append(first_id - 1)
        return min(left, default=last_id)

    def _known(self, hour: int) -> tuple[int, bool]:
        """Up to where all windows around an hour are scored, and whether that is all it needs."""
        needed = hour + HOUR_MS + HORIZON_MS + self._store.window_ms
        until = min(needed, self._closed)
        with self._store.read() as connection:
            dirty = forecasts.first_dirty(connection, hour - WARNED_MS, until)
        return until if dirty is None else dirty, dirty is None and until == needed

    def _compare(self, hour: int, known_until: int) -> None:
        self.hours.add(hour)
        for subject in (ENDPOINT, CLIENT):
            self.windows += _compare_hour(self._store, subject, hour, known_until, self._now)


def _hours(
    stretches: Collection[Stretch], settled_until: int, done: Collection[int]
) -> dict[int, int]:
    """Settled hours that windows of the stretches have a say in -> lowest id of such a window."""
    hours: dict[int, int] = {}
    for stretch in stretches:
        first = (stretch.start - HORIZON_MS - 1) // HOUR_MS * HOUR_MS
        for hour in range(first, stretch.end + WARNED_MS, HOUR_MS):
            if hour < settled_until and hour not in done:
                hours.setdefault(hour, stretch.first_id)
    return hours


def _compare_hour(store: Store, subject: str, hour: int, known_until: int, now: int) -> int:
    """Compare the forecasts of one hour; returns how many windows were read.

    When windows of the hour are gone by now, what was stored of more of them stays.
    """
    window_ms = store.window_ms
    with store.read() as connection:
        columns = forecasts.given_between(
            connection, subject, hour - WARNED_MS, known_until, window_ms
        )
        stored = forecasts.windows_compared(connection, subject, hour)
    given = _given(columns)
    chosen = (given.timestamp >= hour) & (given.timestamp < hour + HOUR_MS)
    bins = forecast_bins(given, chosen, known_until, window_ms)
    if hour >= now - KEPT_MS or sum(b.windows for b in bins) >= stored:
        began = list(_onset_rows(subject, columns, given, chosen, window_ms))
        with store.begin() as connection:
            forecasts.replace_hour(connection, subject, hour, [b._asdict() for b in bins], began)
    return len(given.timestamp)


def _given(columns: Columns) -> Given:
    features = np.zeros((len(columns["timestamp"]), len(FEATURES)))
    for name in ("error_rate", "avg_response_time"):
        features[:, FEATURES.index(name)] = columns[name]
    return Given(
        subject=pd.factorize(columns["name"])[0].astype(np.int64),
        timestamp=columns["timestamp"],
        probability=columns["failure_probability"],
        failing=is_failing(features) & ~columns["thin"],
    )


def _onset_rows(
    subject: str, columns: Columns, given: Given, chosen: Any, window_ms: int
) -> Iterator[dict[str, Any]]:
    found = onsets(given, chosen, window_ms)
    for row, warned_at, probability in zip(*(values.tolist() for values in found), strict=True):
        name = columns["name"][row]
        method, _, endpoint = name.partition(" ")
        key = (endpoint, method, "") if subject == ENDPOINT else (ANY, ANY, name)
        yield {
            "timestamp": int(given.timestamp[row]),
            **dict(zip(("endpoint", "method", "client"), key, strict=True)),
            "warned_at": None if warned_at < 0 else warned_at,
            "probability": None if math.isnan(probability) else probability,
        }


def cards(store: Store, start: int, end: int) -> dict[str, Card]:
    """The scorecard of the hours that start in `[start, end)`: subject -> card."""
    return {subject: card_of(store, subject, start, end) for subject in (ENDPOINT, CLIENT)}


def card_of(store: Store, subject: str, start: int, end: int) -> Card:
    """The scorecard of one kind of subject, of the hours that start in `[start, end)`."""
    with store.read() as connection:
        where = (connection, subject, start, end)
        bins = [Bin(*row) for row in forecasts.bins_between(*where)]
        leads = forecasts.leads_between(*where)
        return card(bins, leads, forecasts.unforeseeable_between(*where))
