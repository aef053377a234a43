"""The own log of a real server, and the settings that a server refuses to start with."""

from __future__ import annotations

import io
import json
import logging
import os
import socket
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest
from flask import Flask
from flask.testing import FlaskClient
from sqlalchemy import text
from sqlalchemy.exc import DBAPIError

from api.own_requests import asking
from jobs.own_log import OwnLine
from store import Store
from tests.server import ROOT, TOKEN, Server, free_port, running_server, wait_until

PASSWORD = "Kelp/forest@77-tide"
KEY = "9f8e7d6c5b4a39281706f5e4d3c2b1a0"
API_TOKEN = "Xk7-api-token-0f2c-93ba"
STRONG = {"ADMIN_PASSWORD": PASSWORD, "SECRET_KEY": KEY, "API_TOKEN": API_TOKEN}
BROKEN = "/dashboard/_broken/"


def log_of(server: Server) -> list[dict]:
    """The lines of the file in the data folder."""
    return lines_of((server.data_dir / "logs" / "foresight.log").read_text())


def lines_of(text: str) -> list[dict]:
    return [json.loads(line) for line in text.splitlines()]


def ended(data_dir: Path, **settings: str) -> subprocess.CompletedProcess[str]:
    """A server that is expected not to start."""
    given = {"DATA_DIR": str(data_dir), "PORT": str(free_port())} | settings
    return subprocess.run(
        [sys.executable, str(ROOT / "app.py")],
        env={k: v for k, v in os.environ.items() if not k.startswith("FORESIGHT_")}
        | {f"FORESIGHT_{name}": value for name, value in given.items()},
        cwd=data_dir,
        capture_output=True,
        text=True,
        timeout=60,
    )


@pytest.fixture(scope="module")
def strong_server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Server]:
    """A server with every secret set, which a proxy on this machine stands before."""
    with running_server(
        tmp_path_factory.mktemp("strong"),
        scheduler=0,
        trusted_proxies="127.0.0.1",
        **{name.lower(): value for name, value in STRONG.items()},
    ) as server:
        yield server


def as_admin(server: Server, path: str, **headers: str) -> tuple[int, dict[str, str], bytes]:
    return server.request("GET", path, token=False, Authorization=f"Bearer {API_TOKEN}", **headers)


def test_start_and_refused_logins_are_told_and_no_secret_or_query_is(
    strong_server: Server,
) -> None:
    secret = {"Authorization": "Bearer wrong-token-geheim"}
    strong_server.request("GET", "/api/stats?q=geheim", token=False, **secret)
    strong_server.request("GET", "/auth/login?token=geheim", token=False)
    as_admin(strong_server, "/api/logs?path=geheim")
    wait_until(
        lambda: "a login was refused" in {line["event"] for line in log_of(strong_server)},
        what="the refused login",
    )
    lines = log_of(strong_server)
    assert lines[0]["event"] == "started"
    refused = next(line for line in lines if line["event"] == "a login was refused")
    assert refused["by"] == "token"
    assert len(refused["request_id"]) == 16
    told = strong_server.log.read_text() + json.dumps(lines)
    for hidden in (*STRONG.values(), "geheim"):
        assert hidden not in told


def test_each_of_the_products_own_requests_has_an_id_and_calls_of_the_watched_api_have_none(
    strong_server: Server,
) -> None:
    ids = {as_admin(strong_server, "/api/stats")[1]["x-request-id"] for _ in range(3)}
    assert len(ids) == 3
    assert "x-request-id" in strong_server.request("GET", "/api/stats", token=False)[1]
    for path in ("/health", "/search?q=lamp", "/nothing"):
        assert "x-request-id" not in strong_server.request("GET", path, token=False)[1]


def test_an_id_is_taken_over_from_a_trusted_proxy_alone(
    strong_server: Server, tmp_path: Path
) -> None:
    given = {"X-Request-Id": "from-the-proxy:1"}
    assert as_admin(strong_server, "/healthz", **given)[1]["x-request-id"] == "from-the-proxy:1"
    for forged in ("<script>", "x" * 129, '"}'):
        given = {"X-Request-Id": forged}
        assert as_admin(strong_server, "/healthz", **given)[1]["x-request-id"] != forged
    with running_server(tmp_path, scheduler=0) as server:
        given = {"X-Request-Id": "from-a-stranger"}
        assert server.request("GET", "/healthz", **given)[1]["x-request-id"] != "from-a-stranger"


def test_requests_that_gunicorn_refuses_are_told_without_their_query(
    strong_server: Server,
) -> None:
    with socket.create_connection(("127.0.0.1", strong_server.port), timeout=10) as raw:
        raw.sendall(b"GET /x?token=geheim-in-query HTTP/9.9 nonsense\r\n\r\n")
        assert raw.recv(100)
    wait_until(
        lambda: "Invalid" in str(log_of(strong_server)) or "x?..." in str(log_of(strong_server)),
        what="the refused request",
    )
    assert "geheim-in-query" not in strong_server.log.read_text()


def test_a_mock_endpoint_leaves_no_line(strong_server: Server) -> None:
    before = len(log_of(strong_server))
    for path in ("/health", "/search?q=lamp", "/nothing", "/search?page=none"):
        strong_server.request("GET", path, token=False)
    as_admin(strong_server, "/api/stats")
    assert len(log_of(strong_server)) == before


@pytest.fixture
def told(app: Flask) -> Iterator[io.StringIO]:
    """The log of an app that has a route which fails."""

    def broken(said: str) -> str:
        raise RuntimeError(f"it broke at {said}")

    app.add_url_rule(f"{BROKEN}<path:said>", "home.broken", broken)
    out = io.StringIO()
    handler = logging.StreamHandler(out)
    handler.setFormatter(OwnLine([TOKEN], asking))
    logging.getLogger().addHandler(handler)
    yield out
    logging.getLogger().removeHandler(handler)


def test_an_error_has_one_id_in_the_answer_in_the_log_and_on_the_page(
    client: FlaskClient, told: io.StringIO
) -> None:
    answer = client.get(f"{BROKEN}a%0D%1B%7B%22level%22%3A1%7D?secret=geheim")
    assert answer.status_code == 500
    found = answer.get_json()["error"]["details"]["request_id"]
    assert answer.headers["X-Request-Id"] == found
    lines = lines_of(told.getvalue())
    assert {line["request_id"] for line in lines} == {found}
    traceback = next(line for line in lines if "error" in line)
    assert "RuntimeError: it broke at a" in traceback["error"]
    assert traceback["user"] == "API token"
    failed = lines[-1]
    assert (failed["event"], failed["status"], failed["method"]) == ("request failed", 500, "GET")
    assert failed["path"] == f'{BROKEN}a\r\x1b{{"level":1}}'
    assert "geheim" not in told.getvalue()
    page = client.get(f"{BROKEN}x", headers={"Accept": "text/html"})
    assert page.headers["X-Request-Id"] in page.text


def test_a_message_of_an_error_never_reaches_who_asked(
    client: FlaskClient, told: io.StringIO
) -> None:
    assert "it broke" not in client.get(f"{BROKEN}x").text
    assert "it broke" in told.getvalue()


def test_an_error_of_a_statement_does_not_tell_its_parameters(store: Store) -> None:
    with pytest.raises(DBAPIError) as failed, store.begin() as connection:
        connection.execute(text("SELECT * FROM no_such_table WHERE x = :x"), {"x": "geheim"})
    assert "geheim" not in str(failed.value)
    assert "no_such_table" in str(failed.value)


@pytest.mark.parametrize(
    ("settings", "says"),
    [
        ({}, ["there is no password", "there is no FORESIGHT_SECRET_KEY"]),
        (
            {"ADMIN_PASSWORD": "password1234", "SECRET_KEY": "k" * 40, "API_TOKEN": "tok_12345"},
            ["ADMIN_PASSWORD is easy", "SECRET_KEY has only 1", "API_TOKEN has 9 characters"],
        ),
    ],
)
def test_a_server_that_others_reach_does_not_start_without_good_secrets(
    tmp_path: Path, settings: dict[str, str], says: list[str]
) -> None:
    done = ended(tmp_path, HOST="0.0.0.0", **settings)
    assert done.returncode == 1
    assert "others can reach FORESIGHT_HOST='0.0.0.0'" in done.stderr
    assert [said for said in says if said not in done.stderr] == []
    for secret in settings.values():
        assert secret not in done.stderr + done.stdout


def test_on_this_machine_alone_weak_secrets_are_a_warning(tmp_path: Path) -> None:
    with running_server(tmp_path, scheduler=0, api_token="tok_12345") as server:
        warned = [line["event"] for line in log_of(server) if line["level"] == "warning"]
        assert len(warned) == 1
        assert warned[0].startswith("FORESIGHT_API_TOKEN has 9 characters")
        assert "tok_12345" not in server.log.read_text()


def test_a_public_server_starts_with_good_secrets(tmp_path: Path) -> None:
    given = {name.lower(): value for name, value in STRONG.items()}
    with running_server(tmp_path, scheduler=0, host="0.0.0.0", **given) as server:
        assert server.answers()


@pytest.mark.parametrize(
    "url",
    [
        "postgresql://bob:{}@127.0.0.1:1/x",
        "postgresql+psycopg://bob@127.0.0.1:1/x?password={}",
        "mysql://bob:{}@127.0.0.1/x",
        "postgresql://bob:{}@127.0.0.1:port/x",
    ],
)
def test_the_password_of_a_database_is_in_no_error_of_the_start(tmp_path: Path, url: str) -> None:
    done = ended(tmp_path, DATABASE_URL=url.format("sword%40fish"))
    assert done.returncode == 1
    assert "DATABASE_URL" in done.stderr
    assert "Traceback" not in done.stderr
    for hidden in ("sword%40fish", "sword@fish"):
        assert hidden not in done.stderr + done.stdout


def test_an_unknown_setting_ends_the_start_with_the_near_one(tmp_path: Path) -> None:
    done = ended(tmp_path, API_TOKNE=API_TOKEN)
    assert done.returncode == 1
    assert "did you mean FORESIGHT_API_TOKEN?" in done.stderr
    assert API_TOKEN not in done.stderr
