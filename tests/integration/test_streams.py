"""Lists as NDJSON and CSV: the same rows as in JSON, all of them, each once, in little memory."""

from __future__ import annotations

import csv
import http.client
import json
import sqlite3
import threading
from collections.abc import Iterator
from contextlib import ExitStack, closing
from io import StringIO
from pathlib import Path
from typing import Any

import pytest
from flask import Flask
from flask.testing import FlaskClient
from sqlalchemy import delete, event, text

from ingest.call import Call
from jobs.runtime import STREAMS_AT_ONCE, Foresight
from store import Store, lists, open_store, writes
from store.lists import PAGE_ROWS, Filters
from store.tables import api_log
from tests.integration.conftest import running_app
from tests.rows import MINUTE, T0, call, window
from tests.server import TOKEN, Server, running_server, wait_until

NDJSON, CSV = "application/x-ndjson", "text/csv"
NUMBERS = {"id", "status_code", "payload_size", "fingerprint", "response_time_ms", "attack_score"}


@pytest.fixture
def app(tmp_path: Path, store_url: str) -> Iterator[Flask]:
    """An app on each kind of database."""
    with running_app(tmp_path, store_url) as server:
        yield server


def nasty_calls() -> list[Call]:
    """Calls with texts that CSV, spreadsheets or JSON could take for something else."""
    texts = ["=1+1", "+1", "-1", "@x", "\tx", "\rx", "'x", "'=x", 'a"b', "a,b", "a\nb", "a\r\nb"]
    texts += ["", "ü€🚲", "null", "\u2028", " x "]
    calls = [call(T0 + n, user_id=given, path=given) for n, given in enumerate(texts)]
    calls.append(call(T0 - 2, response_time_ms=0.1 + 0.2, attack="sqli", attack_score=1e-9))
    return [*calls, call(T0 - 1, response_time_ms=None, received_at=None, fingerprint=-5)]


def add(store: Store, calls: list[Call]) -> None:
    with store.begin() as connection:
        writes.add_calls(connection, calls, store.grid)


def get(client: FlaskClient, path: str, kind: str) -> Any:
    answer = client.get(path, headers={"Accept": kind})
    assert answer.status_code == 200, answer.text
    assert answer.content_type.split(";")[0] == kind
    return answer


def items(client: FlaskClient, path: str) -> list[dict[str, Any]]:
    found: list[dict[str, Any]] = get(client, path, "application/json").get_json()["items"]
    return found


def lines(body: str) -> list[dict[str, Any]]:
    return [json.loads(line) for line in body.split("\n")[:-1]]


def cells(body: str) -> list[dict[str, str]]:
    return list(csv.DictReader(StringIO(body, newline=""), strict=True))


def as_cell(value: Any) -> str:
    """What a CSV says for a value of a JSON row."""
    if value is None:
        return ""
    if isinstance(value, str):
        return f"'{value}" if value[:1] in "=+-@\t\r'" and value else value
    return value if isinstance(value, str) else json.dumps(value)


def test_calls_are_the_same_in_json_ndjson_and_csv(client: FlaskClient, parts: Foresight) -> None:
    add(parts.store, nasty_calls())
    rows = items(client, "/api/logs")
    assert len(rows) == len(nasty_calls())
    assert lines(get(client, "/api/logs", NDJSON).text) == rows
    found = cells(get(client, "/api/logs", CSV).text)
    assert [{k: as_cell(v) for k, v in row.items()} for row in rows] == [
        {k: as_cell(json.loads(v)) if v and k in NUMBERS else v for k, v in row.items()}
        for row in found
    ]


def test_windows_are_the_same_in_json_ndjson_and_csv(client: FlaskClient, parts: Foresight) -> None:
    reasons = '[{"feature": "error_rate", "value": 1.0}]'
    with parts.store.begin() as connection:
        writes.save_windows(
            connection,
            [
                window(reasons=reasons, is_anomaly=1, priority="HIGH", status_counts=None),
                window(T0 + MINUTE, avg_response_time=None, scored_at=None),
            ],
        )
    rows = items(client, "/api/anomalies")
    assert lines(get(client, "/api/anomalies", NDJSON).text) == rows
    found = cells(get(client, "/api/anomalies", CSV).text)
    assert [list(row) for row in found] == [list(found[0])] * 2
    assert set(found[0]) == set(rows[0])
    assert [row["is_anomaly"] for row in found] == ["false", "true"]
    assert (found[1]["reasons"], found[1]["status_counts"]) == (reasons, "")
    assert (found[0]["avg_response_time"], found[0]["timestamp"]) == ("", rows[0]["timestamp"])


def test_a_csv_is_as_rfc_4180_wants_it(client: FlaskClient, parts: Foresight) -> None:
    add(parts.store, [call(user_id='a"b,c')])
    answer = get(client, "/api/logs", CSV)
    head, row, rest = answer.text.split("\r\n")
    assert head.startswith("id,timestamp,endpoint,method,response_time_ms,")
    assert '"a""b,c"' in row
    assert rest == ""
    assert answer.headers["Content-Disposition"] == 'attachment; filename="logs.csv"'
    assert answer.content_type == "text/csv; charset=utf-8; header=present"


def test_an_empty_list_has_no_lines_and_a_head(client: FlaskClient) -> None:
    assert get(client, "/api/anomalies", NDJSON).text == ""
    assert cells(get(client, "/api/anomalies", CSV).text) == []
    assert get(client, "/api/anomalies", CSV).text.startswith("id,timestamp,subject,")


def test_filters_and_ranges_hold_for_streams(client: FlaskClient, parts: Foresight) -> None:
    add(parts.store, [call(T0 + n, status_code=200 + n % 2) for n in range(9)])
    asked = f"/api/logs?status=201&from={T0 + 2}"
    assert lines(get(client, asked, NDJSON).text) == items(client, asked)
    assert len(items(client, asked)) == 3


@pytest.mark.parametrize("kind", [NDJSON, CSV])
def test_the_cursor_of_a_cut_stream_leads_to_the_rest(
    client: FlaskClient, parts: Foresight, kind: str
) -> None:
    add(parts.store, [call(T0 + n // 4) for n in range(11)])  # four at each instant
    found, cursor, answers = [], "", 0
    while cursor is not None:
        answer = get(client, f"/api/logs?limit=3{cursor}", kind)
        rows = lines(answer.text) if kind == NDJSON else cells(answer.text)
        found += [int(row["id"]) for row in rows]
        given = answer.headers.get("X-Next-Cursor")
        cursor = given and f"&cursor={given}"
        answers += 1
    assert found == [item["id"] for item in items(client, "/api/logs")]
    assert answers == 4
    assert "X-Next-Cursor" not in get(client, "/api/logs?limit=11", kind).headers


def test_a_stream_has_no_bound_where_json_has(client: FlaskClient, parts: Foresight) -> None:
    add(parts.store, [call(T0 + n) for n in range(1200)])
    assert len(items(client, "/api/logs")) == 100
    assert len(lines(get(client, "/api/logs", NDJSON).text)) == 1200
    assert len(lines(get(client, "/api/logs?limit=1100", NDJSON).text)) == 1100
    assert len(lines(get(client, f"/api/logs?limit={10**30}", NDJSON).text)) == 1200
    assert client.get("/api/logs?limit=1100").status_code == 400
    answer = client.get("/api/logs?limit=0", headers={"Accept": CSV})
    assert (answer.status_code, answer.get_json()["error"]["code"]) == (400, "bad_request")


@pytest.mark.parametrize(
    ("accept", "expected"),
    [
        ("", "application/json"),
        ("*/*", "application/json"),
        ("application/*", "application/json"),
        ("text/*", CSV),
        ("text/csv; charset=utf-8", CSV),
        ("TEXT/CSV", CSV),
        ("text/csv;q=0.9, application/x-ndjson", NDJSON),
        ("text/csv, application/x-ndjson;q=0.9", CSV),
        ("text/csv;q=0.1, */*;q=0.05", CSV),
        ("application/json;q=0, */*;q=0.5", NDJSON),
        ("text/html,application/xhtml+xml,application/xml;q=0.9,*/*;q=0.8", "application/json"),
        ("application/xml", None),
        ("text/csv;q=0", None),
        ("nonsense", None),
    ],
)
def test_the_type_is_what_accept_likes_best(
    client: FlaskClient, accept: str, expected: str | None
) -> None:
    answer = client.get("/api/logs", headers={"Accept": accept})
    assert "Accept" in answer.headers["Vary"]
    if expected is None:
        assert (answer.status_code, answer.get_json()["error"]["code"]) == (406, "not_acceptable")
        assert repr(accept) in answer.get_json()["error"]["message"]
    else:
        assert (answer.status_code, answer.content_type.split(";")[0]) == (200, expected)


@pytest.mark.parametrize("kind", [NDJSON, CSV])
def test_head_says_what_get_would_without_a_body(
    client: FlaskClient, parts: Foresight, kind: str
) -> None:
    add(parts.store, [call(), call()])
    for _ in range(STREAMS_AT_ONCE + 1):
        answer = client.head("/api/logs?limit=1", headers={"Accept": kind})
        assert (answer.status_code, answer.data) == (200, b"")
        assert answer.headers["X-Next-Cursor"]


def test_more_streams_than_there_is_room_for_are_sent_away(
    client: FlaskClient, parts: Foresight
) -> None:
    add(parts.store, [call()])
    with ExitStack() as open_answers:
        for _ in range(STREAMS_AT_ONCE):
            open_answers.enter_context(
                client.get("/api/logs", headers={"Accept": NDJSON}, buffered=False)
            )
        refused = client.get("/api/logs", headers={"Accept": CSV})
        assert (refused.status_code, refused.headers["Retry-After"]) == (503, "5")
        assert client.get("/api/logs").status_code == 200, "JSON needs no place"
    assert len(lines(get(client, "/api/logs", NDJSON).text)) == 1


def test_a_stream_of_a_store_that_is_away_is_503_and_keeps_no_place(
    client: FlaskClient, parts: Foresight
) -> None:
    with parts.store.begin() as connection:
        connection.execute(text("ALTER TABLE api_log RENAME TO away"))
    if parts.store.reader.dialect.name == "postgresql":
        pytest.skip("there a missing table is an error of the program")
    for _ in range(STREAMS_AT_ONCE + 1):
        answer = client.get("/api/logs", headers={"Accept": NDJSON})
        assert (answer.status_code, answer.get_json()["error"]["code"]) == (
            503,
            "service_unavailable",
        )


def ids_of(page: Any) -> list[int]:
    return [row.id for row in page]


def test_each_row_comes_once_while_others_come_and_go(store: Store) -> None:
    many = 3 * PAGE_ROWS + 7
    add(store, [call(T0 + n // 3) for n in range(many)])
    kept, gone = set(range(1, many + 1, 2)), threading.Event()

    def write() -> None:
        """New rows of every age, and every second one of the old is removed, all the time."""
        for n in range(0, many, 500):
            add(store, [call(T0 + at) for at in range(n // 3, n // 3 + 40)])
            with store.begin() as connection:
                old = list(range(n + 2 - n % 2, n + 500, 2))
                connection.execute(delete(api_log).where(api_log.c.id.in_(old)))
            if gone.is_set():
                return

    listed = lists.call_pages(store, Filters())
    writer = threading.Thread(target=write)
    writer.start()
    found = [row for page in listed.pages for row in page]
    gone.set()
    writer.join()
    places = [(row.timestamp, row.id) for row in found]
    assert places == sorted(set(places), reverse=True), "in order, none twice"
    assert kept <= {row.id for row in found} <= set(range(1, many + 1))


def test_rows_that_come_between_two_pages_are_left_out(store: Store) -> None:
    add(store, [call(T0 + n) for n in range(PAGE_ROWS + 1)])
    listed = lists.call_pages(store, Filters(), limit=PAGE_ROWS + 1)
    first = next(listed.pages)
    add(store, [call(T0 - MINUTE), call(T0), call(T0 + MINUTE)])
    with store.begin() as connection:
        writes.remove_calls(connection, [2, PAGE_ROWS])
    assert len(first) == PAGE_ROWS
    assert [ids_of(page) for page in listed.pages] == [[1]]


def test_a_reader_who_takes_his_time_keeps_no_transaction_open(sqlite_store: Store) -> None:
    add(sqlite_store, [call(T0 + n) for n in range(PAGE_ROWS + 1)])
    listed = lists.call_pages(sqlite_store, Filters())
    next(listed.pages)
    add(sqlite_store, [call()])
    with closing(sqlite3.connect(str(sqlite_store.reader.url.database))) as other:
        busy, left, moved = other.execute("PRAGMA wal_checkpoint(TRUNCATE)").fetchone()
    assert (busy, left, moved) == (0, 0, 0), "nothing keeps the write-ahead log from being emptied"


@pytest.mark.parametrize(
    "filters",
    [
        {},
        {"endpoint": "/search"},
        {"status_code": 200},
        {"start": T0, "end": T0 + MINUTE},
        {"client": "u1"},
        {"method": "GET", "source": "live"},
    ],
    ids=str,
)
@pytest.mark.parametrize("after", [None, (T0, 5)], ids=["first", "later"])
def test_no_page_is_sorted_or_begins_at_the_top(
    sqlite_store: Store, filters: dict[str, Any], after: tuple[int, int] | None
) -> None:
    seen: list[str] = []
    with closing(sqlite3.connect(str(sqlite_store.reader.url.database))) as other:
        for statement in statements_of(sqlite_store, filters, after):
            plan = other.execute(f"EXPLAIN QUERY PLAN {statement}").fetchall()
            seen += [row[3] for row in plan if "api_log" in row[3] or "TEMP" in row[3]]
    pages = [step for step in seen if "SEARCH api_log" in step]
    assert pages
    assert len(pages) == 2, seen
    assert all("_timestamp (" in page and "timestamp<?" in page for page in pages), seen
    sorted_ = [step for step in seen if "TEMP" in step and "RIGHT PART" not in step]  # ties alone
    assert not sorted_, seen


def statements_of(
    store: Store, filters: dict[str, Any], after: tuple[int, int] | None
) -> list[str]:
    """What the store is asked for two pages, with the values in place."""
    asked: list[str] = []

    @event.listens_for(store.reader, "after_cursor_execute")
    def note(_connection: Any, _cursor: Any, sql: str, given: Any, *_: Any) -> None:
        if sql.startswith("SELECT") and "timestamp" in sql:
            for value in given:
                sql = sql.replace("?", repr(value), 1)
            asked.append(sql)

    list(lists.call_pages(store, Filters(**filters), 10, after).pages)
    event.remove(store.reader, "after_cursor_execute", note)
    return asked


# A real server


def filled(folder: Path, calls: int) -> None:
    """A data folder with calls, ten a millisecond."""
    folder.mkdir(parents=True, exist_ok=True)
    store = open_store(f"sqlite:///{folder / 'foresight.db'}")
    for first in range(0, calls, 20_000):
        rows = [call(T0 + n // 10, user_id=f"u{n}") for n in range(first, first + 20_000)]
        add(store, rows)
    store.close()


def open_stream(server: Server, kind: str) -> tuple[http.client.HTTPConnection, Any]:
    connection = http.client.HTTPConnection("127.0.0.1", server.port, timeout=30)
    headers = {"Accept": kind, "Authorization": f"Bearer {TOKEN}"}
    connection.request("GET", "/api/logs", headers=headers)
    return connection, connection.getresponse()


def resident_mb(server: Server) -> float:
    """Memory of the server and its worker without what is mapped of files [MiB]."""
    children = Path(f"/proc/{server.process.pid}/task/{server.process.pid}/children").read_text()
    total = 0
    for process in [str(server.process.pid), *children.split()]:
        status = Path(f"/proc/{process}/status").read_text()
        total += int(next(x for x in status.splitlines() if x.startswith("RssAnon")).split()[1])
    return total / 1024


def test_300_000_rows_take_less_than_30_mb(tmp_path: Path) -> None:
    filled(tmp_path, 300_000)
    with running_server(tmp_path, scheduler=0) as server:
        server.request("GET", "/api/logs?limit=1", Accept=CSV)
        for kind in (NDJSON, CSV):
            before = highest = resident_mb(server)
            connection, answer = open_stream(server, kind)
            rows = 0
            with closing(connection):
                while chunk := answer.read(2**20):
                    rows += chunk.count(b"\n")
                    highest = max(highest, resident_mb(server))
            assert rows == 300_000 + (kind == CSV)
            assert highest - before < 30


def test_an_error_on_the_way_cuts_the_connection(tmp_path: Path) -> None:
    filled(tmp_path, 100_000)
    with running_server(tmp_path, scheduler=0) as server:
        connection, answer = open_stream(server, NDJSON)
        with closing(connection), closing(sqlite3.connect(tmp_path / "foresight.db")) as other:
            assert answer.read(1000)
            other.execute("ALTER TABLE api_log RENAME TO away")
            with pytest.raises((http.client.IncompleteRead, ConnectionResetError)):
                answer.read()
            other.execute("ALTER TABLE away RENAME TO api_log")
        connection, answer = open_stream(server, NDJSON)
        with closing(connection):
            assert answer.read().count(b"\n") == 100_000


def test_clients_that_go_away_leave_their_places_to_others(tmp_path: Path) -> None:
    filled(tmp_path, 100_000)
    with running_server(tmp_path, scheduler=0) as server:
        opened = [open_stream(server, NDJSON) for _ in range(STREAMS_AT_ONCE)]
        assert {answer.status for _, answer in opened} == {200}
        assert all(answer.read(1000) for _, answer in opened)
        assert server.request("GET", "/api/logs", Accept=NDJSON)[0] == 503
        assert server.request("GET", "/search?q=lamp")[0] == 200, "the others are served"
        for connection, answer in opened:
            answer.close()
            connection.close()
        wait_until(lambda: server.request("GET", "/api/logs?limit=1", Accept=CSV)[0] == 200)
