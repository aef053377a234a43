"""Percentiles as an aggregate of SQL: PostgreSQL has one, SQLite gets one."""

from __future__ import annotations

import sqlite3
from array import array
from functools import partial
from typing import Any, Final

import numpy as np
from sqlalchemy import ColumnElement, cast
from sqlalchemy.ext.compiler import compiles
from sqlalchemy.sql.compiler import SQLCompiler
from sqlalchemy.sql.functions import FunctionElement
from sqlalchemy.sql.visitors import InternalTraversal

# PostgreSQL multiplies the fraction with the number of values in floating point: 0.07 * 100 is
# above 7. A fraction that is too small by this much is right for up to 1e10 values.
_ROUNDING: Final = 1e-12


def percentile(column: ColumnElement[Any], percent: int) -> ColumnElement[Any]:
    """Nearest rank: the value at position ceil(percent / 100 * n) of n in ascending order.

    Parameters
    ----------
    column : ColumnElement
        Numbers; those that are NULL don't count. The percentile is of its type, and NULL where
        there is none.
    percent : int
        0 (the smallest value) to 100 (the largest).

    Raises
    ------
    ValueError
        Another percent.
    """
    if not 0 <= percent <= 100:
        raise ValueError(f"percent is {percent!r}; it must be a whole number from 0 to 100")
    return cast(_Percentile(column, percent), column.type)


def add_percentiles(connection: sqlite3.Connection) -> None:
    """Let a connection to SQLite compute percentiles; one function each, as that is faster."""
    for percent in range(101):
        connection.create_aggregate(f"percentile_{percent}", 1, partial(_NearestRank, percent))  # type: ignore[arg-type]


class _NearestRank:
    """The aggregate of one group: SQLite calls `step` with each value, and at last `finalize`."""

    def __init__(self, percent: int) -> None:
        self._percent = percent
        self._values = array("d")
        self.step = self._values.append

    def finalize(self) -> float | None:
        if not self._values:
            return None
        position = max(1, -(-self._percent * len(self._values) // 100))
        return float(np.partition(self._values, position - 1)[position - 1])


class _Percentile(FunctionElement[Any]):
    _traverse_internals = [  # noqa: RUF012 - its key in SQLAlchemy's cache
        *FunctionElement._traverse_internals,
        ("percent", InternalTraversal.dp_plain_obj),
    ]

    def __init__(self, column: ColumnElement[Any], percent: int) -> None:
        super().__init__(column)
        self.percent = percent


@compiles(_Percentile, "sqlite")
def _for_sqlite(element: _Percentile, compiler: SQLCompiler, **kw: Any) -> str:
    column = compiler.process(element.clauses, **kw)
    return f"percentile_{element.percent}({column}) FILTER (WHERE {column} IS NOT NULL)"


@compiles(_Percentile, "postgresql")
def _for_postgresql(element: _Percentile, compiler: SQLCompiler, **kw: Any) -> str:
    column = compiler.process(element.clauses, **kw)
    fraction = element.percent / 100 * (1 - _ROUNDING)
    return f"percentile_disc({fraction}) WITHIN GROUP (ORDER BY {column})"
