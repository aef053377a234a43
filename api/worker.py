"""The web server's worker: what it refuses is captured, and slow senders don't keep its threads."""

from __future__ import annotations

import errno
import select
import time
from typing import Any, Final

from gunicorn.http import errors  # type: ignore[import-untyped]
from gunicorn.util import close_graceful  # type: ignore[import-untyped]
from gunicorn.workers.gthread import TConn, ThreadWorker  # type: ignore[import-untyped]

from ingest.refused import refused_call
from jobs.runtime import EXTENSION, Foresight

HEAD_S: Final = 10.0  # for a request that is sent byte by byte
LEAST_BYTES_PER_S: Final = 1_000  # of a longer one, beyond these seconds
LINGER_S: Final = 0.5  # for the other side to close; what it still sends may cut the answer off
_STATUS: Final = {  # of what the web server answers by itself, as its `handle_error` has it
    errors.LimitRequestLine: 414,
    errors.LimitRequestHeaders: 431,
    errors.ExpectationFailed: 417,
    errors.UnsupportedTransferCoding: 501,
    errors.ForbiddenProxyRequest: 403,
}


class PatientSocket:
    """Reads a request from a socket for as long as it comes fast enough."""

    def __init__(self, sock: Any) -> None:
        self._sock = sock
        self._timeout_s: float | None = None
        self.restart()

    def restart(self) -> None:
        """The next request begins."""
        self._deadline = time.monotonic() + HEAD_S

    def gettimeout(self) -> float | None:
        """As a socket has it [s]."""
        return self._timeout_s

    def settimeout(self, seconds: float | None) -> None:
        """As a socket has it: `recv` then raises TimeoutError."""
        self._timeout_s = seconds

    def recv(self, size: int) -> bytes:
        """What has come; ConnectionResetError when it took too long, and nobody is told more."""
        left_s = self._deadline - time.monotonic()
        wait_s = left_s if self._timeout_s is None else min(left_s, self._timeout_s)
        waiting = select.poll()
        waiting.register(self._sock, select.POLLIN)
        if not waiting.poll(max(wait_s, 0.0) * 1000):
            if wait_s < left_s:
                raise TimeoutError("nothing more came of the request")
            raise ConnectionResetError(errno.ECONNRESET, "the request came too slowly")
        received: bytes = self._sock.recv(size)
        self._deadline += len(received) / LEAST_BYTES_PER_S
        return received


class PatientConnection(TConn):  # type: ignore[misc]
    """A connection whose requests are read by a `PatientSocket`."""

    def init(self) -> None:
        """Before each request."""
        begins = self.parser is None
        super().init()
        if begins:
            self.parser.unreader.sock = PatientSocket(self.sock)
        self.parser.unreader.sock.restart()

    def close(self, graceful: bool = False) -> None:
        """Close it, where that was not done yet."""
        if self.sock.fileno() >= 0:
            super().close(graceful)


class Worker(ThreadWorker):  # type: ignore[misc]
    """Threads that serve one request each."""

    def enqueue_req(self, conn: TConn) -> None:
        """Have a thread serve what comes on a connection."""
        conn.__class__ = PatientConnection  # the web server makes its own where it accepts
        super().enqueue_req(conn)

    def handle(self, conn: TConn) -> Any:
        """Serve a request, in a thread of its own.

        The web server waits for the other side to close as well, where all connections are
        accepted: one that does not would keep everybody waiting.
        """
        stays = super().handle(conn)
        if not stays:
            close_graceful(conn.sock, LINGER_S)
        return stays

    def handle_error(self, req: Any, client: Any, addr: Any, exc: Exception) -> None:
        """Answer what is no HTTP; it is written down before the answer goes out, like all calls."""
        if req is None and isinstance(exc, errors.ParseException):
            parts: Foresight = self.wsgi.extensions[EXTENSION]
            status = next((s for kind, s in _STATUS.items() if isinstance(exc, kind)), 400)
            peer = addr[0] if addr else ""
            call = refused_call(parts.seal, peer, status, time.time_ns() // 1_000_000)
            parts.journal.append(call)
        super().handle_error(req, client, addr, exc)
