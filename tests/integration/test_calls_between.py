"""Calls as columns: every value as it was stored, on both databases."""

from __future__ import annotations

import math

import numpy as np
import pytest

from datasets.synthetic import call_columns
from ingest.call import Call
from store import Store, reads, writes
from tests.rows import MINUTE, T0, call


def read_back(store: Store, *calls: Call) -> dict[str, list[object]]:
    """Columns of the minute, in the order of the time stamps."""
    with store.begin() as connection:
        writes.add_calls(connection, calls, store.grid)
    with store.read() as connection:
        columns = reads.calls_between(connection, T0, T0 + MINUTE)
    order = columns["timestamp"].argsort()
    return {name: values[order].tolist() for name, values in columns.items()}


def test_every_value_comes_back_as_it_was_stored(store: Store) -> None:
    odd = call(
        T0 + 59_999,
        endpoint='/quo"te\\{id}',
        method="DELETE",
        path="/ünï\n\tçødé/💥/'",
        user_id="a,b]",
        response_time_ms=12.345678,
        status_code=503,
        payload_size=2**53 + 1,
        fingerprint=-(2**63),
        source="simulated",
    )
    found = read_back(store, call(T0, fingerprint=2**63 - 1), odd)
    assert found == {
        "timestamp": [T0, T0 + 59_999],
        "endpoint": ["/search", '/quo"te\\{id}'],
        "method": ["GET", "DELETE"],
        "client": ["10.0.0.1", "a,b]"],
        "path": ["/search", "/ünï\n\tçødé/💥/'"],
        "response_time_ms": [100.0, 12.345678],
        "status_code": [200, 503],
        "payload_size": [1000, 2**53 + 1],
        "fingerprint": [2**63 - 1, -(2**63)],
        "simulated": [False, True],
    }


def test_what_is_missing_is_none_nan_or_zero(store: Store) -> None:
    found = read_back(store, call(path=None, fingerprint=None, response_time_ms=None))
    assert found["path"] == [None]
    assert found["fingerprint"] == [0]
    assert str(found["response_time_ms"]) == "[nan]"


@pytest.mark.parametrize("ms", [math.inf, -math.inf, math.nan])
def test_a_time_that_is_no_number_is_not_known(store: Store, ms: float) -> None:
    calls = [call(T0 + n, response_time_ms=value) for n, value in enumerate((ms, 5.0, ms))]
    assert str(read_back(store, *calls)["response_time_ms"]) == "[nan, 5.0, nan]"


def test_a_span_without_calls_gives_empty_columns_of_the_same_types(store: Store) -> None:
    with store.begin() as connection:
        writes.add_calls(connection, [call(T0 - 1), call(T0 + MINUTE)], store.grid)
    with store.read() as connection:
        empty = reads.calls_between(connection, T0, T0 + MINUTE)
        full = reads.calls_between(connection, T0 - 1, T0)
    assert {name: len(values) for name, values in empty.items()} == dict.fromkeys(full, 0)
    assert {name: values.dtype for name, values in empty.items()} == {
        name: values.dtype for name, values in full.items()
    }


def test_simulated_calls_have_the_same_columns_without_a_store(store: Store) -> None:
    calls = [call(T0, user_id="u1", fingerprint=5), call(T0 + 1, path=None, response_time_ms=None)]
    direct = {name: values.tolist() for name, values in call_columns(calls).items()}
    assert str(read_back(store, *calls)) == str(direct)
    types = {name: values.dtype for name, values in call_columns([]).items()}
    assert types["fingerprint"] == np.int64
    assert types["simulated"] == np.bool_
