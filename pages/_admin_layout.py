"""The parts of the Admin page before their figures are there."""

from __future__ import annotations

from typing import Any, Final

from dash import dcc, html

from components import admin_system, admin_tokens, admin_users, cards, shell, states, tables
from components.admin_dialog import leads_to
from components.icons import glyph
from pages import (
    _admin_audit,
    _admin_system,
    _admin_tokens,
    _admin_users,
    current,
    now_ms,
    page_path,
)
from pages._drawn import fingerprint

TABS: Final = {
    "users": ("people", "Users"),
    "tokens": ("key", "Tokens"),
    "audit": ("journal-check", "Audit log"),
    "system": ("heart-pulse", "System"),
}
GRID_PX: Final = 560


def tabs(current_tab: str) -> html.Nav:
    """The ways to the parts of the page."""

    def tab(name: str, icon: str, word: str) -> Any:
        inside = [glyph(icon), html.Span(word)]
        if name == current_tab:
            return html.Span(inside, className="admin-tab admin-tab-on", **{"aria-current": "page"})
        return dcc.Link(inside, href=f"{page_path('/admin')}?tab={name}", className="admin-tab")

    return html.Nav(
        [tab(name, *words) for name, words in TABS.items()],
        className="admin-tabs",
        **{"aria-label": "Parts of this page"},
    )


def unknown(asked: str) -> html.P:
    """Of an address with a tab that is none."""
    said = f"tab={asked[:40]!r} is none of {', '.join(TABS)}: shown is users."
    return html.P(said, className="admin-problem", role="alert")


def body(tab: str, action: str, before: str) -> list[Any]:
    """What a tab holds; of the audit log `action` and `before` say which entries."""
    match tab:
        case "tokens":
            return _tokens()
        case "audit":
            return _audit(action, before)
        case "system":
            return _system()
        case _:
            return _users()


def _users() -> list[Any]:
    return [
        cards.card(
            "Users",
            _grid("users", admin_users.columns()),
            subtitle="People sign in by name and password; a session ends after 12 idle hours",
            aside=_opener("person-plus", "Add user", _admin_users.ADD),
        )
    ]


def _tokens() -> list[Any]:
    return [
        cards.card(
            "Tokens",
            _grid("tokens", admin_tokens.columns()),
            subtitle="Programs send one as “Authorization: Bearer …”; only hashes are stored",
            aside=_opener("plus-lg", "Create token", _admin_tokens.CREATE),
        )
    ]


def _audit(group: str, before: str) -> list[Any]:
    asked = _admin_audit.asked_for(group, before)
    page = _admin_audit.found(current(), asked)
    verify = html.Button(
        [glyph("shield-check"), "Verify"], id="admin-verify", type="button", className="button"
    )
    return [
        # What is older does not change.
        shell.tick("admin-audit") if asked.before is None else None,
        dcc.Store(id="admin-group", data=asked.group),
        dcc.Store(id="admin-audit-drawn", data=fingerprint(page)),
        cards.card(
            "Audit log",
            html.Div(id="admin-verdict", role="status"),
            html.P(asked.problem, className="admin-problem", role="alert")
            if asked.problem
            else None,
            _admin_audit.filters(asked.group),
            _ways_to_ask() if asked.group == "questions" else None,
            html.Div(_admin_audit.shown(page, asked, now_ms()), id="admin-audit"),
            subtitle="Append-only; each entry carries a keyed hash of the one before",
            aside=verify,
        ),
    ]


def _ways_to_ask() -> html.P:
    ask = dcc.Link("Ask", href=page_path("/ask"))
    return html.P(["Questions are asked and answered on ", ask, "."], className="admin-told")


def _system() -> list[Any]:
    examine = html.Button(
        [glyph("clipboard2-pulse"), "Run the checks"],
        id="admin-examine",
        type="button",
        className="button",
    )
    return [
        shell.tick("admin-system"),
        dcc.Store(id="admin-system-drawn"),
        html.Div(
            [cards.card(" ", states.skeleton("rows")) for _ in range(3)],
            id="admin-system",
            className="admin-panels",
        ),
        cards.card(
            "Jobs", html.Div(states.skeleton("rows"), id="admin-jobs"), subtitle="Last runs"
        ),
        cards.card(
            "Doctor",
            html.Div(
                [
                    "What ",
                    html.Code("flask doctor"),
                    " looks at: packages, secrets, folders, store.",
                ],
                id="admin-findings",
                className="card-sub",
                role="status",
            ),
            aside=examine,
        ),
        cards.card(
            "Settings",
            admin_system.settings_table(_admin_system.settings_of(current().settings)),
            subtitle="Of this server, from its environment and .env; bold is what is no default",
        ),
    ]


def _grid(tab: str, columns: list[tables.Column]) -> html.Div:
    return tables.grid(
        {"type": "admin-grid", "tab": tab},
        columns,
        GRID_PX,
        label=TABS[tab][1],
        export_name=tab,
    )


def _opener(icon: str, word: str, view: str) -> html.Button:
    return html.Button(
        [glyph(icon), word], type="button", className="button button-main", **leads_to(view)
    )
