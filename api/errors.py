"""One shape for every error: `{"error": {"code", "message", "details"}}`; a page for browsers."""

from __future__ import annotations

import logging
from http import HTTPStatus
from typing import Any

from flask import Flask, Response, jsonify, make_response, render_template, request
from sqlalchemy.exc import DBAPIError
from sqlalchemy.exc import TimeoutError as NoConnectionError
from werkzeug.exceptions import HTTPException

from api.own_requests import request_id
from store.condition import trouble_of
from store.engine import WritesForbidden

log = logging.getLogger(__name__)


class ApiError(Exception):
    """An error that knows its answer.

    Parameters
    ----------
    status : int
        HTTP status.
    message : str
        What is wrong, quoting the value, and what would be right.
    details : dict, optional
        The same for programs, such as `{"parameter": "limit"}`.
    """

    def __init__(self, status: int, message: str, **details: Any) -> None:
        super().__init__(message)
        self.status = status
        self.details = details


def install(server: Flask) -> None:
    """Turn every exception into an answer, once, here."""
    server.register_error_handler(ApiError, _api_error)
    server.register_error_handler(HTTPException, _http_error)
    server.register_error_handler(DBAPIError, _store_away)
    server.register_error_handler(NoConnectionError, _store_away)
    server.register_error_handler(WritesForbidden, _forbidden)


def error_answer(status: int, message: str, details: dict[str, Any] | None = None) -> Response:
    """The answer for an error, as JSON, or as a page where a person asked for one."""
    phrase = HTTPStatus(status).phrase
    of_log = request_id() if status >= 500 else None  # who asks for help can quote it
    if _wants_page():
        said = {"code": status, "title": phrase, "message": message, "request_id": of_log}
        return make_response(render_template("error.html", **said), status)
    if of_log is not None:
        details = {**(details or {}), "request_id": of_log}
    return make_response(jsonify(error_body(status, message, details)), status)


def error_body(status: int, message: str, details: dict[str, Any] | None = None) -> dict[str, Any]:
    """The one shape of an error."""
    code = HTTPStatus(status).phrase.lower().replace(" ", "_").replace("-", "_")
    return {"error": {"code": code, "message": message, "details": details or {}}}


def _wants_page() -> bool:
    """A browser that navigates says so by preferring HTML; programs say JSON or nothing."""
    accepted = request.accept_mimetypes
    return (
        request.method == "GET"
        and not request.path.startswith("/api/")
        and accepted["text/html"] > accepted["application/json"]
    )


def _api_error(error: ApiError) -> Response:
    return error_answer(error.status, str(error), error.details)


def _forbidden(error: WritesForbidden) -> Response:
    return error_answer(403, f"this needs another role: {error}")


def _http_error(error: HTTPException) -> Response:
    if error.response is not None:  # a redirect or an answer that a view made itself
        return make_response(error.response)
    answer = error_answer(error.code or 500, error.description or error.name)
    for name, value in error.get_headers():
        if name.lower() not in ("content-type", "content-length"):
            answer.headers[name] = value
    return answer


def _store_away(error: DBAPIError | NoConnectionError) -> Response:
    trouble = trouble_of(error)
    if trouble is None:
        raise error  # the statement is wrong, not the store
    log.error("%s: %s", trouble.value, error.__cause__ or error)
    answer = error_answer(503, f"{trouble.value}; calls are kept until it is well again")
    answer.headers["Retry-After"] = "5"
    return answer
