"""Plays runs on both cores and scores their windows."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import Final

import numpy as np
import pandas as pd
from joblib import Parallel, delayed

from datasets.owasp import SCENARIOS, scenario_windows
from datasets.sites import SiteRun, site_windows
from datasets.synthetic import Run, labelled_windows
from ml.bundle import MIN_CALLS, WINDOW_MS, Bundle

CORES: Final = 2
_NOT_NEEDED: Final = ["status_counts", "latency_histogram", "simulated_count"]


def site_runs_played(runs: Sequence[SiteRun], *, clients: bool = False) -> pd.DataFrame:
    """Windows as of `datasets.sites.site_windows`, with `end` of their run [epoch ms]."""
    parts = Parallel(n_jobs=CORES)(delayed(_site)(run, clients) for run in runs)
    return pd.concat(parts, ignore_index=True)


def shop_runs_played(runs: Sequence[Run]) -> pd.DataFrame:
    """Windows as of `datasets.synthetic.labelled_windows`, with `end` of their run [epoch ms]."""
    parts = Parallel(n_jobs=CORES)(delayed(_shop)(run) for run in runs)
    return pd.concat(parts, ignore_index=True)


def scenarios_played(seeds: Iterable[int]) -> pd.DataFrame:
    """Windows as of `datasets.owasp.scenario_windows`, with the `risk` that each scenario shows."""
    risk = {scenario.name: scenario.risk for scenario in SCENARIOS}
    parts = Parallel(n_jobs=CORES)(
        delayed(scenario_windows)([name], [seed]) for name in risk for seed in seeds
    )
    windows = pd.concat(parts, ignore_index=True)
    return windows.assign(risk=windows["scenario"].map(risk))


def scored(bundle: Bundle, windows: pd.DataFrame, *, by: str = "seed") -> pd.DataFrame:
    """Scores of all windows; those with one value of `by` are each other's past."""
    number = pd.factorize(windows[by])[0]
    half = number * CORES // (number.max() + 1)
    parts = Parallel(n_jobs=CORES)(
        delayed(_scored)(bundle, windows[half == part]) for part in range(CORES)
    )
    return pd.concat(parts)


def full(windows: pd.DataFrame) -> np.typing.NDArray[np.bool_]:
    """Which windows are not thin."""
    return (windows["req_count"] >= MIN_CALLS).to_numpy()


def _site(run: SiteRun, clients: bool) -> pd.DataFrame:
    return _with_end(site_windows([run], clients=clients))


def _shop(run: Run) -> pd.DataFrame:
    return _with_end(labelled_windows([run]))


def _with_end(windows: pd.DataFrame) -> pd.DataFrame:
    end = windows["timestamp"].max() + WINDOW_MS
    return windows.drop(columns=_NOT_NEEDED).assign(end=end)


def _scored(bundle: Bundle, windows: pd.DataFrame) -> pd.DataFrame:
    return bundle.score(windows, windows.iloc[:0], min_calls=MIN_CALLS)
