"""Every request becomes one call, with the route, the client and the status that it had."""

from __future__ import annotations

import time
from io import BytesIO
from pathlib import Path
from typing import Any

import pytest
from flask import Flask
from flask.sessions import SecureCookieSessionInterface

from ingest import hooks
from ingest.call import MAX_PATH_CHARACTERS
from ingest.signature import HEADER, signature
from tests.captured import KEY, Log, captured, shop
from tests.rows import SEAL


@pytest.fixture
def log(tmp_path: Path) -> Log:
    return Log(tmp_path / "journal")


@pytest.fixture
def client(log: Log) -> Any:
    return captured(shop(), log).test_client()


@pytest.mark.parametrize(
    ("rule", "template"),
    [
        ("/", "/"),
        ("/orders/<int:id>", "/orders/{id}"),
        ("/files/<path:name>.<ext>", "/files/{name}.{ext}"),
        ("/<string(length=2):lang>/<any(a, 'b,c'):kind>", "/{lang}/{kind}"),
        ("/<float(min=0.5, signed=True):x>/<uuid:u_1>", "/{x}/{u_1}"),
    ],
    ids=["static", "converter", "two in one part", "arguments", "signed"],
)
def test_a_route_is_stored_as_a_template(rule: str, template: str):
    assert hooks.endpoint_template(rule) == template


@pytest.mark.parametrize(
    ("method", "path", "status", "endpoint", "size"),
    [
        ("GET", "/orders/17", 200, "/orders/{id}", 10),
        ("GET", "/orders/1000", 404, "/orders/{id}", None),
        ("GET", "/nothing/here", 404, "(unmatched)", None),
        ("PUT", "/orders/17", 405, "/orders/{id}", None),
        ("GET", "/orders", 405, "/orders", None),
        ("OPTIONS", "/orders/17", 200, "/orders/{id}", 0),
        ("HEAD", "/orders/17", 200, "/orders/{id}", 0),
        ("HEAD", "/stream", 200, "/stream", 0),
        ("DELETE", "/orders/1", 204, "/orders/{id}", 0),
        ("DELETE", "/orders/0", 304, "/orders/{id}", 0),
        ("GET", "/files/a/b/raw", 302, "/files/{name}/{form}", None),
        ("GET", "/list", 308, "/list/", None),
        ("POST", "/list/", 405, "/list/", None),
        ("GET", "/broken", 500, "/broken", None),
        ("GET", "/stream", 200, "/stream", 6),
        ("BREW", "/orders/17", 405, "/orders/{id}", None),
    ],
)
def test_each_request_is_one_call(
    client: Any, log: Log, method: str, path: str, status: int, endpoint: str, size: int | None
):
    response = client.open(path, method=method)
    body = response.data
    assert response.status_code == status
    (call,) = log.calls
    assert (call.endpoint, call.status_code, call.path) == (endpoint, status, path)
    assert call.payload_size == (len(body) if size is None else size)
    assert call.method == ("OTHER" if method == "BREW" else method)
    assert log.lost == 0


def test_time_of_arrival_and_duration_are_recorded(client: Any, log: Log):
    before = int(time.time() * 1000)
    client.get("/orders/17")
    after = time.time() * 1000
    (call,) = log.calls
    assert before <= call.timestamp <= call.received_at <= after
    assert call.response_time_ms is not None
    assert 0 < call.response_time_ms <= after - before + 1
    assert (call.source, call.ip_address, call.user_id) == ("live", "127.0.0.1", None)


@pytest.mark.parametrize(
    ("method", "path"),
    [
        ("GET", "/dashboard/page"),
        ("GET", "/dashboard/stream"),
        ("POST", "/dashboard/page"),
        ("DELETE", "/dashboard/page"),
        ("OPTIONS", "/dashboard/page"),
    ],
)
def test_own_traffic_is_not_logged_nor_its_refusals(client: Any, log: Log, method: str, path: str):
    client.open(path, method=method, data=b"x").close()
    assert log.calls == []
    assert log.lost == 0


@pytest.mark.parametrize("path", ["/broken", "/exit"])
def test_an_error_that_propagates_is_one_call_with_500(log: Log, path: str):
    server = captured(shop(), log)
    server.testing = True
    with pytest.raises((LookupError, SystemExit)):
        server.test_client().get(path)
    (call,) = log.calls
    assert (call.endpoint, call.status_code, call.payload_size) == (path, 500, 0)


def test_the_status_of_an_error_handler_counts(log: Log):
    server = shop()

    @server.errorhandler(LookupError)
    def answer(error: LookupError) -> tuple[str, int]:
        return str(error), 503

    assert captured(server, log).test_client().get("/broken").status_code == 503
    assert [call.status_code for call in log.calls] == [503]


class UnsavableSession(SecureCookieSessionInterface):
    def save_session(self, *_: Any) -> None:
        raise OSError("the session store is away")


class UnopenableSession(SecureCookieSessionInterface):
    def open_session(self, *_: Any) -> None:
        raise OSError("the session store is away")


@pytest.mark.parametrize("session", [UnsavableSession, UnopenableSession])
@pytest.mark.parametrize("propagates", [False, True])
def test_a_broken_session_is_one_call_with_the_500_that_was_sent(
    log: Log, session: type[SecureCookieSessionInterface], propagates: bool
):
    server = captured(shop(), log)
    server.session_interface = session()
    server.secret_key = "key of the sessions"
    server.testing = propagates
    if propagates:
        with pytest.raises(OSError, match="session store"):
            server.test_client().get("/stream")
    else:
        assert server.test_client().get("/stream").status_code == 500
    (call,) = log.calls
    assert (call.endpoint, call.status_code) == ("/stream", 500)


def test_a_later_hook_that_raises_doesnt_hide_the_call(log: Log):
    server = captured(shop(), log)

    @server.teardown_request
    def fail(_: BaseException | None) -> None:
        raise LookupError("broken hook")

    with pytest.raises(LookupError):
        server.test_client().get("/orders/17")
    (call,) = log.calls
    assert (call.endpoint, call.status_code) == ("/orders/{id}", 500)


def test_a_request_refused_by_a_later_hook_is_logged_under_its_route(log: Log):
    server = captured(shop(), log)
    server.before_request(lambda: ("slow down", 429))
    server.test_client().get("/orders/17")
    assert [(call.endpoint, call.status_code) for call in log.calls] == [("/orders/{id}", 429)]


def streamed(server: Flask, path: str) -> Any:
    """The body of an answer as a WSGI server gets it: an iterator that it closes."""
    environ = server.test_request_context(path).request.environ
    return server(environ, lambda *_: None)


def test_a_stream_is_recorded_once_at_its_end_with_its_size(log: Log):
    chunks = streamed(captured(shop(), log), "/stream")
    assert next(chunks) == b"one"
    assert log.calls == []
    assert list(chunks) == [b"two"]
    assert [(call.status_code, call.payload_size) for call in log.calls] == [(200, 6)]
    chunks.close()
    assert len(log.calls) == 1


def test_a_stream_whose_client_goes_away_is_recorded_with_what_was_sent(log: Log):
    chunks = streamed(captured(shop(), log), "/stream")
    next(chunks)
    chunks.close()
    assert [(call.status_code, call.payload_size) for call in log.calls] == [(200, 3)]


def test_a_stream_of_known_length_is_recorded_before_its_last_byte_goes_out(log: Log):
    chunks = streamed(captured(shop(), log), "/sized")
    assert next(chunks) == b"one"
    assert log.calls == []
    assert next(chunks) == b"two"
    assert [call.payload_size for call in log.calls] == [6]
    chunks.close()
    assert len(log.calls) == 1


@pytest.mark.parametrize(("good", "status"), [(0, 500), (2, 200)])
def test_a_stream_that_raises_is_recorded_with_the_status_that_was_sent(
    log: Log, good: int, status: int
):
    chunks = streamed(captured(shop(), log), f"/stream/{good}")
    with pytest.raises(LookupError):
        list(chunks)
    chunks.close()
    assert [(call.status_code, call.payload_size) for call in log.calls] == [(status, 5 * good)]


def test_the_caller_is_who_a_trusted_proxy_names(client: Any, log: Log):
    client.get(
        "/orders/17",
        headers={"X-Forwarded-For": "198.51.100.1", "X-Forwarded-User": "ann"},
        environ_overrides={"REMOTE_ADDR": "10.0.0.1"},
    )
    (call,) = log.calls
    assert (call.ip_address, call.user_id, call.source) == ("198.51.100.1", "ann", "live")
    assert call.fingerprint == SEAL.fingerprint("ann", "GET", "/orders/17", "")


def test_the_user_that_the_view_verified_is_recorded(client: Any, log: Log):
    client.get("/me")
    assert [call.user_id for call in log.calls] == ["user-7"]


def test_a_call_of_the_simulator_is_marked(client: Any, log: Log):
    signed = signature(KEY, "198.51.100.7", int(time.time()))
    client.get("/orders/17", headers={HEADER: signed})
    assert [(call.ip_address, call.source) for call in log.calls] == [("198.51.100.7", "simulated")]


@pytest.mark.parametrize(
    ("one", "other", "same"),
    [
        ({"json": {"a": 1}}, {"json": {"a": 1}}, True),
        ({"json": {"a": 1}}, {"json": {"a": 2}}, False),
        ({"query_string": "a=1"}, {"query_string": "a=2"}, False),
        ({"data": b"a" * 9000}, {"data": b"b" * 9000}, True),
        ({"data": b"a" * 9000}, {"data": b"a" * 9001}, False),
    ],
    ids=["same body", "other body", "other query", "long bodies", "long bodies of other length"],
)
def test_identical_requests_have_one_fingerprint(
    client: Any, log: Log, one: dict[str, Any], other: dict[str, Any], same: bool
):
    for sent in (one, other):
        client.post("/orders", **sent)
    first, second = log.calls
    assert (first.fingerprint == second.fingerprint) is same


def test_the_fingerprint_is_of_client_method_path_query_and_body(client: Any, log: Log):
    client.post("/orders?a=1", data=b"body")
    expected = SEAL.fingerprint("127.0.0.1", "POST", "/orders", "a=1", b"body")
    assert log.calls[0].fingerprint == expected


@pytest.mark.parametrize("length", [0, 1, 8192, 8193, 100_000])
def test_the_view_reads_the_whole_body(client: Any, length: int):
    assert client.post("/orders", data=b"x" * length).data == b"x" * length


@pytest.mark.parametrize("length", ["-1", "ten", "²", "9" * 5000, ""])
def test_a_senseless_content_length_breaks_nothing(client: Any, log: Log, length: str):
    client.post("/orders", environ_overrides={"CONTENT_LENGTH": length})
    assert len(log.calls) == 1
    assert log.lost == 0


class GoneClient(BytesIO):
    def read(self, *_: Any) -> bytes:
        raise ConnectionResetError("the client is gone")


def test_a_client_that_goes_away_while_it_sends_is_still_a_call(client: Any, log: Log):
    environ = {"wsgi.input": GoneClient(), "CONTENT_LENGTH": "10"}
    client.post("/orders", environ_overrides=environ)
    assert [call.endpoint for call in log.calls] == ["/orders"]
    assert log.lost == 0


@pytest.mark.parametrize(
    ("raw", "stored"),
    [
        ("/caf\xc3\xa9", "/café"),
        ("/\xff\xfe", "/\ufffd\ufffd"),
        ("/a\0b", "/a\ufffdb"),
        ("/" + "x" * 1000, ("/" + "x" * 1000)[:MAX_PATH_CHARACTERS]),
    ],
    ids=["UTF-8", "not UTF-8", "NUL", "long"],
)
def test_paths_are_stored_clean(client: Any, log: Log, raw: str, stored: str):
    client.get("/", environ_overrides={"PATH_INFO": raw})
    assert [call.path for call in log.calls] == [stored]


def fail(*_: Any) -> Any:
    raise LookupError("broken capture")


@pytest.mark.parametrize("name", ["is_own", "identify"])
def test_an_error_of_capture_leaves_the_answer_alone_and_is_counted(
    log: Log, caplog: pytest.LogCaptureFixture, name: str
):
    server = captured(shop(), log)
    setattr(server.wsgi_app, name, fail)
    for _ in range(3):
        assert server.test_client().get("/orders/17").status_code == 200
    assert log.calls == []
    assert log.lost == 3
    assert caplog.text.count("LookupError: broken capture") == 1


def test_two_servers_in_one_process_have_their_own_logs(tmp_path: Path):
    logs = [Log(tmp_path / name) for name in "ab"]
    clients = [captured(shop(), log).test_client() for log in logs]
    clients[0].get("/orders/1")
    clients[1].get("/orders/2")
    assert [[call.path for call in log.calls] for log in logs] == [["/orders/1"], ["/orders/2"]]
