"""What the own log tells of requests: an id for each, who asks, the slow and the failed ones.

Nothing is told of the watched API: its calls are in the store.
"""

from __future__ import annotations

import logging
import re
import secrets
import time
from collections.abc import Callable
from typing import Final

from flask import Flask, Response, after_this_request, g, has_request_context, request
from werkzeug.routing import Rule

from ingest.caller import is_trusted_in
from settings import Settings

HEADER: Final = "X-Request-Id"
SLOW_S: Final = 1.0
_ID: Final = re.compile(r"[A-Za-z0-9._:/+=-]{1,128}")
_log: Final = logging.getLogger(__name__)


def install(server: Flask, settings: Settings, is_own: Callable[[Rule], bool]) -> None:
    """Give each of the product's own requests an id, and tell of the slow and failed ones.

    Comes before all else that looks at requests, so that what is refused has an id, too.

    Parameters
    ----------
    server : Flask
    settings : Settings
        Of its trusted proxies an id is taken over.
    is_own : callable
        Whether a route is the product's own.
    """
    is_trusted = is_trusted_in(settings.trusted_proxies)
    owned: dict[str, bool] = {}  # by name of the endpoint

    @server.before_request
    def begin() -> None:
        rule = request.url_rule
        if rule is None:
            return
        if rule.endpoint not in owned:
            owned[rule.endpoint] = is_own(rule)
        if owned[rule.endpoint]:
            g.began = time.perf_counter()
            after_this_request(_end)  # so that calls of the watched API pay for one look alone
            if is_trusted(request.remote_addr or ""):
                _take_over(request.headers.get(HEADER, ""))


def request_id() -> str:
    """The id of the request that is being answered."""
    if "request_id" not in g:
        g.request_id = secrets.token_hex(8)
    return str(g.request_id)


def asking() -> dict[str, str]:
    """Id and user of the request that is being answered, for each line of the log.

    Looks nobody up: what is told while that is being done tells of no user.
    """
    if not has_request_context():
        return {}
    user = getattr(g.get("_login_user"), "name", None)  # where Flask-Login keeps who it found
    return {"request_id": request_id()} | ({"user": str(user)} if user else {})


def _end(answer: Response) -> Response:
    answer.headers[HEADER] = request_id()
    _tell(answer, time.perf_counter() - g.began)
    return answer


def _take_over(given: str) -> None:
    if _ID.fullmatch(given):
        g.request_id = given


def _tell(answer: Response, took_s: float) -> None:
    failed = answer.status_code >= 500
    if not failed and (took_s < SLOW_S or "Upgrade" in request.headers):  # a WebSocket takes hours
        return
    _log.log(
        logging.ERROR if failed else logging.WARNING,
        "request failed" if failed else "slow request",
        extra={
            "method": request.method,
            "path": request.path,
            "status": answer.status_code,
            "duration_ms": round(took_s * 1000),
        },
    )
