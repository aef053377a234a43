"""What is usual for a subject: ranges of its features, and how far outside of them a window is."""

from __future__ import annotations

from typing import Final, NamedTuple

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from ml.anomaly import evidence
from ml.bundle import USUAL_SHARES, Bundle
from ml.failure import is_failing
from ml.features import CLIENT, ENDPOINT, FEATURES
from ml.past import feature_matrix
from ml.variants import OwnPast

FEWEST_PAST: Final = 10  # windows that make a usual range; with fewer that of the training counts
FENCE: Final = 3.0  # quartile distances beyond the quartiles: an earlier alarm, not usual
RECENT_MS: Final = 9 * 60_000  # may belong to what is growing now
MATERIAL_DEVIATION: Final = 0.1  # widths of the usual range; less would look equal in print
STORED_DECIMALS: Final = 9  # a stored past and one just computed differ in the 16th digit
_SMALLEST_WIDTH: Final = {  # of a usual range, in units of `evidence`
    "req_count": np.log(1.5),
    "error_rate": 0.1,
    "avg_response_time": np.log(1.5),
    "max_response_time": np.log(1.5),
    "payload_mean": np.log(1.5),
    "unique_endpoints": np.log(1.5),
    "repeat_rate": 0.1,
    "status_entropy": 0.3,
}
_WIDTHS: Final = np.array([_SMALLEST_WIDTH[name] for name in FEATURES])

Floats = NDArray[np.float64]
Ints = NDArray[np.int64]
Bools = NDArray[np.bool_]


class Usual(NamedTuple):
    """What is usual for the subject of each window, shape (n_windows, 8) each."""

    low: Floats
    middle: Floats
    high: Floats
    own: Bools  # known from the subject itself


def usual_features(
    bundle: Bundle, windows: pd.DataFrame, every: pd.DataFrame, past: OwnPast
) -> Usual:
    """Ranges and medians of the subject's own past, of training where that says nothing.

    It is too short for a feature, or the window is within it by every feature: then a trouble has
    lasted so long that it has become the past.
    """
    trained = _of_training(bundle, windows)
    own = _of_past(windows, every, past)
    usual = _either(own.own, own, trained)
    inside = (deviation(feature_matrix(windows), usual) == 0).all(axis=1, keepdims=True)
    return _either(~inside, usual, trained)


def _either(chosen: Bools, these: Usual, others: Usual) -> Usual:
    low, middle, high, own = (np.where(chosen, *both) for both in zip(these, others, strict=True))
    return Usual(low, middle, high, own)


def _of_past(windows: pd.DataFrame, every: pd.DataFrame, past: OwnPast) -> Usual:
    features = feature_matrix(every).round(STORED_DECIMALS)[past.row]
    features[is_failing(features)] = np.nan
    count = len(windows)
    features[_too_recent(windows, every, past, features)] = np.nan
    seen = evidence(features)
    lower, upper = grouped_quantiles(seen, past.owner, count, (0.25, 0.75))
    fence = FENCE * np.maximum(upper - lower, _WIDTHS)
    outlying = (seen < (lower - fence)[past.owner]) | (seen > (upper + fence)[past.owner])
    features[outlying] = np.nan
    known = np.zeros((count, len(FEATURES)))
    np.add.at(known, past.owner, ~np.isnan(features))
    least, most = USUAL_SHARES
    low, middle, high = grouped_quantiles(features, past.owner, count, (least, 0.5, most))
    return Usual(low, middle, high, known >= FEWEST_PAST)


def _of_training(bundle: Bundle, windows: pd.DataFrame) -> Usual:
    client = (windows["subject"] == CLIENT).to_numpy()[:, None]
    of_clients, of_endpoints = (
        Usual(low, np.clip(models.median, low, high), high, np.zeros(len(FEATURES), np.bool_))
        for models in (bundle.subjects[CLIENT], bundle.subjects[ENDPOINT])
        for low, high in [models.usual]
    )
    return _either(client, of_clients, of_endpoints)


def _too_recent(
    windows: pd.DataFrame, every: pd.DataFrame, past: OwnPast, features: Floats
) -> Bools:
    """Pairs of the last `RECENT_MS`, where enough lies before: what grows is not usual yet."""
    at = every["timestamp"].to_numpy(np.int64)[past.row]
    recent = windows["timestamp"].to_numpy(np.int64)[past.owner] - at <= RECENT_MS
    older = ~recent & ~np.isnan(features[:, 0])
    enough = np.bincount(past.owner[older], minlength=len(windows)) >= FEWEST_PAST
    return np.asarray(recent & enough[past.owner])


def grouped_quantiles(
    values: Floats, group: Ints, groups: int, shares: tuple[float, ...]
) -> list[Floats]:
    """Quantiles of each column in each group, linear between neighbours.

    Parameters
    ----------
    values : ndarray of shape (n_rows, n_columns)
        NaN does not count.
    group : ndarray of shape (n_rows,)
        Ascending, 0 <= group < groups.

    Returns
    -------
    list of ndarray of shape (groups, n_columns)
        For each share; NaN where a group has no value.
    """
    found = [np.full((groups, values.shape[1]), np.nan) for _ in shares]
    first = np.searchsorted(group, np.arange(groups))
    for column, column_values in enumerate(values.T):
        order = np.lexsort((column_values, group))  # NaN comes last in its group
        known = np.bincount(group[~np.isnan(column_values)], minlength=groups)
        some = np.flatnonzero(known)
        for quantiles, share in zip(found, shares, strict=True):
            place = (known[some] - 1) * share
            below = np.floor(place).astype(np.int64)
            above = np.minimum(below + 1, known[some] - 1)
            low, high = (column_values[order[first[some] + at]] for at in (below, above))
            quantiles[some, column] = low + (high - low) * (place - below)
    return found


def deviation(value: Floats, usual: Usual) -> Floats:
    """How far outside the usual range, in widths of it as the models compare; below it negative."""
    seen, lower, upper = (_seen_in(value, edge) for edge in (value, usual.low, usual.high))
    width = np.maximum(upper - lower, _WIDTHS)
    outside = (np.maximum(seen - upper, 0.0) + np.minimum(seen - lower, 0.0)) / width
    return np.where(np.abs(outside) >= MATERIAL_DEVIATION, outside, 0.0)  # also where NaN


def _seen_in(window: Floats, features: Floats) -> Floats:
    """`evidence` of features in windows that have the calls of `window`."""
    calls = FEATURES.index("req_count")
    as_called = features.copy()
    as_called[:, calls] = window[:, calls]
    seen = evidence(as_called)
    seen[:, calls] = np.log1p(features[:, calls])
    return seen
