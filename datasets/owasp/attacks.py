"""What attackers ask for in each scenario, and what they are answered."""

from __future__ import annotations

from typing import Final

import numpy as np

from datasets.owasp.scene import Requests, Scene, either

IDS: Final = 1_000_000  # ids of objects lie below
FAILED_LOGIN_BYTES: Final = 120
PAGE: Final = (20.0, 200.0)  # times the usual answer of a search, when everything is asked for
PAGE_WORK: Final = (10.0, 60.0)  # and times the usual work
ADMIN: Final = (
    "/admin", "/admin/config", "/admin/export", "/admin/logs", "/admin/metrics", "/admin/roles",
    "/admin/settings", "/api/admin", "/backoffice", "/console", "/internal/jobs", "/internal/users",
    "/manage", "/management/env", "/root", "/staff", "/superuser", "/system/tasks", "/users/all",
    "/users/export",
)  # fmt: skip
EXPOSED: Final = (
    "/.aws/credentials", "/.env", "/.env.bak", "/.git/HEAD", "/.git/config", "/.svn/entries",
    "/actuator", "/actuator/env", "/actuator/heapdump", "/backup.sql", "/backup.zip",
    "/config.json", "/config.yml", "/debug", "/debug/vars", "/docker-compose.yml", "/dump.sql",
    "/error.log", "/graphql", "/metrics", "/phpinfo.php", "/phpmyadmin", "/server-status",
    "/swagger.json", "/test", "/trace", "/web.config", "/wp-admin", "/wp-login.php",
)  # fmt: skip
ODD_METHODS: Final = ("OPTIONS", "TRACE", "DELETE", "PATCH")
VERSIONS: Final = (
    "/alpha", "/api/v0", "/api/v1", "/beta", "/dev", "/internal", "/legacy", "/old", "/stage",
    "/test", "/v0", "/v1", "/v1.1", "/v2",
)  # fmt: skip


def object_walk(scene: Scene) -> Requests:
    """One id after the other; the API does not ask whose object it is."""
    missing = scene.rng.uniform(0.02, 0.15)
    first = scene.rng.integers(1, IDS, scene.sent.client.max() + 1)
    status = scene.statuses({200: 1.0 - missing, 404: missing})
    return scene.at_route(status, number=first[scene.sent.client] + scene.sent.nth)


def object_guessing(scene: Scene) -> Requests:
    """Ids at random; most belong to nobody or to someone else."""
    found = scene.rng.uniform(0.05, 0.4)
    foreign = scene.rng.uniform(0.2, 0.8) * (1.0 - found)
    status = scene.statuses({200: found, 403: foreign, 404: 1.0 - found - foreign})
    return scene.at_route(status, number=scene.rng.integers(1, IDS, scene.count))


def credential_stuffing(scene: Scene) -> Requests:
    """Pairs of name and password from a leak; one in a few hundred fits."""
    fits = float(np.exp(scene.rng.uniform(np.log(0.001), np.log(0.05))))
    limited = scene.rng.choice([0.0, scene.rng.uniform(0.05, 0.5)])  # half of the sites limit
    status = scene.statuses({401: 1.0 - fits - limited, 200: fits, 429: limited})
    return scene.at_route(status, work=np.where(status == 429, 0.1, 1.0))


def password_guessing(scene: Scene) -> Requests:
    """Many passwords for a few names; the API says 200 and "wrong password" in the body."""
    answer = scene.at_route(scene.statuses({200: 1.0}))
    return answer._replace(payload=np.full(scene.count, FAILED_LOGIN_BYTES))


def property_probing(scene: Scene) -> Requests:
    """One's own object with ever other fields: `role`, `is_admin`, `balance`."""
    refused = scene.rng.uniform(0.3, 0.8)
    status = scene.statuses({200: 1.0 - refused, 400: 0.4 * refused, 422: 0.6 * refused})
    return scene.at_route(status, number=scene.sent.client + 1)


def flood(scene: Scene) -> Requests:
    """The same request over and over, as fast as it goes."""
    variants = int(scene.rng.integers(1, 4))
    same = scene.rng.integers(0, variants, scene.count)
    return scene.at_route(scene.statuses({200: 1.0}), request=same)


def heavy_queries(scene: Scene) -> Requests:
    """Few requests that ask for everything: `?page_size=100000`."""
    rng = scene.rng
    size, work = (np.exp(rng.uniform(*np.log(times))) for times in (PAGE, PAGE_WORK))
    return scene.at_route(scene.statuses({200: 1.0}), work=float(work), size=float(size))


def admin_probing(scene: Scene) -> Requests:
    """Functions of others: an admin route that is there, and names that it might have."""
    there = scene.rng.uniform(0.1, 0.5)
    denied = scene.at_route(scene.statuses({401: 0.2, 403: 0.75, 200: 0.05}))
    guessed = scene.astray(scene.one_of(ADMIN), scene.statuses({404: 1.0}))
    return either(scene.rng.random(scene.count) < there, guessed, denied)


def carding(scene: Scene) -> Requests:
    """Stolen cards, one small payment each; most are declined."""
    declined = scene.rng.uniform(0.6, 0.97)
    status = scene.statuses({402: declined, 201: 1.0 - declined})
    return scene.at_route(status, work=1.0)


def scalping(scene: Scene) -> Requests:
    """The same scarce article bought again and again, until it is sold out."""
    sold_out = scene.rng.uniform(0.3, 1.0)  # after this share of the requests
    gone = np.arange(scene.count) > sold_out * scene.count
    status = np.where(gone, 409, scene.statuses({201: 1.0}))
    return scene.at_route(status, request=np.zeros(scene.count, np.int64))


def url_probing(scene: Scene) -> Requests:
    """Addresses inside of the network for the server to fetch; it waits for what never answers."""
    rng, timeout_s = scene.rng, scene.layout.timeout_s[scene.layout.backend[scene.route]]
    status = scene.statuses({200: 0.15, 400: 0.35, 502: 0.25, 504: 0.25})
    answer = scene.at_route(status)
    fetching_s = np.where(status == 502, rng.exponential(0.3, scene.count), 0.0)
    fetching_s = np.where(status == 200, rng.exponential(0.5, scene.count), fetching_s)
    silent_s = timeout_s * rng.uniform(0.9, 1.0, scene.count)
    work_s = np.where(status == 504, silent_s, answer.work_s + fetching_s)
    return answer._replace(work_s=work_s)


def exposure_probing(scene: Scene) -> Requests:
    """Files and consoles that nobody should have left there, and methods that nobody uses."""
    rng = scene.rng
    odd = rng.uniform(0.05, 0.3)
    missing = scene.astray(scene.one_of(EXPOSED), scene.statuses({404: 0.95, 403: 0.05}))
    route = rng.integers(0, len(scene.layout.names), scene.count)
    method = scene.one_of(ODD_METHODS)
    status = np.where(method == "OPTIONS", 200, 405)
    refused = scene.at_route(status, route=route, request=route, work=0.05)
    refused = refused._replace(method=method, payload=rng.integers(0, 60, scene.count))
    return either(rng.random(scene.count) < odd, missing, refused)


def version_probing(scene: Scene) -> Requests:
    """Known routes below an old or unfinished version; one of them may still be served."""
    rng = scene.rng
    served = rng.choice(len(VERSIONS)) if rng.random() < 0.5 else -1
    version = rng.integers(0, len(VERSIONS), scene.count)
    route = rng.integers(0, len(scene.layout.names), scene.count)
    name = np.array(scene.layout.names, object)[route]
    endpoint = np.array(VERSIONS, object)[version] + name
    path = np.array([text.replace("{id}", "1") for text in endpoint], object)
    missing = scene.astray(path, scene.statuses({404: 1.0}))
    old = scene.at_route(scene.statuses({200: 0.9, 401: 0.1}), route=route)
    old = old._replace(endpoint=endpoint, path=path, request=missing.request)
    return either(version == served, missing, old)
