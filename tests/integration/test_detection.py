"""What the factory models say of simulated traffic that they were not trained on."""

from __future__ import annotations

import pandas as pd
import pytest

from datasets import combined
from datasets.synthetic import Run, call_columns, labelled_windows
from ingest.simulator.episodes import Planned
from ingest.traffic import History, simulate
from jobs.runtime import FACTORY_MODELS
from ml.bundle import Bundle
from ml.features import window_features
from ml.registry import Models
from tests.rows import MINUTE, T0

SEEDS = (7001, 7002, 7003)
START = 6  # minute in which an episode begins


@pytest.fixture(scope="module")
def bundle() -> Bundle:
    return Models(FACTORY_MODELS, FACTORY_MODELS).current()[1]


def scored(bundle: Bundle, windows: pd.DataFrame) -> pd.DataFrame:
    return bundle.score(windows, windows.iloc[:0], min_calls=5)


def during(bundle: Bundle, seed: int, name: str) -> tuple[History, pd.DataFrame]:
    """Scores of the windows of an episode; `minute` counts from the one in which it begins."""
    episode = Planned(name, start=START + 0.1, minutes=3)
    history = simulate(seed=seed, start_ms=T0, minutes=START + 5, episodes=[episode])
    windows = scored(bundle, window_features(call_columns(history.calls)))
    return history, windows.assign(minute=(windows.timestamp - T0) // MINUTE - START)


@pytest.mark.parametrize("seed", SEEDS)
def test_every_client_that_stuffs_credentials_is_high_within_two_windows(
    bundle: Bundle, seed: int
) -> None:
    history, windows = during(bundle, seed, "credential_stuffing")
    first = windows[windows.minute.isin([0, 1]) & (windows.priority == "HIGH")]
    assert set(history.episodes[0].clients) <= set(first.client)


@pytest.mark.parametrize("seed", SEEDS)
def test_an_outage_of_the_payment_provider_is_high_within_two_windows(
    bundle: Bundle, seed: int
) -> None:
    _, windows = during(bundle, seed, "dependency_down")
    first = windows[windows.minute.isin([0, 1]) & (windows.priority == "HIGH")]
    assert "/payment" in set(first.endpoint)


@pytest.mark.parametrize("seed", SEEDS)
def test_a_crash_is_high_within_two_windows(bundle: Bundle, seed: int) -> None:
    _, windows = during(bundle, seed, "crash")
    first = windows[windows.minute.isin([0, 1]) & (windows.priority == "HIGH")]
    assert "endpoint" in set(first.subject)


@pytest.mark.parametrize("seed", SEEDS)
def test_who_scans_for_paths_is_high_within_two_windows(bundle: Bundle, seed: int) -> None:
    history, windows = during(bundle, seed, "enumeration")
    first = windows[windows.minute.isin([0, 1]) & (windows.priority == "HIGH")]
    assert set(history.episodes[0].clients) <= set(first.client)


@pytest.mark.parametrize("seed", SEEDS)
def test_nothing_is_high_before_an_episode(bundle: Bundle, seed: int) -> None:
    for name in ("credential_stuffing", "crash"):
        windows = during(bundle, seed, name)[1]
        assert not (windows[windows.minute < 0].priority == "HIGH").any()


def test_six_calm_hours_raise_no_alarm(bundle: Bundle) -> None:
    runs = [
        Run(7100 + number, 120, intensity, clients, episodes=False, hour=8 * number)
        for number, (intensity, clients) in enumerate([(0.25, 40), (0.6, 40), (1.0, 25)])
    ]
    windows = scored(bundle, labelled_windows(runs))
    assert (windows.priority == "HIGH").sum() == 0
    assert (windows.priority == "MEDIUM").mean() < 0.02
    assert 0.005 < windows.is_anomaly.mean() < 0.08  # 5 % of the training, which is more varied


def test_clients_are_told_apart_by_how_they_call(bundle: Bundle) -> None:
    windows = scored(bundle, labelled_windows([Run(7200, 30, episodes=False)]))
    clients = windows[windows.subject == "client"]
    right = (clients.usage_cluster == clients.client_kind).groupby(clients.client_kind).mean()
    assert right["bot"] > 0.9
    assert right["normal"] > 0.85
    assert right["heavy"] > 0.7


def test_training_and_these_tests_share_no_seed() -> None:
    assert max(run.seed for run in combined.shop_runs(1)) < min(SEEDS)
