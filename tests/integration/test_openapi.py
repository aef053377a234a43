"""The OpenAPI document: every route of the product's own is in it, as it is."""

from __future__ import annotations

import json
import re
from collections.abc import Iterator
from typing import Any

import jsonschema_rs
import pytest
from flask import Flask
from flask.testing import FlaskClient

from api import schemas
from api.openapi import TAGS
from app import is_own
from ingest.hooks import endpoint_template
from jobs.runtime import Foresight
from store import lists, writes
from store.tables import api_log
from tests.rows import T0, call, window

T0_ISO = "2026-03-18T15:30:00.000Z"


@pytest.fixture
def document(client: FlaskClient) -> dict[str, Any]:
    """The document as it is served."""
    answer = client.get("/api/openapi.json")
    assert answer.status_code == 200
    found: dict[str, Any] = answer.get_json()
    return found


@pytest.fixture
def filled(parts: Foresight) -> Foresight:
    """A call, and windows with all that a window may have."""
    reason = {
        "feature": "error_rate",
        "value": 1,
        "low": 0,
        "high": 0.04,
        "share": 0.7,
        "text": "-",
    }
    cause = {"client": "u1", "drop": 0.7, "risk_without": 0.1, "calls": 9, "together": 1}
    risky = {"risk_score": 0.8, "priority": "HIGH", "is_anomaly": 1}
    key = {"subject": "client", "endpoint": "*", "method": "*", "client": "u1"}
    with parts.store.begin() as connection:
        writes.add_calls(connection, [call(T0), call(T0, user_id="u1")], parts.store.grid)
        rows = [
            window(**risky, reasons=json.dumps([reason]), causes=json.dumps([cause])),
            window(**key, usage_cluster="bot", bot_score=0.9, avg_response_time=None),
        ]
        writes.save_windows(connection, rows)
    return parts


def operations(document: dict[str, Any]) -> Iterator[tuple[str, str, dict[str, Any]]]:
    for path, methods in document["paths"].items():
        for method, operation in methods.items():
            yield path, method.upper(), operation


def problems(document: dict[str, Any], schema: dict[str, Any], value: Any) -> list[str]:
    whole = {**schema, "components": document["components"]}
    validator = jsonschema_rs.Draft202012Validator(whole)
    return [f"{error.instance_path}: {error.message}" for error in validator.iter_errors(value)]


def test_every_own_route_is_described_and_nothing_else(
    app: Flask, document: dict[str, Any]
) -> None:
    own = {
        (endpoint_template(rule.rule), method)
        for rule in app.url_map.iter_rules()
        for method in (rule.methods or set()) - {"HEAD", "OPTIONS"}
        if is_own(rule) and rule.rule != "/" and not rule.rule.startswith(("/dashboard/", "/auth/"))
    }
    assert own == {(path, method) for path, method, _ in operations(document)}


def test_each_operation_says_what_it_is(document: dict[str, Any]) -> None:
    found = list(operations(document))
    for path, method, operation in found:
        assert operation["tags"][0] in TAGS, path
        assert operation["summary"], path
        assert operation["description"], (method, path)
    names = [operation["operationId"] for _, _, operation in found]
    assert len(names) == len(set(names))


def test_each_parameter_and_field_says_what_it_is(document: dict[str, Any]) -> None:
    for path, _, operation in operations(document):
        for parameter in operation["parameters"]:
            assert parameter["description"], (path, parameter["name"])
    for name, schema in document["components"]["schemas"].items():
        for field, said in schema.get("properties", {}).items():
            assert {"description", "$ref", "items", "const"} & said.keys(), (name, field)


def test_each_json_has_an_example_that_its_schema_allows(document: dict[str, Any]) -> None:
    for path, _, operation in operations(document):
        contents = [answer.get("content", {}) for answer in operation["responses"].values()]
        contents.append(operation.get("requestBody", {}).get("content", {}))
        for body in (c["application/json"] for c in contents if "application/json" in c):
            for example in body["examples"].values():
                assert problems(document, body["schema"], example["value"]) == [], path


def test_only_the_health_routes_are_open(document: dict[str, Any]) -> None:
    for path, _, operation in operations(document):
        is_open = path in ("/healthz", "/readyz")
        assert ("401" in operation["responses"]) is not is_open, path
        assert operation.get("security") == ([] if is_open else None), path


def test_references_lead_somewhere(document: dict[str, Any]) -> None:
    names = set(re.findall(r'"#/components/schemas/(\w+)"', str(document).replace("'", '"')))
    assert names <= set(document["components"]["schemas"])


@pytest.mark.usefixtures("filled")
def test_answers_are_as_described(client: FlaskClient, document: dict[str, Any]) -> None:
    seen = 0
    for path, method, operation in operations(document):
        described = operation["responses"].get("200", {}).get("content", {})
        if method != "GET" or "application/json" not in described:
            continue
        answer = client.get(path.replace("{endpoint}", "search"))
        assert answer.status_code == 200, path
        schema = described["application/json"]["schema"]
        assert problems(document, schema, answer.get_json()) == [], path
        seen += 1
    assert seen >= 11


def test_a_verdict_and_its_list_are_as_described(
    client: FlaskClient, filled: Foresight, document: dict[str, Any]
) -> None:
    page = lists.windows_page(filled.store, lists.Filters(), 1)
    body = {"window_id": page.items[0]["id"], "verdict": "confirmed"}
    given = client.post("/api/feedback", json=body)
    assert given.status_code == 201
    of = {"$ref": "#/components/schemas/GivenVerdict"}
    assert problems(document, of, given.get_json()) == []
    assert problems(document, of, client.get("/api/feedback").get_json()["items"][0]) == []


def test_the_example_of_a_batch_is_a_call(client: FlaskClient, document: dict[str, Any]) -> None:
    body = document["paths"]["/api/calls"]["post"]["requestBody"]["content"]["application/json"]
    for example in body["examples"].values():
        answer = client.post("/api/calls", json=example["value"])
        assert (answer.status_code, answer.get_json()["accepted"]) == (202, 1)
        schema = {"$ref": "#/components/schemas/BatchCounts"}
        assert problems(document, schema, answer.get_json()) == []


def test_lists_are_described_with_all_their_columns() -> None:
    windows = set(lists.select_windows().selected_columns.keys())
    assert set(schemas.Window.model_fields) == windows
    assert set(schemas.LoggedCall.model_fields) == set(api_log.c.keys()) - {"identity"}


@pytest.mark.parametrize("path", ["stats", "logs", "anomalies", "models/drift", "feedback"])
def test_a_range_that_ends_before_it_starts_is_empty(client: FlaskClient, path: str) -> None:
    answer = client.get(f"/api/{path}?from={T0_ISO}&to={T0 - 1}")
    assert answer.status_code == 200
    assert answer.get_json().get("items", []) == []


def test_the_last_hour_of_all_can_be_asked_for(client: FlaskClient) -> None:
    answer = client.get("/api/models/scorecard?to=9999-12-31T23:59:59Z")
    assert answer.get_json()["range"]["to"] == "9999-12-31T23:59:59.999Z"


def test_a_whole_number_may_have_a_point_in_json(client: FlaskClient) -> None:
    answer = client.post("/api/feedback", json={"window_id": 17.0, "verdict": "confirmed"})
    assert answer.status_code == 404
    key = {"timestamp": float(T0), "subject": "client", "client": "u1", "verdict": "confirmed"}
    assert client.post("/api/feedback", json=key).status_code == 404


def test_who_is_not_logged_in_is_led_from_the_page_to_the_login(stranger: FlaskClient) -> None:
    answer = stranger.get("/api/docs")
    assert (answer.status_code, answer.location) == (302, "/auth/login?next=/api/docs")
    assert stranger.get("/api/openapi.json").status_code == 401


def test_the_page_has_no_script_of_its_own_and_names_no_host(client: FlaskClient) -> None:
    page = client.get("/api/docs").text
    scripts = re.findall(r"<script(.*?)</script>", page, re.DOTALL)
    assert scripts
    assert [s for s in scripts if not re.fullmatch(r' src="/dashboard/[^"]+"( defer)?>', s)] == []
    assert not re.search(r"https?://", page)
