"""Query parameters of the REST API, checked; an error names the parameter and quotes the value."""

from __future__ import annotations

import base64
import binascii
from typing import Annotated, Any, Literal, TypeVar

from flask import request
from pydantic import (
    AliasChoices,
    BaseModel,
    BeforeValidator,
    ConfigDict,
    Field,
    ValidationError,
    ValidationInfo,
    field_validator,
)

from api.errors import ApiError
from store.lists import Filters
from store.times import epoch_ms, iso

_OTHER_NAMES = ("status", "cluster")  # short forms of status_code and usage_cluster
_MAX_ID = 2**63 - 1


def _after(cursor: object) -> tuple[int, int]:
    try:
        at, row_id = map(int, base64.urlsafe_b64decode(str(cursor).encode()).split(b"."))
        if not (0 <= at <= _MAX_ID and 0 <= row_id <= _MAX_ID):
            raise ValueError
        return at, row_id
    except (ValueError, binascii.Error, UnicodeEncodeError):
        raise ValueError("must be the next_cursor of an earlier answer") from None


def cursor_of(after: tuple[int, int] | None) -> str | None:
    """The opaque cursor for a (timestamp, id)."""
    return None if after is None else base64.urlsafe_b64encode(b"%d.%d" % after).decode()


def _flag(value: object) -> int:
    """0 or 1, as the column holds it: PostgreSQL compares no boolean with an integer."""
    known = {"true": 1, "1": 1, "false": 0, "0": 0}
    if str(value).lower() not in known:
        raise ValueError("must be true or false")
    return known[str(value).lower()]


Instant = Annotated[int, BeforeValidator(epoch_ms)]
Cursor = Annotated[tuple[int, int], BeforeValidator(_after)]
Upper = BeforeValidator(lambda value: str(value).upper())
Lower = BeforeValidator(lambda value: str(value).lower())
Text = Annotated[str, Field(min_length=1, max_length=300, pattern=r"^[^\x00]*$")]


class RangeQuery(BaseModel):
    """A time range [from, to); without it all data."""

    model_config = ConfigDict(extra="forbid")
    start: Instant | None = Field(None, alias="from")
    end: Instant | None = Field(None, alias="to")

    @field_validator("end")
    @classmethod
    def _not_before_start(cls, end: int | None, info: ValidationInfo) -> int | None:
        start = info.data.get("start")
        if start is not None and end is not None and end < start:
            raise ValueError(f"must not be before from ({iso(start)})")
        return end


class EndpointQuery(RangeQuery):
    """Range and method of the endpoint analytics."""

    method: Annotated[Text, Upper] | None = None


class ListQuery(RangeQuery):
    """Range, page and the filters that calls and windows share."""

    limit: int = Field(100, ge=1, le=1000)
    cursor: Cursor | None = None
    endpoint: Text | None = None
    method: Annotated[Text, Upper] | None = None
    client: Text | None = None

    def filters(self) -> Filters:
        """The conditions for `store.views`."""
        return Filters(**self.model_dump(exclude={"limit", "cursor"}))


class WindowsQuery(ListQuery):
    """Filters of `GET /api/anomalies`."""

    subject: Annotated[Literal["endpoint", "client"], Lower] | None = None
    priority: Annotated[Literal["HIGH", "MEDIUM", "LOW"], Upper] | None = None
    is_anomaly: Annotated[int, BeforeValidator(_flag)] | None = None
    usage_cluster: Annotated[Literal["normal", "heavy", "bot"], Lower] | None = Field(
        None, validation_alias=AliasChoices("usage_cluster", "cluster")
    )


class CallsQuery(ListQuery):
    """Filters of `GET /api/logs`."""

    status_code: int | None = Field(
        None, ge=100, le=999, validation_alias=AliasChoices("status_code", "status")
    )
    source: Annotated[Literal["live", "posted", "import", "simulated"], Lower] | None = None
    ip_address: Text | None = None
    user_id: Text | None = None


Q = TypeVar("Q", bound=BaseModel)


def query_of(model: type[Q]) -> Q:
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


def _bad_parameter(
    error: ValidationError, model: type[BaseModel], given: dict[str, Any]
) -> ApiError:
    first = error.errors(include_url=False)[0]
    name = str(first["loc"][0])
    if name not in given:  # given by its other name
        name = next(other for other in _OTHER_NAMES if other in given)
    if first["type"] == "extra_forbidden":
        known = sorted(field.alias or key for key, field in model.model_fields.items())
        return ApiError(
            400, f"unknown parameter {name!r}; known: {', '.join(known)}", parameter=name
        )
    reason = first["msg"].removeprefix("Value error, ")
    return ApiError(400, f"{name}={str(first['input'])[:80]!r}: {reason}", parameter=name)
