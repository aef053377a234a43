"""The store, on SQLite and on PostgreSQL alike."""

from __future__ import annotations

import multiprocessing
import sqlite3
import threading
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest
from sqlalchemy import func, inspect, select, text
from sqlalchemy.exc import OperationalError

from store import Store, lists, open_store, reads, views, writes
from store.lists import Filters
from store.tables import SCHEMA_VERSION, anomaly_log, api_log, dirty_window, meta
from tests.rows import MINUTE, T0, call, window


def add(store: Store, *calls: tuple) -> int:
    with store.begin() as connection:
        return writes.add_calls(connection, calls, store.grid)


def save(store: Store, *windows: tuple) -> None:
    with store.begin() as connection:
        writes.save_windows(connection, windows)
        marks = reads.dirty_marks(connection, 2 * T0, 10_000)
        writes.clear_dirty(connection, marks)


def count(store: Store, table: object) -> int:
    with store.read() as connection:
        return connection.execute(select(func.count()).select_from(table)).scalar_one()


def test_a_call_comes_back_as_it_was_stored(store: Store) -> None:
    stored = call(
        T0 + 7,
        response_time_ms=None,
        user_id="u017",
        path="/s\U0001f600",
        fingerprint=-(2**63),
        source="simulated",
    )
    assert add(store, stored) == 1
    row = lists.calls_page(store, Filters(), 10).items[0]
    assert {name: row[name] for name in stored._fields if name != "identity"} == {
        name: value for name, value in stored._asdict().items() if name != "identity"
    }


def test_a_record_with_an_identity_is_stored_once_other_calls_always(
    store: Store,
) -> None:
    twice = call(T0, identity=42)
    assert add(store, twice, call(T0), call(T0)) == 3
    assert add(store, twice, call(T0)) == 1
    assert count(store, api_log) == 4


def test_a_row_of_the_published_columns_alone_can_be_inserted(store: Store) -> None:
    names = "timestamp, endpoint, method, response_time_ms, status_code, payload_size, ip_address"
    with store.begin() as connection:
        connection.exec_driver_sql(
            f"INSERT INTO api_log ({names}) VALUES ({T0}, '/a', 'GET', 5, 200, 10, '10.0.0.1')"
        )
        connection.exec_driver_sql(
            "INSERT INTO anomaly_log (timestamp, subject, endpoint, method, risk_score, priority,"
            " failure_probability, anomaly_score, is_anomaly, usage_cluster, req_count, error_rate,"
            " payload_mean, unique_endpoints, repeat_rate, status_entropy)"
            f" VALUES ({T0}, 'endpoint', '/a', 'GET', .9, 'HIGH', 1, 1, 1, 'bot', 5, 1, 1, 1, 0, 0)"
        )
    assert lists.calls_page(store, Filters(), 10).items[0]["source"] == "live"
    assert lists.windows_page(store, Filters(priority="HIGH"), 10).items[0]["thin"] == 0


def test_the_steps_of_new_calls_are_dirty_until_the_mark_that_was_seen_is_cleared(
    store: Store,
) -> None:
    add(store, call(T0 + 1), call(T0 + 59_999), call(T0 + MINUTE))
    with store.read() as connection:
        seen = reads.dirty_marks(connection, T0 + MINUTE, 10)
    assert list(seen) == [T0 + MINUTE, T0], "newest first"
    add(store, call(T0 + 2))  # a late row, after the job has read its calls
    with store.begin() as connection:
        writes.clear_dirty(connection, seen)
    with store.read() as connection:
        assert list(reads.dirty_marks(connection, T0 + MINUTE, 10)) == [T0]


def test_a_mark_never_comes_again(store: Store) -> None:
    add(store, call(T0))
    with store.read() as connection:
        slow_scorer = reads.dirty_marks(connection, T0, 10)
    with store.begin() as connection:
        writes.clear_dirty(connection, reads.dirty_marks(connection, T0, 10))  # a faster one
    add(store, call(T0 + 1))
    with store.begin() as connection:
        writes.clear_dirty(connection, slow_scorer)
    with store.read() as connection:
        assert list(reads.dirty_marks(connection, T0, 10)) == [T0]


def test_marking_and_clearing_at_once_end_well(store: Store) -> None:
    starts = [T0 + n * MINUTE for n in range(40)]

    def mark() -> None:
        for _ in range(30):
            with store.begin() as connection:
                writes.mark_dirty(connection, starts)

    def clear() -> None:
        for _ in range(30):
            with store.begin() as connection:
                writes.clear_dirty(connection, reads.dirty_marks(connection, 2 * T0, 100))

    with ThreadPoolExecutor(2) as pool:
        for done in [pool.submit(mark), pool.submit(clear)]:
            done.result()  # raises what a deadlock would raise


def test_a_store_of_the_release_before_is_brought_up_to_date(store_url: str) -> None:
    older = open_store(store_url)
    with older.begin() as c:
        writes.save_windows(c, [window()])
        for name in ("bot_score", "reasons", "causes"):
            c.execute(text(f"ALTER TABLE anomaly_log DROP COLUMN {name}"))
        c.execute(meta.update().where(meta.c.name == "schema_version").values(value=1))
    older.close()
    store = open_store(store_url)
    with store.begin() as c:
        writes.save_windows(c, [window(T0 + MINUTE, reasons="[]")])
        stored = c.execute(select(anomaly_log.c.reasons).order_by(anomaly_log.c.timestamp))
        assert stored.scalars().all() == [None, "[]"]
    store.close()
    open_store(store_url).close()


@pytest.mark.parametrize("version", [1, 2])
def test_an_older_store_gets_the_indexes_that_answer_questions_about_calls(
    store_url: str, version: int
) -> None:
    name, keys = "ix_api_log_endpoint_timestamp", ["endpoint", "timestamp"]
    older = open_store(store_url)
    add(older, call(T0))
    with older.begin() as c:
        c.execute(text(f"DROP INDEX {name}"))
        c.execute(text("DROP INDEX ix_api_log_user_timestamp"))
        c.execute(text(f"CREATE INDEX {name} ON api_log ({', '.join(keys)})"))
        c.execute(meta.update().where(meta.c.name == "schema_version").values(value=version))
    older.close()
    store = open_store(store_url)
    with store.read() as c:
        columns = {i["name"]: i["column_names"] for i in inspect(c).get_indexes("api_log")}
        stored = c.scalar(select(meta.c.value).where(meta.c.name == "schema_version"))
    covered = ["response_time_ms", "status_code", "method", "payload_size", "ip_address", "user_id"]
    assert stored == SCHEMA_VERSION
    wide = store.reader.dialect.name == "sqlite"
    assert columns[name] == (keys + covered if wide else keys)
    assert columns["ix_api_log_user_timestamp"] == ["user_id", "timestamp"]
    assert count(store, api_log) == 1
    store.close()


def test_windows_of_another_length_are_not_mixed(store_url: str) -> None:
    open_store(store_url, 60_000, 60_000).close()
    open_store(store_url, 60_000, 20_000).close()
    with pytest.raises(ValueError, match="window_ms=60000, this server needs 300000"):
        open_store(store_url, 300_000, 300_000)


def test_scoring_a_window_again_replaces_it_also_where_the_client_is_null(store: Store) -> None:
    client = {"subject": "client", "endpoint": "*", "method": "*", "client": "u1"}
    save(store, window(), window(**client))
    save(store, window(risk_score=0.9, priority="HIGH"), window(**client, req_count=11))
    assert count(store, anomaly_log) == 2
    high = lists.windows_page(store, Filters(priority="HIGH"), 10).items
    assert [w["risk_score"] for w in high] == [0.9]


def test_totals_count_every_call_once_whether_scored_or_not_and_only_inside_the_range(
    store: Store,
) -> None:
    add(store, *(call(T0 + i, status_code=500 if i < 3 else 200) for i in range(10)))
    save(store, window(req_count=10, error_rate=0.3, avg_response_time=100.0))
    add(store, call(T0 + MINUTE, status_code=404), call(T0 + MINUTE + 30_000))  # not scored yet
    both = views.totals(store, T0, T0 + 2 * MINUTE)
    assert (both.calls, both.errors, both.windows) == (12, 4, 1)
    assert both.average_response_ms == pytest.approx(100.0)
    cut = views.totals(store, T0 + 5, T0 + MINUTE + 1)  # 5 of the first minute, 1 of the second
    assert (cut.calls, cut.errors) == (6, 1)


def test_totals_count_calls_of_a_scored_minute_that_got_a_late_row_once(store: Store) -> None:
    add(store, *(call(T0 + i) for i in range(10)))
    save(store, window(req_count=10))
    add(store, call(T0 + 500))
    assert views.totals(store, T0, T0 + MINUTE).calls == 11


def test_an_overview_of_nothing_is_empty_and_no_error(store: Store) -> None:
    nothing = views.overview(store, T0, T0 + 60 * MINUTE)
    assert nothing.totals == views.Totals(windows=0, calls=0)
    assert (nothing.risk, nothing.endpoints, nothing.risky) == ([], [], [])


def test_the_overview_ranks_endpoints_by_their_anomalous_windows(store: Store) -> None:
    save(
        store,
        window(T0, endpoint="/a", is_anomaly=1, risk_score=0.6, priority="MEDIUM"),
        window(T0 + MINUTE, endpoint="/a", is_anomaly=1, risk_score=0.5, priority="MEDIUM"),
        window(T0, endpoint="/b", is_anomaly=1, risk_score=0.95, priority="HIGH"),
        window(T0, endpoint="/c", risk_score=0.2),
    )
    seen = views.overview(store, T0, T0 + 10 * MINUTE)
    assert [(e.endpoint, e.anomalies, e.windows, e.maximum_risk) for e in seen.endpoints] == [
        ("/a", 2, 2, 0.6),
        ("/b", 1, 1, 0.95),
        ("/c", 0, 1, 0.2),
    ]
    assert [(p.start, p.maximum, p.anomalies) for p in seen.risk] == [
        (T0, 0.95, 2),
        (T0 + MINUTE, 0.5, 1),
    ]
    assert seen.risk[0].mean == pytest.approx((0.6 + 0.95 + 0.2) / 3)
    assert [w["endpoint"] for w in seen.risky] == ["/a", "/b", "/a"], "newest first"


def test_pages_go_on_where_they_ended_while_new_rows_come_in(store: Store) -> None:
    add(store, *(call(T0 + i // 2) for i in range(7)))  # pairs with equal timestamps
    first = lists.calls_page(store, Filters(), 3)
    add(store, call(T0 + 99))
    second = lists.calls_page(store, Filters(), 3, first.next_after)
    third = lists.calls_page(store, Filters(), 3, second.next_after)
    ids = [row["id"] for page in (first, second, third) for row in page.items]
    assert ids == [7, 6, 5, 4, 3, 2, 1]
    assert third.next_after is None


@pytest.mark.parametrize(
    ("filters", "expected"),
    [
        (Filters(endpoint="/pay"), {2}),
        (Filters(method="POST"), {2}),
        (Filters(status_code=401), {3}),
        (Filters(client="u1"), {2}),
        (Filters(client="10.0.0.9"), {3}),
        (Filters(ip_address="10.0.0.9"), {2, 3}),
        (Filters(user_id="u1"), {2}),
        (Filters(source="import"), {4}),
        (Filters(start=T0 + 2, end=T0 + 4), {3, 4}),
        (Filters(endpoint="/pay", status_code=401), set()),
    ],
    ids=lambda value: str(value)[:60] if isinstance(value, Filters) else "",
)
def test_a_filter_keeps_the_calls_that_meet_it(
    store: Store, filters: Filters, expected: set[int]
) -> None:
    add(
        store,
        call(T0),
        call(T0 + 1, endpoint="/pay", method="POST", user_id="u1", ip_address="10.0.0.9"),
        call(T0 + 2, status_code=401, ip_address="10.0.0.9"),
        call(T0 + 3, source="import"),
    )
    assert {row["id"] for row in lists.calls_page(store, filters, 10).items} == expected


def test_a_lease_is_held_by_one_until_it_runs_out(sqlite_store: Store) -> None:
    with sqlite_store.begin() as c:
        assert writes.take_lease(c, "scheduler", "a", T0, 6_000)
        assert not writes.take_lease(c, "scheduler", "b", T0 + 5_999, 6_000)
        assert writes.take_lease(c, "scheduler", "a", T0 + 5_999, 6_000), "renewed"
        assert not writes.take_lease(c, "scheduler", "b", T0 + 6_000, 6_000)
        assert writes.take_lease(c, "scheduler", "b", T0 + 11_999, 6_000), "run out"


@pytest.mark.parametrize("skew_ms", [-30_000, -1, 1, 5_000])
def test_servers_whose_clocks_differ_do_not_take_each_others_lease(
    store: Store, skew_ms: int
) -> None:
    with store.begin() as c:
        assert writes.take_lease(c, "scheduler", "a", T0, 6_000)
        assert not writes.take_lease(c, "scheduler", "b", T0 + skew_ms, 6_000)


def test_a_lease_from_far_in_the_future_is_void(sqlite_store: Store) -> None:
    with sqlite_store.begin() as c:
        writes.take_lease(c, "scheduler", "dead", T0 + 3_600_000, 6_000)  # then the clock went back
        assert writes.take_lease(c, "scheduler", "b", T0, 6_000)


def test_a_released_lease_is_free_at_once_but_only_its_holder_can_release_it(store: Store) -> None:
    with store.begin() as c:
        writes.take_lease(c, "scheduler", "a", T0, 6_000)
        writes.release_lease(c, "scheduler", "b")
        assert not writes.take_lease(c, "scheduler", "b", T0, 6_000)
        writes.release_lease(c, "scheduler", "a")
        assert writes.take_lease(c, "scheduler", "b", T0, 6_000)


def test_positions_and_counters_add_up(store: Store) -> None:
    with store.begin() as c:
        assert writes.move_position(c, "a", 0, 10)
        assert writes.move_position(c, "b", 0, 5)
        assert writes.move_position(c, "a", 10, 20)
        assert not writes.move_position(c, "a", 10, 30)  # another drainer was faster
        assert not writes.move_position(c, "b", 0, 7)
        writes.forget_positions(c, ["b"])
        writes.add_to_counter(c, "calls_lost", 3)
        writes.add_to_counter(c, "calls_lost", 4)
    with store.read() as c:
        assert reads.journal_positions(c) == {"a": 20}
        assert reads.counters(c) == {"calls_lost": 7}


def test_what_reads_may_not_write(store: Store) -> None:
    with (
        store.read() as connection,
        pytest.raises(Exception, match=r"(?i)read.?only|attempt to write"),
    ):
        connection.execute(dirty_window.insert().values(start=1, mark=1))


def test_the_job_of_a_minute_reads_missing_response_times_as_nan(store: Store) -> None:
    add(store, call(T0, response_time_ms=None, user_id="u1"), call(T0 + 1, response_time_ms=8.5))
    with store.read() as connection:
        columns = reads.calls_between(connection, T0, T0 + MINUTE)
    order = columns["timestamp"].argsort()
    assert columns["client"][order].tolist() == ["u1", "10.0.0.1"]
    assert str(columns["response_time_ms"][order].tolist()) == "[nan, 8.5]"


def test_features_are_read_for_one_kind_of_subject_from_the_start_up_to_the_end(
    store: Store,
) -> None:
    client = {"subject": "client", "endpoint": "*", "method": "*", "client": "u1"}
    starts = [T0 - MINUTE, T0, T0 + MINUTE]
    save(store, *(window(at) for at in starts), *(window(at, **client) for at in starts))
    with store.read() as connection:
        found = {
            kind: reads.features_between(connection, T0, T0 + MINUTE, kind)
            for kind in ("endpoint", "client")
        }
    assert [columns["timestamp"].tolist() for columns in found.values()] == [[T0], [T0]]
    assert found["endpoint"]["endpoint"].tolist() == ["/search"]
    assert found["endpoint"]["client"].tolist() == [None]
    assert found["client"]["client"].tolist() == ["u1"]


def test_a_database_of_another_kind_is_refused_by_name() -> None:
    with pytest.raises(ValueError, match=r"'mysql'.*sqlite:///FILE"):
        open_store("mysql://localhost/x")


def _open_and_add(url: str, number: int) -> None:
    opened = open_store(url)
    add(opened, call(T0 + number))
    opened.close()


def test_several_processes_may_open_one_empty_database_at_once(store_url: str) -> None:
    spawn = multiprocessing.get_context("spawn")
    processes = [spawn.Process(target=_open_and_add, args=(store_url, n)) for n in range(4)]
    for process in processes:
        process.start()
    for process in processes:
        process.join(60)
    assert [process.exitcode for process in processes] == [0, 0, 0, 0]
    opened = open_store(store_url)
    assert count(opened, api_log) == 4
    opened.close()


def test_writers_in_threads_wait_for_each_other_and_lose_nothing(store: Store) -> None:
    def write(number: int) -> None:
        for i in range(20):
            with store.begin() as connection:
                reads.counters(connection)  # read first: a plain BEGIN would end in "locked"
                writes.add_to_counter(connection, "n", 1)
                writes.add_calls(connection, [call(T0 + number * 100 + i)], store.grid)

    threads = [threading.Thread(target=write, args=(n,)) for n in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert count(store, api_log) == 80
    with store.read() as connection:
        assert reads.counters(connection) == {"n": 80}


def test_reading_goes_on_while_a_writer_holds_the_lock(sqlite_store: Store, tmp_path: Path) -> None:
    add(sqlite_store, call(T0))
    other = sqlite3.connect(tmp_path / "foresight.db", isolation_level=None)
    other.execute("BEGIN IMMEDIATE")
    assert count(sqlite_store, api_log) == 1
    other.rollback()
    other.close()


def test_a_store_that_stays_locked_is_an_error_and_no_half_write(
    sqlite_store: Store, tmp_path: Path
) -> None:
    other = sqlite3.connect(tmp_path / "foresight.db", isolation_level=None)
    other.execute("BEGIN IMMEDIATE")
    with sqlite_store.writer.connect() as connection:
        connection.connection.driver_connection.execute("PRAGMA busy_timeout=50")
    with pytest.raises(OperationalError, match="locked"):
        add(sqlite_store, call(T0))
    other.rollback()
    other.close()
    assert count(sqlite_store, api_log) == 0
