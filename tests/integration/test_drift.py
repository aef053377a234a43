"""The drift job on a real store: full hours, thin windows, few windows, hours missed."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest

from jobs.drift import HOUR_MS, LEAST_WINDOWS, measure_drift
from jobs.retention import DAY_MS, remove_old
from jobs.scoring import GRACE_MS
from ml.drift import Reference, reference
from ml.features import FEATURES
from store import Store, writes
from store.drift import DriftHour, drift_between
from store.tables import FEATURE_COLUMNS
from tests.rows import MINUTE, T0, window

HOUR = T0 // HOUR_MS * HOUR_MS
OVER = HOUR + HOUR_MS + MINUTE + GRACE_MS  # when the hour's last window is over and scored
USUAL = dict(zip(FEATURE_COLUMNS, (10, 0.0, 100.0, 150.0, 1000.0, 1, 0.0, 0.0), strict=True))


@pytest.fixture
def references() -> dict[str, Reference]:
    """Training windows like those of `tests.rows.window`."""
    usual = np.array([list(USUAL.values())] * 1000)
    assert tuple(USUAL) == FEATURES
    return {"endpoint": reference(usual), "client": reference(usual)}


def fill(store: Store, hour: int, number: int, **fields: Any) -> None:
    """So many windows in an hour, two a minute."""
    rows = [
        window(hour + n // 2 % 60 * MINUTE, endpoint=f"/{n % 2}/{n // 120}", **fields)
        for n in range(number)
    ]
    with store.begin() as connection:
        writes.save_windows(connection, rows)


def stored(store: Store, subject: str = "endpoint") -> list[DriftHour]:
    with store.read() as connection:
        return drift_between(connection, subject, 0, 10 * OVER)


def test_the_last_full_hour_is_measured_and_stored(
    store: Store, references: dict[str, Reference]
) -> None:
    fill(store, HOUR, LEAST_WINDOWS // 2)
    fill(store, HOUR, LEAST_WINDOWS, avg_response_time=200.0, max_response_time=None)
    fill(store, HOUR + HOUR_MS, LEAST_WINDOWS, payload_mean=5000.0)
    (hour,) = measure_drift(store, "v7", references, OVER)
    assert stored(store) == [hour]
    assert (hour.timestamp, hour.windows, hour.model_version) == (HOUR, 100, "v7")
    # All in the other of two bins: 2 * (1.001 - 0.001) / 1.002 * ln(1.001 / 0.001)
    assert hour.psi["avg_response_time"] == pytest.approx(13.790, abs=1e-3)
    assert "max_response_time" not in hour.psi, "known of no window"
    assert {hour.psi[name] for name in FEATURES if not name.endswith("time")} == {0.0}
    assert stored(store, "client") == []


def test_an_hour_is_measured_once(store: Store, references: dict[str, Reference]) -> None:
    fill(store, HOUR, LEAST_WINDOWS)
    assert len(measure_drift(store, "v1", references, OVER)) == 1
    assert measure_drift(store, "v2", references, OVER) == []
    assert [hour.model_version for hour in stored(store)] == ["v1"]


def test_an_hour_is_not_measured_before_it_is_over_and_scored(
    store: Store, references: dict[str, Reference]
) -> None:
    fill(store, HOUR, LEAST_WINDOWS)
    assert measure_drift(store, "v1", references, OVER - 1) == []
    with store.begin() as connection:
        writes.mark_dirty(connection, [HOUR + 59 * MINUTE])
    assert measure_drift(store, "v1", references, OVER) == []


def test_thin_windows_are_left_out(store: Store, references: dict[str, Reference]) -> None:
    fill(store, HOUR, LEAST_WINDOWS)
    fill(store, HOUR, 40, thin=1, error_rate=1.0, method="POST")
    (hour,) = measure_drift(store, "v1", references, OVER)
    assert (hour.windows, hour.psi["error_rate"]) == (LEAST_WINDOWS, 0.0)


def test_an_hour_of_few_windows_is_measured_with_the_day_before_it(
    store: Store, references: dict[str, Reference]
) -> None:
    fill(store, HOUR, 60)
    assert measure_drift(store, "v1", references, OVER) == []
    fill(store, HOUR - 23 * HOUR_MS, 60)
    fill(store, HOUR - 24 * HOUR_MS, 60)
    last = [h for h in measure_drift(store, "v1", references, OVER) if h.timestamp == HOUR]
    assert [hour.windows for hour in last] == [120]


def test_missed_hours_are_made_up_for_as_long_as_their_windows_are_kept(
    store: Store, references: dict[str, Reference]
) -> None:
    client = {"subject": "client", "method": "*"}
    for back in (0, 2, 22, 46, 47):
        fill(store, HOUR - back * HOUR_MS, LEAST_WINDOWS)
        fill(store, HOUR - back * HOUR_MS, LEAST_WINDOWS, **client, client="u1")
    measure_drift(store, "v1", references, OVER)
    hours = [(HOUR - hour.timestamp) // HOUR_MS for hour in stored(store)]
    assert hours == [46, 22, 2, 0]
    assert [(HOUR - hour.timestamp) // HOUR_MS for hour in stored(store, "client")] == [22, 2, 0]


def test_drift_goes_with_the_windows(store: Store, references: dict[str, Reference]) -> None:
    fill(store, HOUR, LEAST_WINDOWS)
    measure_drift(store, "v1", references, OVER)
    remove_old(store, HOUR + DAY_MS, calls_days=1, windows_days=1)
    assert len(stored(store)) == 1
    remove_old(store, HOUR + DAY_MS + 1, calls_days=1, windows_days=1)
    assert stored(store) == []


def test_windows_that_overlap_count_once(store: Store, references: dict[str, Reference]) -> None:
    fill(store, HOUR, LEAST_WINDOWS)
    fill(store, HOUR + 10_000, 40, error_rate=1.0)
    (hour,) = measure_drift(store, "v1", references, OVER)
    assert (hour.windows, hour.psi["error_rate"]) == (LEAST_WINDOWS, 0.0)
