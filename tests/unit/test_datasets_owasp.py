"""Scenarios of the OWASP API Security Top 10: what they claim is in their windows."""

from __future__ import annotations

from functools import cache
from types import SimpleNamespace

import numpy as np
import pandas as pd
import pytest

from datasets.catalog import catalog
from datasets.owasp import COLUMNS, RISKS, SCENARIOS, UNSHOWN, Scenario, attacks, scenario_windows
from datasets.owasp.place import with_route, with_strays
from datasets.owasp.scene import Scene, sending
from datasets.owasp.strain import strained
from datasets.sites import Site, SiteRun, site_run
from ingest.call import UNMATCHED
from ml.features import CLIENT, ENDPOINT, KEY
from settings import Settings

NAMES = [scenario.name for scenario in SCENARIOS]
SEEDS = (1, 2, 3)
BY_SCENARIO = pytest.mark.parametrize("scenario", SCENARIOS, ids=NAMES)


@cache
def windows_of(name: str) -> pd.DataFrame:
    return scenario_windows([name], SEEDS)


@cache
def calm_site() -> Site:
    return site_run(SiteRun(20_001, 10, families=()))


def flooded(per_minute: float) -> SimpleNamespace:
    """A site and an attack of one minute on its first route, with what strain makes of both."""
    rng, site = np.random.default_rng(1), calm_site()
    sent = sending(2, per_minute, 120.0, 60.0, rng)
    asked = attacks.flood(Scene(site.layout, 0, sent, rng))
    own, answered = strained(site, sent, asked, rng)
    return SimpleNamespace(site=site, own=own, asked=asked, answered=answered)


def share_above(windows: pd.DataFrame, feature: str) -> float:
    """P(an attacking client's window > an ordinary client's of the same site); ties count half."""
    clients = windows[windows["subject"] == CLIENT]
    shares = []
    for _, site in clients.groupby("seed"):
        ordinary = np.sort(site.loc[site["normal"], feature])
        attack = site.loc[site["attack"], feature]
        sides = [np.searchsorted(ordinary, attack, side=side) for side in ("left", "right")]
        shares.append(np.mean(sides) / len(ordinary))
    return float(np.mean(shares))


def test_every_risk_has_a_scenario_or_the_reason_why_not() -> None:
    assert {scenario.risk for scenario in SCENARIOS} | set(UNSHOWN) == set(RISKS)
    assert set(RISKS) - {scenario.risk for scenario in SCENARIOS} == {"API10"}


def test_scenarios_have_different_names_and_say_what_they_look_like() -> None:
    assert len(set(NAMES)) == len(NAMES)
    assert all(len(scenario.looks_like) > 60 and scenario.title for scenario in SCENARIOS)


def test_the_same_seed_gives_the_same_windows_and_another_seed_another_site() -> None:
    once, again = (scenario_windows(["carding"], [4]) for _ in range(2))
    pd.testing.assert_frame_equal(once, again)
    other = scenario_windows(["carding"], [5])
    assert set(once["client"].dropna()).isdisjoint(other["client"].dropna())


def test_a_run_does_not_depend_on_the_others() -> None:
    both = scenario_windows(["carding", "flood"], [1, 2])
    alone = both[(both["scenario"] == "flood") & (both["seed"] == 2)].reset_index(drop=True)
    pd.testing.assert_frame_equal(alone, scenario_windows(["flood"], [2]))


def test_no_window_is_there_twice_in_any_scenario() -> None:
    windows = pd.concat([windows_of(name) for name in ("object_walk", "object_guessing")])
    assert not windows.duplicated(list(KEY)).any()


def test_columns_are_what_the_catalog_says() -> None:
    listed = next(one for one in catalog(Settings()) if one.name == "owasp")
    assert listed.columns == COLUMNS == tuple(windows_of("carding"))
    assert listed.available


@pytest.mark.parametrize(
    ("names", "seeds", "said"),
    [
        (["nothing"], [1], "no scenario is called"),
        (["flood", "flood"], [1], "once"),
        (["flood"], [1, 1], "once"),
    ],
    ids=["unknown", "name twice", "seed twice"],
)
def test_what_cannot_be_made_is_refused(names: list[str], seeds: list[int], said: str) -> None:
    with pytest.raises(ValueError, match=said):
        scenario_windows(names, seeds)


def test_nothing_asked_for_is_an_empty_frame() -> None:
    assert tuple(scenario_windows([], [1])) == COLUMNS
    assert len(scenario_windows(["flood"], [])) == 0


@BY_SCENARIO
def test_it_looks_as_it_says(scenario: Scenario) -> None:
    windows = windows_of(scenario.name)
    shares = {name: share_above(windows, name) for name in scenario.higher + scenario.lower}
    assert {name for name in scenario.higher if shares[name] < 0.7} == set()
    assert {name for name in scenario.lower if shares[name] > 0.3} == set()


@BY_SCENARIO
def test_one_to_five_clients_attack_for_five_minutes(scenario: Scenario) -> None:
    for _, site in windows_of(scenario.name).groupby("seed"):
        attack = site[site["attack"]]
        assert 1 <= attack["client"].nunique() <= 5
        assert 5 <= attack["timestamp"].nunique() <= 6
        assert set(attack["subject"]) == {CLIENT}


@BY_SCENARIO
def test_subjects_have_half_an_hour_of_ordinary_traffic_before(scenario: Scenario) -> None:
    for _, site in windows_of(scenario.name).groupby("seed"):
        begin = site.loc[site["attack"], "timestamp"].min()
        assert begin - site["timestamp"].min() >= 30 * 60_000
        assert site.loc[site["timestamp"] < begin - 60_000, "normal"].all()


@BY_SCENARIO
def test_attacked_windows_are_those_of_the_attacked_endpoint(scenario: Scenario) -> None:
    windows = windows_of(scenario.name)
    attacked = windows[windows["attacked"]]
    assert set(attacked["endpoint"]) == {scenario.endpoint}
    assert set(attacked["subject"]) == {ENDPOINT}
    assert attacked.groupby("seed")["timestamp"].nunique().between(4, 6).all()


@BY_SCENARIO
def test_normal_windows_are_outside_of_the_attack(scenario: Scenario) -> None:
    windows = windows_of(scenario.name)
    assert not (windows["normal"] & (windows["attack"] | windows["attacked"])).any()
    strangers = windows["client"].str.startswith("x", na=False)
    assert not (windows["normal"] & strangers).any()


def test_insiders_are_clients_that_the_site_knows() -> None:
    clients = pd.concat([windows_of(one.name) for one in SCENARIOS if one.insiders])
    known = clients.loc[clients["attack"], "client"].str.startswith("c")
    assert 0.1 < known.mean() < 0.9


def test_guessed_passwords_that_are_answered_200_raise_no_error_rate() -> None:
    windows = windows_of("password_guessing")
    alone = windows[windows["attack"] & (windows["unique_endpoints"] == 1)]
    assert (alone["error_rate"] < 0.05).mean() > 0.9


def test_slow_attacks_are_among_them() -> None:
    windows = windows_of("object_guessing")
    assert windows.loc[windows["attack"], "req_count"].min() < 20


def test_the_first_request_is_sent_at_once_and_the_rate_is_as_asked() -> None:
    sent = sending(1, 120.0, 50.0, 300.0, np.random.default_rng(3))
    assert sent.at_s[0] == 50.0
    assert (np.diff(sent.at_s) >= 0).all()
    assert 300 < len(sent.at_s) < 1200
    assert list(sent.nth) == list(range(len(sent.at_s)))


@pytest.mark.parametrize(
    "wanted", [("POST", "/login"), ("PUT", "/profiles/{id}"), ("GET", "/orders/{id}")]
)
def test_a_site_gets_the_wanted_route_by_renaming_one(wanted: tuple[str, str]) -> None:
    site, route = with_route(calm_site(), wanted, np.random.default_rng(1))
    assert (site.layout.methods[route], site.layout.names[route]) == wanted
    here = site.calls["endpoint"] == wanted[1]
    assert here.sum() > 0
    assert all(path.startswith(wanted[1]) for path in site.calls["path"][here])
    assert len(site.calls["path"]) == len(calm_site().calls["path"])
    assert len(np.unique(site.calls["endpoint"][~here])) <= len(site.layout.names)


def test_a_route_that_is_there_stays_as_it_is() -> None:
    layout = calm_site().layout
    site, route = with_route(
        calm_site(), (layout.methods[1], layout.names[1]), np.random.default_rng(1)
    )
    assert route == 1
    assert site is calm_site()


def test_people_stray_a_little_and_programs_do_not() -> None:
    site = with_strays(calm_site(), 10, np.random.default_rng(2))
    astray = site.calls["endpoint"] == UNMATCHED
    assert 0 < astray.sum() < 80
    assert set(site.calls["status_code"][astray]) == {404}
    kinds = {site.client_kind[name] for name in site.calls["client"][astray]}
    assert "bot" not in kinds


def test_a_few_requests_cost_the_others_next_to_nothing() -> None:
    played = flooded(10.0)
    before, after = played.site.calls["response_time_ms"], played.own["response_time_ms"]
    assert np.abs(after - before).mean() < 1.0
    assert (played.own["status_code"] == played.site.calls["status_code"]).mean() > 0.99


def test_a_flood_beyond_all_workers_keeps_others_waiting_and_turns_some_away() -> None:
    played = flooded(60_000.0)
    at_s = (played.site.calls["timestamp"] - played.site.start_ms) / 1000
    during = (at_s > 130) & (at_s < 180)
    layout = played.site.layout
    of_backend = [
        n for n, b in zip(layout.names, layout.backend, strict=True) if b == layout.backend[0]
    ]
    here = during & np.isin(played.site.calls["endpoint"], of_backend)
    assert (played.own["status_code"][here] >= 500).mean() > 0.5
    assert (played.answered["status_code"] == 503).mean() > 0.3
    earlier = at_s < 119
    for name, values in played.own.items():
        assert (values[earlier] == played.site.calls[name][earlier]).all()


def test_bodies_of_wrong_passwords_are_all_of_one_size() -> None:
    windows = windows_of("password_guessing")
    alone = windows[windows["attack"] & windows["client"].str.startswith("x", na=False)]
    assert (alone["payload_top_share"] > 0.9).mean() > 0.9
    assert (alone["payload_mean"].round() == 120).mean() > 0.9
