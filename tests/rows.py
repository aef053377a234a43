"""Rows written by hand, with ordinary values where a test does not care."""

from __future__ import annotations

from typing import Any

from ingest.call import Call
from ingest.seal import Seal
from store.tables import WINDOW_COLUMNS

MINUTE = 60_000
SEAL = Seal("session key of the tests")
T0 = 1_773_847_800_000  # 2026-03-18T15:30:00Z, a full minute


def call(timestamp: int = T0, **fields: Any) -> Call:
    """A call to GET /search that went well, but for what is given."""
    ordinary: dict[str, Any] = {
        "endpoint": "/search",
        "method": "GET",
        "response_time_ms": 100.0,
        "status_code": 200,
        "payload_size": 1000,
        "ip_address": "10.0.0.1",
        "path": "/search",
        "received_at": timestamp,
    }
    return Call(timestamp=timestamp, **(ordinary | fields))


def window(timestamp: int = T0, **fields: Any) -> tuple[Any, ...]:
    """A LOW window of ten calls to GET /search, a row of `anomaly_log`, but for what is given."""
    ordinary: dict[str, Any] = {
        "timestamp": timestamp,
        "subject": "endpoint",
        "endpoint": "/search",
        "method": "GET",
        "client": None,
        "risk_score": 0.1,
        "priority": "LOW",
        "failure_probability": 0.05,
        "anomaly_score": 0.2,
        "is_anomaly": 0,
        "usage_cluster": "normal",
        "req_count": 10,
        "error_rate": 0.0,
        "avg_response_time": 100.0,
        "max_response_time": 150.0,
        "payload_mean": 1000.0,
        "unique_endpoints": 1,
        "repeat_rate": 0.0,
        "status_entropy": 0.0,
        "thin": 0,
        "simulated_count": 0,
        "status_counts": '{"200": 10}',
        "latency_histogram": None,
        "model_version": "test",
        "scored_at": timestamp + MINUTE,
        "bot_score": None,
        "reasons": None,
        "causes": None,
    }
    row = ordinary | fields
    return tuple(row[name] for name in WINDOW_COLUMNS)
