"""A file that is damaged is set aside by one process, never changed, and a new one takes over."""

from __future__ import annotations

import shutil
import sqlite3
import subprocess
import sys
from collections.abc import Callable
from contextlib import closing
from pathlib import Path

import pytest
from sqlalchemy import insert, select
from sqlalchemy.exc import OperationalError

from store import Store, open_store, reads, writes
from store.access_tables import account, audit
from store.condition import Trouble
from store.damaged import set_aside_files
from store.mending import look_through, mend
from store.tables import api_log
from tests.rows import T0, call
from tests.server import ROOT
from tests.stored import counters, stored

PAGE = 4096
ROWS = 20_000


@pytest.fixture(scope="session")
def full_file(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A store of some 5 MB, with a person who may come in."""
    file = tmp_path_factory.mktemp("full") / "foresight.db"
    store = open_store(f"sqlite:///{file}")
    with store.begin() as connection:
        connection.execute(insert(account).values(name="ann", role="admin", created_at=T0))
        entry = {"id": 1, "at": T0, "who": "ann", "action": "login", "subject": "", "detail": "{}"}
        connection.execute(insert(audit).values(**entry, previous="0", hash="1"))
        writes.add_to_counter(connection, "calls_lost", 3)
        rows = [call(T0 + n, fingerprint=n) for n in range(ROWS)]
        writes.add_calls(connection, rows, store.grid)
    store.close()
    return file


@pytest.fixture
def file(full_file: Path, tmp_path: Path) -> Path:
    return Path(shutil.copy(full_file, tmp_path / "foresight.db"))


def put(file: Path, at: int, rubbish: bytes) -> None:
    with file.open("r+b") as pages:
        pages.seek(at)
        pages.write(rubbish)


def ruin_header(file: Path) -> None:
    put(file, 0, b"no database, but long enough")


def ruin_schema(file: Path) -> None:
    put(file, 100, b"\xa5" * (PAGE - 100))


def truncate(file: Path) -> None:
    with file.open("r+b") as pages:
        pages.truncate(file.stat().st_size // 2 // PAGE * PAGE)


def replace_by_text(file: Path) -> None:
    file.write_text("time,endpoint\n" * 1000)


def lose_to_its_log(file: Path) -> None:
    """The file is empty, and its write-ahead log is not."""
    file.write_bytes(b"")
    file.with_name(file.name + "-wal").write_bytes(b"of the calls that are left")


AT_ONCE = [ruin_header, ruin_schema, truncate, replace_by_text, lose_to_its_log]


@pytest.mark.parametrize("damage", AT_ONCE)
def test_a_damaged_file_is_set_aside_as_it_is_and_a_new_one_made(
    file: Path, damage: Callable[[Path], None]
) -> None:
    damage(file)
    before = file.read_bytes()
    store = open_store(f"sqlite:///{file}")
    [aside] = set_aside_files(store.file)
    assert aside.file.read_bytes() == before
    assert aside.file.name.startswith("foresight.db.damaged-2")
    assert stored(store) == []
    with store.begin() as connection:
        writes.add_calls(connection, [call(T0, fingerprint=1)], store.grid)
    assert stored(store) == [1]
    store.close()


def leaf_page(file: Path) -> int:
    """Offset of a page in the middle of the calls [bytes]."""
    with closing(sqlite3.connect(file)) as connection:
        (root,) = connection.execute(
            "SELECT rootpage FROM sqlite_master WHERE name = 'api_log'"
        ).fetchone()
    content = file.read_bytes()
    of_table = [at for at in range(0, len(content), PAGE) if content[at] == 13]
    return next(at for at in of_table[len(of_table) // 2 :] if at > root * PAGE)


def test_damage_in_the_middle_is_found_before_a_server_starts(file: Path) -> None:
    put(file, leaf_page(file), b"\xa5" * PAGE)
    store = open_store(f"sqlite:///{file}")  # header and schema are well
    assert set_aside_files(store.file) == []
    look_through(store, seconds=20)
    assert len(set_aside_files(store.file)) == 1
    with store.read() as connection:
        assert connection.scalars(select(account.c.name)).all() == ["ann"]
        assert connection.scalars(select(audit.c.who)).all() == ["ann"]
        assert reads.is_empty(connection)
    assert counters(store) == {"calls_lost": 3}
    look_through(store, seconds=20)
    assert len(set_aside_files(store.file)) == 1
    store.close()


def test_damage_that_is_met_is_noted_and_mended(file: Path) -> None:
    put(file, leaf_page(file), b"\xa5" * PAGE)
    store = open_store(f"sqlite:///{file}")
    mend(store)
    assert set_aside_files(store.file) == []  # nothing was met yet
    with pytest.raises(Exception, match="malformed"), store.read() as connection:
        connection.execute(select(api_log)).all()
    assert store.condition.trouble is Trouble.DAMAGED
    mend(store)
    assert len(set_aside_files(store.file)) == 1
    assert stored(store) == []
    assert store.condition.trouble is None
    store.close()


OPEN = "import sys; from store import open_store; open_store(sys.argv[1]).close()"


def test_of_several_processes_one_sets_aside(file: Path) -> None:
    ruin_header(file)
    command = [sys.executable, "-c", OPEN, f"sqlite:///{file}"]
    processes = [subprocess.Popen(command, cwd=ROOT) for _ in range(4)]
    assert [process.wait(60) for process in processes] == [0, 0, 0, 0]
    assert len(set_aside_files(file)) == 1


def test_two_servers_that_meet_the_damage_set_aside_once_and_both_go_on(file: Path) -> None:
    put(file, leaf_page(file), b"\xa5" * PAGE)
    stores = [open_store(f"sqlite:///{file}") for _ in range(2)]
    for store in stores:
        with pytest.raises(Exception, match="malformed"), store.read() as connection:
            connection.execute(select(api_log)).all()
    for number, store in enumerate(stores):
        mend(store)
        with store.begin() as connection:
            writes.add_calls(connection, [call(T0, fingerprint=number)], store.grid)
    assert len(set_aside_files(file)) == 1
    assert [stored(store) for store in stores] == [[0, 1], [0, 1]]
    for store in stores:
        store.close()


def test_what_is_committed_to_a_file_that_was_just_taken_away_is_an_error(
    sqlite_store: Store,
) -> None:
    file = sqlite_store.file
    assert file is not None

    def commit_and_lose() -> None:
        with sqlite_store.begin() as connection:
            writes.add_calls(connection, [call(T0)], sqlite_store.grid)
            file.rename(file.with_name("gone.db"))

    with pytest.raises(OperationalError, match="removed or replaced"):
        commit_and_lose()
    assert sqlite_store.condition.trouble is Trouble.MISSING
    with pytest.raises(OperationalError, match="unable to open"), sqlite_store.read() as connection:
        reads.is_empty(connection)
    assert not file.exists()  # nobody made an empty one by looking for it


def test_a_store_that_is_well_is_not_touched(file: Path) -> None:
    store = open_store(f"sqlite:///{file}")
    look_through(store, seconds=20)
    store.condition.needs_mending = Trouble.DAMAGED  # an error that came from memory
    mend(store)
    assert set_aside_files(file) == []
    assert len(stored(store)) == ROWS
    store.close()


def test_open_connections_follow_the_file_that_takes_the_place(file: Path, tmp_path: Path) -> None:
    (tmp_path / "other").mkdir()
    other = open_store(f"sqlite:///{tmp_path / 'other' / 'foresight.db'}")
    with other.begin() as connection:
        writes.add_calls(connection, [call(T0, fingerprint=7)], other.grid)
    other.close()
    store = open_store(f"sqlite:///{file}")
    with store.begin() as connection:
        writes.add_to_counter(connection, "n", 1)  # a connection that writes waits in the pool
    assert len(stored(store)) == ROWS  # and one that reads
    for part in sorted(tmp_path.glob("foresight.db*")):
        part.rename(tmp_path / f"old-{part.name}")
    (tmp_path / "other" / "foresight.db").rename(file)
    assert stored(store) == [7]
    with store.begin() as connection:
        writes.add_calls(connection, [call(T0, fingerprint=8)], store.grid)
    assert stored(store) == [7, 8]
    store.close()
