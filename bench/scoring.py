"""Scoring 1, 1,000 and 10,000 windows, beside plain scikit-learn with the same models."""

from __future__ import annotations

import io
import statistics
import time
from collections.abc import Callable
from functools import partial
from pathlib import Path
from typing import Any

import joblib
import numpy as np
import pandas as pd

from datasets.synthetic import Run, labelled_windows
from jobs.runtime import FACTORY_MODELS
from ml.anomaly import evidence
from ml.bundle import Bundle
from ml.features import CLIENT, ENDPOINT, FEATURES, KEY
from ml.registry import Models
from ml.usage import HEAVY
from ml.version_files import BUNDLE_FILE

SIZES = (1, 1_000, 10_000)
ROUNDS = 7


def windows_of_a_minute(number: int) -> pd.DataFrame:
    """Windows of so many subjects, one in seven an endpoint, drawn from an hour of traffic."""
    drawn = labelled_windows([Run(9_000, 60)])
    every = [
        drawn[drawn["subject"] == kind].sample(count, replace=True, random_state=1)
        for kind, count in ((ENDPOINT, number // 7), (CLIENT, number - number // 7))
    ]
    windows = pd.concat(every, ignore_index=True)[[*KEY, *FEATURES]]
    windows["timestamp"] = drawn["timestamp"].max()
    endpoints = windows["subject"] == ENDPOINT
    windows.loc[endpoints, "endpoint"] = [f"/r{n}" for n in range(int(endpoints.sum()))]
    windows.loc[~endpoints, "client"] = [f"c{n}" for n in range(int((~endpoints).sum()))]
    return windows


def by_scikit_learn(bundle: Bundle, windows: pd.DataFrame) -> list[Any]:
    """What a textbook calls: predict and score of the forest, classes, and the nearest centre."""
    found: list[Any] = []
    for kind, rows in windows.groupby("subject"):
        models = bundle.subjects[str(kind)]
        features = rows[list(FEATURES)].fillna(0).to_numpy(np.float64)
        scaled = models.anomaly.scaler.transform(evidence(features))
        found.append(models.anomaly.forest.predict(scaled))
        found.append(models.anomaly.forest.score_samples(scaled))
        for view in models.failure.views:
            view.forest.n_jobs = 1
            inputs = np.resize(features, (len(features), view.forest.n_features_in_))
            found.append(view.forest.predict_proba(inputs.astype(np.float32)))
        found.append(models.usage.cluster(features[:, :4], features[:, 0]) == HEAVY)
    return found


def median_ms(do: Callable[[], object]) -> float:
    times = []
    for _ in range(ROUNDS):
        begin = time.perf_counter()
        do()
        times.append(time.perf_counter() - begin)
    return statistics.median(times) * 1000


def resident_mb() -> float:
    """Memory of this process [MB]; 0 where the system does not tell."""
    status = Path("/proc/self/statm")
    return int(status.read_text().split()[1]) * 4096 / 1e6 if status.exists() else 0.0


def main() -> None:
    import sklearn.ensemble  # noqa: F401  (so that the bundle's own time and memory are seen)

    before, begin = resident_mb(), time.perf_counter()
    version, bundle = Models(FACTORY_MODELS, FACTORY_MODELS).current()
    seconds = time.perf_counter() - begin
    size = (FACTORY_MODELS / version / BUNDLE_FILE).stat().st_size / 1e6
    print(
        f"factory models: {size:.1f} MB on disk, loaded in {seconds:.2f} s, "
        f"{resident_mb() - before:.0f} MB of memory"
    )
    every = windows_of_a_minute(max(SIZES))
    past = every.iloc[:0]
    for number in SIZES:
        windows = every.sample(number, random_state=1).reset_index(drop=True)
        ours = median_ms(partial(bundle.score, windows, past, min_calls=5))
        plain = median_ms(partial(by_scikit_learn, bundle, windows))
        print(
            f"{number:6,} windows: {ours:7.1f} ms; scikit-learn {plain:7.1f} ms; "
            f"ours is {ours / plain:.2f} of it"
        )
    buffer = io.BytesIO()
    joblib.dump(bundle, buffer)
    print(f"uncompressed the bundle is {len(buffer.getvalue()) / 1e6:.1f} MB")


if __name__ == "__main__":
    main()
