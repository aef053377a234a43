"""The clock leaps back and ahead: nothing is removed for it, scored early, or left standing."""

from __future__ import annotations

import time
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest
from sqlalchemy import func, select

from ingest import hooks
from jobs import drift, retention, rollups, scorecard, scoring
from jobs.clock import Leaps
from jobs.retention_clock import EVEN_MS, HOUR_MS, TRIAL_MS, may_remove
from jobs.runtime import FACTORY_MODELS
from jobs.schedule import Schedule
from ml.bundle import Bundle
from ml.registry import Models
from settings import Settings
from store import Store, forecasts, reads, writes
from store.tables import anomaly_log, api_log
from tests.captured import Log, captured, shop
from tests.rows import MINUTE, T0, call, window
from tests.server import wait_until

DAY = 24 * HOUR_MS
CENTURY = 36_525 * DAY
LEAPS = pytest.mark.parametrize(
    "leap", [-HOUR_MS, DAY, CENTURY, -20 * 365 * DAY], ids=["hour back", "day", "century", "back"]
)
TRIAL_RUNS = TRIAL_MS // HOUR_MS


def add_calls(store: Store, *times: int) -> None:
    with store.begin() as connection:
        writes.add_calls(connection, [call(at) for at in times], store.grid)


def score(store: Store, bundle: Bundle, now: int) -> int:
    return scoring.score_all(store, "v1", bundle, lambda: now, min_calls=5)


def starts(store: Store) -> set[int]:
    with store.read() as connection:
        return set(connection.scalars(select(anomaly_log.c.timestamp)))


def counted(store: Store) -> tuple[int, int]:
    """How many calls and windows there are."""
    with store.read() as connection:
        calls, windows = (
            connection.scalar(select(func.count()).select_from(table))
            for table in (api_log, anomaly_log)
        )
    return calls or 0, windows or 0


@pytest.mark.parametrize("ahead", [2 * MINUTE, DAY, CENTURY])
def test_a_window_of_the_future_is_scored_when_it_is_over_and_not_before(
    store: Store, factory: Bundle, ahead: int
) -> None:
    add_calls(store, T0, T0 + ahead)
    assert score(store, factory, T0 + MINUTE + scoring.GRACE_MS) == 2
    assert starts(store) == {T0}
    assert score(store, factory, T0 + ahead + MINUTE + scoring.GRACE_MS - 1) == 0
    assert score(store, factory, T0 + ahead + MINUTE + scoring.GRACE_MS) == 2


@LEAPS
def test_scoring_goes_on_after_the_clock_leapt_and_came_back(
    store: Store, factory: Bundle, leap: int
) -> None:
    for minute in range(3):
        at = T0 + minute * MINUTE
        add_calls(store, at, at + leap)
        score(store, factory, at + leap + MINUTE + scoring.GRACE_MS)
        score(store, factory, at + MINUTE + scoring.GRACE_MS)
        assert at in starts(store), "the present minute is scored on time"
        assert at + leap in starts(store), "and what was captured by the wrong clock"


@LEAPS
def test_the_other_jobs_end_soon_when_the_clock_leaps_and_go_on_when_it_is_back(
    sqlite_store: Store, factory: Bundle, leap: int
) -> None:
    reference = {kind: models.reference for kind, models in factory.subjects.items()}
    with sqlite_store.begin() as connection:
        rows = [window(T0 + minute * MINUTE, scored_at=T0) for minute in range(120)]
        writes.save_windows(connection, rows)
    began = time.monotonic()
    for now in (T0 + HOUR_MS, T0 + HOUR_MS + leap, T0 + 3 * HOUR_MS):
        rollups.roll_up(sqlite_store)
        scorecard.compare_forecasts(sqlite_store, now)
        drift.measure_drift(sqlite_store, "v1", reference, now)
    assert time.monotonic() - began < 10
    with sqlite_store.read() as connection:
        hour = (T0 + HOUR_MS) // HOUR_MS * HOUR_MS
        assert forecasts.windows_compared(connection, "endpoint", hour) == 60


def remove_hourly(store: Store, start: int, runs: int) -> int:
    """Run retention as the schedule does; what the clock says after it."""
    for run in range(runs):
        now = start + run * HOUR_MS
        if may_remove(store, now):
            retention.remove_old(store, now, calls_days=14, windows_days=90)
    return start + runs * HOUR_MS


def fill(store: Store) -> None:
    """Calls and windows of ten days, and of fifteen days ago."""
    ages = (1, 5, 10, 15)
    add_calls(store, *(T0 - days * DAY for days in ages))
    with store.begin() as connection:
        rows = [window(T0 - days * DAY, scored_at=T0 - days * DAY) for days in ages]
        writes.save_windows(connection, rows)


def test_retention_removes_what_is_old_when_the_clock_has_run_evenly(store: Store) -> None:
    fill(store)
    remove_hourly(store, T0, TRIAL_RUNS)
    assert counted(store) == (4, 4), "a clock that was never seen before is on trial"
    remove_hourly(store, T0 + TRIAL_RUNS * HOUR_MS, 1)
    assert counted(store) == (3, 4)


@LEAPS
def test_retention_removes_nothing_because_the_clock_leapt(store: Store, leap: int) -> None:
    now = remove_hourly(store, T0, TRIAL_RUNS + 1)
    fill(store)
    with store.begin() as connection:
        writes.remove_calls(connection, reads.old_calls(connection, T0 - 14 * DAY, 10))
    assert counted(store) == (3, 4)
    now = remove_hourly(store, now + leap, TRIAL_RUNS - 1)
    assert counted(store) == (3, 4), "by the wrong clock"
    now = remove_hourly(store, now - leap, TRIAL_RUNS)
    assert counted(store) == (3, 4), "on trial, after it came back"
    remove_hourly(store, now, 1)
    assert counted(store) == (3, 4), "nothing is old by the right clock"


@LEAPS
def test_calls_that_came_by_a_wrong_clock_grow_old_like_all_others(store: Store, leap: int) -> None:
    now = remove_hourly(store, T0, TRIAL_RUNS + 1)
    add_calls(store, now - MINUTE, *(now + leap + second * 1000 for second in range(50)))
    now = remove_hourly(store, now + HOUR_MS + leap, 2) - leap
    now = remove_hourly(store, now, TRIAL_RUNS + 2)
    assert counted(store)[0] == 51, "kept for as long as others"
    remove_hourly(store, now + EVEN_MS, 14 * 24 + TRIAL_RUNS + 2)
    assert counted(store)[0] == 0


def test_the_jobs_follow_a_clock_that_leaps_back(tmp_path: Path, sqlite_store: Store) -> None:
    leap = timedelta(hours=1)
    times = {"wall": time.time()}
    leaps = Leaps(lambda: times["wall"])
    settings = Settings(data_dir=tmp_path, _env_file=None)
    schedule = Schedule(settings, sqlite_store, Models(FACTORY_MODELS, FACTORY_MODELS), leaps)
    schedule.start()

    def next_runs() -> list[datetime]:
        jobs = schedule._scheduler.get_jobs()
        return [job.next_run_time for job in jobs if job.id in ("scoring", "rollups")]

    def all_soon() -> bool:
        soon = datetime.now(UTC) + timedelta(seconds=70)
        return len(next_runs()) == 2 and all(at < soon for at in next_runs())

    try:
        wait_until(all_soon, what="jobs are timed")
        for job in schedule._scheduler.get_jobs():
            job.modify(next_run_time=job.next_run_time + leap)  # as a clock an hour back sees it
        assert not all_soon()
        times["wall"] -= leap.total_seconds()
        wait_until(all_soon, what="jobs are timed anew")
        assert schedule.leader.leads
    finally:
        schedule.stop()


@LEAPS
def test_the_duration_of_a_call_is_not_of_the_clock_that_leaps(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path, leap: int
) -> None:
    log = Log(tmp_path / "journal")
    clock = iter((T0 / 1000, (T0 + leap) / 1000)).__next__
    monkeypatch.setattr(hooks, "time", clock)
    captured(shop(), log).test_client().get("/orders/17")
    (seen,) = log.calls
    assert seen.timestamp == T0
    assert seen.response_time_ms is not None
    assert 0 < seen.response_time_ms < 5_000
    assert T0 <= seen.received_at < T0 + 5_000
