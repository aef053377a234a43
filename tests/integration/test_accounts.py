"""Accounts, sessions and tokens: who is let in as what, and when it ends."""

from __future__ import annotations

from pathlib import Path

import pytest
from flask import Flask
from flask.testing import FlaskClient

from app import create_app
from jobs.access import people
from jobs.access.audited import Doer
from jobs.access.register import SESSION_MS
from jobs.access.roles import Role, Scope
from jobs.access.upkeep import note_uses
from jobs.runtime import EXTENSION, Foresight
from settings import Settings
from store import accounts
from tests.people import PASSWORD, page_token, sign_in, sign_out
from tests.server import TOKEN

NOW = 1_763_856_000_000
BOSS = Doer("boss", "10.0.0.1", NOW)
OTHER = "violet tram waits 72"


@pytest.fixture
def parts(app: Flask) -> Foresight:
    found: Foresight = app.extensions[EXTENSION]
    return found


@pytest.fixture
def ann(app: Flask, parts: Foresight) -> FlaskClient:
    """An operator who is signed in."""
    people.add_account(parts, BOSS, "ann", Role.OPERATOR, PASSWORD)
    person = app.test_client()
    assert sign_in(person, PASSWORD, "ann").status_code == 302
    return person


def with_token(app: Flask, text: str) -> FlaskClient:
    program = app.test_client()
    program.environ_base["HTTP_AUTHORIZATION"] = f"Bearer {text}"
    return program


def is_in(person: FlaskClient) -> bool:
    return person.get("/api/stats").status_code == 200


def test_an_account_lets_in_by_name_and_password_alone(app: Flask, ann: FlaskClient) -> None:
    assert is_in(ann)
    for name, password in (("ann", OTHER), ("bob", PASSWORD), ("ann", ""), ("", PASSWORD)):
        assert sign_in(app.test_client(), password, name).status_code == 401
    assert sign_in(app.test_client(), PASSWORD, "ANN").status_code == 302, "names ignore case"


@pytest.mark.parametrize(
    "change",
    [
        lambda parts: people.set_password(parts, BOSS, "ann", OTHER),
        lambda parts: people.change_role(parts, BOSS, "ann", Role.VIEWER),
        lambda parts: people.set_active(parts, BOSS, "ann", False),
        lambda parts: people.end_sessions(parts, BOSS, "ann"),
    ],
    ids=["password", "role", "lock", "everywhere"],
)
def test_a_session_ends_with_what_it_was_given_for(
    ann: FlaskClient, parts: Foresight, change: object
) -> None:
    assert is_in(ann)
    change(parts)  # type: ignore[operator]
    assert not is_in(ann)


def test_a_copied_cookie_ends_with_the_session(app: Flask, ann: FlaskClient) -> None:
    cookie = ann.get_cookie("foresight_session")
    assert cookie is not None
    thief = app.test_client()
    thief.set_cookie("foresight_session", cookie.value)
    assert is_in(thief)
    sign_out(ann)
    assert not is_in(thief)


def test_a_session_of_a_week_ago_is_over(parts: Foresight, ann: FlaskClient) -> None:
    with ann.session_transaction() as session:
        session_id = session["_user_id"]
    begun = int(session_id.split(".")[1])
    assert parts.register.by_session(session_id, begun + SESSION_MS - 1) is not None
    assert parts.register.by_session(session_id, begun + SESSION_MS) is None


def test_a_session_that_was_there_before_is_another_one_afterwards(
    app: Flask, parts: Foresight
) -> None:
    people.add_account(parts, BOSS, "ann", Role.VIEWER, PASSWORD)
    person = app.test_client()
    with person.session_transaction() as session:
        session["planted"] = "by somebody else"
        session["csrf_token"] = "f" * 40
    sign_in(person, PASSWORD, "ann")
    with person.session_transaction() as session:
        assert "planted" not in session
        assert session.get("csrf_token") != "f" * 40


def test_the_password_of_the_setting_ends_sessions_when_it_changes(tmp_path: Path) -> None:
    def server(password: str) -> Flask:
        settings = Settings(data_dir=tmp_path, admin_password=password, _env_file=None)
        return create_app(settings)

    before = server(PASSWORD)
    person = before.test_client()
    assert sign_in(person, PASSWORD).status_code == 302
    cookie = person.get_cookie("foresight_session")
    assert cookie is not None
    for password, expected in ((PASSWORD, True), (OTHER, False)):
        later = server(password).test_client()
        later.set_cookie("foresight_session", cookie.value)
        assert is_in(later) is expected


def test_a_person_changes_their_password_and_stays(app: Flask, ann: FlaskClient) -> None:
    elsewhere = app.test_client()
    sign_in(elsewhere, PASSWORD, "ann")

    def change(old: str, new: str, again: str | None = None) -> int:
        form = {"old": old, "new": new, "again": new if again is None else again}
        return ann.post("/auth/password", data=form, headers=page_token(ann)).status_code

    assert change("not the one", OTHER) == 401
    assert change(PASSWORD, OTHER, "something else") == 400
    assert change(PASSWORD, "short") == 400
    assert change(PASSWORD, "ann-password-1234") == 400
    assert is_in(elsewhere)
    assert change(PASSWORD, OTHER) == 302
    assert is_in(ann)
    assert not is_in(elsewhere)
    assert sign_in(app.test_client(), PASSWORD, "ann").status_code == 401


def test_a_token_lets_in_until_it_is_revoked_or_over(app: Flask, parts: Foresight) -> None:
    text = people.create_token(parts, BOSS, "ci", Role.VIEWER, Scope.ALL, None)
    program = with_token(app, text)
    assert is_in(program)
    with parts.store.read() as connection:
        (stored,) = accounts.all_tokens(connection)
    assert text not in repr(stored)
    assert text.startswith(stored.hint)
    people.revoke_token(parts, BOSS, stored.id)
    assert not is_in(program)
    with pytest.raises(people.RefusedError, match="no token 1"):
        people.revoke_token(parts, BOSS, stored.id)


def test_a_token_ends_at_its_time(parts: Foresight) -> None:
    text = people.create_token(parts, BOSS, "ci", Role.VIEWER, Scope.ALL, NOW + 1000)
    assert parts.register.by_token(text, NOW + 999) is not None
    assert parts.register.by_token(text, NOW + 1000) is None


@pytest.mark.parametrize(
    ("scope", "read", "post", "metrics"),
    [
        ("all", 200, 202, 200),
        ("read", 200, 403, 200),
        ("calls", 403, 202, 403),
        ("metrics", 403, 403, 200),
    ],
)
def test_a_scope_narrows_a_token(
    app: Flask, parts: Foresight, scope: str, read: int, post: int, metrics: int
) -> None:
    text = people.create_token(parts, BOSS, "x", Role.OPERATOR, Scope(scope), None)
    program = with_token(app, text)
    call = {"timestamp": NOW, "method": "GET", "path": "/a", "status_code": 200}
    assert program.get("/api/stats").status_code == read
    assert program.post("/api/calls", json=[call]).status_code == post
    assert program.get("/metrics").status_code == metrics


def test_the_last_use_of_a_token_is_noted(app: Flask, parts: Foresight) -> None:
    text = people.create_token(parts, BOSS, "ci", Role.VIEWER, Scope.ALL, None)
    is_in(with_token(app, text))
    note_uses(parts)
    with parts.store.read() as connection:
        (stored,) = accounts.all_tokens(connection)
    assert stored.last_used_at is not None
    assert stored.last_used_at > NOW


@pytest.mark.parametrize("name", ["", " ", "-x", "a b", "x" * 65, "ä", "a\nb", "<b>", "../x"])
def test_names_that_are_none_are_refused(parts: Foresight, name: str) -> None:
    with pytest.raises(people.RefusedError, match="no user name"):
        people.add_account(parts, BOSS, name, Role.VIEWER, PASSWORD)


def test_what_can_be_of_no_use_is_refused(parts: Foresight) -> None:
    with pytest.raises(people.RefusedError, match="needs the role operator"):
        people.create_token(parts, BOSS, "ci", Role.VIEWER, Scope.CALLS, None)
    for name in ("", "x" * 65, "a\nb", "\ud800"):
        with pytest.raises(people.RefusedError, match="no name of a token"):
            people.create_token(parts, BOSS, name, Role.VIEWER, Scope.ALL, None)
    with pytest.raises(people.RefusedError, match="half a character"):
        people.add_account(parts, BOSS, "ann", Role.VIEWER, f"{PASSWORD}\ud800")


def test_a_name_is_taken_once_in_any_case(parts: Foresight) -> None:
    people.add_account(parts, BOSS, "ann", Role.VIEWER, PASSWORD)
    with pytest.raises(people.RefusedError, match="'ann' already"):
        people.add_account(parts, BOSS, "Ann", Role.VIEWER, PASSWORD)


def test_the_admin_is_the_way_back_in(parts: Foresight) -> None:
    with pytest.raises(people.RefusedError, match="way back in"):
        people.change_role(parts, BOSS, "admin", Role.VIEWER)
    with pytest.raises(people.RefusedError, match="way back in"):
        people.set_active(parts, BOSS, "admin", False)
    people.set_password(parts, BOSS, "admin", PASSWORD)
    assert parts.register.by_password("admin", PASSWORD) is not None


def test_a_wrong_token_beside_a_good_cookie_does_not_let_in(ann: FlaskClient) -> None:
    answer = ann.get("/api/stats", headers={"Authorization": "Bearer nonsense"})
    assert answer.status_code == 401


def test_many_wrong_passwords_make_everybody_wait_a_little(app: Flask, parts: Foresight) -> None:
    people.add_account(parts, BOSS, "ann", Role.VIEWER, PASSWORD)
    statuses = [sign_in(app.test_client(), OTHER, "ann").status_code for _ in range(8)]
    assert statuses[:6] == [401] * 6
    assert 429 in statuses[6:]
    answer = sign_in(app.test_client(), PASSWORD, "ann")
    assert answer.status_code == 429, "the right one waits, too: else it could be told by that"
    assert int(answer.headers["Retry-After"]) >= 1
    assert parts.refused_logins.by_kind()["throttled"] >= 1


def test_the_token_of_the_environment_is_an_admin(app: Flask) -> None:
    assert with_token(app, TOKEN).get("/api/questions").status_code == 200
