"""The payment provider of the mock shop, with other customers and the feedback of their retries."""

from __future__ import annotations

import math
from random import Random
from typing import Final


class Provider:
    """The payment provider: a queue that we share with its other customers.

    Its load is the first attempts of the others, which wander around a mean, our own attempts, and
    the retries of the others: a share that follows, with a delay, how many attempts come back too
    late. So a provider that is a little too busy may get slower for minutes until it drowns, or may
    recover.
    """

    TIMEOUT_S: Final = 0.9  # we give up on one attempt; its work is done there all the same
    REFUSED_S: Final = 0.004  # a refused connection is quick
    SERVICE_S: Final = 0.05
    USUAL_LOAD: Final = 0.5  # of its capacity, by first attempts of others
    WANDER: Final = 0.04  # standard deviation of that load
    WANDER_S: Final = 40.0  # its correlation time
    OWN_S: Final = 30.0  # our own load is what we asked for in about this time
    RETRIES: Final = 3.0  # of an attempt that failed, by other customers
    RETRY_S: Final = 240.0  # until they do
    MOST_QUEUED: Final = 0.97  # load at which the waiting time of a steady queue is no longer used
    BACKLOG_LIMIT_S: Final = 5.0  # what does not fit below it is turned away

    def __init__(self, rng: Random) -> None:
        self.load = self.USUAL_LOAD
        self.state = "up"  # up, refusing, or silent
        self._rng = rng
        self._wandering = 0.0
        self._own = 0.0
        self._retrying = 0.0  # retries per first attempt of the others
        self._backlog_s = 0.0
        self._seen = -math.inf

    @property
    def total_load(self) -> float:
        """Work per second that reaches the provider, as a share of what it can do."""
        return max(0.0, self.load * (1 + self._retrying) + self._own + self._wandering)

    def attempt(self, at: float) -> tuple[float, str]:
        """One attempt at `at`: seconds until we know, and "ok", "refused" or "timeout"."""
        self._advance(at)
        if self.state == "silent":
            return self.TIMEOUT_S, "timeout"
        if self.state == "refusing" or self._turned_away():
            return self.REFUSED_S, "refused"
        self._own += self.SERVICE_S / self.OWN_S
        wait = self._backlog_s + self._rng.expovariate(1 / self._mean_wait_s())
        delay = wait + self._rng.lognormvariate(0.0, 0.35) * self.SERVICE_S
        return (delay, "ok") if delay <= self.TIMEOUT_S else (self.TIMEOUT_S, "timeout")

    def restart(self) -> None:
        """Back to usual load, without those who retry."""
        self.load, self.state = self.USUAL_LOAD, "up"
        self._retrying = self._backlog_s = 0.0

    def _turned_away(self) -> bool:
        if self._backlog_s < self.BACKLOG_LIMIT_S:
            return False
        return self._rng.random() * self.total_load > 1.0  # as much is let in as gets done

    def _mean_wait_s(self) -> float:
        """Mean waiting time of a queue with exponential service (M/M/1), beside the backlog."""
        load = min(max(self.total_load, 0.05), self.MOST_QUEUED)
        return self.SERVICE_S * load / (1 - load)

    def _advance(self, at: float) -> None:
        passed = min(at - self._seen, 600.0)
        if passed <= 0:
            return
        self._seen = at
        self._own *= math.exp(-passed / self.OWN_S)
        keep = math.exp(-passed / self.WANDER_S)
        noise = self._rng.gauss(0.0, self.WANDER * math.sqrt(1 - keep * keep))
        self._wandering = self._wandering * keep + noise
        backlog_s = self._backlog_s + (self.total_load - 1.0) * passed
        self._backlog_s = min(max(0.0, backlog_s), self.BACKLOG_LIMIT_S)
        left_s = self.TIMEOUT_S - self._backlog_s
        late = math.exp(-left_s / self._mean_wait_s()) if left_s > 0 else 1.0
        self._retrying += (self.RETRIES * late - self._retrying) * -math.expm1(
            -passed / self.RETRY_S
        )
