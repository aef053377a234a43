"""What an attack costs the others: its requests take workers, and who comes then has to wait."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Final, NamedTuple

import numpy as np
from numpy.typing import NDArray

from datasets.owasp.scene import ERROR_BYTES, Requests, Sent
from datasets.sites import AFTERMATH_MS, Site
from datasets.sites.layout import Layout

BUSY: Final = (0.05, 0.6)  # share of its workers that a backend usually needs
QUEUE_S: Final = 4.0  # a longer queue turns callers away
FULLEST: Final = 0.97  # load at which the waiting time of a steady queue is no longer used
SLOWEST_S: Final = 60.0  # until the router gives up, where no backend has a limit of its own

Floats = NDArray[np.float64]
Ints = NDArray[np.int64]
Columns = dict[str, NDArray[Any]]


class Strain(NamedTuple):
    """Each second from the start of an attack; arrays of shape (n_backends, seconds)."""

    wait_s: Floats  # mean of what a call waits longer
    refused: Floats  # share of calls turned away


def strained(
    site: Site, sent: Sent, asked: Requests, rng: np.random.Generator
) -> tuple[Columns, Columns]:
    """Times, status codes and sizes of the site's own calls and of the attack's.

    Only the extra load counts: requests are not sent again, and the waiting time that the site's
    calls have anyway stays.

    Returns
    -------
    tuple of two dicts
        `response_time_ms`, `status_code` and `payload_size` of all calls of the site, and of all
        requests of the attack.
    """
    start_s, end_s = int(sent.at_s[0]), float(sent.at_s[-1]) + AFTERMATH_MS / 1000
    seconds = int(end_s) - start_s + 1
    at_s = (site.calls["timestamp"] - site.start_ms) / 1000
    touched = np.flatnonzero((at_s >= start_s) & (at_s < end_s))
    near = {name: site.calls[name][touched] for name in _ANSWER}
    backend, work_s = _routes(site, touched)
    second = at_s[touched].astype(np.int64) - start_s
    own = _work(site.layout, backend, second, work_s, seconds)
    extra_at = np.minimum(sent.at_s.astype(np.int64) - start_s, seconds - 1)
    extra = _work(site.layout, asked.backend, extra_at, asked.work_s, seconds)
    strain = _strain(site.layout, own, extra, rng)
    whole = {name: site.calls[name].copy() for name in _ANSWER}
    for name, values in _answered(site.layout, strain, near, backend, second, rng).items():
        whole[name][touched] = values
    first = {
        "response_time_ms": asked.work_s * 1000 + 0.4,
        "status_code": asked.status,
        "payload_size": asked.payload,
    }
    return whole, _answered(site.layout, strain, first, asked.backend, extra_at, rng)


_ANSWER: Final = ("response_time_ms", "status_code", "payload_size")


def _routes(site: Site, chosen: Ints) -> tuple[Ints, Floats]:
    """Backend (-1: no route fits) and mean work [s] of the chosen calls."""
    layout = site.layout
    number = {key: n for n, key in enumerate(zip(layout.methods, layout.names, strict=True))}
    keys = zip(site.calls["method"][chosen], site.calls["endpoint"][chosen], strict=True)
    route = np.array([number.get(key, -1) for key in keys], np.int64)
    return np.where(route < 0, -1, layout.backend[route]), layout.mean_work_s[route]


def _work(layout: Layout, backend: Ints, second: Ints, work_s: Floats, seconds: int) -> Floats:
    """Work that comes to each backend in each second [s]."""
    sums = np.zeros((len(layout.workers), seconds))
    known = backend >= 0
    np.add.at(sums, (backend[known], second[known]), work_s[known])
    return sums


def _strain(layout: Layout, own: Floats, extra: Floats, rng: np.random.Generator) -> Strain:
    busy = rng.uniform(*BUSY, len(own))
    workers = np.maximum(np.ceil(own.mean(axis=1) / busy), layout.workers)[:, None]
    load = busy[:, None] + extra / workers
    backlog, queue = np.zeros_like(load), np.zeros(len(load))
    for second in range(load.shape[1]):
        backlog[:, second] = queue = np.clip(queue + load[:, second] - 1.0, 0.0, QUEUE_S)
    full = (backlog >= QUEUE_S) & (load > 1.0)
    refused = np.where(full, 1.0 - 1.0 / np.maximum(load, 1.0), 0.0)
    mean_s = np.array([layout.mean_work_s[layout.backend == b].mean() for b in range(len(own))])
    waits = _steady(load, workers) - _steady(np.broadcast_to(busy[:, None], load.shape), workers)
    return Strain(backlog + waits * mean_s[:, None], refused)


def _steady(load: Floats, workers: Floats) -> Floats:
    """Mean wait of a steady queue, in times of the work of a call (Sakasegawa 1977)."""
    load = np.minimum(load, FULLEST)
    return np.asarray(load ** np.sqrt(2 * (workers + 1)) / (workers * (1 - load)))


def _answered(
    layout: Layout, strain: Strain, first: Mapping[str, NDArray[Any]], backend: Ints,
    second: Ints, rng: np.random.Generator,
) -> Columns:  # fmt: skip
    """Answers as they would have been, and what strain makes of them."""
    count, behind = len(second), backend >= 0
    on = (np.maximum(backend, 0), second)
    wait_s = np.where(behind, strain.wait_s[on] * rng.uniform(0.5, 1.5, count), 0.0)
    latency_s = first["response_time_ms"] / 1000 + wait_s
    limit_s = np.where(behind, layout.timeout_s[on[0]], SLOWEST_S)
    late = latency_s > limit_s
    gone = behind & (rng.random(count) < strain.refused[on])
    status = np.where(gone, 503, np.where(late, 504, first["status_code"]))
    spoiled = rng.integers(*ERROR_BYTES, count)
    return {
        "response_time_ms": np.where(gone, 3.0, np.minimum(latency_s, limit_s) * 1000),
        "status_code": status,
        "payload_size": np.where(gone | late, spoiled, first["payload_size"]),
    }
