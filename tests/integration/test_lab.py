"""The lab: orders, who attacks, what of a run is seen and when, and what a crash leaves of it."""

from __future__ import annotations

import json
import os
import signal
import threading
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from flask.testing import FlaskClient
from werkzeug.test import TestResponse

from ingest.call import UNMATCHED
from ingest.shop.faults import FILE_NAME
from ingest.shop.model import ROUTES, Outcome
from ingest.simulator.clients import population
from ingest.simulator.demo import CLIENTS_SEED
from jobs.lab.attacks import BYSTANDERS, attackers, lanes, names_of
from jobs.lab.detection import Sighting, Split, detection, split
from jobs.lab.orders import LOST_MS, LabClosedError, is_lost, order_run, order_stop
from jobs.lab.player import play
from jobs.lab.scenarios import SCENARIOS, scenario_named
from jobs.runtime import Foresight
from jobs.schedule import now_ms
from settings import Settings
from store import Store, open_store, scenario_runs, writes
from store.scenario_runs import Run, RunOpenError, UnknownRunError
from store.tables import WINDOW_COLUMNS
from tests.rows import MINUTE, T0, call, window
from tests.server import Server, running_server, wait_until

DEMO = Settings(demo=True, _env_file=None)
USUAL: dict[str, Any] = {
    "scenario": "burst",
    "intensity": 1.0,
    "minutes": 3,
    "who": "admin",
    "now": T0,
}
ATTACKS = [scenario.name for scenario in SCENARIOS if scenario.kind == "attack"]


def ordered(store: Store, **changes: Any) -> int:
    return order_run(DEMO, store, **USUAL | changes)


def run_of(store: Store, run_id: int) -> Run:
    with store.read() as connection:
        return scenario_runs.run_of(connection, run_id)


def seen(timestamp: int = T0, **fields: Any) -> dict[str, Any]:
    """A scored window of a client."""
    values = {"subject": "client", "endpoint": "*", "method": "*", "client": "192.0.2.1"}
    return dict(zip(WINDOW_COLUMNS, window(timestamp, **values | fields), strict=True))


# ---------------------------------------------------------------- orders


def test_outside_of_a_demo_nothing_can_be_started(store: Store) -> None:
    with pytest.raises(LabClosedError, match="FORESIGHT_DEMO=1"):
        order_run(Settings(demo=False, _env_file=None), store, **USUAL)
    with store.read() as connection:
        assert scenario_runs.newest_runs(connection, 10) == []


@pytest.mark.parametrize(
    ("wrong", "error"),
    [
        ({"scenario": "rm -rf"}, "'rm -rf' is none of credential_stuffing"),
        ({"minutes": 11}, "minutes=11 must be from 1 to 10"),
        ({"minutes": float("nan")}, "minutes=nan"),
        ({"intensity": 50.0}, "intensity=50.0 must be from 0.5 to 2"),
    ],
)
def test_what_is_out_of_bounds_is_refused(
    sqlite_store: Store, wrong: dict[str, Any], error: str
) -> None:
    with pytest.raises((LookupError, ValueError), match=error):
        ordered(sqlite_store, **wrong)


def test_one_run_is_open_at_a_time(store: Store) -> None:
    first = ordered(store)
    with pytest.raises(RunOpenError):
        ordered(store, scenario="crash")
    with store.begin() as connection:
        scenario_runs.settle(connection, first, T0 + MINUTE)
    second = ordered(store, scenario="crash", intensity=2.0)
    assert run_of(store, second).intensity == 1.0  # of a crash it makes no difference
    with store.read() as connection:
        runs = scenario_runs.newest_runs(connection, 10)
        assert [run.id for run in runs] == [second, first]
        assert scenario_runs.open_run(connection) == runs[0]
        with pytest.raises(UnknownRunError):
            scenario_runs.run_of(connection, 99)


def test_only_one_server_takes_a_run(store: Store) -> None:
    run_id = ordered(store)
    with store.begin() as connection:
        assert scenario_runs.take_run(connection, run_id, "one", heartbeat_at=T0)
        assert not scenario_runs.take_run(connection, run_id, "other", heartbeat_at=T0)
    assert run_of(store, run_id).player == "one"


def test_stopping_closes_what_nobody_plays_and_asks_whoever_plays(store: Store) -> None:
    assert order_stop(store, T0) is None
    unplayed = ordered(store)
    order_stop(store, T0 + 500)
    assert run_of(store, unplayed).phase == "settled"
    played = ordered(store, now=T0 + 1_000)
    with store.begin() as connection:
        scenario_runs.take_run(connection, played, "one", heartbeat_at=T0 + 1_500)
    order_stop(store, T0 + 2_000)
    run = run_of(store, played)
    assert (run.stop_asked_at, run.ended_at) == (T0 + 2_000, None)
    assert not is_lost(run, T0 + 2_000)
    order_stop(store, T0 + 1_501 + LOST_MS)  # who plays it is gone
    assert run_of(store, played).end_reason == "failed"


def test_a_second_stop_ends_the_wait_for_scores(sqlite_store: Store) -> None:
    run_id = ordered(sqlite_store)
    with sqlite_store.begin() as connection:
        scenario_runs.take_run(connection, run_id, "one", heartbeat_at=T0)
        scenario_runs.note(connection, run_id, ended_at=T0 + 9_000, end_reason="stopped")
    assert run_of(sqlite_store, run_id).phase == "measuring"
    order_stop(sqlite_store, T0 + 10_000)
    run = run_of(sqlite_store, run_id)
    assert (run.phase, run.end_reason) == ("settled", "stopped")


def click_start(client: FlaskClient) -> TestResponse:
    """What a browser sends when the crash is started."""
    button = {"id": {"scenario": "crash", "type": "lab-start"}, "property": "n_clicks"}
    states = {"lab-intensity": ("value", 1), "lab-minutes": ("value", 3), "lab-url": ("search", "")}
    body = {
        "output": "..lab-url.search...lab-problem.children..",
        "outputs": [
            {"id": "lab-url", "property": "search"},
            {"id": "lab-problem", "property": "children"},
        ],
        "inputs": [[{**button, "value": 1}]],
        "changedPropIds": ['{"scenario":"crash","type":"lab-start"}.n_clicks'],
        "state": [
            {"id": id, "property": name, "value": value} for id, (name, value) in states.items()
        ],
    }
    return client.post("/dashboard/_dash-update-component", json=body)


def test_a_start_needs_a_login_and_a_demo_whatever_the_page_shows(
    client: FlaskClient, stranger: FlaskClient, parts: Foresight
) -> None:
    assert click_start(stranger).status_code == 401
    answer = click_start(client)
    assert answer.status_code == 200
    assert "the lab is closed" in answer.get_data(as_text=True)
    with parts.store.read() as connection:
        assert scenario_runs.open_run(connection) is None


# ---------------------------------------------------------------- who attacks


@pytest.mark.parametrize("name", ATTACKS)
def test_attackers_have_addresses_and_accounts_of_their_own(name: str) -> None:
    ordinary = population(BYSTANDERS, CLIENTS_SEED)
    known = {client.address for client in ordinary} | {client.user for client in ordinary}
    for seed in range(20):
        gang = attackers(name, seed)
        assert gang == attackers(name, seed)
        assert all(client.address.startswith("192.0.2.") for client in gang)
        assert known.isdisjoint(names_of(gang))
        assert len(set(names_of(gang))) == len(gang)


@pytest.mark.parametrize("name", ATTACKS)
def test_attackers_call_the_endpoints_that_are_named(name: str) -> None:
    called = set()
    for client, behaviour in lanes(attackers(name, 1), 1, 1.0):
        step = next(behaviour)
        for _ in range(30):
            path = step.request.path
            called.add(path if path in ROUTES else UNMATCHED)
            step = behaviour.send(Outcome(200, 0.01, b"", client.user))
        behaviour.close()
    assert called == set(scenario_named(name).endpoints)


def test_intensity_sets_how_often_attackers_call() -> None:
    def pause(strength: float) -> float:
        behaviour = lanes(attackers("burst", 1), 1, strength)[0][1]
        steps = [next(behaviour)] + [behaviour.send(Outcome(200, 0.0, b"")) for _ in range(50)]
        return sum(step.after_s for step in steps)

    assert pause(2.0) == pytest.approx(pause(1.0) / 2)


# ---------------------------------------------------------------- time to detection


def test_detection_is_the_first_scored_high_and_medium_window() -> None:
    windows = [
        seen(T0, priority="MEDIUM", risk_score=0.6, scored_at=T0 + 65_200),
        seen(T0, client="192.0.2.2", scored_at=T0 + 65_200),
        seen(
            T0 + MINUTE,
            client="192.0.2.2",
            priority="HIGH",
            risk_score=0.85,
            scored_at=T0 + 125_300,
            reasons=json.dumps([{"text": "errors"}, {"text": "repeats"}]),
        ),
        seen(T0 + 2 * MINUTE, priority="HIGH", risk_score=0.8, scored_at=T0 + 185_000),
    ]
    found = detection(reversed(windows))
    assert found.medium == Sighting(T0, T0 + 65_200, "192.0.2.1")
    assert found.high == Sighting(T0 + MINUTE, T0 + 125_300, "192.0.2.2")
    assert (found.subjects_high, found.risk, found.reasons) == (2, 0.85, "errors; repeats")


def test_a_high_window_is_medium_too_and_nothing_seen_is_no_detection() -> None:
    high = detection([seen(T0, priority="HIGH", risk_score=0.9, scored_at=T0 + 65_000)])
    assert high.medium == high.high == Sighting(T0, T0 + 65_000, "192.0.2.1")
    low = detection([seen(T0, risk_score=0.3)])
    assert (low.medium, low.high, low.risk) == (None, None, 0.3)
    assert detection([]).risk is None


@pytest.mark.parametrize(
    ("first", "start", "scored", "expected"),
    [
        # seen in its own minute: waits for the rest of it
        (T0 + 22_000, T0, T0 + 65_400, Split(0, 38_000, 5_400)),
        # seen two minutes later: the rest of the first and one whole minute were scored lower
        (T0 + 22_000, T0 + 2 * MINUTE, T0 + 186_000, Split(98_000, 60_000, 6_000)),
    ],
)
def test_the_time_to_detection_is_split_into_its_parts(
    first: int, start: int, scored: int, expected: Split
) -> None:
    found = split(first, start, scored, MINUTE)
    assert found == expected
    assert found.unseen + found.open + found.scoring == scored - first


def test_windows_of_a_run_are_those_of_its_subjects(store: Store) -> None:
    client = {"subject": "client", "endpoint": "*", "method": "*"}
    rows = [
        window(T0, **client, client="192.0.2.1"),
        window(T0, **client, client="10.0.0.1"),
        window(T0 - MINUTE, **client, client="192.0.2.1"),
        window(T0, endpoint="/payment", method="POST"),
        window(T0, endpoint="/payment", method="GET"),
        window(T0, endpoint="/search"),
    ]
    with store.begin() as connection:
        writes.save_windows(connection, rows)
    with store.read() as connection:
        attack = scenario_runs.windows_of(connection, "attack", ["192.0.2.1"], T0, T0 + 1)
        fault = scenario_runs.windows_of(
            connection, "fault", ["POST /payment", "GET /search"], T0, T0 + 1
        )
        newest = scenario_runs.newest_window(connection)
    assert [w["client"] for w in attack] == ["192.0.2.1"]
    assert [(w["method"], w["endpoint"]) for w in fault] == [
        ("POST", "/payment"),
        ("GET", "/search"),
    ]
    assert newest == T0


def test_calls_of_a_run_are_counted_by_endpoint_time_and_client(store: Store) -> None:
    calls = [
        call(T0, ip_address="192.0.2.1"),
        call(T0 + 1, ip_address="10.0.0.1"),
        call(T0 + 2, ip_address="192.0.2.1", user_id="u7"),
        call(T0 + MINUTE, ip_address="192.0.2.1"),
    ]
    with store.begin() as connection:
        writes.add_calls(connection, calls, store.grid)
    with store.read() as connection:

        def count(*clients: str) -> int:
            who = clients or None
            return scenario_runs.count_calls(connection, ["/search"], T0, T0 + MINUTE, who)

        assert (count(), count("192.0.2.1"), count("u7")) == (3, 1, 1)
        assert scenario_runs.count_calls(connection, ["/login"], T0, T0 + MINUTE) == 0


# ---------------------------------------------------------------- played on a real server


@pytest.fixture
def demo(tmp_path: Path) -> Iterator[Server]:
    with running_server(tmp_path, demo=1) as server:
        yield server


def test_what_is_played_is_stored_as_simulated_and_counted(tmp_path: Path) -> None:
    with running_server(tmp_path, scheduler=0) as server:
        said: list[dict[str, Any]] = []
        stop = threading.Event()
        orders = {
            "url": server.url,
            "session_key": (tmp_path / "secret_key").read_text(encoding="ascii"),
            "scenario": "version_probing",
            "strength": 2.0,
            "seed": 5,
            "seconds": 30,
        }

        def say(counts: dict[str, Any]) -> None:
            said.append(dict(counts))
            if counts["sent"] >= 10:
                stop.set()

        play(orders, stop, say)
        sent = said[-1]["sent"]
        assert said[-1]["answered"] == sent >= 10
        assert said[-1]["first_at"] <= now_ms()
        wait_until(lambda: stored_by(server, attackers("version_probing", 5)) == sent)


def stored_by(server: Server, gang: list[Any]) -> int:
    found = 0
    for name in names_of(gang):
        listed = server.get_json(f"/api/logs?ip_address={name}&limit=1000")["items"]
        assert {item["source"] for item in listed} <= {"simulated"}
        found += len(listed)
    return found


def test_a_fault_goes_with_its_server_and_its_run_is_told_as_cut_short(demo: Server) -> None:
    store = open_store(f"sqlite:///{demo.data_dir / 'foresight.db'}")
    try:
        run_id = ordered(store, scenario="dependency_down", now=now_ms())
        playing = "the fault"
        wait_until(lambda: run_of(store, run_id).first_at, seconds=90, what=playing)
        assert (demo.data_dir / FILE_NAME).exists()
        os.killpg(demo.process.pid, signal.SIGKILL)
        with running_server(demo.data_dir, port=demo.port, demo=1):
            wait_until(lambda: run_of(store, run_id).ended_at, seconds=60, what="its end")
            run = run_of(store, run_id)
            assert run.end_reason == "interrupted"
            assert not (demo.data_dir / FILE_NAME).exists()
    finally:
        store.close()
