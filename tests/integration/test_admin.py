"""What the Admin page reads of a store and does to accounts and tokens."""

from __future__ import annotations

from pathlib import Path

import pytest

from jobs.access import people
from jobs.access.audited import Doer, note_alone
from jobs.access.people import RefusedError
from jobs.access.register import ADMIN
from jobs.access.roles import Role, Scope
from jobs.runtime import Foresight
from pages import _admin_audit, _admin_system, _admin_tokens, _admin_users
from store import Store, accounts, audit, writes
from store.access_tables import audit as audit_table
from store.size import size_of
from tests.rows import T0, call

BOSS = Doer("boss", "203.0.113.1", T0)
PASSWORD = "grey kettle sings 41"
NEW = {"name": " ann ", "role": "operator", "password": PASSWORD, "again": PASSWORD}
TOKEN = {"name": "ci", "role": "viewer", "scope": "read", "expiry": "30"}
ORIGIN = "https://foresight.example"


def facts(parts: Foresight, now: int = T0) -> dict[str, tuple[str, str]]:
    """Value and tone of each fact."""
    seen = _admin_system.seen(parts, now)
    return {fact.name: (fact.value, fact.tone) for _, _, group in seen.groups for fact in group}


def test_the_size_of_a_store_is_that_of_its_disk(store: Store) -> None:
    before = size_of(store)
    assert before > 4_096
    with store.begin() as connection:
        calls = [call(T0 + i, path=f"/{i:0200}") for i in range(8_000)]
        writes.add_calls(connection, calls, store.grid)
    assert size_of(store) > before + 1_000_000


def test_a_user_is_added_as_given_and_once(parts: Foresight) -> None:
    assert _admin_users.act(parts, BOSS, "add", "", NEW) == "ann can sign in now, as an operator."
    (user,) = _admin_users.users(parts)
    assert (user.name, user.role, user.state) == ("ann", "operator", "active")
    with pytest.raises(RefusedError, match="'ann' already"):
        _admin_users.act(parts, BOSS, "add", "", NEW)


@pytest.mark.parametrize(
    ("change", "said"),
    [
        ({"again": "another one 123"}, "not typed the same twice"),
        ({"password": "short", "again": "short"}, "has 5 characters, needs 12"),
        ({"name": "<b>"}, "'<b>' is no user name"),
        ({"name": None}, "is no user name"),
        ({"role": "god"}, "'god' is no role"),
        ({"name": "an\ud800"}, "name holds half of a character"),
        ({"password": "\udc00" * 12, "again": "\udc00" * 12}, "password holds half"),
    ],
)
def test_a_user_that_can_not_be_is_refused_with_the_reason(
    parts: Foresight, change: dict[str, str], said: str
) -> None:
    with pytest.raises(RefusedError, match=said):
        _admin_users.act(parts, BOSS, "add", "", NEW | change)
    assert _admin_users.users(parts) == []


def test_nothing_that_hurts_is_done_to_the_account_admin(parts: Foresight) -> None:
    parts.register.admin()
    for act, given in (("role", {"role": "viewer"}), ("lock", {})):
        with pytest.raises(RefusedError, match="way back in"):
            _admin_users.act(parts, BOSS, act, ADMIN, given)
    (user,) = _admin_users.users(parts)
    assert (user.role, user.is_active) == ("admin", True)


def test_the_role_that_somebody_has_ends_no_sessions(parts: Foresight) -> None:
    _admin_users.act(parts, BOSS, "add", "", NEW)
    with pytest.raises(RefusedError, match="the role of ann is operator already"):
        _admin_users.act(parts, BOSS, "role", "ann", {"role": "operator"})
    with parts.store.read() as connection:
        (row,) = accounts.all_accounts(connection)
    assert row.generation == 1


def test_an_act_that_is_none_or_of_nobody_is_refused(parts: Foresight) -> None:
    with pytest.raises(RefusedError, match="'eat' is nothing"):
        _admin_users.act(parts, BOSS, "eat", "ann", {})
    with pytest.raises(RefusedError, match="no account 'ann'"):
        _admin_users.act(parts, BOSS, "lock", "ann", {})


def test_a_token_is_in_what_is_shown_once_and_in_no_list(parts: Foresight) -> None:
    made = _admin_tokens.create(parts, BOSS, TOKEN, ORIGIN)
    shown = repr(made.shown.content)
    with parts.store.read() as connection:
        (row,) = accounts.all_tokens(connection)
    assert row.hint in shown
    text = shown[shown.index(row.hint) :].split("'")[0]
    assert parts.register.by_token(text, T0) is not None
    listed = repr(_admin_tokens.tokens(parts))
    assert text not in listed
    assert row.digest not in listed
    assert text not in made.said
    assert parts.settings.api_token.get_secret_value() not in listed


def test_a_token_to_post_calls_that_may_not_is_refused(parts: Foresight) -> None:
    with pytest.raises(RefusedError, match="needs the role operator; a viewer"):
        _admin_tokens.create(parts, BOSS, TOKEN | {"scope": "calls"}, ORIGIN)
    _admin_tokens.create(parts, BOSS, TOKEN | {"scope": "calls", "role": "operator"}, ORIGIN)


def test_a_token_is_revoked_once(parts: Foresight) -> None:
    people.create_token(parts, BOSS, "ci", Role.VIEWER, Scope.READ, None)
    assert _admin_tokens.revoke(parts, BOSS, "1").startswith("The token ci is revoked")
    with pytest.raises(RefusedError, match="no token 1 that could be revoked"):
        _admin_tokens.revoke(parts, BOSS, "1")
    with pytest.raises(RefusedError, match="'1; DROP'"):
        _admin_tokens.revoke(parts, BOSS, "1; DROP")


def test_the_log_comes_in_pages_of_a_hundred_newest_first(parts: Foresight) -> None:
    for i in range(130):
        note_alone(parts, BOSS, "login" if i % 13 else "export", str(i))
    first = _admin_audit.found(parts, _admin_audit.asked_for("", ""))
    assert [entry.id for entry in first.entries] == list(range(130, 30, -1))
    assert first.has_older
    second = _admin_audit.found(parts, _admin_audit.asked_for("", "31"))
    assert [entry.id for entry in second.entries] == list(range(30, 0, -1))
    assert not second.has_older
    exports = _admin_audit.found(parts, _admin_audit.asked_for("exports", ""))
    assert {entry.action for entry in exports.entries} == {"export"}
    assert len(exports.entries) == 10


def test_an_entry_that_somebody_wrote_into_the_database_is_shown_and_told(parts: Foresight) -> None:
    note_alone(parts, BOSS, "login")
    row = audit.Entry(2, T0, "ann", None, "login", "", "{no json", "0", "1")
    with parts.store.begin() as connection:
        connection.execute(audit_table.insert().values(**vars(row)))
    page = _admin_audit.found(parts, _admin_audit.asked_for("", ""))
    assert page.entries[0].detail == {"detail": "{no json"}
    assert "entry 2 does not follow entry 1" in str(_admin_audit.verified(parts))


def test_the_state_names_what_was_lost_and_that_nobody_leads(parts: Foresight) -> None:
    told = facts(parts)
    assert told["Calls lost"] == ("0", "ok")
    assert told["Scheduled jobs"] == ("run by no server", "warn")
    assert told["Kind"][0] == "SQLite"
    with parts.store.begin() as connection:
        writes.add_to_counter(connection, "calls_lost", 12)
        writes.take_lease(connection, "scheduler", "me", T0, 6_000)
    parts.refused_logins.add("token")
    told = facts(parts)
    assert told["Calls lost"] == ("12", "fail")
    assert told["Scheduled jobs"] == ("run by one server", "ok")
    assert told["Unknown tokens"] == ("1", "ok")


def test_a_store_that_was_set_aside_is_named(parts: Foresight) -> None:
    assert parts.store.file is not None
    aside = Path(f"{parts.store.file}.damaged-20261123T031000")
    aside.write_bytes(b"x" * 2_048)
    assert facts(parts)["Set aside, damaged"] == (f"{aside.name} (2.0\u00a0KB)", "warn")
