"""One minute of 10,000 calls in SQLite -> the features of all its windows.

Beside it, in turns: the rows by a plain cursor, and the usual way with pandas (`groupby`).
"""

from __future__ import annotations

import sqlite3
import statistics
import tempfile
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd

from ingest.call import Call
from ml.features import window_features
from store import Store, open_store, reads, writes

CALLS = 10_000
CLIENTS = 1_000
ROUTES = 20
ROUNDS = 30
START = 1_773_847_800_000  # a full minute
MINUTE_MS = 60_000
_COLUMNS = (
    "timestamp, endpoint, method, coalesce(user_id, ip_address) AS client, path, "
    "response_time_ms, status_code, payload_size, fingerprint, source = 'simulated' AS simulated"
)
_SQL = f"SELECT {_COLUMNS} FROM api_log WHERE timestamp >= ? AND timestamp < ?"
_MINUTE = (START, START + MINUTE_MS)


def minute_of_calls() -> list[Call]:
    """Calls of one minute: 20 routes, 1,000 clients, nine in ten good."""
    rng = np.random.default_rng(1)
    statuses = rng.choice([200, 201, 304, 404, 500], CALLS, p=[0.7, 0.1, 0.1, 0.07, 0.03])
    return [
        Call(
            timestamp=START + int(rng.integers(MINUTE_MS)),
            endpoint=f"/shop/r{route}/{{id}}",
            method="POST" if route % 4 == 0 else "GET",
            response_time_ms=round(float(rng.gamma(2, 30)), 3),
            status_code=int(status),
            payload_size=int(rng.integers(50, 5_000)),
            ip_address=f"10.0.{client // 256}.{client % 256}",
            user_id=f"u{client}" if client % 2 else None,
            path=f"/shop/r{route}/{rng.integers(200)}",
            fingerprint=int(rng.integers(-(2**63), 2**63)),
            received_at=START,
        )
        for status, client, route in zip(
            statuses, rng.integers(CLIENTS, size=CALLS), rng.integers(ROUTES, size=CALLS),
            strict=True,
        )
    ]  # fmt: skip


def stored_calls(store: Store) -> dict[str, Any]:
    """The minute as the scoring job reads it."""
    with store.read() as connection:
        return reads.calls_between(connection, *_MINUTE)


def grouped_by_pandas(connection: sqlite3.Connection) -> list[pd.DataFrame]:
    """The 8 features as a textbook would: a frame of the rows, grouped for each subject."""
    calls = pd.read_sql_query(_SQL, connection, params=_MINUTE)
    calls["window"] = calls["timestamp"] // MINUTE_MS * MINUTE_MS
    calls["error"] = calls["status_code"] >= 400
    return [
        _grouped(calls, ["window", "endpoint", "method"], "path"),
        _grouped(calls, ["window", "client"], "endpoint"),
    ]


def _grouped(calls: pd.DataFrame, key: list[str], visited: str) -> pd.DataFrame:
    groups = calls.groupby(key)
    features = groups.agg(
        req_count=("error", "size"),
        error_rate=("error", "mean"),
        avg_response_time=("response_time_ms", "mean"),
        max_response_time=("response_time_ms", "max"),
        payload_mean=("payload_size", "mean"),
        unique_endpoints=(visited, "nunique"),
        distinct=("fingerprint", "nunique"),
    )
    features["repeat_rate"] = 1 - features.pop("distinct") / features["req_count"]
    share = groups["status_code"].value_counts(normalize=True)
    features["status_entropy"] = (-share * np.log2(share)).groupby(level=key).sum()
    return features


def median_ms(work: dict[str, Callable[[], object]]) -> dict[str, float]:
    """Median time [ms] of each piece of work, done in turns."""
    times: dict[str, list[float]] = {name: [] for name in work}
    for _ in range(ROUNDS):
        for name, do in work.items():
            begin = time.perf_counter()
            do()
            times[name].append((time.perf_counter() - begin) * 1000)
    return {name: statistics.median(values) for name, values in times.items()}


def main() -> None:
    with tempfile.TemporaryDirectory() as folder:
        file = Path(folder) / "foresight.db"
        store = open_store(f"sqlite:///{file}")
        with store.begin() as connection:
            writes.add_calls(connection, minute_of_calls(), store.grid)
        plain = sqlite3.connect(file)
        calls = stored_calls(store)
        found = median_ms(
            {
                "cursor": lambda: plain.execute(_SQL, _MINUTE).fetchall(),
                "pandas": lambda: grouped_by_pandas(plain),
                "read": lambda: stored_calls(store),
                "features": lambda: window_features(calls),
                "both": lambda: window_features(stored_calls(store)),
            }
        )
        print(f"one minute of {CALLS:,} calls, {len(window_features(calls)):,} windows, p50")
        print(f"  store -> arrays           {found['read']:7.1f} ms")
        print(f"  arrays -> features        {found['features']:7.1f} ms")
        print(f"  store -> features         {found['both']:7.1f} ms")
        ratio = found["both"] / found["pandas"]
        print(f"  read_sql + groupby        {found['pandas']:7.1f} ms   ours is {ratio:.2f} of it")
        ratio = found["both"] / found["cursor"]
        print(f"  the rows by a cursor only {found['cursor']:7.1f} ms   ours is {ratio:.2f} of it")
        plain.close()
        store.close()


if __name__ == "__main__":
    main()
