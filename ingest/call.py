"""The record of one API call, the same from every source."""

from __future__ import annotations

import hashlib
import re
import struct
from typing import Final, NamedTuple

MAX_PATH_CHARACTERS: Final = 256
UNMATCHED: Final = "(unmatched)"
METHODS: Final = frozenset(
    {"GET", "HEAD", "POST", "PUT", "PATCH", "DELETE", "OPTIONS", "TRACE", "CONNECT"}
)
OTHER_METHOD: Final = "OTHER"

LIVE: Final = "live"
POSTED: Final = "posted"
IMPORT: Final = "import"
SIMULATED: Final = "simulated"

_IDENTITY_TIME_SHIFT: Final = 20  # 2^20 ms are 17 minutes
_EMPTY_HASH: Final = hashlib.blake2b(digest_size=8)
_QUERY: Final = re.compile(r"(?:[?#]|%3[Ff]|%23).*", re.DOTALL)  # also one that was encoded twice
_PARAMETERS: Final = re.compile(r"(?:;|%3[Bb])[^/]*")  # of a segment, such as ;jsessionid=
_LOGIN: Final = re.compile(r"\A((?:[A-Za-z][A-Za-z0-9+.-]*:)?//|(?=[^/]))[^/]*@")  # user:password@
_int64: Final = struct.Struct(">q").unpack


class Call(NamedTuple):
    """One logged API request with its answer; fields are the columns of `api_log`, in order.

    Being a plain tuple it goes through the journal and into the database without a conversion.
    """

    timestamp: int  # when the request arrived [epoch ms, UTC]
    endpoint: str  # route template, or UNMATCHED
    method: str  # one of METHODS, or OTHER_METHOD
    response_time_ms: (
        float | None
    )  # from arrival to the last byte of the answer [ms]; None: not known
    status_code: int
    payload_size: int  # body of the answer [bytes]
    ip_address: str
    user_id: str | None = None
    path: str | None = None  # concrete path, see `clean_path`
    fingerprint: int | None = None  # see `fingerprint` and `ingest.seal`
    source: str = LIVE
    received_at: int = 0  # when the product got the record [epoch ms, UTC]
    attack: str | None = None  # class of attack, or None
    attack_score: float | None = None  # 0..1, the higher the more likely an attack
    identity: int | None = (
        None  # of an imported or posted record: stored once however often it comes
    )


def fingerprint(
    client: str,
    method: str,
    path: str,
    query: str,
    body: bytes = b"",
    *,
    empty: hashlib.blake2b = _EMPTY_HASH,
) -> int:
    """64-bit hash of what makes two requests identical: client, method, path, query, body.

    Signed because both SQLite and PostgreSQL store 64-bit integers so. What is stored of real
    requests is hashed with a key, which is in `empty` (see `ingest.seal`): else a password of a
    body could be found by trying.
    """
    head = f"{client}\0{method}\0{path}\0{query}\0".encode("utf-8", "surrogatepass")
    state = empty.copy()  # a third faster than a new one
    state.update(head + body)
    number: int = _int64(state.digest())[0]
    return number


def identity_of(content: bytes, timestamp: int, key: bytes) -> int:
    """64 bits, signed as both databases store them: 16 of the time, 48 of a hash with a key.

    With the time in front new keys lie together in the index. Of a hash alone each key would change
    a page of its own: at 300,000 calls that made storing a third slower, and more as it grew.
    """
    time_bytes = (timestamp >> _IDENTITY_TIME_SHIFT & 0xFFFF).to_bytes(2, "big")
    hashed = hashlib.blake2b(content, digest_size=6, key=key).digest()
    return int.from_bytes(time_bytes + hashed, "big", signed=True)


def clean_path(path: str) -> str:
    """The path as it is stored: no NUL (PostgreSQL refuses it), at most MAX_PATH_CHARACTERS.

    Without what may be a secret: query and fragment, parameters of segments, user and password.
    """
    bare = _PARAMETERS.sub("", _QUERY.sub("", path))
    return _LOGIN.sub(r"\1", bare, count=1)[:MAX_PATH_CHARACTERS].replace("\0", "�")


def clean_method(method: str) -> str:
    """The method as it is stored: made-up ones share a name, or they would create subjects."""
    upper = method.upper()
    return upper if upper in METHODS else OTHER_METHOD
