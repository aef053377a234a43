"""Reasons and causes as the scoring job stores them, for simulated episodes."""

from __future__ import annotations

import json
from collections.abc import Sequence
from typing import Any

import pytest

from ingest.call import Call
from ingest.simulator.episodes import Planned
from ingest.traffic import History, simulate
from jobs.runtime import FACTORY_MODELS
from jobs.scoring import score_all
from ml.bundle import Bundle
from ml.registry import Models
from store import Store, lists, open_store, writes
from store.lists import Filters
from tests.rows import MINUTE, T0

START = 12  # minute in which an episode begins
MINUTES = 3


@pytest.fixture(scope="module")
def bundle() -> Bundle:
    return Models(FACTORY_MODELS, FACTORY_MODELS).current()[1]


def history(name: str, seed: int) -> History:
    episode = Planned(name, START + 0.1, MINUTES)
    return simulate(seed=seed, start_ms=T0, minutes=START + MINUTES, episodes=[episode])


def windows_of(store: Store, bundle: Bundle, calls: Sequence[Call]) -> list[dict[str, Any]]:
    """All scored windows, `reasons` and `causes` decoded."""
    with store.begin() as connection:
        writes.add_calls(connection, calls, store.grid)
    score_all(store, "v1", bundle, lambda: T0 + 60 * MINUTE, min_calls=5)
    items = lists.windows_page(store, Filters(), 10_000).items
    return [
        item | {name: json.loads(item[name] or "null") for name in ("reasons", "causes")}
        for item in items
    ]


def risky_endpoints(windows: list[dict[str, Any]]) -> list[dict[str, Any]]:
    return [w for w in windows if w["subject"] == "endpoint" and w["priority"] != "LOW"]


def test_windows_of_medium_and_above_have_reasons_and_only_their_endpoints_have_causes(
    store: Store, bundle: Bundle
) -> None:
    windows = windows_of(store, bundle, history("crash", 7300).calls)
    risky = [w for w in windows if w["priority"] != "LOW"]
    assert {w["subject"] for w in risky} == {"endpoint", "client"}
    assert all(1 <= len(w["reasons"]) <= 3 for w in risky)
    assert all(w["reasons"] is w["causes"] is None for w in windows if w["priority"] == "LOW")
    assert all(w["causes"] is None for w in windows if w["subject"] == "client")
    assert [w["causes"] for w in risky_endpoints(windows)] == [[]] * len(risky_endpoints(windows))
    crashed = [w for w in risky_endpoints(windows) if w["timestamp"] >= T0 + START * MINUTE]
    assert {w["reasons"][0]["feature"] for w in crashed} == {"error_rate"}


@pytest.mark.parametrize("name", ["credential_stuffing", "carding"])
@pytest.mark.parametrize("seed", [7301, 7302])
def test_those_who_misuse_an_endpoint_are_named(
    sqlite_store: Store, bundle: Bundle, name: str, seed: int
) -> None:
    played = history(name, seed)
    guilty = set(played.episodes[0].clients)
    windows = risky_endpoints(windows_of(sqlite_store, bundle, played.calls))
    mine = [w for w in windows if w["endpoint"] == played.episodes[0].endpoint]
    assert len(mine) >= MINUTES - 1
    for window in mine:
        accused = [cause["client"] for cause in window["causes"]]
        assert accused, window
        assert set(accused) <= guilty
        assert window["causes"][0]["risk_without"] < 0.5
    assert not [w for w in windows if w not in mine and w["causes"]]


@pytest.mark.parametrize("seed", [7303, 7304])
def test_nobody_is_named_when_the_payment_provider_is_down(
    sqlite_store: Store, bundle: Bundle, seed: int
) -> None:
    windows = windows_of(sqlite_store, bundle, history("dependency_down", seed).calls)
    risky = risky_endpoints(windows)
    assert len(risky) >= MINUTES
    assert [w["causes"] for w in risky if w["causes"]] == []


def test_overlapping_windows_have_causes_too(tmp_path: Any, bundle: Bundle) -> None:
    store = open_store(f"sqlite:///{tmp_path / 'sliding.db'}", 60_000, 20_000)
    played = history("credential_stuffing", 7305)
    windows = risky_endpoints(windows_of(store, bundle, played.calls))
    assert len(windows) > 3 * (MINUTES - 1)
    inside = [w for w in windows if w["timestamp"] >= T0 + START * MINUTE]
    assert all({c["client"] for c in w["causes"]} <= {*played.episodes[0].clients} for w in inside)
    assert sum(bool(w["causes"]) for w in inside) >= 0.8 * len(inside)
    store.close()
