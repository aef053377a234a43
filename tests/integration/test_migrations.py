"""Stores of older releases: copied, brought up to date as a whole, and like new ones after that."""

from __future__ import annotations

import os
import shutil
import sqlite3
import subprocess
import sys
from contextlib import closing
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest
from alembic.script import ScriptDirectory
from flask import Flask
from sqlalchemy import Connection, create_engine, insert, inspect, make_url, select, text, update
from sqlalchemy.exc import DBAPIError

from jobs.runtime import EXTENSION
from store import Store, backup, migrations, open_store, reads, rolling, schema, writes
from store.access_tables import audit
from store.tables import api_log, meta, rollup
from tests.rows import T0, call
from tests.server import ROOT
from tests.tmpfs import small_disk

STORES = Path(__file__).parent.parent / "stores"
HOUR = 3_600_000


def build(url: str) -> None:
    """A store of schema 4, by the statements of its release."""
    parsed = make_url(url)
    if parsed.get_backend_name() == "sqlite":
        with closing(sqlite3.connect(str(parsed.database))) as connection:
            connection.executescript((STORES / "schema-4.sqlite.sql").read_text())
            connection.execute("PRAGMA journal_mode=WAL")
        return
    engine = create_engine(url)
    with engine.begin() as connection:
        driver = connection.connection.driver_connection
        driver.execute((STORES / "schema-4.postgresql.sql").read_text())  # type: ignore[union-attr]
    engine.dispose()


@pytest.fixture
def old_url(store_url: str) -> str:
    build(store_url)
    return store_url


def shape(connection: Connection) -> dict[str, Any]:
    """Tables, columns, keys, indexes, triggers; in whatever order they were made."""
    return (_sqlite if connection.dialect.name == "sqlite" else _postgresql)(connection)


def _sqlite(connection: Connection) -> dict[str, Any]:
    rows = connection.exec_driver_sql("SELECT type, name, tbl_name, sql FROM sqlite_master").all()
    found: dict[str, Any] = {
        row.name: " ".join((row.sql or "").split()) for row in rows if row.type != "table"
    }
    for table in (row.name for row in rows if row.type == "table"):
        for pragma in ("table_xinfo", "index_list"):
            described = connection.exec_driver_sql(f"PRAGMA {pragma}({table})")
            skipped = 0 if pragma == "table_xinfo" else 1  # the number of an index
            found[f"{pragma} {table}"] = sorted(tuple(map(str, r))[skipped:] for r in described)
    return found


def _postgresql(connection: Connection) -> dict[str, Any]:
    queries = {
        "columns": "SELECT table_name, ordinal_position, column_name, data_type, is_nullable, "
        "coalesce(column_default, '') FROM information_schema.columns "
        "WHERE table_schema = 'public'",
        "indexes": "SELECT indexname, indexdef FROM pg_indexes WHERE schemaname = 'public'",
        "triggers": "SELECT tgname, pg_get_triggerdef(oid) FROM pg_trigger",
        "functions": "SELECT proname, prosrc FROM pg_proc WHERE proname LIKE 'audit%%'",
        "sequences": "SELECT sequencename, data_type::text FROM pg_sequences",
        "keys": "SELECT conname, pg_get_constraintdef(oid) FROM pg_constraint",
    }
    return {
        name: sorted(map(tuple, connection.exec_driver_sql(query)))
        for name, query in queries.items()
    }


def noted(connection: Connection) -> dict[str, int]:
    return {row.name: row.value for row in connection.execute(select(meta))}


def fresh_beside(url: str) -> Store:
    """A new store on the same kind of database."""
    parsed = make_url(url)
    if parsed.get_backend_name() == "sqlite":
        return open_store(f"sqlite:///{Path(str(parsed.database)).with_name('fresh.db')}")
    engine = create_engine(url, isolation_level="AUTOCOMMIT")
    name = f"{parsed.database}_fresh"
    with engine.connect() as connection:
        connection.exec_driver_sql(f"DROP DATABASE IF EXISTS {name}")
        connection.exec_driver_sql(f"CREATE DATABASE {name}")
    engine.dispose()
    return open_store(parsed.set(database=name).render_as_string(hide_password=False))


def test_a_migrated_store_is_like_a_new_one(old_url: str) -> None:
    migrated, fresh = open_store(old_url), fresh_beside(old_url)
    with migrated.read() as one, fresh.read() as other:
        assert shape(one) == shape(other)
        revision = select(text("version_num")).select_from(text("alembic_version"))
        assert one.scalars(revision).all() == other.scalars(revision).all() == [schema.REVISION]
        assert noted(one)["schema_version"] == noted(other)["schema_version"] == 5
    migrated.close()
    fresh.close()


def test_revisions_alone_make_what_a_new_store_has(store_url: str) -> None:
    fresh = open_store(store_url)
    with fresh.read() as connection:
        made_at_once = shape(connection)
    with fresh.begin() as connection:
        for table in inspect(connection).get_table_names():
            connection.execute(text(f"DROP TABLE {table}"))
        migrations.upgrade(connection)
        assert shape(connection) == made_at_once
    fresh.close()


def test_the_newest_revision_has_the_number_of_the_schema() -> None:
    folder = ScriptDirectory(str(Path(migrations.__file__).parent))
    assert folder.get_heads() == [schema.REVISION]


def test_a_migrated_store_keeps_its_rows(old_url: str) -> None:
    store = open_store(old_url)
    with store.read() as connection:
        assert reads.count_between(connection, T0 - HOUR, T0 + HOUR) == 6
        assert reads.counters(connection) == {"calls_lost": 3}
        assert reads.journal_positions(connection) == {"a.journal": 10}
        users = select(api_log.c.user_id).order_by(api_log.c.id).limit(2)
        assert connection.scalars(users).all() == [None, "u'1"]
    with store.begin() as connection:
        connection.execute(insert(api_log), [call(T0)._asdict()])  # ids go on
    store.close()


def test_the_hours_that_were_summed_up_are_due_for_roll_ups_of_four_hours(old_url: str) -> None:
    store = open_store(old_url)
    with store.begin() as connection:
        due = rolling.due_hours(connection)
        first = T0 - T0 % HOUR
        assert due == [first + 2 * HOUR, first]
        for hour in due:
            rolling.sum_up(connection, hour, 60_000, lambda histograms: next(iter(histograms)))
        spans = connection.scalars(select(rollup.c.span_ms).distinct())
        assert HOUR in set(spans)
    store.close()


REFUSED = {
    "sqlite": (
        "UPDATE audit SET who = 'b'",
        "DELETE FROM audit",
        "INSERT OR REPLACE INTO audit VALUES (1, 1, 'b', NULL, 'x', '', '{}', '0', '2')",
        "INSERT OR REPLACE INTO audit VALUES (2, 1, 'b', NULL, 'x', '', '{}', '0', '1')",
    ),
    "postgresql": ("UPDATE audit SET who = 'b'", "DELETE FROM audit", "TRUNCATE audit"),
}


def test_the_database_refuses_changes_of_the_audit_log(store: Store) -> None:
    row = {"id": 1, "at": T0, "who": "a", "action": "login", "subject": "", "detail": "{}"}
    with store.begin() as connection:
        connection.execute(insert(audit), row | {"previous": "0", "hash": "1"})
    for statement in REFUSED[store.writer.dialect.name]:
        with pytest.raises(DBAPIError, match="append-only"), store.begin() as connection:
            connection.execute(text(statement))
    with store.read() as connection:
        assert connection.scalars(select(audit.c.who)).all() == ["a"]


def backups(folder: Path) -> list[Path]:
    return sorted(folder.glob("*-before-*"))


@pytest.fixture
def old_file(tmp_path: Path) -> Path:
    file = tmp_path / "foresight.db"
    build(f"sqlite:///{file}")
    return file


def test_a_store_is_copied_before_it_is_migrated_while_others_read_it(old_file: Path) -> None:
    with closing(sqlite3.connect(old_file)) as reader:
        reader.execute("BEGIN")
        assert reader.execute("SELECT count(*) FROM api_log").fetchone() == (6,)
        open_store(f"sqlite:///{old_file}").close()
    [copy] = backups(old_file.parent)
    assert copy.name.startswith("foresight-before-0005-")
    with closing(sqlite3.connect(copy)) as connection:
        [old] = connection.execute("SELECT value FROM meta WHERE name = 'schema_version'")
        assert old == (4,)
        assert connection.execute("SELECT count(*) FROM api_log").fetchone() == (6,)
        assert connection.execute("PRAGMA integrity_check").fetchone() == ("ok",)
    open_store(f"sqlite:///{old_file}").close()
    assert backups(old_file.parent) == [copy]


def test_a_copy_never_overwrites_another(old_file: Path) -> None:
    at = datetime(2026, 11, 23, 3, 4, 5, tzinfo=UTC)
    copy = backup.backup_before(old_file, "0005", at)
    assert copy.name == "foresight-before-0005-20261123T030405.db"
    copy.write_bytes(b"of before")
    with pytest.raises(FileExistsError, match="never overwritten"):
        backup.backup_before(old_file, "0005", at)
    assert copy.read_bytes() == b"of before"


def test_without_room_for_the_copy_nothing_is_changed(old_file: Path, tmp_path: Path) -> None:
    with small_disk(tmp_path / "disk", "300k") as disk:
        file = Path(shutil.copy(old_file, disk))
        before = file.read_bytes()
        with pytest.raises(backup.BackupFailed, match=r"bytes and .* are free: make room"):
            open_store(f"sqlite:///{file}")
        assert file.read_bytes() == before
        assert backups(disk) == []


def test_a_migration_that_fails_leaves_the_store_as_it_was(old_url: str) -> None:
    engine = create_engine(old_url)
    with engine.begin() as connection:
        connection.execute(text("DROP TABLE rollup_due"))
        connection.execute(text("CREATE VIEW rollup_due AS SELECT 1 AS hour"))
    with engine.connect() as connection:
        before = shape(connection), noted(connection)
    with pytest.raises(DBAPIError):
        open_store(old_url)
    with engine.connect() as connection:
        assert (shape(connection), noted(connection)) == before
    engine.dispose()


def test_a_store_of_a_newer_release_is_refused(store_url: str) -> None:
    store = open_store(store_url)
    with store.begin() as connection:
        connection.execute(update(meta).where(meta.c.name == "schema_version").values(value=6))
    store.close()
    with pytest.raises(ValueError, match=r"schema_version=6, this release needs 5.*newer release"):
        open_store(store_url)


def test_several_processes_may_migrate_one_store_at_once(old_url: str) -> None:
    script = "import sys; from store import open_store; open_store(sys.argv[1]).close()"
    command = [sys.executable, "-c", script, old_url]
    processes = [subprocess.Popen(command, cwd=ROOT) for _ in range(3)]
    assert [process.wait(60) for process in processes] == [0, 0, 0]
    file = make_url(old_url).database
    if os.path.isabs(str(file)):
        assert len(backups(Path(str(file)).parent)) == 1


def test_a_store_that_is_up_to_date_needs_no_lock_and_no_alembic(tmp_path: Path) -> None:
    file = tmp_path / "foresight.db"
    open_store(f"sqlite:///{file}").close()
    script = (
        "import sys; from store import open_store; open_store(sys.argv[1]).close(); "
        "assert 'alembic' not in sys.modules"
    )
    with closing(sqlite3.connect(file, isolation_level=None)) as other:
        other.execute("BEGIN IMMEDIATE")
        subprocess.run([sys.executable, "-c", script, f"sqlite:///{file}"], cwd=ROOT, check=True)


def test_the_store_is_copied_while_a_server_writes_to_it(app: Flask, tmp_path: Path) -> None:
    store = app.extensions[EXTENSION].store
    with store.begin() as connection:
        writes.add_calls(connection, [call(T0)], store.grid)
    target = tmp_path / "copy.db"
    runner = app.test_cli_runner()
    with store.begin() as connection:
        writes.add_calls(connection, [call(T0 + 1)], store.grid)
        with app.app_context():
            done = runner.invoke(args=["backup", str(target)])
    assert done.exit_code == 0, done.output
    with closing(sqlite3.connect(target)) as copied:
        assert copied.execute("SELECT count(*) FROM api_log").fetchone() == (1,)  # what was stored
    with app.app_context():
        again = runner.invoke(args=["backup", str(target)])
    assert again.exit_code == 1
    assert "never overwritten" in again.output
