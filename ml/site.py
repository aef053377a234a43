"""What a site is like in a minute: how much its subjects call, how its endpoints usually answer.

A client is heavy beside the other clients, and slow answers are the server's doing; so a client is
compared with its site, and the same models serve a quiet site and a busy one.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Final, NamedTuple

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from ml.features import FEATURES

OF_THE_SERVER: Final = [
    FEATURES.index(name) for name in ("avg_response_time", "max_response_time", "payload_mean")
]
PSEUDO_SUBJECTS: Final = 3.0  # as busy as those of the training: a lone subject is no measure

Floats = NDArray[np.float64]
Ints = NDArray[np.int64]


class Site(NamedTuple):
    """Levels of each minute, in the order of `starts`."""

    starts: Ints  # of the windows, ascending [epoch ms]
    server: Floats  # usual times and sizes, NaN where not known; shape (n_starts, 3)
    log_calls: Mapping[str, Floats]  # for each kind of subject: sum over its subjects
    subjects: Mapping[str, Floats]  # how many these are

    def server_at(self, start: Ints) -> Floats:
        """Usual times and sizes at the given starts; NaN where not known."""
        place, known = self._places(start)
        return np.where(known[:, None], self.server[place], np.nan)

    def log_calls_at(self, kind: str, start: Ints, typical: float) -> Floats:
        """Mean logarithm of calls of the subjects of a kind, drawn to `typical` where few call."""
        place, known = self._places(start)
        total = np.where(known, self.log_calls[kind][place], 0.0)
        number = np.where(known, self.subjects[kind][place], 0.0)
        return np.asarray((total + PSEUDO_SUBJECTS * typical) / (number + PSEUDO_SUBJECTS))

    def _places(self, start: Ints) -> tuple[NDArray[np.intp], NDArray[np.bool_]]:
        place = np.minimum(np.searchsorted(self.starts, start), len(self.starts) - 1)
        return place, self.starts[place] == start


def site_levels(
    windows: Mapping[str, pd.DataFrame], usual: Floats, calls: Mapping[str, Floats]
) -> Site:
    """Levels of a site in each minute.

    Parameters
    ----------
    windows : mapping of str to DataFrame
        Windows of each kind of subject.
    usual : ndarray of shape (n_endpoint_windows, 8)
        What is usual for each endpoint, NaN where not known.
    calls : mapping of str to ndarray of shape (n_windows,)
        Calls a minute of each subject.
    """
    at = {kind: of["timestamp"].to_numpy(np.int64) for kind, of in windows.items()}
    starts = np.unique(np.concatenate(list(at.values())))
    place = {kind: np.searchsorted(starts, times) for kind, times in at.items()}
    count = len(starts)
    logs = {
        kind: np.asarray(np.bincount(place[kind], np.log1p(calls[kind]), count), np.float64)
        for kind in windows
    }
    subjects = {
        kind: np.asarray(np.bincount(place[kind], minlength=count), np.float64) for kind in windows
    }
    return Site(starts, _server_levels(place["endpoint"], usual, calls, count), logs, subjects)


def _server_levels(
    place: NDArray[np.intp], usual: Floats, calls: Mapping[str, Floats], count: int
) -> Floats:
    """Mean over endpoints of the logarithm of their usual levels, weighted by calls."""
    levels = np.full((count, len(OF_THE_SERVER)), np.nan)
    for number, column in enumerate(OF_THE_SERVER):
        known = ~np.isnan(usual[:, column])
        weight = calls["endpoint"][known]
        total = np.bincount(place[known], np.log1p(usual[known, column]) * weight, count)
        weights = np.bincount(place[known], weight, count)
        with np.errstate(invalid="ignore"):  # 0 / 0: nothing known, NaN
            levels[:, number] = np.expm1(total / weights)
    return levels
