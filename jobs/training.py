"""Training: labelled windows in, a bundle and what is to be said about it out."""

from __future__ import annotations

import time
from collections.abc import Sequence
from datetime import UTC, datetime
from typing import Any, Final

import numpy as np
import pandas as pd

from datasets.synthetic import Run, labelled_windows
from ml.bundle import MIN_CALLS, Bundle
from ml.failure import is_failing
from ml.past import feature_matrix

_MINUTE_MS: Final = 60_000
_POPULATIONS: Final = (  # intensity, clients: from a quiet to a busy site
    (0.25, 40),
    (1.0, 40),
    (0.5, 24),
    (1.5, 12),
    (0.4, 50),
)


def factory_runs(seed: int) -> list[Run]:
    """Simulated hours of quiet and busy sites at all times of the day; the last three are calm."""
    busy = [
        Run(100 * seed + number, 60, *_POPULATIONS[number % 5], hour=(7 + 5 * number) % 24)
        for number in range(12)
    ]
    calm = [
        Run(
            100 * seed + 50 + number, 60, *_POPULATIONS[number], episodes=False, hour=9 + 6 * number
        )
        for number in range(3)
    ]
    return busy + calm


def train_factory(
    seed: int = 1, runs: Sequence[Run] | None = None
) -> tuple[Bundle, dict[str, Any]]:
    """Fit all models on simulated traffic.

    Parameters
    ----------
    seed : int
        Of the simulations and of the fits.
    runs : sequence of Run, optional
        What to simulate; `factory_runs(seed)` unless given.

    Returns
    -------
    (Bundle, dict)
        The bundle, and its summary for the manifest.
    """
    started_at, clock = datetime.now(UTC), time.perf_counter()
    runs = factory_runs(seed) if runs is None else runs
    windows = labelled_windows(runs)
    bundle = Bundle.fit(
        windows,
        normal=(windows["episode"] == "").to_numpy(),
        group=windows["seed"].to_numpy(np.int64),
        end=_data_end(windows),
        random_state=seed,
    )
    return bundle, {
        "created_at": started_at.isoformat(timespec="seconds"),
        "seconds": round(time.perf_counter() - clock, 1),
        "seed": seed,
        "sources": ["simulated"],
        "seeds": [run.seed for run in runs],
        "minutes": sum(run.minutes for run in runs),
        "elbow": bundle.elbow,
        **_label_counts(windows),
    }


def _data_end(windows: pd.DataFrame) -> np.typing.NDArray[np.int64]:
    """Where the run ends that each window is from [epoch ms]."""
    last = windows.groupby("seed")["timestamp"].transform("max")
    return last.to_numpy(np.int64) + _MINUTE_MS


def _label_counts(windows: pd.DataFrame) -> dict[str, Any]:
    raw = feature_matrix(windows)
    thin = windows["req_count"].to_numpy() < MIN_CALLS
    return {
        "windows": {str(kind): int(n) for kind, n in windows["subject"].value_counts().items()},
        "thin_windows": int(thin.sum()),
        "failing_windows": int((is_failing(raw) & ~thin).sum()),
        "windows_by_episode": {
            str(name) or "none": int(n) for name, n in windows["episode"].value_counts().items()
        },
    }
