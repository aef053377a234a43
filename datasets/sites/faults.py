"""Faults of a made-up site: what each does to capacity, work, delays and errors over time.

The families are split once, before any model was fitted: models learn from `LEARNT`, and how far
ahead they see a failure is measured on `UNSEEN`. Sudden faults have nothing to be seen ahead; they
are in both.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Final, NamedTuple

import numpy as np
from numpy.typing import NDArray

from datasets.sites.layout import Layout

LEARNT: Final = (
    "memory_leak", "connection_leak", "retry_storm", "load_surge", "cache_decay", "canary_errors",
)  # fmt: skip
UNSEEN: Final = (
    "lock_contention", "disk_filling", "slow_dependency", "cpu_steal", "packet_loss",
)  # fmt: skip
SUDDEN: Final = ("crash", "dependency_down", "bad_deploy")
GRADUAL: Final = LEARNT + UNSEEN
FAILS_MS: Final = 800.0  # average response time at which a window fails
FAILS_SHARE: Final = 0.3  # of errors
HIGHEST_END: Final = 2.0  # a fault ends at 1.15 to 2 times what makes it hurt
NEAR_MISS_END: Final = (0.4, 0.8)  # and at this share of it when it is repaired in time
WRITES: Final = ("POST", "PUT", "DELETE")

Floats = NDArray[np.float64]


class Episode(NamedTuple):
    """A fault of a site, in seconds since the start of the run."""

    name: str
    backend: int
    start: int
    end: int
    strength: float  # at its end, 1 is about where it begins to hurt
    near_miss: bool


@dataclass
class World:
    """What the backends and routes of a site suffer in each second; faults write into it."""

    capacity: Floats  # share of the workers that work, shape (n_backends, seconds)
    down: NDArray[np.bool_]  # nobody is there, shape (n_backends, seconds)
    work: Floats  # times the usual work of a call, shape (n_routes, seconds)
    delay_s: Floats  # mean of an exponential delay beside the work, shape (n_routes, seconds)
    delayed: Floats  # share of calls that have it, shape (n_routes, seconds)
    error: Floats  # probability of an error beside the usual ones, shape (n_routes, seconds)
    load: Floats  # times the usual calls, shape (seconds,)
    retries: Floats  # calls that come again for each that failed, shape (n_backends, seconds)

    @classmethod
    def calm(cls, layout: Layout, seconds: int) -> World:
        """Nothing is wrong."""
        backends, routes = (len(layout.workers), seconds), (len(layout.names), seconds)
        return cls(
            np.ones(backends),
            np.zeros(backends, np.bool_),
            np.ones(routes),
            np.zeros(routes),
            np.zeros(routes),
            np.zeros(routes),
            np.ones(seconds),
            np.full(backends, 0.3),
        )


def apply(
    world: World, episode: Episode, layout: Layout, usual_load: Floats, rng: np.random.Generator
) -> None:
    """Let a fault act on a world.

    Parameters
    ----------
    usual_load : ndarray of shape (n_backends,)
        Mean share of each backend's workers that is busy.
    """
    during = slice(episode.start, min(episode.end, world.load.size))
    length = during.stop - during.start
    shape = float(rng.uniform(0.8, 2.2)) if episode.name not in SUDDEN else 0.0
    growth = np.linspace(0.0, 1.0, length) ** shape * episode.strength
    routes = np.flatnonzero(layout.backend == episode.backend)
    busy = float(usual_load[episode.backend])
    _ACTS[episode.name](world, _Place(during, routes, episode.backend, busy), growth, layout, rng)


class _Place(NamedTuple):
    during: slice
    routes: NDArray[np.int64]
    backend: int
    busy: float  # usual share of the backend's workers


def _until_full(growth: Floats, busy: float) -> Floats:
    """Times the work that keeps all workers busy at growth 1."""
    return 1.0 + growth * (1.0 / max(busy, 0.02) - 1.0)


def _memory_leak(world: World, at: _Place, growth: Floats, _: Layout, __: object) -> None:
    """Collections take a growing share of the time (the cube of the fill), then it is killed."""
    fill = np.minimum(growth, 1.0)
    world.work[at.routes, at.during] *= 1.0 + (1.0 / max(at.busy, 0.05)) * fill**3
    world.down[at.backend, at.during] |= growth > 1.12


def _connection_leak(world: World, at: _Place, growth: Floats, _: Layout, __: object) -> None:
    """Workers wait for ever on what never comes back: fewer and fewer are left."""
    left = 1.0 - growth * (1.0 - at.busy)
    world.capacity[at.backend, at.during] *= np.maximum(left, 0.02)


def _retry_storm(world: World, at: _Place, growth: Floats, _: Layout, __: object) -> None:
    """The backend gets slower, callers give up and come again."""
    world.work[at.routes, at.during] *= 0.75 * _until_full(growth, at.busy) + 0.25
    world.retries[at.backend, at.during] = 2.0


def _load_surge(world: World, at: _Place, growth: Floats, _: Layout, __: object) -> None:
    """More and more callers, of all routes."""
    world.load[at.during] *= np.minimum(_until_full(growth, at.busy), 8.0)
    world.capacity[at.backend, at.during] *= np.minimum(1.0, 8.0 * at.busy)


def _cache_decay(
    world: World, at: _Place, growth: Floats, _: Layout, rng: np.random.Generator
) -> None:
    """Answers that came from a cache have to be made: some routes of the backend cost more."""
    hit = at.routes[rng.random(len(at.routes)) < 0.7]
    hit = hit if len(hit) else at.routes[:1]
    world.work[hit, at.during] *= _until_full(growth, at.busy) * (len(at.routes) / len(hit)) ** 0.5


def _canary_errors(
    world: World, at: _Place, growth: Floats, _: Layout, rng: np.random.Generator
) -> None:
    """A bad release goes out to more and more servers, in steps."""
    steps = np.floor(growth * 6) / 6
    broken = at.routes[rng.random(len(at.routes)) < 0.6]
    broken = broken if len(broken) else at.routes[:1]
    world.error[broken, at.during] += np.minimum(steps * FAILS_SHARE, 0.9)


def _lock_contention(world: World, at: _Place, growth: Floats, _: Layout, __: object) -> None:
    """Calls wait for a lock: more of them, and longer."""
    world.delayed[at.routes, at.during] = np.minimum(growth**0.5 * 0.5, 0.95)
    world.delay_s[at.routes, at.during] = 2.0 * FAILS_MS / 1000 * growth**0.5


def _disk_filling(world: World, at: _Place, growth: Floats, layout: Layout, __: object) -> None:
    """Writes get slower while the disk looks for room, then fail; reads hardly notice."""
    writes = at.routes[[layout.methods[route] in WRITES for route in at.routes]]
    writes = writes if len(writes) else at.routes
    world.work[writes, at.during] *= 1.0 + 3.0 * growth**2
    world.error[writes, at.during] += np.clip((growth - 0.7) * 1.0, 0.0, 0.9)


def _slow_dependency(world: World, at: _Place, growth: Floats, _: Layout, __: object) -> None:
    """A service of others, asked by each call, takes longer and longer; workers wait for it."""
    world.delayed[at.routes, at.during] = 1.0
    world.delay_s[at.routes, at.during] = FAILS_MS / 1000 * growth


def _cpu_steal(world: World, at: _Place, growth: Floats, layout: Layout, __: object) -> None:
    """A neighbour takes the machine: every backend loses capacity, each call takes longer."""
    left = np.maximum(1.0 - growth * (1.0 - at.busy), 0.05)
    world.capacity[:, at.during] *= left
    world.work[np.arange(len(layout.names)), at.during] *= left**-0.3


def _packet_loss(world: World, at: _Place, growth: Floats, _: Layout, __: object) -> None:
    """Packets get lost: some calls wait for another attempt, some fail."""
    world.delayed[at.routes, at.during] = np.minimum(0.6 * growth, 0.95)
    world.delay_s[at.routes, at.during] = 0.4 + 0.4 * growth
    world.error[at.routes, at.during] += np.minimum(FAILS_SHARE * growth**2, 0.9)


def _crash(world: World, at: _Place, growth: Floats, _: Layout, __: object) -> None:
    world.down[at.backend, at.during] = growth > 0


def _dependency_down(world: World, at: _Place, growth: Floats, _: Layout, __: object) -> None:
    world.error[at.routes, at.during] += np.where(growth > 0, 0.95, 0.0)
    world.delay_s[at.routes, at.during] = 0.3
    world.delayed[at.routes, at.during] = 1.0


def _bad_deploy(
    world: World, at: _Place, growth: Floats, _: Layout, rng: np.random.Generator
) -> None:
    world.error[at.routes, at.during] += np.minimum(growth * rng.uniform(0.2, 0.5), 0.9)
    world.work[at.routes, at.during] *= float(rng.uniform(1.0, 3.0))


_Act = Callable[[World, _Place, Floats, Layout, np.random.Generator], None]
_ACTS: Final[dict[str, _Act]] = {
    "memory_leak": _memory_leak,
    "connection_leak": _connection_leak,
    "retry_storm": _retry_storm,
    "load_surge": _load_surge,
    "cache_decay": _cache_decay,
    "canary_errors": _canary_errors,
    "lock_contention": _lock_contention,
    "disk_filling": _disk_filling,
    "slow_dependency": _slow_dependency,
    "cpu_steal": _cpu_steal,
    "packet_loss": _packet_loss,
    "crash": _crash,
    "dependency_down": _dependency_down,
    "bad_deploy": _bad_deploy,
}


def planned(
    families: tuple[str, ...], minutes: int, backends: int, rng: np.random.Generator
) -> list[Episode]:
    """Faults one after another, the first not before 40 minutes: a subject needs a past.

    A third of the gradual ones is repaired in time; one in five of all is sudden.
    """
    episodes = []
    start = 60 * rng.uniform(40, 70)
    while True:
        sudden = rng.random() < 0.2
        name = str(rng.choice(SUDDEN if sudden else families))
        near_miss = not sudden and rng.random() < 0.33
        length = 60 * (rng.uniform(2, 8) if sudden else np.exp(rng.uniform(np.log(8), np.log(60))))
        reach = rng.uniform(*NEAR_MISS_END) if near_miss else rng.uniform(1.15, HIGHEST_END)
        end = start + length
        if end > 60 * minutes:
            return episodes
        backend = int(rng.integers(backends))
        episodes.append(Episode(name, backend, int(start), int(end), float(reach), near_miss))
        start = end + 60 * rng.uniform(15, 60)
