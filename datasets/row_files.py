"""Chosen rows of a data set as CSV, in pieces, and as a workbook."""

from __future__ import annotations

from collections.abc import Iterator
from typing import IO, Any, Final

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from datasets.formulas import defused

TIMES: Final = ("timestamp",)  # columns of epoch ms
PIECE_ROWS: Final = 5_000
MOST_XLSX_ROWS: Final = 25_000  # some five seconds
_MS_A_DAY: Final = 86_400_000
_EPOCH_DAY: Final = 25_569  # 1970-01-01 as Excel counts days
_MOST_CHARACTERS: Final = 32_767  # of a cell
_WIDTHS: Final = (10, 48)  # characters


def csv_pieces(rows: pd.DataFrame, places: NDArray[np.int64]) -> Iterator[bytes]:
    """The rows at `places` as CSV: times ISO 8601, no text that a spreadsheet would calculate."""
    for start in range(0, max(len(places), 1), PIECE_ROWS):
        piece = rows.iloc[places[start : start + PIECE_ROWS]]
        columns = {name: _csv_column(str(name), piece[name]) for name in piece}
        text = pd.DataFrame(columns).to_csv(index=False, header=start == 0, lineterminator="\r\n")
        yield text.encode()


def write_xlsx(rows: pd.DataFrame, places: NDArray[np.int64], file: IO[bytes]) -> None:
    """The rows at `places` as a sheet with a heading that stays in sight and filters.

    Raises
    ------
    ValueError
        There are more than `MOST_XLSX_ROWS`.
    """
    import xlsxwriter  # a tenth of a second that the server has no use for

    if len(places) > MOST_XLSX_ROWS:
        raise ValueError(
            f"{len(places):,} rows are more than the {MOST_XLSX_ROWS:,} of a workbook here;"
            " filter them, or take CSV"
        )
    chosen = rows.iloc[places]
    with xlsxwriter.Workbook(file, {"constant_memory": True}) as book:
        sheet = book.add_worksheet("Rows")
        head = book.add_format({"bold": True, "bottom": 1})
        date = book.add_format({"num_format": "yyyy-mm-dd hh:mm:ss", "align": "left"})
        columns = [_xlsx_column(str(name), chosen[name]) for name in chosen]
        for number, name in enumerate(map(str, chosen)):
            sheet.set_column(number, number, _width(name, columns[number]))
            sheet.write_string(0, number, name, head)
        styles = [date if name in TIMES else None for name in chosen]
        for line, values in enumerate(zip(*columns, strict=True), start=1):
            for number, value in enumerate(values):
                if value is not None:
                    _write(sheet, line, number, value, styles[number])
        sheet.freeze_panes(1, 0)
        sheet.autofilter(0, 0, len(chosen), len(columns) - 1)


def _csv_column(name: str, column: pd.Series) -> Any:
    if name in TIMES:
        return pd.to_datetime(column, unit="ms", utc=True).dt.strftime("%Y-%m-%dT%H:%M:%SZ")
    if column.dtype == bool:
        return column.map({True: "true", False: "false"})
    if pd.api.types.is_numeric_dtype(column):
        return column
    return column.astype(object).map(lambda text: defused(str(text)), na_action="ignore")


def _xlsx_column(name: str, column: pd.Series) -> list[Any]:
    """Values of a column; None is an empty cell."""
    if isinstance(column.dtype, pd.CategoricalDtype):
        return [None if pd.isna(value) else str(value)[:_MOST_CHARACTERS] for value in column]
    if column.dtype == bool:
        return column.tolist()
    numbers = column.to_numpy(np.float64, na_value=np.nan)
    if name in TIMES:
        numbers = numbers / _MS_A_DAY + _EPOCH_DAY
    return [value if np.isfinite(value) else None for value in numbers.tolist()]


def _write(sheet: Any, line: int, number: int, value: Any, style: Any) -> None:
    """Never `write`: a text may begin with =."""
    if isinstance(value, str):
        sheet.write_string(line, number, value)
    elif isinstance(value, bool):
        sheet.write_boolean(line, number, value)
    else:
        sheet.write_number(line, number, value, style)


def _width(name: str, values: list[Any]) -> int:
    if name in TIMES:
        return 20
    longest = max((len(value) for value in values[:200] if isinstance(value, str)), default=0)
    least, most = _WIDTHS
    return min(max(len(name) + 3, longest + 1, least), most)
