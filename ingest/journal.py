"""The journal: calls on their way to the store, one append-only file of this process at a time.

A record is a newline, the JSON array of a `Call`, a newline. The newline in front ends whatever a
write that was cut short left behind, so that only that record is lost. `{"calls_lost": n}` in place
of an array says that n calls before it could not be written.

The owner of a file holds a lock on it for as long as it may write; who can take that lock knows
that the file is complete.
"""

from __future__ import annotations

import errno
import logging
import os
import secrets
import threading
import time
import weakref
from contextlib import suppress
from functools import partial
from pathlib import Path
from typing import Any, Final

import msgspec
from filelock import lock_descriptor

SUFFIX: Final = ".journal"
SEGMENT_BYTES: Final = 16 * 2**20  # a longer file is left to the drainer, which then can delete it
CHECK_BYTES: Final = 256 * 2**10  # written between two looks at the size of the whole directory
FULL_PAUSE_S: Final = 0.2  # no second look at a full directory before
LOOK_EVERY_S: Final = 0.2  # while calls come: whether the file is still there
REPORT_EVERY_S: Final = 60.0  # of each kind of error

_encode_lines = msgspec.json.Encoder().encode_lines
_log = logging.getLogger(__name__)


class JournalFull(OSError):
    """The journal directory has reached its bound."""


class _Segment:
    """One journal file, locked by this process.

    The descriptor is closed with the last reference: a thread that is about to write holds one, so
    it can never write into a descriptor that was closed and given to another file.
    """

    __slots__ = ("fd", "left", "look_at", "path")

    def __init__(self, fd: int, path: Path) -> None:
        self.fd = fd
        self.path = path
        self.left = 0  # bytes that may be written before the next look at size and bound
        self.look_at = 0.0  # when the next look is due in any case [s, monotonic]

    @property
    def is_removed(self) -> bool:
        """Whether somebody took the file or its folder away: nobody reads what is written to it."""
        try:
            return not os.path.samestat(os.stat(self.path), os.fstat(self.fd))
        except OSError:
            return True

    def close(self) -> None:
        fd, self.fd = self.fd, -1
        if fd >= 0:
            os.close(fd)

    __del__ = close


class Journal:
    """Appends calls to a file of this process; threads and forked children may share it.

    Parameters
    ----------
    directory : Path
        Folder of the journals of all processes; made when it is not there.
    max_bytes : int
        Bound of the whole folder. Beyond it calls are dropped and counted; each further process
        may exceed it by `CHECK_BYTES`.
    """

    def __init__(self, directory: Path, max_bytes: int) -> None:
        self.directory = directory
        self.max_bytes = max_bytes
        self.segment_bytes = min(SEGMENT_BYTES, max_bytes // 8)
        self._segment: _Segment | None = None
        self._removed: tuple[_Segment, int] | None = None  # and how much of it was copied [bytes]
        self._lock = threading.Lock()  # opening and counting; never held while a call is written
        self._lost = 0
        self._full_until = 0.0
        self._reported: dict[tuple[type, int | None], float] = {}
        if hasattr(os, "register_at_fork"):
            os.register_at_fork(after_in_child=partial(_after_fork, weakref.ref(self)))

    def append(self, call: tuple[Any, ...]) -> None:
        """Write one call; it outlives the process. Never raises: a call that is lost is counted.

        Parameters
        ----------
        call : tuple
            A `Call`, or a plain tuple of its fields.
        """
        try:
            record = b"\n" + _encode_lines([call])  # of a tuple it never frees 48 bytes
            segment = self._segment
            if segment is None or segment.left < len(record) or segment.look_at < time.monotonic():
                segment = None  # or the traceback of an error would keep the file open
                segment = self._segment_with_room(len(record))
            segment.left -= len(record)
            if os.write(segment.fd, record) < len(record):
                raise OSError(errno.ENOSPC, "a record was cut short")
        except Exception as error:
            self.lose(error)

    def lose(self, error: Exception) -> None:
        """Count a call that could not be captured; each kind of error is logged once a minute."""
        with self._lock:
            self._lost += 1
            if self._segment is not None:
                self._segment.left = 0  # the next append writes the count
        kind = (type(error), getattr(error, "errno", None))
        now = time.monotonic()
        if now - self._reported.get(kind, -REPORT_EVERY_S) >= REPORT_EVERY_S:
            self._reported[kind] = now
            _log.error("a call was lost: %s", error, exc_info=error)

    def close(self) -> None:
        """Give the file up, so that the drainer may delete it; a later append opens another."""
        with self._lock:
            if self._lost:
                with suppress(OSError):  # still counted; the directory is full or gone
                    self._write_lost(self._segment or self._open())
            if self._segment is not None:
                with suppress(OSError):
                    self._present(self._segment)
            self._segment = self._removed = None

    def _segment_with_room(self, size: int) -> _Segment:
        """The segment to write `size` bytes to.

        Raises
        ------
        OSError
            There is no room, or no file can be made.
        """
        with self._lock:
            if time.monotonic() < self._full_until:
                raise JournalFull(errno.ENOSPC, "the journal is at its bound", str(self.directory))
            room = self.max_bytes - directory_bytes(self.directory)
            if room < size:
                self._segment = None  # once it is stored it can be deleted: that makes room
                self._full_until = time.monotonic() + FULL_PAUSE_S
                raise JournalFull(errno.ENOSPC, "the journal is at its bound", str(self.directory))
            segment = self._segment
            if segment is not None:
                segment = self._segment = self._present(segment)
            if segment is None or not self._allow(segment, room, size):
                segment = self._segment = self._open()
                self._allow(segment, room, size)
            if self._lost:
                self._write_lost(segment)
            return segment

    def _allow(self, segment: _Segment, room: int, size: int) -> bool:
        """Let the segment take more; False when it is long enough."""
        length = os.fstat(segment.fd).st_size
        segment.left = max(min(CHECK_BYTES, self.segment_bytes - length, room), 0)
        segment.look_at = time.monotonic() + LOOK_EVERY_S
        if length == 0:
            segment.left = max(segment.left, size)
        return segment.left >= size

    def _open(self, name: str = "") -> _Segment:
        self.directory.mkdir(mode=0o700, parents=True, exist_ok=True)
        flags = os.O_RDWR | os.O_APPEND | os.O_CREAT | os.O_EXCL | getattr(os, "O_BINARY", 0)
        while True:
            path = self.directory / (name or secrets.token_hex(16) + SUFFIX)  # pids come again
            segment = _Segment(os.open(path, flags, 0o600), path)
            # A drainer that looks between these two lines takes the empty file for a dead one.
            if lock_descriptor(segment.fd, blocking=False) and not segment.is_removed:
                return segment

    def _present(self, segment: _Segment) -> _Segment:
        """The segment; if its file was removed, a new one of its name that holds all of it.

        The drainer removes no file that is locked, so these calls would be stored by nobody. How
        far they are stored already, the store knows by the name.

        Raises
        ------
        OSError
            No file can be made; the segment still has the calls.
        """
        if self._removed is not None:  # a thread may have been about to write to it
            old, copied = self._removed
            self._removed = old, copied + _copy(old, copied, segment)
        if not segment.is_removed:
            self._removed = None
            return segment
        renewed = self._open(segment.path.name)
        try:
            self._removed = segment, _copy(segment, 0, renewed)
        except OSError:
            renewed.path.unlink(missing_ok=True)
            raise
        _log.warning("the journal %s was removed; its calls are kept in a new one", segment.path)
        return renewed

    def _write_lost(self, segment: _Segment) -> None:
        record = b'\n{"calls_lost":%d}\n' % self._lost
        if os.write(segment.fd, record) == len(record):
            self._lost = 0

    def _leave_to_parent(self) -> None:
        """In a forked child: the file, its lock and the count of lost calls stay the parent's."""
        self._lock = threading.Lock()  # another thread of the parent may have held it
        self._lost = 0
        if self._segment is not None:
            self._segment.close()  # by hand: threads that are gone here may have left references
        self._segment = self._removed = None


def _copy(source: _Segment, start: int, target: _Segment) -> int:
    """Append what a segment holds from `start` on to another; the number of bytes."""
    copied = 0
    while chunk := os.pread(source.fd, CHECK_BYTES, start + copied):
        if os.write(target.fd, chunk) < len(chunk):
            raise OSError(errno.ENOSPC, "a journal that was removed could not be copied")
        copied += len(chunk)
    return copied


def _after_fork(journal: weakref.ref[Journal]) -> None:
    alive = journal()
    if alive is not None:
        alive._leave_to_parent()


def directory_bytes(directory: Path) -> int:
    """Bytes that the journals of a folder take."""
    total = 0
    with suppress(FileNotFoundError), os.scandir(directory) as entries:
        for entry in entries:
            if entry.name.endswith(SUFFIX):
                with suppress(FileNotFoundError):  # the drainer was faster
                    total += entry.stat().st_size
    return total
