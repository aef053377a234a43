"""Capture: each request becomes one `Call` in the journal, before its last byte goes out.

The hooks learn what Flask knows (route, status, body); the layer around the WSGI app stamps the
arrival and writes the record, so that a call is written once whatever happens in between: an error
that propagates, a later hook that raises, a session that can't be saved, a client that goes away.
"""

from __future__ import annotations

import re
import time
from collections.abc import Callable, Collection, Iterable, Iterator
from io import BytesIO
from ipaddress import IPv4Network, IPv6Network
from typing import Any, Final
from urllib.parse import unquote, urlsplit

from flask import Flask, Request, Response, request
from werkzeug.exceptions import HTTPException, MethodNotAllowed, NotFound
from werkzeug.routing import RequestRedirect, Rule, WebsocketMismatch

from ingest.call import UNMATCHED, Call, clean_method, clean_path, fingerprint
from ingest.caller import Environ, client_address, client_user, is_trusted_in
from ingest.journal import Journal

MAX_BODY_BYTES: Final = 8 * 2**10  # of a longer body only the length goes into the fingerprint
_KEY: Final = "foresight.pending_call"
_UNROUTED: Final = ""  # no template is empty
_VARIABLE: Final = re.compile(r"<(?:\w+(?:\(.*?\))?:)?(\w+)>")


def install(
    server: Flask,
    journal: Journal,
    *,
    is_own: Callable[[Rule], bool],
    trusted_proxies: Collection[IPv4Network | IPv6Network] = (),
    simulator_key: bytes,
) -> None:
    """Log every call to `server` but those to its own pages.

    Call it before other hooks are registered: then it sees requests first and answers last.

    Parameters
    ----------
    server : Flask
        The application.
    journal : Journal
        Where the calls go.
    is_own : callable
        True for the rules of the product itself, whose calls are not logged; asked once a rule.
    trusted_proxies : collection of networks
        Peers whose X-Forwarded-For and X-Forwarded-User are believed.
    simulator_key : bytes
        Key of `ingest.signature`.
    """
    capture = _Capture(server, journal, is_own, trusted_proxies, simulator_key)
    server.before_request(capture.note_request)
    server.after_request(capture.note_response)
    server.wsgi_app = capture  # type: ignore[method-assign]


def endpoint_template(rule: str) -> str:
    """The route as it is stored: `/orders/<int:id>` is `/orders/{id}`."""
    return _VARIABLE.sub(r"{\1}", rule)


class _Pending:
    """What is known of a call that is not answered yet."""

    __slots__ = (
        "arrived_ms",
        "body",
        "endpoint",
        "length",
        "size",
        "started",
        "status",
        "streamed",
        "written",
    )

    def __init__(self) -> None:
        self.arrived_ms = int(time.time() * 1000)
        self.started = time.perf_counter()
        self.endpoint: str | None = _UNROUTED  # None: own traffic
        self.body = b""
        self.status = 500  # unless a response says otherwise
        self.size = 0
        self.length: int | None = None  # of a stream that says how long it will be
        self.streamed = False
        self.written = False


class _Capture:
    def __init__(
        self,
        server: Flask,
        journal: Journal,
        is_own: Callable[[Rule], bool],
        trusted_proxies: Collection[IPv4Network | IPv6Network],
        simulator_key: bytes,
    ) -> None:
        self.server = server
        self.journal = journal
        self.is_own = is_own
        self.is_trusted = is_trusted_in(trusted_proxies)
        self.simulator_key = simulator_key
        self.wsgi_app = server.wsgi_app
        # Rules have no hash; each is kept beside its template, so that no other gets its id.
        self.templates: dict[int, tuple[Rule, str | None]] = {}

    def __call__(self, environ: Environ, start_response: Any) -> Iterable[bytes]:
        pending = environ[_KEY] = _Pending()
        try:
            answer = self.wsgi_app(environ, start_response)
        except BaseException:
            pending.status, pending.size = 500, 0
            self.record_call(environ, pending)
            raise
        if pending.streamed:
            return _Stream(answer, self, environ, pending)
        self.record_call(environ, pending)
        return answer

    def note_request(self) -> None:
        """Before the view: the route, and the body while it is still unread."""
        seen: Request = request._get_current_object()  # type: ignore[attr-defined]
        pending = seen.environ.get(_KEY)
        if pending is None:
            return  # a request context without a request
        try:
            pending.endpoint = self.endpoint(seen)
            if pending.endpoint is not None and "CONTENT_LENGTH" in seen.environ:
                pending.body = body_mark(seen.environ)
        except Exception as error:
            pending.written = True
            self.journal.lose(error)

    def note_response(self, response: Response) -> Response:
        """After the view: status and size; the last response counts when an error replaces one."""
        environ = request._get_current_object().environ  # type: ignore[attr-defined]
        pending = environ.get(_KEY)
        if pending is None or pending.endpoint is None:
            return response
        try:
            status = pending.status = response.status_code
            bodyless = environ["REQUEST_METHOD"] == "HEAD" or status in (204, 304) or status < 200
            pending.streamed = not (bodyless or response.is_sequence)
            if pending.streamed:
                pending.size, pending.length = 0, response.content_length
            else:
                pending.size = 0 if bodyless else body_bytes(response)
        except Exception as error:
            pending.written = True
            self.journal.lose(error)
        return response

    def record_call(self, environ: Environ, pending: _Pending) -> None:
        """Append the call to the journal, the first time this is asked for."""
        if pending.written:
            return
        pending.written = True
        try:
            endpoint = pending.endpoint
            if endpoint is _UNROUTED:
                endpoint = self.endpoint(self.server.request_class(environ, populate_request=False))
            if endpoint is not None:
                self.journal.append(self.call(environ, pending, endpoint))
        except Exception as error:
            self.journal.lose(error)

    def call(self, environ: Environ, pending: _Pending, endpoint: str) -> Call:
        address, source = client_address(environ, self.is_trusted, self.simulator_key)
        user = client_user(environ, self.is_trusted)
        method = clean_method(environ["REQUEST_METHOD"])
        path = environ.get("PATH_INFO") or "/"
        if not path.isascii():
            path = path.encode("latin-1", "replace").decode("utf-8", "replace")
        query = environ.get("QUERY_STRING", "")
        taken_us = int((time.perf_counter() - pending.started) * 1e6)
        return Call(
            pending.arrived_ms,
            endpoint,
            method,
            taken_us / 1000,
            pending.status,
            pending.size,
            address,
            user,
            clean_path(path),
            fingerprint(user or address, method, path, query, pending.body),
            source,
            pending.arrived_ms + taken_us // 1000,
        )

    def endpoint(self, seen: Request) -> str | None:
        """Template of the route, UNMATCHED where none fits, None for the product's own."""
        rule = seen.url_rule
        if rule is None:
            rule = self.refused_rule(seen)
            if rule is None:
                return UNMATCHED
        known = self.templates.get(id(rule))
        if known is None:
            template = None if self.is_own(rule) else endpoint_template(rule.rule)
            known = self.templates[id(rule)] = (rule, template)
        return known[1]

    def refused_rule(self, seen: Request) -> Rule | None:
        """The rule that a request without one was meant for: wrong method, missing slash."""
        if isinstance(seen.routing_exception, NotFound):
            return None
        path: str | None = None
        method: str | None = None
        websocket: bool | None = None
        for _ in range(4):  # each refusal at most once
            try:
                adapter = self.server.create_url_adapter(seen)
                if adapter is None:
                    return None
                rule: Rule = adapter.match(path, method, return_rule=True, websocket=websocket)[0]
                return rule
            except MethodNotAllowed as refused:
                method = next(iter(refused.valid_methods or ()), None)
            except RequestRedirect as refused:
                path = unquote(urlsplit(refused.new_url).path).removeprefix(seen.root_path)
            except WebsocketMismatch:
                websocket = not websocket
            except HTTPException:
                return None
        return None


class _Stream:
    """A streamed answer whose call is written when it ends, fails or is given up.

    The status is recorded as sent: an error after the first byte doesn't change it, one before
    makes the server send 500.
    """

    def __init__(
        self, chunks: Iterable[bytes], capture: _Capture, environ: Environ, pending: _Pending
    ) -> None:
        self.chunks = chunks
        self.iterator = iter(chunks)
        self.capture = capture
        self.environ = environ
        self.pending = pending

    def __iter__(self) -> Iterator[bytes]:
        return self

    def __next__(self) -> bytes:
        try:
            chunk = next(self.iterator)
        except StopIteration:
            self.capture.record_call(self.environ, self.pending)
            raise
        except BaseException:
            if self.pending.size == 0:
                self.pending.status = 500
            self.capture.record_call(self.environ, self.pending)
            raise
        self.pending.size += len(chunk)
        if self.pending.size == self.pending.length:  # the client sees its end with this chunk
            self.capture.record_call(self.environ, self.pending)
        return chunk

    def close(self) -> None:
        try:
            close = getattr(self.chunks, "close", None)
            if close is not None:
                close()
        finally:
            self.capture.record_call(self.environ, self.pending)


def body_mark(environ: Environ) -> bytes:
    """What stands for the body in the fingerprint: itself, put back for the view, or its length."""
    length = environ["CONTENT_LENGTH"]
    if not (length.isdecimal() and len(length) < 6 and int(length) <= MAX_BODY_BYTES):
        return str(length).encode()
    try:
        body: bytes = environ["wsgi.input"].read(int(length))
    except OSError:
        return b""  # the client is gone; the view will find out
    environ["wsgi.input"] = BytesIO(body)
    return body


def body_bytes(response: Response) -> int:
    """Length of a body that is not streamed [bytes]."""
    body = response.response
    if type(body) is list and len(body) == 1 and type(body[0]) is bytes:
        return len(body[0])
    return response.calculate_content_length() or 0
