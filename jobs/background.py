"""What runs beside the requests of a server: drainer, schedule and, in a demo, clients."""

from __future__ import annotations

import logging
import threading
import time
from typing import Final

from ingest.simulator.demo import history
from ingest.writer import Drainer
from jobs.lab.stage import Stage
from jobs.runtime import Foresight
from jobs.schedule import Schedule, now_ms
from store import reads, writes

BATCH: Final = 5_000
HISTORY_HOURS: Final = 3
TAKEOVER_S: Final = 2.0  # between two looks whether this server leads now
log = logging.getLogger(__name__)


class Background:
    """The threads of one server process; started after the server forked."""

    def __init__(self, parts: Foresight) -> None:
        self._parts = parts
        self._stopping = threading.Event()
        settings = parts.settings
        self._drainer = Drainer(parts.store, settings.journal_dir)
        self._schedule = (
            Schedule(settings, parts.store, parts.models) if settings.scheduler else None
        )
        self._demo = Stage(parts) if settings.demo else None

    def start(self) -> None:
        """Start draining, scoring and, in a demo, simulated clients."""
        self._drainer.start()
        if self._schedule is not None:
            self._schedule.start()
        if self._demo is not None:
            threading.Thread(target=self._begin_demo, name="demo history", daemon=True).start()

    def stop(self) -> None:
        """Stop in the order of the data: live streams, clients, calls, scores."""
        self._stopping.set()
        self._parts.tail.stop()
        if self._demo is not None:
            self._demo.stop()
        self._parts.journal.close()
        self._drainer.stop()
        if self._schedule is not None:
            self._schedule.stop()
        self._parts.store.close()

    def _begin_demo(self) -> None:
        """The demo runs beside one of several servers: the one that leads."""
        if self._demo is None:
            return
        while self._schedule is not None and not self._schedule.leader.leads:
            if self._stopping.wait(TAKEOVER_S):
                return
        self._fill_empty_store()
        if self._schedule is not None:
            self._schedule.score_now()
        self._demo.start()

    def _fill_empty_store(self) -> None:
        """Give a demo on an empty store a past to show, stored as simulated."""
        store = self._parts.store
        with store.read() as connection:
            if not reads.is_empty(connection):
                return
        began = time.monotonic()
        past = history(seed=1, now_ms=now_ms(), hours=HISTORY_HOURS)
        with store.begin() as connection:
            for at in range(0, len(past.calls), BATCH):
                writes.add_calls(connection, past.calls[at : at + BATCH], store.grid)
        log.info(
            "%d simulated calls of history in %.1f s", len(past.calls), time.monotonic() - began
        )
