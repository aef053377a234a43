"""A `Question` to one parameterised SELECT; the question's words never become text of it."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, Final

from sqlalchemy import (
    ColumnElement,
    Float,
    FromClause,
    Select,
    Table,
    and_,
    case,
    cast,
    func,
    literal,
    or_,
    select,
)

from ask.question import (
    AnyOf,
    Condition,
    Having,
    Key,
    Measure,
    Question,
    TimeRange,
)
from store.tables import anomaly_log, api_log

_HIDDEN: Final = frozenset({"identity", "fingerprint", "latency_histogram"})
MONDAY_MS: Final = 4 * 86_400_000  # the first Monday of the epoch
_VALUE: Final = "value"


def statement_of(question: Question) -> Select[Any]:
    """The query: rows in the order and number asked for, or keys and measures."""
    if not question.measures:
        return _rows(question)
    found = _groups(question)
    if question.count_groups:
        return select(func.count().label("count")).select_from(found.subquery())
    return found.order_by(*_order_of_groups(question, found)).limit(question.limit)


def column_names(question: Question) -> tuple[str, ...]:
    """Names of the answer's columns."""
    return tuple(statement_of(question).selected_columns.keys())


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
    """A route and all below it."""
    return or_(column == route, column.startswith(f"{route.rstrip('/')}/", autoescape=True))


def _column(table: Table, name: str) -> ColumnElement[Any]:
    if name == "client" and table is api_log:
        return func.coalesce(table.c.user_id, table.c.ip_address)
    return table.c[name]


def _groups(question: Question) -> Select[Any]:
    """Keys, then measures; percentiles need the rank of each value in its group first."""
    table = _table(question)
    percentiles = [m for m in question.measures if m.how == "percentile"]
    if question.having is not None and question.having.measure.how == "percentile":
        percentiles.append(question.having.measure)
    source: FromClause = table
    where = _where(question)
    if percentiles:
        source = _ranked(question, {str(m.column) for m in percentiles})
        where = []
    keys = _labelled_keys(source if percentiles else table, question, bool(percentiles))
    measures = [
        _measure(source, measure).label(_name(at, question.measures))
        for at, measure in enumerate(question.measures)
    ]
    found = select(*keys, *measures).select_from(source).where(*where)
    if keys:
        found = found.group_by(*keys)
    if question.having is not None:
        found = found.having(_having(source, question.having))
    return found


def _name(at: int, measures: Sequence[Measure]) -> str:
    measure = measures[at]
    if measure.how == "count":
        return "count"
    how = f"p{measure.percentile}" if measure.how == "percentile" else measure.how.replace(" ", "_")
    return how if measure.column is None else f"{how}_{measure.column}"


def _labelled_keys(
    source: FromClause, question: Question, are_columns: bool
) -> list[ColumnElement[Any]]:
    if are_columns:
        return [source.c[_key_name(key)] for key in question.keys]
    return [_key(_table(question), key).label(_key_name(key)) for key in question.keys]


def _key_name(key: Key) -> str:
    return key.bucket or key.column


def _key(table: Table, key: Key) -> ColumnElement[Any]:
    if key.bucket is None:
        return _column(table, key.column)
    at, length = table.c.timestamp, key.bucket_ms
    shift = MONDAY_MS if key.bucket == "week" else 0
    return (at - shift) // literal(length) * literal(length) + literal(shift)


def _measure(source: FromClause, measure: Measure) -> ColumnElement[Any]:
    match measure.how:
        case "count":
            return func.count()
        case "distinct":
            return func.count(_of(source, measure).distinct())
        case "sum":
            return func.sum(_of(source, measure))
        case "average":
            return func.avg(_of(source, measure))
        case "minimum":
            return func.min(_of(source, measure))
        case "maximum":
            return func.max(_of(source, measure))
        case "percentile":
            return _percentile(source, measure)
        case "error rate":
            failed = case((source.c.status_code >= 400, 1.0), else_=0.0)
            return func.avg(cast(failed, Float(53)))


def _of(source: FromClause, measure: Measure) -> ColumnElement[Any]:
    name = str(measure.column)
    if name == "client" and "user_id" in source.c:
        return func.coalesce(source.c.user_id, source.c.ip_address)
    return source.c[name]


def _ranked(question: Question, columns: set[str]) -> FromClause:
    """All rows in question with the rank of each value in its group, and how many there are."""
    table = _table(question)
    keys = [_key(table, key) for key in question.keys]
    labelled = [_key(table, key).label(_key_name(key)) for key in question.keys]
    ranks: list[ColumnElement[Any]] = []
    for name in sorted(columns):
        column = table.c[name]
        group = [*keys, column.is_(None)]
        rank = func.row_number().over(partition_by=group, order_by=column)
        ranks.append(rank.label(f"{name}_rank"))
        ranks.append(func.count(column).over(partition_by=group).label(f"{name}_count"))
    own = [c for c in _used_columns(table, question) if c.name not in {k.name for k in labelled}]
    return select(*labelled, *own, *ranks).where(*_where(question)).subquery()


def _used_columns(table: Table, question: Question) -> list[ColumnElement[Any]]:
    measures = [*question.measures, *([question.having.measure] if question.having else [])]
    names = {str(m.column) for m in measures if m.column}
    if "client" in names and table is api_log:
        names |= {"user_id", "ip_address"}
    if any(m.how == "error rate" for m in measures):
        names.add("status_code")
    return [table.c[name] for name in sorted(names) if name in table.c]


def _percentile(source: FromClause, measure: Measure) -> ColumnElement[Any]:
    """Nearest rank: the value at position ceil(p / 100 * n) in ascending order."""
    name, percent = str(measure.column), measure.percentile or 0
    rank, count = source.c[f"{name}_rank"], source.c[f"{name}_count"]
    position = (literal(percent) * count + literal(99)) // literal(100)
    first = case((position < 1, 1), else_=position)
    return func.max(case((rank == first, source.c[name])))


def _having(source: FromClause, having: Having) -> ColumnElement[bool]:
    number = _measure(source, having.measure)
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
    if question.order.column == "timestamp":
        return [_directed(keys[0], question.order.descending), *keys[1:]]
    return [_directed(columns[len(keys)], question.order.descending), *keys]
