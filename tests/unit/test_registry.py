"""Model versions on disk: hashes, pointers, several processes."""

from __future__ import annotations

import hashlib
import io
import json
import multiprocessing
import os
import subprocess
import sys
from pathlib import Path
from typing import Any

import joblib
import pytest

from ml.bundle import Bundle
from ml.registry import BUNDLE_FILE, MANIFEST_FILE, POINTER_FILE, ModelError, Models

SUMMARY = {"created_at": "2026-03-18T15:30:00+00:00", "windows": {"endpoint": 12, "client": 30}}


@pytest.fixture
def models(tmp_path: Path) -> Models:
    return Models(tmp_path / "models", tmp_path / "factory")


def manifest_of(models: Models, version: str) -> dict[str, Any]:
    found: dict[str, Any] = json.loads((models.directory / version / MANIFEST_FILE).read_bytes())
    return found


def bundle(mark: str = "") -> Bundle:
    """A bundle without models: the registry does not look inside."""
    return Bundle({mark: None})  # type: ignore[dict-item]


def test_what_was_saved_is_current(models: Models) -> None:
    version = models.save(bundle("a"), SUMMARY)
    assert models.current() == (version, bundle("a"))
    assert Models(models.directory, models.factory).current() == (version, bundle("a"))
    assert version.startswith("20260318T153000-")


def test_the_manifest_says_what_the_bundle_is(models: Models) -> None:
    version = models.save(bundle(), SUMMARY)
    manifest = manifest_of(models, version)
    data = (models.directory / version / BUNDLE_FILE).read_bytes()
    assert manifest["sha256"] == hashlib.sha256(data).hexdigest()
    assert manifest["windows"] == SUMMARY["windows"]
    assert manifest["python"] == ".".join(map(str, sys.version_info[:3]))
    assert set(manifest["libraries"]) == {"scikit-learn", "numpy", "pandas", "joblib"}
    assert models.manifest() == manifest


def test_a_bundle_is_loaded_once(models: Models) -> None:
    models.save(bundle("a"), SUMMARY)
    assert models.current()[1] is models.current()[1]


def test_a_new_version_is_seen_by_who_has_loaded_an_old_one(models: Models) -> None:
    reader = Models(models.directory, models.factory)
    models.save(bundle("a"), SUMMARY)
    assert reader.current()[1] == bundle("a")
    models.save(bundle("b"), SUMMARY)
    assert reader.current()[1] == bundle("b")


def test_without_any_model_the_error_says_how_to_get_one(models: Models) -> None:
    with pytest.raises(ModelError, match="run `flask train`"):
        models.current()


def test_the_factory_serves_until_there_is_an_own_model(models: Models) -> None:
    Models(models.factory, models.factory).save(bundle("factory"), SUMMARY)
    assert models.current()[1] == bundle("factory")
    models.save(bundle("own"), SUMMARY)
    assert models.current()[1] == bundle("own")


class Opened:
    """Unpickling it leaves a trace."""

    def __init__(self, trace: Path) -> None:
        self.trace = trace

    def __reduce__(self) -> tuple[Any, ...]:
        return (os.mkdir, (str(self.trace),))


def test_a_changed_file_is_refused_and_never_unpickled(models: Models, tmp_path: Path) -> None:
    version = models.save(bundle(), SUMMARY)
    file = models.directory / version / BUNDLE_FILE
    evil = io.BytesIO()
    joblib.dump(Opened(tmp_path / "trace"), evil)
    file.write_bytes(evil.getvalue())
    with pytest.raises(ModelError) as refused:
        models.current()
    given, expected = hashlib.sha256(evil.getvalue()).hexdigest(), manifest_of(models, version)
    for part in (str(file), given, expected["sha256"]):
        assert part in str(refused.value)
    assert not (tmp_path / "trace").exists()


@pytest.mark.parametrize(
    ("change", "words"),
    [
        ({"libraries": {"scikit-learn": "0.1"}}, "trained with scikit-learn 0.1, .*flask train"),
        ({"format": -1}, "bundle format -1, .*flask train"),
    ],
)
def test_a_bundle_of_other_software_is_refused(
    models: Models, change: dict[str, Any], words: str
) -> None:
    version = models.save(bundle(), SUMMARY)
    manifest = manifest_of(models, version) | change
    (models.directory / version / MANIFEST_FILE).write_text(json.dumps(manifest))
    with pytest.raises(ModelError, match=words):
        models.current()


@pytest.mark.parametrize("text", ["", "{", "{}", "[]"])
def test_a_broken_manifest_is_named(models: Models, text: str) -> None:
    version = models.save(bundle(), SUMMARY)
    (models.directory / version / MANIFEST_FILE).write_text(text)
    with pytest.raises(ModelError, match=MANIFEST_FILE):
        models.current()


def test_a_pointer_to_nothing_is_an_error_with_the_path(models: Models) -> None:
    models.save(bundle(), SUMMARY)
    (models.directory / POINTER_FILE).write_text("gone")
    with pytest.raises(ModelError, match="gone"):
        models.current()


def test_saving_the_same_bundle_twice_is_one_version(models: Models) -> None:
    assert models.save(bundle("a"), SUMMARY) == models.save(bundle("a"), SUMMARY)
    names = sorted(path.name for path in models.directory.iterdir())
    assert names == [models.current()[0], POINTER_FILE]


def _save_some(directory: Path, number: int) -> None:
    own = Models(directory, directory)
    for turn in range(20):
        own.save(bundle(f"{number}-{turn}"), SUMMARY)
        assert own.current()[1].subjects


def test_several_processes_may_save_and_load_at_once(models: Models) -> None:
    spawn = multiprocessing.get_context("spawn")
    work = [spawn.Process(target=_save_some, args=(models.directory, n)) for n in range(2)]
    for process in work:
        process.start()
    for process in work:
        process.join(60)
    assert [process.exitcode for process in work] == [0, 0]
    assert models.current()[1].subjects.keys() <= {"0-19", "1-19"}
    left = [path.name for path in models.directory.iterdir() if path.name.startswith(".")]
    assert left == []


def test_the_web_side_starts_without_scikit_learn() -> None:
    program = (
        "import sys, ml.features, ml.risk, ml.histogram, ml.registry, ml.bundle\n"
        "assert 'sklearn' not in sys.modules and 'joblib' not in sys.modules"
    )
    subprocess.run([sys.executable, "-c", program], check=True, timeout=60)
