"""Sends the calls of your service to Foresight: one file to copy, of the standard library alone.

    foresight = Foresight("http://127.0.0.1:8050", token)
    watch_flask(app, foresight)                                 # Flask
    app.add_middleware(WatchedASGI, foresight=foresight)        # FastAPI, Starlette

A request never waits: calls are queued, and a thread sends them once a second.
"""

from __future__ import annotations

import asyncio
import atexit
import http.client
import json
import logging
import re
import threading
import time
import urllib.error
import urllib.request
import uuid
from collections import deque
from collections.abc import Callable
from typing import Any

BATCH = 5_000  # calls
EVERY_S = 1.0
MOST_WAITING = 100_000  # calls; more are counted in `lost`, so that an outage can't fill the memory
RETRY_S = 2.0
TIMEOUT_S = 20.0
_log = logging.getLogger("foresight")


class Foresight:
    """A queue of calls and the thread that posts them; made once a process."""

    def __init__(self, url: str, token: str) -> None:
        self.url = url.rstrip("/") + "/api/calls"
        self.token = token
        self.lost = 0
        self._waiting: deque[dict[str, Any]] = deque()
        self._stopping = threading.Event()
        self._starting = threading.Lock()
        self._thread: threading.Thread | None = None
        atexit.register(self.close)

    def add(self, **call: Any) -> None:
        """Queue one call; its fields are those of `POST /api/calls`."""
        if len(self._waiting) >= MOST_WAITING:
            self.lost += 1
            return
        self._waiting.append(call)
        if self._thread is None:  # at the first call: a thread would not survive a server's fork
            with self._starting:
                if self._thread is None:
                    self._thread = threading.Thread(target=self._run, daemon=True)
                    self._thread.start()

    def close(self) -> None:
        """Send what waits, trying once, and stop."""
        self._stopping.set()
        if self._thread is not None:
            self._thread.join(TIMEOUT_S)

    def _run(self) -> None:
        while not self._stopping.wait(EVERY_S):
            self._send_waiting()
        self._send_waiting()

    def _send_waiting(self) -> None:
        while self._waiting:
            size = min(BATCH, len(self._waiting))
            calls = [self._waiting.popleft() for _ in range(size)]
            body = json.dumps(calls, default=str).encode()
            key = str(uuid.uuid4())
            while (retry_s := self._post(body, key)) is not None:
                if self._stopping.wait(retry_s):
                    self.lost += size
                    return

    def _post(self, body: bytes, key: str) -> float | None:
        """None when the batch is done, else after how long to send it again, with the same key."""
        headers = {
            "Authorization": f"Bearer {self.token}",
            "Content-Type": "application/json",
            "Idempotency-Key": key,  # however often it is sent, it is stored once
        }
        request = urllib.request.Request(self.url, body, headers)
        try:
            # The address is the one that this program was given.
            with urllib.request.urlopen(request, timeout=TIMEOUT_S) as answer:  # nosec B310
                found = json.load(answer)
        except urllib.error.HTTPError as error:
            if error.code in (429, 502, 503, 504):
                after = error.headers.get("Retry-After", "")
                return float(after) if after.isdecimal() else RETRY_S
            _log.error("Foresight refused a batch: %s %s", error.code, error.read()[:500])
            return None
        except (OSError, http.client.HTTPException, ValueError) as error:
            _log.warning("Foresight can't be reached, the calls wait: %s", error)
            return RETRY_S
        if found["rejected"]:
            _log.error("Foresight refused %d calls: %s", found["rejected"], found["errors"][:3])
        return None


def _nobody(_: Any) -> str | None:
    return None


def watch_flask(app: Any, foresight: Foresight, user: Callable[[Any], Any] = _nobody) -> None:
    """Send every call of a Flask app; `user(request)` says who called, if anybody is logged in."""
    from flask import g, request

    @app.before_request
    def start() -> None:
        g.foresight = time.time(), time.perf_counter()

    @app.after_request
    def add(response: Any) -> Any:
        rule = request.url_rule
        at, started = g.pop("foresight", (time.time(), time.perf_counter()))
        foresight.add(
            timestamp=int(at * 1000),
            method=request.method,
            path=request.full_path.rstrip("?"),
            endpoint=rule and re.sub(r"<(?:[^<>]*:)?(\w+)>", r"{\1}", rule.rule),
            status_code=response.status_code,
            response_time_ms=(time.perf_counter() - started) * 1000,
            payload_size=response.content_length or 0,
            ip_address=request.remote_addr,
            user_id=user(request),
        )
        return response


class WatchedASGI:
    """Middleware that sends every call of a FastAPI or Starlette app; `user(scope)` says whose.

    The time goes to the last byte of the answer; an exception counts as 500.
    """

    def __init__(
        self, app: Any, foresight: Foresight, user: Callable[[Any], Any] = _nobody
    ) -> None:
        self.app = app
        self.foresight = foresight
        self.user = user

    async def __call__(self, scope: Any, receive: Any, send: Any) -> None:
        if scope["type"] == "http":
            await self._watched(scope, receive, send)
            return

        async def last_send(message: Any) -> None:
            if message["type"] == "lifespan.shutdown.complete":  # uvicorn ends without `atexit`
                await asyncio.to_thread(self.foresight.close)
            await send(message)

        await self.app(scope, receive, last_send)

    async def _watched(self, scope: Any, receive: Any, send: Any) -> None:
        at, started = time.time(), time.perf_counter()
        status, size = 500, 0

        async def watched_send(message: Any) -> None:
            nonlocal status, size
            if message["type"] == "http.response.start":
                status = message["status"]
            size += len(message.get("body", b""))
            await send(message)

        try:
            await self.app(scope, receive, watched_send)
        finally:
            query = scope["query_string"].decode("latin-1")
            self.foresight.add(
                timestamp=int(at * 1000),
                method=scope["method"],
                path=scope["path"] + (f"?{query}" if query else ""),
                endpoint=getattr(scope.get("route"), "path", None),
                status_code=status,
                response_time_ms=(time.perf_counter() - started) * 1000,
                payload_size=size,
                ip_address=(scope.get("client") or ("unknown",))[0],
                user_id=self.user(scope),
            )
