"""Twenty minutes at 500 requests a second with ten browsers: does anything grow?

Run as `python -m bench.soak`, or with `--minutes 2 --rate 100`. The requests go to the mock
endpoints, from 200 addresses, by a process of its own; each browser polls its page and its frame as
a real one does. Memory is what is the server's own (RssAnon): pages of the mapped database file are
the kernel's to take back. Growth is from the second quarter's begin to the end.
"""

from __future__ import annotations

import argparse
import json
import statistics
import subprocess
import sys
import tempfile
import threading
import time
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Final

from sqlalchemy import func, select

from bench.polls import FRAME, browser_of
from store import Store, open_store
from store.tables import api_log
from tests.kills import worker_of
from tests.load import SECRET_KEY, Load
from tests.polling import DEPENDENCIES, polls
from tests.server import Server, running_server, wait_until
from tests.stored import counters

MINUTES: Final = 20.0
RATE: Final = 500.0
CONNECTIONS: Final = 8
CALLERS: Final = 200
BROWSERS: Final = 10
LOOK_S: Final = 10.0
MOST_GROWTH: Final = 0.05  # of memory, after the first quarter
MOST_MORE: Final = {"threads": 4, "files": 4}  # the pool makes a thread when all are at work
MOST_SLOWER: Final = 1.5  # p99 of the last quarter, by that of the first
OPTIONS: Final = {"secret_key": SECRET_KEY, "trusted_proxies": "127.0.0.1"}
LOSSES: Final = ("calls_lost", "records_torn", "records_refused")


@dataclass(frozen=True)
class Look:
    """What the server looked like at a moment."""

    at_s: float
    worker_mb: float
    parent_mb: float
    threads: int
    files: int
    answered: int
    p50_ms: float  # of the requests since the look before
    p99_ms: float


@dataclass
class Soak:
    """How a run went."""

    looks: list[Look] = field(default_factory=list)
    answered: int = 0
    cut_off: int = 0
    stored: int = 0
    same_calls: bool = False  # the sums of all fingerprints agree
    lost: int = 0

    def growth(self, name: str) -> float:
        """Of a measure, from the begin of the second quarter to the end, as a share."""
        before, after = self.ends(name)
        return after / before - 1

    def ends(self, name: str) -> tuple[float, float]:
        """A measure at the begin of the second quarter and at the end."""
        values = [float(getattr(look, name)) for look in self.looks]
        quarter, few = len(values) // 4, max(1, len(values) // 10)
        return (
            statistics.median(values[quarter : quarter + few]),
            statistics.median(values[-few:]),
        )

    def slower(self) -> float:
        """The median p99 of the last quarter by that of the first, without the first look."""
        p99s = [look.p99_ms for look in self.looks[1:]]
        quarter = max(1, len(p99s) // 4)
        return statistics.median(p99s[-quarter:]) / statistics.median(p99s[:quarter])


def status(pid: int) -> tuple[float, int]:
    """Memory of a process [MB] and its threads."""
    lines = Path(f"/proc/{pid}/status").read_text().splitlines()
    found = dict(line.split(":", 1) for line in lines)
    return int(found["RssAnon"].split()[0]) / 1024, int(found["Threads"])


def look_at(server: Server, at_s: float, said: dict[str, Any]) -> Look:
    """The server now, and what the load has said last."""
    worker = worker_of(server)
    memory_mb, threads = status(worker)
    files = len(list(Path(f"/proc/{worker}/fd").iterdir()))
    return Look(at_s, memory_mb, status(server.process.pid)[0], threads, files, **said)


@contextmanager
def looked_at(server: Server, browsers: int) -> Iterator[None]:
    """Some browsers that look at the pages in turn."""
    names = [name for name in polls(server.get_json(DEPENDENCIES)) if name != FRAME]
    over = threading.Event()
    threads = [
        threading.Thread(
            target=browser_of(server, names[number % len(names)]).look,
            args=(5 * number / browsers, over),
        )
        for number in range(browsers)
    ]
    for thread in threads:
        thread.start()
    yield
    over.set()
    for thread in threads:
        thread.join()


@contextmanager
def loaded(server: Server, rate: float) -> Iterator[subprocess.Popen[str]]:
    """A process that sends requests, says how they went when asked, and ends with its input."""
    command = [sys.executable, "-m", "bench.soak", "--load", str(server.port), "--rate", str(rate)]
    pipe = subprocess.PIPE
    with subprocess.Popen(command, stdin=pipe, stdout=pipe, text=True) as process:
        try:
            yield process
        finally:
            process.kill()


def ask(load: subprocess.Popen[str]) -> dict[str, Any]:
    """What the load has to say."""
    if load.stdin is None or load.stdout is None:
        raise ValueError("the load has no pipes")
    load.stdin.write("\n")
    load.stdin.flush()
    said: dict[str, Any] = json.loads(load.stdout.readline())
    return said


def say(port: int, rate: float) -> None:
    """The load: a line of figures for each line of input, and at the end sums of all answers."""
    with Load(port, CONNECTIONS, rate=rate, callers=CALLERS) as load:
        seen = 0
        for _ in sys.stdin:
            times = load.times_ms[seen:]
            seen += len(times)
            cuts = statistics.quantiles(times, n=100) if len(times) > 1 else [0.0] * 99
            said = {"answered": seen, "p50_ms": cuts[49], "p99_ms": cuts[98]}
            print(json.dumps(said), flush=True)
    sums = {"answered": len(load.answered), "cut_off": len(load.cut_off)}
    print(json.dumps({**sums, "sum": sum(load.answered)}), flush=True)


def soak(
    folder: Path, seconds: float, rate: float, browsers: int, look_s: float, show: Any
) -> Soak:
    """Load a new server for so long; `show` is given each look."""
    run = Soak()
    with running_server(folder, **OPTIONS) as server:
        with looked_at(server, browsers), loaded(server, rate) as load:
            begin = time.monotonic()
            for number in range(1, int(seconds / look_s) + 1):
                time.sleep(max(0.0, begin + number * look_s - time.monotonic()))
                run.looks.append(look_at(server, time.monotonic() - begin, ask(load)))
                show(run.looks[-1])
            ended: dict[str, int] = json.loads(load.communicate()[0])
        run.answered, run.cut_off = ended["answered"], ended["cut_off"]
        store = open_store(f"sqlite:///{folder / 'foresight.db'}")
        wait_until(lambda: stored(store)[0] >= run.answered, seconds=30, what="all is stored")
        run.stored, total = stored(store)
        run.same_calls = total == ended["sum"]
        run.lost = sum(counters(store).get(name, 0) for name in LOSSES)
        store.close()
    return run


def stored(store: Store) -> tuple[int, int]:
    """How many calls are stored, and the sum of their fingerprints."""
    number = api_log.c.fingerprint
    halves = func.sum(number.op(">>")(32)), func.sum(number.op("&")(2**32 - 1))
    with store.read() as connection:
        statement = select(func.count(), *halves)
        count, high, low = connection.execute(statement).one()
    return count, (high or 0) * 2**32 + (low or 0)


def show(look: Look) -> None:
    print(
        f"{look.at_s:7.0f} {look.worker_mb:9.1f} {look.parent_mb:9.1f} {look.threads:8}"
        f" {look.files:6} {look.p50_ms:8.1f} {look.p99_ms:8.1f} {look.answered:9}",
        flush=True,
    )


def report(run: Soak) -> Sequence[str]:
    """Print the verdict; what is not as promised."""
    wrong = []
    for name in ("worker_mb", "parent_mb", "threads", "files"):
        growth, (before, after) = run.growth(name), run.ends(name)
        print(
            f"{name:10} after the first quarter {before:7.1f}, at the end {after:7.1f}"
            f"  {growth:+.1%}"
        )
        if growth > MOST_GROWTH and after - before > MOST_MORE.get(name, 0):
            wrong.append(f"{name} grew by {growth:.1%}")
    print(f"p99 of the last quarter by the first         {run.slower():8.2f}")
    if run.slower() > MOST_SLOWER:
        wrong.append(f"p99 became {run.slower():.2f} times as long")
    print(f"answered {run.answered}, stored {run.stored}, cut off {run.cut_off}, lost {run.lost}")
    if run.answered != run.stored or not run.same_calls or run.lost:
        wrong.append("what was answered is not what is stored")
    print("verdict:", "; ".join(wrong) or "nothing grows")
    return wrong


def main() -> int:
    """Soak, and print how it went."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--minutes", type=float, default=MINUTES)
    parser.add_argument("--rate", type=float, default=RATE, help="requests a second")
    parser.add_argument("--browsers", type=int, default=BROWSERS)
    parser.add_argument("--load", type=int, metavar="PORT", help=argparse.SUPPRESS)
    chosen = parser.parse_args()
    if chosen.load:
        say(chosen.load, chosen.rate)
        return 0
    print(f"{chosen.minutes:g} min, {chosen.rate:g} requests/s, {chosen.browsers} browsers")
    print(" second worker MB parent MB  threads  files  p50 [ms] p99 [ms]  answered")
    with tempfile.TemporaryDirectory() as folder:
        seconds = 60 * chosen.minutes
        look_s = min(LOOK_S, seconds / 12)
        run = soak(Path(folder), seconds, chosen.rate, chosen.browsers, look_s, show)
    return 1 if report(run) else 0


if __name__ == "__main__":
    sys.exit(main())
