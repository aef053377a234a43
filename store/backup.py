"""Copies of a store in one SQLite file, whole and consistent while others write to it."""

from __future__ import annotations

import logging
import os
import shutil
import sqlite3
from contextlib import closing, suppress
from datetime import UTC, datetime
from pathlib import Path
from typing import Final

_MARGIN: Final = 1.05  # free bytes that are wanted, in sizes of the copy

_log = logging.getLogger(__name__)


class BackupFailed(OSError):
    """No copy could be made; the message says why and what would help."""


def backup_before(file: Path, revision: str, at: datetime | None = None) -> Path:
    """Copy the store before it is migrated to `revision`; the copy lies beside it.

    Parameters
    ----------
    file : Path
        The store. Who migrates it may hold its write lock already.
    revision : str
        The name is `STEM-before-REVISION-YYYYmmddTHHMMSS.db`.
    at : datetime, optional
        The clock, now when not given.

    Raises
    ------
    BackupFailed
        There is no room, or the copy can't be written; nothing is left behind.
    """
    stamp = (at or datetime.now(UTC)).strftime("%Y%m%dT%H%M%S")
    target = file.with_name(f"{file.stem}-before-{revision}-{stamp}{file.suffix}")
    copy(file, target)
    _log.info("the store as it was before schema %s is kept in %s", revision, target)
    return target


def copy(file: Path, target: Path) -> None:
    """Copy a store to a file that must not be there yet.

    Raises
    ------
    FileExistsError
        `target` is there; it is left as it is.
    BackupFailed
        There is no room, or the copy can't be written; nothing is left behind.
    """
    if target.exists():
        raise FileExistsError(f"{target} is there already, and is never overwritten")
    part = target.with_name(target.name + ".part")
    part.unlink(missing_ok=True)  # of a copy that was killed
    try:
        with closing(sqlite3.connect(f"{file.absolute().as_uri()}?mode=rw", uri=True)) as source:
            _require_room(source, target)
            with closing(sqlite3.connect(part)) as sink:
                os.chmod(part, file.stat().st_mode & 0o777)
                source.backup(sink)
        _sync(part)
        os.rename(part, target)
        if os.name != "nt":  # Windows opens no folders
            _sync(target.parent)
    except (sqlite3.Error, OSError) as error:
        with suppress(OSError):
            part.unlink(missing_ok=True)
        if isinstance(error, BackupFailed):
            raise
        raise BackupFailed(f"{file} could not be copied to {target}: {error}") from error


def _require_room(source: sqlite3.Connection, target: Path) -> None:
    (pages,), (page_bytes,) = (
        source.execute(f"PRAGMA {name}").fetchone() for name in ("page_count", "page_size")
    )
    needed = int(pages * page_bytes * _MARGIN)
    free = shutil.disk_usage(target.parent).free
    if free < needed:
        raise BackupFailed(
            f"the copy {target} needs {needed:,} bytes and {free:,} are free: make room; "
            "the store was left as it is"
        )


def _sync(path: Path) -> None:
    """Wait until a file, or the names in a folder, are on the disk."""
    descriptor = os.open(path, os.O_RDONLY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)
