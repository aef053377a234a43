"""Grids: one look for all, their columns, and the rows of scored windows.

Renderers, filters and what fits a narrow screen are in `assets/grid.js`.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Iterable, Mapping, Sequence
from typing import Any, Final

import dash_ag_grid as dag
from dash import dcc, html

from components import cards, format
from components.icons import glyph
from components.reasons import all_of_it, why

ROW_PX: Final = 42
HEADER_PX: Final = 38
EXPORT_FORMATS: Final = ("csv", "xlsx")
_NAME_CHARACTERS: Final = 64
_UNITS: Final = {"ForesightMs": "ms", "ForesightBytes": "bytes", "ForesightBits": "bit"}  # in files
_FAILURE: Final = "Probability that the subject fails now or within the next 5 minutes"
_ANOMALY: Final = "0 ordinary, 1 unlike all seen before"
_RISK: Final = "0.45 anomaly score + 0.35 failure probability + 0.20 if used like a bot"
Row = Mapping[str, Any]
Column = dict[str, Any]
GridId = str | dict[str, Any]

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
    "checkboxBorderRadius": 3,
    "wrapperBorderRadius": 0,
    "wrapperBorder": False,
    "columnBorder": False,
}
_LISTENERS: Final = {
    "modelUpdated": ["ForesightFitted(params)", "ForesightCounted(params)"],
    "filterChanged": ["ForesightCounted(params)"],
    "gridSizeChanged": ["ForesightFitted(params)"],
    "newColumnsLoaded": ["ForesightFitted(params)"],
}
_FILTERS: Final[dict[str, Column]] = {
    "text": {"filter": "agTextColumnFilter", "filterParams": {"maxNumConditions": 2}},
    "number": {"filter": "agNumberColumnFilter", "filterParams": {"maxNumConditions": 2}},
    "choice": {"filter": {"function": "ForesightChoice"}},
    "time": {
        "filter": "agDateColumnFilter",
        "filterParams": {
            "includeTime": True,
            "comparator": {"function": "ForesightTimeOrder"},
            "filterOptions": ["greaterThan", "lessThan", "inRange"],
            "maxNumConditions": 1,
        },
    },
}


def grid(
    id: GridId,
    columns: Sequence[Column],
    height: int,
    *,
    rows: Iterable[Row] = (),
    label: str = "",
    export_name: str | None = None,
    toolbar: bool = True,
    selectable: bool = False,
) -> html.Div:
    """A grid of fixed height [px] with search, filters and export, under a cover (`state_id`).

    Parameters
    ----------
    id : str or dict
        Of the grid itself.
    columns : sequence of dict
        Made by `column` and its kin.
    rows : iterable of mapping
        What is there at once; without them the cover starts as a skeleton. A row's key is `id`.
    label : str
        What a screen reader calls the table; else made of the id.
    export_name : str, optional
        Part of the names of exported files; else the id without `-grid`.
    selectable : bool
        With a check box in each row; `selectedRows` has those that are chosen.
    """
    name = grid_key(id).removesuffix("-grid") if export_name is None else export_name
    label = label or name.replace("-", " ").capitalize()
    filled = list(rows)
    table = dag.AgGrid(
        id=id,
        columnDefs=list(columns),
        rowData=filled,
        getRowId="params.data.id",
        eventListeners=_LISTENERS,
        defaultColDef={
            "sortable": True,
            "resizable": True,
            "suppressMovable": True,
            "cellDataType": False,
        },
        dashGridOptions=_options(grid_key(id), selectable),
        style={"height": f"{height}px", "width": "100%"},
    )
    cover = cards.cover(state_id(id), "rows")
    if filled:
        cover.children = []
    body = html.Div([table, cover], className="grid-body")
    bar = _toolbar(grid_key(id), name, label) if toolbar else None
    return html.Div(
        [bar, body],
        className="grid-frame",
        role="group",
        **{"aria-label": label, "data-grid": grid_key(id)},
    )


def grid_key(id: GridId) -> str:
    """The id of a grid as text, as the browser has it."""
    return id if isinstance(id, str) else json.dumps(id, sort_keys=True, separators=(",", ":"))


def state_id(id: GridId) -> GridId:
    """Id of what covers a grid while it has nothing to show."""
    return f"{id}-state" if isinstance(id, str) else {**id, "part": "state"}


def search_id(id: GridId) -> dict[str, str]:
    """Id of the search field of a grid."""
    return _part("search", grid_key(id))


def column(
    field: str,
    title: str,
    width: int,
    *,
    kind: str = "text",
    tooltip: str | None = None,
    hide_below: int | None = None,
    narrow: int | None = None,
    export: bool = True,
    **more: Any,
) -> Column:
    """A column of text.

    Parameters
    ----------
    field, title : str
        Key in the rows, and heading.
    width : int
        [px]; the least with `flex`.
    kind : str
        `text`, `number`, `time` or `choice`: how it is filtered and exported.
    tooltip : str, optional
        Of the heading.
    hide_below : int, optional
        The column is left out of a grid narrower than this [px].
    narrow : int, optional
        Width [px] in a grid that is as narrow as on a phone.
    export : bool
        Whether files have it.
    **more
        Options of the grid's columns.
    """
    unit = _UNITS.get(str(more.get("valueFormatter", {}).get("function", "")).partition("(")[0])
    rules = {
        "kind": kind,
        "unit": unit,
        "hideBelow": hide_below,
        "narrow": narrow,
        "export": export,
    }
    size = {} if "flex" in more else {"width": width}
    made: Column = {
        "field": field,
        "headerName": title,
        "minWidth": width,
        "headerTooltip": tooltip,
        "context": {name: value for name, value in rules.items() if value is not None},
        **size,
        **_FILTERS[kind],
        **more,
    }
    return {name: value for name, value in made.items() if value is not None}


def link_column(field: str, title: str, width: int, **more: Any) -> Column:
    """Text that is a link where the row has an address in `<field>_href`."""
    return column(field, title, width, **{"cellRenderer": "ForesightLink", **more})


def number_column(
    field: str, title: str, width: int, formatter: str = "ForesightCount", **more: Any
) -> Column:
    """Numbers, shown by one of the formatters of `assets/grid.js`."""
    shown = {"function": f"{formatter}(params.value)"}
    options = {"kind": "number", "type": "rightAligned", "valueFormatter": shown}
    return column(field, title, width, **{**options, **more})


def time_column(
    field: str, title: str, width: int = 148, *, ago: bool = False, **more: Any
) -> Column:
    """Times [epoch ms], shown and filtered in UTC; `ago` adds how long ago those of today are."""
    shown = {
        "cellRenderer": "ForesightTime",
        "cellRendererParams": {"ago": ago},
        "getQuickFilterText": {"function": "ForesightMoment(params.value)"},
    }
    return column(field, title, width, **{"kind": "time", **shown, **more})


def choice_column(field: str, title: str, width: int, **more: Any) -> Column:
    """One of a few values; its filter is a list of them."""
    return column(field, title, width, **{"kind": "choice", **more})


def flag_column(field: str, title: str, width: int, **more: Any) -> Column:
    """Yes or no."""
    shown = {"function": "ForesightFlag(params.value)"}
    return choice_column(field, title, width, **{"valueFormatter": shown, **more})


def priority_column(field: str = "priority", title: str = "Priority", **more: Any) -> Column:
    """HIGH, MEDIUM and LOW, in that order."""
    options = {
        "cellRenderer": "ForesightPill",
        "comparator": {"function": "ForesightPriorityOrder"},
        "narrow": 86,
    }
    return choice_column(field, title, 98, **{**options, **more})


def status_column(field: str, title: str = "Status", **more: Any) -> Column:
    """HTTP status codes, coloured from 400 on."""
    options = {"kind": "number", "type": "rightAligned", "cellRenderer": "ForesightStatus"}
    return column(field, title, 84, **{**options, **more})


def subject_column(
    field: str = "name", title: str = "Subject", width: int = 208, **more: Any
) -> Column:
    """What a row is about; rows have `subject`, `shown`, `href`, perhaps `thin` and `simulated`."""
    options = {"cellRenderer": "ForesightSubject", "flex": 1, "narrow": 90}
    return column(field, title, width, **{**options, **more})


def why_column(field: str = "why", title: str = "Why", width: int = 190, **more: Any) -> Column:
    """A sentence; rows have the whole story in `whys`."""
    options = {"flex": 3, "cellClass": "cell-why", "tooltipField": "whys", "hide_below": 820}
    return column(field, title, width, **{**options, **more})


def risk_column(field: str = "risk", title: str = "Risk", **more: Any) -> Column:
    """A risk score with a meter in the colour of the row's `priority`."""
    options = {
        "kind": "number",
        "type": "rightAligned",
        "cellRenderer": "ForesightRisk",
        "tooltip": _RISK,
        "narrow": 62,
    }
    return column(field, title, 126, **{**options, **more})


def sparkline_column(field: str, title: str, width: int = 120, **more: Any) -> Column:
    """A line through a list of numbers (None is a gap), oldest first."""
    options = {
        "cellRenderer": "ForesightSparkline",
        "sortable": False,
        "filter": False,
        "export": False,
        "getQuickFilterText": {"function": "ForesightNothing(params)"},
    }
    return column(field, title, width, **{**options, **more})


def window_columns() -> list[Column]:
    """Columns of `window_rows`."""
    score, share = "ForesightScore", "ForesightPercent"
    return [
        time_column("at", "Time (UTC)", ago=True, narrow=88),
        priority_column(),
        subject_column(),
        why_column(),
        number_column("calls", "Calls", 72, hide_below=640),
        number_column("failure", "Failure", 84, share, tooltip=_FAILURE, hide_below=640),
        number_column("anomaly", "Anomaly", 90, score, tooltip=_ANOMALY, hide_below=640),
        risk_column(),
    ]


def window_rows(
    windows: Iterable[Row], href: Callable[[Row], str | None] = lambda _: None
) -> list[dict[str, Any]]:
    """Scored windows as grid rows; `href` gives the page of a window's subject, if there is one."""
    return [_window_row(window, href(window)) for window in windows]


def subject_name(window: Row) -> str:
    """`POST /payment` of an endpoint window, the client of a client window."""
    if window["subject"] == "client":
        return str(window["client"])
    return f"{window['method']} {window['endpoint']}"


def shown_name(name: str) -> str:
    """The name of a subject, shortened to what a cell has room for."""
    return format.shortened(name, _NAME_CHARACTERS)


def _window_row(window: Row, href: str | None) -> dict[str, Any]:
    calls = window["req_count"]
    name = subject_name(window)
    return {
        "id": str(window["id"]),
        "at": window["timestamp"],
        "priority": window["priority"],
        "subject": window["subject"],
        "name": name,
        "shown": shown_name(name),
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


def _options(key: str, selectable: bool) -> dict[str, Any]:
    options = {
        "theme": {"function": f"themeQuartz.withParams({json.dumps(_THEME)})"},
        "context": {"grid": key},
        "animateRows": False,
        "ensureDomOrder": True,  # as it is read aloud
        "suppressCellFocus": False,
        "enableCellTextSelection": True,
        "suppressNoRowsOverlay": True,
        "tooltipShowDelay": 400,
    }
    if selectable:
        options["rowSelection"] = {"mode": "multiRow", "enableClickSelection": False}
    return options


def _toolbar(key: str, name: str, label: str) -> html.Div:
    search = dcc.Input(
        id=_part("search", key),
        type="search",
        placeholder="Search",
        autoComplete="off",
        spellCheck="false",
    )
    return html.Div(
        [
            html.Label(
                [
                    glyph("search"),
                    html.Span(f"Search in {label}", className="visually-hidden"),
                    search,
                ],
                className="grid-search",
            ),
            html.Span(className="grid-count", **{"aria-live": "polite"}),
            html.Button(
                "Clear filters", className="grid-clear button-quiet", type="button", hidden=True
            ),
            html.Div([_export_button(key, format, label) for format in EXPORT_FORMATS]),
            dcc.Store(id=_part("searched", key)),
            dcc.Store(id=_part("export-name", key), data=name),
            dcc.Store(id=_part("exported", key)),
            dcc.Download(id=_part("file", key)),
        ],
        className="grid-bar",
    )


def _export_button(key: str, format: str, label: str) -> html.Button:
    words = f"Save {label} as {format.upper()}, as filtered and sorted"
    return html.Button(
        [glyph("download"), format.upper()],
        id=_part("export", key) | {"format": format},
        className="grid-export",
        title="Save the rows as filtered and sorted",
        type="button",
        **{"aria-label": words},
    )


def _part(part: str, key: str) -> dict[str, str]:
    return {"type": f"grid-{part}", "grid": key}
