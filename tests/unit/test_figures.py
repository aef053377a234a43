"""Figures as values: what is drawn where, in which colour."""

from __future__ import annotations

from dataclasses import dataclass
from itertools import pairwise

import pytest

from components import figures, theme

MINUTE = 60_000
NOW = 1_773_847_800_000  # 2026-03-18T15:30:00Z


@dataclass(frozen=True)
class Point:
    start: int
    maximum: float
    mean: float = 0.1
    anomalies: int = 0


@dataclass(frozen=True)
class Endpoint:
    endpoint: str
    anomalies: int
    maximum_risk: float
    method: str = "GET"
    windows: int = 60


def drawn(points: list[Point], name: str = "dark") -> figures.Figure:
    return figures.risk_over_time(points, MINUTE, NOW - 180 * MINUTE, NOW, name)


def test_the_line_of_risk_goes_through_its_points() -> None:
    highest, mean, *_ = drawn([Point(NOW, 0.4, 0.2, 3), Point(NOW + MINUTE, 0.6, 0.3)])["data"]
    assert (highest["x"], highest["y"]) == ([NOW, NOW + MINUTE], [0.4, 0.6])
    assert (mean["y"], highest["customdata"]) == ([0.2, 0.3], [3, 0])


def test_a_longer_gap_breaks_the_line_and_a_short_one_does_not() -> None:
    points = [Point(NOW, 0.4), Point(NOW + 3 * MINUTE, 0.4), Point(NOW + 9 * MINUTE, 0.4)]
    highest = drawn(points)["data"][0]
    assert highest["y"] == [0.4, 0.4, None, 0.4]


def test_only_a_point_without_neighbours_has_a_marker() -> None:
    points = [Point(NOW, 0.4), Point(NOW + MINUTE, 0.4), Point(NOW + 9 * MINUTE, 0.4)]
    assert drawn(points)["data"][0]["marker"]["size"] == [0, 0, 0, 5]


def test_high_points_are_marked() -> None:
    marks = drawn([Point(NOW, 0.7999), Point(NOW + MINUTE, 0.8)])["data"][2]
    assert (marks["x"], marks["y"]) == ([NOW + MINUTE], [0.8])


def test_the_bands_lie_at_the_thresholds_in_the_colours_of_the_theme() -> None:
    layout = drawn([], "light")["layout"]
    assert [(s["y0"], s["y1"]) for s in layout["shapes"]] == [(0.8, 1.0), (0.5, 0.8)]
    assert layout["annotations"][0]["font"]["color"] == theme.LIGHT.high_text


def test_the_chart_covers_the_range_even_where_there_is_no_data() -> None:
    options = drawn([Point(NOW, 0.4)])["layout"]["xaxis"]["autorangeoptions"]
    assert options["include"] == [NOW - 180 * MINUTE, NOW]


def test_a_redrawn_figure_keeps_the_zoom() -> None:
    operations = figures.redrawn(drawn([Point(NOW, 0.4)])).to_plotly_json()["operations"]
    changed = [tuple(step["location"]) for step in operations]
    assert ("data",) in changed
    assert ("layout", "xaxis", "autorangeoptions") in changed
    assert not [at for at in changed if at[-1] in ("range", "autorange", "xaxis", "yaxis")]


def test_bars_have_the_colour_of_the_worst_priority() -> None:
    found = [Endpoint("/a", 9, 0.93), Endpoint("/b", 4, 0.6), Endpoint("/c", 1, 0.2)]
    bars = figures.anomalies_by_endpoint(found, 300, "dark")["data"][0]
    assert bars["x"] == [9, 4, 1]
    assert bars["marker"]["color"] == [theme.DARK.high, theme.DARK.medium, theme.DARK.low]


def test_endpoints_without_anomalies_get_no_bar() -> None:
    bars = figures.anomalies_by_endpoint([Endpoint("/a", 0, 0.1)], 300, "dark")["data"][0]
    assert bars["x"] == []


def test_names_of_endpoints_are_text_and_not_markup() -> None:
    figure = figures.anomalies_by_endpoint([Endpoint("/<b>x", 1, 0.9)], 300, "dark")
    assert figure["layout"]["annotations"][0]["text"] == "GET /&lt;b&gt;x"
    assert figure["data"][0]["customdata"][0][0] == "GET /&lt;b&gt;x"


@pytest.mark.parametrize("count", [1, 5, 8])
def test_every_bar_lies_inside_the_chart_below_its_name(count: int) -> None:
    figure = figures.anomalies_by_endpoint(
        [Endpoint(f"/{i}", 1, 0.9) for i in range(count)], 304, "dark"
    )
    bottom, top = figure["layout"]["yaxis"]["range"]
    pixels = [(y - top) / (bottom - top) * 304 for y in figure["data"][0]["y"]]
    assert pixels[0] == pytest.approx(26)
    assert pixels[-1] < 304 - 4
    assert all(b - a >= 30 for a, b in pairwise(pixels))


def test_the_donut_has_the_counts_and_their_sum() -> None:
    figure = figures.priority_mix({"HIGH": 6, "MEDIUM": 41, "LOW": 1402}, "dark")
    assert figure["data"][0]["values"] == [6, 41, 1402]
    assert figure["layout"]["annotations"][0]["text"] == "1,449"


def test_the_area_falls_to_zero_in_a_gap() -> None:
    area = drawn([Point(NOW, 0.4), Point(NOW + 9 * MINUTE, 0.6)])["data"][3]
    assert area["x"] == [NOW, NOW, NOW + 9 * MINUTE, NOW + 9 * MINUTE]
    assert area["y"] == [0.4, 0.0, 0.0, 0.6]
