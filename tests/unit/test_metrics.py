"""Figures on cases worked out by hand, and properties that hold for any."""

from __future__ import annotations

import numpy as np
import pytest
from numpy.typing import NDArray

from ml.metrics import (
    Ranking,
    average_precision,
    brier,
    brier_skill,
    confusion,
    macro_f1,
    median,
    poisson_interval,
    recall_at_fpr,
    reliability,
    roc_auc,
    share_over,
    threshold_at,
    with_intervals,
)


def labels(text: str) -> NDArray[np.bool_]:
    """`+` is True, `-` False."""
    return np.array([letter == "+" for letter in text])


def test_roc_auc_is_the_share_of_pairs_in_the_right_order() -> None:
    # Pairs of + and -: 0.9 beats both, 0.4 beats 0.1 alone: 3 of 4.
    assert roc_auc(labels("+-+-"), np.array([0.9, 0.6, 0.4, 0.1])) == 0.75


def test_a_tie_counts_half() -> None:
    assert roc_auc(labels("+-"), np.array([0.5, 0.5])) == 0.5


def test_average_precision_is_the_mean_precision_at_each_positive() -> None:
    # Positives at rank 1 and 3: (1/1 + 2/3) / 2.
    found = average_precision(labels("+-+-"), np.array([0.9, 0.6, 0.4, 0.1]))
    assert found == pytest.approx(5 / 6)


def test_one_label_alone_has_no_ranking() -> None:
    assert roc_auc(labels("++"), np.array([0.1, 0.2])) is None
    assert average_precision(labels("--"), np.array([0.1, 0.2])) is None
    assert roc_auc(labels(""), np.array([])) is None
    assert roc_auc(labels("+-"), np.array([0.1, 0.2]), np.array([1.0, 0.0])) is None


def test_rankings_agree_with_scikit_learn_with_ties_and_weights() -> None:
    from sklearn.metrics import average_precision_score, roc_auc_score

    rng = np.random.default_rng(1)
    label = rng.random(500) < 0.2
    score = np.round(rng.random(500) + 0.3 * label, 1)
    weight = rng.integers(0, 4, 500).astype(float)
    ranking = Ranking(label, score)
    assert ranking.roc_auc(weight) == pytest.approx(
        roc_auc_score(label, score, sample_weight=weight)
    )
    assert ranking.average_precision(weight) == pytest.approx(
        average_precision_score(label, score, sample_weight=weight)
    )


def test_a_weight_of_two_is_the_row_twice() -> None:
    label, score = labels("+-+-"), np.array([0.9, 0.6, 0.4, 0.1])
    twice = np.array([1.0, 2.0, 1.0, 1.0])
    assert roc_auc(label, score, twice) == roc_auc(labels("+--+-"), score[[0, 1, 1, 2, 3]])


def test_no_more_negatives_reach_the_threshold_than_allowed() -> None:
    negatives = np.arange(200) / 200
    for rate in (0.0, 0.01, 0.05):
        threshold = threshold_at(negatives, rate)
        assert (negatives >= threshold).mean() == pytest.approx(rate)


def test_ties_at_the_threshold_stay_below_it() -> None:
    assert (np.full(100, 0.7) >= threshold_at(np.full(100, 0.7), 0.01)).sum() == 0


@pytest.mark.parametrize(("negatives", "rate"), [(np.array([]), 0.01), (np.ones(3), 1.0)])
def test_a_threshold_of_nothing_or_of_all_is_refused(
    negatives: NDArray[np.float64], rate: float
) -> None:
    with pytest.raises(ValueError, match=r"got none|rate=1\.0"):
        threshold_at(negatives, rate)


def test_recall_at_a_rate_is_the_share_of_positives_above_its_threshold() -> None:
    negatives, positives = np.arange(100) / 100, np.array([0.5, 0.985, 0.99, 2.0])
    label = np.append(np.zeros(100, bool), np.ones(4, bool))
    # 0.99 may reach the threshold, 0.98 may not: it lies right above that.
    assert recall_at_fpr(label, np.append(negatives, positives), 0.01) == 0.75


def test_share_over_counts_weights() -> None:
    assert share_over(np.array([0.2, 0.8]), 0.8, np.array([1.0, 3.0])) == 0.75
    assert share_over(np.array([]), 0.5) is None


def test_brier_skill_is_one_for_the_truth_zero_for_the_base_rate_and_negative_below() -> None:
    label = labels("+---")
    assert brier_skill(label, label.astype(float)) == 1.0
    assert brier_skill(label, np.full(4, 0.25)) == pytest.approx(0.0)
    assert brier(label, np.full(4, 0.5)) == 0.25
    assert brier_skill(label, np.full(4, 0.5)) == pytest.approx(1 - 0.25 / (0.25 * 0.75))
    assert brier_skill(labels("----"), np.full(4, 0.1)) is None


def test_reliability_has_one_line_for_each_tenth_that_occurs() -> None:
    rows = reliability(labels("-+-+"), np.array([0.02, 0.04, 0.5, 1.0]))
    assert [(row.low, row.windows, row.given, row.failed) for row in rows] == [
        (0.0, 2, pytest.approx(0.03), 0.5),
        (0.5, 1, 0.5, 0.0),
        (0.9, 1, 1.0, 1.0),
    ]


def test_macro_f1_is_the_mean_over_classes_that_occur() -> None:
    truth = np.array(["a", "a", "b", "b"], object)
    said = np.array(["a", "b", "b", "b"], object)
    table = confusion(truth, said, ["a", "b", "c"])
    assert table.tolist() == [[1, 1, 0], [0, 2, 0], [0, 0, 0]]
    assert macro_f1(table) == pytest.approx((2 / 3 + 4 / 5) / 2)  # c does not occur
    assert macro_f1(np.zeros((3, 3))) is None


def test_median_repeats_values_by_weight() -> None:
    assert median(np.array([1.0, 9.0]), np.array([3.0, 1.0])) == 1.0
    assert median(np.array([1.0]), np.array([0.0])) is None


def test_an_interval_comes_from_groups_and_not_from_rows() -> None:
    # Two groups of a thousand equal rows each: rows would say 0.50 +- 0.02.
    value = np.repeat([0.0, 1.0], 1000)
    found = with_intervals(
        np.repeat([7, 8], 1000), {"mean": lambda weight: float(np.average(value, weights=weight))}
    )
    assert found["mean"] == 0.5
    assert found["interval"]["mean"] == [0.0, 1.0]


def test_an_interval_is_the_same_for_the_same_seed_and_unknown_for_one_group() -> None:
    value = np.arange(20.0)

    def mean(weight: NDArray[np.float64]) -> float:
        return float(np.average(value, weights=weight))

    one, other = (with_intervals(np.arange(20), {"mean": mean}) for _ in range(2))
    assert one == other
    low, high = one["interval"]["mean"]
    assert low < one["mean"] < high
    assert with_intervals(np.zeros(20), {"mean": mean})["interval"] == {"mean": None}


def test_a_figure_that_is_rarely_defined_has_no_interval() -> None:
    found = with_intervals(np.arange(5), {"never": lambda _: None})
    assert found == {"never": None, "interval": {"never": None}}


@pytest.mark.parametrize(
    ("count", "low", "high"), [(0, 0.0, 3.689), (3, 0.619, 8.767), (10, 4.795, 18.390)]
)
def test_the_interval_of_a_count_is_that_of_the_published_tables(
    count: int, low: float, high: float
) -> None:
    assert poisson_interval(count) == pytest.approx([low, high], abs=2e-3)
    assert poisson_interval(count, 0.5) == pytest.approx([low / 2, high / 2], abs=2e-3)
