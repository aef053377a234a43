"""Requests that the web server refuses because they are no HTTP: calls like any other."""

from __future__ import annotations

from ingest.call import LIVE, OTHER_METHOD, UNMATCHED, Call
from ingest.caller import UNKNOWN, plain_address
from ingest.seal import Seal


def refused_call(seal: Seal, peer: str, status: int, now: int) -> Call:
    """The call of a request that could not be read: who sent it, when, and the answer.

    Nothing of its text is kept: where its query or body begins is not known.

    Parameters
    ----------
    peer : str
        Address of the connection; what a proxy said could not be read.
    status : int
        Of the answer.
    now : int
        The clock [epoch ms].
    """
    address = plain_address(peer) or UNKNOWN
    return Call(
        timestamp=now,
        endpoint=UNMATCHED,
        method=OTHER_METHOD,
        response_time_ms=None,
        status_code=status,
        payload_size=0,
        ip_address=seal.address(address),
        fingerprint=seal.fingerprint(address, OTHER_METHOD, "", ""),
        source=LIVE,
        received_at=now,
    )
