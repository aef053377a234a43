"""A journal loses nothing that was appended, and says how much it could not take."""

from __future__ import annotations

import logging
import os
import shutil
import subprocess
import sys
import threading
from collections.abc import Callable
from pathlib import Path

import msgspec
import pytest
from filelock import lock_descriptor
from hypothesis import given
from hypothesis import strategies as st

from ingest import journal as journal_module
from ingest.call import Call
from ingest.journal import CHECK_BYTES, SUFFIX, Journal, directory_bytes
from ingest.writer import decoded
from tests.rows import T0, call

ROOT = Path(__file__).parents[2]
RECORD = b"\n" + msgspec.json.encode(call()) + b"\n"


@pytest.fixture
def directory(tmp_path: Path) -> Path:
    return tmp_path / "data" / "journal"


def files(directory: Path) -> list[Path]:
    return sorted(directory.glob("*"))


def calls(directory: Path) -> list[Call]:
    """All readable calls, file by file."""
    return [Call(*row) for file in files(directory) for row in decoded(file.read_bytes()).rows]


def lost(directory: Path) -> int:
    return sum(decoded(file.read_bytes()).lost for file in files(directory))


def is_given_up(file: Path) -> bool:
    """Whether the owner's lock is free."""
    with file.open("r+b") as opened:
        return lock_descriptor(opened.fileno(), blocking=False)


def test_an_appended_call_comes_back_as_it_was(directory: Path):
    journal = Journal(directory, 2**20)
    full = call(user_id="käse\n", fingerprint=-(2**63), response_time_ms=None, attack_score=0.5)
    journal.append(call())
    journal.append(full)
    assert calls(directory) == [call(), full]


def test_only_the_owner_may_read_it_and_its_name_is_random(directory: Path):
    Journal(directory, 2**20).append(call())
    Journal(directory, 2**20).append(call())
    first, second = files(directory)
    assert first.suffix == SUFFIX
    assert len(first.stem) == 32
    assert str(os.getpid()) not in (first.stem, second.stem)
    assert first.stat().st_mode & 0o777 == 0o600
    assert directory.stat().st_mode & 0o777 == 0o700


def test_no_file_is_made_before_the_first_call(directory: Path):
    journal = Journal(directory, 2**20)
    journal.close()
    assert not directory.exists()


def test_threads_append_whole_records(directory: Path):
    journal = Journal(directory, 2**26)

    def append(thread: int) -> None:
        for number in range(400):
            journal.append(call(T0 + number, fingerprint=thread, path="/" + "x" * number))

    threads = [threading.Thread(target=append, args=(number,)) for number in range(8)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    found = calls(directory)
    assert len(found) == 8 * 400
    assert len(set(found)) == 8 * 400
    assert [c.timestamp for c in found if c.fingerprint == 5] == [T0 + n for n in range(400)]


def test_a_long_file_is_given_up_for_a_new_one(directory: Path):
    journal = Journal(directory, 8 * 3 * len(RECORD))  # three records a file
    for number in range(10):
        journal.append(call(T0 + number))
    assert sorted(file.stat().st_size for file in files(directory)) == [
        len(RECORD),
        *[3 * len(RECORD)] * 3,
    ]
    assert sorted(is_given_up(file) for file in files(directory)) == [False, True, True, True]
    assert sorted(c.timestamp - T0 for c in calls(directory)) == list(range(10))


def test_a_closed_journal_is_given_up_and_opens_another_file_when_needed(directory: Path):
    journal = Journal(directory, 2**20)
    journal.append(call())
    (file,) = files(directory)
    assert not is_given_up(file)
    journal.close()
    assert is_given_up(file)
    journal.append(call())
    assert len(files(directory)) == 2


def test_beyond_its_bound_calls_are_counted_and_the_count_is_written_when_there_is_room(
    directory: Path, monkeypatch: pytest.MonkeyPatch
):
    monkeypatch.setattr(journal_module, "FULL_PAUSE_S", 0)
    journal = Journal(directory, 10 * len(RECORD))
    for _ in range(25):
        journal.append(call())
    assert len(calls(directory)) == 10
    assert directory_bytes(directory) == journal.max_bytes
    assert all(is_given_up(file) for file in files(directory))
    for file in files(directory):
        file.unlink()
    journal.append(call())
    assert len(calls(directory)) == 1
    assert lost(directory) == 15
    journal.append(call())
    assert lost(directory) == 15


def test_the_bound_is_of_all_journals_of_the_directory(directory: Path):
    for _ in range(4):
        journal = Journal(directory, 10 * len(RECORD))
        for _ in range(4):
            journal.append(call())
    assert directory_bytes(directory) == 10 * len(RECORD)


def test_a_count_of_lost_calls_is_written_at_the_latest_when_the_journal_closes(directory: Path):
    journal = Journal(directory, 2**20)
    journal.lose(LookupError("broken hook"))
    journal.close()
    assert lost(directory) == 1


def test_an_append_never_raises_and_logs_each_kind_of_error_once(
    directory: Path, caplog: pytest.LogCaptureFixture
):
    directory.parent.mkdir()
    directory.write_text("a file where the folder should be")
    journal = Journal(directory, 2**20)
    for _ in range(3):
        journal.append(call())
    journal.append(call(user_id="\ud800"))  # can't be encoded
    errors = [record for record in caplog.records if record.levelno == logging.ERROR]
    assert [error.exc_info[0] for error in errors if error.exc_info] == [
        NotADirectoryError,
        UnicodeEncodeError,
    ]
    directory.unlink()
    journal.append(call())
    assert len(calls(directory)) == 1
    assert lost(directory) == 4


def test_a_directory_that_was_deleted_is_made_again(directory: Path):
    journal = Journal(directory, 2**30)
    journal.append(call())
    shutil.rmtree(directory)
    for _ in range(CHECK_BYTES // len(RECORD) + 1):
        journal.append(call())
    assert calls(directory)


@pytest.mark.parametrize("cut", range(len(RECORD)))
def test_a_torn_record_costs_itself_alone(cut: int):
    batch = decoded(RECORD + RECORD[:cut] + RECORD + RECORD)
    only_its_newline_is_missing = cut == len(RECORD) - 1
    assert batch.rows == [tuple(call())] * (3 + only_its_newline_is_missing)
    assert batch.torn == (cut > 1 and not only_its_newline_is_missing)


@given(st.lists(st.binary(max_size=30).map(lambda junk: junk.replace(b"\n", b" ")), max_size=5))
def test_junk_between_records_hides_none_of_them(junk: list[bytes]):
    batch = decoded(RECORD.join(junk) + RECORD)
    assert batch.rows == [tuple(call())] * max(len(junk), 1)
    assert batch.torn <= len(junk)


def test_a_record_of_an_older_version_with_fewer_fields_is_read():
    assert decoded(b'[1,"/a","GET",null,200,5,"10.0.0.1"]\n').rows == [
        tuple(Call(1, "/a", "GET", None, 200, 5, "10.0.0.1"))
    ]


def run_python(script: str, *arguments: object) -> str:
    """Standard output of a Python process of its own."""
    done = subprocess.run(
        [sys.executable, "-c", script, *map(str, arguments)],
        cwd=ROOT,
        capture_output=True,
        text=True,
        timeout=60,
        check=False,
    )
    assert done.returncode == 0, done.stderr
    return done.stdout


SHORT_WRITE = """
import resource, sys
from pathlib import Path
from ingest.journal import Journal
from tests.rows import call
journal = Journal(Path(sys.argv[1]), 2**20)
journal.append(call(1))
size = next(journal.directory.iterdir()).stat().st_size
hard = resource.getrlimit(resource.RLIMIT_FSIZE)[1]
resource.setrlimit(resource.RLIMIT_FSIZE, (size + size // 2, hard))
journal.append(call(2))  # half of it fits
journal.append(call(3))  # nothing of it
resource.setrlimit(resource.RLIMIT_FSIZE, (hard, hard))
journal.append(call(4))
journal.close()
"""


def test_a_write_that_is_cut_short_costs_that_record_alone(directory: Path):
    run_python(SHORT_WRITE, directory)
    assert [c.timestamp for c in calls(directory)] == [1, 4]
    assert lost(directory) == 2


FORK = """
import os, sys, threading
from pathlib import Path
from ingest.journal import Journal
from tests.rows import call
journal = Journal(Path(sys.argv[1]), 2**20)
journal.append(call(1))
journal.lose(OSError("one of the parent's"))
ready, go_on = os.pipe(), os.pipe()
if os.fork() == 0:
    journal.append(call(2))
    os.write(ready[1], b"x")
    os.read(go_on[0], 1)
    journal.append(call(3))
    os._exit(0)
os.read(ready[0], 1)
journal.append(call(4))
journal.close()  # the child lives
from tests.unit.test_journal import is_given_up, files
print([is_given_up(file) for file in files(journal.directory)].count(True))
os.write(go_on[1], b"x")
os.wait()
"""


def test_a_forked_child_has_a_file_of_its_own_and_keeps_nothing_of_its_parents(directory: Path):
    assert run_python(FORK, directory).strip() == "1"
    by_file = sorted(
        sorted(row[0] for row in decoded(file.read_bytes()).rows) for file in files(directory)
    )
    assert by_file == [[1, 4], [2, 3]]
    assert lost(directory) == 1


def numbers(directory: Path) -> list[int | None]:
    return [found.fingerprint for found in calls(directory)]


@pytest.fixture
def at_once(monkeypatch: pytest.MonkeyPatch) -> None:
    """Each append looks whether the file is there."""
    monkeypatch.setattr(journal_module, "LOOK_EVERY_S", -1)


@pytest.mark.usefixtures("at_once")
def test_a_file_that_somebody_removes_comes_back_with_all_its_calls_under_its_name(
    directory: Path,
):
    journal = Journal(directory, 2**20)
    for number in range(3):
        journal.append(call(fingerprint=number))
    [file] = files(directory)
    file.unlink()
    journal.append(call(fingerprint=3))
    assert files(directory) == [file]
    assert numbers(directory) == [0, 1, 2, 3]
    assert not is_given_up(file)
    journal.append(call(fingerprint=4))
    assert numbers(directory) == [0, 1, 2, 3, 4]


@pytest.mark.usefixtures("at_once")
def test_what_a_thread_still_writes_to_a_removed_file_is_kept(directory: Path):
    journal = Journal(directory, 2**20)
    journal.append(call(fingerprint=0))
    old = journal._segment
    assert old is not None
    files(directory)[0].unlink()
    journal.append(call(fingerprint=1))
    os.write(old.fd, b"\n" + msgspec.json.encode(call(fingerprint=2)) + b"\n")
    journal.append(call(fingerprint=3))
    assert sorted(filter(lambda n: n is not None, numbers(directory))) == [0, 1, 2, 3]


@pytest.mark.usefixtures("at_once")
@pytest.mark.parametrize(
    "remove", [shutil.rmtree, lambda folder: folder.rename(folder.parent / "x")]
)
def test_a_folder_that_is_removed_or_moved_is_made_anew(
    directory: Path, remove: Callable[[Path], object]
):
    journal = Journal(directory, 2**20)
    journal.append(call(fingerprint=0))
    remove(directory)
    journal.append(call(fingerprint=1))
    assert numbers(directory) == [0, 1]


def test_what_is_written_before_anybody_looks_is_kept_at_the_end(directory: Path):
    journal = Journal(directory, 2**20)
    journal.append(call(fingerprint=0))
    shutil.rmtree(directory)
    journal.close()
    assert numbers(directory) == [0]
    assert lost(directory) == 0


@pytest.mark.usefixtures("at_once")
def test_calls_that_can_be_kept_nowhere_are_counted(directory: Path):
    journal = Journal(directory, 2**20)
    journal.append(call(fingerprint=0))
    shutil.rmtree(directory)
    directory.write_text("a file where the folder was")
    journal.append(call(fingerprint=1))
    directory.unlink()
    journal.append(call(fingerprint=2))
    assert numbers(directory) == [0, 2]
    assert lost(directory) == 1
