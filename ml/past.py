"""The recent past of each subject: what its windows usually look like."""

from __future__ import annotations

from typing import Final

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from ml.failure import is_failing
from ml.features import FEATURES, KEY

CONTEXT_MS: Final = 15 * 60_000  # how far back a window's past reaches

Floats = NDArray[np.float64]
Ints = NDArray[np.int64]
_REQ_COUNT: Final = FEATURES.index("req_count")
_COLUMNS: Final = [*KEY, *FEATURES]


def feature_matrix(windows: pd.DataFrame) -> Floats:
    """The 8 features as an array of shape (n_windows, 8); NaN where not known."""
    return windows[list(FEATURES)].to_numpy(np.float64, na_value=np.nan)


def past_means(windows: pd.DataFrame, past: pd.DataFrame, wanted: NDArray[np.bool_]) -> Floats:
    """Mean features of each subject in the 15 minutes before a window, weighted by calls.

    Windows that were failing don't count: a lone call after an outage is no outage.

    Parameters
    ----------
    windows, past : DataFrame
        Key and features of windows; none is in both. Rows of `windows` are each other's past, too.
    wanted : ndarray of bool of shape (n_windows,)
        The rows of `windows` whose past counts; the others get NaN.

    Returns
    -------
    ndarray of shape (n_windows, 8)
        NaN where no window of the past has a value.
    """
    means = np.full((len(windows), len(FEATURES)), np.nan)
    if wanted.any():
        every = pd.concat([windows[_COLUMNS], past[_COLUMNS]]) if len(past) else windows
        instant = _instants(every)
        order = np.argsort(instant, kind="stable")
        now = instant[: len(windows)][wanted]
        start, end = (np.searchsorted(instant[order], edge) for edge in (now - CONTEXT_MS, now))
        features = feature_matrix(every)
        features[is_failing(features)] = (
            np.nan
        )  # an outage is not what a subject usually looks like
        means[wanted] = _weighted_means(features[order], start, end)
    return means


def _instants(windows: pd.DataFrame) -> Ints:
    """Times [ms] on one axis, on which the subjects lie further apart than a past reaches."""
    timestamp = windows["timestamp"].to_numpy(np.int64)
    first, last = int(timestamp.min()), int(timestamp.max())
    instants: Ints = subject_codes(windows) * (last - first + CONTEXT_MS + 1) + timestamp - first
    return instants


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
