"""Posted records: which are calls, which are refused and why, and what makes two the same."""

from __future__ import annotations

import json
import re
from typing import Any

import pytest

from ingest.call import POSTED, UNMATCHED, Call
from ingest.posted import (
    MAX_ERRORS,
    MAX_RECORDS,
    MAX_VALUES,
    Batch,
    PostedCalls,
    TooManyRecordsError,
    records_of_array,
    records_of_lines,
)
from ingest.routes import MAX_ENDPOINTS, MAX_SIBLINGS, OTHER_ENDPOINT
from tests.rows import MINUTE, SEAL, T0

RECORD: dict[str, Any] = {
    "timestamp": T0,
    "method": "GET",
    "path": "/orders/1042?page=2",
    "status_code": 200,
    "ip_address": "192.0.2.7",
}


def read(*records: dict[str, Any], key: str | None = None) -> Batch:
    """A batch that comes five seconds after T0."""
    body = json.dumps(records).encode()
    return PostedCalls(SEAL).read(records_of_array(body), key=key, now=T0 + 5_000)


def reason(**fields: Any) -> str:
    """Why the record with these fields is refused."""
    batch = read(RECORD | fields)
    assert (batch.calls, batch.rejected) == ([], 1)
    return batch.errors[0].reason


def test_a_record_becomes_a_posted_call() -> None:
    more = {
        "user_id": "u1",
        "response_time_ms": 2.5,
        "payload_size": 64,
        "body": '{"card": "of ann"}',
        "content_type": "application/json",
    }
    (call,) = read(RECORD | more).calls
    print_of_all = SEAL.fingerprint("u1", "GET", "/orders/1042", "page=2", b'{"card": "of ann"}')
    assert call == Call(
        T0,
        "/orders/{id}",
        "GET",
        2.5,
        200,
        64,
        "192.0.2.7",
        "u1",
        "/orders/1042",
        print_of_all,
        POSTED,
        T0 + 5_000,
    )
    assert "of ann" not in str(call)


@pytest.mark.parametrize(
    ("fields", "endpoint"),
    [
        ({}, "/orders/{id}"),
        ({"status_code": 404}, UNMATCHED),
        ({"endpoint": "/orders/{order}"}, "/orders/{order}"),
        ({"endpoint": "/orders/{order}", "status_code": 404}, "/orders/{order}"),
        ({"path": "*", "method": "OPTIONS"}, UNMATCHED),
    ],
)
def test_the_endpoint_is_the_stated_one_or_made_from_the_path(
    fields: dict[str, Any], endpoint: str
) -> None:
    assert read(RECORD | fields).calls[0].endpoint == endpoint


@pytest.mark.parametrize(
    "timestamp",
    [T0, str(T0), float(T0), "2026-03-18T15:30:00Z", "2026-03-18T16:30:00+01:00"],
)
def test_times_are_iso_or_epoch_milliseconds(timestamp: object) -> None:
    assert read(RECORD | {"timestamp": timestamp}).calls[0].timestamp == T0


@pytest.mark.parametrize(
    ("timestamp", "says"),
    [
        (T0 + 5_001 + 5 * MINUTE, "timestamp '1773848105001' is more than 5 minutes ahead of"),
        ("2026-03-18T15:36:00Z", "timestamp '2026-03-18T15:36:00Z' is more than 5 minutes ahead"),
        ("1999-12-31T23:59:59Z", "timestamp '1999-12-31T23:59:59Z' is before the year 2000"),
        (946_684_799_999, "timestamp '946684799999' is before the year 2000"),
        (T0 // 1000, "timestamp '1773847800' is not in milliseconds"),
        ("0001-01-01T00:00:00+23:59", "is before 1970"),
        ("soon", "time 'soon' is no date and time"),
    ],
)
def test_a_time_that_can_not_be_is_refused_with_its_value(timestamp: object, says: str) -> None:
    assert says in reason(timestamp=timestamp)


def test_five_minutes_ahead_and_the_year_2000_are_taken() -> None:
    ahead, oldest = ({"timestamp": at} for at in (T0 + 5_000 + 5 * MINUTE, 946_684_800_000))
    assert len(read(RECORD | ahead, RECORD | oldest).calls) == 2


@pytest.mark.parametrize(
    ("fields", "says"),
    [
        ({"method": ""}, "method '' is empty"),
        ({"path": "-"}, "path '-' is empty"),
        ({"status_code": "fine"}, "status_code 'fine' is not a whole number from 100 to 999"),
        ({"response_time_ms": 1e308}, "response time '1e+308' can't be one"),
        ({"response_time_ms": 86_400_001}, "response time '86400001' can't be one"),
        ({"payload_size": 2**40 + 1}, "payload_size '1099511627777' is not a whole number"),
        ({"body": {"card": 1}}, "body \"{'card': 1}\" is not a text"),
    ],
)
def test_a_value_that_can_not_be_is_refused_with_it(fields: dict[str, Any], says: str) -> None:
    assert says in reason(**fields)


def test_a_bad_record_costs_itself_alone() -> None:
    lines = [json.dumps(RECORD).encode(), b'{"timestamp": 1', b"[1]", b'"\xff"', b"[" * 5_000]
    lines += [json.dumps({**RECORD, "ip_address": None}).encode(), json.dumps(RECORD).encode()]
    batch = PostedCalls(SEAL).read(records_of_lines(b"\r\n\n".join(lines)), key=None, now=T0)
    assert (len(batch.calls), batch.rejected) == (2, 5)
    assert [error.index for error in batch.errors] == [1, 2, 3, 4, 5]
    starts = [
        "not JSON (Input data was truncated): '{\"timestamp\": 1'",
        "not a JSON object: '[1]'",
        "not JSON ('utf-8' codec",
        "not JSON (maximum recursion depth",
        "the client's address is empty",
    ]
    for error, start in zip(batch.errors, starts, strict=True):
        assert error.reason.startswith(start)


def test_every_bad_record_is_counted_and_the_first_are_listed() -> None:
    batch = read(*[{}] * 150, RECORD)
    assert (len(batch.calls), batch.rejected, len(batch.errors)) == (1, 150, MAX_ERRORS)


@pytest.mark.parametrize("body", [b"", b"{}", b"[1,", b"5", b"[" * 10_000, b"\xff"])
def test_a_body_that_is_no_array_is_refused_with_its_beginning(body: bytes) -> None:
    says = re.escape("the body must be a JSON array: ")
    with pytest.raises(ValueError, match=says):
        records_of_array(body)


@pytest.mark.parametrize("element", [b"{}", b'{"a": ["],", {"b": 1}]}', b"[1, 2]", b"1"])
def test_too_many_records_are_refused_and_as_many_as_allowed_are_not(element: bytes) -> None:
    for number in (MAX_RECORDS, MAX_RECORDS + 1):
        elements = [element] * number
        read = (records_of_array, b"[" + b", ".join(elements) + b"]")
        lines = (records_of_lines, b"\n".join(elements))
        for records_of, body in (read, lines):
            if number == MAX_RECORDS:
                assert len(records_of(body)) == number
            else:
                with pytest.raises(TooManyRecordsError, match="more than 10000 records"):
                    records_of(body)


def test_values_are_counted_before_they_are_made_and_commas_of_texts_are_none() -> None:
    many = b"," * MAX_VALUES
    assert len(records_of_array(b'[{"body": "\\"' + many + b'"}]')) == 1
    with pytest.raises(TooManyRecordsError, match="10000 records or 500000 values"):
        records_of_array(b'[{"body": [' + many.replace(b",", b"1,") + b"1]}]")


def test_blank_lines_are_no_records() -> None:
    assert records_of_lines(b"\n \r\n\n") == []


def identities(*records: dict[str, Any], key: str | None) -> list[int | None]:
    return [call.identity for call in read(*records, key=key).calls]


def test_the_same_record_of_the_same_batch_has_the_same_identity() -> None:
    first = identities(RECORD, RECORD, key="k")
    assert identities(RECORD, RECORD, key="k") == first
    assert len({*first, *identities(RECORD, RECORD, key="other")}) == 4
    assert all(-(2**63) <= number < 2**63 for number in first if number is not None)


def test_a_record_that_was_corrected_has_an_identity_of_its_own() -> None:
    first = identities({}, RECORD, key="k")
    again = identities(RECORD | {"user_id": "u1"}, RECORD, key="k")
    assert again[1:] == first
    assert again[0] not in first


def test_without_a_key_nothing_has_an_identity() -> None:
    assert identities(RECORD, RECORD, key=None) == [None, None]


def test_a_scanner_can_not_make_names_without_end_nor_use_up_those_that_services_state() -> None:
    paths = [f"/{chr(97 + n % 26)}{chr(97 + n // 26)}/x" for n in range(26 * 26)]
    stated = [f"/r/{n}" for n in range(MAX_ENDPOINTS + 9)]
    reader = PostedCalls(SEAL)
    names = [
        {
            call.endpoint
            for call in reader.read(
                records_of_array(json.dumps([RECORD | {field: v} for v in values]).encode()),
                key=None,
                now=T0,
            ).calls
        }
        for field, values in (("path", paths), ("endpoint", stated))
    ]
    assert len(names[0]) == MAX_SIBLINGS + 1
    assert len(names[1]) == MAX_ENDPOINTS + 1
    assert OTHER_ENDPOINT in names[1]
