"""Grids: their columns, what is around them, and what the browser needs for them."""

from __future__ import annotations

import re
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from components import tables

ASSETS = Path(__file__).parent.parent.parent / "assets"
SCRIPTS = "".join((ASSETS / name).read_text("utf-8") for name in ("grid.js", "grid-tools.js"))
COLUMNS = [tables.column("name", "Name", 100)]
KINDS: list[Callable[..., Any]] = [
    tables.column,
    tables.link_column,
    tables.number_column,
    tables.time_column,
    tables.choice_column,
    tables.flag_column,
]


def parts(component: Any) -> list[Any]:
    """A component and all that it holds."""
    return [component, *component._traverse()]


def of_kind(grid: Any, kind: str) -> list[Any]:
    return [part for part in parts(grid) if type(part).__name__ == kind]


def id_of(grid: Any, kind: str) -> Any:
    [part] = of_kind(grid, kind)
    return part.id


def test_a_grid_waits_under_a_skeleton() -> None:
    grid = tables.grid("a-grid", COLUMNS, 300)
    [table] = of_kind(grid, "AgGrid")
    assert (table.id, table.rowData, table.getRowId) == ("a-grid", [], "params.data.id")
    [cover] = [part for part in parts(grid) if getattr(part, "id", None) == "a-grid-state"]
    assert cover.children is not None


def test_a_grid_with_rows_shows_them_at_once() -> None:
    grid = tables.grid("a-grid", COLUMNS, 300, rows=iter([{"id": "1", "name": "x"}]))
    assert of_kind(grid, "AgGrid")[0].rowData == [{"id": "1", "name": "x"}]
    [cover] = [part for part in parts(grid) if getattr(part, "id", None) == "a-grid-state"]
    assert cover.children == []


def test_every_grid_has_search_and_files_named_after_it() -> None:
    grid = tables.grid("alerts-grid", COLUMNS, 300, label="Alerts")
    assert id_of(grid, "Input") == tables.search_id("alerts-grid")
    exports = [b.id for b in of_kind(grid, "Button") if getattr(b, "id", None)]
    assert [export["format"] for export in exports] == ["csv", "xlsx"]
    [name] = [s.data for s in of_kind(grid, "Store") if s.id["type"] == "grid-export-name"]
    assert name == "alerts"
    assert grid.to_plotly_json()["props"]["aria-label"] == "Alerts"


def test_a_small_grid_may_do_without_them() -> None:
    assert of_kind(tables.grid("a", COLUMNS, 90, toolbar=False), "Button") == []


def test_a_grid_of_a_pattern_is_known_by_its_id_as_the_browser_writes_it() -> None:
    id = {"type": "scores", "model": "anomaly"}
    grid = tables.grid(id, COLUMNS, 300)
    key = '{"model":"anomaly","type":"scores"}'
    assert grid.to_plotly_json()["props"]["data-grid"] == key
    assert tables.search_id(id)["grid"] == key
    assert tables.state_id(id) == {**id, "part": "state"}


def test_rows_can_be_chosen_where_that_is_wanted() -> None:
    chosen = of_kind(tables.grid("a", COLUMNS, 300, selectable=True), "AgGrid")[0]
    plain = of_kind(tables.grid("a", COLUMNS, 300), "AgGrid")[0]
    assert chosen.dashGridOptions["rowSelection"]["mode"] == "multiRow"
    assert "rowSelection" not in plain.dashGridOptions


@pytest.mark.parametrize("make", KINDS)
def test_what_a_page_says_goes_before_what_is_usual(make: Callable[..., Any]) -> None:
    made = make("f", "F", 90, cellRenderer="Own", sort="desc", hide_below=500, narrow=50)
    assert (made["cellRenderer"], made["sort"], made["width"]) == ("Own", "desc", 90)
    assert (made["context"]["hideBelow"], made["context"]["narrow"]) == (500, 50)


def test_a_column_that_grows_has_no_width_but_a_least_one() -> None:
    made = tables.column("f", "F", 90, flex=2)
    assert (made["flex"], made["minWidth"], "width" in made) == (2, 90, False)


def test_columns_are_filtered_by_what_they_hold() -> None:
    filters = {make.__name__: make("f", "F", 90)["filter"] for make in KINDS}
    assert filters == {
        "column": "agTextColumnFilter",
        "link_column": "agTextColumnFilter",
        "number_column": "agNumberColumnFilter",
        "time_column": "agDateColumnFilter",
        "choice_column": {"function": "ForesightChoice"},
        "flag_column": {"function": "ForesightChoice"},
    }
    assert tables.sparkline_column("f", "F")["filter"] is False


def test_a_file_has_the_unit_that_a_formatter_shows() -> None:
    milliseconds = tables.number_column("f", "F", 90, "ForesightMs")
    assert milliseconds["context"]["unit"] == "ms"
    assert "unit" not in tables.number_column("f", "F", 90)["context"]


def test_a_sparkline_is_in_no_file() -> None:
    assert tables.sparkline_column("f", "F")["context"]["export"] is False
    assert tables.column("f", "F", 90)["context"]["export"] is True


def test_every_function_that_a_grid_names_is_in_the_assets() -> None:
    columns = [make("f", "F", 90) for make in KINDS] + [
        tables.sparkline_column("f", "F"),
        tables.status_column("f"),
        *tables.window_columns(),
    ]
    grid = tables.grid("a", columns, 300)
    formatters = ["Count", "Quantity", "Percent", "Score", "Ms", "Bytes", "Bits"]
    named = {*re.findall(r"Foresight\w+", str(grid)), *(f"Foresight{name}" for name in formatters)}
    assert len(named) > 15
    assert sorted(name for name in named if f"{name}:" not in SCRIPTS) == []


def test_a_phone_shows_time_priority_subject_and_risk_of_a_window() -> None:
    phone_px = 330
    shown = [
        column
        for column in tables.window_columns()
        if column["context"].get("hideBelow", 0) <= phone_px
    ]
    assert [column["field"] for column in shown] == ["at", "priority", "name", "risk"]
    assert sum(column["context"]["narrow"] for column in shown) <= phone_px
