"""Times that are counted from now, and the clock that was set."""

from __future__ import annotations

import threading
from datetime import UTC, datetime, timedelta

import pytest
from apscheduler.schedulers.background import BackgroundScheduler

from jobs.clock import Leaps, Punctual

NOW = datetime(2026, 3, 18, 15, 30, 20, tzinfo=UTC)
CENTURY = timedelta(days=36_525)
EACH_MINUTE = Punctual(second=5, timezone="UTC")


@pytest.mark.parametrize(
    ("previous", "now", "expected"),
    [
        (None, NOW, NOW.replace(minute=31, second=5)),
        (NOW.replace(second=5), NOW, NOW.replace(minute=31, second=5)),
        (NOW.replace(second=5), NOW.replace(second=5), NOW.replace(minute=31, second=5)),
        (NOW - CENTURY, NOW, NOW.replace(minute=31, second=5)),
        (NOW - CENTURY, NOW.replace(second=5), NOW.replace(minute=31, second=5)),
    ],
    ids=["first", "next", "at its time", "a century ahead", "a century ahead, at its time"],
)
def test_the_next_time_is_counted_from_now(
    previous: datetime | None, now: datetime, expected: datetime
) -> None:
    assert EACH_MINUTE.get_next_fire_time(previous, now) == expected


def test_after_a_leap_of_a_century_a_scheduler_runs_its_job_once_and_at_once() -> None:
    runs: list[datetime] = []
    ran = threading.Event()

    def job() -> None:
        runs.append(datetime.now(UTC))
        ran.set()

    scheduler = BackgroundScheduler(timezone="UTC")
    long_ago = datetime.now(UTC) - CENTURY
    scheduler.add_job(
        job,
        Punctual(second="*/30", timezone="UTC"),
        next_run_time=long_ago,
        coalesce=True,
        misfire_grace_time=None,
    )
    scheduler.start()
    assert ran.wait(5), "it lists the runs of a century"
    scheduler.shutdown(wait=True)
    assert len(runs) <= 2, "once, and perhaps again at a half minute"


@pytest.mark.parametrize("leap_s", [-3_600.0, 86_400.0, 3.2e9, -2.0])
def test_a_leap_is_told_once(leap_s: float) -> None:
    times = {"wall": 1e9, "steady": 50.0}
    leaps = Leaps(lambda: times["wall"], lambda: times["steady"])
    assert leaps.since_last_look() == 0
    times["wall"] += 2 + leap_s
    times["steady"] += 2
    assert leaps.since_last_look() == pytest.approx(leap_s)
    assert leaps.since_last_look() == 0


def test_a_clock_that_is_set_right_bit_by_bit_does_not_leap() -> None:
    times = {"wall": 1e9, "steady": 50.0}
    leaps = Leaps(lambda: times["wall"], lambda: times["steady"])
    for _ in range(100):
        times["wall"] += 2.01
        times["steady"] += 2
        assert leaps.since_last_look() == 0
