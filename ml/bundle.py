"""The three models of both subjects as one: windows in, scores out."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Final, NamedTuple

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from ml.anomaly import THRESHOLD, AnomalyModel, fitted_anomaly
from ml.failure import FailureModel, fails_soon, fitted_failure, is_failing
from ml.features import CLIENT, ENDPOINT, FEATURES, OTHER_CLIENTS
from ml.past import CONTEXT_MS, feature_matrix, past_means, subject_codes
from ml.risk import BELOW_HIGH, priority, risk_score
from ml.usage import BOT, UsageModel, fitted_usage

CONTEXT_WINDOWS: Final = CONTEXT_MS // 60_000  # windows of the past that a score may look at
MIN_CALLS: Final = 5  # a window with fewer calls is thin, unless the setting says otherwise
# The subject's past as further inputs: PR-AUC on runs not trained on fell, from 0.30 to 0.25 for
# endpoints and from 0.35 to 0.32 for clients (closeness to a limit: 0.18 and 0.19).
FAILURE_SEES_PAST: Final = False
USUAL_SHARES: Final = (0.05, 0.95)  # of normal training windows lie below; between them is usual
UNMATCHED: Final = "(unmatched)"  # endpoint of calls that no route fits
SCORES: Final = (
    "anomaly_score",
    "is_anomaly",
    "failure_probability",
    "usage_cluster",
    "risk_score",
    "priority",
    "thin",
    "bot_score",
)
_REQ_COUNT: Final = FEATURES.index("req_count")
_SAYS_NOTHING: Final = [  # about UNMATCHED: errors by definition, repeated by whoever strays
    FEATURES.index(name) for name in ("error_rate", "repeat_rate", "status_entropy")
]

Floats = NDArray[np.float64]
Bools = NDArray[np.bool_]


class Inputs(NamedTuple):
    """Inputs of the models, one row a window."""

    now: Floats  # the 8 features
    with_past: Floats  # what the failure model sees


@dataclass(frozen=True)
class SubjectModels:
    """The models of one kind of subject."""

    median: Floats  # of each feature in training, stands for what is not known; shape (8,)
    usual: Floats  # 5th and 95th percentile of each feature in normal training windows, (2, 8)
    anomaly: AnomalyModel
    usage: UsageModel
    failure: FailureModel


@dataclass(frozen=True)
class Bundle:
    """The models of both kinds of subject: `endpoint` and `client`."""

    subjects: Mapping[str, SubjectModels]

    @classmethod
    def fit(
        cls,
        windows: pd.DataFrame,
        *,
        normal: Bools,
        group: NDArray[np.int64],
        end: NDArray[np.int64],
        min_calls: int = MIN_CALLS,
        random_state: int = 0,
    ) -> Bundle:
        """Fit all models.

        Parameters
        ----------
        windows : DataFrame of n_windows rows
            As of `ml.features.window_features`, both subjects, windows that do not overlap.
        normal : ndarray of bool of shape (n_windows,)
            Windows outside of all known misuse and faults: the anomaly score knows only these.
        group : ndarray of shape (n_windows,)
            Run or episode; models are calibrated on groups they were not fitted on.
        end : ndarray of shape (n_windows,)
            Where the data ends that the window is from [epoch ms].
        """
        raw = feature_matrix(windows)
        failing = is_failing(raw) & (raw[:, _REQ_COUNT] >= min_calls)
        timestamp = windows["timestamp"].to_numpy(np.int64)
        soon, known = fails_soon(subject_codes(windows), timestamp, failing, end)
        learnt = known & ~failing
        subjects = {}
        for kind, rows in _rows_by_kind(windows).items():
            thin = raw[:, _REQ_COUNT] < min_calls
            median = np.nanmedian(raw[rows & normal & ~thin], axis=0)
            # Thin windows just after an outage would carry it: normal ones are each other's past.
            ordinary = _inputs(windows[rows & normal], windows.iloc[:0], median, min_calls).now
            inputs = _inputs(windows[rows], windows.iloc[:0], median, min_calls).with_past
            chosen = rows & learnt
            subjects[kind] = SubjectModels(
                median,
                np.quantile(ordinary, USUAL_SHARES, axis=0),
                fitted_anomaly(ordinary, random_state),
                fitted_usage(ordinary, random_state),
                fitted_failure(inputs[learnt[rows]], soon[chosen], group[chosen], random_state),
            )
        return cls(subjects)

    @property
    def elbow(self) -> dict[str, dict[int, float]]:
        """Inertia by number of clusters, for each kind of subject."""
        return {kind: models.usage.elbow for kind, models in self.subjects.items()}

    @staticmethod
    def needs_past(windows: pd.DataFrame, min_calls: int) -> bool:
        """Whether scores of these windows depend on the windows before them."""
        return FAILURE_SEES_PAST or bool((windows["req_count"] < min_calls).any())

    def score(self, windows: pd.DataFrame, past: pd.DataFrame, *, min_calls: int) -> pd.DataFrame:
        """Score windows.

        Parameters
        ----------
        windows : DataFrame of n_windows rows
            As of `ml.features.window_features`, in any order.
        past : DataFrame
            Key and features of windows up to `CONTEXT_WINDOWS` before, none of them in `windows`;
            the rows of `windows` are each other's past, too.
        min_calls : int
            A window with fewer calls is thin: each call it lacks counts as one of its past.

        Returns
        -------
        DataFrame
            `windows` with the columns of `SCORES`, in the same order.
        """
        raw = feature_matrix(windows)
        thin = raw[:, _REQ_COUNT] < min_calls
        past_rows = _rows_by_kind(past)
        anomaly, failure = np.zeros(len(windows)), np.zeros(len(windows))
        cluster = np.full(len(windows), "", object)
        for kind, rows in _rows_by_kind(windows).items():
            if rows.any():
                models = self.subjects[kind]
                own_past = past[past_rows[kind]]
                inputs = _inputs(windows[rows], own_past, models.median, min_calls)
                anomaly[rows] = models.anomaly.score(inputs.now)
                failure[rows] = models.failure.probability(inputs.with_past)
                cluster[rows] = models.usage.cluster(inputs.now)
        failure = np.where(is_failing(raw) & ~thin, 1.0, failure)
        never_high = thin | (windows["client"].to_numpy(object) == OTHER_CLIENTS)
        scores = _scores(anomaly, failure, cluster, thin, never_high, windows.index)
        return windows.assign(**scores, bot_score=np.nan)


def _rows_by_kind(windows: pd.DataFrame) -> dict[str, Bools]:
    subject = windows["subject"].to_numpy(object)
    return {kind: np.asarray(subject == kind, np.bool_) for kind in (ENDPOINT, CLIENT)}


def _inputs(windows: pd.DataFrame, past: pd.DataFrame, median: Floats, min_calls: int) -> Inputs:
    """What the models see of windows of one kind: thin ones filled up, nothing unknown."""
    raw = feature_matrix(windows)
    share = np.minimum(raw[:, [_REQ_COUNT]] / min_calls, 1.0)
    means = past_means(windows, past, (share[:, 0] < 1) | FAILURE_SEES_PAST)
    usual = np.where(np.isnan(means), median, means)
    known = np.where(np.isnan(raw), usual, raw)
    now = np.where(share < 1, share * known + (1 - share) * usual, known)
    unmatched = windows["endpoint"].to_numpy(object) == UNMATCHED
    for column in _SAYS_NOTHING:
        now[unmatched, column] = median[column]
    return Inputs(now, np.hstack([now, usual]) if FAILURE_SEES_PAST else now)


def _scores(
    anomaly: Floats,
    failure: Floats,
    cluster: NDArray[Any],
    thin: Bools,
    never_high: Bools,
    index: pd.Index[Any],
) -> dict[str, pd.Series[Any]]:
    risk = risk_score(anomaly, failure, cluster == BOT)
    risk = np.where(never_high, np.minimum(risk, BELOW_HIGH), risk)
    flag = (anomaly >= THRESHOLD).astype(np.int64)
    values = (anomaly, flag, failure, cluster, risk, priority(risk), thin.astype(np.int64))
    return {
        name: pd.Series(value, index, dtype=value.dtype)
        for name, value in zip(SCORES, values, strict=False)
    }
