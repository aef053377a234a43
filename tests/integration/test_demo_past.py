"""The past of a demo is stored in batches, and finished after a kill."""

from __future__ import annotations

import os
import signal
import subprocess
import sys

import pytest
from sqlalchemy import func, select

from ingest.seal import Seal
from ingest.simulator.demo import history
from jobs import demo_past
from jobs.demo_past import BATCH, fill_empty_store
from store import Store, open_store, writes
from store.tables import api_log, meta
from tests.rows import T0, call
from tests.server import ROOT, wait_until

KEY = "key-of-the-tests-0123456789-0123456789"


def number(store: Store) -> int:
    with store.read() as connection:
        return connection.execute(select(func.count()).select_from(api_log)).scalar_one()


def marks(store: Store) -> set[str]:
    with store.read() as connection:
        return {name for name in connection.scalars(select(meta.c.name)) if "demo" in name}


@pytest.fixture
def one_hour(monkeypatch: pytest.MonkeyPatch) -> int:
    """Calls of a shorter past."""
    monkeypatch.setattr(demo_past, "HOURS", 1)
    return len(history(seed=1, now_ms=T0, hours=1).calls)


FILL = """
import sys
from jobs import demo_past
from ingest.seal import Seal
from store import open_store
demo_past.HOURS = 1
def go_on():
    print("batch", flush=True)
    sys.stdin.readline()
    return True
demo_past.fill_empty_store(open_store(sys.argv[1]), Seal(sys.argv[2]), int(sys.argv[3]), go_on)
"""


def test_a_past_that_was_killed_is_finished_by_the_next_start(
    sqlite_store: Store, one_hour: int
) -> None:
    url = str(sqlite_store.writer.url)
    command = [sys.executable, "-c", FILL, url, KEY, str(T0)]
    pipe = subprocess.PIPE
    with subprocess.Popen(command, cwd=ROOT, stdin=pipe, stdout=pipe, text=True) as process:
        assert process.stdin is not None
        process.stdin.write("\n" * 2)  # two batches, then it waits
        process.stdin.flush()
        wait_until(lambda: number(sqlite_store) == 2 * BATCH, seconds=40)
        os.kill(process.pid, signal.SIGKILL)
    assert number(sqlite_store) == 2 * BATCH < one_hour
    again = open_store(url)
    fill_empty_store(again, Seal(KEY), T0 + 86_400_000, lambda: True)
    assert number(again) == one_hour
    with again.read() as connection:
        times = connection.scalars(select(api_log.c.timestamp).order_by(api_log.c.timestamp)).all()
    # The past that was begun, not another one a day later.
    assert times == sorted(made.timestamp for made in history(seed=1, now_ms=T0, hours=1).calls)
    assert marks(again) == set()
    fill_empty_store(again, Seal(KEY), T0, lambda: True)
    assert number(again) == one_hour
    again.close()


def test_a_past_ends_after_the_batch_at_hand_when_the_server_ends(
    sqlite_store: Store, one_hour: int
) -> None:
    answers = iter([True, False])
    fill_empty_store(sqlite_store, Seal(KEY), T0, lambda: next(answers))
    assert number(sqlite_store) == BATCH
    assert len(marks(sqlite_store)) == 2
    fill_empty_store(sqlite_store, Seal(KEY), T0, lambda: True)
    assert number(sqlite_store) == one_hour


def test_a_store_that_has_calls_gets_no_past(sqlite_store: Store) -> None:
    with sqlite_store.begin() as connection:
        writes.add_calls(connection, [call(T0)], sqlite_store.grid)
    fill_empty_store(sqlite_store, Seal(KEY), T0, lambda: True)
    assert number(sqlite_store) == 1
    assert marks(sqlite_store) == set()
