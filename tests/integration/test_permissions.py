"""Who gets what: every route and every callback of the server, asked by everybody."""

from __future__ import annotations

import re
import tempfile
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from flask import Flask

from api.permissions import NEEDED, OPEN_BLUEPRINTS
from app import create_app
from jobs.access import people
from jobs.access.audited import Doer
from jobs.access.roles import Role, Scope
from jobs.runtime import EXTENSION, Foresight
from settings import Settings
from tests.people import newcomer, page_token, sign_out

CALLBACKS = "/dashboard/_dash-update-component"
OPEN = {  # to everybody, and nothing else is; these carry no data
    *("home", "health.healthz", "health.readyz", "door.login", "door.enter"),
    "/dashboard/_dash-component-suites/<string:package_name>/<path:fingerprinted_path>",
    *("/dashboard/_favicon.ico", "_dashboard_dash_assets.static"),
    *("shop.login", "shop.payment", "shop.search", "shop.health"),
}
OPERATORS = {  # and admins
    *("alerts.acknowledge", "calls.post_calls", "models.give_feedback"),
    *("datasets.dataset_rows", "datasets.training_file"),
}
ADMINS = {
    *("ask.ask_in_plain_english", "models.promote", "models.roll_back"),
    *("questions.delete_saved_question", "questions.list_questions"),
    *("questions.list_saved_questions", "questions.save_question"),
}
OPERATORS_CALLBACKS = {"alerts-said", "grid-file"}
ADMINS_CALLBACKS = re.compile(r"ask-|lab-|admin|models-result")
PLACES = {  # values of the variable parts of routes
    "endpoint": "x",
    "path": "models",
    "name": "synthetic",
    "file": "report.txt",
    "question_id": "1",
    "filename": "app.css",
    "package_name": "dash",
    "fingerprinted_path": "x.js",
}


@pytest.fixture(scope="module")
def house() -> Iterator[Flask]:
    """One server for all that only ask; a demo, so that each page is there."""
    with tempfile.TemporaryDirectory() as folder:
        settings = Settings(data_dir=Path(folder), api_limit=0, demo=True, _env_file=None)
        server = create_app(settings)
        yield server
        parts: Foresight = server.extensions[EXTENSION]
        parts.journal.close()
        parts.store.close()


@pytest.fixture(scope="module")
def tokens(house: Flask) -> dict[Role, str]:
    """A token of each role."""
    parts: Foresight = house.extensions[EXTENSION]
    doer = Doer("boss", None, 1)
    return {role: people.create_token(parts, doer, role, role, Scope.ALL, None) for role in Role}


def routes(server: Flask) -> list[tuple[str, str, str]]:
    """Name, method and an address of every route."""
    found = []
    for rule in server.url_map.iter_rules():
        if rule.websocket:
            continue
        path = re.sub(r"<(?:[^:<>]*:)?(\w+)>", lambda place: PLACES[place[1]], rule.rule)
        methods = (rule.methods or set()) - {"HEAD", "OPTIONS"}
        if rule.endpoint != "shop.payment":  # the shop's own login is asked for there
            found += [(rule.endpoint, method, path) for method in sorted(methods)]
    return found


def ask(server: Flask, method: str, path: str, token: str = "", body: Any = None) -> int:
    """Status of the answer; the body is read to its end."""
    headers = {"Authorization": f"Bearer {token}"} if token else {}
    client = server.test_client()
    with client.open(path, method=method, json=body or {}, headers=headers) as answer:
        answer.get_data()
        return answer.status_code


def expected(name: str) -> Role | None:
    if name in OPEN:
        return None
    return Role.ADMIN if name in ADMINS else Role.OPERATOR if name in OPERATORS else Role.VIEWER


def test_every_route_has_a_rule_and_every_rule_a_route(house: Flask) -> None:
    named = {rule.endpoint for rule in house.url_map.iter_rules()}
    own = {name for name in named if name.partition(".")[0] not in OPEN_BLUEPRINTS}
    assert own == set(NEEDED)


def test_a_route_that_somebody_forgets_is_for_admins(tmp_path: Path) -> None:
    server = create_app(Settings(data_dir=tmp_path, _env_file=None))
    server.add_url_rule("/forgotten", "forgotten", lambda: "a secret")
    parts: Foresight = server.extensions[EXTENSION]
    operator = people.create_token(
        parts, Doer("boss", None, 1), "x", Role.OPERATOR, Scope.ALL, None
    )
    assert ask(server, "GET", "/forgotten") == 401
    assert ask(server, "GET", "/forgotten", operator) == 403


def test_strangers_get_what_is_open_and_nothing_else(house: Flask) -> None:
    for name, method, path in routes(house):
        status = ask(house, method, path)
        if expected(name) is None:
            assert status not in (401, 403), (method, path, status)
        else:
            assert status in (401, 302), (method, path, status)


@pytest.mark.parametrize("role", Role)
def test_a_role_gets_what_it_may_and_nothing_else(
    house: Flask, tokens: dict[Role, str], role: Role
) -> None:
    for name, method, path in routes(house):
        needed = expected(name)
        status = ask(house, method, path, tokens[role])
        if needed is None or role.includes(needed):
            if name == "door.change_password":
                assert status == 403, "a token has no password"
            else:
                assert status not in (401, 403), (method, path, status)
        else:
            assert status == 403, (method, path, status)


@pytest.mark.parametrize(
    ("role", "status"), [(Role.VIEWER, 403), (Role.OPERATOR, 200), (Role.ADMIN, 200)]
)
@pytest.mark.parametrize("path", ["/api/logs", "/api/anomalies"])
@pytest.mark.parametrize("kind", ["text/csv", "application/x-ndjson"])
def test_a_list_as_a_file_is_an_export(
    house: Flask, tokens: dict[Role, str], path: str, kind: str, role: Role, status: int
) -> None:
    headers = {"Authorization": f"Bearer {tokens[role]}", "Accept": kind}
    with house.test_client().get(path, headers=headers) as answer:
        answer.get_data()
        assert answer.status_code == status


def callbacks(server: Flask, token: str) -> list[dict[str, Any]]:
    """Every callback that the server runs, as a page learns of them."""
    headers = {"Authorization": f"Bearer {token}"}
    found = server.test_client().get("/dashboard/_dash-dependencies", headers=headers).get_json()
    return [one for one in found if not one["clientside_function"]]


def callback_body(one: dict[str, Any]) -> dict[str, Any]:
    """A request for a callback, with nothing in it."""
    empty = [{"id": part["id"], "property": part["property"]} for part in one["inputs"]]
    state = [{"id": part["id"], "property": part["property"]} for part in one["state"]]
    asked = {"output": one["output"], "outputs": [], "inputs": empty, "state": state}
    return asked | {"changedPropIds": []}


@pytest.mark.parametrize("role", [None, *Role])
def test_a_callback_runs_for_whom_it_may(
    house: Flask, tokens: dict[Role, str], role: Role | None
) -> None:
    found = callbacks(house, tokens[Role.ADMIN])
    assert len(found) > 20
    for one in found:
        name = re.sub(r'^\.*\{.*?"type":"([^"]+)"\}', r"\1", one["output"]).lstrip(".")
        admins = ADMINS_CALLBACKS.match(name) is not None
        operators = name.partition(".")[0] in OPERATORS_CALLBACKS
        needed = Role.ADMIN if admins else Role.OPERATOR if operators else Role.VIEWER
        token = tokens[role] if role else ""
        status = ask(house, "POST", CALLBACKS, token, callback_body(one))
        if role is None:
            assert status == 401, name
        elif role.includes(needed):
            assert status not in (401, 403), (name, status)
        else:
            assert status == 403, (name, status)


@pytest.mark.parametrize("output", ["", "..", "unheard-of.children", '{"type":1}.x', "{.x", "a"])
def test_a_callback_that_is_none_is_for_admins(
    house: Flask, tokens: dict[Role, str], output: str
) -> None:
    body = {"output": output, "outputs": [], "inputs": [], "changedPropIds": []}
    assert ask(house, "POST", CALLBACKS, tokens[Role.OPERATOR], body) == 403
    for wrong in ([], {"output": 3}, {"x": 1}):
        assert ask(house, "POST", CALLBACKS, tokens[Role.OPERATOR], wrong) == 400


@pytest.mark.parametrize("page", ["/ask", "/lab", "/admin"])
@pytest.mark.parametrize("role", Role)
def test_pages_for_admins_tell_others_so(
    house: Flask, tokens: dict[Role, str], page: str, role: Role
) -> None:
    body = {
        "output": ".._pages_content.children..._pages_store.data..",
        "outputs": [
            {"id": "_pages_content", "property": "children"},
            {"id": "_pages_store", "property": "data"},
        ],
        "inputs": [
            {"id": "_pages_location", "property": "pathname", "value": f"/dashboard{page}"},
            {"id": "_pages_location", "property": "search", "value": ""},
        ],
        "changedPropIds": ["_pages_location.pathname"],
    }
    headers = {"Authorization": f"Bearer {tokens[role]}"}
    answer = house.test_client().post(CALLBACKS, json=body, headers=headers)
    assert answer.status_code == 200
    assert ("for the role admin" in answer.text) is (role is not Role.ADMIN)


def cookies() -> dict[str, str]:
    """Session cookies that nobody was given."""
    from flask import Flask as Other
    from flask.sessions import SecureCookieSessionInterface

    forger = Other("forger")
    forger.secret_key = "k" * 48
    signer = SecureCookieSessionInterface().get_signing_serializer(forger)
    assert signer is not None
    return {
        "empty": "",
        "noise": "x" * 500,
        "unsigned": "eyJfdXNlcl9pZCI6IjEifQ.Z0000A.AAAAAAAAAAAAAAAAAAAAAAAAAAA",
        "another key": signer.dumps({"_user_id": "1.1.1.1", "user": "admin"}),
    }


@pytest.mark.parametrize("kind", cookies())
def test_a_forged_cookie_opens_nothing(house: Flask, kind: str) -> None:
    for name, method, path in routes(house):
        if expected(name) is None:
            continue
        forger = house.test_client()
        forger.set_cookie("foresight_session", cookies()[kind])
        assert forger.open(path, method=method, json={}).status_code in (401, 302), path


@pytest.mark.parametrize(
    "session_id", ["", "1", "1.2.3", "x.y.z.w", "1.1.1.1", "9.9.9.9", "1.x.1.1"]
)
def test_a_session_id_that_was_never_given_opens_nothing(house: Flask, session_id: str) -> None:
    person = house.test_client()
    with person.session_transaction() as session:
        session["_user_id"] = session_id
    assert person.get("/api/stats").status_code == 401


def test_a_stale_cookie_opens_nothing(tmp_path: Path) -> None:
    server = create_app(Settings(data_dir=tmp_path, api_limit=0, _env_file=None))
    person = newcomer(server, Role.ADMIN)
    cookie = person.get_cookie("foresight_session")
    assert cookie is not None
    assert person.get("/api/stats").status_code == 200
    sign_out(person)
    for name, method, path in routes(server):
        if expected(name) is not None:
            late = server.test_client()
            late.set_cookie("foresight_session", cookie.value)
            assert late.open(path, method=method, json={}).status_code in (401, 302), path


def test_a_change_by_a_session_wants_the_token_of_the_page(tmp_path: Path) -> None:
    server = create_app(Settings(data_dir=tmp_path, api_limit=0, _env_file=None))
    person = newcomer(server, Role.ADMIN)
    changing = [
        (method, path)
        for name, method, path in routes(server)
        if method != "GET" and expected(name) is not None and name != "door.logout"
    ]
    assert len(changing) > 8
    for method, path in changing:
        assert person.open(path, method=method, json={}).status_code == 403, path
        wrong = {"X-CSRFToken": "wrong"}
        assert person.open(path, method=method, json={}, headers=wrong).status_code == 403, path
    assert person.post("/auth/logout").status_code == 403
    for method, path in changing:
        status = person.open(path, method=method, json={}, headers=page_token(person)).status_code
        assert status != 403, (path, status)


def test_the_token_of_another_person_s_page_is_worth_nothing(house: Flask) -> None:
    one, other = newcomer(house, Role.ADMIN, "one"), newcomer(house, Role.ADMIN, "two")
    taken = page_token(other)
    assert one.post("/api/admin/query", json={"query": "x"}, headers=taken).status_code == 403
