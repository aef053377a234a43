"""A store with many calls and 7 days of windows, as a busy site would have after a week.

Calls and windows are made up without scoring: what is measured on it is reading alone.
"""

from __future__ import annotations

import json
from collections.abc import Iterator
from typing import Any, Final

import numpy as np
from sqlalchemy import text

from jobs.rollups import roll_up
from ml.histogram import latency_histogram
from store import Store, writes
from tests.rows import window

MINUTE: Final = 60_000
DAYS: Final = 7
MINUTES: Final = DAYS * 1440
LOW_CLIENTS_KEPT: Final = 1440  # minutes, as retention has it
ENDPOINTS: Final = tuple(
    (method, path)
    for path in ("/login", "/search", "/health", "/products", "/orders", "/payment")
    for method in ("GET", "POST")
)
MOST_CLIENTS: Final = 300  # a minute
TROUBLE: Final = 97  # every so many minutes one endpoint fails and a client misbehaves
_ROWS_AT_ONCE: Final = 20_000

# Arithmetic instead of chance: the same on each run, and made inside SQLite.
_CALLS: Final = """
INSERT INTO api_log (timestamp, endpoint, method, response_time_ms, status_code, payload_size,
                     ip_address, user_id, path, fingerprint, source, received_at)
WITH RECURSIVE n(i) AS (SELECT 0 UNION ALL SELECT i + 1 FROM n WHERE i + 1 < :calls),
c AS (SELECT i, :start + CAST(i * :step AS INTEGER) AS at, (i * 7919) % 12 AS e,
             (i * 104729) % 1000 AS r, (i * 15485863) % :clients AS who FROM n)
SELECT at, json_extract(:paths, '$[' || e || ']'), CASE e % 2 WHEN 0 THEN 'GET' ELSE 'POST' END,
       20.0 + r, CASE WHEN r < 960 THEN 200 WHEN r < 980 THEN 404 ELSE 500 END, 500 + r,
       '10.0.' || (who / 250) || '.' || (who % 250), CASE who % 3 WHEN 0 THEN 'u' || who END,
       json_extract(:paths, '$[' || e || ']'), i, 'live', at
FROM c
"""


def fill(store: Store, calls: int, until: int) -> None:
    """Fill an empty SQLite store with `calls` calls and the windows of the week before `until`.

    Parameters
    ----------
    until : int
        End of the newest window [epoch ms].
    """
    start = until - MINUTES * MINUTE
    clients = min(MOST_CLIENTS, max(8, calls // MINUTES))
    with store.begin() as connection:
        parameters = {
            "calls": calls,
            "start": start,
            "step": MINUTES * MINUTE / calls,
            "clients": clients,
            "paths": json.dumps([path for _, path in ENDPOINTS]),
        }
        connection.execute(text(_CALLS), parameters)
    rows: list[tuple[Any, ...]] = []
    for minute in range(MINUTES):
        rows += _windows(start + minute * MINUTE, minute, calls // MINUTES, clients)
        if len(rows) >= _ROWS_AT_ONCE or minute == MINUTES - 1:
            with store.begin() as connection:
                writes.save_windows(connection, rows)
            rows = []
    now = until + MINUTE
    with store.begin() as connection:
        writes.start_job(connection, "scoring", now)
        writes.finish_job(connection, "scoring", now)
    roll_up(store)


def _windows(at: int, minute: int, calls: int, clients: int) -> Iterator[tuple[Any, ...]]:
    trouble = minute % TROUBLE < 4
    for number, (method, path) in enumerate(ENDPOINTS):
        failing = trouble and number == minute // TROUBLE % len(ENDPOINTS)
        yield window(at, endpoint=path, method=method, **_endpoint(number, minute, calls, failing))
    kept = MINUTES - minute <= LOW_CLIENTS_KEPT
    for number in range(clients if kept else 0):
        yield _client(at, number, minute, bad=False)
    if trouble:
        yield _client(at, clients + minute // TROUBLE % 20, minute, bad=True)


def _endpoint(number: int, minute: int, calls: int, failing: bool) -> dict[str, Any]:
    n = max(1, calls // len(ENDPOINTS))
    errors = n if failing else n // 25
    return _scores(failing) | {
        "req_count": n,
        "error_rate": errors / n,
        "avg_response_time": 90.0 + number,
        "max_response_time": 700.0,
        "status_counts": json.dumps({"200": n - errors, "503": errors} if errors else {"200": n}),
        "latency_histogram": _HISTOGRAMS[(number + minute) % len(_HISTOGRAMS)],
    }


def _client(at: int, number: int, minute: int, *, bad: bool) -> tuple[Any, ...]:
    name = f"u{number}" if number % 3 == 0 else f"10.0.{number // 250}.{number % 250}"
    cluster = "bot" if bad else ("heavy" if (number + minute) % 11 == 0 else "normal")
    fields = {"subject": "client", "endpoint": "*", "method": "*", "client": name}
    return window(at, **fields, **_scores(bad) | {"usage_cluster": cluster})


def _scores(bad: bool) -> dict[str, Any]:
    if not bad:
        return {}
    reason = {"feature": "error_rate", "text": "error_rate 1.00, usually 0.00-0.05", "share": 0.6}
    return {
        "risk_score": 0.95,
        "priority": "HIGH",
        "failure_probability": 1.0,
        "anomaly_score": 1.0,
        "is_anomaly": 1,
        "reasons": json.dumps([reason]),
    }


_HISTOGRAMS: Final = [
    latency_histogram(np.random.default_rng(seed).lognormal(4.4, 0.7, 80)) for seed in range(60)
]
