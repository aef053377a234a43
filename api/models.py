"""Model versions and what people say of windows, over REST."""

from __future__ import annotations

from typing import Annotated, Any, Final, Self

from flask import Blueprint, Response, jsonify, make_response
from pydantic import (
    BaseModel,
    BeforeValidator,
    ConfigDict,
    Field,
    StrictInt,
    TypeAdapter,
    model_validator,
)

from api import current, doer, model_schemas, now_ms, schemas, who
from api.described import described
from api.errors import ApiError
from api.query import (
    OF_CLIENT,
    OF_ENDPOINT,
    OF_METHOD,
    OF_SUBJECT,
    Cursor,
    Instant,
    Lower,
    Method,
    RangeQuery,
    Subject,
    Text,
    cursor_of,
)
from jobs import versions
from jobs.access import audited
from ml.features import ANY, CLIENT
from ml.registry import ModelError, UnknownVersionError, Version
from store import feedback
from store.model_events import newest_events
from store.times import iso

models = Blueprint("models", __name__, url_prefix="/api")

_MAX_ID: Final = 2**63 - 1
_TIMES: Final = ("timestamp", "at")
Verdict = schemas.Verdict
WindowId = Annotated[  # 17.0 is a whole number in JSON, "17" and true are none
    StrictInt,
    Field(ge=1, le=_MAX_ID),
    BeforeValidator(lambda n: int(n) if isinstance(n, float) and n.is_integer() else n),
]


def _one_window() -> dict[str, Any]:
    """What `FeedbackBody._names_one_window` wants, as JSON Schema."""
    window_id, timestamp, text = (TypeAdapter(t).json_schema() for t in (WindowId, Instant, Text))
    start = {"timestamp": timestamp}
    keys = (
        start | {"subject": {"const": "endpoint"}, "endpoint": text, "method": text},
        start | {"subject": {"const": CLIENT}, "client": text},
    )
    names = ("timestamp", "subject", "endpoint", "method", "client")
    null = {"type": "null"}
    by_id = {"window_id": window_id, **dict.fromkeys(names, null)}
    return {
        "anyOf": [
            {"required": ["window_id"], "properties": by_id},
            *({"required": [*key], "properties": {"window_id": null, **key}} for key in keys),
        ],
        "examples": [{"window_id": 17, "verdict": "false_alarm"}],
    }


class ModelsQuery(BaseModel):
    """Parameters of `GET /api/models`."""

    model_config = ConfigDict(extra="forbid")
    limit: int = Field(100, ge=1, le=1000, description="Most events of the answer.")


class FeedbackQuery(RangeQuery):
    """Filters of `GET /api/feedback`; the range is of the windows' starts."""

    limit: int = Field(100, ge=1, le=1000, description="Most items of one answer.")
    cursor: Cursor | None = Field(None, description="`next_cursor` of the answer before.")
    verdict: Annotated[Verdict, Lower] | None = Field(None, description="What was said.")
    subject: Subject | None = Field(None, description=OF_SUBJECT)
    endpoint: Text | None = Field(None, description=OF_ENDPOINT)
    method: Method | None = Field(None, description=OF_METHOD)
    client: Text | None = Field(None, description=OF_CLIENT)


class FeedbackBody(BaseModel):
    """A verdict on the window with this id, or with this key."""

    model_config = ConfigDict(extra="forbid", json_schema_extra=_one_window())
    verdict: Verdict = Field(description="`false_alarm` quiets windows like this one.")
    window_id: WindowId | None = Field(None, description="`id` of the window.")
    timestamp: Instant | None = Field(None, description="Start of the window.")
    subject: Subject | None = Field(None, description=OF_SUBJECT)
    endpoint: Text | None = Field(None, description=OF_ENDPOINT)
    method: Method | None = Field(None, description=OF_METHOD)
    client: Text | None = Field(None, description=OF_CLIENT)

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
    version: Text = Field(description="Its name, or `factory`.", examples=["factory"])


@models.get("/models")
@described("Models", model_schemas.ModelList)
def list_models(query: ModelsQuery) -> Response:
    """Versions with their manifests, what became of them, and how much feedback there is.

    A version comes with the product, from `flask train` or from the nightly training.
    """
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
@described(
    "Models",
    model_schemas.Current,
    errors={404: "there is no version 'x'", 409: "the version can't be loaded here"},
)
def promote(body: PromoteBody) -> Response:
    """Make a version current.

    `{"version": "factory"}` is the one that came with the product. Windows are scored with it from
    the next minute on.
    """
    version = body.version
    parts = current()
    try:
        name = versions.promote(
            parts.store, parts.models, version, who=who(), reason="by hand", at=now_ms()
        )
    except UnknownVersionError as error:
        raise ApiError(404, str(error), version=version) from None
    except ModelError as error:
        raise ApiError(409, str(error), version=version) from None
    audited.note_alone(parts, doer(), "model.promote", name)
    return jsonify({"current": name})


@models.post("/models/rollback")
@described("Models", model_schemas.Current, errors={409: "there is no version before this one"})
def roll_back() -> Response:
    """Make the version current that was so before.

    409 when there is none before it.
    """
    parts = current()
    try:
        name = versions.roll_back(
            parts.store, parts.models, who=who(), reason="by hand", at=now_ms()
        )
    except (UnknownVersionError, ModelError) as error:
        raise ApiError(409, str(error)) from None
    audited.note_alone(parts, doer(), "model.rollback", name)
    return jsonify({"current": name})


@models.post("/feedback")
@described("Feedback", schemas.GivenVerdict, status=201, errors={404: "no window has the id 17"})
def give_feedback(body: FeedbackBody) -> Response:
    """Store a verdict on a window: 201 with the row; an earlier verdict on it is replaced.

    The window is named by `window_id`, or by `timestamp` and `subject` with `client` (of a client
    window) or with `endpoint` and `method` (of an endpoint window).
    """
    try:
        with current().store.begin() as connection:
            key = (
                body.key()
                if body.window_id is None
                else feedback.window_key(connection, body.window_id)
            )
            row = feedback.save_verdict(connection, key, body.verdict, who=who(), at=now_ms())
    except feedback.UnknownWindowError as error:
        raise ApiError(404, str(error)) from None
    return make_response(jsonify(_row(row)), 201)


@models.get("/feedback")
@described("Feedback", schemas.VerdictList)
def list_feedback(query: FeedbackQuery) -> Response:
    """Verdicts, newest first.

    The range is of the starts of the windows, not of when something was said of them.
    """
    filters = feedback.VerdictFilters(**query.model_dump(exclude={"limit", "cursor"}))
    with current().store.read() as connection:
        rows = feedback.verdicts_page(connection, filters, query.limit + 1, query.cursor)
    items, more = rows[: query.limit], len(rows) > query.limit
    after = (items[-1]["at"], items[-1]["id"]) if more else None
    return jsonify({"items": [_row(row) for row in items], "next_cursor": cursor_of(after)})


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
