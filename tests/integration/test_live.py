"""The live stream as a program sees it, on a real server: nothing missed, nothing twice."""

from __future__ import annotations

import base64
import json
import os
import re
import socket
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import ExitStack, closing, contextmanager
from pathlib import Path
from typing import Any

import pytest
from flask.testing import FlaskClient
from websockets.exceptions import ConnectionClosed, InvalidStatus
from websockets.sync.client import ClientConnection, connect

from jobs import scoring
from jobs.access.register import digest, new_token
from jobs.tail import MOST_LISTENERS
from ml.bundle import Bundle
from store import Store, accounts, open_store, writes
from store.times import epoch_ms
from tests.news import add_news, last_minute, now_ms
from tests.rows import MINUTE, call
from tests.server import ROOT, TOKEN, Server, running_server, wait_until

BEARER = {"Authorization": f"Bearer {TOKEN}"}
UPGRADE = {"Upgrade": "websocket", "Connection": "Upgrade"}


@pytest.fixture
def server(tmp_path: Path) -> Iterator[Server]:
    """A server that scores nothing by itself."""
    with running_server(tmp_path, scheduler=0) as running:
        yield running


@pytest.fixture(scope="module")
def calm_server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Server]:
    """A server without events, for tests that only knock."""
    with running_server(tmp_path_factory.mktemp("calm"), scheduler=0) as running:
        yield running


@pytest.fixture
def live_store(server: Server) -> Iterator[Store]:
    """The store of `server`, opened by this process too: another scorer."""
    with store_of(server) as store:
        yield store


@contextmanager
def store_of(server: Server) -> Iterator[Store]:
    store = open_store(f"sqlite:///{server.data_dir / 'foresight.db'}")
    yield store
    store.close()


def stream(server: Server, query: str = "", **headers: str) -> ClientConnection:
    address = server.url.replace("http:", "ws:") + "/ws" + query
    return connect(address, additional_headers=headers or BEARER, open_timeout=20)


def message(client: ClientConnection, timeout: float = 10) -> dict[str, Any]:
    found: dict[str, Any] = json.loads(client.recv(timeout=timeout))
    return found


def until_live(client: ClientConnection) -> list[dict[str, Any]]:
    """What comes before the first heart-beat, which ends the replay."""
    found = []
    while (one := message(client))["type"] != "heartbeat":
        found.append(one)
    return found


def names(messages: list[dict[str, Any]]) -> list[str]:
    return [one["window"]["endpoint"] for one in messages]


def test_the_last_twenty_come_first_then_each_new_one(server: Server, live_store: Store) -> None:
    add_news(live_store, *(f"/{n}" for n in range(25)))
    with stream(server) as client:
        replayed = until_live(client)
        assert [one["id"] for one in replayed] == list(range(6, 26))
        assert names(replayed) == [f"/{n}" for n in range(5, 25)]
        add_news(live_store, "/new", "/newer")
        assert names([message(client), message(client)]) == ["/new", "/newer"]


def test_a_window_is_told_as_the_list_of_anomalies_gives_it(
    server: Server, live_store: Store
) -> None:
    add_news(live_store, "/a")
    with stream(server) as client:
        [told] = until_live(client)
    assert told == {
        "type": "anomaly",
        "id": 1,
        "window": server.get_json("/api/anomalies")["items"][0],
    }


def test_what_is_scored_is_told_within_a_second(
    server: Server, live_store: Store, factory: Bundle
) -> None:
    minute = last_minute()
    failed = {"endpoint": "/down", "path": "/down", "status_code": 503, "response_time_ms": 3.0}
    with stream(server) as client:
        assert until_live(client) == []
        with live_store.begin() as connection:
            calls = [call(minute + i * 1000, **failed) for i in range(40)]
            writes.add_calls(connection, calls, live_store.grid)
        late = minute + MINUTE + scoring.GRACE_MS
        scoring.score_all(live_store, "v1", factory, lambda: late, min_calls=5)
        told = message(client)
        received_at = now_ms()
    assert (told["window"]["endpoint"], told["window"]["priority"]) == ("/down", "HIGH")
    [stored] = server.get_json("/api/anomalies?subject=endpoint&endpoint=/down")["items"]
    assert told["window"] == stored
    assert received_at - epoch_ms(stored["scored_at"]) < 1000


def test_after_a_crash_the_client_goes_on_with_what_it_missed(tmp_path: Path) -> None:
    with running_server(tmp_path, scheduler=0) as server, store_of(server) as store:
        add_news(store, "/before")
        with stream(server) as client:
            last_id = until_live(client)[-1]["id"]
            add_news(store, "/seen")
            last_id = message(client)["id"]
            server.kill()
            with pytest.raises(ConnectionClosed):
                client.recv(timeout=10)
        add_news(store, *(f"/missed-{n}" for n in range(150)))
        with running_server(tmp_path, port=server.port, scheduler=0) as again:
            with stream(again, f"?last_id={last_id}") as client:
                missed = until_live(client)
                assert names(missed) == [f"/missed-{n}" for n in range(150)]
                add_news(store, "/after")
                assert message(client)["window"]["endpoint"] == "/after"
            with stream(again, f"?last_id={missed[-1]['id'] + 1}") as client:
                assert until_live(client) == [], "all seen"


def test_an_id_of_another_store_is_answered_with_a_reset(server: Server, live_store: Store) -> None:
    add_news(live_store, "/a")
    with stream(server, "?last_id=12345") as client:
        reset, *replayed = until_live(client)
    assert reset == {"type": "reset", "last_id": 12345}
    assert names(replayed) == ["/a"]


def test_heart_beats_say_how_far_one_is_and_who_answers_no_ping_is_let_go(
    server: Server, live_store: Store
) -> None:
    add_news(live_store, "/a")
    with stream(server) as client, closing(silent_client(server)) as dead:
        assert message(client)["id"] == 1
        first = message(client)
        began = time.monotonic()
        assert (first["type"], first["last_id"]) == ("heartbeat", 1)
        assert message(client, timeout=20)["type"] == "heartbeat"
        assert 14 < time.monotonic() - began < 17
        dead.settimeout(10)
        while dead.recv(65536):
            pass  # until the server ends it
        assert time.monotonic() - began < 25


def silent_client(server: Server, receives: int | None = None) -> socket.socket:
    """A connection whose client shook hands and does nothing more."""
    plain = socket.socket()
    if receives is not None:
        plain.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, receives)
    plain.settimeout(20)
    plain.connect(("127.0.0.1", server.port))
    key = base64.b64encode(os.urandom(16)).decode()
    lines = {"Host": f"127.0.0.1:{server.port}", "Sec-WebSocket-Version": "13", **UPGRADE, **BEARER}
    head = "".join(f"{name}: {value}\r\n" for name, value in lines.items())
    plain.sendall(f"GET /ws HTTP/1.1\r\n{head}Sec-WebSocket-Key: {key}\r\n\r\n".encode())
    assert plain.recv(12) == b"HTTP/1.1 101"
    return plain


def test_one_who_does_not_read_holds_up_nobody_and_not_the_end(
    server: Server, live_store: Store
) -> None:
    with closing(silent_client(server, receives=4096)), stream(server) as client:
        until_live(client)
        for at in range(0, 6000, 500):
            add_news(live_store, *(f"/{n}" for n in range(at, at + 500)))
        assert [message(client)["id"] for _ in range(6000)] == list(range(1, 6001))
        began = time.monotonic()
        assert server.stop() == 0
        assert time.monotonic() - began < 3


def test_at_the_end_of_the_server_all_are_told_so(server: Server) -> None:
    with ExitStack() as stack:
        clients = [stack.enter_context(stream(server)) for _ in range(MOST_LISTENERS)]
        for client in clients:
            until_live(client)
        began = time.monotonic()
        assert server.stop() == 0
        assert time.monotonic() - began < 3
        for client in clients:
            with pytest.raises(ConnectionClosed):
                client.recv(timeout=1)
            assert client.close_code == 1001


@pytest.mark.parametrize(
    ("headers", "status"),
    [
        ({}, 401),
        ({"Authorization": "Bearer wrong"}, 401),
        ({**BEARER, "Origin": "https://elsewhere.example"}, 403),
        ({**BEARER, "Origin": "null"}, 403),
    ],
    ids=["nobody", "wrong token", "another site", "no site"],
)
def test_strangers_and_other_sites_are_refused(
    calm_server: Server, headers: dict[str, str], status: int
) -> None:
    with pytest.raises(InvalidStatus) as refused, stream(calm_server, **{"X-Test": "1", **headers}):
        pass
    assert refused.value.response.status_code == status
    assert set(json.loads(refused.value.response.body)["error"]) == {"code", "message", "details"}


def test_a_stream_ends_with_its_token(server: Server, live_store: Store) -> None:
    text = new_token()
    named = {"name": "wall", "hint": "", "role": "viewer", "scope": "all", "created_by": "boss"}
    with live_store.begin() as connection:
        added = accounts.add_token(connection, digest=digest(text), created_at=1, **named)
    address = server.url.replace("http:", "ws:") + "/ws"
    with connect(address, additional_headers={"Authorization": f"Bearer {text}"}) as wall:
        assert json.loads(wall.recv(timeout=10))["type"] == "heartbeat"
        with live_store.begin() as connection:
            accounts.revoke_token(connection, added)
        with pytest.raises(ConnectionClosed, match="1008"):
            wall.recv(timeout=10)


def test_a_page_of_this_host_comes_in_with_its_cookie(calm_server: Server) -> None:
    link = re.search(r"/auth/login\?token=\S+", calm_server.log.read_text())
    assert link
    cookie = calm_server.request("GET", link[0], token=False)[1]["set-cookie"].partition(";")[0]
    with stream(calm_server, Cookie=cookie, Origin=calm_server.url) as client:
        assert message(client)["type"] == "heartbeat"


@pytest.mark.parametrize("last_id", ["-1", "x", "9223372036854775808", ""])
def test_a_wrong_last_id_is_refused(calm_server: Server, last_id: str) -> None:
    with pytest.raises(InvalidStatus) as refused, stream(calm_server, f"?last_id={last_id}"):
        pass
    assert refused.value.response.status_code == 400


def test_what_is_no_websocket_is_told_so(calm_server: Server) -> None:
    status, headers, body = calm_server.request("GET", "/ws")
    assert (status, headers["upgrade"]) == (426, "websocket")
    assert json.loads(body)["error"]["code"] == "upgrade_required"
    assert calm_server.request("GET", "/ws", **UPGRADE)[0] == 400, "no key"


def test_a_web_server_without_sockets_says_that_there_is_no_stream(client: FlaskClient) -> None:
    answer = client.get("/ws", headers=UPGRADE)
    assert answer.status_code == 501
    assert "poll GET /api/anomalies" in answer.get_json()["error"]["message"]


def test_clients_may_talk_but_not_at_length(server: Server, live_store: Store) -> None:
    with stream(server) as client:
        until_live(client)
        for _ in range(1000):
            client.send("hello")
        add_news(live_store, "/a")
        assert message(client)["id"] == 1
        client.send("x" * 5000)
        with pytest.raises(ConnectionClosed):
            client.recv(timeout=10)
        assert client.close_code == 1009


def test_over_the_cap_one_is_sent_away_and_a_place_that_is_left_is_free_at_once(
    calm_server: Server,
) -> None:
    with ExitStack() as stack:
        clients = [stack.enter_context(stream(calm_server)) for _ in range(MOST_LISTENERS)]
        for client in clients:
            until_live(client)
        with stream(calm_server) as other:
            with pytest.raises(ConnectionClosed):
                other.recv(timeout=10)
            assert other.close_code == 1013
        clients[0].close()
        wait_until(lambda: is_let_in(calm_server), seconds=2, what="a free place")


def is_let_in(server: Server) -> bool:
    with stream(server) as client:
        return has_begun(client)


def test_a_hundred_sockets_leave_http_its_threads(server: Server, live_store: Store) -> None:
    with ExitStack() as stack, ThreadPoolExecutor(20) as pool:
        opened = list(pool.map(lambda _: stream(server), range(100)))
        clients = [stack.enter_context(client) for client in opened]
        let_in = [client for client in clients if has_begun(client)]
        assert len(let_in) == MOST_LISTENERS
        took = [seconds_of(server, path) for _ in range(20) for path in ("/healthz", "/search")]
        add_news(live_store, "/a")
        assert [message(client)["id"] for client in let_in] == [1] * MOST_LISTENERS
    assert sorted(took)[len(took) * 9 // 10] < 0.5
    assert max(took) < 2


def has_begun(client: ClientConnection) -> bool:
    try:
        return message(client)["type"] == "heartbeat"
    except ConnectionClosed:
        return False


def seconds_of(server: Server, path: str) -> float:
    began = time.monotonic()
    assert server.request("GET", path)[0] == 200
    return time.monotonic() - began


def test_the_stream_is_not_part_of_the_traffic_that_is_watched(server: Server) -> None:
    with stream(server) as client:
        until_live(client)
    server.request("GET", "/ws")
    server.request("GET", "/search")
    wait_until(lambda: server.get_json("/api/logs")["items"])
    assert {row["endpoint"] for row in server.get_json("/api/logs")["items"]} == {"/search"}


def test_the_client_of_the_docs_prints_each_event_once_across_a_restart(tmp_path: Path) -> None:
    with running_server(tmp_path, scheduler=0) as server, store_of(server) as store:
        add_news(store, "/before")
        with following(server, tmp_path / "printed") as printed:
            wait_until(lambda: len(printed()) == 1, what="the first line")
            server.kill()
            add_news(store, "/meanwhile")
            with running_server(tmp_path, port=server.port, scheduler=0):
                wait_until(lambda: len(printed()) >= 2, what="what was missed")
                add_news(store, "/after")
                wait_until(lambda: len(printed()) >= 3, what="what came after")
    told = [line.split() for line in printed()]
    assert [(one[0], one[-1]) for one in told] == [
        ("1", "/before"),
        ("2", "/meanwhile"),
        ("3", "/after"),
    ]


@contextmanager
def following(server: Server, file: Path) -> Iterator[Callable[[], list[str]]]:
    """The client of the docs at work, and the lines it has printed."""
    command = [sys.executable, str(ROOT / "docs" / "live_client.py")]
    address = server.url.replace("http:", "ws:") + "/ws"
    with file.open("wb") as output:
        process = subprocess.Popen(
            [*command, address], env=os.environ | {"FORESIGHT_API_TOKEN": TOKEN}, stdout=output
        )
    try:
        yield lambda: file.read_text().splitlines()
    finally:
        process.kill()
        process.wait()
