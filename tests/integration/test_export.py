"""Exports are read back as a person would open them; a recording is made with a real server."""

from __future__ import annotations

import csv
import json
import os
import time
from pathlib import Path
from typing import Any

import openpyxl
import pandas as pd
import pytest
from flask import Flask

from datasets.catalog import catalog
from datasets.export import REPORT, SUMMARY, WORKBOOK, export
from datasets.synthetic import Run, labelled_windows
from jobs.recording import record
from ml.features import FEATURES, KEY
from settings import Settings

LABELS = ["provenance", "episode", "client_kind"]
SECONDS = 60
SHEETS = ["Full data", "Statistics", "Sample", "Feature correlation"]


@pytest.fixture(scope="module")
def windows() -> pd.DataFrame:
    found = labelled_windows([Run(8_200, 20), Run(8_201, 20)])
    found["provenance"] = "synthetic seed " + found["seed"].astype(str)
    return found[[*KEY, *FEATURES, *LABELS]]


@pytest.fixture(scope="module")
def folder(windows: pd.DataFrame, tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("export") / "new" / "folder"
    export(windows, catalog(Settings()), folder, {"version": "v-7", "sources": ["simulated"]})
    return folder


@pytest.fixture(scope="module")
def book(folder: Path) -> openpyxl.Workbook:
    return openpyxl.load_workbook(folder / WORKBOOK)


def rows_of(book: openpyxl.Workbook, sheet: str) -> list[dict[str, Any]]:
    header, *rows = book[sheet].values
    return [dict(zip(header, row, strict=True)) for row in rows]


def test_the_workbook_has_its_sheets_each_with_a_frozen_header(book: openpyxl.Workbook) -> None:
    assert book.sheetnames == SHEETS
    assert {book[name].freeze_panes for name in SHEETS} == {"A2"}


def test_full_data_has_every_window_with_its_values(
    book: openpyxl.Workbook, windows: pd.DataFrame
) -> None:
    rows = rows_of(book, "Full data")
    assert len(rows) == len(windows)
    for name in FEATURES:
        assert [row[name] for row in rows] == pytest.approx(windows[name].tolist(), nan_ok=True)
    assert [row["provenance"] for row in rows] == windows["provenance"].tolist()
    first = pd.to_datetime(windows["timestamp"].iloc[0], unit="ms")
    assert abs(rows[0]["timestamp"] - first.to_pydatetime()).total_seconds() < 1


def test_simulated_windows_are_called_simulated(book: openpyxl.Workbook, folder: Path) -> None:
    assert {row["data"] for row in rows_of(book, "Full data")} == {"simulated"}
    text = " ".join((folder / REPORT).read_text(encoding="utf-8").split())
    assert "By origin: simulated 100.0 %." in text


def test_headers_tell_units_and_columns_are_as_wide_as_their_names(book: openpyxl.Workbook) -> None:
    sheet = book["Full data"]
    widths = {
        column: dimension.width
        for dimension in sheet.column_dimensions.values()
        for column in range(dimension.min, dimension.max + 1)
    }
    for cell in sheet[1]:
        assert widths[cell.column] > len(cell.value)
        if cell.value in FEATURES:
            assert cell.comment is not None, cell.value
    notes = {cell.value: cell.comment.text for cell in sheet[1] if cell.comment}
    assert notes["avg_response_time"].strip().endswith("ms")
    assert sheet["A2"].number_format == "yyyy-mm-dd hh:mm"


def test_the_sample_is_of_the_full_data(book: openpyxl.Workbook) -> None:
    full = [tuple(row.values()) for row in rows_of(book, "Full data")]
    sample = [tuple(row.values()) for row in rows_of(book, "Sample")]
    assert len(sample) == 500
    assert set(sample) <= set(full)


def test_correlation_is_symmetric_with_ones(book: openpyxl.Workbook) -> None:
    rows = {row["feature"]: row for row in rows_of(book, "Feature correlation")}
    assert list(rows) == list(FEATURES)
    assert rows["error_rate"]["error_rate"] == pytest.approx(1)
    assert rows["error_rate"]["req_count"] == rows["req_count"]["error_rate"]


def test_the_summary_is_that_of_the_windows(folder: Path, windows: pd.DataFrame) -> None:
    with (folder / SUMMARY).open(encoding="utf-8") as file:
        rows = {row["feature"]: row for row in csv.DictReader(file)}
    assert list(rows) == list(FEATURES)
    for name in FEATURES:
        for figure in ("min", "max", "mean", "std"):
            expected = getattr(windows[name], figure)()
            assert float(rows[name][figure]) == pytest.approx(expected, rel=1e-4)


def test_the_report_tells_sources_licences_balance_features_models_and_pipeline(
    folder: Path, windows: pd.DataFrame
) -> None:
    text = (folder / REPORT).read_text(encoding="utf-8")
    for title in ("OVERVIEW", "SOURCES AND LICENCES", "CLASS BALANCE", "FEATURES", "MODELS"):
        assert f". {title}\n" in text
    assert f"{len(windows):,} windows" in text
    assert "Current version: v-7" in text
    assert "licence: CC BY 4.0" in text
    assert max(map(len, text.splitlines())) <= 100


def test_an_export_again_replaces_the_files(windows: pd.DataFrame, tmp_path: Path) -> None:
    export(windows, catalog(Settings()), tmp_path)
    export(windows.head(10), catalog(Settings()), tmp_path)
    assert len(rows_of(openpyxl.load_workbook(tmp_path / WORKBOOK), "Full data")) == 10
    assert sorted(path.name for path in tmp_path.iterdir()) == sorted([WORKBOOK, REPORT, SUMMARY])


def test_a_text_that_begins_like_a_formula_stays_text(
    windows: pd.DataFrame, tmp_path: Path
) -> None:
    rows = windows.head(3).assign(endpoint="=1+1")
    export(rows, catalog(Settings()), tmp_path)
    cell = openpyxl.load_workbook(tmp_path / WORKBOOK)["Full data"]["C2"]
    assert (cell.value, cell.data_type) == ("=1+1", "s")


def test_a_feature_that_is_not_known_is_an_empty_cell(
    windows: pd.DataFrame, tmp_path: Path
) -> None:
    rows = windows.head(3).assign(avg_response_time=float("nan"))
    export(rows, catalog(Settings()), tmp_path)
    found = rows_of(openpyxl.load_workbook(tmp_path / WORKBOOK), "Full data")
    assert [row["avg_response_time"] for row in found] == [None, None, None]


def test_windows_of_a_set_that_the_catalog_lacks_are_refused(
    windows: pd.DataFrame, tmp_path: Path
) -> None:
    with pytest.raises(ValueError, match="'hearsay 3' begins with none of synthetic"):
        export(windows.assign(provenance="hearsay 3"), catalog(Settings()), tmp_path)


def test_an_empty_set_is_refused(windows: pd.DataFrame, tmp_path: Path) -> None:
    with pytest.raises(ValueError, match="no windows"):
        export(windows.head(0), catalog(Settings()), tmp_path)


def test_60000_windows_are_written_within_a_minute(windows: pd.DataFrame, tmp_path: Path) -> None:
    many = pd.concat([windows] * (60_000 // len(windows) + 1), ignore_index=True).head(60_000)
    began = time.monotonic()
    export(many, catalog(Settings()), tmp_path)
    assert time.monotonic() - began < SECONDS


def test_the_command_writes_into_a_folder_and_prints_what(
    app: Flask, windows: pd.DataFrame, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    # All of it takes a minute.
    monkeypatch.setattr("cli.datasets.combined.load", lambda: windows.head(100))
    with app.app_context():
        result = app.test_cli_runner().invoke(args=["export-datasets", str(tmp_path / "out")])
    assert result.exit_code == 0, result.output
    said = json.loads(result.stdout)
    assert said["windows"] == 100
    assert [Path(file).name for file in said["files"]] == [WORKBOOK, REPORT, SUMMARY]
    assert all(Path(file).is_file() for file in said["files"])


def test_a_recording_drives_a_server_of_its_own_and_ends_it(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("TMPDIR", str(tmp_path))
    monkeypatch.setattr("tempfile.tempdir", None)
    windows, about = record(0.05, seed=1)
    assert about["answers"] > 10
    assert about["rows"] == len(windows)
    assert json.dumps(about)
    assert os.listdir(tmp_path) == []
