"""Tokens on the Admin page: their table, making one, showing it once, ending it."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from typing import Any, Final

from dash import html

from components import cards, format, tables
from components.admin_dialog import (
    Choice,
    View,
    choice_field,
    effects,
    facts,
    text_field,
    warning,
)
from components.icons import glyph

ROLES: Final = (
    Choice("viewer", "Viewer", "reads"),
    Choice("operator", "Operator", "also posts calls, acknowledges and exports"),
    Choice("admin", "Admin", "does everything, also on this page"),
)
SCOPES: Final = (
    Choice("read", "Read", "all that its role sees; nothing is changed by it"),
    Choice("metrics", "Metrics", "GET /metrics alone, for monitoring"),
    Choice("calls", "Calls", "POST /api/calls alone, for services that report theirs"),
    Choice("all", "All", "everything that its role may do"),
)
ON_A_DATE: Final = "date"
NEVER: Final = "never"
EXPIRIES: Final = (
    Choice("30", "30 days", ""),
    Choice("90", "90 days", ""),
    Choice("365", "1 year", ""),
    Choice(NEVER, "never", ""),
    Choice(ON_A_DATE, "on a date", ""),
)
_ASKED: Final = {  # by scope, with a place for the server
    "calls": "-H 'Content-Type: application/json' -d '[]' {}/api/calls",
    "metrics": "{}/metrics",
}


@dataclass(frozen=True)
class Token:
    """What is told of a token; times are epoch ms."""

    id: int | None  # None: it is a setting
    name: str
    hint: str
    role: str
    scope: str
    created_by: str
    created_at: int | None
    expires_at: int | None
    last_used_at: int | None
    is_revoked: bool

    def state(self, now: int) -> str:
        """In a word."""
        if self.is_revoked:
            return "revoked"
        return "active" if self.expires_at is None or self.expires_at > now else "expired"


def columns() -> list[tables.Column]:
    """Columns of `rows`."""
    return [
        tables.column("name", "Name", 130, flex=1, cellRenderer="ForesightAdminName", narrow=104),
        tables.column("hint", "Begins with", 116, cellClass="admin-code", hide_below=980),
        tables.choice_column("role", "Role", 96, hide_below=480),
        tables.choice_column("scope", "Scope", 96, hide_below=560),
        tables.choice_column("state", "State", 106, cellRenderer="ForesightAdminState", narrow=98),
        tables.time_column(
            "last_used_at",
            "Last used",
            116,
            cellRenderer="ForesightAdminAgo",
            tooltip="Written each half minute",
            hide_below=640,
        ),
        tables.time_column(
            "expires_at",
            "Expires (UTC)",
            140,
            cellRenderer="ForesightAdminTime",
            hide_below=760,
        ),
        tables.column("created_by", "Created by", 176, hide_below=1090),
        tables.time_column("created_at", "Created (UTC)", 140, hide_below=1240),
        tables.column(
            "act",
            "Change",
            104,
            cellRenderer="ForesightAdminAct",
            sortable=False,
            filter=False,
            export=False,
            resizable=False,
            narrow=98,
        ),
    ]


def rows(tokens: Iterable[Token], now: int) -> list[dict[str, Any]]:
    """One a token; what can't be ended has no button."""
    return [
        {
            "id": str(token.id),
            "name": token.name,
            "hint": f"{token.hint}\u2026" if token.hint else None,
            "role": token.role,
            "scope": token.scope,
            "state": token.state(now),
            "last_used_at": token.last_used_at,
            "expires_at": token.expires_at,
            "created_by": token.created_by,
            "created_at": token.created_at,
            "act": "Revoke" if token.id and token.state(now) == "active" else None,
            "act_of": {"view": "revoke", "of": str(token.id)},
        }
        for token in tokens
    ]


def create() -> View:
    """Everything that a token needs."""
    return View(
        "Create a token",
        [
            text_field("name", "Name", hint="The program or service that will use it", first=True),
            choice_field("scope", "Scope: what it is for", SCOPES, "read"),
            choice_field("role", "Role: what it may do at most", ROLES, "viewer"),
            choice_field("expiry", "Expires", EXPIRIES, "90", inline=True),
            html.Div(
                text_field("until", "Last day", hint="As 2027-03-31; to its end, UTC", most=10),
                className="admin-until",
            ),
        ],
        confirm="Create token",
    )


def shown_once(token: Token, text: str, origin: str, now: int) -> View:
    """A token that was just made.

    Parameters
    ----------
    text : str
        The token itself.
    origin : str
        Of this server, as the browser has it.
    """
    asked = _ASKED.get(token.scope, "{}/api/stats").format(origin)
    command = f'curl -H "Authorization: Bearer {text}" {asked}'
    expires = "never" if token.expires_at is None else format.moment(token.expires_at, now)
    return View(
        "Copy the token now",
        [
            warning("It is shown this once. Only its hash is kept, so nobody can look it up."),
            _copied("admin-token", text, "Copy token"),
            facts(
                [
                    ("Name", token.name),
                    ("Role, scope", f"{token.role}, {token.scope}"),
                    ("Expires", expires),
                ]
            ),
            html.P("Try it:", className="admin-hint"),
            _copied("admin-curl", command, "Copy command"),
        ],
        cancel="Done",
    )


def revoke(token: Token, now: int) -> View:
    """Whether a token shall end."""
    used = "never" if token.last_used_at is None else cards.since(token.last_used_at, now)
    return View(
        ["Revoke ", html.Span(token.name, className="admin-name"), "?"],
        [
            facts(
                [
                    ("Begins with", html.Code(f"{token.hint}\u2026")),
                    ("Role, scope", f"{token.role}, {token.scope}"),
                    ("Created by", token.created_by),
                    ("Last used", used),
                ]
            ),
            effects(
                "Programs that use it get 401 from now on.",
                "It can't be taken back: create another one.",
            ),
        ],
        confirm="Revoke",
    )


def _copied(id: str, text: str, word: str) -> html.Div:
    return html.Div(
        [
            html.Code(text, id=id, tabIndex=0),
            html.Button(
                [glyph("copy"), html.Span(word)],
                type="button",
                className="button",
                **{"data-copies": id},
            ),
        ],
        className="admin-copied",
    )
