"""Grids as files: what a spreadsheet reads is what the grid showed, and never a formula."""

from __future__ import annotations

import base64
import csv
import io
import math
import re
import zipfile
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from flask.testing import FlaskClient
from werkzeug.exceptions import BadRequest

from pages import _export
from pages._export import Column, Exported
from store.times import iso
from tests.rows import T0

NOW = 1_795_391_000_000  # 2026-11-22T23:43:20Z
EXCEL_EPOCH = datetime(1899, 12, 30, tzinfo=UTC)
HEADS = [
    Column("Subject", "text"),
    Column("Risk", "number"),
    Column("Window (UTC)", "time"),
    Column("Scored", "time"),
]


def exported(*rows: list[Any], columns: list[Column] = HEADS, name: str = "alerts") -> Exported:
    return Exported(name, "csv", columns, list(rows))


def one_cell(value: Any, kind: str = "text") -> Exported:
    return exported([value], columns=[Column("Title", kind)])


def read_csv(found: Exported) -> list[list[str]]:
    text = _export.csv_file(found).decode("utf-8-sig")
    return list(csv.reader(io.StringIO(text, newline="")))


def part(file: bytes, name: str) -> str:
    with zipfile.ZipFile(io.BytesIO(file)) as book:
        return book.read(name).decode()


def sheet(found: Exported) -> str:
    return part(_export.xlsx_file(found), "xl/worksheets/sheet1.xml")


def texts(found: Exported) -> list[str]:
    """All texts of the cells of a book, heading first."""
    strings = part(_export.xlsx_file(found), "xl/sharedStrings.xml")
    return re.findall(r"<t[^>]*>(.*?)</t>", strings, re.DOTALL)


def test_a_csv_has_the_headings_of_the_page_and_values_in_full() -> None:
    found = exported(["POST /payment", 0.8300000000000001, T0, T0 + 1], ["u1", 1, None, None])
    assert read_csv(found) == [
        ["Subject", "Risk", "Window (UTC)", "Scored (UTC)"],
        ["POST /payment", "0.8300000000000001", iso(T0), "2026-03-18T15:30:00.001Z"],
        ["u1", "1", "", ""],
    ]


@pytest.mark.parametrize("text", ["=1+1", "+1", "-1", "@x", "\tx", "\rx", "'x"])
def test_text_that_a_spreadsheet_would_calculate_is_quoted(text: str) -> None:
    assert read_csv(one_cell(text))[1] == [f"'{text}"]


def test_a_heading_that_it_would_calculate_is_quoted_too() -> None:
    assert read_csv(exported(columns=[Column("=1", "text")]))[0] == ["'=1"]


@pytest.mark.parametrize(
    ("value", "shown"),
    [(-0.5, "-0.5"), (True, "true"), (["a", 1], '["a",1]'), ('a,"b"\n', 'a,"b"\n')],
)
def test_numbers_flags_and_lists_in_a_csv(value: Any, shown: str) -> None:
    assert read_csv(one_cell(value))[1] == [shown]


def test_a_time_that_no_calendar_has_stays_a_number() -> None:
    assert read_csv(one_cell(10**18, "time"))[1] == ["1000000000000000000"]
    assert "<v>1000000000000000000</v>" not in sheet(one_cell(10**18, "time"))


@pytest.mark.parametrize("title", ["Response", "Response [ms]"])
def test_a_heading_has_the_unit_that_the_cells_of_the_page_have(title: str) -> None:
    found = exported(columns=[Column(title, "number", "ms")])
    assert read_csv(found)[0] == ["Response [ms]"]


def test_a_book_has_numbers_and_dates() -> None:
    cells = sheet(exported(["POST /payment", 0.83, T0, T0]))
    assert re.search(r'<c r="B2"[^>]*><v>0.83</v>', cells)
    days = float(re.search(r'<c r="C2"[^>]*><v>([\d.]+)</v>', cells)[1])  # type: ignore[index]
    moment = EXCEL_EPOCH + timedelta(days=days)
    assert abs(moment - datetime.fromtimestamp(T0 / 1000, UTC)) < timedelta(milliseconds=5)


def test_a_book_keeps_its_bold_heading_in_sight() -> None:
    file = _export.xlsx_file(exported(["a", 1, T0, T0]))
    assert 'state="frozen"' in part(file, "xl/worksheets/sheet1.xml")
    assert "<autoFilter" in part(file, "xl/worksheets/sheet1.xml")
    assert "<b/>" in part(file, "xl/styles.xml")
    heads = {"Subject", "Risk", "Window (UTC)", "Scored (UTC)"}
    assert heads <= set(texts(exported(["a", 1, T0, T0])))


@pytest.mark.parametrize("text", ["=1+1", "http://x.test/", "{=1}", "@x", "<b>&"])
def test_text_is_text_in_a_book(text: str) -> None:
    cells = sheet(one_cell(text))
    assert "<f>" not in cells
    assert "<hyperlink" not in cells
    escaped = text.replace("&", "&amp;").replace("<", "&lt;").replace(">", "&gt;")
    assert texts(one_cell(text))[1] == escaped


@pytest.mark.parametrize("value", [math.nan, math.inf, 10**17, "x" * 40_000, "\x00\x07", "\ud83d"])
def test_nothing_breaks_a_file(value: Any) -> None:
    found = one_cell(value)
    assert zipfile.ZipFile(io.BytesIO(_export.xlsx_file(found))).testzip() is None
    assert len(read_csv(found)) == 2


def test_an_empty_grid_makes_an_empty_table() -> None:
    assert read_csv(exported()) == [["Subject", "Risk", "Window (UTC)", "Scored (UTC)"]]
    assert _export.xlsx_file(exported(columns=[]))


@pytest.mark.parametrize(
    ("name", "part_of_it"), [("alerts", "alerts"), ("../a b\r\n", "a-b"), ("…", "table")]
)
def test_a_file_is_named_after_its_grid_and_the_time(name: str, part_of_it: str) -> None:
    found = exported(name=name)
    assert _export.file_name(found, NOW) == f"foresight-{part_of_it}-20261122-2343.csv"


def save(client: FlaskClient, shown: Any) -> Any:
    """What the server answers when a person saves a grid."""
    id = {"type": "grid-file", "grid": "alerts-grid"}
    return client.post(
        "/dashboard/_dash-update-component",
        json={
            "output": '{"grid":["MATCH"],"type":"grid-file"}.data',
            "outputs": {"id": id, "property": "data"},
            "inputs": [{"id": {**id, "type": "grid-exported"}, "property": "data", "value": shown}],
            "changedPropIds": ['{"grid":"alerts-grid","type":"grid-exported"}.data'],
        },
    )


@pytest.mark.parametrize("format", ["csv", "xlsx"])
def test_saving_a_grid_gives_a_file(client: FlaskClient, format: str) -> None:
    columns = [{"title": "Risk", "kind": "number"}]
    shown = {"name": "alerts", "format": format, "columns": columns, "rows": [[0.5]], "at": 1}
    answer = save(client, shown)
    assert answer.status_code == 200, answer.text
    [sent] = answer.json["response"].values()
    assert re.fullmatch(rf"foresight-alerts-\d{{8}}-\d{{4}}\.{format}", sent["data"]["filename"])
    content = base64.b64decode(sent["data"]["content"])
    expected = Exported("alerts", format, [Column("Risk", "number")], [[0.5]])  # type: ignore[arg-type]
    if format == "csv":
        assert content == _export.csv_file(expected)
    else:
        assert "<v>0.5</v>" in part(content, "xl/worksheets/sheet1.xml")


def test_only_what_a_grid_shows_is_made_a_file() -> None:
    with pytest.raises(BadRequest, match="format"):
        _export.saved({"name": "x", "format": "exe", "columns": [], "rows": []})
