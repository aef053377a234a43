"""The anomaly score: strange mixes, single features far outside, what is usual for a subject."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import numpy as np
import pytest

from ml.anomaly import (
    _REACH,
    FAMILIAR_REACH,
    FORGIVEN_ERRORS,
    PSEUDO_CALLS,
    THRESHOLD,
    AnomalyModel,
    evidence,
    fitted_anomaly,
)
from ml.bundle import Bundle
from ml.features import FEATURES
from tests.windows import window

Floats = np.ndarray[Any, Any]
LEVELS = ("req_count", "avg_response_time", "max_response_time", "payload_mean", "unique_endpoints")
CALLS, ERRORS, AVG_MS = (
    FEATURES.index(name) for name in ("req_count", "error_rate", "avg_response_time")
)


def normal_features(number: int = 400) -> Floats:
    rng = np.random.default_rng(5)
    rows = [
        (n, 0.02 * rng.random(), t, t, 1000.0, 1, 0.3 * rng.random(), 0.1)
        for n, t in zip(rng.integers(20, 60, number), rng.gamma(9, 4, number), strict=True)
    ]
    return np.array(rows, np.float64)


CENTRE = np.median(normal_features(), axis=0)


def as_usual(number: int) -> Floats:
    return np.tile(CENTRE, (number, 1))


@pytest.fixture(scope="module")
def model() -> AnomalyModel:
    return fitted_anomaly(normal_features(), as_usual(400), CENTRE, 0)


def moved(**by: float) -> Floats:
    """The centre with some features moved, in units of `evidence`."""
    features = as_usual(1)
    for name, distance in by.items():
        column = FEATURES.index(name)
        features[0, column] = np.expm1(np.log1p(features[0, column]) + distance)
    return features


# Evidence


def test_counts_times_and_sizes_are_compared_by_ratio() -> None:
    one = np.array([[9.0, 0.0, 99.0, 999.0, 0.0, 1.0, 0.4, 1.5]])
    expected = [np.log(10), 0.0, np.log(100), np.log(1000), 0.0, np.log(2), 0.4, 1.5]
    assert evidence(one)[0] == pytest.approx(expected)


def test_few_errors_in_few_calls_are_weaker_evidence_than_in_many() -> None:
    features = normal_features(2)
    features[:, [CALLS, ERRORS]] = [(5, 0.4), (95, 0.4)]
    assert evidence(features)[:, ERRORS] == pytest.approx([0.2, 0.38])  # 2 / 10, 38 / 100


def test_errors_of_a_client_are_weaker_evidence_than_those_of_an_endpoint() -> None:
    features = normal_features(1)
    features[:, [CALLS, ERRORS]] = (5, 0.4)
    assert PSEUDO_CALLS["client"] == 10.0
    seen = evidence(features, pseudo_calls=PSEUDO_CALLS["client"])
    assert seen[0, ERRORS] == pytest.approx(2 / 15)


def test_what_is_usual_for_a_subject_looks_like_the_usual_of_all() -> None:
    usual = as_usual(1) * 7.0
    usual[0, ERRORS] = CENTRE[ERRORS]
    seen = evidence(usual, usual, CENTRE)
    expected = evidence(as_usual(1))
    assert np.delete(seen[0], ERRORS) == pytest.approx(np.delete(expected[0], ERRORS))
    twice = usual.copy()
    twice[0, AVG_MS] = 2 * usual[0, AVG_MS] + 1  # 1 + time: twice as much
    assert (evidence(twice, usual, CENTRE) - seen)[0, AVG_MS] == pytest.approx(np.log(2))


def test_of_the_errors_that_are_usual_at_most_a_fifth_is_forgiven() -> None:
    features, usual = as_usual(3), as_usual(3)
    features[:, [CALLS, ERRORS]] = [(95, 0.5)] * 3
    usual[:, ERRORS] = [0.1, 0.4, 0.9]
    forgiven = [0.1, FORGIVEN_ERRORS, FORGIVEN_ERRORS]
    expected = [(0.5 - less) * 0.95 for less in forgiven]
    assert evidence(features, usual, CENTRE)[:, ERRORS] == pytest.approx(expected)
    fewer = evidence(as_usual(1), usual[:1], CENTRE)
    assert fewer[0, ERRORS] == 0.0, "fewer errors than usual are none"


# Scores


def test_the_score_is_monotone_in_the_forests_score(model: AnomalyModel) -> None:
    features = normal_features()
    inside = (evidence(features, as_usual(400), CENTRE) <= model.highest).all(axis=1)
    features = features[inside]
    usual = as_usual(len(features))
    seen = np.maximum(evidence(features, usual, CENTRE), model.lowest)
    order = np.argsort(model.strangeness(seen))
    assert (np.diff(model.score(features, usual)[order]) >= 0).all()


def test_the_contamination_share_of_training_windows_scores_half_and_more(
    model: AnomalyModel,
) -> None:
    features, usual = normal_features(), as_usual(400)
    seen = np.maximum(evidence(features, usual, CENTRE), model.lowest)
    mix = model.strangeness(seen) >= model.threshold
    assert mix.mean() == pytest.approx(0.05, abs=0.005)
    assert ((model.score(features, usual) >= THRESHOLD) >= mix).all()


def with_evidence(name: str, target: float) -> tuple[Floats, Floats]:
    """The centre with one feature at a place in units of `evidence`; and what is usual."""
    features, usual = as_usual(1), as_usual(1)
    column = FEATURES.index(name)
    if name == "error_rate":
        features[0, CALLS] = usual[0, CALLS] = 1e12  # of so many calls errors are counted in full
        features[0, column] = usual[0, column] + target
    else:
        features[0, column] = np.expm1(target) if name in LEVELS else target
    return features, usual


@pytest.mark.parametrize("name", FEATURES)
def test_a_feature_beyond_all_that_was_seen_by_its_reach_scores_exactly_1(
    model: AnomalyModel, name: str
) -> None:
    highest = model.highest[FEATURES.index(name)]
    assert model.score(*with_evidence(name, highest + 1.001 * _REACH[name])).tolist() == [1.0]
    half = model.score(*with_evidence(name, highest + 0.501 * _REACH[name]))[0]
    assert THRESHOLD <= half < 1.0


def test_how_far_is_too_far_depends_on_what_is_usual(model: AnomalyModel) -> None:
    slow = moved(avg_response_time=np.log(40), max_response_time=np.log(40))
    assert model.score(slow, as_usual(1)).tolist() == [1.0]
    assert model.score(slow, slow)[0] < THRESHOLD, "always so slow"


def test_an_answer_that_is_faster_than_usual_is_not_strange(model: AnomalyModel) -> None:
    fast = as_usual(1)
    fast[0, [AVG_MS, AVG_MS + 1]] = 0.0
    assert model.score(fast, as_usual(1)) == pytest.approx(model.score(as_usual(1), as_usual(1)))


def test_a_window_close_to_a_false_alarm_is_none_and_far_from_it_is(model: AnomalyModel) -> None:
    alarm = moved(req_count=np.log(20))
    model = replace(model, harmless=evidence(alarm))
    assert model.score(alarm, as_usual(1)).tolist() == [0.0]
    for distance, share in ((0.99, 0.0), (1.5, 0.5), (2.0, 1.0), (3.0, 1.0)):
        beside = moved(req_count=np.log(20) + distance * FAMILIAR_REACH)
        assert model.score(beside, as_usual(1))[0] == pytest.approx(share, abs=0.01)


# Fits


def test_walking_the_forests_gives_what_scikit_learn_gives(bundle: Bundle) -> None:
    features = np.random.default_rng(0).normal(1.0, 2.0, (300, len(FEATURES)))
    for models in bundle.subjects.values():
        anomaly = models.anomaly
        expected = -anomaly.forest.score_samples(anomaly.scaler.transform(features))
        assert anomaly.strangeness(features) == pytest.approx(expected, abs=1e-12)


def test_the_forest_is_the_specified_one(bundle: Bundle) -> None:
    for models in bundle.subjects.values():
        assert models.anomaly.forest.n_estimators == 300
        assert models.anomaly.forest.contamination == 0.05


def test_the_same_windows_give_the_same_model(model: AnomalyModel) -> None:
    again = fitted_anomaly(normal_features(), as_usual(400), CENTRE, 0)
    given = np.array([[window()[name] for name in FEATURES]])
    assert again.score(given, as_usual(1)).tolist() == model.score(given, as_usual(1)).tolist()
