"""What counts as failing, and the probability of it: labels and calibration."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest

from ml.bundle import Bundle
from ml.failure import (
    NEVER_CERTAIN,
    SMALLEST_VOTE,
    Calibration,
    _calibration,
    _together,
    fails_soon,
    fitted_failure,
    is_failing,
)
from ml.features import FEATURES
from ml.history import INPUTS
from ml.past import feature_matrix
from tests.rows import MINUTE, T0
from tests.windows import frame, window

Floats = np.ndarray[Any, Any]
VOTES = np.linspace(0, 1, 1001)


def seen(number: int = 3000) -> tuple[Floats, Floats]:
    """Inputs and the chance that each window fails soon: it rises with the second input."""
    inputs = np.random.default_rng(5).random((number, 4))
    return inputs, np.clip(inputs[:, 1] ** 2, 0, 1)


# Labels


@pytest.mark.parametrize(
    ("error_rate", "avg_ms", "failing"),
    [
        (0.3, 800.0, False),
        (0.31, 10.0, True),
        (0.0, 800.1, True),
        (1.0, np.nan, True),
        (0.0, np.nan, False),
    ],
)
def test_a_window_fails_above_30_percent_errors_or_800_ms(
    error_rate: float, avg_ms: float, failing: bool
) -> None:
    one = feature_matrix(frame(window(error_rate=error_rate, avg_response_time=avg_ms)))
    assert is_failing(one).tolist() == [failing]


def test_a_window_fails_soon_when_one_of_the_next_five_fails() -> None:
    minutes = np.arange(12)
    soon, known = fails_soon(
        np.zeros(12, np.int64), T0 + minutes * MINUTE, minutes == 8, np.full(12, T0 + 12 * MINUTE)
    )
    assert np.flatnonzero(soon).tolist() == [3, 4, 5, 6, 7]
    assert np.flatnonzero(~known).tolist() == [8, 9, 10, 11], "the next five are not all seen"
    assert known[6], "seen to fail before the data ends"


def test_a_failure_of_another_subject_is_no_label() -> None:
    at, end = np.array([T0, T0 + MINUTE]), np.full(2, T0 + 60 * MINUTE)
    soon, _ = fails_soon(np.array([0, 1]), at, np.array([False, True]), end)
    assert soon.tolist() == [False, False]


def test_a_window_that_overlaps_is_not_the_next() -> None:
    at = T0 + np.array([0, 20_000, 60_000])
    failing, end = np.array([False, True, False]), np.full(3, T0 + 60 * MINUTE)
    assert fails_soon(np.zeros(3, np.int64), at, failing, end)[0].tolist() == [False] * 3


# Calibration


def test_a_calibration_with_even_weights_is_the_log_odds_of_the_votes() -> None:
    given = Calibration(1.0, 1.0, 0.0).probability(np.array([0.1, 0.5, 0.9]))
    assert given == pytest.approx([0.1, 0.5, 0.9])
    shifted = Calibration(1.0, 1.0, float(np.log(1 / 9))).probability(np.array([0.5]))
    assert shifted == pytest.approx([0.1]), "odds of 1 to 9"


def test_what_has_not_begun_is_never_certain_and_no_vote_is_too_small_to_say() -> None:
    sharp = Calibration(5.0, 5.0, 5.0)
    assert sharp.probability(np.array([1.0])).tolist() == [NEVER_CERTAIN]
    ends = sharp.probability(np.array([0.0, SMALLEST_VOTE]))
    assert 0 < ends[0] == ends[1]


@pytest.mark.parametrize("case", ["honest", "timid", "bold", "one sided", "noise"])
def test_more_votes_give_a_higher_probability_whatever_was_held_back(case: str) -> None:
    rng = np.random.default_rng(7)
    votes = rng.random(4000)
    chance = {
        "honest": votes,
        "timid": votes**0.3,
        "bold": votes**4,
        "one sided": np.where(votes > 0.9, 0.2, 0.02),
        "noise": np.full(4000, 0.3) + 0.05 * votes,
    }[case]
    inside = VOTES[(VOTES > SMALLEST_VOTE) & (VOTES < 1 - SMALLEST_VOTE)]
    given = _calibration(votes, rng.random(4000) < chance).probability(inside)
    below = given < NEVER_CERTAIN
    assert (np.diff(given[below]) > 0).all()
    assert (np.diff(given) >= 0).all()


def test_votes_that_say_the_opposite_never_turn_the_order_round() -> None:
    rng = np.random.default_rng(8)
    votes = rng.random(4000)
    given = _calibration(votes, rng.random(4000) > votes).probability(VOTES)
    assert (np.diff(given) >= 0).all()


@pytest.mark.parametrize("power", [0.5, 1.0, 3.0])
def test_a_calibration_finds_how_often_a_vote_was_right(power: float) -> None:
    rng = np.random.default_rng(9)
    votes = rng.random(20_000)
    given = _calibration(votes, rng.random(20_000) < votes**power)
    at = np.array([0.1, 0.3, 0.5, 0.7, 0.9])
    assert given.probability(at) == pytest.approx(at**power, abs=0.05)


# Fits


def test_probabilities_are_calibrated_on_groups_held_back() -> None:
    inputs, chance = seen()
    soon = np.random.default_rng(0).random(3000) < chance
    given = fitted_failure(inputs, soon, np.arange(3000) % 9, 0).probability(inputs)
    for low, high in ((0.0, 0.2), (0.2, 0.5), (0.5, 1.0)):
        chosen = (given >= low) & (given < high)
        assert given[chosen].mean() == pytest.approx(chance[chosen].mean(), abs=0.07)


def test_without_a_failure_to_learn_from_the_probability_is_small_and_constant() -> None:
    inputs, _ = seen(400)
    never = np.zeros(400, np.bool_)
    model = fitted_failure(inputs, never, np.zeros(400, np.int64), 0)
    assert model.probability(inputs[:3]).tolist() == pytest.approx([1 / 402] * 3)
    always = fitted_failure(inputs, ~never, np.zeros(400, np.int64), 0)
    assert always.probability(inputs[:1]).tolist() == [NEVER_CERTAIN]


def test_one_group_alone_still_gives_the_right_level() -> None:
    inputs, _ = seen(1000)
    soon = np.random.default_rng(0).random(1000) < 0.2
    model = fitted_failure(inputs, soon, np.zeros(1000, np.int64), 0)
    assert model.probability(inputs).mean() == pytest.approx(0.2, abs=0.1)


def test_forests_with_views_of_their_own_are_joined_by_their_log_odds() -> None:
    joined = _together([np.array([0.9, 0.5]), np.array([0.5, 0.5])], 2)
    assert joined == pytest.approx([0.75, 0.5])  # odds of 9 and 1: 3, the geometric mean
    assert _together([], 3).tolist() == [0.5] * 3


def test_each_forest_looks_at_the_columns_of_its_view_alone() -> None:
    inputs, chance = seen()
    soon = np.random.default_rng(0).random(3000) < chance
    views = (slice(0, 2), slice(2, 4))
    model = fitted_failure(inputs, soon, np.arange(3000) % 9, 0, views)
    assert [view.forest.n_features_in_ for view in model.views] == [2, 2]
    votes = [view.shares.mean(inputs[:, view.columns]) for view in model.views]
    expected = model.calibration.probability(_together(votes, 3000))
    assert model.probability(inputs).tolist() == expected.tolist()
    assert np.corrcoef(votes[0], chance)[0, 1] > 0.8 > np.corrcoef(votes[1], chance)[0, 1]


def test_walking_the_forests_gives_what_scikit_learn_gives(bundle: Bundle) -> None:
    for models in bundle.subjects.values():
        for _, forest, shares in models.failure.views:
            inputs = np.random.default_rng(0).normal(1, 3, (300, forest.n_features_in_))
            expected = forest.predict_proba(inputs.astype(np.float32))[:, 1]
            assert shares.mean(inputs) == pytest.approx(expected, abs=1e-12)


def test_the_forests_are_the_specified_ones(bundle: Bundle) -> None:
    for models in bundle.subjects.values():
        for view in models.failure.views:
            assert view.forest.n_estimators == 300
            assert view.forest.max_depth == 15
            assert view.forest.class_weight == "balanced"


def test_of_endpoints_one_forest_sees_the_last_hour_and_one_the_window(bundle: Bundle) -> None:
    inputs = {
        kind: [view.forest.n_features_in_ for view in models.failure.views]
        for kind, models in bundle.subjects.items()
    }
    assert inputs == {"endpoint": [len(INPUTS), len(FEATURES)], "client": [len(FEATURES)]}
