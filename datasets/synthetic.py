"""Synthetic traffic: windows of simulated histories, with what is true about each."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import asdict, dataclass
from typing import Any, Final

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from ingest.call import SIMULATED, Call
from ingest.traffic import Episode, History, simulate
from ml.features import CLIENT, ENDPOINT, window_features

DAY_MS: Final = 86_400_000
FIRST_DAY_MS: Final = 1_735_689_600_000  # 2025-01-01T00:00:00Z; each run has a day of its own
AFTERMATH_MS: Final = (
    120_000  # queues and retries of an episode last a little longer than its cause
)


@dataclass(frozen=True)
class Run:
    """One simulated history."""

    seed: int
    minutes: int
    intensity: float = 1.0
    clients: int = 40
    episodes: bool = True
    hour: int = 9  # UTC, of the first minute

    @property
    def start_ms(self) -> int:
        """Time of the first minute [epoch ms]: every seed has two days of its own."""
        return FIRST_DAY_MS + self.seed * 2 * DAY_MS + self.hour * 3_600_000


def labelled_windows(runs: Iterable[Run]) -> pd.DataFrame:
    """Windows of several runs, as of `ml.features.window_features`, with their labels.

    Returns
    -------
    DataFrame
        Plus `seed` of the run, `episode` (name, "" for none) and `client_kind` (normal, heavy or
        bot; None for endpoint windows).

    Raises
    ------
    ValueError
        Two runs have the same seed: their windows would be each other's past.
    """
    runs = list(runs)
    if len({run.seed for run in runs}) < len(runs):
        raise ValueError(f"every run needs its own seed, got {[run.seed for run in runs]}")
    return pd.concat([_windows_of(run) for run in runs], ignore_index=True)


def summary(runs: Iterable[Run]) -> list[dict[str, Any]]:
    """What the runs are, for a manifest."""
    return [asdict(run) for run in runs]


def call_columns(calls: Sequence[Call]) -> dict[str, NDArray[Any]]:
    """Calls as columns, as `store.reads.calls_between` gives them."""
    columns = dict(zip(Call._fields, zip(*calls, strict=True), strict=True)) if calls else {}

    def column(name: str, dtype: Any) -> NDArray[Any]:
        return np.array(columns.get(name, ()), dtype)

    return {
        "timestamp": column("timestamp", np.int64),
        "endpoint": column("endpoint", object),
        "method": column("method", object),
        "client": np.array([call.user_id or call.ip_address for call in calls], object),
        "path": column("path", object),
        "response_time_ms": column("response_time_ms", np.float64),
        "status_code": column("status_code", np.int64),
        "payload_size": column("payload_size", np.int64),
        "fingerprint": np.array([call.fingerprint or 0 for call in calls], np.int64),
        "simulated": column("source", object) == SIMULATED,
    }


def _windows_of(run: Run) -> pd.DataFrame:
    history = simulate(
        seed=run.seed,
        start_ms=run.start_ms,
        minutes=run.minutes,
        intensity=run.intensity,
        clients=run.clients,
        episodes=run.episodes,
    )
    windows = window_features(call_columns(history.calls))
    windows["seed"] = run.seed
    windows["episode"] = episode_names(windows, history)
    windows["client_kind"] = windows["client"].map(history.client_kind).astype(object)
    return windows


def episode_names(windows: pd.DataFrame, history: History) -> NDArray[Any]:
    """Name of the episode that touches each window, "" for none: shape (n_windows,)."""
    names = np.full(len(windows), "", object)
    for episode in history.episodes:
        names[_touched(windows, episode)] = episode.name
    return names


def _touched(windows: pd.DataFrame, episode: Episode) -> NDArray[np.bool_]:
    """Windows in the time of an episode; of a misuse only those of its clients and its endpoint."""
    start = windows["timestamp"].to_numpy()
    during = (start + 60_000 > episode.start) & (start < episode.end + AFTERMATH_MS)
    if episode.kind == "fault":
        return during
    by_its_clients = (windows["subject"] == CLIENT) & windows["client"].isin(episode.clients)
    at_its_endpoint = (windows["subject"] == ENDPOINT) & (windows["endpoint"] == episode.endpoint)
    return np.asarray(during & (by_its_clients | at_its_endpoint).to_numpy())
