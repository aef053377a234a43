"""p99 of a request over HTTP under load: the bare app against the same app with capture.

Run as `python -m bench.load`. Both servers are gunicorn (gthread, 1 worker, 16 threads); they take
turns under the load of the same clients, and each turn is compared with its neighbour.
"""

from __future__ import annotations

import http.client
import random
import socket
import statistics
import subprocess
import sys
import tempfile
import threading
import time
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from pathlib import Path
from typing import Any

from flask import Flask

THREADS = 8
TURNS = 20
REQUESTS = 60  # a thread and turn
SERVICE_S = 0.010  # what an idle mock request takes, about
PATHS = {"mock request, 10 ms": "/search?q=lamp", "empty request": "/empty"}


def build() -> Flask:
    """A route that waits as the mock search does and answers 2 KiB of JSON, and an empty one."""
    server = Flask("load")
    items = [{"id": number, "name": f"lamp {number}", "price": 17.5} for number in range(40)]

    def search() -> list[dict[str, Any]]:
        time.sleep(SERVICE_S)
        return items

    server.add_url_rule("/search", "search", search)
    server.add_url_rule("/empty", "empty", lambda: "")
    return server


def serve(variant: str, port: int, folder: Path) -> None:
    """Serve until SIGTERM: `foresight` with hooks, journal and drainer, `bare` without."""
    from gunicorn.app.base import BaseApplication

    from ingest import hooks
    from ingest.journal import Journal
    from ingest.seal import Seal
    from ingest.writer import Drainer
    from store import open_store

    server = build()
    journal = Journal(folder / "journal", 2**30)
    if variant == "foresight":
        hooks.install(
            server, journal, is_own=lambda _: False, simulator_key=b"key", seal=Seal("key")
        )

    def start_drainer(_: Any) -> None:
        if variant == "foresight":
            store = open_store(f"sqlite:///{folder / 'foresight.db'}")
            Drainer(store, folder / "journal").start()

    class Server(BaseApplication):  # type: ignore[misc]
        def load_config(self) -> None:
            self.cfg.set("bind", f"127.0.0.1:{port}")
            self.cfg.set("worker_class", "gthread")
            self.cfg.set("threads", 16)
            self.cfg.set("loglevel", "error")
            self.cfg.set("keepalive", 30)
            self.cfg.set("post_worker_init", start_drainer)

        def load(self) -> Flask:
            return server

    Server().run()


@contextmanager
def running(variant: str, folder: Path) -> Iterator[int]:
    """A server process of its own; its port."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port: int = probe.getsockname()[1]
    folder.mkdir()
    process = subprocess.Popen(
        [sys.executable, "-m", "bench.load", "serve", variant, str(port), str(folder)]
    )
    try:
        deadline = time.monotonic() + 30
        while not answers(port):
            if time.monotonic() > deadline:
                raise TimeoutError(f"the {variant} server did not start")
            time.sleep(0.1)
        yield port
    finally:
        process.terminate()
        process.wait()


def answers(port: int) -> bool:
    """Whether the server is up."""
    try:
        request_times(port, "/empty", 1)
    except OSError:
        return False
    return True


def request_times(port: int, path: str, requests: int) -> list[float]:
    """Time of each of some requests through one connection [ms]."""
    connection = http.client.HTTPConnection("127.0.0.1", port, timeout=30)
    times = []
    for _ in range(requests):
        begin = time.perf_counter()
        connection.request("GET", path)
        response = connection.getresponse()
        response.read()
        times.append((time.perf_counter() - begin) * 1000)
        if response.status != 200:
            raise AssertionError(f"{path} answered {response.status}")
    connection.close()
    return times


def turn(port: int, path: str) -> list[float]:
    """Times of all requests of all threads [ms]."""
    times: list[float] = []
    threads = [
        threading.Thread(target=lambda: times.extend(request_times(port, path, REQUESTS)))
        for _ in range(THREADS)
    ]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    return times


def percentiles(times: list[float]) -> tuple[float, float]:
    cuts = statistics.quantiles(times, n=100)
    return cuts[49], cuts[98]


def compare(ports: dict[str, int], path: str) -> tuple[dict[str, tuple[float, float]], float]:
    """Median p50 and p99 of each server [ms], and the median ratio of their p99s."""
    turns: dict[str, list[tuple[float, float]]] = {variant: [] for variant in ports}
    for port in ports.values():
        turn(port, path)
    for _ in range(TURNS):
        for variant in random.sample(list(ports), len(ports)):
            turns[variant].append(percentiles(turn(ports[variant], path)))
    medians = {}
    for variant, seen in turns.items():
        p50s, p99s = zip(*seen, strict=True)
        medians[variant] = statistics.median(p50s), statistics.median(p99s)
    pairs = zip(turns["foresight"], turns["bare"], strict=True)
    return medians, statistics.median(ours / bare for (_, ours), (_, bare) in pairs)


def main() -> None:
    """Print both comparisons."""
    print(f"requests over HTTP, {THREADS} threads, {TURNS} turns of {THREADS * REQUESTS} a server")
    with ExitStack() as stack:
        folder = Path(stack.enter_context(tempfile.TemporaryDirectory()))
        ports = {
            variant: stack.enter_context(running(variant, folder / variant))
            for variant in ("bare", "foresight")
        }
        for name, path in PATHS.items():
            medians, ratio = compare(ports, path)
            for variant, (p50, p99) in medians.items():
                print(f"{name:20} {variant:10} p50 {p50:7.2f} ms   p99 {p99:7.2f} ms")
            print(f"{name:20} ratio of the p99s {ratio:.3f}")


if __name__ == "__main__":
    if sys.argv[1:2] == ["serve"]:
        serve(sys.argv[2], int(sys.argv[3]), Path(sys.argv[4]))
    else:
        main()
