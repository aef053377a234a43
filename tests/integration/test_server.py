"""A real server process: what was answered is stored, whoever dies and whenever."""

from __future__ import annotations

import http.client
import json
import os
import sqlite3
import subprocess
import sys
import threading
import time
from collections import Counter
from concurrent.futures import ThreadPoolExecutor
from contextlib import closing
from itertools import count
from pathlib import Path

import pytest

from store import open_store, writes
from tests.rows import call
from tests.server import ROOT, TOKEN, Server, free_port, running_server, wait_until

REQUESTS = 2_000
THREADS = 8


def stored_paths(data_dir: Path) -> Counter[str]:
    """How often each path is in the store, read past the server."""
    uri = f"file:{data_dir / 'foresight.db'}?mode=ro"
    with closing(sqlite3.connect(uri, uri=True, timeout=10)) as database:
        rows = database.execute("SELECT path, count(*) FROM api_log GROUP BY path")
        return Counter(dict(rows.fetchall()))


def send(server: Server, paths: list[str], answered: list[str], gone: threading.Event) -> None:
    """Send requests one after the other on one connection; note those with a whole answer."""
    connection = http.client.HTTPConnection("127.0.0.1", server.port, timeout=10)
    with closing(connection):
        for path in paths:
            if gone.is_set():
                return
            try:
                connection.request("GET", path)
                connection.getresponse().read()
            except (OSError, http.client.HTTPException):
                return
            answered.append(path)


def send_all(server: Server, paths: list[str], gone: threading.Event | None = None) -> list[str]:
    """Send requests from several threads; the paths of those that were answered."""
    answered: list[str] = []
    gone = gone or threading.Event()
    with ThreadPoolExecutor(THREADS) as pool:
        for n in range(THREADS):
            pool.submit(send, server, paths[n::THREADS], answered, gone)
    return answered


def numbered(name: str, count: int) -> list[str]:
    """Paths that exist once each, so that a call can be found again; half of them fit no route."""
    return [f"/{name}-{n}" if n % 2 else f"/search?q={name}-{n}" for n in range(count)]


def unmatched(paths: list[str]) -> set[str]:
    return {path for path in paths if "?" not in path}


def test_after_kill_nine_under_load_every_answered_call_is_stored_once(tmp_path: Path) -> None:
    paths = [f"/probe-{n}" for n in range(REQUESTS)]
    gone = threading.Event()
    answered: list[str] = []
    with running_server(tmp_path, scheduler=0) as server:
        sender = threading.Thread(target=lambda: answered.extend(send_all(server, paths, gone)))
        sender.start()
        wait_until(lambda: sum(stored_paths(tmp_path).values()) > REQUESTS // 8, what="load")
        server.kill()
        gone.set()
        sender.join()
    assert REQUESTS // 8 < len(answered) < REQUESTS, "killed in the middle"
    with running_server(tmp_path, scheduler=0):
        wait_until(lambda: set(answered) <= set(stored_paths(tmp_path)), what="all answered calls")
    stored = stored_paths(tmp_path)
    assert set(stored.values()) == {1}
    assert set(stored) <= set(paths)
    assert len(stored) - len(answered) <= THREADS, "at most one call a thread was under way"


def test_a_call_is_visible_within_two_seconds(tmp_path: Path) -> None:
    with running_server(tmp_path, scheduler=0) as server:
        server.request("GET", "/warm-up")
        wait_until(lambda: stored_paths(tmp_path)["/warm-up"] == 1)
        began = time.monotonic()
        server.request("GET", "/seen-soon")
        wait_until(lambda: "seen-soon" in str(server.get_json("/api/logs")), seconds=2)
        assert time.monotonic() - began < 2


def test_sigterm_ends_the_server_soon_and_nothing_is_lost(tmp_path: Path) -> None:
    with running_server(tmp_path) as server:
        answered = send_all(server, numbered("last", 400))
        began = time.monotonic()
        assert server.stop() == 0
        took = time.monotonic() - began
    assert unmatched(answered) <= set(stored_paths(tmp_path))
    assert sum(stored_paths(tmp_path).values()) == len(answered) == 400
    assert not list((tmp_path / "journal").glob("*.journal")), "drained to the end"
    assert took < 3


def post_batches(server: Server, name: str, accepted: list[str], stopped: threading.Event) -> None:
    """Post batches of a hundred one after the other; note the paths of those answered with 202."""
    for number in count():
        paths = [f"/{name}-{number}-{n}" for n in range(100)]
        record = {"timestamp": server.started_ms, "method": "GET", "status_code": 200}
        batch = [record | {"path": path, "ip_address": "10.0.0.1"} for path in paths]
        try:
            status, _, body = server.request("POST", "/api/calls", batch)
        except (OSError, http.client.HTTPException):
            return
        if status == 202:
            assert json.loads(body)["accepted"] == len(paths), body
            accepted += paths
        if stopped.is_set():
            return


def test_sigterm_amid_a_long_stream_and_posts_loses_nothing_and_takes_no_3_s(
    tmp_path: Path,
) -> None:
    store = open_store(f"sqlite:///{tmp_path / 'foresight.db'}")
    for _ in range(50):
        with store.begin() as connection:
            writes.add_calls(connection, [call(path="/old")] * 20_000, store.grid)
    store.close()
    accepted: list[str] = []
    answered: list[str] = []
    stopped, asked = threading.Event(), {"Accept": "application/x-ndjson"}
    asked["Authorization"] = f"Bearer {TOKEN}"
    with running_server(tmp_path, scheduler=0) as server, ThreadPoolExecutor(20) as pool:
        connection = http.client.HTTPConnection("127.0.0.1", server.port, timeout=20)
        connection.request("GET", "/api/logs", headers=asked)
        stream = connection.getresponse()
        assert stream.read(1000)
        posting = [
            pool.submit(post_batches, server, f"posted-{n}", accepted, stopped)
            for n in range(THREADS)
        ]
        for n in range(THREADS):
            paths = [f"/captured-{n}-{at}" for at in range(100_000)]
            pool.submit(send, server, paths, answered, stopped)
        wait_until(lambda: len(accepted) > 2_000 and len(answered) > 200, what="load")
        began = time.monotonic()
        assert server.stop() == 0
        took = time.monotonic() - began
        stopped.set()
        for posted in posting:
            posted.result()
        with pytest.raises((http.client.IncompleteRead, ConnectionResetError)):
            stream.read()
        connection.close()
    assert took < 3
    with running_server(tmp_path, scheduler=0):  # what was captured in the last moment
        wait_until(lambda: set(answered) <= set(stored_paths(tmp_path)), what="answered calls")
    stored = stored_paths(tmp_path)
    assert set(accepted) <= set(stored)
    assert {n for path, n in stored.items() if path != "/old"} == {1}


def test_a_store_locked_for_ten_seconds_slows_no_answer_and_loses_nothing(tmp_path: Path) -> None:
    with running_server(tmp_path) as server:
        other = sqlite3.connect(tmp_path / "foresight.db", isolation_level=None)
        other.execute("BEGIN IMMEDIATE")
        locked_at = time.monotonic()
        slowest = 0.0
        answered = []
        while time.monotonic() - locked_at < 10:
            began = time.monotonic()
            answered += send_all(server, numbered(f"locked-{len(answered)}", 16))
            slowest = max(slowest, time.monotonic() - began)
        other.rollback()
        other.close()
        wait_until(lambda: unmatched(answered) <= set(stored_paths(tmp_path)), what="late rows")
    assert sum(stored_paths(tmp_path).values()) == len(answered)
    assert slowest < 5, "no request waited for the store"


def leads(server: Server) -> bool:
    return "runs the scheduled jobs" in server.log.read_text()


def test_two_servers_have_one_scheduler_and_one_drainer_and_each_can_take_over(
    tmp_path: Path,
) -> None:
    ports = [free_port(), free_port()]
    with (
        ThreadPoolExecutor(2) as pool,
        running_server(tmp_path, port=ports[0]) as one,
        running_server(tmp_path, port=ports[1]) as two,
    ):
        wait_until(lambda: leads(one) or leads(two), what="a leader")
        before = [
            path
            for answers in pool.map(send_all, (one, two), (numbered("a", 200), numbered("b", 200)))
            for path in answers
        ]
        wait_until(lambda: sum(stored_paths(tmp_path).values()) == 400, what="400 calls")
        assert leads(one) != leads(two)
        leader, other = (one, two) if leads(one) else (two, one)
        leader.kill()
        after = send_all(other, numbered("c", 200))
        wait_until(lambda: leads(other), what="the other one takes over")
        wait_until(lambda: sum(stored_paths(tmp_path).values()) == 600, what="600 calls")
    assert unmatched(before + after) <= set(stored_paths(tmp_path))


def test_two_servers_start_at_once_on_one_empty_folder(tmp_path: Path) -> None:
    def start_and_call(name: str) -> int:
        with running_server(tmp_path, scheduler=0) as server:
            return len(send_all(server, numbered(name, 100)))

    with ThreadPoolExecutor(2) as pool:
        assert list(pool.map(start_and_call, ("left", "right"))) == [100, 100]
    with running_server(tmp_path, scheduler=0):
        wait_until(lambda: sum(stored_paths(tmp_path).values()) == 200, what="200 calls")


def test_the_dashboards_own_traffic_is_not_logged(tmp_path: Path) -> None:
    with running_server(tmp_path) as server:
        for path in ("/dashboard/", "/api/stats", "/healthz", "/readyz", "/", "/auth/login"):
            server.request("GET", path)
        server.request("DELETE", "/healthz")
        server.request("GET", "/nothing-here")
        server.request("DELETE", "/search")
        wait_until(lambda: sum(stored_paths(tmp_path).values()) >= 2)
        rows = server.get_json("/api/logs")["items"]
    assert [(r["endpoint"], r["method"], r["status_code"]) for r in rows] == [
        ("/search", "DELETE", 405),
        ("(unmatched)", "GET", 404),
    ]


@pytest.mark.parametrize(
    ("wrong", "says"),
    [
        ({"PORT": "abc"}, "FORESIGHT_PORT='abc'"),
        ({"SECRET_KEY": "short"}, "FORESIGHT_SECRET_KEY: has 5 characters"),
        ({"DATABASE_URL": "nonsense"}, "FORESIGHT_DATABASE_URL"),
        ({"DATA_DIR": "/proc/nowhere"}, "FORESIGHT_DATA_DIR='/proc/nowhere'"),
        ({"TRUSTED_PROXIES": "foo"}, "FORESIGHT_TRUSTED_PROXIES"),
    ],
    ids=lambda value: next(iter(value)) if isinstance(value, dict) else "",
)
def test_a_wrong_setting_ends_the_start_with_a_sentence(
    tmp_path: Path, wrong: dict[str, str], says: str
) -> None:
    settings = {"DATA_DIR": str(tmp_path), "PORT": str(free_port())} | wrong
    ended = subprocess.run(
        [sys.executable, str(ROOT / "app.py")],
        env=os.environ | {f"FORESIGHT_{name}": value for name, value in settings.items()},
        capture_output=True,
        text=True,
        timeout=60,
    )
    assert ended.returncode == 1
    assert says in ended.stderr
    assert "Traceback" not in ended.stderr


def test_a_taken_port_is_said_at_once_and_leaves_the_running_server_alone(tmp_path: Path) -> None:
    with running_server(tmp_path, scheduler=0) as server:
        ended = subprocess.run(
            [sys.executable, str(ROOT / "app.py")],
            env=os.environ
            | {"FORESIGHT_PORT": str(server.port), "FORESIGHT_DATA_DIR": str(tmp_path)},
            capture_output=True,
            text=True,
            timeout=60,
        )
        assert ended.returncode == 1
        assert f"FORESIGHT_PORT={server.port}: Address already in use" in ended.stderr
        assert server.answers()
