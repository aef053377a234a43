"""Model versions and what people say of windows, over REST."""

from __future__ import annotations

import time
from typing import Annotated, Any, Final, Literal, Self, TypeVar

from flask import Blueprint, Response, jsonify, make_response, request, session
from pydantic import BaseModel, ConfigDict, Field, StrictInt, ValidationError, model_validator

from api import current
from api.errors import ApiError
from api.query import Cursor, Instant, Lower, RangeQuery, Text, Upper, cursor_of, query_of
from jobs import versions
from ml.features import ANY, CLIENT
from ml.registry import ModelError, UnknownVersionError, Version
from store import feedback
from store.model_events import newest_events
from store.times import iso

models = Blueprint("models", __name__, url_prefix="/api")

MAX_BODY_BYTES: Final = 65_536
_MAX_ID: Final = 2**63 - 1
_TIMES: Final = ("timestamp", "at")
Subject = Annotated[Literal["endpoint", "client"], Lower]
Verdict = Literal["false_alarm", "confirmed"]


class ModelsQuery(BaseModel):
    """Parameters of `GET /api/models`."""

    model_config = ConfigDict(extra="forbid")
    limit: int = Field(100, ge=1, le=1000, description="Events.")


class FeedbackQuery(RangeQuery):
    """Filters of `GET /api/feedback`; the range is of the windows' starts."""

    limit: int = Field(100, ge=1, le=1000)
    cursor: Cursor | None = None
    verdict: Annotated[Verdict, Lower] | None = None
    subject: Subject | None = None
    endpoint: Text | None = None
    method: Annotated[Text, Upper] | None = None
    client: Text | None = None


class FeedbackBody(BaseModel):
    """A verdict on the window with this id, or with this key."""

    model_config = ConfigDict(extra="forbid")
    verdict: Verdict
    window_id: StrictInt | None = Field(None, ge=1, le=_MAX_ID)
    timestamp: Instant | None = None
    subject: Subject | None = None
    endpoint: Text | None = None
    method: Annotated[Text, Upper] | None = None
    client: Text | None = None

    @model_validator(mode="after")
    def _names_one_window(self) -> Self:
        by_key = (self.timestamp, self.subject, self.endpoint, self.method, self.client)
        if self.window_id is not None:
            if any(part is not None for part in by_key):
                raise ValueError(f"give window_id={self.window_id} or the key, not both")
            return self
        named = self.client if self.subject == CLIENT else self.endpoint and self.method
        if self.timestamp is None or self.subject is None or not named:
            raise ValueError(
                "give window_id, or timestamp and subject with client (of a client window) or "
                "with endpoint and method (of an endpoint window)"
            )
        return self

    def key(self) -> feedback.WindowKey:
        """The key, when no id is given."""
        if self.timestamp is None or self.subject is None:
            raise ValueError(f"{self!r} has no key")
        if self.subject == CLIENT:
            return feedback.WindowKey(self.timestamp, self.subject, ANY, ANY, self.client)
        endpoint, method = self.endpoint or "", self.method or ""
        return feedback.WindowKey(self.timestamp, self.subject, endpoint, method, None)


class PromoteBody(BaseModel):
    """Which version becomes current."""

    model_config = ConfigDict(extra="forbid")
    version: Text


@models.get("/models")
def list_models() -> Response:
    """Versions with their manifests, what became of them, and how much feedback there is."""
    query = query_of(ModelsQuery)
    parts = current()
    with parts.store.read() as connection:
        events = newest_events(connection, query.limit)
        counts = feedback.verdict_counts(connection)
    found = parts.models.versions()
    return jsonify(
        {
            "current": next((version.name for version in found if version.is_current), None),
            "versions": [_version(version) for version in found],
            "events": [_row(event) for event in events],
            "feedback": counts,
        }
    )


@models.post("/models/promote")
def promote() -> Response:
    """Make a version current; `{"version": "factory"}` is the one that came with the product."""
    version = body_of(PromoteBody).version
    parts = current()
    try:
        name = versions.promote(
            parts.store, parts.models, version, who=_who(), reason="by hand", at=_now_ms()
        )
    except UnknownVersionError as error:
        raise ApiError(404, str(error), version=version) from None
    except ModelError as error:
        raise ApiError(409, str(error), version=version) from None
    return jsonify({"current": name})


@models.post("/models/rollback")
def roll_back() -> Response:
    """Make the version current that was so before."""
    parts = current()
    try:
        name = versions.roll_back(
            parts.store, parts.models, who=_who(), reason="by hand", at=_now_ms()
        )
    except (UnknownVersionError, ModelError) as error:
        raise ApiError(409, str(error)) from None
    return jsonify({"current": name})


@models.post("/feedback")
def give_feedback() -> Response:
    """Store a verdict on a window: 201 with the row; an earlier verdict on it is replaced."""
    body = body_of(FeedbackBody)
    try:
        with current().store.begin() as connection:
            key = (
                body.key()
                if body.window_id is None
                else feedback.window_key(connection, body.window_id)
            )
            row = feedback.save_verdict(connection, key, body.verdict, who=_who(), at=_now_ms())
    except feedback.UnknownWindowError as error:
        raise ApiError(404, str(error)) from None
    return make_response(jsonify(_row(row)), 201)


@models.get("/feedback")
def list_feedback() -> Response:
    """Verdicts, newest first."""
    query = query_of(FeedbackQuery)
    filters = feedback.VerdictFilters(**query.model_dump(exclude={"limit", "cursor"}))
    with current().store.read() as connection:
        rows = feedback.verdicts_page(connection, filters, query.limit + 1, query.cursor)
    items, more = rows[: query.limit], len(rows) > query.limit
    after = (items[-1]["at"], items[-1]["id"]) if more else None
    return jsonify({"items": [_row(row) for row in items], "next_cursor": cursor_of(after)})


B = TypeVar("B", bound=BaseModel)


def body_of(model: type[B]) -> B:
    """The request's JSON object as `model`; ApiError 400 names the field that is wrong."""
    request.max_content_length = MAX_BODY_BYTES
    given = request.get_json(force=True, silent=True)
    if not isinstance(given, dict):
        raise ApiError(400, f"the body must be a JSON object, it is {request.get_data()[:80]!r}")
    try:
        return model.model_validate(given)
    except ValidationError as error:
        raise _bad_field(error, model) from None


def _bad_field(error: ValidationError, model: type[BaseModel]) -> ApiError:
    first = error.errors(include_url=False)[0]
    reason = first["msg"].removeprefix("Value error, ")
    if not first["loc"]:
        return ApiError(400, f"{str(first['input'])[:200]}: {reason}")
    name = str(first["loc"][0])
    if first["type"] == "extra_forbidden":
        reason = f"is unknown; known: {', '.join(sorted(model.model_fields))}"
    if first["type"] == "missing":
        return ApiError(400, f"{name!r} is missing", parameter=name)
    return ApiError(400, f"{name}={str(first['input'])[:80]!r}: {reason}", parameter=name)


def _version(version: Version) -> dict[str, Any]:
    return {
        "version": version.name,
        "current": version.is_current,
        "factory": version.is_factory,
        "manifest": version.manifest,
        "problem": version.problem,
    }


def _row(row: dict[str, Any]) -> dict[str, Any]:
    return {name: iso(value) if name in _TIMES else value for name, value in row.items()}


def _who() -> str:
    """Who asks: the user of the session, else whoever has the token."""
    return str(session.get("user") or "API token")


def _now_ms() -> int:
    return time.time_ns() // 1_000_000
