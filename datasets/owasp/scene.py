"""An attack about to be played: when its requests are sent, what they ask, and the answers."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Final, NamedTuple

import numpy as np
from numpy.typing import NDArray

from datasets.sites.layout import Layout
from ingest.call import UNMATCHED

EVENNESS: Final = (0.05, 1.0)  # of gaps: from a program's beat to calls at random
UNLIKE: Final = 0.25  # standard deviation of the logarithm of attackers' rates
REFUSED_WORK: Final = 0.3  # of the usual work is done before a request is refused
ROUTER_S: Final = 0.001  # to find that no route fits
ERROR_BYTES: Final = (90, 150)  # body of an error

Floats = NDArray[np.float64]
Ints = NDArray[np.int64]
Texts = NDArray[Any]


class Sent(NamedTuple):
    """When attackers send; arrays of shape (n_requests,), in the order of time."""

    at_s: Floats  # since the start of the run
    client: Ints  # number of the attacker
    nth: Ints  # number of the request among those of its client, from 0


class Requests(NamedTuple):
    """What attackers ask and how it is answered; arrays of shape (n_requests,)."""

    endpoint: Texts
    method: Texts
    path: Texts
    request: Ints  # equal numbers of a client are identical requests
    status: Ints
    work_s: Floats  # how long a worker is kept busy
    payload: Ints  # body of the answer [bytes]
    backend: Ints  # -1: no backend is asked


@dataclass(frozen=True)
class Scene:
    """An attack about to be played."""

    layout: Layout
    route: int  # number of the attacked route, -1: none
    sent: Sent
    rng: np.random.Generator

    @property
    def count(self) -> int:
        """Requests of the attack."""
        return len(self.sent.at_s)

    def statuses(self, share: Mapping[int, float]) -> Ints:
        """Status codes drawn with these shares (they need not add up to 1)."""
        weight = np.array([*share.values()])
        return self.rng.choice([*share], self.count, p=weight / weight.sum()).astype(np.int64)

    def one_of(self, texts: tuple[str, ...]) -> Texts:
        """A text for each request, drawn at random."""
        return np.array(texts, object)[self.rng.integers(0, len(texts), self.count)]

    def at_route(
        self,
        status: Ints,
        *,
        route: Ints | None = None,
        number: Ints | None = None,
        request: Ints | None = None,
        work: Floats | float | None = None,
        size: Floats | float = 1.0,
    ) -> Requests:
        """Requests to routes of the site.

        Parameters
        ----------
        route : ndarray of shape (n_requests,), optional
            The attacked route unless given.
        number : ndarray of shape (n_requests,), optional
            Id in the path; none: the route has no parameter.
        request : ndarray of shape (n_requests,), optional
            All requests differ unless given.
        work, size : float or ndarray of shape (n_requests,)
            Times the usual work of a call (less for what is refused unless given) and times the
            usual body of an answer.
        """
        where = np.full(self.count, self.route) if route is None else route
        layout, refused = self.layout, status >= 400
        endpoint = np.array(layout.names, object)[where]
        usual_work = np.where(refused, REFUSED_WORK, 1.0) if work is None else work
        noise = self.rng.normal(0.0, 1.0, self.count) * layout.spread[where]
        body = layout.payload[where] * self.rng.lognormal(0.0, 0.4, self.count) * size
        return Requests(
            endpoint,
            np.array(layout.methods, object)[where],
            endpoint if number is None else endpoint + numbered(number),
            np.arange(self.count) if request is None else request,
            status,
            layout.service_s[where] * np.exp(noise) * usual_work,
            np.where(refused, self._errors(), body).astype(np.int64),
            layout.backend[where],
        )

    def astray(self, path: Texts, status: Ints, *, method: Texts | str = "GET") -> Requests:
        """Requests that no route fits; each path is asked in one way."""
        ids = {text: number for number, text in enumerate(dict.fromkeys(path.tolist()))}
        return Requests(
            np.full(self.count, UNMATCHED, object),
            np.broadcast_to(np.array(method, object), self.count),
            path,
            np.array([ids[text] for text in path.tolist()], np.int64),
            status,
            ROUTER_S * self.rng.lognormal(0.0, 0.3, self.count),
            self._errors(),
            np.full(self.count, -1),
        )

    def _errors(self) -> Ints:
        return self.rng.integers(*ERROR_BYTES, self.count)


def either(second: NDArray[np.bool_], first: Requests, other: Requests) -> Requests:
    """Requests of `first`, and of `other` where `second` is true."""
    return Requests(*(np.where(second, b, a) for a, b in zip(first, other, strict=True)))


def sending(
    clients: int, per_minute: float, start_s: float, length_s: float, rng: np.random.Generator
) -> Sent:
    """When attackers send, each about `per_minute` requests a minute; the first at once."""
    evenness = rng.uniform(*EVENNESS)
    parts = []
    for _ in range(clients):
        gap_s = 60.0 / per_minute * rng.lognormal(0.0, UNLIKE)
        gaps = (1.0 - evenness) + evenness * rng.exponential(1.0, int(2 * length_s / gap_s) + 20)
        at_s = start_s + (np.cumsum(gaps) - gaps[0]) * gap_s
        parts.append(at_s[at_s < start_s + length_s])
    at_s = np.concatenate(parts)
    order = np.argsort(at_s, kind="stable")
    client = np.repeat(np.arange(clients), [len(part) for part in parts])
    nth = np.concatenate([np.arange(len(part)) for part in parts])
    return Sent(at_s[order], client[order], nth[order])


def numbered(number: Ints) -> Texts:
    """What stands behind a route in the path of each request: `/7`."""
    return np.array([f"/{one}" for one in number.tolist()], object)
