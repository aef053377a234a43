"""Batches of calls that other services post: records of JSON to calls, bad ones with a reason."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, field
from io import BytesIO
from itertools import islice
from typing import Final

import msgspec

from ingest.call import POSTED, Call, identity_of
from ingest.logs.logged_call import LoggedCall, call_of, quoted, stored_form
from ingest.routes import MAX_NAME_CHARACTERS, RouteNames

MAX_RECORDS: Final = 10_000  # a batch
MAX_ERRORS: Final = 100  # listed with their reasons; all are counted
MAX_AHEAD_MS: Final = 300_000  # clocks of services differ by less
EARLIEST_MS: Final = 946_684_800_000  # 2000-01-01; what is older is a clock that was never set

Record = msgspec.Raw | bytes  # the JSON of one call, as it was sent

_decode_array = msgspec.json.Decoder(list[msgspec.Raw]).decode
_decode = msgspec.json.Decoder().decode


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
    ValueError
        The body is no JSON array.
    """
    try:
        return list(_decode_array(body))
    except (ValueError, RecursionError) as error:
        raise ValueError(f"the body must be a JSON array: {error}: {_excerpt(body)}") from None


def records_of_lines(body: bytes) -> list[Record]:
    """The lines that are not blank, at most one more than MAX_RECORDS, so that one can tell."""
    lines: Iterator[Record] = (line.rstrip(b"\r\n") for line in BytesIO(body) if not line.isspace())
    return list(islice(lines, MAX_RECORDS + 1))


class PostedCalls:
    """Reads batches for as long as a server runs, and bounds the number of endpoint names.

    Names that services state and names made from paths are bounded apart, so that a scanner whose
    paths use the second up takes nothing from the first. Several threads may read at once.
    """

    def __init__(self) -> None:
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
            identity = None if key is None else _identity(key, index, record, logged.timestamp)
            batch.calls.append(stored_form(logged, self._endpoint(logged), POSTED, now, identity))
        return batch

    def _endpoint(self, logged: LoggedCall) -> str:
        if logged.endpoint:
            return self._stated.given(logged.endpoint[:MAX_NAME_CHARACTERS])
        return self._made.name(logged.target.partition("?")[0], logged.status_code)


def _logged(record: Record, now: int) -> LoggedCall:
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


def _identity(key: str, index: int, record: Record, timestamp: int) -> int:
    head = f"{key}\0{index}\0".encode("utf-8", "surrogatepass")
    return identity_of(head + bytes(record), timestamp)


def _excerpt(record: Record) -> str:
    return quoted(bytes(memoryview(record)[:400]).decode("utf-8", "replace"))
