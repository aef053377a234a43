"""Accounts of people and tokens of programs: who may come in, and as what."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from sqlalchemy import Connection, delete, func, insert, select, update
from sqlalchemy.exc import IntegrityError

from store.access_tables import account, ended_session, token

_A = account.c
_T = token.c
_E = ended_session.c


@dataclass(frozen=True)
class Account:
    """A person's account; times are epoch ms."""

    id: int
    name: str
    role: str
    password_hash: str | None
    generation: int  # sessions of an older one are over
    is_active: bool
    created_at: int
    last_login_at: int | None


@dataclass(frozen=True)
class Token:
    """A program's token; times are epoch ms."""

    id: int
    name: str
    digest: str
    hint: str
    role: str
    scope: str
    created_by: str
    created_at: int
    expires_at: int | None
    last_used_at: int | None
    is_revoked: bool


class NameTakenError(ValueError):
    """There is an account of this name already."""


class UnknownAccountError(LookupError):
    """There is no such account."""


class UnknownTokenError(LookupError):
    """There is no such token."""


def all_accounts(connection: Connection) -> list[Account]:
    """Every account, by name."""
    return [Account(*row) for row in connection.execute(select(account).order_by(_A.name))]


def all_tokens(connection: Connection) -> list[Token]:
    """Every token, the newest first."""
    return [Token(*row) for row in connection.execute(select(token).order_by(_T.id.desc()))]


def add_account(
    connection: Connection, name: str, role: str, password_hash: str | None, at: int
) -> int:
    """Add an account; returns its id.

    Raises
    ------
    NameTakenError
        Names differ in more than case.
    """
    taken = select(_A.name).where(func.lower(_A.name) == name.lower())
    if (there := connection.scalar(taken)) is not None:
        raise NameTakenError(f"there is an account {there!r} already")
    row = {"name": name, "role": role, "password_hash": password_hash, "created_at": at}
    try:
        added: int = connection.execute(insert(account).values(row).returning(_A.id)).scalar_one()
        return added
    except IntegrityError:
        raise NameTakenError(f"there is an account {name!r} already") from None


def change_account(connection: Connection, name: str, **values: Any) -> None:
    """Set columns of an account and end all its sessions.

    Raises
    ------
    UnknownAccountError
        There is none of this name.
    """
    changed = update(account).where(_A.name == name)
    changed = changed.values(generation=_A.generation + 1, **values)
    if connection.execute(changed).rowcount == 0:
        raise UnknownAccountError(f"there is no account {name!r}")


def note_login(connection: Connection, account_id: int, at: int) -> None:
    """Note when an account logged in."""
    connection.execute(update(account).where(_A.id == account_id).values(last_login_at=at))


def ended_sessions(connection: Connection) -> set[str]:
    """Ids of the sessions whose people logged out."""
    return set(connection.scalars(select(_E.id)))


def end_session(connection: Connection, session_id: str, until: int, now: int) -> None:
    """Note that a session is over, for as long as its cookie could be used; times in epoch ms."""
    connection.execute(delete(ended_session).where((_E.until < now) | (_E.id == session_id)))
    connection.execute(insert(ended_session).values(id=session_id, until=until))


def add_token(connection: Connection, **values: Any) -> int:
    """Add a token; returns its id."""
    added: int = connection.execute(insert(token).values(values).returning(_T.id)).scalar_one()
    return added


def revoke_token(connection: Connection, token_id: int) -> Token:
    """End a token for good; returns what it was.

    Raises
    ------
    UnknownTokenError
        There is none with this id, or it was revoked before.
    """
    found = connection.execute(
        select(token).where(_T.id == token_id, _T.is_revoked.is_(False))
    ).one_or_none()
    if found is None:
        raise UnknownTokenError(f"there is no token {token_id} that could be revoked")
    connection.execute(update(token).where(_T.id == token_id).values(is_revoked=True))
    return Token(*found)


def note_uses(connection: Connection, used: dict[int, int]) -> None:
    """Note when tokens were last used: id -> epoch ms."""
    for token_id, at in used.items():
        later = (_T.last_used_at.is_(None)) | (_T.last_used_at < at)
        connection.execute(update(token).where(_T.id == token_id, later).values(last_used_at=at))
