"""Which stored windows are normal: failures, incidents and verdicts are left out."""

from __future__ import annotations

from typing import Any

import numpy as np
import pandas as pd
import pytest

from ml.features import FEATURES, KEY
from ml.normal import CONFIRMED, FAILURE, FALSE_ALARM, INCIDENT, NORMAL, SHARED, left_out, near
from tests.rows import MINUTE, T0

ORDINARY = dict(zip(FEATURES, (10.0, 0.0, 100.0, 150.0, 1000.0, 1.0, 0.0, 0.0), strict=True))


def windows(*rows: dict[str, Any]) -> pd.DataFrame:
    """Windows of client u1, one a row, but for what is given; `minute` counts from T0."""
    ordinary = {
        **{"timestamp": T0, "subject": "client", "endpoint": "*", "method": "*", "client": "u1"},
        **ORDINARY,
        **{"risk_score": 0.1, "priority": "LOW", "thin": 0},
    }
    every = [{**ordinary, **row, "timestamp": T0 + row.get("minute", 0) * MINUTE} for row in rows]
    columns = [*ordinary]
    frame = pd.DataFrame({name: [row[name] for row in every] for name in columns})
    for name in ("subject", "endpoint", "method", "client", "priority"):
        frame[name] = pd.Series([row[name] for row in every], dtype=object)
    return frame


NONE = windows({})[:0]
HIGH = {"risk_score": 0.9, "priority": "HIGH"}
MEDIUM = {"risk_score": 0.6, "priority": "MEDIUM"}
OTHER = {"subject": "endpoint", "endpoint": "/search", "method": "GET", "client": None}


def why(given: pd.DataFrame, **verdicts: pd.DataFrame) -> list[str]:
    judged = {"false_alarms": given[:0], "confirmed": given[:0]} | verdicts
    return list(left_out(given, given, **judged))


@pytest.mark.parametrize(
    ("minutes", "expected"),
    [(0, True), (-10, True), (10, True), (-11, False), (11, False)],
)
def test_near_is_within_the_margin_before_and_after(minutes: int, expected: bool) -> None:
    assert near(windows({}), windows({"minute": minutes}), 10 * MINUTE).tolist() == [expected]


def test_near_is_of_the_same_subject_only() -> None:
    others = windows({"client": "u2"}, OTHER)
    assert not near(windows({}), others, 10 * MINUTE).any()
    assert near(windows({}, OTHER), others, 0).tolist() == [False, True]


def test_near_nothing_is_nothing() -> None:
    assert near(windows({}), windows({})[:0], MINUTE).tolist() == [False]
    assert near(windows({})[:0], windows({}), MINUTE).tolist() == []


def test_an_ordinary_window_is_normal() -> None:
    assert why(windows({}, OTHER)) == [NORMAL, NORMAL]


def test_ten_minutes_around_a_failure_are_left_out() -> None:
    found = why(windows({"error_rate": 0.31}, {"minute": 10}, {"minute": 11}, OTHER))
    assert found == [FAILURE, FAILURE, NORMAL, NORMAL]


def test_a_thin_failure_is_none() -> None:
    assert why(windows({"error_rate": 0.5, "thin": 1})) == [NORMAL]


def test_a_high_window_is_an_incident_with_what_is_medium_around_it() -> None:
    many = [{"minute": 20 + number} for number in range(10)]
    found = why(windows(HIGH, {"minute": 5, **MEDIUM}, {"minute": 6}, *many))
    assert found[:3] == [INCIDENT, INCIDENT, NORMAL]


def test_rare_medium_windows_are_left_out() -> None:
    ordinary = [{"minute": 1 + number} for number in range(19)]
    assert why(windows(MEDIUM, *ordinary))[0] == INCIDENT


def test_where_medium_is_usual_it_is_what_the_site_is_like() -> None:
    ordinary = [{"minute": 1 + number} for number in range(18)]
    assert why(windows(MEDIUM, *ordinary))[0] == NORMAL
    assert why(windows(MEDIUM, *ordinary, OTHER))[0] == NORMAL  # of its own kind of subject


def test_five_minutes_around_a_confirmed_window_are_left_out() -> None:
    given = windows({}, {"minute": 5}, {"minute": 6}, OTHER)
    assert why(given, confirmed=given[:1]) == [CONFIRMED, CONFIRMED, NORMAL, NORMAL]


def test_a_false_alarm_is_learnt_as_an_example_and_its_neighbours_stay_what_they_are() -> None:
    given = windows(HIGH, {"minute": 1, **HIGH}, *[{"minute": 30 + n} for n in range(40)])
    assert why(given, false_alarms=given[:1])[:3] == [FALSE_ALARM, INCIDENT, NORMAL]


def test_the_shared_window_of_many_clients_is_left_out() -> None:
    assert why(windows({"client": "(other)"})) == [SHARED]


def test_no_windows_are_no_reasons() -> None:
    assert len(left_out(NONE, NONE, NONE, NONE)) == 0


def test_the_order_of_rows_does_not_matter() -> None:
    given = windows(HIGH, {"minute": 3, **MEDIUM}, {"minute": 30}, {"error_rate": 1.0, **OTHER})
    order = np.array([2, 0, 3, 1])
    shuffled = given.iloc[order].reset_index(drop=True)
    assert why(shuffled) == [why(given)[row] for row in order]
    assert [*given.columns][:5] == [*KEY]
