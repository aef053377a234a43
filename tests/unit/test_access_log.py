"""Lines of Apache and nginx: what becomes of each, and what is said of those that hold no call."""

from __future__ import annotations

import re
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from ingest.access_log import MAX_REJECTS, ImportReport, parser
from ingest.logs.logged_call import LoggedCall, decoded
from tests.rows import T0

AT = "[18/Mar/2026:15:30:07 +0000]"
AT_MS = T0 + 7_000
GOOD = f'192.0.2.7 - - {AT} "GET /shop?item=3 HTTP/1.1" 200 512'


def combined(line: str, unit: Any = "none") -> LoggedCall:
    found = parser("combined", unit)(line)
    assert found is not None
    return found


def test_a_common_line_has_all_it_says() -> None:
    assert combined(GOOD) == LoggedCall(
        timestamp=AT_MS,
        method="GET",
        target="/shop?item=3",
        status_code=200,
        payload_size=512,
        ip_address="192.0.2.7",
        user_id=None,
        response_time_ms=None,
    )


@pytest.mark.parametrize(
    "rest",
    [
        pytest.param(' "-" "-"', id="combined"),
        pytest.param(' "http://a.example/?q=\\"x\\"" "Agent \\"7\\" (a [b])"', id="escaped quotes"),
        pytest.param(' "-" "agent "quoted" badly"', id="quotes that are not escaped"),
        pytest.param(' "-" "-" "-"', id="a field more"),
        pytest.param(' "-" "-" 0.123 pipe "x" 17', id="many fields more"),
        pytest.param(' "-" "cut in the mid', id="cut user agent"),
        pytest.param(" ", id="blank at the end"),
    ],
)
def test_what_stands_behind_the_size_changes_nothing(rest: str) -> None:
    assert combined(GOOD + rest) == combined(GOOD)


@pytest.mark.parametrize(
    ("client", "user", "address", "user_id"),
    [
        pytest.param("192.0.2.7", "- -", "192.0.2.7", None, id="nobody"),
        pytest.param("192.0.2.7", '- ""', "192.0.2.7", None, id="an empty user"),
        pytest.param("192.0.2.7", "- ann", "192.0.2.7", "ann", id="a user"),
        pytest.param("192.0.2.7", "- ann b c", "192.0.2.7", "ann b c", id="a user with blanks"),
        pytest.param("192.0.2.7", "unix ann", "192.0.2.7", "ann", id="an identity"),
        pytest.param("192.0.2.7:4711", "- -", "192.0.2.7", None, id="a port"),
        pytest.param("2001:DB8::7", "- -", "2001:db8::7", None, id="IPv6"),
        pytest.param("[2001:db8::7]:80", "- -", "2001:db8::7", None, id="IPv6 with a port"),
        pytest.param("::ffff:192.0.2.7", "- -", "192.0.2.7", None, id="IPv4 in IPv6"),
        pytest.param("pc.example", "- -", "pc.example", None, id="a host name"),
        pytest.param("shop.example:443 192.0.2.7", "- ann", "192.0.2.7", "ann", id="a host before"),
    ],
)
def test_client_and_user(client: str, user: str, address: str, user_id: str | None) -> None:
    call = combined(f'{client} {user} {AT} "GET / HTTP/1.1" 200 1')
    assert (call.ip_address, call.user_id) == (address, user_id)


@pytest.mark.parametrize(
    ("request_line", "method", "target"),
    [
        pytest.param("GET / HTTP/1.1", "GET", "/", id="plain"),
        pytest.param("get / http/1.0", "", "get / http/1.0", id="a protocol in small letters"),
        pytest.param("PROPFIND /a HTTP/1.1", "PROPFIND", "/a", id="another method"),
        pytest.param("M-SEARCH * HTTP/1.1", "M-SEARCH", "*", id="asterisk"),
        pytest.param("GET /a", "GET", "/a", id="HTTP/0.9"),
        pytest.param("GET /a b c HTTP/1.1", "GET", "/a b c", id="blanks in the path"),
        pytest.param(
            "GET http://x.example/a?b HTTP/1.1", "GET", "http://x.example/a?b", id="proxy"
        ),
        pytest.param("CONNECT x.example:443 HTTP/1.1", "CONNECT", "x.example:443", id="tunnel"),
        pytest.param(r"GET /\"a\\b HTTP/1.1", "GET", '/"a\\b', id="escapes of Apache"),
        pytest.param(r"GET /\x22\xC3\xA4\xe4 HTTP/1.1", "GET", '/"Ã¤ä', id="bytes, not UTF-8"),
        pytest.param(r"GET /\xc3\xa4?\x5C HTTP/1.1", "GET", "/ä?\\", id="escapes of nginx"),
        pytest.param("-", "", "-", id="no request"),
        pytest.param("", "", "", id="an empty request"),
        pytest.param(r"\x16\x03\x01\x02", "", r"\x16\x03\x01\x02", id="TLS on a plain port"),
        pytest.param("SSH-2.0-Go", "", "SSH-2.0-Go", id="SSH"),
        pytest.param("GET", "", "GET", id="a method alone"),
        pytest.param("OPTIONS sip:nm SIP/2.0", "", "OPTIONS sip:nm SIP/2.0", id="SIP"),
        pytest.param(r"\x00GET / HTTP/1.1", "", r"\x00GET / HTTP/1.1", id="a method with a byte"),
    ],
)
def test_method_and_target(request_line: str, method: str, target: str) -> None:
    call = combined(f'192.0.2.7 - - {AT} "{request_line}" 400 -')
    assert (call.method, call.target) == (method, target)
    assert call.payload_size == 0


@pytest.mark.parametrize(
    ("text", "timestamp"),
    [
        pytest.param("18/Mar/2026:15:30:07 +0000", AT_MS, id="UTC"),
        pytest.param("18/Mar/2026:17:30:07 +0200", AT_MS, id="east"),
        pytest.param("18/Mar/2026:06:00:07 -0930", AT_MS, id="west, half an hour"),
        pytest.param("18/Mar/2026:15:30:07.250 +0000", AT_MS + 250, id="milliseconds"),
        pytest.param("18/Mar/2026:15:30:07", AT_MS, id="no offset is UTC"),
        pytest.param("2026-03-18T16:30:07+01:00", AT_MS, id="ISO 8601"),
        pytest.param("29/Feb/2024:00:00:00 +0000", 1_709_164_800_000, id="leap day"),
    ],
)
def test_time(text: str, timestamp: int) -> None:
    assert combined(f'192.0.2.7 - - [{text}] "GET / HTTP/1.1" 200 1').timestamp == timestamp


@pytest.mark.parametrize(
    ("rest", "unit", "response_time_ms"),
    [
        pytest.param(' "-" "-" 0.25', "s", 250.0, id="nginx"),
        pytest.param(' "-" "-" 1500', "us", 1.5, id="Apache"),
        pytest.param(' "-" "-" 12', "ms", 12.0, id="milliseconds"),
        pytest.param(' "-" "-" 0.000', "s", 0.0, id="zero is a time"),
        pytest.param(' "-" "-" -', "s", None, id="not known"),
        pytest.param(' "-" "-"', "s", None, id="a line from before it was logged"),
        pytest.param(' "-" "9"', "s", None, id="a user agent is no time"),
        pytest.param("", "s", None, id="common"),
        pytest.param(" 0.25", "s", 250.0, id="behind the size"),
        pytest.param(' "-" "-" "-" up=0.1 rt=0.25', "s", 250.0, id="the last of several, named"),
        pytest.param(' "-" "-" "0.25"', "s", 250.0, id="in quotes"),
        pytest.param(' "-" "-" 0.25', "none", None, id="not asked for"),
    ],
)
def test_response_time(rest: str, unit: str, response_time_ms: float | None) -> None:
    assert combined(GOOD + rest, unit).response_time_ms == response_time_ms


@pytest.mark.parametrize(
    ("line", "reason"),
    [
        pytest.param("hello", "no client, identity and user at 'hello'", id="a word"),
        pytest.param("1 - - - [x]", "no time in brackets at '[x]'", id="nothing behind the time"),
        pytest.param(
            "1 - - [18/Mar/2026:15:30:07 +0000] GET / 200 1",
            "no request in quotes at 'GET / 200 1'",
            id="no quotes",
        ),
        pytest.param(
            f'1 - - {AT} "GET / HTTP/1.1" 20 1',
            "no status of three digits at '20 1'",
            id="short status",
        ),
        pytest.param(
            f'1 - - {AT} "GET / HTTP/1.1" 200 x1',
            "no size in bytes or - at 'x1'",
            id="size",
        ),
        pytest.param(
            f'1 - - {AT} "GET / HTTP/1.1',
            "no request in quotes at '\"GET / HTTP/1.1'",
            id="cut in the request",
        ),
        pytest.param(
            '1 - - [31/Feb/2026:15:30:07 +0000] "GET / HTTP/1.1" 200 1',
            "time '31/Feb/2026:15:30:07 +0000' does not exist",
            id="no such day",
        ),
        pytest.param(
            '1 - - [18/Mai/2026:15:30:07 +0000] "GET / HTTP/1.1" 200 1',
            "time '18/Mai/2026:15:30:07 +0000' does not exist",
            id="no such month",
        ),
        pytest.param(
            '1 - - [yesterday] "GET / HTTP/1.1" 200 1',
            "time 'yesterday' is no date and time",
            id="no time",
        ),
        pytest.param(
            '1 - - [18/Mar/1926:15:30:07 +0000] "GET / HTTP/1.1" 200 1',
            "time '1926-03-18T15:30:07+00:00' is before 1970",
            id="before 1970",
        ),
        pytest.param("a\x1b[0m" * 50, "'" + "a\\x1b[0m" * 16 + "'…", id="long, with controls"),
    ],
)
def test_a_line_that_is_none_is_refused_with_the_part_that_is_wrong(line: str, reason: str) -> None:
    with pytest.raises(ValueError, match=re.escape(reason)):
        combined(line)


@pytest.mark.parametrize("value", ["fast", "nan", "inf", "-1"])
def test_a_response_time_that_is_none_is_refused(value: str) -> None:
    with pytest.raises(ValueError, match=f"response time '{value}'"):
        combined(f'{GOOD} "-" "-" {value}', "ms")


@pytest.mark.parametrize("line", ["", "   ", "\t"])
@pytest.mark.parametrize("format", ["combined", "json", "csv"])
def test_an_empty_line_holds_no_call(line: str, format: Any) -> None:
    assert parser(format)(line) is None


@pytest.mark.parametrize(
    ("format", "unit", "says"),
    [
        ("syslog", "none", "format 'syslog' must be combined, json or csv"),
        ("combined", "min", "response time 'min' must be none, us, ms or s"),
        ("json", "ms", "response time 'ms' is for combined logs"),
    ],
)
def test_a_format_or_unit_that_does_not_exist_is_refused(format: Any, unit: Any, says: str) -> None:
    with pytest.raises(ValueError, match=says):
        parser(format, unit)


def test_a_report_keeps_the_first_rejects_and_counts_all() -> None:
    report = ImportReport()
    for number in range(MAX_REJECTS + 5):
        report.reject(number, "reason")
    assert report.rejected == MAX_REJECTS + 5
    assert [number for number, _ in report.rejects] == list(range(MAX_REJECTS))


_PIECES = st.sampled_from(
    ['"', "\\", "[", "]", " ", "- ", '" ', AT, AT + ' "', '" 200 1', "GET /", "\\x", "1.2.3.4 - - "]
)
_ALMOST_LINES = st.lists(st.one_of(_PIECES, st.text(max_size=5)), max_size=20).map("".join)


@pytest.mark.parametrize("format", ["combined", "json", "csv"])
@given(line=st.one_of(st.binary(max_size=200), _ALMOST_LINES.map(str.encode)))
def test_any_line_is_a_call_or_nothing_or_refused(format: Any, line: bytes) -> None:
    parse = parser(format, "s" if format == "combined" else "none")
    report = ImportReport()
    try:
        call = parse(decoded(line))
    except ValueError as refused:
        report.reject(1, str(refused))
    else:
        assert call is None or isinstance(call, LoggedCall)
    assert all(0 < len(reason) < 1_000 for _, reason in report.rejects)
