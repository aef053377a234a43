"""Population stability index, worked by hand, and its properties."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from numpy.typing import NDArray

from ml.drift import psi, reading, reference
from ml.features import FEATURES

COLUMNS = len(FEATURES)
AVG_MS = FEATURES.index("avg_response_time")


def features(*values: float) -> NDArray[np.float64]:
    """Windows of which each feature has the same value."""
    return np.tile(np.array(values, np.float64)[:, None], (1, COLUMNS))


def test_the_index_of_three_bins_is_what_the_formula_says() -> None:
    training = reference(features(0, 0, 0, 1))
    assert [edges.tolist() for edges in training.edges] == [[0.0, 1.0]] * COLUMNS
    # Up to 0, up to 1, above: 3, 1, 0 of 4 in training, 1, 2, 1 of 4 now; 0.001 more in each.
    # 0.4985 * ln(0.751 / 0.251) + 0.2493 * ln(0.501 / 0.251) + 0.2493 * ln(0.251 / 0.001)
    by_hand = 0.5463 + 0.1723 + 1.3773
    assert psi(training, features(0, 1, 1, 2)) == pytest.approx([by_hand] * COLUMNS, abs=2e-4)


def test_a_value_that_most_windows_share_is_a_bin_of_its_own() -> None:
    training = reference(features(*[0.0] * 80, *np.linspace(0.1, 1, 20)))
    assert training.counts[0].tolist()[0] == 80
    assert sum(training.counts[0]) == 100


def test_a_constant_feature_drifts_when_it_moves_up() -> None:
    training = reference(features(*[0.0] * 100))
    assert psi(training, features(*[0.0] * 50))[0] == 0
    assert psi(training, features(*[0.5] * 50))[0] > 5


def test_a_feature_that_is_not_known_is_left_out() -> None:
    training = features(*range(100))
    now = training.copy()
    now[:50, AVG_MS] = np.nan
    index = psi(reference(training), now)
    assert index[AVG_MS] > 0.25, "the upper half alone"
    assert np.delete(index, AVG_MS) == pytest.approx(0)
    now[:, AVG_MS] = np.nan
    assert np.flatnonzero(np.isnan(psi(reference(training), now))).tolist() == [AVG_MS]
    assert np.flatnonzero(np.isnan(psi(reference(now), training))).tolist() == [AVG_MS]


def test_digits_that_a_store_rounds_away_do_not_matter() -> None:
    shares = 1 - 1 / np.arange(2, 40)
    rounded = [float(f"{value:.15g}") for value in shares]
    assert rounded != shares.tolist()
    assert psi(reference(features(*shares)), features(*rounded)).tolist() == [0.0] * COLUMNS


@pytest.mark.parametrize("shape", [(0, 8), (3, 7), (8,)])
def test_no_window_and_other_than_8_features_are_refused(shape: tuple[int, ...]) -> None:
    with pytest.raises(
        ValueError, match=r"features have the shape \(.*it must be \(n_windows, 8\)"
    ):
        reference(np.zeros(shape))
    with pytest.raises(ValueError, match="features have the shape"):
        psi(reference(features(1)), np.zeros(shape))


finite = st.floats(-1e9, 1e9)


@given(st.lists(finite, min_size=1, max_size=60))
def test_the_same_sample_has_not_drifted(values: list[float]) -> None:
    sample = features(*values)
    assert psi(reference(sample), sample).tolist() == [0.0] * COLUMNS


@given(st.lists(finite, min_size=1, max_size=60), st.lists(finite, min_size=1, max_size=60))
def test_the_index_is_never_negative_and_knows_no_order(
    training: list[float], now: list[float]
) -> None:
    index = psi(reference(features(*training)), features(*now))
    assert (index >= 0).all()
    again = psi(reference(features(*training[::-1])), features(*now[::-1]))
    assert again.tolist() == index.tolist()


def test_the_index_grows_with_the_shift() -> None:
    draw = np.random.default_rng(0).normal(size=(2000, COLUMNS))
    training = reference(draw)
    indices = np.array([psi(training, draw + shift) for shift in (0, 0.2, 0.5, 1, 2, 4)])
    assert (np.diff(indices, axis=0) > 0).all()


def test_chance_alone_gives_about_nine_by_the_number_of_windows() -> None:
    draw = np.random.default_rng(0).normal(size=(20_000, COLUMNS))
    training = reference(draw[:10_000])
    hours = draw[10_000:].reshape(50, 200, COLUMNS)
    mean = np.mean([psi(training, hour) for hour in hours])
    assert mean == pytest.approx(9 / 200, rel=0.15)


@pytest.mark.parametrize(
    ("index", "expected"),
    [(0.0, "stable"), (0.099, "stable"), (0.1, "moving"), (0.25, "moving"), (0.251, "drifted")],
)
def test_the_usual_reading(index: float, expected: str) -> None:
    assert reading(index) == expected
