"""How fast simulated clients go through real HTTP: a rate that is kept, and backing off."""

from __future__ import annotations

import math
import time
from collections.abc import Callable
from typing import Final

from ingest.simulator.clients import CALLS_PER_CLIENT_S, Tempo

FASTEST: Final = 200.0  # tempo beyond which clients no longer speed up
ADJUST_S: Final = 10.0  # between two corrections of the tempo
DOUBT_CALLS: Final = 100.0  # answers that count for half a correction
FIRST_BACK_OFF_S: Final = 0.5
LONGEST_BACK_OFF_S: Final = 5.0

Rate = float | Callable[[float], float]


def rate_now(rate: Rate) -> float:
    """A rate [1/s]; a callable is asked with the time [epoch s]."""
    return rate(time.time()) if callable(rate) else rate


class Pacer:
    """Sets the tempo of `clients` clients so that they make `rate` requests a second.

    Clients wait for answers, so how fast they come out is measured and corrected, but only in calm
    times: what faults and misuse change is what one wants to see.
    """

    def __init__(self, rate: Rate, clients: int) -> None:
        self.tempo = Tempo()
        self._rate = rate
        self._usual = CALLS_PER_CLIENT_S * clients
        self._correction = 1.0
        self._answers: int | None = None  # at the last adjustment

    def adjust(self, answers: int, calm: bool) -> None:
        """Set the tempo; to be called each `ADJUST_S` seconds with the answers since the start."""
        rate = rate_now(self._rate)
        if calm and self._answers is not None and answers > self._answers:
            expected = rate * ADJUST_S
            missing = min(2.0, max(0.5, expected / (answers - self._answers)))
            self._correction *= missing ** (expected / (expected + DOUBT_CALLS))
        self._answers = answers
        self.tempo.value = min(FASTEST, self._correction * rate / self._usual)


class BackOff:
    """A server that can't be reached is left alone, each time for longer."""

    def __init__(self) -> None:
        self.until = -math.inf
        self._in_row = 0

    def reached(self) -> None:
        """The server answered."""
        self._in_row = 0

    def missed(self, now: float) -> None:
        """The server did not answer at `now` [s]; those that fail together count once."""
        if now >= self.until:
            self.until = now + min(LONGEST_BACK_OFF_S, FIRST_BACK_OFF_S * 2.0**self._in_row)
            self._in_row += 1
