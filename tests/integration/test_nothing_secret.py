"""Queries, bodies, headers and cookies: sent in every way, and then looked for in every byte."""

from __future__ import annotations

import gzip
import json
import os
import socket
import subprocess
import sys
import time
from collections import Counter
from pathlib import Path
from urllib.parse import quote

import pytest

from tests.server import ROOT, Server, running_server, wait_until

MARK = "s3cret"  # part of all that must not be stored
USER, ADDRESS = "ann.of.the.tests", "203.0.113.77"
COMMANDS = """
import json, sys
from app import create_app
server = create_app()
with server.app_context():
    for command in json.loads(sys.argv[1]):
        done = server.test_cli_runner().invoke(args=command)
        assert done.exit_code == 0, done.output
        print(done.stdout)
"""
ANSWERS = (
    "/api/logs?limit=1000",
    "/api/anomalies?limit=1000",
    "/api/stats",
    "/api/openapi.json",
    "/metrics",
    "/readyz",
)


def raw(server: Server, *lines: str, body: str = "") -> None:
    """A request as nobody's library would send it; whatever comes back."""
    text = "\r\n".join(lines) + "\r\n\r\n" + body
    with socket.create_connection(("127.0.0.1", server.port), timeout=10) as connection:
        connection.sendall(text.encode("latin-1"))
        connection.shutdown(socket.SHUT_WR)
        while connection.recv(65_536):
            pass


def send_live(server: Server) -> None:
    """Marked requests to routes that are there, that are not and that fail, whole and broken."""
    marked = {
        "Cookie": f"session={MARK}-cookie",
        "X-Api-Key": f"{MARK}-header",
        "Authorization": f"Bearer {MARK}-token",
        "User-Agent": f"{MARK}-agent",
        "Referer": f"http://x/?{MARK}",
    }
    body = {"username": "demo", "password": f"{MARK}-password", "card": f"{MARK}-card"}
    for path in ("/login", "/payment", "/nowhere", "/search"):
        for method in ("GET", "POST", "PUT", f"{MARK.upper()}"):
            sent = None if method == "GET" else body
            server.request(method, f"{path}?q={MARK}-query", sent, **marked)
    for path in (f"/search;v={MARK}", f"/search%3F{MARK}", f"/search%23{MARK}", f"/a%253F{MARK}"):
        server.request("GET", path, **marked)
    server.request("GET", f"/api/logs?cursor={MARK}", **marked)
    server.request("POST", "/api/admin/query", {"question": f"{MARK}-question"}, **marked)
    host = "Host: 127.0.0.1"
    raw(server, f"GET http://ann:{MARK}@127.0.0.1/search?{MARK} HTTP/1.1", host)
    raw(server, f"GET /search?{MARK} HTTP/9.9", host)
    raw(server, f"G({MARK}) /search HTTP/1.1", host)
    raw(server, f"GET /search?{MARK}", host)
    raw(server, f"GET /search?{MARK * 3_000} HTTP/1.1", host)
    raw(server, "GET /search HTTP/1.1", host, f"X-{MARK} : a")
    raw(server, "GET /search HTTP/1.1", host, f"X-Long: {MARK * 9_000}")
    raw(server, "POST /login HTTP/1.1", host, "Content-Length: 500", body=f'{{"a": "{MARK}"}}')
    raw(server, "POST /login HTTP/1.1", host, f"Content-Length: {MARK}")


def targets() -> list[str]:
    return [
        f"/shop?{MARK}",
        f"/shop;jsessionid={MARK}",
        f"/shop#{MARK}",
        f"http://ann:{MARK}@shop.example/x",
        f"/shop%3F{MARK}",
    ]


def send_posted(server: Server) -> None:
    """Marked calls of other services, good and bad ones, and bodies that can't be read."""
    now = time.time_ns() // 1_000_000
    good = {
        "timestamp": now - 120_000, "method": "POST", "status_code": 200, "user_id": USER,
        "ip_address": ADDRESS, "body": f"{MARK}-body", "content_type": f"text/{MARK}",
    }  # fmt: skip
    calls = [good | {"path": target} for target in targets()]
    calls += [good | {"path": "/x", "endpoint": f"/x?a={MARK}"}]
    calls += [good | {"path": f"/{MARK}-bad", "status_code": 7}]
    key = {"Idempotency_Key": f"{MARK}-key"}
    status, _, answer = server.request("POST", "/api/calls", calls, **key)
    assert (status, json.loads(answer)["accepted"]) == (202, 6), answer
    packed = gzip.compress(json.dumps(calls).encode())
    kind = {"Content_Type": "application/json", "Content_Encoding": "gzip"}
    server.request("POST", "/api/calls", packed, **kind)
    server.request("POST", "/api/calls", f"[{MARK}".encode(), **kind | {"Content_Encoding": ""})


def import_logs(server: Server, options: dict[str, str], folder: Path) -> None:
    """Marked lines of each format."""
    at = time.strftime("%d/%b/%Y:%H:%M:%S +0000", time.gmtime(time.time() - 300))
    agents = f'"http://x/?{MARK}" "{MARK}-agent"'
    requests = [f"GET {target} HTTP/1.1" for target in targets()]
    requests += [f"\\x16\\x03?{MARK}", f"CONNECT ann:{MARK}@shop.example:443 HTTP/1.1"]
    combined = [f'{ADDRESS} - {USER} [{at}] "{text}" 200 5 {agents}' for text in requests]
    named = {
        "timestamp": time.time_ns() // 1_000_000 - 300_000, "method": "GET", "status_code": 200,
        "ip_address": ADDRESS, "user_id": USER, "body": MARK,
    }  # fmt: skip
    fields = [named | {"path": target} for target in targets()]
    files = {
        "combined": combined,
        "json": [json.dumps(one) for one in fields],
        "csv": [",".join(fields[0]), *(",".join(map(str, one.values())) for one in fields)],
    }
    commands = []
    for format, lines in files.items():
        file = folder / f"access.{format}"
        file.write_text("\n".join(lines) + "\n")
        commands.append(["import-log", str(file), "--format", format, "--no-score"])
    done = subprocess.run(
        [sys.executable, "-c", COMMANDS, json.dumps(commands)],
        cwd=ROOT,
        env=os.environ | {"FORESIGHT_DATA_DIR": str(server.data_dir), **options},
        capture_output=True,
        text=True,
        check=True,
    )
    assert MARK not in done.stdout


def places_of(text: str, server: Server) -> list[str]:
    """Files below the data folder, and answers, in which a text stands."""
    looked_for = {text.encode(), quote(text).encode()}
    files = [path for path in server.data_dir.rglob("*") if path.is_file()]
    found = [
        str(path.relative_to(server.data_dir))
        for path in files
        if any(one.lower() in path.read_bytes().lower() for one in looked_for)
    ]
    for path in ANSWERS:
        for accept in ("application/json", "application/x-ndjson", "text/csv"):
            _, headers, body = server.request("GET", path, Accept=accept)
            if any(one in body or one in str(headers).encode() for one in looked_for):
                found.append(f"{path} as {accept}")
    return found


def stored(server: Server) -> dict[str, int]:
    """Source -> calls."""
    calls = server.get_json("/api/logs?limit=1000")["items"]
    return Counter(call["source"] for call in calls)


@pytest.mark.parametrize("pseudonyms", [0, 1], ids=["names", "pseudonyms"])
def test_no_byte_of_what_was_sent_is_stored(pseudonyms: int, tmp_path: Path) -> None:
    options = {"FORESIGHT_PSEUDONYMS": str(pseudonyms)}
    data_dir = tmp_path / "data"
    with running_server(data_dir, pseudonyms=pseudonyms) as server:
        send_live(server)
        send_posted(server)
        import_logs(server, options, tmp_path)
        wait_until(lambda: stored(server).get("live", 0) >= 20, what="live calls")
        assert stored(server)["posted"] == 12
        assert stored(server)["import"] >= 15
        assert places_of(MARK, server) == []
        for name in (USER, ADDRESS):
            assert bool(places_of(name, server)) is not bool(pseudonyms), places_of(name, server)
        called_from = {call["ip_address"] for call in server.get_json("/api/logs")["items"]}
        assert ("127.0.0.1" in called_from) is not bool(pseudonyms)
    left = [path for path in data_dir.rglob("*") if path.is_file()]
    assert [path.name for path in left if MARK.encode() in path.read_bytes().lower()] == []
