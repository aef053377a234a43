"""Made-up sites: APIs drawn at random, with queues, day and week rhythm and faults that grow.

The mock shop is one API; models that shall serve any site have to see many. Everything here is
simulated: sites of 3 to 24 routes on 1 to 5 backends, called by 8 to 60 clients. It is computed on
whole arrays, a few hundred times as fast as a simulation of single requests, so that hundreds of
sites fit into a minute.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from typing import Any, Final, NamedTuple

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from datasets.sites.callers import Arrivals, arrivals, busyness, drawn_callers
from datasets.sites.faults import GRADUAL, LEARNT, SUDDEN, UNSEEN, Episode, World, apply, planned
from datasets.sites.layout import Layout, drawn_layout
from datasets.sites.serving import answers, usual_load
from ml.features import ENDPOINT, window_features

__all__ = ["GRADUAL", "LEARNT", "SUDDEN", "UNSEEN", "Site", "SiteRun", "site_run", "site_windows"]

FIRST_RUN_MS: Final = 1_704_067_200_000  # 2024-01-01T00:00:00Z
DAY_MS: Final = 86_400_000
AFTERMATH_MS: Final = 180_000  # queues and retries last a little longer than their cause
CALLS_PER_S: Final = (1.0, 20.0)


@dataclass(frozen=True)
class SiteRun:
    """Some hours of a site that the seed draws."""

    seed: int
    minutes: int = 300
    families: tuple[str, ...] = LEARNT  # of gradual faults; none: a calm run


class Site(NamedTuple):
    """A run of a site: its calls as columns, and what is true about them."""

    calls: dict[str, NDArray[Any]]  # as `store.reads.calls_between` gives them
    layout: Layout
    episodes: list[Episode]
    client_kind: dict[str, str]
    start_ms: int


def site_run(run: SiteRun) -> Site:
    """Play a run; the same for the same argument."""
    rng = np.random.default_rng([2024, run.seed])
    layout, seconds = drawn_layout(rng), 60 * run.minutes
    start_ms = FIRST_RUN_MS + run.seed * 2 * DAY_MS + int(rng.integers(24)) * 3_600_000
    callers = drawn_callers(layout, float(np.exp(rng.uniform(*np.log(CALLS_PER_S)))), rng)
    level = busyness(start_ms / 1000, seconds, rng)
    per_s = (callers.per_s[:, None] * callers.taste).sum(axis=0)
    busy, workers = usual_load(layout, per_s, rng)
    world = World.calm(layout, seconds)
    episodes = planned(run.families, run.minutes, len(workers), rng) if run.families else []
    for episode in episodes:
        apply(world, episode, layout, busy, rng)
    calls = arrivals(layout, callers, level * world.load, rng)
    answered = answers(layout, calls, world, busy, workers, rng)
    names = np.array([f"c{run.seed}-{number}" for number in range(len(callers.kind))], object)
    columns = _columns(layout, calls, names, start_ms) | {
        "response_time_ms": answered.latency_s * 1000,
        "status_code": answered.status,
        "payload_size": answered.payload,
    }
    return Site(columns, layout, episodes, dict(zip(names, callers.kind, strict=True)), start_ms)


def site_windows(runs: Iterable[SiteRun], *, clients: bool = False) -> pd.DataFrame:
    """Windows of several runs with their labels.

    Parameters
    ----------
    clients : bool
        Whether windows of clients are wanted, too.

    Returns
    -------
    DataFrame
        As of `ml.features.window_features`, plus `seed`, `episode` (fault, "" for none), `gradual`
        (bool), `near_miss` (bool) and `client_kind`.
    """
    return pd.concat([_windows_of(run, clients) for run in runs], ignore_index=True)


def _windows_of(run: SiteRun, clients: bool) -> pd.DataFrame:
    site = site_run(run)
    windows = window_features(site.calls)
    if not clients:
        windows = windows[windows["subject"] == ENDPOINT].reset_index(drop=True)
    windows["seed"] = run.seed
    windows["episode"], windows["gradual"], windows["near_miss"] = "", False, False
    start = windows["timestamp"].to_numpy()
    for episode in site.episodes:
        begin, end = (site.start_ms + 1000 * at for at in (episode.start, episode.end))
        during = (start + 60_000 > begin) & (start < end + AFTERMATH_MS)
        windows.loc[during, "episode"] = episode.name
        windows.loc[during, "gradual"] = episode.name in GRADUAL
        windows.loc[during, "near_miss"] = episode.near_miss
    windows["client_kind"] = windows["client"].map(site.client_kind).astype(object)
    return windows


def _columns(
    layout: Layout, calls: Arrivals, names: NDArray[Any], start_ms: int
) -> dict[str, NDArray[Any]]:
    endpoint = np.array(layout.names, object)[calls.route]
    single = layout.ids[calls.route] == 1
    paths = np.array([f"{calls_id}" for calls_id in range(int(layout.ids.max()))], object)
    path = np.where(single, endpoint, endpoint + np.array("/", object) + paths[calls.path])
    print_ = (calls.client * 1_000 + calls.route) * 100_003 + calls.path * 1_000_000_007
    fingerprint = print_ * 31 + np.where(calls.request < 10, calls.request, calls.request * 7919)
    return {
        "timestamp": start_ms + (calls.at_s * 1000).astype(np.int64),
        "endpoint": endpoint,
        "method": np.array(layout.methods, object)[calls.route],
        "client": names[calls.client],
        "path": path,
        "fingerprint": fingerprint,
        "simulated": np.ones(len(calls.at_s), np.bool_),
    }
