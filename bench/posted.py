"""Calls a second that `POST /api/calls` stores in SQLite, beside raw executemany of the same rows.

Run as `python -m bench.posted`. One client posts batches one after the other to a real server
process, as it is started by a user but for the scheduler; then the same batches in this process.
"""

from __future__ import annotations

import gzip
import http.client
import json
import statistics
import tempfile
import time
from collections.abc import Callable
from contextlib import closing
from pathlib import Path
from typing import Any

from app import create_app
from bench.capture import raw_rows_per_s, sample_calls
from ingest.call import Call
from ingest.posted import PostedCalls, records_of_array
from ingest.seal import Seal
from jobs.runtime import EXTENSION
from settings import Settings
from tests.server import TOKEN, running_server

CALLS = 100_000
BATCH = 5_000
ROUNDS = 3

Post = Callable[[bytes, dict[str, str]], Any]


def record(call: Call) -> dict[str, Any]:
    """A call as another service posts it."""
    return {
        "timestamp": call.timestamp,
        "method": call.method,
        "path": f"{call.path}?page={call.payload_size % 7}",
        "status_code": call.status_code,
        "response_time_ms": call.response_time_ms,
        "payload_size": call.payload_size,
        "ip_address": call.ip_address,
        "user_id": call.user_id,
    }


def batches(calls: list[Call]) -> list[bytes]:
    """Their JSON, built before the clock runs."""
    records = [record(call) for call in calls]
    firsts = range(0, len(records), BATCH)
    return [json.dumps(records[first : first + BATCH]).encode() for first in firsts]


def calls_per_s(post: Post, bodies: list[bytes], **headers: str) -> float:
    """Post all batches, each with a key of its own; every call must be accepted."""
    begin = time.perf_counter()
    accepted = 0
    for number, body in enumerate(bodies):
        key = f"{begin}-{number}"
        sent = {"Content-Type": "application/json", "Idempotency-Key": key, **headers}
        accepted += post(body, sent)["accepted"]
    seconds = time.perf_counter() - begin
    if accepted != CALLS:
        raise AssertionError(f"{accepted} of {CALLS} calls accepted")
    return accepted / seconds


def over_http(folder: Path, bodies: list[bytes], packed: list[bytes]) -> tuple[float, float]:
    """Calls a second through one kept connection, plain and gzip."""
    with running_server(folder, scheduler="off") as server:
        connection = http.client.HTTPConnection("127.0.0.1", server.port, timeout=60)

        def post(body: bytes, headers: dict[str, str]) -> Any:
            authorised = headers | {"Authorization": f"Bearer {TOKEN}"}
            connection.request("POST", "/api/calls", body, authorised)
            return json.loads(connection.getresponse().read())

        with closing(connection):
            plain = calls_per_s(post, bodies)
            return plain, calls_per_s(post, packed, **{"Content-Encoding": "gzip"})


def in_process(folder: Path, bodies: list[bytes]) -> float:
    """Calls a second without a network, a server and a client."""
    app = create_app(Settings(data_dir=folder, api_token=TOKEN, _env_file=None))
    client = app.test_client()

    def post(body: bytes, headers: dict[str, str]) -> Any:
        authorised = headers | {"Authorization": f"Bearer {TOKEN}"}
        return client.post("/api/calls", data=body, headers=authorised).get_json()

    speed = calls_per_s(post, bodies)
    app.extensions[EXTENSION].journal.close()
    app.extensions[EXTENSION].store.close()
    return speed


def reading_per_s(bodies: list[bytes]) -> float:
    """Calls a second from JSON to rows, without storing them."""
    posted, now = PostedCalls(Seal("key")), time.time_ns() // 1_000_000
    begin = time.perf_counter()
    for body in bodies:
        posted.read(records_of_array(body), key="key", now=now)
    return CALLS / (time.perf_counter() - begin)


def main() -> None:
    """All in turns; medians of the rounds."""
    calls = sample_calls(CALLS)
    bodies = batches(calls)
    packed = [gzip.compress(body, 6) for body in bodies]
    rows: list[tuple[Any, ...]] = [tuple(call) for call in calls]
    found: dict[str, list[float]] = {}
    with tempfile.TemporaryDirectory() as name:
        for number in range(ROUNDS):
            folder = Path(name) / str(number)
            (folder / "raw").mkdir(parents=True)
            (folder / "here").mkdir()
            plain, zipped = over_http(folder / "server", bodies, packed)
            measured = {
                "raw executemany": raw_rows_per_s(folder / "raw", rows),
                "JSON to rows, not stored": reading_per_s(bodies),
                "posted, in this process": in_process(folder / "here", bodies),
                "posted over HTTP": plain,
                "posted over HTTP, gzip": zipped,
            }
            for what, speed in measured.items():
                found.setdefault(what, []).append(speed)
    print(f"{CALLS:,} calls in batches of {BATCH:,}, {ROUNDS} rounds in turns")
    for what, speeds in found.items():
        low, high = min(speeds), max(speeds)
        print(f"{what:28} {statistics.median(speeds):10,.0f} calls/s   {low:,.0f} to {high:,.0f}")


if __name__ == "__main__":
    main()
