"""Anomaly score: how strange a window is, by the mix of its features or by one of them alone.

An isolation forest finds strange mixes but can't tell far outside from a little outside: a window
whose error rate is 1 and all else as always looks ordinary to it. So the score is the larger of the
forest's and of how far single features lie above everything that was seen in training.

Levels differ from site to site, so what is compared is the distance to what is usual there. What a
person marked as a false alarm is remembered: windows close to such a one score low.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, Final

import numpy as np
from numpy.typing import NDArray

from ml.features import CLIENT, ENDPOINT, FEATURES
from ml.forest import LeafMeans, expected_path_length, path_lengths
from ml.past import steady_times

TREES: Final = 300
CONTAMINATION: Final = 0.05  # share of the training windows that may count as anomalies
THRESHOLD: Final = 0.5  # a window is an anomaly from this score on
SEEN_SHARE: Final = 0.999  # of the training windows lie within `highest`; the rest may be mistakes
STRANGEST_SEEN: Final = 0.9  # score of the strangest training window; the forest alone never says 1
# Without an error, added to each window: two errors in five are no outage, and a client whose five
# calls all failed is a person more often than an attack.
PSEUDO_CALLS: Final = {ENDPOINT: 5.0, CLIENT: 10.0}
_BY_RATIO: Final = (
    "req_count",
    "avg_response_time",
    "max_response_time",
    "payload_mean",
    "unique_endpoints",
)
_STRANGE_ONLY_ABOVE: Final = ("avg_response_time", "max_response_time")
FORGIVEN_ERRORS: Final = 0.2  # error rate that may be usual for a subject; more never is
FAMILIAR_REACH: Final = 0.35  # in units of `evidence`: so near a false alarm a window is one, too
_REACH: Final = {  # so far above all that was seen the score is 1; units of `evidence`
    "req_count": np.log(2.5),
    "error_rate": 0.25,  # what an error rate means is the same on every site
    "avg_response_time": np.log(4),
    "max_response_time": np.log(50),  # of one call: hardly news
    "payload_mean": np.log(1000),  # differs most from site to site
    "unique_endpoints": np.log(10),
    "repeat_rate": 0.3,
    "status_entropy": 1.0,
}

Floats = NDArray[np.float64]


def evidence(
    features: Floats,
    usual: Floats | None = None,
    centre: Floats | None = None,
    pseudo_calls: float = PSEUDO_CALLS[ENDPOINT],
) -> Floats:
    """Features as the forest compares them: counts, times and sizes by ratio, errors by evidence.

    Parameters
    ----------
    features : ndarray of shape (n_windows, 8)
        In the order of `FEATURES`, without NaN.
    usual : ndarray of shape (n_windows, 8), optional
        What is usual for each window's subject; the features are moved by how far this is from
        `centre`, so that all subjects look as if this was usual for them.
    centre : ndarray of shape (8,), optional
        Goes with `usual`.
    pseudo_calls : float
        Calls without an error that are added to each window.
    """
    seen = features.copy()
    for name in _BY_RATIO:
        column = FEATURES.index(name)
        seen[:, column] = np.log1p(features[:, column])
    calls, error = FEATURES.index("req_count"), FEATURES.index("error_rate")
    usual_error: Any = 0.0
    if usual is not None and centre is not None:
        usual_error = np.minimum(usual[:, error], FORGIVEN_ERRORS)
        moved = _comparable(usual) - _comparable(centre[None, :])
        moved[:, error] = 0.0
        seen -= moved
    above = np.maximum(features[:, error] - usual_error, 0.0)
    seen[:, error] = above * features[:, calls] / (features[:, calls] + pseudo_calls)
    return seen


def _comparable(features: Floats) -> Floats:
    ratios = [name in _BY_RATIO for name in FEATURES]
    return np.asarray(np.where(ratios, np.log1p(features), features))


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
    centre: Floats  # what the subjects of the training usually are like, shape (8,)
    pseudo_calls: float  # see `evidence`
    harmless: Floats  # evidence of windows that people marked as false alarms, shape (n, 8)

    def score(self, features: Floats, usual: Floats) -> Floats:
        """Anomaly score of each window, 0..1, the higher the stranger.

        Parameters
        ----------
        features : ndarray of shape (n_windows, 8)
            In the order of `FEATURES`, without NaN.
        usual : ndarray of shape (n_windows, 8)
            What is usual for each subject; `centre` where that is not known.
        """
        compared = evidence(steady_times(features), usual, self.centre, self.pseudo_calls)
        return self._score(compared) * self._unfamiliarity(evidence(features))

    def _unfamiliarity(self, seen: Floats) -> Floats:
        """1 far from all that was marked as harmless, 0 up to `FAMILIAR_REACH` from one of it.

        By the features as they are: what a job did is told from an attack by its levels, too.
        """
        nearest = np.full(len(seen), np.inf)
        for known in self.harmless:
            nearest = np.minimum(nearest, np.abs(seen - known).max(axis=1))
        return np.asarray(np.clip(nearest / FAMILIAR_REACH - 1.0, 0.0, 1.0))

    def _score(self, compared: Floats) -> Floats:
        seen = np.maximum(compared, self.lowest)
        marks = [self.ordinary, self.threshold, self.strangest, 1.0]
        mix = np.interp(self.strangeness(seen), marks, [0.0, THRESHOLD, STRANGEST_SEEN, 1.0])
        reach = np.array([_REACH[name] for name in FEATURES])
        outside = ((seen - self.highest) / reach).max(axis=1)
        return np.asarray(np.maximum(mix, outside.clip(0.0, 1.0)))

    def strangeness(self, seen: Floats) -> Floats:
        """What the forest thinks of `evidence`: `-score_samples`, so the higher the stranger."""
        return _strangeness(self.scaler, self.forest, self.paths, seen)


def fitted_anomaly(
    features: Floats,
    usual: Floats,
    centre: Floats,
    random_state: int,
    pseudo_calls: float = PSEUDO_CALLS[ENDPOINT],
) -> AnomalyModel:
    """Fit on normal windows.

    Parameters
    ----------
    features, usual : ndarray of shape (n_windows, 8)
        In the order of `FEATURES`, without NaN; see `AnomalyModel.score`.
    centre : ndarray of shape (8,)
        What the subjects usually are like.
    pseudo_calls : float
        See `evidence`.
    """
    from sklearn.ensemble import IsolationForest
    from sklearn.preprocessing import StandardScaler

    seen = evidence(steady_times(features), usual, centre, pseudo_calls)
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
        centre=centre,
        pseudo_calls=pseudo_calls,
        harmless=np.empty((0, len(FEATURES))),
    )


def _lowest(seen: Floats) -> Floats:
    """The median where only more than usual is strange, no bound for the other features."""
    bounded = [name in _STRANGE_ONLY_ABOVE for name in FEATURES]
    return np.asarray(np.where(bounded, np.median(seen, axis=0), -np.inf))


def _strangeness(scaler: Any, forest: Any, paths: LeafMeans, seen: Floats) -> Floats:
    mean_path = paths.mean((seen - scaler.mean_) / scaler.scale_)
    return np.asarray(2.0 ** (-mean_path / expected_path_length(forest.max_samples_)))
