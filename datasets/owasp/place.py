"""The attacked site: with a route of the wanted name, and with what goes astray on every site."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from typing import Any, Final

import numpy as np
from numpy.typing import NDArray

from datasets.owasp.scene import ERROR_BYTES, ROUTER_S, numbered
from datasets.sites import Site
from ingest.call import UNMATCHED

KNOWN_IDS: Final = 500  # different paths of a route that had no parameter before
STRAYS_PER_MINUTE: Final = (0.1, 3.0)  # of a whole site
STRAYS: Final = (
    "/apple-touch-icon.png", "/blog", "/favicon.ico", "/index.html", "/manifest.json",
    "/robots.txt", "/sitemap.xml",
)  # fmt: skip
FIRST_STRAY: Final = 1 << 61  # fingerprints; those of sites lie below, those of attacks above

Columns = dict[str, NDArray[Any]]
Route = tuple[str, str]  # method and template


def with_route(site: Site, wanted: Route, rng: np.random.Generator) -> tuple[Site, int]:
    """The site with the wanted route, and its number: one of its routes is called so.

    Sites are drawn without knowing what will be attacked. Who called the route, when, and how long
    it takes stay as they are; an id in the path comes or goes as the name wants it.
    """
    layout = site.layout
    routes = [*zip(layout.methods, layout.names, strict=True)]
    if wanted in routes:
        return site, routes.index(wanted)
    chosen = int(rng.choice(_nearest(routes, wanted)))
    calls = _renamed(site.calls, routes[chosen], wanted)
    methods, names = [*layout.methods], [*layout.names]
    methods[chosen], names[chosen] = wanted
    renamed = replace(layout, names=tuple(names), methods=tuple(methods))
    return site._replace(layout=renamed, calls=calls), chosen


def with_strays(site: Site, minutes: int, rng: np.random.Generator) -> Site:
    """The site with calls that no route fits: icons that browsers ask for, links that are dead."""
    per_minute = float(np.exp(rng.uniform(*np.log(STRAYS_PER_MINUTE))))
    people = [name for name, kind in site.client_kind.items() if kind != "bot"]
    by_people = np.flatnonzero(np.isin(site.calls["client"], people))
    if not len(by_people):
        return site
    after = rng.choice(by_people, rng.poisson(per_minute * minutes))
    count, path = len(after), rng.integers(0, len(STRAYS), len(after))
    strays = {
        "timestamp": site.calls["timestamp"][after] + rng.integers(20, 2_000, count),
        "endpoint": np.full(count, UNMATCHED, object),
        "method": np.full(count, "GET", object),
        "client": site.calls["client"][after],
        "path": np.array(STRAYS, object)[path],
        "fingerprint": FIRST_STRAY + after * len(STRAYS) + path,
        "simulated": np.ones(count, np.bool_),
        "response_time_ms": 1000 * ROUTER_S * rng.lognormal(0.0, 0.3, count),
        "status_code": np.full(count, 404),
        "payload_size": rng.integers(*ERROR_BYTES, count),
    }
    return site._replace(
        calls={name: np.concatenate([site.calls[name], strays[name]]) for name in strays}
    )


def _nearest(routes: list[Route], wanted: Route) -> list[int]:
    """Numbers of the routes that are most like the wanted one."""
    like = [2 * (("{" in n) == ("{" in wanted[1])) + (m == wanted[0]) for m, n in routes]
    return [number for number, points in enumerate(like) if points == max(like)]


def _renamed(calls: Mapping[str, NDArray[Any]], old: Route, new: Route) -> Columns:
    here = np.flatnonzero((calls["method"] == old[0]) & (calls["endpoint"] == old[1]))
    changed = {name: calls[name].copy() for name in ("method", "endpoint", "path", "status_code")}
    changed["method"][here], changed["endpoint"][here] = new
    changed["path"][here] = _paths(calls, here, old[1], new[1])
    good = here[calls["status_code"][here] < 300]
    changed["status_code"][good] = 201 if new[0] == "POST" else 200
    return {**calls, **changed}


def _paths(
    calls: Mapping[str, NDArray[Any]], here: NDArray[np.int64], old: str, new: str
) -> NDArray[Any] | str:
    """Paths of the renamed calls; without an id before, the exact request stands for one."""
    if "{" not in new:
        return new
    if "{" not in old:
        ids: NDArray[Any] = new + numbered(calls["fingerprint"][here] % KNOWN_IDS)
        return ids
    return np.array([new + path[len(old) :] for path in calls["path"][here]], object)
