"""The page of a client as values: charts, panels and rows."""

from __future__ import annotations

import json
from dataclasses import dataclass, field
from typing import Any

import pytest

from components import client_figures, client_panels, client_rankings, client_tables
from components.theme import USUAL_LIMITS

MINUTE = 60_000
NOW = 1_773_847_800_000  # 2026-03-18T15:30:00Z


@dataclass(frozen=True)
class Point:
    start: int = NOW
    windows: int = 1
    calls: int = 10
    errors: int = 0
    simulated_calls: int = 0
    average_ms: float | None = 100.0
    max_ms: float | None = 150.0
    maximum: float = 0.1
    mean: float = 0.1
    anomalies: int = 0
    risky: int = 0
    calls_by_cluster: dict[str, int] = field(default_factory=lambda: {"normal": 10})
    reasons: str | None = None


@dataclass(frozen=True)
class Touched:
    endpoint: str
    calls: int
    errors: int = 0
    method: str = "GET"
    average_ms: float | None = 20.0


@dataclass(frozen=True)
class Endangered:
    endpoint: str = "/login"
    method: str = "POST"
    windows: int = 3
    risk: float = 0.9
    risk_without: float = 0.21
    together: int = 1


@dataclass(frozen=True)
class Summary:
    client: str
    risk: float = 0.85
    risky: int = 2
    usage_cluster: str = "bot"
    bot_score: float | None = 0.9
    last_start: int = NOW
    calls: int = 0
    errors: int = 0
    simulated: float = 1.0
    average_ms: float | None = None


def texts(component: Any) -> str:
    """All text of a component, in its order."""
    if isinstance(component, list | tuple):
        return " ".join(filter(None, map(texts, component)))
    if component is None or isinstance(component, str | int | float):
        return "" if component is None else str(component)
    return texts(getattr(component, "children", None))


def reason(feature: str, share: float | None, text: str = "so") -> dict[str, Any]:
    return {"feature": feature, "share": share, "text": text}


def drawn(make: Any, points: list[Point], bucket_ms: int = MINUTE) -> dict[str, Any]:
    figure: dict[str, Any] = make(points, bucket_ms, NOW - 60 * MINUTE, NOW, "dark")
    return figure


def href(endpoint: str, method: str) -> str:
    return f"/endpoint?endpoint={endpoint}&method={method}"


def test_calls_a_minute_stand_on_each_other_by_usage_with_the_errors_at_their_foot() -> None:
    points = [Point(calls=40, errors=6, calls_by_cluster={"normal": 10, "bot": 30})]
    normal, bot, errors = drawn(client_figures.calls_by_cluster, points, 2 * MINUTE)["data"]
    assert [(bar["name"], bar["base"], bar["y"]) for bar in (normal, bot, errors)] == [
        ("Normal", [0], [5]),
        ("Bot", [5], [15]),
        ("Errors", [0], [3]),
    ]
    assert (normal["customdata"], errors["customdata"]) == (["10 calls, normal"], ["6 errors"])


def test_a_cluster_without_calls_is_neither_drawn_nor_named() -> None:
    points = [Point(calls_by_cluster={"heavy": 10})]
    names = [bar["name"] for bar in drawn(client_figures.calls_by_cluster, points)["data"]]
    assert names == ["Heavy", "Errors"] == list(client_figures.traffic_colours(points, "light"))


def test_unknown_response_times_leave_a_gap() -> None:
    points = [Point(), Point(NOW + MINUTE, average_ms=None, max_ms=None)]
    longest, average = drawn(client_figures.response_time, points)["data"]
    assert (longest["y"], average["y"]) == ([150.0, None], [100.0, None])


def test_parts_of_the_risk_are_shares_of_the_highest_of_a_bucket() -> None:
    found = [reason("error_rate", 0.5, "a < b"), reason("usage_cluster", 0.25), reason("mix", None)]
    points = [Point(maximum=0.8, reasons=json.dumps(found)), Point(NOW + MINUTE)]
    errors, program = drawn(client_figures.risk_by_feature, points)["data"]
    assert (errors["name"], errors["x"], errors["y"]) == ("Error rate", [NOW], [0.4])
    assert (program["name"], program["y"]) == ("Calls like a program", [0.2])
    assert errors["customdata"] == ["a &lt; b"]


def test_reasons_beyond_the_colours_are_one_part() -> None:
    names = ["error_rate", "req_count", "mix", "repeat_rate", "payload_mean", "max_response_time"]
    found = [reason(name, 0.3 - n / 100) for n, name in enumerate(names)]
    points = [Point(maximum=1.0, reasons=json.dumps([*found, reason("status_entropy", 0.1)]))]
    bars = drawn(client_figures.risk_by_feature, points)["data"]
    assert [bar["name"] for bar in bars][-2:] == ["Average payload", "Other"]
    assert bars[-1]["y"] == [pytest.approx(0.25 + 0.1)]


def test_a_selected_bucket_is_tinted_in_a_figure_of_its_own() -> None:
    plain = drawn(client_figures.response_time, [Point()])
    picked = client_figures.picked_out(plain, (NOW, NOW + MINUTE), "dark")
    (band,) = picked["layout"]["shapes"]
    assert (band["x0"], band["x1"]) == (NOW, NOW + MINUTE)
    assert "shapes" not in plain["layout"]
    assert client_figures.picked_out(plain, None, "dark") is plain


@pytest.mark.parametrize(
    ("client", "kind"),
    [("u017", "User"), ("203.0.113.7", "IP address"), ("2001:db8::1", "IP address")],
)
def test_a_client_is_a_user_or_an_address(client: str, kind: str) -> None:
    assert client_panels.kind_of(client) == kind


def test_the_shared_window_says_whose_it_is() -> None:
    assert "5,000 busiest" in client_panels.kind_of("(other)")


def test_the_strip_says_why_the_newest_minute_is_risky_and_since_when_it_is_a_bot() -> None:
    window = {
        "priority": "HIGH",
        "risk_score": 0.95,
        "usage_cluster": "bot",
        "bot_score": 0.9,
        "timestamp": NOW,
        "reasons": json.dumps([reason("error_rate", 0.5, "error_rate 0.90")]),
        "causes": None,
    }
    strip = client_panels.standing(window, NOW - 5 * MINUTE, 1, NOW, NOW)
    assert "health-critical" in strip.className
    shown = texts(strip)
    assert "High risk" in shown
    assert "error_rate 0.90" in shown
    assert "Bot since 15:25 UTC" in shown


def test_a_calm_newest_minute_tells_of_the_risky_ones_before() -> None:
    window = {"priority": "LOW", "risk_score": 0.1, "usage_cluster": "normal", "bot_score": None}
    window |= {"timestamp": NOW, "reasons": None, "causes": None}
    shown = texts(client_panels.standing(window, None, 2, NOW - MINUTE, NOW))
    assert "2 minutes of this range are risky, the last at 15:29 UTC." in shown


def test_numbers_are_of_all_buckets_and_rates_of_active_minutes() -> None:
    points = [
        Point(windows=2, calls=30, errors=3, average_ms=100.0, simulated_calls=30, risky=1),
        Point(windows=1, calls=10, errors=1, average_ms=None, max_ms=None, maximum=0.85),
    ]
    shown = [texts(kpi) for kpi in client_panels.kpi_row(points, 3, True)]
    assert shown[0] == "Calls 40 75\u00a0% simulated"
    assert shown[1] == "Calls / min 13 in 3 active minutes"
    assert shown[2].startswith("Error rate 10\u00a0%")
    assert shown[3].startswith("Average response 100\u00a0ms longest 150\u00a0ms")
    assert shown[4] == "Endpoints touched 3 by its newest calls"
    assert shown[5] == "Highest risk 0.85 1 risky minute"


def test_reasons_stand_with_their_part_of_the_risk_and_a_link_to_the_minute() -> None:
    window = {"priority": "MEDIUM", "risk_score": 0.6, "timestamp": NOW}
    window["reasons"] = json.dumps([reason("error_rate", 0.284, "error_rate 0.24, usually 0.00")])
    panel = client_panels.reasons(window, NOW, "/client?at=x")
    assert "MEDIUM risk 0.60 at  15:30 UTC" in texts(panel)
    assert "Error rate 28\u00a0% error_rate 0.24, usually 0.00" in texts(panel)
    assert panel.children[0].children[2].href == "/client?at=x"
    assert "Nothing risky" in texts(client_panels.reasons(None, NOW, None))


def test_an_endangered_endpoint_says_its_risk_without_the_client() -> None:
    alone, gang = Endangered(), Endangered(endpoint="/search", together=4, windows=1)
    panel = client_rankings.endangered([alone, gang], href)
    first, second = panel.children[0].children
    assert "risk 0.90" in texts(first)
    assert "0.21 without its calls · 3 risky minutes" in texts(first)
    assert "0.21 without it and 3 others · 1 risky minute" in texts(second)
    assert first.children[0].children[0].href == href("/login", "POST")
    assert "None" in texts(client_rankings.endangered([], href))


def test_endpoints_it_calls_are_bars_against_the_busiest_with_their_errors_in_them() -> None:
    many = [Touched(f"/{n}", 1) for n in range(9)]
    panel = client_rankings.touched([Touched("/search", 30, errors=6), *many], href)
    bar = panel.children[0].children[0].children[1]
    assert [part.style["width"] for part in bar.children] == ["80.00%", "20.00%"]
    assert "76.9\u00a0% · 6 errors · 20\u00a0ms" in texts(panel)
    assert "and 2 more endpoints" in texts(panel)


def test_statuses_are_one_bar_of_their_classes() -> None:
    panel = client_rankings.statuses({"200": 90, "404": 6, "500": 4})
    assert [part.style["width"] for part in panel.children[0].children] == [
        "90.00%",
        "6.00%",
        "4.00%",
    ]
    assert "404 6 6\u00a0%" in texts(panel)


def test_uninspected_calls_are_said_in_one_line() -> None:
    assert "not inspected" in texts(client_rankings.attacks({}, 0, 100))
    assert "No attack in 40 inspected calls" in texts(client_rankings.attacks({}, 40, 100))
    assert "path traversal 2 50\u00a0%" in texts(
        client_rankings.attacks({"path_traversal": 2}, 4, 10)
    )


@pytest.mark.parametrize(
    ("found", "words"),
    [
        ({}, ""),
        ({"10.0.0.1": 3}, "calls from 10.0.0.1"),
        ({"10.0.0.1": 3, "10.0.0.2": 1}, "calls from 2 addresses, most from 10.0.0.1"),
        ({"u017": 3}, ""),
    ],
)
def test_where_calls_of_a_user_came_from(found: dict[str, int], words: str) -> None:
    assert client_panels.addresses("u017", found) == words


def test_a_client_that_did_not_call_lately_has_no_rates_and_is_still_simulated() -> None:
    (row,) = client_tables.client_rows([Summary("u017")], lambda c: f"/c?{c}", USUAL_LIMITS)
    assert (row["calls"], row["error_rate"], row["average_ms"]) == (None, None, None)
    assert (row["priority"], row["simulated"], row["href"]) == ("HIGH", 1.0, "/c?u017")


def test_every_column_has_its_field_in_the_rows() -> None:
    window = dict.fromkeys(
        ("usage_cluster", "req_count", "error_rate", "avg_response_time", "anomaly_score")
    )
    window |= {"id": 1, "timestamp": NOW, "priority": "LOW", "risk_score": 0.1}
    call = dict.fromkeys(
        ("status_code", "response_time_ms", "payload_size", "path", "ip_address", "attack")
    )
    call |= {"id": 1, "timestamp": NOW, "endpoint": "/a", "method": "GET", "source": "live"}
    pairs = [
        (
            client_tables.client_columns(),
            client_tables.client_rows([Summary("u")], str, USUAL_LIMITS),
        ),
        (client_tables.minute_columns(), client_tables.minute_rows([window], str)),
        (client_tables.call_columns(), client_tables.call_rows([call], href)),
    ]
    for columns, (row,) in pairs:
        assert {column["field"] for column in columns} <= row.keys()
        assert isinstance(row["id"], str)
