"""Secrets: how weak one is, and texts without them."""

from __future__ import annotations

import re
from collections.abc import Iterable
from functools import cache
from typing import Final
from urllib.parse import unquote, urlsplit

PASSWORD_MIN_CHARACTERS: Final = 12
TOKEN_MIN_CHARACTERS: Final = 20
KEY_MIN_CHARACTERS: Final = 32
_MIN_DISTINCT: Final = 5  # characters of a password, without what is easy to guess
_MIN_DISTINCT_OF_RANDOM: Final = 10  # random hexadecimal digits have all 16
_SHORTEST_RUN: Final = 4
_SHORTEST_HIDDEN: Final = 4
_ROWS: Final = ("1234567890", "qwertyuiop", "qwertzuiop", "asdfghjkl", "abcdefghijklmnopqrstuvwxyz")
_GUESSED: Final = (
    *("password", "passwort", "passphrase", "administrator", "admin", "letmein", "welcome"),
    *("changeme", "change", "secret", "default", "example", "foresight", "iloveyou", "monkey"),
    *("dragon", "master", "root", "test", "user", "login", "guest", "demo"),
)
_EXAMPLE: Final = re.compile(r"change.?(me|this|it)|example|placeholder|your.|secret.?key|insecure")


def weakness(password: str, name: str = "admin") -> str | None:
    """What makes a password weak, as the rest of a sentence; None when nothing does.

    Parameters
    ----------
    password : str
    name : str
        The account's, which counts for nothing in it.
    """
    if len(password) < PASSWORD_MIN_CHARACTERS:
        return f"has {len(password)} characters, needs {PASSWORD_MIN_CHARACTERS} or more"
    rest = password.lower()
    for guessed in filter(None, (name.lower(), *_GUESSED, *_runs())):
        rest = rest.replace(guessed, "")
    if len(set(rest)) < _MIN_DISTINCT:
        return (
            "is easy to guess: beside names, words such as 'password' and runs such as 1234 it "
            f"needs {_MIN_DISTINCT} different characters or more"
        )
    return None


def weakness_of_random(secret: str, least: int) -> str | None:
    """What makes a token or key weak, as the rest of a sentence; None when nothing does.

    Parameters
    ----------
    secret : str
    least : int
        Characters that it needs.
    """
    if len(secret) < least:
        return f"has {len(secret)} characters, needs {least} or more"
    if len(set(secret)) < _MIN_DISTINCT_OF_RANDOM:
        return f"has only {len(set(secret))} different characters, random ones have more"
    if _EXAMPLE.search(secret.lower()):
        return "looks like an example; take a random one"
    return None


def secrets_of_url(url: str) -> list[str]:
    """Passwords in the URL of a database, as written and as meant."""
    login = url.partition("://")[2].rpartition("@")[0]
    found = [login.partition(":")[2], *re.findall(r"[?&]\w*password=([^&]*)", url)]
    return [password for written in found for password in (written, unquote(written)) if password]


def is_torn(url: str) -> bool:
    """Whether part of a password would be read, and told in errors, as host or port."""
    scheme, _, rest = url.partition("://")
    if scheme.startswith("sqlite"):
        return False
    login = rest.partition("?")[0].rpartition("@")[0]
    try:
        return bool(re.search("[/@#]", login)) or urlsplit(url).port == 0
    except ValueError:
        return True


def redacted(text: str, secrets: Iterable[str]) -> str:
    """A text without the secrets that are in it; the longest must come first.

    One of less than 4 characters would be told by the gaps it leaves, and is left.
    """
    for secret in secrets:
        if len(secret) >= _SHORTEST_HIDDEN:
            text = text.replace(secret, "***")
    return text


@cache
def _runs() -> tuple[str, ...]:
    """Neighbouring keys, forwards and backwards, the longest first."""
    rows = [*_ROWS, *(row[::-1] for row in _ROWS)]
    longest = max(map(len, rows))
    return tuple(
        row[at : at + length]
        for length in range(longest, _SHORTEST_RUN - 1, -1)
        for row in rows
        for at in range(len(row) - length + 1)
    )
