"""What the forecast rests on: the ranking that is lost when a part of its inputs is shuffled.

Importances that a forest counts while it is fitted favour inputs with many values and are of the
training; these are of faults that no model has seen.
"""

from __future__ import annotations

from typing import Any, Final

import numpy as np
from numpy.typing import NDArray

from datasets.evaluation.forecast import Truth
from ml.bundle import MIN_CALLS, WINDOW_MS, Bundle
from ml.features import ENDPOINT, FEATURES
from ml.history import INPUTS
from ml.inputs import Levels, model_inputs, seen_windows
from ml.metrics import average_precision

EVERY: Final = 4  # one run of so many is looked at, which says enough
SHUFFLES: Final = 5
_PARTS: Final = {  # part -> how the names of its inputs begin; "closeness" is of times and errors
    "response times": ("time_", "slowest_", "usual_time", "avg_", "max_", "closeness"),
    "errors": ("error_", "usual_error", "failed_", "status_entropy", "closeness"),
    "number of calls": ("calls", "req_count", "past_windows"),
    "answer sizes": ("payload_mean",),
    "repetition": ("repeat_rate", "unique_endpoints"),
}

Floats = NDArray[np.float64]


def columns_of(part: str) -> list[int]:
    """Columns of the forecast's inputs that belong to a part."""
    names = (*INPUTS, *FEATURES)
    return [column for column, name in enumerate(names) if name.startswith(_PARTS[part])]


def importance_figures(bundle: Bundle, truth: Truth, random_state: int = 1) -> dict[str, Any]:
    """PR-AUC with all inputs, and how much of it goes with each part of them.

    Parameters
    ----------
    truth : Truth
        Runs of the test; every fourth is looked at.

    Returns
    -------
    dict
        `pr_auc`, `windows`, `shuffles` and `parts`: part -> `lost` (mean over the shuffles) and
        the `least` and `most` of them.
    """
    looked_at = truth.run % EVERY == 0
    seen = _forecast_inputs(bundle, truth)[looked_at & truth.asked]
    soon = truth.soon[looked_at & truth.asked]
    model = bundle.subjects[ENDPOINT].failure
    whole = average_precision(soon, model.probability(seen))
    rng = np.random.default_rng(random_state)
    parts = {}
    for part in _PARTS:
        lost = []
        for _ in range(SHUFFLES):
            left = average_precision(soon, model.probability(_shuffled(seen, part, rng)))
            lost.append(np.nan if whole is None or left is None else whole - left)
        parts[part] = {"lost": np.mean(lost), "least": np.min(lost), "most": np.max(lost)}
    return {"pr_auc": whole, "windows": len(soon), "shuffles": SHUFFLES, "parts": parts}


def _forecast_inputs(bundle: Bundle, truth: Truth) -> Floats:
    """What the failure model of endpoints sees of each window."""
    levels = {
        kind: Levels(models.median, models.anomaly.centre, models.usage.typical_calls)
        for kind, models in bundle.subjects.items()
    }
    seen = seen_windows(truth.windows, truth.windows.iloc[:0], WINDOW_MS)
    return model_inputs(seen, levels, MIN_CALLS)[ENDPOINT].forecast


def _shuffled(inputs: Floats, part: str, rng: np.random.Generator) -> Floats:
    """The inputs of a part as they are in other windows, those of one window together."""
    columns = columns_of(part)
    shuffled = inputs.copy()
    shuffled[:, columns] = inputs[rng.permutation(len(inputs))][:, columns]
    return shuffled
