"""Components as values: what is said, without a browser."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, replace
from typing import Any

import pytest
from dash.development.base_component import Component

from components import cards, format, health, kpis, reasons, shell, states, tables, toasts

MINUTE = 60_000
NOW = 1_773_847_800_000  # 2026-03-18T15:30:00Z
NB = format.NO_BREAK


def inside(component: Any) -> Iterator[Component]:
    """The component and all that is in it."""
    for part in component if isinstance(component, list | tuple) else [component]:
        if isinstance(part, Component):
            yield part
            yield from inside(getattr(part, "children", None))


def words(component: Any) -> str:
    """All text of a component, as it is read."""
    if isinstance(component, list | tuple):
        return " ".join(filter(None, (words(part) for part in component)))
    if isinstance(component, Component):
        return words(getattr(component, "children", None))
    return "" if component is None else str(component).replace(NB, " ")


def ids(component: Any) -> list[Any]:
    return [part.id for part in inside(component) if getattr(part, "id", None)]


@pytest.mark.parametrize(
    ("now", "before", "more_is", "unit", "expected"),
    [
        (110, 100, "plain", "%", ("10 %", "up", "plain")),
        (90, 100, "plain", "%", ("10 %", "down", "plain")),
        (3100, 100, "plain", "%", ("30\u00d7", "up", "plain")),
        (0.04, 0.03, "bad", "pt", ("1.0 pt", "up", "bad")),
        (0.03, 0.04, "bad", "pt", ("1.0 pt", "down", "good")),
        (412, 443, "bad", "ms", ("31 ms", "down", "good")),
        (6, 2, "bad", "count", ("4", "up", "bad")),
        (6, 2, "good", "count", ("4", "up", "good")),
        (6, 0, "bad", "count", ("6", "up", "bad")),
    ],
    ids=str,
)
def test_a_change_tells_its_size_direction_and_whether_it_is_good(
    now: float, before: float, more_is: str, unit: str, expected: tuple[str, str, str]
) -> None:
    delta = cards.change(now, before, more_is=more_is, unit=unit)
    assert delta
    assert (delta.text.replace(NB, " "), delta.direction, delta.tone) == expected


@pytest.mark.parametrize(
    ("now", "before", "unit"),
    [(5, None, "%"), (None, 5, "ms"), (5, 0, "%"), (5, 5, "count"), (0.03, 0.03004, "pt")],
    ids=["no before", "no now", "from nothing", "the same", "rounds to nothing"],
)
def test_where_there_is_nothing_to_compare_no_change_is_told(
    now: float | None, before: float | None, unit: str
) -> None:
    assert cards.change(now, before, unit=unit) is None


@dataclass(frozen=True)
class Sums:
    calls: int = 0
    errors: int = 0
    simulated_calls: int = 0
    windows: int = 0
    anomalies: int = 0
    high: int = 0
    medium: int = 0
    low: int = 0
    bot_windows: int = 0
    average_risk: float | None = None
    average_response_ms: float | None = None


SOME = Sums(12_840, 360, 3_210, 1449, 40, 6, 41, 1402, 145, 0.1834, 168.4)


def test_the_row_of_numbers() -> None:
    said = words(kpis.kpi_row(SOME, Sums()))
    assert "Total calls 12,840 25 % simulated" in said
    assert "Error rate 2.8 % 360 errors" in said
    assert "Average response 168 ms" in said
    assert "Anomalies 40 2.8 % detection rate" in said
    assert "HIGH 6 0.4 % MEDIUM 41 2.8 % LOW 1,402 96.8 %" in said


def test_numbers_are_compared_with_the_period_before() -> None:
    before = replace(SOME, calls=10_000, errors=180, high=8, average_response_ms=200)
    said = words(kpis.kpi_row(SOME, before))
    assert "12,840 28.4 %" in said
    assert "2.8 % 1.0 pt" in said
    assert "168 ms 32 ms" in said
    assert "HIGH 6 2 0.4 %" in said


def test_without_calls_or_windows_nothing_is_made_up() -> None:
    said = words(kpis.kpi_row(Sums(), Sums()))
    assert "Error rate \u2013" in said
    assert "%" not in said


def test_the_full_number_is_in_the_title_of_a_shortened_one() -> None:
    [value] = [
        p
        for p in inside(kpis.kpi_row(replace(SOME, calls=1_284_112), Sums())[0])
        if getattr(p, "className", "") == "kpi-value"
    ]
    assert (value.children, value.title) == ("1.28M", "1,284,112")


def test_the_model_metrics() -> None:
    said = words(kpis.model_metrics(SOME, Sums()))
    assert said == "Detection rate 2.8 % Average risk 0.18 Bot rate 10 %"


@pytest.mark.parametrize(
    ("simulated", "text"), [(0, ""), (12_840, "simulated"), (1_284, "10 % simulated")]
)
def test_how_much_is_simulated(simulated: int, text: str) -> None:
    assert kpis.simulated(replace(SOME, simulated_calls=simulated)).replace(NB, " ") == text


CALM = health.Recent(1000, 40, 50, 0, 4, ())


@pytest.mark.parametrize(
    ("recent", "level", "reason"),
    [
        (CALM, "healthy", "No endpoint at high risk; 4 % of calls fail."),
        (
            replace(CALM, high_windows=2),
            "healthy",
            "No endpoint at high risk; 2 client windows HIGH; 4 % of calls fail.",
        ),
        (replace(CALM, errors=150), "healthy", "No endpoint at high risk; 15 % of calls fail."),
        (replace(CALM, errors=151), "degraded", "15.1 % of calls fail in the last 5 minutes."),
        (
            replace(CALM, high_endpoints=("POST /payment",)),
            "degraded",
            "POST /payment is HIGH; 4 % of calls fail.",
        ),
        (
            replace(CALM, high_endpoints=("POST /payment", "POST /login")),
            "critical",
            "POST /payment and POST /login are HIGH, 2 of 4 endpoints; 4 % of calls fail.",
        ),
        (
            replace(CALM, endpoints=9, high_endpoints=("GET /a", "GET /b", "GET /c")),
            "degraded",
            "GET /a, GET /b and 1 more are HIGH; 4 % of calls fail.",
        ),
        (replace(CALM, errors=300), "degraded", "30 % of calls fail in the last 5 minutes."),
        (replace(CALM, errors=301), "critical", "30.1 % of calls fail in the last 5 minutes."),
        (health.Recent(9, 0, 0, 0, 0, ()), "waiting", "No minute of the last five is scored yet."),
    ],
    ids=lambda value: value if isinstance(value, str) else "",
)
def test_health_is_one_word_with_its_reason(recent: health.Recent, level: str, reason: str) -> None:
    found = health.system_health(
        recent, NOW, last_call_at=NOW - 1000, scored_at=NOW - MINUTE, stale=False, error=None
    )
    assert (found.level, found.reason.replace(NB, " ")) == (level, reason)


def test_stale_scores_say_since_when_and_why_before_anything_else() -> None:
    found = health.system_health(
        CALM, NOW, last_call_at=None, scored_at=NOW - 17 * MINUTE, stale=True, error="locked"
    )
    assert found == health.Health("stale", "Scores stale since 15:13 UTC", "locked")


def test_without_calls_for_three_minutes_there_is_no_traffic() -> None:
    found = health.system_health(
        CALM, NOW, last_call_at=NOW - 180_001, scored_at=NOW, stale=False, error=None
    )
    assert (found.level, found.title) == ("quiet", "No traffic since 15:26 UTC")


@pytest.mark.parametrize(
    ("calls_seen", "demo", "text"),
    [
        (True, False, "Calls are coming in"),
        (False, True, "simulated clients are starting"),
        (False, False, "flask import-log"),
    ],
)
def test_an_empty_product_says_what_it_waits_for(calls_seen: bool, demo: bool, text: str) -> None:
    said = words(states.waiting(calls_seen, demo))
    assert "Waiting for the first minute" in said
    assert text in said


WINDOW: dict[str, Any] = {
    "id": 7,
    "timestamp": NOW - MINUTE,
    "subject": "endpoint",
    "endpoint": "/payment",
    "method": "POST",
    "client": None,
    "risk_score": 0.83,
    "priority": "HIGH",
    "failure_probability": 1.0,
    "anomaly_score": 0.97,
    "usage_cluster": "normal",
    "req_count": 100,
    "error_rate": 0.64,
    "avg_response_time": None,
    "simulated_count": 25,
    "thin": 0,
}


def test_a_row_of_the_grid() -> None:
    [row] = tables.window_rows([WINDOW], lambda _: "/there")
    assert (row["id"], row["name"], row["at"]) == ("7", "POST /payment", WINDOW["timestamp"])
    assert (row["simulated"], row["thin"], row["href"]) == (0.25, False, "/there")


def test_a_client_window_is_named_after_its_client() -> None:
    [row] = tables.window_rows([WINDOW | {"subject": "client", "client": "10.0.0.7"}])
    assert (row["name"], row["href"]) == ("10.0.0.7", None)


def test_every_column_shows_a_field_of_the_rows() -> None:
    [row] = tables.window_rows([WINDOW])
    assert {column["field"] for column in tables.window_columns()} <= set(row)


def test_the_windows_of_an_incident_become_one_toast_that_tells_the_newest() -> None:
    windows = [WINDOW | {"id": i, "timestamp": NOW - (9 - i) * MINUTE} for i in (8, 7)]
    [notice] = toasts.notices([toasts.Told(windows)], lambda _: "/there", NOW)
    assert notice.id == {"type": "shell-toast", "window": "8"}
    assert words(notice).startswith(
        "HIGH POST /payment 2 windows, the newest: risk 0.83 at 15:29 UTC: "
        "failure probability 100 %, 64 % of 100 calls failed"
    )


EXPLAINED: dict[str, Any] = WINDOW | {
    "reasons": '[{"text":"error_rate 0.64, usually 0.00-0.04"},{"text":"req_count 100 calls"}]',
    "causes": '[{"client":"10.0.0.7","risk_without":0.21,"together":2},'
    '{"client":"10.0.0.8","risk_without":0.21,"together":2}]',
}


def test_a_row_and_a_toast_tell_the_first_reason_and_the_cause() -> None:
    told = (
        "error_rate 0.64, usually 0.00-0.04; "
        "without the calls of 10.0.0.7, 10.0.0.8 the risk would be 0.21"
    )
    [row] = tables.window_rows([EXPLAINED])
    assert row["why"] == told
    assert "req_count 100 calls" in row["whys"]
    [notice] = toasts.notices([toasts.Told([EXPLAINED], suffering=3)], lambda _: "/", NOW)
    assert "3 clients suffer" in words(notice)
    assert told in words(notice)


def test_more_culprits_than_are_named_are_counted() -> None:
    causes = '[{"client":"u1","risk_without":0.2,"together":5}]'
    assert reasons.cause_text(WINDOW | {"causes": causes}) == (
        "without the calls of u1 and 4 more clients the risk would be 0.20"
    )


def test_a_window_without_reasons_has_nothing_to_tell() -> None:
    assert reasons.why(WINDOW) == reasons.all_of_it(WINDOW | {"reasons": None}) == ""


def test_endpoints_are_named_before_the_clients_that_suffer_from_them() -> None:
    clients = [WINDOW | {"id": i, "subject": "client", "client": f"u{i}"} for i in range(8, 12)]
    told = [toasts.Told([window]) for window in (WINDOW, *clients)]
    [notice] = toasts.notices(told, lambda _: "/", NOW)
    assert "5 subjects at high risk POST /payment, u11, u10 and 2 more" in words(notice)


def test_three_incidents_become_three_toasts_and_four_become_one() -> None:
    told = [toasts.Told([WINDOW | {"id": i, "endpoint": f"/{i}"}]) for i in range(4)]
    assert len(toasts.notices(told[:3], lambda _: "/", NOW)) == 3
    [notice] = toasts.notices(told, lambda _: "/", NOW)
    assert "4 subjects at high risk POST /3, POST /2, POST /1 and 1 more" in words(notice)


def frame(demo: bool = False) -> Component:
    return shell.frame(
        [shell.NavItem("Overview", "/dashboard/", "grid-1x2")],
        "content",
        ranges={"3h": "3h"},
        demo=demo,
        stream=True,
        account=shell.Account("ann", "viewer", "/auth/logout", "", "/api/docs", "token"),
    )


def test_the_frame_has_the_ids_that_callbacks_and_tests_use() -> None:
    expected = {"shell-url", "shell-range", "shell-theme", "shell-freshness", "shell-toasts"}
    expected |= {"shell-range-choice", "shell-live", "shell-theme-switch", "shell-menu", "content"}
    found = {id for id in ids(frame()) if isinstance(id, str)}
    assert expected <= found


@pytest.mark.parametrize("demo", [True, False])
def test_simulated_data_is_said_in_the_top_bar_in_demo_mode_only(demo: bool) -> None:
    assert ("Simulated data" in words(frame(demo))) is demo


def test_the_theme_is_set_before_any_style_and_ours_comes_last() -> None:
    page = shell.index_html("/dashboard/assets/", "3h")
    order = ["/dashboard/assets/boot.js", "bootstrap.min.css", "{%css%}", "{%app_entry%}"]
    assert sorted(order, key=page.index) == order
