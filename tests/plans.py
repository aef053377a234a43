"""What questions mean, in short: rows, numbers and groups of calls and windows, and times."""

from __future__ import annotations

from dataclasses import replace
from typing import Any, Final

import pytest

from ask.question import (
    AnyOf,
    Bucket,
    Condition,
    Having,
    Key,
    Measure,
    NotUnderstood,
    Operator,
    Order,
    Question,
    TimeRange,
    Value,
    in_order,
)
from ask.reading import understand
from tests.site import DAY, HOUR, NOW, ROUTES, TODAY

Given = Condition | AnyOf


def has(column: str, *values: Value) -> Condition:
    return Condition(column, "in", values)


def lacks(column: str, *values: Value) -> Condition:
    return Condition(column, "not in", values)


def compare(column: str, operator: Operator, *values: Value) -> Condition:
    return Condition(column, operator, values)


def code(*codes: int) -> Condition:
    return has("status_code", *codes)


def codes(first: int) -> Condition:
    """A class of status codes."""
    return compare("status_code", "between", first, first + 99)


def route(*names: str) -> Condition:
    return has("endpoint", *names)


def under(name: str) -> Condition:
    return compare("endpoint", "under", name)


def any_of(*conditions: Condition) -> AnyOf:
    return AnyOf(conditions)


def took(operator: Operator, *ms: float) -> Condition:
    return compare("response_time_ms", operator, *ms)


def sized(operator: Operator, *size: float) -> Condition:
    return compare("payload_size", operator, *size)


HIGH: Final = has("priority", "HIGH")
ANOMALY: Final = has("is_anomaly", 1)
BOT: Final = has("usage_cluster", "bot")
HEAVY: Final = has("usage_cluster", "heavy")
NORMAL: Final = has("usage_cluster", "normal")
FAILING: Final = compare("failure_probability", ">=", 0.5)
ERRORS: Final = compare("status_code", ">=", 400)
WELL: Final = compare("status_code", "<", 400)
SLOW: Final = took(">", 800)
ANONYMOUS: Final = compare("user_id", "is null")
NAMED: Final = compare("user_id", "is not null")

# rows


def calls(*conditions: Given, **other: Any) -> Question:
    """Rows of calls; `order` is a column, `down` its direction."""
    return _rows("calls", conditions, **other)


def windows(*conditions: Given, **other: Any) -> Question:
    """Rows of windows; see `calls`."""
    return _rows("windows", conditions, **other)


def _rows(
    table: Any, given: tuple[Given, ...], order: str = "timestamp", down: bool = True, **other: Any
) -> Question:
    return Question(table, given, order=Order(order, down), **other)


# numbers and groups


def average(column: str) -> Measure:
    return Measure("average", column)


def highest(column: str) -> Measure:
    return Measure("maximum", column)


def lowest(column: str) -> Measure:
    return Measure("minimum", column)


def total(column: str) -> Measure:
    return Measure("sum", column)


def different(column: str) -> Measure:
    return Measure("distinct", column)


def percentile(percent: int, column: str = "response_time_ms") -> Measure:
    return Measure("percentile", column, percent)


COUNT: Final = Measure("count")
ERROR_RATE: Final = Measure("error rate")
MS: Final = "response_time_ms"
SIZE: Final = "payload_size"


def number(rows: Question, *measures: Measure) -> Question:
    """One line for all rows."""
    return replace(rows, measures=measures or (COUNT,), order=Order(None), limit=1000)


def per(
    keys: str, rows: Question, *measures: Measure, limit: int = 1000, down: bool = True
) -> Question:
    """A line for each group, the largest first; lines of users leave out calls without one."""
    columns = keys.split()
    given = (*rows.conditions, NAMED) if "user_id" in columns else rows.conditions
    grouped = number(replace(rows, conditions=given), *measures)
    made = tuple(Key(column) for column in columns)
    return replace(grouped, keys=made, order=Order(None, down), limit=limit)


def having(grouped: Question, operator: Operator, *values: Value) -> Question:
    """Only groups of so many rows."""
    return replace(grouped, having=Having(COUNT, operator, values))


def every(bucket: Bucket, rows: Question, *measures: Measure, units: int = 1) -> Question:
    """A line for each stretch of time, in their order."""
    key = Key("timestamp", bucket, units)
    return replace(number(rows, *measures), keys=(key,), order=Order("timestamp", False))


# times


def at(days_ago: int, hour: float = 0) -> int:
    """An instant [epoch ms] of a day."""
    return TODAY - days_ago * DAY + int(hour * HOUR)


def last(ms: float) -> TimeRange:
    return TimeRange(int(NOW - ms), NOW, closed=True)


def since(days_ago: int, hour: float = 0) -> TimeRange:
    return TimeRange(at(days_ago, hour), NOW, closed=True)


def day(days_ago: int, first: float = 0, end: float = 24) -> TimeRange:
    """A day, or some of its hours."""
    return TimeRange(at(days_ago, first), at(days_ago, end))


def before(days_ago: int) -> TimeRange:
    return TimeRange(None, at(days_ago))


# tables of cases: name, meaning (None: refused), wordings


def cases(section: str, table: Any) -> list[Any]:
    """A case for each wording, named after its section and term."""
    return [
        pytest.param(asked, meaning, id=f"{section}-{name}-{at}")
        for name, meaning, *wordings in table
        for at, asked in enumerate(wordings)
    ]


def means(asked: str, meaning: Any) -> None:
    """The question means this, or nothing at all."""
    if meaning is None:
        with pytest.raises(NotUnderstood):
            understand(asked, ROUTES, NOW)
    else:
        assert understand(asked, ROUTES, NOW).question == in_order(meaning)
