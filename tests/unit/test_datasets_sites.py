"""Made-up sites: the same for the same seed, with faults that do what they claim."""

from __future__ import annotations

from itertools import pairwise
from typing import Any

import numpy as np
import pytest

from datasets.sites import GRADUAL, LEARNT, SUDDEN, UNSEEN, Site, SiteRun, site_run, site_windows
from datasets.sites.faults import Episode, World, apply, planned
from datasets.sites.layout import Layout, drawn_layout
from ml.failure import is_failing
from ml.features import FEATURES, KEY
from ml.past import feature_matrix

SEEDS = range(36_000, 36_004)
Floats = np.ndarray[Any, Any]


def windows_fail(runs: list[SiteRun]) -> tuple[Any, Floats]:
    """Windows of endpoints with enough calls, and which of them fail."""
    windows = site_windows(runs)
    windows = windows[windows["req_count"] >= 5]
    return windows, is_failing(feature_matrix(windows))


# Seeds


def test_the_same_seed_gives_the_same_calls_and_another_one_another_site() -> None:
    one, again = (site_run(SiteRun(36_100, 60)) for _ in range(2))
    for name, values in one.calls.items():
        np.testing.assert_array_equal(values, again.calls[name])
    assert one.episodes == again.episodes
    other = site_run(SiteRun(36_101, 60))
    assert other.start_ms != one.start_ms
    assert other.layout.names != one.layout.names


def test_clients_of_two_runs_share_no_name_and_runs_no_minute() -> None:
    one, other = (site_run(SiteRun(seed, 60, ())) for seed in (36_102, 36_103))
    assert set(one.client_kind).isdisjoint(other.client_kind)
    assert one.calls["timestamp"].max() < other.calls["timestamp"].min()


def test_a_site_has_the_size_that_is_said() -> None:
    for seed in range(50):
        layout = drawn_layout(np.random.default_rng(seed))
        assert 3 <= len(layout.names) <= 24
        assert 1 <= len(layout.workers) <= 5
        assert set(layout.backend) == set(range(len(layout.workers))), "no backend without a route"
        assert len({*zip(layout.names, layout.methods, strict=True)}) == len(layout.names)


def test_calls_lie_within_the_run_and_in_the_order_of_time() -> None:
    run = SiteRun(36_104, 60, ())
    site = site_run(run)
    at = site.calls["timestamp"]
    assert (np.diff(at) >= 0).all()
    assert site.start_ms <= at[0]
    assert at[-1] < site.start_ms + run.minutes * 60_000
    assert set(site.calls["client"]) <= set(site.client_kind)
    assert (site.calls["response_time_ms"] > 0).all()


# The families


def test_unseen_families_are_not_among_the_learnt() -> None:
    assert not {*UNSEEN} & {*LEARNT}
    assert {*GRADUAL} == {*UNSEEN, *LEARNT}
    assert not {*GRADUAL} & {*SUDDEN}


def test_runs_play_the_families_they_are_given_and_sudden_faults() -> None:
    for families in (LEARNT, UNSEEN):
        runs = [site_run(SiteRun(seed, 300, families)) for seed in range(36_200, 36_204)]
        names = {episode.name for run in runs for episode in run.episodes}
        assert names <= {*families, *SUDDEN}
        assert len(names & {*families}) >= 2


def test_episodes_leave_time_for_a_past_and_between_them() -> None:
    for seed in range(200):
        episodes = planned(LEARNT, 600, 3, np.random.default_rng(seed))
        assert all(one.start >= 40 * 60 for one in episodes)
        assert all(one.end <= 600 * 60 for one in episodes)
        for one, after in pairwise(episodes):
            assert after.start - one.end >= 15 * 60 - 1
        assert all(not one.near_miss for one in episodes if one.name in SUDDEN)
        for one in episodes:
            assert one.strength < 1 if one.near_miss else one.strength > 1


def world_with(name: str, strength: float = 2.0) -> tuple[World, Layout, Floats]:
    """A fault on the first backend in the second half of an hour; where its routes are."""
    layout = drawn_layout(np.random.default_rng(10))
    assert len(layout.workers) > 1
    world = World.calm(layout, 3600)
    rng = np.random.default_rng(0)
    busy = np.full(len(layout.workers), 0.25)
    apply(world, Episode(name, 0, 1800, 3600, strength, False), layout, busy, rng)
    return world, layout, np.flatnonzero(layout.backend == 0)


EFFECTS = {  # which quantities each family changes
    "memory_leak": {"work", "down"},
    "connection_leak": {"capacity"},
    "retry_storm": {"work", "retries"},
    "load_surge": {"load"},
    "cache_decay": {"work"},
    "canary_errors": {"error"},
    "lock_contention": {"delay_s", "delayed"},
    "disk_filling": {"work", "error"},
    "slow_dependency": {"delay_s", "delayed"},
    "cpu_steal": {"capacity", "work"},
    "packet_loss": {"delay_s", "delayed", "error"},
    "crash": {"down"},
    "dependency_down": {"delay_s", "delayed", "error"},
    "bad_deploy": {"work", "error"},
}


def test_each_family_is_looked_at() -> None:
    assert {*EFFECTS} == {*GRADUAL, *SUDDEN}


@pytest.mark.parametrize("name", EFFECTS)
def test_a_fault_changes_what_it_claims_and_nothing_before_it_begins(name: str) -> None:
    world, layout, _ = world_with(name)
    calm = World.calm(layout, 3600)
    changed = set()
    for quantity, values in vars(world).items():
        ordinary = vars(calm)[quantity]
        np.testing.assert_array_equal(values[..., :1800], ordinary[..., :1800])
        if (values != ordinary).any():
            changed.add(quantity)
    assert changed == EFFECTS[name]


@pytest.mark.parametrize("name", [name for name in GRADUAL if name != "cpu_steal"])
def test_a_fault_of_a_backend_leaves_the_others_alone(name: str) -> None:
    world, layout, own = world_with(name)
    calm, others = World.calm(layout, 3600), np.setdiff1d(np.arange(len(layout.names)), own)
    for quantity in ("work", "delay_s", "delayed", "error"):
        np.testing.assert_array_equal(
            vars(world)[quantity][others], vars(calm)[quantity][others], err_msg=quantity
        )
    for quantity in ("capacity", "down", "retries"):
        np.testing.assert_array_equal(vars(world)[quantity][1:], vars(calm)[quantity][1:])


@pytest.mark.parametrize("name", GRADUAL)
def test_a_gradual_fault_grows_to_its_end(name: str) -> None:
    world, _, own = world_with(name)
    grown = []
    for quantity in EFFECTS[name] - {"down", "retries"}:
        values = vars(world)[quantity]
        if values.ndim == 2:
            values = -values[:1] if quantity == "capacity" else values[own]
        by_minute = values.reshape(-1, 60, 60).mean(axis=(0, 2))[30:]
        assert (np.diff(by_minute) >= -1e-9).all(), quantity
        grown.append(by_minute[-1] > by_minute[0])
    assert any(grown)


def test_a_filling_disk_slows_writes_and_fails_them_alone() -> None:
    world, layout, own = world_with("disk_filling")
    writes = np.array([layout.methods[route] in ("POST", "PUT") for route in own])
    assert writes.any()
    assert not writes.all()
    assert (world.work[own[writes], -1] > 2).all()
    assert (world.error[own[writes], -1] > 0.3).all()
    assert (world.work[own[~writes]] == 1).all()


def at_the_end(site: Site, episode: Episode) -> tuple[float, float]:
    """Mean time [ms] and share of errors at the worst route in the last tenth of a fault."""
    calls = site.calls
    at_s = (calls["timestamp"] - site.start_ms) / 1000
    last = (at_s >= episode.end - (episode.end - episode.start) / 10) & (at_s < episode.end)
    of_backend = {
        (site.layout.names[route], site.layout.methods[route])
        for route in np.flatnonzero(site.layout.backend == episode.backend)
    }
    found = []
    for name, method in of_backend:
        rows = last & (calls["endpoint"] == name) & (calls["method"] == method)
        if rows.sum() >= 5:
            times, status = calls["response_time_ms"][rows], calls["status_code"][rows]
            found.append((times.mean(), (status >= 500).mean()))
    slowest, worst = np.max(found, axis=0) if found else (np.nan, np.nan)
    return float(slowest), float(worst)


@pytest.mark.parametrize("family", GRADUAL)
def test_a_fault_that_is_not_repaired_hurts_by_its_end(family: str) -> None:
    sites = [site_run(SiteRun(seed, 240, (family,))) for seed in SEEDS]
    ends = [
        at_the_end(site, episode)
        for site in sites
        for episode in site.episodes
        if episode.name == family and not episode.near_miss
    ]
    known = [(ms, errors) for ms, errors in ends if not np.isnan(ms)]
    assert len(known) >= 3
    hurt = [ms > 800 or errors > 0.3 for ms, errors in known]
    assert np.mean(hurt) >= 0.6, known


# Near misses and calm runs


def test_near_misses_recover_and_hardly_ever_fail() -> None:
    windows, failing = windows_fail([SiteRun(seed, 300) for seed in range(36_300, 36_308)])
    near = windows["near_miss"].to_numpy(np.bool_)
    fault = (windows["gradual"] & ~windows["near_miss"]).to_numpy(np.bool_)
    assert near.sum() > 100
    assert failing[near].mean() < 0.25 * failing[fault].mean()
    after = (windows["episode"] == "").to_numpy()
    assert failing[after].mean() < 0.01


def test_calm_runs_hardly_ever_fail() -> None:
    windows, failing = windows_fail([SiteRun(seed, 240, ()) for seed in range(36_400, 36_406)])
    assert set(windows["episode"]) == {""}
    assert len(windows) > 3_000
    assert failing.mean() < 0.002


# Windows and labels


def test_windows_are_labelled_by_the_episode_they_lie_in() -> None:
    run = SiteRun(36_000, 240)
    site, windows = site_run(run), site_windows([run], clients=True)
    assert {*KEY, *FEATURES, "seed", "episode", "gradual", "near_miss", "client_kind"} <= {*windows}
    minute = (windows["timestamp"] - site.start_ms) / 1000
    for episode in site.episodes:
        inside = (minute >= episode.start) & (minute + 60 <= episode.end)
        assert set(windows["episode"][inside]) <= {episode.name}
    first = min(episode.start for episode in site.episodes)
    assert set(windows["episode"][minute + 60 <= first]) == {""}
    clients = windows[windows["subject"] == "client"]
    assert clients["client_kind"].tolist() == [site.client_kind[c] for c in clients["client"]]
    assert set(site_windows([run])["subject"]) == {"endpoint"}


def test_bots_repeat_themselves_and_heavy_clients_call_more_than_people() -> None:
    windows = site_windows([SiteRun(36_500, 120, ()), SiteRun(36_501, 120, ())], clients=True)
    by_kind = windows[windows["subject"] == "client"].groupby("client_kind")
    repeats, calls = by_kind["repeat_rate"].mean(), by_kind["req_count"].mean()
    assert repeats["bot"] > repeats["heavy"]
    assert repeats["bot"] > repeats["normal"]
    assert calls["heavy"] > calls["normal"]
