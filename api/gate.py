"""The gate: who asks, how often, and whether they may. What passes has been allowed by a rule."""

from __future__ import annotations

from typing import Final

from flask import Blueprint, Flask, Response, g, make_response, redirect, request, url_for
from flask_login import LoginManager, current_user
from flask_wtf.csrf import CSRFError, CSRFProtect

from api import current, now_ms
from api.errors import ApiError, error_answer
from api.limits import Limit
from api.origin import refuse_other_sites
from api.permissions import DASHBOARD, in_scope, role_needed
from jobs.access.roles import Caller, Role
from settings import Settings
from store.engine import writes_forbidden

PAGES: Final = frozenset({"openapi.docs", "door.password"})  # beside the dashboard
_UNSAFE: Final = frozenset({"POST", "PUT", "PATCH", "DELETE"})
_WRITERS: Final = frozenset({"door.logout", "door.change_password"})  # whatever the role


def install(server: Flask, settings: Settings, shop: Blueprint) -> None:
    """Close the server; comes after capture, so that what is refused is logged first.

    Parameters
    ----------
    shop : Blueprint
        The mock endpoints, which are open.
    """
    server.config.update(WTF_CSRF_CHECK_DEFAULT=False, WTF_CSRF_TIME_LIMIT=None)
    csrf = CSRFProtect(server)
    people = LoginManager(server)
    people.session_protection = None  # a phone changes its address; the cookie is signed
    people.user_loader(_by_session)
    people.request_loader(_by_token)
    own, mock = Limit(settings.api_limit), Limit(settings.mock_limit)

    @server.before_request
    def pass_or_refuse() -> Response | None:
        if request.url_rule is None:
            return None  # a true 404: there is nothing to protect
        endpoint = request.endpoint or ""
        needed = role_needed(endpoint)
        if needed is None:
            return mock.refuse(str(g.address)) if request.blueprint == shop.name else None
        caller = caller_of_request()
        too_many = own.refuse(_counted_with(caller))
        if too_many is not None:
            return too_many
        if caller is None:
            return _refuse_stranger()
        _refuse_forbidden(caller, endpoint, needed)
        if caller.session_id is not None and request.method in _UNSAFE:
            refuse_other_sites()
            _check_token_of_page(csrf)
        if not caller.may(Role.OPERATOR) and endpoint not in _WRITERS:
            g.writes = writes_forbidden()
            g.writes.__enter__()
        return None

    @server.teardown_request
    def allow_writes(_: BaseException | None) -> None:
        if "writes" in g:
            g.pop("writes").__exit__(None, None, None)


def caller_of_request() -> Caller | None:
    """Who asks; None: a stranger."""
    return current_user._get_current_object() if current_user.is_authenticated else None


def _counted_with(caller: Caller | None) -> str:
    """Whose requests are counted together; names of tokens are not unique, their ids are."""
    if caller is None:
        return f"address {g.address}"
    return caller.name if caller.token_id is None else f"token {caller.token_id}"


def asks_still() -> bool:
    """Whether the session or token of this request, which may be open for long, still lets in."""
    session_id = getattr(current_user, "session_id", None)
    caller = _by_token(None) if session_id is None else _by_session(session_id)
    return caller is not None


def _by_session(session_id: str) -> Caller | None:
    if "Authorization" in request.headers:
        return None  # who sends a token means that
    return current().register.by_session(session_id, now_ms())


def _by_token(_: object) -> Caller | None:
    scheme, _, given = request.headers.get("Authorization", "").partition(" ")
    if scheme.lower() != "bearer":
        return None
    caller = current().register.by_token(given.strip(), now_ms())
    if caller is None:
        current().refused_logins.add("token")
    return caller


def _refuse_stranger() -> Response:
    is_page = request.path.startswith(DASHBOARD) or request.endpoint in PAGES
    if request.method == "GET" and is_page:
        return make_response(redirect(url_for("door.login", next=request.full_path.rstrip("?"))))
    answer = error_answer(401, "log in at /auth/login or send 'Authorization: Bearer TOKEN'")
    answer.headers["WWW-Authenticate"] = 'Bearer realm="foresight"'
    return answer


def _refuse_forbidden(caller: Caller, endpoint: str, needed: Role) -> None:
    if not caller.may(needed):
        raise ApiError(403, f"this needs the role {needed}; {caller.name} is {caller.role}")
    if not in_scope(caller, endpoint, request.method):
        raise ApiError(403, f"{caller.name} is only for: {caller.scope}")


def _check_token_of_page(csrf: CSRFProtect) -> None:
    try:
        csrf.protect()
    except CSRFError as error:
        raise ApiError(
            403, f"{error.description} Send the cookie `_csrf_token` as header X-CSRFToken."
        ) from None
