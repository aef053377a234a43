"""The order that is asked for: of rows by a column, of groups by a measure, of times by time."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

from ask.columns import Columns, label
from ask.lexicon import RESPONSE_TIME, Noun, Superlative
from ask.parts import Parts
from ask.phrases import BY_MEASURE, ByMeasure, Column, Measures, Ordered
from ask.question import Measure, NotUnderstood, Order, Question
from ask.ranking import is_top


def order_of(parts: Parts, columns: Columns) -> Order | None:
    """The order of a question, None where none is asked for.

    The column is None where only a direction is said, and `BY_MEASURE` for "highest first".
    """
    found: Order | None = None
    for part in parts.use(Ordered):
        by, descending = part.value.by, part.value.descending
        if by is None or by == BY_MEASURE:
            column = found.column if found else by
            found = Order(column, True if descending is None else descending)
            continue
        column, usual = _ordered_by(by, columns)
        found = Order(column, usual if descending is None else descending)
    by_measure = parts.of(ByMeasure)
    if by_measure and not is_top(parts) and (found is None or found.column in (None, BY_MEASURE)):
        column = _by_measure(by_measure[0].value.by, parts, columns).column
        return Order(column, True if found is None else found.descending)
    return found


def ordered_groups(question: Question, order: Order | None) -> Question:
    """Groups are ordered by their first measure, times by time unless the highest come first."""
    if order is None or question.shape == "value":
        return question
    if question.shape != "series":
        return replace(question, order=_order_of_groups(question, order))
    by_time = order.column in (None, "timestamp")
    return replace(question, order=Order("timestamp" if by_time else None, order.descending))


def _order_of_groups(question: Question, order: Order) -> Order:
    """By a key or by the first measure; anything else is not in the answer."""
    if order.column in [key.column for key in question.keys]:
        return order
    shown = question.measures[0].column or question.measures[0].how.replace(" ", "_")
    if order.column in (None, BY_MEASURE, shown):
        return Order(None, order.descending)
    raise NotUnderstood(f"the lines of this answer can't be sorted by {label(order.column)}")


def ordered_rows(order: Order | None) -> Order:
    """Newest first unless asked otherwise."""
    if order is None:
        return Order("timestamp")
    if order.column in (BY_MEASURE, "count"):
        raise NotUnderstood(
            "rows have no such number to be sorted by; sort by one of their columns"
        )
    return order if order.column else Order("timestamp", order.descending)


def _by_measure(by: Any, parts: Parts, columns: Columns) -> Order:
    """`windows by risk`: rows in that order."""
    if isinstance(by, Column) and by.name != "error_rate" and not parts.head():
        return Order(columns.column(by.name))
    return Order(None)


def _ordered_by(by: Any, columns: Columns) -> tuple[str | None, bool]:
    """The column, and whether the largest come first unless something else is said."""
    match by:
        case Superlative(column=column, descending=descending):
            return columns.column(column) if column else BY_MEASURE, descending
        case Measure() | Noun(kind="calls" | "windows"):
            return "count", True
        case Column(name):
            return columns.column(name), name != "timestamp"
        case Measures((measure, *_), column):
            name = column.name if column else RESPONSE_TIME
            return columns.measure(measure, name).column, True
        case Noun(column=str() as column):
            return columns.column(column), column in ("status_code", "priority")
    return None, True
