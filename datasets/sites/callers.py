"""Who calls a made-up site, and when: people in visits, integrations all day, bots on a beat."""

from __future__ import annotations

from typing import Final, NamedTuple

import numpy as np
from numpy.typing import NDArray

from datasets.sites.layout import Layout

SHARES: Final = {"normal": 0.60, "heavy": 0.25, "bot": 0.15}  # of clients
VARIETY: Final = {"normal": (0.6, 1.0), "heavy": (0.5, 1.0), "bot": (0.0, 0.3)}  # of requests
DAY_SPREAD: Final = 0.35  # busiest and quietest hour differ from the mean by up to this share
WEEKEND: Final = (0.5, 1.1)  # times the calls of a working day
VISIT_S: Final = 240.0  # mean length of a person's visit
AWAY_S: Final = 500.0  # mean time between two visits

Floats = NDArray[np.float64]
Ints = NDArray[np.int64]


class Arrivals(NamedTuple):
    """Requests in the order of time."""

    at_s: Floats  # since the start of the run
    client: Ints
    route: Ints
    path: Ints  # number of the concrete path of the route
    request: Ints  # what was asked exactly; equal numbers of a client are identical requests


class Callers(NamedTuple):
    """The clients of a site."""

    kind: tuple[str, ...]
    per_s: Floats  # calls a second while active, of each client
    taste: Floats  # share of each route, shape (n_clients, n_routes)
    variety: Floats  # share of requests that were never asked before, of each client


def drawn_callers(layout: Layout, calls_per_s: float, rng: np.random.Generator) -> Callers:
    """Clients whose calls add up to about `calls_per_s`."""
    count = int(np.exp(rng.uniform(np.log(8), np.log(60))))
    kind = tuple(str(k) for k in rng.choice([*SHARES], count, p=[*SHARES.values()]))
    weight = np.array([{"normal": 1.0, "heavy": 5.0, "bot": 4.0}[k] for k in kind])
    active = np.array([VISIT_S / (VISIT_S + AWAY_S) if k == "normal" else 1.0 for k in kind])
    weight *= rng.lognormal(0.0, 0.5, count)
    per_s = calls_per_s * weight / (weight * active).sum()
    taste = np.stack([_taste(layout, k, rng) for k in kind])
    variety = np.array([rng.uniform(*VARIETY[k]) for k in kind])
    return Callers(kind, per_s, taste, variety)


def _taste(layout: Layout, kind: str, rng: np.random.Generator) -> Floats:
    """A bot wants one to three routes, others a mix around what the site is used for."""
    if kind == "bot":
        routes = len(layout.share)
        wanted = min(int(rng.integers(1, 4)), routes)
        chosen = rng.choice(routes, wanted, p=layout.share, replace=False)
        taste = np.zeros(routes)
        taste[chosen] = 1.0 / len(chosen)
        return taste
    return np.asarray(rng.dirichlet(layout.share * 12.0 + 1e-3))


def busyness(start_s: float, seconds: int, rng: np.random.Generator) -> Floats:
    """How busy each second of a run is, around 1: by hour, by day of the week, and by chance.

    Parameters
    ----------
    start_s : float
        When the run starts [epoch s].
    """
    now = start_s + np.arange(seconds)
    busiest, spread = rng.uniform(9, 21), rng.uniform(0.05, DAY_SPREAD)
    level = 1.0 + spread * np.cos((now / 3_600 % 24 - busiest) * np.pi / 12)
    weekend = (now // 86_400 + 4) % 7 >= 5  # 1970-01-01 was a Thursday
    level *= np.where(weekend, rng.uniform(*WEEKEND), 1.0)
    return level * np.exp(wander(seconds, 600.0, rng.uniform(0.02, 0.12), rng))


def wander(seconds: int, correlation_s: float, spread: float, rng: np.random.Generator) -> Floats:
    """A slow random walk around 0 of this standard deviation (Ornstein-Uhlenbeck), each second."""
    step = max(1, int(correlation_s / 20))
    knots = seconds // step + 2
    keep = np.exp(-step / correlation_s)
    noise = rng.normal(0.0, spread * np.sqrt(1 - keep**2), knots)
    noise[0] = rng.normal(0.0, spread)
    walk = np.empty(knots)
    last = 0.0
    for number, change in enumerate(noise):
        walk[number] = last = keep * last + change
    return np.interp(np.arange(seconds), np.arange(knots) * step, walk)


def arrivals(layout: Layout, callers: Callers, level: Floats, rng: np.random.Generator) -> Arrivals:
    """Requests of all clients over a run whose seconds are as busy as `level` says."""
    parts = [_calls_of(number, callers, level, rng) for number in range(len(callers.kind))]
    at_s = np.concatenate([part[0] for part in parts])
    client = np.concatenate([part[1] for part in parts])
    order = np.argsort(at_s, kind="stable")
    at_s, client = at_s[order], client[order]
    route = _drawn_routes(callers, client, rng)
    ids = layout.ids[route]
    path = (rng.random(len(route)) ** 2 * ids).astype(np.int64)  # some are asked for more often
    fresh = rng.random(len(route)) < callers.variety[client]
    request = np.where(fresh, np.arange(len(route)) + 10, rng.integers(0, 3, len(route)))
    favourite = (client * 7) % ids  # what a client asks for again and again
    path = np.where(fresh, path, favourite)
    return Arrivals(at_s, client, route, path, request)


def _calls_of(
    number: int, callers: Callers, level: Floats, rng: np.random.Generator
) -> tuple[Floats, Ints]:
    per_s, seconds = callers.per_s[number], len(level)
    if callers.kind[number] == "normal":
        at_s = _visits(per_s, seconds, rng)
    elif callers.kind[number] == "bot":
        gap = 1.0 / per_s
        count = int(seconds / gap) + 1
        at_s = (np.arange(count) + rng.normal(0.0, 0.08, count)) * gap + rng.uniform(0, gap)
    else:
        at_s = rng.uniform(0, seconds, rng.poisson(per_s * seconds))
    at_s = at_s[(at_s >= 0) & (at_s < seconds)]
    if callers.kind[number] != "bot":  # programs on a beat know no day
        highest = float(level.max())
        at_s = at_s[rng.random(len(at_s)) * highest < level[at_s.astype(np.int64)]]
        again = rng.random(len(at_s)) < highest - 1.0  # thinning took what this gives back
        at_s = np.append(at_s, at_s[again] + rng.exponential(2.0, int(again.sum())))
        at_s = at_s[at_s < seconds]
    return at_s, np.full(len(at_s), number)


def _visits(per_s: float, seconds: int, rng: np.random.Generator) -> Floats:
    """Calls of a person: close together during visits, none between."""
    most = int(seconds / (VISIT_S + AWAY_S) * 3) + 10
    lengths = rng.exponential(VISIT_S, most)
    starts = np.cumsum(rng.exponential(AWAY_S, most)) + np.append(0, np.cumsum(lengths)[:-1])
    starts -= rng.uniform(0, AWAY_S)
    counts = rng.poisson(per_s * lengths)
    begin, length = np.repeat(starts, counts), np.repeat(lengths, counts)
    return np.asarray(begin + rng.random(len(begin)) * length)


def _drawn_routes(callers: Callers, client: Ints, rng: np.random.Generator) -> Ints:
    edges = np.cumsum(callers.taste, axis=1)
    edges /= edges[:, -1:]
    chance = rng.random(len(client))
    route = np.empty(len(client), np.int64)
    order = np.argsort(client, kind="stable")
    ends = np.searchsorted(client[order], np.arange(len(callers.kind) + 1))
    for number in range(len(callers.kind)):
        rows = order[ends[number] : ends[number + 1]]
        route[rows] = np.searchsorted(edges[number], chance[rows], side="right")
    return np.minimum(route, callers.taste.shape[1] - 1)
