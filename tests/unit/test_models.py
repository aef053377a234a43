"""The three models and the bundle: labels, names, thin windows, scores."""

from __future__ import annotations

from typing import Any

import numpy as np
import pandas as pd
import pytest

from datasets.synthetic import Run
from jobs.training import train_factory
from ml.anomaly import THRESHOLD, evidence, fitted_anomaly
from ml.bundle import SCORES, Bundle
from ml.failure import NEVER_CERTAIN, fails_soon, fitted_failure, is_failing
from ml.features import FEATURES, KEY
from ml.past import CONTEXT_MS, feature_matrix, past_means
from ml.usage import cluster_names, fitted_usage
from tests.rows import MINUTE, T0

ORDINARY: dict[str, Any] = {
    "timestamp": T0,
    "subject": "endpoint",
    "endpoint": "/search",
    "method": "GET",
    "client": None,
    "req_count": 100,
    "error_rate": 0.01,
    "avg_response_time": 10.0,
    "max_response_time": 25.0,
    "payload_mean": 1300.0,
    "unique_endpoints": 1,
    "repeat_rate": 0.2,
    "status_entropy": 0.08,
}
CLIENT = {"subject": "client", "endpoint": "*", "method": "*", "client": "u1"}


@pytest.fixture(scope="module")
def trained() -> tuple[Bundle, dict[str, Any]]:
    """Models of two hours of traffic: enough to see how they behave, not how good they can be."""
    runs = [Run(seed, 40, hour=6 * seed % 24, episodes=seed > 0) for seed in range(3)]
    return train_factory(seed=1, runs=runs)


@pytest.fixture(scope="module")
def bundle(trained: tuple[Bundle, dict[str, Any]]) -> Bundle:
    return trained[0]


def window(**fields: Any) -> dict[str, Any]:
    return ORDINARY | fields


def frame(*rows: dict[str, Any]) -> pd.DataFrame:
    columns = [*KEY, *FEATURES]
    return pd.DataFrame(rows, columns=columns).astype(dict.fromkeys(KEY[1:], object))


NOTHING = frame()


def score(bundle: Bundle, *rows: dict[str, Any], past: pd.DataFrame = NOTHING) -> pd.DataFrame:
    return bundle.score(frame(*rows), past, min_calls=5)


def some_windows(number: int = 60) -> list[dict[str, Any]]:
    rng = np.random.default_rng(1)
    drawn = [
        {
            "timestamp": T0 + MINUTE * int(rng.integers(20)),
            "req_count": int(rng.integers(1, 40)),
            "error_rate": float(rng.random() ** 4),
            "avg_response_time": float(rng.gamma(2, 30)),
            "status_entropy": float(rng.random()),
        }
        for _ in range(number)
    ]
    kinds = [CLIENT | {"client": f"u{n % 7}"} if n % 2 else {} for n in range(number)]
    return [window(**one, **kind) for one, kind in zip(drawn, kinds, strict=True)]


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
    soon, _ = fails_soon(
        np.array([0, 1]),
        np.array([T0, T0 + MINUTE]),
        np.array([False, True]),
        np.full(2, T0 + 60 * MINUTE),
    )
    assert soon.tolist() == [False, False]


def test_a_window_that_overlaps_is_not_the_next() -> None:
    at = T0 + np.array([0, 20_000, 60_000])
    failing, end = np.array([False, True, False]), np.full(3, T0 + 60 * MINUTE)
    assert fails_soon(np.zeros(3, np.int64), at, failing, end)[0].tolist() == [False] * 3


# The past, and thin windows


def test_the_past_mean_is_weighted_by_calls_and_reaches_back_15_minutes() -> None:
    past = frame(
        window(timestamp=T0 - MINUTE, req_count=30, error_rate=0.1),
        window(timestamp=T0 - CONTEXT_MS, req_count=10, error_rate=0.3),
        window(timestamp=T0 - CONTEXT_MS - 1, req_count=1000, error_rate=1.0),  # too old
        window(timestamp=T0 - MINUTE, endpoint="/other", error_rate=1.0),
    )
    means = past_means(frame(window()), past, np.array([True]))
    assert means[0, 0] == 25.0  # (30 * 30 + 10 * 10) / 40
    assert means[0, 1] == pytest.approx(0.15)  # (30 * 0.1 + 10 * 0.3) / 40


def test_a_failing_window_is_no_past_so_that_a_call_after_an_outage_is_no_outage() -> None:
    past = frame(
        window(timestamp=T0 - 2 * MINUTE, req_count=10, error_rate=0.1),
        window(timestamp=T0 - MINUTE, req_count=90, error_rate=1.0),
    )
    means = past_means(frame(window()), past, np.array([True]))
    assert means[0, 1] == pytest.approx(0.1)


def test_the_past_of_unknown_times_is_unknown() -> None:
    past = frame(
        window(timestamp=T0 - MINUTE, avg_response_time=np.nan),
        window(timestamp=T0 - 2 * MINUTE, avg_response_time=40.0),
    )
    times = past_means(frame(window()), past, np.array([True]))[0, 2]
    assert times == 40.0
    alone = past_means(frame(window()), past[:1], np.array([True]))[0, 2]
    assert np.isnan(alone)


def test_windows_scored_together_are_each_others_past() -> None:
    two = frame(window(), window(timestamp=T0 + MINUTE, error_rate=0.9))
    means = past_means(two, NOTHING, np.array([True, True]))
    assert np.isnan(means[0]).all()
    assert means[1].tolist() == feature_matrix(two)[0].tolist()


def test_a_thin_window_is_scored_as_if_its_missing_calls_were_of_its_past(bundle: Bundle) -> None:
    usual = window(timestamp=T0 - MINUTE, req_count=10, error_rate=0.1, repeat_rate=0.0)
    thin = score(bundle, window(req_count=2, error_rate=1.0, repeat_rate=0.5), past=frame(usual))
    blend = {"req_count": 6.8, "error_rate": 0.46, "repeat_rate": 0.2}  # (2 * x + 3 * past) / 5
    whole = score(bundle, window(**blend))
    assert thin.anomaly_score[0] == pytest.approx(whole.anomaly_score[0], abs=1e-12)
    assert thin.thin.tolist() == [1]
    assert whole.thin.tolist() == [0]


def test_a_window_of_just_enough_calls_is_not_thin(bundle: Bundle) -> None:
    assert score(bundle, window(req_count=5)).thin.tolist() == [0]
    assert score(bundle, window(req_count=4)).thin.tolist() == [1]


def test_one_failed_call_in_two_is_not_high(bundle: Bundle) -> None:
    for kind in ({}, CLIENT):
        half = window(req_count=2, error_rate=0.5, status_entropy=1.0, **kind)
        scored = score(bundle, half)
        assert scored.priority.tolist() != ["HIGH"]
        assert scored.failure_probability[0] < 1.0


def test_a_thin_window_is_never_high(bundle: Bundle) -> None:
    worst = {
        "req_count": 4,
        "error_rate": 1.0,
        "avg_response_time": 30_000.0,
        "payload_mean": 1e9,
        "repeat_rate": 0.75,
    }
    past = frame(*(window(timestamp=T0 - n * MINUTE, **worst) for n in range(1, 10)))
    scored = score(bundle, window(**worst), past=past)
    assert scored.anomaly_score[0] == 1.0
    assert scored.risk_score[0] <= 0.7999
    assert scored.priority.tolist() == ["MEDIUM"]


# Scores


def test_a_total_outage_is_high(bundle: Bundle) -> None:
    for calls in (5, 20, 500):
        scored = score(bundle, window(req_count=calls, error_rate=1.0, status_entropy=0.0))
        assert scored.anomaly_score.tolist() == [1.0]
        assert scored.failure_probability.tolist() == [1.0]
        assert scored.risk_score[0] >= 0.8
        assert scored.priority.tolist() == ["HIGH"]


def test_scores_lie_between_0_and_1_and_say_what_they_are(bundle: Bundle) -> None:
    scored = score(bundle, *some_windows())
    for name in ("anomaly_score", "failure_probability", "risk_score"):
        assert scored[name].between(0, 1).all()
    assert (scored.is_anomaly == (scored.anomaly_score >= 0.5)).all()
    assert set(scored.usage_cluster) <= {"normal", "heavy", "bot"}
    assert (scored.thin == (scored.req_count < 5)).all()


def test_only_what_fails_now_is_certain_to_fail(bundle: Bundle) -> None:
    scored = score(bundle, *some_windows())
    failing = is_failing(feature_matrix(scored)) & (scored.thin == 0)
    assert ((scored.failure_probability == 1) == failing).all()
    assert (scored.failure_probability[~failing] <= NEVER_CERTAIN).all()


def test_the_order_of_windows_does_not_change_their_scores(bundle: Bundle) -> None:
    rows = frame(*some_windows())
    order = np.random.default_rng(3).permutation(len(rows))
    shuffled = bundle.score(rows.iloc[order], NOTHING, min_calls=5)
    pd.testing.assert_frame_equal(
        shuffled.sort_index(), bundle.score(rows, NOTHING, min_calls=5), check_exact=True
    )


def test_a_window_scores_the_same_alone_and_among_others(bundle: Bundle) -> None:
    rows = [row | {"client": f"c{n}"} for n, row in enumerate(some_windows(30))]
    rows = [row | {"endpoint": f"/e{n}"} for n, row in enumerate(rows)]
    together = score(bundle, *rows)
    alone = pd.concat([score(bundle, row) for row in rows], ignore_index=True)
    pd.testing.assert_frame_equal(together, alone, check_exact=True)


def test_no_window_gets_no_score(bundle: Bundle) -> None:
    scored = score(bundle)
    assert len(scored) == 0
    assert set(SCORES) <= set(scored.columns)


def test_unknown_response_times_are_scored_as_usual_ones(bundle: Bundle) -> None:
    unknown = {"avg_response_time": np.nan, "max_response_time": np.nan}
    usual = dict(zip(FEATURES, bundle.subjects["endpoint"].median, strict=True))
    known = {name: usual[name] for name in unknown}
    one, other = score(bundle, window(**unknown)), score(bundle, window(**known))
    assert one[list(SCORES)].equals(other[list(SCORES)])


def test_what_the_store_gives_back_is_good_as_past(bundle: Bundle) -> None:
    past = frame(window(timestamp=T0 - MINUTE, avg_response_time=None)).astype(object)
    assert score(bundle, window(req_count=2), past=past).anomaly_score.notna().all()


def test_stray_requests_are_no_outage_of_unmatched_paths(bundle: Bundle) -> None:
    stray = {"endpoint": "(unmatched)", "error_rate": 1.0, "repeat_rate": 0.5, "req_count": 6}
    assert score(bundle, window(**stray)).priority.tolist() != ["HIGH"]


# The single models


def normal_features(number: int = 400) -> np.ndarray[Any, Any]:
    rng = np.random.default_rng(5)
    rows = [
        (n, 0.02 * rng.random(), t, 2 * t, 1000.0, 1, 0.3 * rng.random(), 0.1)
        for n, t in zip(rng.integers(20, 60, number), rng.gamma(9, 4, number), strict=True)
    ]
    return np.array(rows, np.float64)


def test_the_anomaly_score_is_monotone_in_the_forests_score() -> None:
    features = normal_features()
    model = fitted_anomaly(features, 0)
    inside = evidence(features) <= model.highest
    features = features[inside.all(axis=1)]
    order = np.argsort(model.strangeness(evidence(features)))
    assert (np.diff(model.score(features)[order]) >= 0).all()


def test_the_contamination_share_of_training_windows_scores_half_and_more() -> None:
    features = normal_features()
    model = fitted_anomaly(features, 0)
    mix = model.strangeness(evidence(features)) >= model.threshold
    assert mix.mean() == pytest.approx(0.05, abs=0.005)
    assert ((model.score(features) >= THRESHOLD) >= mix).all()


def test_a_feature_far_above_everything_seen_scores_exactly_1() -> None:
    model = fitted_anomaly(normal_features(), 0)
    far = normal_features(1)
    far[0, FEATURES.index("avg_response_time")] = 60_000.0
    assert model.score(far).tolist() == [1.0]


def test_few_errors_in_few_calls_are_weaker_evidence_than_in_many() -> None:
    few, many = normal_features(1), normal_features(1)
    few[0, :2], many[0, :2] = (5, 0.4), (95, 0.4)
    assert evidence(few)[0, 1] == pytest.approx(0.2)  # 2 / (5 + 5)
    assert evidence(many)[0, 1] == pytest.approx(0.38)  # 38 / (95 + 5)


def test_walking_the_forests_gives_what_scikit_learn_gives(bundle: Bundle) -> None:
    features = np.nan_to_num(feature_matrix(frame(*some_windows())))
    for models in bundle.subjects.values():
        seen, anomaly = evidence(features), models.anomaly
        scaled = anomaly.scaler.transform(seen)
        expected = -anomaly.forest.score_samples(scaled)
        assert anomaly.strangeness(seen) == pytest.approx(expected, abs=1e-12)
        assert models.failure.shares is not None
        shares = models.failure.shares.mean(features)
        inputs = features.astype(np.float32)
        assert shares == pytest.approx(models.failure.forest.predict_proba(inputs)[:, 1], abs=1e-12)


def test_the_models_are_the_specified_ones(bundle: Bundle) -> None:
    for models in bundle.subjects.values():
        assert models.anomaly.forest.n_estimators == 300
        assert models.anomaly.forest.contamination == 0.05
        assert models.failure.forest.n_estimators == 300
        assert models.failure.forest.max_depth == 15
        assert models.failure.forest.class_weight == "balanced"


def test_clusters_are_named_by_their_centres() -> None:
    centres = np.array(
        [  # log calls, log endpoints, repeat_rate, status_entropy
            [3.6, 1.2, 0.1, 0.6],
            [3.0, 0.7, 0.8, 0.0],
            [1.5, 0.9, 0.0, 0.2],
        ]
    )
    assert cluster_names(centres) == ("heavy", "bot", "normal")
    assert cluster_names(centres[::-1]) == ("normal", "bot", "heavy")


def test_three_kinds_of_clients_fall_into_their_clusters() -> None:
    rng = np.random.default_rng(0)
    kinds = {"normal": (4, 0.0, 0.2), "heavy": (60, 0.1, 0.6), "bot": (30, 0.95, 0.0)}
    rows, names = [], []
    for name, (calls, repeats, entropy) in kinds.items():
        for _ in range(50):
            noise = rng.normal(1, 0.05)
            rows.append((calls * noise, 0, 10, 10, 100, 2, repeats * noise, entropy * noise))
            names.append(name)
    model = fitted_usage(np.array(rows), 0)
    assert model.cluster(np.array(rows)).tolist() == names
    inertia = list(model.elbow.values())
    assert list(model.elbow) == list(range(1, 9))
    assert inertia == sorted(inertia, reverse=True)


def test_without_a_failure_to_learn_from_the_probability_is_small_and_constant() -> None:
    features = normal_features()
    never = np.zeros(len(features), np.bool_)
    model = fitted_failure(features, never, np.zeros(len(features), np.int64), 0)
    assert model.probability(features[:3]).tolist() == pytest.approx([1 / 402] * 3)


def test_probabilities_are_calibrated_on_groups_held_back() -> None:
    rng = np.random.default_rng(0)
    features, group = normal_features(3000), np.arange(3000) % 9
    chance = np.clip(features[:, 2] / 100, 0, 1)  # the slower the likelier
    model = fitted_failure(features, rng.random(3000) < chance, group, 0)
    given = model.probability(features)
    for low, high in ((0.0, 0.3), (0.3, 0.45), (0.45, 1.0)):
        chosen = (given >= low) & (given < high)
        assert given[chosen].mean() == pytest.approx(chance[chosen].mean(), abs=0.06)


def test_one_group_alone_still_gives_the_right_level() -> None:
    features = normal_features(1000)
    soon = np.random.default_rng(0).random(1000) < 0.2
    model = fitted_failure(features, soon, np.zeros(1000, np.int64), 0)
    assert model.probability(features).mean() == pytest.approx(0.2, abs=0.1)


def test_the_summary_says_what_was_learnt_from(trained: tuple[Bundle, dict[str, Any]]) -> None:
    summary = trained[1]
    assert summary["sources"] == ["simulated"]
    assert summary["seeds"] == [0, 1, 2]
    assert sum(summary["windows"].values()) >= 1000
    assert sum(summary["windows_by_episode"].values()) == sum(summary["windows"].values())
    assert summary["elbow"].keys() == {"endpoint", "client"}


def test_runs_of_the_same_seed_are_refused() -> None:
    with pytest.raises(ValueError, match=r"\[4, 4\]"):
        train_factory(runs=[Run(4, 5), Run(4, 5)])
