"""Log-histograms of latency."""

from __future__ import annotations

import math

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from ml.histogram import (
    RATIO,
    latency_histogram,
    latency_histograms,
    merged,
    percentile,
    percentile_of_each,
)

times = st.lists(st.floats(0.01, 1e6), min_size=1, max_size=200)


def histogram(*ms: float) -> bytes:
    return latency_histogram(np.array(ms, np.float64))


def test_the_95th_percentile_of_1_to_100_ms_is_95_ms_within_one_percent() -> None:
    blob = latency_histogram(np.arange(1.0, 101.0))
    assert percentile(blob, 95) == pytest.approx(95, rel=0.01)
    assert percentile(blob, 50) == pytest.approx(50, rel=0.01)


@pytest.mark.parametrize(
    ("p", "value"),
    [(0, 10), (25, 10), (25.1, 20), (50, 20), (75, 30), (99, 1000), (100, 1000)],
)
def test_a_percentile_is_the_nearest_rank(p: float, value: float) -> None:
    assert percentile(histogram(10, 20, 30, 1000), p) == pytest.approx(value, rel=0.01)


@given(times, st.floats(0, 100))
def test_a_percentile_is_right_to_one_percent(ms: list[float], p: float) -> None:
    rank = max(1, math.ceil(p / 100 * len(ms)))
    assert percentile(histogram(*ms), p) == pytest.approx(sorted(ms)[rank - 1], rel=0.0100001)


@given(times, times)
def test_merging_is_counting_all_calls_together(some: list[float], others: list[float]) -> None:
    together = histogram(*some, *others)
    assert merged([histogram(*some), histogram(*others)]) == together
    assert merged([histogram(*others), histogram(*some)]) == together


def test_unknown_times_are_left_out() -> None:
    assert histogram(math.nan, 10, math.nan) == histogram(10)
    assert histogram(math.nan) == b""


def test_without_calls_there_is_no_percentile() -> None:
    assert percentile(b"", 50) is None
    assert percentile(merged([]), 50) is None


@pytest.mark.parametrize("p", [-1, 100.5])
def test_a_percentile_outside_0_to_100_is_refused_with_its_value(p: float) -> None:
    with pytest.raises(ValueError, match=str(p)):
        percentile(histogram(1), p)


def test_zero_and_absurd_times_are_kept_at_the_ends() -> None:
    assert percentile(histogram(0), 50) == pytest.approx(0.001, rel=0.01)
    assert percentile(histogram(1e300), 50) == pytest.approx(1e9, rel=0.01)


def test_each_group_gets_its_own_histogram() -> None:
    group, ms = np.array([2, 0, 2]), np.array([5.0, 7.0, 5.0])
    assert latency_histograms(group, ms, 4) == [histogram(7), b"", histogram(5, 5), b""]


def test_a_histogram_takes_6_bytes_a_filled_bucket() -> None:
    assert len(histogram(10, 10 * RATIO, 10 * RATIO**2)) == 18
    assert len(histogram(*[10.0] * 1000)) == 6


@settings(deadline=None)  # an example may meet a busy machine
@given(st.lists(st.lists(times, max_size=3), max_size=5), st.floats(0, 100))
def test_many_percentiles_at_once_are_those_of_one_at_a_time(
    many: list[list[list[float]]], p: float
) -> None:
    blobs = [b"".join(histogram(*ms) for ms in parts) for parts in many]
    one_by_one = [percentile(blob, p) for blob in blobs]
    at_once = percentile_of_each(blobs, p)
    assert [None if math.isnan(x) else x for x in at_once] == pytest.approx(one_by_one)
