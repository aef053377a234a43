"""Simulated traffic on a virtual clock; `ingest.simulator.drive` sends it through real HTTP."""

from __future__ import annotations

import heapq
import math
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from itertools import count, takewhile
from random import Random
from typing import Final

from ingest.call import SIMULATED, UNMATCHED, Call, fingerprint
from ingest.shop.faults import FAULTS, Fault
from ingest.shop.front import Request
from ingest.shop.mechanisms import Host
from ingest.shop.model import ROUTES, Outcome, Shop
from ingest.simulator import clients as cast
from ingest.simulator import misuse
from ingest.simulator.clients import Behaviour, Client, Step, Tempo
from ingest.simulator.episodes import NAMES, Planned, planned_episodes
from ingest.simulator.misuse import MISUSE

__all__ = ["FAULTS", "MISUSE", "Episode", "History", "Planned", "rhythm", "simulate"]

RHYTHM_SPREAD: Final = 0.25  # busiest and quietest hour differ from the mean by this share
BUSIEST_HOUR: Final = 15.0  # UTC
FAULT_ENDPOINTS: Final = {"retry_storm": "/payment", "dependency_down": "/payment"}
_MINUTE_S: Final = 60.0


@dataclass(frozen=True, slots=True)
class Episode:
    """What really happened: a misuse by clients, or a fault of the shop."""

    name: str
    kind: str  # misuse or fault
    endpoint: str | None  # None: all endpoints
    clients: tuple[str, ...]
    start: int  # epoch ms
    end: int  # epoch ms
    near_miss: bool = False  # a fault that was over before it hurt
    severity: float = 1.0


@dataclass(frozen=True, slots=True)
class History:
    """Simulated calls with what is true about them."""

    calls: list[Call]  # by time
    client_kind: dict[str, str]  # client as in windows -> normal, heavy or bot; attackers are bots
    episodes: tuple[Episode, ...]  # by start


def rhythm(epoch_s: float) -> float:
    """How busy an hour of the day is, around 1."""
    hour = epoch_s / 3_600 % 24
    return 1.0 + RHYTHM_SPREAD * math.cos((hour - BUSIEST_HOUR) * math.pi / 12)


def simulate(
    *,
    seed: int,
    start_ms: int,
    minutes: float,
    intensity: float = 1.0,
    clients: int = 40,
    episodes: bool | Sequence[Planned] = True,
    names: Sequence[str] = NAMES,
    population_seed: int | None = None,
) -> History:
    """History of the shop on a virtual clock, the same for the same arguments.

    Parameters
    ----------
    seed : int
        Of everything that is drawn.
    start_ms : int
        Time of the first minute [epoch ms].
    minutes : float
        Length [minutes].
    intensity : float
        How busy each client is; 40 clients make about 10 calls/s at 1.
    clients : int
        Clients, 60 % normal, 25 % heavy, 15 % bots.
    episodes : bool or sequence of Planned
        Misuse and faults: a seeded mix, none, or exactly these.
    names : sequence of str
        What the seeded mix is made of.
    population_seed : int, optional
        Draws the same clients for histories of different seeds; the seed unless given.
    """
    if not 0 < intensity <= 1_000:
        raise ValueError(f"intensity={intensity} must be above 0, at most 1000")
    plan = _plan(seed, minutes, episodes, names, intensity * clients * cast.CALLS_PER_CLIENT_S)
    people = cast.population(clients, seed if population_seed is None else population_seed)
    return _Simulation(seed, start_ms, minutes, intensity, people, plan).run()


def _plan(
    seed: int,
    minutes: float,
    episodes: bool | Sequence[Planned],
    names: Sequence[str],
    calls_per_s: float,
) -> list[Planned]:
    if not isinstance(episodes, bool):
        return list(episodes)
    if not episodes:
        return []
    endless = planned_episodes(seed, names, calls_per_s=calls_per_s)
    return list(takewhile(lambda planned: planned.end <= minutes, endless))


class _Simulation:
    """What happens next, on two heaps: requests of clients, and changes of the world."""

    def __init__(
        self,
        seed: int,
        start_ms: int,
        minutes: float,
        intensity: float,
        people: list[Client],
        plan: list[Planned],
    ) -> None:
        self._seed, self._start_ms, self._end_s = seed, start_ms, minutes * _MINUTE_S
        self._intensity, self._people, self._plan = intensity, people, plan
        self._shop, self._host = Shop(seed=seed), Host(Random(f"host {seed}"))
        self._tempo = Tempo(intensity)
        self._number = count()
        self._kinds: dict[str, str] = {}
        self._requests: list[tuple[float, int, Client, Behaviour, Step]] = []
        self._changes: list[tuple[float, int, Callable[[float], None]]] = []

    def run(self) -> History:
        """Play from start to end."""
        self._keep_rhythm(0.0)
        for index, client in enumerate(self._people):
            rng = Random(f"client {self._seed} {index}")
            self._enter(client, cast.behaviour(client, rng, self._tempo), 0.0)
        episodes = [self._stage(index, planned) for index, planned in enumerate(self._plan)]
        episodes.sort(key=lambda episode: episode.start)
        return History(self._calls(), self._kinds, tuple(episodes))

    def _at(self, time_s: float, change: Callable[[float], None]) -> None:
        heapq.heappush(self._changes, (time_s, next(self._number), change))

    def _enter(self, client: Client, behaviour: Behaviour, now: float) -> None:
        self._kinds[client.address] = client.kind
        if client.user is not None:  # a taken-over account stays what its owner is
            self._kinds.setdefault(client.user, client.kind)
        step = next(behaviour)
        entry = (now + step.after_s, next(self._number), client, behaviour, step)
        heapq.heappush(self._requests, entry)

    def _keep_rhythm(self, now: float) -> None:
        self._tempo.value = self._intensity * rhythm(self._start_ms / 1_000 + now)
        self._at(now + _MINUTE_S, self._keep_rhythm)

    def _stage(self, index: int, planned: Planned) -> Episode:
        start_s, end_s = planned.start * _MINUTE_S, planned.end * _MINUTE_S
        gang: list[Client] = []
        if planned.kind == "fault":
            fault = Fault(planned.name, planned.severity)
            self._at(start_s, lambda _: self._shop.set_fault(fault))
            self._at(end_s, lambda _: self._shop.set_fault(None))
            endpoint = FAULT_ENDPOINTS.get(planned.name)
        else:
            rng = Random(f"episode {self._seed} {index}")
            gang = misuse.attackers(planned.name, rng)
            lanes = misuse.behaviours(gang, rng, planned.severity)
            self._at(start_s, lambda now: self._attack(lanes, now))
            self._at(end_s, lambda _: self._end_attack(lanes))
            endpoint = misuse.target(planned.name)
        return Episode(
            planned.name,
            planned.kind,
            endpoint,
            tuple(client.user or client.address for client in gang),
            self._start_ms + round(start_s * 1_000),
            self._start_ms + round(end_s * 1_000),
            planned.near_miss,
            planned.severity,
        )

    def _attack(self, lanes: list[tuple[Client, Behaviour]], now: float) -> None:
        for client, behaviour in lanes:
            self._enter(client, behaviour, now)

    def _end_attack(self, lanes: list[tuple[Client, Behaviour]]) -> None:
        ended = {id(behaviour) for _, behaviour in lanes}
        self._requests[:] = [entry for entry in self._requests if id(entry[3]) not in ended]
        heapq.heapify(self._requests)

    def _calls(self) -> list[Call]:
        requests, changes, number = self._requests, self._changes, self._number
        serve, latency = self._shop.serve, self._host.latency
        start_ms, calls = self._start_ms, list[Call]()
        while True:
            now, _, client, behaviour, step = heapq.heappop(requests)
            if changes[0][0] <= now:
                heapq.heappush(requests, (now, next(number), client, behaviour, step))
                at_s, _, change = heapq.heappop(changes)
                change(at_s)
                continue
            if now >= self._end_s:
                return calls
            outcome = serve(step.request, now)
            took_s = latency(now, outcome.latency_s)
            at_ms = start_ms + int(now * 1_000)
            calls.append(_call(at_ms, client.address, step.request, outcome, took_s))
            step = behaviour.send(outcome)
            due = now + took_s + step.after_s
            heapq.heappush(requests, (due, next(number), client, behaviour, step))


def _call(timestamp: int, address: str, request: Request, outcome: Outcome, took_s: float) -> Call:
    path, user = request.path, outcome.user_id
    return Call(
        timestamp,
        path if path in ROUTES else UNMATCHED,
        request.method,
        round(took_s * 1_000, 3),
        outcome.status,
        len(outcome.body),
        address,
        user,
        path,
        fingerprint(user or address, request.method, path, request.query, request.body),
        SIMULATED,
        timestamp,
    )
