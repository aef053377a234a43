"""The training set as an Excel workbook, written row by row so that memory stays small."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final

import numpy as np
import pandas as pd

from ml.features import FEATURES

if TYPE_CHECKING:
    from xlsxwriter.format import Format
    from xlsxwriter.workbook import Workbook
    from xlsxwriter.worksheet import Worksheet

FULL_DATA: Final = "Full data"
STATISTICS: Final = "Statistics"
SAMPLE: Final = "Sample"
CORRELATION: Final = "Feature correlation"
SAMPLE_ROWS: Final = 500
SAMPLE_SEED: Final = 1
MAX_ROWS: Final = 1_048_575  # of a sheet, besides the header
_MS_A_DAY: Final = 86_400_000
_EPOCH_DAY: Final = 25_569  # 1970-01-01 as Excel counts days
_FEWEST_WIDTH: Final = 10  # characters
_MOST_WIDTH: Final = 40

Formats = Mapping[str, "Format"]
Cell = Callable[[int, int, Any, "Format"], Any]

_NUMBER_FORMATS: Final = {
    "time": "yyyy-mm-dd hh:mm",
    "whole": "#,##0",
    "share": "0.000",
    "measure": "#,##0.0",
    "statistic": "#,##0.000",
}
_TIMES: Final = ("timestamp", "end")  # columns of epoch ms
_FORMAT_OF: Final = {
    **dict.fromkeys(_TIMES, "time"),
    "req_count": "whole",
    "error_rate": "share",
    "avg_response_time": "measure",
    "max_response_time": "measure",
    "payload_mean": "measure",
    "unique_endpoints": "whole",
    "repeat_rate": "share",
    "status_entropy": "share",
}


def write_workbook(
    windows: pd.DataFrame, statistics: pd.DataFrame, units: Mapping[str, str], path: Path
) -> None:
    """Write the sheets full data, statistics, sample and feature correlation.

    Parameters
    ----------
    windows : DataFrame
        `timestamp` [epoch ms], features and labels.
    statistics : DataFrame
        One row a feature, its name is the index.
    units : mapping of str to str
        Feature -> unit, shown as a note on its header.

    Raises
    ------
    ValueError
        There are more windows than a sheet has rows.
    """
    import xlsxwriter  # a tenth of a second that the server has no use for

    if len(windows) > MAX_ROWS:
        raise ValueError(f"{len(windows):,} windows are more than the {MAX_ROWS:,} rows of a sheet")
    notes = dict(units) | {
        "timestamp": "start of the window, UTC",
        "end": "where the data of this run end, UTC",
        "data": "whether the row is simulated, recorded or real",
        "provenance": "data set and run",
    }
    sample = windows.sample(min(SAMPLE_ROWS, len(windows)), random_state=SAMPLE_SEED).sort_index()
    with xlsxwriter.Workbook(path, {"constant_memory": True}) as book:
        formats = _formats(book)
        _write_frame(book.add_worksheet(FULL_DATA), windows, notes, formats)
        _write_frame(
            book.add_worksheet(STATISTICS),
            statistics.rename_axis("feature").reset_index(),
            {},
            formats,
        )
        _write_frame(book.add_worksheet(SAMPLE), sample, notes, formats)
        _write_correlation(book.add_worksheet(CORRELATION), windows, formats)


def _formats(book: Workbook) -> dict[str, Format]:
    formats = {
        name: book.add_format({"num_format": pattern}) for name, pattern in _NUMBER_FORMATS.items()
    }
    formats["header"] = book.add_format({"bold": True, "bottom": 1, "bg_color": "#E8EEF7"})
    formats["text"] = book.add_format()
    return formats


def _write_frame(
    sheet: Worksheet, frame: pd.DataFrame, notes: Mapping[str, str], formats: Formats
) -> None:
    """A table with a frozen header, a filter, and notes on the header's cells."""
    names = [str(name) for name in frame.columns]
    sheet.freeze_panes(1, 0)
    sheet.autofilter(0, 0, len(frame), len(names) - 1)
    cells = [_column(sheet, frame[name], formats) for name in frame.columns]
    for number, name in enumerate(names):
        sheet.set_column(number, number, _width(frame.iloc[:, number], name))
        sheet.write_string(0, number, name, formats["header"])
        if name in notes:
            sheet.write_comment(0, number, notes[name])
    for row, values in enumerate(zip(*(values for _, _, values in cells), strict=True), start=1):
        for column, ((write, style, _), value) in enumerate(zip(cells, values, strict=True)):
            if value is not None:
                write(row, column, value, style)


def _column(
    sheet: Worksheet, column: pd.Series, formats: Formats
) -> tuple[Cell, Format, list[Any]]:
    """How cells of a column are written, and its values; None is an empty cell."""
    name = str(column.name)
    if pd.api.types.is_numeric_dtype(column) and not pd.api.types.is_bool_dtype(column):
        numbers = column.to_numpy(np.float64, na_value=np.nan)
        if name in _TIMES:
            numbers = numbers / _MS_A_DAY + _EPOCH_DAY
        known = [value if np.isfinite(value) else None for value in numbers.tolist()]
        return sheet.write_number, formats[_format_of(name, column)], known
    texts = [None if pd.isna(value) or value == "" else str(value) for value in column]
    return sheet.write_string, formats["text"], texts  # never `write`: a text may begin with =


def _format_of(name: str, column: pd.Series) -> str:
    whole = pd.api.types.is_integer_dtype(column)
    return _FORMAT_OF.get(name, "whole" if whole else "statistic")


def _width(column: pd.Series, name: str) -> int:
    """Characters that the header and most values need."""
    if name in _TIMES:
        return len("2026-01-01 00:00") + 2
    texts = column.head(1_000)
    longest = 0 if pd.api.types.is_numeric_dtype(column) else texts.map(str).str.len().max()
    return min(_MOST_WIDTH, max(_FEWEST_WIDTH, len(name) + 3, int(longest) + 1))


def _write_correlation(sheet: Worksheet, windows: pd.DataFrame, formats: Formats) -> None:
    """Spearman's rank correlation of the features, coloured; of a constant one there is none."""
    table = windows[list(FEATURES)].astype(float).corr(method="spearman")
    _write_frame(
        sheet,
        table.rename_axis("feature").reset_index(),
        {"feature": "Spearman's rank correlation, over all windows that have both features"},
        formats,
    )
    size = len(FEATURES)
    scale = {"type": "3_color_scale", "min_type": "num", "mid_type": "num", "max_type": "num"}
    limits = {"min_value": -1, "mid_value": 0, "max_value": 1}
    colours = {"min_color": "#5A8AC6", "mid_color": "#FFFFFF", "max_color": "#F8696B"}
    sheet.conditional_format(1, 1, size, size, scale | limits | colours)
