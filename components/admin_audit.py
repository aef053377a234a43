"""The audit log as people read it: a sentence an entry, a hundred a page."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Final

from dash import html

from components import format, states
from components.admin_users import AN
from components.icons import glyph
from components.markup import Element, element, icon, link

GROUPS: Final = {  # key in the address -> its word, and how actions of it begin
    "": ("All", ""),
    "logins": ("Logins", "log"),  # login, login.refused, logout
    "users": ("Users", "user."),
    "tokens": ("Tokens", "token."),
    "models": ("Models", "model."),
    "exports": ("Exports", "export"),
    "questions": ("Questions", "question"),
    "settings": ("Settings", "settings"),
    "clients": ("Forgotten clients", "client."),
}
_MOST: Final = 160  # characters of what somebody typed
_ICONS: Final = {
    "log": "box-arrow-in-right",
    "user": "person",
    "token": "key",  # an icon  # nosec B105
    "model": "cpu",
    "export": "download",
    "question": "chat-dots",
    "settings": "sliders",
    "client": "eraser",
}
_BY: Final = {"password": "by password", "link": "by a one-time link"}  # words  # nosec B105


@dataclass(frozen=True)
class Entry:
    """One entry; `at` in epoch ms, `detail` what was noted beside it."""

    id: int
    at: int
    who: str
    address: str | None
    action: str
    subject: str
    detail: Mapping[str, Any]


def table(entries: Sequence[Entry], now: int, ask: Callable[[str], str]) -> Element:
    """Entries, one a row.

    Parameters
    ----------
    ask : callable
        Address at which a question is asked.
    """
    names = (("Entry", "number"), ("Time (UTC)", ""), ("Who", ""), ("What", ""), ("From", ""))
    head = [element("Th", name, scope="col", className=kind or None) for name, kind in names]
    return element(
        "Table",
        [
            element("Thead", element("Tr", head)),
            element("Tbody", [_row(entry, now, ask) for entry in entries]),
        ],
        className="facts admin-audit",
    )


def nothing(group: str, before: int | None) -> html.Div:
    """There is no such entry."""
    if before is not None:
        return states.empty("journal-check", "Nothing older", "This is the beginning of the log.")
    word = GROUPS[group][0].lower()
    title = f"No entry of {word} yet" if group else "No entry yet"
    return states.empty("journal-check", title, "What people and programs do is noted here.")


def verdict(entries: int, problem: str | None) -> html.P:
    """What a check of the chain found."""
    if problem is None:
        words = (
            "1 entry, it fits" if entries == 1 else f"{format.number(entries)} entries, each fits"
        )
        return html.P([glyph("check-circle"), words], className="admin-verdict admin-fits")
    said = f"Not as it was written: {problem}. {format.number(entries)} before it fit."
    return html.P([glyph("exclamation-octagon"), said], className="admin-verdict admin-broken")


def sentence(entry: Entry) -> str:
    """What was done, after the name of who did it; of an unknown action all that was noted."""
    told = _SENTENCES.get(entry.action)
    if told is None:
        noted = ", ".join(f"{name}: {_short(value)}" for name, value in entry.detail.items())
        parts = filter(None, (_short(entry.subject), noted))
        return f"{entry.action} {', '.join(parts)}".strip()
    return told(_short(entry.subject), entry.detail)


def _row(entry: Entry, now: int, ask: Callable[[str], str]) -> Element:
    kind = entry.action.partition(".")[0]
    refused = entry.action.endswith("refused")
    what: list[Any] = [icon(_ICONS.get("log" if kind in ("login", "logout") else kind, "dot"))]
    said = sentence(entry)
    if entry.action == "question":
        what.append(link(said, ask(entry.subject)))
    else:
        what.append(element("Span", said))
    return element(
        "Tr",
        [
            element("Td", format.number(entry.id), className="number"),
            element("Td", element("Time", _moment(entry.at, now)), className="admin-when"),
            element("Td", format.shortened(entry.who, 48), title=entry.who, className="admin-who"),
            element("Td", element("Div", what), className="admin-what"),
            element("Td", entry.address or format.MISSING, className="admin-from"),
        ],
        className="admin-refused" if refused else None,
    )


def _moment(at: int, now: int) -> str:
    seconds = at // 1000 % 60
    return f"{format.moment(at, now).removesuffix(' UTC')}:{seconds:02}"


def _short(value: object) -> str:
    return format.shortened(str(value), _MOST)


def _role(detail: Mapping[str, Any]) -> str:
    role = str(detail.get("role", ""))
    return AN.get(role, f"the role {role}")


def _login(_: str, detail: Mapping[str, Any]) -> str:
    return f"signed in {_BY.get(str(detail.get('by')), '')}".strip()


def _refused(name: str, detail: Mapping[str, Any]) -> str:
    if detail.get("by") == "link":
        return "was refused: a one-time link that was used before or is no longer valid"
    return f"was refused as “{name}”" if name else "was refused"


def _token(name: str, detail: Mapping[str, Any]) -> str:
    return f"created the token “{name}” (role {detail.get('role')}, scope {detail.get('scope')})"


def _exported(name: str, detail: Mapping[str, Any]) -> str:
    rows = detail.get("rows")
    many = f", {format.plural(rows, 'row')}" if isinstance(rows, int) else ""
    kind = f" as {str(detail['format']).upper()}" if "format" in detail else ""
    return f"exported {name}{kind}{many}"


def _promoted(name: str, detail: Mapping[str, Any]) -> str:
    return f"promoted the models {name}{_reason(detail)}"


def _rolled_back(name: str, detail: Mapping[str, Any]) -> str:
    return f"rolled the models back to {name}{_reason(detail)}"


def _reason(detail: Mapping[str, Any]) -> str:
    reason = _short(detail.get("reason", ""))
    return f": {reason}" if reason and reason != "by hand" else ""


def _settings(names: str, detail: Mapping[str, Any]) -> str:
    values = detail.get("values")
    known = values if isinstance(values, Mapping) else {}
    told = [
        f"{name.upper()} = {_short(known[name])}" if name in known else f"{name.upper()} = default"
        for name in filter(None, names.split(", "))
    ]
    return f"started with other settings: {', '.join(told)}"


def _asked(text: str, detail: Mapping[str, Any]) -> str:
    return f"asked “{text}”" + (" (not answered)" if detail.get("outcome") == "refused" else "")


def _forgot(name: str, detail: Mapping[str, Any]) -> str:
    rows = detail.get("rows")
    total = sum(rows.values()) if isinstance(rows, Mapping) else rows
    many = f": {format.plural(total, 'row')}" if isinstance(total, int) else ""
    return f"removed the client {name} from the store{many}"


_SENTENCES: Final[Mapping[str, Callable[[str, Mapping[str, Any]], str]]] = {
    "login": _login,
    "login.refused": _refused,
    "logout": lambda _, __: "signed out",
    "user.create": lambda name, detail: f"added the user {name} as {_role(detail)}",
    "user.role": lambda name, detail: f"made {name} {_role(detail)}",
    "user.password": lambda name, _: f"gave {name} a new password",
    "user.lock": lambda name, _: f"locked {name}",
    "user.unlock": lambda name, _: f"unlocked {name}",
    "user.logout_everywhere": lambda name, _: f"signed {name} out everywhere",
    "token.create": _token,
    "token.revoke": lambda name, _: f"revoked the token “{name}”",
    "model.promote": _promoted,
    "model.rollback": _rolled_back,
    "export": _exported,
    "export.make": lambda name, _: f"had the {name} made",
    "question": _asked,
    "settings": _settings,
    "client.forget": _forgot,
}
