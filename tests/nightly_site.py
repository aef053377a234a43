"""An ordinary site at night, with a harmless nightly job that raises alarms."""

from __future__ import annotations

from random import Random

from ingest.call import LIVE, Call, fingerprint
from ingest.traffic import simulate
from jobs import scoring
from jobs.retention import DAY_MS
from ml.bundle import Bundle
from store import Store, writes
from store.feedback import WindowKey
from tests.rows import MINUTE, T0

FIRST_NIGHT = T0 - T0 % DAY_MS + 2 * 60 * MINUTE
TRAINED_NIGHTS, NEW_NIGHTS = range(8), range(8, 12)
NIGHT_MINUTES = 30
JOB = WindowKey(0, "client", "*", "*", "nightly-export")
JOB_STARTS = 12  # minutes after the begin of the night
JOB_CALLS, JOB_MINUTES = 900, 3
SEED = 7600


def night(number: int) -> list[Call]:
    """An ordinary half hour of the site, and its nightly job."""
    begin = FIRST_NIGHT + number * DAY_MS
    ordinary = simulate(
        seed=SEED + number,
        start_ms=begin,
        minutes=NIGHT_MINUTES,
        intensity=0.5,
        clients=30,
        episodes=False,
        population_seed=SEED,
    )
    calls = [call._replace(source=LIVE) for call in ordinary.calls] + nightly_job(number, begin)
    return sorted(calls, key=lambda call: call.timestamp)


def nightly_job(number: int, begin: int) -> list[Call]:
    """Harmless: many slow, large, equal requests of one client, none of them wrong."""
    rng = Random(f"nightly job {number}")
    gap_ms = JOB_MINUTES * MINUTE / JOB_CALLS
    print_ = fingerprint(JOB.client or "", "GET", "/export", "", b"")
    return [
        Call(
            timestamp=begin + JOB_STARTS * MINUTE + int((index + rng.random() / 2) * gap_ms),
            endpoint="/export",
            method="GET",
            response_time_ms=rng.uniform(600, 880),
            status_code=200,
            payload_size=round(rng.uniform(80_000, 95_000)),
            ip_address="10.9.9.9",
            user_id=JOB.client,
            path="/export",
            fingerprint=print_,
            source=LIVE,
            received_at=begin,
        )
        for index in range(JOB_CALLS)
    ]


def score(store: Store, bundle: Bundle, nights: range) -> None:
    for number in nights:
        with store.begin() as connection:
            writes.add_calls(connection, night(number), store.grid)
    scoring.score_all(store, "test", bundle, lambda: end_of(nights) + DAY_MS, min_calls=5)


def end_of(nights: range) -> int:
    return FIRST_NIGHT + (nights[-1] + 1) * DAY_MS
