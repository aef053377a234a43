"""Reasons for 1,000 windows, and the causes of an outage and of an attack on 50 endpoints.

Run as `python -m bench.explain`. Every endpoint has an hour of past, every client a quarter.
"""

from __future__ import annotations

import numpy as np
import pandas as pd

from bench.scoring import median_ms, windows_of_a_minute
from jobs.runtime import FACTORY_MODELS
from ml.bundle import MIN_CALLS, Bundle
from ml.causes import causes
from ml.explain import reasons
from ml.features import CLIENT, ENDPOINT, window_features
from ml.past import CLIENT_CONTEXT_MS, CONTEXT_MS
from ml.registry import Models

WINDOWS, ENDPOINTS, CLIENTS, CALLS = 1_000, 50, 40, 300  # clients and calls of an endpoint
MINUTE_MS = 60_000


def with_past(windows: pd.DataFrame) -> pd.DataFrame:
    """The same subjects in each of the minutes before, as they are usually."""
    usual = windows.assign(
        error_rate=0.0, avg_response_time=windows["avg_response_time"].clip(0, 90)
    )
    past = [
        usual[usual["subject"] == kind].assign(timestamp=windows["timestamp"] - back)
        for kind, reach in ((ENDPOINT, CONTEXT_MS), (CLIENT, CLIENT_CONTEXT_MS))
        for back in range(MINUTE_MS, reach + 1, MINUTE_MS)
    ]
    return pd.concat(past, ignore_index=True)


def in_trouble(windows: pd.DataFrame, share: float) -> pd.DataFrame:
    """So many of the windows with every feature far above its usual range."""
    chosen = np.arange(len(windows)) < share * len(windows)
    changed = {"error_rate": 0.7, "avg_response_time": 2_000.0, "max_response_time": 9_000.0}
    changed |= {"payload_mean": 90_000.0, "unique_endpoints": 50, "status_entropy": 1.9}
    changed |= {"repeat_rate": 0.95}
    return windows.assign(
        req_count=np.where(chosen, windows["req_count"] * 20 + 20, windows["req_count"]),
        **{name: np.where(chosen, value, windows[name]) for name, value in changed.items()},
    )


def explained(bundle: Bundle, windows: pd.DataFrame, past: pd.DataFrame) -> int:
    """Score and give reasons as the minute job does; returns how many were risky."""
    scored = bundle.score(windows, past, min_calls=MIN_CALLS)
    risky = scored[scored["priority"] != "LOW"]
    reasons(bundle, risky, pd.concat([windows, past]), min_calls=MIN_CALLS)
    return len(risky)


def calls_of(endpoints: int, attacked: bool) -> dict[str, np.ndarray]:
    """A minute of calls that all fail, or to which five clients more come whose calls fail."""
    rng = np.random.default_rng(1)
    n = endpoints * CALLS
    guilty = (np.arange(n) % 2 == 0) & attacked
    client = np.where(guilty, rng.integers(0, 5, n) + 1_000, rng.integers(0, CLIENTS, n))
    endpoint = [f"/part/{i}" for i in rng.integers(0, endpoints, n)]
    return {
        "timestamp": np.zeros(n, np.int64),
        "endpoint": np.array(endpoint, object),
        "method": np.full(n, "GET", object),
        "client": client.astype(str).astype(object),
        "path": np.array(endpoint, object),
        "response_time_ms": rng.lognormal(3.5, 0.6, n),
        "status_code": np.where(guilty | (not attacked), 503, 200),
        "payload_size": rng.integers(500, 900, n),
        "fingerprint": np.arange(1, n + 1),
        "simulated": np.zeros(n, np.bool_),
    }


def main() -> None:
    bundle = Models(FACTORY_MODELS, FACTORY_MODELS).current()[1]
    ordinary = windows_of_a_minute(WINDOWS)
    past = with_past(ordinary)
    for share in (0.0, 0.02, 1.0):
        windows = in_trouble(ordinary, share)
        risky = explained(bundle, windows, past)
        ms = median_ms(lambda windows=windows: explained(bundle, windows, past))
        print(f"{WINDOWS:,} windows scored, with reasons for {risky:,}: {ms:.0f} ms")
    for attacked, words in ((False, "in an outage"), (True, "attacked by five clients")):
        calls = calls_of(ENDPOINTS, attacked)
        every = window_features(calls)
        every = bundle.score(every, every.iloc[:0], min_calls=MIN_CALLS)
        risky = every[(every["priority"] != "LOW") & (every["subject"] == ENDPOINT)]
        found = causes(bundle, risky, calls, every, min_calls=MIN_CALLS)
        ms = median_ms(
            lambda risky=risky, calls=calls, every=every: causes(
                bundle, risky, calls, every, min_calls=MIN_CALLS
            )
        )
        named = sum(bool(one) for one in found)
        print(f"causes of {len(risky)} risky endpoints {words}: {ms:.0f} ms, {named} with a cause")


if __name__ == "__main__":
    main()
