"""Whether the bot score tells real programs from real people, session by session.

The models may have been trained on the very sessions that are here. So the model of bots is fitted
again without a fifth of the sessions, and that fifth is scored; no session is on two sides.
"""

from __future__ import annotations

from pathlib import Path
from typing import Any, Final

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from datasets.combined import session_windows
from datasets.evaluation.plan import refuse_shared
from datasets.reference.files import Absent
from ml.bots import learnt_bots
from ml.bundle import Bundle
from ml.metrics import DRAWS, roc_auc, with_intervals
from ml.rhythm import RHYTHM
from ml.usage import BOT

FOLDS: Final = 5
RULES: Final = ("req_count", "error_rate")

Bools = NDArray[np.bool_]
Floats = NDArray[np.float64]
Ints = NDArray[np.int64]


def web_bots_figures(
    bundle: Bundle, folder: Path, simulated: pd.DataFrame, draws: int = DRAWS
) -> dict[str, Any]:
    """The part `web_bots` of the evaluation; without the user's copy `roc_auc` is None.

    Parameters
    ----------
    folder : Path
        `web_bots` in the folder of reference data.
    simulated : DataFrame
        Client windows of the training whose kind is known, with `group`.
    """
    try:
        windows = session_windows(folder)
    except Absent as absent:
        return {"roc_auc": None, "reason": str(absent), "interval": {"roc_auc": None}}
    held_back = _by_session(windows, out_of_fold(windows, simulated))
    label, score = held_back["is_bot"].to_numpy(bool), held_back["score"].to_numpy()
    found = with_intervals(
        held_back.index.to_numpy(),
        {"roc_auc": lambda weight: roc_auc(label, score, weight)},
        draws=draws,
    )
    return found | {
        "sessions": len(held_back),
        "bots": int(label.sum()),
        "windows": len(windows),
        "folds": FOLDS,
        "roc_auc_of_current_models": _auc(windows, bundle.bots.score(windows)),
        "roc_auc_without_real_sessions": _auc(windows, learnt_bots(simulated, 0).score(windows)),
        "baselines": {
            name: {"roc_auc": _auc(windows, windows[name].to_numpy(float))} for name in RULES
        },
    }


def out_of_fold(windows: pd.DataFrame, simulated: pd.DataFrame, random_state: int = 0) -> Floats:
    """Bot score of each window by a model that has not seen its session.

    Raises
    ------
    LeakError
        A session stands on both sides.
    """
    fold = session_folds(windows["client"], random_state)
    score = np.full(len(windows), np.nan)
    for number in range(FOLDS):
        held, learnt = windows[fold == number], windows[fold != number]
        refuse_shared("sessions", learnt["client"], held["client"])
        model = learnt_bots(pd.concat([simulated, learnt], ignore_index=True), random_state)
        score[fold == number] = model.score(held)
    return score


def session_folds(session: pd.Series, random_state: int = 0) -> Ints:
    """Fold of each window: all windows of a session have the same."""
    number, names = pd.factorize(session)
    return (np.random.default_rng(random_state).permutation(len(names)) % FOLDS)[number]


def known_clients(windows: pd.DataFrame) -> pd.DataFrame:
    """Client windows that a model of bots can learn from."""
    known = windows["client_kind"].notna() & windows[RHYTHM[0]].notna()
    return windows[known].reset_index(drop=True)


def _by_session(windows: pd.DataFrame, score: Floats) -> pd.DataFrame:
    rows = windows.assign(score=score, is_bot=windows["client_kind"] == BOT).groupby("client")
    return rows.agg(score=("score", "mean"), is_bot=("is_bot", "first"))


def _auc(windows: pd.DataFrame, score: Floats) -> float | None:
    found = _by_session(windows, score)
    return roc_auc(found["is_bot"].to_numpy(bool), found["score"].to_numpy())
