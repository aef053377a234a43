"""What no honest client sends, over real sockets: each answer is a call that is stored."""

from __future__ import annotations

import gzip
import json
import re
import socket
import threading
import time
from collections.abc import Iterator
from contextlib import ExitStack, suppress
from pathlib import Path
from typing import Any

import pytest
from sqlalchemy import func, select
from sqlalchemy.engine import make_url

from jobs import scoring
from ml.bundle import Bundle
from store import Store, open_store
from store.tables import anomaly_log, api_log
from tests.server import Server, running_server, wait_until
from tests.stored import counters

MB = 2**20
LONG = 900_000  # a record of 1 MB is refused whole
CLOSE = b"Host: shop\r\nConnection: close\r\n"
CHUNKED = b"Transfer-Encoding: chunked\r\n"


def get(path: bytes, headers: bytes = b"") -> bytes:
    return b"GET " + path + b" HTTP/1.1\r\n" + CLOSE + headers + b"\r\n"


def post(headers: bytes, body: bytes = b"") -> bytes:
    return b"POST /login HTTP/1.1\r\n" + CLOSE + headers + b"\r\n" + body


REQUESTS: dict[str, tuple[bytes, set[int]]] = {  # what is sent, and the status that may come
    "a path of 8 kB": (get(b"/" + b"a" * 8_000), {404}),
    "a path of 1 MB": (get(b"/" + b"a" * MB), {414}),
    "a million query parameters": (get(b"/search?" + b"a&" * 10**6), {414}),
    "four thousand query parameters": (get(b"/search?" + b"a&" * 4_000), {200, 400, 422}),
    "an escaped NUL": (get(b"/a%00b"), {404}),
    "a raw NUL": (get(b"/a\0b"), {400, 404}),
    "escaped bad UTF-8": (get(b"/%ff%fe%c3"), {404}),
    "raw bad UTF-8": (get(b"/\xff\xfe\xc3"), {400, 404}),
    "a lone surrogate": (get(b"/%ed%a0%80"), {404}),
    "control characters": (get(b"/%01%07%1b[31m%0a%0d"), {404}),
    "text that runs backwards": (get(b"/%e2%80%ae%e2%81%a6txt.exe"), {404}),
    "a path that leaves": (get(b"/../../etc/passwd"), {404}),
    "a whole address": (get(b"http://elsewhere/x"), {404}),
    "two slashes": (get(b"//elsewhere//x"), {308, 404}),
    "an asterisk": (b"OPTIONS * HTTP/1.1\r\n" + CLOSE + b"\r\n", {400, 404}),
    "a header of 1 MB": (get(b"/x", b"X-Big: " + b"a" * MB + b"\r\n"), {431}),
    "a thousand headers": (get(b"/x", b"".join(b"X-%d: a\r\n" % n for n in range(1000))), {431}),
    "a header without a name": (get(b"/x", b": a\r\n"), {400}),
    "a header with a NUL": (get(b"/x", b"X-A: a\0b\r\n"), {400, 404}),
    "a user of 7 kB": (get(b"/x", b"X-Forwarded-User: " + b"u" * 7_000 + b"\r\n"), {404}),
    "a user in bad UTF-8": (get(b"/x", b"X-Forwarded-User: \xff\xfe\xed\xa0\x80\r\n"), {400, 404}),
    "a thousand addresses": (get(b"/x", b"X-Forwarded-For: " + b"1.2.3.4," * 900 + b"\r\n"), {404}),
    "no address": (get(b"/x", b"X-Forwarded-For: <script>, %00\r\n"), {404}),
    "no method": (b" /x HTTP/1.1\r\n" + CLOSE + b"\r\n", {400}),
    "a method of its own": (b"BREW /x HTTP/1.1\r\n" + CLOSE + b"\r\n", {404}),
    "a method of 5 kB": (b"A" * 5_000 + b" /x HTTP/1.1\r\n" + CLOSE + b"\r\n", {400, 404}),
    "a version that is none": (b"GET /x HTTP/7.3\r\n" + CLOSE + b"\r\n", {400, 404, 505}),
    "no HTTP at all": (b"\x16\x03\x01\x02\0\x01\0\x01\xfc\x03\x03\r\n\r\n", {400}),
    "a chunk that is too short": (post(CHUNKED, b"9\r\nabc\r\n0\r\n\r\n"), {400, 413, 500}),
    "a chunk of no length": (post(CHUNKED, b"zz\r\nabc\r\n0\r\n\r\n"), {400, 500}),
    "a chunk of a negative length": (post(CHUNKED, b"-5\r\nabc\r\n0\r\n\r\n"), {400, 500}),
    "a body that ends early": (post(b"Content-Length: 500\r\n", b"{}"), {400, 401, 422}),
    "a negative length": (post(b"Content-Length: -1\r\n", b"{}"), {400}),
    "two lengths": (post(b"Content-Length: 2\r\nContent-Length: 9\r\n", b"{}"), {400}),
    "a length and chunks": (post(CHUNKED + b"Content-Length: 9\r\n", b"0\r\n\r\n"), {400, 422}),
    "a million form fields": (
        post(b"Content-Length: 2000000\r\nContent-Type: application/x-www-form-urlencoded\r\n")
        + b"a&" * 10**6,
        {400, 413},
    ),
    "numbers beyond all": (post(b"Content-Length: 26\r\n", b'{"username": 1e999, "a":-0}'), {400}),
}


@pytest.fixture(scope="module", params=["sqlite", "postgresql"])
def site(
    request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[tuple[Server, Store]]:
    """A server behind a trusted proxy, and its store."""
    folder: Path = tmp_path_factory.mktemp("strange")
    options: dict[str, Any] = {"scheduler": 0, "trusted_proxies": "127.0.0.1"}
    url = f"sqlite:///{folder / 'foresight.db'}"
    if request.param == "postgresql":
        given = make_url(request.getfixturevalue("postgres_url"))
        url = given.set(drivername="postgresql+psycopg").render_as_string(hide_password=False)
        options["database_url"] = url
    with running_server(folder, **options) as server:
        store = open_store(url)
        yield server, store
        store.close()


def exchange(port: int, request: bytes) -> list[int]:
    """The statuses of all answers to what is sent on one connection."""
    with socket.create_connection(("127.0.0.1", port), timeout=20) as connection:
        with suppress(OSError):  # it may be refused before all is sent
            connection.sendall(request)
            connection.shutdown(socket.SHUT_WR)
        answer = b""
        with suppress(ConnectionResetError):  # after the answer to what was not read to its end
            while part := connection.recv(65_536):
                answer += part
    return [int(status) for status in re.findall(rb"HTTP/1\.1 (\d{3}) ", answer)]


def stored_calls(store: Store) -> int:
    with store.read() as connection:
        return connection.scalar(select(func.count()).select_from(api_log)) or 0


@pytest.mark.parametrize("name", REQUESTS)
def test_each_answer_is_a_stored_call(site: tuple[Server, Store], name: str) -> None:
    server, store = site
    request, expected = REQUESTS[name]
    before = stored_calls(store)
    answers = exchange(server.port, request)
    assert len(answers) == 1, "it is answered"
    assert answers[0] in expected
    wait_until(lambda: stored_calls(store) > before, what="the call is stored")
    exchange(server.port, get(b"/last"))
    wait_until(lambda: stored_calls(store) > before + 1, what="the call after it is stored")
    assert stored_calls(store) == before + 2
    with store.read() as connection:
        newest = connection.scalars(select(api_log.c.status_code).order_by(api_log.c.id)).all()
    assert newest[before] == answers[0], "with the status that was sent"
    lost = counters(store)
    assert not {"calls_lost", "records_torn", "records_refused"} & lost.keys(), lost


def test_requests_in_one_packet_are_a_call_each(site: tuple[Server, Store]) -> None:
    server, store = site
    before = stored_calls(store)
    one = b"GET /pipelined HTTP/1.1\r\nHost: shop\r\n\r\n"
    assert exchange(server.port, one * 20 + get(b"/pipelined")) == [404] * 21
    wait_until(lambda: stored_calls(store) == before + 21, what="each is stored")


def record(now_ms: int, **fields: Any) -> dict[str, Any]:
    ordinary = {"timestamp": now_ms, "method": "GET", "path": "/x", "status_code": 200}
    return ordinary | {"ip_address": "10.0.0.1"} | fields


STRANGE_FIELDS: list[dict[str, Any]] = [
    {"path": "/" + "a" * LONG},
    {"path": "/" + "a" * MB},
    {"path": "/a\0b"},
    {"path": "/\ud800"},
    {"path": "/\u202etxt.exe\x1b[31m"},
    {"path": ""},
    {"path": "/?" + "a&" * 10**5},
    {"endpoint": "/" + "e" * LONG},
    {"endpoint": "/\0\ud800\u202e"},
    {"user_id": "u" * LONG},
    {"user_id": "\0\ud800"},
    {"user_id": "(other)"},
    {"ip_address": "\0"},
    {"ip_address": "x" * LONG},
    {"method": ""},
    {"method": "A" * LONG},
    {"status_code": 0},
    {"status_code": 999},
    {"status_code": -200},
    {"status_code": 2**70},
    {"response_time_ms": -1},
    {"response_time_ms": float("inf")},
    {"response_time_ms": float("nan")},
    {"response_time_ms": 1e308},
    {"payload_size": -1},
    {"payload_size": 2**70},
    {"timestamp": "0001-01-01T00:00:00Z"},
    {"timestamp": "9999-12-31T23:59:59Z"},
    {"timestamp": -1},
    {"timestamp": 2**80},
    {"timestamp": "1970-01-01"},
]


def test_strange_values_are_posted_or_refused_and_what_is_accepted_is_stored_shown_and_scored(
    site: tuple[Server, Store], factory: Bundle
) -> None:
    server, store = site
    before, now_ms = stored_calls(store), time.time_ns() // 1_000_000
    accepted = 0
    for fields in STRANGE_FIELDS:
        body = gzip.compress(json.dumps(record(now_ms, **fields)).encode())
        status, _, answer = server.request(
            "POST", "/api/calls", body, Content_Type="application/x-ndjson", Content_Encoding="gzip"
        )
        assert status == 202, (str(fields)[:80], answer[:300])
        counts = json.loads(answer)
        assert counts["accepted"] + counts["rejected"] == 1
        assert counts["accepted"] or counts["errors"][0]["reason"], "or it says why"
        accepted += counts["accepted"]
    assert 10 <= accepted < len(STRANGE_FIELDS)
    assert stored_calls(store) == before + accepted
    newest = server.get_json(f"/api/logs?limit={accepted}")["items"]
    assert len(newest) == accepted
    assert all(len(call["path"] or "") <= 256 and len(call["endpoint"]) <= 128 for call in newest)
    assert scoring.score_all(store, "v1", factory, lambda: now_ms + 10 * 60_000, min_calls=5) > 0
    with store.read() as connection:
        total = select(func.sum(anomaly_log.c.req_count)).where(anomaly_log.c.subject == "endpoint")
        assert connection.scalar(total) == stored_calls(store), "each call is in a window"
    assert len(server.get_json("/api/anomalies?limit=1000")["items"]) > 0


def drip(port: int, over: threading.Event, cut: list[float]) -> None:
    """Send a request byte by byte, one each half second; note when the server has had enough."""
    begin = time.monotonic()
    with socket.create_connection(("127.0.0.1", port)) as connection:
        for byte in b"GET /slow HTTP/1.1\r\nX-Slow: " + b"a" * 1000:
            if over.wait(0.5):
                return
            try:
                connection.sendall(bytes([byte]))
                connection.setblocking(False)
                with suppress(BlockingIOError):
                    if connection.recv(1) == b"":
                        raise ConnectionResetError
                connection.setblocking(True)
            except OSError:
                cut.append(time.monotonic() - begin)
                return


def test_who_sends_byte_by_byte_keeps_nobody_else_from_being_answered(
    site: tuple[Server, Store],
) -> None:
    server, store = site
    before, over = stored_calls(store), threading.Event()
    cut: list[float] = []
    with ExitStack() as stack:
        stack.callback(over.set)
        drips = [threading.Thread(target=drip, args=(server.port, over, cut)) for _ in range(50)]
        for one in drips:
            one.start()
        times, until = [], time.monotonic() + 12
        while time.monotonic() < until:
            began = time.monotonic()
            assert exchange(server.port, get(b"/meanwhile")) == [404]
            times.append(time.monotonic() - began)
        wait_until(lambda: len(cut) == len(drips), what="the slow ones are cut off")
    for one in drips:
        one.join()
    assert max(times) < 5, f"{len(times)} requests, the slowest took {max(times):.1f} s"
    assert min(cut) > 9
    wait_until(lambda: stored_calls(store) == before + len(times), what="what was answered")


def test_who_does_not_close_a_connection_that_is_over_keeps_nobody_waiting(
    site: tuple[Server, Store],
) -> None:
    server, _ = site
    with ExitStack() as stack:
        for _ in range(20):
            held = stack.enter_context(socket.create_connection(("127.0.0.1", server.port)))
            held.sendall(get(b"/held"))
            assert held.recv(12) == b"HTTP/1.1 404"
        began = time.monotonic()
        assert exchange(server.port, get(b"/meanwhile")) == [404]
        assert time.monotonic() - began < 1
