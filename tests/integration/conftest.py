"""A whole app on a temporary folder, in this process."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest
from flask import Flask
from flask.testing import FlaskClient

from app import create_app
from jobs.runtime import EXTENSION, Foresight
from settings import Settings
from tests.server import TOKEN


@contextmanager
def running_app(data_dir: Path, database_url: str = "") -> Iterator[Flask]:
    """An app with an empty store; no thread runs."""
    server = create_app(
        Settings(data_dir=data_dir, database_url=database_url, api_token=TOKEN, _env_file=None)
    )
    yield server
    parts: Foresight = server.extensions[EXTENSION]
    parts.journal.close()
    parts.store.close()


@pytest.fixture
def app(tmp_path: Path) -> Iterator[Flask]:
    """An app on SQLite."""
    with running_app(tmp_path) as server:
        yield server


@pytest.fixture
def parts(app: Flask) -> Foresight:
    """Store, journal and the rest of `app`."""
    found: Foresight = app.extensions[EXTENSION]
    return found


@pytest.fixture
def stranger(app: Flask) -> FlaskClient:
    """A client without a session or token."""
    return app.test_client()


@pytest.fixture
def client(app: Flask) -> FlaskClient:
    """A client with the bearer token."""
    known = app.test_client()
    known.environ_base["HTTP_AUTHORIZATION"] = f"Bearer {TOKEN}"
    return known
