"""A whole app on a temporary folder, in this process."""

from __future__ import annotations

import shutil
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest
from flask import Flask
from flask.testing import FlaskClient

from app import create_app
from jobs.access.audited import Doer, note_alone
from jobs.runtime import EXTENSION, FACTORY_MODELS, Foresight
from ml.bundle import Bundle
from ml.registry import Models
from settings import Settings
from store import Store, open_store
from tests import hostile
from tests.nightly_site import TRAINED_NIGHTS, score
from tests.people import PASSWORD
from tests.rows import T0
from tests.server import TOKEN


@contextmanager
def running_app(data_dir: Path, database_url: str = "") -> Iterator[Flask]:
    """An app with an empty store; no thread runs."""
    server = create_app(
        Settings(
            data_dir=data_dir,
            database_url=database_url,
            api_token=TOKEN,
            api_limit=0,
            _env_file=None,
        )
    )
    yield server
    parts: Foresight = server.extensions[EXTENSION]
    parts.journal.close()
    parts.store.close()


@pytest.fixture
def attacked(store_url: str, tmp_path: Path) -> Iterator[Flask]:
    """A whole server on each kind of database, with some rows, behind a trusted proxy."""
    server = create_app(
        Settings(
            data_dir=tmp_path,
            database_url=store_url,
            api_token=TOKEN,
            admin_password=PASSWORD,
            trusted_proxies="127.0.0.1/32",
            api_limit=0,
            demo=True,
            _env_file=None,
        )
    )
    parts: Foresight = server.extensions[EXTENSION]
    hostile.fill(parts.store)
    note_alone(parts, Doer("boss", None, T0), "test")  # the first entry also adds its count
    yield server
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


@pytest.fixture(scope="session")
def factory() -> Bundle:
    """The factory models."""
    return Models(FACTORY_MODELS, FACTORY_MODELS).current()[1]


@pytest.fixture(scope="session")
def scored_site(factory: Bundle, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A database with eight scored nights of a site."""
    file = tmp_path_factory.mktemp("site") / "foresight.db"
    store = open_store(f"sqlite:///{file}")
    score(store, factory, TRAINED_NIGHTS)
    store.close()  # the last one to close leaves everything in the one file
    return file


@pytest.fixture
def site(scored_site: Path, tmp_path: Path) -> Iterator[Store]:
    """A copy of it."""
    file = shutil.copy(scored_site, tmp_path)
    store = open_store(f"sqlite:///{file}")
    yield store
    store.close()
