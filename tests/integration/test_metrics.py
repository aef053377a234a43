"""`/metrics`, the scorecard and drift over HTTP."""

from __future__ import annotations

import time
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

import msgspec
import pytest
from flask.testing import FlaskClient
from prometheus_client.parser import text_string_to_metric_families

from api.metrics import MOST_SAMPLES
from ingest.journal import SUFFIX, directory_bytes
from ingest.writer import drain
from jobs.access import people
from jobs.access.audited import Doer
from jobs.backlog import MOST_COUNTED_BYTES, Backlog, backlog
from jobs.runtime import Foresight
from jobs.schedule import run_job
from jobs.scorecard import HOUR_MS, compare_forecasts
from ml.features import FEATURES
from store import Store, writes
from store.call_counts import call_counts
from store.drift import DriftHour, save_drift
from tests.people import PASSWORD, sign_in
from tests.rows import MINUTE, T0, call, window
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
    assert found["foresight_calls_total", "live", "2xx"] == 0
    assert found["foresight_call_errors_total", "live"] == 0
    assert found["foresight_call_duration_seconds_bucket", "+Inf", "live"] == 0
    assert found["foresight_journal_bytes",] == 0
    assert found["foresight_journal_records",] == 0
    assert found["foresight_writer_lag_seconds",] == 0
    assert found["foresight_scoring_lag_seconds",] == 0
    assert found["foresight_live_sockets",] == 0
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
    assert found["foresight_calls_total", "live", "2xx"] == 2
    assert found["foresight_calls_lost_total",] == 3
    assert found["foresight_windows_waiting",] == 1, "the other minute is not over"
    start = (now - 5 * MINUTE) // MINUTE * MINUTE
    assert found["foresight_scoring_lag_seconds",] == pytest.approx(
        (now - start - MINUTE) / 1000, abs=10
    )
    assert found["foresight_windows_last_hour", "HIGH"] == 1
    assert found["foresight_job_last_success_timestamp_seconds", "scoring"] == pytest.approx(
        time.time(), abs=60
    )
    assert 0 <= found["foresight_job_duration_seconds", "scoring"] < 10
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


def test_calls_are_counted_by_status_and_duration_also_when_they_are_gone(
    client: FlaskClient, parts: Foresight
) -> None:
    given = [(200, 5.0), (201, 5.1), (404, 30_000.0), (503, 30_001.0), (999, None)]
    calls = [call(T0, status_code=status, response_time_ms=ms) for status, ms in given]
    calls.append(call(T0, source="simulated", response_time_ms=250.0))
    with parts.store.begin() as connection:
        writes.add_calls(connection, calls, parts.store.grid)
        writes.remove_calls(connection, list(range(1, len(calls) + 1)))
    found = scrape(client)
    statuses = {
        key[2]: n for key, n in found.items() if key[:2] == ("foresight_calls_total", "live")
    }
    assert statuses == {"1xx": 0, "2xx": 2, "3xx": 0, "4xx": 1, "5xx": 1, "other": 1}
    assert found["foresight_calls_total", "simulated", "2xx"] == 1
    assert found["foresight_call_errors_total", "live"] == 2
    bucket = "foresight_call_duration_seconds_bucket"
    buckets = {key[1]: n for key, n in found.items() if key[0] == bucket and key[2] == "live"}
    assert (buckets["0.005"], buckets["0.01"], buckets["10.0"]) == (1, 2, 2)
    assert (buckets["30.0"], buckets["+Inf"]) == (3, 4)
    assert found["foresight_call_duration_seconds_count", "live"] == 4
    assert found["foresight_call_duration_seconds_sum", "live"] == pytest.approx(60.0111)
    assert found["foresight_call_duration_seconds_sum", "simulated"] == 0.25


def test_what_is_stored_once_is_counted_once(store: Store) -> None:
    for sent in ([1, 2, 3], [2, 3, 4, 4], [1, 2, 3, 4]):
        with store.begin() as connection:
            rows = [call(T0, source="posted", identity=n, status_code=100 * n) for n in sent]
            writes.add_calls(connection, rows, store.grid)
    with store.read() as connection:
        counted = call_counts(connection)["posted"]
    assert counted.by_status == {1: 1, 2: 1, 3: 1, 4: 1, 5: 0, 0: 0}
    assert counted.seconds == pytest.approx(0.4)


def test_two_transactions_count_all_calls(store: Store) -> None:
    def add() -> None:
        for _ in range(20):
            with store.begin() as connection:
                writes.add_calls(connection, [call(), call(status_code=500)], store.grid)

    with ThreadPoolExecutor(4) as pool:
        for done in [pool.submit(add) for _ in range(4)]:
            done.result()
    with store.read() as connection:
        assert call_counts(connection)["live"].by_status == {1: 0, 2: 80, 3: 0, 4: 0, 5: 80, 0: 0}


def test_the_journal_is_as_deep_as_what_is_not_stored(
    client: FlaskClient, parts: Foresight
) -> None:
    now = time.time_ns() // 1_000_000
    for age_s in (90, 60, 30):
        parts.journal.append(call(now - age_s * 1000))
    found = scrape(client)
    assert found["foresight_journal_records",] == 3
    assert found["foresight_journal_bytes",] == directory_bytes(parts.settings.journal_dir) > 300
    assert found["foresight_writer_lag_seconds",] == pytest.approx(90, abs=10)
    drain(parts.store, parts.settings.journal_dir)
    parts.journal.append(call(now - 10_000))
    found = scrape(client)
    assert found["foresight_journal_records",] == 1
    assert found["foresight_writer_lag_seconds",] == pytest.approx(10, abs=9)
    drain(parts.store, parts.settings.journal_dir)
    found = scrape(client)
    assert found["foresight_journal_bytes",] == found["foresight_writer_lag_seconds",] == 0


def test_a_deep_journal_is_not_read_to_its_end(tmp_path: Path) -> None:
    record = b"\n" + msgspec.json.encode(call()) + b"\n"
    many = MOST_COUNTED_BYTES // len(record) * 3 // 2
    (tmp_path / f"a{SUFFIX}").write_bytes(record * many)
    (tmp_path / f"b{SUFFIX}").write_bytes(b"\n[torn\n" + record)
    found = backlog(tmp_path, {})
    assert found.bytes == directory_bytes(tmp_path)
    assert found.records == pytest.approx(many, rel=0.01)
    assert found.oldest_at == T0
    assert backlog(tmp_path, {f"a{SUFFIX}": len(record) * many}).records == 2
    assert backlog(tmp_path / "nowhere", {}) == Backlog(0, 0, None)


def test_refused_logins_are_counted_by_kind(
    client: FlaskClient, stranger: FlaskClient, parts: Foresight
) -> None:
    stranger.get("/auth/login?token=wrong")
    stranger.head("/auth/login?token=wrong")
    people.set_password(parts, Doer("boss", None, 1), "admin", PASSWORD)
    for wrong in ("x", "y"):
        sign_in(stranger, wrong)
    for header in ("Bearer wrong", "bearer", "Basic YTpi"):
        stranger.get("/api/stats", headers={"Authorization": header})
    stranger.get("/api/stats")
    found = scrape(client)
    kinds = ("password", "link", "token")
    assert [found["foresight_refused_logins_total", kind] for kind in kinds] == [2, 1, 2]


def test_ten_thousand_endpoints_and_clients_make_no_more_samples(
    client: FlaskClient, parts: Foresight
) -> None:
    now = time.time_ns() // 1_000_000
    names = [f"/endpoint-{n}" for n in range(10_000)]
    with parts.store.begin() as connection:
        calls = [
            call(now, endpoint=name, user_id=name, status_code=100 + n % 900)
            for n, name in enumerate(names)
        ]
        writes.add_calls(connection, calls, parts.store.grid)
        writes.save_windows(connection, [window(now, endpoint=name) for name in names])
        for subject in ("endpoint", "client"):
            psi = dict.fromkeys(FEATURES, 0.2)
            save_drift(connection, subject, DriftHour(HOUR, 120, "v1", psi))
    for job in ("scoring", "retention", "training", "drift", "scorecard"):
        run_job(parts.store, job, lambda: "done")
    fill(parts.store)
    found = scrape(client)
    assert sum(n for key, n in found.items() if key[0] == "foresight_calls_total") >= 10_000
    assert len(found) < MOST_SAMPLES


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
                    "foresight_calls_total", "live", "2xx"
                ]
                == 3
            ),
            what="three calls and no scrape",
        )
