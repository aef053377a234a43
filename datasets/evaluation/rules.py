"""What an operator could write in a minute instead of training a model."""

from __future__ import annotations

from typing import Final

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from ml.failure import MAX_AVG_RESPONSE_MS, MAX_ERROR_RATE

AHEAD: Final = 5  # windows that the straight line is extended by

Floats = NDArray[np.float64]


def closeness(windows: pd.DataFrame) -> Floats:
    """Error rate and average time as shares of their limits, the larger; 1 at a limit."""
    time = windows["avg_response_time"].fillna(0.0).to_numpy(np.float64) / MAX_AVG_RESPONSE_MS
    error = windows["error_rate"].to_numpy(np.float64) / MAX_ERROR_RATE
    return np.maximum(error, time)


def straight_line(windows: pd.DataFrame, subject: NDArray[np.int64]) -> Floats:
    """Closeness in five minutes, by the straight line through the last three windows.

    Parameters
    ----------
    windows : DataFrame of n_windows rows
        Whole minutes.
    subject : ndarray of shape (n_windows,)
        Number of each window's subject and run.

    Returns
    -------
    ndarray of shape (n_windows,)
        Closeness now where one of the two windows before is missing.
    """
    limits = {"error_rate": MAX_ERROR_RATE, "avg_response_time": MAX_AVG_RESPONSE_MS}
    minute = windows["timestamp"].to_numpy(np.int64) // 60_000
    order = np.lexsort((minute, subject))
    ahead = np.full(len(windows), -np.inf)
    for name, limit in limits.items():
        value = windows[name].fillna(0.0).to_numpy(np.float64)[order] / limit
        ahead[order] = np.maximum(ahead[order], _extended(value, subject[order], minute[order]))
    return ahead


def _extended(value: Floats, subject: NDArray[np.int64], minute: NDArray[np.int64]) -> Floats:
    """Least squares over three windows of even distance, seen `AHEAD` windows on."""
    found = value.copy()
    if len(value) < 3:
        return found
    whole = (subject[2:] == subject[:-2]) & (minute[2:] - minute[:-2] == 2)
    slope = (value[2:] - value[:-2]) / 2
    mean = (value[2:] + value[1:-1] + value[:-2]) / 3
    found[2:][whole] = (mean + slope * (1 + AHEAD))[whole]
    return found
