"""A server under a steady load: nothing grows with the number of requests, no call is lost."""

from __future__ import annotations

from pathlib import Path
from statistics import median

from bench.soak import soak

SECONDS = 120.0
LOOK_S = 4.0
FIRST_QUARTER = slice(7, 10)  # its last looks
RATE = 60.0
MOST_MB = 12.0  # of caches that fill, after the first quarter; a leak of 20 kB a request is more
MOST_THREADS = 6  # the pool makes a thread when all are at work
MOST_FILES = 6


def test_threads_files_and_memory_stay_and_all_that_was_answered_is_stored(tmp_path: Path) -> None:
    run = soak(tmp_path, SECONDS, RATE, browsers=3, look_s=LOOK_S, show=print)
    early, late = run.looks[FIRST_QUARTER], run.looks[-3:]
    assert median(look.worker_mb for look in late) - early[0].worker_mb < MOST_MB
    assert median(look.threads for look in late) - early[0].threads <= MOST_THREADS
    assert median(look.files for look in late) - early[0].files <= MOST_FILES
    assert run.stored == run.answered > SECONDS * RATE / 4, "a slow machine may answer less"
    assert run.same_calls
    assert (run.cut_off, run.lost) == (0, 0)
