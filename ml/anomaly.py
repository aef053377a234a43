"""Anomaly score: how strange a window is, by the mix of its features or by one of them alone.

An isolation forest finds strange mixes but can't tell far outside from a little outside: a window
whose error rate is 1 and all else as always looks ordinary to it. So the score is the larger of the
forest's and of how far single features lie above everything that was seen in training.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, Final

import numpy as np
from numpy.typing import NDArray

from ml.features import FEATURES
from ml.forest import LeafMeans, expected_path_length, path_lengths

TREES: Final = 300
CONTAMINATION: Final = 0.05  # share of the training windows that may count as anomalies
THRESHOLD: Final = 0.5  # a window is an anomaly from this score on
SEEN_SHARE: Final = 0.999  # of the training windows lie within `highest`; the rest may be mistakes
STRANGEST_SEEN: Final = 0.9  # score of the strangest training window; the forest alone never says 1
PSEUDO_CALLS: Final = (
    5.0  # without an error, added to each window: two errors in five are no outage
)
_BY_RATIO: Final = (
    "req_count",
    "avg_response_time",
    "max_response_time",
    "payload_mean",
    "unique_endpoints",
)
_STRANGE_ONLY_ABOVE: Final = ("avg_response_time", "max_response_time", "payload_mean")
_ERROR_REACH: Final = 0.25  # what an error rate means is the same on every site
_SMALLEST_REACH: Final = {  # so far above all that was seen the score is 1; units of `evidence`
    "req_count": np.log(8),
    "error_rate": _ERROR_REACH,
    "avg_response_time": np.log(4),
    "max_response_time": np.log(4),
    "payload_mean": np.log(1000),  # these two differ most from site to site
    "unique_endpoints": np.log(100),
    "repeat_rate": 0.5,
    "status_entropy": 1.0,
}

Floats = NDArray[np.float64]


def evidence(features: Floats) -> Floats:
    """Features as the forest compares them: counts, times and sizes by ratio, errors by evidence.

    Parameters
    ----------
    features : ndarray of shape (n_windows, 8)
        In the order of `FEATURES`, without NaN.
    """
    seen = features.copy()
    for name in _BY_RATIO:
        column = FEATURES.index(name)
        seen[:, column] = np.log1p(features[:, column])
    calls, error = FEATURES.index("req_count"), FEATURES.index("error_rate")
    seen[:, error] *= features[:, calls] / (features[:, calls] + PSEUDO_CALLS)
    return seen


@dataclass(frozen=True)
class AnomalyModel:
    """A fitted isolation forest with the range of each feature seen in training."""

    scaler: Any  # sklearn StandardScaler
    forest: Any  # sklearn IsolationForest
    paths: LeafMeans  # of the forest
    ordinary: float  # strangeness of the most ordinary training window
    threshold: float  # strangeness at the contamination threshold
    strangest: float  # strangeness of the strangest training window
    lowest: Floats  # below it a feature tells nothing: a fast answer is no trouble, shape (8,)
    highest: Floats  # of each feature that is still ordinary, shape (8,)
    reach: Floats  # how far above `highest` a feature scores 1, shape (8,)

    def score(self, features: Floats) -> Floats:
        """Anomaly score of each window, 0..1, the higher the stranger.

        Parameters
        ----------
        features : ndarray of shape (n_windows, 8)
            In the order of `FEATURES`, without NaN.
        """
        seen = np.maximum(evidence(features), self.lowest)
        marks = [self.ordinary, self.threshold, self.strangest, 1.0]
        mix = np.interp(self.strangeness(seen), marks, [0.0, THRESHOLD, STRANGEST_SEEN, 1.0])
        outside = ((seen - self.highest) / self.reach).max(axis=1)
        return np.asarray(np.maximum(mix, outside.clip(0.0, 1.0)))

    def strangeness(self, seen: Floats) -> Floats:
        """What the forest thinks of `evidence`: `-score_samples`, so the higher the stranger."""
        return _strangeness(self.scaler, self.forest, self.paths, seen)


def fitted_anomaly(features: Floats, random_state: int) -> AnomalyModel:
    """Fit on normal windows.

    Parameters
    ----------
    features : ndarray of shape (n_windows, 8)
        In the order of `FEATURES`, without NaN.
    """
    from sklearn.ensemble import IsolationForest
    from sklearn.preprocessing import StandardScaler

    seen = evidence(features)
    lowest = _lowest(seen)
    seen = np.maximum(seen, lowest)
    scaler = StandardScaler().fit(seen)
    forest = IsolationForest(
        n_estimators=TREES, contamination=CONTAMINATION, random_state=random_state
    ).fit(scaler.transform(seen))
    paths = path_lengths(forest.estimators_)
    strangeness = _strangeness(scaler, forest, paths, seen)
    highest = np.quantile(seen, SEEN_SHARE, axis=0)
    return AnomalyModel(
        scaler=scaler,
        forest=forest,
        paths=paths,
        ordinary=float(strangeness.min()),
        threshold=-float(forest.offset_),
        strangest=float(strangeness.max()),
        lowest=lowest,
        highest=highest,
        reach=_reach(highest - np.median(seen, axis=0)),
    )


def _lowest(seen: Floats) -> Floats:
    """The median where only more than usual is strange, no bound for the other features."""
    bounded = [name in _STRANGE_ONLY_ABOVE for name in FEATURES]
    return np.asarray(np.where(bounded, np.median(seen, axis=0), -np.inf))


def _reach(width: Floats) -> Floats:
    """As far above the highest as that is above the median, where this is not too little."""
    reach = np.maximum(width, [_SMALLEST_REACH[name] for name in FEATURES])
    reach[FEATURES.index("error_rate")] = _ERROR_REACH
    return np.asarray(reach)


def _strangeness(scaler: Any, forest: Any, paths: LeafMeans, seen: Floats) -> Floats:
    mean_path = paths.mean((seen - scaler.mean_) / scaler.scale_)
    return np.asarray(2.0 ** (-mean_path / expected_path_length(forest.max_samples_)))
