"""Writing a call leaves nothing behind in memory."""

from __future__ import annotations

import gc
import tracemalloc
from pathlib import Path

from ingest.journal import Journal
from tests.rows import call

CALLS = 5_000
MOST_BYTES = CALLS  # one byte a call


def test_thousands_of_calls_take_no_memory(tmp_path: Path) -> None:
    journal, one = Journal(tmp_path / "journal", 2**30), call()
    journal.append(one)
    gc.collect()
    tracemalloc.start()
    try:
        before = tracemalloc.get_traced_memory()[0]
        for _ in range(CALLS):
            journal.append(one)
        gc.collect()
        assert tracemalloc.get_traced_memory()[0] - before < MOST_BYTES
    finally:
        tracemalloc.stop()
        journal.close()
