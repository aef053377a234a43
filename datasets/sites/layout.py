"""What a made-up site looks like: its routes, the backends behind them, and who calls it."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final

import numpy as np
from numpy.typing import NDArray

NOUNS: Final = (
    "accounts", "alerts", "articles", "bookings", "carts", "comments", "devices", "files",
    "invoices", "items", "messages", "offers", "orders", "payments", "profiles", "rates",
    "reports", "reviews", "sessions", "shipments", "stock", "tickets", "users", "vouchers",
)  # fmt: skip
SERVICE_MS: Final = (3.0, 250.0)  # usual work of a call, from the fastest to the slowest route
TIMEOUT_S: Final = (2.0, 10.0)

Floats = NDArray[np.float64]
Ints = NDArray[np.int64]


@dataclass(frozen=True)
class Layout:
    """The routes and backends of a site."""

    names: tuple[str, ...]  # route templates
    methods: tuple[str, ...]
    share: Floats  # of the calls, of each route
    service_s: Floats  # median work of a call, of each route
    spread: Floats  # standard deviation of the logarithm of the work, of each route
    payload: Floats  # median body of an answer [bytes], of each route
    client_error: Floats  # usual share of answers 4xx, of each route
    server_error: Floats  # usual share of answers 5xx, of each route
    ids: Ints  # how many different paths there are, of each route; 1: no parameter
    backend: Ints  # of each route
    workers: Ints  # of each backend
    timeout_s: Floats  # of each backend

    @property
    def mean_work_s(self) -> Floats:
        """Mean work of a call of each route [s]."""
        return np.asarray(self.service_s * np.exp(self.spread**2 / 2))


def drawn_layout(rng: np.random.Generator) -> Layout:
    """A site: 3 to 24 routes on 1 to 5 backends."""
    routes = int(np.exp(rng.uniform(np.log(3), np.log(24.99))))
    backends = int(rng.integers(1, min(5, routes) + 1))
    names, methods, ids = _routes(rng, routes)
    weight = rng.lognormal(0.0, 0.8, routes)
    low, high = np.log(SERVICE_MS)
    return Layout(
        names=names,
        methods=methods,
        share=weight / weight.sum(),
        service_s=np.exp(rng.uniform(low, high, routes)) / 1000,
        spread=rng.uniform(0.15, 0.7, routes),
        payload=np.exp(rng.uniform(np.log(60), np.log(60_000), routes)),
        client_error=np.exp(rng.uniform(np.log(3e-4), np.log(0.06), routes)),
        server_error=np.exp(rng.uniform(np.log(5e-5), np.log(3e-3), routes)),
        ids=ids,
        backend=np.concatenate(
            [np.arange(backends), rng.integers(0, backends, routes - backends)]
        ).astype(np.int64),
        workers=np.exp(rng.uniform(0.0, np.log(16.99), backends)).astype(np.int64),
        timeout_s=rng.uniform(*TIMEOUT_S, backends),
    )


def _routes(rng: np.random.Generator, routes: int) -> tuple[tuple[str, ...], tuple[str, ...], Ints]:
    kinds: list[tuple[str, str, int]] = []
    for noun in rng.permutation(NOUNS):
        known = int(np.exp(rng.uniform(np.log(20), np.log(5_000))))
        kinds += [
            ("GET", f"/{noun}", 1),
            ("GET", f"/{noun}/{{id}}", known),
            ("POST", f"/{noun}", 1),
            ("PUT", f"/{noun}/{{id}}", known),
        ]
    prior = np.tile([0.35, 0.35, 0.2, 0.1], len(NOUNS)) / len(NOUNS)
    chosen = rng.choice(len(kinds), routes, replace=False, p=prior)
    methods, names, ids = zip(*(kinds[number] for number in chosen), strict=True)
    return tuple(names), tuple(methods), np.array(ids, np.int64)
