"""Capture: each request becomes one `Call` in the journal, before its last byte goes out.

The after_request hook notes what Flask knows: route, status, size. A layer around the WSGI app
stamps the arrival, reads a short body and writes the record, so that a call is written once,
whatever happens in between: an error that propagates, a later hook that raises, a session that
can't be saved, a client that goes away.
"""

from __future__ import annotations

import logging
import re
from collections.abc import Callable, Collection, Iterable, Iterator
from functools import partial
from io import BytesIO
from ipaddress import IPv4Network, IPv6Network
from time import perf_counter, time
from typing import Any, Final
from urllib.parse import unquote, urlsplit

from flask import Flask, Request, Response, request
from werkzeug.exceptions import HTTPException, MethodNotAllowed, NotFound
from werkzeug.routing import RequestRedirect, Rule, WebsocketMismatch

from ingest.call import (
    MAX_PATH_CHARACTERS,
    METHODS,
    UNMATCHED,
    clean_method,
    clean_path,
)
from ingest.caller import Environ, Identify, identify_with
from ingest.journal import Journal
from ingest.seal import Seal

MAX_BODY_BYTES: Final = 8 * 2**10  # of a longer body only the length goes into the fingerprint
_KEY: Final = "foresight.answer"
_UNROUTED: Final = ""  # no template is empty
_log = logging.getLogger(__name__)
_VARIABLE: Final = re.compile(r"<(?:\w+(?:\(.*?\))?:)?(\w+)>")


def install(
    server: Flask,
    journal: Journal,
    *,
    is_own: Callable[[Rule], bool],
    trusted_proxies: Collection[IPv4Network | IPv6Network] = (),
    simulator_key: bytes,
    seal: Seal,
) -> None:
    """Log every call to `server` but those to its own pages.

    Call it before other hooks are registered: then it sees the answer that they have made.

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
    seal : Seal
        Makes fingerprints and, where they are wanted, pseudonyms.
    """
    as_stored = (seal.address, seal.user) if seal.pseudonyms else None
    identify = identify_with(trusted_proxies, simulator_key, as_stored=as_stored)
    capture = _Capture(server, journal, is_own, identify, seal)
    server.after_request(capture.note_response)
    server.wsgi_app = capture  # type: ignore[method-assign]


def endpoint_template(rule: str) -> str:
    """The route as it is stored: `/orders/<int:id>` is `/orders/{id}`."""
    return _VARIABLE.sub(r"{\1}", rule)


# What a response says of its call: endpoint (None: not to be logged), status, size of the body
# (None: streamed), size that a stream announces [bytes]. Plain, because each request makes one.
_Answer = tuple[str | None, int, int | None, int | None]
_NO_ANSWER: Final[_Answer] = (_UNROUTED, 500, 0, None)  # what the server makes of an error
_UNLOGGED: Final[_Answer] = (None, 0, 0, None)  # own traffic, or counted as lost already


class _Capture:
    """The layer around the WSGI app, and the hook, which leaves an `_Answer` in the environ.

    Each request goes this way, so it has few frames and keeps its state in local names.
    """

    def __init__(
        self,
        server: Flask,
        journal: Journal,
        is_own: Callable[[Rule], bool],
        identify: Identify,
        seal: Seal,
    ) -> None:
        self.server = server
        self.journal = journal
        self.is_own = is_own
        self.identify = identify
        self.fingerprint = seal.fingerprint
        self.wsgi_app = server.wsgi_app
        # Rules have no hash; each is kept beside its template, so that no other gets its id.
        self.templates: dict[int, tuple[Rule, str | None]] = {}

    def __call__(self, environ: Environ, start_response: Any) -> Iterable[bytes]:
        arrived_s, started_s = time(), perf_counter()
        body = body_mark(environ) if environ.get("CONTENT_LENGTH") else b""
        try:
            chunks = self.wsgi_app(environ, start_response)
        except BaseException:
            endpoint = environ.pop(_KEY, _NO_ANSWER)[0]
            self.record_call(environ, endpoint, 500, 0, arrived_s, started_s, body)
            raise
        endpoint, status, size, length = environ.pop(_KEY, _NO_ANSWER)
        if size is None:
            record = partial(
                self.record_call,
                environ,
                endpoint,
                arrived_s=arrived_s,
                started_s=started_s,
                body=body,
            )
            return _Stream(chunks, status, length, record)
        self.record_call(environ, endpoint, status, size, arrived_s, started_s, body)
        return chunks

    def note_response(self, response: Response) -> Response:
        """After the view; of several responses to one request the last counts."""
        seen: Request = request._get_current_object()  # type: ignore[attr-defined]
        try:
            known = self.templates.get(id(seen.url_rule))
            endpoint = known[1] if known is not None else self.endpoint(seen)
            if endpoint is None:
                seen.environ[_KEY] = _UNLOGGED
                return response
            status = response.status_code
            size: int | None
            length: int | None = None
            body = response.response
            if seen.method == "HEAD" or status in (204, 304) or status < 200:
                size = 0
            elif type(body) is list and len(body) == 1 and type(body[0]) is bytes:
                size = len(body[0])
            elif response.is_sequence:
                size = response.calculate_content_length() or 0
            else:
                size, length = None, response.content_length
            seen.environ[_KEY] = (endpoint, status, size, length)
        except Exception as error:
            seen.environ[_KEY] = _UNLOGGED
            self.journal.lose(error)
        return response

    def record_call(
        self,
        environ: Environ,
        endpoint: str | None,
        status: int,
        size: int,
        arrived_s: float,
        started_s: float,
        body: bytes,
    ) -> None:
        """Append the call to the journal."""
        try:
            if endpoint is _UNROUTED:
                endpoint = self.endpoint(self.server.request_class(environ, populate_request=False))
            if endpoint is None:
                return
            taken_us = int((perf_counter() - started_s) * 1e6)
            arrived_ms = int(arrived_s * 1000)
            address, user, source = self.identify(environ)
            method = environ["REQUEST_METHOD"]
            if method not in METHODS:
                method = clean_method(method)
            path = stored_path = environ.get("PATH_INFO") or "/"
            if len(path) > MAX_PATH_CHARACTERS or not (path.isascii() and path.isprintable()):
                path = path.encode("latin-1", "replace").decode("utf-8", "replace")
                stored_path = clean_path(path)
            elif ";" in path or "?" in path or "#" in path or "%" in path or "@" in path:
                stored_path = clean_path(path)
            query = environ.get("QUERY_STRING", "")
            call = (  # the fields of a `Call`; building one takes three times as long
                arrived_ms,
                endpoint,
                method,
                taken_us / 1000,
                status,
                size,
                address,
                user,
                stored_path,
                self.fingerprint(user or address, method, path, query, body),
                source,
                arrived_ms + taken_us // 1000,
                None,
                None,
                None,
            )
            self.journal.append(call)
        except Exception as error:
            self.journal.lose(error)

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
    """A streamed answer whose call is recorded when it ends, fails or is given up.

    The status is recorded as sent: an error after the first byte doesn't change it, one before
    makes the server send 500.
    """

    def __init__(
        self,
        chunks: Iterable[bytes],
        status: int,
        length: int | None,
        record: Callable[[int, int], None],
    ) -> None:
        self.chunks = chunks
        self.iterator = iter(chunks)
        self.status = status
        self.length = length
        self.record = record  # of the status and the size that were sent
        self.size = 0
        self.is_recorded = False

    def __iter__(self) -> Iterator[bytes]:
        return self

    def __next__(self) -> bytes:
        try:
            chunk = next(self.iterator)
        except StopIteration:
            self.end()
            raise
        except BaseException:
            if self.size == 0:
                self.status = 500
            self.end()
            raise
        self.size += len(chunk)
        if self.size == self.length:  # the client sees the end with this chunk
            self.end()
        return chunk

    def close(self) -> None:
        """The server is done with the answer, or the client is gone."""
        try:
            close = getattr(self.chunks, "close", None)
            if close is not None:
                close()
        finally:
            self.end()

    def end(self) -> None:
        """Record the call, once."""
        if not self.is_recorded:
            self.is_recorded = True
            self.record(self.status, self.size)


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
