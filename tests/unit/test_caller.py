"""Who called: what a client says of itself counts only when someone vouches for it."""

from __future__ import annotations

import time
from ipaddress import ip_network
from typing import Any

import pytest

from ingest.caller import identify_with
from ingest.signature import HEADER, VALID_S, signature

KEY = b"key of the simulator"
identify = identify_with((ip_network("10.0.0.0/8"), ip_network("fd00::/8")), KEY)


@pytest.mark.parametrize(
    ("peer", "forwarded", "address"),
    [
        ("203.0.113.9", "198.51.100.1", "203.0.113.9"),
        ("10.0.0.1", "198.51.100.1", "198.51.100.1"),
        ("10.0.0.1", None, "10.0.0.1"),
        ("10.0.0.1", "1.1.1.1, 198.51.100.1, 10.0.0.2", "198.51.100.1"),
        ("10.0.0.1", "1.1.1.1, garbage, 10.0.0.2", "10.0.0.2"),
        ("10.0.0.1", "<script>", "10.0.0.1"),
        ("10.0.0.1", "", "10.0.0.1"),
        ("10.0.0.1", "10.0.0.3,10.0.0.2", "10.0.0.3"),
        ("10.0.0.1", "198.51.100.1:4711", "198.51.100.1"),
        ("10.0.0.1", "fe80::1%attack", "10.0.0.1"),
        ("fd00::1", "[2001:DB8:0::1]:443", "2001:db8::1"),
        ("::ffff:10.0.0.1", "::ffff:198.51.100.1", "198.51.100.1"),
        ("::ffff:203.0.113.9", None, "203.0.113.9"),
        ("::ffff:nonsense", "198.51.100.1", "::ffff:nonsense"),
        ("", "198.51.100.1", "unknown"),
        (None, "198.51.100.1", "unknown"),
    ],
)
def test_the_address_is_the_first_from_the_right_that_is_no_trusted_proxy(
    peer: str | None, forwarded: str | None, address: str
):
    environ = {"REMOTE_ADDR": peer, "HTTP_X_FORWARDED_FOR": forwarded}
    environ = {name: value for name, value in environ.items() if value is not None}
    assert identify(environ) == (address, None, "live")


def test_without_trusted_proxies_the_peer_counts():
    environ = {
        "REMOTE_ADDR": "10.0.0.1",
        "HTTP_X_FORWARDED_FOR": "198.51.100.1",
        "HTTP_X_FORWARDED_USER": "ann",
    }
    assert identify_with((), KEY)(environ) == ("10.0.0.1", None, "live")


@pytest.mark.parametrize(
    ("environ", "user"),
    [
        ({"REMOTE_ADDR": "203.0.113.9", "HTTP_X_FORWARDED_USER": "ann"}, None),
        ({"REMOTE_ADDR": "10.0.0.1", "HTTP_X_FORWARDED_USER": "ann"}, "ann"),
        ({"REMOTE_ADDR": "::ffff:10.0.0.1", "HTTP_X_FORWARDED_USER": "ann"}, "ann"),
        ({"REMOTE_ADDR": "10.0.0.1", "HTTP_X_FORWARDED_USER": "k\xc3\xa4se"}, "käse"),
        ({"REMOTE_ADDR": "10.0.0.1", "HTTP_X_FORWARDED_USER": ""}, None),
        ({"REMOTE_ADDR": "203.0.113.9", "foresight.user_id": "user-7"}, "user-7"),
        (
            {
                "REMOTE_ADDR": "10.0.0.1",
                "HTTP_X_FORWARDED_USER": "ann",
                "foresight.user_id": "user-7",
            },
            "user-7",
        ),
        ({"REMOTE_ADDR": "203.0.113.9", "foresight.user_id": "a\0b"}, "a\ufffdb"),
        ({"REMOTE_ADDR": "203.0.113.9", "foresight.user_id": "x" * 999}, "x" * 256),
    ],
)
def test_the_user_is_the_verified_one_or_a_trusted_proxys(
    environ: dict[str, Any], user: str | None
):
    assert identify(environ)[1] == user


@pytest.mark.parametrize(
    ("key", "age_s", "caller"),
    [
        (KEY, 0, ("198.51.100.7", None, "simulated")),
        (KEY, VALID_S + 10, ("203.0.113.9", None, "live")),
        (b"another key", 0, ("203.0.113.9", None, "live")),
    ],
    ids=["signed", "stale", "forged"],
)
def test_a_signed_request_is_simulated_and_has_the_address_it_claims(
    key: bytes, age_s: int, caller: tuple[str, str | None, str]
):
    signed = signature(key, "198.51.100.7", int(time.time()) - age_s)
    name = "HTTP_" + HEADER.upper().replace("-", "_")
    assert identify({"REMOTE_ADDR": "203.0.113.9", name: signed}) == caller


@pytest.mark.parametrize("zeros", [1, 12, 5_000], ids=str)
def test_a_signature_of_a_time_with_many_digits_is_refused_and_no_error(zeros: int):
    header = f"1.2.3.4;{'0' * zeros}{int(time.time())};x"
    name = "HTTP_" + HEADER.upper().replace("-", "_")
    address, _, source = identify({"REMOTE_ADDR": "203.0.113.9", name: header})
    assert (address, source) == ("203.0.113.9", "live")
