"""The door: who gets in, and that unknown paths stay true 404s."""

from __future__ import annotations

import os
import time
from pathlib import Path
from urllib.parse import parse_qs, urlencode, urlsplit

import pytest
from flask import Flask
from flask.testing import FlaskClient

from api.door import LINKS, new_login_link
from app import create_app
from settings import Settings
from tests.people import sign_in, sign_out
from tests.server import TOKEN

CLOSED = ["/api/stats", "/api/logs", "/api/anomalies", "/api/analytics/endpoint/x"]
OPEN = ["/healthz", "/health", "/auth/login"]


@pytest.fixture
def guarded(tmp_path: Path) -> Flask:
    return create_app(
        Settings(data_dir=tmp_path, api_token=TOKEN, admin_password="right horse", _env_file=None)
    )


@pytest.mark.parametrize("path", CLOSED)
def test_a_stranger_gets_401_and_is_told_how_to_come_in(stranger: FlaskClient, path: str) -> None:
    answer = stranger.get(path)
    assert answer.status_code == 401
    assert answer.headers["WWW-Authenticate"].startswith("Bearer")
    assert answer.get_json()["error"]["code"] == "unauthorized"


@pytest.mark.parametrize("path", OPEN)
def test_the_short_list_is_open(stranger: FlaskClient, path: str) -> None:
    assert stranger.get(path).status_code == 200


@pytest.mark.parametrize(
    "path", ["/dashboard/", "/dashboard/analytics", "/dashboard/_dash-layout", "/dashboard/x/y"]
)
def test_a_stranger_is_led_from_pages_to_the_login(stranger: FlaskClient, path: str) -> None:
    answer = stranger.get(path)
    assert answer.status_code == 302
    target = urlsplit(answer.location)
    assert (target.path, parse_qs(target.query)["next"]) == ("/auth/login", [path])


def test_a_stranger_can_run_no_callback(stranger: FlaskClient) -> None:
    assert stranger.post("/dashboard/_dash-update-component", json={}).status_code == 401


@pytest.mark.parametrize(
    "header",
    ["Bearer wrong", "Bearer ", "bearer", f"Basic {TOKEN}", f"Bearer {TOKEN}x", "Bearer é"],
)
def test_a_wrong_token_stays_outside(stranger: FlaskClient, header: str) -> None:
    assert stranger.get("/api/stats", headers={"Authorization": header}).status_code == 401


def test_the_token_opens_rest_and_pages(client: FlaskClient) -> None:
    assert client.get("/api/stats").status_code == 200
    assert client.get("/dashboard/").status_code == 200


def test_without_a_configured_token_an_empty_one_opens_nothing(tmp_path: Path) -> None:
    app = create_app(Settings(data_dir=tmp_path, _env_file=None))
    for header in ("Bearer ", "Bearer"):
        answer = app.test_client().get("/api/stats", headers={"Authorization": header})
        assert answer.status_code == 401


def test_the_right_password_lets_in_and_out(guarded: Flask) -> None:
    person = guarded.test_client()
    refused = sign_in(person, "wrong horse")
    assert refused.status_code == 401
    assert person.get("/api/stats").status_code == 401
    entered = sign_in(person, "right horse", address="/auth/login?next=/dashboard/models")
    assert (entered.status_code, entered.location) == (302, "/dashboard/models")
    assert person.get("/api/stats").status_code == 200
    sign_out(person)
    assert person.get("/api/stats").status_code == 401


def test_without_a_password_no_password_lets_in(stranger: FlaskClient) -> None:
    assert 'name="password"' not in stranger.get("/auth/login").text
    assert sign_in(stranger, "").status_code == 400, "there is no form to send"


@pytest.mark.parametrize(
    "target", ["//evil.example", "https://evil.example", "/\\evil.example", "javascript:x", "/a\nb"]
)
def test_the_login_leads_nowhere_else(guarded: Flask, target: str) -> None:
    address = f"/auth/login?{urlencode({'next': target})}"
    answer = sign_in(guarded.test_client(), "right horse", address=address)
    assert answer.location == "/dashboard/"


def test_a_login_link_works_once(app: Flask, tmp_path: Path) -> None:
    link = urlsplit(new_login_link(Settings(data_dir=tmp_path, _env_file=None)))
    first, second = app.test_client(), app.test_client()
    assert first.get(f"{link.path}?{link.query}").status_code == 302
    assert first.get("/api/stats").status_code == 200
    assert second.get(f"{link.path}?{link.query}").status_code == 401
    assert second.get("/api/stats").status_code == 401


def test_who_only_looks_at_a_login_link_does_not_use_it_up(app: Flask, tmp_path: Path) -> None:
    link = urlsplit(new_login_link(Settings(data_dir=tmp_path, _env_file=None)))
    person = app.test_client()
    person.head(f"{link.path}?{link.query}")
    assert person.get(f"{link.path}?{link.query}").status_code == 302


def test_a_link_is_worth_nothing_once_there_is_a_password(guarded: Flask, tmp_path: Path) -> None:
    link = urlsplit(new_login_link(Settings(data_dir=tmp_path, _env_file=None)))
    assert guarded.test_client().get(f"{link.path}?{link.query}").status_code == 401


@pytest.mark.parametrize(
    "path",
    [
        "/dashboard/_favicon.icoX",
        "/dashboard/_favicon.ico/page",
        "/dashboard/_dash-component-suites/x",
        "/dashboard/assets",
    ],
)
def test_what_looks_like_a_static_file_but_is_none_is_closed(
    stranger: FlaskClient, path: str
) -> None:
    assert stranger.get(path).status_code == 302


def test_each_server_of_a_folder_prints_a_link_that_works(app: Flask, tmp_path: Path) -> None:
    settings = Settings(data_dir=tmp_path, _env_file=None)
    for link in [urlsplit(new_login_link(settings)) for _ in range(2)]:
        assert app.test_client().get(f"{link.path}?{link.query}").status_code == 302


def test_a_link_of_two_days_ago_is_no_longer_valid(app: Flask, tmp_path: Path) -> None:
    link = urlsplit(new_login_link(Settings(data_dir=tmp_path, _env_file=None)))
    (stored,) = (tmp_path / LINKS).iterdir()
    os.utime(stored, (time.time() - 2 * 86_400,) * 2)
    assert app.test_client().get(f"{link.path}?{link.query}").status_code == 401


def test_the_token_of_a_link_is_stored_only_as_a_hash(tmp_path: Path) -> None:
    link = new_login_link(Settings(data_dir=tmp_path, _env_file=None))
    token = parse_qs(urlsplit(link).query)["token"][0]
    (stored,) = (tmp_path / LINKS).iterdir()
    assert token not in stored.name + stored.read_text()
    assert stored.stat().st_mode & 0o777 == 0o600


@pytest.mark.parametrize(
    "headers",
    [{"Sec-Fetch-Site": "cross-site"}, {"Sec-Fetch-Site": "same-site"}, {"Origin": "http://evil"}],
    ids=str,
)
def test_another_site_can_not_act_with_the_cookie(guarded: Flask, headers: dict[str, str]) -> None:
    person = guarded.test_client()
    sign_in(person, "right horse")
    assert sign_out(person, headers=headers).status_code == 403
    assert person.get("/api/stats").status_code == 200


def test_a_session_of_another_key_is_no_session(guarded: Flask, tmp_path: Path) -> None:
    other = create_app(
        Settings(data_dir=tmp_path / "other", admin_password="right horse", _env_file=None)
    )
    person = other.test_client()
    sign_in(person, "right horse")
    cookie = person.get_cookie("foresight_session")
    assert cookie is not None
    forger = guarded.test_client()
    forger.set_cookie("foresight_session", cookie.value)
    assert forger.get("/api/stats").status_code == 401


@pytest.mark.parametrize("path", ["/wp-login.php", "/api/nothing", "/dashboardx", "/auth"])
def test_an_unknown_path_is_a_true_404_before_any_login(stranger: FlaskClient, path: str) -> None:
    assert stranger.get(path).status_code == 404


def test_another_method_of_a_known_path_is_405(stranger: FlaskClient) -> None:
    assert stranger.delete("/search").status_code == 405


def test_the_root_leads_to_the_dashboard(stranger: FlaskClient) -> None:
    assert stranger.get("/").location == "/dashboard/"
