"""Named fields, as JSON and CSV logs have them: which make a call, which are refused and why."""

from __future__ import annotations

import re

import pytest
from hypothesis import given
from hypothesis import strategies as st

from ingest.access_log import CsvParser, json_call
from ingest.logs.logged_call import LoggedCall, call_of, client_name, decoded, timestamp_ms
from tests.rows import T0

AT_MS = T0 + 7_000
FIELDS: dict[str, object] = {
    "timestamp": AT_MS,
    "method": "POST",
    "path": "/shop?item=3",
    "status_code": 201,
    "ip_address": "192.0.2.7",
}


def test_a_call_needs_only_the_required_fields() -> None:
    assert call_of(FIELDS) == LoggedCall(AT_MS, "POST", "/shop?item=3", 201, 0, "192.0.2.7")


def test_a_call_has_all_that_its_fields_say() -> None:
    more = {
        "endpoint": "/shop",
        "user_id": 17,
        "payload_size": "64",
        "response_time_ms": "2.5",
        "body": "a=1",
        "referrer": "ignored",
    }
    assert call_of(FIELDS | more) == LoggedCall(
        AT_MS, "POST", "/shop?item=3", 201, 64, "192.0.2.7", "17", 2.5, "/shop", b"a=1"
    )


@pytest.mark.parametrize(
    ("name", "value", "says"),
    [
        ("timestamp", 1_773_847_807, "is not in milliseconds since 1970"),
        ("timestamp", 1e300, "is not in milliseconds since 1970"),
        ("timestamp", float("nan"), "is not in milliseconds since 1970"),
        ("timestamp", "soon", "time 'soon' is no date and time"),
        ("timestamp", True, "timestamp 'True' is neither"),
        ("timestamp", [1], "timestamp '[1]' is neither"),
        ("status_code", 99, "status_code '99' is not a whole number from 100 to 999"),
        ("status_code", "", "status_code '' is not a whole number"),
        ("status_code", 200.5, "status_code '200.5' is not a whole number"),
        ("status_code", True, "status_code 'True' is not a whole number"),
        ("payload_size", -1, "payload_size '-1' is not a whole number from 0"),
        ("payload_size", 2**63, "payload_size '9223372036854775808' is not a whole number"),
        ("ip_address", "", "the client's address is empty"),
        ("ip_address", {}, "ip_address '{}' is not a text"),
        ("user_id", 1.5, "user_id '1.5' is not a text"),
        ("response_time_ms", "slow", "response time 'slow' is not a number"),
        ("response_time_us", True, "response_time_us 'True' is not a number"),
        ("response_time_s", 10**400, "is not a number"),
    ],
)
def test_a_field_that_can_not_be_is_refused(name: str, value: object, says: str) -> None:
    with pytest.raises(ValueError, match=re.escape(says)):
        call_of(FIELDS | {name: value})


@pytest.mark.parametrize("name", FIELDS)
def test_a_required_field_that_is_missing_is_named(name: str) -> None:
    with pytest.raises(ValueError, match=f"^no {name} in "):
        call_of({key: value for key, value in FIELDS.items() if key != name})


@pytest.mark.parametrize("nothing", [None, "", "-"])
def test_an_optional_field_may_say_nothing(nothing: object) -> None:
    names = ("endpoint", "user_id", "payload_size", "response_time_ms", "body")
    assert call_of(FIELDS | dict.fromkeys(names, nothing)) == call_of(FIELDS)


@pytest.mark.parametrize(
    ("name", "value"),
    [("response_time_us", 2500), ("response_time_ms", 2.5), ("response_time_s", "0.0025")],
)
def test_the_name_of_a_response_time_says_its_unit(name: str, value: object) -> None:
    assert call_of(FIELDS | {name: value}).response_time_ms == pytest.approx(2.5)


@pytest.mark.parametrize("value", [AT_MS, str(AT_MS), float(AT_MS), "2026-03-18T15:30:07Z"])
def test_a_timestamp_may_be_iso_or_epoch_milliseconds(value: object) -> None:
    assert timestamp_ms(value) == AT_MS


def test_texts_are_made_storable() -> None:
    call = call_of(FIELDS | {"user_id": "a\0b\ud800", "path": "/\0"})
    assert (call.user_id, call.target) == ("a�b?", "/�")


def test_a_json_line_is_an_object() -> None:
    line = (
        '{"timestamp": "2026-03-18T15:30:07Z", "method": "POST", "path": "/shop?item=3",'
        ' "status_code": 201, "ip_address": "192.0.2.7", "agent": {"name": "x"}}'
    )
    assert json_call(line) == call_of(FIELDS)


@pytest.mark.parametrize(
    ("line", "says"),
    [
        pytest.param("{", "not JSON (Input data was truncated): '{'", id="cut"),
        pytest.param("[1]", "not a JSON object: '[1]'", id="array"),
        pytest.param("7", "not a JSON object: '7'", id="number"),
        pytest.param("[" * 100_000, "not JSON (", id="deep"),
        pytest.param(
            "{}", "no timestamp, method, path, status_code, ip_address in '{}'", id="empty"
        ),
    ],
)
def test_a_line_that_is_no_json_object_is_refused(line: str, says: str) -> None:
    with pytest.raises(ValueError, match="^" + re.escape(says)):
        json_call(line)


def test_csv_names_its_fields_in_the_first_line() -> None:
    parse = CsvParser()
    assert parse("Status_Code, method,path,timestamp,ip_address,user_id") is None
    assert parse(f'201,POST,"/shop?item=3",{AT_MS},192.0.2.7,"Ann ""A"", B"') == call_of(
        FIELDS | {"user_id": 'Ann "A", B'}
    )


@pytest.mark.parametrize(
    ("record", "says"),
    [
        ("1,2", "2 values for 5 names of the header: '1,2'"),
        ('1,2,3,4,"5', "not CSV (unexpected end of data): '1,2,3,4,\"5'"),
    ],
)
def test_a_record_that_does_not_fit_the_header_is_refused(record: str, says: str) -> None:
    parse = CsvParser()
    parse(",".join(FIELDS))
    with pytest.raises(ValueError, match=f"^{re.escape(says)}$"):
        parse(record)


def test_a_csv_header_without_a_required_field_is_refused_and_so_is_each_record() -> None:
    parse = CsvParser()
    with pytest.raises(ValueError, match="the header names no status_code, ip_address: 'timestamp"):
        parse("timestamp,method,path")
    with pytest.raises(ValueError, match="no status_code, ip_address in"):
        parse(f"{AT_MS},GET,/")


@pytest.mark.parametrize(
    ("line", "text"),
    [
        (b"\xc3\xa4", "ä"),
        (b"\xe4", "ä"),
        (b"\xef\xbb\xbfa", "a"),
        (b"a\0b", "a�b"),
    ],
)
def test_all_bytes_are_text(line: bytes, text: str) -> None:
    assert decoded(line) == text


def test_a_client_name_without_its_port_may_be_a_host() -> None:
    assert client_name("pc.example:8080") == "pc.example"


_VALUES = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(),
    lambda inner: st.lists(inner, max_size=2) | st.dictionaries(st.text(), inner, max_size=2),
    max_leaves=3,
)


@given(st.fixed_dictionaries(dict.fromkeys(FIELDS, _VALUES)))
def test_any_fields_are_a_call_or_refused(fields: dict[str, object]) -> None:
    try:
        call = call_of(fields)
    except ValueError:
        return
    assert 0 <= call.timestamp < 2**63
    assert 100 <= call.status_code <= 999
    assert call.ip_address
