"""From the hooks into the store: nothing is lost or doubled, whoever dies in between."""

from __future__ import annotations

import contextlib
import os
import sqlite3
import time
from collections.abc import Iterator
from pathlib import Path

import msgspec
import pytest
from sqlalchemy import select

from ingest.call import Call
from ingest.journal import Journal
from ingest.writer import CHUNK_BYTES, LOCK_NAME, Drainer, drain
from store import Store, open_store, reads
from store.tables import api_log
from tests.rows import MINUTE, T0, call
from tests.server import wait_until
from tests.stored import counters, drain_all, positions, stored

ROOT = Path(__file__).parents[2]


@pytest.fixture
def directory(tmp_path: Path) -> Path:
    return tmp_path / "journal"


@pytest.fixture
def journal(directory: Path) -> Journal:
    return Journal(directory, 2**30)


def test_calls_arrive_as_they_were_appended_and_once(
    store: Store, journal: Journal, directory: Path
):
    full = call(
        T0 + MINUTE, user_id="käse", fingerprint=-(2**63), response_time_ms=None, attack_score=0.5
    )
    journal.append(call())
    journal.append(full)
    assert drain(store, directory) == 2
    assert drain(store, directory) == 0
    with store.read() as connection:
        rows = connection.execute(select(*api_log.c[*Call._fields]).order_by(api_log.c.id)).all()
        assert [Call(*row) for row in rows] == [call(), full]
        assert set(reads.dirty_marks(connection, T0 + 2 * MINUTE, 10)) == {T0, T0 + MINUTE}


def test_a_journal_is_deleted_only_after_its_owner_gave_it_up(
    store: Store, journal: Journal, directory: Path
):
    journal.append(call(fingerprint=1))
    drain(store, directory)
    (file,) = directory.glob("*.journal")
    assert positions(store) == {file.name: file.stat().st_size}
    journal.append(call(fingerprint=2))
    journal.close()
    drain(store, directory)
    assert not file.exists()
    assert positions(store) == {}
    assert stored(store) == [1, 2]


def test_a_journal_that_is_gone_is_no_error(store: Store, journal: Journal, directory: Path):
    journal.append(call())
    next(directory.glob("*.journal")).unlink()
    assert drain(store, directory) == 0
    assert drain(store, directory / "never made") == 0


def test_a_torn_tail_is_counted_and_the_rest_is_kept(
    store: Store, journal: Journal, directory: Path
):
    for number in range(3):
        journal.append(call(fingerprint=number))
    journal.close()
    (file,) = directory.glob("*.journal")
    os.truncate(file, file.stat().st_size - 5)
    drain(store, directory)
    assert stored(store) == [0, 1]
    assert counters(store) == {"records_torn": 1}
    assert not file.exists()


def test_an_unfinished_record_of_a_living_owner_is_waited_for(
    store: Store, journal: Journal, directory: Path
):
    record = b"\n" + msgspec.json.encode(call(fingerprint=2)) + b"\n"
    journal.append(call(fingerprint=1))
    (file,) = directory.glob("*.journal")
    with file.open("ab", buffering=0) as tail:
        tail.write(record[:30])
        drain(store, directory)
        tail.write(record[30:])
    drain(store, directory)
    assert stored(store) == [1, 2]
    assert counters(store) == {}


def test_a_line_that_cant_be_read_is_counted_and_the_others_are_kept(
    store: Store, journal: Journal, directory: Path
):
    journal.append(call(fingerprint=1))
    (file,) = directory.glob("*.journal")
    with file.open("ab", buffering=0) as damage:
        damage.write(b'\n[1, "no call"]\n\xff\n')
    journal.append(call(fingerprint=2))
    drain(store, directory)
    assert stored(store) == [1, 2]
    assert counters(store) == {"records_torn": 2}


def test_a_file_that_is_no_journal_does_not_hold_up_the_drainer(
    store: Store, journal: Journal, directory: Path
):
    journal.append(call(fingerprint=1))
    (file,) = directory.glob("*.journal")
    with file.open("ab", buffering=0) as damage:
        damage.write(bytes(2 * CHUNK_BYTES) + b"\n")
    journal.append(call(fingerprint=2))
    for _ in range(4):
        drain(store, directory)
    assert stored(store) == [1, 2]


def test_a_call_that_the_database_refuses_is_counted_and_the_others_are_kept(
    store: Store, journal: Journal, directory: Path
):
    for number in range(250):
        journal.append(call(fingerprint=number, payload_size=2**63 if number in (7, 201) else 1))
    drain(store, directory)
    assert stored(store) == [number for number in range(250) if number not in (7, 201)]
    assert counters(store) == {"records_refused": 2}


def test_calls_beyond_the_bound_are_counted_in_the_store(store: Store, directory: Path):
    journal = Journal(directory, 4096)
    numbers = iter(range(10_000))

    def append_until_stored(rows: int) -> bool:
        journal.append(call(fingerprint=next(numbers)))
        drain(store, directory)
        return len(stored(store)) >= rows and "calls_lost" in counters(store)

    for _ in range(100):
        journal.append(call(fingerprint=next(numbers)))
    in_time = drain_all(store, directory)
    assert 0 < in_time < 100
    wait_until(lambda: append_until_stored(in_time + 2), what="room again")
    journal.close()
    drain_all(store, directory)
    assert len(stored(store)) + counters(store)["calls_lost"] == next(numbers)


@pytest.fixture
def drainer(store: Store, directory: Path) -> Iterator[Drainer]:
    drainer = Drainer(store, directory)
    drainer.start()
    yield drainer
    drainer.stop()


def test_a_call_is_visible_within_two_seconds(drainer: Drainer, store: Store, journal: Journal):
    for number in range(3):
        journal.append(call(fingerprint=number))
        wait_until(lambda number=number: stored(store)[-1:] == [number], seconds=2)
    assert drainer


def test_a_stopping_drainer_stores_what_is_there_and_deletes_closed_journals(
    store: Store, journal: Journal, directory: Path
):
    drainer = Drainer(store, directory)
    for number in range(20_000):
        journal.append(call(fingerprint=number))
    journal.close()
    drainer.start()
    drainer.stop()
    assert stored(store) == list(range(20_000))
    assert [file.name for file in directory.iterdir()] == [LOCK_NAME]


def test_a_store_that_is_locked_for_ten_seconds_loses_nothing(
    tmp_path: Path, journal: Journal, directory: Path, caplog: pytest.LogCaptureFixture
):
    store = open_store(f"sqlite:///{tmp_path / 'foresight.db'}")
    drainer = Drainer(store, directory)
    drainer.start()
    durations: list[float] = []

    def append() -> float:
        begin = time.monotonic()
        journal.append(call(fingerprint=len(durations)))
        durations.append(time.monotonic() - begin)
        return begin

    with contextlib.closing(
        sqlite3.connect(tmp_path / "foresight.db", isolation_level=None)
    ) as other:
        other.execute("BEGIN IMMEDIATE")
        until = time.monotonic() + 10
        wait_until(lambda: append() >= until, seconds=15)
        assert stored(store) == []
        other.execute("ROLLBACK")
    wait_until(lambda: len(stored(store)) == len(durations), what="all rows")
    drainer.stop()
    assert stored(store) == list(range(len(durations)))
    assert max(durations) < 1  # [s]; no append waited for the database
    warnings = [record for record in caplog.records if "the store is locked" in record.message]
    assert len(warnings) == 1
    store.close()


def test_a_journal_that_cant_be_read_holds_up_no_other_and_is_logged_once(
    sqlite_store: Store, journal: Journal, directory: Path, caplog: pytest.LogCaptureFixture
):
    journal.append(call(fingerprint=1))
    (file,) = directory.glob("*.journal")
    file.rename(directory / "moved")
    file.mkdir()  # opening it raises IsADirectoryError
    other = Journal(directory, 2**30)
    other.append(call(fingerprint=2))
    drainer = Drainer(sqlite_store, directory)
    drainer.start()
    wait_until(lambda: "IsADirectoryError" in caplog.text and stored(sqlite_store) == [2])
    file.rmdir()
    (directory / "moved").rename(file)
    wait_until(lambda: stored(sqlite_store) == [2, 1])
    drainer.stop()
    assert caplog.text.count("Traceback") == 1
