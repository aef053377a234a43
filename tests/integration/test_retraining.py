"""Retraining on stored windows, and the gate that a candidate must pass."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pandas as pd
import pytest
from sqlalchemy import select

from ingest.call import LIVE
from ingest.traffic import Planned, simulate
from jobs import retraining, scoring, versions
from jobs.gate import CALM_HIGH_ALLOWED, TOLERANCE, gate, worse
from jobs.retention import DAY_MS
from jobs.runtime import EXTENSION, FACTORY_MODELS
from ml.bundle import Bundle
from ml.registry import Models
from settings import Settings
from store import Store, open_store, writes
from store.feedback import FALSE_ALARM, WindowKey, save_verdict
from store.model_events import newest_events
from store.tables import anomaly_log
from tests.integration.conftest import running_app
from tests.nightly_site import FIRST_NIGHT, TRAINED_NIGHTS, end_of

FIGURES = {**dict.fromkeys(TOLERANCE, 0.9), "calm_high_windows": 0}


class Blind(Bundle):
    """Finds nothing strange."""

    def score(self, windows: pd.DataFrame, past: pd.DataFrame, **options: Any) -> pd.DataFrame:
        scored = super().score(windows, past, **options)
        return scored.assign(anomaly_score=0.0, priority="LOW")


@pytest.fixture
def models(tmp_path: Path) -> Models:
    return Models(tmp_path / "models", FACTORY_MODELS)


def events(store: Store) -> list[dict[str, Any]]:
    with store.read() as connection:
        return newest_events(connection, 10)


@pytest.mark.parametrize("name", TOLERANCE)
def test_a_figure_may_fall_by_its_tolerance_and_no_more(name: str) -> None:
    assert worse(FIGURES, FIGURES | {name: 0.9 - TOLERANCE[name] + 1e-9}) == []
    assert worse(FIGURES, FIGURES | {name: 0.5}) == [f"{name} fell from 0.900 to 0.500"]


def test_calm_traffic_may_not_raise_more_high_windows() -> None:
    assert worse(FIGURES, FIGURES | {"calm_high_windows": CALM_HIGH_ALLOWED}) == []
    assert worse(FIGURES | {"calm_high_windows": 3}, FIGURES | {"calm_high_windows": 3}) == []
    assert worse(FIGURES, FIGURES | {"calm_high_windows": 2}) == [
        "calm_high_windows rose from 0 to 2"
    ]


def test_the_same_models_pass(factory: Bundle) -> None:
    decision = gate(factory, factory)
    assert decision.promote
    assert decision.figures["before"] == decision.figures["after"] == decision.figures["floor"]
    assert decision.figures["before"]["anomaly_roc_auc"] > 0.97


def test_models_that_miss_attacks_are_refused_with_the_figures(factory: Bundle) -> None:
    decision = gate(factory, Blind(**vars(factory)))
    assert not decision.promote
    assert "attack_recall_medium fell from " in decision.reason
    before, after = decision.figures["before"], decision.figures["after"]
    assert after["attack_recall_medium"] < before["attack_recall_medium"]


def test_a_floor_stops_a_chain_of_small_losses(factory: Bundle) -> None:
    own = gate(factory, factory).figures["before"]
    slightly = {**own, "anomaly_roc_auc": own["anomaly_roc_auc"] + 0.004}
    assert gate(factory, factory, slightly).promote
    assert gate(factory, factory, slightly).figures["floor"] == slightly


def test_models_below_the_floor_that_a_person_chose_are_the_new_floor(factory: Bundle) -> None:
    decision = gate(factory, factory, FIGURES | dict.fromkeys(TOLERANCE, 2.0))
    assert decision.promote
    assert decision.figures["floor"] == decision.figures["before"]


def test_a_candidate_that_is_not_worse_becomes_current(site: Store, models: Models) -> None:
    before = models.version()
    said = retraining.retrain(site, models, end_of(TRAINED_NIGHTS))
    event = events(site)[0]
    assert (event["event"], event["who"]) == ("promoted", "nightly job")
    assert said == f"{event['version']} promoted: not worse on the frozen scenarios"
    assert models.version() == event["version"] != before
    manifest = models.manifest()
    assert (manifest["base"], manifest["sources"]) == (before, ["stored"])
    assert manifest["gate"] == event["detail"]["gate"]
    assert manifest["reference"]["figures"] == manifest["gate"]["before"]
    assert models.rollback() == before


def attacked_site(store: Store, bundle: Bundle) -> None:
    """Two hours of a site whose attackers somebody took for harmless."""
    names = ("credential_stuffing", "enumeration", "carding")
    episodes = [
        Planned(names[number % 3], 20 + 9 * number, 4, 0.7 + 0.1 * number) for number in range(9)
    ]
    history = simulate(seed=7700, start_ms=FIRST_NIGHT, minutes=110, episodes=episodes)
    with store.begin() as connection:
        own = [call._replace(source=LIVE) for call in history.calls]
        writes.add_calls(connection, own, store.grid)
    scoring.score_all(store, "test", bundle, lambda: FIRST_NIGHT + DAY_MS, min_calls=5)
    attackers = {client for episode in history.episodes for client in episode.clients}
    with store.begin() as connection:
        rows = connection.execute(select(anomaly_log).where(anomaly_log.c.priority != "LOW"))
        for row in rows.mappings().all():
            if row["client"] in attackers:
                key = WindowKey(*(row[name] for name in WindowKey._fields))
                save_verdict(connection, key, FALSE_ALARM, who="somebody", at=FIRST_NIGHT)


def test_a_candidate_that_takes_attacks_for_harmless_is_refused(
    sqlite_store: Store, models: Models, factory: Bundle
) -> None:
    attacked_site(sqlite_store, factory)
    now = FIRST_NIGHT + DAY_MS
    said = retraining.retrain(sqlite_store, models, now)
    event = events(sqlite_store)[0]
    assert event["event"] == "refused"
    assert said == f"{event['version']} refused: {event['reason']}"
    assert " fell from " in event["reason"]
    assert models.version() != event["version"]  # still the factory's
    assert event["version"] in [version.name for version in models.versions()]
    assert (
        versions.promote(
            sqlite_store, models, event["version"], who="admin", reason="by hand", at=now
        )
        == models.version()
    )


def test_too_little_traffic_is_no_error_and_leaves_nothing(
    sqlite_store: Store, models: Models
) -> None:
    said = retraining.retrain(sqlite_store, models, FIRST_NIGHT)
    assert said.startswith("not retrained: 0 normal endpoint windows of the last 30 days")
    assert events(sqlite_store) == []
    assert not models.directory.exists()


@pytest.mark.parametrize("candidate", [False, True], ids=["current", "candidate"])
def test_the_command_trains_on_the_store(site: Store, tmp_path: Path, candidate: bool) -> None:
    url = site.writer.url.render_as_string(hide_password=False)
    with running_app(tmp_path / "data", url) as app, app.app_context():
        command = ["train", "--from", "stored", *(["--candidate"] if candidate else [])]
        result = app.test_cli_runner().invoke(args=command)
        current = app.extensions[EXTENSION].models.version()
    assert result.exit_code == 0, result.stderr
    told, event = json.loads(result.stdout), events(site)[0]
    assert event["event"] == ("trained" if candidate else "promoted")
    assert event["version"] == told["version"]
    assert (told["version"] == current) is not candidate
    assert event["detail"]["gate"] == told["gate"]


def settings_of(data_dir: Path, **options: Any) -> Settings:
    return Settings(data_dir=data_dir, _env_file=None, **options)


def test_it_runs_in_a_process_of_its_own(tmp_path: Path) -> None:
    said = retraining.retrain_apart(settings_of(tmp_path), lambda: True)
    assert said.startswith("not retrained: 0 normal endpoint windows")


def test_a_server_that_ends_does_not_wait_for_it(tmp_path: Path) -> None:
    said = retraining.retrain_apart(settings_of(tmp_path), lambda: False)
    assert said == "not retrained: the server ended"


def test_a_run_that_fails_says_why(tmp_path: Path) -> None:
    open_store(settings_of(tmp_path).store_url, window_ms=30_000, step_ms=30_000).close()
    with pytest.raises(
        RuntimeError, match="retraining failed: ValueError: the store has window_ms"
    ):
        retraining.retrain_apart(settings_of(tmp_path), lambda: True)
    assert not (tmp_path / "models").exists()
