"""The mock shop as a pure model on any clock: what a request is answered, and how long it takes.

The real server calls it with its monotonic clock and sleeps the latency; the simulation calls it
with a virtual clock. It holds no lock: callers in several threads bring their own.
"""

from __future__ import annotations

import math
from collections.abc import Callable
from random import Random
from typing import Final, NamedTuple

from ingest.shop.faults import Fault
from ingest.shop.front import TOKEN_CHARACTERS, Front, Request, Task, error_body
from ingest.shop.mechanisms import TIMEOUT_S, Connections, Memory, Pace, Workers
from ingest.shop.provider import Provider

ROUTES: Final = {"/login": "POST", "/payment": "POST", "/search": "GET", "/health": "GET"}
WORKERS: Final = 4
QUEUE_LIMIT: Final = 64
CONNECTIONS: Final = 10
RESTART_S: Final = 25.0  # until a killed process serves again
PROVIDER_ATTEMPTS: Final = 3
SPREAD: Final = 0.28  # standard deviation of the logarithm of a service time
# Usual seconds of what is not a task's own work.
DATABASE_S: Final = 0.004
HEALTH_S: Final = 0.0015
REFUSE_S: Final = 0.002  # to say that nobody is there
NO_ROUTE_S: Final = 0.0005

# A fault of severity 1 hurts after about 15 minutes at 10 calls/s.
LEAK_MB: Final = 0.09  # a request
CONNECTION_LOSS: Final = 0.0012  # probability, a use
BUSY_PROVIDER: Final = (0.64, 0.12)  # load by others: at severity 0, and for each 1 more


class Outcome(NamedTuple):
    """What the shop answers; `user_id` is who the request turned out to be from."""

    status: int
    latency_s: float
    body: bytes
    user_id: str | None = None


_DOWN: Final = error_body("unavailable", "the shop is not running")
_BUSY: Final = error_body("overloaded", "too many requests are waiting")
_LATE: Final = error_body("timeout", f"no answer within {TIMEOUT_S:g} s")
_NO_CONNECTION: Final = error_body("no_connection", "no database connection was free in time")
_NO_ROUTE: Final = error_body("not_found", "there is no such page")
_HEALTHY: Final = b'{"status": "ok"}'
_PROVIDER: Final = {
    "refused": (502, error_body("provider_refused", "the payment provider refused")),
    "timeout": (504, error_body("provider_timeout", "the payment provider did not answer")),
}


class Shop:
    """A small shop: four endpoints over shared workers, a database, memory and a provider.

    Parameters
    ----------
    seed : int, optional
        Of everything that is drawn; another one each time when not given.
    faults : callable, optional
        Says which fault is on; asked at every request.
    """

    def __init__(
        self, *, seed: int | None = None, faults: Callable[[], Fault | None] | None = None
    ) -> None:
        self._rng = Random(seed)
        self._faults = faults
        self._fault: Fault | None = None
        self._down_until = -math.inf
        self._front = Front(b"", lambda _: "x" * TOKEN_CHARACTERS)
        self.workers = Workers(WORKERS, QUEUE_LIMIT)
        self.connections = Connections(CONNECTIONS, self._rng)
        self.memory = Memory()
        self.provider = Provider(self._rng)
        self.pace = Pace(self._rng)

    def use_keys(self, key: bytes, token_for: Callable[[str], str]) -> None:
        """Let passwords follow from `key` and tokens come from `token_for`.

        Before that, tokens have the right length and no meaning: enough for a simulation.
        """
        self._front = Front(key, token_for)

    def serve(self, request: Request, now: float) -> Outcome:
        """Answer a request that arrives at `now` [s]; times must not fall."""
        if self._faults is not None:
            self.set_fault(self._faults())
        self.pace.advance(now)
        method = ROUTES.get(request.path)
        if method is None:
            return Outcome(404, self._drawn(NO_ROUTE_S), _NO_ROUTE, request.user)
        if method != request.method:
            body = error_body("method_not_allowed", f"use {method}")
            return Outcome(405, self._drawn(NO_ROUTE_S), body, request.user)
        if now < self._down_until:
            return Outcome(503, self._drawn(REFUSE_S), _DOWN, request.user)
        if request.path == "/health":  # answered beside the queue
            return Outcome(200, self._drawn(HEALTH_S), _HEALTHY, request.user)
        task = self._front.task(request)
        return self._perform(task, task.user or request.user, now)

    def set_fault(self, fault: Fault | None) -> None:
        """Put the shop into a fault, or (None) repair it as an operator would: by a restart."""
        if fault == self._fault:
            return
        self._fault = fault
        self._repair()
        if fault is None:
            return
        match fault.name:
            case "leak":
                self.memory.leak_mb = LEAK_MB * fault.severity
            case "pool_exhaustion":
                self.connections.loss = CONNECTION_LOSS * fault.severity
            case "retry_storm":
                self.provider.load = BUSY_PROVIDER[0] + BUSY_PROVIDER[1] * fault.severity
            case "crash":
                self._down_until = math.inf
            case "dependency_down":
                self.provider.state = "silent" if fault.severity > 1 else "refusing"

    def _repair(self) -> None:
        self._down_until = -math.inf
        self.memory.leak_mb = self.connections.loss = 0.0
        self.memory.restart()
        self.connections.restart()
        self.provider.restart()

    def _drawn(self, seconds: float) -> float:
        return seconds * math.exp(self._rng.gauss(0.0, SPREAD)) * self.pace.factor

    def _perform(self, task: Task, user: str | None, now: float) -> Outcome:
        start = self.workers.start(now)
        if start is None:
            return Outcome(503, self._drawn(REFUSE_S), _BUSY, user)
        if start - now >= TIMEOUT_S:
            self.workers.abandon(now)
            return Outcome(504, TIMEOUT_S, _LATE, user)
        end, status, body = self._work(task, start)
        self.workers.occupy(start, end, now)
        self._collect_garbage(now)
        if end - now > TIMEOUT_S:  # the work is done all the same
            return Outcome(504, TIMEOUT_S, _LATE, user)
        return Outcome(status, end - now, body, user)

    def _work(self, task: Task, start: float) -> tuple[float, int, bytes]:
        """A worker's time on a task: (end, status, body)."""
        at = start + self._drawn(task.work_s)
        if task.database:
            end = self.connections.use(at, self._drawn(DATABASE_S))
            if end is None:
                return at + Connections.TIMEOUT_S, 503, _NO_CONNECTION
            at = end
        return self._charge(task, at) if task.charge else (at, task.status, task.body)

    def _charge(self, task: Task, at: float) -> tuple[float, int, bytes]:
        result = "ok"
        for _ in range(PROVIDER_ATTEMPTS):
            seconds, result = self.provider.attempt(at)
            at += seconds
            if result == "ok":
                return at, task.status, task.body
        return at, *_PROVIDER[result]

    def _collect_garbage(self, now: float) -> None:
        """Collections stop the workers; full memory kills the process."""
        pause = self.memory.allocate()
        if self.memory.full:
            self._down_until = now + self._drawn(RESTART_S)
            self.workers.restart(self._down_until)
            self.memory.restart()
            self.connections.restart()
        elif pause:
            self.workers.pause(now, pause)
