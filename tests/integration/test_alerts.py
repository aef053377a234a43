"""Alerts as the store keeps them, as the feed tells them and over REST."""

from __future__ import annotations

import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from flask import Flask
from flask.testing import FlaskClient

from jobs.alert_feed import AlertFilters, Feed, feed, open_high
from jobs.alert_state import State
from jobs.runtime import Foresight
from store import Store, alerts, writes
from store.feedback import CONFIRMED, FALSE_ALARM, UnknownWindowError, save_verdict
from tests.integration.conftest import running_app
from tests.rows import MINUTE, T0, window

T0_ISO = "2026-03-18T15:30:00.000Z"
HIGH = {"risk_score": 0.9, "priority": "HIGH"}
MEDIUM = {"risk_score": 0.6, "priority": "MEDIUM"}
CLIENT = {"subject": "client", "endpoint": "*", "method": "*"}
BAD = {"reasons": json.dumps([{"feature": "error_rate", "share": 0.8, "text": "error_rate 0.80"}])}
FAILED = BAD | {"status_counts": json.dumps({"200": 2, "503": 8}), "error_rate": 0.8}


def save(store: Store, *rows: tuple[int, dict[str, Any]]) -> None:
    """Windows by their minute after T0."""
    with store.begin() as connection:
        found = [window(T0 + minute * MINUTE, **fields) for minute, fields in rows]
        writes.save_windows(connection, found)


def found(store: Store, *, now: int = T0 + 60 * MINUTE, **filters: Any) -> Feed:
    return feed(store, T0, T0 + 60 * MINUTE, now, AlertFilters(**filters))


def ids(store: Store) -> list[int]:
    """Of all risky windows, oldest first."""
    with store.read() as connection:
        rows = alerts.risky_windows(connection, T0, T0 + 60 * MINUTE).rows
    return [row["id"] for row in reversed(rows)]


def see(store: Store, *window_ids: int, who: str = "ann", at: int = T0 + 30 * MINUTE) -> int:
    """How many of them nobody had seen."""
    with store.begin() as connection:
        keys = [alerts.key_of(row) for row in alerts.windows_of(connection, window_ids)]
        return len(alerts.acknowledge(connection, keys, who=who, at=at))


def judge(store: Store, verdict: str, *window_ids: int, at: int = T0 + 30 * MINUTE) -> None:
    with store.begin() as connection:
        for row in alerts.windows_of(connection, window_ids):
            save_verdict(connection, alerts.key_of(row), verdict, who="bob", at=at)


def states(store: Store) -> list[State]:
    return [alert.state for alert in found(store).alerts]


def test_risky_windows_come_newest_first_and_low_ones_not_at_all(store: Store) -> None:
    save(store, (0, MEDIUM), (1, HIGH), (2, {}), (3, MEDIUM))
    with store.read() as connection:
        read = alerts.risky_windows(connection, T0, T0 + 60 * MINUTE)
        cut = alerts.risky_windows(connection, T0, T0 + 60 * MINUTE, limit=2)
        none = alerts.risky_windows(connection, T0 - MINUTE, T0)
    minutes = [(row["timestamp"] - T0) // MINUTE for row in read.rows]
    assert (minutes, read.cut) == ([3, 1, 0], False)
    assert ([row["timestamp"] for row in cut.rows], cut.cut) == (
        [T0 + 3 * MINUTE, T0 + MINUTE],
        True,
    )
    assert none == ([], False)


def test_who_acknowledged_first_stays(store: Store) -> None:
    save(store, (0, HIGH), (0, CLIENT | HIGH | {"client": "u1"}))
    both = ids(store)
    assert see(store, *both) == 2
    assert see(store, *both, who="bob", at=T0 + 31 * MINUTE) == 0
    with store.read() as connection:
        rows = alerts.windows_of(connection, both)
        assert alerts.acknowledged_count(connection) == 2
    said = {(row["acknowledged_by"], row["acknowledged_at"]) for row in rows}
    assert said == {("ann", T0 + 30 * MINUTE)}


def test_an_acknowledgement_and_a_verdict_can_be_taken_back(store: Store) -> None:
    save(store, (0, HIGH), (0, CLIENT | HIGH | {"client": "u1"}))
    first, second = ids(store)
    see(store, first, second)
    judge(store, FALSE_ALARM, first, second)
    with store.begin() as connection:
        keys = [alerts.key_of(row) for row in alerts.windows_of(connection, [first])]
        alerts.take_back(connection, keys)
        alerts.take_back_verdicts(connection, keys)
        rows = alerts.windows_of(connection, [first, second])
    assert [row["acknowledged_by"] for row in rows] == [None, "ann"]
    assert [row["verdict"] for row in rows] == [None, FALSE_ALARM]


def test_an_unknown_window_is_named(store: Store) -> None:
    with store.read() as connection, pytest.raises(UnknownWindowError, match="4711"):
        alerts.windows_of(connection, [4711])


def test_acknowledgements_go_when_their_windows_do(store: Store) -> None:
    save(store, (0, HIGH))
    see(store, *ids(store), at=T0)
    with store.begin() as connection:
        alerts.remove_acknowledgements(connection, T0)
        assert alerts.acknowledged_count(connection) == 1
        alerts.remove_acknowledgements(connection, T0 + 1)
        assert alerts.acknowledged_count(connection) == 0


def test_an_alert_is_open_until_all_its_windows_were_seen(sqlite_store: Store) -> None:
    save(sqlite_store, (0, HIGH), (1, HIGH))
    first, second = ids(sqlite_store)
    assert states(sqlite_store) == [State()]
    see(sqlite_store, first)
    assert states(sqlite_store) == [State()], "one of them was there and not seen"
    see(sqlite_store, second, at=T0 + 40 * MINUTE)
    assert states(sqlite_store) == [State("acknowledged", "ann", T0 + 40 * MINUTE)]


def test_a_verdict_says_more_than_an_acknowledgement(sqlite_store: Store) -> None:
    save(sqlite_store, (0, HIGH))
    see(sqlite_store, *ids(sqlite_store))
    judge(sqlite_store, CONFIRMED, *ids(sqlite_store), at=T0)
    assert [state.name for state in states(sqlite_store)] == [CONFIRMED]


def test_what_was_said_holds_for_windows_that_come_later(sqlite_store: Store) -> None:
    save(sqlite_store, (0, HIGH))
    see(sqlite_store, *ids(sqlite_store), at=T0 + 2 * MINUTE)
    save(sqlite_store, (3, HIGH))
    assert [state.name for state in states(sqlite_store)] == ["acknowledged"]


def test_an_acknowledged_alert_that_becomes_high_is_open_again(sqlite_store: Store) -> None:
    save(sqlite_store, (0, MEDIUM))
    see(sqlite_store, *ids(sqlite_store), at=T0 + 2 * MINUTE)
    save(sqlite_store, (3, MEDIUM))
    assert [state.name for state in states(sqlite_store)] == ["acknowledged"]
    save(sqlite_store, (4, HIGH))
    assert [state.name for state in states(sqlite_store)] == ["open"]


def test_counts_are_of_all_states_and_tell_how_long_people_took(sqlite_store: Store) -> None:
    for minute, fields in ((0, HIGH), (10, HIGH), (20, MEDIUM), (30, HIGH), (40, HIGH)):
        save(sqlite_store, (minute, fields))
    high, seen, _, false, right = ids(sqlite_store)
    see(sqlite_store, seen, at=T0 + 15 * MINUTE)
    judge(sqlite_store, FALSE_ALARM, false, at=T0 + 45 * MINUTE)
    judge(sqlite_store, CONFIRMED, right, at=T0 + 45 * MINUTE)
    counts = found(sqlite_store, state="open", priority="HIGH").counts
    assert (counts.open_high, counts.open_medium, counts.acknowledged) == (1, 1, 1)
    assert (counts.false_alarms, counts.confirmed) == (1, 1)
    assert counts.acknowledged_ms == 4 * MINUTE  # seen at 15, its first window ended at 11
    assert [alert.id for alert in found(sqlite_store, state="open", priority="HIGH").alerts] == [
        high
    ]


def test_open_alerts_come_first_then_what_goes_on_then_the_worst(sqlite_store: Store) -> None:
    rows = [
        (0, HIGH | {"endpoint": "/seen"}),
        (20, MEDIUM | {"endpoint": "/newer"}),
        (10, HIGH | {"endpoint": "/worse"}),
        (58, MEDIUM | {"endpoint": "/now"}),
    ]
    save(sqlite_store, *rows)
    see(sqlite_store, ids(sqlite_store)[0])
    order = [alert.incident.subject.endpoint for alert in found(sqlite_store).alerts]
    assert order == ["/now", "/worse", "/newer", "/seen"]


def test_alerts_are_found_by_endpoint_by_any_client_in_them_and_by_a_part_of_a_name(
    sqlite_store: Store,
) -> None:
    save(
        sqlite_store,
        (0, HIGH | FAILED | {"endpoint": "/payment"}),
        (0, CLIENT | HIGH | FAILED | {"client": "u1"}),
        (20, CLIENT | HIGH | {"client": "u2"}),
    )
    payment, other = sorted(alert.id for alert in found(sqlite_store).alerts)

    def those(**filters: Any) -> list[int]:
        return [alert.id for alert in found(sqlite_store, **filters).alerts]

    assert those(endpoint="/payment", method="GET") == [payment]
    assert those(endpoint="/payment", method="POST") == []
    assert those(client="u1") == [payment], "it suffers from it"
    assert those(client="u2") == those(text="U2") == [other]
    assert those(text="get /pay") == [payment]


def test_simulated_alerts_can_be_left_out(sqlite_store: Store) -> None:
    save(sqlite_store, (0, HIGH), (20, HIGH | {"simulated_count": 6}))
    real, made_up = ids(sqlite_store)
    assert [alert.id for alert in found(sqlite_store, simulated=False).alerts] == [real]
    assert [alert.id for alert in found(sqlite_store, simulated=True).alerts] == [made_up]


def test_an_incident_that_began_before_the_range_is_told_from_its_start(
    sqlite_store: Store,
) -> None:
    save(sqlite_store, *((minute, HIGH) for minute in range(10)))
    feed_of_late = feed(sqlite_store, T0 + 8 * MINUTE, T0 + 60 * MINUTE, T0 + 60 * MINUTE)
    (alert,) = feed_of_late.alerts
    assert (alert.incident.start, alert.began_earlier) == (T0, False)
    assert len(feed_of_late.risky) == 2
    ended_before = feed(sqlite_store, T0 + 12 * MINUTE, T0 + 60 * MINUTE, T0 + 60 * MINUTE)
    assert ended_before.alerts == []


def test_open_high_alerts_of_the_last_hour_are_counted(sqlite_store: Store) -> None:
    now = T0 + 70 * MINUTE
    assert open_high(sqlite_store, now) == 0
    save(sqlite_store, (0, HIGH), (20, HIGH), (40, HIGH), (60, MEDIUM))
    assert open_high(sqlite_store, now) == 2
    see(sqlite_store, ids(sqlite_store)[2])
    assert open_high(sqlite_store, now) == 1


def test_nothing_risky_is_an_empty_feed(store: Store) -> None:
    assert (found(store).groups, found(store).newest) == ([], None)


@pytest.fixture
def app(tmp_path: Path, store_url: str) -> Iterator[Flask]:
    """An app on each kind of database."""
    with running_app(tmp_path, store_url) as server:
        yield server


def get(client: FlaskClient, query: str = "") -> Any:
    answer = client.get(f"/api/alerts{query}")
    assert answer.status_code == 200, answer.text
    return answer.get_json()


def test_rest_tells_alerts_and_takes_note_of_them(client: FlaskClient, parts: Foresight) -> None:
    rows = (0, HIGH | FAILED), (1, HIGH | FAILED), (1, CLIENT | HIGH | FAILED | {"client": "u1"})
    save(parts.store, *rows)
    (alert,) = get(client)["items"]
    assert (alert["from"], alert["subject"], alert["priority"]) == (T0_ISO, "endpoint", "HIGH")
    assert (alert["req_count"], alert["error_rate"]) == (20, 0.8)
    assert alert["suffering"] == [{"client": "u1", "windows": 1}]
    assert alert["reasons"][0]["text"] == "error_rate 0.80"
    assert (alert["state"], alert["who"]) == ("open", None)
    body = {"window_ids": alert["window_ids"]}
    done = client.post("/api/alerts/acknowledge", json=body).get_json()
    assert [key["timestamp"] for key in done["windows"]] == [T0_ISO, "2026-03-18T15:31:00.000Z"]
    again = client.post("/api/alerts/acknowledge", json=body).get_json()
    assert again["windows"] == []
    assert get(client, "?state=acknowledged")["items"][0]["who"] == "API token"
    undone = client.post("/api/alerts/acknowledge", json=body | {"undo": True}).get_json()
    assert len(undone["windows"]) == 2
    assert get(client, "?state=open")["counts"]["open_high"] == 1


def test_rest_gives_alerts_page_by_page(client: FlaskClient, parts: Foresight) -> None:
    save(parts.store, (0, HIGH), (10, MEDIUM), (20, HIGH))
    first = get(client, "?limit=2")
    second = get(client, f"?limit=2&cursor={first['next_cursor']}")
    starts = [alert["from"][14:16] for alert in first["items"] + second["items"]]
    assert (starts, second["next_cursor"]) == (["50", "40", "30"], None)
    assert [a["priority"] for a in get(client, "?priority=medium")["items"]] == ["MEDIUM"]


def test_rest_names_the_window_that_is_not_there(client: FlaskClient) -> None:
    answer = client.post("/api/alerts/acknowledge", json={"window_ids": [4711]})
    assert answer.status_code == 404
    assert "4711" in answer.get_json()["error"]["message"]
    wrong = client.get("/api/alerts?state=closed")
    assert wrong.status_code == 400
    assert "closed" in wrong.get_json()["error"]["message"]
