"""The wiring: two apps side by side, and what each request leaves in the log."""

from __future__ import annotations

import threading
from pathlib import Path

import pytest
from flask import Flask
from flask.testing import FlaskClient

from app import create_app, is_own
from ingest.writer import drain
from jobs.runtime import EXTENSION, Foresight
from settings import Settings
from store import lists
from store.lists import Filters
from tests.server import TOKEN


def logged(parts: Foresight) -> list[tuple[str, str, int]]:
    """What is in the store after the journal was drained: endpoint, method, status."""
    drain(parts.store, parts.settings.journal_dir)
    rows = lists.calls_page(parts.store, Filters(), 100).items
    return sorted((row["endpoint"], row["method"], row["status_code"]) for row in rows)


def test_creating_an_app_starts_no_thread(tmp_path: Path) -> None:
    before = threading.active_count()
    create_app(Settings(data_dir=tmp_path, _env_file=None))
    assert threading.active_count() == before


def test_the_store_is_there_before_the_first_answer(app: Flask, tmp_path: Path) -> None:
    assert app.test_client().get("/healthz").status_code == 200
    assert (tmp_path / "foresight.db").exists()


def test_two_apps_in_one_process_have_their_own_store_and_all_callbacks(tmp_path: Path) -> None:
    apps = [
        create_app(Settings(data_dir=tmp_path / name, api_token=TOKEN, _env_file=None))
        for name in ("one", "two")
    ]
    headers = {"Authorization": f"Bearer {TOKEN}"}
    callbacks = []
    for number, server in enumerate(apps):
        client = server.test_client()
        for _ in range(number + 1):
            client.get("/health")
        parts: Foresight = server.extensions[EXTENSION]
        assert len(logged(parts)) == number + 1
        callbacks.append(client.get("/dashboard/_dash-dependencies", headers=headers).get_json())
        assert client.get("/dashboard/", headers=headers).status_code == 200
    assert callbacks[0] == callbacks[1]
    assert len(callbacks[0]) >= 10


def test_every_kind_of_call_is_logged_and_the_products_own_are_not(
    client: FlaskClient, parts: Foresight
) -> None:
    client.get("/search?q=lamp")
    client.post("/login", json={"username": "nobody", "password": "wrong"})
    client.post("/payment", json={})
    client.get("/health")
    client.get("/wp-login.php")
    client.get("/api/unknown")
    client.delete("/payment")
    client.get("/search?page=none")
    for path in ("/", "/dashboard/", "/dashboard/nothing", "/api/stats", "/healthz", "/readyz"):
        client.get(path)
    client.post("/api/stats")
    assert logged(parts) == [
        ("(unmatched)", "GET", 404),
        ("(unmatched)", "GET", 404),
        ("/health", "GET", 200),
        ("/login", "POST", 401),
        ("/payment", "DELETE", 405),
        ("/payment", "POST", 401),
        ("/search", "GET", 200),
        ("/search", "GET", 400),
    ]


@pytest.mark.usefixtures("client")
def test_only_the_mock_shop_is_watched(app: Flask) -> None:
    watched = {rule.rule for rule in app.url_map.iter_rules() if not is_own(rule)}
    assert watched == {"/login", "/payment", "/search", "/health"}
