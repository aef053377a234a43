"""The scoring job on a real store with the factory models: each window once, also late ones."""

from __future__ import annotations

import logging
from collections.abc import Sequence
from typing import Any

import pytest
from sqlalchemy import select

from ingest.call import Call
from ingest.simulator.episodes import Planned
from ingest.traffic import simulate
from jobs import scoring
from jobs.runtime import FACTORY_MODELS
from jobs.schedule import run_job
from ml.bundle import Bundle
from ml.registry import Models
from store import Store, lists, open_store, reads, views, writes
from store.lists import Filters
from store.tables import WINDOW_COLUMNS, anomaly_log
from tests.rows import MINUTE, T0, call

GRACE = scoring.GRACE_MS
Key = tuple[Any, ...]


@pytest.fixture(scope="module")
def bundle() -> Bundle:
    return Models(FACTORY_MODELS, FACTORY_MODELS).current()[1]


def add(store: Store, calls: Sequence[Call]) -> None:
    with store.begin() as connection:
        writes.add_calls(connection, calls, store.grid)


def score(store: Store, bundle: Bundle, until: int) -> int:
    return scoring.score_all(store, "v1", bundle, lambda: until, min_calls=5)


def scored(store: Store) -> dict[Key, tuple[Any, ...]]:
    """All windows but for when they were scored, by their key."""
    columns = [anomaly_log.c[name] for name in WINDOW_COLUMNS if name != "scored_at"]
    with store.read() as connection:
        rows = [tuple(row) for row in connection.execute(select(*columns))]
    by_key = {row[:5]: row for row in rows}
    assert len(by_key) == len(rows), "each window once"
    return by_key


def day(minutes: int = 20, seed: int = 11) -> list[Call]:
    """Simulated calls with a fault in the middle."""
    crash = Planned("crash", start=minutes / 2, minutes=3)
    return simulate(seed=seed, start_ms=T0, minutes=minutes, episodes=[crash]).calls


def test_only_closed_windows_are_scored(store: Store, bundle: Bundle) -> None:
    add(store, [call(T0), call(T0 + MINUTE)])
    assert score(store, bundle, T0 + MINUTE + GRACE - 1) == 0
    assert score(store, bundle, T0 + MINUTE + GRACE) == 2  # the endpoint and the client
    assert {key[0] for key in scored(store)} == {T0}
    assert score(store, bundle, T0 + MINUTE + GRACE) == 0, "once"


def test_a_late_row_has_its_window_scored_again_in_place(store: Store, bundle: Bundle) -> None:
    add(store, [call(T0)])
    score(store, bundle, T0 + 10 * MINUTE)
    first = {row["id"] for row in lists.windows_page(store, Filters(), 10).items}
    add(store, [call(T0 + 59_999)])
    assert score(store, bundle, T0 + 10 * MINUTE) == 2
    again = lists.windows_page(store, Filters(), 10).items
    assert {row["id"] for row in again} == first
    assert [row["req_count"] for row in again] == [2, 2]


def test_history_in_one_go_is_scored_like_minute_by_minute(
    sqlite_store: Store, bundle: Bundle, tmp_path: Any
) -> None:
    calls = day()
    add(sqlite_store, calls)
    score(sqlite_store, bundle, T0 + 60 * MINUTE)
    live = open_store(f"sqlite:///{tmp_path / 'live.db'}")
    for minute in range(20):
        start = T0 + minute * MINUTE
        add(live, [c for c in calls if start <= c.timestamp < start + MINUTE])
        score(live, bundle, start + MINUTE + GRACE)
    assert scored(live) == scored(sqlite_store)
    live.close()


def test_a_backlog_is_scored_newest_first_in_chunks_and_like_the_rest(
    sqlite_store: Store, bundle: Bundle, tmp_path: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    calls = day()
    add(sqlite_store, calls)
    score(sqlite_store, bundle, T0 + 60 * MINUTE)
    chunked = open_store(f"sqlite:///{tmp_path / 'chunked.db'}")
    add(chunked, calls)
    monkeypatch.setattr(scoring, "MOST_STARTS", 7)
    done = scoring.score_windows(chunked, "v1", bundle, T0 + 60 * MINUTE, min_calls=5)
    assert done.starts == 7
    assert {key[0] for key in scored(chunked)} == {T0 + n * MINUTE for n in range(13, 20)}
    score(chunked, bundle, T0 + 60 * MINUTE)
    assert scored(chunked) == scored(sqlite_store)
    chunked.close()


def test_late_rows_in_two_minutes_with_a_gap_leave_the_scores_as_they_were(
    sqlite_store: Store, bundle: Bundle
) -> None:
    add(sqlite_store, day())
    score(sqlite_store, bundle, T0 + 60 * MINUTE)
    before = scored(sqlite_store)
    with sqlite_store.begin() as connection:
        writes.mark_dirty(connection, [T0 + 3 * MINUTE, T0 + 7 * MINUTE, T0 + 14 * MINUTE])
    score(sqlite_store, bundle, T0 + 60 * MINUTE)
    assert scored(sqlite_store) == before


def test_a_mark_whose_calls_are_gone_does_not_hold_up_the_rest(
    store: Store, bundle: Bundle
) -> None:
    add(store, [call(T0)])
    with store.begin() as connection:
        writes.mark_dirty(connection, [T0 + 30 * MINUTE])
    assert score(store, bundle, T0 + 60 * MINUTE) == 2


def test_a_backlog_is_saved_in_short_transactions(
    sqlite_store: Store, bundle: Bundle, monkeypatch: pytest.MonkeyPatch
) -> None:
    calls = day(5)
    add(sqlite_store, calls)
    monkeypatch.setattr(scoring, "SAVED_AT_ONCE", 50)
    score(sqlite_store, bundle, T0 + 60 * MINUTE)
    assert views.totals(sqlite_store, T0, T0 + 5 * MINUTE).calls == len(calls)
    with sqlite_store.read() as connection:
        assert reads.dirty_marks(connection, 2 * T0, 10) == {}


def test_the_windows_of_a_minute_add_up_to_its_calls(store: Store, bundle: Bundle) -> None:
    calls = day(5)
    add(store, calls)
    score(store, bundle, T0 + 60 * MINUTE)
    items = lists.windows_page(store, Filters(), 1000).items
    for subject in ("endpoint", "client"):
        assert sum(w["req_count"] for w in items if w["subject"] == subject) == len(calls)
    found = views.totals(store, T0, T0 + 5 * MINUTE)
    assert (found.calls, found.simulated_calls) == (len(calls), len(calls))
    assert found.errors == sum(c.status_code >= 400 for c in calls)


def test_sliding_windows_overlap_and_totals_count_the_aligned_ones(
    tmp_path: Any, bundle: Bundle
) -> None:
    store = open_store(f"sqlite:///{tmp_path / 'sliding.db'}", 60_000, 20_000)
    add(store, [call(T0 + 50_000 + i) for i in range(6)])
    assert score(store, bundle, T0 + 10 * MINUTE) == 6, "each window once"
    starts = sorted({key[0] for key in scored(store)})
    assert starts == [T0, T0 + 20_000, T0 + 40_000], "every window that holds the calls"
    found = views.totals(store, T0, T0 + 2 * MINUTE)
    assert (found.calls, found.windows) == (6, 2)
    store.close()


def test_missing_response_times_are_scored_and_stay_unknown(store: Store, bundle: Bundle) -> None:
    add(store, [call(T0 + i, response_time_ms=None) for i in range(9)])
    score(store, bundle, T0 + 10 * MINUTE)
    windows = lists.windows_page(store, Filters(), 10).items
    assert [(w["avg_response_time"], w["max_response_time"]) for w in windows] == [(None, None)] * 2
    assert all(0 <= w["risk_score"] <= 1 for w in windows)


def minutes_to_high(store: Store, begins: int, **conditions: Any) -> int:
    """Windows from the one in which an episode begins to the first HIGH one, 1 = at once."""
    high = lists.windows_page(store, Filters(priority="HIGH", start=begins, **conditions), 1000)
    first = min(w["timestamp"] for w in high.items)
    return (first - begins) // MINUTE + 1


def test_a_total_outage_is_high_within_two_windows_and_not_before(
    sqlite_store: Store, bundle: Bundle
) -> None:
    crash = Planned("crash", start=30, minutes=5)
    add(sqlite_store, simulate(seed=5, start_ms=T0, minutes=36, episodes=[crash]).calls)
    score(sqlite_store, bundle, T0 + 60 * MINUTE)
    begins = T0 + 30 * MINUTE
    assert not lists.windows_page(sqlite_store, Filters(priority="HIGH", end=begins), 9).items
    for endpoint in ("/search", "/payment", "/login"):
        assert minutes_to_high(sqlite_store, begins, subject="endpoint", endpoint=endpoint) <= 2


def test_credential_stuffing_makes_its_clients_high_within_two_windows(
    sqlite_store: Store, bundle: Bundle
) -> None:
    stuffing = Planned("credential_stuffing", start=30, minutes=5)
    past = simulate(seed=6, start_ms=T0, minutes=36, episodes=[stuffing])
    add(sqlite_store, past.calls)
    score(sqlite_store, bundle, T0 + 60 * MINUTE)
    begins = T0 + 30 * MINUTE
    attackers = {client for episode in past.episodes for client in episode.clients}
    high = lists.windows_page(sqlite_store, Filters(priority="HIGH", subject="client"), 1000).items
    assert {w["client"] for w in high} <= attackers
    assert minutes_to_high(sqlite_store, begins, subject="client") <= 2


def test_a_failing_job_leaves_a_trace_and_the_next_run_recovers(
    store: Store, caplog: pytest.LogCaptureFixture
) -> None:
    def fail() -> str:
        raise RuntimeError("the forest burned down")

    with caplog.at_level(logging.ERROR):
        run_job(store, "scoring", fail)
    assert "Traceback" in caplog.text
    with store.read() as connection:
        assert reads.job_runs(connection)["scoring"]["error"] == (
            "RuntimeError: the forest burned down"
        )
    stale = views.freshness(store, T0)
    assert (stale.stale, stale.error) == (True, "RuntimeError: the forest burned down")
    run_job(store, "scoring", lambda: "3 windows by v1")
    with store.read() as connection:
        run = reads.job_runs(connection)["scoring"]
    assert (run["error"], run["detail"]) == (None, "3 windows by v1")
    assert run["succeeded_at"] == run["finished_at"]


def test_scores_are_stale_when_the_job_stopped_but_not_between_two_runs(store: Store) -> None:
    with store.begin() as connection:
        writes.start_job(connection, "scoring", T0)
        writes.finish_job(connection, "scoring", T0)
    assert not views.freshness(store, T0 + 90_000).stale
    assert views.freshness(store, T0 + 4 * MINUTE).stale
