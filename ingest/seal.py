"""What is kept of who called and of what was sent: hashes with a key, and pseudonyms if wanted.

The keys follow from the session key: who has the database alone can't find out by trying which
query or body a fingerprint is of, or which user a pseudonym is.
"""

from __future__ import annotations

import hashlib
import hmac
import re
from collections.abc import Callable
from functools import lru_cache, partial
from typing import Final

from ingest.call import Call, fingerprint, identity_of
from ingest.caller import MAX_USER_CHARACTERS, plain_address

USER: Final = "u-"
ADDRESS: Final = "a-"
FORGOTTEN: Final = "f-"
PSEUDONYM_BYTES: Final = 10  # 80 bits: of a billion names no two share a pseudonym
REMEMBERED: Final = 16_384  # users, and as many addresses; others are hashed again, 2 us each
_PSEUDONYM: Final = re.compile(rf"[ua]-[0-9a-f]{{{2 * PSEUDONYM_BYTES}}}")


class Seal:
    """Hashes and pseudonyms of one installation.

    Parameters
    ----------
    session_key : str
        Of the installation; another one makes other hashes and pseudonyms.
    pseudonyms : bool
        Whether users and addresses are replaced.
    """

    def __init__(self, session_key: str, *, pseudonyms: bool = False) -> None:
        self.pseudonyms = pseudonyms
        prints = hashlib.blake2b(digest_size=8, key=_key(session_key, b"fingerprints"))
        self.fingerprint = partial(fingerprint, empty=prints)
        self.identity = partial(identity_of, key=_key(session_key, b"identities"))
        key = _key(session_key, b"pseudonyms")
        self.user = _pseudonyms(key, USER) if pseudonyms else _as_it_is
        self.address = _pseudonyms(key, ADDRESS) if pseudonyms else _as_it_is
        self._mark = _pseudonyms(key, FORGOTTEN)
        self._always = _pseudonyms(key, USER), _pseudonyms(key, ADDRESS)

    def sealed(self, call: Call) -> Call:
        """A call with the names that are stored."""
        if not self.pseudonyms:
            return call
        user = None if call.user_id is None else self.user(call.user_id)
        return call._replace(ip_address=self.address(call.ip_address), user_id=user)

    def client(self, name: str) -> str:
        """The name that a client is stored by: a person types the real one, or a pseudonym."""
        if not self.pseudonyms or _PSEUDONYM.fullmatch(name):
            return name
        address = plain_address(name)
        return self.user(name) if address is None else self.address(address)

    def mark(self, client: str) -> str:
        """What the audit log calls a client that was forgotten: nothing else is stored by it."""
        return self._mark(client)

    def names(self, client: str) -> tuple[str, ...]:
        """All that a client may be stored by, whatever the setting was when it called."""
        if _PSEUDONYM.fullmatch(client):
            return (client,)
        as_user, as_address = self._always
        name = client[:MAX_USER_CHARACTERS].replace("\0", "�")
        address = plain_address(client) or name
        return tuple(dict.fromkeys((name, address, as_user(name), as_address(address))))


def _as_it_is(name: str) -> str:
    return name


def _pseudonyms(key: bytes, prefix: str) -> Callable[[str], str]:
    @lru_cache(maxsize=REMEMBERED)
    def pseudonym(name: str) -> str:
        message = f"{prefix}{name}".encode("utf-8", "surrogatepass")
        return prefix + hmac.digest(key, message, hashlib.sha256)[:PSEUDONYM_BYTES].hex()

    return pseudonym


def _key(session_key: str, purpose: bytes) -> bytes:
    return hmac.digest(session_key.encode(), b"foresight " + purpose, hashlib.sha256)
