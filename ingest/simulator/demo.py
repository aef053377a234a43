"""The demo: a past for an empty store, then simulated clients, misuse and faults without end.

The clients run in a process of their own (`python -m ingest.simulator.demo`), so that they don't
slow the server. It gets its orders, among them the session key, on standard input, and ends when
that is closed: by `Demo.stop`, or because the server is gone.
"""

from __future__ import annotations

import json
import logging
import math
import os
import subprocess
import sys
import threading
import time
from contextlib import suppress
from itertools import takewhile
from pathlib import Path
from typing import IO, Any, Final

from ingest.simulator.drive import drive
from ingest.simulator.episodes import planned_episodes
from ingest.traffic import History, rhythm, simulate

RATE: Final = 8.0  # calls a second, on average over the day
CLIENTS_SEED: Final = 1  # the clients of the past and of the present are the same
CALM_MINUTES: Final = (3.0, 5.0)  # between two episodes
LONGEST_MINUTES: Final = 3.0  # an episode
PAST_CALM_MINUTES: Final = (14.0, 26.0)  # between two episodes of the past: an ordinary day
QUIET_END_MINUTES: Final = 4.0  # of the past
RESTART_S: Final = 5.0  # before a process that ended by itself is started again
STOP_S: Final = 5.0  # for the process to end before it is killed
NICENESS: Final = 5
ROOT: Final = Path(__file__).parent.parent.parent

log = logging.getLogger(__name__)


def history(seed: int, now_ms: int, hours: float = 3.0) -> History:
    """The last hours as the demo's clients would have made them; the last minutes are calm."""
    minutes = hours * 60.0
    plan = takewhile(
        lambda planned: planned.end <= minutes - QUIET_END_MINUTES,
        planned_episodes(seed, calm=PAST_CALM_MINUTES, calls_per_s=RATE),
    )
    return simulate(
        seed=seed,
        start_ms=now_ms - round(minutes * 60_000),
        minutes=minutes,
        intensity=RATE / 10.0,
        episodes=list(plan),
        population_seed=CLIENTS_SEED,
    )


class Demo:
    """Simulated clients of a running server, in a process that ends with it.

    Parameters
    ----------
    url : str
        Of the server, on this machine.
    session_key : str
        Of the server.
    data_dir : Path
        Of the server; faults are switched there.
    seed : int, optional
        Of what happens; the time when not given, so that each start shows something else.
    """

    def __init__(
        self, url: str, session_key: str, data_dir: Path, *, seed: int | None = None
    ) -> None:
        self._orders = {
            "url": url,
            "session_key": session_key,
            "data_dir": str(data_dir.absolute()),
            "seed": int(time.time()) if seed is None else seed,
        }
        self._stop = threading.Event()
        self._lock = threading.Lock()  # of `_process`
        self._process: subprocess.Popen[bytes] | None = None
        self._keeper = threading.Thread(target=self._keep_running, name="demo", daemon=True)

    @property
    def pid(self) -> int | None:
        """Of the clients' process, None when there is none."""
        process = self._process
        return None if process is None or process.poll() is not None else process.pid

    def start(self) -> None:
        """Start the clients, unless `stop` was first."""
        if not self._stop.is_set():
            self._keeper.start()

    def stop(self) -> None:
        """End the clients and wait until they are gone."""
        self._stop.set()
        with self._lock:
            process = self._process
        if process is not None:
            _end(process)
        if self._keeper.is_alive():
            self._keeper.join(STOP_S)

    def _keep_running(self) -> None:
        while True:
            with self._lock:
                if self._stop.is_set():
                    return
                process = self._process = _started(self._orders)
            status = process.wait()
            _end(process)
            if self._stop.is_set():
                return
            log.warning("the simulated clients ended with status %d, starting again", status)
            self._stop.wait(RESTART_S)


def _started(orders: dict[str, Any]) -> subprocess.Popen[bytes]:
    process = subprocess.Popen(  # this product's own code  # nosec B603
        [sys.executable, "-m", "ingest.simulator.demo"],
        cwd=ROOT,
        stdin=subprocess.PIPE,
        stdout=subprocess.DEVNULL,
        start_new_session=True,  # Ctrl+C is for the server, which then ends this process
    )
    assert process.stdin is not None
    with suppress(BrokenPipeError):  # it may be gone already; its status will be seen
        process.stdin.write(json.dumps(orders).encode() + b"\n")
        process.stdin.flush()
    return process


def _end(process: subprocess.Popen[bytes]) -> None:
    assert process.stdin is not None
    with suppress(BrokenPipeError):  # it may be gone already
        process.stdin.close()
    try:
        process.wait(STOP_S)
    except subprocess.TimeoutExpired:
        process.kill()
        process.wait()


def run(orders: IO[bytes]) -> None:
    """Drive clients as the first line of `orders` says, until the stream ends."""
    given = json.loads(orders.readline())
    stop = threading.Event()
    threading.Thread(target=_watch, args=(orders, stop), daemon=True).start()
    drive(
        given["url"],
        session_key=given["session_key"],
        rate=lambda epoch_s: RATE * rhythm(epoch_s),
        minutes=math.inf,
        seed=given["seed"],
        population_seed=CLIENTS_SEED,
        data_dir=Path(given["data_dir"]),
        stop=stop,
        episodes=planned_episodes(
            given["seed"], calm=CALM_MINUTES, calls_per_s=RATE, longest=LONGEST_MINUTES
        ),
    )


def _watch(orders: IO[bytes], stop: threading.Event) -> None:
    orders.read()  # returns at the end of the stream
    stop.set()


if __name__ == "__main__":
    if hasattr(os, "nice"):
        os.nice(NICENESS)
    run(sys.stdin.buffer)
