"""Three days of a small shop, the same on each run: calls and windows to ask questions about.

Times and values lie on the borders that questions name (now, full hours, midnights, 800 ms, 0.5)
and just before them, and ids say nothing about the order in time.
"""

from __future__ import annotations

import random
from collections.abc import Iterator, Sequence
from typing import Any, Final, NamedTuple

from sqlalchemy import insert

from ask.routes import Routes
from store import Store
from store.tables import anomaly_log, api_log

NOW: Final = 1_773_847_800_000  # 2026-03-18T15:30:00Z, a Wednesday
MINUTE: Final = 60_000
HOUR: Final = 60 * MINUTE
DAY: Final = 24 * HOUR
TODAY: Final = NOW // DAY * DAY

USERS: Final = tuple(f"u{number:03d}" for number in range(1, 106))
HEAVY: Final = USERS[:6]
USER_BOTS: Final = USERS[6:9]
BOTS: Final = ("198.51.100.7", "198.51.100.23", "198.51.100.77", "192.0.2.66")
STRANGERS: Final = tuple(f"203.0.113.{number}" for number in range(10, 46))
HEALTH_CHECKER: Final = "10.9.9.9"

Row = dict[str, Any]


class Served(NamedTuple):
    """A method of a route: how often it is called, and its typical time [ms] and size [bytes]."""

    endpoint: str
    method: str
    weight: float
    ms: float
    size: int


SERVED: Final = (
    Served("/login", "POST", 8, 130, 350),
    Served("/payment", "POST", 8, 240, 950),
    Served("/payment", "GET", 4, 85, 1_400),
    Served("/payment/refund", "POST", 3, 290, 650),
    Served("/search", "GET", 18, 170, 5_600),
    Served("/health", "GET", 8, 5, 24),
    Served("/orders", "GET", 10, 120, 4_800),
    Served("/orders", "POST", 7, 220, 1_200),
    Served("/orders/{id}", "GET", 9, 75, 1_500),
    Served("/orders/{id}", "PATCH", 3, 150, 500),
    Served("/users/{id}", "GET", 8, 65, 700),
    Served("/users/{id}", "PUT", 4, 140, 800),
    Served("/users/{id}", "DELETE", 3, 160, 0),
    Served("/admin/export", "GET", 3, 950, 55_000),
    Served("/admin/export", "POST", 2, 700, 28_000),
    Served("/products", "GET", 14, 90, 8_500),
)
ROUTES: Final = Routes(tuple(sorted({served.endpoint for served in SERVED})))
_ERRORS: Final = (400, 401, 401, 403, 404, 404, 404, 409, 422, 429, 429, 500, 500, 502, 503, 504)
_REDIRECTS: Final = (301, 302, 304)


class Scene(NamedTuple):
    """Something that happened: who called what, how often it failed, how slow it was."""

    days_ago: int
    clock: float  # hours
    minutes: int
    calls: int
    endpoints: Sequence[str]
    callers: Sequence[str]
    errors: Sequence[int] = _ERRORS
    failing: float = 0.05
    slowness: float = 1.0


_SCENES: Final = (
    Scene(0, 14.75, 45, 260, ("/payment",), USERS, (500, 502, 503, 503, 504), 0.4, 4.5),
    Scene(2, 10, 20, 90, ("/payment",), USERS, (500, 503, 504), 0.4, 4.0),
    Scene(1, 16, 60, 190, ("/search",), USERS, (503, 500), 0.08, 6.0),
    Scene(0, 15, 30, 80, ("/search",), USERS, (503, 500), 0.08, 6.0),
    Scene(1, 2, 40, 300, ("/login",), BOTS[3:], (401, 401, 401, 403, 429), 0.9),
    Scene(0, 15.1, 20, 160, ("/login",), BOTS[2:3], (401, 401, 403, 429), 0.9),
    Scene(2, 4, 50, 110, ("/products", "/search"), BOTS[:1], (429, 404), 0.2),
    Scene(1, 4, 50, 110, ("/products", "/search"), BOTS[1:2], (429, 404), 0.2),
    Scene(0, 3, 50, 110, ("/products", "/search"), BOTS[:1], (429, 404), 0.2),
    Scene(0, 14, 80, 130, ("/products", "/search"), BOTS[1:3], (429, 404), 0.2),
    Scene(2, 21, 28, 60, ("/orders/{id}", "/users/{id}"), USER_BOTS, (404, 429), 0.2),
    Scene(1, 21, 28, 80, ("/orders/{id}", "/users/{id}"), USER_BOTS, (404, 429), 0.2),
    Scene(0, 9, 28, 80, ("/orders/{id}", "/products"), USER_BOTS, (404, 429), 0.2),
    Scene(0, 15, 28, 80, ("/orders/{id}", "/orders"), USER_BOTS, (404, 429), 0.2),
    Scene(2, 9, 480, 140, ("/orders", "/search"), HEAVY),
    Scene(1, 9, 480, 140, ("/orders", "/search"), HEAVY),
    Scene(0, 9, 390, 160, ("/orders", "/search"), HEAVY),
    Scene(1, 22, 240, 60, ("/admin/export", "/payment/refund"), USERS[20:26], failing=0.2),
    Scene(1, 23, 180, 40, ("/payment",), USERS, (503, 504), 0.4, 3.0),
    Scene(0, 6, 240, 60, ("/orders", "/users/{id}"), USERS, (404, 409, 500, 503), 0.3),
    Scene(1, 1, 240, 60, ("/orders/{id}", "/products"), STRANGERS, (401, 403, 404), 0.3, 0.3),
    Scene(3, 16, 300, 60, ("/users/{id}", "/orders"), STRANGERS, (400, 404), 0.3),
    Scene(1, 8, 600, 30, ("/orders/{id}", "/users/{id}"), ("u041",), (401, 404), 0.2),
    Scene(2, 11, 120, 30, ("/payment/refund",), USERS, (422, 502), 0.2, 6.0),
    Scene(0, 15.4, 6, 130, ROUTES.stored, USERS[:40] + STRANGERS, failing=0.2),
)  # fmt: skip

_BORDERS: Final = (
    *(NOW - minutes * MINUTE for minutes in (0, 5, 10, 15, 20, 30, 45, 60, 90, 120, 180, 360, 720)),
    *(NOW - days * DAY for days in (1, 2)),
    *(TODAY + hours * HOUR for hours in (0, 2, 6, 8, 9, 10, 12, 14, 15)),
    *(TODAY - hours * HOUR for hours in (2, 6, 7, 8, 10, 12, 15, 24, 38, 48)),
)
_ON_BORDERS: Final = (("/payment", "POST", 500), ("/login", "POST", 401), ("/orders", "GET", 200))
_MS: Final = (100.0, 150.0, 200.0, 250.0, 300.0, 500.0, 799.9, 800.0, 800.1, 1_000.0, 1_500.0,
              2_000.0, 3_000.0, 5_000.0)  # fmt: skip
_BYTES: Final = (0, 512, 1_024, 2_048, 5_120, 10_239, 10_240, 10_241, 20_480, 51_200, 102_400,
                 524_288, 1_048_576)  # fmt: skip
_NUMBERED: Final = 5_000  # ids of windows begin here


def fill(store: Store) -> None:
    """Put all calls and windows of the site into an empty store."""
    rng = random.Random(1_603)
    calls, windows = _calls(rng), _windows(rng)
    with store.begin() as connection:
        connection.execute(insert(api_log), calls)
        connection.execute(insert(anomaly_log), windows)


def _numbered(rng: random.Random, rows: list[Row], first: int) -> list[Row]:
    rng.shuffle(rows)
    return [{"id": number, **row} for number, row in enumerate(rows, start=first)]


# calls


def _calls(rng: random.Random) -> list[Row]:
    rows = [*_ordinary_calls(rng, 4_300)]
    for scene in _SCENES:
        rows += [_call_of(rng, scene) for _ in range(scene.calls)]
    for border in _BORDERS:
        for at in (border - 1, border):
            rows += [_on_border(rng, at, *given) for given in _ON_BORDERS]
    rows = [row for row in rows if row["timestamp"] <= NOW]
    _put(rng, [r for r in rows if r["endpoint"] != "/health"], "response_time_ms", _MS, 12)
    _put(rng, [r for r in rows if r["status_code"] < 300], "payload_size", _BYTES, 25)
    return _numbered(rng, rows, 1)


def _ordinary_calls(rng: random.Random, number: int) -> Iterator[Row]:
    """Two thirds by day, the rest at any time."""
    weights = [served.weight for served in SERVED]
    for _ in range(number):
        hour = rng.triangular(6, 22, 14) if rng.random() < 0.66 else rng.uniform(0, 24)
        at = TODAY - rng.randrange(4) * DAY + int(hour * HOUR)
        if NOW - 3 * DAY < at <= NOW:
            yield _call(rng, at, rng.choices(SERVED, weights)[0], _caller(rng))


def _caller(rng: random.Random) -> str:
    return rng.choice(STRANGERS) if rng.random() < 0.25 else USERS[int(105 * rng.random() ** 1.6)]


def _call_of(rng: random.Random, scene: Scene) -> Row:
    at = (
        TODAY - scene.days_ago * DAY + int((scene.clock + scene.minutes / 60 * rng.random()) * HOUR)
    )
    served = rng.choice([s for s in SERVED if s.endpoint in scene.endpoints])
    status = rng.choice(scene.errors) if rng.random() < scene.failing else None
    return _call(rng, at, served, rng.choice(scene.callers), status, scene.slowness)


def _on_border(rng: random.Random, at: int, endpoint: str, method: str, status: int) -> Row:
    served = next(s for s in SERVED if (s.endpoint, s.method) == (endpoint, method))
    return _call(rng, at, served, rng.choice(USERS), status)


def _call(
    rng: random.Random,
    at: int,
    served: Served,
    caller: str,
    status: int | None = None,
    slowness: float = 1.0,
) -> Row:
    if served.endpoint == "/health":
        caller, status = HEALTH_CHECKER, 200
    elif served.endpoint == "/admin/export":
        caller = rng.choice(USERS[20:26])
    status = status or _status(rng, served.method)
    spread = rng.lognormvariate(0, 0.65) * (7 if rng.random() < 0.02 else 1)
    ms = rng.uniform(3_000, 9_900) if status == 504 else served.ms * slowness * spread
    return {
        "timestamp": at,
        "endpoint": served.endpoint,
        "method": served.method,
        "response_time_ms": round(min(9_900.0, ms), 1),
        "status_code": status,
        "payload_size": 0 if status in (204, 304) else int(served.size * rng.uniform(0.3, 2.2)),
        "ip_address": _address(rng, caller),
        "user_id": caller if caller in USERS else None,
    }


def _status(rng: random.Random, method: str) -> int:
    chance = rng.random()
    if chance < 0.06:
        return rng.choice(_ERRORS)
    if method == "GET" and chance < 0.11:
        return rng.choice(_REDIRECTS)
    return {"POST": rng.choice((200, 201)), "DELETE": 204}.get(method, 200)


def _address(rng: random.Random, caller: str) -> str:
    """A user is at home, but for now and then."""
    if caller not in USERS:
        return caller
    number = int(caller[1:]) if rng.random() < 0.9 else rng.randrange(1, 106)
    return f"10.0.{number % 8}.{19 + 16 * (number // 8)}"


def _put(
    rng: random.Random, rows: list[Row], column: str, values: Sequence[float], each: int
) -> None:
    """Give each of the values to some of the rows."""
    for at, row in enumerate(rng.sample(rows, min(len(rows), len(values) * each))):
        row[column] = values[at % len(values)]


# windows


def _windows(rng: random.Random) -> list[Row]:
    found: dict[tuple[Any, ...], Row] = {}
    for border in _BORDERS:
        for at in (border - MINUTE, border):
            for row in (_endpoint_window(rng, at), _client_window(rng, at)):
                found.setdefault(_key(row), row)
    while len(found) < 2_500:
        at = _minute(rng)
        row = _endpoint_window(rng, at) if rng.random() < 0.55 else _client_window(rng, at)
        found.setdefault(_key(row), row)
    rows = list(found.values())
    for column, values, each in _ON_THRESHOLDS:
        _put(rng, rows, column, values, each)
    return _numbered(rng, [_judged(row) for row in rows], _NUMBERED)


_ON_THRESHOLDS: Final = (
    ("risk_score", (0.3, 0.4, 0.4999, 0.5, 0.6, 0.7, 0.7999, 0.8, 0.9), 9),
    ("failure_probability", (0.25, 0.4999, 0.5, 0.6, 0.7, 0.8), 12),
    ("anomaly_score", (0.4999, 0.5, 0.6, 0.7, 0.8), 12),
    ("error_rate", (0.1, 0.2, 0.25, 0.3, 0.4, 0.5), 12),
    ("avg_response_time", (500.0, 800.0, 1_000.0, 2_000.0), 12),
    ("req_count", (50, 51, 60, 99, 100, 101, 120), 9),
    ("payload_mean", (0.0, 1_024.0, 5_120.0, 10_240.0), 9),
)


def _key(row: Row) -> tuple[Any, ...]:
    return tuple(row[name] for name in ("timestamp", "subject", "endpoint", "method", "client"))


def _minute(rng: random.Random) -> int:
    """Any minute; many of the last hours and of what happened before."""
    chance = rng.random()
    if chance < 0.25:
        return NOW - rng.randrange(90) * MINUTE
    if chance < 0.5:
        scene = rng.choice(_SCENES)
        start = TODAY - scene.days_ago * DAY + int(scene.clock * 60) * MINUTE
        return min(NOW, start + rng.randrange(scene.minutes) * MINUTE)
    return NOW - rng.randrange(3 * 24 * 60) * MINUTE


def _endpoint_window(rng: random.Random, at: int) -> Row:
    served = rng.choice(SERVED)
    trouble = rng.random() ** (0.8 if _is_in_scene(at, served.endpoint) else 2.2)
    cluster = rng.choices(("normal", "heavy", "bot"), (7, 2, 1))[0]
    own = {"subject": "endpoint", "endpoint": served.endpoint, "method": served.method}
    row = _measured(rng, trouble, served.ms, served.size)
    return {"timestamp": at, **own, "client": None, "usage_cluster": cluster, **row} | {
        "unique_endpoints": 1,
        "repeat_rate": 0.0,
    }


def _is_in_scene(at: int, endpoint: str) -> bool:
    return any(
        endpoint in scene.endpoints
        and len(scene.endpoints) < 3
        and 0 <= at - (TODAY - scene.days_ago * DAY + scene.clock * HOUR) < scene.minutes * MINUTE
        for scene in _SCENES
    )


def _client_window(rng: random.Random, at: int) -> Row:
    known = rng.choice((HEAVY, USER_BOTS, BOTS, USERS, USERS, STRANGERS))
    client = rng.choice(known)
    is_bot = client in BOTS or client in USER_BOTS
    usual = "bot" if is_bot else "heavy" if client in HEAVY else "normal"
    cluster = usual if rng.random() < 0.85 else rng.choice(("normal", "heavy", "bot"))
    row = _measured(rng, rng.random() ** (0.7 if is_bot else 2.2), 160, 3_000)
    own = {"subject": "client", "endpoint": "*", "method": "*", "client": client}
    return {"timestamp": at, **own, "usage_cluster": cluster, **row}


def _measured(rng: random.Random, trouble: float, ms: float, size: int) -> Row:
    """Numbers of a window: from 0, all is well, to 1, nothing works."""
    average = ms * rng.lognormvariate(0, 0.4) * (1 + 5 * trouble)
    return {
        "risk_score": _near(rng, trouble),
        "failure_probability": _near(rng, trouble),
        "anomaly_score": _near(rng, trouble),
        "req_count": 1 + int(30 * rng.random() ** 3 + 90 * rng.random() ** 8),
        "error_rate": round(trouble * rng.random(), 4),
        "avg_response_time": round(average, 2),
        "max_response_time": round(average * rng.uniform(1, 6), 1),
        "payload_mean": round(size * rng.uniform(0.4, 2.2), 1),
        "unique_endpoints": rng.choice((1, 1, 1, 2, 2, 3, 4, 5, 6)),
        "repeat_rate": round(rng.random() ** 2, 4),
        "status_entropy": round(2.2 * rng.random() ** 2, 4),
    }


def _near(rng: random.Random, share: float) -> float:
    return round(min(1.0, max(0.0, share + rng.gauss(0, 0.12))), 4)


def _judged(row: Row) -> Row:
    """What follows from the scores."""
    risk = row["risk_score"]
    priority = "HIGH" if risk >= 0.8 else "MEDIUM" if risk >= 0.5 else "LOW"
    return {**row, "priority": priority, "is_anomaly": int(row["anomaly_score"] >= 0.5)}
