"""Retention: each table has its life, and who writes meanwhile hardly waits."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable, Iterator
from functools import partial

import pytest
from sqlalchemy import func, select

from jobs.retention import BATCH_ROWS, DAY_MS, QUESTIONS_DAYS, VERDICTS_DAYS, remove_old
from store import Store, alerts, feedback, questions, writes
from store.feedback import WindowKey
from store.tables import (
    acknowledgement,
    anomaly_log,
    api_log,
    metadata,
    onset,
    question,
    scenario_run,
)
from store.tables import feedback as verdicts
from tests.rows import T0, call, window

LASTING = {  # what names nobody, or is kept on purpose; docs/privacy.md says why
    "account", "audit", "call_count", "counter", "dirty_window", "job_run", "journal_position",
    "ended_session", "lease", "meta", "model_event", "rollup_due", "saved_question", "token",
}  # fmt: skip
REMOVED = {
    "acknowledgement", "anomaly_log", "api_log", "drift", "feedback", "forecast_bin", "live_event",
    "onset", "question", "rollup", "scenario_run",
}  # fmt: skip


def number(store: Store, table: object) -> int:
    with store.read() as connection:
        return connection.scalar(select(func.count()).select_from(table)) or 0  # type: ignore[arg-type]


def test_every_table_has_a_stated_life() -> None:
    known = {name for name in metadata.tables if not name.startswith("alembic")}
    assert known - LASTING - REMOVED == set()


def fill(store: Store, at: int) -> None:
    """One row of each that names a client."""
    key = WindowKey(at, "client", "*", "*", "ann")
    with store.begin() as connection:
        writes.add_calls(connection, [call(at, user_id="ann")], store.grid)
        named = {"subject": "client", "endpoint": "*", "method": "*", "client": "ann"}
        writes.save_windows(connection, [window(at, priority="HIGH", **named)])
        feedback.save_verdict(connection, key, "confirmed", who="admin", at=at)
        alerts.acknowledge(connection, [key], who="admin", at=at)
        connection.execute(onset.insert().values({"timestamp": at, **_of(key)}))
        questions.remember(
            connection, who="admin", text="ann", outcome="refused", message="", rows=None,
            took_ms=1, at=at,
        )  # fmt: skip
        run = {"scenario": "x", "kind": "attack", "intensity": 1, "minutes": 1, "who": "admin"}
        connection.execute(scenario_run.insert().values(asked_at=at, **run))


def _of(key: WindowKey) -> dict[str, object]:
    return {name: value for name, value in key._asdict().items() if name != "timestamp"}


@pytest.mark.parametrize(
    ("days", "left"),
    [
        (6, {api_log, anomaly_log, acknowledgement, onset, verdicts, question, scenario_run}),
        (8, {anomaly_log, acknowledgement, onset, verdicts, question, scenario_run}),
        (31, {verdicts, question, scenario_run}),
        (max(VERDICTS_DAYS, QUESTIONS_DAYS) + 1, set()),
    ],
    ids=["6 days", "8 days", "31 days", "a year"],
)
def test_what_names_a_client_goes_when_its_time_is_over(
    store: Store, days: int, left: set[object]
) -> None:
    fill(store, T0)
    remove_old(store, T0 + days * DAY_MS, calls_days=7, windows_days=30)
    tables = (api_log, anomaly_log, acknowledgement, onset, verdicts, question, scenario_run)
    assert {table for table in tables if number(store, table)} == left


@pytest.fixture
def writer(sqlite_store: Store) -> Iterator[Callable[[], list[float]]]:
    """Somebody who stores a call all the time; gives how long each took [s]."""
    waits: list[float] = []
    stop = threading.Event()

    def write() -> None:
        while not stop.is_set():
            began = time.perf_counter()
            with sqlite_store.begin() as connection:
                fresh = [call(T0 + 30 * DAY_MS, received_at=T0 + 30 * DAY_MS)]
                writes.add_calls(connection, fresh, sqlite_store.grid)
            waits.append(time.perf_counter() - began)
            stop.wait(0.01)

    thread = threading.Thread(target=write)
    yield lambda: (thread.start(), waits)[1]
    stop.set()
    thread.join()


def test_a_writer_never_waits_for_long_beside_it(
    sqlite_store: Store, writer: Callable[[], list[float]]
) -> None:
    with sqlite_store.begin() as connection:
        calls = [call(T0, received_at=T0)] * (30 * BATCH_ROWS)
        writes.add_calls(connection, calls, sqlite_store.grid)
    waits = writer()
    remove_old(sqlite_store, T0 + 30 * DAY_MS, calls_days=7, windows_days=30)
    assert number(sqlite_store, api_log) >= len(waits) > 20
    assert max(waits) < 1.0
    assert sorted(waits)[len(waits) // 2] < 0.1


def test_a_server_that_ends_does_not_wait_for_all_of_it(sqlite_store: Store) -> None:
    with sqlite_store.begin() as connection:
        calls = [call(T0, received_at=T0)] * 30_000
        writes.add_calls(connection, calls, sqlite_store.grid)
    asked = iter((True, False))
    now, go_on = T0 + 30 * DAY_MS, partial(next, asked, False)
    remove_old(sqlite_store, now, calls_days=7, windows_days=30, go_on=go_on)
    assert 0 < number(sqlite_store, api_log) < 30_000
