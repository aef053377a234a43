"""Clients as causes: leave-one-client-out on windows and models that can be worked out by hand."""

from __future__ import annotations

from typing import Any

import numpy as np
import pandas as pd

from datasets.synthetic import call_columns
from ingest.call import Call
from ml.causes import MOST_TOGETHER, causes
from ml.features import window_features
from ml.risk import SPECIFIED, RiskRule
from ml.site import Site
from tests.rows import MINUTE, T0, call

SITE = Site(np.empty(0, np.int64), np.empty((0, 3)), {}, {})


class Troubles:
    """The risk of a window is its error rate, or how many thousand calls or seconds it has."""

    def score(
        self,
        windows: pd.DataFrame,
        _: pd.DataFrame,
        *,
        min_calls: int,
        window_ms: int = MINUTE,
        site: Site | None = None,
        rule: RiskRule = SPECIFIED,
    ) -> pd.DataFrame:
        assert site in (None, SITE)
        assert rule == SPECIFIED
        errors = windows["error_rate"] * (windows["req_count"] >= min_calls)
        assert window_ms == MINUTE
        troubles = (errors, windows["req_count"] / 1_000, windows["avg_response_time"] / 1_000)
        return windows.assign(risk_score=np.max(np.array(troubles, np.float64), axis=0).clip(0, 1))


def calls_by(client: str, count: int, **fields: Any) -> list[Call]:
    return [call(T0 + n, ip_address=client, fingerprint=n, **fields) for n in range(count)]


def ordinary(clients: int = 6, each: int = 4, **fields: Any) -> list[Call]:
    return [one for n in range(clients) for one in calls_by(f"10.0.0.{n}", each, **fields)]


def past_minutes(calls_each: int, minutes: int = 10) -> list[Call]:
    return [
        call(T0 - back * MINUTE + n) for back in range(1, minutes + 1) for n in range(calls_each)
    ]


def named(calls: list[Call], past: list[Call] | None = None) -> list[dict[str, Any]]:
    models: Any = Troubles()
    columns = call_columns([*calls, *(past or [])])
    every = window_features(columns)
    now = every[(every["subject"] == "endpoint") & (every["timestamp"] == T0)]
    scored = models.score(now, every, min_calls=5)
    [found] = causes(models, scored, columns, every, min_calls=5, site=SITE)
    return found


def test_the_client_without_whose_calls_the_risk_falls_is_named_with_by_how_much() -> None:
    attack = calls_by("198.51.100.7", 72, status_code=401)
    rest = ordinary(6, 4)
    assert named(attack + rest) == [
        {
            "client": "198.51.100.7",
            "drop": 0.65,  # 72 of 96 calls fail: 0.75, without them the 0.1 s that calls take
            "risk_without": 0.1,
            "calls": 72,
            "together": 1,
        }
    ]


def test_several_that_hide_each_other_are_left_out_together_and_three_are_named() -> None:
    gang = [one for n in range(5) for one in calls_by(f"a{n}", 40 + n, status_code=401)]
    found = named(gang + ordinary())
    assert [(one["client"], one["calls"], one["together"]) for one in found] == [
        ("a4", 44, 5),
        ("a3", 43, 5),
        ("a2", 42, 5),
    ]


def test_in_an_outage_nobody_is_named() -> None:
    assert named(ordinary(8, 20, status_code=503)) == []
    busy = calls_by("heavy", 200, status_code=503)
    assert named(busy + ordinary(8, 20, status_code=503)) == [], "the rest fails as well"


def test_a_client_that_calls_most_is_no_cause_where_the_risk_does_not_fall() -> None:
    assert named(calls_by("heavy", 100) + ordinary(6, 4, status_code=500)) == []


def test_a_flood_is_a_cause_although_nothing_fails() -> None:
    [found] = named(calls_by("flood", 900) + ordinary())
    assert (found["client"], found["risk_without"]) == ("flood", 0.1)


def test_few_but_expensive_calls_are_a_cause() -> None:
    slow = calls_by("report", 10, response_time_ms=9_000.0)
    [found] = named(slow + ordinary(10, 4))
    assert found["client"] == "report"
    assert named(slow[:4] + ordinary(2, 4)) == [], (
        "of fewer calls than make a window it may be chance"
    )


def test_where_hardly_anything_is_left_only_a_flood_names_its_clients() -> None:
    attack = calls_by("scan", 100, status_code=404)
    assert named(attack + calls_by("10.0.0.1", 2)) == [], "no past tells how many calls are usual"
    [found] = named(attack + calls_by("10.0.0.1", 2), past_minutes(3))
    assert (found["client"], found["risk_without"]) == ("scan", 0.1)
    assert named(attack + calls_by("10.0.0.1", 2), past_minutes(80)) == [], "as many as always"


def test_where_nothing_is_left_the_risk_without_is_none() -> None:
    [found] = named(calls_by("scan", 100, status_code=404), past_minutes(1))
    assert (found["risk_without"], found["drop"]) == (0.0, 1.0)


def test_a_crowd_is_not_named() -> None:
    crowd = MOST_TOGETHER + 1
    gang = [one for n in range(crowd) for one in calls_by(f"a{n}", 40, status_code=401)]
    assert named(gang + ordinary()) == []


def test_each_window_is_judged_by_its_own_calls() -> None:
    models: Any = Troubles()
    attack = calls_by("a", 72, status_code=401) + ordinary()
    elsewhere = ordinary(8, 20, endpoint="/down", status_code=503)
    later = [one._replace(timestamp=one.timestamp + MINUTE) for one in ordinary(3, 9)]
    columns = call_columns(later + elsewhere + attack)
    every = window_features(columns)
    windows = every[every["subject"] == "endpoint"][::-1]
    scored = models.score(windows, every, min_calls=5)
    found = causes(models, scored, columns, every, min_calls=5)
    by_window = zip(windows["endpoint"], windows["timestamp"], found, strict=True)
    assert [(name, at) for name, at, causes_ in by_window if causes_] == [("/search", T0)]
    assert causes(models, scored.iloc[:0], columns, every, min_calls=5) == []
