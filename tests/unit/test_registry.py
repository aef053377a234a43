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
from ml.registry import KEPT_VERSIONS, LOCK_FILE, POINTER_FILE, YOUNG_S, ModelError, Models
from ml.version_files import BUNDLE_FILE, MANIFEST_FILE

SUMMARY = {"created_at": "2026-03-18T15:30:00+00:00", "windows": {"endpoint": 12, "client": 30}}


@pytest.fixture
def models(tmp_path: Path) -> Models:
    return Models(tmp_path / "models", tmp_path / "factory")


def manifest_of(models: Models, version: str) -> dict[str, Any]:
    found: dict[str, Any] = json.loads((models.directory / version / MANIFEST_FILE).read_bytes())
    return found


def bundle(mark: str = "") -> Bundle:
    """A bundle without models: the registry does not look inside."""
    return Bundle({mark: None}, None)  # type: ignore[dict-item, arg-type]


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
    names = {path.name for path in models.directory.iterdir()}
    assert names == {models.current()[0], POINTER_FILE, LOCK_FILE}


@pytest.fixture
def three(models: Models) -> tuple[str, str, str]:
    """The factory's version and two of one's own, the later one current."""
    factory = Models(models.factory, models.factory).save(bundle("factory"), at(1))
    return factory, models.save(bundle("a"), at(2)), models.save(bundle("b"), at(3))


def at(day: int) -> dict[str, Any]:
    return {"created_at": f"2026-03-{day:02d}T15:30:00+00:00"}


def test_versions_are_listed_newest_first_the_factory_last(
    models: Models, three: tuple[str, str, str]
) -> None:
    factory, a, b = three
    found = models.versions()
    assert [version.name for version in found] == [b, a, factory]
    assert [version.is_current for version in found] == [True, False, False]
    assert [version.is_factory for version in found] == [False, False, True]
    assert found[1].manifest == manifest_of(models, a)


def test_a_version_whose_manifest_is_broken_is_listed_with_its_problem(
    models: Models, three: tuple[str, str, str]
) -> None:
    (models.directory / three[1] / MANIFEST_FILE).write_text("{")
    broken = models.versions()[1]
    assert (broken.name, broken.manifest) == (three[1], {})
    assert MANIFEST_FILE in str(broken.problem)


def test_without_any_model_there_are_no_versions(models: Models) -> None:
    assert models.versions() == []


def test_a_candidate_is_a_version_but_not_current(
    models: Models, three: tuple[str, str, str]
) -> None:
    candidate = models.save(bundle("c"), at(4), promote=False)
    assert models.current()[0] == three[2]
    assert models.versions()[0].name == candidate
    assert models.promote(candidate) == candidate
    assert models.current() == (candidate, bundle("c"))


def test_a_rollback_leads_back_step_by_step_to_the_factory(
    models: Models, three: tuple[str, str, str]
) -> None:
    factory, a, _ = three
    assert models.rollback() == a
    assert models.current() == (a, bundle("a"))
    assert models.rollback() == factory
    assert models.current() == (factory, bundle("factory"))
    with pytest.raises(LookupError, match=factory):
        models.rollback()


def test_promoting_what_is_current_leaves_the_way_back_as_it_is(
    models: Models, three: tuple[str, str, str]
) -> None:
    models.promote(three[2])
    assert models.rollback() == three[1]


@pytest.mark.parametrize("name", ["factory", "its version"])
def test_the_factory_can_be_promoted_and_left_again(
    models: Models, three: tuple[str, str, str], name: str
) -> None:
    factory, _, b = three
    assert models.promote("factory" if name == "factory" else factory) == factory
    assert models.current() == (factory, bundle("factory"))
    assert [version.is_current for version in models.versions()] == [False, False, True]
    assert models.rollback() == b


@pytest.mark.parametrize("name", ["20260101T000000-00000000", "", ".", "../models", "current"])
@pytest.mark.usefixtures("three")
def test_an_unknown_version_is_quoted_with_the_known_ones(models: Models, name: str) -> None:
    before = models.current()
    with pytest.raises(LookupError) as refused:
        models.promote(name)
    assert repr(name) in str(refused.value)
    assert before[0] in str(refused.value)
    assert models.current() == before


def test_a_changed_version_can_not_be_promoted(
    models: Models, three: tuple[str, str, str], tmp_path: Path
) -> None:
    evil = io.BytesIO()
    joblib.dump(Opened(tmp_path / "trace"), evil)
    (models.directory / three[1] / BUNDLE_FILE).write_bytes(evil.getvalue())
    with pytest.raises(ModelError, match="SHA-256"):
        models.promote(three[1])
    with pytest.raises(ModelError, match="SHA-256"):
        models.rollback()
    assert models.current()[0] == three[2]
    assert not (tmp_path / "trace").exists()


def test_a_rollback_to_a_version_that_is_gone_names_it(
    models: Models, three: tuple[str, str, str]
) -> None:
    (models.directory / three[1] / MANIFEST_FILE).unlink()
    with pytest.raises(LookupError, match=three[1]):
        models.rollback()
    assert models.current()[0] == three[2]


def test_old_versions_go_but_not_the_current_one_nor_the_one_before_it(models: Models) -> None:
    first = models.save(bundle("0"), at(1))
    second = models.save(bundle("1"), at(2))
    for number in range(2, 4 + KEPT_VERSIONS):
        models.save(bundle(str(number)), at(1 + number), promote=False)
    assert len(models.versions()) == 4 + KEPT_VERSIONS  # young ones may be in use
    for folder in models.directory.iterdir():
        os.utime(folder, (0, folder.stat().st_mtime - 2 * YOUNG_S))
    newest = models.save(bundle("last"), at(28), promote=False)
    names = [version.name for version in models.versions()]
    assert names[0] == newest
    assert names[-2:] == [second, first]
    assert len(names) == KEPT_VERSIONS + 2


def test_what_a_killed_process_left_is_no_version_and_goes(models: Models) -> None:
    models.save(bundle("a"), at(1))
    left = models.directory / ".draft-0123"
    left.mkdir()
    (left / MANIFEST_FILE).write_text("{}")
    os.utime(left, (0, 0))
    assert len(models.versions()) == 1
    models.save(bundle("b"), at(2))
    assert not left.exists()


def test_a_save_that_fails_leaves_nothing_behind(models: Models) -> None:
    kept = models.save(bundle("a"), at(1))
    with pytest.raises(TypeError):
        models.save(bundle("b"), {**at(2), 1: "keys of JSON are sorted", "a": 2})
    assert [version.name for version in models.versions()] == [kept]
    assert not list(models.directory.glob(".*"))


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
