"""The simulator's signature: who is no trusted proxy can set an address only with it.

A signed request carries `X-Foresight-Simulated: <address>;<epoch s>;<hmac>`; its call is
stored as simulated.
"""

from __future__ import annotations

import hashlib
import hmac
from typing import Final

HEADER: Final = "X-Foresight-Simulated"
MOST_DIGITS: Final = 12  # of a time; int() of thousands of digits is an error
VALID_S: Final = 300  # a signature older or newer than this is refused


def simulator_key(session_key: str) -> bytes:
    """The simulator's own key, derived so that it can't stand in for the session key."""
    return hmac.digest(session_key.encode(), b"foresight traffic simulator", hashlib.sha256)


def signature(key: bytes, address: str, now_s: int) -> str:
    """Value of the header for a request that claims to come from `address` at `now_s` [epoch s]."""
    claim = f"{address};{now_s}"
    return f"{claim};{hmac.digest(key, claim.encode(), hashlib.sha256).hex()}"


def signed_address(key: bytes, header: str, now_s: int) -> str | None:
    """The address a header vouches for, None when it is malformed, forged or stale."""
    address, _, rest = header.partition(";")
    signed_at, _, _ = rest.partition(";")
    digits = signed_at.isascii() and signed_at.isdigit() and len(signed_at) <= MOST_DIGITS
    if not (digits and abs(int(signed_at) - now_s) <= VALID_S):
        return None
    expected = signature(key, address, int(signed_at)).encode()
    genuine = hmac.compare_digest(expected, header.encode("utf-8", "surrogatepass"))
    return address if genuine else None
