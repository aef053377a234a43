"""Bot score: how much a client's calls look like those of a program that is none of ours.

The usage clusters know how much and how uniformly a client calls. What gives away a program that
behaves like a person is the rhythm: pauses, bursts, sizes. A forest learns it from clients whose
kind is known.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, Final

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from ml.forest import LeafMeans, class_shares
from ml.rhythm import RHYTHM
from ml.usage import BOT

TREES: Final = 200
SMALLEST_LEAF: Final = 5
WINDOWS_A_TREE: Final = 8_000
MOST_WINDOWS: Final = 6  # of a client; more of the same teach nothing and drown short sessions
SEEN: Final = (*RHYTHM, "req_count", "payload_mean", "unique_endpoints", "repeat_rate")

Floats = NDArray[np.float64]


@dataclass(frozen=True)
class BotModel:
    """A fitted forest; without clients of both kinds to learn from it says 0."""

    forest: Any
    shares: LeafMeans | None

    def score(self, windows: pd.DataFrame) -> Floats:
        """Bot score of client windows, 0..1, the higher the more like a program."""
        if self.shares is None or not len(windows):
            return np.zeros(len(windows))
        scores: Floats = self.shares.mean(_inputs(windows))
        return scores


def learnt_bots(windows: pd.DataFrame, random_state: int) -> BotModel:
    """Fit on the client windows whose kind and rhythm are known.

    Parameters
    ----------
    windows : DataFrame
        As of `window_features`, plus `group` (run), `client_kind` (None: not known) and, where
        given, `weight` (how much a client counts, 1 by default). A client counts the same however
        many windows it has, and at most `MOST_WINDOWS` of them are looked at.
    """
    known = windows[windows["client_kind"].notna() & windows[RHYTHM[0]].notna()]
    order = np.random.default_rng(random_state).permutation(len(known))
    drawn = known.iloc[order].groupby(["group", "client"], sort=False).head(MOST_WINDOWS)
    size = drawn.groupby(["group", "client"])["client"].transform("size").to_numpy(np.float64)
    counts = (
        drawn["weight"].fillna(1.0).to_numpy(np.float64)
        if "weight" in drawn
        else np.ones(len(drawn))
    )
    weight = counts / size
    bot = (drawn["client_kind"] == BOT).to_numpy(np.bool_)
    return fitted_bots(drawn, bot, weight * len(weight) / weight.sum(), random_state)


def fitted_bots(
    windows: pd.DataFrame, bot: NDArray[np.bool_], weight: Floats, random_state: int
) -> BotModel:
    """Fit on client windows.

    Parameters
    ----------
    windows : DataFrame of n_windows rows
        With the measures of `RHYTHM` and the features.
    bot : ndarray of bool of shape (n_windows,)
        Whether the client is a program.
    weight : ndarray of shape (n_windows,)
        So that a long session counts no more than a short one.
    """
    from sklearn.ensemble import RandomForestClassifier

    if bot.all() or not bot.any():
        return BotModel(None, None)
    forest = RandomForestClassifier(
        n_estimators=TREES,
        min_samples_leaf=SMALLEST_LEAF,
        max_samples=min(WINDOWS_A_TREE, len(bot)),
        n_jobs=-1,
        random_state=random_state,
    ).fit(_inputs(windows), bot, sample_weight=weight)
    return BotModel(forest, class_shares(forest.estimators_))


def _inputs(windows: pd.DataFrame) -> NDArray[np.float32]:
    measures: NDArray[np.float32] = windows[list(SEEN)].to_numpy(np.float32)
    return np.nan_to_num(measures)
