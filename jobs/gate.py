"""The gate: a new version is promoted only when it is not worse on a frozen set of scenarios."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from functools import cache
from typing import Any, Final

import numpy as np
import pandas as pd

from datasets.synthetic import call_columns, episode_names
from ingest.shop.faults import SUDDEN
from ingest.simulator.episodes import strong_enough
from ingest.traffic import MISUSE, simulate
from ml.bundle import MIN_CALLS, Bundle
from ml.failure import is_failing
from ml.features import CLIENT, ENDPOINT, window_features
from ml.past import feature_matrix

# Seeds of the frozen set; training uses 100 to 199, tests those from 7000 on.
ATTACK_SEEDS: Final = range(6000, 6000 + 4 * len(MISUSE))
FAULT_SEEDS: Final = range(6100, 6100 + 2 * len(SUDDEN))
CALM_SEEDS: Final = range(6200, 6204)
FROZEN_SEEDS: Final = [*ATTACK_SEEDS, *FAULT_SEEDS, *CALM_SEEDS]
POPULATIONS: Final = ((0.4, 40), (1.0, 40), (0.6, 24))  # intensity, clients
EPISODE_STARTS: Final = 6  # minutes after the begin of a run
EPISODE_MINUTES: Final = 4
CALM_MINUTES: Final = 45
FIRST_DAY_MS: Final = 1_704_067_200_000  # 2024-01-01T00:00:00Z: each run has a day of its own
DAY_MS: Final = 86_400_000
TOLERANCE: Final = {  # how much less is not worse yet
    "anomaly_roc_auc": 0.005,
    "attack_recall_medium": 0.01,
    "attack_recall_high": 0.01,
}
CALM_HIGH_ALLOWED: Final = 1  # HIGH windows of calm traffic that are not worse than none


Figures = Mapping[str, float]


@dataclass(frozen=True)
class Decision:
    """Whether a candidate may become current, why, and the figures that say so."""

    promote: bool
    reason: str
    figures: dict[str, dict[str, float]]  # of `frozen_figures`: before, after, floor


def gate(current: Bundle, candidate: Bundle, floor: Figures | None = None) -> Decision:
    """Compare a candidate with the current models on the frozen set.

    Parameters
    ----------
    floor : mapping, optional
        Figures of the version that a chain of candidates began with: each may be a little worse
        than the one before, but not than this. Where the current models lie below it a person chose
        them, and they are the new floor.
    """
    before, after = frozen_figures(current), frozen_figures(candidate)
    if floor is None or worse(floor, before):
        floor = before
    found = worse(before, after) or worse(floor, after)
    reason = "; ".join(found) or "not worse on the frozen scenarios"
    return Decision(not found, reason, {"before": before, "after": after, "floor": dict(floor)})


def frozen_figures(bundle: Bundle) -> dict[str, float]:
    """What a bundle makes of the frozen set.

    Returns
    -------
    dict
        `anomaly_roc_auc` of the anomaly score, client windows of attackers and failing endpoint
        windows of faults against calm ones; `attack_recall_medium` and `attack_recall_high`, shares
        of the attackers' windows of at least that priority; `fault_recall_high`, the same of
        failing endpoint windows; `calm_high_windows` and `calm_medium_windows`, counts in
        `CALM_MINUTES` of each calm run.
    """
    from sklearn.metrics import roc_auc_score

    windows = frozen_windows()
    scored = bundle.score(windows, windows.iloc[:0], min_calls=MIN_CALLS)
    risk = scored["priority"].to_numpy(object)
    attack, fault, calm = (windows["role"] == role for role in ("attack", "fault", "calm"))
    told = (attack | fault | calm).to_numpy()
    auc = roc_auc_score(~calm[told], scored["anomaly_score"][told])
    return {
        "anomaly_roc_auc": round(float(auc), 4),
        "attack_recall_medium": round(float((risk[attack] != "LOW").mean()), 4),
        "attack_recall_high": round(float((risk[attack] == "HIGH").mean()), 4),
        "fault_recall_high": round(float((risk[fault] == "HIGH").mean()), 4),
        "calm_high_windows": int((risk[calm] == "HIGH").sum()),
        "calm_medium_windows": int((risk[calm] == "MEDIUM").sum()),
    }


@cache
def frozen_windows() -> pd.DataFrame:
    """The frozen set: windows with their `role`, which is attack, fault, calm or "" for none."""
    attacks = [*zip(ATTACK_SEEDS, 4 * MISUSE, strict=True)]
    faults = [*zip(FAULT_SEEDS, 2 * SUDDEN, strict=True)]
    calm = [(seed, None) for seed in CALM_SEEDS]
    runs = [_run(number, *run) for number, run in enumerate([*attacks, *faults, *calm])]
    return pd.concat(runs, ignore_index=True)


def _run(number: int, seed: int, name: str | None) -> pd.DataFrame:
    intensity, clients = POPULATIONS[number % len(POPULATIONS)]
    episode = [] if name is None else [strong_enough(name, EPISODE_STARTS, EPISODE_MINUTES)]
    history = simulate(
        seed=seed,
        start_ms=FIRST_DAY_MS + number * DAY_MS + (5 * number % 24) * 3_600_000,
        minutes=CALM_MINUTES if name is None else EPISODE_STARTS + EPISODE_MINUTES,
        intensity=intensity,
        clients=clients,
        episodes=episode,
    )
    windows = window_features(call_columns(history.calls))
    touched = episode_names(windows, history) != ""
    return windows.assign(role=_roles(windows, touched, name))


def _roles(windows: pd.DataFrame, touched: Any, name: str | None) -> Any:
    """What each window stands for: thin ones and bystanders for nothing."""
    full = (windows["req_count"] >= MIN_CALLS).to_numpy()
    kind = windows["subject"].to_numpy(object)
    if name is None:
        return np.where(full, "calm", "")
    if name in MISUSE:
        return np.where(full & touched & (kind == CLIENT), "attack", "")
    failing = is_failing(feature_matrix(windows))
    return np.where(full & touched & failing & (kind == ENDPOINT), "fault", "")


def worse(before: Figures, after: Figures) -> list[str]:
    """In which figures `after` is worse than `before` by more than `TOLERANCE`, in words."""
    found = [
        f"{name} fell from {before[name]:.3f} to {after[name]:.3f}"
        for name, tolerance in TOLERANCE.items()
        if after[name] < before[name] - tolerance
    ]
    name = "calm_high_windows"
    if after[name] > max(before[name], CALM_HIGH_ALLOWED):
        found.append(f"{name} rose from {before[name]} to {after[name]}")
    return found
