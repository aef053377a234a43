"""From the journals into the store: each record once, whenever the process ends.

The position in a journal is committed with the rows before it. A journal is deleted when its owner
is gone and its end is committed.
"""

from __future__ import annotations

import logging
import os
import threading
import time
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any, Final, NamedTuple, get_type_hints

import msgspec
from filelock import FileLock, Timeout, lock_descriptor
from sqlalchemy import Connection
from sqlalchemy.exc import DataError, IntegrityError

from ingest.call import Call
from ingest.journal import SUFFIX
from store import Grid, Store, reads, writes
from store.condition import Trouble, trouble_of
from store.mending import mend

CHUNK_BYTES: Final = 2**20  # of one journal in one transaction
POLL_S: Final = 0.2
RETRY_S: Final = 1.0  # after an error of the store
TAKEOVER_S: Final = 0.5  # between two tries to become the drainer
BACKLOG_ROWS: Final = 1_000  # a pass that found as many is followed by the next at once
FINAL_DRAIN_S: Final = 2.0  # what is left after that waits in the journals for the next start
LOCK_NAME: Final = "drainer.lock"

Row = tuple[Any, ...]

_log = logging.getLogger(__name__)


class _Lost(msgspec.Struct):
    calls_lost: int


# Plain tuples: sqlite3 binds them faster than named ones.
_decode_lines: Callable[[bytes], list[Row]] = msgspec.json.Decoder(
    tuple.__class_getitem__(tuple(get_type_hints(Call).values()))
).decode_lines
_decode_line = msgspec.json.Decoder(Call | _Lost).decode


class Batch(NamedTuple):
    """Records read from a journal."""

    rows: list[Row]
    lost: int = 0  # calls that their server could not write
    torn: int = 0  # records that can't be read


def decoded(records: bytes) -> Batch:
    """The records of a stretch of journal; what can't be read is counted and the rest is kept."""
    try:
        return Batch(_decode_lines(records))
    except (msgspec.DecodeError, UnicodeDecodeError):
        return _decoded_one_by_one(records)


def _decoded_one_by_one(records: bytes) -> Batch:
    rows: list[Row] = []
    lost = torn = 0
    for line in filter(None, records.split(b"\n")):
        try:
            record = _decode_line(line)
        except (msgspec.DecodeError, UnicodeDecodeError):
            torn += 1
            continue
        if isinstance(record, _Lost):
            lost += record.calls_lost
        else:
            rows.append(tuple(record))
    return Batch(rows, lost, torn)


def drain(store: Store, directory: Path) -> int:
    """Store what is new in the journals of `directory`, at most `CHUNK_BYTES` of each.

    Returns
    -------
    int
        Rows stored.

    Raises
    ------
    sqlalchemy.exc.OperationalError
        The store is away or locked; what is not stored stays in the journals.
    OSError
        A journal can't be read; the others are stored.
    """
    journals = sorted(directory.glob("*" + SUFFIX))
    if not journals:
        return 0
    with store.read() as connection:
        positions = reads.journal_positions(connection)
    stored = 0
    unreadable: OSError | None = None
    for path in journals:
        try:
            stored += _drain_journal(store, path, positions.get(path.name, 0))
        except OSError as error:
            unreadable = error
    if unreadable is not None:
        raise unreadable
    return stored


def _drain_journal(store: Store, path: Path, position: int) -> int:
    try:
        file = path.open("r+b", buffering=0)  # some systems lock only what may be written
    except FileNotFoundError:
        return 0
    with file:
        owner_is_gone = lock_descriptor(file.fileno(), blocking=False)
        file.seek(position)
        chunk = file.read(CHUNK_BYTES)
        ended = owner_is_gone and position + len(chunk) >= os.fstat(file.fileno()).st_size
        records = chunk if ended else _whole_records(chunk)
        stored = _store_records(store, path.name, position, records) if records else 0
    if stored is None:
        return 0
    if ended:
        path.unlink(missing_ok=True)
        with store.begin() as connection:
            writes.forget_positions(connection, [path.name])
    return stored


def _whole_records(chunk: bytes) -> bytes:
    """The chunk up to its last newline; all of a full chunk that has none, which is no journal."""
    end = chunk.rfind(b"\n") + 1
    return chunk[:end] if end or len(chunk) < CHUNK_BYTES else chunk


def _store_records(store: Store, journal: str, start: int, records: bytes) -> int | None:
    """Rows stored; None when the store is past `start`, because another drainer was here."""
    batch = decoded(records)
    try:
        return _commit(store, journal, start, start + len(records), batch)
    except (DataError, IntegrityError, OverflowError):
        return _commit(store, journal, start, start + len(records), batch, one_by_one=True)


def _commit(
    store: Store, journal: str, start: int, end: int, batch: Batch, *, one_by_one: bool = False
) -> int | None:
    with store.begin() as connection:
        if not writes.move_position(connection, journal, start, end):
            return None
        add = _add_acceptable if one_by_one else writes.add_calls
        stored = add(connection, batch.rows, store.grid)
        if batch.lost:
            writes.add_to_counter(connection, "calls_lost", batch.lost)
        if batch.torn:
            writes.add_to_counter(connection, "records_torn", batch.torn)
    if batch.lost or batch.torn:
        _log.warning("%s: %d calls lost, %d records torn", journal, batch.lost, batch.torn)
    return stored


def _add_acceptable(connection: Connection, rows: Sequence[Row], grid: Grid) -> int:
    """`add_calls` without the rows that the database refuses, which are counted and logged."""
    try:
        with connection.begin_nested():
            return writes.add_calls(connection, rows, grid)
    except (DataError, IntegrityError, OverflowError) as error:
        if len(rows) > 1:
            half = len(rows) // 2
            return sum(
                _add_acceptable(connection, part, grid) for part in (rows[:half], rows[half:])
            )
        _log.error("the store refuses a call: %s", error)
        writes.add_to_counter(connection, "records_refused", 1)
        return 0


class Drainer:
    """A thread that drains the journals of a directory.

    Of several processes one works, the others wait for it to end. Start it after the server forked.
    """

    def __init__(self, store: Store, directory: Path) -> None:
        self._store = store
        self._directory = directory
        self._stopping = threading.Event()
        self._thread = threading.Thread(target=self._run, name="drainer", daemon=True)
        self._trouble: Trouble | type[Exception] | None = None

    def start(self) -> None:
        """Begin to drain, or to wait for the drainer that is at work."""
        self._thread.start()

    def stop(self) -> None:
        """Drain what is there, at most `FINAL_DRAIN_S`, and let another process take over."""
        self._stopping.set()
        self._thread.join()

    def _run(self) -> None:
        last = False
        while not last:
            last = self._stopping.is_set()
            try:
                self._directory.mkdir(mode=0o700, parents=True, exist_ok=True)
                with FileLock(self._directory / LOCK_NAME, blocking=False):
                    self._lead()
            except Timeout:
                self._stopping.wait(TAKEOVER_S)
            except Exception as error:
                self._report(error)
                self._stopping.wait(RETRY_S)

    def _lead(self) -> None:
        while not self._stopping.is_set():
            rows = self._pass()
            if rows < BACKLOG_ROWS:
                self._stopping.wait(RETRY_S if self._trouble else POLL_S)
        until = time.monotonic() + FINAL_DRAIN_S
        while self._pass() and time.monotonic() < until:
            pass

    def _pass(self) -> int:
        """One pass; an error of the store is logged when it begins, and 0 comes back."""
        try:
            mend(self._store)
            rows = drain(self._store, self._directory)
        except Exception as error:
            self._report(error)
            return 0
        if self._trouble:
            _log.warning("calls are stored again")
            self._trouble = None
        return rows

    def _report(self, error: Exception) -> None:
        trouble = trouble_of(error)
        kind = trouble or type(error)
        if self._trouble is kind:
            return
        self._trouble = kind
        if trouble is not None:
            cause = getattr(error, "orig", None) or error
            _log.warning("%s; calls wait in the journal: %s", trouble.value, cause)
        else:
            _log.error("the journal could not be drained; trying again", exc_info=error)
