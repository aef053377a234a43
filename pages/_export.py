"""Grids as files: the rows as they are filtered and sorted in the browser, as CSV or XLSX."""

from __future__ import annotations

import base64
import csv
import math
import re
from datetime import UTC, datetime
from io import BytesIO, StringIO
from typing import Any, Final, Literal

import msgspec
import xlsxwriter  # type: ignore[import-untyped]
from dash import ALL, MATCH, ClientsideFunction, Dash, Input, Output, State, no_update
from flask import abort

from datasets.formulas import defused
from jobs.access import audited
from store.times import iso

_TYPES: Final = {
    "csv": "text/csv",
    "xlsx": "application/vnd.openxmlformats-officedocument.spreadsheetml.sheet",
}
_EXCEL_FROM_MS: Final = -2_203_891_200_000  # 1 March 1900: Excel has a 29 February before it
_EXCEL_TEXT: Final = 32_767  # characters of a cell
_EXCEL_DIGITS: Final = 15  # a longer whole number would lose its last ones
_WIDTH: Final = (10, 60)  # characters of a column
_MEASURED_ROWS: Final = 200


class Column(msgspec.Struct, frozen=True):
    """Heading, kind (`text`, `number`, `time`, `choice`) and unit of a column."""

    title: str
    kind: str
    unit: str = ""


class Exported(msgspec.Struct, frozen=True):
    """What a grid showed when somebody saved it."""

    name: str
    format: Literal["csv", "xlsx"]
    columns: list[Column]
    rows: list[list[Any]]


def register(app: Dash) -> None:
    """Add search and export of all grids to one app."""
    app.clientside_callback(
        ClientsideFunction("grid", "search"),
        Output(_part("searched"), "data"),  # without an output it would not run for a new grid
        Input(_part("search"), "value"),
        State(_part("search"), "id"),
    )
    app.clientside_callback(
        ClientsideFunction("grid", "exported"),
        Output(_part("exported"), "data"),
        Input(_part("export") | {"format": ALL}, "n_clicks"),
        State(_part("export-name"), "data"),
        State(_part("export-name"), "id"),
        prevent_initial_call=True,
    )
    app.callback(
        Output(_part("file"), "data"),
        Input(_part("exported"), "data"),
        prevent_initial_call=True,
    )(saved)


def saved(shown: dict[str, Any] | None) -> Any:
    """The file of a grid, as `dcc.Download` takes it."""
    from pages import current, doer, now_ms

    if not shown:
        return no_update
    try:
        found = msgspec.convert(shown, Exported)
    except msgspec.ValidationError as error:
        abort(400, f"this is no grid: {error}")
    content = csv_file(found) if found.format == "csv" else xlsx_file(found)
    said = {"format": found.format, "rows": len(found.rows)}
    audited.note_alone(current(), doer(), "export", found.name, **said)
    return {
        "content": base64.b64encode(content).decode(),
        "base64": True,
        "type": _TYPES[found.format],
        "filename": file_name(found, now_ms()),
    }


def file_name(found: Exported, now: int) -> str:
    """`foresight-alerts-20261122-1403.csv`, in UTC."""
    at = datetime.fromtimestamp(now / 1000, UTC)
    name = re.sub(r"[^\w-]+", "-", found.name, flags=re.ASCII).strip("-")[:60] or "table"
    return f"foresight-{name}-{at:%Y%m%d-%H%M}.{found.format}"


def csv_file(found: Exported) -> bytes:
    """Times as ISO 8601, numbers in full, text that would be calculated behind a quote."""
    text = StringIO(newline="")
    text.write("\ufeff")  # else Excel takes it for the code page of its country
    writer = csv.writer(text)
    writer.writerow([defused(_title(column)) for column in found.columns])
    kinds = [column.kind for column in found.columns]
    writer.writerows(
        [_csv_cell(value, kind) for value, kind in zip(row, kinds, strict=True)]
        for row in found.rows
    )
    return text.getvalue().encode()


def xlsx_file(found: Exported) -> bytes:
    """One sheet with a bold heading that stays in sight; numbers are numbers, times are dates."""
    file = BytesIO()
    book = xlsxwriter.Workbook(file, {"in_memory": True, "remove_timezone": True})
    sheet = book.add_worksheet("Foresight")
    head = book.add_format({"bold": True, "bottom": 1})
    date = book.add_format({"num_format": "yyyy-mm-dd hh:mm:ss", "align": "left"})
    for place, column in enumerate(found.columns):
        cells = [row[place] for row in found.rows]
        sheet.set_column(place, place, _characters(column, cells))
        sheet.write_string(0, place, _title(column), head)
        for line, value in enumerate(cells, 1):
            _write_cell(sheet, line, place, value, date if column.kind == "time" else None)
    sheet.freeze_panes(1, 0)
    if found.columns:
        sheet.autofilter(0, 0, len(found.rows), len(found.columns) - 1)
    book.close()
    return file.getvalue()


def _part(part: str) -> dict[str, Any]:
    return {"type": f"grid-{part}", "grid": MATCH}


def _title(column: Column) -> str:
    """Says what a page says in its cells: the unit, and that times are UTC."""
    if column.kind == "time" and "UTC" not in column.title:
        return f"{column.title} (UTC)"
    named = not column.unit or f"[{column.unit}]" in column.title
    return column.title if named else f"{column.title} [{column.unit}]"


def _csv_cell(value: Any, kind: str) -> Any:
    if value is None:
        return ""
    if isinstance(value, bool):
        return str(value).lower()
    if isinstance(value, int | float):
        return iso(int(value)) if kind == "time" and _moment(value) else value
    return defused(_text(value))


def _text(value: Any) -> str:
    text = value if isinstance(value, str) else msgspec.json.encode(value).decode()
    return text.encode("utf-8", "replace").decode()  # half of a pair has no place in a file


def _moment(value: float) -> datetime | None:
    """The time at epoch `value` [ms], if a calendar has it."""
    try:
        return datetime.fromtimestamp(value / 1000, UTC)
    except (ValueError, OverflowError, OSError):
        return None


def _write_cell(sheet: Any, line: int, place: int, value: Any, date: Any) -> None:
    if value is None:
        return
    if isinstance(value, bool):
        sheet.write_boolean(line, place, value)
    elif isinstance(value, int | float) and math.isfinite(value):
        moment = _moment(value) if date and value >= _EXCEL_FROM_MS else None
        if moment:
            sheet.write_datetime(line, place, moment, date)
        elif isinstance(value, int) and abs(value) >= 10**_EXCEL_DIGITS:
            sheet.write_string(line, place, str(value))
        else:
            sheet.write_number(line, place, value)
    else:
        sheet.write_string(line, place, _text(value)[:_EXCEL_TEXT])


def _characters(column: Column, cells: list[Any]) -> int:
    """Width of a column: that of its longest text."""
    if column.kind == "time":
        return 20
    longest = max((len(_text(value)) for value in cells[:_MEASURED_ROWS]), default=0)
    least, most = _WIDTH
    return min(max(longest, len(column.title) + 3, least), most)
