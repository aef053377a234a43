"""Users on the Admin page: who there is, and what the dialog does to one."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Final

from components import admin_users
from components.admin_dialog import View
from components.admin_users import AN, User
from jobs.access import people
from jobs.access.audited import Doer
from jobs.access.people import RefusedError
from jobs.access.register import ADMIN
from jobs.access.roles import Role
from jobs.runtime import Foresight
from store import accounts

ADD: Final = "add"
OF_ONE: Final = ("manage", "role", "password", "logout", "lock", "unlock")


def users(parts: Foresight) -> list[User]:
    """Every account, by name."""
    given = bool(parts.settings.admin_password.get_secret_value())
    with parts.store.read() as connection:
        found = accounts.all_accounts(connection)
    return [
        User(
            name=row.name,
            role=row.role,
            is_active=row.is_active,
            has_password=row.password_hash is not None,
            created_at=row.created_at,
            last_login_at=row.last_login_at,
            by_setting=given and row.name == ADMIN,
        )
        for row in found
    ]


def view(parts: Foresight, name: str, of: str, who: str, now: int) -> View:
    """What the dialog shows of a user, or of one to be added."""
    if name == ADD:
        return admin_users.add()
    user = next((found for found in users(parts) if found.name == of), None)
    if user is None:
        return admin_users.gone(f"user {of!r}")
    own = user.name == who
    match name:
        case "manage":
            return admin_users.manage(user, now, own=own)
        case "role":
            return admin_users.change_role(user, own=own)
        case "password":
            return admin_users.new_password(user, own=own)
        case "logout":
            return admin_users.sign_out(user, own=own)
        case "lock":
            return admin_users.lock(user, own=own)
        case _:
            return admin_users.unlock(user)


def act(parts: Foresight, doer: Doer, name: str, of: str, given: Mapping[str, Any]) -> str:
    """Do what the dialog asked for; what is said of it afterwards.

    Raises
    ------
    RefusedError
        It can't be done; says why.
    """
    match name:
        case "add":
            return _add(parts, doer, given)
        case "role":
            return _change_role(parts, doer, of, role_of(given))
        case "password":
            people.set_password(parts, doer, of, _password_of(given))
            return f"{of} has a new password; their sessions ended."
        case "logout":
            people.end_sessions(parts, doer, of)
            return f"{of} is signed out everywhere."
        case "lock":
            people.set_active(parts, doer, of, False)
            return f"{of} is locked; their sessions ended."
        case "unlock":
            people.set_active(parts, doer, of, True)
            return f"{of} can sign in again."
        case _:
            raise RefusedError(f"{name!r} is nothing that can be done to a user")


def text_of(given: Mapping[str, Any], name: str) -> str:
    """What was typed into a field."""
    text = str(given.get(name) or "")
    if any("\ud800" <= character <= "\udfff" for character in text):
        raise RefusedError(f"the {name} holds half of a character, which can't be stored")
    return text


def role_of(given: Mapping[str, Any]) -> Role:
    """The role that was chosen."""
    try:
        return Role(given.get("role", ""))
    except ValueError:
        raise RefusedError(
            f"{given.get('role')!r} is no role; there are {', '.join(Role)}"
        ) from None


def _add(parts: Foresight, doer: Doer, given: Mapping[str, Any]) -> str:
    name, role = text_of(given, "name").strip(), role_of(given)
    people.add_account(parts, doer, name, role, _password_of(given))
    return f"{name} can sign in now, as {AN[role]}."


def _change_role(parts: Foresight, doer: Doer, name: str, role: Role) -> str:
    if any(user.name == name and user.role == role for user in users(parts)):
        raise RefusedError(f"the role of {name} is {role} already")
    people.change_role(parts, doer, name, role)
    return f"{name} is {AN[role]} now; their sessions ended."


def _password_of(given: Mapping[str, Any]) -> str:
    password = text_of(given, "password")
    if password != text_of(given, "again"):
        raise RefusedError("the password was not typed the same twice")
    return password
