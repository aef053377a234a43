"""Batches of calls that other services post: records of JSON to calls, bad ones with a reason."""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass, field
from io import BytesIO
from itertools import islice
from typing import Final

import msgspec

from ingest.call import POSTED, Call
from ingest.logs.logged_call import LoggedCall, call_of, quoted, stored_form
from ingest.routes import RouteNames, stated_template
from ingest.seal import Seal

MAX_RECORDS: Final = 10_000  # a batch
MAX_VALUES: Final = 50 * MAX_RECORDS  # of all its records; a call has a dozen
MAX_RECORD_BYTES: Final = 1 << 20  # read into values it takes up to 30 times as much memory
MAX_ERRORS: Final = 100  # listed with their reasons; all are counted
MAX_AHEAD_MS: Final = 300_000  # clocks of services differ by less
EARLIEST_MS: Final = 946_684_800_000  # 2000-01-01; what is older is a clock that was never set

Record = msgspec.Raw | bytes  # the JSON of one call, as it was sent

_STRING: Final = re.compile(rb'"(?:[^"\\]++|\\.)*+"', re.DOTALL)

_decode_array = msgspec.json.Decoder(list[msgspec.Raw]).decode
_decode = msgspec.json.Decoder().decode


class TooManyRecordsError(ValueError):
    """A batch has more than `MAX_RECORDS`, or than `MAX_VALUES` in them."""

    def __init__(self, most: str = f"{MAX_RECORDS} records") -> None:
        super().__init__(f"the batch has more than {most}; send several")


@dataclass(frozen=True, slots=True)
class Rejected:
    """A record that is no call."""

    index: int  # in the batch, from 0
    reason: str


@dataclass
class Batch:
    """What the records of a batch are."""

    calls: list[Call] = field(default_factory=list)
    rejected: int = 0
    errors: list[Rejected] = field(default_factory=list)  # the first MAX_ERRORS of the rejected

    def reject(self, index: int, reason: str) -> None:
        """Count a record that is no call, and keep the reason while there is room."""
        self.rejected += 1
        if len(self.errors) < MAX_ERRORS:
            self.errors.append(Rejected(index, reason))


def records_of_array(body: bytes) -> list[Record]:
    """The elements of a JSON array, each still as JSON.

    Raises
    ------
    TooManyRecordsError
        There are more than `MAX_RECORDS`, or `MAX_VALUES` in all: known before each of millions
        takes its memory.
    ValueError
        The body is no JSON array.
    """
    if _has_too_many(body):
        raise TooManyRecordsError(f"{MAX_RECORDS} records or {MAX_VALUES} values")
    try:
        records: list[Record] = list(_decode_array(body))
    except (ValueError, RecursionError) as error:
        raise ValueError(f"the body must be a JSON array: {error}: {_excerpt(body)}") from None
    return _bounded(records)


def records_of_lines(body: bytes) -> list[Record]:
    """The lines that are not blank.

    Raises
    ------
    TooManyRecordsError
        There are more than `MAX_RECORDS`.
    """
    lines: Iterator[Record] = (line.rstrip(b"\r\n") for line in BytesIO(body) if not line.isspace())
    return _bounded(list(islice(lines, MAX_RECORDS + 1)))


def _bounded(records: list[Record]) -> list[Record]:
    if len(records) > MAX_RECORDS:
        raise TooManyRecordsError
    return records


def _has_too_many(body: bytes) -> bool:
    """Whether an array has more values than `MAX_RECORDS` can have, without making them."""
    return body.count(b",") >= MAX_VALUES and _STRING.sub(b"", body).count(b",") >= MAX_VALUES


class PostedCalls:
    """Reads batches for as long as a server runs, and bounds the number of endpoint names.

    Names that services state and names made from paths are bounded apart, so that a scanner whose
    paths use the second up takes nothing from the first. Several threads may read at once.
    """

    def __init__(self, seal: Seal) -> None:
        self._seal = seal
        self._stated = RouteNames()
        self._made = RouteNames()

    def read(self, records: list[Record], *, key: str | None, now: int) -> Batch:
        """The calls of a batch and the records that are none.

        Parameters
        ----------
        records : list of Record
        key : str or None
            Idempotency key: the same record at the same index of a batch with the same key has the
            same identity, so that the store takes it once.
        now : int
            When the batch was received [epoch ms].
        """
        batch = Batch()
        for index, record in enumerate(records):
            try:
                logged = _logged(record, now)
            except ValueError as error:
                batch.reject(index, str(error))
                continue
            identity = None
            if key is not None:
                identity = self._identity(key, index, record, logged.timestamp)
            endpoint = self._endpoint(logged)
            batch.calls.append(stored_form(logged, endpoint, POSTED, now, identity, self._seal))
        return batch

    def _endpoint(self, logged: LoggedCall) -> str:
        if logged.endpoint:
            return self._stated.given(stated_template(logged.endpoint))
        return self._made.name(logged.target.partition("?")[0], logged.status_code)

    def _identity(self, key: str, index: int, record: Record, timestamp: int) -> int:
        head = f"{key}\0{index}\0".encode("utf-8", "surrogatepass")
        return self._seal.identity(head + bytes(record), timestamp)


def _logged(record: Record, now: int) -> LoggedCall:
    if len(memoryview(record)) > MAX_RECORD_BYTES:
        raise ValueError(f"longer than {MAX_RECORD_BYTES} bytes: {_excerpt(record)}")
    try:
        fields = _decode(record)
    except (ValueError, RecursionError) as error:
        raise ValueError(f"not JSON ({error}): {_excerpt(record)}") from None
    if not isinstance(fields, dict):
        raise ValueError(f"not a JSON object: {_excerpt(record)}")
    logged = call_of(fields)
    if not (logged.method and logged.target):
        name = "path" if logged.method else "method"
        raise ValueError(f"{name} {quoted(fields[name])} is empty")
    if not EARLIEST_MS <= logged.timestamp <= now + MAX_AHEAD_MS:
        limit = "before the year 2000"
        if logged.timestamp > now:
            limit = f"more than {MAX_AHEAD_MS // 60_000} minutes ahead of this server's clock"
        raise ValueError(f"timestamp {quoted(fields['timestamp'])} is {limit}")
    return logged


def _excerpt(record: Record) -> str:
    return quoted(bytes(memoryview(record)[:400]).decode("utf-8", "replace"))
