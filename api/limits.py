"""How often: requests of a token, a person or an address; beyond it 429 with `Retry-After`."""

from __future__ import annotations

import math
import time
from dataclasses import dataclass, field

from flask import Response
from limits import RateLimitItemPerSecond
from limits.storage import MemoryStorage
from limits.strategies import MovingWindowRateLimiter

from api.errors import error_answer


@dataclass(frozen=True)
class Limit:
    """So many requests in any second, counted by key in this process.

    flask-limiter, whose engine this is, would take half a millisecond of every request to find out
    that the mock endpoints have no limit.
    """

    a_second: int  # 0: any number
    _windows: MovingWindowRateLimiter = field(
        default_factory=lambda: MovingWindowRateLimiter(MemoryStorage())
    )

    def refuse(self, key: str) -> Response | None:
        """Count a request; the answer to one that is too much."""
        if not self.a_second:
            return None
        item = RateLimitItemPerSecond(self.a_second)
        if self._windows.hit(item, key):
            return None
        wait_s = self._windows.get_window_stats(item, key).reset_time - time.time()
        seconds = seconds_to_wait(wait_s)
        answer = error_answer(429, f"more than {self.a_second} requests a second; wait {seconds} s")
        answer.headers["Retry-After"] = str(seconds)
        return answer


def seconds_to_wait(wait_s: float) -> int:
    """Whole seconds after which the wait is over, at least one."""
    return max(1, math.ceil(wait_s))
