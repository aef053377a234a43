"""Reasons of risky windows: what is unusual, what the risk score owes to it, and how it is said."""

from __future__ import annotations

from types import SimpleNamespace
from typing import Any

import numpy as np
import pandas as pd
import pytest

from jobs.runtime import FACTORY_MODELS
from ml import explain
from ml.bundle import Bundle
from ml.explain import reasons
from ml.features import FEATURES, KEY
from ml.registry import Models
from ml.usual import Usual, deviation, grouped_quantiles
from tests.rows import MINUTE, T0

ORDINARY: dict[str, Any] = {
    "timestamp": T0,
    "subject": "endpoint",
    "endpoint": "/pay",
    "method": "POST",
    "client": None,
    "req_count": 20,
    "error_rate": 0.0,
    "avg_response_time": 100.0,
    "max_response_time": 200.0,
    "payload_mean": 500.0,
    "unique_endpoints": 1,
    "repeat_rate": 0.1,
    "status_entropy": 0.0,
}
LOW = [4, 0.0, 10, 50, 100, 1, 0.0, 0.0]
MIDDLE = [20, 0.0, 100, 200, 500, 1, 0.1, 0.0]
HIGH = [99, 0.1, 150, 400, 900, 2, 0.5, 0.5]


class Sum:
    """Models whose risk can be added up by hand: half for errors, 0.3 if slow, 0.2 for a bot."""

    def __init__(self) -> None:
        usual = SimpleNamespace(usual=np.array([LOW, HIGH]), median=np.array(MIDDLE))
        self.subjects = {"endpoint": usual, "client": usual}

    def score(
        self, windows: pd.DataFrame, _: pd.DataFrame, *, min_calls: int, window_ms: int = MINUTE
    ) -> pd.DataFrame:
        is_bot = (windows["repeat_rate"] > 0.9) & (min_calls < window_ms)
        risk = 0.5 * windows["error_rate"] + 0.3 * (windows["avg_response_time"] > 800)
        return windows.assign(
            risk_score=risk + 0.2 * is_bot, usage_cluster=np.where(is_bot, "bot", "normal")
        )


def frame(*changes: dict[str, Any]) -> pd.DataFrame:
    rows = pd.DataFrame([ORDINARY | change for change in changes], columns=[*KEY, *FEATURES])
    return rows.assign(client=pd.Series([c.get("client") for c in changes], dtype=object))


def past_of(minutes: int, **changes: Any) -> pd.DataFrame:
    """Windows of the minutes before, with error rates 0.00, 0.01, 0.02 ... unless given."""
    rows = [
        {"timestamp": T0 - n * MINUTE, "error_rate": 0.01 * (n - 1)} for n in range(1, minutes + 1)
    ]
    return frame(*(row | changes for row in rows))


def explained(window: dict[str, Any], past: pd.DataFrame | None = None) -> list[dict[str, Any]]:
    models: Any = Sum()
    every = frame(window)
    scored = models.score(every, every, min_calls=5)
    before = every if past is None else pd.concat([every, past], ignore_index=True)
    return reasons(models, scored, before, min_calls=5)[0]


def texts(window: dict[str, Any], past: pd.DataFrame | None = None) -> list[str]:
    return [reason["text"] for reason in explained(window, past)]


def test_a_reason_has_the_value_the_usual_range_and_its_share_of_the_risk() -> None:
    [reason] = explained({"error_rate": 0.2}, past_of(11))
    assert reason == {
        "feature": "error_rate",
        "value": 0.2,
        "low": 0.005,  # 5th and 95th percentile of 0.00, 0.01 ... 0.10
        "high": 0.095,
        "share": pytest.approx((0.2 - 0.05) / 0.2),  # the median is 0.05
        "text": "error_rate 0.20, usually 0.01-0.10",
    }


def test_the_usual_range_is_that_of_training_when_the_past_is_short() -> None:
    assert texts({"error_rate": 0.2}, past_of(9)) == ["error_rate 0.20, usually 0.00-0.10"]
    assert explained({"error_rate": 0.2}, past_of(9))[0]["high"] == 0.1


def test_a_past_failure_is_not_usual() -> None:
    failures = past_of(14)[11:].assign(error_rate=1.0)
    past = pd.concat([past_of(11), failures], ignore_index=True)
    assert explained({"error_rate": 0.2}, past)[0]["high"] == 0.095


def test_an_earlier_alarm_is_not_usual_either() -> None:
    past = past_of(14, error_rate=0.0)
    past.loc[:2, "req_count"] = 4_000  # the three minutes before
    assert "req_count 5,000 calls, usually 20" in texts({"req_count": 5_000}, past)


def test_a_trouble_that_has_become_the_past_is_measured_by_training() -> None:
    assert texts({"error_rate": 0.25}, past_of(15, error_rate=0.25)) == [
        "error_rate 0.25, usually 0.00-0.10"
    ]


def test_the_past_of_others_and_of_other_times_does_not_count() -> None:
    others = past_of(11, endpoint="/other")
    later = past_of(11).assign(timestamp=lambda rows: 2 * T0 - rows["timestamp"])
    long_ago = past_of(11).assign(timestamp=lambda rows: rows["timestamp"] - 1_000 * MINUTE)
    past = pd.concat([others, later, long_ago], ignore_index=True)
    assert explained({"error_rate": 0.2}, past)[0]["high"] == 0.1  # that of training


def test_above_a_limit_a_reason_says_so() -> None:
    found = texts({"error_rate": 0.62, "avg_response_time": 1_240.0}, past_of(11, error_rate=0.0))
    assert found == [
        "error_rate 0.62, usually 0.00, above the limit of 0.30",
        "avg_response_time 1,240 ms, usually 100, above the limit of 800 ms",
    ]


def test_the_weightiest_reason_comes_first_and_three_are_the_most() -> None:
    window = {"error_rate": 1.0, "avg_response_time": 900.0, "repeat_rate": 0.95, "req_count": 500}
    found = explained(window | {"unique_endpoints": 90})
    assert [reason["feature"] for reason in found] == [
        "error_rate",  # 0.5 of 1.0
        "avg_response_time",  # 0.3
        "usage_cluster",  # 0.2
    ]
    assert [reason["share"] for reason in found] == pytest.approx([0.5, 0.3, 0.2])


def test_a_bot_is_told_by_its_calls() -> None:
    window = {"repeat_rate": 0.95, "req_count": 1_200, "error_rate": 0.6}
    assert "is called as by a program: 1,200 calls, 0.95 of them repeated" in texts(window)
    client = {"subject": "client", "client": "u1", "endpoint": "*", "method": "*"}
    assert "calls like a program: 1,200 calls, 0.95 of them repeated" in texts(window | client)


def test_what_is_lower_than_usual_is_no_reason_unless_the_models_say_so() -> None:
    found = explained({"error_rate": 0.5, "avg_response_time": 1.0, "payload_mean": 1.0})
    assert [reason["feature"] for reason in found] == ["error_rate"]


def test_an_unknown_response_time_is_no_reason() -> None:
    found = explained({"error_rate": 0.5, "avg_response_time": np.nan, "max_response_time": np.nan})
    assert [reason["feature"] for reason in found] == ["error_rate"]


def test_without_an_unusual_feature_the_mix_is_the_reason() -> None:
    [reason] = explained({"error_rate": 0.1, "payload_mean": 880.0})
    assert reason["feature"] == "mix"
    assert "rarely together" in reason["text"]
    assert "error_rate 0.10" in reason["text"]


def test_the_error_rate_of_unmatched_calls_is_no_reason() -> None:
    window = {"endpoint": "(unmatched)", "error_rate": 1.0, "unique_endpoints": 57}
    assert texts(window) == ["unique_endpoints 57 paths, usually 1-2"]


@pytest.mark.parametrize(
    ("feature", "value", "text"),
    [
        ("max_response_time", 1_500.0, "max_response_time 1,500 ms, usually 50-400"),
        ("payload_mean", 5_100.0, "payload_mean 5.1 KB, usually 100-900 bytes"),
        ("payload_mean", 9_800_000.0, "payload_mean 9.8 MB, usually 100-900 bytes"),
        ("status_entropy", 1.5, "status_entropy 1.50 bits, usually 0.00-0.50"),
        ("unique_endpoints", 7, "unique_endpoints 7 paths, usually 1-2"),
    ],
)
def test_each_feature_is_said_in_its_unit(feature: str, value: float, text: str) -> None:
    assert text in texts({feature: value})


def test_each_window_has_its_own_reasons_in_any_order() -> None:
    models: Any = Sum()
    windows = frame({"error_rate": 0.5}, {"endpoint": "/slow", "avg_response_time": 900.0})
    scored = models.score(windows, windows, min_calls=5)
    found = reasons(models, scored, windows, min_calls=5)
    turned = reasons(models, scored[::-1], windows, min_calls=5)
    assert found == turned[::-1]
    assert [[one["feature"] for one in each] for each in found] == [
        ["error_rate"],
        ["avg_response_time"],
    ]
    assert reasons(models, scored.iloc[:0], windows, min_calls=5) == []


def test_beyond_the_most_that_are_scored_again_reasons_are_ranked_by_deviation(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(explain, "MOST_RESCORED", 1)
    models: Any = Sum()
    windows = frame({"error_rate": 0.9}, {"endpoint": "/b", "error_rate": 0.4, "req_count": 200})
    scored = models.score(windows, windows, min_calls=5)
    first, second = reasons(models, scored, windows, min_calls=5)
    assert first[0]["share"] == pytest.approx(1.0)
    assert [(one["feature"], one["share"]) for one in second] == [
        ("error_rate", None),
        ("req_count", None),
    ]


def test_with_the_factory_models_the_shares_add_up_to_no_more_than_the_risk() -> None:
    bundle: Bundle = Models(FACTORY_MODELS, FACTORY_MODELS).current()[1]
    window = frame({"error_rate": 0.9, "status_entropy": 0.5, "req_count": 200})
    every = pd.concat([window, past_of(15, error_rate=0.0)], ignore_index=True)
    options: Any = {"min_calls": 5, "window_ms": MINUTE}
    scored, site = bundle.score_with_site(window, every.iloc[1:], **options)
    [found] = reasons(bundle, scored, every, site=site, **options)
    assert found[0]["text"] == "error_rate 0.90, usually 0.00, above the limit of 0.30"
    assert 0.5 < found[0]["share"] <= sum(reason["share"] for reason in found) <= 1.0


def test_quantiles_by_group_are_those_of_numpy() -> None:
    rng = np.random.default_rng(1)
    group = np.sort(rng.integers(0, 7, 200))
    group[group == 3] = 4  # an empty group
    values = rng.normal(size=(200, 2))
    values[rng.random((200, 2)) < 0.2] = np.nan
    [low, high] = grouped_quantiles(values, group, 7, (0.05, 0.95))
    for number in (0, 1, 2, 4, 5, 6):
        expected = np.nanquantile(values[group == number], [0.05, 0.95], axis=0)
        assert np.allclose([low[number], high[number]], expected)
    assert np.isnan(low[3]).all()


def test_deviation_is_counted_in_widths_of_the_usual_range() -> None:
    usual = Usual(*(np.array([row], np.float64) for row in (LOW, MIDDLE, HIGH)), True)
    value = np.array([[99, 0.05, 100, 200, 500, 1, 1.0, 0.0]])
    found = deviation(value, usual)[0]
    assert found[FEATURES.index("repeat_rate")] == pytest.approx((1.0 - 0.5) / 0.5)
    assert np.count_nonzero(found) == 1
