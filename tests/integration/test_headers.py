"""What browsers are told, and which other sites may ask."""

from __future__ import annotations

from pathlib import Path

import pytest
from flask import Flask
from flask.testing import FlaskClient

from app import create_app
from jobs.access.roles import Role
from settings import Settings
from tests.people import PASSWORD, newcomer, sign_in
from tests.server import TOKEN

OPS = "https://ops.example.com"
PAGES = ["/dashboard/", "/auth/login", "/api/docs", "/api/stats", "/nothing", "/metrics"]


def server(folder: Path, **options: object) -> Flask:
    settings = Settings(data_dir=folder, api_token=TOKEN, _env_file=None, **options)  # type: ignore[arg-type]
    return create_app(settings)


def policy(client: FlaskClient, path: str) -> dict[str, list[str]]:
    """Directive -> sources."""
    text = client.get(path).headers["Content-Security-Policy"]
    parts = [rule.strip().split(" ") for rule in text.split(";")]
    return {name: values for name, *values in parts}


@pytest.mark.parametrize("path", PAGES)
def test_every_answer_tells_browsers_what_to_refuse(client: FlaskClient, path: str) -> None:
    headers = client.get(path).headers
    assert headers["X-Content-Type-Options"] == "nosniff"
    assert headers["X-Frame-Options"] == "DENY"
    assert headers["Referrer-Policy"] == "same-origin"
    assert "frame-ancestors 'none'" in headers["Content-Security-Policy"]
    assert "Strict-Transport-Security" not in headers, "it came without TLS"


@pytest.mark.parametrize("path", ["/dashboard/", "/dashboard/models", "/auth/login", "/api/docs"])
def test_pages_run_no_script_of_others_and_none_made_of_text(
    client: FlaskClient, path: str
) -> None:
    scripts = policy(client, path)["script-src"]
    assert scripts[0] == "'self'"
    assert all(source.startswith("'sha256-") for source in scripts[1:])
    assert policy(client, path)["object-src"] == ["'none'"]
    assert policy(client, path)["base-uri"] == ["'none'"]


def test_data_are_kept_by_no_cache(client: FlaskClient) -> None:
    for path in ("/api/stats", "/api/logs", "/dashboard/_dash-layout", "/auth/login"):
        assert "no-store" in client.get(path).headers["Cache-Control"], path


def test_the_cookie_is_for_this_site_and_no_script(app: Flask) -> None:
    person = app.test_client()
    newcomer(app, Role.VIEWER)
    (cookie,) = [
        value
        for value in sign_in(person, PASSWORD, "ann").headers.getlist("Set-Cookie")
        if value.startswith("foresight_session=")
    ]
    assert "HttpOnly" in cookie
    assert "SameSite=Lax" in cookie
    assert "Secure" not in cookie


def test_behind_a_proxy_with_tls_cookies_are_secure_and_browsers_stay(tmp_path: Path) -> None:
    app = server(tmp_path, trusted_proxies="127.0.0.1", admin_password=PASSWORD)
    person = app.test_client()
    person.environ_base["HTTP_X_FORWARDED_PROTO"] = "https"
    person.environ_base["HTTP_REFERER"] = "https://localhost/auth/login"
    answer = sign_in(person, PASSWORD)
    assert answer.status_code == 302
    assert all("Secure" in value for value in answer.headers.getlist("Set-Cookie"))
    assert answer.headers["Strict-Transport-Security"].startswith("max-age=31536000")
    assert person.get("/dashboard/").headers.getlist("Set-Cookie")


def test_a_stranger_who_claims_tls_or_an_address_is_not_believed(tmp_path: Path) -> None:
    person = server(tmp_path, admin_password=PASSWORD).test_client()
    person.environ_base["HTTP_X_FORWARDED_PROTO"] = "https"
    assert "Strict-Transport-Security" not in person.get("/auth/login").headers


def test_other_sites_are_told_nothing(client: FlaskClient) -> None:
    answer = client.get("/api/stats", headers={"Origin": OPS})
    assert not [name for name in answer.headers.keys() if name.startswith("Access-Control")]  # noqa: SIM118


def test_sites_of_the_list_may_ask_with_a_token(tmp_path: Path) -> None:
    client = server(tmp_path, cors_origins=f"{OPS},http://127.0.0.1:3000").test_client()
    asked = {"Origin": OPS, "Access-Control-Request-Method": "GET"}
    asked["Access-Control-Request-Headers"] = "authorization"
    allowed = client.options("/api/stats", headers=asked)
    assert allowed.headers["Access-Control-Allow-Origin"] == OPS
    assert "authorization" in allowed.headers["Access-Control-Allow-Headers"].lower()
    assert "Access-Control-Allow-Credentials" not in allowed.headers, "never with a cookie"
    told = client.get("/api/stats", headers={"Origin": OPS, "Authorization": f"Bearer {TOKEN}"})
    assert (told.status_code, told.headers["Access-Control-Allow-Origin"]) == (200, OPS)
    for other in ("https://evil.example", f"{OPS}.evil.example", "null", "http://127.0.0.1:3001"):
        headers = client.get("/api/stats", headers={"Origin": other}).headers
        assert "Access-Control-Allow-Origin" not in headers, other
    page = client.get("/dashboard/", headers={"Origin": OPS})
    assert "Access-Control-Allow-Origin" not in page.headers


@pytest.mark.parametrize(
    "wrong", ["*", "ops.example.com", f"{OPS}/", f"{OPS}/x", "ftp://x", "null"]
)
def test_what_is_no_origin_is_refused(wrong: str) -> None:
    with pytest.raises(ValueError, match="is no origin"):
        Settings(cors_origins=wrong, _env_file=None)  # type: ignore[arg-type]
