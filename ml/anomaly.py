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
STRANGEST_SEEN: Final = 0.9  # score of the strangest training window by the forest alone
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
_SMALLEST_REACH: Final = {  # so far above all that was seen the score is 1; units of `evidence`
    "req_count": np.log(8),
    "error_rate": 0.25,
    "avg_response_time": np.log(4),
    "max_response_time": np.log(4),
    "payload_mean": np.log(8),
    "unique_endpoints": np.log(100),  # how many there are to visit differs most from site to site
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
    strangest: float  # strangeness that scores 1
    highest: Floats  # of each feature in training, shape (8,)
    reach: Floats  # how far above `highest` a feature scores 1, shape (8,)

    def score(self, features: Floats) -> Floats:
        """Anomaly score of each window, 0..1, the higher the stranger.

        Parameters
        ----------
        features : ndarray of shape (n_windows, 8)
            In the order of `FEATURES`, without NaN.
        """
        seen = evidence(features)
        marks = [self.ordinary, self.threshold, self.strangest]
        mix = np.interp(self.strangeness(seen), marks, [0.0, THRESHOLD, 1.0])
        outside = ((seen - self.highest) / self.reach).max(axis=1)
        alone = np.where(outside > 0, np.minimum(THRESHOLD * (1 + outside), 1.0), 0.0)
        return np.maximum(mix, alone)

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
    scaler = StandardScaler().fit(seen)
    forest = IsolationForest(
        n_estimators=TREES, contamination=CONTAMINATION, random_state=random_state
    ).fit(scaler.transform(seen))
    paths = path_lengths(forest.estimators_)
    strangeness = _strangeness(scaler, forest, paths, seen)
    threshold = -float(forest.offset_)
    stretch = (1 - THRESHOLD) / (STRANGEST_SEEN - THRESHOLD)
    return AnomalyModel(
        scaler=scaler,
        forest=forest,
        paths=paths,
        ordinary=float(strangeness.min()),
        threshold=threshold,
        strangest=threshold + float(strangeness.max() - threshold) * stretch,
        highest=seen.max(axis=0),
        reach=np.maximum(seen.max(axis=0) - np.median(seen, axis=0), [*_SMALLEST_REACH.values()]),
    )


def _strangeness(scaler: Any, forest: Any, paths: LeafMeans, seen: Floats) -> Floats:
    mean_path = paths.mean((seen - scaler.mean_) / scaler.scale_)
    return np.asarray(2.0 ** (-mean_path / expected_path_length(forest.max_samples_)))
