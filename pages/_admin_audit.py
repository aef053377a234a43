"""The audit log on the Admin page: one page of it, and the check of its chain."""

from __future__ import annotations

import json
import re
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Final
from urllib.parse import urlencode

from dash import dcc, html

from components import admin_audit
from components.admin_audit import GROUPS, Entry
from jobs.access.audited import audit_key
from jobs.runtime import Foresight
from pages import page_path
from store import audit

PAGE: Final = 100  # entries
_NUMBER: Final = re.compile(r"[1-9][0-9]{0,17}")


@dataclass(frozen=True)
class Asked:
    """Which entries the address asks for; `problem` says what of it can't be read."""

    group: str = ""
    before: int | None = None
    problem: str = ""


@dataclass(frozen=True)
class Found:
    """A page of entries, and whether there are older ones."""

    entries: list[Entry]
    has_older: bool


def asked_for(group: str, before: str) -> Asked:
    """Read the address; what is wrong there is told, and left out."""
    known = group if group in GROUPS else ""
    if group != known:
        said = f"action={group[:40]!r} is none of {', '.join(filter(None, GROUPS))}: shown is all."
        return Asked(problem=said)
    if before and not _NUMBER.fullmatch(before):
        said = f"before={before[:40]!r} is no number of an entry: shown are the newest."
        return Asked(known, problem=said)
    return Asked(known, int(before) if before else None)


def found(parts: Foresight, asked: Asked) -> Found:
    """The entries that the address asks for."""
    begins = GROUPS[asked.group][1]
    with parts.store.read() as connection:
        rows = audit.newest_entries(connection, PAGE + 1, asked.before, begins)
    return Found([_told(row) for row in rows[:PAGE]], len(rows) > PAGE)


def shown(page: Found, asked: Asked, now: int) -> list[Any]:
    """The table, and the ways to older and to the newest entries."""
    if not page.entries:
        return [admin_audit.nothing(asked.group, asked.before), _ways(page, asked)]
    return [
        html.Div(admin_audit.table(page.entries, now, _ask), className="admin-scroll"),
        _ways(page, asked),
    ]


def filters(chosen: str) -> html.Nav:
    """Links to the groups of actions."""
    return html.Nav(
        [
            html.Span(word, className="segment segment-on", **{"aria-current": "page"})
            if group == chosen
            else dcc.Link(word, href=href(group), className="segment")
            for group, (word, _) in GROUPS.items()
        ],
        className="segments admin-filters",
        **{"aria-label": "Kind of action"},
    )


def verified(parts: Foresight) -> html.P:
    """Go through the whole log."""
    with parts.store.read() as connection:
        verdict = audit.verify(connection, audit_key(parts.session_key))
    return admin_audit.verdict(verdict.entries, verdict.problem)


def href(group: str, before: int | None = None) -> str:
    """Address of a page of the log."""
    query = {"tab": "audit", "action": group, "before": str(before or "")}
    return f"{page_path('/admin')}?{urlencode({k: v for k, v in query.items() if v})}"


def _ways(page: Found, asked: Asked) -> html.Nav | None:
    newest = dcc.Link("Newest", href=href(asked.group), className="button")
    older = (
        dcc.Link(
            f"Older than entry {page.entries[-1].id:,}",
            href=href(asked.group, page.entries[-1].id),
            className="button",
        )
        if page.has_older
        else None
    )
    if asked.before is None and older is None:
        return None
    ways = [newest if asked.before is not None else None, older]
    return html.Nav(ways, className="admin-ways", **{"aria-label": "Pages of the log"})


def _ask(text: str) -> str:
    return f"{page_path('/ask')}?{urlencode({'q': text})}"


def _told(row: audit.Entry) -> Entry:
    return Entry(row.id, row.at, row.who, row.address, row.action, row.subject, _detail(row))


def _detail(row: audit.Entry) -> Mapping[str, Any]:
    """What was noted; an entry that somebody changed in the database is shown all the same."""
    try:
        noted = json.loads(row.detail)
    except ValueError:
        return {"detail": row.detail}
    return noted if isinstance(noted, Mapping) else {"detail": row.detail}
