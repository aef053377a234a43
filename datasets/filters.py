"""Which rows of a data set match conditions, and in what order they are wanted."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any, Final

import numpy as np
import pandas as pd
from numpy.typing import NDArray

Bools = NDArray[np.bool_]
Ints = NDArray[np.int64]

_NUMBERS: Final[dict[str, Callable[[Any, float, float], Any]]] = {
    "equals": lambda v, a, _: v == a,
    "notEqual": lambda v, a, _: v != a,
    "lessThan": lambda v, a, _: v < a,
    "lessThanOrEqual": lambda v, a, _: v <= a,
    "greaterThan": lambda v, a, _: v > a,
    "greaterThanOrEqual": lambda v, a, _: v >= a,
    "inRange": lambda v, a, b: (v >= a) & (v <= b),
}
_TEXTS: Final[dict[str, Callable[[str, str], bool]]] = {
    "contains": lambda text, part: part in text,
    "notContains": lambda text, part: part not in text,
    "equals": lambda text, part: text == part,
    "notEqual": lambda text, part: text != part,
    "startsWith": lambda text, part: text.startswith(part),
    "endsWith": lambda text, part: text.endswith(part),
}
_DENIALS: Final = frozenset({"notContains", "notEqual"})  # a missing text matches these
BLANK: Final = ("blank", "notBlank")


@dataclass(frozen=True)
class Condition:
    """One condition on one column; `how` is a name of the grid's own filters, `in` or `or`."""

    column: str
    how: str
    value: Any = None  # of `in` a list of texts, of `or` a tuple of conditions
    to: Any = None  # upper end of `inRange`


def conditions(model: Mapping[str, Any]) -> list[Condition]:
    """What the filters of a grid say, all of which must be met.

    Parameters
    ----------
    model : mapping
        Column -> `{"type": "greaterThan", "filter": 0.3}`, `{"type": "inRange", "filter": 1,
        "filterTo": 2}`, `{"values": ["bot"]}`, or two such as `{"operator": "OR",
        "conditions": [...]}`; times as `dateFrom` and `dateTo`, `2026-03-18 15:30:00` in UTC.

    Raises
    ------
    ValueError
        It is none of these; with what is wrong.
    """
    found: list[Condition] = []
    for column, said in model.items():
        if not isinstance(said, Mapping):
            raise ValueError(f"the filter of {column} is {said!r}; it must be an object")
        several = said.get("conditions")
        parts = [_condition(column, one) for one in several or [said]]
        either = said.get("operator") == "OR" and len(parts) > 1
        found += [Condition(column, "or", tuple(parts))] if either else parts
    return found


def matching(rows: pd.DataFrame, conditions: Iterable[Condition], search: str = "") -> Bools:
    """Whether each row meets all conditions and has the words of `search` in its texts.

    Parameters
    ----------
    rows : DataFrame
        Texts as categories, numbers, truth values.
    search : str
        Words, each of which stands in some text of the row, whatever the case.

    Raises
    ------
    ValueError
        A column is not there, or its values can't be compared so.
    """
    found = np.ones(len(rows), np.bool_)
    for condition in conditions:
        found &= _meets(rows, condition)
    for word in search.casefold().split():
        found &= _anywhere(rows, word)
    return found


def ordered(rows: pd.DataFrame, found: Bools, by: Sequence[tuple[str, bool]]) -> Ints:
    """Positions of the rows that were found, sorted by columns; True: largest first.

    Missing values stand last, equal ones in the order of the set.
    """
    places = np.flatnonzero(found)
    for column, descending in reversed(by):
        if column not in rows:
            raise ValueError(_unknown(rows, column))
        keys = _sort_keys(rows[column])[places]
        order = np.argsort(-keys if descending else keys, kind="stable")
        places = places[order]  # NaN sorts last both ways
    return places


def _condition(column: str, said: Any) -> Condition:
    if not isinstance(said, Mapping):
        raise ValueError(f"the filter of {column} holds {said!r}; it must be an object")
    if "values" in said:
        return Condition(column, "in", said["values"])
    if "dateFrom" in said:
        return Condition(
            column, str(said.get("type")), _moment(said["dateFrom"]), _moment(said.get("dateTo"))
        )
    if "type" not in said:
        raise ValueError(f"the filter of {column} is {dict(said)!r}; it must have type or values")
    return Condition(column, str(said["type"]), said.get("filter"), said.get("filterTo"))


def _moment(text: Any) -> float | None:
    """Epoch ms of a time of the grid's date filter."""
    if text is None:
        return None
    try:
        return datetime.fromisoformat(str(text)).replace(tzinfo=UTC).timestamp() * 1000
    except ValueError:
        raise ValueError(f"{text!r} is no time such as 2026-03-18 15:30:00") from None


def _meets(rows: pd.DataFrame, condition: Condition) -> Bools:
    if condition.how == "or":
        parts = [_meets(rows, part) for part in condition.value]
        return np.asarray(np.logical_or.reduce(parts))
    if condition.column not in rows:
        raise ValueError(_unknown(rows, condition.column))
    column = rows[condition.column]
    if condition.how in BLANK:
        missing = column.isna().to_numpy()
        return np.asarray(missing if condition.how == "blank" else ~missing)
    if condition.how == "in":
        return _among(column, condition.value)
    if isinstance(column.dtype, pd.CategoricalDtype):
        return _text(column, condition)
    return _number(column, condition)


def _unknown(rows: pd.DataFrame, column: str) -> str:
    return f"there is no column {column!r}; there are {', '.join(map(str, rows.columns))}"


def _number(column: pd.Series, condition: Condition) -> Bools:
    compare = _NUMBERS.get(condition.how)
    try:
        first = float(condition.value)
        last = first if condition.to is None else float(condition.to)
    except (TypeError, ValueError):
        compare = None
    if compare is None:
        raise ValueError(f"{condition.column} is a number and {_wanted(condition)}")
    values = column.to_numpy(np.float64, na_value=np.nan)
    return np.asarray(compare(values, first, last)) & ~np.isnan(values)


def _text(column: pd.Series, condition: Condition) -> Bools:
    compare = _TEXTS.get(condition.how)
    if compare is None or not isinstance(condition.value, str):
        raise ValueError(f"{condition.column} is a text and {_wanted(condition)}")
    part = condition.value.casefold()
    hits = [compare(str(name).casefold(), part) for name in column.cat.categories]
    return _by_category(column, hits, missing=condition.how in _DENIALS)


def _wanted(condition: Condition) -> str:
    return f"can't be compared so: {condition.how} {condition.value!r}"


def _among(column: pd.Series, values: Any) -> Bools:
    if not isinstance(values, list):
        raise ValueError(f"{column.name} needs a list of values, not {values!r}")
    wanted = {"" if value is None else str(value) for value in values}
    if column.dtype == bool:
        return np.where(column.to_numpy(), "yes" in wanted, "no" in wanted)
    if not isinstance(column.dtype, pd.CategoricalDtype):
        raise ValueError(f"{column.name} is a number and has no list of values")
    hits = [str(name) in wanted for name in column.cat.categories]
    return _by_category(column, hits, missing="" in wanted)


def _by_category(column: pd.Series, hits: list[bool], *, missing: bool) -> Bools:
    """What is true of each row, by what is true of its category; code -1 is the last entry."""
    return np.array([*hits, missing], np.bool_)[column.cat.codes.to_numpy()]


def _anywhere(rows: pd.DataFrame, word: str) -> Bools:
    found = np.zeros(len(rows), np.bool_)
    for name in rows:
        column = rows[name]
        if isinstance(column.dtype, pd.CategoricalDtype):
            hits = [word in str(text).casefold() for text in column.cat.categories]
            found |= _by_category(column, hits, missing=False)
    return found


def _sort_keys(column: pd.Series) -> NDArray[np.float64]:
    """Numbers in the order of the values; NaN where there is none."""
    if not isinstance(column.dtype, pd.CategoricalDtype):
        return column.to_numpy(np.float64, na_value=np.nan)
    names = [str(name).casefold() for name in column.cat.categories]
    ranks = np.empty(len(names) + 1)
    ranks[np.argsort(names, kind="stable")] = np.arange(len(names))
    ranks[-1] = np.nan
    return ranks[column.cat.codes.to_numpy()]
