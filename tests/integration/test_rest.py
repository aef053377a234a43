"""The REST API: filters, cursors, times, and one shape for every error."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from flask import Flask
from flask.testing import FlaskClient

from jobs.runtime import Foresight
from ml.histogram import latency_histogram
from store import reads, writes
from tests.integration.conftest import running_app
from tests.rows import MINUTE, T0, call, window

T0_ISO = "2026-03-18T15:30:00.000Z"


@pytest.fixture
def app(tmp_path: Path, store_url: str) -> Iterator[Flask]:
    """An app on each kind of database."""
    with running_app(tmp_path, store_url) as server:
        yield server


@pytest.fixture
def filled(parts: Foresight) -> Foresight:
    """Three calls and four scored windows, written by hand."""
    histogram = latency_histogram(np.array([10.0] * 90 + [100.0] * 9 + [1000.0]))
    with parts.store.begin() as connection:
        writes.add_calls(
            connection,
            [
                call(T0),
                call(T0 + 1, endpoint="/payment", method="POST", status_code=402, user_id="u1"),
                call(T0 + 2, endpoint="/payment", method="POST", status_code=503, user_id="u1"),
            ],
            parts.store.grid,
        )
        writes.clear_dirty(connection, reads.dirty_marks(connection, 2 * T0, 10))
        payment: dict[str, Any] = {"endpoint": "/payment", "method": "POST"}
        writes.save_windows(
            connection,
            [
                window(req_count=1, status_counts='{"200": 1}'),
                window(
                    **payment,
                    req_count=2,
                    error_rate=1.0,
                    risk_score=0.8,
                    priority="HIGH",
                    is_anomaly=1,
                    status_counts='{"402": 1, "503": 1}',
                    latency_histogram=histogram,
                    reasons='[{"feature": "error_rate", "value": 1.0}]',
                    causes='[{"client": "u1", "drop": 0.7}]',
                ),
                window(T0 + MINUTE, **payment, status_counts='{"201": 10}'),
                window(
                    subject="client", endpoint="*", method="*", client="u1", usage_cluster="bot"
                ),
            ],
        )
    return parts


def get(client: FlaskClient, path: str) -> Any:
    answer = client.get(path)
    assert answer.status_code == 200, answer.text
    return answer.get_json()


@pytest.mark.usefixtures("filled")
def test_stats_count_calls_and_windows(client: FlaskClient) -> None:
    stats = get(client, "/api/stats?from=2026-03-18T15:30:00Z&to=2026-03-18T15:31:00Z")
    assert (stats["from"], stats["total_calls"], stats["errors"]) == (T0_ISO, 3, 2)
    assert stats["error_rate"] == pytest.approx(2 / 3)
    assert stats["priorities"] == {"HIGH": 1, "MEDIUM": 0, "LOW": 2}
    assert stats["detection_rate"] == pytest.approx(1 / 3)
    assert stats["bot_rate"] == pytest.approx(1 / 3)
    assert stats["freshness"]["last_call_at"] == "2026-03-18T15:30:00.002Z"


def test_stats_of_an_empty_store_are_zero_and_unknown(client: FlaskClient) -> None:
    stats = get(client, "/api/stats")
    assert (stats["total_calls"], stats["windows"], stats["detection_rate"]) == (0, 0, None)


@pytest.mark.usefixtures("filled")
@pytest.mark.parametrize(
    ("query", "expected"),
    [
        ("", [4, 3, 2, 1]),
        ("priority=HIGH", [2]),
        ("priority=high", [2]),
        ("endpoint=/payment", [3, 2]),
        ("endpoint=/payment&method=post", [3, 2]),
        ("subject=client", [4]),
        ("client=u1", [4]),
        ("cluster=bot", [4]),
        ("usage_cluster=bot", [4]),
        ("is_anomaly=true", [2]),
        ("is_anomaly=0", [4, 3, 1]),
        (f"from={T0 + MINUTE}", [3]),
        (f"to={T0 + MINUTE}", [4, 2, 1]),
        ("from=2026-03-18T16:31:00%2B01:00", [3]),
        ("from=2026-03-18T15:31", [3]),
        ("priority=HIGH&subject=client", []),
    ],
)
def test_anomalies_are_filtered_by_their_columns(
    client: FlaskClient, query: str, expected: list[int]
) -> None:
    found = {item["id"] for item in get(client, f"/api/anomalies?{query}")["items"]}
    assert found == set(expected)


@pytest.mark.usefixtures("filled")
def test_a_window_has_iso_times_and_plain_types(client: FlaskClient) -> None:
    item = get(client, "/api/anomalies?priority=HIGH")["items"][0]
    assert item["timestamp"] == T0_ISO
    assert (item["is_anomaly"], item["thin"], item["client"]) == (True, False, None)
    assert item["status_counts"] == {"402": 1, "503": 1}
    assert item["reasons"] == [{"feature": "error_rate", "value": 1.0}]
    assert item["causes"] == [{"client": "u1", "drop": 0.7}]


@pytest.mark.usefixtures("filled")
def test_a_cursor_leads_through_all_calls(client: FlaskClient) -> None:
    ids: list[int] = []
    cursor = ""
    while True:
        page = get(client, f"/api/logs?limit=1{cursor}")
        ids += [item["id"] for item in page["items"]]
        if page["next_cursor"] is None:
            break
        cursor = f"&cursor={page['next_cursor']}"
    assert ids == [3, 2, 1]


@pytest.mark.usefixtures("filled")
def test_logs_are_filtered_by_status(client: FlaskClient) -> None:
    assert [i["id"] for i in get(client, "/api/logs?status=503")["items"]] == [3]
    assert [i["id"] for i in get(client, "/api/logs?status_code=402&client=u1")["items"]] == [2]


@pytest.mark.usefixtures("filled")
@pytest.mark.parametrize("name", ["payment", "/payment", "%2Fpayment", "%2fpayment"])
def test_an_endpoint_is_found_with_and_without_its_first_slash(
    client: FlaskClient, name: str
) -> None:
    found = get(client, f"/api/analytics/endpoint/{name}?method=POST")
    assert (found["endpoint"], found["total_calls"]) == ("/payment", 12)
    assert found["status_counts"] == {"201": 10, "402": 1, "503": 1}
    assert found["series"][0]["timestamp"] == T0_ISO


def test_stats_and_analytics_agree_also_on_what_is_not_scored_yet(
    client: FlaskClient, filled: Foresight
) -> None:
    with filled.store.begin() as connection:
        writes.add_calls(connection, [call(T0 + 3 * MINUTE)] * 7, filled.store.grid)
    assert get(client, "/api/analytics/endpoint/search")["total_calls"] == 1 + 7
    assert get(client, "/api/stats")["total_calls"] == 1 + 12 + 7


@pytest.mark.usefixtures("filled")
def test_latency_percentiles_come_from_the_merged_histogram(client: FlaskClient) -> None:
    latency = get(client, "/api/analytics/endpoint/payment")["latency_ms"]
    assert latency["p50"] == pytest.approx(10, rel=0.02)
    assert latency["p95"] == pytest.approx(100, rel=0.02)
    assert latency["p99"] == pytest.approx(100, rel=0.02)


@pytest.mark.parametrize(
    ("path", "parameter", "says"),
    [
        ("/api/logs?limit=0", "limit", "'0'"),
        ("/api/logs?limit=1001", "limit", "1000"),
        ("/api/logs?limit=ten", "limit", "'ten'"),
        ("/api/logs?from=yesterday", "from", "'yesterday'"),
        ("/api/logs?to=99999999999999999999", "to", "ISO 8601"),
        ("/api/logs?cursor=%21%21", "cursor", "next_cursor"),
        ("/api/logs?status=abc", "status", "'abc'"),
        ("/api/logs?colour=red", "colour", "status_code"),
        ("/api/logs?method=GET&method=POST", "method", "2 times"),
        ("/api/logs?endpoint=", "endpoint", "''"),
        ("/api/logs?endpoint=a%00b", "endpoint", "endpoint"),
        ("/api/logs?method=a%00b", "method", "method"),
        ("/api/analytics/endpoint/a%00b", "endpoint", "NUL"),
        ("/api/logs?cursor=OTk5OTk5OTk5OTk5OTk5OTk5OTk5OTk5LjE=", "cursor", "next_cursor"),
        ("/api/stats?from=-253402300799999", "from", "ISO 8601"),
        ("/api/stats?from=1969-12-31", "from", "1970"),
        ("/api/stats?to=253402300800000", "to", "9999"),
        ("/api/anomalies?is_anomaly=perhaps", "is_anomaly", "true or false"),
        ("/api/anomalies?priority=urgent", "priority", "'URGENT'"),
        ("/api/anomalies?subject=user", "subject", "'user'"),
        ("/api/anomalies?cluster=evil", "cluster", "'evil'"),
        ("/api/stats?limit=5", "limit", "unknown"),
        ("/api/analytics/endpoint/x?priority=HIGH", "priority", "unknown"),
    ],
)
def test_a_bad_parameter_is_named_and_quoted(
    client: FlaskClient, path: str, parameter: str, says: str
) -> None:
    answer = client.get(path)
    error = answer.get_json()["error"]
    assert answer.status_code == 400
    assert (error["code"], error["details"]["parameter"]) == ("bad_request", parameter)
    assert says in error["message"]


def test_an_unknown_endpoint_is_not_found(client: FlaskClient) -> None:
    answer = client.get("/api/analytics/endpoint/nowhere")
    assert answer.status_code == 404
    assert answer.get_json()["error"]["details"] == {"endpoint": "nowhere"}


def test_an_endpoint_whose_calls_are_not_scored_yet_is_known(
    client: FlaskClient, parts: Foresight
) -> None:
    with parts.store.begin() as connection:
        writes.add_calls(connection, [call(T0)], parts.store.grid)
    assert get(client, "/api/analytics/endpoint/search")["windows"] == 0


def test_a_path_that_does_not_exist_has_the_same_error_shape(client: FlaskClient) -> None:
    error = client.get("/api/nothing").get_json()["error"]
    assert error["code"] == "not_found"
    assert set(error) == {"code", "message", "details"}
