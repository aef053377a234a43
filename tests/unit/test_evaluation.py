"""What counts as seen ahead, as a false warning, as a leak: on windows made by hand."""

from __future__ import annotations

from typing import Any

import numpy as np
import pandas as pd
import pytest

from datasets.evaluation.alarms import (
    false_warnings,
    leads,
    near_misses_warned,
    warning_threshold,
)
from datasets.evaluation.forecast import Truth, truth
from datasets.evaluation.plan import LeakError, Plan, refuse_leaks, refuse_shared
from datasets.evaluation.report import TARGETS
from datasets.evaluation.rules import closeness, straight_line
from datasets.evaluation.tables import reliability_svg, table
from datasets.evaluation.web_bots import session_folds
from datasets.sites import LEARNT, UNSEEN
from ml.features import FEATURES

MINUTE = 60_000


def minutes(count: int, endpoint: str = "/a", seed: int = 1, **columns: Any) -> pd.DataFrame:
    """A window of ten good calls in each minute of a calm run, but for what is given."""
    ordinary: dict[str, Any] = dict.fromkeys(FEATURES, 0.0) | {
        "req_count": 10,
        "avg_response_time": 100.0,
        "timestamp": (np.arange(count) + 10_000 * seed) * MINUTE,
        "subject": "endpoint",
        "endpoint": endpoint,
        "method": "GET",
        "client": None,
        "seed": seed,
        "episode": "",
        "gradual": False,
        "near_miss": False,
        "end": (count + 10_000 * seed) * MINUTE,
    }
    return pd.DataFrame(ordinary | columns, index=range(count))


def fault(count: int, begin: int, fails: int | None, **columns: Any) -> pd.DataFrame:
    """A run with a gradual fault from a minute to its end; it fails from another one on."""
    windows = minutes(count, **columns)
    windows.loc[begin:, ["episode", "gradual"]] = ["slow_dependency", True]
    if fails is not None:
        windows.loc[fails:, "avg_response_time"] = 900.0
    return windows


def warned(found: Truth, *at: int) -> np.ndarray:
    """A score of 1 in some minutes of the run, 0 in the others."""
    return np.isin(found.minute - found.minute.min(), at).astype(float)


def test_a_window_fails_soon_within_five_minutes() -> None:
    found = truth(fault(60, begin=20, fails=40))
    assert np.flatnonzero(found.soon & found.asked).tolist() == [35, 36, 37, 38, 39]


def test_windows_that_fail_or_whose_future_is_unknown_are_not_asked() -> None:
    found = truth(fault(60, begin=20, fails=50))
    assert not found.asked[50:].any()
    calm = truth(minutes(60))
    assert np.flatnonzero(~calm.asked).tolist() == [55, 56, 57, 58, 59]


def test_a_thin_window_does_not_fail() -> None:
    windows = fault(60, begin=20, fails=40)
    windows["req_count"] = 4
    found = truth(windows)
    assert not found.failing.any()
    assert found.faults.empty


@pytest.mark.parametrize(
    ("at", "lead"),
    [((39,), 1), ((37, 39), 3), ((5,), 0), ((40, 41), 0), ((), 0)],
    ids=["one minute", "the first counts", "before the fault", "too late", "never"],
)
def test_the_lead_is_from_the_first_warning_under_the_fault(at: tuple[int, ...], lead: int) -> None:
    found = truth(fault(60, begin=20, fails=40))
    assert found.faults[["family", "onset"]].to_numpy().tolist() == [["slow_dependency", 10_040]]
    assert leads(found, warned(found, *at), 0.5).tolist() == [lead]


def test_a_warning_about_another_endpoint_under_the_fault_counts() -> None:
    windows = pd.concat([fault(60, 20, 40), fault(60, 20, None, endpoint="/b")], ignore_index=True)
    found = truth(windows)
    score = np.where(found.windows["endpoint"] == "/b", warned(found, 30), 0.0)
    assert leads(found, score, 0.5).tolist() == [10]


def test_a_fault_that_never_hurts_is_none_to_be_seen() -> None:
    assert truth(fault(60, begin=20, fails=None)).faults.empty


def test_near_misses_stand_apart() -> None:
    windows = fault(60, begin=20, fails=None)
    windows["near_miss"] = windows["gradual"]
    found = truth(windows)
    assert near_misses_warned(found, warned(found, 30), 0.5) == 1.0
    assert near_misses_warned(found, warned(found, 5), 0.5) == 0.0
    assert near_misses_warned(truth(minutes(60)), np.zeros(60), 0.5) is None


def test_warnings_close_together_are_one_false_warning() -> None:
    found = truth(minutes(200))
    assert false_warnings(found, warned(found, 10, 11, 16), 0.5).tolist() == [1]
    assert false_warnings(found, warned(found, 10, 16), 0.5).tolist() == [2]


def test_a_warning_that_a_failure_follows_is_not_false() -> None:
    windows = minutes(200)
    windows.loc[100, "error_rate"] = 0.5
    found = truth(windows)
    assert false_warnings(found, warned(found, 75), 0.5).tolist() == [0]
    assert false_warnings(found, warned(found, 60), 0.5).tolist() == [1]
    assert false_warnings(found, warned(found, 110), 0.5).tolist() == [0]  # it recovers


def test_a_warning_under_a_fault_is_not_false() -> None:
    found = truth(fault(200, begin=20, fails=None))
    assert false_warnings(found, warned(found, 30), 0.5).tolist() == [0]
    assert found.quiet_days.tolist() == [20 / 1_440]


def test_calm_time_is_counted_once_whatever_the_number_of_endpoints() -> None:
    both = pd.concat([minutes(1_470), minutes(1_470, endpoint="/b")], ignore_index=True)
    assert truth(both).quiet_days.tolist() == [1.0]  # what follows the last half hour is not known


def test_the_warning_threshold_is_the_lowest_with_one_false_warning_a_day() -> None:
    found = truth(minutes(1_471 + 1_440))  # two days that count
    score = warned(found, 100) * 0.9 + warned(found, 300) * 0.8 + warned(found, 500) * 0.7
    threshold = warning_threshold(found, score, per_day=1.0)
    assert false_warnings(found, score, threshold).sum() == 2
    assert 0.7 < threshold <= 0.8


def test_closeness_is_the_nearer_of_both_limits() -> None:
    windows = minutes(2, avg_response_time=[400.0, 80.0], error_rate=[0.0, 0.15])
    assert closeness(windows).tolist() == [0.5, 0.5]


def test_the_straight_line_goes_on_for_five_minutes() -> None:
    windows = minutes(3, avg_response_time=[80.0, 160.0, 240.0])  # 80 ms more each minute
    line = straight_line(windows, np.zeros(3, np.int64))
    assert line.tolist() == pytest.approx([0.1, 0.2, 0.8])  # too few windows: closeness


def test_a_straight_line_does_not_cross_subjects_or_gaps() -> None:
    windows = minutes(3, avg_response_time=[80.0, 160.0, 240.0])
    assert straight_line(windows, np.array([0, 0, 1])).tolist() == pytest.approx([0.1, 0.2, 0.3])
    windows.loc[2, "timestamp"] += MINUTE
    assert straight_line(windows, np.zeros(3, np.int64))[2] == pytest.approx(0.3)


def test_training_thresholds_and_test_share_no_seed() -> None:
    refuse_leaks(Plan(), {"seed": 1})


@pytest.mark.parametrize("manifest", [{"seed": 30}, {"seed": 20}, {"seed": 80}, {"seeds": [8_003]}])
def test_models_that_know_the_test_are_refused(manifest: dict[str, Any]) -> None:
    with pytest.raises(LeakError, match="stand in training and"):
        refuse_leaks(Plan(), manifest)


def test_a_session_on_two_sides_is_refused() -> None:
    refuse_shared("sessions", ["a", "b"], ["c"])
    with pytest.raises(LeakError, match=r"sessions \['b'\] stand in training and test"):
        refuse_shared("sessions", ["a", "b"], ["b", "c"])


def test_all_windows_of_a_session_are_in_one_fold() -> None:
    session = pd.Series([f"s{number % 50}" for number in range(400)])
    fold = pd.Series(session_folds(session))
    assert (fold.groupby(session).nunique() == 1).all()
    assert fold.nunique() == 5


def test_faults_of_the_test_are_unknown_and_those_of_the_thresholds_are_learnt() -> None:
    assert {run.families for run in Plan().test_site_runs()} == {UNSEEN}
    assert {run.families for run in Plan().threshold_site_runs()} == {LEARNT}
    assert not {*UNSEEN} & {*LEARNT}


def test_the_page_names_the_targets_and_draws_the_curve() -> None:
    assert {target.path[0] for target in TARGETS} >= {"anomaly", "usage", "web_bots", "failure"}
    assert table(["a", "b"], [["x", "1"]]) == "| a | b |\n| --- | ---: |\n| x | 1 |"
    svg = reliability_svg([{"given": 0.5, "failed": 0.5, "windows": 100}])
    assert svg.startswith("<svg")
    assert svg.count("<circle") == 1
