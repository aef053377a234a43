"""Ways out and two readings: redirects, the Host header, broken lines, smuggled requests."""

from __future__ import annotations

import re
import socket
from collections.abc import Iterator
from urllib.parse import quote, urljoin, urlsplit

import pytest
from flask import Flask
from flask.testing import FlaskClient

from api.door import new_login_link
from jobs.runtime import Foresight
from tests.server import Server, running_server, wait_until

EVIL = "evil.example"
ELSEWHERE = [
    *(
        "//evil.example",
        "///evil.example",
        "////evil.example",
        "/\\evil.example",
        "\\\\evil.example",
    ),
    *("/\\/evil.example", "\\/evil.example", "https:evil.example", "https://evil.example"),
    *("http:evil.example", "HTTPS://evil.example", "javascript:alert(1)", "data:text/html,x"),
    *(
        "/\t/evil.example",
        "/\n/evil.example",
        "/\r/evil.example",
        "\t//evil.example",
        " //evil.example",
    ),
    *("/dashboard/\r\nLocation: //evil.example", "//evil.example/%2f..", "/%09/evil.example"),
    *("/%2f%2fevil.example", "/%5cevil.example", "%2f%2fevil.example", "/.//evil.example"),
    *(
        "/..//evil.example",
        "/dashboard/..//evil.example",
        "//evil.example@127.0.0.1",
        "@evil.example",
    ),
    *(".evil.example", "/\u2028/evil.example", "/\u3002evil.example", "\u0000//evil.example"),
    *("/x/../..//evil.example", "//[::1]", "/?next=//evil.example", "//localhost@evil.example"),
]


@pytest.fixture(scope="module")
def real(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Server]:
    """A real server, for what test clients would tidy up."""
    folder = tmp_path_factory.mktemp("real")
    with running_server(folder, scheduler=0) as server:
        yield server


def leads_to(location: str) -> str:
    """Where a browser goes: it takes `\\` for `/` and leaves tabs and ends of lines out."""
    seen = re.sub(r"[\t\r\n]", "", location.strip(" \0")).replace("\\", "/")
    return urlsplit(urljoin("http://127.0.0.1/auth/login", seen)).netloc


@pytest.mark.parametrize("target", ELSEWHERE)
@pytest.mark.parametrize("spelling", ["as it is", "escaped", "twice"])
def test_after_the_login_nobody_is_elsewhere(
    app: Flask, parts: Foresight, target: str, spelling: str
) -> None:
    escaped = quote(target, safe="", errors="surrogatepass")
    asked = {"as it is": escaped, "escaped": quote(escaped), "twice": quote(quote(escaped))}
    link = urlsplit(new_login_link(parts.settings))
    answer = app.test_client().get(f"{link.path}?{link.query}&next={asked[spelling]}")
    assert answer.status_code == 302
    assert leads_to(answer.location) == "127.0.0.1", answer.location
    assert len(answer.headers.getlist("Location")) == 1


@pytest.mark.parametrize(
    "path",
    ["/dashboard//evil.example", "/dashboard/\\evil.example", "/dashboard/?a=//evil.example"],
)
def test_who_is_led_to_the_login_stays_here(stranger: FlaskClient, path: str) -> None:
    answer = stranger.get(path)
    assert answer.status_code in (302, 308)
    assert leads_to(answer.location) in ("127.0.0.1", "localhost")


PLACES = ["/", "/dashboard/", "/dashboard", "/auth/login", "/api/stats", "/api/docs", "/no/such"]
PLACES += ["/auth/password", "/api/openapi.json", "/search/", "/dashboard/models", "/ws"]


@pytest.mark.parametrize("path", PLACES)
@pytest.mark.parametrize("known", [True, False])
def test_no_answer_repeats_the_host_that_was_asked_for(
    real: Server, path: str, known: bool
) -> None:
    headers = {"Host": EVIL, "X_Forwarded_Host": EVIL, "Forwarded": f"host={EVIL}"}
    headers |= {"X_Forwarded_Server": EVIL, "X_Original_URL": "/admin", "Accept": "text/html"}
    status, told, body = real.request("GET", path, token=known, **headers)
    assert status < 500
    assert EVIL.encode() not in body
    assert EVIL not in str(told)


@pytest.mark.parametrize(
    "path", ["//evil.example/search", "//evil.example//dashboard", "///evil.example/dashboard"]
)
def test_slashes_at_the_start_of_a_path_name_no_host(real: Server, path: str) -> None:
    _, told, _ = real.request("GET", path, Host=EVIL)
    assert leads_to(told.get("location", "/")) == "127.0.0.1", told


def test_a_method_of_a_header_or_a_field_is_not_the_method(client: FlaskClient) -> None:
    for name in ("X-HTTP-Method-Override", "X-HTTP-Method", "X-Method-Override"):
        headers = {name: "DELETE"}
        assert client.get("/api/questions/saved/1", headers=headers).status_code == 405
        assert client.post("/api/stats?_method=GET", headers=headers).status_code == 405
    assert client.get("/api/models/promote?_method=POST").status_code == 405


SMUGGLED = b"GET /smuggled HTTP/1.1\r\nHost: x\r\n\r\n"
LENGTH = b"Content-Length: %d\r\n" % len(SMUGGLED)
ZERO = b"0\r\n\r\n"
AMBIGUOUS = {
    "length and chunks": LENGTH + b"Transfer-Encoding: chunked\r\n\r\n" + ZERO + SMUGGLED,
    "chunks and length": b"Transfer-Encoding: chunked\r\n" + LENGTH + b"\r\n" + ZERO + SMUGGLED,
    "two lengths": b"Content-Length: 0\r\n" + LENGTH + b"\r\n" + SMUGGLED,
    "a length with a sign": b"Content-Length: +5\r\n\r\nhello" + SMUGGLED,
    "a length in hexadecimal": b"Content-Length: 0x5\r\n\r\nhello" + SMUGGLED,
    "a length with an underscore": b"Content-Length: 0_5\r\n\r\nhello" + SMUGGLED,
    "a list of lengths": b"Content-Length: 0, 5\r\n\r\nhello" + SMUGGLED,
    "unknown chunks": b"Transfer-Encoding: xchunked\r\n\r\n" + ZERO + SMUGGLED,
    "chunks of chunks": b"Transfer-Encoding: chunked, chunked\r\n\r\n" + ZERO + SMUGGLED,
    "chunks and identity": b"Transfer-Encoding: chunked, identity\r\n\r\n" + ZERO + SMUGGLED,
    "a blank before the colon": b"Transfer-Encoding : chunked\r\n" + LENGTH + b"\r\n" + SMUGGLED,
    "a tab in the value": b"Transfer-Encoding:\tchunked\r\n" + LENGTH + b"\r\n" + ZERO + SMUGGLED,
    "a folded header": b"X: a\r\n Transfer-Encoding: chunked\r\n" + LENGTH + b"\r\n" + SMUGGLED,
    "a vertical tab": b"Transfer-Encoding: \x0bchunked\r\n" + LENGTH + b"\r\n" + SMUGGLED,
    "an underscore": b"Transfer_Encoding: chunked\r\n" + LENGTH + b"\r\n" + SMUGGLED,
}


def answers_to(server: Server, request: bytes) -> bytes:
    """All that comes back on a connection until the server closes it or says no more."""
    with socket.create_connection(("127.0.0.1", server.port), timeout=3) as connection:
        connection.sendall(request)
        connection.shutdown(socket.SHUT_WR)
        found = b""
        while more := connection.recv(65_536):
            found += more
    return found


@pytest.mark.parametrize("kind", AMBIGUOUS)
def test_a_request_of_two_readings_is_never_two_requests(real: Server, kind: str) -> None:
    before = smuggled(real)
    head = b"POST /search HTTP/1.1\r\nHost: x\r\n"
    answered = answers_to(real, head + AMBIGUOUS[kind])
    assert answered.count(b"HTTP/1.1 ") <= 1, answered
    answers_to(real, b"GET /after HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n")
    wait_until(lambda: paths(real).count("/after") > before[1], what="the call after it")
    assert smuggled(real)[0] == before[0]


def paths(server: Server) -> list[str]:
    return [call["path"] for call in server.get_json("/api/logs?limit=1000")["items"]]


def smuggled(server: Server) -> tuple[int, int]:
    """How often each was called."""
    found = paths(server)
    return found.count("/smuggled"), found.count("/after")


@pytest.mark.parametrize(
    "line",
    [
        b"GET /x%0d%0aSet-Cookie:%20a=b HTTP/1.1\r\nHost: x\r\n",
        b"GET /dashboard/?a=%0d%0aSet-Cookie:%20a=b HTTP/1.1\r\nHost: x\r\n",
        b"GET /dashboard/%0d%0aSet-Cookie:%20a=b HTTP/1.1\r\nHost: x\r\n",
        b"GET /dashboard%0d%0aSet-Cookie:%20a=b HTTP/1.1\r\nHost: x\r\n",
        b"GET /auth/login?next=/a%0d%0aSet-Cookie:%20a=b HTTP/1.1\r\nHost: x\r\n",
        b"GET /api/stats HTTP/1.1\r\nHost: x\r\nX-Request-Id: a\rSet-Cookie: a=b\r\n",
        b"GET /api/stats HTTP/1.1\r\nHost: x\r\nOrigin: http://a\x0bSet-Cookie: a=b\r\n",
    ],
)
def test_no_line_of_a_request_becomes_a_line_of_the_answer(real: Server, line: bytes) -> None:
    answered = answers_to(real, line + b"Connection: close\r\n\r\n")
    head = answered.partition(b"\r\n\r\n")[0]
    assert head.startswith(b"HTTP/1.1 ")
    assert not re.search(rb"(?mi)^set-cookie: a=b", head), head
