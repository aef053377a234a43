"""Capture: each request becomes one `Call` in the journal, before its last byte goes out.

The hooks learn what Flask knows (route, status, body); the layer around the WSGI app stamps the
arrival and writes the record, so that a call is written once whatever happens in between: an error
that propagates, a later hook that raises, a session that can't be saved, a client that goes away.
"""

from __future__ import annotations

import logging
import re
from collections.abc import Callable, Collection, Iterable, Iterator
from io import BytesIO
from ipaddress import IPv4Network, IPv6Network
from time import perf_counter, time
from typing import Any, Final
from urllib.parse import unquote, urlsplit

from flask import Flask, Request, Response, request
from werkzeug.exceptions import HTTPException, MethodNotAllowed, NotFound
from werkzeug.routing import RequestRedirect, Rule, WebsocketMismatch

from ingest.call import METHODS, UNMATCHED, Call, clean_method, clean_path, fingerprint
from ingest.caller import Environ, Identify, identify_with
from ingest.journal import Journal

MAX_BODY_BYTES: Final = 8 * 2**10  # of a longer body only the length goes into the fingerprint
_KEY: Final = "foresight.pending_call"
_UNROUTED: Final = ""  # no template is empty
_new_tuple: Final = tuple.__new__
_log = logging.getLogger(__name__)
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
    capture = _Capture(server, journal, is_own, identify_with(trusted_proxies, simulator_key))
    server.after_request(capture.note_response)
    server.wsgi_app = capture  # type: ignore[method-assign]


def endpoint_template(rule: str) -> str:
    """The route as it is stored: `/orders/<int:id>` is `/orders/{id}`."""
    return _VARIABLE.sub(r"{\1}", rule)


class _Pending:
    """What is known of a call that is not answered yet."""

    body = b""  # or its length, for the fingerprint
    endpoint: str | None = _UNROUTED  # None: own traffic
    status = 500  # unless a response says otherwise
    size = 0
    streamed = False
    length: int | None = None  # of a stream that says how long it will be
    written = False

    def __init__(self) -> None:
        self.arrived_s = time()
        self.started_s = perf_counter()


class _Capture:
    def __init__(
        self,
        server: Flask,
        journal: Journal,
        is_own: Callable[[Rule], bool],
        identify: Identify,
    ) -> None:
        self.server = server
        self.journal = journal
        self.is_own = is_own
        self.identify = identify
        self.wsgi_app = server.wsgi_app
        # Rules have no hash; each is kept beside its template, so that no other gets its id.
        self.templates: dict[int, tuple[Rule, str | None]] = {}

    def __call__(self, environ: Environ, start_response: Any) -> Iterable[bytes]:
        pending = environ[_KEY] = _Pending()
        if environ.get("CONTENT_LENGTH"):
            pending.body = body_mark(environ)
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

    def note_response(self, response: Response) -> Response:
        """After the view: route, status and size; when an error replaces a response, the last counts."""
        seen: Request = request._get_current_object()  # type: ignore[attr-defined]
        pending = seen.environ.get(_KEY)
        if pending is None:
            return response  # a request context without a request
        try:
            pending.endpoint = self.endpoint(seen)
            status = pending.status = response.status_code
            body = response.response
            pending.streamed = False
            if status < 200 or status in (204, 304) or seen.method == "HEAD":
                pending.size = 0
            elif type(body) is list and len(body) == 1 and type(body[0]) is bytes:
                pending.size = len(body[0])
            elif response.is_sequence:
                pending.size = response.calculate_content_length() or 0
            elif pending.endpoint is not None:
                pending.streamed = True
                pending.size, pending.length = 0, response.content_length
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
        taken_us = int((perf_counter() - pending.started_s) * 1e6)
        arrived_ms = int(pending.arrived_s * 1000)
        address, user, source = self.identify(environ)
        method = environ["REQUEST_METHOD"]
        if method not in METHODS:
            method = clean_method(method)
        path = environ.get("PATH_INFO") or "/"
        if not path.isascii():
            path = path.encode("latin-1", "replace").decode("utf-8", "replace")
        mark = fingerprint(
            user or address, method, path, environ.get("QUERY_STRING", ""), pending.body
        )
        return _new_tuple(  # a third of the time that Call() takes
            Call,
            (
                arrived_ms,
                endpoint,
                method,
                taken_us / 1000,
                pending.status,
                pending.size,
                address,
                user,
                clean_path(path),
                mark,
                source,
                arrived_ms + taken_us // 1000,
                None,
                None,
                None,
            ),
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
    length = str(environ["CONTENT_LENGTH"])
    if not (length.isdecimal() and len(length) < 6 and int(length) <= MAX_BODY_BYTES):
        return length.encode()
    try:
        body: bytes = environ["wsgi.input"].read(int(length))
    except Exception as error:
        _log.info("a body could not be read: %r", error)  # the view will find out, too
        return b""
    environ["wsgi.input"] = BytesIO(body)
    return body
