"""The whole minute job for 10,000 windows: read, features, past, scores, saving.

Run as `python -m bench.minute`. An hour and a minute of calls from 5,000 clients to 5,000
endpoints; the hour is scored beforehand and is the past of the last minute.
"""

from __future__ import annotations

import statistics
import tempfile
import time
from pathlib import Path

import numpy as np

from ingest.call import Call
from jobs.runtime import FACTORY_MODELS
from jobs.scoring import score_all
from ml.registry import Models
from store import Store, open_store, writes

MINUTE_MS = 60_000
SUBJECTS = 5_000  # of each kind
ROUNDS = 5
PAST_MINUTES = 60
SHAPES = {"thin windows, 4 calls each": 4, "full windows, 8 calls each": 8}


def calls_of_a_minute(start: int, calls_a_window: int) -> list[Call]:
    """Every client and every endpoint appears equally often."""
    rng = np.random.default_rng(start)
    clients, endpoints = (
        rng.permutation(np.repeat(np.arange(SUBJECTS), calls_a_window)) for _ in range(2)
    )
    took = rng.lognormal(3.5, 0.6, len(clients))
    failed = rng.random(len(clients)) < 0.03
    return [
        Call(
            start + i * MINUTE_MS // len(clients),
            f"/part/{endpoints[i]}",
            "GET",
            float(took[i]),
            500 if failed[i] else 200,
            1_000 + i % 700,
            "10.0.0.1",
            f"u{clients[i]}",
            f"/part/{endpoints[i]}",
            i,
        )
        for i in range(len(clients))
    ]


def add(store: Store, calls: list[Call]) -> None:
    with store.begin() as connection:
        writes.add_calls(connection, calls, store.grid)


def main() -> None:
    version, bundle = Models(FACTORY_MODELS, FACTORY_MODELS).current()
    for words, calls_a_window in SHAPES.items():
        with tempfile.TemporaryDirectory() as folder:
            store = open_store(f"sqlite:///{Path(folder) / 'foresight.db'}")

            def score(until: int, store: Store = store) -> int:
                return score_all(store, version, bundle, lambda: until, min_calls=5)

            last = PAST_MINUTES * MINUTE_MS
            for start in range(0, last, MINUTE_MS):
                add(store, calls_of_a_minute(start, calls_a_window))
                score(10 * last)
            add(store, calls_of_a_minute(last, calls_a_window))
            seconds = []
            for _ in range(ROUNDS):
                with store.begin() as connection:
                    writes.mark_dirty(connection, [last])
                begin = time.perf_counter()
                windows = score(10 * last)
                seconds.append(time.perf_counter() - begin)
            print(
                f"{windows:,} {words}: {statistics.median(seconds):.2f} s "
                f"({min(seconds):.2f} to {max(seconds):.2f})"
            )
            store.close()


if __name__ == "__main__":
    main()
