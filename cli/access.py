"""Commands that let people and programs in."""

from __future__ import annotations

import json
import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import asdict
from typing import Any, Final, TypeVar

import click
from sqlalchemy.exc import SQLAlchemyError

from api import current
from api.door import new_login_link
from jobs.access import people
from jobs.access.audited import Doer
from jobs.access.roles import Role, Scope
from jobs.schedule import now_ms
from store import accounts
from store.times import iso

DAY_MS: Final = 86_400_000
_ROLE: Final = click.Choice([role.value for role in Role])
_SECRET: Final = ("password_hash", "digest", "generation")
_TIMES: Final = ("created_at", "last_login_at", "last_used_at", "expires_at")
Command = TypeVar("Command", bound=Callable[..., Any])


@click.command("login-link")
def login_link() -> None:
    """Print a new one-time link for the admin."""
    click.echo(new_login_link(current().settings))


@click.group("user")
def user_group() -> None:
    """Accounts of people: viewers read, operators act on alerts, admins do all."""


@user_group.command("list")
def list_users() -> None:
    """Print all accounts."""
    with _refusals(), current().store.read() as connection:
        _print([asdict(row) for row in accounts.all_accounts(connection)])


@user_group.command("add")
@click.argument("name")
@click.option("--role", type=_ROLE, required=True)
def add_user(name: str, role: str) -> None:
    """Add the account NAME; the password is asked for, or is the first line of standard input."""
    with _refusals():
        people.add_account(current(), _doer(), name, Role(role), _password())
    click.echo(json.dumps({"name": name, "role": role}))


@user_group.command("role")
@click.argument("name")
@click.argument("role", type=_ROLE)
def change_role(name: str, role: str) -> None:
    """Give NAME another role; its sessions end."""
    with _refusals():
        people.change_role(current(), _doer(), name, Role(role))
    click.echo(json.dumps({"name": name, "role": role}))


@user_group.command("password")
@click.argument("name")
def set_password(name: str) -> None:
    """Give NAME another password; its sessions end."""
    with _refusals():
        people.set_password(current(), _doer(), name, _password())
    click.echo(json.dumps({"name": name}))


@user_group.command("lock")
@click.argument("name")
@click.option("--undo", is_flag=True, help="Let the account in again.")
def lock_user(name: str, undo: bool) -> None:
    """Keep NAME out; its sessions end."""
    with _refusals():
        people.set_active(current(), _doer(), name, undo)
    click.echo(json.dumps({"name": name, "is_active": undo}))


@user_group.command("logout")
@click.argument("name")
def log_out_user(name: str) -> None:
    """End all sessions of NAME."""
    with _refusals():
        people.end_sessions(current(), _doer(), name)
    click.echo(json.dumps({"name": name}))


@click.group("token")
def token_group() -> None:
    """Tokens of programs."""


@token_group.command("list")
def list_tokens() -> None:
    """Print all tokens, without what lets in."""
    with _refusals(), current().store.read() as connection:
        _print([asdict(row) for row in accounts.all_tokens(connection)])


@token_group.command("create")
@click.argument("name")
@click.option("--role", type=_ROLE, default=Role.VIEWER.value, show_default=True)
@click.option(
    "--scope",
    type=click.Choice([scope.value for scope in Scope]),
    default=Scope.ALL.value,
    show_default=True,
    help="All the role may do, only reading, only posting calls, only metrics.",
)
@click.option("--days", type=click.IntRange(1, 3650), help="Days until it expires; else never.")
def create_token(name: str, role: str, scope: str, days: int | None) -> None:
    """Make a token and print it: it is shown this once."""
    doer = _doer()
    expires_at = None if days is None else doer.at + days * DAY_MS
    with _refusals():
        click.echo(people.create_token(current(), doer, name, Role(role), Scope(scope), expires_at))


@token_group.command("revoke")
@click.argument("token_id", type=int)
def revoke_token(token_id: int) -> None:
    """End the token with this id."""
    with _refusals():
        name = people.revoke_token(current(), _doer(), token_id)
    click.echo(json.dumps({"revoked": name}))


def _doer() -> Doer:
    return Doer("command line", None, now_ms())


def _password() -> str:
    """Typed twice by a person; a program sends it as a line, so no list of processes has it."""
    if sys.stdin.isatty():
        return str(click.prompt("Password", hide_input=True, confirmation_prompt=True))
    return sys.stdin.readline().rstrip("\r\n")


def _print(rows: list[dict[str, Any]]) -> None:
    shown = [
        {
            name: iso(value) if name in _TIMES and value is not None else value
            for name, value in row.items()
            if name not in _SECRET
        }
        for row in rows
    ]
    click.echo(json.dumps(shown, indent=2))


@contextmanager
def _refusals() -> Iterator[None]:
    try:
        yield
    except people.RefusedError as error:
        raise click.ClickException(str(error)) from None
    except SQLAlchemyError as error:
        raise click.ClickException(f"the store can't be reached: {error}") from None


COMMANDS = (login_link, user_group, token_group)
