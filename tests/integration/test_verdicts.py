"""Verdicts, events and windows to train on, as the store keeps them."""

from __future__ import annotations

from collections import Counter
from typing import Any

import pytest

from jobs.retention import DAY_MS
from store import Store, writes
from store.feedback import (
    CONFIRMED,
    FALSE_ALARM,
    VerdictFilters,
    WindowKey,
    save_verdict,
    verdict_counts,
    verdicts_page,
    window_key,
)
from store.model_events import add_event, newest_events
from store.tables import FEATURE_COLUMNS
from store.training_windows import (
    COLUMNS,
    STRETCH,
    Span,
    last_window,
    risky_windows,
    training_windows,
)
from tests.rows import MINUTE, T0, window

SEARCH = WindowKey(T0, "endpoint", "/search", "GET", None)
USER = WindowKey(T0, "client", "*", "*", "u1")
LIMITS = {"max_error_rate": 0.3, "max_avg_response_ms": 800.0}


def save(store: Store, *rows: dict[str, Any]) -> None:
    with store.begin() as connection:
        writes.save_windows(connection, [window(**row) for row in rows])


def say(store: Store, key: WindowKey, verdict: str, at: int = T0) -> dict[str, Any]:
    with store.begin() as connection:
        return save_verdict(connection, key, verdict, who="admin", at=at)


def verdicts(store: Store, **filters: Any) -> list[dict[str, Any]]:
    with store.read() as connection:
        return verdicts_page(connection, VerdictFilters(**filters), 100)


def test_a_verdict_keeps_the_window_as_it_was(store: Store) -> None:
    save(store, {"risk_score": 0.9, "priority": "HIGH", "avg_response_time": None})
    row = say(store, SEARCH, FALSE_ALARM, at=T0 + 7)
    assert [row[name] for name in WindowKey._fields] == list(SEARCH)
    assert (row["verdict"], row["who"], row["at"]) == (FALSE_ALARM, "admin", T0 + 7)
    assert (row["risk_score"], row["priority"], row["model_version"]) == (0.9, "HIGH", "test")
    assert [*row["features"]] == [*FEATURE_COLUMNS]
    assert (row["features"]["req_count"], row["features"]["avg_response_time"]) == (10, None)
    with store.begin() as connection:
        writes.remove_windows(connection, [1])
    assert verdicts(store) == [row]


@pytest.mark.parametrize("key", [SEARCH, USER], ids=["endpoint", "client"])
def test_the_last_verdict_counts(store: Store, key: WindowKey) -> None:
    save(store, {}, {"subject": "client", "endpoint": "*", "method": "*", "client": "u1"})
    say(store, key, FALSE_ALARM)
    say(store, key, CONFIRMED, at=T0 + 1)
    found = verdicts(store)
    assert [(row["verdict"], row["at"]) for row in found] == [(CONFIRMED, T0 + 1)]
    with store.read() as connection:
        assert verdict_counts(connection) == {FALSE_ALARM: 0, CONFIRMED: 1}


def test_a_verdict_on_no_window_is_a_lookup_error_with_the_key(store: Store) -> None:
    with pytest.raises(LookupError, match="'client': 'u1'"):
        say(store, USER, CONFIRMED)
    assert verdicts(store) == []


def test_an_unknown_verdict_is_quoted(store: Store) -> None:
    save(store, {})
    with pytest.raises(ValueError, match="'perhaps' is none of false_alarm, confirmed"):
        say(store, SEARCH, "perhaps")


def test_a_window_is_found_by_its_id(store: Store) -> None:
    save(store, {})
    with store.read() as connection:
        assert window_key(connection, 1) == SEARCH
        with pytest.raises(LookupError, match="17"):
            window_key(connection, 17)


def test_verdicts_are_filtered_and_paged_newest_first(store: Store) -> None:
    for number in range(3):
        save(store, {"timestamp": T0 + number * MINUTE})
        verdict = CONFIRMED if number == 1 else FALSE_ALARM
        say(store, SEARCH._replace(timestamp=T0 + number * MINUTE), verdict, at=T0 + number)
    assert [row["at"] - T0 for row in verdicts(store)] == [2, 1, 0]
    assert [row["at"] - T0 for row in verdicts(store, verdict=CONFIRMED)] == [1]
    assert [row["at"] - T0 for row in verdicts(store, start=T0 + MINUTE)] == [2, 1]
    assert [row["at"] - T0 for row in verdicts(store, end=T0 + MINUTE)] == [0]
    assert verdicts(store, client="u1") == []
    with store.read() as connection:
        after = (T0 + 1, verdicts(store)[1]["id"])
        rest = verdicts_page(connection, VerdictFilters(), 100, after)
    assert [row["at"] - T0 for row in rest] == [0]


def test_events_come_newest_first_with_their_figures(store: Store) -> None:
    with store.begin() as connection:
        for version in ("a", "b"):
            add_event(
                connection,
                at=T0,
                version=version,
                event="promoted",
                who="admin",
                reason="by hand",
                detail={"gate": {"after": 0.9}} if version == "b" else None,
            )
    with store.read() as connection:
        found = newest_events(connection, 10)
        assert [event["version"] for event in newest_events(connection, 1)] == ["b"]
    assert [(event["version"], event["detail"]) for event in found] == [
        ("b", {"gate": {"after": 0.9}}),
        ("a", None),
    ]


def test_an_event_of_an_unknown_kind_is_refused(sqlite_store: Store) -> None:
    with sqlite_store.begin() as connection, pytest.raises(ValueError, match="'melted'"):
        add_event(connection, at=T0, version="a", event="melted", who="x", reason="y")


def span(**fields: Any) -> Span:
    ordinary = {"start": T0, "end": T0 + DAY_MS, "window_ms": MINUTE, "clients_scored_since": T0}
    return Span(**(ordinary | fields))


def trained_on(store: Store, most: int = 1000, **fields: Any) -> list[tuple[int, str]]:
    """Minute and endpoint or client of the windows that a training sees."""
    with store.read() as connection:
        rows = training_windows(connection, span(**fields), most)
    found = [dict(zip(COLUMNS, row, strict=True)) for row in rows]
    return [((row["timestamp"] - T0) // MINUTE, row["client"] or row["endpoint"]) for row in found]


CLIENT = {"subject": "client", "endpoint": "*", "method": "*"}


def test_training_sees_aligned_windows_of_its_span_without_simulated_ones(store: Store) -> None:
    save(
        store,
        {"timestamp": T0 - MINUTE},
        {"timestamp": T0},
        {"timestamp": T0 + 30_000},
        {"timestamp": T0 + MINUTE, "simulated_count": 1},
        {"timestamp": T0 + DAY_MS},
        {**CLIENT, "client": "u1", "scored_at": T0},
        {**CLIENT, "client": "u2", "scored_at": T0 - 1},
    )
    assert sorted(trained_on(store)) == [(0, "/search"), (0, "u1")]
    assert (1, "/search") in trained_on(store, with_simulated=True)
    with store.read() as connection:
        assert last_window(connection, T0 + DAY_MS) == T0 + MINUTE
        assert last_window(connection, T0 - DAY_MS) is None


def test_risky_are_high_ones_and_failures_that_are_not_thin(store: Store) -> None:
    save(
        store,
        {"timestamp": T0},
        {"timestamp": T0 + MINUTE, "priority": "HIGH"},
        {"timestamp": T0 + 2 * MINUTE, "error_rate": 0.31},
        {"timestamp": T0 + 3 * MINUTE, "error_rate": 0.31, "thin": 1},
        {"timestamp": T0 + 4 * MINUTE, "avg_response_time": 801.0},
        {"timestamp": T0 + 5 * MINUTE, "avg_response_time": None},
    )
    with store.read() as connection:
        found = risky_windows(connection, span(), **LIMITS)
    assert [(row[0] - T0) // MINUTE for row in found] == [1, 2, 4]


def test_of_many_client_windows_whole_minutes_are_kept(store: Store) -> None:
    minutes = [T0 + number * MINUTE for number in range(600)]
    rows = [
        {**CLIENT, "timestamp": at, "client": name, "scored_at": T0}
        for at in minutes
        for name in ("u1", "u2")
    ]
    save(store, *rows)
    found = trained_on(store, most=400)
    assert 300 < len(found) < 500
    assert Counter(minute for minute, _ in found) == {minute: 2 for minute, _ in found}
    assert len({minute % 60 for minute, _ in found}) > 50


def test_of_many_endpoint_windows_whole_stretches_are_kept(store: Store) -> None:
    save(store, *[{"timestamp": T0 + number * MINUTE} for number in range(24 * 60)])
    minutes = [minute + T0 // MINUTE for minute, _ in trained_on(store, most=720)]
    assert 400 < len(minutes) < 1100
    assert all(left in (30, 90, 120) for left in Counter(m // STRETCH for m in minutes).values())


def test_a_store_that_is_not_large_gives_all(store: Store) -> None:
    save(store, *[{"timestamp": T0 + number * MINUTE} for number in range(40)])
    assert len(trained_on(store, most=40)) == 40
