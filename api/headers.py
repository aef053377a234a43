"""What browsers are told to refuse: foreign scripts, frames, guessed types, leaking addresses."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Final
from urllib.parse import urlsplit, urlunsplit

from flask import Flask, Response, g, request
from flask_cors import CORS
from flask_wtf.csrf import generate_csrf
from werkzeug.routing import RequestRedirect

from api.gate import caller_of_request
from api.permissions import DASHBOARD
from settings import Settings

CSRF_COOKIE: Final = "_csrf_token"  # which Dash and the pages send back as X-CSRFToken
_HSTS: Final = "max-age=31536000; includeSubDomains"
_NO_PAGE: Final = "default-src 'none'; frame-ancestors 'none'"
_ALWAYS: Final = {
    "X-Content-Type-Options": "nosniff",
    "X-Frame-Options": "DENY",
    "Referrer-Policy": "same-origin",
    "Cross-Origin-Opener-Policy": "same-origin",
    "Permissions-Policy": "camera=(), geolocation=(), microphone=(), payment=(), usb=()",
}


def install(server: Flask, settings: Settings, script_hashes: Callable[[], Sequence[str]]) -> None:
    """Send them with every answer of the product's own.

    Parameters
    ----------
    script_hashes : callable
        Of the inline scripts that a page of the dashboard has, as the policy wants them; asked for
        each page, since Dash adds one with the first.
    """
    if settings.cors_origins:
        CORS(
            server,
            resources=[r"/api/.*", "/metrics"],
            origins=list(settings.cors_origins),
            allow_headers=["Authorization", "Content-Type"],
            supports_credentials=False,
            max_age=600,
        )

    server.after_request(_redirected_here)

    @server.after_request
    def tell_browser(response: Response) -> Response:
        if request.blueprint == "shop":
            return response
        response.headers.update(_ALWAYS)
        is_page = response.mimetype == "text/html"
        policy = _policy(script_hashes()) if is_page else _NO_PAGE
        response.headers["Content-Security-Policy"] = policy
        if request.is_secure:
            response.headers["Strict-Transport-Security"] = _HSTS
        if _holds_data(response):
            response.headers["Cache-Control"] = "no-store"
        if is_page and _is_signed_in():
            response.set_cookie(
                CSRF_COOKIE, generate_csrf(), samesite="Lax", secure=request.is_secure
            )
        return response


def _redirected_here(response: Response) -> Response:
    """The redirect to the right spelling of a path, without the host that the request claims."""
    if isinstance(request.routing_exception, RequestRedirect):
        target = urlsplit(response.location or "/")
        path = f"/{target.path.lstrip('/')}"  # two slashes would name a host
        response.location = urlunsplit(("", "", path, target.query, ""))
        response.set_data(b"")
    return response


def _policy(script_hashes: Sequence[str]) -> str:
    """Scripts come from this server alone and none is made from text.

    Styles may stand in elements: charts and tables set their own.
    """
    rules = {
        "default-src": ["'self'"],
        "script-src": ["'self'", *script_hashes],
        "style-src": ["'self'", "'unsafe-inline'"],
        "img-src": ["'self'", "data:", "blob:"],
        "font-src": ["'self'", "data:"],
        "connect-src": ["'self'"],
        "worker-src": ["'self'", "blob:"],
        "object-src": ["'none'"],
        "base-uri": ["'none'"],
        "form-action": ["'self'"],
        "frame-ancestors": ["'none'"],
    }
    return "; ".join(f"{name} {' '.join(values)}" for name, values in rules.items())


def _holds_data(response: Response) -> bool:
    """What somebody had to sign in for is kept by no cache."""
    return "Cache-Control" not in response.headers and (
        request.path.startswith(("/api/", "/auth/", "/metrics"))
        or request.path.startswith(f"{DASHBOARD}_dash-update")
        or request.path.startswith(f"{DASHBOARD}_dash-layout")
    )


def _is_signed_in() -> bool:
    if "address" not in g:
        return False
    caller = caller_of_request()
    return caller is not None and caller.session_id is not None
