"""Grids: one look for all, and the columns of scored windows. Renderers are in `assets/grid.js`."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterable, Mapping
from typing import Any, Final

import dash_ag_grid as dag
from dash import html

from components import cards, format
from components.reasons import all_of_it, why

ROW_PX: Final = 42
HEADER_PX: Final = 38
_NAME_CHARACTERS: Final = 64
_FAILURE: Final = "Probability that the subject fails now or within the next 5 minutes"
_RISK: Final = "0.45 anomaly score + 0.35 failure probability + 0.20 if used like a bot"
Row = Mapping[str, Any]

# Every colour is a custom property of the page, so the grid follows a change of theme by itself.
_THEME: Final = {
    "backgroundColor": "var(--surface)",
    "oddRowBackgroundColor": "var(--surface)",
    "headerBackgroundColor": "var(--surface)",
    "chromeBackgroundColor": "var(--surface)",
    "menuBackgroundColor": "var(--float)",
    "rowHoverColor": "var(--raised)",
    "foregroundColor": "var(--text)",
    "cellTextColor": "var(--text)",
    "headerTextColor": "var(--text-2)",
    "accentColor": "var(--accent)",
    "borderColor": "var(--line)",
    "headerColumnResizeHandleColor": "transparent",
    "browserColorScheme": "inherit",
    "fontFamily": "inherit",
    "fontSize": 13,
    "headerFontSize": 12,
    "headerFontWeight": 500,
    "rowHeight": ROW_PX,
    "headerHeight": HEADER_PX,
    "cellHorizontalPadding": 12,
    "spacing": 6,
    "iconSize": 13,
    "borderRadius": 6,
    "wrapperBorderRadius": 0,
    "wrapperBorder": False,
    "columnBorder": False,
}


def grid(id: str, columns: list[dict[str, Any]], height: int) -> html.Div:
    """A grid of fixed height [px] under a cover (`<id>-state`); a row's key is its `id`."""
    table = dag.AgGrid(
        id=id,
        columnDefs=columns,
        rowData=[],
        getRowId="params.data.id",
        defaultColDef={
            "sortable": True,
            "resizable": True,
            "suppressMovable": True,
            "suppressHeaderMenuButton": True,
        },
        dashGridOptions={
            "theme": {"function": f"themeQuartz.withParams({json.dumps(_THEME)})"},
            "animateRows": False,
            "suppressCellFocus": False,
            "enableCellTextSelection": True,
            "suppressNoRowsOverlay": True,
            "tooltipShowDelay": 400,
        },
        style={"height": f"{height}px", "width": "100%"},
    )
    return html.Div([table, cards.cover(f"{id}-state", "rows")], className="grid-frame")


def window_columns() -> list[dict[str, Any]]:
    """Columns of `window_rows`."""
    return [
        _column("at", "Window (UTC)", 148, cellRenderer="ForesightWhen", sort=None),
        _column("priority", "Priority", 98, cellRenderer="ForesightPill", comparator=_order()),
        _column("name", "Subject", 180, flex=1, cellRenderer="ForesightSubject"),
        _column("why", "Why", 190, flex=3, cellClass="cell-why", tooltipField="whys"),
        _number("calls", "Calls", 72, "ForesightCount"),
        _number("failure", "Failure", 84, "ForesightPercent", _FAILURE),
        _number("anomaly", "Anomaly", 90, "ForesightScore", "0 ordinary, 1 unlike all seen before"),
        _column(
            "risk", "Risk", 126, cellRenderer="ForesightRisk", type="rightAligned", tooltip=_RISK
        ),
    ]


def window_rows(
    windows: Iterable[Row], now: int, href: Callable[[Row], str | None] = lambda _: None
) -> list[dict[str, Any]]:
    """Scored windows as grid rows; `href` gives the page of a window's subject, if there is one."""
    return [_window_row(window, now, href(window)) for window in windows]


def subject_name(window: Row) -> str:
    """`POST /payment` of an endpoint window, the client of a client window."""
    if window["subject"] == "client":
        return str(window["client"])
    return f"{window['method']} {window['endpoint']}"


def _window_row(window: Row, now: int, href: str | None) -> dict[str, Any]:
    calls = window["req_count"]
    name = subject_name(window)
    return {
        "id": str(window["id"]),
        "at": window["timestamp"],
        "when": format.moment(window["timestamp"], now).removesuffix(" UTC"),
        "today": format.is_today(window["timestamp"], now),
        "priority": window["priority"],
        "subject": window["subject"],
        "name": name,
        "shown": format.shortened(name, _NAME_CHARACTERS),
        "href": href,
        "why": why(window),
        "whys": all_of_it(window),
        "calls": calls,
        "failure": window["failure_probability"],
        "anomaly": window["anomaly_score"],
        "risk": window["risk_score"],
        "thin": bool(window["thin"]),
        "simulated": window["simulated_count"] / calls if calls else 0,
    }


def _column(field: str, title: str, width: int, **more: Any) -> dict[str, Any]:
    tooltip = more.pop("tooltip", None)
    size = {"minWidth": width} if "flex" in more else {"width": width, "minWidth": width}
    column = {"field": field, "headerName": title, **size, **more}
    if tooltip:
        column["headerTooltip"] = tooltip
    return {name: value for name, value in column.items() if value is not None}


def _number(
    field: str, title: str, width: int, formatter: str, tooltip: str | None = None
) -> dict[str, Any]:
    return _column(
        field,
        title,
        width,
        type="rightAligned",
        valueFormatter={"function": f"{formatter}(params.value)"},
        tooltip=tooltip,
    )


def _order() -> dict[str, str]:
    return {"function": "ForesightPriorityOrder"}
