"""The last hour of each subject: what it usually is like, and where it is heading.

A level that is ordinary on one site is trouble on another, so models compare a window with the
subject's own past. What is usual is a median over the hour before, without windows that failed and
without the last ten minutes, so that a fault that grows does not become usual while it grows.
"""

from __future__ import annotations

from typing import Final, NamedTuple

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from ml.failure import MAX_AVG_RESPONSE_MS, MAX_ERROR_RATE, is_failing
from ml.features import FEATURES, UNMATCHED
from ml.past import CONTEXT_MS, feature_matrix, steady_times, subject_codes, with_past

LENGTH: Final = CONTEXT_MS // 60_000  # windows of past
RECENT: Final = 9  # windows before now that may belong to what is growing now
FEWEST: Final = 8  # windows that say what is usual
PSEUDO_CALLS: Final = 3.0  # of usual time and errors, added to what was seen
SMALLEST_SPREAD: Final = 0.03  # of the logarithm of the average response time, window to window
UNKNOWN_SPREAD: Final = 0.3
BACK: Final = (2, 3, 5, 10)  # windows that are looked at together
ROWS_AT_ONCE: Final = 10_000  # 40 MB

REQ_COUNT: Final = FEATURES.index("req_count")
ERROR_RATE: Final = FEATURES.index("error_rate")
AVG_MS: Final = FEATURES.index("avg_response_time")
MAX_MS: Final = FEATURES.index("max_response_time")

Floats = NDArray[np.float64]
Ints = NDArray[np.int64]


class History(NamedTuple):
    """What the past of windows says."""

    usual: Floats  # median of each feature, NaN where too little is known; shape (n, 8)
    mean: Floats  # mean of each feature weighted by calls, NaN: never seen; shape (n, 8)
    inputs: Floats  # of the failure model, shape (n, len(INPUTS))


def histories(windows: pd.DataFrame, past: pd.DataFrame, window_ms: int) -> History:
    """Compare windows with the hour before each.

    Parameters
    ----------
    windows, past : DataFrame
        Key and features of windows; none is in both. Rows of `windows` are each other's past, too.
    window_ms : int
        Length of a window [ms]; only windows that do not overlap are a window's past.
    """
    if windows.empty:
        nothing = np.empty((0, len(FEATURES)))
        return History(nothing, nothing, np.empty((0, len(INPUTS))))
    every = with_past(windows, past)
    features = feature_matrix(every)
    features[every["endpoint"].to_numpy(object) == UNMATCHED, ERROR_RATE] = 0.0  # by definition 1
    subject = subject_codes(every)
    timestamp = every["timestamp"].to_numpy(np.int64)
    order = np.lexsort((timestamp, subject))
    place = np.empty(len(order), np.int64)
    place[order] = np.arange(len(order))
    wanted = place[: len(windows)]
    lined_up = features[order], subject[order], timestamp[order]
    parts = [
        _compared(_last_windows(*lined_up, wanted[at : at + ROWS_AT_ONCE], window_ms))
        for at in range(0, len(windows), ROWS_AT_ONCE)
    ]
    usual, mean, inputs = (np.concatenate(part) for part in zip(*parts, strict=True))
    return History(usual, mean, inputs)


def _last_windows(
    features: Floats, subject: Ints, timestamp: Ints, place: Ints, window_ms: int
) -> Floats:
    """The windows at `place` and the `LENGTH` before each; NaN for those without a call.

    Parameters
    ----------
    features, subject, timestamp : ndarray
        Of all windows, ordered by subject, then by time.

    Returns
    -------
    ndarray of shape (n_places, LENGTH + 1, 8)
        The window itself is the last.
    """
    found = np.full((len(place), LENGTH + 1, len(FEATURES)), np.nan)
    found[:, LENGTH] = features[place]
    reach = LENGTH * window_ms
    rows = np.arange(len(place))
    back = 0
    while len(rows):
        back += 1
        earlier = place[rows] - back
        elapsed = timestamp[place[rows]] - timestamp[earlier]
        rows_here = (earlier >= 0) & (subject[earlier] == subject[place[rows]]) & (elapsed <= reach)
        rows, earlier, elapsed = rows[rows_here], earlier[rows_here], elapsed[rows_here]
        whole = (elapsed % window_ms == 0) & (elapsed > 0)  # not what else it might have been
        found[rows[whole], LENGTH - elapsed[whole] // window_ms] = features[earlier[whole]]
    return found


class _Sight(NamedTuple):
    """The last windows of each subject, failing ones of the past left out."""

    calls: Floats  # 0 where there was no window; shape (n, LENGTH + 1)
    failed: NDArray[np.bool_]
    good_calls: Floats  # of windows that did not fail
    error_rate: Floats  # 0 where there is none
    log_ms: Floats  # of the average response time, NaN where not known
    usual_ms: Floats  # shape (n,)
    spread: Floats  # of log_ms from window to window, shape (n,)
    usual_error: Floats  # shape (n,)


def _compared(last: Floats) -> tuple[Floats, Floats, Floats]:
    failed = is_failing(last.reshape(-1, len(FEATURES))).reshape(last.shape[:2])
    failed[:, LENGTH] = False
    good = steady_times(last)
    good[failed] = np.nan
    before = good[:, : LENGTH - RECENT]
    enough = np.isfinite(before[..., REQ_COUNT]).sum(axis=1) >= FEWEST
    usual = np.where(enough[:, None], _median(before), np.nan)
    mean = _mean_by_calls(good[:, :LENGTH])
    sight = _sight(last, good, failed, usual)
    return usual, mean, np.column_stack(_forecast_inputs(last, good, sight))


def _median(values: Floats) -> Floats:
    """Median over the second axis without NaN; NaN where there is nothing else.

    Not `numpy.nanmedian`, which goes row by row.
    """
    ordered = np.sort(values, axis=1)  # NaN last
    known = np.isfinite(values).sum(axis=1)
    low, high = np.maximum(known - 1, 0) // 2, known // 2
    picked = [
        np.take_along_axis(ordered, np.expand_dims(at, 1), axis=1).squeeze(1)
        for at in (low, np.minimum(high, values.shape[1] - 1))
    ]
    return np.asarray((picked[0] + picked[1]) / 2)


def _mean_by_calls(good: Floats) -> Floats:
    weight = np.where(np.isnan(good), 0.0, good[..., [REQ_COUNT]])
    with np.errstate(invalid="ignore"):  # 0 / 0: nothing known, NaN as stated
        mean: Floats = (np.nan_to_num(good) * weight).sum(axis=1) / weight.sum(axis=1)
    return mean


def _sight(last: Floats, good: Floats, failed: NDArray[np.bool_], usual: Floats) -> _Sight:
    log_ms = np.log(np.maximum(good[..., AVG_MS], 1e-3))
    known_ms = np.log(np.maximum(usual[:, AVG_MS], 1e-3))
    any_ms = _median(log_ms)  # of a young subject: the little that is known, with what is now
    centre = np.where(np.isnan(known_ms), any_ms, known_ms)
    centre = np.where(np.isnan(centre), np.log(MAX_AVG_RESPONSE_MS) - 2.0, centre)
    deviation = np.abs(log_ms[:, : LENGTH - RECENT] - centre[:, None])
    spread = np.where(np.isnan(known_ms), UNKNOWN_SPREAD, 1.4826 * _median(deviation))
    good_calls = np.nan_to_num(good[..., REQ_COUNT])
    before = good_calls[:, : LENGTH - RECENT]
    errors = np.nan_to_num(good[:, : LENGTH - RECENT, ERROR_RATE]) * before
    return _Sight(
        calls=np.nan_to_num(last[..., REQ_COUNT]),
        failed=failed,
        good_calls=good_calls,
        error_rate=np.nan_to_num(good[..., ERROR_RATE]),
        log_ms=log_ms,
        usual_ms=np.exp(centre),
        spread=np.maximum(np.nan_to_num(spread, nan=UNKNOWN_SPREAD), SMALLEST_SPREAD),
        usual_error=(errors.sum(axis=1) + 0.05) / (before.sum(axis=1) + 5.0),
    )


def _forecast_inputs(last: Floats, good: Floats, sight: _Sight) -> list[Floats]:
    """What the failure model sees of each subject, in the order of `INPUTS`."""
    known = np.isfinite(good[:, : LENGTH - RECENT, REQ_COUNT]).sum(axis=1).astype(np.float64)
    usual_calls = _median(np.log1p(sight.calls[:, : LENGTH - RECENT]))
    log_max = np.log(np.maximum(good[..., MAX_MS], 1e-3))
    usual_max = _median(log_max[:, : LENGTH - RECENT])
    slowest = np.nan_to_num(log_max[:, LENGTH - 4 :] - usual_max[:, None])
    near_error, near_ms = _closeness(last[:, LENGTH], sight)
    times = {back: _time_of(sight, back) for back in (*BACK, 20)}
    errors = {back: _error_of(sight, back) for back in BACK}
    slope = {back: _slope(sight.log_ms, sight.good_calls, back) for back in (5, 10, 20)}
    error_slope = _slope(good[..., ERROR_RATE], sight.good_calls, 10)
    to_limit = np.log(sight.usual_ms / MAX_AVG_RESPONSE_MS)
    return [
        np.maximum(near_error, near_ms),
        near_error,
        np.log(near_ms),
        np.log1p(sight.calls[:, LENGTH]),
        known,
        to_limit,
        np.log(sight.spread),
        sight.usual_error,
        *(times[back] for back in BACK),
        *(_time_z(sight, back) for back in (3, 5, 10)),
        slowest[:, -1],
        slowest.mean(axis=1),
        *(errors[back] - sight.usual_error for back in (3, 5, 10)),
        *(_error_z(sight, back) for back in (3, 10)),
        np.log1p(sight.calls[:, LENGTH]) - usual_calls,
        np.log1p(sight.calls[:, -5:].mean(axis=1)) - usual_calls,
        *slope.values(),
        error_slope,
        *(to_limit + times[back] + 5 * slope[over] for back, over in ((3, 5), (5, 10), (10, 20))),
        (errors[5] + 5 * error_slope) / MAX_ERROR_RATE,
        sight.failed[:, -15:].sum(axis=1).astype(np.float64),
    ]


INPUTS: Final = (
    "closeness",  # of error rate and average time to their limits, the larger; 1 at a limit
    "error_closeness",
    "time_closeness",  # logarithm
    "calls",  # logarithm
    "past_windows",
    "usual_time",  # logarithm of its ratio to the limit
    "time_spread",
    "usual_error",
    *(f"time_{back}" for back in BACK),  # of the last windows, logarithm of the ratio to usual
    *(f"time_z_{back}" for back in (3, 5, 10)),  # the same in units of its noise
    "slowest_1",  # longest time, as the average
    "slowest_5",
    *(f"error_{back}" for back in (3, 5, 10)),  # above usual
    *(f"error_z_{back}" for back in (3, 10)),
    "calls_1",  # logarithm of the ratio to usual
    "calls_5",
    *(f"time_slope_{back}" for back in (5, 10, 20)),  # a window
    "error_slope_10",
    *(f"time_ahead_{back}" for back in (3, 5, 10)),  # straight line, 5 windows on, ratio to limit
    "error_ahead",
    "failed_15",  # windows that failed lately
)


def _closeness(now: Floats, sight: _Sight) -> tuple[Floats, Floats]:
    """Error rate and average time as shares of their limits, a little drawn to what is usual."""
    calls = now[:, REQ_COUNT]
    share = calls / (calls + PSEUDO_CALLS)
    ms = np.where(np.isnan(now[:, AVG_MS]), sight.usual_ms, now[:, AVG_MS])
    error = share * now[:, ERROR_RATE] + (1 - share) * sight.usual_error
    time = share * ms + (1 - share) * sight.usual_ms
    return error / MAX_ERROR_RATE, time / MAX_AVG_RESPONSE_MS


def _time_of(sight: _Sight, back: int) -> Floats:
    """Logarithm of the average time of the last windows, as a ratio to usual."""
    log_ms = sight.log_ms[:, -back:]
    calls = np.where(np.isnan(log_ms), 0.0, sight.good_calls[:, -back:])
    total_ms = (np.exp(np.nan_to_num(log_ms)) * calls).sum(axis=1)
    usual = sight.usual_ms
    mean_ms = (total_ms + PSEUDO_CALLS * usual) / (calls.sum(axis=1) + PSEUDO_CALLS)
    return np.asarray(np.log(mean_ms / usual))


def _time_z(sight: _Sight, back: int) -> Floats:
    above = sight.log_ms[:, -back:] - np.log(sight.usual_ms)[:, None]
    known = np.isfinite(above).sum(axis=1)
    mean = np.nan_to_num(above).sum(axis=1) / np.maximum(known, 1)
    return np.asarray(np.clip(mean / sight.spread * np.sqrt(known), -20.0, 40.0))


def _error_of(sight: _Sight, back: int) -> Floats:
    calls = sight.good_calls[:, -back:]
    errors = (sight.error_rate[:, -back:] * calls).sum(axis=1)
    pseudo = PSEUDO_CALLS * sight.usual_error
    return np.asarray((errors + pseudo) / (calls.sum(axis=1) + PSEUDO_CALLS))


def _error_z(sight: _Sight, back: int) -> Floats:
    calls = sight.good_calls[:, -back:]
    errors = (sight.error_rate[:, -back:] * calls).sum(axis=1)
    expected = sight.usual_error * calls.sum(axis=1)
    return np.asarray((errors - expected) / np.sqrt(expected + 1.0))


def _slope(values: Floats, calls: Floats, back: int) -> Floats:
    """Slope of a line through the last windows, a window; few windows draw it to 0."""
    y = values[:, -back:]
    weight = np.where(np.isnan(y), 0.0, np.sqrt(calls[:, -back:]))
    y = np.nan_to_num(y)
    x = np.arange(1.0 - back, 1.0)
    total = weight.sum(axis=1, keepdims=True) + 1e-9
    x = x - (weight * x).sum(axis=1, keepdims=True) / total
    y = y - (weight * y).sum(axis=1, keepdims=True) / total
    return np.asarray((weight * x * y).sum(axis=1) / ((weight * x**2).sum(axis=1) + back**2 / 6))
