"""The client of the docs: every call of a service arrives, once, whatever happens to the server."""

from __future__ import annotations

import asyncio
import importlib.util
from collections.abc import Coroutine, Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest
from flask import Flask, request

from tests.server import ROOT, TOKEN, Server, free_port, running_server, wait_until


def ended(coroutine: Coroutine[Any, Any, None]) -> None:
    """Run it in a thread of its own: a browser of other tests may have a loop in this one."""
    with ThreadPoolExecutor(1) as own:
        own.submit(asyncio.run, coroutine).result()


@pytest.fixture(scope="module")
def docs() -> Any:
    """docs/foresight_client.py, as a service has it."""
    spec = importlib.util.spec_from_file_location("client", ROOT / "docs" / "foresight_client.py")
    assert spec is not None
    assert spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


@pytest.fixture(scope="module")
def server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Server]:
    with running_server(tmp_path_factory.mktemp("server"), scheduler="off") as running:
        yield running


def posted(server: Server, ip_address: str) -> list[dict[str, Any]]:
    items: list[dict[str, Any]] = server.get_json(f"/api/logs?ip_address={ip_address}")["items"]
    return items


def test_every_call_of_a_flask_app_arrives(docs: Any, server: Server) -> None:
    app = Flask("service")
    foresight = docs.Foresight(server.url, TOKEN)
    docs.watch_flask(app, foresight, user=lambda request: request.args.get("me"))

    @app.get("/orders/<int:order>")
    def order(order: int) -> dict[str, int]:
        return {"order": order} if order else 1 // 0

    client = app.test_client()
    environ = {"REMOTE_ADDR": "192.0.2.1"}
    for path in ("/orders/17?me=u1", "/orders/0", "/nowhere"):
        client.get(path, environ_base=environ)
    foresight.close()
    nowhere, broken, good = posted(server, "192.0.2.1")
    assert (good["endpoint"], good["path"], good["user_id"]) == (
        "/orders/{order}",
        "/orders/17",
        "u1",
    )
    assert good["payload_size"] == len(b'{"order":17}\n')
    assert (broken["status_code"], broken["endpoint"]) == (500, "/orders/{order}")
    assert (nowhere["status_code"], nowhere["endpoint"]) == (404, "(unmatched)")
    assert foresight.lost == 0


def test_a_hook_that_refuses_before_the_watcher_has_its_call_sent(
    docs: Any, server: Server
) -> None:
    app = Flask("service")
    app.before_request(lambda: ("busy", 429) if request.path == "/search" else None)
    foresight = docs.Foresight(server.url, TOKEN)
    docs.watch_flask(app, foresight)
    app.test_client().get("/search", environ_base={"REMOTE_ADDR": "192.0.2.2"})
    foresight.close()
    assert [call["status_code"] for call in posted(server, "192.0.2.2")] == [429]


def test_every_call_of_an_asgi_app_arrives(docs: Any, server: Server) -> None:
    async def service(scope: Any, _: Any, send: Any) -> None:
        scope["route"] = SimpleNamespace(path="/orders/{order}")  # as FastAPI notes it
        if scope["path"].endswith("/0"):
            raise LookupError("no order 0")
        await send({"type": "http.response.start", "status": 201, "headers": []})
        await send({"type": "http.response.body", "body": b"one", "more_body": True})
        await send({"type": "http.response.body", "body": b"four"})

    async def send(_: Any) -> None: ...

    foresight = docs.Foresight(server.url, TOKEN)
    watched = docs.WatchedASGI(service, foresight, user=lambda scope: scope.get("user"))
    scope = {"type": "http", "method": "POST", "query_string": b"a=1", "user": "u7"}
    scope |= {"client": ("192.0.2.3", 4711)}
    ended(watched({**scope, "path": "/orders/17"}, None, send))
    with pytest.raises(LookupError):
        ended(watched({**scope, "path": "/orders/0"}, None, send))
    foresight.close()
    broken, good = posted(server, "192.0.2.3")
    assert (good["status_code"], good["payload_size"], good["user_id"]) == (201, 7, "u7")
    assert (good["endpoint"], good["path"]) == ("/orders/{order}", "/orders/17")
    assert (broken["status_code"], broken["endpoint"]) == (500, "/orders/{order}")


def test_what_waits_is_sent_before_an_asgi_server_ends(docs: Any, server: Server) -> None:
    fields = {"method": "GET", "path": "/a", "status_code": 200, "ip_address": "192.0.2.5"}
    foresight = docs.Foresight(server.url, TOKEN)

    async def service(_: Any, __: Any, send: Any) -> None:
        foresight.add(timestamp=1_773_847_800_000, **fields)
        await send({"type": "lifespan.shutdown.complete"})

    async def send(_: Any) -> None:
        assert len(posted(server, "192.0.2.5")) == 1

    ended(docs.WatchedASGI(service, foresight)({"type": "lifespan"}, None, send))


def test_calls_wait_while_the_server_is_away(
    docs: Any, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(docs, "RETRY_S", 0.1)
    monkeypatch.setattr(docs, "EVERY_S", 0.05)
    port = free_port()
    foresight = docs.Foresight(f"http://127.0.0.1:{port}", TOKEN)
    fields = {"method": "GET", "path": "/a", "status_code": 200, "ip_address": "192.0.2.4"}
    for n in range(7):
        foresight.add(timestamp=1_773_847_800_000 + n, **fields)
    with running_server(tmp_path, port=port, scheduler="off") as server:
        wait_until(lambda: len(posted(server, "192.0.2.4")) == 7, what="the calls that waited")
        foresight.add(timestamp=1_773_847_800_100, status_code=0)  # refused, and no reason to stop
        foresight.add(timestamp=1_773_847_800_200, **fields)
        foresight.close()
        assert len(posted(server, "192.0.2.4")) == 8
    assert foresight.lost == 0
