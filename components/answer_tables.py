"""The grid of an answer: columns in a useful order, formatted, without those that are empty."""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping, Sequence
from typing import Any, Final

from dash import html

from components import format, tables
from components.quantities import Quantity, column
from components.reasons import all_of_it, why

GRID: Final = "ask-grid"
MOST_PX: Final = 560
MOST_BELOW_CHART_PX: Final = 400
_SCROLLBAR_PX: Final = 16
_NAME_CHARACTERS: Final = 64
_NAME: Final = "name"  # fields that rows of the store don't have
_HIDDEN: Final = frozenset({"endpoint", "method", "client", "subject", "causes"})  # in the name
_CALLS: Final = (
    "timestamp", "method", "endpoint", "status_code", "response_time_ms", "payload_size",
    "user_id", "ip_address", "path", "attack", "attack_score", "source", "received_at", "id",
)  # fmt: skip
_WINDOWS: Final = (
    "timestamp", "priority", "name", "risk_score", "reasons", "failure_probability",
    "anomaly_score", "is_anomaly", "usage_cluster", "req_count", "error_rate",
    "avg_response_time", "max_response_time", "payload_mean", "unique_endpoints", "repeat_rate",
    "status_entropy", "status_counts", "bot_score", "thin", "simulated_count", "model_version",
    "scored_at", "id",
)  # fmt: skip
_WIDTHS: Final = {
    "timestamp": 158, "received_at": 158, "scored_at": 158, "method": 88, "priority": 98,
    "status_code": 84, "reasons": 260, "name": 200, "endpoint": 170, "path": 170, "client": 150,
    "status_counts": 170, "model_version": 170, "user_id": 110, "ip_address": 130,
    "risk_score": 126, "id": 92,
}  # fmt: skip
_GROWING: Final = frozenset({"name", "endpoint", "reasons", "path", "client"})
_USUAL_WIDTH: Final = 118
_RIGHT: Final = frozenset({"count", "ms", "bytes", "share", "score", "risk", "bits"})
_FORMATTERS: Final = {
    "time": "ForesightMoment", "count": "ForesightQuantity", "ms": "ForesightMs",
    "bytes": "ForesightBytes", "share": "ForesightPercent", "score": "ForesightScore",
    "risk": "ForesightScore", "bits": "ForesightBits", "flag": "ForesightFlag",
}  # fmt: skip
_FILTERED: Final = {"time": "time", "status": "number", "priority": "choice", "flag": "choice"} | (
    dict.fromkeys(_RIGHT, "number")
)
_RENDERERS: Final = {"priority": "ForesightPill", "status": "ForesightStatus"}
Row = Mapping[str, Any]
Href = Callable[[Row], str | None]


def call_grid(rows: Sequence[Row], href: Href, ordered_by: str = "timestamp") -> html.Div:
    """Calls; `href` gives the page behind a row, if there is one.

    The column that they are ordered by stands beside the time, where a phone shows it too.
    """
    shown = [name for name in _CALLS if name in (rows[0] if rows else ())]
    rest = [name for name in (rows[0] if rows else ()) if name not in _CALLS]
    names = _early(ordered_by, _filled([*shown, *rest], rows))
    columns = [_column(name, column(name)) for name in names]
    return _grid(columns, [dict(row) | _linked(row, "endpoint", href) for row in rows])


def window_grid(rows: Sequence[Row], href: Href, ordered_by: str = "timestamp") -> html.Div:
    """Scored windows, as `call_grid`: what they are of in one column, and why in words."""
    known = [name for name in _WINDOWS if name == _NAME or name in (rows[0] if rows else ())]
    rest = [n for n in (rows[0] if rows else ()) if n not in known and n not in _HIDDEN]
    names = _early(ordered_by, _filled([*known, *rest], rows))
    columns = [_window_column(name) for name in names]
    return _grid(columns, [_window(row, href) for row in rows])


def group_grid(
    columns: Sequence[tuple[str, Quantity]],
    rows: Sequence[Row],
    href: Href,
    key: str | None,
    most_px: int = MOST_PX,
) -> html.Div:
    """Groups: the columns of an answer with what they are, keys first; `key` is what is linked."""
    shown = [_column(name, quantity, growing=name == key) for name, quantity in columns]
    for one in shown:
        one |= {"flex": 1}
    numbered = [
        dict(row) | _linked(row, key, href) | {"id": str(number)} for number, row in enumerate(rows)
    ]
    return _grid(shown, numbered, most_px)


def _grid(columns: list[dict[str, Any]], rows: Sequence[Row], most_px: int = MOST_PX) -> html.Div:
    height = min(tables.HEADER_PX + len(rows) * tables.ROW_PX + _SCROLLBAR_PX, most_px)
    keyed = [dict(row) | {"id": str(row["id"])} for row in rows]
    return tables.grid(GRID, columns, height, rows=keyed, label="Answer", export_name="answer")


def _filled(names: Sequence[str], rows: Sequence[Row]) -> list[str]:
    """Columns of which some row has a value."""
    empty = (None, "")
    return [n for n in names if n == _NAME or any(row.get(n) not in empty for row in rows)]


def _early(name: str, names: list[str]) -> list[str]:
    if name not in names[2:]:
        return names
    return [names[0], name, *(other for other in names[1:] if other != name)]


def _column(name: str, quantity: Quantity, *, growing: bool | None = None) -> dict[str, Any]:
    kind = quantity.kind
    more: dict[str, Any] = {"kind": _FILTERED.get(kind, "text")}
    if name in _GROWING if growing is None else growing:
        more["flex"] = 1
    if kind in _RIGHT:
        more["type"] = "rightAligned"
    if kind in _FORMATTERS:
        more["valueFormatter"] = {"function": f"{_FORMATTERS[kind]}(params.value)"}
    elif kind in _RENDERERS:
        more["cellRenderer"] = _RENDERERS[kind]
    else:
        more |= {"tooltipField": name, "cellRenderer": "ForesightText"}
    if kind == "priority":
        more["comparator"] = {"function": "ForesightPriorityOrder"}
    return tables.column(name, quantity.name, _WIDTHS.get(name, _USUAL_WIDTH), **more)


def _window_column(name: str) -> dict[str, Any]:
    if name == _NAME:
        made = _column(name, Quantity("Subject", "text"))
        return made | {"cellRenderer": "ForesightSubject"}
    made = _column(name, column(name))
    match name:
        case "timestamp":
            made["headerName"] = "Time (UTC)"
        case "risk_score":
            made["cellRenderer"] = "ForesightRisk"
        case "reasons":
            made |= {"field": "why", "tooltipField": "whys", "flex": 2, "cellClass": "cell-why"}
            made.pop("cellRenderer")
        case "status_counts":
            made |= {"field": "statuses", "tooltipField": "statuses"}
    return made


def _window(row: Row, href: Href) -> dict[str, Any]:
    name, calls = tables.subject_name(row), row["req_count"]
    return dict(row) | {
        _NAME: name,
        "shown": format.shortened(name, _NAME_CHARACTERS),
        "href": href(row),
        "why": why(row),
        "whys": all_of_it(row),
        "statuses": _statuses(row.get("status_counts")),
        "simulated": (row.get("simulated_count") or 0) / calls if calls else 0,
    }


def _statuses(counts: str | None) -> str:
    """`200: 182, 401: 298`."""
    found = json.loads(counts or "{}")
    return ", ".join(f"{code}: {found[code]:,}" for code in sorted(found))


def _linked(row: Row, key: str | None, href: Href) -> dict[str, Any]:
    """What `ForesightText` needs to make a link of one column."""
    found = href(row) if key else None
    return {"href": found, "linked": key} if found else {}
