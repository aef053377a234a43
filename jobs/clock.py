"""The wall clock can leap: what it starts must neither stand still for that nor run wild."""

from __future__ import annotations

import time
from collections.abc import Callable
from datetime import datetime, timedelta
from typing import Final

from apscheduler.triggers.cron import CronTrigger

LEAP_S: Final = 1.0  # a clock that is set right bit by bit changes less between two looks


class Punctual(CronTrigger):  # type: ignore[misc]
    """Times of a cron pattern, always counted from now.

    The plain trigger counts from the last run: after a leap ahead the scheduler would list each run
    that was missed, fifty million minutes of a century, to keep only the last.
    """

    def get_next_fire_time(self, previous: datetime | None, now: datetime) -> datetime | None:
        """The first time after `previous`, but none before `now`."""
        if previous is not None and previous < now:
            previous, now = None, now + timedelta(microseconds=1)
        following: datetime | None = super().get_next_fire_time(previous, now)
        return following


class Leaps:
    """Tells when the wall clock was set, by a clock that never is.

    Parameters
    ----------
    wall, steady : callable
        The two clocks [s].
    """

    def __init__(
        self,
        wall: Callable[[], float] = time.time,
        steady: Callable[[], float] = time.monotonic,
    ) -> None:
        self._wall, self._steady = wall, steady
        self._offset_s = wall() - steady()

    def since_last_look(self) -> float:
        """How far the clock was set since the last look [s], back when below 0; else 0."""
        offset_s = self._wall() - self._steady()
        leap_s, self._offset_s = offset_s - self._offset_s, offset_s
        return leap_s if abs(leap_s) > LEAP_S else 0.0
