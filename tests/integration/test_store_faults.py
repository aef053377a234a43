"""A store that is locked, gone, read-only, full or damaged: calls are answered, none is lost."""

from __future__ import annotations

import json
import shutil
import sqlite3
import subprocess
from collections.abc import Iterator
from contextlib import closing, contextmanager
from itertools import count
from pathlib import Path
from typing import Any

import pytest

from store import open_store
from store.damaged import set_aside_files
from tests.load import SECRET_KEY, Load
from tests.rows import T0
from tests.server import Server, running_server, wait_until
from tests.tmpfs import small_disk

PAUSE_S = 0.02
LATER = 10**6  # numbers of the calls after damage


@pytest.fixture
def data_dir(tmp_path: Path) -> Path:
    return tmp_path / "var"


@contextmanager
def server_on(data_dir: Path, **options: Any) -> Iterator[Server]:
    with running_server(data_dir, secret_key=SECRET_KEY, mock_limit=0, **options) as server:
        wait_until(lambda: said(server) == "", what="readiness")
        yield server


def load_on(server: Server, first: int = 0) -> Load:
    return Load(server.port, clients=3, pause_s=PAUSE_S, _numbers=count(first))


def said(server: Server) -> str:
    """What `/readyz` says is wrong; nothing when all is well, `nobody` when no server answers."""
    try:
        status, _, body = server.request("GET", "/readyz")
    except OSError:
        return "nobody"
    return "" if status == 200 else str(json.loads(body)["error"]["message"])


def refused(server: Server) -> str:
    """The sentence with which a batch of calls is refused now."""
    one = {"timestamp": T0, "method": "GET", "path": "/x", "status_code": 200}
    one |= {"response_time_ms": 1, "payload_size": 1, "ip_address": "10.0.0.1"}
    status, headers, body = server.request("POST", "/api/calls", [one])
    assert status == 503, (status, body)
    assert int(headers["retry-after"]) > 0
    return str(json.loads(body)["error"]["message"])


def fingerprints(file: Path) -> list[int]:
    with closing(sqlite3.connect(f"file:{file}?mode=ro", uri=True, timeout=10)) as connection:
        return [number for (number,) in connection.execute("SELECT fingerprint FROM api_log")]


def lost(file: Path) -> int:
    with closing(sqlite3.connect(f"file:{file}?mode=ro", uri=True, timeout=10)) as connection:
        row = connection.execute("SELECT value FROM counter WHERE name = 'calls_lost'").fetchone()
    return row[0] if row else 0


def more(load: Load, calls: int = 100) -> None:
    """Wait until so many more calls were answered."""
    enough = len(load.answered) + calls
    wait_until(lambda: len(load.answered) >= enough, what="answers of the mock endpoints")


def require_all_stored(load: Load, *files: Path) -> None:
    """Each call that was answered is in one of the stores, and in none of them twice."""

    def missing() -> set[int]:
        return set(load.answered).difference(*map(fingerprints, files))

    wait_until(lambda: not missing(), seconds=30, what="calls that were answered are stored")
    for file in files:
        found = fingerprints(file)
        assert len(found) == len(set(found))
    assert load.cut_off == []


def test_a_store_that_another_process_locks_is_said_and_nothing_is_lost(data_dir: Path) -> None:
    file = data_dir / "foresight.db"
    with server_on(data_dir) as server, load_on(server) as load:
        more(load)
        with closing(sqlite3.connect(file, isolation_level=None)) as other:
            other.execute("BEGIN IMMEDIATE")
            wait_until(lambda: "holds its write lock" in said(server), seconds=30)
            assert "locked" in refused(server)
            assert server.get_json("/api/stats")  # reading goes on
            more(load)
            other.execute("ROLLBACK")
        wait_until(lambda: said(server) == "", what="readiness after the lock")
        more(load)
        load.__exit__()
        require_all_stored(load, file)
        assert lost(file) == 0


def test_a_store_whose_file_is_taken_away_is_made_anew(data_dir: Path, tmp_path: Path) -> None:
    file, gone = data_dir / "foresight.db", tmp_path / "gone"
    gone.mkdir()
    with server_on(data_dir) as server, load_on(server) as load:
        more(load)
        for part in sorted(data_dir.glob("foresight.db*")):
            part.rename(gone / part.name)
        wait_until(lambda: "file is gone" in said(server), what="a word about it")
        assert "file is gone" in refused(server)
        more(load)
        wait_until(lambda: said(server) == "", what="a new store")
        more(load)
        load.__exit__()
        require_all_stored(load, gone / "foresight.db", file)
        assert lost(file) == 0


def test_a_data_folder_that_is_removed_is_made_anew(data_dir: Path) -> None:
    file = data_dir / "foresight.db"
    with server_on(data_dir) as server:
        with load_on(server) as before:
            more(before)
        require_all_stored(before, file)
        shutil.rmtree(data_dir)
        with load_on(server, LATER) as load:
            wait_until(lambda: said(server) not in ("", "nobody"), what="a word about it")
            more(load)
            wait_until(lambda: said(server) == "", what="a new store")
            more(load)
        require_all_stored(load, file)
        assert lost(file) == 0


@contextmanager
def immutable(*paths: Path) -> Iterator[None]:
    """Nothing can be written to the files, or made in the folders; not even by root."""
    done = subprocess.run(["chattr", "+i", *map(str, paths)], capture_output=True, check=False)
    if done.returncode:
        pytest.skip("this machine can't make files immutable")
    try:
        yield
    finally:
        subprocess.run(["chattr", "-i", *map(str, paths)], check=True)


def test_a_store_that_turns_read_only_is_said_and_nothing_is_lost(data_dir: Path) -> None:
    file = data_dir / "foresight.db"
    with server_on(data_dir) as server, load_on(server) as load:
        more(load)
        # Not the index of the log: that is memory, and the system ends who writes to it.
        with immutable(data_dir, file, file.with_name("foresight.db-wal")):
            wait_until(lambda: said(server), what="a word about it")
            assert "can't be written" in refused(server)
            more(load)
        wait_until(lambda: said(server) == "", what="readiness")
        more(load)
        load.__exit__()
        require_all_stored(load, file)
        assert lost(file) == 0


def fill(disk: Path) -> Path:
    """A file that takes all room that is left."""
    filler = disk / "filler"
    with filler.open("wb", buffering=0) as file:
        for block in (65_536, 512):
            try:
                while file.write(bytes(block)) == block:
                    pass
            except OSError:
                continue
    return filler


def test_a_store_on_a_full_disk_is_said_and_nothing_is_lost(data_dir: Path, tmp_path: Path) -> None:
    with small_disk(tmp_path / "disk", "12m") as disk:
        file = disk / "foresight.db"
        with server_on(data_dir, database_url=f"sqlite:///{file}") as server:
            with load_on(server) as load:
                more(load)
                filler = fill(disk)
                wait_until(lambda: "disk of the store" in said(server), what="a word about it")
                assert "disk of the store" in refused(server)
                more(load)
                filler.unlink()
                wait_until(lambda: said(server) == "", what="readiness")
                more(load)
            require_all_stored(load, file)
            assert lost(file) == 0


def test_what_a_full_disk_of_all_data_loses_is_counted(tmp_path: Path) -> None:
    with small_disk(tmp_path / "var", "12m") as data_dir:
        file = data_dir / "foresight.db"
        with server_on(data_dir) as server:
            with load_on(server) as load:
                more(load)
                filler = fill(data_dir)
                more(load, 400)
                filler.unlink()
                wait_until(lambda: said(server) == "", what="readiness")
                more(load)

            def uncounted() -> int:
                return len(load.answered) - len(set(fingerprints(file))) - lost(file)

            wait_until(lambda: uncounted() == 0, what="calls answered = calls stored + lost")
            assert lost(file) > 0
            text = server.request("GET", "/metrics")[2].decode()
            assert f"foresight_calls_lost_total {lost(file)}.0" in text


def overwrite(file: Path) -> None:
    """All pages but the first become rubbish."""
    size = file.stat().st_size
    with file.open("r+b") as pages:
        pages.seek(4096)
        pages.write(b"\xa5" * (size - 4096))


def cut(file: Path) -> None:
    """The second half is gone."""
    with file.open("r+b") as pages:
        pages.truncate(file.stat().st_size // 2 // 4096 * 4096)


@pytest.mark.parametrize("damage", [overwrite, cut])
def test_a_store_that_is_damaged_while_it_works_is_set_aside(data_dir: Path, damage: Any) -> None:
    file = data_dir / "foresight.db"
    with server_on(data_dir) as server:
        with load_on(server) as before:
            more(before, 300)
        require_all_stored(before, file)
        with closing(sqlite3.connect(file, timeout=10)) as connection:
            connection.execute("PRAGMA wal_checkpoint(RESTART)")
        damage(file)
        damaged = file.stat()
        with load_on(server, LATER) as load:
            wait_until(
                lambda: server_asked(server) and list(data_dir.glob("foresight.db.damaged-*")),
                seconds=40,
                what="the damaged file is set aside",
            )
            wait_until(lambda: said(server) == "", what="a new store")
            more(load)
        wait_until(lambda: set(load.answered) <= set(fingerprints(file)), what="answered = stored")
        assert lost(file) == 0
        store = open_store(f"sqlite:///{file}")
        [aside] = set_aside_files(store.file)
        store.close()
        assert aside.bytes >= damaged.st_size


def server_asked(server: Server) -> bool:
    """Have the store read, whatever comes of it."""
    for path in ("/api/stats", "/api/logs?limit=1000"):
        try:
            server.request("GET", path)
        except OSError:
            return False
    return True
