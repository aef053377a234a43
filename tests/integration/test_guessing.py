"""Guessing: tokens, one-time links, passwords, cookies, and what opens the live stream."""

from __future__ import annotations

import hashlib
import secrets
import tracemalloc
from collections.abc import Iterator
from pathlib import Path
from urllib.parse import quote, urlsplit

import pytest
from flask import Flask
from flask.testing import FlaskClient
from websockets.exceptions import InvalidStatus
from websockets.sync.client import connect

from api.door import LINKS, new_login_link
from jobs.access import people
from jobs.access.audited import Doer
from jobs.access.register import PREFIX
from jobs.access.roles import Role, Scope
from jobs.access.throttle import ACCOUNT, ADDRESS, FREE
from jobs.runtime import Foresight
from settings import Settings
from store import accounts
from tests.people import PASSWORD, newcomer, page_token, sign_in
from tests.server import TOKEN, Server, running_server

GUESSES = 10_000
BOSS = Doer("boss", None, 1)


@pytest.fixture(scope="module")
def real(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Server]:
    """A real server, for what test clients would tidy up."""
    folder = tmp_path_factory.mktemp("real")
    with running_server(folder, scheduler=0, admin_password=PASSWORD) as server:
        yield server


def status_with(client: FlaskClient, token: str) -> int:
    headers = {"Authorization": f"Bearer {token}"}
    return client.get("/api/stats", headers=headers).status_code


def test_ten_thousand_guessed_tokens_let_nobody_in_and_take_no_memory(
    app: Flask, parts: Foresight
) -> None:
    people.create_token(parts, BOSS, "ci", Role.ADMIN, Scope.ALL, None)
    register = parts.register
    assert register.by_token("x", 1) is None
    tracemalloc.start()
    try:
        before = tracemalloc.get_traced_memory()[0]
        for _ in range(GUESSES):
            assert register.by_token(PREFIX + secrets.token_urlsafe(32), 1) is None
        grown = tracemalloc.get_traced_memory()[0] - before
    finally:
        tracemalloc.stop()
    assert grown < 100_000
    client = app.test_client()
    counted = parts.refused_logins.by_kind().get("token", 0)
    for _ in range(50):
        assert status_with(client, PREFIX + secrets.token_urlsafe(32)) == 401
    assert parts.refused_logins.by_kind()["token"] - counted >= 50


def test_what_is_like_a_token_is_none(app: Flask, parts: Foresight) -> None:
    text = people.create_token(parts, BOSS, "ci", Role.ADMIN, Scope.ALL, None)
    with parts.store.read() as connection:
        (stored,) = accounts.all_tokens(connection)
    client = app.test_client()
    assert status_with(client, text) == 200
    likely = [text[:-1], f"{text}x", text[1:], text.removeprefix(PREFIX), text.lower()]
    likely += [text.upper(), text.swapcase(), stored.hint, stored.digest, f"{text} {text}"]
    likely += [f"{text}\x00", f'"{text}"', f"{text},", text[::-1], PREFIX, "*", "%", "null"]
    likely += [hashlib.sha256(stored.digest.encode()).hexdigest(), text.replace("_", "%5F")]
    for guess in likely:
        assert guess == text or status_with(client, guess) == 401, guess
    for header in (f"Token {text}", text, f"Bearer{text}", f"Bearer={text}", f"Basic {text}"):
        assert client.get("/api/stats", headers={"Authorization": header}).status_code == 401
    assert client.get(f"/api/stats?token={text}&access_token={text}").status_code in (400, 401)
    client.set_cookie("foresight_session", text)
    assert client.get("/api/stats").status_code == 401


def test_a_one_time_link_can_not_be_guessed(app: Flask, tmp_path: Path) -> None:
    link = urlsplit(new_login_link(Settings(data_dir=tmp_path, _env_file=None)))
    token = link.query.removeprefix("token=")
    (stored,) = (tmp_path / LINKS).iterdir()
    guesses = [secrets.token_urlsafe(32) for _ in range(200)]
    guesses += [token[:-1], f"{token}x", token.swapcase(), stored.name, f"../{stored.name}", ".."]
    guesses += [f"../../{LINKS}/{stored.name}", "%00", "\x00", "*", "a" * 5_000, "\ud800"]
    for guess in guesses:
        client = app.test_client()
        address = f"{link.path}?token={quote(guess, safe='', errors='surrogatepass')}"
        assert client.get(address).status_code == 401, guess
        assert client.get("/api/stats").status_code == 401
    assert stored.exists(), "who guesses does not use it up"
    assert app.test_client().get(f"{link.path}?{link.query}").status_code == 302


def test_a_cookie_that_somebody_planted_is_not_the_one_of_the_session(
    app: Flask, parts: Foresight
) -> None:
    people.add_account(parts, BOSS, "ann", Role.VIEWER, PASSWORD)
    attacker, victim = app.test_client(), app.test_client()
    attacker.get("/auth/login")
    planted = attacker.get_cookie("foresight_session")
    assert planted is not None
    victim.set_cookie("foresight_session", planted.value)
    assert sign_in(victim, PASSWORD, "ann").status_code == 302
    own = victim.get_cookie("foresight_session")
    assert own is not None
    assert own.value != planted.value
    assert victim.get("/api/stats").status_code == 200
    assert attacker.get("/api/stats").status_code == 401


def test_guesses_from_many_addresses_wait_for_the_account(app: Flask, parts: Foresight) -> None:
    people.add_account(parts, BOSS, "ann", Role.VIEWER, PASSWORD)
    people.add_account(parts, BOSS, "bob", Role.VIEWER, PASSWORD)
    for number in range(FREE + 8):  # the last one makes all wait for a minute
        parts.throttle.refuse((ADDRESS, f"198.51.100.{number}"), (ACCOUNT, "ann"))
    for name, password in (("Ann", "another guess"), ("ann", PASSWORD), (" ANN ", PASSWORD)):
        guesser = app.test_client()
        guesser.environ_base["REMOTE_ADDR"] = "203.0.113.5"
        assert sign_in(guesser, password, name).status_code == 429
    assert sign_in(app.test_client(), PASSWORD, "bob").status_code == 302


def test_who_signs_in_as_another_loses_the_session_before(app: Flask) -> None:
    newcomer(app, Role.VIEWER, "ann")
    bob = newcomer(app, Role.OPERATOR, "bob")
    before = bob.get_cookie("foresight_session")
    assert before is not None
    assert sign_in(bob, PASSWORD, "ann").status_code == 302
    after = bob.get_cookie("foresight_session")
    assert after is not None
    assert after.value != before.value
    assert bob.post("/api/feedback", json={}, headers=page_token(bob)).status_code == 403


@pytest.mark.parametrize(
    ("headers", "status"),
    [
        ({}, 401),
        ({"Authorization": "Bearer fs_guess"}, 401),
        ({"Cookie": "foresight_session=eyJfdXNlcl9pZCI6IjEuMS4xLjEifQ.Z0000A.AAAA"}, 401),
        ({"Authorization": f"Bearer {TOKEN}", "Origin": "http://evil.example"}, 403),
        ({"Authorization": f"Bearer {TOKEN}", "Origin": "null"}, 403),
        ({"Authorization": f"Bearer {TOKEN}", "Origin": "http://127.0.0.1.evil.example"}, 403),
        ({"Authorization": f"Bearer {TOKEN}", "Origin": "http://127.0.0.1:1"}, 403),
        ({"Sec-WebSocket-Protocol": TOKEN}, 401),
    ],
    ids=str,
)
def test_the_stream_is_for_who_is_known_and_here(
    real: Server, headers: dict[str, str], status: int
) -> None:
    address = real.url.replace("http:", "ws:") + "/ws"
    with pytest.raises(InvalidStatus) as refused, connect(address, additional_headers=headers):
        pass
    assert refused.value.response.status_code == status


def test_a_token_in_the_address_opens_no_stream(real: Server) -> None:
    address = real.url.replace("http:", "ws:") + f"/ws?token={TOKEN}"
    with pytest.raises(InvalidStatus) as refused, connect(address):
        pass
    assert refused.value.response.status_code in (400, 401)
