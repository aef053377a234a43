"""`flask doctor`: each finding that matters, on real files and databases, also where none opens."""

from __future__ import annotations

import http.server
import json
import os
import socket
import subprocess
import sys
import threading
from collections.abc import Callable, Iterator
from contextlib import closing
from pathlib import Path

import pytest

from ingest.journal import Journal
from jobs.doctor import Finding, examine, folder, installation, network, stored
from jobs.doctor.installation import TRAINED_BY
from settings import Settings, settings_from_environment
from store import open_store, writes
from store.tables import SCHEMA_VERSION, meta
from tests.rows import call
from tests.server import ROOT, free_port, running_server, wait_until

NOW = 1_900_000_000_000
SECRET = "sword%40fish"


@pytest.fixture(autouse=True)
def environment(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """A data folder and a port of this test's own, and no other setting."""
    for name in [name for name in os.environ if name.startswith("FORESIGHT_")]:
        monkeypatch.delenv(name)
    tmp_path.chmod(0o700)
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("FORESIGHT_DATA_DIR", str(tmp_path))
    monkeypatch.setenv("FORESIGHT_PORT", str(free_port()))


@pytest.fixture
def filled(tmp_path: Path) -> Path:
    """A store with one call, in the data folder."""
    store = open_store(f"sqlite:///{tmp_path / 'foresight.db'}")
    with store.begin() as connection:
        writes.add_calls(connection, [call(NOW - 1_000)], store.grid)
    store.close()
    return tmp_path / "foresight.db"


def found(check: str, now: int = NOW) -> Finding:
    """What one of the checks says."""
    settings = settings_from_environment()
    single: dict[str, Callable[[], Finding | None]] = {
        ".env": folder.env_file,
        "data folder": lambda: folder.data_folder(settings),
        "secret key": lambda: folder.secret_key(settings),
        "disk": lambda: folder.disk(settings),
        "secrets": lambda: network.secrets(settings),
        "address": lambda: network.address(settings),
        "port": lambda: network.port(settings),
        "models": lambda: installation.models(settings),
    }
    of_store = stored.findings(settings, now) if check not in single else ()
    finding = single[check]() if check in single else next(f for f in of_store if f.check == check)
    assert finding is not None
    assert finding.check == check
    return finding


def doctor(*arguments: str) -> subprocess.CompletedProcess[str]:
    """The command as a user starts it."""
    return subprocess.run(
        [sys.executable, "-m", "flask", "--app", str(ROOT / "app.py"), "doctor", *arguments],
        capture_output=True,
        text=True,
        timeout=120,
    )


def test_nothing_fails_in_a_new_place_and_nothing_is_made_there(tmp_path: Path) -> None:
    findings = examine(NOW)
    assert [finding for finding in findings if finding.state == "fail"] == []
    assert "not there yet" in found("store").seen
    assert list(tmp_path.iterdir()) == []


def test_a_running_server_is_found_well(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    with running_server(tmp_path) as server:
        monkeypatch.setenv("FORESIGHT_PORT", str(server.port))
        wait_until(lambda: found("jobs", server.started_ms).state == "ok", what="the scheduler")
        findings = {finding.check: finding for finding in examine(server.started_ms)}
    assert findings["port"].seen == f"a Foresight answers at {server.url}"
    for check in ("store", "damage", "windows", "clock", "journal", "losses", "models"):
        assert findings[check].state == "ok", findings[check]
    assert findings["data folder"].state == findings["secret key"].state == "ok"


def test_the_command_ends_with_1_when_the_store_can_not_be_opened(filled: Path) -> None:
    filled.write_bytes(b"no database at all" * 1_000)
    done = doctor()
    assert done.returncode == 1
    assert "fail  damage" in done.stdout
    assert "->" in done.stdout, "it says what to do"
    assert "Traceback" not in done.stdout + done.stderr


def test_the_command_prints_json_for_wrong_settings_and_for_right_ones(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    done = doctor("--json")
    assert done.returncode == 0, done.stdout
    assert {finding["check"] for finding in json.loads(done.stdout)} >= {"python", "store", "disk"}
    monkeypatch.setenv("FORESIGHT_PROT", SECRET)
    done = doctor("--json")
    assert done.returncode == 1
    (failed,) = [one for one in json.loads(done.stdout) if one["state"] == "fail"]
    assert "did you mean FORESIGHT_PORT?" in failed["seen"]
    assert SECRET not in done.stdout + done.stderr


def test_a_database_that_is_away_is_said_without_its_password(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setenv("FORESIGHT_DATABASE_URL", f"postgresql://bob:{SECRET}@127.0.0.1:1/x")
    said = found("store")
    assert said.state == "fail"
    assert "Connection refused" in said.seen
    told = repr(examine(NOW))
    assert SECRET not in told
    assert "sword@fish" not in told


def test_a_store_on_postgresql_is_looked_at(
    store_url: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("FORESIGHT_DATABASE_URL", store_url)
    before = found("store")
    assert before.state in ("ok", "warn")
    open_store(store_url).close()
    assert found("store").seen == f"can be read, schema {SCHEMA_VERSION}"
    assert found("losses").state == "ok"


@pytest.mark.parametrize(
    ("schema", "state"), [(SCHEMA_VERSION - 1, "warn"), (SCHEMA_VERSION + 1, "fail")]
)
def test_another_schema_is_told_and_not_migrated(filled: Path, schema: int, state: str) -> None:
    store = open_store(f"sqlite:///{filled}")
    with store.begin() as connection:
        changed = meta.update().where(meta.c.name == "schema_version")
        connection.execute(changed.values(value=schema))
    store.close()
    assert found("store").state == state
    assert f"schema {schema}" in found("store").seen, "still"


def test_windows_of_another_length_fail(filled: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    assert filled.exists()
    monkeypatch.setenv("FORESIGHT_WINDOW_SECONDS", "30")
    assert found("windows").mend.startswith("set FORESIGHT_WINDOW_SECONDS=60")


def test_a_clock_behind_what_is_stored_is_a_warning(filled: Path) -> None:
    assert filled.exists()
    assert found("clock").state == "ok"
    assert found("clock", NOW - 3_600_000).state == "warn"


def test_jobs_that_nobody_runs_or_that_failed_are_a_warning(filled: Path) -> None:
    assert "no server runs them; never scored yet" in found("jobs").seen
    store = open_store(f"sqlite:///{filled}")
    with store.begin() as connection:
        writes.start_job(connection, "scoring", NOW)
        writes.finish_job(connection, "scoring", NOW, error="ModelError: none", detail="")
    store.close()
    assert found("jobs").seen == "scoring: ModelError: none"


def test_calls_that_wait_for_long_and_calls_that_were_lost_are_a_warning(
    filled: Path, tmp_path: Path
) -> None:
    assert found("journal").state == found("losses").state == "ok"
    journal = Journal(tmp_path / "journal", 2**30)
    journal.append(call(NOW - 3_600_000))
    journal.close()
    store = open_store(f"sqlite:///{filled}")
    with store.begin() as connection:
        writes.add_to_counter(connection, "calls_lost", 7)
    store.close()
    assert found("journal").state == "warn"
    assert "1 calls wait" in found("journal").seen
    assert found("losses").seen == "calls lost: 7"


def test_files_that_others_can_read_are_named_with_the_command_that_mends_them(
    tmp_path: Path,
) -> None:
    key, env = tmp_path / "secret_key", tmp_path / ".env"
    key.write_text("k" * 64)
    env.write_text("OTHER=1\n")
    for path, check, state in (
        (tmp_path, "data folder", "warn"),
        (key, "secret key", "fail"),
        (env, ".env", "warn"),
    ):
        path.chmod(0o755 if path.is_dir() else 0o644)
        assert (found(check).state, "chmod" in found(check).mend) == (state, True)
        path.chmod(0o700 if path.is_dir() else 0o600)
        assert found(check).state == "ok"


def test_a_data_folder_that_is_none_fails(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / "file").touch()
    monkeypatch.setenv("FORESIGHT_DATA_DIR", str(tmp_path / "file"))
    failed = {finding.check for finding in examine(NOW) if finding.state == "fail"}
    assert failed >= {"data folder"}, "and the other checks were made all the same"


def test_a_disk_without_room_for_the_journal_is_a_warning(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    assert found("disk").state == "ok"
    monkeypatch.setenv("FORESIGHT_JOURNAL_MAX_MB", str(10**9))
    assert found("disk").state == "warn"


def test_a_port_that_something_else_holds_fails(monkeypatch: pytest.MonkeyPatch) -> None:
    with closing(socket.create_server(("127.0.0.1", 0))) as other:
        monkeypatch.setenv("FORESIGHT_PORT", str(other.getsockname()[1]))
        monkeypatch.setattr("jobs.doctor.network.ANSWER_S", 0.2)
        assert found("port").state == "fail"


@pytest.fixture
def website() -> Iterator[int]:
    """The port of a web server that is no Foresight."""
    server = http.server.ThreadingHTTPServer(("127.0.0.1", 0), http.server.SimpleHTTPRequestHandler)
    threading.Thread(target=server.serve_forever, daemon=True).start()
    yield server.server_port
    server.shutdown()
    server.server_close()


def test_another_web_server_is_not_taken_for_foresight(
    website: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("FORESIGHT_PORT", str(website))
    assert found("port").state == "fail"


def test_who_is_reached_by_others_hears_of_passwords_and_of_plain_http(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    assert found("address").state == "ok"
    monkeypatch.setenv("FORESIGHT_HOST", "0.0.0.0")
    assert "there is no password" in found("address").mend
    monkeypatch.setenv("FORESIGHT_ADMIN_PASSWORD", "Kelp/forest@77-tide")
    monkeypatch.setenv("FORESIGHT_SECRET_KEY", "9f8e7d6c5b4a39281706f5e4d3c2b1a0")
    assert "TLS" in found("address").mend
    monkeypatch.setenv("FORESIGHT_TRUSTED_PROXIES", "10.0.0.1")
    assert found("address").state == "ok"
    monkeypatch.setenv("FORESIGHT_API_TOKEN", "tok_12345")
    assert found("secrets").state == "fail"
    monkeypatch.setenv("FORESIGHT_HOST", "127.0.0.1")
    assert found("secrets").state == "warn"


def test_packages_that_are_missing_or_of_another_version_are_named(tmp_path: Path) -> None:
    locked = tmp_path / "requirements.txt"
    locked.write_text("flask==3.1.3 \\\n    --hash=sha256:0\nwaitress==0.1 ; sys_platform == 'x'\n")
    assert installation.packages(locked).seen == "1 packages as locked"
    locked.write_text("flask==0.1\n")
    assert installation.packages(locked).state == "warn"
    assert "instead of 0.1" in installation.packages(locked).seen
    locked.write_text("no-such-package==1\n")
    assert installation.packages(locked).state == "fail"


def test_a_model_that_can_not_be_read_is_told(tmp_path: Path) -> None:
    version = tmp_path / "models" / "20260101T000000-00000000"
    version.mkdir(parents=True)
    (version / "manifest.json").write_text("{}")
    (tmp_path / "models" / "current").write_text(version.name)
    said = found("models")
    assert said.state == "warn", "the models that came with the product serve"
    assert version.name in said.seen


def test_factory_models_older_than_their_code_are_a_warning(tmp_path: Path) -> None:
    factory, code = tmp_path / "factory", tmp_path / "ml" / "features.py"
    assert "none" in str(installation.factory_models(tmp_path, factory))
    factory.mkdir()
    code.parent.mkdir()
    code.touch()
    (factory / "current").touch()
    os.utime(code, (1, 1))
    assert installation.factory_models(tmp_path, factory).state == "ok"
    os.utime(factory / "current", (0, 0))
    assert "ml/features.py" in installation.factory_models(tmp_path, factory).seen


def test_the_makefile_and_the_doctor_agree_on_what_models_are_made_of() -> None:
    line = next(x for x in (ROOT / "Makefile").read_text().splitlines() if "TRAINED_BY :=" in x)
    named = line.partition(":=")[2].replace("$(wildcard", "").replace(")", "").split()
    assert sorted(named) == sorted(TRAINED_BY)


def test_a_folder_is_looked_at_where_the_product_reads_its_settings(tmp_path: Path) -> None:
    assert folder.env_file(tmp_path / ".env") is None
    assert folder.data_folder(Settings(data_dir=tmp_path / "new", _env_file=None)).state == "ok"
