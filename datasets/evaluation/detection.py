"""How soon real faults are noticed whose onset is a step: PetShop and Sock Shop.

Both are metrics of real deployments, not calls. There is nothing to be seen ahead; what counts is
the time from the onset to the first alarm, and alarms before it.
"""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any, Final

import numpy as np
import pandas as pd

from datasets.reference import petshop, sockshop
from datasets.reference.files import Absent
from ml.bundle import MIN_CALLS, WINDOW_MS, Bundle
from ml.features import ENDPOINT, FEATURES
from ml.metrics import DRAWS, median, share_over, with_intervals

PETSHOP_WINDOW_MS: Final = petshop.MINUTES_A_ROW * WINDOW_MS
_PAST_ROWS: Final = 48  # four hours without an issue are put before each issue of PetShop
_EPISODE_MS: Final = 86_400_000 * 10  # each stitched episode gets days of its own


def petshop_figures(
    bundle: Bundle, folder: Path, threshold: float, draws: int = DRAWS
) -> dict[str, Any]:
    """Time to detect in PetShop, minutes; `windows` is None without the user's copy."""
    return _if_there(
        lambda: _figures(
            bundle, _stitched(petshop.load(folder)), PETSHOP_WINDOW_MS, threshold, draws
        )
    )


def sockshop_figures(
    bundle: Bundle, folder: Path, threshold: float, draws: int = DRAWS
) -> dict[str, Any]:
    """Time to detect in Sock Shop, minutes; a run is detected when one of its services is."""
    return _if_there(
        lambda: _figures(
            bundle,
            sockshop.load(folder).assign(
                episode=lambda rows: rows["fault"] + " " + rows["run"].astype(str)
            ),
            WINDOW_MS,
            threshold,
            draws,
        )
    )


def _if_there(figures: Callable[[], dict[str, Any]]) -> dict[str, Any]:
    try:
        return figures()
    except Absent as absent:
        return {"windows": None, "reason": str(absent)}


def _stitched(rows: pd.DataFrame) -> pd.DataFrame:
    """Each issue with time without issues of its scenario right before it, where there is any."""
    calm = rows[rows["episode"] == "noissue"]
    issues = rows[rows["episode"] != "noissue"]
    parts = []
    for number, ((scenario, episode), issue) in enumerate(issues.groupby(["scenario", "episode"])):
        before = calm[calm["scenario"] == scenario].tail(_PAST_ROWS)
        start = number * _EPISODE_MS
        stitched = pd.concat([before, issue])
        stitched["timestamp"] = start + np.arange(len(stitched)) * PETSHOP_WINDOW_MS
        parts.append(stitched.assign(episode=f"{scenario} {episode}"))
    return pd.concat(parts, ignore_index=True)


def _figures(
    bundle: Bundle, windows: pd.DataFrame, window_ms: int, threshold: float, draws: int
) -> dict[str, Any]:
    scored = bundle.score(
        _filled(bundle, windows), windows.iloc[:0], min_calls=MIN_CALLS, window_ms=window_ms
    )
    alarms = {
        "medium": (scored["priority"] != "LOW").to_numpy(),
        "failure_warning": (scored["failure_probability"] >= threshold).to_numpy(),
        "anomaly": (scored["is_anomaly"] == 1).to_numpy(),
    }
    return {
        "windows": len(windows),
        "episodes": int(windows["episode"].nunique()),
        "window_minutes": window_ms // 60_000,
        **{name: _detection(windows, alarm, window_ms, draws) for name, alarm in alarms.items()},
    }


def _filled(bundle: Bundle, windows: pd.DataFrame) -> pd.DataFrame:
    """What is not known is taken as typical."""
    typical = dict(zip(FEATURES, bundle.subjects[ENDPOINT].median.tolist(), strict=True))
    return windows.astype(dict.fromkeys(FEATURES, float)).fillna(typical)


def _detection(
    windows: pd.DataFrame, alarm: np.typing.NDArray[np.bool_], window_ms: int, draws: int
) -> dict[str, Any]:
    """Share of episodes detected, minutes until then, alarms before the onset."""
    rows = windows.assign(alarm=alarm)
    onset = rows[rows["failing"]].groupby("episode")["timestamp"].min()
    first = rows[rows["failing"] & rows["alarm"]].groupby("episode")["timestamp"].min()
    delay = ((first.reindex(onset.index) - onset) / 60_000).to_numpy(float)
    seen = (~np.isnan(delay)).astype(float)
    found = with_intervals(
        onset.index.to_numpy(),
        {
            "detected": lambda weight: share_over(seen, 1.0, weight),
            "median_minutes": lambda weight: median(delay[seen > 0], weight[seen > 0]),
        },
        draws=draws,
    )
    before = ~rows["failing"].to_numpy(bool)
    return found | {
        "alarms_before_onset": int(alarm[before].sum()),
        "windows_before_onset": int(before.sum()),
        "hours_before_onset": float(before.sum() * window_ms / 3_600_000),
    }
