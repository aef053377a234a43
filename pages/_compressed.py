"""Answers of the dashboard as gzip: layouts and answers as they come, scripts and styles once.

Lists that are streamed (NDJSON, CSV) and the rest of the API are sent as they are.
"""

from __future__ import annotations

import gzip
import re
from collections import OrderedDict
from threading import Lock
from typing import Final

from flask import Flask, Response, request

MIN_BYTES: Final = 600  # what fits into one packet gains nothing
MOST_BYTES: Final = 32 * 2**20  # of files that are kept
_TYPES: Final = frozenset(
    {"application/json", "text/html", "text/css", "text/javascript", "image/svg+xml"}
)
_QUICK: Final = 4  # of 9; for what is compressed for one answer
_SMALL: Final = 9
_FINGERPRINT: Final = re.compile(r"\.v[\w-]+m\d+(?=\.)")  # any is answered, with the same file
_YEAR_S: Final = 31_536_000
_HOUR_S: Final = 3_600


class Files:
    """Files that were compressed, the least used ones forgotten first."""

    def __init__(self, most_bytes: int = MOST_BYTES) -> None:
        self._most_bytes = most_bytes
        self._lock = Lock()
        self._kept: OrderedDict[tuple[str, str], bytes] = OrderedDict()
        self._bytes = 0

    def small(self, path: str, version: str, response: Response) -> bytes:
        """The body of `response` compressed, which is this version of the file `path`.

        Two that ask for the same at once have it compressed once.
        """
        with self._lock:
            key = path, version
            found = self._kept.pop(key, None)
            if found is None:
                found = gzip.compress(_body(response), _SMALL, mtime=0)
                self._bytes += len(found)
            self._kept[key] = found
            while self._bytes > self._most_bytes and len(self._kept) > 1:
                self._bytes -= len(self._kept.popitem(last=False)[1])
        return found


def install(server: Flask, dashboard: str) -> None:
    """Compress what is below the path `dashboard`, and let browsers keep its files."""
    files = Files()
    assets, suites = f"{dashboard}assets/", f"{dashboard}_dash-component-suites/"

    def compress(response: Response) -> Response:
        path = request.path
        if not path.startswith(dashboard):
            return response
        is_file = path.startswith((assets, suites))
        if is_file and response.status_code in (200, 304):
            _let_keep(response, path)
        if response.mimetype not in _TYPES or response.status_code != 200:
            return response
        response.vary.add("Accept-Encoding")
        if "Content-Encoding" in response.headers or not accepts_gzip():
            return response
        if is_file:
            return _with_file(response, path, files)
        small = None if response.is_streamed else gzipped(response.get_data())
        return response if small is None else _with_body(response, small)

    server.after_request(compress)


def gzipped(body: bytes) -> bytes | None:
    """The body compressed; None when it is too short to gain by it."""
    return gzip.compress(body, _QUICK, mtime=0) if len(body) >= MIN_BYTES else None


def accepts_gzip() -> bool:
    """Whether the request that is being answered takes gzip."""
    return request.accept_encodings["gzip"] > 0


def marked(response: Response) -> Response:
    """A response whose body is compressed, which says so."""
    response.headers["Content-Encoding"] = "gzip"
    response.vary.add("Accept-Encoding")
    return response


def _let_keep(response: Response, path: str) -> None:
    """A second visit asks for none of the files again.

    The address of most has the time of their last change; vendored ones, and the parts of Dash
    that are fetched when they are needed, change with the product.
    """
    control = response.cache_control
    if "m" in request.args:
        control.no_cache = None
        control.public, control.max_age, control.immutable = True, _YEAR_S, True
    elif "/vendor/" in path or ("/async-" in path and control.max_age is None):
        control.no_cache = None
        control.public, control.max_age = True, _HOUR_S
        control.stale_while_revalidate = 24 * _HOUR_S


def _with_file(response: Response, path: str, files: Files) -> Response:
    length = response.content_length or 0
    if length < MIN_BYTES or request.method == "HEAD":
        return response
    version = response.headers.get("ETag", str(length))
    small = files.small(_FINGERPRINT.sub("", path), version, response)
    response.headers.pop("Accept-Ranges", None)
    tag, _ = response.get_etag()
    if tag:
        response.set_etag(tag, weak=True)  # the same file, but not byte by byte
    return _with_body(response, small)


def _with_body(response: Response, small: bytes) -> Response:
    response.direct_passthrough = False
    close = getattr(response.response, "close", None)
    response.set_data(small)
    if close is not None:
        close()
    return marked(response)


def _body(response: Response) -> bytes:
    response.direct_passthrough = False
    return response.get_data()
