"""The door: every route is closed but the ones on one short list.

In are the admin's session (by password, or by a one-time link when there is no password) and
`API_TOKEN` as bearer. Unknown paths stay true 404s: there is nothing to protect there.
"""

from __future__ import annotations

import hashlib
import hmac
import secrets
import time
from pathlib import Path
from typing import Final
from urllib.parse import urlsplit

from flask import (
    Blueprint,
    Flask,
    Response,
    make_response,
    redirect,
    render_template,
    request,
    session,
    url_for,
)

from api import current
from api.errors import ApiError, error_answer
from settings import Settings

DASHBOARD: Final = "/dashboard/"
LINKS: Final = "login-links"  # folder of the hashes of unused one-time links
LINK_VALID_S: Final = 86_400
OPEN_BLUEPRINTS: Final = frozenset({"shop"})
OPEN_ENDPOINTS: Final = frozenset({"health.healthz", "health.readyz", "door.login", "door.enter"})
OPEN_RULES: Final = (  # scripts, styles and fonts; no data
    f"{DASHBOARD}_dash-component-suites/<string:",
    f"{DASHBOARD}assets/<path:",
    f"{DASHBOARD}_favicon.ico",
)
PAGES: Final = frozenset({"openapi.docs"})  # beside the dashboard
_UNSAFE: Final = frozenset({"POST", "PUT", "PATCH", "DELETE"})

door = Blueprint("door", __name__, url_prefix="/auth")


def install(server: Flask) -> None:
    """Close the server; comes after capture, so that what is refused is logged first."""
    server.register_blueprint(door)
    server.before_request(_refuse_strangers)


def new_login_link(settings: Settings) -> str:
    """A link that logs the admin in once, within `LINK_VALID_S`."""
    token = secrets.token_urlsafe(32)
    folder = settings.data_dir / LINKS
    folder.mkdir(mode=0o700, parents=True, exist_ok=True)
    for old in folder.iterdir():
        if _age_s(old) > LINK_VALID_S:
            old.unlink(missing_ok=True)
    (folder / _digest(token)).touch(mode=0o600)
    return f"{settings.local_url}/auth/login?token={token}"


@door.get("/login")
def login() -> Response:
    """The login form; with `?token=` of a one-time link, straight in."""
    token = request.args.get("token")
    if token and request.method == "GET":  # who only looks (HEAD) does not use the link up
        settings = current().settings
        by_password = bool(settings.admin_password.get_secret_value())
        if not by_password and _use_login_token(settings.data_dir, token):
            return _let_in()
        current().refused_logins.add("link")
        return _form("This link was used before or is no longer valid.", 401)
    return _form()


@door.post("/login")
def enter() -> Response:
    """Check the password."""
    _refuse_foreign_origin()
    expected = current().settings.admin_password.get_secret_value()
    given = request.form.get("password", "")
    if expected and hmac.compare_digest(expected.encode(), given.encode()):
        return _let_in()
    current().refused_logins.add("password")
    return _form("That password is not right.", 401)


@door.post("/logout")
def logout() -> Response:
    """End the session."""
    session.clear()
    return make_response(redirect(url_for("door.login")))


def _refuse_strangers() -> Response | None:
    if request.url_rule is None or _is_open():
        return None
    if _has_token():
        return None
    if session.get("user") == "admin":
        if request.method in _UNSAFE:
            _refuse_foreign_origin()
        return None
    is_page = request.path.startswith(DASHBOARD) or request.endpoint in PAGES
    if request.method == "GET" and is_page:
        return make_response(redirect(url_for("door.login", next=request.full_path.rstrip("?"))))
    answer = error_answer(401, "log in at /auth/login or send 'Authorization: Bearer <API_TOKEN>'")
    answer.headers["WWW-Authenticate"] = 'Bearer realm="foresight"'
    return answer


def _is_open() -> bool:
    return (
        request.blueprint in OPEN_BLUEPRINTS
        or request.endpoint in OPEN_ENDPOINTS
        or str(request.url_rule).startswith(OPEN_RULES)
        or request.path == "/"  # only redirects
    )


def _has_token() -> bool:
    expected = current().settings.api_token.get_secret_value()
    scheme, _, given = request.headers.get("Authorization", "").partition(" ")
    if scheme.lower() != "bearer":
        return False
    sent = given.strip().encode("utf-8", "surrogatepass")
    if expected and hmac.compare_digest(expected.encode(), sent):
        return True
    current().refused_logins.add("token")
    return False


def _refuse_foreign_origin() -> None:
    """Another site must not act with the cookie of a logged-in person."""
    site = request.headers.get("Sec-Fetch-Site")
    origin = request.headers.get("Origin")
    foreign = (
        site not in ("same-origin", "none")
        if site is not None
        else origin is not None and urlsplit(origin).netloc != request.host
    )
    if foreign:
        raise ApiError(403, f"this request came from another site: {origin!r}")


def _let_in() -> Response:
    session.clear()
    session["user"] = "admin"
    session.permanent = True
    return make_response(redirect(_safe_next(request.args.get("next", DASHBOARD))))


def _safe_next(target: str) -> str:
    """Only paths of this site: `//host` and `/\\host` lead elsewhere in a browser."""
    local = target.startswith("/") and not target.startswith(("//", "/\\"))
    return target if local and target.isprintable() else DASHBOARD


def _form(problem: str | None = None, status: int = 200) -> Response:
    has_password = bool(current().settings.admin_password.get_secret_value())
    page = render_template("login.html", error=problem, has_password=has_password)
    return make_response(page, status)


def _use_login_token(data_dir: Path, token: str) -> bool:
    """Whether the token is one that was printed; it is gone afterwards.

    Its hash is the name of a file, so of two that come at once only one can remove it.
    """
    link = data_dir / LINKS / _digest(token)
    try:
        fresh = _age_s(link) <= LINK_VALID_S
        link.unlink()
    except FileNotFoundError:
        return False
    return fresh


def _age_s(file: Path) -> float:
    return time.time() - file.stat().st_mtime


def _digest(token: str) -> str:
    return hashlib.sha256(token.encode("utf-8", "surrogatepass")).hexdigest()
