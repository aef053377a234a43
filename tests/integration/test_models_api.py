"""Model versions and feedback over REST and on the command line."""

from __future__ import annotations

import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from click.testing import Result
from flask import Flask
from flask.testing import FlaskClient

from jobs.access.roles import Role
from jobs.runtime import Foresight
from jobs.versions import before, roll_back
from ml.bundle import Bundle
from ml.registry import UnknownVersionError
from store import writes
from tests.integration.conftest import running_app
from tests.people import newcomer, page_token
from tests.rows import MINUTE, T0, window

T0_ISO = "2026-03-18T15:30:00.000Z"
SEARCH = {"timestamp": T0_ISO, "subject": "endpoint", "endpoint": "/search", "method": "get"}
USER = {"timestamp": T0, "subject": "client", "client": "u1"}


@pytest.fixture
def app(tmp_path: Path, store_url: str) -> Iterator[Flask]:
    """An app on each kind of database."""
    with running_app(tmp_path, store_url) as server:
        yield server


@pytest.fixture
def windows(parts: Foresight) -> None:
    """A HIGH window of an endpoint and a LOW one of a client."""
    with parts.store.begin() as connection:
        client = {"subject": "client", "endpoint": "*", "method": "*", "client": "u1"}
        rows = [window(risk_score=0.9, priority="HIGH"), window(**client)]
        writes.save_windows(connection, rows)


@pytest.fixture
def versions(parts: Foresight) -> tuple[str, str]:
    """Two own versions, the later one current. Nothing here looks into a bundle."""
    saved = [
        parts.models.save(Bundle({name: None}, None), {"created_at": f"2026-03-0{day}T15:30:00"})  # type: ignore[dict-item, arg-type]
        for day, name in ((1, "a"), (2, "b"))
    ]
    return saved[0], saved[1]


def post(client: FlaskClient, path: str, body: Any, status: int) -> Any:
    answer = client.post(path, json=body)
    assert answer.status_code == status, answer.text
    return answer.get_json()


def get(client: FlaskClient, path: str) -> Any:
    answer = client.get(path)
    assert answer.status_code == 200, answer.text
    return answer.get_json()


@pytest.mark.usefixtures("windows")
@pytest.mark.parametrize(
    ("which", "subject"),
    [({"window_id": 1}, "endpoint"), (SEARCH, "endpoint"), (USER, "client")],
    ids=["id", "endpoint", "client"],
)
def test_a_verdict_answers_with_its_row(
    client: FlaskClient, which: dict[str, Any], subject: str
) -> None:
    row = post(client, "/api/feedback", {**which, "verdict": "false_alarm"}, 201)
    assert (row["timestamp"], row["subject"], row["who"]) == (T0_ISO, subject, "API token")
    assert (row["verdict"], row["features"]["req_count"]) == ("false_alarm", 10)
    assert row["at"].endswith("Z")
    assert get(client, "/api/feedback")["items"] == [row]
    assert get(client, "/api/models")["feedback"] == {"false_alarm": 1, "confirmed": 0}


@pytest.mark.usefixtures("windows")
def test_the_last_verdict_replaces_the_one_before(client: FlaskClient) -> None:
    post(client, "/api/feedback", {"window_id": 1, "verdict": "false_alarm"}, 201)
    post(client, "/api/feedback", {"window_id": 1, "verdict": "confirmed"}, 201)
    assert [i["verdict"] for i in get(client, "/api/feedback")["items"]] == ["confirmed"]
    assert get(client, "/api/feedback?verdict=false_alarm")["items"] == []


@pytest.mark.usefixtures("windows")
def test_feedback_is_listed_page_by_page(client: FlaskClient) -> None:
    for number in (1, 2):
        post(client, "/api/feedback", {"window_id": number, "verdict": "confirmed"}, 201)
    first = get(client, "/api/feedback?limit=1")
    rest = get(client, f"/api/feedback?limit=1&cursor={first['next_cursor']}")
    assert [i["subject"] for i in first["items"] + rest["items"]] == ["client", "endpoint"]
    assert rest["next_cursor"] is None
    assert len(get(client, "/api/feedback?subject=client&from=2026-03-18")["items"]) == 1
    assert get(client, f"/api/feedback?from={T0 + MINUTE}")["items"] == []


@pytest.mark.parametrize(
    ("body", "says"),
    [
        ({"window_id": 1, "verdict": "maybe"}, "verdict='maybe'"),
        ({"window_id": 1}, "'verdict' is missing"),
        ({"window_id": "1", "verdict": "confirmed"}, "window_id='1'"),
        ({"window_id": 0, "verdict": "confirmed"}, "window_id='0'"),
        ({"window_id": 2**63, "verdict": "confirmed"}, "window_id='9223372036854775808'"),
        ({"window_id": 1, "verdict": "confirmed", "colour": "red"}, "colour='red'"),
        ({"window_id": 1, "verdict": "confirmed", **USER}, "window_id=1 or the key, not both"),
        ({"verdict": "confirmed"}, "give window_id, or"),
        ({**USER, "client": None, "verdict": "confirmed"}, "give window_id, or"),
        ({**SEARCH, "method": None, "verdict": "confirmed"}, "give window_id, or"),
        ({**SEARCH, "timestamp": "today", "verdict": "confirmed"}, "timestamp='today'"),
        ({**USER, "client": "a\0b", "verdict": "confirmed"}, "client="),
        ({**SEARCH, "subject": "ship", "verdict": "confirmed"}, "subject='ship'"),
        (["confirmed"], "must be a JSON object, it is b'[\"confirmed\"]'"),
        ("text", "must be a JSON object"),
    ],
)
def test_a_wrong_verdict_is_refused_with_the_value(
    client: FlaskClient, body: Any, says: str
) -> None:
    error = post(client, "/api/feedback", body, 400)["error"]
    assert error["code"] == "bad_request"
    assert says in error["message"]


def test_a_verdict_on_no_window_is_not_found(client: FlaskClient) -> None:
    error = post(client, "/api/feedback", {"window_id": 17, "verdict": "confirmed"}, 404)["error"]
    assert "17" in error["message"]
    error = post(client, "/api/feedback", {**USER, "verdict": "confirmed"}, 404)["error"]
    assert "'u1'" in error["message"]


def test_a_body_that_is_no_json_or_too_large_is_refused(client: FlaskClient) -> None:
    assert client.post("/api/feedback", data=b"{").status_code == 400
    assert client.post("/api/feedback", data=b" " * 70_000).status_code == 413


def test_versions_are_listed_with_manifest_and_the_current_one(
    client: FlaskClient, versions: tuple[str, str]
) -> None:
    found = get(client, "/api/models")
    assert found["current"] == versions[1]
    own = [(v["version"], v["current"]) for v in found["versions"] if not v["factory"]]
    assert own == [(versions[1], True), (versions[0], False)]
    assert found["versions"][0]["manifest"]["created_at"] == "2026-03-02T15:30:00"
    assert found["versions"][-1]["factory"]
    assert found["events"] == []


def test_a_version_is_promoted_and_rolled_back_with_events(
    client: FlaskClient, parts: Foresight, versions: tuple[str, str]
) -> None:
    a, b = versions
    assert post(client, "/api/models/promote", {"version": a}, 200) == {"current": a}
    assert parts.models.version() == a
    assert post(client, "/api/models/rollback", None, 200) == {"current": b}
    assert parts.models.version() == b
    events = get(client, "/api/models")["events"]
    told = [(event["version"], event["event"], event["who"]) for event in events]
    assert told == [(b, "rolled_back", "API token"), (a, "promoted", "API token")]


def test_the_version_before_is_known_before_rolling_back(
    parts: Foresight, versions: tuple[str, str]
) -> None:
    a, b = versions
    assert before(parts.models) == a
    parts.models.rollback()
    factory = next(version.name for version in parts.models.versions() if version.is_factory)
    assert before(parts.models) == factory
    parts.models.rollback()
    assert before(parts.models) is None
    parts.models.promote(b)
    assert before(parts.models) == factory


def test_a_rollback_to_another_version_than_was_expected_changes_nothing(
    parts: Foresight, versions: tuple[str, str]
) -> None:
    a, b = versions
    noted: dict[str, Any] = {"who": "admin", "reason": "by hand", "at": T0}
    with pytest.raises(UnknownVersionError, match=a):
        roll_back(parts.store, parts.models, to=b, **noted)
    assert parts.models.version() == b
    assert roll_back(parts.store, parts.models, to=a, **noted) == a


def test_an_unknown_version_is_not_found_and_no_event(
    client: FlaskClient, versions: tuple[str, str]
) -> None:
    error = post(client, "/api/models/promote", {"version": "../../etc"}, 404)["error"]
    assert "'../../etc'" in error["message"]
    assert versions[0] in error["message"]
    assert get(client, "/api/models")["events"] == []


def test_without_an_earlier_version_a_rollback_is_a_conflict(client: FlaskClient) -> None:
    assert post(client, "/api/models/rollback", None, 409)["error"]["code"] == "conflict"


@pytest.mark.parametrize("path", ["/api/feedback", "/api/models/promote", "/api/models/rollback"])
def test_strangers_and_other_sites_change_nothing(app: Flask, path: str) -> None:
    assert app.test_client().post(path, json={}).status_code == 401
    person = newcomer(app, Role.ADMIN)
    evil = page_token(person) | {"Origin": "https://evil.example"}
    assert person.post(path, json={}, headers=evil).status_code == 403


@pytest.mark.usefixtures("windows")
def test_a_verdict_in_a_session_names_its_user(app: Flask) -> None:
    person = newcomer(app, Role.OPERATOR)
    verdict = {"window_id": 1, "verdict": "confirmed"}
    answer = person.post("/api/feedback", json=verdict, headers=page_token(person))
    assert (answer.status_code, answer.get_json()["who"]) == (201, "ann")


def flask(app: Flask, *command: str) -> Result:
    """`flask ...`, as the command line runs it."""
    with app.app_context():
        return app.test_cli_runner().invoke(args=command)


def test_the_commands_list_promote_and_roll_back(app: Flask, versions: tuple[str, str]) -> None:
    a, b = versions
    assert json.loads(flask(app, "models", "promote", a).stdout) == {"current": a}
    listed = json.loads(flask(app, "models", "list").stdout)
    assert [v["version"] for v in listed if v["current"]] == [a]
    assert json.loads(flask(app, "models", "rollback").stdout) == {"current": b}


def test_the_commands_quote_an_unknown_version(app: Flask, versions: tuple[str, str]) -> None:
    result = flask(app, "models", "promote", "nine")
    assert result.exit_code == 1
    assert result.stdout == ""
    assert "no version 'nine'" in result.stderr
    assert versions[0] in result.stderr


def test_training_on_an_empty_store_says_what_is_needed(app: Flask) -> None:
    result = flask(app, "train", "--from", "stored")
    assert result.exit_code == 1
    assert "0 normal endpoint windows" in result.stderr
    assert "200 are needed" in result.stderr
