"""Risk score and priority of a window."""

from __future__ import annotations

from typing import Any, Final

import numpy as np
from numpy.typing import ArrayLike, NDArray

ANOMALY_WEIGHT: Final = 0.45
FAILURE_WEIGHT: Final = 0.35
BOT_WEIGHT: Final = 0.20
HIGH: Final = 0.8
MEDIUM: Final = 0.5
RISK_DECIMALS: Final = 4
BELOW_HIGH: Final = 0.7999  # the highest risk score of a thin window: never HIGH


def risk_score(anomaly: ArrayLike, failure: ArrayLike, is_bot: ArrayLike) -> NDArray[np.float64]:
    """Risk score of windows, 0..1, the higher the worse.

    Parameters
    ----------
    anomaly : array-like of shape (n_windows,)
        Anomaly score, 0..1.
    failure : array-like of shape (n_windows,)
        Failure probability, 0..1.
    is_bot : array-like of shape (n_windows,)
        True (1) where the usage cluster is `bot`.

    Returns
    -------
    ndarray of shape (n_windows,)
        `0.45 * anomaly + 0.35 * failure + 0.20 * is_bot`, rounded to 4 places, so that the sum of
        0.45 and 0.35 is the 0.8 that it should be.
    """
    weighted = (
        ANOMALY_WEIGHT * np.asarray(anomaly, np.float64)
        + FAILURE_WEIGHT * np.asarray(failure, np.float64)
        + BOT_WEIGHT * np.asarray(is_bot, np.float64)
    )
    return np.round(weighted, RISK_DECIMALS)


def priority(risk: ArrayLike) -> NDArray[Any]:
    """HIGH, MEDIUM or LOW for each (rounded) risk score, as an array of str objects."""
    score = np.asarray(risk, np.float64)
    named = np.select([score >= HIGH, score >= MEDIUM], ["HIGH", "MEDIUM"], "LOW")
    return named.astype(object)
