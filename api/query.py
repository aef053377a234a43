"""Parameters and bodies of the REST API, checked; an error names the part and quotes the value.

The same models describe them in the OpenAPI document: where a check is a function, the type says
as JSON Schema what that function takes.
"""

from __future__ import annotations

import re
from typing import Annotated, Any, Final, Literal, TypeVar

from flask import request
from pydantic import (
    AfterValidator,
    AliasChoices,
    BaseModel,
    BeforeValidator,
    ConfigDict,
    Field,
    ValidationError,
    WithJsonSchema,
)

from api.errors import ApiError
from store.lists import Filters
from store.times import LAST_MS, epoch_ms

MAX_BODY_BYTES: Final = 65_536
_OTHER_NAMES = ("status", "cluster")  # short forms of status_code and usage_cluster
_CURSOR: Final = r"^[0-9]{1,15}\.[0-9]{1,18}$"  # of an instant and an id, both below 2**63


def _after(cursor: object) -> tuple[int, int]:
    if not re.fullmatch(_CURSOR, str(cursor)):
        raise ValueError("must be the next_cursor of an earlier answer")
    at, row_id = map(int, str(cursor).split("."))
    return at, row_id


def cursor_of(after: tuple[int, int] | None) -> str | None:
    """The cursor for a (timestamp, id)."""
    return None if after is None else "{}.{}".format(*after)


def _flag(value: object) -> int:
    """0 or 1, as the column holds it: PostgreSQL compares no boolean with an integer."""
    known = {"true": 1, "1": 1, "false": 0, "0": 0}
    if str(value).lower() not in known:
        raise ValueError("must be true or false")
    return known[str(value).lower()]


_INSTANT: Final[dict[str, Any]] = {  # each rule counts for its type alone
    "type": ["string", "integer"],
    "format": "date-time",
    "pattern": "^(19[7-9][0-9]|[2-9][0-9]{3})-",
    "minimum": 0,
    "maximum": LAST_MS,
}
Instant = Annotated[int, BeforeValidator(epoch_ms), WithJsonSchema(_INSTANT)]
Cursor = Annotated[
    tuple[int, int],
    BeforeValidator(_after),
    WithJsonSchema({"type": "string", "pattern": _CURSOR}),
]
Flag = Annotated[int, BeforeValidator(_flag), WithJsonSchema({"type": "boolean"})]
Upper = BeforeValidator(lambda value: str(value).upper())
Lower = BeforeValidator(lambda value: str(value).lower())
NO_NUL: Final = r"^[^\x00]*$"
Text = Annotated[str, Field(min_length=1, max_length=300, pattern=NO_NUL)]
Method = Annotated[Text, AfterValidator(str.upper)]
Subject = Annotated[Literal["endpoint", "client"], Lower]

OF_SUBJECT: Final = "What the window is about."
OF_ENDPOINT: Final = "Route template, such as `/orders/{id}`; `(unmatched)` where no route fits."
OF_METHOD: Final = "HTTP method."
OF_CLIENT: Final = "Who called: the user, else the address."


class RangeQuery(BaseModel):
    """A time range [from, to); without it all data."""

    model_config = ConfigDict(extra="forbid")
    start: Instant | None = Field(
        None, alias="from", description="Start of the range, such as 2026-03-18T15:30:00Z."
    )
    end: Instant | None = Field(
        None, alias="to", description="End of the range, itself outside it; before `from`: empty."
    )


class EndpointQuery(RangeQuery):
    """Range and method of the endpoint analytics."""

    method: Method | None = Field(None, description="HTTP method; all without it.")


class ListQuery(RangeQuery):
    """Range, page and the filters that calls and windows share."""

    limit: int = Field(100, ge=1, le=1000, description="Most items of one answer.")
    cursor: Cursor | None = Field(None, description="`next_cursor` of the answer before.")
    endpoint: Text | None = Field(None, description=OF_ENDPOINT)
    method: Method | None = Field(None, description=OF_METHOD)
    client: Text | None = Field(None, description=OF_CLIENT)

    def filters(self) -> Filters:
        """The conditions for `store.views`."""
        return Filters(**self.model_dump(exclude={"limit", "cursor"}))


class WindowsQuery(ListQuery):
    """Filters of `GET /api/anomalies`."""

    subject: Subject | None = Field(None, description=OF_SUBJECT)
    priority: Annotated[Literal["HIGH", "MEDIUM", "LOW"], Upper] | None = Field(
        None, description="Of the risk score."
    )
    is_anomaly: Flag | None = Field(None, description="Whether the window is an anomaly.")
    usage_cluster: Annotated[Literal["normal", "heavy", "bot"], Lower] | None = Field(
        None,
        validation_alias=AliasChoices("usage_cluster", "cluster"),
        description="How the subject is used; for short `cluster`.",
    )


class CallsQuery(ListQuery):
    """Filters of `GET /api/logs`."""

    status_code: int | None = Field(
        None,
        ge=100,
        le=999,
        validation_alias=AliasChoices("status_code", "status"),
        description="HTTP status; for short `status`.",
    )
    source: Annotated[Literal["live", "posted", "import", "simulated"], Lower] | None = Field(
        None, description="Where the call came from."
    )
    ip_address: Text | None = Field(None, description="Address, or host name, of the caller.")
    user_id: Text | None = Field(None, description="User, where the caller is known.")


class WindowsStreamQuery(WindowsQuery):
    """The same for NDJSON and CSV: all that matches, or as many as asked for."""

    limit: int | None = Field(None, ge=1, description="Most rows; all without it.")  # type: ignore[assignment]


class CallsStreamQuery(CallsQuery):
    """The same for NDJSON and CSV: all that matches, or as many as asked for."""

    limit: int | None = Field(None, ge=1, description="Most rows; all without it.")  # type: ignore[assignment]


M = TypeVar("M", bound=BaseModel)


def query_of(model: type[M]) -> M:
    """The request's parameters as `model`; ApiError 400 names the one that is wrong."""
    given: dict[str, Any] = {}
    for name, values in request.args.lists():
        if len(values) > 1:
            raise ApiError(400, f"{name!r} is given {len(values)} times", parameter=name)
        given[name] = values[0]
    try:
        return model.model_validate(given)
    except ValidationError as error:
        raise _bad_parameter(error, model, given) from None


def body_of(model: type[M]) -> M:
    """The request's JSON object as `model`; ApiError 400 names the field that is wrong."""
    request.max_content_length = MAX_BODY_BYTES
    given = request.get_json(force=True, silent=True)
    if not isinstance(given, dict):
        raise ApiError(400, f"the body must be a JSON object, it is {request.get_data()[:80]!r}")
    try:
        return model.model_validate(given)
    except ValidationError as error:
        raise _bad_field(error, model) from None


def unknown_parameter(name: str, model: type[BaseModel]) -> ApiError:
    """The error for a parameter that `model` does not have."""
    known = ", ".join(sorted(field.alias or key for key, field in model.model_fields.items()))
    return ApiError(400, f"unknown parameter {name!r}; known: {known}", parameter=name)


def missing_field(name: str) -> ApiError:
    """The error for a field that a body lacks."""
    return ApiError(400, f"{name!r} is missing", parameter=name)


def _bad_parameter(
    error: ValidationError, model: type[BaseModel], given: dict[str, Any]
) -> ApiError:
    first = error.errors(include_url=False)[0]
    name = str(first["loc"][0])
    if name not in given:  # given by its other name
        name = next(other for other in _OTHER_NAMES if other in given)
    if first["type"] == "extra_forbidden":
        return unknown_parameter(name, model)
    reason = first["msg"].removeprefix("Value error, ")
    return ApiError(400, f"{name}={str(first['input'])[:80]!r}: {reason}", parameter=name)


def _bad_field(error: ValidationError, model: type[BaseModel]) -> ApiError:
    first = error.errors(include_url=False)[0]
    reason = first["msg"].removeprefix("Value error, ")
    if not first["loc"]:
        return ApiError(400, f"{str(first['input'])[:200]}: {reason}")
    name = str(first["loc"][0])
    if first["type"] == "extra_forbidden":
        reason = f"is unknown; known: {', '.join(sorted(model.model_fields))}"
    if first["type"] == "missing":
        return missing_field(name)
    return ApiError(400, f"{name}={str(first['input'])[:80]!r}: {reason}", parameter=name)
