"""Secrets: which are weak, what of a URL is secret, and texts without them."""

from __future__ import annotations

import secrets

import pytest

from secrecy import is_torn, redacted, secrets_of_url, weakness, weakness_of_random


@pytest.mark.parametrize(
    "password",
    [
        "short-one-1",
        "aaaaaaaaaaaaaaaaaaaa",
        "password1234",
        "Password123456789!",
        "adminadminadmin",
        "Foresight-Admin-2026",
        "qwertyuiop12345",
        "0987654321098765",
        "changemechangeme",
        "letmein-letmein",
    ],
)
def test_a_password_that_is_short_or_made_of_what_is_guessed_first_is_weak(password: str) -> None:
    assert weakness(password)


@pytest.mark.parametrize("password", ["correct horse battery staple", "pR7!xkqe9wTz", "häkelnadel"])
def test_a_password_of_other_things_is_not_weak(password: str) -> None:
    assert (weakness(password) is None) == (len(password) >= 12)


def test_the_name_of_the_account_counts_for_nothing() -> None:
    assert weakness("wilhelmina-77", "zoe") is None
    assert weakness("wilhelmina-77", "wilhelmina")


@pytest.mark.parametrize("password", ["swordfish", "password1234"])
def test_what_is_said_of_a_weak_secret_does_not_hold_it(password: str) -> None:
    assert password not in (weakness(password) or "")
    assert password not in (weakness_of_random(password, 20) or "")


@pytest.mark.parametrize(
    ("key", "says"),
    [
        ("k" * 40, "only 1 different"),
        ("abcabcabcabcabcabcabcabcabcabcabc", "only 3 different"),
        ("change-me-please-0123456789-abcdef", "looks like an example"),
        ("tok_12345", "has 9 characters, needs 32"),
    ],
)
def test_a_key_that_nobody_threw_dice_for_is_weak(key: str, says: str) -> None:
    assert says in (weakness_of_random(key, 32) or "")


def test_random_keys_are_not_weak() -> None:
    for _ in range(200):
        assert weakness_of_random(secrets.token_hex(32), 32) is None
        assert weakness_of_random(secrets.token_urlsafe(48), 32) is None


def test_the_password_of_a_database_is_found_as_written_and_as_meant() -> None:
    url = "postgresql+psycopg://bob:sword%40fish@db/x?sslpassword=k%2Fey&port=1"
    assert secrets_of_url(url) == ["sword%40fish", "sword@fish", "k%2Fey", "k/ey"]
    assert secrets_of_url("sqlite:////srv/a@b/x.db") == []


@pytest.mark.parametrize(
    ("url", "torn"),
    [
        ("postgresql://bob:pa@ss@db/x", True),
        ("postgresql://bob:pa/ss@db/x", True),
        ("postgresql://bob:pa%40ss@db:5432/x", False),
        ("postgresql://db:port/x", True),
        ("postgresql://postgres:@/x?host=/tmp/a@b", False),
        ("sqlite:////srv/a@b/x.db", False),
        ("nonsense", False),
    ],
)
def test_a_url_whose_password_would_be_read_as_a_host_is_torn(url: str, torn: bool) -> None:
    assert is_torn(url) is torn


def test_a_text_is_told_without_secrets_the_longest_first() -> None:
    assert redacted("a swordfish, a sword", ["swordfish", "sword", "a"]) == "a ***, a ***"
