"""`POST /api/calls`: what is good is stored once and scored, what is bad is said."""

from __future__ import annotations

import gzip
import json
import shutil
import sqlite3
import time
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor, as_completed
from contextlib import closing, contextmanager
from pathlib import Path
from typing import Any

import pytest
from flask import Flask
from flask.testing import FlaskClient
from hypothesis import given, settings
from hypothesis import strategies as st
from werkzeug.test import TestResponse

from api.calls import BATCHES_AT_ONCE, MAX_BODY_BYTES
from ingest.posted import MAX_ERRORS, MAX_RECORDS
from jobs import scoring
from jobs.access.roles import Role
from jobs.runtime import Foresight
from ml.bundle import Bundle
from tests.integration.conftest import running_app
from tests.people import newcomer, page_token
from tests.rows import MINUTE
from tests.server import TOKEN, Server, running_server, wait_until

LINES = "application/x-ndjson"


@pytest.fixture
def app(tmp_path: Path, store_url: str) -> Iterator[Flask]:
    """An app on each kind of database."""
    with running_app(tmp_path, store_url) as server:
        yield server


@pytest.fixture
def sqlite_app(tmp_path: Path) -> Iterator[Flask]:
    """An app where the kind of database makes no difference."""
    with running_app(tmp_path) as server:
        yield server


def known(app: Flask) -> FlaskClient:
    client = app.test_client()
    client.environ_base["HTTP_AUTHORIZATION"] = f"Bearer {TOKEN}"
    return client


def a_minute_ago(minutes: int = 10) -> int:
    """A full minute of the recent past [epoch ms]."""
    return (time.time_ns() // 1_000_000 // MINUTE - minutes) * MINUTE


def record(timestamp: int, **fields: Any) -> dict[str, Any]:
    ordinary: dict[str, Any] = {
        "timestamp": timestamp,
        "method": "GET",
        "path": "/orders/1042?page=2",
        "status_code": 200,
        "response_time_ms": 12.5,
        "payload_size": 512,
        "ip_address": "192.0.2.7",
        "user_id": "u1",
    }
    return ordinary | fields


def post(client: FlaskClient, body: Any, kind: str = "application/json", **headers: str) -> Any:
    """The answer to a batch: the status and its body."""
    data = body if isinstance(body, bytes) else json.dumps(body).encode()
    sent = {name.replace("_", "-"): value for name, value in headers.items()}
    answer: TestResponse = client.post("/api/calls", data=data, content_type=kind, headers=sent)
    return answer.status_code, answer.get_json()


def counts(accepted: int, duplicates: int = 0, rejected: int = 0) -> dict[str, int]:
    return {"accepted": accepted, "duplicates": duplicates, "rejected": rejected}


def logs(client: FlaskClient, query: str = "") -> list[dict[str, Any]]:
    items: list[dict[str, Any]] = client.get(f"/api/logs?{query}").get_json()["items"]
    return items


def test_posted_calls_are_in_the_log(client: FlaskClient) -> None:
    at = a_minute_ago()
    named = record(at + 1, endpoint="/orders/{order}", user_id=None, response_time_ms=None)
    secret = record(at + 2, body="password=hunter2", content_type="text/plain", method="post")
    status, answer = post(client, [record(at), named, secret])
    assert (status, answer) == (202, {**counts(3), "errors": []})
    newest, second, first = logs(client, "source=posted")
    assert (first["endpoint"], first["path"], first["user_id"]) == (
        "/orders/{id}",
        "/orders/1042",
        "u1",
    )
    assert (first["response_time_ms"], first["payload_size"]) == (12.5, 512)
    assert (second["endpoint"], second["response_time_ms"]) == ("/orders/{order}", None)
    assert newest["method"] == "POST"
    assert newest["fingerprint"] != first["fingerprint"]
    assert "hunter2" not in json.dumps(logs(client))


def score(parts: Foresight, bundle: Bundle) -> int:
    now = time.time_ns() // 1_000_000
    return scoring.score_all(parts.store, "v1", bundle, lambda: now, min_calls=5)


def test_posted_calls_are_scored_and_late_ones_again(
    client: FlaskClient, parts: Foresight, factory: Bundle
) -> None:
    at = a_minute_ago()
    post(client, [record(at + n) for n in range(6)])
    assert score(parts, factory) == 2  # the endpoint and the client
    windows = client.get("/api/anomalies").get_json()["items"]
    assert [window["req_count"] for window in windows] == [6, 6]
    post(client, [record(at + 100 + n, status_code=500) for n in range(6)])
    assert score(parts, factory) == 2
    again = client.get("/api/anomalies").get_json()["items"]
    assert {window["id"] for window in again} == {window["id"] for window in windows}
    assert [(window["req_count"], window["error_rate"]) for window in again] == [(12, 0.5)] * 2


def test_the_largest_values_that_are_taken_can_be_scored(
    client: FlaskClient, parts: Foresight, factory: Bundle
) -> None:
    largest = {"payload_size": 2**40, "response_time_ms": 86_400_000, "status_code": 999}
    at = a_minute_ago()
    post(client, [record(at + n, **largest) for n in range(9)] + [record(946_684_800_000)])
    assert score(parts, factory) == 4


@pytest.mark.parametrize("kind", [LINES, "application/x-ndjson; charset=utf-8"])
def test_lines_are_taken_as_well_as_an_array(client: FlaskClient, kind: str) -> None:
    at = a_minute_ago()
    body = b"\n".join(json.dumps(record(at + n)).encode() for n in range(3))
    assert post(client, body + b"\n\n", kind)[1] == {**counts(3), "errors": []}


@pytest.mark.parametrize("coding", ["gzip", "GZIP", "x-gzip"])
def test_gzip_is_unpacked(client: FlaskClient, coding: str) -> None:
    body = gzip.compress(json.dumps([record(a_minute_ago())]).encode())
    assert post(client, body, Content_Encoding=coding)[1]["accepted"] == 1


def test_good_records_are_kept_and_bad_ones_listed(client: FlaskClient) -> None:
    at = a_minute_ago()
    far = record(at + 60 * MINUTE)
    status, answer = post(client, [record(at), {}, far, 5, record(at)])
    errors = answer.pop("errors")
    assert (status, answer) == (202, counts(2, rejected=3))
    assert [error["index"] for error in errors] == [1, 2, 3]
    assert errors[0]["reason"].startswith("no timestamp, method, path, status_code, ip_address in")
    assert str(far["timestamp"]) in errors[1]["reason"]
    assert len(logs(client)) == 2


def test_of_many_bad_records_the_first_are_listed_and_all_counted(client: FlaskClient) -> None:
    status, answer = post(client, [{"timestamp": "soon"}] * 150)
    assert len(answer.pop("errors")) == MAX_ERRORS
    assert (status, answer) == (202, counts(0, rejected=150))


def test_an_empty_array_is_accepted_and_nothing_stored(client: FlaskClient) -> None:
    assert post(client, []) == (202, {**counts(0), "errors": []})


def test_a_retry_with_the_same_key_stores_nothing_twice(
    client: FlaskClient, tmp_path: Path, store_url: str
) -> None:
    at = a_minute_ago()
    batch = [record(at), record(at), record(at + MINUTE)]
    assert post(client, batch, Idempotency_Key="k1")[1] == {**counts(3), "errors": []}
    assert post(client, batch, Idempotency_Key="k1")[1] == {**counts(0, 3), "errors": []}
    assert post(client, batch, Idempotency_Key="k2")[1]["accepted"] == 3
    (tmp_path / "other").mkdir()
    shutil.copy(tmp_path / "secret_key", tmp_path / "other")
    with running_app(tmp_path / "other", store_url) as other:  # another server on the store
        assert post(known(other), batch, Idempotency_Key="k1")[1]["duplicates"] == 3
    assert len(logs(client)) == 6


def test_a_retry_with_corrected_records_stores_only_those(client: FlaskClient) -> None:
    at = a_minute_ago()
    post(client, [record(at), record(at, status_code=0)], Idempotency_Key="k")
    answer = post(client, [record(at), record(at, status_code=201)], Idempotency_Key="k")[1]
    assert answer == {**counts(1, 1), "errors": []}
    assert [call["status_code"] for call in logs(client)] == [201, 200]


def test_without_a_key_the_same_calls_count_again(client: FlaskClient) -> None:
    batch = [record(a_minute_ago())] * 2
    assert post(client, batch)[1]["accepted"] == 2
    assert post(client, batch)[1]["accepted"] == 2


def test_a_full_batch_is_stored_and_one_more_record_is_too_much(client: FlaskClient) -> None:
    batch = [record(a_minute_ago())] * MAX_RECORDS
    assert post(client, batch, Idempotency_Key="k")[1]["accepted"] == MAX_RECORDS
    assert post(client, [*batch, batch[0]])[0] == 413
    assert post(client, b"\n".join([b"{}"] * 10_001), LINES)[0] == 413


BOMB = gzip.compress(b" " * (MAX_BODY_BYTES + 1))
WHOLE = gzip.compress(b"[]" * 500)


@pytest.mark.parametrize(
    ("body", "headers", "status", "says"),
    [
        (b" " * (MAX_BODY_BYTES + 1), {}, 413, "has 10000001 bytes, at most 10000000"),
        (BOMB, {"Content_Encoding": "gzip"}, 413, "10000000 bytes when unpacked"),
        (b"[]", {"kind": "text/csv"}, 415, "'text/csv' must be application/json or"),
        (b"[]", {"kind": ""}, 415, "'' must be application/json or"),
        (b"[]", {"Content_Encoding": "br"}, 415, "'br' must be gzip or none"),
        (b"[]", {"Content_Encoding": "gzip, gzip"}, 415, "'gzip, gzip' must be gzip"),
        (b"[]", {"Content_Encoding": "gzip"}, 400, "no whole gzip"),
        (WHOLE[:-9], {"Content_Encoding": "gzip"}, 400, "no whole gzip"),
        (WHOLE[:-8] + b"12345678", {"Content_Encoding": "gzip"}, 400, "no whole gzip"),
        (b"", {}, 400, "the body is empty"),
        (b"\n \n", {"kind": LINES}, 400, "the body is empty"),
        (b"{}", {}, 400, "must be a JSON array: Expected `array`, got `object`: '{}'"),
        (b"[{", {}, 400, "must be a JSON array"),
        (b"[]", {"Idempotency_Key": " "}, 400, "Idempotency-Key ' ' must have 1 to 256"),
        (b"[]", {"Idempotency_Key": "k" * 257}, 400, "must have 1 to 256 characters"),
    ],
)
def test_a_batch_that_can_not_be_read_is_refused(
    sqlite_app: Flask, body: bytes, headers: dict[str, str], status: int, says: str
) -> None:
    found, answer = post(known(sqlite_app), body, **headers)
    assert found == status
    assert set(answer) == {"error"}
    assert says in answer["error"]["message"]


def test_strangers_and_other_sites_store_nothing(sqlite_app: Flask) -> None:
    batch = [record(a_minute_ago())]
    assert post(sqlite_app.test_client(), batch)[0] == 401
    person = newcomer(sqlite_app, Role.ADMIN)
    page = page_token(person)
    assert post(person, batch, **page, Origin="https://evil.example")[0] == 403
    assert post(person, batch)[0] == 403, "it lacks the token of the page"
    assert logs(known(sqlite_app)) == []


@contextmanager
def locked(data_dir: Path) -> Iterator[None]:
    """Another program writes into the database for as long as the block takes."""
    with closing(sqlite3.connect(data_dir / "foresight.db", isolation_level=None)) as other:
        other.execute("BEGIN IMMEDIATE")
        yield
        other.execute("ROLLBACK")


def test_a_locked_store_stores_nothing_and_says_when_to_come_again(
    sqlite_app: Flask, tmp_path: Path
) -> None:
    client, batch = known(sqlite_app), [record(a_minute_ago())]
    parts: Foresight = sqlite_app.extensions["foresight"]
    with parts.store.begin() as connection:  # the connection that comes next, too
        connection.exec_driver_sql("PRAGMA busy_timeout=50")
    with locked(tmp_path):
        answer = client.post("/api/calls", json=batch, headers={"Idempotency-Key": "k"})
    assert (answer.status_code, answer.headers["Retry-After"]) == (503, "5")
    assert "write lock; send this batch again" in answer.get_json()["error"]["message"]
    assert logs(client) == []
    assert post(client, batch, Idempotency_Key="k")[1]["accepted"] == 1


def test_more_batches_than_places_are_sent_away_at_once(sqlite_app: Flask, tmp_path: Path) -> None:
    batch = [record(a_minute_ago())]
    with ThreadPoolExecutor(BATCHES_AT_ONCE + 1) as pool:
        with locked(tmp_path):
            answers = [
                pool.submit(known(sqlite_app).post, "/api/calls", json=batch)
                for _ in range(BATCHES_AT_ONCE + 1)
            ]
            first = next(as_completed(answers)).result()
        assert (first.status_code, first.headers["Retry-After"]) == (503, "1")
        assert sorted(answer.result().status_code for answer in answers) == [202] * 6 + [503]


@pytest.fixture(scope="module", params=["sqlite", "postgresql"])
def noisy(
    request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[FlaskClient]:
    """A client of an app for all examples."""
    on_sqlite = request.param == "sqlite"
    url = "" if on_sqlite else request.getfixturevalue("postgres_url")
    with running_app(tmp_path_factory.mktemp("noise"), url) as server:
        yield known(server)


JUNK = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text() | st.just("-"),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(), inner, max_size=3),
    max_leaves=6,
)
TIMES = st.datetimes().map(str) | st.integers(-(2**70), 2**70) | st.integers(9 * 10**11, 2 * 10**12)
NOISE = st.fixed_dictionaries(
    {},
    optional={
        "timestamp": TIMES | JUNK,
        "method": st.sampled_from(["GET", "post", "ħ", "\0"]) | JUNK,
        "path": st.sampled_from(["/a", "//", "/%zz?%", "*", "http://x/y"]) | JUNK,
        "endpoint": JUNK,
        "status_code": st.integers(90, 1010) | JUNK,
        "response_time_ms": st.floats() | JUNK,
        "payload_size": st.integers(-1, 2**65) | JUNK,
        "ip_address": st.ip_addresses().map(str) | JUNK,
        "user_id": JUNK,
        "body": JUNK,
    },
)


@settings(max_examples=200, deadline=None)
@given(batch=st.lists(NOISE | JUNK, max_size=8), key=st.none() | st.just("k"))
def test_noise_is_stored_or_refused_and_never_an_error_of_the_server(
    noisy: FlaskClient, batch: list[Any], key: str | None
) -> None:
    headers = {} if key is None else {"Idempotency_Key": key}
    lines = b"\n".join(json.dumps(part).encode() for part in [*batch, {}])
    status, found = post(noisy, lines, LINES, **headers)
    assert status == 202, found
    assert found["accepted"] + found["duplicates"] + found["rejected"] == len(batch) + 1
    assert len(found["errors"]) == found["rejected"]


@settings(max_examples=200, deadline=None)
@given(body=st.binary(max_size=300), gzipped=st.booleans(), lines=st.booleans())
def test_any_bytes_get_an_answer(
    noisy: FlaskClient, body: bytes, gzipped: bool, lines: bool
) -> None:
    headers = {"Content_Encoding": "gzip"} if gzipped else {}
    assert post(noisy, body, LINES if lines else "application/json", **headers)[0] in (202, 400)


@pytest.fixture(scope="module")
def server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Server]:
    """A server process without a scheduler."""
    with running_server(tmp_path_factory.mktemp("server"), scheduler="off") as running:
        yield running


def test_a_posting_is_itself_no_call(server: Server) -> None:
    status, _, body = server.request("POST", "/api/calls", [record(a_minute_ago())])
    assert (status, json.loads(body)["accepted"]) == (202, 1)
    server.request("POST", "/api/calls", b"{")
    server.request("POST", "/api/calls", b"[]", token=False)
    server.request("GET", "/orders-of-a-stranger")  # comes after them in the journal
    wait_until(lambda: server.get_json("/api/logs?source=live")["items"], what="the last call")
    paths = [call["path"] for call in server.get_json("/api/logs")["items"]]
    assert sorted(paths) == ["/orders-of-a-stranger", "/orders/1042"]


@pytest.mark.parametrize("chunked", [False, True])
def test_who_sends_too_much_gets_to_read_the_answer(server: Server, chunked: bool) -> None:
    body: Any = b" " * (2 * MAX_BODY_BYTES)
    headers = {"Content_Type": "application/json"}
    if chunked:
        headers["Transfer_Encoding"] = "chunked"
        body = b"%x\r\n%b\r\n0\r\n\r\n" % (len(body), body)
    status, _, answer = server.request("POST", "/api/calls", body, **headers)
    assert status == 413
    assert b"has 20000000 bytes" in answer


def test_a_batch_that_a_kill_cut_off_is_stored_once_by_its_retry(tmp_path: Path) -> None:
    at = a_minute_ago()
    batches = {f"k{n}": [record(at + n)] * 500 for n in range(40)}

    def send(server: Server, key: str) -> bool:
        try:
            return server.request("POST", "/api/calls", batches[key], Idempotency_Key=key)[0] == 202
        except OSError:
            return False

    with running_server(tmp_path) as server, ThreadPoolExecutor(4) as pool:
        sent = [pool.submit(send, server, key) for key in batches]
        wait_until(lambda: sum(one.done() for one in sent) >= 8, what="some batches")
        server.kill()
        assert not all(one.result() for one in sent)
    with running_server(tmp_path) as server:
        assert all(send(server, key) for key in batches)
        assert server.get_json("/api/stats")["total_calls"] == 40 * 500
