"""Rows of calls and windows as the API gives them: ISO times, flags as booleans, JSON as itself."""

from __future__ import annotations

import json
from typing import Any, Final

from store.times import iso

TIMES: Final = frozenset({"timestamp", "received_at", "scored_at"})
FLAGS: Final = frozenset({"is_anomaly", "thin"})
JSON_COLUMNS: Final = frozenset({"status_counts", "reasons", "causes"})


def shown(row: dict[str, Any]) -> dict[str, Any]:
    """A row of the store, for JSON."""
    return {name: _shown_value(name, value) for name, value in row.items()}


def _shown_value(name: str, value: Any) -> Any:
    if value is None:
        return None
    if name in TIMES:
        return iso(value)
    if name in FLAGS:
        return bool(value)
    if name in JSON_COLUMNS:
        return json.loads(value)
    return value
