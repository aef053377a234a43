"""The recent past of each subject: what its windows usually look like."""

from __future__ import annotations

from typing import Final, NamedTuple

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from ml.failure import is_failing
from ml.features import FEATURES, KEY

CONTEXT_MS: Final = 60 * 60_000  # how far back a window's past reaches
CLIENT_CONTEXT_MS: Final = 15 * 60_000  # the same of clients, of which there are many more

_TIMES: Final = ("req_count", "avg_response_time", "max_response_time")
USE: Final = ("req_count", "unique_endpoints", "repeat_rate", "status_entropy")

Floats = NDArray[np.float64]
Ints = NDArray[np.int64]
_REQ_COUNT: Final = FEATURES.index("req_count")
COLUMNS: Final = [*KEY, *FEATURES]


def feature_matrix(windows: pd.DataFrame) -> Floats:
    """The 8 features as an array of shape (n_windows, 8); NaN where not known or not finite."""
    features = windows[list(FEATURES)].to_numpy(np.float64, na_value=np.nan)
    return np.where(np.isfinite(features), features, np.nan)


def with_past(windows: pd.DataFrame, past: pd.DataFrame) -> pd.DataFrame:
    """Key and features of windows and, behind them, of their past."""
    return pd.concat([windows[COLUMNS], past[COLUMNS]]) if len(past) else windows


def steady_times(features: Floats) -> Floats:
    """Features whose average time leaves the slowest call out: one stall is no slow service.

    Parameters
    ----------
    features : ndarray of shape (..., 8)
        Windows of a single call keep theirs.
    """
    calls, mean, slowest = (features[..., FEATURES.index(name)] for name in _TIMES)
    others = np.maximum(calls - 1, 1)
    steady = np.maximum((calls * mean - slowest) / others, mean / np.maximum(calls, 1))
    changed = features.copy()
    changed[..., FEATURES.index("avg_response_time")] = np.where(calls > 1, steady, mean)
    return changed


class ClientPast(NamedTuple):
    """What the windows of each client in the quarter of an hour before were like."""

    mean: Floats  # of each feature, weighted by calls, NaN where nothing is known; (n_windows, 8)
    windows: Ints  # how many there were, shape (n_windows,)


def client_past(windows: pd.DataFrame, past: pd.DataFrame, window_ms: int) -> ClientPast:
    """The past of each client, without windows that failed: a lone call after those is no outage.

    Parameters
    ----------
    windows, past : DataFrame
        Key and features of windows; none is in both. Rows of `windows` are each other's past, too.
    window_ms : int
        Length of a window [ms]; windows that overlap don't count as each other's past.
    """
    if windows.empty:
        return ClientPast(np.empty((0, len(FEATURES))), np.empty(0, np.int64))
    every = with_past(windows, past)
    instant = _instants(every, window_ms)
    order = np.argsort(instant, kind="stable")
    now = instant[: len(windows)]
    edges = (now - CLIENT_CONTEXT_MS, now)
    start, end = (np.searchsorted(instant[order], edge) for edge in edges)
    features = feature_matrix(every)
    features[is_failing(features)] = np.nan  # an outage is not what a subject usually is like
    return ClientPast(_weighted_means(features[order], start, end), end - start)


def _instants(windows: pd.DataFrame, window_ms: int) -> Ints:
    """Times [ms] on one axis, on which the subjects lie further apart than a past reaches.

    Windows of one subject that overlap lie as far apart, too.
    """
    timestamp = windows["timestamp"].to_numpy(np.int64)
    first, last = int(timestamp.min()), int(timestamp.max())
    line = subject_codes(windows) * window_ms + timestamp % window_ms
    instants: Ints = line * (last - first + CLIENT_CONTEXT_MS + 1) + timestamp - first
    return instants


def recent_use(windows: pd.DataFrame, past: pd.DataFrame, window_ms: int) -> Floats:
    """How each subject calls over the last quarter of an hour, its window now included.

    Parameters
    ----------
    windows, past : DataFrame
        Key and features of windows; none is in both. Rows of `windows` are each other's past, too.
    window_ms : int
        Length of a window [ms]; windows that overlap don't count as each other's past.

    Returns
    -------
    ndarray of shape (n_windows, 4)
        Calls a window since the subject was first seen in that time, distinct endpoints a window,
        repeat rate and status entropy, both weighted by calls.
    """
    if windows.empty:
        return np.empty((0, len(USE)))
    every = with_past(windows, past)
    instant = _instants(every, window_ms)
    order = np.argsort(instant, kind="stable")
    ordered, now = instant[order], instant[: len(windows)]
    start = np.searchsorted(ordered, now - CLIENT_CONTEXT_MS + window_ms)
    end = np.searchsorted(ordered, now)
    calls, *rates = (every[name].to_numpy(np.float64) for name in USE)
    distinct, repeats, entropy = rates
    parts = np.column_stack(
        (calls, distinct, repeats * calls, entropy * calls, np.ones_like(calls))
    )
    sums = _range_sums(parts[order], start, end) + parts[: len(windows)]
    first = np.where(start < end, ordered[np.minimum(start, len(ordered) - 1)], now)
    passed = (now - first) / window_ms + 1
    return np.column_stack(
        [
            sums[:, 0] / passed,
            sums[:, 1] / sums[:, 4],
            sums[:, 2] / sums[:, 0],
            sums[:, 3] / sums[:, 0],
        ]
    )


def subject_codes(windows: pd.DataFrame) -> Ints:
    """A number for each subject (endpoint + method, or client)."""
    code = np.zeros(len(windows), np.int64)
    for name in ("endpoint", "method", "client"):
        found, seen = pd.factorize(windows[name].to_numpy(object))
        code = code * (len(seen) + 1) + found + 1
    return pd.factorize(code)[0].astype(np.int64)


def _weighted_means(features: Floats, start: Ints, end: Ints) -> Floats:
    """Mean of `features[start:end]` for each pair, weighted by calls, without what is not known."""
    weight = np.where(np.isnan(features), 0.0, features[:, [_REQ_COUNT]])
    total, calls = (
        _range_sums(column, start, end) for column in (np.nan_to_num(features) * weight, weight)
    )
    with np.errstate(invalid="ignore"):  # 0 / 0: nothing known, NaN as stated
        means: Floats = total / calls
    return means


def _range_sums(values: Floats, start: Ints, end: Ints) -> Floats:
    """Sum of `values[start:end]` for each pair.

    Not a difference of running sums: the same range gives the same digits whatever lies around it.
    """
    order = np.argsort(start, kind="stable")  # else reduceat also sums what lies between the ranges
    pairs = np.column_stack([start[order], end[order]]).ravel()
    padded = np.vstack([values, np.zeros_like(values[:1])])
    sums = np.empty((len(start), values.shape[1]))
    sums[order] = np.add.reduceat(padded, pairs, axis=0)[::2]
    return np.where((start < end)[:, None], sums, 0.0)
