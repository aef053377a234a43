"""`flask forget`: the rows go, sums stay, and no byte of the name is left on the disk."""

from __future__ import annotations

import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from flask import Flask
from sqlalchemy import func, select

from ingest import recall
from ingest.journal import Journal
from ingest.seal import Seal
from ingest.writer import decoded, drain
from jobs import forgetting, rollups
from jobs.access.audited import Doer, audit_key
from jobs.runtime import EXTENSION, Foresight
from store import Store, alerts, audit, events, feedback, forget, questions, scrub, writes
from store.feedback import WindowKey
from store.tables import (
    acknowledgement,
    anomaly_log,
    api_log,
    live_event,
    onset,
    question,
    rollup,
    saved_question,
    scenario_run,
)
from tests.integration.conftest import running_app
from tests.rows import MINUTE, T0, call, window

ANN = "ann.wonder@example.org"
ADDRESS = "203.0.113.77"
DOER = Doer("test", None, T0)


@pytest.fixture
def parts(store_url: str, tmp_path: Path) -> Iterator[Foresight]:
    """A product with an empty store, once on each kind of database."""
    with running_app(tmp_path / "data", store_url) as server:
        yield server.extensions[EXTENSION]


def fill(parts: Foresight, name: str = ANN) -> None:
    """Ann's name in every place that can hold one, beside rows of others."""
    store = parts.store
    cause = {"client": name, "calls": 9, "together": 1, "risk_without": 0.1, "drop": 0.7}
    bob = cause | {"client": "bob"}
    with store.begin() as connection:
        calls = [call(T0 + n, user_id=name, ip_address="198.51.100.1") for n in range(30)]
        calls += [call(T0 + n, user_id="bob", ip_address="198.51.100.2") for n in range(20)]
        at_ann = {"endpoint": "/users/{id}", "path": f"/users/{name}/cart", "user_id": "bob"}
        calls += [call(T0 + 60, **at_ann), call(T0 + 61, endpoint="/ann", path="/ann")]
        writes.add_calls(connection, calls, store.grid)
        named = {"subject": "client", "endpoint": "*", "method": "*"}
        risky = {"priority": "HIGH", "is_anomaly": 1, "risk_score": 0.9}
        windows = [
            window(T0, client=name, **named, **risky),
            window(T0, client="bob", **named, **risky),
            window(T0, causes=json.dumps([cause, bob]), **risky),
        ]
        events.save_windows(connection, windows, store.window_ms)
        key = WindowKey(T0, "client", "*", "*", name)
        feedback.save_verdict(connection, key, "confirmed", who="admin", at=T0)
        alerts.acknowledge(connection, [key], who="admin", at=T0)
        connection.execute(
            onset.insert().values(
                timestamp=T0, subject="client", endpoint="*", method="*", client=name
            )
        )
        asked: dict[str, Any] = {"who": "admin", "at": T0}
        for text in (f"requests of {name.upper()} today", "requests today"):
            questions.remember(
                connection, text=text, outcome="answered", message="", rows=1, took_ms=1, **asked
            )
        questions.save_question(connection, name="one", text=f"errors of {name}", **asked)
        run = {"scenario": "x", "kind": "attack", "intensity": 1, "minutes": 1, "who": "admin"}
        connection.execute(
            scenario_run.insert(),
            [run | {"asked_at": T0, "subjects": json.dumps([who])} for who in (name, "bob")],
        )
    rollups.roll_up(store, lambda: True)


def counts(store: Store) -> dict[str, int]:
    tables = (api_log, anomaly_log, acknowledgement, question, saved_question, onset, scenario_run)
    with store.read() as connection:
        return {
            table.name: connection.scalar(select(func.count()).select_from(table)) or 0
            for table in tables
        }


def test_all_rows_of_a_client_go_and_those_of_others_stay(parts: Foresight) -> None:
    fill(parts)
    with parts.store.read() as connection:
        sums = connection.execute(select(rollup.c.calls, rollup.c.high)).all()
    told = forgetting.forget_client(parts, ANN, DOER)
    assert told["rows"] == {
        "calls": 30,
        "windows": 1,
        "feedbacks": 1,
        "acknowledgements": 1,
        "addresses_of_other_users": 0,
        "paths_of_others": 1,
        "causes": 1,
        "questions": 1,
        "saved_questions": 1,
        "scenario_runs": 1,
        "onsets": 1,
    }
    assert counts(parts.store) == {
        "api_log": 22,
        "anomaly_log": 2,
        "acknowledgement": 0,
        "question": 1,
        "saved_question": 0,
        "onset": 0,
        "scenario_run": 1,
    }
    with parts.store.read() as connection:
        (causes,) = connection.scalars(
            select(anomaly_log.c.causes).where(anomaly_log.c.causes != "")
        )
        assert [cause["client"] for cause in json.loads(causes)] == ["bob"]
        assert connection.execute(select(rollup.c.calls, rollup.c.high)).all() == sums
        paths = connection.scalars(select(api_log.c.path).where(api_log.c.timestamp > T0 + 50))
        assert sorted(map(str, paths)) == ["/ann", "None"]
        left = connection.scalars(select(live_event.c.window_id)).all()
        alive = connection.scalars(select(anomaly_log.c.id)).all()
    assert set(left[:-1]) <= set(alive)


def test_a_dry_run_counts_the_same_and_changes_nothing(parts: Foresight) -> None:
    fill(parts)
    before = counts(parts.store)
    dry = forgetting.count(parts, ANN)
    assert counts(parts.store) == before
    assert dry["rows"] == forgetting.forget_client(parts, ANN, DOER)["rows"]


def test_an_address_goes_from_the_calls_of_users_who_shared_it(parts: Foresight) -> None:
    with parts.store.begin() as connection:
        calls = [call(T0, ip_address=ADDRESS), call(T0 + 1, ip_address=ADDRESS, user_id="bob")]
        calls.append(call(T0 + 2, ip_address="203.0.113.7"))
        writes.add_calls(connection, calls, parts.store.grid)
    told = forgetting.forget_client(parts, ADDRESS, DOER)
    assert (told["rows"]["calls"], told["rows"]["addresses_of_other_users"]) == (1, 1)
    with parts.store.read() as connection:
        found = connection.execute(select(api_log.c.user_id, api_log.c.ip_address)).all()
    assert set(found) == {("bob", forget.FORGOTTEN), (None, "203.0.113.7")}


def test_who_is_unknown_is_forgotten_without_a_change(parts: Foresight) -> None:
    fill(parts, "carl")
    before = counts(parts.store)
    assert not any(forgetting.forget_client(parts, ANN, DOER)["rows"].values())
    assert counts(parts.store) == before


def test_the_audit_log_has_the_count_and_not_the_name(parts: Foresight) -> None:
    fill(parts)
    forgetting.forget_client(parts, ANN, DOER)
    with parts.store.read() as connection:
        entry = audit.last_of(connection, "client.forget")
        assert audit.verify(connection, audit_key(parts.session_key)).problem is None
    assert entry is not None
    assert json.loads(entry.detail)["rows"]["calls"] == 30
    assert ANN not in str(entry)
    assert entry.subject.startswith("f-")


def test_an_endpoint_that_has_the_name_stays_and_is_told(parts: Foresight) -> None:
    with parts.store.begin() as connection:
        writes.save_windows(connection, [window(endpoint=f"/users/{ANN}")])
    assert forgetting.count(parts, ANN)["endpoints_named"] == [f"/users/{ANN}"]


def test_many_calls_go_in_small_batches(parts: Foresight) -> None:
    many = 2 * forget.BATCH_ROWS + 7
    with parts.store.begin() as connection:
        calls = [call(T0 + n, user_id=ANN) for n in range(many)]
        writes.add_calls(connection, calls, parts.store.grid)
    assert forgetting.forget_client(parts, ANN, DOER)["rows"]["calls"] == many


def files_with(folder: Path, text: str) -> list[str]:
    """Files below a folder in whose bytes the text stands, in any case."""
    found = (path for path in folder.rglob("*") if path.is_file())
    return [path.name for path in found if text.lower().encode() in path.read_bytes().lower()]


@pytest.fixture
def on_disk(tmp_path: Path) -> Iterator[Foresight]:
    with running_app(tmp_path / "data") as server:
        yield server.extensions[EXTENSION]


@pytest.mark.parametrize("removed_before", [False, True], ids=["at once", "after retention"])
def test_no_byte_of_the_name_is_left_on_the_disk(on_disk: Foresight, removed_before: bool) -> None:
    with on_disk.store.begin() as connection:  # some builds of SQLite have it on
        connection.exec_driver_sql("PRAGMA secure_delete=OFF")
    fill(on_disk)
    store, folder = on_disk.store, on_disk.settings.data_dir
    on_disk.journal.append(call(T0 + 5, user_id=ANN))
    on_disk.journal.append(call(T0 + 6, user_id="bob"))
    if removed_before:  # what SQLite removed without being told to overwrite it
        with store.begin() as connection:
            many = [call(T0 + n, user_id=ANN, ip_address=ADDRESS) for n in range(3_000)]
            writes.add_calls(connection, many, store.grid)
            ids = connection.scalars(select(api_log.c.id).where(api_log.c.ip_address == ADDRESS))
            writes.remove_calls(connection, ids.all())
    assert files_with(folder, ANN)
    told = forgetting.forget_client(on_disk, ANN, DOER)
    assert told["rows"]["calls"] == 31
    assert told["rewritten"]
    assert told["journal_records"] == 1
    assert not told["names_left"]
    assert files_with(folder, ANN) == []
    assert files_with(folder, "bob")


def test_the_store_is_not_written_anew_when_nothing_is_left(on_disk: Foresight) -> None:
    with on_disk.store.begin() as connection:
        connection.exec_driver_sql("PRAGMA secure_delete=OFF")
        calls = [call(T0, user_id=ANN), call(T0, user_id="bob")]
        writes.add_calls(connection, calls, on_disk.store.grid)
    told = forgetting.forget_client(on_disk, ANN, DOER)
    assert (told["rows"]["calls"], told["rewritten"]) == (1, False)
    assert files_with(on_disk.settings.data_dir, ANN) == []


def test_a_short_name_inside_of_longer_ones_is_said_to_be_left(on_disk: Foresight) -> None:
    with on_disk.store.begin() as connection:
        calls = [call(T0, user_id="user"), call(T0 + 1, user_id="another-user")]
        writes.add_calls(connection, calls, on_disk.store.grid)
    assert forgetting.forget_client(on_disk, "user", DOER)["names_left"]


def test_a_reader_that_keeps_the_log_full_is_waited_for_and_said(
    on_disk: Foresight, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(scrub, "PATIENCE_S", 0.5)
    fill(on_disk)
    with on_disk.store.read() as connection:
        connection.execute(select(api_log.c.id)).first()
        with pytest.raises(TimeoutError, match="kept the store busy"):
            forgetting.forget_client(on_disk, ANN, DOER)


def test_blanked_records_leave_the_rest_of_a_journal_as_it_was(
    sqlite_store: Store, tmp_path: Path
) -> None:
    journal = Journal(tmp_path / "journal", 2**20)
    for user in (ANN, "bob", ANN, "carl"):
        journal.append(call(T0, user_id=user))
    assert drain(sqlite_store, journal.directory) == 4
    journal.append(call(T0, user_id=ANN))  # not stored yet
    assert recall.blank(sqlite_store, journal.directory, [ANN]) == 2
    (file,) = journal.directory.glob("*.journal")
    assert [row[7] for row in decoded(file.read_bytes()).rows] == ["bob", "carl", ANN]
    assert drain(sqlite_store, journal.directory) == 1


def test_a_pseudonym_and_the_name_behind_it_are_one_client(app: Flask) -> None:
    parts: Foresight = app.extensions[EXTENSION]
    seal = Seal(parts.session_key, pseudonyms=True)
    with parts.store.begin() as connection:
        calls = [seal.sealed(call(T0, user_id=ANN)), call(T0 + MINUTE, user_id=ANN)]
        writes.add_calls(connection, calls, parts.store.grid)
    assert forgetting.forget_client(parts, ANN, DOER)["rows"]["calls"] == 2


def test_the_command_prints_what_it_removed(app: Flask) -> None:
    fill(app.extensions[EXTENSION])
    runner = app.test_cli_runner()
    with app.app_context():
        dry = runner.invoke(args=["forget", ANN, "--dry-run"])
        done = runner.invoke(args=["forget", ANN])
        assert json.loads(dry.stdout)["rows"] == json.loads(done.stdout)["rows"]
        assert json.loads(done.stdout)["rows"]["calls"] == 30
        assert runner.invoke(args=["forget", " "]).exit_code == 2
