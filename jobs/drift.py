"""The drift job: each full hour's windows against what the models were fitted on."""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping
from itertools import takewhile
from typing import Final

import numpy as np
from numpy.typing import NDArray

from jobs.scoring import GRACE_MS
from ml.drift import Reference, psi
from ml.features import CLIENT, ENDPOINT, FEATURES
from store import Store, forecasts
from store.drift import DriftHour, drift_between, features_between, save_drift

HOUR_MS: Final = 3_600_000
LEAST_WINDOWS: Final = 100  # with fewer, chance alone gives an index of (10 - 1) / 100
DAY_MS: Final = 24 * HOUR_MS
# How long ago a missed hour may be. Of client windows the ordinary ones go after a day: what is
# left of them looks like drift.
MADE_UP_FOR_MS: Final = {ENDPOINT: 48 * HOUR_MS, CLIENT: DAY_MS}


def measure_drift(
    store: Store,
    version: str,
    references: Mapping[str, Reference],
    now: int,
    go_on: Callable[[], bool] = lambda: True,
) -> list[DriftHour]:
    """Measure the full hours that are not measured yet, the newest first.

    An hour of fewer than `LEAST_WINDOWS` windows is measured with the day up to its end; when that
    has fewer, too, nothing is stored. Hours without windows, and hours that wait for scores, are
    left out.

    Parameters
    ----------
    version : str
        Of the models, stored with each hour.
    references : mapping
        Kind of subject -> features of the windows that the models were fitted on.
    now : int
        The clock [epoch ms].
    go_on : callable
        Is asked before each hour and may end the work.
    """
    measured = []
    for subject, reference in references.items():
        for hour in takewhile(lambda _: go_on(), _missing_hours(store, subject, now)):
            features = _features(store, subject, hour, now)
            if len(features) >= LEAST_WINDOWS:
                found = _drift_hour(hour, version, reference, features)
                with store.begin() as connection:
                    save_drift(connection, subject, found)
                measured.append(found)
    return measured


def _missing_hours(store: Store, subject: str, now: int) -> list[int]:
    """Starts of hours that are over, scored and not measured, the newest first."""
    end = (now - GRACE_MS - store.window_ms) // HOUR_MS * HOUR_MS
    hours = range(end - HOUR_MS, now - MADE_UP_FOR_MS[subject], -HOUR_MS)
    with store.read() as connection:
        done = {hour.timestamp for hour in drift_between(connection, subject, hours.stop, end)}
        return [
            hour
            for hour in hours
            if hour not in done and forecasts.first_dirty(connection, hour, hour + HOUR_MS) is None
        ]


def _features(store: Store, subject: str, hour: int, now: int) -> NDArray[np.float64]:
    end, window_ms = hour + HOUR_MS, store.window_ms
    with store.read() as connection:
        features = features_between(connection, subject, hour, end, window_ms)
        if 0 < len(features) < LEAST_WINDOWS:
            start = max(end - DAY_MS, now - MADE_UP_FOR_MS[subject])
            features = features_between(connection, subject, start, end, window_ms)
    return features


def _drift_hour(
    hour: int, version: str, reference: Reference, features: NDArray[np.float64]
) -> DriftHour:
    found = zip(FEATURES, psi(reference, features).tolist(), strict=True)
    known = {feature: index for feature, index in found if not math.isnan(index)}
    return DriftHour(hour, len(features), version, known)
