"""`GET /api/openapi.json` and `/api/docs`: the API described, from its routes and its models."""

from __future__ import annotations

import inspect
from collections.abc import Iterator, Mapping, Sequence
from http import HTTPStatus
from typing import Any, Final

from flask import Blueprint, Flask, Response, current_app, jsonify, make_response, render_template
from pydantic import TypeAdapter
from pydantic.json_schema import GenerateJsonSchema, models_json_schema
from werkzeug.routing import Rule

from api import schemas
from api.described import JSON, Operation, described, operation_of
from api.errors import ApiError, error_body
from api.permissions import role_needed
from api.query import missing_field, unknown_parameter
from ingest.hooks import endpoint_template

VERSION: Final = "1.0"
ABOUT: Final = """Foresight logs every call to your API, learns what normal traffic looks like,
and says each minute which endpoints and which clients are a risk.

**Who may ask.** Everything but `/healthz` and `/readyz` wants `Authorization: Bearer TOKEN`
or the session of a person who is logged in; a change by a session also wants the cookie
`_csrf_token` as header `X-CSRFToken`. Tokens are made on the page Admin or by
`flask token create`. Viewers read, operators acknowledge, export and post, admins do all; a token
may be for reading, posting calls or metrics alone, and make 100 requests a second.

**Times** go in as ISO 8601 or epoch milliseconds and come out as ISO 8601 UTC. A range is
`[from, to)`; without it all data are meant.

**Errors** have one shape. A method that a path does not have is 405 with `Allow`, a path that does
not exist 404; an address of more than 8,190 bytes is 414, in the words of the web server."""
TAGS: Final = {
    "Traffic": "What was called, how it went, and how risky it is.",
    "Alerts": "What somebody should look at, and who has.",
    "Posting": "Calls of other services.",
    "Models": "What scores, and how it holds up.",
    "Feedback": "What people say of windows.",
    "Questions": "Questions in plain English.",
    "Data sets": "What the models learn from and are measured on.",
    "Live": "News as it is scored.",
    "Operation": "The state of the server, and this description.",
}
_REF: Final = "#/components/schemas/{model}"
_STORE_AWAY: Final = "the store can't be reached now; calls are kept until it is back"
_TOO_LONG: Final = {  # gunicorn's own answer
    "description": "Request-URI Too Long",
    "content": {"text/html": {"schema": {"type": "string"}}},
}
_HEADERS: Final = {  # of answers with this status
    401: ("WWW-Authenticate", {"type": "string", "examples": ['Bearer realm="foresight"']}),
    429: ("Retry-After", {"type": "integer", "description": "Seconds.", "examples": [1]}),
    503: ("Retry-After", {"type": "integer", "description": "Seconds.", "examples": [5]}),
}


def blueprint() -> Blueprint:
    """The document, made once, and the page for people."""
    routes = Blueprint("openapi", __name__, url_prefix="/api")
    made: list[dict[str, Any]] = []

    @routes.get("/openapi.json")
    @described("Operation", schemas.OpenApiDocument, needs_store=False)
    def openapi_document() -> Response:
        """This description, OpenAPI 3.1.

        Made from the code of the running server.
        """
        if not made:
            made.append(document(current_app))
        return jsonify(made[0])

    @routes.get("/docs")
    @described("Operation", also=("text/html",), needs_store=False)
    def docs() -> Response:
        """This description as a page, on which requests can be tried out.

        For people who are logged in; others are led to the login.
        """
        return make_response(render_template("docs.html"))

    return routes


def document(server: Flask) -> dict[str, Any]:
    """The OpenAPI document of the views of a server that are `described`."""
    found = list(_operations(server))
    definitions = _schemas([operation for _, operation in found])
    paths: dict[str, dict[str, Any]] = {}
    for rule, operation in found:
        for method in sorted((rule.methods or set()) - {"HEAD", "OPTIONS"}):
            described_as = _operation(server, rule, operation, definitions)
            paths.setdefault(endpoint_template(rule.rule), {})[method.lower()] = described_as
    return {
        "openapi": "3.1.0",
        "info": {
            "title": "Foresight",
            "version": VERSION,
            "description": ABOUT,
        },
        "servers": [{"url": "/", "description": "This server."}],
        "tags": [{"name": name, "description": text} for name, text in TAGS.items()],
        "paths": dict(sorted(paths.items())),
        "components": {"schemas": definitions, "securitySchemes": _security_schemes(server)},
        "security": [{"token": []}, {"session": []}],
    }


def _operations(server: Flask) -> Iterator[tuple[Rule, Operation]]:
    for rule in server.url_map.iter_rules():
        operation = operation_of(server.view_functions[rule.endpoint])
        if operation is not None:
            yield rule, operation


class _Schemas(GenerateJsonSchema):
    """Without titles that only repeat the names of fields."""

    def field_title_should_be_set(self, schema: Any) -> bool:  # noqa: ARG002
        """Never."""
        return False


def _schemas(operations: Sequence[Operation]) -> dict[str, Any]:
    answers = [schemas.Error, *(m for o in operations for m in o.answers.values() if m)]
    taken = [model for operation in operations for model in operation.takes.values()]
    models: list[Any] = [(model, "serialization") for model in answers]
    models += [(model, "validation") for model in taken]
    found = models_json_schema(models, ref_template=_REF, schema_generator=_Schemas)[1]
    return dict(sorted(found["$defs"].items()))


def _operation(
    server: Flask, rule: Rule, operation: Operation, definitions: dict[str, Any]
) -> dict[str, Any]:
    view = server.view_functions[rule.endpoint]
    summary, _, text = (inspect.getdoc(view) or "").partition("\n\n")
    name, *words = view.__name__.split("_")
    is_open = role_needed(rule.endpoint) is None
    body = _request_body(operation, definitions)
    return {
        "operationId": name + "".join(word.capitalize() for word in words),
        "tags": [operation.tag],
        "summary": summary.replace("\n", " ").rstrip("."),
        "description": text,
        "parameters": [*_parameters(rule, operation)],
        **({"requestBody": body} if body else {}),
        "responses": {
            str(operation.status): _answer(operation, definitions),
            **{
                str(status): _error(status, message)
                for status, message in sorted(_errors(operation, is_open).items())
            },
            **({"414": _TOO_LONG} if operation.query else {}),
        },
        **({"security": []} if is_open else {}),
    }


def _parameters(rule: Rule, operation: Operation) -> Iterator[dict[str, Any]]:
    in_path = {name: operation.hints[name] for name in sorted(rule.arguments)}
    for place, types in (("path", in_path), ("header", operation.headers)):
        for name, kind in types.items():
            schema = TypeAdapter(kind).json_schema(schema_generator=_Schemas)
            yield _parameter(name, place, schema)
    if operation.query:
        schema = operation.query.model_json_schema(ref_template=_REF, schema_generator=_Schemas)
        for name, field in schema["properties"].items():
            yield _parameter(name, "query", field)


def _parameter(name: str, place: str, schema: dict[str, Any]) -> dict[str, Any]:
    """A parameter that is not given is absent, never null."""
    choices = [choice for choice in schema.get("anyOf", ()) if choice != {"type": "null"}]
    if len(choices) == 1:
        schema = {name: value for name, value in schema.items() if name != "anyOf"} | choices[0]
    elif choices:
        schema = schema | {"anyOf": choices}
    kept = {name: value for name, value in schema.items() if name not in ("default", "description")}
    default = {} if schema.get("default") is None else {"default": schema["default"]}
    return {
        "name": name,
        "in": place,
        "required": place == "path",
        "description": schema.get("description", ""),
        "schema": kept | default,
    }


def _request_body(operation: Operation, definitions: dict[str, Any]) -> dict[str, Any]:
    content: dict[str, Any] = {}
    for kind, model in operation.takes.items():
        schema = {"$ref": _REF.format(model=model.__name__)}
        content[kind] = {"schema": schema}
        if kind == JSON:
            content[kind]["examples"] = {"An example": {"value": _example(schema, definitions)}}
    return {"required": True, "content": content} if content else {}


def _answer(operation: Operation, definitions: dict[str, Any]) -> dict[str, Any]:
    content: dict[str, Any] = {}
    for kind, model in operation.answers.items():
        schema = {"$ref": _REF.format(model=model.__name__)} if model else {"type": "string"}
        content[kind] = {"schema": schema}
        if model:
            content[kind]["examples"] = {"An answer": {"value": _example(schema, definitions)}}
    return {"description": HTTPStatus(operation.status).phrase, "content": content}


def _example(schema: Mapping[str, Any], definitions: Mapping[str, Any]) -> Any:
    """An example of a whole answer, made from those of its fields."""
    if "examples" in schema:
        return schema["examples"][0]
    if "$ref" in schema:
        return _example(definitions[schema["$ref"].rpartition("/")[2]], definitions)
    if "anyOf" in schema:
        return _example(schema["anyOf"][0], definitions)
    if schema.get("type") == "array":
        return [_example(schema["items"], definitions)]
    if "const" in schema:
        return schema["const"]
    return {
        name: _example(field, definitions)
        for name, field in schema.get("properties", {}).items()
        if name in schema.get("required", ()) or "examples" in field
    }


def _errors(operation: Operation, is_open: bool) -> dict[int, ApiError]:
    """Status -> example."""
    found: dict[int, ApiError] = {}
    if operation.query:
        found[400] = unknown_parameter("colour", operation.query)
    for model in operation.takes.values():
        required = [name for name, field in model.model_fields.items() if field.is_required()]
        found[400] = missing_field(required[0])
    if not is_open:
        found[401] = ApiError(401, "log in at /auth/login or send 'Authorization: Bearer TOKEN'")
        if operation.needs_store:
            found[503] = ApiError(503, _STORE_AWAY)
        found[403] = ApiError(403, "this needs the role admin; ann is viewer")
        found[429] = ApiError(429, "more than 100 requests a second; wait 1 s")
        if operation.takes:
            found[413] = ApiError(413, "The data value transmitted exceeds the capacity limit.")
    own = {status: ApiError(status, text) for status, text in operation.errors.items()}
    return found | own


def _error(status: int, example: ApiError) -> dict[str, Any]:
    schema = {"$ref": _REF.format(model=schemas.Error.__name__)}
    body = error_body(status, str(example), example.details)
    answer = {
        "description": HTTPStatus(status).phrase,
        "content": {JSON: {"schema": schema, "examples": {"An error": {"value": body}}}},
    }
    if status in _HEADERS:
        name, header = _HEADERS[status]
        answer["headers"] = {name: {"required": status == 401, "schema": header}}
    return answer


def _security_schemes(server: Flask) -> dict[str, Any]:
    return {
        "token": {
            "type": "http",
            "scheme": "bearer",
            "description": "A token of the page Admin, or `FORESIGHT_API_TOKEN` of the server.",
        },
        "session": {
            "type": "apiKey",
            "in": "cookie",
            "name": server.config["SESSION_COOKIE_NAME"],
            "description": "Of a person who is logged in; changes need the header `X-CSRFToken`.",
        },
    }
