"""Nothing is lost or doubled, whichever process is killed, and when."""

from __future__ import annotations

import contextlib
import http.client
import os
import random
import signal
import socket
import subprocess
import sys
import threading
from collections.abc import Iterator
from pathlib import Path
from typing import IO

import pytest
from filelock import FileLock
from sqlalchemy import select

from ingest.journal import Journal
from ingest.writer import LOCK_NAME
from store import Store
from store.tables import api_log
from tests.rows import T0, call
from tests.server import free_port, wait_until
from tests.stored import counters, drain_all, stored

ROOT = Path(__file__).parents[2]


@pytest.fixture
def directory(tmp_path: Path) -> Path:
    return tmp_path / "journal"


@pytest.fixture
def journal(directory: Path) -> Journal:
    return Journal(directory, 2**30)


@contextlib.contextmanager
def python(script: str, *arguments: object) -> Iterator[subprocess.Popen[str]]:
    """A Python process of its own, killed at the end of the block."""
    process = subprocess.Popen(
        [sys.executable, "-c", script, *map(str, arguments)],
        cwd=ROOT,
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        text=True,
    )
    with process:
        yield process
        process.kill()


def output(process: subprocess.Popen[str]) -> IO[str]:
    assert process.stdout is not None
    return process.stdout


APPEND = """
import sys, threading
from pathlib import Path
from ingest.journal import Journal
from tests.rows import call
journal = Journal(Path(sys.argv[1]), 2**30)
journal.segment_bytes = 100_000  # several files

def append(thread):
    for number in range(10**6):
        journal.append(call(fingerprint=thread * 10**6 + number))
        sys.stdout.write(f"{thread * 10**6 + number}\\n")

for thread in range(4):
    threading.Thread(target=append, args=(thread,)).start()
"""


@pytest.mark.parametrize("answers", [1, 2_000, 9_999])
def test_each_call_that_was_answered_before_a_kill_is_stored_once(
    store: Store, directory: Path, answers: int
):
    with python(APPEND, directory) as server:
        answered = [int(next(output(server))) for _ in range(answers)]
        server.send_signal(signal.SIGKILL)
        answered += [int(line) for line in output(server) if line.endswith("\n")]
    drain_all(store, directory)
    found = stored(store)
    assert len(found) == len(set(found))
    assert set(answered) <= set(found)
    assert list(directory.glob("*.journal")) == []


DRAIN = """
import sys
from pathlib import Path
from ingest import writer
from store import open_store
store = open_store(sys.argv[1])
writer.CHUNK_BYTES = 8192
print("ready", flush=True)
while writer.drain(store, Path(sys.argv[2])):
    pass
"""


def test_a_drainer_killed_at_any_point_stores_nothing_twice(
    store: Store, store_url: str, journal: Journal, directory: Path
):
    rng = random.Random(7)
    appended = 0
    for _ in range(8):
        for _ in range(4_000):
            journal.append(call(T0 + appended, fingerprint=appended))
            appended += 1
        journal.close()
        before = len(stored(store))
        rows = before + rng.randrange(1, 2_500)
        with python(DRAIN, store_url, directory) as drainer:
            assert next(output(drainer)) == "ready\n"
            wait_until(lambda rows=rows: len(stored(store)) >= rows, what=f"{rows} rows")
            drainer.send_signal(signal.SIGKILL)
    drain_all(store, directory)
    assert sorted(stored(store)) == list(range(appended))
    assert counters(store) == {}


LEAD = """
import sys
from pathlib import Path
from ingest.writer import Drainer
from store import open_store
drainer = Drainer(open_store(sys.argv[1]), Path(sys.argv[2]))
drainer.start()
print("ready", flush=True)
sys.stdin.read()
drainer.stop()
"""


def is_led(directory: Path) -> bool:
    """Whether some process holds the drainer's lock."""
    lock = FileLock(directory / LOCK_NAME)
    with contextlib.suppress(TimeoutError), lock.acquire(blocking=False):
        return False
    return True


def test_of_two_drainers_one_works_and_the_other_takes_over_when_it_is_killed(
    store: Store, store_url: str, journal: Journal, directory: Path
):
    numbers = iter(range(100))

    def is_stored(*, seconds: float) -> bool:
        number = next(numbers)
        journal.append(call(fingerprint=number))
        with contextlib.suppress(AssertionError):
            return bool(wait_until(lambda: number in stored(store), seconds=seconds))
        return False

    with python(LEAD, store_url, directory) as leader:
        assert next(output(leader)) == "ready\n"
        assert is_stored(seconds=10)
        with python(LEAD, store_url, directory) as follower:
            assert next(output(follower)) == "ready\n"
            leader.send_signal(signal.SIGSTOP)
            assert not is_stored(seconds=1)
            assert is_led(directory)
            leader.kill()
            assert is_stored(seconds=3)
            follower.communicate("stop")
            assert follower.returncode == 0
    assert not is_led(directory)
    assert sorted(stored(store), key=str) == sorted(set(stored(store)), key=str)
    assert len(stored(store)) == 3


SERVE = """
import sys
from pathlib import Path
from flask import Flask, Response, request
from gunicorn.app.base import BaseApplication
from ingest import hooks
from ingest.journal import Journal
from tests.rows import SEAL

shop = Flask("shop")
shop.post("/orders/<int:number>")(lambda number: request.get_data())
shop.add_url_rule("/stream", "stream", lambda: Response(bytes(1000) for _ in range(10**9)))
journal = Journal(Path(sys.argv[1]), 2**30)
hooks.install(shop, journal, is_own=lambda rule: False, simulator_key=b"key", seal=SEAL)

class Server(BaseApplication):
    def load_config(self):
        options = {"workers": 2, "worker_class": "gthread", "threads": 4, "loglevel": "error"}
        for name, value in (options | {"bind": f"127.0.0.1:{sys.argv[2]}"}).items():
            self.cfg.set(name, value)

    def load(self):
        return shop

Server().run()
"""


@contextlib.contextmanager
def http_server(directory: Path) -> Iterator[tuple[subprocess.Popen[str], int]]:
    """gunicorn with two workers on a free port, killed at the end of the block."""
    port = free_port()
    command = [sys.executable, "-c", SERVE, str(directory), str(port)]
    with subprocess.Popen(command, cwd=ROOT, text=True, start_new_session=True) as process:
        try:
            wait_until(lambda: post_order(port, 0), what="the server's first answer")
            yield process, port
        finally:
            with contextlib.suppress(ProcessLookupError):
                os.killpg(process.pid, signal.SIGKILL)


def post_order(port: int, number: int) -> bool:
    """Whether the order was answered in full."""
    connection = http.client.HTTPConnection("127.0.0.1", port, timeout=20)
    try:
        connection.request("POST", f"/orders/{number}", body=f"order {number}")
        return connection.getresponse().read() == f"order {number}".encode()
    except (OSError, http.client.HTTPException):
        return False
    finally:
        connection.close()


def calls_of(store: Store, endpoint: str) -> list[tuple[str, int, int]]:
    """Path, status and size of the stored calls of an endpoint."""
    columns = api_log.c.path, api_log.c.status_code, api_log.c.payload_size
    with store.read() as connection:
        found = connection.execute(select(*columns).where(api_log.c.endpoint == endpoint))
        return [(path, status, size) for path, status, size in found]


def test_over_http_each_answer_is_stored_once_although_the_server_was_killed(
    sqlite_store: Store, directory: Path
):
    answered: list[int] = []

    def order_until_the_end(port: int, first: int) -> None:
        number = first
        while post_order(port, number):
            answered.append(number)
            number += 1

    with http_server(directory) as (process, port):
        clients = [
            threading.Thread(target=order_until_the_end, args=(port, thread * 10**6 + 1))
            for thread in range(4)
        ]
        for client in clients:
            client.start()
        wait_until(lambda: len(answered) >= 500, what="500 answers")
        os.killpg(process.pid, signal.SIGKILL)
        for client in clients:
            client.join()
    drain_all(sqlite_store, directory)
    paths = [path for path, _, _ in calls_of(sqlite_store, "/orders/{number}")]
    assert len(paths) == len(set(paths))
    assert {f"/orders/{number}" for number in answered} <= set(paths)
    assert len(paths) <= len(answered) + 1 + len(clients)


def test_over_http_a_stream_that_its_client_gave_up_is_one_call(
    sqlite_store: Store, directory: Path
):
    with http_server(directory) as (_, port):
        with socket.create_connection(("127.0.0.1", port)) as client:
            client.sendall(b"GET /stream HTTP/1.1\r\nHost: shop\r\n\r\n")
            assert client.recv(100).startswith(b"HTTP/1.1 200")
        wait_until(lambda: drain_all(sqlite_store, directory) and calls_of(sqlite_store, "/stream"))
    drain_all(sqlite_store, directory)
    ((path, status, size),) = calls_of(sqlite_store, "/stream")
    assert (path, status) == ("/stream", 200)
    assert size >= 1000
