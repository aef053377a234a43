"""Who called: the address and the user of a request, from its WSGI environ."""

from __future__ import annotations

import time
from collections.abc import Callable, Collection
from functools import lru_cache
from ipaddress import IPv4Network, IPv6Address, IPv6Network, ip_address
from typing import Any, Final

from ingest.call import LIVE, SIMULATED
from ingest.signature import HEADER, signed_address

UNKNOWN: Final = "unknown"  # the peer has no address: a Unix socket
USER_KEY: Final = "foresight.user_id"  # set by who verified the user, such as the mock shop
MAX_USER_CHARACTERS: Final = 256
_SIGNATURE_KEY: Final = "HTTP_" + HEADER.upper().replace("-", "_")

Environ = dict[str, Any]
IsTrusted = Callable[[str], bool]
Identify = Callable[[Environ], tuple[str, str | None, str]]
Rename = Callable[[str], str]


def is_trusted_in(networks: Collection[IPv4Network | IPv6Network]) -> IsTrusted:
    """A test whether an address is in one of the networks; remembers 4,096 answers."""

    @lru_cache(maxsize=4096)
    def is_trusted(address: str) -> bool:
        try:
            parsed = ip_address(address)
        except ValueError:
            return False
        return any(parsed in network for network in networks)

    return is_trusted


def identify_with(
    networks: Collection[IPv4Network | IPv6Network],
    key: bytes,
    *,
    as_stored: tuple[Rename, Rename] | None = None,
) -> Identify:
    """Who called, as a function of the WSGI environ: (address, user or None, source).

    Parameters
    ----------
    networks : collection of networks
        Peers whose X-Forwarded-For and X-Forwarded-User are believed.
    key : bytes
        Key of the simulator's signature, which comes before all others.
    as_stored : pair of callables, optional
        Address and user -> their pseudonyms.
    """
    is_trusted = is_trusted_in(networks)

    def identify(environ: Environ) -> tuple[str, str | None, str]:
        address, user, source = environ.get("REMOTE_ADDR") or UNKNOWN, environ.get(USER_KEY), LIVE
        if address.startswith("::ffff:"):
            address = plain_address(address) or address
        if networks and is_trusted(address):
            address, user = _forwarded(environ, address, user, is_trusted)
        if _SIGNATURE_KEY in environ:
            claimed = signed_address(key, environ[_SIGNATURE_KEY], int(time.time()))
            if claimed is not None:
                address, source = claimed, SIMULATED
        if user is not None:
            user = str(user)[:MAX_USER_CHARACTERS].replace("\0", "�") or None
        if as_stored is not None:
            return as_stored[0](address), user and as_stored[1](user), source
        return address, user, source

    return identify


def _forwarded(
    environ: Environ, peer: str, user: str | None, is_trusted: IsTrusted
) -> tuple[str, str | None]:
    """Address and user in the words of a trusted proxy; a verified user is kept."""
    if user is None and "HTTP_X_FORWARDED_USER" in environ:
        raw = environ["HTTP_X_FORWARDED_USER"]
        user = raw.encode("latin-1", "replace").decode("utf-8", "replace")
    header = environ.get("HTTP_X_FORWARDED_FOR")
    return (peer if header is None else forwarded_address(header, peer, is_trusted)), user


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
