"""Sums of windows are the same with roll-ups, without them, and with some of them."""

from __future__ import annotations

import random
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from sqlalchemy import delete, func, insert, select

from jobs.retention import remove_old
from jobs.rollups import roll_up
from ml.histogram import latency_histogram, percentiles
from store import Store, endpoints, open_store, rolling, views, writes
from store.rollups import BLOCK_MS, HOUR_MS, TEN_MINUTES_MS
from store.tables import WINDOW_COLUMNS, anomaly_log, rollup, rollup_due
from tests.rows import MINUTE, T0, window

START = T0 - T0 % BLOCK_MS
DAY_MS = 24 * HOUR_MS


def endpoint_window(rng: random.Random, at: int, endpoint: str) -> tuple[Any, ...]:
    calls = rng.randint(1, 60)
    errors = rng.randint(0, calls)
    times = np.array([rng.lognormvariate(4, 1) for _ in range(calls)])
    return window(
        at,
        endpoint=endpoint,
        req_count=calls,
        error_rate=errors / calls,
        avg_response_time=float(times.mean()),
        max_response_time=float(times.max()),
        latency_histogram=latency_histogram(times),
        status_counts=f'{{"200": {calls - errors}, "500": {errors}}}',
        simulated_count=rng.randint(0, calls),
        **scores(rng),
    )


def client_window(rng: random.Random, at: int, client: str) -> tuple[Any, ...]:
    named = {"subject": "client", "endpoint": "*", "method": "*", "client": client}
    return window(at, **named, usage_cluster=rng.choice(["normal", "bot"]), **scores(rng))


def scores(rng: random.Random) -> dict[str, Any]:
    risk = round(rng.random(), 2)
    priority = "HIGH" if risk >= 0.8 else "MEDIUM" if risk >= 0.5 else "LOW"
    return {
        "risk_score": risk,
        "priority": priority,
        "failure_probability": rng.random(),
        "anomaly_score": rng.random(),
        "is_anomaly": int(risk > 0.6),
    }


def some_hours(seed: int = 1, hours: int = 5) -> list[tuple[Any, ...]]:
    """Windows of hours of which one is quiet and some minutes are missing."""
    rng = random.Random(seed)
    rows = []
    for minute in range(hours * 60):
        if minute // 60 == 2 or rng.random() < 0.1:
            continue
        at = START + minute * MINUTE
        rows += [endpoint_window(rng, at, name) for name in ("/a", "/b") if rng.random() < 0.8]
        rows += [client_window(rng, at, f"c{n}") for n in range(rng.randint(0, 3))]
    return rows


def save(store: Store, rows: list[tuple[Any, ...]]) -> None:
    with store.begin() as connection:
        writes.save_windows(connection, rows)


def seen(store: Store, start: int, end: int) -> list[Any]:
    """All that pages read of a range, rounded as sums of floats are."""
    overview = views.overview(store, start, end)
    many = endpoints.endpoint_summaries(store, start, end)
    one = endpoints.endpoint_series(store, "/a", None, start, end)
    shown = [overview.totals, overview.previous, overview.risk, overview.endpoints, many.bucket_ms]
    series = [*(one.points), *(p for summary in many.endpoints for p in summary.points)]
    for part in (*many.endpoints, one.summary, *series):
        if part is not None:
            latency = percentiles(part.latency_histogram, (50, 95, 99))
            shown.append((latency, part.status_counts, part.calls, part.errors, part.average_ms))
            shown.append((part.risk, part.failure_probability, part.anomalies, part.max_ms))
    shown += [(m.last_start, m.last_risk, m.last_anomaly_score) for m in many.endpoints]
    return [rounded(part) for part in shown]


def rounded(part: Any) -> Any:
    if isinstance(part, float):
        return round(part, 6)
    if isinstance(part, (list, tuple)):
        return [rounded(one) for one in part]
    if hasattr(part, "__dataclass_fields__"):
        return [rounded(getattr(part, name)) for name in part.__dataclass_fields__]
    return part


RANGES = [
    (START, START + 5 * HOUR_MS),
    (START + 7 * MINUTE, START + 4 * HOUR_MS + 3 * MINUTE),
    (START + 61_234, START + 3 * HOUR_MS + 1),
    (START + 50 * MINUTE, START + 65 * MINUTE),
    (START - 20 * DAY_MS, START + 10 * DAY_MS),
    (START + 2 * HOUR_MS, START + 3 * HOUR_MS),
]


@pytest.mark.parametrize(("start", "end"), RANGES)
def test_a_range_reads_the_same_with_and_without_rollups(
    store: Store, start: int, end: int
) -> None:
    save(store, some_hours())
    before = seen(store, start, end)
    roll_up(store)
    assert seen(store, start, end) == before


def test_a_range_reads_the_same_when_any_of_the_rollups_are_gone(sqlite_store: Store) -> None:
    save(sqlite_store, some_hours())
    before = [seen(sqlite_store, *part) for part in RANGES]
    roll_up(sqlite_store)
    rng = random.Random(5)
    spans = [TEN_MINUTES_MS, HOUR_MS, MINUTE, BLOCK_MS]
    for _ in range(40):
        span = rng.choice(spans)
        at = START + rng.randrange(5 * HOUR_MS) // span * span
        with sqlite_store.begin() as connection:
            connection.execute(
                delete(rollup).where(rollup.c.span_ms == span, rollup.c.timestamp == at)
            )
    assert [seen(sqlite_store, *part) for part in RANGES] == before


def test_rolled_up_hours_are_read_from_rollups_alone(sqlite_store: Store) -> None:
    save(sqlite_store, some_hours())
    roll_up(sqlite_store)
    part = (START, START + 4 * HOUR_MS)
    before = views.totals(sqlite_store, *part)
    with sqlite_store.begin() as connection:
        connection.execute(delete(anomaly_log))
    assert rounded(views.totals(sqlite_store, *part)) == rounded(before)


def test_windows_that_are_scored_again_count_at_once_and_after_the_next_run(store: Store) -> None:
    save(store, some_hours())
    roll_up(store)
    late = window(START + 90 * MINUTE, endpoint="/late", req_count=1000, error_rate=0.0)
    before = views.totals(store, START, START + 5 * HOUR_MS)
    for _ in range(2):
        save(store, [late])
        for _ in range(2):
            after = views.totals(store, START, START + 5 * HOUR_MS)
            assert (after.calls, after.windows) == (before.calls + 1000, before.windows + 1)
            roll_up(store)


def test_a_block_is_summed_up_when_the_last_of_its_hours_is(store: Store) -> None:
    save(store, [row for row in some_hours(hours=8) if row[0] < START + 470 * MINUTE])
    spans = select(func.count()).where(rollup.c.span_ms == BLOCK_MS, rollup.c.endpoint == "*")

    def blocks() -> int:
        with store.read() as connection:
            return int(connection.scalar(spans) or 0) // 2  # of endpoints and of clients

    answers = iter([True] * 6 + [False])  # newest hours first, and the third has no windows
    roll_up(store, lambda: next(answers))
    assert blocks() == 0
    roll_up(store)
    assert blocks() == 1, "the newest hour is not over"
    save(store, [window(START + 8 * HOUR_MS)])
    roll_up(store)
    assert blocks() == 2
    save(store, [window(START + 90 * MINUTE), window(START + 150 * MINUTE)])
    assert blocks() == 1
    roll_up(store)
    assert blocks() == 2


def test_windows_that_others_insert_are_found_by_the_next_run(store: Store) -> None:
    save(store, some_hours())
    roll_up(store)
    before = views.totals(store, START, START + 5 * HOUR_MS)
    row = dict(zip(WINDOW_COLUMNS, window(START + 90 * MINUTE, endpoint="/x"), strict=True))
    with store.begin() as connection:
        connection.execute(insert(anomaly_log).values(**row))
    roll_up(store)
    assert views.totals(store, START, START + 5 * HOUR_MS).calls == before.calls + 10


def test_only_hours_that_changed_are_due(store: Store) -> None:
    save(store, [row for row in some_hours() if row[0] < START + 270 * MINUTE])
    assert roll_up(store) == 4
    newest = START + 4 * HOUR_MS
    with store.read() as connection:
        assert rolling.due_hours(connection) == [newest], "it is not over"
    save(store, [window(START + 5 * HOUR_MS)])
    with store.read() as connection:
        assert rolling.due_hours(connection) == [START + 5 * HOUR_MS, newest]
    roll_up(store)
    with store.read() as connection:
        assert rolling.due_hours(connection) == [START + 5 * HOUR_MS]


def test_low_windows_that_retention_removed_still_count(sqlite_store: Store) -> None:
    save(sqlite_store, some_hours())
    roll_up(sqlite_store)
    part = (START, START + 4 * HOUR_MS)
    before = views.totals(sqlite_store, *part)
    now = START + 3 * DAY_MS
    remove_old(sqlite_store, now, calls_days=7, windows_days=30)
    with sqlite_store.read() as connection:
        low = select(func.count()).where(
            anomaly_log.c.subject == "client", anomaly_log.c.priority == "LOW"
        )
        assert connection.scalar(low) == 0
    assert rounded(views.totals(sqlite_store, *part)) == rounded(before)


def test_rollups_go_when_their_windows_do(store: Store) -> None:
    save(store, some_hours())
    roll_up(store)
    remove_old(store, START + 40 * DAY_MS, calls_days=7, windows_days=30)
    with store.read() as connection:
        assert connection.scalar(select(func.count()).select_from(rollup)) == 0
    assert views.totals(store, START, START + 5 * HOUR_MS).windows == 0


def test_windows_of_thirty_seconds_are_summed_up_too(tmp_path: Path) -> None:
    store = open_store(f"sqlite:///{tmp_path / 'foresight.db'}", 30_000, 30_000)
    save(store, [window(START + n * 30_000, req_count=n + 1) for n in range(200)])
    before = views.totals(store, START, START + 2 * HOUR_MS)
    assert before.calls == sum(range(201))
    roll_up(store)
    assert rounded(views.totals(store, START, START + 2 * HOUR_MS)) == rounded(before)
    store.close()


def test_a_run_that_is_stopped_leaves_the_rest_due(sqlite_store: Store) -> None:
    save(sqlite_store, some_hours())
    answers = iter([True, False])
    assert roll_up(sqlite_store, lambda: next(answers)) == 1
    with sqlite_store.read() as connection:
        assert connection.scalar(select(func.count()).select_from(rollup_due)) == 3
