"""One client and who there is, read from windows and from the calls behind them."""

from __future__ import annotations

import json
from typing import Any

import pytest

from store import Store, client_calls, client_list, clients, writes
from tests.rows import MINUTE, T0, call, window

END = T0 + 60 * MINUTE
ADDRESS = "203.0.113.7"


def client_window(start: int = T0, client: str = ADDRESS, **fields: Any) -> tuple[Any, ...]:
    """A LOW window of a client, but for what is given."""
    key = {"subject": "client", "endpoint": "*", "method": "*", "client": client}
    return window(start, **key, **fields)


def risky(start: int = T0, client: str = ADDRESS, **fields: Any) -> tuple[Any, ...]:
    """A HIGH window of a client."""
    high = {"risk_score": 0.9, "priority": "HIGH", "is_anomaly": 1, "reasons": "[]"}
    return client_window(start, client, **(high | fields))


def cause(client: str, without: float, together: int = 1) -> dict[str, Any]:
    return {
        "client": client,
        "drop": round(0.9 - without, 4),
        "risk_without": without,
        "calls": 9,
        "together": together,
    }


def blamed(start: int, named: list[dict[str, Any]], risk: float = 0.9, **fields: Any) -> Any:
    """A HIGH window of an endpoint with its causes."""
    high = {"risk_score": risk, "priority": "HIGH", "causes": json.dumps(named)}
    return window(start, **high, **fields)


def save(store: Store, windows: list[tuple[Any, ...]], calls: list[Any] | None = None) -> None:
    with store.begin() as connection:
        writes.save_windows(connection, windows)
        writes.add_calls(connection, calls or [], store.grid)


def seen(store: Store, client: str = ADDRESS, end: int = END) -> clients.ClientView:
    return clients.client_view(store, client, T0, end)


def test_a_bucket_sums_the_windows_that_start_in_it(store: Store) -> None:
    slow = {"req_count": 30, "error_rate": 0.5, "avg_response_time": 200.0, "risk_score": 0.4}
    save(
        store,
        [
            client_window(T0, req_count=10, simulated_count=4),
            client_window(T0 + MINUTE, usage_cluster="bot", max_response_time=900.0, **slow),
        ],
    )
    long = T0 + 4 * 180 * MINUTE  # so that buckets are of five minutes
    found = seen(store, end=long)
    assert found.bucket_ms == 5 * MINUTE
    (point,) = found.points
    assert (point.start, point.windows, point.calls, point.errors) == (T0, 2, 40, 15)
    assert (point.simulated_calls, point.average_ms, point.max_ms) == (4, 175.0, 900.0)
    assert (point.maximum, point.mean) == (0.4, pytest.approx(0.25))
    assert point.calls_by_cluster == {"normal": 10, "bot": 30}


def test_only_windows_of_the_client_and_the_range_count(store: Store) -> None:
    others = [client_window(T0 - MINUTE), client_window(END), client_window(T0, "u017"), window(T0)]
    save(store, [client_window(T0), *others])
    assert [(p.start, p.calls) for p in seen(store).points] == [(T0, 10)]


def test_reasons_of_a_bucket_are_those_of_its_riskiest_window(store: Store) -> None:
    end = T0 + 4 * 180 * MINUTE
    save(
        store,
        [
            risky(T0, risk_score=0.9, reasons='["most"]'),
            risky(T0 + MINUTE, risk_score=0.6, priority="MEDIUM", reasons='["less"]'),
            client_window(T0 + 10 * MINUTE),
        ],
    )
    found = seen(store, end=end)
    assert [point.reasons for point in found.points] == ['["most"]', None]
    assert [row["timestamp"] for row in found.risky] == [T0 + MINUTE, T0]


def test_the_usage_cluster_lasts_since_it_changed(store: Store) -> None:
    names = ["bot", "normal", "bot", "bot"]
    save(store, [client_window(T0 + n * MINUTE, usage_cluster=c) for n, c in enumerate(names)])
    assert seen(store).cluster_since == T0 + 2 * MINUTE


def test_statuses_of_all_minutes_are_added_up(store: Store) -> None:
    texts = ['{"200": 8, "500": 2}', '{"200": 8, "500": 2}', '{"404": 1}', None]
    save(store, [client_window(T0 + n * MINUTE, status_counts=t) for n, t in enumerate(texts)])
    assert seen(store).status_counts == {"200": 16, "404": 1, "500": 4}


def test_endpoints_whose_windows_name_the_client_are_endangered_by_it(store: Store) -> None:
    save(
        store,
        [
            risky(T0),
            client_window(T0 + MINUTE),
            blamed(T0, [cause(ADDRESS, 0.3)], endpoint="/login"),
            blamed(T0 + MINUTE, [cause(ADDRESS, 0.1, 2)], 0.95, endpoint="/login"),
            blamed(T0, [cause("u017", 0.2)], endpoint="/search"),
            blamed(T0 + 5 * MINUTE, [cause(ADDRESS, 0.2)], endpoint="/payment"),
        ],
    )
    found = seen(store).endangering
    (login,) = found.endpoints  # in the minute of /payment the client has no window
    assert (login.endpoint, login.windows, login.last_start) == ("/login", 2, T0 + MINUTE)
    assert (login.risk, login.risk_without, login.together) == (0.95, 0.1, 2)
    assert (found.minutes, found.left_out) == (2, 0)


@pytest.mark.parametrize("client", ['a"b', "100%", "a_b", "ü\\n", "a/b"])
def test_any_name_is_found_among_the_causes_and_no_other(store: Store, client: str) -> None:
    named = [cause(client, 0.2)]
    save(store, [risky(T0, client), risky(T0, "axb"), blamed(T0, named)])
    assert len(seen(store, client).endangering.endpoints) == 1
    assert seen(store, "axb").endangering.endpoints == []


def test_calls_of_a_user_are_all_his_whatever_the_address(store: Store) -> None:
    mine = [call(T0 + n, user_id="u017", ip_address=f"10.0.0.{n % 2}") for n in range(5)]
    his = call(T0, user_id="u018", ip_address="10.0.0.1")
    save(store, [client_window(T0, "u017")], [*mine, his, call(T0, ip_address="10.0.0.1")])
    calls = seen(store, "u017").calls
    assert [row["timestamp"] for row in calls.newest] == [T0 + n for n in (4, 3, 2, 1, 0)]
    assert calls.addresses == {"10.0.0.0": 3, "10.0.0.1": 2}
    assert (calls.counted, calls.minutes, calls.cut) == (5, None, False)


def test_calls_of_an_address_are_those_without_a_user_in_its_minutes(store: Store) -> None:
    own = [call(T0 + n, ip_address=ADDRESS) for n in range(3)]
    of_user = call(T0 + 5, ip_address=ADDRESS, user_id="u017")
    unscored = call(T0 + 10 * MINUTE, ip_address=ADDRESS)
    save(store, [client_window(T0)], [*own, of_user, unscored, call(T0)])
    calls = seen(store).calls
    assert [row["timestamp"] for row in calls.newest] == [T0 + 2, T0 + 1, T0]
    assert (calls.counted, calls.minutes, calls.cut) == (3, 1, False)


def test_calls_of_an_address_are_looked_for_in_its_newest_minutes(store: Store) -> None:
    minutes = client_calls.MOST_MINUTES + 5
    starts = [T0 + n * MINUTE for n in range(minutes)]
    save(
        store,
        [client_window(start) for start in starts],
        [call(start, ip_address=ADDRESS) for start in starts],
    )
    calls = seen(store).calls
    assert (calls.counted, calls.minutes, calls.cut) == (20, 20, True)
    assert calls.newest[0]["timestamp"] == starts[-1]


def test_calls_of_others_end_the_search(store: Store, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(client_calls, "MOST_LOOKED_AT", 10)
    crowd = [call(T0 + MINUTE + n) for n in range(30)]
    save(
        store,
        [client_window(T0), client_window(T0 + MINUTE)],
        [
            *crowd,
            call(T0, ip_address=ADDRESS),
            call(T0 + MINUTE, ip_address=ADDRESS),
            call(T0 + MINUTE + 40, ip_address=ADDRESS),
        ],
    )
    calls = seen(store).calls  # of the ten newest of the minute one is its own
    assert (calls.counted, calls.minutes, calls.cut) == (1, 1, True)


def test_endpoints_touched_are_counted_by_calls(store: Store) -> None:
    save(
        store,
        [client_window(T0)],
        [
            call(T0, ip_address=ADDRESS, endpoint="/login", status_code=401, response_time_ms=None),
            call(T0 + 1, ip_address=ADDRESS, response_time_ms=100.0),
            call(T0 + 2, ip_address=ADDRESS, response_time_ms=300.0, status_code=500),
        ],
    )
    search, login = seen(store).calls.endpoints
    assert (search.endpoint, search.calls, search.errors) == ("/search", 2, 1)
    assert (search.average_ms, search.last_at) == (200.0, T0 + 2)
    assert (login.endpoint, login.errors, login.average_ms) == ("/login", 1, None)


def test_attacks_are_counted_among_the_calls_that_were_inspected(store: Store) -> None:
    found = {"attack": "sqli", "attack_score": 0.97}
    save(
        store,
        [client_window(T0)],
        [
            call(T0, ip_address=ADDRESS, **found),
            call(T0 + 1, ip_address=ADDRESS, attack_score=0.01),
            call(T0 + 2, ip_address=ADDRESS),
        ],
    )
    calls = seen(store).calls
    assert (calls.attacks, calls.inspected, calls.counted) == ({"sqli": 1}, 2, 3)


def test_a_selected_bucket_has_its_calls_and_windows_alone(store: Store) -> None:
    starts = [T0, T0 + MINUTE, T0 + 2 * MINUTE]
    calls = [call(start + n, ip_address=ADDRESS) for start in starts for n in (0, 59_999)]
    save(store, [client_window(start) for start in starts], calls)
    found = clients.client_selection(store, ADDRESS, T0 + MINUTE, T0 + 2 * MINUTE)
    assert [row["timestamp"] for row in found.windows] == [T0 + MINUTE]
    assert [row["timestamp"] for row in found.calls.newest] == [T0 + MINUTE + 59_999, T0 + MINUTE]
    assert not found.calls.cut


def test_the_window_that_many_share_has_no_calls_of_its_own(store: Store) -> None:
    save(store, [client_window(T0, "(other)")], [call(T0)])
    found = seen(store, "(other)")
    assert (len(found.points), found.calls.newest) == (1, [])


def test_who_was_never_seen_is_told_from_who_is_not_in_the_range(store: Store) -> None:
    save(store, [client_window(END + MINUTE)], [call(END, user_id="u017")])
    assert seen(store).last_at == END + MINUTE
    assert seen(store, "u017").last_at == END
    assert seen(store, "nobody").last_at is None


def listed(store: Store, end: int = END, **options: Any) -> client_list.Clients:
    return client_list.clients_between(store, T0, end, **options)


def test_the_riskiest_clients_come_first_then_the_busiest(store: Store) -> None:
    save(
        store,
        [
            risky(T0, "old", risk_score=0.95),
            risky(T0 + MINUTE, "old"),
            client_window(END - MINUTE, "quiet", req_count=1),
            client_window(END - MINUTE, "busy", req_count=99),
            client_window(END - 2 * MINUTE, "busy", req_count=1, risk_score=0.1),
        ],
    )
    found = listed(store)
    assert [c.client for c in found.clients] == ["old", "busy", "quiet"]
    old, busy, _ = found.clients
    assert (old.risk, old.risky, old.high, old.calls) == (0.95, 2, 2, 0)
    assert (busy.calls, busy.risky, busy.last_start) == (100, 0, END - MINUTE)


def test_risky_minutes_are_counted_once_where_both_readings_have_them(store: Store) -> None:
    bot = {"usage_cluster": "bot", "bot_score": 0.9, "simulated_count": 5}
    save(store, [risky(T0, **bot), client_window(T0 + MINUTE, bot_score=0.1)])
    (found,) = listed(store).clients
    assert (found.risky, found.calls, found.risk) == (1, 20, 0.9)
    assert (found.usage_cluster, found.bot_score, found.simulated) == ("bot", 0.9, 0.25)


def test_the_list_says_what_it_does_not_hold(store: Store, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(client_list, "MOST_RISKY", 2)
    save(store, [risky(T0 + n * MINUTE, f"u{n}") for n in range(30)])
    found = listed(store, limit=5)
    assert (found.left_out, len(found.clients)) == (10, 5)  # of 15 in the newest quarter
    assert found.risky_since == T0 + 27 * MINUTE + 1
    assert found.recent_since == T0 + 14 * MINUTE + 1


def test_an_empty_range_has_no_clients(store: Store) -> None:
    assert listed(store) == client_list.Clients([], 0, None, None)
