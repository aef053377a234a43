"""The past of a demo: hours of simulated calls, stored in batches, finished after a kill."""

from __future__ import annotations

import logging
import time
from collections.abc import Callable
from typing import Final

from ingest.seal import Seal
from ingest.simulator.demo import history
from store import Store, reads, writes
from store.marks import mark, set_mark

HOURS: Final = 3
BATCH: Final = 5_000  # calls a transaction, which holds the write lock for about 0.1 s
_UNTIL: Final = "demo_past_until"  # in `meta` while it is stored: when the past ends [epoch ms]
_STORED: Final = "demo_past_stored"  # and how many of its calls are there

log = logging.getLogger(__name__)


def fill_empty_store(store: Store, seal: Seal, now: int, go_on: Callable[[], bool]) -> None:
    """Give a demo on an empty store a past to show, stored as simulated.

    The past is told by its end alone, so that one which was broken off goes on where it was.

    Parameters
    ----------
    now : int
        The clock [epoch ms].
    go_on : callable
        False ends the work after the batch at hand; the next start takes it up.
    """
    until, stored = _begun(store, now)
    if until is None:
        return
    began = time.monotonic()
    calls = history(seed=1, now_ms=until, hours=HOURS).calls
    for at in range(stored, len(calls), BATCH):
        if not go_on():
            return
        with store.begin() as connection:
            batch = [seal.sealed(call) for call in calls[at : at + BATCH]]
            writes.add_calls(connection, batch, store.grid)
            set_mark(connection, _STORED, at + len(batch))
    with store.begin() as connection:
        set_mark(connection, _UNTIL, None)
        set_mark(connection, _STORED, None)
    log.info(
        "%d simulated calls of history in %.1f s", len(calls) - stored, time.monotonic() - began
    )


def _begun(store: Store, now: int) -> tuple[int | None, int]:
    """When the past ends and how much of it is stored; None where none is wanted."""
    with store.begin() as connection:
        until = mark(connection, _UNTIL)
        if until is not None:
            return until, mark(connection, _STORED) or 0
        if not reads.is_empty(connection):
            return None, 0
        set_mark(connection, _UNTIL, now)
        return now, 0
