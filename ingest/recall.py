"""Taking a client out of the journals: what is stored of it is overwritten where it stands.

A journal is only read from its stored position on, so what lies before can be changed at any time,
also while its owner appends to it.
"""

from __future__ import annotations

import time
from collections.abc import Collection
from pathlib import Path
from typing import Final

import msgspec
from filelock import FileLock, Timeout

from ingest.journal import SUFFIX
from ingest.writer import LOCK_NAME, POLL_S, decoded, drain
from store import Store, reads

PATIENCE_S: Final = 60.0


def drain_all(store: Store, directory: Path, seconds: float = PATIENCE_S) -> None:
    """Have all stored that stands in the journals now, by the server at work or by this process.

    Raises
    ------
    TimeoutError
        It was not stored within `seconds`.
    """
    ends = {path.name: _size(path) for path in directory.glob("*" + SUFFIX)}
    deadline = time.monotonic() + seconds
    while not _stored_up_to(store, directory, ends):
        try:
            with FileLock(directory / LOCK_NAME, blocking=False):
                while drain(store, directory):
                    pass
        except Timeout:
            time.sleep(POLL_S)
        if time.monotonic() > deadline:
            raise TimeoutError(f"the journals in {directory} were not stored within {seconds:g} s")


def blank(store: Store, directory: Path, names: Collection[str]) -> int:
    """Overwrite the stored records of a client with line ends; says how many.

    Parameters
    ----------
    names : collection of str
        What the client may be stored by.
    """
    with store.read() as connection:
        positions = reads.journal_positions(connection)
    return sum(
        _blank_file(path, positions.get(path.name, 0), frozenset(names))
        for path in directory.glob("*" + SUFFIX)
    )


def _blank_file(path: Path, stored: int, names: frozenset[str]) -> int:
    blanked = position = 0
    try:
        file = path.open("r+b", buffering=0)
    except FileNotFoundError:  # the drainer was faster
        return 0
    with file:
        for line in file.read(stored).splitlines(keepends=True):
            if _is_of(line, names):
                file.seek(position)
                file.write(b"\n" * len(line))
                blanked += 1
            position += len(line)
    return blanked


def _is_of(line: bytes, names: frozenset[str]) -> bool:
    """Whether a record is a client's, has its address, or its name in the path."""
    if not any(msgspec.json.encode(name)[1:-1] in line for name in names):
        return False
    for row in decoded(line).rows:
        _, _, _, _, _, _, address, user, path, *_ = row
        if names & {address, user, *(path or "").split("/")}:
            return True
    return False


def _stored_up_to(store: Store, directory: Path, ends: dict[str, int]) -> bool:
    with store.read() as connection:
        positions = reads.journal_positions(connection)
    return all(
        positions.get(name, 0) >= end or not (directory / name).exists()
        for name, end in ends.items()
    )


def _size(path: Path) -> int:
    try:
        return path.stat().st_size
    except FileNotFoundError:
        return 0
