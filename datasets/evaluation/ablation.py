"""Which input of the failure model wins: the window alone, the windows before, its own past."""

from __future__ import annotations

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from datasets.evaluation.failure import Sides
from datasets.evaluation.forecast import Truth
from ml.bundle import WINDOW_MS
from ml.failure import FailureModel, fitted_failure
from ml.features import ENDPOINT
from ml.history import histories
from ml.inputs import VIEWS
from ml.past import feature_matrix

NOW = "the 8 features of the window alone"
BEFORE = "with the two windows before"
PAST = "with the subject's own past hour"
BOTH = "both, a forest each (as shipped)"

Floats = NDArray[np.float64]


def inputs(name: str, truth: Truth) -> Floats:
    """What a model sees of each window, without NaN: shape (n_windows, n_inputs)."""
    now = np.nan_to_num(feature_matrix(truth.windows))
    if name in (PAST, BOTH):
        past = histories(truth.windows, truth.windows.iloc[:0], WINDOW_MS).inputs
        return past if name == PAST else np.hstack([past, now])
    return now if name == NOW else np.hstack([now, *_windows_before(now, truth)])


def forecasts(learnt: Truth, truth: Sides, random_state: int = 1) -> dict[str, Sides]:
    """Failure probabilities of models of the same kind that see more or less.

    Parameters
    ----------
    learnt : Truth
        Runs that models are trained on.
    truth : Sides of Truth
    """
    return {
        name: Sides(*(model.probability(inputs(name, side)) for side in truth))
        for name, model in ((n, fitted(n, learnt, random_state)) for n in (NOW, BEFORE, PAST, BOTH))
    }


def fitted(
    name: str, learnt: Truth, random_state: int, soon: NDArray[np.bool_] | None = None
) -> FailureModel:
    """A model of one kind of input; `soon` stands in for the label where given."""
    label = learnt.soon if soon is None else soon
    asked = learnt.asked
    views = VIEWS[ENDPOINT] if name == BOTH else (slice(None),)
    seen = inputs(name, learnt)[asked]
    return fitted_failure(seen, label[asked], learnt.run[asked], random_state, views)


def _windows_before(now: Floats, truth: Truth) -> list[Floats]:
    """The features one and two minutes before; those of the window itself where there is none."""
    place = pd.Series(np.arange(len(now)), [truth.subject, truth.minute])
    found = []
    for back in (1, 2):
        wanted = pd.MultiIndex.from_arrays([truth.subject, truth.minute - back])
        rows = place.reindex(wanted).to_numpy()
        here = np.isnan(rows)
        rows = np.where(here, np.arange(len(now)), np.nan_to_num(rows)).astype(np.int64)
        found.append(now[rows])
    return found
