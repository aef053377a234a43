"""Windows written by hand as the models see them, ordinary where a test does not care."""

from __future__ import annotations

from typing import Any

import pandas as pd

from ml.features import FEATURES, KEY
from tests.rows import MINUTE, T0

ORDINARY: dict[str, Any] = {
    "timestamp": T0,
    "subject": "endpoint",
    "endpoint": "/search",
    "method": "GET",
    "client": None,
    "req_count": 100,
    "error_rate": 0.01,
    "avg_response_time": 10.0,
    "max_response_time": 25.0,
    "payload_mean": 1300.0,
    "unique_endpoints": 1,
    "repeat_rate": 0.2,
    "status_entropy": 0.08,
}
CLIENT: dict[str, Any] = {"subject": "client", "endpoint": "*", "method": "*", "client": "u1"}


def window(back: int = 0, **fields: Any) -> dict[str, Any]:
    """A window of GET /search that went well, so many minutes before T0."""
    return ORDINARY | {"timestamp": T0 - back * MINUTE} | fields


def minutes(count: int, first: int = 1, **fields: Any) -> list[dict[str, Any]]:
    """The windows of so many minutes, from `first` minutes before T0 back."""
    return [window(back, **fields) for back in range(first, first + count)]


def frame(*rows: dict[str, Any]) -> pd.DataFrame:
    """Key and features of windows; columns of objects stay such."""
    columns = [*KEY, *FEATURES]
    return pd.DataFrame(rows, columns=columns).astype(dict.fromkeys(KEY[1:], object))


NOTHING = frame()
