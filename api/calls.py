"""`POST /api/calls`: calls of other services, in batches."""

from __future__ import annotations

import gzip
import logging
import time
import zlib
from dataclasses import asdict
from io import BytesIO
from threading import BoundedSemaphore
from typing import Annotated, Any, Final

from flask import Blueprint, Response, jsonify, make_response, request
from pydantic import Field
from sqlalchemy.exc import DBAPIError
from sqlalchemy.exc import TimeoutError as NoConnectionError

from api import current, schemas
from api.described import described
from api.errors import ApiError, error_answer
from ingest.posted import (
    MAX_RECORDS,
    Batch,
    PostedCalls,
    Record,
    TooManyRecordsError,
    records_of_array,
    records_of_lines,
)
from ingest.seal import Seal
from store import writes
from store.condition import trouble_of

MAX_BODY_BYTES: Final = 10_000_000  # as sent, and unpacked as well
MAX_READ_BYTES: Final = 64_000_000  # read before the refusal, or the sender sees a cut connection
MAX_KEY_CHARACTERS: Final = 256
BATCHES_AT_ONCE: Final = 6  # below the store's connections for writing, and bounds memory
RETRY_AFTER_BUSY_S: Final = 1
RETRY_AFTER_STORE_S: Final = 5

IdempotencyKey = Annotated[
    str,
    Field(
        pattern=rf"^\S(.{{0,{MAX_KEY_CHARACTERS - 2}}}\S)?$",
        description="A new one for each batch: a batch that is sent again with it is stored once.",
        examples=["3f0c9d4e"],
    ),
]
_JSON: Final = "application/json"
_LINES: Final = frozenset({"application/x-ndjson", "application/ndjson", "application/jsonl"})
_CHUNK_BYTES: Final = 2**16
_log = logging.getLogger(__name__)


def blueprint(seal: Seal) -> Blueprint:
    """The route, with what one app must remember between batches."""
    calls = Blueprint("calls", __name__, url_prefix="/api")
    posted, places = PostedCalls(seal), BoundedSemaphore(BATCHES_AT_ONCE)

    @calls.post("/calls")
    @described(
        "Posting",
        schemas.BatchCounts,
        status=202,
        takes={_JSON: schemas.CallBatch, "application/x-ndjson": schemas.CallLines},
        headers={"Idempotency-Key": IdempotencyKey},
        errors={
            400: "the body must be a JSON array: Expected `array`, got `object`: '{}'",
            413: f"the batch has more than {MAX_RECORDS} records; send several",
            415: "Content-Type 'text/html' must be application/json or application/x-ndjson",
        },
    )
    def post_calls() -> Response:
        """Store the good records of a batch: 202 with counts, and the bad ones with reasons.

        A batch is a JSON array, or NDJSON with an object on each line (also as
        `application/ndjson` or `application/jsonl`), plain or with `Content-Encoding: gzip`, of at
        most 10,000 records and 10 MB, also unpacked. It is stored whole or, with 503, not at all.
        Each record is checked by itself: one that is no call does no harm to the others.
        """
        key = _idempotency_key()
        sent = _sent()  # before a place is taken: a slow sender must not keep others out
        _refuse_other_types()
        if not places.acquire(blocking=False):
            reason = f"{BATCHES_AT_ONCE} batches are being stored; send this one again"
            return _try_again(reason, RETRY_AFTER_BUSY_S)
        try:
            batch = posted.read(_records(_unpacked(sent)), key=key, now=_now_ms())
            return _stored(batch)
        except (DBAPIError, NoConnectionError) as error:
            trouble = trouble_of(error)
            if trouble is None:
                raise
            _log.error("a batch was not stored: %s", getattr(error, "orig", None) or error)
            reason = f"{trouble.value}; send this batch again"
            return _try_again(reason, RETRY_AFTER_STORE_S)
        finally:
            places.release()

    return calls


def _stored(batch: Batch) -> Response:
    """All calls of the batch in one transaction: never a part of them."""
    store = current().store
    with store.begin() as connection:
        new = writes.add_calls(connection, batch.calls, store.grid)
    return make_response(jsonify(_counts(batch, new)), 202)


def _counts(batch: Batch, new: int) -> dict[str, Any]:
    return {
        "accepted": new,
        "duplicates": len(batch.calls) - new,
        "rejected": batch.rejected,
        "errors": [asdict(error) for error in batch.errors],
    }


def _sent() -> bytes:
    """The body as it was sent. Werkzeug's own limit would cut a chunked one off without a word."""
    request.max_content_length = MAX_READ_BYTES
    sent, length = bytearray(), 0
    while chunk := request.stream.read(_CHUNK_BYTES):
        length += len(chunk)
        if length <= MAX_BODY_BYTES:
            sent += chunk
    if length > MAX_BODY_BYTES:
        raise ApiError(413, f"the body has {length} bytes, at most {MAX_BODY_BYTES} are taken")
    if length < (request.content_length or 0):
        raise ApiError(400, f"the body ended after {length} of {request.content_length} bytes")
    return bytes(sent)


def _refuse_other_types() -> None:
    if request.mimetype != _JSON and request.mimetype not in _LINES:
        given = request.headers.get("Content-Type", "")
        raise ApiError(
            415, f"Content-Type {given[:80]!r} must be application/json or application/x-ndjson"
        )
    if _encoding() not in ("", "identity", "gzip", "x-gzip"):
        raise ApiError(415, f"Content-Encoding {_encoding()[:80]!r} must be gzip or none")


def _encoding() -> str:
    return request.headers.get("Content-Encoding", "").strip().lower()


def _unpacked(sent: bytes) -> bytes:
    if "gzip" not in _encoding():
        return sent
    try:
        body = gzip.GzipFile(fileobj=BytesIO(sent)).read(MAX_BODY_BYTES + 1)
    except (OSError, EOFError, zlib.error) as error:
        raise ApiError(400, f"the body is no whole gzip: {error}") from None
    if len(body) > MAX_BODY_BYTES:
        raise ApiError(413, f"the body is larger than {MAX_BODY_BYTES} bytes when unpacked")
    return body


def _records(body: bytes) -> list[Record]:
    if not body.strip():
        raise ApiError(400, "the body is empty, it must hold calls")
    try:
        lines = request.mimetype in _LINES
        return records_of_lines(body) if lines else records_of_array(body)
    except TooManyRecordsError as error:
        raise ApiError(413, str(error)) from None
    except ValueError as error:
        raise ApiError(400, str(error)) from None


def _idempotency_key() -> str | None:
    key = request.headers.get("Idempotency-Key")
    if key is not None and not 0 < len(key.strip()) <= MAX_KEY_CHARACTERS:
        raise ApiError(
            400,
            f"Idempotency-Key {key[:80]!r} must have 1 to {MAX_KEY_CHARACTERS} characters",
            parameter="Idempotency-Key",
        )
    return key


def _try_again(reason: str, after_s: int) -> Response:
    answer = error_answer(503, f"{reason}, with the same Idempotency-Key if it has one")
    answer.headers["Retry-After"] = str(after_s)
    return answer


def _now_ms() -> int:
    return time.time_ns() // 1_000_000
