"""Where a request came from: its address, whether over TLS, and whether another site sent it."""

from __future__ import annotations

from typing import Final
from urllib.parse import urlsplit

from flask import Flask, g, request
from flask.sessions import SecureCookieSessionInterface

from api import current
from api.errors import ApiError
from ingest.caller import forwarded_address, is_trusted_in, plain_address
from settings import Settings

_HTTPS: Final = "https"


def install(server: Flask, settings: Settings) -> None:
    """Believe trusted proxies about addresses and TLS; cookies are `Secure` where it is."""
    is_trusted = is_trusted_in(settings.trusted_proxies)
    server.session_interface = _Sessions()

    @server.before_request
    def note_origin() -> None:
        peer = plain_address(request.environ.get("REMOTE_ADDR") or "")
        g.address = peer
        if peer is None or not settings.trusted_proxies or not is_trusted(peer):
            return
        if (claimed := request.headers.get("X-Forwarded-For")) is not None:
            g.address = forwarded_address(claimed, peer, is_trusted)
        if request.headers.get("X-Forwarded-Proto", "").rpartition(",")[2].strip() == _HTTPS:
            request.scheme = _HTTPS


class _Sessions(SecureCookieSessionInterface):
    def get_cookie_secure(self, app: Flask) -> bool:  # noqa: ARG002
        """A cookie that came to be over TLS goes over nothing else."""
        return request.is_secure


def refuse_other_sites() -> None:
    """Another site must not act with the cookie of a person who is logged in.

    Raises
    ------
    ApiError
        403: the browser says that another site sent the request.
    """
    site = request.headers.get("Sec-Fetch-Site")
    origin = request.headers.get("Origin")
    foreign = (
        site not in ("same-origin", "none")
        if site is not None
        else origin is not None and urlsplit(origin).netloc != request.host
    )
    if foreign:
        raise ApiError(403, f"this request came from another site: {origin!r}")


def refuse_unknown_origin() -> None:
    """A stream is opened by this site, by one of `CORS_ORIGINS`, or by no browser.

    Raises
    ------
    ApiError
        403 with the origin.
    """
    origin = request.headers.get("Origin")
    if origin is None or urlsplit(origin).netloc == request.host:
        return
    if origin not in current().settings.cors_origins:
        text = f"Origin {origin!r} is not this host, {request.host!r}"
        raise ApiError(403, text, origin=origin)
