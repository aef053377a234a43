"""Statements of questions, on SQLite and PostgreSQL."""

from __future__ import annotations

from typing import Any

import pytest
from sqlalchemy import text

from ask.question import Condition, Key, Measure, Order, Question, TimeRange
from ask.select import statement_of
from ingest.call import Call
from store import Store, writes
from tests.rows import T0, call

HOUR = 3_600_000
BY_ENDPOINT = (Key("endpoint"),)
COUNT, ERROR_RATE = Measure("count"), Measure("error rate")


def add(store: Store, *calls: Call) -> None:
    with store.begin() as connection:
        writes.add_calls(connection, calls, store.grid)


def rows_of(store: Store, question: Question) -> list[tuple[Any, ...]]:
    with store.read() as connection:
        return [tuple(row) for row in connection.execute(statement_of(question))]


def plan_of(store: Store, question: Question) -> str:
    literal = {"literal_binds": True}
    statement = statement_of(question).compile(store.reader, compile_kwargs=literal)
    with store.read() as connection:
        return " ".join(r[3] for r in connection.execute(text(f"EXPLAIN QUERY PLAN {statement}")))


def test_under_a_route_are_those_that_go_on_after_it_in_its_own_case(store: Store) -> None:
    routes = ["/a%b", "/a%b/c", "/a%bc", "/axb/c", "/A%B/c"]
    add(store, *(call(T0 + i, endpoint=route) for i, route in enumerate(routes)))

    def endpoints(operator: Any) -> set[str]:
        conditions = (Condition("endpoint", operator, ("/a%b",)),)
        question = Question("calls", conditions, measures=(COUNT,), keys=BY_ENDPOINT)
        return {row[0] for row in rows_of(store, question)}

    assert endpoints("under") == {"/a%b", "/a%b/c"}
    assert endpoints("not under") == {"/a%bc", "/axb/c", "/A%B/c"}


def test_an_error_rate_is_the_share_of_status_400_and_above(store: Store) -> None:
    question = Question("calls", measures=(ERROR_RATE,))
    assert rows_of(store, question) == [(None,)], "of no calls"
    add(
        store, *(call(T0 + i, status_code=code) for i, code in enumerate([200, 399, 400, 503, 200]))
    )
    assert rows_of(store, question) == [(0.4,)]


@pytest.mark.parametrize(
    ("time", "expected"),
    [
        (TimeRange(T0, T0 + HOUR), {"/a": 2, "/b": 1}),
        (TimeRange(T0, T0 + HOUR, closed=True), {"/a": 2, "/b": 2}),
        (TimeRange(T0 + 1, None), {"/a": 1, "/b": 2, "/c": 1}),
        (TimeRange(None, T0), {}),
    ],
    ids=["from-to", "to-and-with", "since", "before"],
)
def test_calls_of_a_time_are_counted_by_endpoint(
    store: Store, time: TimeRange, expected: dict[str, int]
) -> None:
    for endpoint, times in {"/a": (0, 1), "/b": (2, HOUR), "/c": (HOUR + 1,)}.items():
        add(store, *(call(T0 + at, endpoint=endpoint) for at in times))
    question = Question("calls", time=time, measures=(COUNT,), keys=BY_ENDPOINT, order=Order(None))
    assert dict(rows_of(store, question)) == expected


def test_calls_of_a_time_by_endpoint_are_read_from_the_index_in_its_order(
    sqlite_store: Store,
) -> None:
    measures = tuple(
        Measure(how, column, percent)
        for how, column, percent in [
            ("average", "response_time_ms", None),
            ("percentile", "response_time_ms", 95),
            ("sum", "payload_size", None),
            ("distinct", "client", None),
            ("error rate", None, None),
        ]
    )
    question = Question("calls", time=TimeRange(T0, T0 + HOUR), measures=measures, keys=BY_ENDPOINT)
    plan = plan_of(sqlite_store, question)
    assert "COVERING INDEX ix_api_log_endpoint_timestamp (endpoint=? AND timestamp>?" in plan
    assert "FOR GROUP BY" not in plan


def test_calls_are_counted_by_units_of_time_that_begin_at_full_ones(store: Store) -> None:
    wednesday = T0 // HOUR * HOUR  # 15:00
    add(store, *(call(wednesday + at) for at in (0, HOUR - 1, HOUR, 5 * 24 * HOUR)))

    def starts(bucket: Any, every: int = 1) -> list[tuple[Any, ...]]:
        keys = (Key("timestamp", bucket, every),)
        return rows_of(store, Question("calls", measures=(COUNT,), keys=keys))

    monday = wednesday - (2 * 24 + 15) * HOUR
    week = 7 * 24 * HOUR
    assert sorted(starts("week")) == [(monday, 3), (monday + week, 1)]
    assert sorted(starts("hour"))[:2] == [(wednesday, 2), (wednesday + HOUR, 1)]
    assert min(starts("hour", 6)) == (wednesday - 3 * HOUR, 3)


def test_what_a_user_did_is_looked_up(sqlite_store: Store) -> None:
    user = (Condition("user_id", "in", ("u1",)),)
    assert "ix_api_log_user_timestamp (user_id=?" in plan_of(sqlite_store, Question("calls", user))
