"""What a log, or a program that posts its calls, says about one call; and reading the parts of it.

Every function here that reads a part raises ValueError with a reason that quotes what is wrong.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from datetime import UTC, datetime, timedelta
from functools import lru_cache
from typing import Final, NamedTuple

from ingest.call import Call, clean_method, clean_path
from ingest.caller import plain_address
from ingest.seal import Seal

MS_PER_UNIT: Final[Mapping[str, float]] = {"us": 0.001, "ms": 1.0, "s": 1000.0}
MAX_CLIENT_CHARACTERS: Final = 256  # of an address or host name, and of a user

_MAX_QUOTED_CHARACTERS: Final = 80
_MAX_PAYLOAD_BYTES: Final = 1 << 40  # a TiB; with more the sums of a window could overflow
_MAX_RESPONSE_TIME_MS: Final = 86_400_000.0  # a day
_MAX_DIGITS: Final = 19
_EARLIEST_EPOCH_MS: Final = 100_000_000_000  # 1973; a smaller number counts seconds
_LATEST_EPOCH_MS: Final = 253_402_300_799_999  # the end of 9999, the last year there is a name for
_EPOCH: Final = datetime(1970, 1, 1, tzinfo=UTC)
_MILLISECOND: Final = timedelta(milliseconds=1)
_HOST_AND_PORT: Final = re.compile(r"^([^:]+):\d{1,5}$", re.ASCII)

_REQUIRED: Final = ("timestamp", "method", "path", "status_code", "ip_address")
_RESPONSE_TIMES: Final = {f"response_time_{unit}": ms for unit, ms in MS_PER_UNIT.items()}


class LoggedCall(NamedTuple):
    """One call as it was logged."""

    timestamp: int  # epoch ms, UTC
    method: str  # as sent; empty: the request was not HTTP
    target: str  # path and query as sent; of a request that was not HTTP, all of it
    status_code: int
    payload_size: int  # bytes
    ip_address: str  # or a host name
    user_id: str | None = None
    response_time_ms: float | None = None  # None: not logged
    endpoint: str | None = None  # route template; None: not logged
    body: bytes = b""  # of the request


def missing_fields(names: Mapping[str, object] | list[str]) -> list[str]:
    """The required fields of `call_of` that are not there."""
    return [name for name in _REQUIRED if name not in names]


def call_of(fields: Mapping[str, object]) -> LoggedCall:
    """The call that named fields describe; numbers may be texts, other fields are ignored.

    Parameters
    ----------
    fields : mapping
        `timestamp` (ISO 8601 or epoch ms), `method`, `path` (with query), `status_code`,
        `ip_address`; optional `endpoint`, `user_id`, `payload_size` [bytes], `response_time_ms`
        (or `_us`, `_s`), `body`. None, "" and "-" stand for a value that is not known.

    Raises
    ------
    ValueError
        A required field is missing, or a value can't be what it should be.
    """
    if missing := missing_fields(fields):
        raise ValueError(f"no {', '.join(missing)} in {quoted(dict(fields))}")
    return LoggedCall(
        timestamp_ms(fields["timestamp"]),
        _text(fields, "method"),
        _text(fields, "path"),
        _whole(fields, "status_code", 100, 999),
        _payload_size(fields),
        client_name(_text(fields, "ip_address")[:MAX_CLIENT_CHARACTERS]),
        _text(fields, "user_id")[:MAX_CLIENT_CHARACTERS] or None,
        _response_time_ms(fields),
        _text(fields, "endpoint") or None,
        _text(fields, "body").encode(),
    )


def stored_form(
    logged: LoggedCall,
    endpoint: str,
    source: str,
    received_at: int,
    identity: int | None,
    seal: Seal,
) -> Call:
    """The row of a logged call; of its query and body only the fingerprint knows."""
    path, _, query = logged.target.partition("?")
    client = logged.user_id or logged.ip_address
    call = Call(
        logged.timestamp,
        endpoint,
        clean_method(logged.method),
        logged.response_time_ms,
        logged.status_code,
        logged.payload_size,
        logged.ip_address,
        logged.user_id,
        clean_path(path),
        seal.fingerprint(client, logged.method, path, query, logged.body),
        source,
        received_at,
        identity=identity,
    )
    return seal.sealed(call)


def quoted(value: object) -> str:
    """A value as a reason quotes it: control characters escaped, the first 80 characters of it."""
    text = value if isinstance(value, str) else repr(value)
    return repr(text[:_MAX_QUOTED_CHARACTERS]) + ("…" if len(text) > _MAX_QUOTED_CHARACTERS else "")


def decoded(line: bytes) -> str:
    """Storable text of any bytes: UTF-8, else Latin-1, which has a character for every byte."""
    try:
        text = line.decode()
    except UnicodeDecodeError:
        text = line.decode("latin-1")
    return text.replace("\0", "�").removeprefix("\ufeff")


@lru_cache(maxsize=4_096)
def client_name(host: str) -> str:
    """The address in its one spelling, else the host name; neither has a port.

    With its port each connection would be a client of its own.
    """
    name = plain_address(host) or _HOST_AND_PORT.sub(r"\1", host)
    if not name:
        raise ValueError("the client's address is empty")
    return name


def timestamp_ms(value: object) -> int:
    """Epoch ms of ISO 8601 (UTC unless it has an offset) or of epoch ms, a number or its text."""
    if isinstance(value, str) and not _is_number(value):
        return iso_ms(value)
    if isinstance(value, bool) or not isinstance(value, (str, int, float)):
        raise ValueError(f"timestamp {quoted(value)} is neither ISO 8601 nor milliseconds")
    number = int(value) if isinstance(value, str) else value
    if not _EARLIEST_EPOCH_MS <= number <= _LATEST_EPOCH_MS:
        raise ValueError(f"timestamp {quoted(value)} is not in milliseconds since 1970")
    return int(number)


def iso_ms(text: str) -> int:
    """Epoch ms of an ISO 8601 time; without an offset it is UTC."""
    try:
        moment = datetime.fromisoformat(text)
    except ValueError:
        raise ValueError(f"time {quoted(text)} is no date and time") from None
    return epoch_ms(moment)


def epoch_ms(moment: datetime) -> int:
    """Milliseconds since 1970; a time without an offset is UTC."""
    aware = moment if moment.tzinfo else moment.replace(tzinfo=UTC)
    if aware < _EPOCH:
        raise ValueError(f"time {quoted(moment.isoformat())} is before 1970")
    return (aware - _EPOCH) // _MILLISECOND


def milliseconds(value: str | float, ms_per_unit: float) -> float:
    """A response time [ms] from a number of another unit."""
    try:
        time_ms = float(value) * ms_per_unit
    except (ValueError, OverflowError):
        raise ValueError(f"response time {quoted(value)} is not a number") from None
    if not 0 <= time_ms <= _MAX_RESPONSE_TIME_MS:
        raise ValueError(f"response time {quoted(value)} can't be one")
    return time_ms


def _storable(text: str) -> str:
    """Without NUL, which PostgreSQL refuses, and half characters, which no database takes."""
    if text.isascii() and "\0" not in text:  # nearly all
        return text
    return text.replace("\0", "�").encode("utf-8", "replace").decode()


def _absent(value: object) -> bool:
    return value is None or value == "" or value == "-"


def _is_number(text: str) -> bool:
    return text.isascii() and text.isdigit() and len(text) <= _MAX_DIGITS


def _text(fields: Mapping[str, object], name: str) -> str:
    value = fields.get(name)
    if isinstance(value, str):
        return "" if value == "-" else _storable(value)
    if value is None:
        return ""
    if isinstance(value, int) and not isinstance(value, bool):
        return str(value)  # a user's number
    raise ValueError(f"{name} {quoted(value)} is not a text")


def _whole(fields: Mapping[str, object], name: str, low: int, high: int) -> int:
    value = fields.get(name)
    number = int(value) if isinstance(value, str) and _is_number(value) else value
    if isinstance(number, bool) or not isinstance(number, int) or not low <= number <= high:
        raise ValueError(f"{name} {quoted(value)} is not a whole number from {low} to {high}")
    return number


def _payload_size(fields: Mapping[str, object]) -> int:
    if _absent(fields.get("payload_size")):
        return 0
    return _whole(fields, "payload_size", 0, _MAX_PAYLOAD_BYTES)


def _response_time_ms(fields: Mapping[str, object]) -> float | None:
    for name, ms_per_unit in _RESPONSE_TIMES.items():
        value = fields.get(name)
        if _absent(value):
            continue
        if isinstance(value, bool) or not isinstance(value, (str, int, float)):
            raise ValueError(f"{name} {quoted(value)} is not a number")
        return milliseconds(value, ms_per_unit)
    return None
