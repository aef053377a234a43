"""Failure probability: P(the subject fails now or within the next 5 minutes)."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, Final, NamedTuple

import numpy as np
from numpy.typing import NDArray

from ml.features import FEATURES
from ml.forest import LeafMeans, class_shares

MAX_ERROR_RATE: Final = 0.3
MAX_AVG_RESPONSE_MS: Final = 800.0
HORIZON_MS: Final = 5 * 60_000
TREES: Final = 300
DEPTH: Final = 15
SMALLEST_LEAF: Final = 20  # windows; with 1 the forest learns single runs by heart
WINDOWS_A_TREE: Final = 8_000  # as good as all of them, in a third of the time
FOLDS: Final = 3
FOLD_TREES: Final = 60  # votes for the calibration need fewer trees
SMALLEST_VOTE: Final = 1e-3  # fewer votes of 300 trees are none
NEVER_CERTAIN: Final = 0.99  # the highest probability of a failure that has not begun

Floats = NDArray[np.float64]
Ints = NDArray[np.int64]


def is_failing(features: Floats) -> NDArray[np.bool_]:
    """Which windows of shape (n_windows, 8) fail; one without times is judged by its errors."""
    slow = features[:, FEATURES.index("avg_response_time")] > MAX_AVG_RESPONSE_MS
    broken = features[:, FEATURES.index("error_rate")] > MAX_ERROR_RATE
    return np.asarray(slow | broken)


def fails_soon(
    subject: Ints, timestamp: Ints, failing: NDArray[np.bool_], end: Ints, window_ms: int = 60_000
) -> tuple[NDArray[np.bool_], NDArray[np.bool_]]:
    """Whether each subject fails in one of the windows of the 5 minutes after a window.

    Parameters
    ----------
    subject : ndarray of shape (n_windows,)
        Number of the subject.
    timestamp : ndarray of shape (n_windows,)
        Start of the window [epoch ms].
    failing : ndarray of bool of shape (n_windows,)
        Whether the window fails.
    end : ndarray of shape (n_windows,)
        Where the data ends that the window is from [epoch ms].

    Returns
    -------
    (ndarray of bool, ndarray of bool)
        The label, and whether it is known: not when no failure was seen and the data ends before
        the 5 minutes do.
    """
    elapsed = timestamp - timestamp.min()
    instant = subject * (int(elapsed.max()) + HORIZON_MS + window_ms + 1) + elapsed
    failures = np.append(np.sort(instant[failing]), np.iinfo(np.int64).max)
    following = failures[np.searchsorted(failures, instant + window_ms)]
    soon = following <= instant + HORIZON_MS
    seen = timestamp + window_ms + HORIZON_MS <= end
    return soon, soon | seen


@dataclass(frozen=True)
class Calibration:
    """Smooth map from votes to probabilities, always rising: equal votes alone give equal answers.

    References
    ----------
    M. Kull, T. Silva Filho, P. Flach, Beta calibration, AISTATS 2017.
    """

    low: float  # weight of log(vote)
    high: float  # weight of -log(1 - vote)
    bias: float

    def probability(self, votes: Floats) -> Floats:
        """Probability for each vote, at most `NEVER_CERTAIN`."""
        low, high = _log_odds_parts(votes)
        odds = np.exp(-(self.low * low + self.high * high + self.bias))
        return np.asarray(np.minimum(1.0 / (1.0 + odds), NEVER_CERTAIN))


class View(NamedTuple):
    """A forest and the inputs it looks at."""

    columns: slice
    forest: Any
    shares: LeafMeans  # of the forest


@dataclass(frozen=True)
class FailureModel:
    """Fitted forests, each with a view of its own, and the map from their votes to probabilities.

    What looks at the past knows the faults it has learnt from well, what looks at the window alone
    takes new ones better; together they rank unseen faults better than either.
    """

    views: tuple[View, ...]  # none: no failure was seen in training, or nothing else
    calibration: Calibration

    def probability(self, inputs: Floats) -> Floats:
        """Calibrated probability for windows of shape (n_windows, n_inputs), without NaN."""
        votes = [view.shares.mean(inputs[:, view.columns]) for view in self.views]
        return self.calibration.probability(_together(votes, len(inputs)))


def _together(votes: list[Floats], rows: int) -> Floats:
    """Mean of votes by their log odds; 0.5 without any."""
    clipped = [np.clip(vote, SMALLEST_VOTE, 1.0 - SMALLEST_VOTE) for vote in votes]
    odds = sum((np.log(vote / (1.0 - vote)) for vote in clipped), np.zeros(rows))
    return np.asarray(1.0 / (1.0 + np.exp(-odds / max(len(votes), 1))))


def fitted_failure(
    inputs: Floats,
    soon: NDArray[np.bool_],
    group: Ints,
    random_state: int,
    views: Sequence[slice] = (slice(None),),
) -> FailureModel:
    """Fit on windows that do not fail yet; calibrate on groups held back.

    Parameters
    ----------
    inputs : ndarray of shape (n_windows, n_inputs)
        Without NaN.
    soon : ndarray of bool of shape (n_windows,)
        The label, see `fails_soon`.
    group : ndarray of shape (n_windows,)
        Runs or episodes: windows of one group never are on both sides of a split.
    views : sequence of slice
        Columns of `inputs` that each forest looks at.
    """
    if soon.all() or not soon.any():
        share = (soon.sum() + 1) / (len(soon) + 2)  # Laplace's rule of succession
        return FailureModel((), Calibration(0.0, 0.0, float(np.log(share / (1 - share)))))
    single = inputs.astype(np.float32)
    votes = [_held_back_votes(single[:, view], soon, group, random_state) for view in views]
    forests = [_forest(single[:, view], soon, TREES, random_state) for view in views]
    return FailureModel(
        tuple(
            View(view, forest, class_shares(forest.estimators_))
            for view, forest in zip(views, forests, strict=True)
        ),
        _calibration(_together(votes, len(soon)), soon),
    )


def _forest(
    inputs: NDArray[np.float32], soon: NDArray[np.bool_], trees: int, random_state: int
) -> Any:
    from sklearn.ensemble import RandomForestClassifier

    return RandomForestClassifier(
        n_estimators=trees,
        max_depth=DEPTH,
        class_weight="balanced",
        min_samples_leaf=SMALLEST_LEAF,
        max_samples=min(WINDOWS_A_TREE, len(inputs)),
        n_jobs=-1,
        random_state=random_state,
    ).fit(inputs, soon)


def _held_back_votes(
    inputs: NDArray[np.float32], soon: NDArray[np.bool_], group: Ints, random_state: int
) -> Floats:
    """Votes on each window by a forest that has not seen its group."""
    groups, number_of_group = np.unique(group, return_inverse=True)
    fold = (np.random.default_rng(random_state).permutation(len(groups)) % FOLDS)[number_of_group]
    votes = np.full(len(soon), np.nan)
    for number in range(FOLDS):
        held, others = fold == number, fold != number
        if held.any() and len(np.unique(soon[others])) == 2:
            forest = _forest(inputs[others], soon[others], FOLD_TREES, random_state)
            votes[held] = forest.predict_proba(inputs[held])[:, 1]
    return votes


def _log_odds_parts(votes: Floats) -> tuple[Floats, Floats]:
    clipped = np.clip(votes, SMALLEST_VOTE, 1.0 - SMALLEST_VOTE)
    return np.log(clipped), -np.log1p(-clipped)


def _calibration(votes: Floats, soon: NDArray[np.bool_]) -> Calibration:
    """Fit the map on votes about groups that were held back."""
    from sklearn.linear_model import LogisticRegression

    known = ~np.isnan(votes)
    if not known.any() or len(np.unique(soon[known])) < 2:  # one group alone: nothing to hold back
        share = (soon.sum() + 1) / (len(soon) + 2)
        return Calibration(1.0, 1.0, float(np.log(share / (1 - share))))  # 0.5 gives the base rate
    parts = np.column_stack(_log_odds_parts(votes[known]))
    used = [0, 1]
    while True:  # a falling part would turn the order round: the other does it alone
        fit = LogisticRegression(C=np.inf).fit(parts[:, used], soon[known])
        weight = dict(zip(used, fit.coef_[0].tolist(), strict=True))
        if min(weight.values()) >= 0 or len(used) == 1:
            break
        used = [max(weight, key=weight.__getitem__)]
    low, high = (max(0.0, weight.get(part, 0.0)) for part in (0, 1))
    return Calibration(low, high, float(fit.intercept_[0]))
