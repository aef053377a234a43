"""Windows as they might have been: scored beside the same past as the windows that were."""

from __future__ import annotations

from typing import Any, Final, NamedTuple

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from ml.bundle import Bundle
from ml.features import CLIENT, FEATURES, KEY
from ml.past import CLIENT_CONTEXT_MS, CONTEXT_MS, subject_codes

_COLUMNS: Final = [*KEY, *FEATURES]

Floats = NDArray[np.float64]
Ints = NDArray[np.int64]


class OwnPast(NamedTuple):
    """Which windows lie before which: pairs, shape (n_pairs,) each."""

    owner: Ints  # number of the later window, ascending
    row: Ints  # number of the earlier one


def own_past(windows: pd.DataFrame, every: pd.DataFrame) -> OwnPast:
    """Rows of `every` that are the recent past of each of `windows`.

    Parameters
    ----------
    windows, every : DataFrame
        Key of windows of both subjects; `every` holds `windows`, too, or does not.
    """
    both = pd.concat([windows[[*KEY]], every[[*KEY]]], ignore_index=True)
    elapsed = both["timestamp"].to_numpy(np.int64) - both["timestamp"].min()
    width = int(elapsed.max(initial=0)) + CONTEXT_MS + 1  # subjects lie further apart than a past
    instant = subject_codes(both) * width + elapsed
    now, then = instant[: len(windows)], instant[len(windows) :]
    order = np.argsort(then, kind="stable")
    reach = np.where(windows["subject"] == CLIENT, CLIENT_CONTEXT_MS, CONTEXT_MS)
    first, end = (np.searchsorted(then[order], edge) for edge in (now - reach, now))
    count = end - first
    owner = np.repeat(np.arange(len(windows)), count)
    place = np.arange(len(owner)) - np.repeat(np.cumsum(count) - count, count)
    return OwnPast(owner, order[first[owner] + place])


def scored_variants(
    bundle: Bundle,
    windows: pd.DataFrame,
    owner: Ints,
    features: Floats,
    every: pd.DataFrame,
    past: OwnPast,
    **options: Any,
) -> pd.DataFrame:
    """Scores of windows with other features than they had, in one batch.

    Parameters
    ----------
    windows : DataFrame
        Key of the windows as they were.
    owner : ndarray of shape (n_variants,)
        Number of the window that each variant is of.
    features : ndarray of shape (n_variants, 8)
        What it would have been; NaN where not known.
    every, past : DataFrame, OwnPast
        Windows and which of them lie before `windows`, see `own_past`.
    options
        Of `Bundle.score`, as the windows were scored with; with the `site` they were seen in.

    Returns
    -------
    DataFrame of n_variants rows
        As of `Bundle.score`.
    """
    wanted = np.zeros(len(windows), np.bool_)
    wanted[owner] = True
    kept = wanted[past.owner]
    before = _renamed(every[_COLUMNS].iloc[past.row[kept]], past.owner[kept])
    changed = _renamed(windows[[*KEY]].iloc[owner], owner)
    changed = changed.assign(**dict(zip(FEATURES, features.T, strict=True)))
    return bundle.score(changed, before, **options)


def _renamed(windows: pd.DataFrame, owner: Ints) -> pd.DataFrame:
    """With a subject for each owner: variants of one window are no past of another's.

    The method takes the number, since endpoint and client have names with a meaning to the models.
    """
    method = windows["method"].to_numpy(object)
    names: list[Any] = [f"{name} {number}" for name, number in zip(method, owner, strict=True)]
    return windows.assign(method=pd.Series(names, windows.index, object)).reset_index(drop=True)
