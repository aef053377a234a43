"""What is stored, as data to train on: windows of the last days, and those that people judged."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, Final

import numpy as np
import pandas as pd

from jobs.retention import DAY_MS, LOW_CLIENT_WINDOWS_DAYS
from ml.failure import MAX_AVG_RESPONSE_MS, MAX_ERROR_RATE
from ml.features import FEATURES, KEY
from store import Store
from store.feedback import VerdictFilters, verdicts_page
from store.training_windows import COLUMNS, Span, last_window, risky_windows, training_windows

MOST_VERDICTS: Final = 10_000  # the newest count
_JUDGED: Final = (*KEY, *FEATURES, "verdict")
_TEXTS: Final = frozenset({"subject", "endpoint", "method", "client", "priority", "verdict"})
_INTEGERS: Final = frozenset(
    {"timestamp", "thin", "simulated_count", "req_count", "unique_endpoints"}
)


def stored_windows(
    store: Store, now: int, days: int, allow_simulated: bool
) -> tuple[Span, pd.DataFrame, pd.DataFrame]:
    """The last days of the data: all of it that counts, and apart from it all that was risky."""
    with store.read() as connection:
        last = last_window(connection, now)
        end = now if last is None else last + store.window_ms
        span = Span(
            start=end - days * DAY_MS,
            end=end,
            window_ms=store.window_ms,
            clients_scored_since=now - LOW_CLIENT_WINDOWS_DAYS * DAY_MS,
            with_simulated=allow_simulated,
        )
        windows = training_windows(connection, span)
        risky = risky_windows(
            connection,
            span,
            max_error_rate=MAX_ERROR_RATE,
            max_avg_response_ms=MAX_AVG_RESPONSE_MS,
        )
    return span, window_frame(windows, COLUMNS), window_frame(risky, COLUMNS)


def judged_windows(store: Store, allow_simulated: bool) -> pd.DataFrame:
    """Windows that people judged, as they were then: key, features and `verdict`."""
    with store.read() as connection:
        verdicts = verdicts_page(connection, VerdictFilters(), MOST_VERDICTS)
    rows = [
        {**row, **row["features"]}
        for row in verdicts
        if allow_simulated or not row["simulated_count"]
    ]
    return window_frame([tuple(row[name] for name in _JUDGED) for row in rows], _JUDGED)


def window_frame(rows: Sequence[tuple[Any, ...]], columns: Sequence[str]) -> pd.DataFrame:
    """Rows as the models take them: text as objects with None, numbers with NaN."""
    values = zip(*rows, strict=True) if rows else [()] * len(columns)
    return pd.DataFrame(
        {
            name: pd.Series(list(column), dtype=_dtype(name))
            for name, column in zip(columns, values, strict=True)
        }
    )


def _dtype(column: str) -> Any:
    if column in _TEXTS:
        return object
    return np.int64 if column in _INTEGERS else np.float64
