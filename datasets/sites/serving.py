"""How a made-up site answers: queues at its backends, second by second, then each call."""

from __future__ import annotations

from typing import Final, NamedTuple

import numpy as np
from numpy.typing import NDArray

from datasets.sites.callers import Arrivals, wander
from datasets.sites.faults import World
from datasets.sites.layout import Layout

SMOOTHED_S: Final = 4  # load is felt over so many seconds
FULLEST: Final = 0.97  # load at which the waiting time of a steady queue is no longer used
QUEUE_S: Final = 4.0  # a longer queue turns callers away
RETRY_S: Final = 20.0  # until callers that failed come again
REFUSE_S: Final = 0.003
BUSY: Final = (0.05, 0.6)  # usual share of a backend's workers

Floats = NDArray[np.float64]


class Answers(NamedTuple):
    """What each call was answered, in the order of the calls."""

    latency_s: Floats
    status: NDArray[np.int64]
    payload: NDArray[np.int64]  # bytes


class _Queues(NamedTuple):
    backlog_s: Floats  # shape (n_backends, seconds)
    busy: Floats
    refused: Floats  # share of calls turned away


def usual_load(layout: Layout, per_s: Floats, rng: np.random.Generator) -> tuple[Floats, Floats]:
    """How busy each backend usually is, and how many workers it has: room for others, too.

    Parameters
    ----------
    per_s : ndarray of shape (n_routes,)
        Mean calls a second of each route.
    """
    own = np.bincount(layout.backend, per_s * layout.mean_work_s, len(layout.workers))
    busy = rng.uniform(*BUSY, len(own))
    workers = np.maximum(np.ceil(own / busy), layout.workers)
    others = np.clip(busy - own / workers, 0.0, None)
    return own / workers + others, workers


def answers(
    layout: Layout, calls: Arrivals, world: World, busy: Floats, workers: Floats,
    rng: np.random.Generator,
) -> Answers:  # fmt: skip
    """Answer all calls of a run.

    Parameters
    ----------
    busy, workers : ndarray of shape (n_backends,)
        Of `usual_load`.
    """
    seconds = world.load.size
    second = np.minimum(calls.at_s.astype(np.int64), seconds - 1)
    pace = np.exp(np.stack([wander(seconds, 300.0, rng.uniform(0.02, 0.12), rng) for _ in workers]))
    queues = _queues(layout, calls.route, second, world, busy, workers, pace)
    at = (calls.route, second)
    backend = layout.backend[calls.route]
    on = (backend, second)
    count = len(second)
    noise = rng.normal(0.0, 1.0, count) * layout.spread[calls.route]
    work_s = layout.service_s[calls.route] * np.exp(noise) * world.work[at] * pace[on]
    load = np.minimum(queues.busy[on], FULLEST)
    mean_s = layout.mean_work_s[calls.route] * world.work[at]
    waits = rng.random(count) < load ** np.sqrt(2 * (workers[backend] + 1))  # Sakasegawa 1977
    idle = (workers[backend] * (1 - load)).clip(0.03)
    wait_s = waits * rng.exponential(1.0, count) * mean_s / idle
    delay_s = np.where(
        rng.random(count) < world.delayed[at], rng.exponential(1.0, count) * world.delay_s[at], 0.0
    )
    latency_s = queues.backlog_s[on] + wait_s + work_s + delay_s + _stalls(calls.at_s, seconds, rng)
    return _finished(layout, calls, world, queues, latency_s, second, rng)


def _queues(
    layout: Layout, route: NDArray[np.int64], second: NDArray[np.int64], world: World,
    busy: Floats, workers: Floats, pace: Floats,
) -> _Queues:  # fmt: skip
    """Load and backlog of each backend in each second; who fails comes again and adds to it."""
    backends, seconds = world.capacity.shape
    cost = layout.mean_work_s[route] * world.work[route, second]
    own = np.zeros((backends, seconds))
    np.add.at(own, (layout.backend[route], second), cost)
    own = _smoothed(own) / workers[:, None]
    others = np.clip(busy - own.mean(axis=1), 0.0, None)
    harder = np.stack([world.work[layout.backend == b].mean(axis=0) for b in range(backends)])
    offered = (own + others[:, None] * harder * world.load) * pace
    queued = [
        _queue(offered[b], world.capacity[b], world.retries[b], world.down[b], layout.timeout_s[b])
        for b in range(backends)
    ]
    return _Queues(*(np.array(values) for values in zip(*queued, strict=True)))


def _queue(
    offered: Floats, capacity: Floats, retries: Floats, down: NDArray[np.bool_], timeout_s: float
) -> tuple[list[float], list[float], list[float]]:
    """Backlog [s], load and share refused of one backend in each second, in plain numbers."""
    backlog, load, refused = [], [], []
    queue = again = late = 0.0
    seconds = zip(offered.tolist(), capacity.tolist(), retries.tolist(), down.tolist(), strict=True)
    for asked, room, retry, is_down in seconds:
        again += (retry * late - again) / RETRY_S
        demand = asked * (1.0 + again)
        queue = min(max(queue + demand - room, 0.0), QUEUE_S * room)
        full = queue >= 0.999 * QUEUE_S * room and demand > room
        backlog.append(queue / room)
        load.append(demand / room)
        refused.append(1.0 - room / demand if full else 0.0)
        late = min(queue / room / timeout_s, 1.0) + is_down
    return backlog, load, refused


def _smoothed(counts: Floats) -> Floats:
    kernel = np.ones(SMOOTHED_S) / SMOOTHED_S
    return np.stack([np.convolve(row, kernel)[: counts.shape[1]] for row in counts])


def _stalls(at_s: Floats, seconds: int, rng: np.random.Generator) -> Floats:
    """What calls lose to stalls of the machine: who comes into one waits for its end."""
    every_s = float(np.exp(rng.uniform(np.log(8), np.log(120))))
    begins = np.sort(rng.uniform(0, seconds, rng.poisson(seconds / every_s) + 1))
    lasts = rng.exponential(1.0, len(begins)) * rng.choice([0.01, 0.03, 0.03, 0.15], len(begins))
    before = np.searchsorted(begins, at_s, side="right") - 1
    known = before >= 0
    end = np.where(known, begins[before] + lasts[before], -np.inf)
    return np.asarray((end - at_s).clip(0.0))


def _finished(
    layout: Layout, calls: Arrivals, world: World, queues: _Queues, latency_s: Floats,
    second: NDArray[np.int64], rng: np.random.Generator,
) -> Answers:  # fmt: skip
    """Status of each call: errors, time-outs, refusals and backends that are down."""
    route, count = calls.route, len(second)
    on = (layout.backend[route], second)
    status = np.where(np.array(layout.methods, object)[route] == "POST", 201, 200).astype(np.int64)
    chance = rng.random(count)
    status[chance < layout.client_error[route]] = 404
    status[chance > 1.0 - layout.server_error[route] - world.error[route, second]] = 500
    timeout_s = layout.timeout_s[layout.backend[route]]
    late = latency_s > timeout_s
    status[late] = 504
    gone = (rng.random(count) < queues.refused[on]) | world.down[on]
    status[gone] = 503
    latency_s = np.where(late, timeout_s, latency_s)
    latency_s = np.where(gone, REFUSE_S * rng.lognormal(0.0, 0.3, count), latency_s)
    payload = layout.payload[route] * rng.lognormal(0.0, 0.4, count)
    payload = np.where(status >= 400, 90 + rng.integers(0, 60, count), payload)
    return Answers(latency_s + 0.0004, status, payload.astype(np.int64))
