"""`WS /ws`: the live stream of new anomalies, see docs/live.md.

Each socket holds one thread of the server, which sends from the store by the socket's own last id:
who reads slowly holds up nobody and costs no memory.
"""

from __future__ import annotations

import contextlib
import json
import logging
import socket
import struct
import threading
import time
from collections import deque
from collections.abc import Callable
from functools import partial
from typing import Any, Final

from flask import Blueprint, Response, request
from flask.blueprints import BlueprintSetupState
from flask_sock import Sock
from pydantic import BaseModel, ConfigDict, Field
from simple_websocket import Server as WebSocket
from sqlalchemy.exc import SQLAlchemyError
from wsproto.events import CloseConnection, Ping, TextMessage
from wsproto.frame_protocol import CloseReason
from wsproto.utilities import LocalProtocolError, RemoteProtocolError

from api import current
from api.described import described
from api.errors import ApiError, error_answer
from api.gate import asks_still
from api.origin import refuse_unknown_origin
from api.query import query_of
from api.rows import shown
from jobs.tail import Tail, can_stream
from store import Store, events
from store.times import iso

HEARTBEAT_S: Final = 15.0
LOOK_S: Final = 1.0  # the longest that an ended connection goes unnoticed
SEND_S: Final = 5  # without any progress, before a reader is given up
CLOSE_S: Final = 0.5  # for the other side to answer a close
MOST_RECEIVED_BYTES: Final = 4096  # of a message, none of which is read
_CONNECTION: Final = "foresight.connection"
log = logging.getLogger(__name__)

live = Blueprint("live", __name__)


@live.record_once
def _set_options(state: BlueprintSetupState) -> None:
    daemon = partial(threading.Thread, daemon=True)  # the end of the server waits for nobody
    options = {"max_message_size": MOST_RECEIVED_BYTES, "thread_class": daemon}
    state.app.config["SOCK_SERVER_OPTIONS"] = options  # type: ignore[attr-defined]


REFUSALS: Final = {
    400: "not a WebSocket handshake: Missing header, 'Sec-WebSocket-Key'",
    403: "Origin 'https://a.example' is not this host, '127.0.0.1:8050'",
    426: "this is a WebSocket: connect with 'Upgrade: websocket'",
    501: "no live stream on this web server; poll GET /api/anomalies instead",
}


class LiveQuery(BaseModel):
    """Where a client that was connected before goes on."""

    model_config = ConfigDict(extra="forbid")
    last_id: int | None = Field(
        None, ge=0, le=2**63 - 1, description="`last_id` or `id` of the last message that was seen."
    )


@live.before_request
def _check() -> None:
    """Refuse before the handshake, where an answer can still say why."""
    refuse_unknown_origin()
    if not can_stream(request.environ):
        raise ApiError(501, "no live stream on this web server; poll GET /api/anomalies instead")
    query_of(LiveQuery)


@live.before_request
def _copy_socket() -> None:
    """The stream closes its own copy; gunicorn counts on closing what it has opened."""
    if request.url_rule is not None and request.url_rule.websocket:
        request.environ[_CONNECTION] = request.environ["gunicorn.socket"]
        request.environ["gunicorn.socket"] = request.environ["gunicorn.socket"].dup()


@live.get("/ws")
def upgrade_required() -> Response:
    """Say to a plain GET what belongs here."""
    answer = error_answer(426, "this is a WebSocket: connect with 'Upgrade: websocket'")
    answer.headers["Upgrade"] = "websocket"
    answer.headers["Connection"] = "Upgrade"
    return answer


@live.errorhandler(RemoteProtocolError)
def _bad_handshake(error: RemoteProtocolError) -> Response:
    return error_answer(400, f"not a WebSocket handshake: {error}")


@Sock().route("/ws", bp=live)
@described("Live", status=101, query=LiveQuery, errors=REFUSALS, needs_store=False)
def stream(ws: WebSocket) -> None:
    """The newest events or those after `last_id`, then each new one; ends with the connection.

    A WebSocket, which OpenAPI has no words for: the handshake is a GET that is answered with 101.
    From then on the server sends JSON texts, and reads nothing:

    - `{"type": "anomaly", "id", "window"}`: a window became an anomaly, or HIGH; the window is as
      in `GET /api/anomalies`. Without `last_id` the last 20 of them come first.
    - `{"type": "heartbeat", "last_id", "at"}`: at the start and every 15 seconds.
    - `{"type": "reset", "last_id"}`: what came after the `last_id` asked for is not kept any more.

    A client that lost the connection goes on with the highest id it has seen as `last_id`; then it
    misses nothing and gets nothing twice. The connection is closed with 1013 where there are too
    many or the store is away (poll `GET /api/anomalies` meanwhile), with 1008 when the session or
    token has ended, and with 1001 when the server ends. An `Origin` must be that of this server.
    """
    peer, tail = _Peer(ws, request.environ[_CONNECTION], asks_still), current().tail
    try:
        if tail.join(peer.wake, peer.cut):
            peer.close(*_serve(peer, tail, current().store, query_of(LiveQuery).last_id))
        else:
            peer.close(CloseReason.TRY_AGAIN_LATER, "too many live streams; poll meanwhile")
    except (OSError, LocalProtocolError) as error:
        log.debug("live stream: a client is gone: %r", error)
    finally:
        tail.leave(peer.wake)
        peer.cut()


def _serve(peer: _Peer, tail: Tail, store: Store, last_id: int | None) -> tuple[CloseReason, str]:
    """Send until the client or the server goes; returns why it ended."""
    try:
        _send_events(peer, tail, store, last_id)
    except SQLAlchemyError as error:
        log.warning("live stream: the store can't be read: %s", error)
        return CloseReason.TRY_AGAIN_LATER, "the store can't be reached now"
    if not peer.is_welcome:
        return CloseReason.POLICY_VIOLATION, "the session or token is over"
    return CloseReason.GOING_AWAY, "the server ends"


def _send_events(peer: _Peer, tail: Tail, store: Store, last_id: int | None) -> None:
    """What the client has not seen, then each new event and a heart-beat now and then."""
    sent, known = events.position(store, last_id)
    if not known:
        peer.send(type="reset", last_id=last_id)
    sent = _send_new(peer, tail, store, sent)
    beat_at = 0.0
    while peer.connected and peer.is_welcome and not tail.stopping:
        if time.monotonic() >= beat_at:
            peer.send(type="heartbeat", last_id=sent, at=iso(time.time_ns() // 1_000_000))
            peer.ping()
            beat_at = time.monotonic() + HEARTBEAT_S
        # The library wakes us before it says that the connection has ended: look again soon.
        peer.wake.wait(min(LOOK_S, beat_at - time.monotonic()))
        peer.wake.clear()
        if tail.last_id > sent:
            sent = _send_new(peer, tail, store, sent)


def _send_new(peer: _Peer, tail: Tail, store: Store, sent: int) -> int:
    """Send what came after the event `sent`; returns the last."""
    while peer.connected and not tail.stopping:
        last_id = tail.last_id  # read first: what comes in between is sent with the next wake
        found = events.events_after(store, sent)
        for event in found:
            peer.send(type="anomaly", id=event.id, window=shown(event.window))
            sent = event.id
        if not found:
            return max(sent, last_id)  # the windows of the events between are gone
    return sent


class _Whole:
    """A socket that sends everything whole, also where two threads send at once."""

    def __init__(self, plain: socket.socket) -> None:
        self._plain = plain
        self._sending = threading.Lock()
        patience = struct.pack("ll", SEND_S, 0)
        plain.setsockopt(socket.SOL_SOCKET, socket.SO_SNDTIMEO, patience)
        self.recv = plain.recv
        self.close = plain.close

    def send(self, data: bytes) -> None:
        """Send all of it; OSError when nothing is taken for `SEND_S`."""
        with self._sending:
            self._plain.sendall(data)


class _Peer:
    """The other side of a socket."""

    def __init__(
        self, ws: WebSocket, connection: socket.socket, is_welcome: Callable[[], bool]
    ) -> None:
        self._ws = ws
        self._is_welcome = is_welcome
        self._connection = connection
        self.wake: threading.Event = ws.event  # set when the connection ends, too
        ws.input_buffer = deque(maxlen=0)  # what clients say is not kept
        ws.sock = _Whole(ws.sock)  # the library answers pings and a close by itself

    @property
    def connected(self) -> bool:
        """Whether the connection stands."""
        return bool(self._ws.connected)

    @property
    def is_welcome(self) -> bool:
        """Whether the session or token that let it in still does."""
        return self._is_welcome()

    def send(self, **message: Any) -> None:
        """Send a message as JSON; OSError when the client takes nothing for `SEND_S`."""
        self._send(TextMessage(json.dumps(message, separators=(",", ":"))))

    def ping(self) -> None:
        """Ask for a sign of life; ConnectionError where the last one was not answered."""
        if not self._ws.pong_received:
            raise ConnectionError("no pong")
        self._ws.pong_received = False
        self._send(Ping())

    def close(self, code: CloseReason, reason: str) -> None:
        """Close the connection, and give the other side a moment to agree."""
        if not self.connected:
            return
        self._send(CloseConnection(code, reason))
        self._ws.thread.join(CLOSE_S)

    def cut(self) -> None:
        """End the connection; what was sent still arrives."""
        self._ws.connected = False
        with contextlib.suppress(OSError):  # it has ended already
            self._connection.shutdown(socket.SHUT_RDWR)

    def _send(self, event: Any) -> None:
        self._ws.sock.send(self._ws.ws.send(event))
