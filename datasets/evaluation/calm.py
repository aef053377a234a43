"""A calm day must stay calm, and what is no doubt trouble must be HIGH at once."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any, Final

import pandas as pd
from joblib import Parallel, delayed

from datasets.evaluation.playing import CORES
from datasets.synthetic import Run, call_columns
from ingest.simulator.episodes import Planned
from ingest.traffic import simulate
from ml.bundle import MIN_CALLS, WINDOW_MS, Bundle
from ml.features import CLIENT, ENDPOINT, window_features
from ml.metrics import poisson_interval

_STARTS: Final = 6  # minute in which an episode begins
_LASTS: Final = 3  # minutes
WITHIN: Final = 2  # windows
_REACHED: Final = ("credential_stuffing", "crash")


def calm_figures(scored: pd.DataFrame, days: float) -> dict[str, Any]:
    """Windows of each priority of calm traffic.

    Parameters
    ----------
    scored : DataFrame
        Scored windows without any misuse or fault.
    days : float
        How long the traffic lasted.
    """
    counts = {
        f"{kind}_{level.lower()}": int(
            ((scored["subject"] == kind) & (scored["priority"] == level)).sum()
        )
        for kind in (ENDPOINT, CLIENT)
        for level in ("HIGH", "MEDIUM")
    }
    high = counts["endpoint_high"] + counts["client_high"]
    return {
        "high_windows_a_day": high / days,
        "interval": {"high_windows_a_day": poisson_interval(high, 1 / days)},
        "days": days,
        "windows": len(scored),
        **counts,
    }


def reach_figures(bundle: Bundle, seeds: Iterable[int]) -> dict[str, Any]:
    """Share of episodes that are HIGH within two windows of their begin.

    Credential stuffing: every attacking client is. Total outage (the shop crashed): an endpoint is.
    """
    seeds = [*seeds]
    played = Parallel(n_jobs=CORES)(
        delayed(_episode)(name, seed) for name in _REACHED for seed in seeds
    )
    reached = [_is_high(bundle, *episode) for episode in played]
    return {
        "within_windows": WITHIN,
        "seeds": len(seeds),
        "credential_stuffing": sum(reached[: len(seeds)]) / len(seeds),
        "total_outage": sum(reached[len(seeds) :]) / len(seeds),
    }


def _episode(name: str, seed: int) -> tuple[pd.DataFrame, set[str], int]:
    """Windows, the clients that attack, and the start of the window in which it begins."""
    start_ms = Run(seed, 1).start_ms
    history = simulate(
        seed=seed,
        start_ms=start_ms,
        minutes=_STARTS + _LASTS + 1,
        episodes=[Planned(name, start=_STARTS + 0.1, minutes=_LASTS)],
    )
    windows = window_features(call_columns(history.calls))
    return windows, {*history.episodes[0].clients}, start_ms + _STARTS * WINDOW_MS


def _is_high(bundle: Bundle, windows: pd.DataFrame, clients: set[str], begin: int) -> bool:
    scored = bundle.score(windows, windows.iloc[:0], min_calls=MIN_CALLS)
    soon = scored["timestamp"].between(begin, begin + (WITHIN - 1) * WINDOW_MS)
    high = scored[soon & (scored["priority"] == "HIGH")]
    if clients:
        return clients <= {*high["client"]}
    return bool((high["subject"] == ENDPOINT).any())
