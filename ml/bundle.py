"""The models of both subjects as one: windows in, scores out."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace
from typing import Any, Final

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from ml.anomaly import PSEUDO_CALLS, THRESHOLD, AnomalyModel, evidence, fitted_anomaly
from ml.bots import BotModel, learnt_bots
from ml.drift import Reference, reference
from ml.failure import FailureModel, fails_soon, fitted_failure, is_failing
from ml.features import CLIENT, FEATURES, UNMATCHED, is_shared
from ml.inputs import VIEWS, Inputs, Levels, Seen, filled, model_inputs, rows_by_kind, seen_windows
from ml.past import CLIENT_CONTEXT_MS, feature_matrix, subject_codes
from ml.rhythm import RHYTHM
from ml.risk import SPECIFIED, RiskRule, priority, risk_score
from ml.site import Site
from ml.usage import BOT, UsageModel, fitted_usage

WINDOW_MS: Final = 60_000
MIN_CALLS: Final = 5  # a window with fewer calls is thin, unless the setting says otherwise
USUAL_SHARES: Final = (0.05, 0.95)  # of normal training windows lie below; between them is usual
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
Floats = NDArray[np.float64]
Ints = NDArray[np.int64]
Bools = NDArray[np.bool_]


@dataclass(frozen=True)
class SubjectModels:
    """The models of one kind of subject."""

    median: Floats  # of each feature in training, stands for what is not known; shape (8,)
    usual: Floats  # 5th and 95th percentile of each feature in normal training windows, (2, 8)
    reference: Reference  # distribution of each feature in training, for drift
    anomaly: AnomalyModel
    usage: UsageModel
    failure: FailureModel


@dataclass(frozen=True)
class Bundle:
    """The models of both kinds of subject, `endpoint` and `client`, and the one of bots."""

    subjects: Mapping[str, SubjectModels]
    bots: BotModel

    @classmethod
    def fit(
        cls,
        windows: pd.DataFrame,
        *,
        normal: Bools,
        group: Ints,
        end: Ints,
        min_calls: int = MIN_CALLS,
        random_state: int = 0,
    ) -> Bundle:
        """Fit all models.

        Parameters
        ----------
        windows : DataFrame of n_windows rows
            As of `ml.features.window_features`, both subjects, whole minutes; plus `client_kind`
            (normal, heavy, bot or None: not known).
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
        learnt = known & ~failing & (windows["endpoint"] != UNMATCHED).to_numpy()
        anomalies, inputs = _fitted_normal(windows, normal, min_calls, random_state)
        subjects = {}
        for kind, rows in rows_by_kind(windows).items():
            chosen = learnt[rows]
            seen = inputs[kind].forecast[chosen]
            soon_here, group_here = soon[rows][chosen], group[rows][chosen]
            failure = fitted_failure(seen, soon_here, group_here, random_state, VIEWS[kind])
            subjects[kind] = SubjectModels(**anomalies[kind], failure=failure)
        return cls(subjects, learnt_bots(windows.assign(group=group), random_state))

    def adapted(
        self,
        windows: pd.DataFrame,
        *,
        normal: Bools,
        harmless: pd.DataFrame | None = None,
        min_calls: int = MIN_CALLS,
        random_state: int = 0,
    ) -> Bundle:
        """The bundle with what is normal learnt from a site's own windows.

        Failures are rare on one site and look alike on all: that model stays, and so does the one
        of bots, whose kinds nobody labels.

        Parameters
        ----------
        windows : DataFrame of n_windows rows
            Key and features of whole minutes, both subjects.
        normal : ndarray of bool of shape (n_windows,)
            Which of them may be learnt as normal.
        harmless : DataFrame, optional
            Those that people marked as false alarms, rows of `windows` or more of its kind.
        """
        fitted, _ = _fitted_normal(windows, normal, min_calls, random_state)
        subjects = {
            kind: SubjectModels(**fitted[kind], failure=models.failure)
            for kind, models in self.subjects.items()
        }
        adapted = Bundle(subjects, self.bots)
        return adapted if harmless is None else adapted._knowing(harmless, windows, min_calls)

    def _knowing(self, harmless: pd.DataFrame, past: pd.DataFrame, min_calls: int) -> Bundle:
        """The bundle with false alarms remembered as such."""
        marked = pd.MultiIndex.from_frame(harmless[_KEY].astype(str))
        others = past[~pd.MultiIndex.from_frame(past[_KEY].astype(str)).isin(marked)]
        inputs = self._inputs(seen_windows(harmless, others, WINDOW_MS), min_calls)
        subjects = {}
        for kind, models in self.subjects.items():
            known = evidence(inputs[kind].now)
            subjects[kind] = replace(models, anomaly=replace(models.anomaly, harmless=known))
        return replace(self, subjects=subjects)

    @property
    def elbow(self) -> dict[str, dict[int, float]]:
        """Inertia by number of clusters, for each kind of subject."""
        return {kind: models.usage.elbow for kind, models in self.subjects.items()}

    def score(
        self,
        windows: pd.DataFrame,
        past: pd.DataFrame,
        *,
        min_calls: int,
        window_ms: int = WINDOW_MS,
        site: Site | None = None,
        rule: RiskRule = SPECIFIED,
    ) -> pd.DataFrame:
        """Score windows.

        Parameters
        ----------
        windows : DataFrame of n_windows rows
            As of `ml.features.window_features`, in any order; without the measures of `ml.rhythm`
            the bot score is not known.
        past : DataFrame
            Key and features of windows up to `CONTEXT_MS` before (`CLIENT_CONTEXT_MS` of clients),
            none of them in `windows`; the rows of `windows` are each other's past, too.
        min_calls : int
            A window with fewer calls is thin: each call it lacks counts as one of its past.
        window_ms : int
            Length of a window [ms].
        site : Site, optional
            What the site is like, see `score_with_site`; by `windows` themselves unless given.
        rule : RiskRule
            How risk is made of the scores.

        Returns
        -------
        DataFrame
            `windows` with the columns of `SCORES`, in the same order.
        """
        seen = seen_windows(windows, past, window_ms)
        seen = seen if site is None else seen._replace(site=site)
        return self._scored(windows, seen, min_calls, rule)

    def score_with_site(
        self,
        windows: pd.DataFrame,
        past: pd.DataFrame,
        *,
        min_calls: int,
        window_ms: int = WINDOW_MS,
        rule: RiskRule = SPECIFIED,
    ) -> tuple[pd.DataFrame, Site]:
        """As `score`; and what the site is like, for what is scored as if it was there, too."""
        seen = seen_windows(windows, past, window_ms)
        return self._scored(windows, seen, min_calls, rule), seen.site

    def _scored(
        self, windows: pd.DataFrame, seen: Seen, min_calls: int, rule: RiskRule
    ) -> pd.DataFrame:
        raw = feature_matrix(windows)
        thin = raw[:, _REQ_COUNT] < min_calls
        anomaly, failure = np.zeros(len(windows)), np.zeros(len(windows))
        cluster = np.full(len(windows), "", object)
        inputs = self._inputs(seen, min_calls)
        for kind, rows in rows_by_kind(windows).items():
            if rows.any():
                models, of = self.subjects[kind], inputs[kind]
                anomaly[rows] = models.anomaly.score(of.now, of.usual)
                failure[rows] = models.failure.probability(of.forecast)
                cluster[rows] = models.usage.cluster(of.use, of.site_log_calls)
        failure = np.where(is_failing(raw) & ~thin, 1.0, failure)
        never_high = thin | is_shared(windows)
        scores = _scores(anomaly, failure, cluster, thin, never_high, rule)
        scores["bot_score"] = self._bot_scores(windows)
        return windows.assign(**{name: pd.Series(scores[name], windows.index) for name in SCORES})

    def _inputs(self, seen: Seen, min_calls: int) -> dict[str, Inputs]:
        levels = {
            kind: Levels(models.median, models.anomaly.centre, models.usage.typical_calls)
            for kind, models in self.subjects.items()
        }
        return model_inputs(seen, levels, min_calls)

    def _bot_scores(self, windows: pd.DataFrame) -> Floats:
        score = np.full(len(windows), np.nan)
        if set(RHYTHM) <= set(windows.columns):
            clients = rows_by_kind(windows)[CLIENT]
            score[clients] = self.bots.score(windows[clients])
        return score


_KEY: Final = ["timestamp", "subject", "endpoint", "method", "client"]


def _fitted_normal(
    windows: pd.DataFrame, normal: Bools, min_calls: int, random_state: int
) -> tuple[dict[str, dict[str, Any]], dict[str, Inputs]]:
    """What is learnt from normal windows, and the inputs of all models for all windows."""
    raw = feature_matrix(windows)
    thin = raw[:, _REQ_COUNT] < min_calls
    rows_of = rows_by_kind(windows)
    medians = {
        kind: np.nan_to_num(np.nanmedian(raw[rows & normal & ~thin], axis=0))
        for kind, rows in rows_of.items()
    }
    seen = seen_windows(windows, windows.iloc[:0], WINDOW_MS)
    levels = {
        kind: Levels(median, np.full(len(FEATURES), np.nan), _typical_calls(seen.use[kind]))
        for kind, median in medians.items()
    }
    inputs = model_inputs(seen, levels, min_calls)
    fitted: dict[str, dict[str, Any]] = {}
    learnt = normal & _warm(windows["timestamp"].to_numpy(np.int64))
    for kind, rows in rows_of.items():
        ordinary = learnt[rows]
        chosen = Inputs(*(values[ordinary] for values in inputs[kind]))
        centre = _centre(chosen.usual, medians[kind])
        usual = filled(chosen.usual, centre)
        typical = levels[kind].typical_calls
        fitted[kind] = {
            "median": medians[kind],
            "usual": np.quantile(chosen.now, USUAL_SHARES, axis=0),
            "reference": reference(raw[rows & normal & ~thin]),
            "anomaly": fitted_anomaly(chosen.now, usual, centre, random_state, PSEUDO_CALLS[kind]),
            "usage": fitted_usage(chosen.use, chosen.site_log_calls, typical, random_state),
        }
    return fitted, inputs


def _warm(timestamp: Ints) -> Bools:
    """Windows with a past: where data begins all callers look new, which they are not."""
    warm = np.isin(timestamp - CLIENT_CONTEXT_MS, timestamp)
    return warm if 2 * warm.sum() > len(warm) else np.ones(len(warm), np.bool_)


def _typical_calls(use: Floats) -> float:
    return float(np.log1p(use[:, 0]).mean())


def _centre(usual: Floats, median: Floats) -> Floats:
    """What the subjects of the training usually are like."""
    return filled(np.nanmedian(np.vstack([usual, median]), axis=0), median)


def _scores(
    anomaly: Floats,
    failure: Floats,
    cluster: NDArray[Any],
    thin: Bools,
    never_high: Bools,
    rule: RiskRule,
) -> dict[str, NDArray[Any]]:
    risk = risk_score(anomaly, failure, cluster == BOT, rule)
    risk = np.where(never_high, np.minimum(risk, rule.below_high), risk)
    return {
        "anomaly_score": anomaly,
        "is_anomaly": (anomaly >= THRESHOLD).astype(np.int64),
        "failure_probability": failure,
        "usage_cluster": cluster,
        "risk_score": risk,
        "priority": priority(risk, rule),
        "thin": thin.astype(np.int64),
    }
