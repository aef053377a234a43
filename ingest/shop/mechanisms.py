"""What a small shop runs on: workers, database connections, memory, a machine.

Each is a pure model on any clock (seconds as float, that go back by no more than a request lasts).
Faults only change parameters; what comes of it follows from the model.
"""

from __future__ import annotations

import heapq
import math
from collections import deque
from random import Random
from typing import Final

TIMEOUT_S: Final = 3.0  # the gateway gives up on an answer after this long


class Workers:
    """`count` workers serving one bounded queue, first come, first served."""

    def __init__(self, count: int, queue_limit: int) -> None:
        self._free = [-math.inf] * count  # heap of the times at which each worker is free
        self._starts: deque[float] = deque()  # when those who had to wait start, ascending
        self.queue_limit = queue_limit

    def waiting(self, now: float) -> int:
        """Requests in the queue at `now`."""
        starts = self._starts
        while starts and starts[0] <= now:
            starts.popleft()
        return len(starts)

    def start(self, now: float) -> float | None:
        """When a request that arrives now would start; None when the queue is full."""
        earliest = self._free[0]
        if earliest <= now:
            return now
        return earliest if self.waiting(now) < self.queue_limit else None

    def occupy(self, start: float, until: float, now: float) -> None:
        """Give the earliest free worker to a request that arrived at `now`."""
        heapq.heapreplace(self._free, until)
        if start > now:
            self._starts.append(start)

    def abandon(self, now: float) -> None:
        """A request that waits in the queue until the gateway gives up, and is never worked on."""
        self._starts.append(now + TIMEOUT_S)

    def pause(self, now: float, seconds: float) -> None:
        """Stop all workers for some time: nobody starts a request meanwhile."""
        self._free = [max(free, now) + seconds for free in self._free]  # keeps the heap's order

    def restart(self, at: float) -> None:
        """Forget all work; workers are free from `at` on."""
        self._free = [at] * len(self._free)
        self._starts.clear()


class Connections:
    """A pool of database connections, some of which may never come back.

    A lost connection keeps its transaction open, so that others wait for its locks; after a long
    time the database closes it and the pool has it again.
    """

    TIMEOUT_S: Final = 1.2  # a request that gets no connection for so long fails
    LOST_MEAN_S: Final = 3_600.0  # until the database closes an abandoned connection
    LOCK_WAIT_MEAN_S: Final = 0.35
    LOCK_SHARE: Final = 0.6  # of requests that meet a lock when nearly all connections are lost

    def __init__(self, size: int, rng: Random) -> None:
        self.size = size
        self.loss = 0.0  # probability that a use loses its connection
        self._rng = rng
        self._free = [-math.inf] * size  # heap of the times at which each is free
        self._lost: list[float] = []  # heap of the times at which lost ones come back

    @property
    def lost(self) -> int:
        """Connections that are not coming back soon."""
        return len(self._lost)

    def use(self, at: float, seconds: float) -> float | None:
        """Use a connection from `at` on: when the use ends, None when there is none in time."""
        if self._lost:
            self._reclaim(at)
            if not self._free:
                return None
            seconds += self._lock_wait()
        start = max(at, self._free[0])
        if start - at > self.TIMEOUT_S:
            return None
        end = start + seconds
        if self.loss and self._rng.random() < self.loss:
            heapq.heappop(self._free)
            heapq.heappush(self._lost, end + self._rng.expovariate(1 / self.LOST_MEAN_S))
        else:
            heapq.heapreplace(self._free, end)
        return end

    def restart(self) -> None:
        """All connections are back."""
        self._free = [-math.inf] * self.size
        self._lost.clear()

    def _reclaim(self, at: float) -> None:
        while self._lost and self._lost[0] <= at:
            heapq.heappush(self._free, heapq.heappop(self._lost))

    def _lock_wait(self) -> float:
        if self._rng.random() < self.LOCK_SHARE * self.lost / self.size:
            return self._rng.expovariate(1 / self.LOCK_WAIT_MEAN_S)
        return 0.0


class Memory:
    """A collected heap: the fuller it is, the more often and longer everything stops for it.

    A collection is due when garbage fills a sixth of the headroom; its cost grows with the cube of
    the fill (fragmented pages are walked again and again).
    """

    LIMIT_MB: Final = 1_024.0
    BASE_MB: Final = 220.0
    GARBAGE_MB: Final = 2.0  # by each request
    FULL_PAUSE_S: Final = 0.6  # of a collection at the limit

    def __init__(self) -> None:
        self.leak_mb = 0.0  # lost by each request
        self.used_mb = self.BASE_MB
        self._garbage_mb = 0.0

    @property
    def full(self) -> bool:
        """Out of memory: the process is killed."""
        return self.used_mb >= self.LIMIT_MB

    def allocate(self) -> float:
        """Memory for one request; seconds for which all workers stop because of it."""
        self.used_mb += self.leak_mb
        self._garbage_mb += self.GARBAGE_MB
        if self._garbage_mb < (self.LIMIT_MB - self.used_mb) / 6:
            return 0.0
        self._garbage_mb = 0.0
        return float(self.FULL_PAUSE_S * (self.used_mb / self.LIMIT_MB) ** 3)

    def restart(self) -> None:
        """A fresh process."""
        self.used_mb = self.BASE_MB
        self._garbage_mb = 0.0


class Pace:
    """How fast the machine is: a factor on service times that wanders slowly around 1."""

    SPREAD: Final = 0.10  # standard deviation of its logarithm
    CORRELATION_S: Final = 300.0
    STEP_S: Final = 5.0

    def __init__(self, rng: Random) -> None:
        self._rng = rng
        self._log = rng.gauss(0.0, self.SPREAD)
        self._next = -math.inf
        self.factor = math.exp(self._log)

    def advance(self, now: float) -> None:
        """Let the factor wander up to `now`."""
        if now < self._next:
            return
        passed = self.STEP_S if self._next == -math.inf else now - self._next + self.STEP_S
        keep = math.exp(-passed / self.CORRELATION_S)
        noise = self._rng.gauss(0.0, self.SPREAD * math.sqrt(1 - keep * keep))
        self._log = self._log * keep + noise
        self.factor = math.exp(self._log)
        self._next = now + self.STEP_S


class Host:
    """What a real server adds to the shop's latency: its own work, and stalls of a shared machine.

    The real outlet has both by itself (measured on two cores: 0.4 ms a request, and up to 600 ms
    while other programs want the processor). The virtual clock needs them drawn, or models would
    take them for trouble.
    """

    SERVER_S: Final = 0.0004  # routing, reading and writing of one request
    STALL_EVERY_S: Final = 15.0
    STALL_MEANS_S: Final = (0.03, 0.03, 0.03, 0.15)  # mostly short

    def __init__(self, rng: Random) -> None:
        self._rng = rng
        self._every_s = self.STALL_EVERY_S * rng.lognormvariate(0.0, 0.5)
        self._begin = self._end = -math.inf

    def latency(self, now: float, shop_s: float) -> float:
        """Latency [s] that a caller sees who calls at `now` when the shop takes `shop_s`."""
        while self._end < now:
            self._draw_stall(now)
        seconds = shop_s + self.SERVER_S * math.exp(self._rng.gauss(0.0, 0.3))
        if now + seconds > self._begin:
            return max(seconds, self._end - now)
        return seconds

    def _draw_stall(self, now: float) -> None:
        after = max(self._end, now - self._every_s)
        self._begin = after + self._rng.expovariate(1 / self._every_s)
        mean_s = self._rng.choice(self.STALL_MEANS_S)
        self._end = self._begin + self._rng.expovariate(1 / mean_s)
