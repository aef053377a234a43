"""Simulated scenarios of the OWASP API Security Top 10 (2023), mixed into made-up sites.

Ordinary traffic of a random site runs for 75 minutes; after at least 35 of them one to five clients
attack for five. The list of risks is that of https://owasp.org/API-Security/editions/2023/en/0x11-t10/;
what attackers do is written for this project: it measures whether what is known to happen is
recognised, not how often it happens.
"""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any, Final

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from datasets.owasp.place import with_route, with_strays
from datasets.owasp.scenarios import RISKS, SCENARIOS, UNSHOWN, Scenario
from datasets.owasp.scene import Requests, Scene, Sent, sending
from datasets.owasp.strain import strained
from datasets.sites import AFTERMATH_MS, Site, SiteRun, site_run
from ml.features import CLIENT, ENDPOINT, FEATURES, KEY, window_features
from ml.rhythm import RHYTHM

__all__ = ["COLUMNS", "RISKS", "SCENARIOS", "UNSHOWN", "Scenario", "scenario_windows"]

COLUMNS: Final = (*KEY, *FEATURES, *RHYTHM, "seed", "scenario", "attack", "attacked", "normal")
MINUTES: Final = 75
STARTS_S: Final = (35 * 60.0, 55 * 60.0)  # a subject needs a past
ATTACK_S: Final = 300.0
MOST_CLIENTS: Final = 5
FIRST_SITE: Final = 10_000  # seeds of sites; those below are trained on
SITES_A_SEED: Final = 20  # more than there are scenarios
FIRST_REQUEST: Final = 1 << 62  # fingerprints of attacks; those of sites lie below

_MINUTE_MS: Final = 60_000
_BY_NAME: Final = {scenario.name: scenario for scenario in SCENARIOS}

Bools = NDArray[np.bool_]
Columns = dict[str, NDArray[Any]]


def scenario_windows(
    names: Iterable[str] = tuple(_BY_NAME), seeds: Iterable[int] = (1,)
) -> pd.DataFrame:
    """Windows of both subjects, one site for each scenario and seed; equal for equal arguments.

    Parameters
    ----------
    names : iterable of str
        Of scenarios, each once.
    seeds : iterable of int
        From 0 up, each once. A site lies two days after the one before: those of seeds above
        1,600 are played after the year 2262, where timestamps of pandas end.

    Returns
    -------
    DataFrame
        `COLUMNS`: key, features and measures of rhythm as of `ml.features.window_features`, plus
        `seed`, `scenario` (of the whole run), `attack` (windows of clients that attack in them),
        `attacked` (windows of the attacked endpoint with requests of the attack) and `normal` (the
        whole site outside of the attack and the three minutes after).

    Raises
    ------
    ValueError
        There is no scenario of a name, or a name or a seed stands there twice.
    """
    names, seeds = [*names], [*seeds]
    unknown = sorted(set(names) - set(_BY_NAME))
    if unknown:
        raise ValueError(f"no scenario is called {unknown}; there are {sorted(_BY_NAME)}")
    if len({*names}) < len(names) or len({*seeds}) < len(seeds):
        raise ValueError(f"every name and seed may stand there once, got {names} and {seeds}")
    runs = [_windows_of(_BY_NAME[name], seed) for name in names for seed in seeds]
    return pd.concat(runs, ignore_index=True) if runs else pd.DataFrame(columns=list(COLUMNS))


def _windows_of(scenario: Scenario, seed: int) -> pd.DataFrame:
    site_seed = FIRST_SITE + SITES_A_SEED * seed + SCENARIOS.index(scenario)
    rng = np.random.default_rng([2023, site_seed])
    site, route = _attacked_site(scenario, site_seed, rng)
    clients = _attackers(scenario, site, site_seed, rng)
    per_minute = float(np.exp(rng.uniform(*np.log(scenario.per_minute))))
    sent = sending(len(clients), per_minute, rng.uniform(*STARTS_S), ATTACK_S, rng)
    asked = scenario.build(Scene(site.layout, route, sent, rng))
    own, answered = strained(site, sent, asked, rng)
    attack = _columns(site, sent, asked, clients) | answered
    merged = {name: np.concatenate([{**site.calls, **own}[name], attack[name]]) for name in attack}
    return _labelled(window_features(merged), attack, scenario).assign(seed=seed)[list(COLUMNS)]


def _attacked_site(scenario: Scenario, seed: int, rng: np.random.Generator) -> tuple[Site, int]:
    """A site and the number of its attacked route, -1: none."""
    site, route = site_run(SiteRun(seed, MINUTES, families=())), -1
    if scenario.route is not None:
        site, route = with_route(site, scenario.route, rng)
    return with_strays(site, MINUTES, rng), route


def _attackers(scenario: Scenario, site: Site, seed: int, rng: np.random.Generator) -> NDArray[Any]:
    """Names of one to five clients; of insiders about half are known to the site."""
    names = np.array(
        [f"x{seed}-{number}" for number in range(rng.integers(1, MOST_CLIENTS + 1))], object
    )
    known = rng.permutation([name for name, kind in site.client_kind.items() if kind == "normal"])
    for number, name in enumerate(known[: len(names)]):
        if scenario.insiders and rng.random() < 0.5:
            names[number] = str(name)
    return names


def _columns(site: Site, sent: Sent, asked: Requests, clients: NDArray[Any]) -> Columns:
    return {
        "timestamp": site.start_ms + (sent.at_s * 1000).astype(np.int64),
        "endpoint": asked.endpoint,
        "method": asked.method,
        "client": clients[sent.client],
        "path": asked.path,
        "fingerprint": FIRST_REQUEST + sent.client * 10_000_000 + asked.request,
        "simulated": np.ones(len(sent.at_s), np.bool_),
    }


def _labelled(windows: pd.DataFrame, attack: Columns, scenario: Scenario) -> pd.DataFrame:
    minute = attack["timestamp"] // _MINUTE_MS * _MINUTE_MS
    here = attack["endpoint"] == scenario.endpoint
    by_client = _among(windows, ["client"], minute, attack)
    by_endpoint = _among(
        windows, ["endpoint", "method"], minute[here], {n: v[here] for n, v in attack.items()}
    )
    start = windows["timestamp"].to_numpy()
    end = attack["timestamp"].max() + AFTERMATH_MS
    return windows.assign(
        scenario=scenario.name,
        attack=(windows["subject"] == CLIENT).to_numpy() & by_client,
        attacked=(windows["subject"] == ENDPOINT).to_numpy() & by_endpoint,
        normal=(start + _MINUTE_MS <= attack["timestamp"].min()) | (start >= end),
    )


def _among(windows: pd.DataFrame, key: list[str], minute: NDArray[Any], calls: Columns) -> Bools:
    """Whether each window holds one of the calls, by time and key."""
    there = pd.MultiIndex.from_arrays([minute, *(calls[name] for name in key)]).unique()
    return np.asarray(pd.MultiIndex.from_frame(windows[["timestamp", *key]]).isin(there))
