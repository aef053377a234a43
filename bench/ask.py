"""Time [ms] from a question in plain English to its answer, on 1,000,000 calls of three days.

Run as `python -m bench.ask`. Then the same with the indexes as they were before; a percentile
beside window functions; and questions put together by chance, which may break nothing.
"""

from __future__ import annotations

import random
import statistics
import tempfile
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import suppress
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np
from sqlalchemy import select, text

from ask.engine import answer, known_routes
from ask.lexicon import PHRASES
from ask.question import NotUnderstood
from ask.reading import understand
from ask.routes import Routes
from ingest.call import Call
from store import Store, open_store, writes
from store.percentile import percentile
from store.tables import CALLS_BY_ENDPOINT, CALLS_BY_USER, api_log
from tests.rows import MINUTE, T0, window

CALLS = 1_000_000
DAYS = 3
BATCH = 50_000
ROUNDS = 3
ASKED_BY_CHANCE = 20_000
ROUTES = (
    "/login", "/search", "/health", "/products", "/products/{id}", "/orders", "/orders/{id}",
    "/orders/{id}/items", "/payment", "/payment/refund", "/users/{id}", "/admin/export",
)  # fmt: skip
METHODS = ("GET", "POST", "PUT", "DELETE")
STATUSES = (200, 201, 301, 400, 401, 403, 404, 429, 500, 502, 503)
CLUSTERS = ("normal", "heavy", "bot")
PRIORITIES = ("LOW", "MEDIUM", "HIGH")
USERS = (*(f"u{number:03}" for number in range(2_000)), None)
ADDRESSES = tuple(f"10.0.{number >> 8}.{number & 255}" for number in range(5_000))
CLIENTS_A_MINUTE = 8

QUESTIONS = tuple(
    line.strip()
    for line in """
    show the last 50 requests
    requests to /login with status 401
    all 5xx errors today
    POST requests to /payment slower than 2 s
    requests by user u017 yesterday
    requests from 10.0.0.9 in the last hour
    requests by user u017 to anything under /orders since yesterday
    the 10 slowest requests today
    requests over 50 KB in the last 10 minutes
    server errors on /search between 14:00 and 15:00
    show high risk APIs in last 10 minutes
    find anomalies in /payment endpoint
    show all bot-like behavior
    medium risk clients in the past hour
    failing endpoints in the last half hour
    the 20 riskiest clients today
    windows with error rate above 30%
    endpoint windows with average response time over 2 s
    how many requests today
    how many requests in the last 5 minutes
    number of errors since yesterday
    number of 404s
    how many different clients called /login yesterday
    how many users were active today
    number of anomalies today
    error rate of /payment today
    average response time of /search
    average response time in the last hour
    total payload of GET requests to /orders yesterday
    slowest response time today
    p95 latency of /search today
    p95 response time
    median response time of /login in the last hour
    p99 latency per endpoint
    p90 response time per method today
    median response time by hour yesterday
    requests per endpoint
    requests per endpoint in the last hour
    average response time per endpoint yesterday
    errors by endpoint since yesterday
    requests per status code this hour
    requests per status code
    error rate by method
    requests by method today
    requests per user today
    requests per client in the last hour
    anomalies per endpoint today
    average risk score by client today
    high risk windows per endpoint
    top 5 slowest endpoints
    which endpoint has the most errors
    busiest IPs in the last 24 hours
    top 10 users by requests
    users with more than 200 requests
    clients with more than 20 errors in the last hour
    endpoints with p95 latency above 1 s today
    requests per minute over the last hour
    errors by hour yesterday
    requests by day
    trend of server errors over the last 12 hours
    trend of anomalies today
    tell me a joke
    requests with status ninety
    delete all requests
    high risk and not high risk windows
    """.strip().splitlines()
)
NOISE = (
    "/payment", "/orders/17", "under /orders", "10.0.0.9", "u017", "401", "5xx", "404s", "2", "10",
    "30%", "0.5", "2 s", "500 ms", "10 KB", "14:00", "2pm", "2026-03-17", "17 March", ",", "or",
    "and", "not", "today", "per endpoint", "by hour", "p95", "more than 5 requests", "x'; DROP",
)  # fmt: skip


class Times(NamedTuple):
    """Of one question, medians of the rounds [ms]."""

    question: str
    parse: float
    whole: float
    cpu: float  # of the whole


def calls_of(rng: np.random.Generator, first: int, last: int) -> list[Call]:
    """The calls from number `first` to `last` of all: few routes have most, nights have as many."""
    size = last - first
    at = T0 - DAYS * 86_400_000 + np.arange(first, last) * (DAYS * 86_400_000) // CALLS
    route = np.minimum(rng.geometric(0.2, size) - 1, len(ROUTES) - 1)
    status = rng.choice(STATUSES, size, p=[0.82, 0.05, 0.02, *[0.02] * 5, 0.004, 0.003, 0.003])
    latency = np.round(rng.lognormal(4.5, 0.9, size) * (1 + route / 4), 1)
    address = rng.zipf(1.3, size) % len(ADDRESSES)
    user = np.where(rng.random(size) < 0.7, rng.zipf(1.3, size) % (len(USERS) - 1), len(USERS) - 1)
    columns = (
        at,
        np.array(ROUTES)[route],
        rng.choice(METHODS, size, p=[0.7, 0.2, 0.05, 0.05]),
        latency,
        status,
        rng.integers(100, 100_000, size),
        np.array(ADDRESSES)[address],
        np.array(USERS, object)[user],
    )
    return list(map(Call, *(column.tolist() for column in columns)))


def windows_of(rng: random.Random) -> Iterator[tuple[Any, ...]]:
    """A window a minute of each route, and of some clients."""
    client = {"subject": "client", "endpoint": "*", "method": "*"}
    for start in range(T0 - DAYS * 86_400_000, T0, MINUTE):
        for route in ROUTES:
            yield window(start, endpoint=route, **_verdict(rng))
        for name in rng.sample(ADDRESSES, CLIENTS_A_MINUTE):
            yield window(start, **client, client=name, **_verdict(rng))


def _verdict(rng: random.Random) -> dict[str, Any]:
    risk = rng.random() ** 4
    return {
        "risk_score": risk,
        "priority": PRIORITIES[(risk > 0.5) + (risk > 0.8)],
        "is_anomaly": int(risk > 0.6),
        "usage_cluster": rng.choices(CLUSTERS, (90, 7, 3))[0],
        "error_rate": rng.random() ** 3,
        "avg_response_time": rng.expovariate(1 / 300),
    }


def fill(store: Store) -> None:
    """All calls and windows."""
    rng = np.random.default_rng(1)
    for first in range(0, CALLS, BATCH):
        with store.begin() as connection:
            writes.add_calls(connection, calls_of(rng, first, first + BATCH), store.grid)
    with store.begin() as connection:
        writes.save_windows(connection, list(windows_of(random.Random(1))))


def as_before(store: Store) -> None:
    """The index of endpoints with no more than its keys, and none of users."""
    with store.begin() as connection:
        CALLS_BY_USER.drop(connection)
        CALLS_BY_ENDPOINT.drop(connection)
        names = f"{CALLS_BY_ENDPOINT.name} ON api_log (endpoint, timestamp)"
        connection.execute(text(f"CREATE INDEX {names}"))


def timed_ms(work: Callable[[], object]) -> tuple[float, float]:
    """Median wall and CPU time of the rounds; a refusal is an answer too."""
    wall, cpu = [], []
    for _ in range(ROUNDS):
        began = time.perf_counter(), time.process_time()
        with suppress(NotUnderstood):
            work()
        wall.append(time.perf_counter() - began[0])
        cpu.append(time.process_time() - began[1])
    return statistics.median(wall) * 1e3, statistics.median(cpu) * 1e3


def ask_all(store: Store, routes: Routes) -> list[Times]:
    """All questions, to their rows."""
    found = []
    for question in QUESTIONS:
        parse, _ = timed_ms(lambda: understand(question, routes, T0))  # noqa: B023 - called at once
        whole, cpu = timed_ms(lambda: answer(store, question, now=T0))  # noqa: B023
        found.append(Times(question, parse, whole, cpu))
    return found


def p50_and_p95(times: Sequence[float]) -> str:
    """The two, as a line shows them."""
    p50, p95 = np.percentile(times, [50, 95], method="inverted_cdf")
    return f"p50 {p50:7.1f} ms   p95 {p95:7.1f} ms"


def report(name: str, found: list[Times]) -> None:
    """Percentiles over the questions, and the slowest five."""
    print(name)
    print(f"  {'parse':12} {p50_and_p95([times.parse for times in found])}")
    print(f"  {'answer':12} {p50_and_p95([times.whole for times in found])}")
    print(f"  {'answer, CPU':12} {p50_and_p95([times.cpu for times in found])}")
    for times in sorted(found, key=lambda times: -times.whole)[:5]:
        print(f"    {times.whole:6.0f} ms   {times.question}")


def refused(routes: Routes) -> int:
    """How many of the questions are no questions, by intention or not."""
    number = 0
    for question in QUESTIONS:
        try:
            understand(question, routes, T0)
        except NotUnderstood:
            number += 1
    return number


def compare_percentiles(store: Store) -> None:
    """A percentile a route as an aggregate, and by the rank of each value in its group."""
    endpoint, value = api_log.c.endpoint, api_log.c.response_time_ms
    aggregate = select(endpoint, percentile(value, 95)).group_by(endpoint)
    ranked = text(
        "SELECT endpoint, max(CASE WHEN at = (95 * n + 99) / 100 THEN v END) FROM ("
        " SELECT endpoint, response_time_ms AS v, count(*) OVER (PARTITION BY endpoint) AS n,"
        " row_number() OVER (PARTITION BY endpoint ORDER BY response_time_ms) AS at"
        " FROM api_log WHERE response_time_ms IS NOT NULL) GROUP BY endpoint"
    )
    with store.read() as connection:
        fast = [tuple(row) for row in connection.execute(aggregate)]
        if fast != [tuple(row) for row in connection.execute(ranked)]:
            raise AssertionError("the two percentiles differ")
        own, _ = timed_ms(lambda: connection.execute(aggregate).all())
        other, _ = timed_ms(lambda: connection.execute(ranked).all())
    print(f"p95 of each route: {own:.0f} ms, by window functions {other:.0f} ms")


def by_chance(rng: random.Random) -> str:
    """Up to nine phrases that the product knows, and others, now and then with a slip."""
    words = [" ".join(phrase) for phrase in PHRASES]
    number = rng.randint(1, 9)
    asked = " ".join(rng.choice(NOISE if rng.random() < 0.5 else words) for _ in range(number))
    if rng.random() < 0.2:
        at = rng.randrange(len(asked))
        asked = asked[:at] + rng.choice("abcxyz /'\"%-é0") + asked[at + 1 :]
    return asked


def ask_by_chance(routes: Routes) -> None:
    """Each is understood or refused; any other exception ends the benchmark."""
    rng, understood, times = random.Random(1), 0, []
    for _ in range(ASKED_BY_CHANCE):
        asked = by_chance(rng)
        began = time.perf_counter()
        try:
            understand(asked, routes, T0)
            understood += 1
        except NotUnderstood:
            pass
        except Exception as error:
            raise AssertionError(f"{asked!r} broke the parser") from error
        times.append((time.perf_counter() - began) * 1e3)
    print(f"{ASKED_BY_CHANCE:,} by chance: {understood:,} understood, 0 exceptions")
    print(f"  {'parse':12} {p50_and_p95(times)}   slowest {max(times):.0f} ms")


def main() -> None:
    """Fill, ask, ask as it was before, and ask nonsense."""
    with tempfile.TemporaryDirectory() as folder:
        store = open_store(f"sqlite:///{Path(folder) / 'foresight.db'}")
        began = time.perf_counter()
        fill(store)
        print(f"{CALLS:,} calls of {DAYS} days stored in {time.perf_counter() - began:.0f} s")
        with store.read() as connection:
            routes = known_routes(connection)
        print(f"{len(QUESTIONS)} questions, {refused(routes)} refused, medians of {ROUNDS} rounds")
        report("indexes that answer questions", ask_all(store, routes))
        compare_percentiles(store)
        as_before(store)
        report("indexes of keys alone", ask_all(store, routes))
        ask_by_chance(routes)
        store.close()


if __name__ == "__main__":
    main()
