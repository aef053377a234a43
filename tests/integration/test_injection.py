"""SQL and templates in all that the API takes: none is run, none is calculated."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from typing import Any, Final
from urllib.parse import quote, urlencode

import pytest
from flask import Flask
from flask.testing import FlaskClient
from werkzeug.test import TestResponse

from jobs import forgetting, scoring
from jobs.access.audited import Doer
from jobs.runtime import EXTENSION, Foresight
from ml.bundle import Bundle
from tests import hostile
from tests.hostile import Watch
from tests.rows import MINUTE, T0
from tests.server import TOKEN

INNOCENT: Final = "nobody-is-called-so"


@pytest.fixture
def parts(attacked: Flask) -> Foresight:
    found: Foresight = attacked.extensions[EXTENSION]
    return found


@pytest.fixture
def client(attacked: Flask) -> FlaskClient:
    """A program that is an admin."""
    known = attacked.test_client()
    known.environ_base["HTTP_AUTHORIZATION"] = f"Bearer {TOKEN}"
    return known


def rows_of(answer: TestResponse) -> int:
    """Rows of an answer to a reading request; an error has none."""
    if answer.status_code != 200:
        return 0
    if not answer.is_json:
        return len(answer.text.splitlines())
    told = answer.get_json()
    if "items" in told:
        return len(told["items"])
    return int(told.get("total_calls", told.get("calls", 0)))


def operations(client: FlaskClient) -> list[tuple[str, str, dict[str, Any]]]:
    document = client.get("/api/openapi.json").get_json()
    found = [
        (method.upper(), path, operation)
        for path, methods in document["paths"].items()
        for method, operation in methods.items()
        if path != "/ws"  # needs a real server
    ]
    assert len(found) > 25
    return found


def filled_in(path: str, operation: Mapping[str, Any], values: Mapping[str, str]) -> str:
    """The address with the values of its parameters; those of the path have ordinary ones."""
    ordinary = {"endpoint": "search", "name": "own", "file": "report.txt", "question_id": "1"}
    places = {p["name"]: p["in"] for p in operation["parameters"]}
    address = re.sub(r"{(\w+)}", lambda m: quote(values.get(m[1], ordinary[m[1]]), safe=""), path)
    query = {name: value for name, value in values.items() if places[name] == "query"}
    return f"{address}?{urlencode(query)}" if query else address


def test_no_parameter_of_the_api_is_run_or_calculated(
    client: FlaskClient, parts: Foresight
) -> None:
    watch = Watch(parts)
    for method, path, operation in operations(client):
        if method != "GET":
            continue
        for parameter in operation["parameters"]:
            name, place = parameter["name"], parameter["in"]
            innocent = rows_of(watch(client, "GET", filled_in(path, operation, {name: INNOCENT})))
            for text in hostile.texts(parts.store):
                assert place in ("path", "query")
                answer = watch(client, "GET", filled_in(path, operation, {name: text}))
                assert rows_of(answer) <= innocent, (path, name, text, answer.text[:300])
    assert watch.grown().keys() <= {"audit"}  # exports are noted
    assert watch.asked > 300


def body_fields(operation: Mapping[str, Any], schemas: Mapping[str, Any]) -> Iterator[Any]:
    """Bodies of an operation: its example, and the example with one field left out for a text."""
    content = operation.get("requestBody", {}).get("content", {}).get("application/json")
    if content is None:
        return
    example = next(iter(content["examples"].values()))["value"]
    schema = schemas[content["schema"]["$ref"].rpartition("/")[2]]
    many = schema.get("type") == "array"
    if many:
        one = next(part for part in schema["items"]["anyOf"] if "$ref" in part)
        example, schema = example[0], schemas[one["$ref"].rpartition("/")[2]]
    for name in schema["properties"]:
        yield lambda text, name=name: [example | {name: text}] if many else example | {name: text}


def test_no_field_of_a_body_is_run_or_calculated(client: FlaskClient, parts: Foresight) -> None:
    watch, accepted, fields = Watch(parts), 0, 0
    schemas = client.get("/api/openapi.json").get_json()["components"]["schemas"]
    for method, path, operation in operations(client):
        if method == "GET":
            continue
        address = filled_in(path, operation, {})
        for body in body_fields(operation, schemas):
            fields += 1
            for text in hostile.texts(parts.store):
                answer = watch(client, method, address, json=body(text))
                if path == "/api/calls":
                    accepted += answer.get_json()["accepted"]
        for parameter in operation["parameters"]:
            for text in hostile.texts(parts.store):
                value = text.encode().decode("latin-1")
                if parameter["in"] == "header":
                    sent = {"headers": {parameter["name"]: value}, "json": []}
                    watch(client, method, address, **sent)
                else:
                    watch(client, method, filled_in(path, operation, {parameter["name"]: text}))
    assert fields > 20
    assert accepted > 0
    assert watch.grown()["api_log"] == accepted


def test_a_stored_text_is_found_by_exactly_itself(
    client: FlaskClient, parts: Foresight, factory: Bundle
) -> None:
    attacks = hostile.texts(parts.store)
    ordinary = {"timestamp": T0 + MINUTE, "method": "GET", "status_code": 500}
    calls = [
        ordinary | {"path": f"/p{at}", "endpoint": f"/{text}", "user_id": text, "ip_address": "::1"}
        for at, text in enumerate(attacks)
    ]
    assert client.post("/api/calls", json=calls).get_json()["accepted"] == len(attacks)
    late = T0 + 3 * MINUTE + scoring.GRACE_MS
    scoring.score_all(parts.store, "v", factory, lambda: late, min_calls=5)
    watch = Watch(parts)
    for text in attacks:
        for path in ("logs?user_id=", "logs?client=", "anomalies?client="):
            answer = watch(client, "GET", f"/api/{path}{quote(text, safe='')}")
            assert rows_of(answer) == 1, (path, text, answer.text[:300])
    stored = {call["endpoint"] for call in client.get("/api/logs").get_json()["items"]}
    assert len(stored) > len(attacks) / 2
    for endpoint in stored - {"/search", "/"}:
        for path in ("logs?endpoint=", "anomalies?endpoint="):
            answer = watch(client, "GET", f"/api/{path}{quote(endpoint, safe='')}")
            assert {row["endpoint"] for row in answer.get_json()["items"]} == {endpoint}
        watch(client, "GET", f"/api/analytics/endpoint/{quote(endpoint[1:], safe='')}")
    assert watch.grown() == {}
    for text in attacks:
        forgotten = forgetting.forget_client(parts, text, Doer("boss", None, T0))
        assert forgotten["rows"]["calls"] == 1, (text, forgotten)
    left = hostile.census(parts.store)["api_log"]
    assert left == watch.before["api_log"] - len(attacks)


QUESTIONS: Final = {  # with an attack in its place -> without one
    "{0}": None,
    "errors on /search{0}": "errors on /search",
    "errors on /search {0}": "errors on /search",
    "calls of user u1{0}": "calls of user u1",
    'calls of user "{0}"': "calls",
    "requests from {0} since 2026-03-18": "requests since 2026-03-18",
    "high risk endpoints {0}": "high risk endpoints",
    "how many calls per client where user is {0}": "how many calls per client",
}


def test_a_question_that_attacks_is_refused_or_means_no_more_than_it_says(
    client: FlaskClient, parts: Foresight
) -> None:
    watch, refused = Watch(parts), 0

    def ask(text: str) -> TestResponse:
        body = {"query": text, "now": T0 + 10 * MINUTE}
        return watch(client, "POST", "/api/admin/query", json=body)

    for question, plain in QUESTIONS.items():
        control = ask(plain) if plain else None
        most = control.get_json()["count"] if control and control.status_code == 200 else 0
        for text in hostile.texts(parts.store):
            answer = ask(question.replace("{0}", text))
            refused += answer.status_code == 422
            if answer.status_code == 200:
                told = answer.get_json()
                assert told["count"] <= most, (question, text, told["interpretation"])
                assert "password_hash" not in told["columns"]
    grown = watch.grown()
    assert grown.keys() == {"question", "audit"}
    assert grown["question"] == grown["audit"] == watch.asked
    assert refused > watch.asked / 2


def test_saved_questions_keep_what_was_written(client: FlaskClient, parts: Foresight) -> None:
    watch = Watch(parts)
    for text in hostile.texts(parts.store):
        body = {"name": text, "text": f"errors {text}"}
        assert watch(client, "POST", "/api/questions/saved", json=body).status_code == 201
    saved = client.get("/api/questions/saved").get_json()["items"]
    assert {row["name"] for row in saved} == set(hostile.texts(parts.store))
    assert watch.grown() == {"saved_question": len(saved)}
