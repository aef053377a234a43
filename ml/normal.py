"""Which stored windows are normal: what is left when failures, incidents and verdicts go."""

from __future__ import annotations

from typing import Any, Final

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from ml.failure import is_failing
from ml.features import is_shared
from ml.past import feature_matrix, subject_codes
from ml.risk import SPECIFIED

FAILURE_MARGIN_MS: Final = 10 * 60_000  # before and after: a failure begins and ends slowly
INCIDENT_MARGIN_MS: Final = 10 * 60_000  # around a HIGH window, what is MEDIUM belongs to it
CONFIRMED_MARGIN_MS: Final = 5 * 60_000
# Above this share MEDIUM is no exception but a site that the models don't know yet.
RARE_SHARE: Final = 0.05
NORMAL: Final = ""
SHARED: Final = "shared by many"
FAILURE: Final = "near a failure"
INCIDENT: Final = "incident"
CONFIRMED: Final = "confirmed"
FALSE_ALARM: Final = "false alarm"

Bools = NDArray[np.bool_]


def left_out(
    windows: pd.DataFrame,
    risky: pd.DataFrame,
    false_alarms: pd.DataFrame,
    confirmed: pd.DataFrame,
) -> NDArray[Any]:
    """Why each window is not normal.

    Parameters
    ----------
    windows : DataFrame of n_windows rows
        Key, features, `risk_score`.
    risky : DataFrame
        Key, features, `priority`, `thin`: at least all HIGH and all failing windows of the span.
    false_alarms, confirmed : DataFrame
        Keys of the windows that a person judged.

    Returns
    -------
    ndarray of str objects of shape (n_windows,)
        `NORMAL` (the empty text), or the reason. False alarms are none of both: among the normal
        ones a few of them would widen what is usual in every direction (the recall of attacks fell
        from 1.00 to 0.85), so they are learnt as examples of their own.
    """
    failing = is_failing(feature_matrix(risky)) & (risky["thin"] == 0).to_numpy()
    high = (risky["priority"] == "HIGH").to_numpy()
    medium = windows["risk_score"].to_numpy(np.float64) >= SPECIFIED.medium
    around_high = near(windows, risky[high], INCIDENT_MARGIN_MS)
    reasons = {
        SHARED: is_shared(windows),
        FAILURE: near(windows, risky[failing], FAILURE_MARGIN_MS),
        INCIDENT: medium & (around_high | _rare(windows, medium)),
        CONFIRMED: near(windows, confirmed, CONFIRMED_MARGIN_MS),
        FALSE_ALARM: near(windows, false_alarms, 0),
    }
    why = np.full(len(windows), NORMAL, object)
    for reason, holds in reasons.items():
        why[holds] = reason
    return why


def near(windows: pd.DataFrame, others: pd.DataFrame, margin_ms: int) -> Bools:
    """Which windows lie at most `margin_ms` before or after one of `others` of their subject.

    Parameters
    ----------
    windows, others : DataFrame
        With the columns of the key.

    Returns
    -------
    ndarray of bool of shape (n_windows,)
    """
    if not len(windows) or not len(others):
        return np.zeros(len(windows), np.bool_)
    columns = ["timestamp", "endpoint", "method", "client"]
    every = pd.concat([windows[columns], others[columns]], ignore_index=True)
    time = every["timestamp"].to_numpy(np.int64)
    elapsed = time - time.min()
    instant = subject_codes(every) * (int(elapsed.max()) + 2 * margin_ms + 1) + elapsed
    marks = np.append(np.sort(instant[len(windows) :]), np.iinfo(np.int64).max)
    own = instant[: len(windows)]
    following = marks[np.searchsorted(marks, own - margin_ms)]
    return np.asarray(following <= own + margin_ms)


def _rare(windows: pd.DataFrame, chosen: Bools) -> Bools:
    """The windows of those kinds of subject of which few are `chosen`."""
    rare = np.zeros(len(windows), np.bool_)
    subject = windows["subject"].to_numpy(object)
    for kind in set(subject):
        rows = subject == kind
        rare[rows] = chosen[rows].mean() <= RARE_SHARE
    return rare
