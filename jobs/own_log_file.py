"""The file of the own log: bounded in size and number, shared by the processes of a data folder."""

from __future__ import annotations

import logging
import os
import time
from contextlib import suppress
from io import TextIOWrapper
from logging.handlers import RotatingFileHandler
from pathlib import Path
from typing import Final

from filelock import FileLock, Timeout

FILES: Final = 5  # the one that is written and those before it
_LOCK_S: Final = 1.0  # another process renames the files meanwhile; a line must not wait for long
_RETRY_S: Final = 60.0  # between two looks whether a file that could not be written can be
_log: Final = logging.getLogger(__name__)


class OwnLogFile(RotatingFileHandler):
    """Appends lines; a full file is renamed to `.1`, that one to `.2`, and the last one goes.

    The standard handler loses lines when a second process renames the file it writes to. Here each
    line goes to the file that has the name now, and renaming is done under a lock of its folder.
    A file that can't be written loses no line of standard error and stops nobody.

    Parameters
    ----------
    path : Path
    max_bytes : int
        Of all files together.
    """

    def __init__(self, path: Path, max_bytes: int) -> None:
        self._failed_at: float | None = None
        self._lock_file = FileLock(path.with_name(path.name + ".lock"), timeout=_LOCK_S, mode=0o600)
        super().__init__(
            path,
            maxBytes=max(max_bytes // FILES, 1),
            backupCount=FILES - 1,
            encoding="ascii",
            delay=True,
        )

    def emit(self, record: logging.LogRecord) -> None:
        """Write a line to the file of that name; the first one that fails is told."""
        failed_at = self._failed_at
        if failed_at is not None and time.monotonic() - failed_at < _RETRY_S:
            return
        try:
            self._follow()
        except OSError:
            self.handleError(record)
            return
        super().emit(record)
        if self._failed_at == failed_at:
            self._failed_at = None

    def handleError(self, record: logging.LogRecord) -> None:  # noqa: ARG002, the library calls it
        """Say once that the file can't be written; standard error has the lines."""
        is_new, self._failed_at = self._failed_at is None, time.monotonic()
        self._let_go()
        if is_new:
            _log.warning("the own log %s can't be written", self.baseFilename, exc_info=True)

    def doRollover(self) -> None:
        """Rename the files, unless another process has just done so."""
        try:
            with self._lock_file:
                self._follow()
                if self.stream is None:
                    self.stream = self._open()
                self.stream.seek(0, os.SEEK_END)
                if self.stream.tell() > self.maxBytes // 2:
                    with suppress(PermissionError):  # Windows: it is open elsewhere, so it grows
                        super().doRollover()
        except Timeout:
            pass  # by the next line

    def _follow(self) -> None:
        """Let go of a file that was renamed or removed."""
        if self.stream is None:
            return
        ours = os.fstat(self.stream.fileno())
        try:
            named = os.stat(self.baseFilename)
        except FileNotFoundError:
            self._let_go()
        else:
            if (named.st_dev, named.st_ino) != (ours.st_dev, ours.st_ino):
                self._let_go()

    def _let_go(self) -> None:
        stream, self.stream = self.stream, None
        if stream is not None:
            with suppress(OSError):  # what it could not write on a full disk
                stream.close()

    def _open(self) -> TextIOWrapper:
        """For its owner alone: paths and names of users are in it."""
        path = Path(self.baseFilename)
        path.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
        descriptor = os.open(path, os.O_WRONLY | os.O_APPEND | os.O_CREAT, 0o600)
        return os.fdopen(descriptor, "a", encoding="ascii")
