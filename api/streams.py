"""Lists as NDJSON and CSV: all that matches, in constant memory, by the `Accept` of the request.

Each page is encoded as it is read. An error on the way ends the connection without the last chunk,
so that no client takes the part that it has for the whole.
"""

from __future__ import annotations

import csv
import socket
import struct
from collections.abc import Callable, Iterable, Iterator, Sequence
from io import StringIO
from itertools import chain
from typing import Any, Final

import msgspec
from flask import Response, after_this_request, request
from werkzeug.datastructures import MIMEAccept

from api import current
from api.errors import ApiError, error_answer
from api.query import cursor_of
from api.rows import FLAGS, JSON_COLUMNS, TIMES
from datasets.formulas import defused
from store.lists import Pages
from store.times import iso

JSON: Final = "application/json"
NDJSON: Final = "application/x-ndjson"
CSV: Final = "text/csv"
RETRY_AFTER_BUSY_S: Final = 5
SEND_S: Final = 20  # without any progress; a reader is given up after three of them

_CONTENT_TYPES: Final = {NDJSON: NDJSON, CSV: "text/csv; charset=utf-8; header=present"}
_FLAG_NAMES: Final = {None: None, 0: "false", 1: "true"}

Column = Sequence[Any]
Convert = Callable[[Column], Column]
_encode_lines = msgspec.json.Encoder().encode_lines


def wanted_type() -> str:
    """The one of the three types that the request's `Accept` likes best; in doubt JSON.

    Raises
    ------
    ApiError
        406: it takes none of them.
    """
    after_this_request(_add_vary)
    if not request.accept_mimetypes:
        return JSON
    ranges = ((kind.partition(";")[0].strip(), q) for kind, q in request.accept_mimetypes)
    accepted = MIMEAccept(ranges)  # whatever charset and the like are asked for
    best = max((JSON, NDJSON, CSV), key=accepted.quality)  # of equals the first
    if accepted[best] <= 0:
        given = request.headers["Accept"][:80]
        raise ApiError(406, f"Accept: {given!r}; there is {JSON}, {NDJSON} and {CSV}")
    return best


def _add_vary(answer: Response) -> Response:
    answer.vary.add("Accept")
    return answer


def stream(name: str, kind: str, listed: Pages) -> Response:
    """The rows of a list as NDJSON or CSV, sent while they are read.

    Parameters
    ----------
    name : str
        Of the file that a CSV is saved as, without its ending.
    kind : str
        `NDJSON` or `CSV`.
    listed : Pages
        What to send. Its first page is read at once: a store that is away is a 503 then.
    """
    if request.method == "HEAD":
        return _answer(name, kind, listed, iter(()))
    give_up_stuck_readers()
    places = current().streams
    if not places.acquire(blocking=False):
        answer = error_answer(503, "too many lists are being streamed now; ask again in a moment")
        answer.headers["Retry-After"] = str(RETRY_AFTER_BUSY_S)
        return answer
    try:
        chunks = (_lines if kind == NDJSON else _csv)(listed)
        first = next(chunks, b"")
    except BaseException:
        places.release()
        raise
    answer = _answer(name, kind, listed, chain((first,), chunks))
    answer.call_on_close(places.release)
    return answer


def give_up_stuck_readers() -> None:
    """Let the sending of this answer fail when its reader takes nothing for some time."""
    connection = request.environ.get("gunicorn.socket")
    if connection is not None:
        patience = struct.pack("ll", SEND_S, 0)
        connection.setsockopt(socket.SOL_SOCKET, socket.SO_SNDTIMEO, patience)


def _answer(name: str, kind: str, listed: Pages, chunks: Iterator[bytes]) -> Response:
    answer = Response(chunks, content_type=_CONTENT_TYPES[kind])
    cursor = cursor_of(listed.next_after)
    if cursor is not None:
        answer.headers["X-Next-Cursor"] = cursor
    if kind == CSV:
        answer.headers["Content-Disposition"] = f'attachment; filename="{name}.csv"'
    return answer


def _lines(listed: Pages) -> Iterator[bytes]:
    convert = [_for_json(name) for name in listed.names]
    for page in listed.pages:
        rows = _converted(page, convert)
        yield _encode_lines([dict(zip(listed.names, row, strict=True)) for row in rows])


def _csv(listed: Pages) -> Iterator[bytes]:
    convert = [_for_csv(name) for name in listed.names]
    head: list[tuple[str, ...]] = [listed.names]
    for page in listed.pages:
        yield _csv_bytes(chain(head, _converted(page, convert)))
        head = []
    if head:
        yield _csv_bytes(head)


def _csv_bytes(rows: Iterable[Sequence[Any]]) -> bytes:
    text = StringIO(newline="")
    csv.writer(text).writerows(rows)
    return text.getvalue().encode()


def _converted(page: Sequence[Column], convert: Sequence[Convert]) -> Iterator[Sequence[Any]]:
    """The rows of a page with other values, converted column by column."""
    columns = zip(*page, strict=True)
    return zip(*(one(column) for one, column in zip(convert, columns, strict=True)), strict=True)


def _for_json(name: str) -> Convert:
    """What makes the values of a column those that `rows.shown` makes."""
    if name in TIMES:
        return _iso
    if name in FLAGS:
        return lambda column: [None if value is None else bool(value) for value in column]
    if name in JSON_COLUMNS:
        return lambda column: [
            None if value is None else msgspec.Raw(value.encode()) for value in column
        ]
    return lambda column: column


def _for_csv(name: str) -> Convert:
    if name in TIMES:
        return _iso
    if name in FLAGS:
        return lambda column: [_FLAG_NAMES[value] for value in column]
    return _cells


def _iso(column: Column) -> Column:
    return [iso(value) for value in column]


def _cells(column: Column) -> Column:
    """Text that a spreadsheet would calculate gets a quote in front, and so does a quote."""
    return [defused(value) if type(value) is str else value for value in column]
