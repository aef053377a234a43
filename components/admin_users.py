"""Users on the Admin page: their table, and what the dialog asks before one is changed."""

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
    leads_to,
    text_field,
    warning,
)
from components.icons import glyph

MOST_OF_PASSWORD: Final = 1_024  # characters
ROLES: Final = (
    Choice("viewer", "Viewer", "sees all pages but Ask, Lab and Admin; changes nothing"),
    Choice("operator", "Operator", "also acknowledges alerts, judges them and exports"),
    Choice("admin", "Admin", "also asks, changes models, users and tokens, and plays in the lab"),
)
AN: Final = {"viewer": "a viewer", "operator": "an operator", "admin": "an admin"}
_PASSWORD_HINT: Final = (
    "12 characters or more; names, common words and runs such as 1234 count for nothing."
)
_OWN: Final = "This is your own account: you will have to sign in again."


@dataclass(frozen=True)
class User:
    """What is told of an account; times are epoch ms."""

    name: str
    role: str
    is_active: bool
    has_password: bool
    created_at: int
    last_login_at: int | None
    by_setting: bool = False  # its password is one of the settings

    @property
    def state(self) -> str:
        """In a word or two."""
        if not self.is_active:
            return "locked"
        return "active" if self.has_password or self.by_setting else "no password"


def columns() -> list[tables.Column]:
    """Columns of `rows`."""
    return [
        tables.column("name", "Name", 150, flex=1, cellRenderer="ForesightAdminName", narrow=110),
        tables.choice_column("role", "Role", 104, narrow=88),
        tables.choice_column(
            "state", "State", 126, cellRenderer="ForesightAdminState", hide_below=640
        ),
        tables.time_column(
            "last_login_at",
            "Last login (UTC)",
            180,
            ago=True,
            cellRenderer="ForesightAdminTime",
            hide_below=520,
        ),
        tables.time_column("created_at", "Added (UTC)", 150, hide_below=820),
        _act_column(),
    ]


def rows(users: Iterable[User], who: str) -> list[dict[str, Any]]:
    """One a user; the account of the one who asks is marked."""
    return [
        {
            "id": user.name,
            "name": user.name,
            "own": user.name == who,
            "role": user.role,
            "state": user.state,
            "last_login_at": user.last_login_at,
            "created_at": user.created_at,
            "act": "Manage",
            "act_of": {"view": "manage", "of": user.name},
        }
        for user in users
    ]


def _act_column() -> tables.Column:
    return tables.column(
        "act",
        "Change",
        104,
        cellRenderer="ForesightAdminAct",
        sortable=False,
        filter=False,
        export=False,
        resizable=False,
        narrow=98,
    )


def add() -> View:
    """Everything that an account needs."""
    return View(
        "Add a user",
        [
            text_field("name", "Name", hint="Letters, digits and . _ @ -", first=True),
            choice_field("role", "Role", ROLES, "viewer"),
            *_passwords("Password"),
        ],
        confirm="Add user",
    )


def manage(user: User, now: int, *, own: bool) -> View:
    """What is known of a user, and all that can be changed."""
    lock = (
        ("lock", "lock", "Lock\u2026", "Keeps them out until you unlock them")
        if user.is_active
        else ("unlock", "unlock", "Unlock\u2026", "Lets them sign in again")
    )
    acts = [
        ("role", "person-gear", "Change role\u2026", "Their sessions end"),
        ("password", "key", "New password\u2026", "Their sessions end"),
        ("logout", "box-arrow-right", "Sign out everywhere\u2026", "On all browsers"),
        lock,
    ]
    return View(
        _named(user.name),
        [
            facts(
                [
                    ("Role", user.role),
                    ("State", user.state),
                    ("Last login", _login(user, now)),
                    ("Added", cards.since(user.created_at, now)),
                ]
            ),
            warning("This is your own account.") if own else None,
            html.Ul([_act(user.name, *act) for act in acts], className="admin-acts"),
        ],
        cancel="Close",
    )


def change_role(user: User, *, own: bool) -> View:
    """Which role it shall be."""
    return View(
        ["Change the role of ", _named(user.name)],
        [
            choice_field("role", f"Now {AN.get(user.role, user.role)}", ROLES, user.role),
            effects("Their sessions end: the new role counts from the next login on."),
            warning(_OWN) if own else None,
        ],
        confirm="Change role",
    )


def new_password(user: User, *, own: bool) -> View:
    """The new password, twice."""
    return View(
        ["New password for ", _named(user.name)],
        [
            *_passwords("New password"),
            effects("Their sessions end.", "Tell it to them in person; it is shown nowhere."),
            warning(_OWN) if own else None,
        ],
        confirm="Set password",
    )


def sign_out(user: User, *, own: bool) -> View:
    """Whether all sessions shall end."""
    return View(
        ["Sign ", _named(user.name), " out everywhere?"],
        [
            effects(
                "Every browser in which they are signed in has to sign in again.",
                "Tokens of programs go on.",
            ),
            warning(_OWN) if own else None,
        ],
        confirm="Sign out everywhere",
    )


def lock(user: User, *, own: bool) -> View:
    """Whether a user shall be kept out."""
    return View(
        ["Lock ", _named(user.name), "?"],
        [
            effects(
                "They can't sign in until an admin unlocks them, and their sessions end.",
                "What they did stays in the audit log. Tokens that they created go on.",
            ),
            warning("This is your own account: you will be locked out.") if own else None,
        ],
        confirm="Lock",
    )


def unlock(user: User) -> View:
    """Whether a user may come in again."""
    return View(
        ["Unlock ", _named(user.name), "?"],
        [effects("They can sign in again, with the password that they had.")],
        confirm="Unlock",
    )


def gone(what: str) -> View:
    """Something was changed meanwhile."""
    return View(f"There is no {what} any more", [html.P("Reload the page.")], cancel="Close")


def _named(name: str) -> html.Span:
    return html.Span(format.shortened(name, 64), className="admin-name")


def _passwords(label: str) -> list[html.Div]:
    options: dict[str, Any] = {
        "kind": "password",
        "complete": "new-password",
        "most": MOST_OF_PASSWORD,
    }
    first = label != "Password"
    return [
        text_field("password", label, hint=_PASSWORD_HINT, first=first, **options),
        text_field("again", "The same again", **options),
    ]


def _act(name: str, view: str, icon: str, word: str, means: str) -> html.Li:
    return html.Li(
        html.Button(
            [glyph(icon), html.Span([word, html.Small(means)])],
            type="button",
            className="admin-act",
            **leads_to(view, name),
        )
    )


def _login(user: User, now: int) -> Any:
    return "never" if user.last_login_at is None else cards.since(user.last_login_at, now)
