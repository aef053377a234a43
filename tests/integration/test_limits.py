"""Limits: how often somebody may ask, and how much at a time."""

from __future__ import annotations

from pathlib import Path

import pytest
from flask import Flask

from app import create_app
from jobs.access import people
from jobs.access.audited import Doer
from jobs.access.roles import Role, Scope
from jobs.access.throttle import ACCOUNT, ADDRESS, FREE, LONGEST_S, MOST, Throttle
from jobs.runtime import EXTENSION, Foresight
from settings import Settings
from tests.server import TOKEN


def server(folder: Path, **options: int) -> Flask:
    return create_app(Settings(data_dir=folder, api_token=TOKEN, _env_file=None, **options))  # type: ignore[arg-type]


def statuses(app: Flask, path: str, number: int, token: str = "", **environ: str) -> list[int]:
    client = app.test_client()
    if token:
        client.environ_base["HTTP_AUTHORIZATION"] = f"Bearer {token}"
    client.environ_base.update(environ)
    return [client.get(path).status_code for _ in range(number)]


def test_a_token_may_ask_so_often_a_second_and_no_more(tmp_path: Path) -> None:
    app = server(tmp_path, api_limit=20)
    parts: Foresight = app.extensions[EXTENSION]
    other = people.create_token(parts, Doer("boss", None, 1), "a", Role.VIEWER, Scope.ALL, None)
    one = people.create_token(parts, Doer("boss", None, 1), "a", Role.VIEWER, Scope.ALL, None)
    statuses(app, "/api/docs", 1, one)  # the first takes longer
    found = statuses(app, "/api/docs", 60, one)
    assert found[:15] == [200] * 15
    assert 429 in found
    assert statuses(app, "/api/docs", 3, other) == [200] * 3, "one of the same name has its own"


def test_too_many_requests_are_told_when_to_come_again(tmp_path: Path) -> None:
    app = server(tmp_path, api_limit=1)
    client = app.test_client()
    client.environ_base["HTTP_AUTHORIZATION"] = f"Bearer {TOKEN}"
    answers = [client.get("/api/docs") for _ in range(6)]
    (refused, *_) = [answer for answer in answers if answer.status_code == 429]
    assert refused.headers["Retry-After"] == "1"
    assert refused.get_json()["error"]["code"] == "too_many_requests"
    assert "more than 1 requests a second" in refused.get_json()["error"]["message"]


def test_guesses_of_tokens_are_counted_by_address(tmp_path: Path) -> None:
    app = server(tmp_path, api_limit=20)
    guesses = [
        app.test_client()
        .get("/api/stats", headers={"Authorization": f"Bearer guess-{n}"})
        .status_code
        for n in range(60)
    ]
    assert set(guesses) == {401, 429}
    elsewhere = statuses(app, "/api/stats", 1, REMOTE_ADDR="10.9.9.9")
    assert elsewhere == [401]


def test_health_and_the_mock_endpoints_have_no_limit_unless_it_is_set(tmp_path: Path) -> None:
    app = server(tmp_path, api_limit=5)
    assert set(statuses(app, "/healthz", 40)) == {200}
    assert set(statuses(app, "/health", 40)) == {200}


def test_mock_endpoints_are_limited_by_address_where_it_is_set(tmp_path: Path) -> None:
    app = server(tmp_path, mock_limit=5)
    found = statuses(app, "/health", 40)
    assert found[:5] == [200] * 5
    assert 429 in found
    assert statuses(app, "/health", 3, REMOTE_ADDR="10.1.1.1") == [200] * 3


class Clock:
    def __init__(self) -> None:
        self.now = 0.0

    def __call__(self) -> float:
        return self.now


def test_the_delay_after_wrong_logins_doubles() -> None:
    clock = Clock()
    throttle = Throttle(clock)
    key = (ADDRESS, "10.0.0.1")
    waits = []
    for _ in range(FREE + 14):
        throttle.refuse(key)
        waits.append(throttle.wait_s(key))
        clock.now += throttle.wait_s(key)
    assert waits[:FREE] == [0.0] * FREE
    assert waits[FREE : FREE + 5] == [1, 2, 4, 8, 16]
    assert max(waits) == LONGEST_S[ADDRESS]


def test_whoever_knows_a_name_keeps_its_owner_out_for_a_minute_at_most() -> None:
    throttle = Throttle(Clock())
    for number in range(1000):
        throttle.refuse((ADDRESS, f"10.0.0.{number}"), (ACCOUNT, "ann"))
    assert throttle.wait_s((ADDRESS, "10.7.7.7"), (ACCOUNT, "ann")) == LONGEST_S[ACCOUNT] == 60


def test_a_right_login_and_an_hour_end_the_delay() -> None:
    clock = Clock()
    throttle = Throttle(clock)
    key = (ACCOUNT, "ann")
    for _ in range(FREE + 3):
        throttle.refuse(key)
    throttle.forgive(key)
    assert throttle.wait_s(key) == 0
    for _ in range(FREE + 3):
        throttle.refuse(key)
    clock.now += 3_700
    throttle.refuse(key)
    assert throttle.wait_s(key) == 0


def test_millions_of_addresses_take_bounded_memory() -> None:
    throttle = Throttle(Clock())
    for number in range(MOST + 5_000):
        throttle.refuse((ADDRESS, str(number)))
    assert len(throttle._refused) == MOST


@pytest.mark.parametrize("path", ["/api/admin/query", "/api/alerts/acknowledge", "/api/feedback"])
def test_a_body_that_is_too_long_is_refused(tmp_path: Path, path: str) -> None:
    client = server(tmp_path, api_limit=0).test_client()
    headers = {"Authorization": f"Bearer {TOKEN}", "Content-Type": "application/json"}
    answer = client.post(path, data=b'{"query": "' + b"x" * 2_000_000 + b'"}', headers=headers)
    assert answer.status_code == 413
