"""The hour before a window: what is usual, and where the subject is heading, by hand."""

from __future__ import annotations

from typing import Any

import numpy as np
import pandas as pd
import pytest

from ml import history
from ml.features import FEATURES, UNMATCHED
from ml.history import INPUTS, History, histories
from tests.rows import MINUTE, T0
from tests.windows import NOTHING, frame, minutes, window

CALLS, ERRORS, AVG_MS = (
    FEATURES.index(name) for name in ("req_count", "error_rate", "avg_response_time")
)


def taking(ms: float) -> dict[str, float]:
    """Times of a window whose calls all take the same."""
    return {"avg_response_time": ms, "max_response_time": ms}


STEADY: dict[str, Any] = {"req_count": 10, "error_rate": 0.0} | taking(100.0)
USUAL_ERROR = 0.05 / (51 * 10 + 5)  # none in the 51 windows that say what is usual


def before(*rows: dict[str, Any], now: dict[str, Any] | None = None) -> History:
    """What the past says of a window at T0."""
    return histories(frame(STEADY_NOW if now is None else now), frame(*rows), MINUTE)


STEADY_NOW = window(**STEADY)


def inputs(*rows: dict[str, Any], now: dict[str, Any] | None = None) -> dict[str, float]:
    return dict(zip(INPUTS, before(*rows, now=now).inputs[0].tolist(), strict=True))


def steady(count: int = 60, first: int = 1, **fields: Any) -> list[dict[str, Any]]:
    return minutes(count, first, **(STEADY | fields))


# What is usual


def test_usual_is_the_median_of_the_hour_without_the_last_nine_minutes() -> None:
    old = [window(60 - n, **(STEADY | taking(100.0 + n))) for n in range(51)]
    recent = steady(9, **taking(700.0))
    beyond = steady(5, first=61, **taking(1.0))
    found = before(*old, *recent, *beyond)
    assert found.usual[0, AVG_MS] == 125.0  # of 100, 101 ... 150
    assert before(*old[:50], *recent).usual[0, AVG_MS] == 124.5  # of an even number


def test_with_fewer_than_eight_windows_nothing_is_usual_yet() -> None:
    assert np.isnan(before(*steady(7, first=10)).usual).all()
    assert before(*steady(8, first=10)).usual[0, AVG_MS] == 100.0
    assert np.isnan(before(*steady(9)).usual).all(), "the last nine minutes don't say"


def test_the_mean_is_weighted_by_calls_over_the_whole_hour() -> None:
    found = before(
        window(1, req_count=30, error_rate=0.1), window(60, req_count=10, error_rate=0.3)
    )
    assert found.mean[0, CALLS] == 25.0  # (30 * 30 + 10 * 10) / 40
    assert found.mean[0, ERRORS] == pytest.approx(0.15)  # (30 * 0.1 + 10 * 0.3) / 40
    assert np.isnan(before(window(61)).mean).all(), "too long ago"


def test_windows_that_failed_are_no_past() -> None:
    failed = steady(30, first=31, error_rate=0.9)
    slow = [window(20, **(STEADY | taking(801.0)))]
    found = before(*failed, *slow, *steady(9, first=10))
    assert (found.usual[0, ERRORS], found.usual[0, AVG_MS]) == (0.0, 100.0)
    assert (found.mean[0, ERRORS], found.mean[0, AVG_MS]) == (0.0, pytest.approx(100.0))
    assert np.isnan(before(*failed).usual).all()


def test_unknown_times_leave_the_other_features_known() -> None:
    found = before(*steady(30, first=10, **taking(np.nan)))
    assert np.isnan(found.usual[0, AVG_MS])
    assert np.isnan(found.mean[0, AVG_MS])
    assert found.usual[0, CALLS] == 10.0


def test_others_and_later_windows_are_no_past() -> None:
    found = before(
        *steady(60, endpoint="/other"),
        *steady(60, method="POST"),
        *steady(30, first=-30),
    )
    assert np.isnan(found.usual).all()
    assert np.isnan(found.mean).all()


def test_windows_that_overlap_are_no_past() -> None:
    slid = [window(timestamp=T0 - n * 20_000, **STEADY) for n in range(1, 181)]
    whole = [row for row in slid if (T0 - row["timestamp"]) % MINUTE == 0]
    for one, other in zip(before(*slid), before(*whole), strict=True):
        np.testing.assert_array_equal(one, other)


def test_errors_of_paths_that_do_not_exist_do_not_make_them_fail() -> None:
    stray = {"endpoint": UNMATCHED, "error_rate": 1.0}
    found = before(*steady(60, **stray), now=window(**(STEADY | stray)))
    assert found.usual[0, ERRORS] == 0.0
    assert found.inputs[0, INPUTS.index("failed_15")] == 0.0
    assert found.inputs[0, INPUTS.index("error_closeness")] < 0.01


# What the failure model sees


def test_a_subject_as_always_is_where_it_usually_is() -> None:
    found = inputs(*steady())
    assert found["past_windows"] == 51
    assert found["calls"] == pytest.approx(np.log(11))
    assert found["usual_time"] == pytest.approx(np.log(100 / 800))
    assert found["time_spread"] == pytest.approx(np.log(0.03)), "never less"
    assert found["usual_error"] == pytest.approx(USUAL_ERROR)
    assert found["time_closeness"] == pytest.approx(np.log(100 / 800))
    still = ("time_", "slowest_", "error_slope", "calls_")
    ahead = ("time_closeness", "time_spread", "time_ahead_3", "time_ahead_5", "time_ahead_10")
    for name in INPUTS:
        if name.startswith(still) and name not in ahead:
            assert found[name] == pytest.approx(0.0, abs=1e-9), name
    assert found["time_ahead_5"] == pytest.approx(np.log(100 / 800))


def test_closeness_is_the_share_of_the_limit_a_little_drawn_to_usual() -> None:
    now = STEADY_NOW | {"error_rate": 0.2} | taking(490.0)
    found = inputs(*steady(), now=now)
    error = (10 * 0.2 + 3 * USUAL_ERROR) / 13 / 0.3  # of 10 calls and 3 as usual
    time = (10 * 490.0 + 3 * 100.0) / 13 / 800
    assert found["error_closeness"] == pytest.approx(error)
    assert found["time_closeness"] == pytest.approx(np.log(time))
    assert found["closeness"] == pytest.approx(max(error, time))


def test_one_call_in_a_thin_window_counts_as_one_of_four() -> None:
    found = inputs(*steady(), now=STEADY_NOW | {"req_count": 1, "error_rate": 1.0})
    assert found["error_closeness"] == pytest.approx((1 + 3 * USUAL_ERROR) / 4 / 0.3)
    assert found["error_3"] == pytest.approx((1 + 3 * USUAL_ERROR) / (21 + 3) - USUAL_ERROR)


def test_the_last_windows_are_compared_with_usual() -> None:
    slow = taking(200.0)
    found = inputs(*steady(58, first=3), *steady(2, **slow), now=STEADY_NOW | slow)
    assert found["time_3"] == pytest.approx(np.log((30 * 200 + 3 * 100) / 33 / 100))
    assert found["time_5"] == pytest.approx(np.log((30 * 200 + 23 * 100) / 53 / 100))
    assert found["time_z_3"] == pytest.approx(40.0), "0.69 / 0.03 * 3 ** 0.5, at most 40"
    assert found["slowest_1"] == pytest.approx(np.log(2))
    assert found["slowest_5"] == pytest.approx(np.log(2) * 3 / 5)


def test_one_stalled_call_is_no_slow_service() -> None:
    stalled = {"avg_response_time": 190.0, "max_response_time": 1_000.0}  # nine take 100 ms
    found = inputs(*steady(), now=STEADY_NOW | stalled)
    assert found["time_2"] == pytest.approx(0.0)
    assert found["time_z_3"] == pytest.approx(0.0)
    assert found["slowest_1"] == pytest.approx(np.log(10))
    assert before(*steady(60, **stalled)).usual[0, AVG_MS] == pytest.approx(100.0)


def test_a_rise_is_counted_in_units_of_the_noise_from_window_to_window() -> None:
    rows = [row | taking(100.0 * np.exp(0.1 * (-1) ** n)) for n, row in enumerate(steady())]
    middle = 100.0 * np.exp(-0.1)  # 26 of the 51 windows: the median
    now = STEADY_NOW | taking(200.0)
    found = inputs(*rows, now=now)
    spread = 0.03  # most windows lie on the median
    assert found["usual_time"] == pytest.approx(np.log(middle / 800))
    assert found["time_spread"] == pytest.approx(np.log(spread))
    mean = (np.log(200 / middle) + 0.2 + 0.0) / 3
    assert found["time_z_3"] == pytest.approx(min(mean / spread * 3**0.5, 40.0))


def test_errors_are_counted_above_what_is_expected() -> None:
    found = inputs(*steady(), now=STEADY_NOW | {"error_rate": 0.2})
    expected = USUAL_ERROR * 30
    assert found["error_3"] == pytest.approx((2 + 3 * USUAL_ERROR) / 33 - USUAL_ERROR)
    assert found["error_z_3"] == pytest.approx((2 - expected) / (expected + 1) ** 0.5)


def test_a_slope_is_that_of_a_line_drawn_to_0() -> None:
    def risen(back: int) -> dict[str, Any]:
        return STEADY | {"req_count": 9} | taking(100.0 * np.exp(0.1 * (4 - back)))

    rows = [window(back, **risen(min(back, 4))) for back in range(1, 61)]
    found = inputs(*rows, now=window(**risen(0)))
    slope = 3 * 10 * 0.1 / (3 * 10 + 25 / 6)  # weights 9 ** 0.5, x = -2 ... 2
    assert found["time_slope_5"] == pytest.approx(slope)
    ahead = np.log(100 / 800) + found["time_3"] + 5 * slope
    assert found["time_ahead_3"] == pytest.approx(ahead)


def test_calls_are_compared_with_usual_minutes_without_a_call_too() -> None:
    every_second = [row for row in steady() if (T0 - row["timestamp"]) // MINUTE % 2 == 0]
    found = inputs(*every_second)  # 26 of the 51 minutes have calls
    assert found["past_windows"] == 26
    assert found["calls_1"] == pytest.approx(0.0)
    fewer = inputs(*every_second[5:])  # 25: the median minute has none
    assert fewer["calls_1"] == pytest.approx(np.log(11))


def test_recent_failures_are_counted_and_don_t_count_as_level() -> None:
    failed = steady(2, first=4, **taking(5_000.0))
    long_ago = steady(1, first=15, error_rate=1.0)
    found = inputs(*steady(3), *failed, *steady(9, first=6), *long_ago, *steady(45, first=16))
    assert found["failed_15"] == 2.0, "the fifteen windows with the one now"
    assert found["time_10"] == pytest.approx(0.0)


@pytest.mark.parametrize("known", [0, 1, 7, 30])
@pytest.mark.parametrize("avg_ms", [0.0, 100.0, np.nan, 1e9])
def test_inputs_are_numbers_whatever_is_known(known: int, avg_ms: float) -> None:
    now = STEADY_NOW | taking(avg_ms) | {"req_count": 1}
    rows = steady(known, first=10, **taking(avg_ms))
    assert np.isfinite(before(*rows, now=now).inputs).all()


# Properties


def traffic(seed: int = 3) -> pd.DataFrame:
    """An hour and a half of five endpoints, some minutes without a call, some failing."""
    rng = np.random.default_rng(seed)
    rows = [
        window(
            back,
            endpoint=f"/e{number}",
            req_count=int(rng.integers(1, 60)),
            error_rate=float(rng.random() ** 3),
            **taking(float(rng.gamma(4, 60)) if rng.random() > 0.1 else np.nan),
        )
        for number in range(5)
        for back in range(90)
        if rng.random() > 0.2
    ]
    return frame(*rows)


def same(one: History, other: History, rows: Any = slice(None)) -> None:
    for left, right in zip(one, other, strict=True):
        np.testing.assert_array_equal(left, right[rows])


def test_a_window_looks_the_same_alone_with_its_past_as_among_others() -> None:
    every = traffic()
    together = histories(every, NOTHING, MINUTE)
    now = (every["timestamp"] == T0).to_numpy()
    same(histories(every[now], every[~now], MINUTE), together, now)
    for row in np.flatnonzero(now):
        one = every.index == row
        same(histories(every[one], every[~one], MINUTE), together, one)


def test_the_order_of_windows_makes_no_difference() -> None:
    every = traffic()
    order = np.random.default_rng(1).permutation(len(every))
    same(histories(every.iloc[order], NOTHING, MINUTE), histories(every, NOTHING, MINUTE), order)


def test_many_windows_at_once_are_compared_in_parts(monkeypatch: pytest.MonkeyPatch) -> None:
    every = traffic()
    whole = histories(every, NOTHING, MINUTE)
    monkeypatch.setattr(history, "ROWS_AT_ONCE", 7)
    same(histories(every, NOTHING, MINUTE), whole)


def test_what_the_store_gives_back_is_the_same_past_as_what_was_computed() -> None:
    every = traffic()
    now = (every["timestamp"] == T0).to_numpy()
    past = every[~now]
    stored = past.astype(object).where(past.notna(), None)
    same(histories(every[now], stored, MINUTE), histories(every[now], past, MINUTE))


def test_no_window_has_no_history() -> None:
    found = histories(NOTHING, frame(*steady(5)), MINUTE)
    assert [part.shape for part in found] == [(0, 8), (0, 8), (0, len(INPUTS))]
    alone = before()
    assert np.isnan(alone.usual).all()
    assert np.isnan(alone.mean).all()
