"""Windows that are news: they ended a moment ago and were scored now."""

from __future__ import annotations

import time
from typing import Any

from store import Store, events
from tests.rows import MINUTE, window

ANOMALY: dict[str, Any] = {"risk_score": 0.6, "priority": "MEDIUM", "is_anomaly": 1}
HIGH: dict[str, Any] = {"risk_score": 0.9, "priority": "HIGH", "is_anomaly": 1}


def now_ms() -> int:
    return time.time_ns() // 1_000_000


def last_minute() -> int:
    """Start of the newest minute that is over [epoch ms]."""
    return now_ms() // MINUTE * MINUTE - MINUTE


def add_news(store: Store, *endpoints: str, **fields: Any) -> None:
    """Save a HIGH window of each endpoint at once, as scoring does."""
    ordinary = HIGH | {"timestamp": last_minute(), "scored_at": now_ms()}
    rows = [window(**(ordinary | {"endpoint": name} | fields)) for name in endpoints]
    with store.begin() as connection:
        events.save_windows(connection, rows, store.window_ms)
