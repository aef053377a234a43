"""What is stored of names, queries and bodies: keyed hashes and, where wanted, pseudonyms."""

from __future__ import annotations

import re
import time
from typing import Any

import pytest
from flask import Flask

from ingest.call import MAX_PATH_CHARACTERS, clean_path, fingerprint
from ingest.seal import REMEMBERED, Seal
from ingest.signature import HEADER, signature
from tests.captured import KEY, Log, captured, shop
from tests.rows import SEAL, call

HIDING = Seal("session key of the tests", pseudonyms=True)


@pytest.fixture
def log(tmp_path: Any) -> Log:
    return Log(tmp_path)


@pytest.fixture
def hiding(log: Log) -> Flask:
    return captured(shop(), log, HIDING)


def test_a_pseudonym_is_the_same_for_the_same_name_alone() -> None:
    assert HIDING.user("ann") == Seal("session key of the tests", pseudonyms=True).user("ann")
    assert re.fullmatch(r"u-[0-9a-f]{20}", HIDING.user("ann"))
    assert re.fullmatch(r"a-[0-9a-f]{20}", HIDING.address("192.0.2.7"))
    names = [f"user-{number}" for number in range(2 * REMEMBERED)]
    assert len({HIDING.user(name) for name in names}) == len(names)
    assert HIDING.user(names[0]) == HIDING.user(names[0])


def test_without_the_key_neither_pseudonym_nor_fingerprint_nor_identity_can_be_tried_out() -> None:
    other = Seal("another session key", pseudonyms=True)
    assert other.user("ann") != HIDING.user("ann")
    assert other.user("192.0.2.7")[2:] != HIDING.address("192.0.2.7")[2:]
    request = ("ann", "POST", "/login", "", b'{"password": "correct horse"}')
    prints = {other.fingerprint(*request), SEAL.fingerprint(*request), fingerprint(*request)}
    assert len(prints) == 3
    assert other.identity(b"line", 0) != SEAL.identity(b"line", 0)


def test_without_the_setting_names_stay_as_they_are() -> None:
    plain = call(user_id="ann")
    assert SEAL.sealed(plain) is plain
    assert SEAL.client("ann") == "ann"


def test_who_called_is_captured_under_a_pseudonym(hiding: Flask, log: Log) -> None:
    for user in ("ann", "ann", "bob"):
        hiding.test_client().get(
            "/orders/17",
            headers={"X-Forwarded-For": "198.51.100.1", "X-Forwarded-User": user},
            environ_overrides={"REMOTE_ADDR": "10.0.0.1"},
        )
    users = [found.user_id for found in log.calls]
    assert users == [HIDING.user("ann"), HIDING.user("ann"), HIDING.user("bob")]
    assert {found.ip_address for found in log.calls} == {HIDING.address("198.51.100.1")}
    written = b"".join(file.read_bytes() for file in log.journal.directory.iterdir())
    for name in (b"ann", b"bob", b"198.51"):
        assert name not in written


def test_a_simulated_call_has_a_pseudonym_and_is_simulated(hiding: Flask, log: Log) -> None:
    signed = signature(KEY, "198.51.100.7", int(time.time()))
    hiding.test_client().get("/orders/17", headers={HEADER: signed})
    (found,) = log.calls
    assert (found.ip_address, found.source) == (HIDING.address("198.51.100.7"), "simulated")
    assert found.user_id is None


@pytest.mark.parametrize(
    ("typed", "stored"),
    [
        ("ann", HIDING.user("ann")),
        ("192.0.2.7", HIDING.address("192.0.2.7")),
        ("::ffff:192.0.2.7", HIDING.address("192.0.2.7")),
        (HIDING.user("ann"), HIDING.user("ann")),
        (HIDING.address("192.0.2.7"), HIDING.address("192.0.2.7")),
    ],
)
def test_a_client_is_found_by_its_name_and_by_its_pseudonym(typed: str, stored: str) -> None:
    assert HIDING.client(typed) == stored
    assert stored in SEAL.names(typed)  # also when the setting is off by now


@pytest.mark.parametrize(
    ("path", "stored"),
    [
        ("/a/b", "/a/b"),
        ("/a?token=s3cret", "/a"),
        ("/a#s3cret", "/a"),
        ("/a%3Ftoken=s3cret", "/a"),
        ("/a%3ftoken=s3cret", "/a"),
        ("/a;jsessionid=s3cret/b;v=s3cret", "/a/b"),
        ("/a%3Bjsessionid=s3cret/b", "/a/b"),
        ("http://ann:s3cret@shop.example/a", "http://shop.example/a"),
        ("//ann:s3cret@shop.example/a", "//shop.example/a"),
        ("ann:s3cret@shop.example:443", "shop.example:443"),
        ("/users/ann@example.org", "/users/ann@example.org"),
        ("/50%/x", "/50%/x"),
        ("/a\0b", "/a�b"),
        ("?s3cret", ""),
        ("", ""),
    ],
)
def test_a_path_is_stored_without_what_may_be_secret(path: str, stored: str) -> None:
    assert clean_path(path) == stored
    assert clean_path(stored) == stored


def test_a_long_path_is_cut_in_little_time() -> None:
    began = time.process_time()
    for filling in ("/", ";", "@", "%3B", "a", "?", "://"):
        assert len(clean_path(filling * 300_000)) <= MAX_PATH_CHARACTERS
    assert time.process_time() - began < 1


@pytest.mark.parametrize(
    "path", ["/orders/17;v=s3cret", "/orders/17%3Fs3cret", "/a%253Fs3cret", "/a%23s3cret"]
)
def test_a_live_path_is_stored_so_too(path: str, log: Log) -> None:
    captured(shop(), log).test_client().get(path)
    assert "s3cret" not in str(log.calls)
    assert len(log.calls) == 1
