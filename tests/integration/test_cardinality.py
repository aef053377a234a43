"""A hundred thousand endpoints and clients in a minute: bounded windows, time and memory."""

from __future__ import annotations

import json
import subprocess
import sys
import time
from pathlib import Path

from sqlalchemy import Select, func, select

from jobs import scoring
from ml.bundle import Bundle
from store import Store, open_store, writes
from store.tables import anomaly_log, api_log
from tests.kills import worker_of
from tests.rows import MINUTE, T0, call
from tests.server import TOKEN, Server, running_server, wait_until

ROOT = Path(__file__).parents[2]
ATTACK = 100_000
CLIENTS = 5_000 + 1
METHODS = ("GET", "POST")
ENDPOINTS = 1_000 + len(METHODS)
ORDINARY = 300


def attack(at: int, number: int = ATTACK) -> list[tuple[object, ...]]:
    """Calls of one minute, each from a client of its own to an endpoint of its own."""
    return [
        tuple(
            call(
                at + n * (MINUTE - 1) // number,
                endpoint=f"/made/up/{n}",
                path=f"/made/up/{n}",
                method=METHODS[n % 2],
                user_id=f"nobody-{n}",
                fingerprint=n + 1,
            )
        )
        for n in range(number)
    ]


def ordinary(at: int) -> list[tuple[object, ...]]:
    return [tuple(call(at + n * 200, user_id=f"u{n % 20}")) for n in range(ORDINARY)]


def counts(store: Store, at: int, subject: str) -> dict[str, int]:
    """Windows of a minute, the calls in them, and those of them that share a name."""
    w = anomaly_log.c
    shared = (w.endpoint == "(other)") | (w.client == "(other)")
    columns = func.count(), func.sum(w.req_count), func.count().filter(shared)
    where = (w.timestamp == at, w.subject == subject)
    with store.read() as connection:
        row = connection.execute(select(*columns).where(*where)).one()
    return dict(zip(("windows", "calls", "shared"), row, strict=True))


def test_an_attack_of_names_gets_bounded_windows_that_add_up_and_the_next_minute_is_on_time(
    store: Store, factory: Bundle
) -> None:
    took = []
    for minute, calls in enumerate((ordinary(T0), attack(T0 + MINUTE), ordinary(T0 + 2 * MINUTE))):
        end = T0 + (minute + 1) * MINUTE + scoring.GRACE_MS
        with store.begin() as connection:
            writes.add_calls(connection, calls, store.grid)
        began = time.monotonic()
        scoring.score_all(store, "v1", factory, lambda end=end: end, min_calls=5)
        took.append(time.monotonic() - began)
    during, after = T0 + MINUTE, T0 + 2 * MINUTE
    assert counts(store, during, "client") == {"windows": CLIENTS, "calls": ATTACK, "shared": 1}
    found = counts(store, during, "endpoint")
    assert found == {"windows": ENDPOINTS, "calls": ATTACK, "shared": len(METHODS)}
    assert counts(store, after, "client") == {"windows": 20, "calls": ORDINARY, "shared": 0}
    assert took[1] < 30, "well within the minute"
    assert took[2] < 10


SCORE = """
import json, resource, sys
from jobs import scoring
from jobs.runtime import FACTORY_MODELS
from ml.registry import Models
from store import open_store

def peak_mb():
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024

store = open_store(sys.argv[1])
version, bundle = Models(FACTORY_MODELS, FACTORY_MODELS).current()
peaks = []
for until in map(int, sys.argv[2:]):
    scoring.score_all(store, version, bundle, lambda: until, min_calls=5)
    peaks.append(peak_mb())
print(json.dumps(peaks))
"""


def test_scoring_an_attack_of_names_takes_bounded_memory(sqlite_store: Store) -> None:
    for calls in (ordinary(T0), attack(T0 + MINUTE)):
        with sqlite_store.begin() as connection:
            writes.add_calls(connection, calls, sqlite_store.grid)
    ends = [str(T0 + minutes * MINUTE + scoring.GRACE_MS) for minutes in (1, 2)]
    command = [sys.executable, "-W", "ignore", "-c", SCORE, str(sqlite_store.writer.url), *ends]
    done = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, check=True)
    before, after = json.loads(done.stdout)
    assert after - before < 400, f"{before:.0f} MB, then {after:.0f} MB"


def rss_mb(server: Server) -> float:
    """Memory of the worker."""
    pages = Path(f"/proc/{worker_of(server)}/statm").read_text().split()[1]
    return int(pages) * 4096 / 2**20


def posted(server: Server, first: int, number: int, at: int) -> None:
    """Post a batch of calls, each with a client and an endpoint of its own."""
    ordinary = {"timestamp": at, "method": "GET", "status_code": 200}
    batch = [
        ordinary | {"path": f"/p/{n}", "endpoint": f"/p/{n}/{{id}}", "ip_address": "::%x" % (n + 1)}
        for n in range(first, first + number)
    ]
    status, _, body = server.request("POST", "/api/calls", batch)
    assert (status, json.loads(body)["accepted"]) == (202, number), body[:300]


def labels(server: Server) -> int:
    """Lines of the metrics."""
    status, _, body = server.request("GET", "/metrics", Authorization=f"Bearer {TOKEN}")
    assert status == 200
    return body.count(b"\n")


def test_a_server_that_is_sent_a_hundred_thousand_names_stores_all_calls_in_bounded_memory(
    tmp_path: Path,
) -> None:
    with running_server(tmp_path, scheduler=0) as server:
        posted(server, 0, 10_000, server.started_ms)
        server.request("GET", "/before")
        lines, before = labels(server), rss_mb(server)
        for batch in range(1, 10):
            posted(server, batch * 10_000, 10_000, server.started_ms)
        for n in range(500):
            server.request("GET", f"/scan-{n}/{n}", token=False)
        store = open_store(f"sqlite:///{tmp_path / 'foresight.db'}")
        calls = select(func.count()).select_from(api_log)
        wait_until(lambda: _scalar(store, calls) == ATTACK + 501, what="all calls are stored")
        after = rss_mb(server)
        assert labels(server) == lines, "no label is named after what was sent"
        names = _scalar(store, select(func.count(api_log.c.endpoint.distinct())))
        assert names == 1_000 + len({"(other)", "(unmatched)"})
        assert after - before < 60, f"{before:.0f} MB, then {after:.0f} MB"
        store.close()


def _scalar(store: Store, statement: Select[tuple[int]]) -> int:
    with store.read() as connection:
        return connection.scalar(statement) or 0
