"""Changing who may come in: accounts and tokens, each change with its entry in the audit log."""

from __future__ import annotations

import re
from typing import Final

from jobs.access.audited import Doer, note
from jobs.access.register import ADMIN, HINT_CHARACTERS, PREFIX, digest, new_token
from jobs.access.roles import Role, Scope
from jobs.runtime import Foresight
from secrecy import weakness
from store import accounts

_NAME: Final = re.compile(r"[A-Za-z0-9][A-Za-z0-9._@-]{0,63}")
_TOKEN_NAME: Final = re.compile(r"[^\x00-\x1f\x7f\ud800-\udfff]{1,64}")


class RefusedError(ValueError):
    """A change that can't be made as it was asked for; says why."""


def add_account(parts: Foresight, doer: Doer, name: str, role: Role, password: str) -> None:
    """Add an account.

    Raises
    ------
    RefusedError
        The name is none or taken, or the password is weak.
    """
    if not _NAME.fullmatch(name):
        raise RefusedError(
            f"{name!r} is no user name: 1 to 64 letters, digits and . _ @ -, no sign first"
        )
    hashed = _hash(parts, name, password)
    try:
        with parts.store.begin() as connection:
            accounts.add_account(connection, name, role, hashed, doer.at)
            note(parts, connection, doer, "user.create", name, role=role)
    except accounts.NameTakenError as error:
        raise RefusedError(str(error)) from None
    parts.register.forget()


def change_role(parts: Foresight, doer: Doer, name: str, role: Role) -> None:
    """Give an account another role; its sessions end."""
    if name == ADMIN and role != Role.ADMIN:
        raise RefusedError("the account 'admin' stays an admin: it is the way back in")
    _change(parts, doer, "user.role", name, {"role": role}, role=role)


def set_password(parts: Foresight, doer: Doer, name: str, password: str) -> None:
    """Give an account another password; its sessions end."""
    if name == ADMIN and parts.settings.admin_password.get_secret_value():
        raise RefusedError("the password of 'admin' is FORESIGHT_ADMIN_PASSWORD; change it there")
    _change(parts, doer, "user.password", name, {"password_hash": _hash(parts, name, password)})


def set_active(parts: Foresight, doer: Doer, name: str, is_active: bool) -> None:
    """Let an account in again, or keep it out; its sessions end."""
    if name == ADMIN and not is_active:
        raise RefusedError("the account 'admin' can't be locked: it is the way back in")
    action = "user.unlock" if is_active else "user.lock"
    _change(parts, doer, action, name, {"is_active": is_active})


def end_sessions(parts: Foresight, doer: Doer, name: str) -> None:
    """Log an account out everywhere."""
    _change(parts, doer, "user.logout_everywhere", name, {})


def create_token(
    parts: Foresight, doer: Doer, name: str, role: Role, scope: Scope, expires_at: int | None
) -> str:
    """Make a token and return it; only its hash is kept.

    Parameters
    ----------
    expires_at : int or None
        Epoch ms; None: never.

    Raises
    ------
    RefusedError
        The name is empty or too long, the token would be over already, or be of no use.
    """
    if not _TOKEN_NAME.fullmatch(name.strip()):
        raise RefusedError(f"{name!r} is no name of a token: 1 to 64 printable characters")
    if scope == Scope.CALLS and not role.includes(Role.OPERATOR):
        raise RefusedError(
            "posting calls needs the role operator; a viewer's token could do nothing"
        )
    if expires_at is not None and expires_at <= doer.at:
        raise RefusedError("the token would have expired already; choose a later time")
    text = new_token()
    with parts.store.begin() as connection:
        accounts.add_token(
            connection,
            name=name.strip(),
            digest=digest(text),
            hint=text[: len(PREFIX) + HINT_CHARACTERS],
            role=role,
            scope=scope,
            created_by=doer.name,
            created_at=doer.at,
            expires_at=expires_at,
        )
        note(parts, connection, doer, "token.create", name.strip(), role=role, scope=scope)
    parts.register.forget()
    return text


def revoke_token(parts: Foresight, doer: Doer, token_id: int) -> str:
    """End a token; returns its name.

    Raises
    ------
    RefusedError
        There is no such token.
    """
    try:
        with parts.store.begin() as connection:
            gone = accounts.revoke_token(connection, token_id)
            note(parts, connection, doer, "token.revoke", gone.name, id=token_id)
    except accounts.UnknownTokenError as error:
        raise RefusedError(str(error)) from None
    parts.register.forget()
    return gone.name


def _change(
    parts: Foresight, doer: Doer, action: str, name: str, values: dict[str, object], **said: str
) -> None:
    if name == ADMIN:
        parts.register.admin()
    try:
        with parts.store.begin() as connection:
            accounts.change_account(connection, name, **values)
            note(parts, connection, doer, action, name, **said)
    except accounts.UnknownAccountError as error:
        raise RefusedError(str(error)) from None
    parts.register.forget()


def _hash(parts: Foresight, name: str, password: str) -> str:
    try:
        password.encode()
    except UnicodeEncodeError:
        raise RefusedError(
            "that password has half a character in it, which can't be typed"
        ) from None
    problem = weakness(password, name)
    if problem is not None:
        raise RefusedError(f"that password {problem}")
    return parts.register.hash(password)
