"""Fifty `kill -9` of a server at work, and what became of the calls that it had answered.

Run as `python -m bench.kills`, or with a number of kills and a seed. Clients send requests to the
mock endpoints all the time; the whole server, its worker or its parent is killed at random points
of up to 8 s, so that some kills hit the start, the takeover of a dead leader's jobs and scoring.
"""

from __future__ import annotations

import argparse
import shutil
import statistics
import tempfile
import time
from collections import Counter
from pathlib import Path
from random import Random
from typing import Any, Final

from sqlalchemy import select

from jobs import scoring
from jobs.runtime import FACTORY_MODELS
from jobs.schedule import now_ms
from ml.registry import Models
from store import Store, open_store, reads, writes
from store.tables import CALL_COLUMNS, anomaly_log, api_log
from tests.kills import EVERYTHING, TARGETS, Kill, kills
from tests.load import SECRET_KEY, Load, balance
from tests.server import free_port, running_server, wait_until
from tests.stored import counters, drain_all

KILLS: Final = 50
LONGEST_S: Final = 8.0
PAUSE_S: Final = 0.02  # of each client between two requests
KEY: Final = ("timestamp", "subject", "endpoint", "method", "client")
COUNTS: Final = ("req_count", "error_rate", "status_counts", "payload_mean", "repeat_rate")
SCORES: Final = ("risk_score", "priority", "anomaly_score", "failure_probability", "usage_cluster")
LOSSES: Final = ("calls_lost", "records_torn", "records_refused")
OPTIONS: Final = {"secret_key": SECRET_KEY}


def killed_under_load(folder: Path, number: int, rng: Random) -> tuple[Load, list[Kill]]:
    """Kill a server again and again; at the end one works on until all is stored and scored."""
    port, done = free_port(), []
    targets = [rng.choice(TARGETS) for _ in range(number - 1)] + [EVERYTHING]
    with Load(port, pause_s=PAUSE_S) as load:
        for kill in kills(folder, port, targets, rng, LONGEST_S, **OPTIONS):
            done.append(kill)
            print(
                f"{len(done):4}  {kill.target:10}  back after {kill.back_s:5.1f} s, killed"
                f" {kill.alive_s:4.1f} s later; {len(load.answered):7} answered",
                flush=True,
            )
        with running_server(folder, port=port, **OPTIONS):
            time.sleep(5)
    with running_server(folder, port=port, **OPTIONS):
        store = open_store(f"sqlite:///{folder / 'foresight.db'}")
        end = now_ms()
        wait_until(lambda: _is_scored(store, end), seconds=150, what="all is scored")
        store.close()
    return load, done


def _is_scored(store: Store, end: int) -> bool:
    with store.read() as connection:
        return now_ms() > end + 70_000 and not reads.dirty_marks(connection, end, 1)


def windows(store: Store, columns: tuple[str, ...]) -> dict[Any, Any]:
    """Some columns of all windows, by their key."""
    with store.read() as connection:
        chosen = [anomaly_log.c[name] for name in KEY + columns]
        rows = list(connection.execute(select(*chosen)))
    found = {tuple(row[: len(KEY)]): tuple(row[len(KEY) :]) for row in rows}
    if len(found) != len(rows):
        raise AssertionError(f"{len(rows) - len(found)} windows are stored twice")
    return found


def undisturbed(store: Store, file: Path) -> Store:
    """The same calls scored in a store of their own, at once."""
    other = open_store(f"sqlite:///{file}")
    with store.read() as connection:
        calls = connection.execute(select(*(api_log.c[name] for name in CALL_COLUMNS)))
        rows = [tuple(row) for row in calls]
    with other.begin() as connection:
        writes.add_calls(connection, rows, other.grid)
    version, bundle = Models(FACTORY_MODELS, FACTORY_MODELS).current()
    scoring.score_all(other, version, bundle, now_ms, min_calls=5)
    return other


def report(folder: Path, load: Load, done: list[Kill]) -> None:
    """Print what became of calls and windows."""
    store = open_store(f"sqlite:///{folder / 'foresight.db'}")
    drain_all(store, folder / "journal")
    other = undisturbed(store, folder / "undisturbed.db")
    found, by_target = balance(load, store), Counter(kill.target for kill in done)
    back = [kill.back_s for kill in done]
    print(f"\nkills                       {len(done):8}  {dict(by_target)}")
    print(f"back after (median, worst)  {statistics.median(back):8.1f} s {max(back):.1f} s")
    print(f"answered                    {found.answered:8}")
    print(f"stored                      {found.stored:8}")
    print(f"  answered, not stored      {found.missing:8}")
    print(f"  stored twice              {found.twice:8}")
    print(f"  that nobody sent          {found.unknown:8}")
    print(f"  sent, answer cut off      {found.stored - found.answered:8}")
    lost = {name: counters(store).get(name, 0) for name in LOSSES}
    print(f"counted as lost             {sum(lost.values()):8}  {lost}")
    print(f"windows                     {len(windows(store, COUNTS)):8}")
    for name, columns in (("counts", COUNTS), ("scores", SCORES)):
        ours, theirs = windows(store, columns), windows(other, columns)
        differ = sum(theirs.get(key) != value for key, value in ours.items())
        missing = len(theirs.keys() - ours.keys())
        print(f"  {name} not as undisturbed {differ:8}, missing {missing}")
    for opened in (store, other):
        opened.close()


def main() -> None:
    """Kill, and print what came of it."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("kills", nargs="?", type=int, default=KILLS)
    parser.add_argument("seed", nargs="?", type=int, default=time.time_ns() % 10**9)
    chosen = parser.parse_args()
    print(f"seed {chosen.seed}")
    folder = Path(tempfile.mkdtemp())
    try:
        report(folder, *killed_under_load(folder, chosen.kills, Random(chosen.seed)))
    finally:
        shutil.rmtree(folder)


if __name__ == "__main__":
    main()
