"""Events of the live stream in the store: each once, in order, on both databases."""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor
from typing import Any

import pytest

from jobs import retention
from store import Store, events
from tests.news import ANOMALY, HIGH, add_news, last_minute, now_ms
from tests.rows import MINUTE, window

DAY = 86_400_000
LOW: dict[str, Any] = {"risk_score": 0.1, "priority": "LOW", "is_anomaly": 0}


def told(store: Store, after: int = 0) -> list[tuple[int, str]]:
    return [(event.id, event.window["endpoint"]) for event in events.events_after(store, after)]


def test_an_anomaly_and_its_rise_to_high_are_told_once_each(store: Store) -> None:
    for fields in (LOW, ANOMALY, ANOMALY, HIGH, HIGH, ANOMALY):
        add_news(store, "/a", **fields)
    assert told(store) == [(1, "/a"), (2, "/a")]


def test_what_calmed_down_and_rises_again_is_told_again(store: Store) -> None:
    for fields in (HIGH, LOW, HIGH):
        add_news(store, "/a", **fields)
    assert told(store) == [(1, "/a"), (2, "/a")]


@pytest.mark.parametrize(("late_ms", "is_news"), [(599_999, True), (600_000, False)])
def test_news_ended_less_than_ten_minutes_before_it_was_scored(
    store: Store, late_ms: int, is_news: bool
) -> None:
    start = last_minute()
    add_news(store, "/a", timestamp=start, scored_at=start + MINUTE + late_ms)
    assert bool(told(store)) is is_news


def test_many_windows_of_one_save_are_told_in_the_order_of_their_minutes(store: Store) -> None:
    start, at = last_minute(), now_ms()
    rows = [
        window(start - back * MINUTE, endpoint=f"/{back}", scored_at=at, **HIGH) for back in (0, 2)
    ]
    with store.begin() as connection:
        events.save_windows(connection, rows, MINUTE)
    assert told(store) == [(1, "/2"), (2, "/0")]


def test_two_scorers_at_once_tell_each_window_once_and_in_order(store: Store) -> None:
    names = [f"/{n}" for n in range(40)]

    def save() -> None:
        for at in range(0, 40, 4):
            add_news(store, *names[at : at + 4])

    with ThreadPoolExecutor(2) as pool:
        for done in [pool.submit(save), pool.submit(save)]:
            done.result()
    assert sorted(name for _, name in told(store)) == sorted(names)


def test_who_has_seen_nothing_gets_the_newest_twenty(store: Store) -> None:
    assert events.position(store, None) == (0, True)
    add_news(store, *(f"/{n}" for n in range(25)))
    assert events.position(store, None) == (5, True)


@pytest.mark.parametrize(
    ("last_id", "expected"),
    [(0, (0, True)), (7, (7, True)), (25, (25, True)), (26, (5, False))],
)
def test_who_comes_back_goes_on_where_the_store_knows_the_place(
    store: Store, last_id: int, expected: tuple[int, bool]
) -> None:
    add_news(store, *(f"/{n}" for n in range(25)))
    assert events.position(store, last_id) == expected


def test_events_of_a_day_ago_are_removed_and_their_ids_never_used_again(store: Store) -> None:
    add_news(store, "/a", "/b", "/c")
    later = now_ms() + 2 * DAY
    retention.remove_old(store, later, calls_days=90, windows_days=90)
    assert told(store) == [(3, "/c")], "the last one holds the last id"
    assert events.position(store, 1) == (0, False), "2 is gone"
    assert events.position(store, 2) == (2, True)
    add_news(store, "/d")
    assert told(store, 3) == [(4, "/d")]


def test_news_for_a_toast_is_what_rose_to_high_and_still_is(store: Store) -> None:
    add_news(store, "/anomaly", **ANOMALY)
    add_news(store, "/high", "/calmed")
    add_news(store, "/calmed", **ANOMALY)
    add_news(store, "/anomaly")
    since = last_minute() - MINUTE
    found = [(event.id, event.window["endpoint"]) for event in events.new_high(store, 0, since)]
    assert found == [(4, "/anomaly"), (2, "/high")]
    assert events.new_high(store, 4, since) == []
    assert events.new_high(store, 0, last_minute() + MINUTE) == []


def test_without_any_event_the_last_id_is_zero(store: Store) -> None:
    assert events.last_event_id(store) == 0
    assert events.events_after(store, 0) == []
