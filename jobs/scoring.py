"""Scoring: dirty, closed windows -> features -> scores -> store, newest first, each once."""

from __future__ import annotations

import time
from collections.abc import Callable, Mapping
from typing import Any, Final

import numpy as np
import pandas as pd
from sqlalchemy import Connection

from ml.bundle import CONTEXT_WINDOWS, Bundle
from ml.features import FEATURES, window_features
from store import Store, reads, writes
from store.tables import WINDOW_COLUMNS

GRACE_MS: Final = 5_000  # rows come in up to this late
CHUNK_STEPS: Final = 60  # most steps scored in one transaction
_KEY: Final = ("timestamp", "subject", "endpoint", "method", "client")


def score_windows(
    store: Store,
    version: str,
    bundle: Bundle,
    until: int,
    *,
    min_calls: int,
    now: int | None = None,
) -> int:
    """Score one chunk of the newest dirty windows that ended `GRACE_MS` before `until`.

    Parameters
    ----------
    version, bundle : str, Bundle
        The models and their name, stored with each window.
    until : int
        The clock [epoch ms]; an argument, so that history is scored like the present.
    min_calls : int
        A window with fewer calls is thin.
    now : int, optional
        When the scores are made [epoch ms]; the wall clock if not given.

    Returns
    -------
    int
        Windows stored. Call again until no step is dirty: see `score_all`.
    """
    with store.read() as connection:
        marks = _newest_run(
            reads.dirty_marks(connection, until - store.window_ms - GRACE_MS, CHUNK_STEPS), store
        )
        if not marks:
            return 0
        windows = _windows_of_steps(connection, store, marks)
        past = windows.iloc[:0]
        if bundle.needs_past(windows, min_calls):
            past = _past_windows(connection, store, int(windows["timestamp"].min()))
    scored = bundle.score(windows, past, min_calls=min_calls)
    scored["model_version"] = version
    scored["scored_at"] = time.time_ns() // 1_000_000 if now is None else now
    with store.begin() as connection:
        writes.save_windows(connection, _rows(scored))
        writes.clear_dirty(connection, marks)
    return len(scored)


def score_all(
    store: Store,
    version: str,
    bundle: Bundle,
    clock: Callable[[], int],
    *,
    min_calls: int,
    progress: Callable[[int], None] | None = None,
) -> int:
    """Score every dirty, closed window; returns how many were stored.

    `clock` [epoch ms] is read before each chunk: a minute that closes while old ones are being
    caught up with goes first. `progress` gets the count so far.
    """
    total = 0
    while stored := score_windows(store, version, bundle, clock(), min_calls=min_calls):
        total += stored
        if progress is not None:
            progress(total)
    return total


def _newest_run(marks: Mapping[int, int], store: Store) -> dict[int, int]:
    """The newest steps that lie close together, so that one stretch of calls holds them all."""
    run: dict[int, int] = {}
    reach = CONTEXT_WINDOWS * store.window_ms
    for start, mark in marks.items():
        if run and min(run) - start > reach:
            break
        run[start] = mark
    return run


def _windows_of_steps(
    connection: Connection, store: Store, marks: Mapping[int, int]
) -> pd.DataFrame:
    """All windows that hold calls of the given steps."""
    overlap = (
        store.window_ms - store.step_ms
    )  # a call also counts in windows that began this much earlier
    first, last = min(marks) - overlap, max(marks)
    calls = reads.calls_between(connection, first, last + store.window_ms)
    windows = window_features(calls, window_ms=store.window_ms, step_ms=store.step_ms)
    touched = {start - back for start in marks for back in range(0, overlap + 1, store.step_ms)}
    return windows[windows["timestamp"].isin(touched)].reset_index(drop=True)


def _past_windows(connection: Connection, store: Store, start: int) -> pd.DataFrame:
    """Features of the windows before `start`: stored, or computed where they are not scored."""
    begin = start - CONTEXT_WINDOWS * store.window_ms
    rows = reads.features_between(connection, begin, start)
    stored = pd.DataFrame(rows, columns=[*_KEY, *FEATURES])
    waiting = [s for s in reads.dirty_marks(connection, start - 1, CONTEXT_WINDOWS) if s >= begin]
    if not waiting:
        return stored
    calls = reads.calls_between(connection, min(waiting), start)
    computed = window_features(calls, window_ms=store.window_ms, step_ms=store.step_ms)
    computed = computed[computed["timestamp"].isin(waiting)]
    kept = stored[~stored["timestamp"].isin(waiting)]
    return (
        pd.concat([kept, computed[[*_KEY, *FEATURES]]], ignore_index=True)
        if len(kept)
        else computed
    )


def _rows(scored: pd.DataFrame) -> list[tuple[Any, ...]]:
    """Rows in the order of WINDOW_COLUMNS, with None where a number is not known."""
    columns = (scored[name] for name in WINDOW_COLUMNS)
    return list(zip(*(_plain(column) for column in columns), strict=True))


def _plain(column: pd.Series[Any]) -> list[Any]:
    """Plain Python values: drivers know no NumPy types, and NaN is not NULL."""
    values = column.to_numpy()
    if values.dtype.kind == "f":
        missing = np.isnan(values)
        if missing.any():
            return [
                None if gone else value
                for value, gone in zip(values.tolist(), missing, strict=True)
            ]
    elif values.dtype == object:
        return [None if value is None or value != value else value for value in values]
    plain: list[Any] = values.tolist()
    return plain
