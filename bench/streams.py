"""Rows a second that `GET /api/logs` streams, and memory, beside reading all with pandas.

Run as `python -m bench.streams`. A real server on 1,000,000 calls, one client that reads as fast as
it can; then a process of its own that reads the same table whole and writes it as CSV.
"""

from __future__ import annotations

import http.client
import resource
import subprocess
import sys
import tempfile
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import closing, contextmanager
from pathlib import Path

from bench.capture import sample_calls
from store import open_store, writes
from tests.server import TOKEN, Server, running_server

CALLS = 1_000_000
BATCH = 10_000
MS_APART = 50
POLL_S = 0.02


def fill(database: Path) -> None:
    """A million calls, twenty a second."""
    store = open_store(f"sqlite:///{database}")
    calls = sample_calls(BATCH)
    for first in range(0, CALLS, BATCH):
        start = calls[0].timestamp + first * MS_APART
        moved = [call._replace(timestamp=start + n * MS_APART) for n, call in enumerate(calls)]
        with store.begin() as connection:
            writes.add_calls(connection, moved, store.grid)
    store.close()


def anonymous_mb(server: Server) -> float:
    """Memory of the server and its worker without mapped files [MiB]."""
    parent = server.process.pid
    children = Path(f"/proc/{parent}/task/{parent}/children").read_text().split()
    lines = [
        line
        for process in [str(parent), *children]
        for line in Path(f"/proc/{process}/status").read_text().splitlines()
        if line.startswith("RssAnon")
    ]
    return sum(int(line.split()[1]) for line in lines) / 1024


@contextmanager
def growth_of(memory_mb: Callable[[], float]) -> Iterator[list[float]]:
    """How much memory grew at most [MiB], looked at all the time."""
    before, found, done = memory_mb(), [0.0], threading.Event()

    def watch() -> None:
        while not done.wait(POLL_S):
            found[0] = max(found[0], memory_mb() - before)

    watcher = threading.Thread(target=watch)
    watcher.start()
    try:
        yield found
    finally:
        done.set()
        watcher.join()


def streamed(server: Server, kind: str, query: str = "") -> tuple[int, float, float, float]:
    """Rows, seconds to the first byte and to the last, and MB."""
    connection = http.client.HTTPConnection("127.0.0.1", server.port, timeout=600)
    headers = {"Accept": kind, "Authorization": f"Bearer {TOKEN}"}
    begin = time.perf_counter()
    with closing(connection):
        connection.request("GET", f"/api/logs?{query}", headers=headers)
        answer = connection.getresponse()
        size = len(answer.read(1))
        first = time.perf_counter() - begin
        rows = 0
        while chunk := answer.read(2**20):
            size += len(chunk)
            rows += chunk.count(b"\n")
    return rows, first, time.perf_counter() - begin, size / 1e6


def naive(database: Path) -> None:
    """All rows into a frame, the frame into a file; prints seconds and memory of this process."""
    import sqlite3

    import pandas as pd

    before = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024
    begin = time.perf_counter()
    with closing(sqlite3.connect(database)) as connection:
        frame = pd.read_sql("SELECT * FROM api_log ORDER BY timestamp DESC, id DESC", connection)
    frame["timestamp"] = pd.to_datetime(frame["timestamp"], unit="ms", utc=True)
    frame["received_at"] = pd.to_datetime(frame["received_at"], unit="ms", utc=True)
    frame.to_csv(database.with_suffix(".csv"), index=False)
    seconds = time.perf_counter() - begin
    grown = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024 - before
    print(
        f"{'all rows by pandas':28} {CALLS / seconds:9,.0f} rows/s, first byte {seconds:6.2f} s, "
        f"{grown:6.0f} MiB more"
    )


def main() -> None:
    """Streams, filters without an index, and the naive way."""
    if len(sys.argv) > 1:
        naive(Path(sys.argv[1]))
        return
    with tempfile.TemporaryDirectory() as name:
        database = Path(name) / "foresight.db"
        fill(database)
        with running_server(Path(name), scheduler="off") as server:
            streamed(server, "text/csv", "limit=20000")
            for kind in ("application/x-ndjson", "text/csv"):
                with growth_of(lambda: anonymous_mb(server)) as grown:
                    rows, first, seconds, size = streamed(server, kind)
                print(
                    f"{kind:28} {rows / seconds:9,.0f} rows/s, first byte {first:6.2f} s, "
                    f"{grown[0]:6.0f} MiB more, {size:,.0f} MB sent"
                )
            for query in ("limit=500000", "status=404", "client=user-7", "client=nobody"):
                rows, first, seconds, _ = streamed(server, "application/x-ndjson", query)
                print(f"{query:28} {rows:9,} rows in {seconds:6.2f} s, first byte {first:6.2f} s")
        subprocess.run([sys.executable, "-m", "bench.streams", str(database)], check=True)


if __name__ == "__main__":
    main()
