"""What the pages about endpoints show, as values."""

from __future__ import annotations

import json
from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Any

import pytest

from components import (
    endpoint_forecast,
    endpoint_kpis,
    endpoint_lists,
    endpoint_panels,
    endpoint_reasons,
    endpoint_table,
    series_figures,
    theme,
)
from components.endpoint_reasons import OTHERS, Cause, Reason
from components.endpoint_table import Line
from components.insights import Insight
from components.series_frame import Frame
from components.theme import Limits
from tests.rows import MINUTE, T0
from tests.unit.test_components import inside, words

FRAME = Frame(MINUTE, T0, T0 + 60 * MINUTE, T0 + 60 * MINUTE, "dark")


@dataclass(frozen=True)
class Point:
    start: int
    calls: int = 10
    errors: int = 0
    status_counts: dict[str, int] = field(default_factory=lambda: {"200": 10})
    failure_probability: float = 0.1
    anomaly_score: float = 0.2


@dataclass(frozen=True)
class Onset:
    at: int
    warned_at: int | None = None
    probability: float | None = None


@dataclass(frozen=True)
class Share:
    client: str
    calls: int
    errors: int = 0
    average_ms: float | None = None


def reason(feature: str, share: float | None, text: str = "") -> dict[str, Any]:
    return {"feature": feature, "share": share, "text": text or f"{feature} 1.00, usually 0.00"}


def risky(start: int, risk: float, *of: dict[str, Any], **more: Any) -> dict[str, Any]:
    return {"timestamp": start, "risk_score": risk, "reasons": json.dumps(of)} | more


def line(**given: Any) -> Line:
    ordinary: dict[str, Any] = {
        "endpoint": "/search",
        "method": "GET",
        "href": "/dashboard/endpoint?endpoint=%2Fsearch",
        "insight": "As usual",
        "tone": "quiet",
        "calls": 600,
        "per_minute": 10.0,
        "error_rate": 0.01,
        "p50_ms": 90.0,
        "p95_ms": 120.0,
        "p99_ms": 130.0,
        "failure_probability": 0.05,
        "risk": 0.1,
        "highest_risk": 0.9,
        "newest": T0,
        "simulated": 0.0,
        "calls_trend": [10.0, 12.0],
        "error_trend": [0.0, None],
        "p95_trend": [118.0, 122.0],
    }
    return Line(**(ordinary | given))


def traces(figure: dict[str, Any]) -> dict[str, dict[str, Any]]:
    return {trace["name"]: trace for trace in figure["data"]}


# --- charts ---


def test_calls_are_stacked_by_class_of_status_and_classes_that_never_came_are_left_out() -> None:
    points = [Point(T0, 10, 3, {"200": 7, "404": 2, "429": 1}), Point(T0 + MINUTE)]
    drawn = traces(series_figures.frequency(points, FRAME))
    assert {name: trace["y"] for name, trace in drawn.items()} == {"2xx": [7, 10], "4xx": [3, 0]}


def test_a_bucket_at_the_end_of_what_is_known_counts_for_its_minutes() -> None:
    frame = Frame(10 * MINUTE, T0, T0 + 20 * MINUTE, T0 + 12 * MINUTE, "dark")
    points = [(T0, 100, 0), (T0 + 10 * MINUTE, 20, 0)]
    assert traces(series_figures.traffic(points, frame))["Calls"]["y"] == [10, 10]


def test_the_line_of_failing_is_drawn_where_error_rates_come_near_it() -> None:
    calm = series_figures.error_rate([Point(T0, 10, 1, {"200": 9, "500": 1})], FRAME)
    broken = series_figures.error_rate([Point(T0, 10, 5, {"200": 5, "500": 5})], FRAME)
    assert calm["layout"]["shapes"] == []
    assert [shape["y0"] for shape in broken["layout"]["shapes"]] == [0.3]


def test_minutes_that_fail_are_one_tinted_stretch() -> None:
    points = [
        Point(T0 + n * MINUTE, failure_probability=1.0 if n in (3, 4, 7) else 0.9999)
        for n in range(9)
    ]
    shapes = endpoint_forecast.failure(points, [], FRAME)["layout"]["shapes"]
    found = [((s["x0"] - T0) // MINUTE, (s["x1"] - T0) // MINUTE) for s in shapes]
    assert found == [(3, 5), (7, 8)]


def test_failures_that_began_are_marked_by_what_was_forecast_of_them() -> None:
    onsets = [
        Onset(T0 + 5 * MINUTE, T0 + 2 * MINUTE, 0.8),
        Onset(T0 + 9 * MINUTE, None, 0.06),
        Onset(T0 + 20 * MINUTE),
    ]
    drawn = traces(endpoint_forecast.failure([Point(T0)], onsets, FRAME))
    told = {name: mark["customdata"] for name, mark in drawn.items() if "customdata" in mark}
    assert {name: said[0].replace("\u00a0", " ") for name, said in told.items()} == {
        "Forecast": "Failure began, forecast 3 min before",
        "Not forecast": "Failure began, not forecast: 6 % just before",
        "No forecast possible": "Failure began; nothing was called just before",
    }


def test_what_is_selected_is_marked_in_every_chart() -> None:
    frame = Frame(MINUTE, T0, T0 + 60 * MINUTE, T0 + 60 * MINUTE, "light", T0 + 3 * MINUTE)
    points = [Point(T0)]
    figures = [
        series_figures.frequency(points, frame),
        series_figures.latency([(T0, {"p50": 1.0})], frame),
        series_figures.error_rate(points, frame),
        endpoint_forecast.failure(points, [], frame),
        series_figures.anomaly(points, [], frame),
    ]
    for figure in figures:
        assert [s["x0"] for s in figure["layout"]["shapes"]] == [T0 + 3 * MINUTE]


def test_a_longer_gap_breaks_a_line() -> None:
    times = [(T0, {"p50": 9.0}), (T0 + 9 * MINUTE, {"p50": 8.0})]
    assert traces(series_figures.latency(times, FRAME))["p50"]["y"] == [9.0, None, 8.0]


@pytest.mark.parametrize("name", sorted(theme.THEMES))
def test_every_chart_is_drawn_without_any_point(name: str) -> None:
    frame = Frame(MINUTE, T0, T0 + MINUTE, T0 + MINUTE, name)
    assert series_figures.traffic([], frame)["data"]
    assert series_figures.frequency([], frame)["data"] == []
    assert series_figures.error_rate([], frame)["data"]
    assert endpoint_forecast.failure([], [], frame)["data"]
    assert series_figures.anomaly([], [], frame)["data"]


# --- reasons and causes ---


def test_risk_is_parted_by_feature_and_what_no_feature_has_is_others() -> None:
    window = risky(T0 + 20_000, 0.8, reason("error_rate", 0.5), reason("mix", 0.25))
    parts = endpoint_reasons.risk_parts([window], MINUTE)
    assert [(p.start, p.feature, round(p.risk, 2)) for p in parts] == [
        (T0, "Error rate", 0.4),
        (T0, "Rare combination", 0.2),
        (T0, OTHERS, 0.2),
    ]


def test_parts_that_overlap_are_scaled_to_the_risk() -> None:
    window = risky(T0, 0.9, reason("error_rate", 0.9), reason("req_count", 0.6))
    parts = endpoint_reasons.risk_parts([window], MINUTE)
    assert sum(part.risk for part in parts) == pytest.approx(0.9)


def test_the_riskiest_window_speaks_for_its_bucket() -> None:
    windows = [risky(T0, 0.6, reason("req_count", 1.0)), risky(T0 + MINUTE, 0.9)]
    parts = endpoint_reasons.risk_parts(windows, 10 * MINUTE)
    assert {(p.feature, p.risk) for p in parts} == {(OTHERS, 0.9)}


def test_lesser_features_are_taken_together() -> None:
    names = ["error_rate", "req_count", "payload_mean", "repeat_rate", "status_entropy"]
    windows = [risky(T0 + n * MINUTE, 0.9, reason(name, 1.0)) for n, name in enumerate(names)]
    windows.append(risky(T0 + 9 * MINUTE, 0.5, reason("unique_endpoints", 1.0)))
    found = endpoint_reasons.weights(endpoint_reasons.risk_parts(windows, MINUTE))
    assert [weight.name for weight in found][-1] == OTHERS
    assert len(found) == 6


def test_reasons_name_the_feature_once() -> None:
    text = "error_rate 1.00, usually 0.00-0.13, above the limit of 0.30"
    (one,) = endpoint_reasons.reasons(risky(T0, 0.9, reason("error_rate", 0.5, text)))
    assert one == Reason("Error rate", "1.00, usually 0.00-0.13, above the limit of 0.30", 0.5)


def test_windows_without_stored_reasons_have_none() -> None:
    assert endpoint_reasons.reasons({"reasons": None}) == []
    assert endpoint_reasons.causes({"causes": None}) == []


# --- panels ---


def links(component: Any) -> list[str]:
    return [part.href for part in inside(component) if getattr(part, "href", None)]


def test_causes_are_links_with_the_risk_without_them() -> None:
    found = [Cause("203.0.113.7", 400, 0.21, 3), Cause("u 1", 300, 0.21, 3)]
    panel = endpoint_panels.caused_by(found, 0.95, "HIGH at 15:30", lambda name: f"?client={name}")
    assert links(panel) == ["?client=203.0.113.7", "?client=u 1"]
    assert "0.95" in words(panel)
    assert "Risk without them 0.21" in words(panel)
    assert "and 1 more client" in words(panel)


def test_top_clients_say_what_failed() -> None:
    shares: Sequence[Share] = [Share("u1", 40, 10, 120.0), Share("u2", 10)]
    panel = endpoint_panels.callers(shares, lambda name: f"?client={name}")
    assert "40 calls, 25 % failed, 120 ms" in words(panel)
    widths = [part.style["width"] for part in inside(panel) if getattr(part, "style", None)]
    assert widths == ["75.0%", "25.0%", "25.0%", "0.0%"]


def test_what_is_over_is_said_to_be_over() -> None:
    said = [
        Insight("p95 doubled since 14:10", "240 ms instead of 118 ms", "bad", T0, None, 1.0),
        Insight("Error rate 40 % at 13:10, usually 1 %", "", "bad", T0, T0 + MINUTE, 1.0),
    ]
    text = words(endpoint_panels.standing_out(said, "As usual"))
    assert "240 ms instead of 118 ms Error" in text
    assert "It is over" in text


def test_an_unknown_endpoint_is_quoted() -> None:
    state = endpoint_panels.unknown("/no/such", "/dashboard/analytics")
    assert "/no/such" in words(state)
    assert links(state) == ["/dashboard/analytics"]


# --- grids and numbers ---


def test_a_row_of_the_grid_has_the_priority_of_now_and_the_highest_risk() -> None:
    (row,) = endpoint_table.rows([line(risk=0.55, highest_risk=0.97)], Limits())
    assert (row["priority"], row["risk"], row["highest"]) == ("MEDIUM", 0.55, 0.97)
    assert row["id"] == "GET /search"
    fields = {column["field"] for column in endpoint_table.columns()}
    assert fields <= set(row)


def test_a_trend_has_few_values_and_keeps_its_highest() -> None:
    values = [0.0] * 100
    values[57] = 9.0
    thin = endpoint_table.thinned(values, highest=True)
    assert len(thin) == 25
    assert max(value or 0 for value in thin) == 9.0
    assert endpoint_table.thinned([None, None]) == [None, None]
    assert endpoint_table.thinned([]) == []


def test_rows_of_calls_link_their_client_and_fall_back_to_the_address() -> None:
    call = {
        "id": 7, "timestamp": T0, "status_code": 200, "response_time_ms": 9.0, "method": "GET",
        "path": None, "endpoint": "/search", "user_id": None, "ip_address": "10.0.0.1",
        "payload_size": 10, "source": "live", "attack": "path_traversal",
    }  # fmt: skip
    (row,) = endpoint_lists.call_rows([call], lambda client: f"?client={client}")
    assert (row["path"], row["client"], row["client_href"]) == (
        "/search",
        "10.0.0.1",
        "?client=10.0.0.1",
    )
    assert row["attack"] == "path traversal"


def test_numbers_compare_with_the_range_before() -> None:
    one = endpoint_kpis.One(600, 10.0, 30, 90.0, 120.0, 130.0, 60, 3, 8.0, 0.01)
    text = words(endpoint_kpis.endpoint_kpis(one))
    assert "Calls a minute 10 25 %" in text
    assert "Error rate 5 % 4.0 pt 30 errors" in text


def test_a_site_without_scores_has_dashes() -> None:
    site = endpoint_kpis.Site(0, 0, 0.0, None, None, None, None)
    text = words(endpoint_kpis.site_kpis(site))
    assert "Slowest \u2013 No response times" in text
    assert "Most at risk \u2013 No scores" in text
