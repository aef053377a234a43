"""`POST /api/admin/query`: its answers and refusals, what it never does, and its days by zone."""

from __future__ import annotations

import json
from collections.abc import Iterator
from datetime import UTC, datetime, tzinfo
from functools import partial
from typing import Any
from zoneinfo import ZoneInfo

import pytest
from flask import Flask
from flask.testing import FlaskClient
from sqlalchemy import inspect, select
from werkzeug.test import TestResponse

import api.ask
from ask.engine import answer
from ask.question import NotUnderstood
from ask.reading import understand
from jobs.runtime import EXTENSION
from store import Store, TooSlow
from store.tables import metadata
from tests import site
from tests.integration.conftest import running_app
from tests.server import TOKEN
from tests.site import NOW, ROUTES

BERLIN = ZoneInfo("Europe/Berlin")
KEYS = ["columns", "count", "interpretation", "plan", "rows", "unmatched"]


@pytest.fixture(scope="module")
def shop(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Flask]:
    """An app with the calls and windows of the site; questions leave them as they are."""
    with running_app(tmp_path_factory.mktemp("ask")) as server:
        site.fill(server.extensions[EXTENSION].store)
        yield server


@pytest.fixture
def asker(shop: Flask) -> FlaskClient:
    """A client of it with the bearer token."""
    known = shop.test_client()
    known.environ_base["HTTP_AUTHORIZATION"] = f"Bearer {TOKEN}"
    return known


def ask(client: FlaskClient, query: Any, now: Any = NOW, **more: Any) -> TestResponse:
    return client.post("/api/admin/query", json={"query": query, "now": now, **more})


def told(client: FlaskClient, query: str, now: int = NOW) -> dict[str, Any]:
    found = ask(client, query, now)
    assert found.status_code == 200, found.text
    body: dict[str, Any] = found.json or {}
    return body


# --- answers --------------------------------------------------------------------------------------


def test_an_answer_has_rows_and_says_how_it_was_understood(asker: FlaskClient) -> None:
    body = told(asker, "please show the 3 slowest calls to /paymnt")
    assert sorted(body) == KEYS
    assert body["count"] == len(body["rows"]) == 3
    assert sorted(body["columns"]) == sorted(body["rows"][0])
    assert {row["endpoint"] for row in body["rows"]} == {"/payment"}
    assert "at most 3 rows" in body["interpretation"]
    assert "Read “/paymnt” as “/payment”." in body["interpretation"]
    assert set(body["unmatched"]) <= {"please", "show", "the"}
    assert body["plan"]["shape"] == "rows"


def test_rows_of_windows_have_no_more_than_what_is_stored(asker: FlaskClient) -> None:
    body = told(asker, "the latest anomaly")
    (row,) = body["rows"]
    assert row["timestamp"].endswith("Z")
    assert {"id", "subject", "endpoint", "client", "risk_score", "priority"} <= set(row)
    assert "latency_histogram" not in row


def test_an_aggregate_has_its_keys_and_measures_alone(asker: FlaskClient) -> None:
    body = told(asker, "average response time by endpoint and method today")
    assert body["columns"] == ["endpoint", "method", "average_response_time_ms"]
    assert body["plan"]["shape"] == "groups"
    assert told(asker, "how many errors today")["columns"] == ["count"]


def test_a_time_bucket_is_the_instant_it_begins(asker: FlaskClient) -> None:
    body = told(asker, "requests per hour today")
    assert body["columns"] == ["hour", "count"]
    assert body["rows"][0]["hour"] == "2026-03-18T00:00:00.000Z"
    assert body["plan"]["shape"] == "series"


def test_an_answer_of_nothing_is_an_answer(asker: FlaskClient) -> None:
    body = told(asker, "requests of user u999")
    assert (body["rows"], body["count"]) == ([], 0)


def test_now_is_what_the_request_says(asker: FlaskClient) -> None:
    assert told(asker, "requests in the last 5 minutes")["count"] > 0
    assert told(asker, "requests in the last 5 minutes", NOW + 10 * site.DAY)["count"] == 0
    assert "2026-03-18 15:30 UTC" in told(asker, "requests in the last hour")["interpretation"]
    in_text = ask(asker, "requests in the last hour", "2026-03-18T15:30:00Z")
    assert in_text.json == told(asker, "requests in the last hour")


def test_now_is_the_clock_of_the_server_otherwise(asker: FlaskClient) -> None:
    found = asker.post("/api/admin/query", json={"query": "requests today"})
    assert found.status_code == 200
    assert f"{datetime.now(UTC):%Y-%m-%d}" in (found.json or {})["interpretation"]


# --- refusals -------------------------------------------------------------------------------------


def test_what_is_not_understood_is_a_422_with_questions_that_work(asker: FlaskClient) -> None:
    found = ask(asker, "errors by country today")
    error = (found.json or {})["error"]
    assert (found.status_code, error["code"]) == (422, "unprocessable_entity")
    assert "'country'" in error["message"]
    assert error["details"]["unmatched"] == ["country"]
    assert 1 <= len(error["details"]["suggestions"]) <= 3
    for suggestion in error["details"]["suggestions"]:
        told(asker, suggestion)


@pytest.mark.parametrize("text", ["", "  ", "please", "x" * 2_000, "\0", "\ud800", "sec", "🙂"])
def test_a_text_without_a_question_is_a_422(asker: FlaskClient, text: str) -> None:
    assert ask(asker, text).status_code == 422


@pytest.mark.parametrize(
    "body",
    [{}, {"query": 5}, {"query": None}, {"query": "errors", "now": "soon"}, {"query": "errors",
     "limit": 5}, {"query": "errors", "now": -1}, [], "errors"],
)  # fmt: skip
def test_a_body_of_another_form_is_refused(asker: FlaskClient, body: Any) -> None:
    found = asker.post("/api/admin/query", json=body)
    assert found.status_code in (400, 422)
    assert (found.json or {})["error"]["message"]


def test_strangers_ask_nothing(shop: Flask) -> None:
    stranger = shop.test_client()
    assert ask(stranger, "errors today").status_code == 401
    wrong = stranger.post(
        "/api/admin/query", json={"query": "errors"}, headers={"Authorization": "Bearer no"}
    )
    assert wrong.status_code == 401


# --- what a question never does -------------------------------------------------------------------

HARMFUL = (
    "delete all calls",
    "drop table api_log",
    "errors'; DROP TABLE api_log; --",
    "SELECT * FROM api_log; DELETE FROM api_log",
    "errors on '/payment' OR 1=1",
    "requests of user \"u017' OR '1'='1\"",
    'requests of user "u017; DELETE FROM anomaly_log"',
    "requests to /payment';--",
    "requests to /payment%",
    "requests under /_ayment",
    "update api_log set status_code = 200",
    "truncate the windows",
    "reset the error count",
    "high risk windows UNION SELECT * FROM feedback",
)


@pytest.mark.parametrize("text", HARMFUL)
def test_a_question_changes_nothing(shop: Flask, asker: FlaskClient, text: str) -> None:
    store = shop.extensions[EXTENSION].store
    before = contents(store)
    found = ask(asker, text)
    assert found.status_code in (200, 422), found.text
    assert contents(store) == before


def contents(store: Store) -> dict[str, list[Any]]:
    """All rows of all tables, but for what tells that a question was asked."""
    with store.read() as connection:
        assert set(metadata.tables) <= set(inspect(connection).get_table_names())
        return {
            name: [
                tuple(row)
                for row in connection.execute(select(table))
                if row[0] != "audit_entries"  # of `meta`
            ]
            for name, table in metadata.tables.items()
            if name not in ("question", "audit")
        }


def test_the_name_of_a_user_is_no_part_of_the_statement(asker: FlaskClient) -> None:
    body = told(asker, "requests of user \"u017' OR '1'='1\"")
    assert body["plan"]["conditions"][0]["values"] == ["u017' OR '1'='1"]
    assert body["rows"] == []


# --- time that an answer may take -----------------------------------------------------------------


def test_a_query_that_takes_too_long_is_given_up(store: Store) -> None:
    site.fill(store)
    with pytest.raises(TooSlow, match="given up after 0 s"):
        answer(store, "p95 latency by user and endpoint", now=NOW, seconds=0.0)
    assert answer(store, "p95 latency", now=NOW).rows  # the connection is as good as new


def test_a_query_that_takes_too_long_is_a_504(
    asker: FlaskClient, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(api.ask, "answer", partial(answer, seconds=0.0))
    found = ask(asker, "p95 latency by user and endpoint")
    assert found.status_code == 504
    assert "shorter time" in (found.json or {})["error"]["message"]


# --- history --------------------------------------------------------------------------------------


def test_what_was_asked_is_remembered_with_what_came_of_it(asker: FlaskClient) -> None:
    told(asker, "the 7 slowest calls")
    ask(asker, "errors by moon phase")
    refused, answered = (asker.get("/api/questions?limit=2").json or {})["items"]
    assert (answered["text"], answered["outcome"], answered["rows"]) == (
        "the 7 slowest calls", "answered", 7,
    )  # fmt: skip
    assert answered["message"].startswith("Calls")
    assert (refused["text"], refused["outcome"], refused["rows"]) == (
        "errors by moon phase", "refused", None,
    )  # fmt: skip
    assert "moon" in refused["message"]


def test_the_answer_is_json_that_other_languages_read(asker: FlaskClient) -> None:
    found = ask(asker, "average response time of requests by u999")
    assert json.loads(found.text, parse_constant=pytest.fail)["rows"]


# --- zones ----------------------------------------------------------------------------------------


def instant(text: str) -> int:
    return int(datetime.fromisoformat(text).timestamp() * 1000)


def times(words: str, now: str, zone: tzinfo) -> tuple[str | None, str | None]:
    """Start and end of the time of a question, in UTC."""
    time = understand(f"requests {words}", ROUTES, instant(now), zone).question.time
    assert time is not None
    start, end = (
        None if ms is None else f"{datetime.fromtimestamp(ms / 1000, UTC):%m-%d %H:%M}"
        for ms in (time.start, time.end)
    )
    return start, end


@pytest.mark.parametrize(
    ("words", "start", "end"),
    [
        ("today", "03-17 23:00", "03-18 23:00"),
        ("yesterday", "03-16 23:00", "03-17 23:00"),
        ("this morning", "03-18 05:00", "03-18 11:00"),
        ("since 14:00", "03-18 13:00", "03-18 15:30"),
        ("since 16:15", "03-18 15:15", "03-18 15:30"),  # 16:30 there
        ("from 9 to 11", "03-18 08:00", "03-18 10:00"),
        ("this week", "03-15 23:00", "03-22 23:00"),
        ("before yesterday", None, "03-16 23:00"),
        ("on 17 March", "03-16 23:00", "03-17 23:00"),
        ("in the last hour", "03-18 14:30", "03-18 15:30"),
    ],
)
def test_days_and_clocks_are_those_of_the_zone(words: str, start: str | None, end: str) -> None:
    assert times(words, "2026-03-18T15:30:00Z", BERLIN) == (start, end)


@pytest.mark.parametrize(
    ("words", "start", "end"),
    [
        ("today", "03-28 23:00", "03-29 22:00"),  # 23 hours
        ("yesterday", "03-27 23:00", "03-28 23:00"),
        ("this morning", "03-29 04:00", "03-29 10:00"),
        ("Sunday night", "03-28 23:00", "03-29 04:00"),  # 5 hours
        ("since midnight", "03-28 23:00", "03-29 15:30"),
        ("since 1:30", "03-29 00:30", "03-29 15:30"),
        ("since 3:30", "03-29 01:30", "03-29 15:30"),
        ("in the last 24 hours", "03-28 15:30", "03-29 15:30"),
        ("this week", "03-22 23:00", "03-29 22:00"),
    ],
)
def test_the_day_that_clocks_go_forward_is_short(words: str, start: str, end: str) -> None:
    assert times(words, "2026-03-29T15:30:00Z", BERLIN) == (start, end)


@pytest.mark.parametrize(
    ("words", "start", "end"),
    [
        ("today", "10-24 22:00", "10-25 23:00"),  # 25 hours
        ("this morning", "10-25 05:00", "10-25 11:00"),
        ("Sunday night", "10-24 22:00", "10-25 05:00"),  # 7 hours
        ("since midnight", "10-24 22:00", "10-25 15:30"),
        ("from 1:00 to 4:00", "10-24 23:00", "10-25 03:00"),
        ("yesterday", "10-23 22:00", "10-24 22:00"),
    ],
)
def test_the_day_that_clocks_go_back_is_long(words: str, start: str, end: str) -> None:
    assert times(words, "2026-10-25T15:30:00Z", BERLIN) == (start, end)


def test_today_may_be_another_day_elsewhere() -> None:
    late = "2026-03-18T23:30:00Z"
    assert times("today", late, UTC) == ("03-18 00:00", "03-19 00:00")
    assert times("today", late, BERLIN) == ("03-18 23:00", "03-19 23:00")
    auckland = ZoneInfo("Pacific/Auckland")
    assert times("on Thursday", late, auckland) == ("03-18 11:00", "03-19 11:00")


def test_what_is_tomorrow_there_is_refused() -> None:
    understand("requests since 2026-03-19", ROUTES, instant("2026-03-18T23:30:00Z"), BERLIN)
    with pytest.raises(NotUnderstood, match=r"past|future"):
        understand("requests since 2026-03-19", ROUTES, instant("2026-03-18T22:30:00Z"), BERLIN)
