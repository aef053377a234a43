"""The audit log: what is in it, and that nobody changes it unseen."""

from __future__ import annotations

import json
import threading
from pathlib import Path

import pytest
from flask import Flask
from sqlalchemy import text
from sqlalchemy.exc import DatabaseError

from app import create_app
from jobs.access.audited import audit_key
from jobs.access.roles import Role
from jobs.access.upkeep import note_settings
from jobs.runtime import EXTENSION, Foresight
from settings import Settings
from store import Store, audit
from tests.people import PASSWORD, newcomer, page_token, sign_in, sign_out

KEY = b"k" * 32
DROP_GUARD = "DROP TRIGGER audit_no_{what}"


def add(store: Store, *actions: str) -> None:
    for number, action in enumerate(actions):
        with store.begin() as connection:
            audit.append(connection, KEY, at=number, who="ann", action=action, subject="x")


def verified(store: Store, key: bytes = KEY) -> audit.Verdict:
    with store.read() as connection:
        return audit.verify(connection, key)


def force(store: Store, statement: str) -> None:
    """What somebody with the whole database in his hands does: first he takes the guard away."""
    with store.begin() as connection:
        if connection.dialect.name == "postgresql":
            connection.execute(text("ALTER TABLE audit DISABLE TRIGGER USER"))
        else:
            found = connection.scalars(
                text("SELECT name FROM sqlite_master WHERE type='trigger' AND tbl_name='audit'")
            )
            for name in found.all():
                connection.execute(text(f"DROP TRIGGER {name}"))
        connection.execute(text(statement))


def test_a_chain_of_entries_fits(store: Store) -> None:
    assert verified(store) == audit.Verdict(0, audit.FIRST, None)
    add(store, "login", "export", "logout")
    found = verified(store)
    assert (found.entries, found.problem) == (3, None)


@pytest.mark.parametrize("statement", ["UPDATE audit SET who = 'eve'", "DELETE FROM audit"])
def test_entries_can_not_be_changed_or_removed(store: Store, statement: str) -> None:
    add(store, "login")
    with pytest.raises(DatabaseError, match="append-only"), store.begin() as connection:
        connection.execute(text(statement))
    assert verified(store).entries == 1


@pytest.mark.parametrize(
    ("statement", "problem"),
    [
        ("UPDATE audit SET who = 'eve' WHERE id = 2", "entry 2 was changed"),
        ("UPDATE audit SET detail = '{\"a\": 1}' WHERE id = 3", "entry 3 was changed"),
        ("UPDATE audit SET at = 99 WHERE id = 1", "entry 1 was changed"),
        ("DELETE FROM audit WHERE id = 2", "entry 2 is missing"),
        ("DELETE FROM audit WHERE id = 1", "entry 1 is missing"),
        ("DELETE FROM audit WHERE id = 3", "ends with entry 2, and 3 were written"),
        ("UPDATE audit SET id = 9 WHERE id = 3", "entry 3 is missing"),
    ],
)
def test_a_change_behind_the_guard_is_found(store: Store, statement: str, problem: str) -> None:
    add(store, "login", "export", "logout")
    force(store, statement)
    assert problem in (verified(store).problem or "")


def test_an_entry_of_another_key_does_not_fit(store: Store) -> None:
    add(store, "login")
    with store.begin() as connection:
        audit.append(connection, b"another", at=5, who="eve", action="login")
    assert "entry 2" in (verified(store).problem or "")
    assert "entry 1" in (verified(store, b"wrong").problem or "")


def test_entries_at_the_same_time_stand_one_after_the_other(store: Store) -> None:
    threads = [threading.Thread(target=add, args=(store, *["login"] * 10)) for _ in range(6)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    found = verified(store)
    assert (found.entries, found.problem) == (60, None)


def test_any_text_can_be_an_entry(store: Store) -> None:
    for strange in ("\0", "\ud800", "ä" * 5000, "'; DROP TABLE audit;--", "\u202e"):
        with store.begin() as connection:
            audit.append(connection, KEY, at=1, who=strange, action="login", subject=strange)
    assert verified(store).problem is None


def actions(app: Flask) -> list[tuple[str, str, str]]:
    """Of the newest entries who, what and to what, oldest first."""
    parts: Foresight = app.extensions[EXTENSION]
    with parts.store.read() as connection:
        assert audit.verify(connection, audit_key(parts.session_key)).problem is None
        found = audit.newest_entries(connection, 100)
    return [(entry.who, entry.action, entry.subject) for entry in reversed(found)]


def test_people_leave_their_traces(app: Flask) -> None:
    person = newcomer(app, Role.ADMIN)
    sign_in(app.test_client(), "not right at all", "ann")
    headers = page_token(person)
    person.post("/api/admin/query", json={"query": "errors today"}, headers=headers)
    with person.get("/api/logs", headers={"Accept": "text/csv"}) as answer:
        answer.get_data()
    person.post("/api/models/promote", json={"version": "factory"}, headers=headers)
    sign_out(person)
    assert actions(app) == [
        ("boss", "user.create", "ann"),
        ("ann", "login", ""),
        ("anonymous", "login.refused", "ann"),
        ("ann", "question", "errors today"),
        ("ann", "export", "logs"),
        ("ann", "model.promote", actions(app)[5][2]),
        ("ann", "logout", ""),
    ]


def test_no_secret_is_in_the_log(app: Flask) -> None:
    person = newcomer(app, Role.ADMIN)
    form = {"old": PASSWORD, "new": "violet tram waits 72", "again": "violet tram waits 72"}
    person.post("/auth/password", data=form, headers=page_token(person))
    parts: Foresight = app.extensions[EXTENSION]
    with parts.store.read() as connection:
        told = repr(audit.newest_entries(connection, 100))
    for secret in (PASSWORD, "violet tram waits 72"):
        assert secret not in told


def test_a_flood_of_refused_logins_writes_little(app: Flask) -> None:
    parts: Foresight = app.extensions[EXTENSION]
    for _ in range(300):
        app.test_client().get("/auth/login?token=wrong")
    assert len(actions(app)) == parts.refused_logins.NOTED_A_MINUTE
    assert parts.refused_logins.by_kind()["link"] == 300


def test_settings_that_changed_are_told_without_secrets(tmp_path: Path) -> None:
    def start(**options: object) -> Flask:
        server = create_app(Settings(data_dir=tmp_path, _env_file=None, **options))  # type: ignore[arg-type]
        note_settings(server.extensions[EXTENSION])
        return server

    start(admin_password=PASSWORD)
    start(admin_password=PASSWORD)
    server = start(admin_password="violet tram waits 72", min_calls=9)
    found = [what for who, what, what in actions(server)]
    assert found[0].startswith("admin_password")
    assert found[1:] == ["admin_password, min_calls"]
    parts: Foresight = server.extensions[EXTENSION]
    with parts.store.read() as connection:
        assert PASSWORD not in repr(audit.newest_entries(connection, 9))


def flask(app: Flask, *command: str) -> tuple[int, str]:
    with app.app_context():
        result = app.test_cli_runner().invoke(args=command)
    return result.exit_code, result.output


def test_the_command_verifies_and_fails_where_something_is_wrong(
    app: Flask,
) -> None:
    newcomer(app, Role.VIEWER)
    code, output = flask(app, "audit", "verify")
    assert (code, json.loads(output)["entries"]) == (0, 2)
    code, output = flask(app, "audit", "list", "--action", "user")
    assert (code, json.loads(output)["who"]) == (0, "boss")
    force(app.extensions[EXTENSION].store, "UPDATE audit SET who = 'eve' WHERE id = 1")
    code, output = flask(app, "audit", "verify")
    assert code == 1
    assert "entry 1 was changed" in output


def test_accounts_and_tokens_by_the_commands(app: Flask) -> None:
    with app.app_context():
        run = app.test_cli_runner().invoke
        assert run(args=["user", "add", "eve", "--role", "viewer"], input="short\n").exit_code == 1
        added = run(args=["user", "add", "eve", "--role", "viewer"], input=f"{PASSWORD}\n")
        assert json.loads(added.stdout) == {"name": "eve", "role": "viewer"}
        text = run(args=["token", "create", "ci", "--role", "operator"]).stdout.strip()
        listed = run(args=["token", "list"]).stdout
    assert text not in listed
    assert "digest" not in listed
    program = app.test_client()
    program.environ_base["HTTP_AUTHORIZATION"] = f"Bearer {text}"
    assert program.get("/api/stats").status_code == 200
    assert sign_in(app.test_client(), PASSWORD, "eve").status_code == 302
    assert flask(app, "token", "revoke", "1")[0] == 0
    assert program.get("/api/stats").status_code == 401
    assert flask(app, "user", "lock", "eve")[0] == 0
    assert sign_in(app.test_client(), PASSWORD, "eve").status_code == 401
    assert "no account 'bob'" in flask(app, "user", "role", "bob", "admin")[1]
