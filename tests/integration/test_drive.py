"""Simulated clients through real HTTP, and the demo that keeps them running."""

from __future__ import annotations

import json
import math
import os
import signal
import subprocess
import sys
import threading
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from flask import Flask, request
from werkzeug.serving import BaseWSGIServer, make_server

from ingest import hooks, mock_api
from ingest.call import SIMULATED
from ingest.journal import Journal
from ingest.shop.faults import FILE_NAME, FaultSwitch
from ingest.shop.model import Shop
from ingest.signature import HEADER, signed_address, simulator_key
from ingest.simulator.clients import population
from ingest.simulator.demo import CLIENTS_SEED, Demo
from ingest.simulator.drive import drive
from ingest.simulator.http_client import Sender, Unreachable
from ingest.simulator.purchases import search_request
from ingest.writer import drain
from store import Store, reads
from tests.rows import SEAL
from tests.server import wait_until

KEY = "a session key of forty characters, or so"


class Served:
    """A shop on a port of its own, that can be stopped and started again."""

    def __init__(self, data_dir: Path) -> None:
        self.data_dir = data_dir
        self.addresses: list[str | None] = []
        self.users: set[str] = set()
        self.app = Flask("shop")
        self.app.before_request(self._note_address)
        self.app.teardown_request(self._note_user)
        shop = Shop(seed=1, faults=FaultSwitch(data_dir / FILE_NAME))
        self.app.register_blueprint(mock_api.blueprint(shop, KEY))
        self.port = 0
        self.start()

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self.port}"

    def start(self) -> None:
        self._server: BaseWSGIServer = make_server("127.0.0.1", self.port, self.app, threaded=True)
        self.port = self._server.server_port
        self._thread = threading.Thread(target=self._server.serve_forever, args=(0.05,))
        self._thread.start()

    def stop(self) -> None:
        self._server.shutdown()
        self._thread.join()
        self._server.server_close()

    def _note_address(self) -> None:
        header = request.headers.get(HEADER, "")
        self.addresses.append(signed_address(simulator_key(KEY), header, int(time.time())))

    def _note_user(self, _: object) -> None:
        if user := request.environ.get(mock_api.USER_ID):
            self.users.add(user)


@pytest.fixture
def served(tmp_path: Path) -> Iterator[Served]:
    served = Served(tmp_path)
    yield served
    served.stop()


class Driving:
    """`drive` in a thread, to watch and stop it."""

    def __init__(self, served: Served, **options: Any) -> None:
        self.counts: dict[str, Any] = {"answers": 0, "unreachable": 0, "episodes": []}
        self._stop = threading.Event()
        options = {"session_key": KEY, "minutes": math.inf, "rate": 40.0} | options
        self._thread = threading.Thread(
            target=lambda: self.counts.update(
                drive(served.url, stop=self._stop, progress=self._note, **options)
            )
        )

    def __enter__(self) -> Driving:
        self._thread.start()
        return self

    def __exit__(self, *_: object) -> None:
        self._stop.set()
        self._thread.join()

    def _note(self, _: float, counts: dict[str, Any]) -> None:
        self.counts.update(counts)


def test_clients_keep_the_rate_until_their_time_is_over(served: Served) -> None:
    began = time.monotonic()
    counts = drive(served.url, session_key=KEY, rate=30, minutes=0.1)
    assert 6.0 <= time.monotonic() - began < 9.0
    assert 0.6 * 180 < counts["answers"] < 1.4 * 180
    assert counts["answers"] == sum(counts["statuses"].values()) == len(served.addresses)
    assert counts["unreachable"] == 0


def test_every_request_is_signed_with_the_address_of_its_client(served: Served) -> None:
    with Driving(served, rate=60.0, seed=5):
        wait_until(lambda: len(served.addresses) > 120, what="120 requests")
    clients = population(40, 5)
    assert set(served.addresses) <= {client.address for client in clients}
    assert len(set(served.addresses)) > 10
    assert served.users
    assert served.users <= {client.user for client in clients}


@pytest.mark.parametrize(
    "url",
    ["http://example.org", "https://127.0.0.1", "http://10.0.0.1:80", "ftp://localhost", "", "x"],
)
def test_other_machines_are_refused(url: str) -> None:
    with pytest.raises(ValueError, match="stay on this machine"):
        drive(url, session_key=KEY, minutes=0.01)


def test_a_fault_needs_the_data_folder(served: Served) -> None:
    with pytest.raises(ValueError, match="data folder"):
        drive(served.url, session_key=KEY, minutes=0.01, scenario="crash")


def test_a_fault_is_on_while_its_scenario_runs_and_cleared_after(served: Served) -> None:
    with Driving(served, scenario="crash", minutes=5.0, data_dir=served.data_dir) as driving:
        wait_until(
            lambda: driving.counts.get("statuses", {}).get("503", 0) > 5, what="answers with 503"
        )
        assert json.loads((served.data_dir / FILE_NAME).read_text())["fault"] == "crash"
    assert not (served.data_dir / FILE_NAME).exists()


def test_a_misuse_comes_on_top_of_the_ordinary_clients(served: Served) -> None:
    with Driving(served, scenario="enumeration", minutes=5.0, rate=10.0) as driving:
        wait_until(
            lambda: driving.counts.get("statuses", {}).get("404", 0) > 10, what="answers with 404"
        )
    assert driving.counts["episodes"][0]["name"] == "enumeration"
    assert any(str(address).startswith(("203.0.113", "198.51.100")) for address in served.addresses)


def test_clients_survive_a_restart_of_the_server(served: Served) -> None:
    with Driving(served) as driving:
        wait_until(lambda: driving.counts["answers"] > 20, what="answers before the restart")
        served.stop()
        wait_until(lambda: driving.counts["unreachable"] > 0, what="a refused connection")
        served.start()
        before = driving.counts["answers"]
        wait_until(
            lambda: driving.counts["answers"] > before + 20, what="answers after the restart"
        )


def test_nobody_there_is_unreachable() -> None:
    sender = Sender("http://127.0.0.1:9", b"key")  # the discard port; nothing listens
    with pytest.raises(Unreachable):
        sender.send(population(1, 1)[0], search_request("lamp"))


def test_a_captured_call_looks_like_a_simulated_one(tmp_path: Path, sqlite_store: Store) -> None:
    journal = Journal(tmp_path / "journal", 2**20)
    key = simulator_key(KEY)
    app = Flask("captured")
    hooks.install(app, journal, is_own=lambda _: False, simulator_key=key, seal=SEAL)
    app.register_blueprint(mock_api.blueprint(Shop(seed=1), KEY))
    server = make_server("127.0.0.1", 0, app, threaded=True)
    thread = threading.Thread(target=server.serve_forever, args=(0.05,))
    thread.start()
    try:
        client = population(1, 1)[0]
        sender = Sender(f"http://127.0.0.1:{server.server_port}", key)
        outcome = sender.send(client, search_request("red+lamp", 2))
        sender.close()
    finally:
        server.shutdown()
        thread.join()
        server.server_close()
    journal.close()
    assert drain(sqlite_store, tmp_path / "journal") == 1
    with sqlite_store.read() as connection:
        calls = reads.calls_between(connection, 0, 2**62)
    assert (calls["endpoint"][0], calls["client"][0]) == ("/search", client.address)
    assert (calls["status_code"][0], calls["payload_size"][0]) == (200, len(outcome.body))
    expected = SEAL.fingerprint(client.address, "GET", "/search", "q=red+lamp&page=2")
    assert calls["fingerprint"][0] == expected
    assert bool(calls["simulated"][0]), SIMULATED


def is_gone(pid: int) -> bool:
    """Whether a process has ended; a zombie waits only for its parent."""
    try:
        return Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[0] == "Z"
    except FileNotFoundError:
        return True


def test_the_demo_sends_its_clients_until_it_is_stopped(served: Served) -> None:
    demo = Demo(served.url, KEY, served.data_dir, seed=1)
    demo.start()
    try:
        wait_until(lambda: len(served.addresses) > 10, what="requests of the demo")
        pid = demo.pid
        assert pid is not None
    finally:
        demo.stop()
    assert is_gone(pid)
    assert set(served.addresses) <= {client.address for client in population(40, CLIENTS_SEED)}


def test_the_demo_starts_its_clients_again_when_they_were_killed(
    served: Served, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("ingest.simulator.demo.RESTART_S", 0.05)
    demo = Demo(served.url, KEY, served.data_dir, seed=1)
    demo.start()
    try:
        wait_until(lambda: demo.pid is not None, what="the clients")
        first = demo.pid
        assert first is not None
        os.kill(first, signal.SIGKILL)
        wait_until(lambda: demo.pid not in (None, first), what="other clients")
    finally:
        demo.stop()
    assert demo.pid is None


@pytest.mark.skipif(not Path("/proc/self/stat").exists(), reason="needs /proc")
def test_the_clients_of_the_demo_end_when_their_server_is_killed(served: Served) -> None:
    program = (
        "import sys, time; from pathlib import Path; from ingest.simulator.demo import Demo\n"
        f"demo = Demo({served.url!r}, {KEY!r}, Path({str(served.data_dir)!r}), seed=1)\n"
        "demo.start()\n"
        "while demo.pid is None: time.sleep(0.01)\n"
        "print(demo.pid, flush=True)\n"
        "sys.stdin.read()\n"
    )
    with subprocess.Popen(
        [sys.executable, "-c", program], stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True
    ) as server:
        assert server.stdout is not None
        pid = int(server.stdout.readline())
        wait_until(lambda: len(served.addresses) > 0, what="requests of the demo")
        server.kill()
    wait_until(lambda: is_gone(pid), what="the end of the clients")


def test_a_demo_that_was_stopped_before_its_start_sends_nothing(served: Served) -> None:
    demo = Demo(served.url, KEY, served.data_dir)
    demo.stop()
    demo.start()
    assert demo.pid is None
