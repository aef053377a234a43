"""What runs beside the requests of a server: drainer, schedule and, in a demo, clients."""

from __future__ import annotations

import logging
import threading
from typing import Final

from sqlalchemy.exc import SQLAlchemyError

from ingest.writer import Drainer
from jobs.access.upkeep import Upkeep
from jobs.demo_past import fill_empty_store
from jobs.lab.stage import Stage
from jobs.runtime import Foresight
from jobs.schedule import Schedule, now_ms

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
        self._upkeep = Upkeep(parts)

    def start(self) -> None:
        """Start draining, scoring and, in a demo, simulated clients."""
        self._drainer.start()
        self._upkeep.start()
        if self._schedule is not None:
            self._schedule.start()
        if self._demo is not None:
            threading.Thread(target=self._begin_demo, name="demo history", daemon=True).start()
        log.info("started", extra={"address": self._parts.settings.local_url})

    def stop(self) -> None:
        """Stop in the order of the data: live streams, clients, calls, scores."""
        self._stopping.set()
        self._parts.tail.stop()
        if self._demo is not None:
            self._demo.stop()
        self._upkeep.stop()
        self._parts.journal.close()
        self._drainer.stop()
        if self._schedule is not None:
            self._schedule.stop()
        self._parts.store.close()
        log.info("stopped")

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
        """As soon as the store lets it; what was stored before stays."""
        parts = self._parts
        while not self._stopping.is_set():
            try:
                fill_empty_store(
                    parts.store, parts.seal, now_ms(), lambda: not self._stopping.is_set()
                )
                return
            except SQLAlchemyError as error:
                log.warning("no simulated history yet: %s", error.__cause__ or error)
                self._stopping.wait(TAKEOVER_S)
