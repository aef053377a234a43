"""`/metrics`, the scorecard and drift over HTTP."""

from __future__ import annotations

import time
from pathlib import Path
from typing import Any

import pytest
from flask.testing import FlaskClient
from prometheus_client.parser import text_string_to_metric_families

from jobs.runtime import Foresight
from jobs.schedule import run_job
from jobs.scorecard import HOUR_MS, compare_forecasts
from store import Store, writes
from store.drift import DriftHour, save_drift
from tests.rows import MINUTE, call, window
from tests.server import running_server, wait_until

HOUR = (time.time_ns() // 1_000_000 // HOUR_MS - 1) * HOUR_MS  # the last full hour
FAILS = {"failure_probability": 1.0, "error_rate": 0.5}
Samples = dict[tuple[str, ...], float]


def samples(text: str) -> Samples:
    """(Name, values of its labels in the order of their names) -> value."""
    return {
        (sample.name, *sample.labels.values()): sample.value
        for family in text_string_to_metric_families(text)
        for sample in family.samples
    }


def scrape(client: FlaskClient) -> Samples:
    answer = client.get("/metrics")
    assert answer.status_code == 200, answer.text
    return samples(answer.text)


def fill(store: Store) -> None:
    """An hour with a failure that was warned of, its drift, and a job that failed."""
    probabilities = {0: 0.05, 1: 0.6, 2: 1.0, 3: 1.0, 40: 0.15}
    rows = [
        window(HOUR + minute * MINUTE, **(FAILS if p == 1 else {"failure_probability": p}))
        for minute, p in probabilities.items()
    ]
    with store.begin() as connection:
        writes.save_windows(connection, rows)
        save_drift(connection, "endpoint", DriftHour(HOUR, 120, "v1", {"req_count": 0.2}))
        save_drift(connection, "endpoint", DriftHour(HOUR - HOUR_MS, 120, "v1", {"req_count": 9}))
        writes.add_to_counter(connection, "calls_lost", 3)
    compare_forecasts(store, HOUR + 2 * HOUR_MS)


def test_metrics_of_an_empty_store_are_zero_or_absent(client: FlaskClient) -> None:
    found = scrape(client)
    assert found["foresight_calls_stored_total",] == 0
    assert found["foresight_windows_waiting",] == 0
    assert found["foresight_windows_last_hour", "HIGH"] == 0
    assert found["foresight_feedback_windows", "false_alarm"] == 0
    assert found["foresight_forecast_windows", "endpoint"] == 0
    assert ("foresight_forecast_brier_skill", "endpoint") not in found
    assert sum(name == "foresight_model_info" for name, *_ in found) == 1


def test_metrics_say_what_the_store_holds(client: FlaskClient, parts: Foresight) -> None:
    fill(parts.store)
    now = time.time_ns() // 1_000_000
    with parts.store.begin() as connection:
        writes.add_calls(connection, [call(now - 5 * MINUTE), call(now + MINUTE)], parts.store.grid)
        writes.save_windows(connection, [window(now - 30 * MINUTE, priority="HIGH")])
    run_job(parts.store, "scoring", lambda: "done")
    run_job(parts.store, "retention", lambda: str(1 / 0))
    found = scrape(client)
    assert found["foresight_calls_stored_total",] == 2
    assert found["foresight_calls_lost_total",] == 3
    assert found["foresight_windows_waiting",] == 1, "the other minute is not over"
    assert found["foresight_windows_last_hour", "HIGH"] == 1
    assert found["foresight_job_last_success_timestamp_seconds", "scoring"] == pytest.approx(
        time.time(), abs=60
    )
    assert found["foresight_job_failed", "scoring"] == 0
    assert found["foresight_job_failed", "retention"] == 1
    assert found["foresight_drift_psi", "req_count", "endpoint"] == 0.2
    assert found["foresight_forecast_precision_ratio", "endpoint"] == 1
    assert found["foresight_forecast_recall_ratio", "endpoint"] == 1
    assert found["foresight_forecast_onsets", "endpoint"] == 1
    # (0.95 ** 2 + 0.4 ** 2 + 0.15 ** 2) / 3 against 2/3 * 1/3
    assert found["foresight_forecast_brier_skill", "endpoint"] == pytest.approx(-0.6275)


@pytest.mark.parametrize("path", ["/metrics", "/api/models/scorecard", "/api/models/drift"])
def test_strangers_get_nothing(stranger: FlaskClient, path: str) -> None:
    assert stranger.get(path).status_code == 401


def get(client: FlaskClient, path: str) -> Any:
    answer = client.get(path)
    assert answer.status_code == 200, answer.text
    return answer.get_json()


def test_the_scorecard_of_an_empty_store_is_null(client: FlaskClient) -> None:
    found = get(client, "/api/models/scorecard")
    assert (found["warning"], found["horizon_minutes"]) == (0.5, 5)
    nothing = {"value": None, "low": None, "high": None, "n": 0}
    for name in ("day", "week"):
        for subject in ("endpoint", "client"):
            assert found[name][subject] == {
                "forecasts": 0,
                "base_rate": nothing,
                "brier": None,
                "brier_skill": None,
                "precision": nothing,
                "recall": nothing,
                "onsets_without_forecast": 0,
                "median_lead_minutes": None,
                "reliability": [],
            }


def test_the_scorecard_of_the_day_and_of_a_range(client: FlaskClient, parts: Foresight) -> None:
    fill(parts.store)
    found = get(client, "/api/models/scorecard")
    card = found["day"]["endpoint"]
    assert card == found["week"]["endpoint"]
    assert (card["forecasts"], card["base_rate"]["value"]) == (3, pytest.approx(2 / 3))
    assert card["precision"] | {"low": 0} == {"value": 1.0, "low": 0, "high": 1.0, "n": 1}
    assert (card["recall"]["n"], card["median_lead_minutes"]) == (1, 1.0)
    assert [(r["from"], r["to"], r["failed"]["n"]) for r in card["reliability"]] == [
        (0.0, 0.1, 1),
        (0.1, 0.2, 1),
        (0.6, 0.7, 1),
    ]
    asked = f"/api/models/scorecard?from={HOUR + MINUTE}&to={HOUR + 2 * MINUTE}"
    only = get(client, asked)
    assert only["range"]["endpoint"] == card, "the whole hour"
    assert "day" not in only
    assert get(client, f"/api/models/scorecard?to={HOUR}")["range"]["endpoint"]["forecasts"] == 0


def test_drift_comes_with_its_reading(client: FlaskClient, parts: Foresight) -> None:
    empty = get(client, "/api/models/drift")
    assert empty["endpoint"] == {"latest": None, "hours": []}
    assert (empty["stable_below"], empty["drifted_above"]) == (0.1, 0.25)
    fill(parts.store)
    found = get(client, "/api/models/drift")
    features = [hour["features"]["req_count"] for hour in found["endpoint"]["hours"]]
    assert features == [{"psi": 9.0, "reading": "drifted"}, {"psi": 0.2, "reading": "moving"}]
    assert found["endpoint"]["latest"] == found["endpoint"]["hours"][1]
    assert len(get(client, f"/api/models/drift?from={HOUR}")["endpoint"]["hours"]) == 1
    assert client.get("/api/models/drift?from=soon").status_code == 400


def test_a_scrape_of_a_running_server_is_no_call(tmp_path: Path) -> None:
    with running_server(tmp_path, demo="off") as server:
        status, headers, _ = server.request("GET", "/metrics")
        assert (status, headers["content-type"].split(";")[0]) == (200, "text/plain")
        assert server.request("GET", "/metrics", token=False)[0] == 401
        for _ in range(3):
            server.request("GET", "/health")
        wait_until(
            lambda: (
                samples(server.request("GET", "/metrics")[2].decode())[
                    "foresight_calls_stored_total",
                ]
                == 3
            ),
            what="three calls and no scrape",
        )
