"""Scoring: dirty, closed windows -> features -> scores -> store, newest first, each once."""

from __future__ import annotations

import json
import time
from collections.abc import Callable, Collection, Mapping
from typing import Any, Final, NamedTuple

import numpy as np
import pandas as pd
from sqlalchemy import Connection

from ml import causes, explain
from ml.bundle import Bundle
from ml.features import CLIENT, ENDPOINT, is_shared, window_features
from ml.history import LENGTH
from ml.past import CLIENT_CONTEXT_MS, COLUMNS
from ml.risk import SPECIFIED, RiskRule
from store import Store, events, reads, writes
from store.columns import Columns
from store.tables import WINDOW_COLUMNS

GRACE_MS: Final = 5_000  # rows come in up to this late
MOST_STARTS: Final = 60  # window starts scored in one round
MOST_CALLS: Final = 100_000  # calls read in one round, but for a single minute that has more
SAVED_AT_ONCE: Final = 10_000  # rows of a transaction


class Scored(NamedTuple):
    """What one round of scoring did."""

    starts: int  # window starts that were dirty and are cleared
    windows: int


def score_windows(
    store: Store,
    version: str,
    bundle: Bundle,
    until: int,
    *,
    min_calls: int,
    rule: RiskRule = SPECIFIED,
) -> Scored:
    """Score the newest dirty windows that ended `GRACE_MS` before `until`, up to the first gap.

    Parameters
    ----------
    version, bundle : str, Bundle
        The models and their name, stored with each window.
    until : int
        The clock [epoch ms]; an argument, so that history is scored like the present.
    min_calls : int
        A window with fewer calls is thin.
    rule : RiskRule
        How risk is made of the scores.

    Returns
    -------
    Scored
        Call again until `starts` is 0: see `score_all`.
    """
    with store.read() as connection:
        marks = _newest_stretch(connection, store, until - store.window_ms - GRACE_MS)
        if not marks:
            return Scored(0, 0)
        calls = _calls_at(connection, store, marks)
        windows = _windows_of(calls, store, marks)
        past = _past_windows(connection, store, min(marks))
    options: dict[str, Any] = {
        "min_calls": min_calls,
        "window_ms": store.window_ms,
        "rule": rule,
    }
    scored, options["site"] = bundle.score_with_site(windows, past, **options)
    every = windows[COLUMNS]
    if len(past):
        every = pd.concat([every, past[COLUMNS]], ignore_index=True)
    scored["reasons"] = _reasons(bundle, scored, every, options)
    scored["causes"] = _causes(bundle, scored, calls, every, options)
    scored = scored.sort_values("timestamp")
    scored["model_version"] = version
    scored["scored_at"] = time.time_ns() // 1_000_000
    _save(store, scored, marks)
    return Scored(len(marks), len(scored))


def score_all(
    store: Store,
    version: str,
    bundle: Bundle,
    clock: Callable[[], int],
    *,
    min_calls: int,
    rule: RiskRule = SPECIFIED,
    go_on: Callable[[], bool] = lambda: True,
) -> int:
    """Score every dirty, closed window; returns how many were stored.

    `clock` [epoch ms] is read before each round: a minute that closes while old ones are being
    caught up with goes first. `go_on` is asked after each round and may end the work.
    """
    total = 0
    while True:
        done = score_windows(store, version, bundle, clock(), min_calls=min_calls, rule=rule)
        total += done.windows
        if not done.starts or not go_on():
            return total


def _newest_stretch(connection: Connection, store: Store, until: int) -> dict[int, int]:
    """The newest dirty starts that follow one another, as many as make `MOST_CALLS` calls."""
    stretch: dict[int, int] = {}
    calls = 0
    for start, mark in reads.dirty_marks(connection, until, MOST_STARTS).items():
        if stretch and min(stretch) - start > store.grid.step_ms:
            break  # the windows between are stored, and are the past of the later ones
        calls += reads.count_between(connection, start, start + store.grid.step_ms)
        if stretch and calls > MOST_CALLS:
            break
        stretch[start] = mark
    return stretch


def _calls_at(connection: Connection, store: Store, starts: Collection[int]) -> Columns:
    """All calls of the windows with the given starts, and what is between these."""
    return reads.calls_between(connection, min(starts), max(starts) + store.window_ms)


def _windows_of(calls: Columns, store: Store, starts: Collection[int]) -> pd.DataFrame:
    """All windows with the given starts."""
    windows = window_features(calls, **store.grid._asdict())
    return windows[windows["timestamp"].isin(starts)].reset_index(drop=True)


def _reasons(
    bundle: Bundle, scored: pd.DataFrame, every: pd.DataFrame, options: Mapping[str, Any]
) -> pd.Series[Any]:
    """Reasons of the windows of MEDIUM and above as JSON, None for the others."""
    risky = scored[scored["priority"] != "LOW"]
    return _as_json(scored, risky, explain.reasons(bundle, risky, every, **options))


def _causes(
    bundle: Bundle,
    scored: pd.DataFrame,
    calls: Columns,
    every: pd.DataFrame,
    options: Mapping[str, Any],
) -> pd.Series[Any]:
    """Causes of the windows of endpoints of MEDIUM and above as JSON, None for the others."""
    named = (scored["subject"] == ENDPOINT) & ~is_shared(scored)
    risky = scored[(scored["priority"] != "LOW") & named]
    return _as_json(scored, risky, causes.causes(bundle, risky, calls, every, **options))


def _as_json(scored: pd.DataFrame, risky: pd.DataFrame, found: list[Any]) -> pd.Series[Any]:
    texts = pd.Series(None, scored.index, object)
    texts[risky.index] = [json.dumps(one, separators=(",", ":")) for one in found]
    return texts


def _save(store: Store, scored: pd.DataFrame, marks: Mapping[int, int]) -> None:
    """Save in transactions of about `SAVED_AT_ONCE` rows: no writer waits long for the lock."""
    waiting = dict(marks)
    rows = _rows(scored)
    first = 0
    while first < len(rows):
        last = _end_of_minute(rows, min(first + SAVED_AT_ONCE, len(rows)))
        done = {start: waiting.pop(start) for start in [*waiting] if start <= rows[last - 1][0]}
        with store.begin() as connection:
            events.save_windows(connection, rows[first:last], store.window_ms)
            writes.clear_dirty(connection, done)
        first = last
    if waiting:  # their calls are gone
        with store.begin() as connection:
            writes.clear_dirty(connection, waiting)


def _end_of_minute(rows: list[tuple[Any, ...]], at: int) -> int:
    """The first row from `at` on that begins another window start than the row before it."""
    while at < len(rows) and rows[at][0] == rows[at - 1][0]:
        at += 1
    return at


def _past_windows(connection: Connection, store: Store, start: int) -> pd.DataFrame:
    """Features of the windows before `start`: stored, or computed where they are not scored."""
    begin = start - LENGTH * store.window_ms
    clients_from = max(begin, start - CLIENT_CONTEXT_MS)
    parts = (
        reads.features_between(connection, begin, start, ENDPOINT),
        reads.features_between(connection, clients_from, start, CLIENT),
    )
    stored = pd.concat([pd.DataFrame(part, columns=COLUMNS) for part in parts], ignore_index=True)
    most = (start - begin) // store.grid.step_ms
    waiting = [s for s in reads.dirty_marks(connection, start - 1, most) if s >= begin]
    if not waiting:
        return stored
    computed = _windows_of(_calls_at(connection, store, waiting), store, waiting)
    kept = stored[~stored["timestamp"].isin(waiting)]
    return pd.concat([kept, computed[COLUMNS]], ignore_index=True) if len(kept) else computed


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
