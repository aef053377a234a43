"""Requests of simulated clients over kept-alive connections, each signed with its address."""

from __future__ import annotations

import http.client
import json
import threading
import time
from typing import Final
from urllib.parse import urlsplit

from ingest.shop.front import Request
from ingest.shop.model import Outcome
from ingest.signature import HEADER, signature
from ingest.simulator.clients import Client

LOCAL_HOSTS: Final = ("127.0.0.1", "localhost", "::1")
ANSWER_TIMEOUT_S: Final = 10.0


class Unreachable(Exception):
    """The server took no request: it is down or restarting."""


class Sender:
    """Connections to one server on this machine, one a thread.

    Parameters
    ----------
    url : str
        `http://` and a host of `LOCAL_HOSTS`.
    key : bytes
        The simulator's key.

    Raises
    ------
    ValueError
        The address is of another machine.
    """

    def __init__(self, url: str, key: bytes) -> None:
        parts = urlsplit(url)
        if parts.scheme != "http" or parts.hostname not in LOCAL_HOSTS:
            raise ValueError(
                f"url {url!r} must be http://127.0.0.1:PORT: simulated clients stay on this machine"
            )
        self._host, self._port, self._key = parts.hostname, parts.port or 80, key
        self._opened: dict[int, http.client.HTTPConnection] = {}  # by thread
        self._tokens: dict[str, str] = {}

    def send(self, client: Client, request: Request) -> Outcome:
        """Send one request as this client and wait for the answer.

        Raises
        ------
        Unreachable
            There was no answer.
        """
        began = time.perf_counter()
        status, body = self._exchange(request, self._headers(client, request))
        user = request.user
        if status == 200 and request.path == "/login":
            user = self._keep_token(body)
        return Outcome(status, time.perf_counter() - began, body, user)

    def close(self) -> None:
        """Close all connections; no thread may be sending."""
        for connection in self._opened.values():
            connection.close()

    def _headers(self, client: Client, request: Request) -> dict[str, str]:
        headers = {
            HEADER: signature(self._key, client.address, int(time.time())),
            "User-Agent": "foresight-simulated-client",
            "Accept": "application/json",
        }
        if request.body:
            headers["Content-Type"] = "application/json"
        if request.user is not None and request.user in self._tokens:
            headers["Authorization"] = f"Bearer {self._tokens[request.user]}"
        return headers

    def _keep_token(self, body: bytes) -> str | None:
        try:
            answer = json.loads(body)
            self._tokens[answer["user"]] = answer["token"]
        except (ValueError, LookupError, TypeError):
            return None
        return str(answer["user"])

    def _exchange(self, request: Request, headers: dict[str, str]) -> tuple[int, bytes]:
        """One request and its answer; once more when a kept connection turns out to be closed."""
        target = f"{request.path}?{request.query}" if request.query else request.path
        for kept in (True, False):
            connection = self._connection(fresh=not kept)
            try:
                connection.request(request.method, target, request.body or None, headers)
                answer = connection.getresponse()
                return answer.status, answer.read()
            except (OSError, http.client.HTTPException) as error:
                connection.close()
                if not kept or isinstance(error, TimeoutError | ConnectionRefusedError):
                    raise Unreachable(str(error)) from error
        raise AssertionError("not reached")

    def _connection(self, fresh: bool) -> http.client.HTTPConnection:
        thread = threading.get_ident()
        if fresh or thread not in self._opened:
            self._opened[thread] = http.client.HTTPConnection(
                self._host, self._port, timeout=ANSWER_TIMEOUT_S
            )
        return self._opened[thread]
