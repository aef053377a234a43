"""What capture costs: time added to a request, and rows a second from the journal into SQLite.

Run as `python -m bench.capture [hook|ingest|all]`.
"""

from __future__ import annotations

import atexit
import contextlib
import gc
import importlib.util
import logging
import random
import shutil
import sqlite3
import statistics
import sys
import tempfile
import threading
import time
from collections.abc import Callable
from io import BytesIO
from pathlib import Path
from typing import Any

from flask import Flask

from ingest import hooks
from ingest.call import Call
from ingest.journal import SUFFIX, Journal
from ingest.seal import Seal
from ingest.writer import drain
from store import open_store
from store.tables import CALL_COLUMNS

ROUNDS = 25
REQUESTS = 300  # a round and variant
ROWS = 100_000
INGEST_ROUNDS = 5
RAW_BATCH = 1_000

START = 1_773_847_800_000  # epoch ms
ENVIRON = {
    "REQUEST_METHOD": "GET",
    "PATH_INFO": "/orders/17",
    "QUERY_STRING": "expand=items",
    "SERVER_NAME": "localhost",
    "SERVER_PORT": "8050",
    "SERVER_PROTOCOL": "HTTP/1.1",
    "REMOTE_ADDR": "203.0.113.7",
    "HTTP_HOST": "localhost:8050",
    "HTTP_USER_AGENT": "bench",
    "wsgi.version": (1, 0),
    "wsgi.url_scheme": "http",
    "wsgi.errors": sys.stderr,
    "wsgi.multithread": True,
    "wsgi.multiprocess": False,
    "wsgi.run_once": False,
}


def bare(_: Path) -> Flask:
    """One small JSON route."""
    server = Flask("bench")
    server.add_url_rule("/orders/<int:id>", "order", lambda id: {"id": id, "state": "paid"})
    return server


def with_empty_hooks(folder: Path) -> Flask:
    """Hooks that do nothing: what Flask itself takes for them."""
    server = bare(folder)
    server.before_request(lambda: None)
    server.after_request(lambda response: response)
    return server


def with_capture(folder: Path, *, pseudonyms: bool = False) -> Flask:
    """Our hooks, the write to the journal included."""
    server = bare(folder)
    journal = Journal(folder / "journal", 2**30)
    seal = Seal("key", pseudonyms=pseudonyms)
    hooks.install(server, journal, is_own=lambda _: False, simulator_key=b"key", seal=seal)
    return server


def with_pseudonyms(folder: Path) -> Flask:
    """The same with users and addresses replaced."""
    return with_capture(folder, pseudonyms=True)


def with_prometheus(folder: Path) -> Flask:
    """prometheus-flask-exporter: a histogram and a counter in memory."""
    from prometheus_client import CollectorRegistry
    from prometheus_flask_exporter import PrometheusMetrics

    server = bare(folder)
    PrometheusMetrics(server, registry=CollectorRegistry())
    return server


def with_monitoring_dashboard(folder: Path) -> Flask:
    """flask-monitoringdashboard at level 1: response times into SQLite."""
    import flask_monitoringdashboard as dashboard

    server = bare(folder)
    dashboard.config.database_name = f"sqlite:///{folder / 'dashboard.db'}"
    dashboard.config.monitor_level = 1
    dashboard.config.enable_logging = False
    dashboard.bind(server)
    return server


VARIANTS: dict[str, Callable[[Path], Flask]] = {
    "bare app": bare,
    "empty hooks": with_empty_hooks,
    "foresight": with_capture,
    "foresight with pseudonyms": with_pseudonyms,
    "prometheus-flask-exporter": with_prometheus,
}
DASHBOARD = "flask-monitoringdashboard"  # measured last: its threads work on after an answer
DASHBOARD_ROUNDS = 5


def request_us(server: Flask) -> float:
    """Time of one request through the WSGI interface [us]."""
    environ: dict[str, Any] = {**ENVIRON, "wsgi.input": BytesIO()}
    begin = time.perf_counter_ns()
    chunks = server(environ, lambda *_: None)
    b"".join(chunks)
    close = getattr(chunks, "close", None)
    if close is not None:
        close()
    return (time.perf_counter_ns() - begin) / 1000


def percentiles(server: Flask) -> tuple[float, float]:
    """p50 and p99 of some requests [us]; the garbage of others is not on their account."""
    gc.collect()
    cuts = statistics.quantiles([request_us(server) for _ in range(REQUESTS)], n=100)
    return cuts[49], cuts[98]


def in_turns(servers: dict[str, Flask], rounds: int) -> dict[str, list[tuple[float, float]]]:
    """Server -> its p50 and p99 in each round [us], all of them in each round in random order."""
    for server in servers.values():
        percentiles(server)
    measured: dict[str, list[tuple[float, float]]] = {name: [] for name in servers}
    for _ in range(rounds):
        for name in random.sample(list(servers), len(servers)):
            measured[name].append(percentiles(servers[name]))
    return measured


def added(
    measured: list[tuple[float, float]], base: list[tuple[float, float]]
) -> tuple[float, float]:
    """Median over the rounds of what p50 and p99 are above those of the base [us]."""
    return (
        statistics.median(ours[0] - bare[0] for ours, bare in zip(measured, base, strict=False)),
        statistics.median(ours[1] - bare[1] for ours, bare in zip(measured, base, strict=False)),
    )


def print_added_time() -> None:
    """One line a variant."""
    folder = Path(tempfile.mkdtemp())
    atexit.register(shutil.rmtree, folder, ignore_errors=True)  # after what others do at exit
    measured = in_turns({name: build(folder) for name, build in VARIANTS.items()}, ROUNDS)
    base = measured.pop("bare app")
    p50, p99 = (statistics.median(values) for values in zip(*base, strict=True))
    print(f"{'bare app':28} p50 {p50:8.1f} us   p99 {p99:8.1f} us")
    if importlib.util.find_spec(DASHBOARD.replace("-", "_")) is not None:
        with contextlib.redirect_stdout(None):  # it reports each retry
            server = with_monitoring_dashboard(folder)
            measured |= in_turns({DASHBOARD: server}, DASHBOARD_ROUNDS)
            finish_threads()
    else:
        print(f"{DASHBOARD:28} is not installed here: pip install {DASHBOARD}==5.1.0")
    for name, values in measured.items():
        p50, p99 = added(values, base)
        print(f"{name:28} p50 {p50:+8.1f} us   p99 {p99:+8.1f} us")


def finish_threads() -> None:
    """Wait for the thread that flask-monitoringdashboard starts for each request."""
    for thread in threading.enumerate():
        if thread is not threading.main_thread() and not thread.daemon:
            thread.join(timeout=60)


def sample_calls(n: int) -> list[Call]:
    """Calls as a busy shop has them, half a millisecond apart."""
    rng = random.Random(1)
    routes = (("POST", "/login"), ("POST", "/payment"), ("GET", "/search"), ("GET", "/orders/{id}"))
    calls = []
    for i in range(n):
        method, endpoint = rng.choice(routes)
        calls.append(
            Call(
                START + i // 2,
                endpoint,
                method,
                round(rng.expovariate(1 / 40), 3),
                rng.choice((200, 200, 200, 404, 500)),
                rng.randrange(5000),
                f"203.0.{rng.randrange(8)}.{rng.randrange(256)}",
                f"user-{rng.randrange(40)}" if rng.random() < 0.7 else None,
                endpoint.replace("{id}", str(rng.randrange(1000))),
                rng.getrandbits(63),
                received_at=START + i // 2 + 40,
            )
        )
    return calls


def raw_rows_per_s(folder: Path, rows: list[tuple[Any, ...]]) -> float:
    """`sqlite3` executemany of prebuilt tuples, one transaction a batch, into the same table."""
    open_store(f"sqlite:///{folder / 'raw.db'}").close()
    marks = ", ".join("?" * len(CALL_COLUMNS))
    insert = f"INSERT INTO api_log ({', '.join(CALL_COLUMNS)}) VALUES ({marks})"
    connection = sqlite3.connect(folder / "raw.db", isolation_level=None)
    with contextlib.closing(connection):
        connection.execute("PRAGMA journal_mode=WAL")
        connection.execute("PRAGMA synchronous=NORMAL")
        begin = time.perf_counter()
        for first in range(0, len(rows), RAW_BATCH):
            connection.execute("BEGIN IMMEDIATE")
            connection.executemany(insert, rows[first : first + RAW_BATCH])
            connection.execute("COMMIT")
        return len(rows) / (time.perf_counter() - begin)


def journal_rows_per_s(folder: Path, journal: bytes, n: int) -> float:
    """Rows a second from a journal file into the store, by the drainer's own passes."""
    warm_up = Journal(folder / "journal", 2**30)
    warm_up.append(Call(START, "/", "GET", 1.0, 200, 1, "203.0.113.7"))
    warm_up.close()
    store = open_store(f"sqlite:///{folder / 'foresight.db'}")
    with contextlib.closing(store):
        drain(store, folder / "journal")  # connection and statements, as a running drainer has them
        (folder / "journal" / ("0" * 32 + SUFFIX)).write_bytes(journal)
        stored = 0
        begin = time.perf_counter()
        while rows := drain(store, folder / "journal"):
            stored += rows
        seconds = time.perf_counter() - begin
    if stored != n:
        raise AssertionError(f"{stored} of {n} rows stored")
    return n / seconds


def print_ingest() -> None:
    """Both in turns; the ratio is the median of the rounds."""
    calls = sample_calls(ROWS)
    raw, ours = [], []
    with tempfile.TemporaryDirectory() as folder:
        source = Journal(Path(folder) / "source", 2**30)
        for call in calls:
            source.append(call)
        (file,) = source.directory.iterdir()
        journal = file.read_bytes()
        source.close()
        rows: list[tuple[Any, ...]] = [tuple(call) for call in calls]
        del calls
        gc.freeze()
        for number in range(INGEST_ROUNDS):
            (own := Path(folder) / str(number)).mkdir()
            raw.append(raw_rows_per_s(own, rows))
            ours.append(journal_rows_per_s(own, journal, ROWS))
    ratio = statistics.median(a / b for a, b in zip(ours, raw, strict=True))
    print(f"{'raw executemany':28} {statistics.median(raw):10,.0f} rows/s")
    print(f"{'journal -> SQLite':28} {statistics.median(ours):10,.0f} rows/s   ratio {ratio:.2f}")


def main(what: str = "all") -> None:
    logging.disable()
    if what in ("hook", "all"):
        print(f"added time of a request, {ROUNDS} x {REQUESTS} requests each, in turns")
        print_added_time()
    if what in ("ingest", "all"):
        print(f"ingest of {ROWS:,} rows into the indexed table, {INGEST_ROUNDS} rounds in turns")
        print_ingest()


if __name__ == "__main__":
    main(*sys.argv[1:])
