"""What is told as new: an incident once, an outage as one."""

from __future__ import annotations

import json
from typing import Any

from jobs.news import latest_news
from store import Store, events
from tests.news import HIGH
from tests.rows import MINUTE, T0, window

FAILING = HIGH | {
    "error_rate": 1.0,
    "req_count": 100,
    "status_counts": '{"503": 100}',
    "reasons": json.dumps([{"feature": "error_rate", "text": "error_rate 1.00", "share": 0.6}]),
}
NOW = T0 + 5 * MINUTE


def save(store: Store, *rows: tuple[Any, ...]) -> None:
    with store.begin() as connection:
        events.save_windows(connection, rows, MINUTE)


def outage(at: int, **more: Any) -> tuple[Any, ...]:
    return window(at, endpoint="/payment", **(FAILING | {"scored_at": NOW} | more))


def sufferer(at: int, name: str) -> tuple[Any, ...]:
    named = {"subject": "client", "endpoint": "*", "method": "*", "client": name}
    fields = FAILING | {"req_count": 10, "status_counts": '{"503": 10}', "scored_at": NOW}
    return window(at, **named, **fields)


def subjects(store: Store, after: int) -> list[str]:
    told = latest_news(store, after, NOW).news
    return sorted(new.incident.subject.client or new.incident.subject.endpoint for new in told)


def test_an_outage_is_told_once_with_the_clients_that_suffer(sqlite_store: Store) -> None:
    save(sqlite_store, outage(T0), *(sufferer(T0, f"u{n}") for n in range(6)))
    latest = latest_news(sqlite_store, 0, NOW)
    [new] = latest.news
    assert new.incident.subject.endpoint == "/payment"
    assert len(new.incident.suffering) == 6
    assert latest.event == events.last_event_id(sqlite_store)


def test_later_minutes_of_an_incident_are_no_news(sqlite_store: Store) -> None:
    save(sqlite_store, outage(T0))
    seen = latest_news(sqlite_store, 0, NOW).event
    save(sqlite_store, outage(T0 + MINUTE), sufferer(T0 + MINUTE, "u1"))
    latest = latest_news(sqlite_store, seen, NOW)
    assert latest.news == []
    assert latest.event > seen


def test_an_incident_that_was_medium_is_told_when_it_becomes_high(sqlite_store: Store) -> None:
    medium = {"priority": "MEDIUM", "risk_score": 0.6, "scored_at": NOW}
    save(sqlite_store, outage(T0, **medium))
    seen = latest_news(sqlite_store, 0, NOW).event
    save(sqlite_store, outage(T0 + MINUTE))
    assert subjects(sqlite_store, seen) == ["/payment"]


def test_what_fails_again_after_it_was_quiet_is_told_again(sqlite_store: Store) -> None:
    save(sqlite_store, outage(T0 - 10 * MINUTE))
    seen = events.last_event_id(sqlite_store)
    save(sqlite_store, outage(T0))
    assert subjects(sqlite_store, seen) == ["/payment"]


def test_without_events_there_is_no_news(sqlite_store: Store) -> None:
    latest = latest_news(sqlite_store, 7, NOW)
    assert (latest.news, latest.event) == ([], 7)
