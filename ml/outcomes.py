"""What came of failure probabilities: was each forecast right, was each failure warned of."""

from __future__ import annotations

from typing import Final, NamedTuple

import numpy as np
from numpy.typing import NDArray

from ml.failure import HORIZON_MS, fails_soon
from ml.scorecard import BINS, WARNING, Bin

WARNED_MS: Final = 15 * 60_000  # how long before a failure a warning may have begun
MOST_QUIET: Final = 1  # windows without a warning that do not end a run of warnings
_EDGES: Final = np.arange(1, BINS) / BINS

Floats = NDArray[np.float64]
Ints = NDArray[np.int64]
Bools = NDArray[np.bool_]


class Given(NamedTuple):
    """Windows with the failure probability that they were given; arrays of shape (n_windows,).

    The windows of a subject do not overlap. `failing` is True where a window that is not thin
    fails: its probability is 1 by rule, which is no forecast.
    """

    subject: Ints  # number of the subject
    timestamp: Ints  # start of the window [epoch ms]
    probability: Floats
    failing: Bools


class Onsets(NamedTuple):
    """Failures that began; arrays of shape (n_onsets,)."""

    window: Ints  # row in `Given`
    warned_at: Ints  # start of the first window of the warning before it [epoch ms], -1: none
    probability: Floats  # of the forecast just before; NaN: no window could have given one


def forecast_bins(given: Given, chosen: Bools, end: int, window_ms: int = 60_000) -> list[Bin]:
    """Compare forecasts with what happened in the 5 minutes after.

    Parameters
    ----------
    given : Given
        With all windows of the 5 minutes after the chosen ones.
    chosen : ndarray of bool of shape (n_windows,)
        The windows that count, unless they are failing or their 5 minutes are not over at `end`.
    end : int
        Up to here every window is known [epoch ms].

    Returns
    -------
    list of Bin
        Those with windows, by number.
    """
    closed = given.timestamp + window_ms + HORIZON_MS <= end
    counted = chosen & closed & ~given.failing
    if not counted.any():
        return []
    until = np.full(len(closed), end, np.int64)
    soon, _ = fails_soon(given.subject, given.timestamp, given.failing, until, window_ms)
    probability, failed = given.probability[counted], soon[counted].astype(np.float64)
    number = np.searchsorted(_EDGES, probability, side="right")
    windows, *sums = (
        np.bincount(number, weights, BINS)
        for weights in (None, failed, probability, (probability - failed) ** 2)
    )
    return [
        Bin(n, int(windows[n]), int(sums[0][n]), float(sums[1][n]), float(sums[2][n]))
        for n in np.flatnonzero(windows).tolist()
    ]


def onsets(given: Given, chosen: Bools, window_ms: int = 60_000) -> Onsets:
    """Failures that began in the chosen windows, and whether there was a warning.

    A failing window is an onset when its subject failed in none of the 5 minutes before. It was
    warned of when a forecast of `WARNING` or more said so at most 5 minutes before; the warning
    began with the run of such forecasts that this one belongs to, a run being interrupted by more
    than `MOST_QUIET` windows without one, and at most `WARNED_MS` before the onset.

    Parameters
    ----------
    given : Given
        With all windows of the `WARNED_MS` before the chosen ones.
    chosen : ndarray of bool of shape (n_windows,)
        The windows that count when they are an onset.
    """
    instant = _instants(given, window_ms)
    order = np.argsort(instant, kind="stable")
    failures = order[given.failing[order]]
    apart = np.diff(instant[failures], prepend=np.iinfo(np.int64).min // 2)
    rows = failures[(apart > HORIZON_MS) & chosen[failures]]
    forecasts = order[~given.failing[order]]
    before = _last_before(instant[forecasts], instant[rows], WARNED_MS)
    probability = np.full(len(rows), np.nan)
    probability[before >= 0] = given.probability[forecasts[before[before >= 0]]]
    warnings = forecasts[given.probability[forecasts] >= WARNING]
    first = _first_of_run(instant[warnings], instant[rows], window_ms)
    warned_at = np.full(len(rows), -1, np.int64)
    warned_at[first >= 0] = given.timestamp[warnings[first[first >= 0]]]
    return Onsets(rows, warned_at, probability)


def _instants(given: Given, window_ms: int) -> Ints:
    """Times [ms] on one axis, on which the subjects lie further apart than anything looks back."""
    if not len(given.timestamp):
        return given.timestamp
    elapsed = given.timestamp - given.timestamp.min()
    apart = int(elapsed.max()) + WARNED_MS + (MOST_QUIET + 2) * window_ms
    instants: Ints = given.subject * apart + elapsed
    return instants


def _last_before(instants: Ints, moments: Ints, reach_ms: int) -> Ints:
    """Place of the last of the (ascending) instants in `reach_ms` before each moment, -1: none."""
    if not len(instants):
        return np.full(len(moments), -1, np.int64)
    last = np.searchsorted(instants, moments) - 1
    near = (last >= 0) & (instants[last] >= moments - reach_ms)
    return np.where(near, last, -1)


def _first_of_run(warnings: Ints, moments: Ints, window_ms: int) -> Ints:
    """Place of the first warning of the run that leads to each moment, -1: there is none."""
    last = _last_before(warnings, moments, HORIZON_MS)
    if not len(warnings):
        return last
    begins = np.diff(warnings, prepend=warnings[0]) > (MOST_QUIET + 1) * window_ms
    run_start = np.maximum.accumulate(np.where(begins, np.arange(len(warnings)), 0))
    earliest = np.searchsorted(warnings, moments - WARNED_MS)
    return np.where(last >= 0, np.maximum(run_start[last], earliest), -1)
