"""A `Question` to one parameterised SELECT; the question's words never become text of it."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, Final

from sqlalchemy import (
    ColumnElement,
    Float,
    Integer,
    Select,
    Table,
    and_,
    cast,
    func,
    literal_column,
    or_,
    select,
)
from sqlalchemy.ext.compiler import compiles
from sqlalchemy.sql.compiler import SQLCompiler
from sqlalchemy.sql.functions import FunctionElement

from ask.question import (
    AnyOf,
    Condition,
    Having,
    Key,
    Measure,
    Question,
    TimeRange,
)
from store.percentile import percentile
from store.tables import anomaly_log, api_log

_HIDDEN: Final = frozenset({"identity", "fingerprint", "latency_histogram"})
MONDAY_MS: Final = 4 * 86_400_000  # the first Monday of the epoch


def statement_of(question: Question) -> Select[Any]:
    """The query: rows in the order and number asked for, or keys and measures."""
    if not question.measures:
        return _rows(question)
    found = _groups(question)
    if question.count_groups:
        return select(func.count().label("count")).select_from(found.subquery())
    return found.order_by(*_order_of_groups(question, found)).limit(question.limit)


def _table(question: Question) -> Table:
    return anomaly_log if question.table == "windows" else api_log


def _rows(question: Question) -> Select[Any]:
    table = _table(question)
    columns = [column for column in table.c if column.name not in _HIDDEN]
    order = question.order
    by = [_directed(_column(table, str(order.column)), order.descending)]
    if order.column == "timestamp":
        by.append(_directed(table.c.id, order.descending))
    else:
        by += [table.c.timestamp.desc(), table.c.id.desc()]
    return select(*columns).where(*_where(question)).order_by(*by).limit(question.limit)


def _directed(column: ColumnElement[Any], descending: bool) -> ColumnElement[Any]:
    """Rows without the value come last, on both databases."""
    return (column.desc() if descending else column.asc()).nulls_last()


def _where(question: Question) -> list[ColumnElement[bool]]:
    table = _table(question)
    conditions = [_holds(table, condition) for condition in question.conditions]
    if question.subject is not None:
        conditions.append(table.c.subject == question.subject)
    if question.time is not None:
        conditions.append(_within(table, question.time))
    conditions += [~_within(table, time) for time in question.excluded_times]
    return conditions


def _within(table: Table, time: TimeRange) -> ColumnElement[bool]:
    at = table.c.timestamp
    parts: list[ColumnElement[bool]] = []
    if time.start is not None:
        parts.append(at >= time.start)
    if time.end is not None:
        parts.append(at <= time.end if time.closed else at < time.end)
    return and_(True, *parts)


def _holds(table: Table, condition: Condition | AnyOf) -> ColumnElement[bool]:
    if isinstance(condition, AnyOf):
        return or_(*(_holds(table, part) for part in condition.conditions))
    column, values = _column(table, condition.column), condition.values
    match condition.operator:
        case "in":
            return column.in_(values) if len(values) > 1 else column == values[0]
        case "not in":
            others = column.not_in(values) if len(values) > 1 else column != values[0]
            return or_(column.is_(None), others) if _nullable(condition.column) else others
        case "<":
            return column < values[0]
        case "<=":
            return column <= values[0]
        case ">":
            return column > values[0]
        case ">=":
            return column >= values[0]
        case "between":
            return column.between(values[0], values[1])
        case "not between":
            return or_(column < values[0], column > values[1])
        case "is null":
            return column.is_(None)
        case "is not null":
            return column.is_not(None)
        case "under":
            return _under(column, str(values[0]))
        case "not under":
            return ~_under(column, str(values[0]))


def _nullable(column: str) -> bool:
    return column in ("user_id", "client")


def _under(column: ColumnElement[Any], route: str) -> ColumnElement[bool]:
    """A route and all below it; LIKE would ignore case on SQLite."""
    below = f"{route.rstrip('/')}/"
    return or_(column == route, func.substr(column, 1, len(below)) == below)


def _column(table: Table, name: str) -> ColumnElement[Any]:
    if name == "client" and table is api_log:
        return func.coalesce(table.c.user_id, table.c.ip_address)
    return table.c[name]


def _groups(question: Question) -> Select[Any]:
    """Keys, then measures."""
    table = _table(question)
    keys = [_key(table, key).label(_key_name(key)) for key in question.keys]
    measures = [
        _measure(table, measure).label(_name(at, question.measures))
        for at, measure in enumerate(question.measures)
    ]
    found = (
        select(*keys, *measures)
        .select_from(table)
        .where(*_where(question), *_by_endpoint(question))
    )
    if keys:
        found = found.group_by(*keys)
    if question.having is not None:
        found = found.having(_having(table, question.having))
    return found


def _by_endpoint(question: Question) -> list[ColumnElement[bool]]:
    """True of all calls; it makes SQLite read a range of time endpoint by endpoint.

    The index of endpoints holds all that can be asked of calls, in the order of the groups. SQLite
    would take the one of times instead, look up each row and sort them all. PostgreSQL would be
    slower by it.
    """
    if question.keys != (Key("endpoint"),) or question.time is None or question.table != "calls":
        return []
    return [_OnSqlite(api_log.c.endpoint.in_(distinct_endpoints(api_log)))]


class _OnSqlite(FunctionElement[bool]):
    """A condition that is true anyway, and is left out on another database."""

    inherit_cache = True


@compiles(_OnSqlite, "sqlite")
def _as_it_is(element: _OnSqlite, compiler: SQLCompiler, **kw: Any) -> str:
    return compiler.process(element.clauses, **kw)


@compiles(_OnSqlite)
def _left_out(_element: _OnSqlite, _compiler: SQLCompiler, **_kw: Any) -> str:
    return "true"


def distinct_endpoints(table: Table) -> Select[Any]:
    """One index seek for each distinct value, however many rows there are."""
    first = select(func.min(table.c.endpoint).label("endpoint")).cte("leap", recursive=True)
    following = (
        select(func.min(table.c.endpoint))
        .where(table.c.endpoint > first.c.endpoint)
        .correlate(first)
        .scalar_subquery()
    )
    leap = first.union_all(select(following).where(first.c.endpoint.is_not(None)))
    return select(leap.c.endpoint).where(leap.c.endpoint.is_not(None))


def _name(at: int, measures: Sequence[Measure]) -> str:
    measure = measures[at]
    if measure.how == "count":
        return "count"
    how = f"p{measure.percentile}" if measure.how == "percentile" else measure.how.replace(" ", "_")
    return how if measure.column is None else f"{how}_{measure.column}"


def _key_name(key: Key) -> str:
    return key.bucket or key.column


def _key(table: Table, key: Key) -> ColumnElement[Any]:
    if key.bucket is None:
        return _column(table, key.column)
    # Text, not parameters: PostgreSQL can't tell that equal ones make the key that it groups by.
    length = literal_column(str(key.bucket_ms), Integer)
    shift = literal_column(str(MONDAY_MS if key.bucket == "week" else 0), Integer)
    return (table.c.timestamp - shift) // length * length + shift


def _measure(table: Table, measure: Measure) -> ColumnElement[Any]:
    if measure.how == "count":
        return func.count()
    if measure.how == "error rate":
        failed = func.count().filter(table.c.status_code >= 400)
        return cast(failed, Float(53)) / func.nullif(func.count(), 0)
    column = _column(table, str(measure.column))
    match measure.how:
        case "distinct":
            return func.count(column.distinct())
        case "sum":
            return func.sum(column)
        case "average":
            return func.avg(column)
        case "minimum":
            return func.min(column)
        case "maximum":
            return func.max(column)
        case "percentile":
            return percentile(column, measure.percentile or 0)


def _having(table: Table, having: Having) -> ColumnElement[bool]:
    number = _measure(table, having.measure)
    values = having.values
    match having.operator:
        case ">":
            return number > values[0]
        case ">=":
            return number >= values[0]
        case "<":
            return number < values[0]
        case "<=":
            return number <= values[0]
        case "between":
            return number.between(values[0], values[1])
    return number == values[0]


def _order_of_groups(question: Question, found: Select[Any]) -> list[ColumnElement[Any]]:
    columns = list(found.selected_columns)
    keys = columns[: len(question.keys)]
    if not keys:
        return []
    named = [key.column for key in question.keys]
    if question.order.column in named:
        key = keys.pop(named.index(question.order.column))
        return [_directed(key, question.order.descending), *keys]
    return [_directed(columns[len(keys)], question.order.descending), *keys]
