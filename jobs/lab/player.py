"""The process of a run: the demo's ordinary clients and, in an attack, attackers (`-m`).

Its orders come on standard input, among them the session key; it ends when that is closed or the
time is over, whatever is first. Each second it says on standard output, as a line of JSON, what was
sent.
"""

from __future__ import annotations

import json
import os
import sys
import threading
import time
from collections.abc import Callable
from typing import IO, Any, Final

from ingest.shop.model import Outcome
from ingest.signature import simulator_key
from ingest.simulator.clients import Behaviour, Client
from ingest.simulator.demo import CLIENTS_SEED, NICENESS, RATE
from ingest.simulator.drive import drive
from ingest.simulator.http_client import Sender, Unreachable
from ingest.traffic import rhythm
from jobs.lab.attacks import BYSTANDERS, Lanes, attackers, lanes

LONGEST_S: Final = 700.0  # whatever the orders say
UNREACHED_S: Final = 0.5  # pause after a request that found no server
Say = Callable[[dict[str, Any]], None]


class Attack:
    """Attackers at work, one thread for each request at a time.

    `sent` counts their requests, `first_at` is when the first one went out [epoch ms].
    """

    def __init__(self, sender: Sender, attacking: Lanes) -> None:
        self._sender, self._stop = sender, threading.Event()
        self._lock = threading.Lock()
        self._threads = [
            threading.Thread(target=self._play, args=lane, name="attacker", daemon=True)
            for lane in attacking
        ]
        self.sent = self.answered = 0
        self.first_at: int | None = None

    def start(self) -> None:
        """Begin."""
        for thread in self._threads:
            thread.start()

    def end(self) -> None:
        """Stop, and wait for the answers on their way."""
        self._stop.set()
        for thread in self._threads:
            thread.join()
        self._sender.close()

    def _play(self, client: Client, behaviour: Behaviour) -> None:
        step = next(behaviour)
        while not self._stop.wait(step.after_s):
            self._count_sent()
            try:
                outcome = self._sender.send(client, step.request)
            except Unreachable:
                self._stop.wait(UNREACHED_S)
                outcome = Outcome(503, 0.0, b"")
            else:
                with self._lock:
                    self.answered += 1
            step = behaviour.send(outcome)

    def _count_sent(self) -> None:
        with self._lock:
            self.sent += 1
            if self.first_at is None:
                self.first_at = time.time_ns() // 1_000_000


def play(orders: dict[str, Any], stop: threading.Event, say: Say) -> None:
    """Play as ordered until the time is over or `stop` is set.

    Parameters
    ----------
    orders : dict
        `url` and `session_key` of the server, `seconds` to play, `seed`; of an attack its
        `scenario` and `strength`, of a fault a `scenario` of None.
    stop : Event
        Ends it early.
    say : callable
        Gets the counts about once a second, and at the end.
    """
    seconds = min(float(orders["seconds"]), LONGEST_S)
    attack = _attack(orders)
    counts: dict[str, Any] = {"sent": 0, "first_at": None}

    def report(_: float, driven: dict[str, Any]) -> None:
        counts["bystanders"] = driven["answers"]
        if attack is not None:
            counts.update(sent=attack.sent, answered=attack.answered, first_at=attack.first_at)
        say(counts)

    if attack is not None:
        attack.start()
    try:
        driven = drive(
            orders["url"],
            session_key=orders["session_key"],
            rate=lambda epoch_s: RATE * rhythm(epoch_s),
            minutes=seconds / 60.0,
            seed=orders["seed"],
            clients=BYSTANDERS,
            population_seed=CLIENTS_SEED,
            stop=stop,
            progress=report,
        )
    finally:
        if attack is not None:
            attack.end()
    report(seconds, driven)


def _attack(orders: dict[str, Any]) -> Attack | None:
    if orders["scenario"] is None:
        return None
    key = simulator_key(orders["session_key"])
    gang = attackers(orders["scenario"], orders["seed"], key)
    return Attack(Sender(orders["url"], key), lanes(gang, orders["seed"], orders["strength"]))


def main(orders: IO[bytes]) -> None:
    """Play what the first line of `orders` says, until the stream ends."""
    given = json.loads(orders.readline())
    stop = threading.Event()
    threading.Thread(target=_watch, args=(orders, stop), daemon=True).start()
    play(given, stop, lambda counts: print(json.dumps(counts), flush=True))


def _watch(orders: IO[bytes], stop: threading.Event) -> None:
    orders.read()  # returns at the end of the stream
    stop.set()


if __name__ == "__main__":
    if hasattr(os, "nice"):
        os.nice(NICENESS)
    main(sys.stdin.buffer)
