"""Data sets: the catalog, any set as charts and as a table, and the files of the training set."""

from __future__ import annotations

from collections.abc import Mapping
from concurrent.futures import TimeoutError as NotYet
from typing import Any, Final

import dash
from dash import (
    ALL,
    ClientsideFunction,
    Input,
    Output,
    Patch,
    State,
    callback,
    clientside_callback,
    ctx,
    dcc,
    html,
    no_update,
)
from dash.exceptions import PreventUpdate
from flask import abort

from components import cards, dataset_catalog, shell, states
from components import dataset_frame as frame
from datasets import filters
from datasets.row_files import MOST_XLSX_ROWS
from jobs.access import audited
from jobs.access.roles import Role
from jobs.dataset_shelf import OWN
from pages import _datasets_address as address
from pages import _datasets_answer as answers
from pages import _datasets_charts as charts
from pages import _datasets_files as files
from pages import _datasets_sets as sets
from pages import current, doer, may, now_ms, who

dash.register_page(
    __name__, path="/datasets", name="Data sets", title="Data sets · Foresight", order=4
)

WAIT_MS: Final = 700  # between two looks whether a set is loaded
FILES_MS: Final = 1_500  # between two looks how far the files are
_AT_ONCE_S: Final = 0.4  # a set that is loaded so fast needs no second look
_LONGEST_S: Final = 30.0  # for a set that was forgotten meanwhile
_GRIDS: Final = {"type": answers.ROWS, "of": ALL}
_CHOOSE: Final = {"type": dataset_catalog.CHOOSE, "set": ALL}
_ADDRESS_NAMES: Final = ("set", "feature", "colour", "filter", "search")
_ABOUT: Final = "What the models learn from and are measured on, and this server's own windows"


def layout(**given: Any) -> html.Div:
    """The catalog and an empty frame; the set of the address is loaded as soon as it is there."""
    wanted = {name: address.one(given[name]) for name in _ADDRESS_NAMES if name in given}
    return shell.page(
        "Data sets",
        dcc.Store(id="datasets-wanted", data={"set": OWN} | wanted),
        dcc.Store(id="datasets-key"),
        dcc.Store(id="datasets-defaults"),
        dcc.Store(id="datasets-place"),
        dcc.Interval(id="datasets-wait", interval=WAIT_MS),
        dcc.Interval(id="datasets-files-tick", interval=FILES_MS),
        html.Div(
            [
                html.Div(
                    [
                        cards.card("Catalog", html.Div(id="datasets-catalog")),
                        html.Section(
                            html.Div(states.skeleton("rows"), id="datasets-about"),
                            className="panel dataset-about",
                            **{"aria-live": "polite"},
                        ),
                    ],
                    className="dataset-top",
                ),
                html.Div(id="datasets-problem", role="alert", className="dataset-problem"),
                frame.controls(),
                frame.charts(),
                frame.table(wanted.get("search", "")),
                files.panel(),
            ],
            className="page-rows",
        ),
        id="datasets",
        subtitle=_ABOUT,
    )


clientside_callback(
    ClientsideFunction("datasets", "address"),
    Output("datasets-wanted", "data"),
    Output("datasets-search", "value"),
    Input(_CHOOSE, "n_clicks"),
    Input("datasets-clear", "n_clicks"),
    Input("datasets-feature", "value"),
    Input("datasets-colour", "value"),
    Input(_GRIDS, "filterModel"),
    Input("datasets-search", "value"),
    Input("shell-url", "search"),
    State("datasets-defaults", "data"),
    State("datasets-wanted", "data"),
    prevent_initial_call=True,
)
clientside_callback(
    ClientsideFunction("datasets", "refresh"),
    Input("datasets-search", "value"),
    prevent_initial_call=True,
)


@callback(
    output={
        "key": Output("datasets-key", "data"),
        "defaults": Output("datasets-defaults", "data"),
        "catalog": Output("datasets-catalog", "children"),
        "about": Output("datasets-about", "children"),
        "problem": Output("datasets-problem", "children"),
        "controls": Output("datasets-controls", "children"),
        "table": Output("datasets-table", "children"),
        "wait": Output("datasets-wait", "max_intervals"),
        "row": Output("datasets-row", "children"),
        "place": Output("datasets-place", "data"),
        "covers": {name: Output(f"datasets-{name}-state", "children") for name in frame.CHARTS},
    },
    inputs={
        "wanted": Input("datasets-wanted", "data"),
        "chosen": Input("shell-range", "data"),
        "_waited": Input("datasets-wait", "n_intervals"),
        "_again": Input({"type": "datasets-again", "of": ALL}, "n_clicks"),
        "shown": State("datasets-key", "data"),
        "feature": State("datasets-feature", "value"),
        "colour": State("datasets-colour", "value"),
        "models": State(_GRIDS, "filterModel"),
    },
    running=[(Output("datasets-wait", "disabled"), True, False)],
)
def show_set(
    wanted: Mapping[str, str],
    chosen: Mapping[str, str] | None,
    _waited: int,
    _again: list[int],
    shown: str | None,
    feature: str | None,
    colour: str | None,
    models: list[dict[str, Any] | None],
) -> Any:
    """The set of the address, or that it is being loaded, or why it can't be."""
    name, now = wanted["set"], now_ms()
    try:
        data_set = sets.find(name)
    except LookupError as error:
        return answers.without(name, states.empty("database-x", "No such data set", str(error)))
    if data_set is not None and not data_set.available:
        return answers.without(
            name, sets.how_to_get(data_set), about=sets.about(name, None, now, None)
        )
    key = sets.key_of(name, chosen, now)
    asked_again = isinstance(ctx.triggered_id, dict) and bool(ctx.triggered[0]["value"])
    if key == shown and not asked_again:
        raise PreventUpdate
    try:
        found = sets.ask(key).result(_AT_ONCE_S)
    except NotYet:
        return answers.loading(name, key, now)
    except Exception as error:
        return answers.without(
            name, frame.failed(str(error)), about=sets.about(key, None, now, None)
        )
    kept = bool(shown) and sets.parsed(str(shown))[0] == name
    model = next(iter(models), None) if kept else address.model(wanted.get("filter"))
    view = {"feature": feature, "colour": colour} if kept else wanted
    return answers.shown(key, found, view, model, now)


@callback(
    output={
        "figures": {name: Output(f"datasets-{name}", "figure") for name in frame.CHARTS},
        "covers": {
            name: Output(f"datasets-{name}-state", "children", allow_duplicate=True)
            for name in frame.CHARTS
        },
        "abouts": {name: Output(f"datasets-{name}-about", "children") for name in frame.CHARTS},
        "legend": Output("datasets-legend", "children"),
        "layout": Output("datasets-charts", "className"),
    },
    inputs={
        "key": Input("datasets-key", "data"),
        "feature": Input("datasets-feature", "value"),
        "colour": Input("datasets-colour", "value"),
        "models": Input(_GRIDS, "filterModel"),
        "search": Input("datasets-search", "value"),
        "theme": Input("shell-theme", "data"),
        "place": State("datasets-place", "data"),
    },
    prevent_initial_call=True,
)
def draw(
    key: str | None,
    feature: str | None,
    colour: str | None,
    models: list[dict[str, Any] | None],
    search: str | None,
    theme: str | None,
    place: int | None,
) -> Any:
    """The charts of the rows that the filters and the search leave."""
    if not key or feature is None or colour is None:
        raise PreventUpdate
    found = sets.ask(key).result(_LONGEST_S)
    if feature not in found.sample.features or colour not in found.sample.labels:
        raise PreventUpdate  # of the set before
    try:
        matching = charts.matching(found, next(iter(models), None), search)
    except ValueError:
        raise PreventUpdate from None  # of the set before
    drawn = charts.draw(found, matching, feature, colour, theme)
    if place is not None:
        drawn.map["data"][0] |= charts.position(found, place)
    return {
        "figures": dict(
            zip(frame.CHARTS, (drawn.histogram, drawn.correlation, drawn.map), strict=True)
        ),
        "covers": dict(zip(frame.CHARTS, drawn.covers, strict=True)),
        "abouts": dict(zip(frame.CHARTS, drawn.subtitles, strict=True)),
        "legend": drawn.legend,
        "layout": "dataset-charts" if found.axes else "dataset-charts dataset-plain",
    }


@callback(
    Output(_GRIDS, "getRowsResponse"),
    Output("datasets-count", "children"),
    Output("datasets-clear", "hidden"),
    Output("datasets-csv", "href"),
    Output("datasets-xlsx", "href"),
    Output("datasets-xlsx", "title"),
    Input(_GRIDS, "getRowsRequest"),
    State(_GRIDS, "id"),
    State("datasets-search", "value"),
    prevent_initial_call=True,
)
def show_rows(
    requests: list[dict[str, Any] | None], ids: list[dict[str, str]], search: str | None
) -> Any:
    """A block of rows, filtered and sorted; and the addresses of all of them as files."""
    request = next(iter(requests), None)
    if not request:
        raise PreventUpdate
    key, model = ids[0]["of"], request.get("filterModel") or {}
    found = sets.ask(key).result(_LONGEST_S)
    try:
        matching = charts.matching(found, model, search)
        by = [(part["colId"], part["sort"] == "desc") for part in request.get("sortModel") or ()]
        places = filters.ordered(found.sample.rows, matching, by)
    except ValueError:
        raise PreventUpdate from None
    block = charts.block(found.sample.rows, places[request["startRow"] : request["endRow"]])
    csv, xlsx = (address.file_address(key, kind, model, search, by) for kind in ("csv", "xlsx"))
    fits = len(places) <= MOST_XLSX_ROWS
    return (
        [{"rowData": block, "rowCount": len(places)}],
        address.count(len(places), len(matching)),
        not (model or search),
        csv,
        xlsx if fits else None,
        "" if fits else f"A workbook has at most {MOST_XLSX_ROWS:,} rows: filter them, or take CSV",
    )


@callback(
    Output("datasets-row", "children", allow_duplicate=True),
    Output("datasets-place", "data", allow_duplicate=True),
    Output("datasets-map", "figure", allow_duplicate=True),
    Input("datasets-map", "clickData"),
    Input(_GRIDS, "cellClicked"),
    State("datasets-key", "data"),
    prevent_initial_call=True,
)
def show_row(
    point: Mapping[str, Any] | None, cells: list[Mapping[str, Any] | None], key: str | None
) -> Any:
    """The row behind a point of the map, or the one that was clicked in the table."""
    place = _clicked(point, cells)
    if not key or place is None:
        raise PreventUpdate
    found = sets.ask(key).result(_LONGEST_S)
    if not 0 <= place < len(found.sample.rows):
        raise PreventUpdate
    ring = Patch()
    for axis, values in charts.position(found, place).items():
        ring["data"][0][axis] = values
    own = sets.parsed(key)[0] == OWN
    return charts.row(found, place, own=own), place, ring if found.axes else no_update


@callback(
    Output("datasets-files", "children"),
    Output("datasets-make", "disabled"),
    Output("datasets-cancel", "hidden"),
    Output("datasets-files-tick", "max_intervals"),
    Input("datasets-make", "n_clicks"),
    Input("datasets-cancel", "n_clicks"),
    Input("datasets-files-tick", "n_intervals"),
    running=[(Output("datasets-files-tick", "disabled"), True, False)],
)
def make_files(_makes: int | None, _cancels: int | None, _ticks: int | None) -> Any:
    """Start or end the run that makes the files of the training set, and show how far it is."""
    parts = current()
    if ctx.triggered_id == "datasets-make":
        _refuse_viewers()
        parts.training_files.start(parts.settings, now_ms(), who())
        audited.note_alone(parts, doer(), "export.make", "training files")
    elif ctx.triggered_id == "datasets-cancel":
        _refuse_viewers()
        parts.training_files.cancel(who())
    running = files.is_running()
    return files.content(), running, not running, -1 if running else 0


def _refuse_viewers() -> None:
    """The state of the files is for everybody; making them is not."""
    if not may(Role.OPERATOR):
        abort(403, "this needs the role operator")


def _clicked(point: Mapping[str, Any] | None, cells: list[Mapping[str, Any] | None]) -> int | None:
    """Place of the row that was clicked last."""
    if ctx.triggered_id == "datasets-map":
        custom = point["points"][0].get("customdata") if point else None
        return int(custom[0]) if custom else None
    cell = next(iter(cells), None)
    row = str(cell.get("rowId")) if cell else ""
    return int(row) if row.isdecimal() else None
