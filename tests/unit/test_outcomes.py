"""What came of forecasts, worked by hand in minutes of a few windows."""

from __future__ import annotations

from collections.abc import Mapping

import numpy as np
import pytest
from hypothesis import given as each
from hypothesis import strategies as st

from ml.outcomes import Bools, Given, forecast_bins, onsets
from ml.scorecard import Bin
from tests.rows import MINUTE, T0

FAILS = 1.0  # by rule


def windows(*subjects: Mapping[int, float]) -> Given:
    """For each subject: minute -> probability; 1 stands for a window that fails."""
    rows = [(s, m, p) for s, of_minute in enumerate(subjects) for m, p in of_minute.items()]
    subject, minute, probability = (np.array(column) for column in zip(*rows, strict=True))
    return Given(subject, T0 + minute * MINUTE, probability, probability == FAILS)


def every(given: Given) -> Bools:
    return np.ones(len(given.timestamp), np.bool_)


def bins(given: Given, end: int) -> dict[int, tuple[int, int]]:
    """Number of the bin -> windows, failed."""
    found = forecast_bins(given, every(given), T0 + end * MINUTE)
    return {b.bin: (b.windows, b.failed) for b in found}


def began(given: Given) -> list[tuple[int, int | None, float]]:
    """Minute of each onset, minute of its first warning, probability just before."""
    found = onsets(given, every(given))
    return [
        (
            int(given.timestamp[row] - T0) // MINUTE,
            None if at < 0 else int(at - T0) // MINUTE,
            probability,
        )
        for row, at, probability in zip(*(values.tolist() for values in found), strict=True)
    ]


def test_a_forecast_is_right_when_its_subject_fails_in_the_five_windows_after() -> None:
    given = windows({0: 0.05, 1: 0.1, 2: 0.2, 3: 0.3, 4: 0.45, 5: 0.5, 6: 0.99, 7: FAILS})
    found = forecast_bins(given, every(given), T0 + 13 * MINUTE)
    assert [b[:3] for b in found] == [
        (0, 1, 0),
        (1, 1, 0),
        (2, 1, 1),  # minute 2: its fifth window after fails
        (3, 1, 1),
        (4, 1, 1),
        (5, 1, 1),
        (9, 1, 1),
    ]
    assert [b.probability_sum for b in found] == [0.05, 0.1, 0.2, 0.3, 0.45, 0.5, 0.99]
    errors = [b.squared_error_sum for b in found]
    assert errors == pytest.approx([0.0025, 0.01, 0.64, 0.49, 0.3025, 0.25, 0.0001])


def test_a_window_that_fails_already_is_no_forecast() -> None:
    assert bins(windows({0: FAILS, 1: FAILS}), end=60) == {}


def test_a_forecast_counts_once_its_five_minutes_are_over_whatever_came() -> None:
    given = windows({0: 0.05, 1: FAILS}, {0: 0.05, 1: 0.05})
    assert bins(given, end=5) == {}
    assert bins(given, end=6) == {0: (2, 1)}
    assert bins(given, end=7) == {0: (3, 1)}


def test_another_subjects_failure_proves_nothing() -> None:
    assert bins(windows({0: 0.05}, {1: FAILS}), end=60) == {0: (1, 0)}


def test_only_the_chosen_windows_count() -> None:
    given = windows({0: 0.05, 1: 0.05, 2: FAILS})
    found = forecast_bins(given, given.timestamp > T0, T0 + 60 * MINUTE)
    assert found == [Bin(0, 1, 1, 0.05, pytest.approx(0.9025))]


def test_tenths_begin_at_their_lower_edge() -> None:
    probabilities = [0.0, 0.1, 0.3, 0.6, 0.7, 0.9, 0.99]
    given = windows(dict(enumerate(probabilities)))
    assert list(bins(given, end=60)) == [0, 1, 3, 6, 7, 9]


def test_no_windows_have_no_bins_and_no_onsets() -> None:
    empty = np.empty(0, np.int64)
    given = Given(empty, empty, np.empty(0), np.empty(0, np.bool_))
    assert forecast_bins(given, every(given), T0) == []
    assert [len(values) for values in onsets(given, every(given))] == [0, 0, 0]


def test_an_onset_is_warned_of_from_the_first_window_of_the_run_of_warnings() -> None:
    given = windows({0: 0.1, 1: 0.6, 2: 0.7, 3: 0.5, 4: FAILS, 5: FAILS})
    assert began(given) == [(4, 1, 0.5)]


def test_one_quiet_window_does_not_end_a_run_and_two_do() -> None:
    assert began(windows({0: 0.6, 1: 0.1, 2: 0.6, 3: FAILS})) == [(3, 0, 0.6)]
    assert began(windows({0: 0.6, 1: 0.1, 2: 0.1, 3: 0.6, 4: FAILS})) == [(4, 3, 0.6)]


def test_a_warning_reaches_five_minutes_ahead() -> None:
    quiet = dict.fromkeys(range(1, 7), 0.1)
    assert began(windows({0: 0.6} | quiet | {5: FAILS})) == [(5, 0, 0.1)]
    assert began(windows({0: 0.6} | quiet | {6: FAILS})) == [(6, None, 0.1)]


def test_a_warning_that_never_ends_counts_from_fifteen_minutes_before() -> None:
    assert began(windows(dict.fromkeys(range(30), 0.6) | {30: FAILS})) == [(30, 15, 0.6)]


def test_a_failure_goes_on_until_five_minutes_without_one() -> None:
    quiet = dict.fromkeys(range(1, 12), 0.1)
    assert began(windows({0: FAILS} | quiet | {5: FAILS})) == [
        (0, None, pytest.approx(np.nan, nan_ok=True))
    ]
    assert [minute for minute, *_ in began(windows({0: FAILS} | quiet | {6: FAILS}))] == [0, 6]


def test_a_subject_that_was_not_seen_in_fifteen_minutes_could_not_be_forecast() -> None:
    (first,) = began(windows({0: 0.1, 16: FAILS}))
    assert np.isnan(first[2])
    assert began(windows({1: 0.1, 16: FAILS})) == [(16, None, 0.1)]


def test_a_failing_window_is_no_warning() -> None:
    assert began(windows({0: FAILS, 6: 0.1, 7: FAILS}))[1] == (7, None, 0.1)


def test_subjects_do_not_warn_of_each_other() -> None:
    given = windows({0: 0.9, 1: 0.9}, {0: 0.1, 2: FAILS})
    assert began(given) == [(2, None, 0.1)]


@each(
    st.dictionaries(
        st.tuples(st.integers(0, 3), st.integers(0, 40)),
        st.sampled_from([0.0, 0.3, 0.5, 0.9, FAILS]),
        min_size=1,
    ),
    st.randoms(use_true_random=False),
)
def test_the_order_of_windows_does_not_matter(rows: dict[tuple[int, int], float], random) -> None:
    def as_given(keys: list[tuple[int, int]]) -> Given:
        subject, minute = np.array(keys).T
        probability = np.array([rows[key] for key in keys])
        return Given(subject, T0 + minute * MINUTE, probability, probability == FAILS)

    keys = list(rows)
    shuffled = random.sample(keys, len(keys))
    one, other = as_given(keys), as_given(shuffled)
    assert bins(one, end=40) == bins(other, end=40)
    assert sorted(map(str, began(one))) == sorted(map(str, began(other)))


@each(st.dictionaries(st.integers(0, 40), st.sampled_from([0.0, 0.3, 0.5, 0.9, FAILS]), min_size=1))
def test_outcomes_are_those_of_the_definition(of_minute: dict[int, float]) -> None:
    failing = {minute for minute, p in of_minute.items() if p == FAILS}
    right = sum(
        any(minute + ahead in failing for ahead in range(1, 6))
        for minute in of_minute.keys() - failing
    )
    found = bins(windows(of_minute), end=60)
    assert sum(failed for _, failed in found.values()) == right
    assert sum(count for count, _ in found.values()) == len(of_minute.keys() - failing)
    new = [m for m in failing if not any(m - back in failing for back in range(1, 6))]
    assert [minute for minute, *_ in began(windows(of_minute))] == sorted(new)
