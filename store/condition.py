"""What keeps a store from working, told by the errors of its databases."""

from __future__ import annotations

import time
from enum import Enum
from typing import Final

from sqlalchemy.exc import DBAPIError, OperationalError
from sqlalchemy.exc import TimeoutError as NoConnectionError

FORGOTTEN_S: Final = 15.0  # trouble that was not met for so long, with nothing written, is over
_SQLITE_ERROR: Final = 1
_PRIMARY_CODE: Final = 0xFF  # of SQLite's extended codes


class Trouble(Enum):
    """Why the store can't be used; the value says it to people."""

    AWAY = "the store can't be reached"
    BUSY = "all connections to the store are in use"
    LOCKED = "the store is locked: another process holds its write lock"
    READ_ONLY = "the store can't be written: it, or its folder, is read-only"
    FULL = "the disk of the store is full"
    BROKEN_DISK = "the disk of the store gives errors, or can't be written any more"
    MISSING = "the store's file is gone, or can't be opened"
    DAMAGED = "the store is damaged"


_OF_SQLITE: Final = {
    3: Trouble.MISSING,  # SQLITE_PERM
    5: Trouble.LOCKED,
    6: Trouble.LOCKED,
    8: Trouble.READ_ONLY,
    10: Trouble.BROKEN_DISK,
    11: Trouble.DAMAGED,  # SQLITE_CORRUPT
    13: Trouble.FULL,
    14: Trouble.MISSING,  # SQLITE_CANTOPEN
    26: Trouble.DAMAGED,  # SQLITE_NOTADB
}
_OF_POSTGRESQL: Final = {
    "25006": Trouble.READ_ONLY,
    "53100": Trouble.FULL,
    "53300": Trouble.BUSY,
    "55P03": Trouble.LOCKED,
    "58030": Trouble.BROKEN_DISK,
    "XX001": Trouble.DAMAGED,
    "XX002": Trouble.DAMAGED,
}


def trouble_of(error: BaseException) -> Trouble | None:
    """The trouble that an error tells of; None where the store is well and the statement is not."""
    if isinstance(error, NoConnectionError):
        return Trouble.BUSY
    if not isinstance(error, DBAPIError):
        return None
    code = getattr(error.orig, "sqlite_errorcode", None)
    if code is not None:
        return _trouble_of_sqlite(code, str(error.orig))
    state = getattr(error.orig, "sqlstate", None)
    if state is None or state.startswith(("08", "57P")):
        return Trouble.AWAY if isinstance(error, OperationalError) else None
    return _OF_POSTGRESQL.get(state)


def _trouble_of_sqlite(code: int, message: str) -> Trouble | None:
    if code == _SQLITE_ERROR and message.startswith("no such table"):
        return Trouble.MISSING  # somebody made an empty file in its place
    return _OF_SQLITE.get(code & _PRIMARY_CODE)


class Condition:
    """The last trouble of a store, and whether its file needs mending.

    Written by whoever uses the store, from any thread; each note is one assignment.
    """

    def __init__(self) -> None:
        self._last: tuple[Trouble, float] | None = None  # and when [s, monotonic]
        self.needs_mending: Trouble | None = None
        self.needs_mending_since = 0.0  # [s, monotonic]
        self.suspected_at: float | None = None  # an error of damage, and none found [s, monotonic]

    @property
    def trouble(self) -> Trouble | None:
        """What keeps the store from working now, None where it works."""
        last = self._last
        if last is None or time.monotonic() - last[1] > FORGOTTEN_S:
            return None
        return last[0]

    def note(self, error: BaseException) -> None:
        """Remember what an error tells of the store."""
        trouble = trouble_of(error)
        if trouble is None:
            return
        now = time.monotonic()
        self._last = (trouble, now)
        if trouble in (Trouble.MISSING, Trouble.DAMAGED) and self.needs_mending is not trouble:
            self.needs_mending_since = now
            self.needs_mending = trouble

    def is_well(self) -> None:
        """Something was written: what was wrong is over."""
        self._last = None
