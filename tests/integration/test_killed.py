"""`kill -9` at fifty random points of writer and scoring job, and of a server under load."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from random import Random

import pytest
from sqlalchemy import select

from ingest.call import Call
from ingest.journal import Journal
from ingest.simulator.episodes import Planned
from ingest.traffic import simulate
from jobs import scoring
from ml.bundle import Bundle
from store import Store, open_store, reads, writes
from store.tables import WINDOW_COLUMNS, anomaly_log
from tests.kills import EVERYTHING, PARENT, WORKER, kills
from tests.load import SECRET_KEY, Load, balance
from tests.rows import MINUTE, T0
from tests.server import free_port, running_server, wait_until
from tests.stored import counters, drain_all, stored

ROOT = Path(__file__).parents[2]
FAR = T0 + 10_000 * MINUTE
KILLS = 25  # on each kind of database
MINUTES_A_LIFE = 8
LONGEST_S = 0.5  # a life; storing and scoring its minutes takes about as long

NURSERY = """
import os, sys, time
from pathlib import Path
from ingest.writer import Drainer
from jobs import scoring
from jobs.runtime import FACTORY_MODELS
from ml.registry import Models
from store import open_store
import ml.causes, ml.explain, sklearn.ensemble

url, directory, until = sys.argv[1], Path(sys.argv[2]), int(sys.argv[3])
version, bundle = Models(FACTORY_MODELS, FACTORY_MODELS).current()

def work():
    store = open_store(url)
    Drainer(store, directory).start()
    print(os.getpid(), flush=True)
    while True:
        if not scoring.score_all(store, "v1", bundle, lambda: until, min_calls=5):
            time.sleep(0.01)

for _ in sys.stdin:
    child = os.fork()
    if not child:
        work()
    os.waitpid(child, 0)
    print("dead", flush=True)
"""


class Nursery:
    """A warm process that forks workers, each a writer and a scoring job, one after the other.

    The imports and the models take seconds, so workers get them from their parent.
    """

    def __init__(self, url: str, directory: Path) -> None:
        command = [sys.executable, "-W", "ignore", "-c", NURSERY, url, str(directory), str(FAR)]
        pipe = subprocess.PIPE
        self.process = subprocess.Popen(command, cwd=ROOT, stdin=pipe, stdout=pipe, text=True)

    def kill_one_after(self, seconds: float) -> None:
        """Have a worker work for so long, then kill it."""
        assert self.process.stdin is not None
        assert self.process.stdout is not None
        self.process.stdin.write("next\n")
        self.process.stdin.flush()
        worker = int(self.process.stdout.readline())
        time.sleep(seconds)  # the point is random: there is nothing to wait for
        os.kill(worker, signal.SIGKILL)
        assert self.process.stdout.readline() == "dead\n"


@contextmanager
def nursery(url: str, directory: Path) -> Iterator[Nursery]:
    opened = Nursery(url, directory)
    with opened.process as process:
        yield opened
        process.kill()


def windows(store: Store) -> dict[tuple[object, ...], tuple[object, ...]]:
    """All windows but for when they were scored, by their key; each must be there once."""
    columns = [anomaly_log.c[name] for name in WINDOW_COLUMNS if name != "scored_at"]
    with store.read() as connection:
        rows = [tuple(row) for row in connection.execute(select(*columns))]
    by_key = {row[:5]: row for row in rows}
    assert len(by_key) == len(rows), "each window once"
    return by_key


def score(store: Store, bundle: Bundle) -> None:
    scoring.score_all(store, "v1", bundle, lambda: FAR, min_calls=5)


def scored_undisturbed(calls: list[Call], bundle: Bundle, file: Path) -> object:
    """What comes of the calls when nothing is killed."""
    store = open_store(f"sqlite:///{file}")
    with store.begin() as connection:
        writes.add_calls(connection, calls, store.grid)
    score(store, bundle)
    found = windows(store)
    store.close()
    return found


@pytest.fixture(scope="module")
def past() -> list[Call]:
    """Calls of a site with a crash and its recovery, numbered by their fingerprints."""
    minutes = KILLS * MINUTES_A_LIFE
    crash = Planned("crash", start=minutes / 2, minutes=5)
    calls = simulate(seed=5, start_ms=T0, minutes=minutes, intensity=0.3, episodes=[crash]).calls
    return [call._replace(fingerprint=number) for number, call in enumerate(calls)]


def test_a_writer_and_scoring_job_killed_at_random_points_leave_what_an_undisturbed_run_leaves(
    store: Store, store_url: str, tmp_path: Path, factory: Bundle, past: list[Call]
) -> None:
    seed = time.time_ns()
    print(f"seed {seed}")
    rng, directory = Random(seed), tmp_path / "journal"
    journal = Journal(directory, 2**30)
    appended = 0
    with nursery(store_url, directory) as workers:
        for life in range(1, KILLS + 1):
            until = T0 + life * MINUTES_A_LIFE * MINUTE
            while appended < len(past) and past[appended].timestamp < until:
                journal.append(past[appended])
                appended += 1
            workers.kill_one_after(rng.uniform(0, LONGEST_S))
    done_by_the_killed = len(windows(store)), len(stored(store))
    journal.close()
    drain_all(store, directory)
    score(store, factory)
    assert sorted(stored(store), key=str) == sorted(range(len(past)), key=str)
    assert windows(store) == scored_undisturbed(past, factory, tmp_path / "undisturbed.db")
    assert counters(store) == {}
    with store.read() as connection:
        assert reads.dirty_marks(connection, FAR, 10) == {}
    assert min(done_by_the_killed) > 0, "they were killed at work, not before it"


def test_a_server_killed_whole_or_in_part_under_load_stores_each_answered_call_once(
    tmp_path: Path,
) -> None:
    seed = time.time_ns()
    print(f"seed {seed}")
    rng, port = Random(seed), free_port()
    targets = [EVERYTHING, WORKER, PARENT] * 2
    rng.shuffle(targets)
    options = {"scheduler": 0, "secret_key": SECRET_KEY}
    with Load(port) as load:
        for _ in kills(tmp_path, port, targets, rng, longest_s=1.5, **options):
            pass
        with running_server(tmp_path, port=port, **options) as server:
            enough = len(load.answered) + 50
            wait_until(lambda: len(load.answered) >= enough, what="answers after the kills")
            assert server.stop() == 0
    store = open_store(f"sqlite:///{tmp_path / 'foresight.db'}")
    drain_all(store, tmp_path / "journal")
    found = balance(load, store)
    assert found.is_even, (seed, found)
    assert found.answered > 200, found
    assert "calls_lost" not in counters(store)
    store.close()
