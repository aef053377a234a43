"""Importing an access log: every line becomes a stored call or is reported with its number and why.

A line's identity is its bytes and how many lines like it came before in the same file. So a file
that is imported again, packed or grown brings only what is new, and lines that a log repeats count.
"""

from __future__ import annotations

import csv
import time
import zlib
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass, field
from itertools import islice
from typing import Final, Literal

import msgspec

from ingest.call import IMPORT, UNMATCHED, Call
from ingest.logs.combined import CombinedParser
from ingest.logs.lines import MAX_LINE_BYTES
from ingest.logs.logged_call import (
    MS_PER_UNIT,
    LoggedCall,
    call_of,
    decoded,
    missing_fields,
    quoted,
    stored_form,
)
from ingest.routes import RouteNames, stated_template
from ingest.seal import Seal
from store import Store, writes

Format = Literal["combined", "json", "csv"]
Unit = Literal["none", "us", "ms", "s"]
Parser = Callable[[str], LoggedCall | None]  # None: an empty line or a header

BATCH_LINES: Final = 5_000  # a transaction; holds the write lock for about a tenth of a second
MAX_LINES_WITHOUT_CALL: Final = 1_000_000  # one after the other: a bomb, or another kind of file
MAX_REJECTS: Final = 1_000  # kept with their reasons; all are counted
_MAX_AHEAD_MS: Final = 86_400_000  # clocks differ, but a call from beyond tomorrow is a mistake


@dataclass
class ImportReport:
    """What became of the lines: `lines` = stored + duplicates + rejected + skipped."""

    lines: int = 0
    stored: int = 0
    duplicates: int = 0  # stored by an earlier import
    rejected: int = 0
    skipped: int = 0  # empty lines and the header of a CSV file
    with_response_time: int = 0  # of the calls: stored and duplicates
    endpoints: int = 0  # distinct names
    first_at: int | None = None  # earliest call [epoch ms]
    last_at: int | None = None  # latest call [epoch ms]
    rejects: list[tuple[int, str]] = field(default_factory=list)  # the first: line number, reason
    broken_off: str | None = None  # why the rest of the file could not be read

    def reject(self, number: int, reason: str) -> None:
        """Count a line that holds no call, and keep the reason while there is room."""
        self.rejected += 1
        if len(self.rejects) < MAX_REJECTS:
            self.rejects.append((number, reason))

    def add(self, calls: list[Call], stored: int) -> None:
        """Count the calls of a transaction, of which `stored` were new."""
        if not calls:
            return
        self.stored += stored
        self.duplicates += len(calls) - stored
        self.with_response_time += sum(call.response_time_ms is not None for call in calls)
        times = [call.timestamp for call in calls]
        self.first_at = min(times) if self.first_at is None else min(*times, self.first_at)
        self.last_at = max(times) if self.last_at is None else max(*times, self.last_at)


def import_log(
    store: Store,
    lines: Iterable[bytes],
    *,
    format: Format,
    seal: Seal,
    response_time: Unit = "none",
    now: int | None = None,
    progress: Callable[[ImportReport], None] | None = None,
) -> ImportReport:
    """Store the calls of a log, a few thousand lines a transaction.

    An import that is interrupted can simply be started again: what is stored is not stored twice.

    Parameters
    ----------
    store : Store
    lines : iterable of bytes
        Lines without their ends, such as `open_lines` gives.
    format : {"combined", "json", "csv"}
    seal : Seal
        Makes fingerprints, identities and, where they are wanted, pseudonyms.
    response_time : {"none", "us", "ms", "s"}
        Unit of the last field of a `combined` line; "none": that field is no response time.
    now : int, optional
        When the calls are received [epoch ms]; by default the clock's time.
    progress : callable, optional
        Called with the report so far after each batch.

    Raises
    ------
    ValueError
        The format or the unit is unknown, or they don't fit each other.
    """
    now = time.time_ns() // 1_000_000 if now is None else now
    report = ImportReport()
    reader = _Reader(parser(format, response_time), now, report, seal)
    calls = (reader.call(number, line) for number, line in _numbered(lines, reader, report))
    while batch := list(islice(calls, BATCH_LINES)):
        found = [call for call in batch if call is not None]
        with store.begin() as connection:
            stored = writes.add_calls(connection, found, store.grid)
        report.add(found, stored)
        report.endpoints = len(reader.names)
        if progress:
            progress(report)
    return report


def _numbered(
    lines: Iterable[bytes], reader: _Reader, report: ImportReport
) -> Iterator[tuple[int, bytes]]:
    try:
        for number, line in enumerate(lines, 1):
            if number - reader.last_call > MAX_LINES_WITHOUT_CALL:
                what = f"{MAX_LINES_WITHOUT_CALL} lines in a row hold no call, this is no log"
                report.broken_off = f"after line {report.lines}: {what}"
                return
            report.lines = number
            yield number, line
    except (OSError, EOFError, zlib.error) as error:  # a gzip file that is cut or damaged
        report.broken_off = f"after line {report.lines}: {error}"


class _Reader:
    """Lines of one file to calls; keeps the counts of the lines seen and of the endpoints named."""

    def __init__(self, parse: Parser, now: int, report: ImportReport, seal: Seal) -> None:
        self._parse = parse
        self._now = now
        self._report = report
        self._seal = seal
        self._seen: dict[int, int] = {}  # hash of a line -> how often it came
        self.names = RouteNames()
        self.last_call = 0  # number of the last line that held a call

    def call(self, number: int, line: bytes) -> Call | None:
        try:
            logged = self._logged(line)
        except ValueError as error:
            self._report.reject(number, str(error))
            return None
        if logged is None:
            self._report.skipped += 1
            return None
        self.last_call = number
        identity = self._identity(line, logged.timestamp)
        endpoint = self._endpoint(logged)
        return stored_form(logged, endpoint, IMPORT, self._now, identity, self._seal)

    def _logged(self, line: bytes) -> LoggedCall | None:
        if len(line) > MAX_LINE_BYTES:
            raise ValueError(f"longer than {MAX_LINE_BYTES} bytes: {quoted(decoded(line[:200]))}")
        logged = self._parse(decoded(line))
        if logged and logged.timestamp > self._now + _MAX_AHEAD_MS:
            raise ValueError(f"the call lies in the future: {quoted(decoded(line[:200]))}")
        return logged

    def _identity(self, line: bytes, timestamp: int) -> int:
        key = self._seal.identity(line, timestamp)
        earlier = self._seen.get(key, 0)
        self._seen[key] = earlier + 1
        return key if earlier == 0 else self._seal.identity(b"%d %d" % (key, earlier), timestamp)

    def _endpoint(self, logged: LoggedCall) -> str:
        if logged.endpoint:
            return self.names.given(stated_template(logged.endpoint))
        if not logged.method:
            return self.names.given(UNMATCHED)
        return self.names.name(logged.target.partition("?")[0], logged.status_code)


def parser(format: Format, response_time: Unit = "none") -> Parser:
    """The parser of a format; of CSV one for each file, because it remembers the header.

    Raises
    ------
    ValueError
        The format or the unit is unknown, or a unit is given for JSON or CSV, whose fields name it.
    """
    if response_time != "none" and response_time not in MS_PER_UNIT:
        raise ValueError(f"response time {response_time!r} must be none, us, ms or s")
    if response_time != "none" and format != "combined":
        raise ValueError(
            f"response time {response_time!r} is for combined logs; in {format} the field's name "
            "says it: response_time_us, response_time_ms or response_time_s"
        )
    match format:
        case "combined":
            return CombinedParser(MS_PER_UNIT.get(response_time))
        case "json":
            return json_call
        case "csv":
            return CsvParser()
    raise ValueError(f"format {format!r} must be combined, json or csv")


def json_call(text: str) -> LoggedCall | None:
    """The call of a line with one JSON object; see `call_of` for its fields."""
    if not text.strip():
        return None
    try:
        fields = msgspec.json.decode(text)
    except (ValueError, RecursionError) as error:
        raise ValueError(f"not JSON ({error}): {quoted(text)}") from None
    if not isinstance(fields, dict):
        raise ValueError(f"not a JSON object: {quoted(text)}")
    return call_of(fields)


class CsvParser:
    """Records of a CSV file, one a line; the first line names the fields, see `call_of`."""

    def __init__(self) -> None:
        self._names: list[str] = []

    def __call__(self, text: str) -> LoggedCall | None:
        if not text.strip():
            return None
        try:
            values = next(csv.reader([text], strict=True))
        except csv.Error as error:
            raise ValueError(f"not CSV ({error}): {quoted(text)}") from None
        if not self._names:
            self._read_header(values, text)
            return None
        if len(values) != len(self._names):
            counts = f"{len(values)} values for {len(self._names)} names of the header"
            raise ValueError(f"{counts}: {quoted(text)}")
        return call_of(dict(zip(self._names, values, strict=True)))

    def _read_header(self, values: list[str], text: str) -> None:
        self._names = [name.strip().lower() for name in values]
        if missing := missing_fields(self._names):
            raise ValueError(f"the header names no {', '.join(missing)}: {quoted(text)}")
