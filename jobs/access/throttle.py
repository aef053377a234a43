"""Delays after refused logins: they grow with each, for an address and for an account."""

from __future__ import annotations

import time
from collections import OrderedDict
from collections.abc import Callable
from dataclasses import dataclass
from threading import Lock
from typing import Final

FREE: Final = 5  # refusals without a delay
ADDRESS: Final = "address"
ACCOUNT: Final = "account"
# Of an account it is short: whoever knows its name could else keep its owner out.
LONGEST_S: Final = {ADDRESS: 900.0, ACCOUNT: 60.0}
FORGOTTEN_S: Final = 3_600.0  # after the last refusal
MOST: Final = 20_000  # addresses and accounts; beyond it the longest unheard of are forgotten


Key = tuple[str, str]  # ADDRESS or ACCOUNT, and which one


@dataclass
class _Refusals:
    number: int = 0
    until: float = 0.0
    last: float = 0.0


class Throttle:
    """Counts refused logins by key and says how long each has to wait.

    Parameters
    ----------
    clock : callable
        Seconds that only grow.
    """

    def __init__(self, clock: Callable[[], float] = time.monotonic) -> None:
        self._clock = clock
        self._lock = Lock()
        self._refused: OrderedDict[Key, _Refusals] = OrderedDict()

    def wait_s(self, *keys: Key) -> float:
        """Seconds until the next try is looked at; 0 when it is now."""
        now = self._clock()
        with self._lock:
            found = [self._refused[key] for key in keys if key in self._refused]
            return max([0.0, *(one.until - now for one in found)])

    def refuse(self, *keys: Key) -> None:
        """Count a refused login; from the sixth on the delay is 1, 2, 4 ... seconds."""
        now = self._clock()
        with self._lock:
            for key in keys:
                one = self._refused.pop(key, None)
                if one is None or now - one.last > FORGOTTEN_S:
                    one = _Refusals()
                one.number, one.last = one.number + 1, now
                if one.number > FREE:
                    one.until = now + min(LONGEST_S[key[0]], 2.0 ** min(one.number - FREE - 1, 20))
                self._refused[key] = one
            while len(self._refused) > MOST:
                self._refused.popitem(last=False)

    def forgive(self, *keys: Key) -> None:
        """A login was right."""
        with self._lock:
            for key in keys:
                self._refused.pop(key, None)
