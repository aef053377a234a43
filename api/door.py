"""The door: signing in by a password or a one-time link, signing out, a new password."""

from __future__ import annotations

import hashlib
import secrets
import time
from pathlib import Path
from typing import Final

from flask import (
    Blueprint,
    Response,
    g,
    make_response,
    redirect,
    render_template,
    request,
    session,
    url_for,
)
from flask_login import login_user
from flask_wtf.csrf import ValidationError, validate_csrf

from api import current, doer, now_ms
from api.gate import caller_of_request
from api.limits import seconds_to_wait
from api.origin import refuse_other_sites
from api.permissions import DASHBOARD
from jobs.access import people
from jobs.access.audited import Doer, note_if_possible
from jobs.access.register import ADMIN
from jobs.access.throttle import ACCOUNT, ADDRESS
from settings import Settings
from store import accounts
from store.accounts import Account

LINKS: Final = "login-links"  # folder of the hashes of unused one-time links
LINK_VALID_S: Final = 86_400
_SAYS: Final = "Sign in again on this page."
_MOST_OF_NAME: Final = 64

door = Blueprint("door", __name__, url_prefix="/auth")


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
            return _let_in(current().register.admin(), "link")
        _note_refusal("link", "")
        return _form("This link was used before or is no longer valid.", 401)
    return _form()


@door.post("/login")
def enter() -> Response:
    """Check name and password."""
    refuse_other_sites()
    try:
        validate_csrf(request.form.get("csrf_token"))
    except ValidationError:
        return _form("This page was open for too long. " + _SAYS, 400)
    name = request.form.get("username", "").strip() or ADMIN
    password = request.form.get("password", "")
    keys = ((ADDRESS, str(g.address)), (ACCOUNT, name.lower()[:_MOST_OF_NAME]))
    throttle = current().throttle
    if (wait_s := throttle.wait_s(*keys)) > 0:
        current().refused_logins.add("throttled")
        seconds = seconds_to_wait(wait_s)
        answer = _form(f"Too many tries. Try again in {seconds} s.", 429)
        answer.headers["Retry-After"] = str(seconds)
        return answer
    found = current().register.by_password(name, password)
    if found is None:
        throttle.refuse(*keys)
        _note_refusal("password", name)
        return _form("That name or password is not right.", 401)
    throttle.forgive(*keys)
    return _let_in(found, "password")


@door.post("/logout")
def logout() -> Response:
    """End the session, also for a copy of its cookie."""
    caller = caller_of_request()
    if caller is not None and caller.session_id is not None:
        current().register.end_session(caller.session_id, now_ms())
        note_if_possible(current(), doer(), "logout")
    session.clear()
    return make_response(redirect(url_for("door.login")))


@door.get("/password")
def password() -> Response:
    """The form for a new password."""
    return _password_form()


@door.post("/password")
def change_password() -> Response:
    """Give the one who asks a new password; all sessions but this one end."""
    caller, parts = caller_of_request(), current()
    if caller is None or caller.session_id is None:
        return _password_form("Only a person who is signed in has a password.", 403)
    keys = ((ADDRESS, str(g.address)), (ACCOUNT, caller.name.lower()))
    if (wait_s := parts.throttle.wait_s(*keys)) > 0:
        seconds = seconds_to_wait(wait_s)
        answer = _password_form(f"Too many tries. Try again in {seconds} s.", 429)
        answer.headers["Retry-After"] = str(seconds)
        return answer
    if parts.register.by_password(caller.name, request.form.get("old", "")) is None:
        parts.throttle.refuse(*keys)
        _note_refusal("password", caller.name)
        return _password_form("The password until now is another one.", 401)
    new = request.form.get("new", "")
    if new != request.form.get("again", ""):
        return _password_form("The new password was not typed the same twice.", 400)
    try:
        people.set_password(parts, doer(), caller.name, new)
    except people.RefusedError as error:
        return _password_form(f"{str(error)[0].upper()}{str(error)[1:]}.", 400)
    account = parts.register.by_password(caller.name, new)
    assert account is not None
    return _let_in(account, "password")


def _let_in(account: Account, by: str) -> Response:
    """A session of its own, whatever the browser sent before."""
    parts, at = current(), now_ms()
    caller = parts.register.begin_session(account, at)
    session.clear()
    login_user(caller)
    session.permanent = True
    with parts.store.begin() as connection:
        accounts.note_login(connection, account.id, at)
    note_if_possible(parts, Doer(account.name, g.address, at), "login", by=by)
    return make_response(redirect(_safe_next(request.args.get("next", DASHBOARD))))


def _note_refusal(kind: str, name: str) -> None:
    """In the counts always, in the audit log as long as they are no flood."""
    parts = current()
    if parts.refused_logins.add(kind):
        who = Doer("anonymous", g.address, now_ms())
        note_if_possible(parts, who, "login.refused", name[:_MOST_OF_NAME], by=kind)


def _safe_next(target: str) -> str:
    """Only paths of this site: `//host` and `/\\host` lead elsewhere in a browser."""
    local = target.startswith("/") and not target.startswith(("//", "/\\"))
    return target if local and target.isprintable() else DASHBOARD


def _form(problem: str | None = None, status: int = 200) -> Response:
    page = render_template(
        "login.html",
        error=problem,
        has_password=current().register.has_passwords,
        name=request.form.get("username", ""),
    )
    return make_response(page, status)


def _password_form(problem: str | None = None, status: int = 200) -> Response:
    return make_response(render_template("password.html", error=problem), status)


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
