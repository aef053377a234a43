"""Who called: the address and the user of a request, from its WSGI environ."""

from __future__ import annotations

import time
from collections.abc import Callable, Collection
from functools import lru_cache
from ipaddress import IPv4Network, IPv6Address, IPv6Network, ip_address
from typing import Any, Final

from ingest import signature
from ingest.call import LIVE, SIMULATED

UNKNOWN: Final = "unknown"  # the peer has no address: a Unix socket
USER_KEY: Final = "foresight.user_id"  # set by who verified the user, such as the mock shop
MAX_USER_CHARACTERS: Final = 256
_SIGNATURE_KEY: Final = "HTTP_" + signature.HEADER.upper().replace("-", "_")

Environ = dict[str, Any]
IsTrusted = Callable[[str], bool]


def is_trusted_in(networks: Collection[IPv4Network | IPv6Network]) -> IsTrusted:
    """A test whether an address is in one of the networks; remembers 4,096 answers."""

    @lru_cache(maxsize=4096)
    def is_trusted(address: str) -> bool:
        try:
            parsed = ip_address(address)
        except ValueError:
            return False
        return any(parsed in network for network in networks)

    return is_trusted if networks else lambda _: False


def client_address(environ: Environ, is_trusted: IsTrusted, key: bytes) -> tuple[str, str]:
    """Address of the client and source of the call.

    The simulator's signature comes first, then X-Forwarded-For of a trusted peer, then the peer.
    """
    signed = environ.get(_SIGNATURE_KEY)
    if signed is not None:
        address = signature.signed_address(key, signed, int(time.time()))
        if address is not None:
            return address, SIMULATED
    peer = environ.get("REMOTE_ADDR") or UNKNOWN
    if peer.startswith("::ffff:"):
        peer = plain_address(peer) or peer
    forwarded = environ.get("HTTP_X_FORWARDED_FOR")
    if forwarded is not None and is_trusted(peer):
        return forwarded_address(forwarded, peer, is_trusted), LIVE
    return peer, LIVE


def forwarded_address(header: str, peer: str, is_trusted: IsTrusted) -> str:
    """The first address from the right of X-Forwarded-For that is no trusted proxy.

    What stands left of it, or left of an entry that is no address, may be forged: the last proxy
    before such an entry counts as the client.
    """
    client = peer
    for entry in reversed(header.split(",")):
        address = plain_address(entry)
        if address is None:
            break
        client = address
        if not is_trusted(address):
            break
    return client


def plain_address(text: str) -> str | None:
    """The address in its one spelling: no port, brackets or IPv4 in IPv6; None if it is none."""
    text = text.strip()
    if text.startswith("["):
        text = text[1:].partition("]")[0]
    elif text.count(":") == 1:
        text = text.partition(":")[0]
    try:
        address = ip_address(text)
    except ValueError:
        return None
    if isinstance(address, IPv6Address):
        if address.scope_id is not None:
            return None  # free text that the sender chooses
        address = address.ipv4_mapped or address
    return str(address)


def client_user(environ: Environ, is_trusted: IsTrusted) -> str | None:
    """The verified user, or the one that a trusted proxy names; None when nobody is logged in."""
    user = environ.get(USER_KEY)
    if user is None:
        user = environ.get("HTTP_X_FORWARDED_USER")
        if user is None or not is_trusted(environ.get("REMOTE_ADDR") or UNKNOWN):
            return None
        user = user.encode("latin-1", "replace").decode("utf-8", "replace")
    return str(user)[:MAX_USER_CHARACTERS].replace("\0", "�") or None
