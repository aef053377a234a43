"""The models as one: what a window is compared with, and what is promised about its scores."""

from __future__ import annotations

from typing import Any

import numpy as np
import pandas as pd
import pytest

from ml.bundle import SCORES, Bundle
from ml.failure import NEVER_CERTAIN, is_failing
from ml.features import FEATURES, OTHER, UNMATCHED
from ml.past import feature_matrix
from ml.rhythm import RHYTHM
from tests.rows import MINUTE, T0
from tests.windows import CLIENT, NOTHING, frame, minutes, window

KINDS: Any = pytest.mark.parametrize("kind", [{}, CLIENT], ids=["endpoint", "client"])


def score(bundle: Bundle, *rows: dict[str, Any], past: pd.DataFrame = NOTHING) -> pd.DataFrame:
    return bundle.score(frame(*rows), past, min_calls=5)


@pytest.fixture(scope="module", params=["little", "factory"])
def models(request: pytest.FixtureRequest) -> Bundle:
    """What is promised holds for models of little traffic and for those that are delivered."""
    name = {"little": "bundle", "factory": "factory"}[request.param]
    found: Bundle = request.getfixturevalue(name)
    return found


def some_windows(number: int = 60, minutes_: int = 20) -> pd.DataFrame:
    rng = np.random.default_rng(1)
    rows = [
        window(
            int(rng.integers(minutes_)),
            req_count=int(rng.integers(1, 40)),
            error_rate=float(rng.random() ** 4),
            avg_response_time=float(rng.gamma(2, 30)),
            status_entropy=float(rng.random()),
            **(CLIENT | {"client": f"u{n % 7}"} if n % 2 else {"endpoint": f"/e{n % 6}"}),
        )
        for n in range(number)
    ]
    once = {(row["timestamp"], row["endpoint"], row["client"]): row for row in rows}
    return frame(*once.values())


# Thin windows


@KINDS
def test_a_thin_window_is_scored_as_if_its_missing_calls_were_of_its_past(
    models: Bundle, kind: dict[str, Any]
) -> None:
    past = frame(window(1, req_count=10, error_rate=0.1, repeat_rate=0.0, **kind))
    thin = window(req_count=2, error_rate=1.0, repeat_rate=0.5, **kind)
    blend = {"req_count": 6.8, "error_rate": 0.46, "repeat_rate": 0.2}  # (2 * x + 3 * past) / 5
    seen, site = models.score_with_site(frame(thin), past, min_calls=5, window_ms=MINUTE)
    whole = models.score(frame(window(**kind, **blend)), past, min_calls=5, site=site)
    assert seen.anomaly_score[0] == pytest.approx(whole.anomaly_score[0], abs=1e-12)
    assert seen.thin.tolist() == [1]
    assert whole.thin.tolist() == [0]


def test_a_window_of_just_enough_calls_is_not_thin(bundle: Bundle) -> None:
    assert score(bundle, window(req_count=5)).thin.tolist() == [0]
    assert score(bundle, window(req_count=4)).thin.tolist() == [1]


@KINDS
@pytest.mark.parametrize("known", [0, 14, 60])
def test_one_failed_call_in_two_is_not_high(
    models: Bundle, kind: dict[str, Any], known: int
) -> None:
    half = window(req_count=2, error_rate=0.5, status_entropy=1.0, **kind)
    past = frame(*minutes(known, req_count=3, error_rate=0.0, status_entropy=0.0, **kind))
    scored = score(models, half, past=past)
    assert scored.priority.tolist() != ["HIGH"]
    assert scored.failure_probability[0] < 1.0


@KINDS
def test_a_thin_window_is_never_high(models: Bundle, kind: dict[str, Any]) -> None:
    worst = {
        "req_count": 4,
        "error_rate": 1.0,
        "avg_response_time": 30_000.0,
        "payload_mean": 1e9,
        "repeat_rate": 0.75,
    }
    past = frame(*minutes(14, **worst, **kind))
    scored = score(models, window(**worst, **kind), past=past)
    assert scored.is_anomaly.tolist() == [1]
    assert kind or scored.anomaly_score[0] == 1.0, "of an endpoint nothing is stranger"
    assert scored.risk_score[0] <= 0.7999
    assert scored.priority.tolist() == ["MEDIUM"]


def test_the_clients_that_share_a_row_are_never_high(models: Bundle) -> None:
    flood = {"req_count": 90_000, "error_rate": 0.9, "repeat_rate": 0.9}
    shared = window(**(CLIENT | {"client": OTHER}), **flood)
    assert score(models, shared).priority.tolist() == ["MEDIUM"]
    assert score(models, window(**CLIENT, **flood)).priority.tolist() == ["HIGH"]


def test_the_endpoints_that_share_a_row_are_never_high(models: Bundle) -> None:
    outage = {"req_count": 500, "error_rate": 1.0, "status_entropy": 0.0}
    assert score(models, window(endpoint=OTHER, **outage)).priority.tolist() == ["MEDIUM"]
    assert score(models, window(**outage)).priority.tolist() == ["HIGH"]


# What is promised


@pytest.mark.parametrize("known", [0, 9, 60])
@pytest.mark.parametrize("calls", [5, 20, 500])
def test_a_total_outage_is_high(models: Bundle, calls: int, known: int) -> None:
    outage = window(req_count=calls, error_rate=1.0, status_entropy=0.0)
    scored = score(models, outage, past=frame(*minutes(known, req_count=calls)))
    assert scored.anomaly_score.tolist() == [1.0]
    assert scored.failure_probability.tolist() == [1.0]
    assert scored.risk_score[0] >= 0.8
    assert scored.priority.tolist() == ["HIGH"]


def test_an_outage_that_lasts_an_hour_stays_high(models: Bundle) -> None:
    outage = {"req_count": 50, "error_rate": 1.0, "status_entropy": 0.0}
    scored = score(models, *minutes(60, first=0, **outage))
    assert set(scored.priority) == {"HIGH"}


def test_an_endpoint_as_always_is_low_whatever_its_level_is(models: Bundle) -> None:
    for level in (
        {"req_count": 3_000, "avg_response_time": 600.0, "max_response_time": 1_500.0},
        {"req_count": 12, "avg_response_time": 2.0, "max_response_time": 4.0},
        {"req_count": 40, "payload_mean": 5e6},
    ):
        past = frame(*minutes(60, **level))
        assert score(models, window(**level), past=past).priority.tolist() == ["LOW"], level


def test_stray_requests_are_no_outage_of_unmatched_paths(models: Bundle) -> None:
    stray = {"endpoint": UNMATCHED, "error_rate": 1.0, "repeat_rate": 0.5, "req_count": 6}
    assert score(models, window(**stray)).priority.tolist() != ["HIGH"]
    past = frame(*minutes(60, **stray))
    assert score(models, window(**stray), past=past).priority.tolist() != ["HIGH"]


def test_scores_lie_between_0_and_1_and_say_what_they_are(models: Bundle) -> None:
    scored = models.score(some_windows(), NOTHING, min_calls=5)
    for name in ("anomaly_score", "failure_probability", "risk_score"):
        assert scored[name].between(0, 1).all()
    assert (scored.is_anomaly == (scored.anomaly_score >= 0.5)).all()
    assert set(scored.usage_cluster) <= {"normal", "heavy", "bot"}
    assert (scored.thin == (scored.req_count < 5)).all()


def test_only_what_fails_now_is_certain_to_fail(models: Bundle) -> None:
    scored = models.score(some_windows(), NOTHING, min_calls=5)
    failing = is_failing(feature_matrix(scored)) & (scored.thin == 0)
    assert ((scored.failure_probability == 1) == failing).all()
    assert (scored.failure_probability[~failing] <= NEVER_CERTAIN).all()


# The same window, the same score


def test_the_order_of_windows_does_not_change_their_scores(models: Bundle) -> None:
    rows = some_windows()
    order = np.random.default_rng(3).permutation(len(rows))
    shuffled = models.score(rows.iloc[order], NOTHING, min_calls=5)
    pd.testing.assert_frame_equal(
        shuffled.sort_index(), models.score(rows, NOTHING, min_calls=5), check_exact=True
    )


def test_a_window_scores_the_same_alone_with_its_past_as_among_others(models: Bundle) -> None:
    rows = some_windows(200, minutes_=70)
    together, site = models.score_with_site(rows, NOTHING, min_calls=5, window_ms=MINUTE)
    for row in range(0, len(rows), 9):
        one = rows.index == row
        alone = models.score(rows[one], rows[~one], min_calls=5, site=site)
        pd.testing.assert_frame_equal(alone, together[one], check_exact=True)


def test_the_last_minute_with_the_stored_past_scores_as_with_the_computed(models: Bundle) -> None:
    rows = some_windows(200, minutes_=70)
    rows.loc[::7, ["avg_response_time", "max_response_time"]] = np.nan
    now = (rows["timestamp"] == T0).to_numpy()
    stored = rows[~now].astype(object).where(rows[~now].notna(), None)
    one = models.score(rows[now], stored, min_calls=5)
    other = models.score(rows[now], rows[~now], min_calls=5)
    pd.testing.assert_frame_equal(one, other, check_exact=True)
    among = models.score(rows, NOTHING, min_calls=5)[now]
    pd.testing.assert_frame_equal(other, among, check_exact=True)


def test_scored_as_if_at_the_same_site_a_window_scores_the_same(bundle: Bundle) -> None:
    rows = some_windows()
    scored, site = bundle.score_with_site(rows, NOTHING, min_calls=5, window_ms=MINUTE)
    again = bundle.score(rows, NOTHING, min_calls=5, site=site)
    pd.testing.assert_frame_equal(again, scored, check_exact=True)


def test_windows_of_the_past_that_overlap_change_no_score_of_an_endpoint(bundle: Bundle) -> None:
    whole = minutes(30, error_rate=0.0)
    slid = [row | {"timestamp": row["timestamp"] + 20_000, "error_rate": 0.2} for row in whole]
    now = window(error_rate=0.1)
    one = bundle.score(frame(now), frame(*whole), min_calls=5, window_ms=MINUTE)
    other = bundle.score(frame(now), frame(*whole, *slid), min_calls=5, window_ms=MINUTE)
    pd.testing.assert_frame_equal(one, other, check_exact=True)


def test_no_window_gets_no_score(bundle: Bundle) -> None:
    scored = score(bundle)
    assert len(scored) == 0
    assert set(SCORES) <= set(scored.columns)


@KINDS
def test_windows_of_one_kind_alone_are_scored(bundle: Bundle, kind: dict[str, Any]) -> None:
    scored = score(bundle, *minutes(30, first=0, **kind))
    assert scored.risk_score.notna().all()


@KINDS
def test_unknown_response_times_raise_no_alarm(models: Bundle, kind: dict[str, Any]) -> None:
    unknown = {"avg_response_time": np.nan, "max_response_time": np.nan}
    for known in (0, 60):
        rows = frame(*minutes(known, **kind))
        scored = score(models, window(**unknown, **kind), past=rows)
        assert scored.anomaly_score.notna().all()
        assert scored.priority.tolist() == ["LOW"]


# What was learnt


def test_a_median_and_a_usual_range_are_known_for_each_feature(models: Bundle) -> None:
    for of in models.subjects.values():
        assert of.median.shape == (len(FEATURES),)
        assert (of.usual[0] <= of.usual[1]).all()


def test_the_summary_says_what_was_learnt_from(
    trained: tuple[Bundle, dict[str, Any]], little_training_set: pd.DataFrame
) -> None:
    summary = trained[1]
    assert set(summary["sources"]) == {
        "synthetic (simulated)",
        "sites (simulated)",
        "recorded from the mock shop",
    }
    total = len(little_training_set)
    for name in ("sources", "windows", "windows_by_episode"):
        assert sum(summary[name].values()) == total, name
    assert summary["seed"] == 1
    assert summary["elbow"].keys() == {"endpoint", "client"}


def test_programs_have_a_higher_bot_score_than_people(
    factory: Bundle, little_training_set: pd.DataFrame
) -> None:
    known = little_training_set[RHYTHM[0]].notna() & (little_training_set["req_count"] >= 5)
    windows = little_training_set[known].reset_index(drop=True)
    scored = factory.score(windows, NOTHING, min_calls=5)
    mean = scored["bot_score"].groupby(scored["client_kind"]).mean()
    assert mean["bot"] > mean["normal"] + 0.3
