"""The Admin page as values: sentences of the audit log, states, expiries, settings, findings."""

from __future__ import annotations

import json
from dataclasses import replace
from typing import Any

import pytest

from components import admin_audit, admin_system, admin_tokens, admin_users
from components.admin_audit import Entry
from components.admin_dialog import View
from components.admin_system import Fact, Finding, Job
from components.admin_tokens import Token
from components.admin_users import User
from jobs.access.people import RefusedError
from jobs.access.roles import Role
from pages import _admin_audit, _admin_system, _admin_tokens, _admin_users
from settings import Settings
from tests.rows import MINUTE, T0

DAY = 1440 * MINUTE
ENTRY = Entry(7, T0, "ann", "203.0.113.7", "login", "", {})
TOKEN = Token(3, "ci", "fs_Ab12Cd34", "viewer", "read", "ann", T0, T0 + DAY, None, False)
USER = User("ann", "operator", True, True, T0, None)


def text_of(shown: Any) -> str:
    """All that a person would read."""
    if isinstance(shown, dict):
        return text_of(shown["props"].get("children"))
    if isinstance(shown, list | tuple):
        return " ".join(filter(None, map(text_of, shown)))
    if shown is None or isinstance(shown, str | int):
        return str(shown or "")
    return text_of(getattr(shown, "children", None))


def body_of(view: View) -> str:
    return text_of(view.content)


# --- the audit log --------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("action", "subject", "detail", "said"),
    [
        ("login", "", {"by": "password"}, "signed in by password"),
        ("login", "", {"by": "link"}, "signed in by a one-time link"),
        ("login.refused", "root", {"by": "password"}, "was refused as “root”"),
        ("logout", "", {}, "signed out"),
        ("user.create", "bob", {"role": "viewer"}, "added the user bob as a viewer"),
        ("user.role", "bob", {"role": "operator"}, "made bob an operator"),
        ("user.lock", "bob", {}, "locked bob"),
        ("user.logout_everywhere", "bob", {}, "signed bob out everywhere"),
        (
            "token.create",
            "ci",
            {"role": "viewer", "scope": "read"},
            "created the token “ci” (role viewer, scope read)",
        ),
        ("token.revoke", "ci", {"id": 3}, "revoked the token “ci”"),
        ("model.promote", "v2", {"reason": "by hand"}, "promoted the models v2"),
        ("model.rollback", "v1", {"reason": "too loud"}, "rolled the models back to v1: too loud"),
        ("export", "alerts", {"format": "csv", "rows": 1}, "exported alerts as CSV, 1 row"),
        ("question", "errors?", {"outcome": "refused"}, "asked “errors?” (not answered)"),
        (
            "settings",
            "demo, port",
            {"values": {"port": "8051"}},
            "started with other settings: DEMO = default, PORT = 8051",
        ),
        (
            "client.forget",
            "u1",
            {"rows": {"calls": 3, "windows": 1}},
            "removed the client u1 from the store: 4 rows",
        ),
        ("one.of.tomorrow", "x", {"colour": "red"}, "one.of.tomorrow x, colour: red"),
    ],
)
def test_an_entry_is_read_as_a_sentence(
    action: str, subject: str, detail: dict[str, Any], said: str
) -> None:
    entry = replace(ENTRY, action=action, subject=subject, detail=detail)
    assert admin_audit.sentence(entry) == said


def test_a_detail_that_is_not_as_expected_is_no_error() -> None:
    for action in ("user.role", "token.create", "export", "settings", "client.forget", "login"):
        entry = replace(ENTRY, action=action, detail={"rows": "many", "values": 3, "role": None})
        assert admin_audit.sentence(entry)


def test_what_somebody_typed_is_shortened_and_stays_text() -> None:
    entry = replace(ENTRY, action="question", subject="<b>" + "x" * 900)
    assert len(admin_audit.sentence(entry)) < 200
    row = admin_audit.table([entry], T0, lambda text: f"/ask?{len(text)}")
    assert "<b>x" in text_of(row)
    assert "/ask?903" in json.dumps(row), "the link asks all of it"


def test_a_verdict_counts_or_says_what_is_wrong() -> None:
    assert text_of(admin_audit.verdict(12_345, None)).strip() == "12,345 entries, each fits"
    broken = text_of(admin_audit.verdict(16, "entry 17 was changed, or written with another key"))
    assert "entry 17 was changed" in broken
    assert "16 before it fit" in broken


@pytest.mark.parametrize(
    ("group", "before", "asked", "problem"),
    [
        ("", "", ("", None), ""),
        ("logins", "250", ("logins", 250), ""),
        ("pie", "", ("", None), "'pie'"),
        ("users", "soon", ("users", None), "'soon'"),
        ("users", "-1", ("users", None), "'-1'"),
        ("", "9" * 40, ("", None), "999"),
    ],
)
def test_an_address_is_read_and_what_is_wrong_in_it_is_quoted(
    group: str, before: str, asked: tuple[str, int | None], problem: str
) -> None:
    found = _admin_audit.asked_for(group, before)
    assert (found.group, found.before) == asked
    assert problem in found.problem
    assert bool(problem) is bool(found.problem)


# --- users and tokens -----------------------------------------------------------------------------


def test_a_user_is_active_locked_or_without_a_password() -> None:
    assert USER.state == "active"
    assert replace(USER, is_active=False).state == "locked"
    assert replace(USER, has_password=False).state == "no password"
    assert replace(USER, has_password=False, by_setting=True).state == "active"


def test_only_the_account_of_the_one_who_asks_is_marked() -> None:
    rows = admin_users.rows([USER, replace(USER, name="bob")], "bob")
    assert [row["own"] for row in rows] == [False, True]


@pytest.mark.parametrize(
    "view", [admin_users.change_role, admin_users.new_password, admin_users.sign_out]
)
def test_what_ends_the_own_session_says_so(view: Any) -> None:
    assert "your own account" in body_of(view(USER, own=True))
    assert "your own account" not in body_of(view(USER, own=False))


def test_a_locked_user_can_be_unlocked_not_locked_again() -> None:
    assert "Unlock" in body_of(admin_users.manage(replace(USER, is_active=False), T0, own=False))
    assert "Unlock" not in body_of(admin_users.manage(USER, T0, own=False))


def test_a_token_ends_at_its_expiry_or_when_it_is_revoked() -> None:
    assert TOKEN.state(T0) == "active"
    assert TOKEN.state(T0 + DAY) == "expired"
    assert replace(TOKEN, expires_at=None).state(T0 + 9_999 * DAY) == "active"
    assert replace(TOKEN, is_revoked=True).state(T0) == "revoked"


def test_only_what_can_be_revoked_offers_it() -> None:
    of_setting = replace(TOKEN, id=None)
    revoked = replace(TOKEN, is_revoked=True)
    rows = admin_tokens.rows([TOKEN, revoked, of_setting], T0)
    assert [row["act"] for row in rows] == ["Revoke", None, None]


@pytest.mark.parametrize(
    ("scope", "path"), [("read", "/api/stats"), ("metrics", "/metrics"), ("calls", "/api/calls")]
)
def test_the_command_of_a_new_token_asks_what_it_may(scope: str, path: str) -> None:
    view = admin_tokens.shown_once(
        replace(TOKEN, scope=scope), "fs_secret", "https://foresight.example", T0
    )
    shown = body_of(view)
    assert "Bearer fs_secret" in shown
    assert (
        shown.rstrip()
        .removesuffix("Copy command")
        .rstrip()
        .endswith(f"https://foresight.example{path}")
    )
    assert view.confirm == "", "there is nothing more to do but to close it"


def test_a_token_expires_after_days_never_or_at_the_end_of_a_day() -> None:
    assert _admin_tokens.expiry("90", "", T0) == T0 + 90 * DAY
    assert _admin_tokens.expiry("never", "", T0) is None
    assert _admin_tokens.expiry("date", "2027-03-31", T0) == 1_806_537_599_999


@pytest.mark.parametrize(
    ("chosen", "until"),
    [
        ("date", ""),
        ("date", "soon"),
        ("date", "2027-02-30"),
        ("date", "9999-12-31"),
        ("date", "20270331"),
        ("12", ""),
        ("-5", ""),
        ("None", ""),
    ],
)
def test_an_expiry_that_is_none_is_refused_with_what_was_given(chosen: str, until: str) -> None:
    with pytest.raises(RefusedError, match=until or chosen.replace("date", "''")):
        _admin_tokens.expiry(chosen, until, T0)


def test_a_role_that_is_none_is_refused() -> None:
    assert _admin_users.role_of({"role": "viewer"}) is Role.VIEWER
    for given in ({}, {"role": None}, {"role": "god"}):
        with pytest.raises(RefusedError, match="viewer, operator, admin"):
            _admin_users.role_of(given)


# --- the system -----------------------------------------------------------------------------------


def test_of_secrets_the_settings_only_say_whether_they_are_set() -> None:
    secrets = {
        "admin_password": "grey kettle sings 41",
        "api_token": "a-token-of-24-characters",
        "secret_key": "k3y-" * 10,
        "database_url": "postgresql+psycopg://me:hidden-pass@db.example/foresight",
    }
    told = {
        setting.name: setting
        for setting in _admin_system.settings_of(Settings(**secrets, _env_file=None))
    }
    for name, secret in secrets.items():
        setting = told[f"FORESIGHT_{name.upper()}"]
        assert (setting.value, setting.default, setting.is_changed) == ("set", "not set", True)
        assert secret not in repr(told)
    assert "hidden-pass" not in repr(told)
    assert told["FORESIGHT_DEMO"].value == "off"
    assert not told["FORESIGHT_PORT"].is_changed
    assert set(told) == {f"FORESIGHT_{name.upper()}" for name in Settings.model_fields}


def test_what_is_not_well_has_a_mark_beside_its_colour() -> None:
    shown = admin_system.fact_list([Fact("Calls lost", "3", "fail"), Fact("Schema", "5")], T0)
    marks = ["x-octagon" in str(line) for line in shown.children]
    assert marks == [True, False]


def test_a_job_that_failed_shows_its_error_in_place_of_its_result() -> None:
    job = Job("scoring", T0, 20, "3 windows", None)
    failed = replace(job, error="OperationalError: the disk is full")
    shown = text_of(admin_system.jobs_table([job, failed], T0))
    assert "3 windows" in shown
    assert "the disk is full" in shown
    assert "No job has run yet" in text_of(admin_system.jobs_table([], T0))


def test_the_doctor_tells_first_what_is_to_be_mended() -> None:
    found = [
        Finding("python", "ok", "3.11", ""),
        Finding("disk", "warn", "little room", "make room"),
        Finding("store", "fail", "gone", "start `flask run`"),
    ]
    shown = text_of(admin_system.findings(found, T0))
    assert shown.index("store") < shown.index("disk") < shown.index("python")
    assert "3 checks, 2 to look at" in shown
    assert "nothing to mend" in text_of(admin_system.findings(found[:1], T0))
