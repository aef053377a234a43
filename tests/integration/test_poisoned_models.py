"""Files that somebody else puts among the models: never loaded, and the version before goes on."""

from __future__ import annotations

import hashlib
import io
import json
import os
import shutil
from pathlib import Path
from typing import Any

import joblib
import pytest
from flask import Flask
from flask.testing import FlaskClient

from jobs.runtime import EXTENSION, FACTORY_MODELS, Foresight, model_key
from ml.bundle import Bundle
from ml.registry import POINTER_FILE, ModelError, Models
from ml.version_files import BUNDLE_FILE, MANIFEST_FILE, SIGNATURE

SUMMARY = {"created_at": "2026-03-18T15:30:00+00:00"}
KEY = model_key("session key of the tests")


class Trap:
    """Unpickling it leaves a trace."""

    def __init__(self, trace: Path) -> None:
        self.trace = trace

    def __reduce__(self) -> tuple[Any, ...]:
        return (os.mkdir, (str(self.trace),))


def poison(trace: Path) -> bytes:
    buffer = io.BytesIO()
    joblib.dump(Trap(trace), buffer)
    return buffer.getvalue()


def plant(folder: Path, like: Path, trace: Path, **more: Any) -> None:
    """A version with a manifest that fits: what somebody can write who knows how they are made."""
    folder.mkdir(parents=True, exist_ok=True)
    data = poison(trace)
    manifest = json.loads((like / MANIFEST_FILE).read_bytes())
    manifest |= {"sha256": hashlib.sha256(data).hexdigest(), "bytes": len(data), **more}
    (folder / BUNDLE_FILE).write_bytes(data)
    (folder / MANIFEST_FILE).write_text(json.dumps(manifest))


def bundle(mark: str) -> Bundle:
    """A bundle without models: the registry does not look inside."""
    return Bundle({mark: None}, None)  # type: ignore[dict-item, arg-type]


@pytest.fixture
def models(tmp_path: Path) -> Models:
    """A version of one's own before the current one."""
    found = Models(tmp_path / "models", tmp_path / "factory", KEY)
    found.save(bundle("a"), SUMMARY)
    found.save(bundle("b"), SUMMARY)
    return found


@pytest.fixture
def trace(tmp_path: Path) -> Path:
    return tmp_path / "trace"


def other_key(folder: Path, manifest: dict[str, Any]) -> None:
    made = Models(folder.parent / "elsewhere", folder.parent, b"another key")
    version = made.save(bundle("x"), SUMMARY)
    manifest[SIGNATURE] = json.loads((made.directory / version / MANIFEST_FILE).read_bytes())[
        SIGNATURE
    ]


@pytest.mark.parametrize("signature", ["of the version before", "none", "no text", "forged"])
def test_a_planted_version_never_runs_and_the_version_before_goes_on(
    models: Models, trace: Path, signature: str, caplog: pytest.LogCaptureFixture
) -> None:
    version, served = models.current()
    folder = models.directory / version
    more: dict[str, Any] = {"none": {}, "no text": {SIGNATURE: 7}}.get(signature, {})
    if signature == "forged":
        other_key(folder, more)
    plant(folder, folder, trace, **more)
    if signature == "none":
        manifest = json.loads((folder / MANIFEST_FILE).read_bytes())
        del manifest[SIGNATURE]
        (folder / MANIFEST_FILE).write_text(json.dumps(manifest))
    for reader in (models, Models(models.directory, models.factory, KEY)):
        name, found = reader.current()
        assert name != version
        assert found == bundle("a") != served
        assert reader.version() == name
    with pytest.raises(ModelError, match="not signed with this installation's key"):
        models.promote(version)
    problems = {found.name: found.problem for found in models.versions()}
    assert "not signed" in str(problems[version])
    assert "not signed" in caplog.text
    assert not trace.exists()


def test_a_version_is_refused_while_a_server_runs_with_it(models: Models, trace: Path) -> None:
    version = models.current()[0]
    (models.directory / version / BUNDLE_FILE).write_bytes(poison(trace))
    assert models.current()[1] == bundle("a")
    assert not trace.exists()


@pytest.mark.parametrize("pointer", ["../planted", "/tmp/planted", "planted/..", "..", "a\\b"])
def test_the_pointer_leads_nowhere_else(
    models: Models, trace: Path, tmp_path: Path, pointer: str
) -> None:
    plant(tmp_path / "planted", models.directory / models.version(), trace)
    before = (models.directory / POINTER_FILE).read_text().split()
    (models.directory / POINTER_FILE).write_text("\n".join([pointer, *before]))
    assert models.current()[1] == bundle("b")
    assert not trace.exists()


def test_a_link_to_another_folder_is_no_version(models: Models, tmp_path: Path) -> None:
    elsewhere = tmp_path / "elsewhere"
    shutil.copytree(models.directory / models.version(), elsewhere)
    os.utime(elsewhere, (0, 0))
    (models.directory / "20200101T000000-00000000").symlink_to(elsewhere)
    (models.directory / ".draft-0").symlink_to(elsewhere)
    assert len(models.versions()) == 2
    with pytest.raises(LookupError):
        models.promote("20200101T000000-00000000")
    models.save(bundle("c"), SUMMARY)
    assert (elsewhere / MANIFEST_FILE).exists()


def test_with_nothing_else_the_factory_goes_on(trace: Path, tmp_path: Path) -> None:
    factory = Models(tmp_path / "factory", tmp_path / "factory")
    factory.save(bundle("factory"), SUMMARY)
    models = Models(tmp_path / "models", tmp_path / "factory", KEY)
    own = models.directory / models.save(bundle("own"), SUMMARY)
    plant(own, own, trace)
    assert models.current()[1] == bundle("factory")
    assert not trace.exists()


def test_nobody_else_may_look_into_the_folder_of_versions(models: Models) -> None:
    assert models.directory.stat().st_mode & 0o777 == 0o700


@pytest.mark.parametrize("name", ["../../x", "..%2f..%2fx", "/etc/passwd", "current", "."])
def test_rest_promotes_no_path(client: FlaskClient, name: str) -> None:
    answer = client.post("/api/models/promote", json={"version": name})
    assert (answer.status_code, answer.get_json()["error"]["details"]["version"]) == (404, name)


def test_the_server_tells_of_a_planted_version_and_goes_on(
    app: Flask, client: FlaskClient, trace: Path
) -> None:
    parts: Foresight = app.extensions[EXTENSION]
    version = parts.models.save(bundle("own"), SUMMARY)
    folder = parts.models.directory / version
    plant(folder, folder, trace)
    listed = client.get("/api/models").get_json()["versions"]
    planted = next(item for item in listed if item["version"] == version)
    assert not planted["current"]
    assert "not signed" in planted["problem"]
    assert parts.models.current()[0] == Models(FACTORY_MODELS, FACTORY_MODELS).version()
    assert not trace.exists()
