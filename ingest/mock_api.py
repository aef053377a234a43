"""The mock shop over HTTP: `POST /login`, `POST /payment`, `GET /search`, `GET /health`.

To try it by hand, log in as `demo` with the password `demo-shop`, and pay with the card
4000000000000051.
"""

from __future__ import annotations

import hashlib
import hmac
import threading
import time
from typing import Final

from flask import Blueprint, Response, request
from itsdangerous import BadData, URLSafeTimedSerializer

from ingest.shop.front import Request, error_body
from ingest.shop.model import ROUTES, Outcome, Shop
from ingest.signature import simulator_key

USER_ID: Final = "foresight.user_id"  # in the WSGI environment: who the call is from
TOKEN_VALID_S: Final = 24 * 3_600
MOST_SLEEPING: Final = 24  # of the server's threads; more requests at once are turned away
MAX_BODY_BYTES: Final = 10_000


class Tokens:
    """Login tokens, signed with a key of their own that follows from the session key."""

    def __init__(self, session_key: str) -> None:
        key = hmac.digest(session_key.encode(), b"foresight mock shop token", hashlib.sha256)
        self._serializer = URLSafeTimedSerializer(key, salt="login")

    def token_for(self, user: str) -> str:
        """A token that says who logged in."""
        return str(self._serializer.dumps(user))

    def user(self, authorization: str) -> str | None:
        """Who an `Authorization` header speaks for, None when it is not a valid token of ours."""
        scheme, _, token = authorization.partition(" ")
        if scheme.lower() != "bearer":
            return None
        try:
            user = self._serializer.loads(token.strip(), max_age=TOKEN_VALID_S)
        except BadData:
            return None
        return user if isinstance(user, str) else None


def blueprint(shop: Shop, session_key: str) -> Blueprint:
    """The four endpoints of a shop; it answers with the latency that the shop says."""
    tokens = Tokens(session_key)
    shop.use_keys(simulator_key(session_key), tokens.token_for)
    lock = threading.Lock()  # the shop is a plain model
    sleeping = threading.BoundedSemaphore(MOST_SLEEPING)
    routes = Blueprint("shop", __name__)

    def answer() -> Response:
        arrived = time.monotonic()
        asked = _request(tokens)
        with lock:
            outcome = shop.serve(asked, time.monotonic())
        if outcome.user_id is not None:
            request.environ[USER_ID] = outcome.user_id
        if not sleeping.acquire(blocking=False):
            return _response(Outcome(503, 0.0, _TOO_MANY))
        try:
            time.sleep(max(0.0, arrived + outcome.latency_s - time.monotonic()))
        finally:
            sleeping.release()
        return _response(outcome)

    for path, method in ROUTES.items():
        routes.add_url_rule(path, path.strip("/"), answer, methods=[method])
    return routes


_TOO_MANY: Final = error_body("overloaded", "too many requests at once")


def _request(tokens: Tokens) -> Request:
    request.max_content_length = MAX_BODY_BYTES  # a larger body is 413
    query = request.environ.get("QUERY_STRING", "")
    user = tokens.user(request.headers.get("Authorization", ""))
    method = "GET" if request.method == "HEAD" else request.method
    return Request(method, request.path, query, request.get_data(), user)


def _response(outcome: Outcome) -> Response:
    response = Response(outcome.body, outcome.status, content_type="application/json")
    if outcome.status == 401:
        response.headers["WWW-Authenticate"] = 'Bearer realm="shop"'
    return response
