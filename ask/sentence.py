"""A `Question` as one English sentence that states all of it, and means the same when asked."""

from __future__ import annotations

import re
from collections.abc import Sequence
from datetime import UTC, datetime, timedelta, tzinfo
from typing import Final

from ask.columns import LABELS
from ask.question import (
    HARD_LIMIT,
    AnyOf,
    Condition,
    Having,
    Key,
    Measure,
    Order,
    Question,
    TimeRange,
    Value,
)

_EPOCH: Final = datetime(1970, 1, 1, tzinfo=UTC)
_PLURALS: Final = {
    "user_id": "users", "ip_address": "IP addresses", "client": "clients", "method": "methods",
    "endpoint": "endpoints", "status_code": "status codes", "priority": "priorities",
    "usage_cluster": "usage clusters", "subject": "subjects",
}  # fmt: skip
_UNITS: Final = {
    "response_time_ms": " ms", "avg_response_time": " ms", "max_response_time": " ms",
    "payload_size": " bytes", "payload_mean": " bytes",
}  # fmt: skip
_COMPARISONS: Final = {"<": "below", "<=": "at most", ">": "above", ">=": "at least"}
_COUNTS: Final = {
    "<": "fewer than", "<=": "no more than", ">": "more than", ">=": "at least", "in": "exactly",
}  # fmt: skip
_AGGREGATES: Final = {
    "sum": "total", "average": "average", "minimum": "minimum", "maximum": "maximum",
}  # fmt: skip
_PLAIN_USER: Final = re.compile(r"u\d+")

NOTE: Final = re.compile(
    r"\s*(?:Read “[^”]*” as “[^”]*”\.|Took [a-z ]+ as its average\.|At most \d+ lines are given\.)"
)
"""Notes after a sentence; they say what was done, and mean nothing when it is asked again."""


def sentence_of(question: Question, zone: tzinfo = UTC) -> str:
    """One sentence with every condition, absolute times, order and limit."""
    parts = [_head(question), _keys(question), _conditions(question)]
    words = " ".join(part for part in parts if part)
    times = [_time(question.time, zone)] if question.time else []
    times += [f"except {_time(time, zone)}" for time in question.excluded_times]
    tail = [words, *_exclusions(question), *times, _having(question), _order(question)]
    tail.append(_limit(question))
    sentence = ", ".join(part for part in tail if part)
    return f"{sentence[0].upper()}{sentence[1:]}."


def _head(question: Question) -> str:
    """What is asked for, of which rows."""
    rows = _rows(question)
    if not question.measures:
        return rows
    if question.count_groups:
        return f"number of {_PLURALS[question.keys[0].column]} of {rows}"
    measures = [_measure(measure, question) for measure in question.measures]
    counted = any(measure.how == "count" for measure in question.measures)
    return " and ".join(measures) + ("" if counted else f" of {rows}")


def _rows(question: Question) -> str:
    adjectives = [_adjective(c) for c in question.conditions if isinstance(c, Condition)]
    noun = "calls" if question.table == "calls" else "windows"
    subject = question.subject or ""
    return " ".join(word for word in (*adjectives, subject, noun) if word)


def _adjective(condition: Condition) -> str:
    """Conditions that stand before the noun; the others follow it."""
    match condition:
        case Condition("user_id", "is null"):
            return "anonymous"
        case Condition("user_id", "is not null"):
            return "authenticated"
        case Condition("is_anomaly", operator):
            return "anomalous" if operator == "in" else "not anomalous"
    return ""


def _measure(measure: Measure, question: Question) -> str:
    column = str(measure.column)
    match measure.how:
        case "count":
            return f"number of {_rows(question)}"
        case "distinct":
            return f"number of distinct {_PLURALS[column]}"
        case "percentile":
            return f"p{measure.percentile} {_bare(column)}"
        case "error rate":
            return "error rate"
    return f"{_AGGREGATES[measure.how]} {_bare(column)}"


def _bare(column: str) -> str:
    """`response time` of windows, too: what is taken of it is said before."""
    return LABELS[column].removeprefix("average ").removeprefix("maximum ")


def _keys(question: Question) -> str:
    if not question.keys or question.count_groups:
        return ""
    return f"per {' and '.join(map(_key, question.keys))}"


def _key(key: Key) -> str:
    if key.bucket is None:
        return LABELS[key.column]
    return key.bucket if key.every == 1 else f"{key.every} {key.bucket}s"


def _conditions(question: Question) -> str:
    """After `with`; what "or" joins comes last, so that nothing after it belongs to it."""
    plain = [
        c
        for c in question.conditions
        if isinstance(c, Condition) and not _adjective(c) and not _is_exclusion(c)
    ]
    groups = [c for c in question.conditions if isinstance(c, AnyOf)]
    words, last = "", ""
    for condition in plain:
        words += _connective(words, condition.column == last) + _condition(condition)
        last = condition.column
    for group in groups:
        alternatives = " or ".join(map(_condition, group.conditions))
        words += f"{_connective(words, False)}either {alternatives}"
    return f"with {words}" if words else ""


def _is_exclusion(condition: Condition) -> bool:
    return condition.operator.startswith("not ")


def _exclusions(question: Question) -> list[str]:
    """`excluding endpoint /health and /login`, one phrase for each column."""
    found = [c for c in question.conditions if isinstance(c, Condition) and _is_exclusion(c)]
    return [
        f"excluding {_condition(c.negated()).replace(' or ', ' and ')}"
        for c in found
        if not _adjective(c)
    ]


def _connective(before: str, same_column: bool) -> str:
    """Values of one column that "and" joins would be alternatives."""
    if not before:
        return ""
    return "; " if same_column else " and "


def _condition(condition: Condition) -> str:
    if adjective := _adjective(condition):
        return adjective
    column, values = condition.column, condition.values
    name, unit = LABELS[column], _UNITS.get(column, "")
    match condition.operator:
        case "in" | "not in":
            negation = "not " if condition.operator == "not in" else ""
            return f"{negation}{_values(column, values)}"
        case "under" | "not under":
            negation = "not " if condition.operator == "not under" else ""
            return f"{negation}anything under {values[0]}"
        case "between" | "not between":
            negation = "not " if condition.operator == "not between" else ""
            return f"{negation}{name} between {_number(values[0])} and {_number(values[1])}{unit}"
    return f"{name} {_COMPARISONS[condition.operator]} {_number(values[0])}{unit}"


def _values(column: str, values: Sequence[Value]) -> str:
    """`status code 401 or 403`, `response time exactly 800 ms`."""
    if column in _UNITS or column not in _PLURALS:
        return f"{LABELS[column]} exactly {_number(values[0])}{_UNITS.get(column, '')}"
    if column in ("client", "user_id", "ip_address"):
        return " or ".join(f"{LABELS[column]} {_id(column, str(value))}" for value in values)
    return f"{LABELS[column]} {' or '.join(map(str, values))}"


def _id(column: str, value: str) -> str:
    is_address = column == "ip_address" or re.fullmatch(r"[\d.]+|[\da-fA-F:]+:[\da-fA-F:.]*", value)
    plain = _PLAIN_USER.fullmatch(value) or is_address or re.fullmatch(r"\([a-z]+\)", value)
    return value if plain else f'"{value}"'


def _number(value: Value) -> str:
    return format(float(value), ".12f").rstrip("0").rstrip(".")


def _having(question: Question) -> str:
    having = question.having
    if having is None:
        return ""
    if having.measure.how in ("count", "distinct"):
        return f"keeping groups with {_how_many(having)} {_counted(having, question)}"
    measure, unit = _measure(having.measure, question), _UNITS.get(str(having.measure.column), "")
    values = [_number(value) for value in having.values]
    if having.operator == "between":
        return f"keeping groups with {measure} between {values[0]} and {values[1]}{unit}"
    comparison = {**_COMPARISONS, "in": "exactly"}[having.operator]
    return f"keeping groups with {measure} {comparison} {values[0]}{unit}"


def _how_many(having: Having) -> str:
    values = [_number(value) for value in having.values]
    if having.operator == "between":
        return f"between {values[0]} and {values[1]}"
    return f"{_COUNTS[having.operator]} {values[0]}"


def _counted(having: Having, question: Question) -> str:
    one = having.values == (1,)
    if having.measure.how == "distinct":
        column = str(having.measure.column)
        return LABELS[column] if one else _PLURALS[column]
    noun = "call" if question.table == "calls" else "window"
    return noun if one else f"{noun}s"


def _time(time: TimeRange, zone: tzinfo) -> str:
    if time.start is None:
        end = (time.end or 0) + (1 if time.closed else 0)
        return f"earlier than {instant(end, zone)}"
    if time.end is None:
        return f"at or after {instant(time.start, zone)}"
    start, end_words = instant(time.start, zone), instant(time.end, zone)
    if time.closed:
        return f"from {start} to {end_words} inclusive"
    return f"from {start} until {end_words}"


def instant(ms: int, zone: tzinfo) -> str:
    """An instant to the precision it has, with its zone."""
    local = (_EPOCH + timedelta(milliseconds=ms)).astimezone(zone)
    text = local.strftime("%Y-%m-%d %H:%M")
    if local.second or local.microsecond:
        text += local.strftime(":%S")
    if local.microsecond:
        text += f".{local.microsecond // 1000:03d}"
    offset = local.strftime("%z")
    return f"{text} UTC" if zone is UTC or offset == "+0000" else f"{text}{offset}"


def _order(question: Question) -> str:
    order = question.order
    if question.shape == "value":
        return ""
    if question.shape == "rows":
        return _order_of_rows(order)
    if order.column is not None:
        return _order_of_rows(order)
    return "highest first" if order.descending else "lowest first"


def _order_of_rows(order: Order) -> str:
    if order.column == "timestamp":
        return "newest first" if order.descending else "oldest first"
    direction = "descending" if order.descending else "ascending"
    return f"sorted by {LABELS[str(order.column)]} {direction}"


def _limit(question: Question) -> str:
    if question.shape == "value" or (question.shape != "rows" and question.limit == HARD_LIMIT):
        return ""
    noun = "row" if question.shape == "rows" else "group"
    return f"at most {question.limit} {noun}{'' if question.limit == 1 else 's'}"
