"""Tokens on the Admin page: which there are, making one, ending one."""

from __future__ import annotations

import re
from collections.abc import Mapping
from datetime import UTC, date, datetime, timedelta
from typing import Any, Final, NamedTuple

from components import admin_tokens, admin_users
from components.admin_dialog import View
from components.admin_tokens import NEVER, ON_A_DATE, Token
from jobs.access import people
from jobs.access.audited import Doer
from jobs.access.people import RefusedError
from jobs.access.register import BOOTSTRAP_TOKEN, HINT_CHARACTERS, PREFIX
from jobs.access.roles import Role, Scope
from jobs.runtime import Foresight
from pages._admin_users import role_of, text_of
from store import accounts

CREATE: Final = "token"
REVOKE: Final = "revoke"
DAY_MS: Final = 86_400_000


class Created(NamedTuple):
    """A token that was made, to be shown once."""

    said: str
    shown: View


def tokens(parts: Foresight) -> list[Token]:
    """Every token, the one of the settings first, then the newest."""
    with parts.store.read() as connection:
        found = [_told(row) for row in accounts.all_tokens(connection)]
    return [_bootstrap(), *found] if parts.settings.api_token.get_secret_value() else found


def view(parts: Foresight, name: str, of: str, now: int) -> View:
    """What the dialog shows: the form of a new token, or whether one shall end."""
    if name == CREATE:
        return admin_tokens.create()
    token = next((found for found in tokens(parts) if str(found.id) == of), None)
    if token is None or token.is_revoked:
        return admin_users.gone(f"token {of!r} that could be revoked")
    return admin_tokens.revoke(token, now)


def revoke(parts: Foresight, doer: Doer, of: str) -> str:
    """End a token; what is said of it afterwards."""
    if not re.fullmatch(r"[0-9]{1,9}", of):
        raise RefusedError(f"{of!r} is no number of a token")
    name = people.revoke_token(parts, doer, int(of))
    return f"The token {name} is revoked: it opens nothing any more."


def create(parts: Foresight, doer: Doer, given: Mapping[str, Any], origin: str) -> Created:
    """Make a token.

    Parameters
    ----------
    given : mapping
        `name`, `role`, `scope`, `expiry` and, with an expiry on a date, `until`.
    origin : str
        Of this server, as the browser has it.

    Raises
    ------
    RefusedError
        Something of what was given makes no token; says what.
    """
    name, role, scope = text_of(given, "name").strip(), role_of(given), _scope_of(given)
    if scope is Scope.CALLS and not role.includes(Role.OPERATOR):
        raise RefusedError(f"posting calls needs the role operator; a {role} may only read")
    expires_at = expiry(str(given.get("expiry")), text_of(given, "until"), doer.at)
    text = people.create_token(parts, doer, name, role, scope, expires_at)
    made = Token(
        None,
        name,
        text[: len(PREFIX) + HINT_CHARACTERS],
        role,
        scope,
        doer.name,
        doer.at,
        expires_at,
        None,
        False,
    )
    shown = admin_tokens.shown_once(made, text, origin, doer.at)
    return Created(f"The token {name} was created.", shown)


def expiry(chosen: str, until: str, now: int) -> int | None:
    """When a token shall expire [epoch ms]; None: never.

    Parameters
    ----------
    chosen : str
        A number of days, `never`, or `date`: then `until` is the last day, as 2027-03-31.
    """
    if chosen == NEVER:
        return None
    if chosen == ON_A_DATE:
        return _end_of(until.strip())
    if chosen not in {choice.value for choice in admin_tokens.EXPIRIES}:
        raise RefusedError(f"{chosen!r} is no time after which a token expires")
    return now + int(chosen) * DAY_MS


def _end_of(day: str) -> int:
    try:
        if not re.fullmatch(r"\d{4}-\d\d-\d\d", day, re.ASCII):
            raise ValueError(day)
        after = datetime.combine(date.fromisoformat(day) + timedelta(days=1), datetime.min.time())
    except (ValueError, OverflowError):
        raise RefusedError(f"{day!r} is no date; write the last day as 2027-03-31") from None
    return round(after.replace(tzinfo=UTC).timestamp() * 1000) - 1


def _scope_of(given: Mapping[str, Any]) -> Scope:
    try:
        return Scope(given.get("scope", ""))
    except ValueError:
        raise RefusedError(
            f"{given.get('scope')!r} is no scope; there are {', '.join(Scope)}"
        ) from None


def _told(row: accounts.Token) -> Token:
    return Token(
        id=row.id,
        name=row.name,
        hint=row.hint,
        role=row.role,
        scope=row.scope,
        created_by=row.created_by,
        created_at=row.created_at,
        expires_at=row.expires_at,
        last_used_at=row.last_used_at,
        is_revoked=row.is_revoked,
    )


def _bootstrap() -> Token:
    return Token(
        id=None,
        name=BOOTSTRAP_TOKEN,
        hint="",
        role=Role.ADMIN,
        scope=Scope.ALL,
        created_by="set by the environment",
        created_at=None,
        expires_at=None,
        last_used_at=None,
        is_revoked=False,
    )
