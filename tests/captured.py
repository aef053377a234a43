"""A small server with one route of each sort, and what its journal says."""

from __future__ import annotations

from collections.abc import Iterator
from ipaddress import ip_network
from pathlib import Path
from typing import Any

from flask import Flask, Response, abort, redirect, request, stream_with_context
from werkzeug.routing import Rule

from ingest import hooks
from ingest.call import Call
from ingest.journal import Journal
from ingest.seal import Seal
from ingest.writer import decoded
from tests.rows import SEAL

KEY = b"key of the simulator"
PROXIES = (ip_network("10.0.0.0/8"),)


def is_own(rule: Rule) -> bool:
    return rule.rule.startswith("/dashboard/")


def shop() -> Flask:
    """A server with one route of each sort, its errors answered as in production."""
    server = Flask(__name__, static_folder=None)

    @server.get("/orders/<int:id>")
    def order(id: int) -> dict[str, int]:
        return {"id": id} if id < 1000 else abort(404)

    @server.post("/orders")
    def add_order() -> tuple[bytes, int]:
        return request.get_data(), 201

    @server.get("/files/<path:name>/<any(raw,text):form>")
    def file(name: str, form: str) -> Response:
        return redirect(f"/other/{name}/{form}")

    @server.get("/list/")
    def listing() -> list[str]:
        return ["a", "b"]

    @server.delete("/orders/<int:id>")
    def remove(id: int) -> tuple[str, int]:
        return "", 204 if id else 304

    @server.get("/broken")
    def broken() -> str:
        raise LookupError("broken view")

    @server.get("/exit")
    def leave() -> str:
        raise SystemExit(3)

    @server.get("/stream")
    def stream() -> Response:
        return Response(iter((b"one", b"two")))

    @server.get("/sized")
    def sized() -> Response:
        return Response(iter((b"one", b"two")), headers={"Content-Length": "6"})

    @server.get("/stream/<int:good>")
    def failing_stream(good: int) -> Response:
        def chunks() -> Iterator[bytes]:
            yield from [b"chunk"] * good
            raise LookupError("broken stream")

        return Response(stream_with_context(chunks()))

    @server.get("/me")
    def me() -> str:
        request.environ["foresight.user_id"] = "user-7"
        return "me"

    @server.get("/dashboard/stream")
    def own_stream() -> Response:
        return Response(iter((b"one", b"two")))

    @server.route("/dashboard/<path:page>", methods=["GET", "POST"])
    def dashboard(page: str) -> str:
        return page

    return server


class Log:
    """What the journal of a server says."""

    def __init__(self, directory: Path) -> None:
        self.journal = Journal(directory, 2**20)

    def _batch(self) -> Any:
        return decoded(b"".join(file.read_bytes() for file in self.journal.directory.glob("*")))

    @property
    def calls(self) -> list[Call]:
        return [Call(*row) for row in self._batch().rows]

    @property
    def lost(self) -> int:
        self.journal.close()
        return int(self._batch().lost)


def captured(server: Flask, log: Log, seal: Seal = SEAL) -> Flask:
    hooks.install(
        server,
        log.journal,
        is_own=is_own,
        trusted_proxies=PROXIES,
        simulator_key=KEY,
        seal=seal,
    )
    return server
