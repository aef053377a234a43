"""The scorecard job on a real store: hours by hand, late windows, backlogs, sliding windows."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

import pytest
from sqlalchemy import select

from jobs import scorecard
from jobs.retention import remove_old
from jobs.scorecard import HOUR_MS, cards, compare_forecasts
from jobs.scoring import GRACE_MS
from ml.scorecard import share
from store import Store, forecasts, open_store, writes
from store.tables import forecast_bin, onset
from tests.rows import MINUTE, T0, window

HOUR = T0 // HOUR_MS * HOUR_MS  # 15:00
OVER = HOUR + HOUR_MS + 6 * MINUTE + GRACE_MS  # when the last forecast of that hour has come true
FAILS = {"failure_probability": 1.0, "error_rate": 0.5}
CLIENT = {"subject": "client", "endpoint": "*", "method": "*", "client": "u 1"}

# Minute of the hour -> probability, 1 where the window fails.
SEARCH = {0: 0.05, 1: 0.05, 20: 0.05, 21: 0.55, 22: 0.85, 23: 0.75, 24: 1.0, 25: 1.0, 40: 0.95}


def save(store: Store, rows: Iterable[tuple[Any, ...]]) -> None:
    with store.begin() as connection:
        writes.save_windows(connection, list(rows))


def windows(probabilities: dict[int, float], **fields: Any) -> list[tuple[Any, ...]]:
    """Rows of one subject, minutes counted from `HOUR`."""
    return [
        window(
            HOUR + minute * MINUTE,
            **(FAILS if p == 1 else {"failure_probability": p}),
            **fields,
        )
        for minute, p in probabilities.items()
    ]


def stored(store: Store) -> tuple[list[Any], list[Any]]:
    """All rows of both tables, in order."""
    with store.read() as connection:
        tables = (forecast_bin, onset)
        found = [sorted(map(tuple, connection.execute(select(t))), key=str) for t in tables]
    return found[0], found[1]


def test_an_hour_by_hand(store: Store) -> None:
    save(store, windows(SEARCH))
    save(store, windows({58: 0.1, 59: 0.3, 60: 1.0, 61: 1.0}, **CLIENT))
    compare_forecasts(store, OVER)
    found, began = stored(store)
    endpoint, client = (
        [row[2:] for row in found if row[1] == kind] for kind in ("endpoint", "client")
    )
    assert endpoint == [
        (0, 3, 1, pytest.approx(0.15), pytest.approx(2 * 0.0025 + 0.9025)),
        (5, 1, 1, 0.55, pytest.approx(0.2025)),
        (7, 1, 1, 0.75, pytest.approx(0.0625)),
        (8, 1, 1, 0.85, pytest.approx(0.0225)),
        (9, 1, 0, 0.95, pytest.approx(0.9025)),
    ]
    assert client == [(1, 1, 1, 0.1, pytest.approx(0.81)), (3, 1, 1, 0.3, pytest.approx(0.49))]
    fault = (HOUR + 24 * MINUTE, "endpoint", "/search", "GET", "", HOUR + 21 * MINUTE, 0.75)
    assert began == [fault, (HOUR + HOUR_MS, "client", "*", "*", "u 1", None, 0.3)]


def test_the_card_of_that_hour(store: Store) -> None:
    save(store, windows(SEARCH))
    compare_forecasts(store, OVER)
    card = cards(store, HOUR, HOUR + HOUR_MS)["endpoint"]
    assert card.base_rate == share(4, 7)
    assert card.precision == share(3, 4)
    assert card.recall == share(1, 1)
    assert card.median_lead_minutes == 3
    brier = (2 * 0.0025 + 0.9025 + 0.2025 + 0.0625 + 0.0225 + 0.9025) / 7
    assert card.brier == pytest.approx(brier)
    assert card.brier_skill == pytest.approx(1 - brier / (4 / 7 * 3 / 7))
    assert card.reliability[0].failed == share(1, 3)
    assert cards(store, HOUR + HOUR_MS, OVER)["endpoint"].base_rate.n == 0
    assert cards(store, HOUR, OVER)["client"].recall == share(0, 0)


def test_a_failure_of_a_subject_that_was_not_seen_before_is_counted_apart(store: Store) -> None:
    save(store, windows({30: 1.0}))
    compare_forecasts(store, OVER)
    card = cards(store, HOUR, HOUR + HOUR_MS)["endpoint"]
    assert (card.recall.n, card.onsets_without_forecast) == (0, 1)


def test_a_run_again_changes_nothing(store: Store) -> None:
    save(store, windows(SEARCH))
    first = compare_forecasts(store, OVER)
    before = stored(store)
    assert first.hours > 0
    for _ in range(3):
        compare_forecasts(store, OVER)
        assert stored(store) == before


def test_a_forecast_is_not_judged_before_its_five_minutes_are_over_and_scored(
    store: Store,
) -> None:
    save(store, windows({0: 0.05, 1: 0.05, 2: 0.05}))
    for minutes, count in ((5, 0), (6, 1), (7, 2), (8, 3)):
        compare_forecasts(store, HOUR + minutes * MINUTE + GRACE_MS)
        assert cards(store, HOUR, OVER)["endpoint"].base_rate.n == count
    with store.begin() as connection:
        writes.mark_dirty(connection, [HOUR + 6 * MINUTE])
    compare_forecasts(store, HOUR + 30 * MINUTE)
    assert cards(store, HOUR, OVER)["endpoint"].base_rate.n == 1, "minute 6 waits to be scored"


def test_late_windows_are_compared_when_they_come(store: Store) -> None:
    save(store, windows(SEARCH))
    compare_forecasts(store, OVER)
    compare_forecasts(store, OVER + 3 * HOUR_MS)
    save(store, windows({41: 0.05, 42: 1.0}))
    compare_forecasts(store, OVER + 3 * HOUR_MS)
    card = cards(store, HOUR, HOUR + HOUR_MS)["endpoint"]
    assert card.base_rate == share(6, 8), "minutes 40 and 41 came true"
    assert card.recall == share(2, 2)


def test_late_windows_have_a_say_in_the_hour_before_and_after(store: Store) -> None:
    save(store, windows({59: 0.9, 75: 1.0}))
    compare_forecasts(store, OVER + HOUR_MS)
    assert cards(store, HOUR, HOUR + HOUR_MS)["endpoint"].precision == share(0, 1)
    assert cards(store, HOUR, OVER + HOUR_MS)["endpoint"].onsets_without_forecast == 1
    save(store, windows({60: 1.0, 61: 0.1}))
    compare_forecasts(store, OVER + HOUR_MS)
    assert cards(store, HOUR, HOUR + HOUR_MS)["endpoint"].precision == share(1, 1)
    assert cards(store, HOUR, OVER + HOUR_MS)["endpoint"].onsets_without_forecast == 0


def test_what_a_later_model_says_of_old_windows_does_not_count(store: Store) -> None:
    save(store, windows(SEARCH))
    compare_forecasts(store, OVER)
    before = stored(store)
    save(store, windows(dict.fromkeys(SEARCH, 0.01)))
    compare_forecasts(store, OVER + HOUR_MS)
    assert stored(store) == before


def test_an_old_log_is_compared_once_it_is_scored(store: Store) -> None:
    later = OVER + 1000 * HOUR_MS
    compare_forecasts(store, later)
    with store.begin() as connection:
        writes.mark_dirty(connection, [HOUR + 24 * MINUTE])
    save(store, windows({minute: p for minute, p in SEARCH.items() if minute > 24}))
    compare_forecasts(store, later)
    assert stored(store) == ([], [])
    with store.begin() as connection:
        connection.exec_driver_sql("DELETE FROM dirty_window")
    save(store, windows({minute: p for minute, p in SEARCH.items() if minute <= 24}))
    compare_forecasts(store, later)
    assert cards(store, HOUR, HOUR + HOUR_MS)["endpoint"].base_rate == share(4, 7)


def test_a_backlog_takes_several_runs_and_ends_alike(
    store: Store, monkeypatch: pytest.MonkeyPatch
) -> None:
    for hour in range(5):
        save(store, windows({60 * hour + minute: p for minute, p in SEARCH.items()}))
    later = OVER + 9 * HOUR_MS
    monkeypatch.setattr(scorecard, "MOST_HOURS", 2)
    monkeypatch.setattr(scorecard, "MOST_IDS", 20)
    runs = 0
    while cards(store, HOUR, later)["endpoint"].base_rate.n < 35:
        compare_forecasts(store, later)
        runs += 1
        assert runs < 20
    assert runs > 2
    assert cards(store, HOUR, later)["endpoint"].base_rate == share(20, 35)


def test_hours_that_passed_while_no_server_ran_are_compared(store: Store) -> None:
    save(store, windows({0: 0.05}))
    compare_forecasts(store, HOUR + MINUTE + GRACE_MS)
    save(store, windows({1: 1.0}))
    compare_forecasts(store, HOUR + 100 * HOUR_MS)
    assert cards(store, HOUR, OVER)["endpoint"].base_rate == share(1, 1)


def test_what_was_counted_of_windows_that_are_gone_stays(store: Store) -> None:
    save(store, windows(SEARCH))
    compare_forecasts(store, OVER)
    before = stored(store)
    with store.begin() as connection:
        connection.exec_driver_sql("DELETE FROM anomaly_log WHERE failure_probability < 0.5")
    save(store, windows({50: 0.05}))
    compare_forecasts(store, OVER + 25 * HOUR_MS)
    assert stored(store) == before


def test_hours_go_with_their_last_window(store: Store) -> None:
    save(store, windows(SEARCH))
    save(store, windows({60 + minute: p for minute, p in SEARCH.items()}))
    later = OVER + 40 * 24 * HOUR_MS
    compare_forecasts(store, later)
    with store.begin() as connection:
        connection.exec_driver_sql(f"DELETE FROM anomaly_log WHERE timestamp < {HOUR + HOUR_MS}")
    with store.begin() as connection:
        connection.exec_driver_sql(f"UPDATE anomaly_log SET scored_at = {later}")
    remove_old(store, later, calls_days=7, windows_days=30)
    assert cards(store, HOUR, HOUR + HOUR_MS)["endpoint"].base_rate.n == 0
    assert cards(store, HOUR, HOUR + HOUR_MS)["endpoint"].recall.n == 0
    of_windows = cards(store, HOUR + HOUR_MS, OVER + HOUR_MS)["endpoint"]
    assert (of_windows.base_rate.n, of_windows.recall.n) == (7, 1), "an old log, scored today"


def test_calls_without_a_route_and_thin_failures_prove_nothing(store: Store) -> None:
    save(store, windows({0: 0.3, 3: 1.0}, endpoint="(unmatched)"))
    save(store, windows({0: 0.3}))
    save(store, [window(HOUR + MINUTE, error_rate=1.0, failure_probability=0.2, thin=1)])
    compare_forecasts(store, OVER)
    card = cards(store, HOUR, HOUR + HOUR_MS)["endpoint"]
    assert (card.base_rate, card.onsets_without_forecast) == (share(0, 2), 0)


def test_of_sliding_windows_those_that_do_not_overlap_count(tmp_path: Any) -> None:
    sliding = open_store(f"sqlite:///{tmp_path / 'sliding.db'}", 60_000, 10_000)
    save(sliding, windows({0: 0.05, 1: 0.05, 2: 1.0}))
    save(sliding, [window(HOUR + MINUTE + 10_000 * n, **FAILS) for n in range(1, 6)])
    compare_forecasts(sliding, OVER)
    assert cards(sliding, HOUR, OVER)["endpoint"].base_rate == share(2, 2)
    sliding.close()


def test_a_clock_that_jumps_back_loses_nothing(store: Store) -> None:
    save(store, windows(SEARCH))
    compare_forecasts(store, OVER)
    before = stored(store)
    compare_forecasts(store, HOUR)
    compare_forecasts(store, OVER + MINUTE)
    assert stored(store) == before
    with store.read() as connection:
        assert forecasts.progress(connection).settled_until == HOUR + HOUR_MS


def test_a_run_ends_when_it_is_asked_to_and_the_next_goes_on(store: Store) -> None:
    save(store, windows(SEARCH))
    assert compare_forecasts(store, OVER, go_on=lambda: False) == (0, 0)
    compare_forecasts(store, OVER)
    assert cards(store, HOUR, OVER)["endpoint"].base_rate == share(4, 7)


def test_failures_that_began_are_read_by_endpoint_and_method(store: Store) -> None:
    save(store, windows(SEARCH))
    save(store, windows({0: 0.05, 30: 0.05, 31: 1.0}, method="POST"))
    save(store, windows({0: 0.05, 30: 0.05, 31: 1.0}, endpoint="/other"))
    compare_forecasts(store, OVER)

    def began(method: str | None, end: int = HOUR + HOUR_MS) -> list[tuple[int, int | None]]:
        with store.read() as connection:
            found = forecasts.endpoint_onsets(connection, "/search", method, HOUR, end)
        return [
            ((o.at - HOUR) // MINUTE, o.warned_at and (o.warned_at - HOUR) // MINUTE) for o in found
        ]

    assert began("GET") == [(24, 21)]
    assert began("POST") == [(31, None)]
    assert began(None) == [(24, 21), (31, None)]
    assert began(None, HOUR + 31 * MINUTE) == [(24, 21)]
