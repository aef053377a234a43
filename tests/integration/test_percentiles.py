"""Percentiles of SQL, the same on SQLite and PostgreSQL."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from typing import Any

import numpy as np
import pytest
from sqlalchemy import func, select

from ask.question import Having, Key, Measure, Order, Question
from ask.select import statement_of
from store import Store, writes
from store.percentile import percentile
from store.tables import api_log
from tests.rows import T0, call

LATENCY = api_log.c.response_time_ms
PAYLOAD = api_log.c.payload_size


def add_latencies(store: Store, values: Sequence[float | None], **columns: Any) -> None:
    calls = [call(T0 + i, response_time_ms=v, **columns) for i, v in enumerate(values)]
    with store.begin() as connection:
        writes.add_calls(connection, calls, store.grid)


def rows_of(store: Store, statement: Any) -> list[Any]:
    with store.read() as connection:
        return [tuple(row) for row in connection.execute(statement)]


def percentiles_of(store: Store, percents: Sequence[int], column: Any = LATENCY) -> list[Any]:
    return list(rows_of(store, select(*(percentile(column, p) for p in percents)))[0])


@pytest.mark.parametrize("number", [1, 3, 7, 101, 1_009])
def test_a_percentile_is_that_of_the_nearest_rank(store: Store, number: int) -> None:
    values = np.random.default_rng(number).lognormal(4, 1, number)
    add_latencies(store, values.tolist())
    percents = range(101)
    expected = np.percentile(values, percents, method="inverted_cdf")
    assert percentiles_of(store, percents) == expected.tolist()


def test_a_position_that_is_a_whole_number_is_not_rounded_up(store: Store) -> None:
    """In floating point 0.07 * 100 is above 7, and 0.55 * 100 above 55."""
    add_latencies(store, [float(i) for i in range(100, 0, -1)])
    percents = range(1, 101)
    assert percentiles_of(store, percents) == list(percents)


def test_calls_without_the_value_do_not_count(store: Store) -> None:
    add_latencies(store, [None, 5.0, None, 3.0, None, 4.0])
    assert percentiles_of(store, [0, 33, 34, 50, 67, 100]) == [3.0, 3.0, 4.0, 4.0, 5.0, 5.0]


def test_of_nothing_there_is_no_percentile(store: Store) -> None:
    assert percentiles_of(store, [50]) == [None]
    add_latencies(store, [None, None])
    assert percentiles_of(store, [50]) == [None]
    nothing = select(func.count(), percentile(LATENCY, 95)).group_by(api_log.c.endpoint)
    assert rows_of(store, nothing) == [(2, None)]


def test_a_percentile_of_whole_numbers_is_a_whole_number(store: Store) -> None:
    with store.begin() as connection:
        calls = [call(T0 + i, payload_size=size) for i, size in enumerate([10, 30, 20])]
        writes.add_calls(connection, calls, store.grid)
    [found] = percentiles_of(store, [50], PAYLOAD)
    assert (found, type(found)) == (20, int)


def test_groups_have_percentiles_of_their_own_and_are_compared_by_them(store: Store) -> None:
    add_latencies(store, [1.0, 2.0, 30.0], endpoint="/a")
    add_latencies(store, [5.0, 6.0, 7.0, None], endpoint="/b")
    add_latencies(store, [None], endpoint="/c")
    median = Measure("percentile", "response_time_ms", 50)
    highest = Measure("percentile", "response_time_ms", 99)
    by_endpoint = Question("calls", keys=(Key("endpoint"),), order=Order(None))
    question = replace(by_endpoint, measures=(median, highest))
    assert rows_of(store, statement_of(question)) == [
        ("/b", 6.0, 7.0),
        ("/a", 2.0, 30.0),
        ("/c", None, None),
    ]
    having = Having(highest, ">", (10,))
    slow = replace(by_endpoint, measures=(Measure("count"),), having=having)
    assert rows_of(store, statement_of(slow)) == [("/a", 3)]


@pytest.mark.parametrize("percent", [-1, 101])
def test_a_percentile_beyond_the_values_is_refused(percent: int) -> None:
    with pytest.raises(ValueError, match=f"percent is {percent}; .* from 0 to 100"):
        percentile(LATENCY, percent)
