"""The clock: APScheduler in every server, jobs only in the one that leads the database."""

from __future__ import annotations

import logging
import secrets
import threading
import time
from collections.abc import Callable
from typing import Final

from apscheduler.schedulers.background import BackgroundScheduler
from apscheduler.triggers.cron import CronTrigger
from apscheduler.triggers.interval import IntervalTrigger
from sqlalchemy.exc import SQLAlchemyError

from jobs import drift, retention, retraining, rollups, scorecard, scoring
from ml.registry import Models
from ml.risk import RiskRule
from settings import Settings
from store import Store, writes

LEASE_MS: Final = 6_000  # a dead leader is replaced within this time
RENEW_S: Final = 2
log = logging.getLogger(__name__)


def now_ms() -> int:
    """The wall clock [epoch ms]."""
    return time.time_ns() // 1_000_000


class Leader:
    """Whether this process leads: holds the lease of the database's one scheduler."""

    def __init__(
        self, store: Store, when_gained: Callable[[], None], name: str = "scheduler"
    ) -> None:
        self._store = store
        self._when_gained = when_gained
        self._name = name
        self._holder = secrets.token_hex(8)
        self._until = 0.0  # monotonic [s]

    @property
    def leads(self) -> bool:
        """True while the lease, as last renewed, can't have run out."""
        return time.monotonic() < self._until

    def renew(self) -> None:
        """Take or renew the lease; a store that can't be reached ends the lead with the lease."""
        asked_at = time.monotonic()
        led = self.leads
        try:
            with self._store.begin() as connection:
                held = writes.take_lease(connection, self._name, self._holder, now_ms(), LEASE_MS)
        except SQLAlchemyError as error:
            log.warning("lease not renewed: %s", error.__cause__ or error)
            return
        self._until = asked_at + LEASE_MS / 1000 if held else 0.0
        if held != led:
            log.info("this server %s the scheduled jobs", "runs" if held else "no longer runs")
        if held and not led:
            self._when_gained()

    def resign(self) -> None:
        """Give the lease up at a clean end."""
        if self.leads:
            self._until = 0.0
            with self._store.begin() as connection:
                writes.release_lease(connection, self._name, self._holder)


class Schedule:
    """The scheduled jobs of one server process; started after the server forked."""

    def __init__(self, settings: Settings, store: Store, models: Models) -> None:
        self._settings = settings
        self._store = store
        self._models = models
        self._scheduler = BackgroundScheduler(timezone="UTC")
        self._stopping = threading.Event()
        self._scoring = threading.Lock()  # a run out of turn waits for the one at work
        self.leader = Leader(store, self.score_now)

    def start(self) -> None:
        """Begin to lead or to wait; scoring runs 5 s after each full step."""
        grace_s = scoring.GRACE_MS // 1000
        step_s = self._store.grid.step_ms // 1000
        seconds = f"{grace_s % step_s}-59/{step_s}" if step_s < 60 else str(grace_s)
        self._add(self.leader.renew, IntervalTrigger(seconds=RENEW_S), "lease")
        self._add(self._job("scoring", self._score), CronTrigger(second=seconds), "scoring")
        after_scoring = CronTrigger(second="8-59/20")
        self._add(self._job("rollups", self._roll_up), after_scoring, "rollups")
        self._add(self._job("retention", self._retain), CronTrigger(minute=17), "retention")
        each_5_minutes = CronTrigger(minute="*/5", second=40)  # when the minute is scored
        self._add(self._job("scorecard", self._compare), each_5_minutes, "scorecard")
        self._add(self._job("drift", self._measure_drift), CronTrigger(minute=7), "drift")
        at_night = CronTrigger(hour=3, minute=10)
        self._add(self._job("retraining", self._retrain), at_night, "retraining")
        self._scheduler.start()
        self.leader.renew()

    def score_now(self) -> None:
        """Score what waits without waiting for the next full step."""
        job = self._job("scoring", self._score)
        self._scheduler.add_job(job, misfire_grace_time=None)  # late on a busy machine, not never

    def stop(self) -> None:
        """End after the round at work, and let the next leader begin at once."""
        self._stopping.set()
        self._scheduler.shutdown(wait=True)
        self.leader.resign()

    def _add(self, function: Callable[[], None], trigger: object, name: str) -> None:
        self._scheduler.add_job(
            function, trigger, id=name, max_instances=1, coalesce=True, misfire_grace_time=None
        )

    def _job(self, name: str, work: Callable[[], str]) -> Callable[[], None]:
        def run() -> None:
            if self.leader.leads:
                run_job(self._store, name, work)

        return run

    def _score(self) -> str:
        with self._scoring:
            version, bundle = self._models.current()
            windows = scoring.score_all(
                self._store,
                version,
                bundle,
                now_ms,
                min_calls=self._settings.min_calls,
                rule=RiskRule(*self._settings.risk),
                go_on=lambda: not self._stopping.is_set(),
            )
        return f"{windows} windows by {version}"

    def _roll_up(self) -> str:
        return f"{rollups.roll_up(self._store, self._may_go_on)} hours"

    def _compare(self) -> str:
        done = scorecard.compare_forecasts(self._store, now_ms(), self._may_go_on)
        return f"{done.windows} windows of {done.hours} hours"

    def _measure_drift(self) -> str:
        version, bundle = self._models.current()
        references = {kind: models.reference for kind, models in bundle.subjects.items()}
        hours = drift.measure_drift(self._store, version, references, now_ms(), self._may_go_on)
        return f"{len(hours)} hours measured"

    def _may_go_on(self) -> bool:
        return not self._stopping.is_set()

    def _retrain(self) -> str:
        return retraining.retrain_apart(self._settings, lambda: not self._stopping.is_set())

    def _retain(self) -> str:
        return retention.remove_old(
            self._store,
            now_ms(),
            calls_days=self._settings.calls_retention_days,
            windows_days=self._settings.windows_retention_days,
        )


def run_job(store: Store, name: str, work: Callable[[], str]) -> None:
    """Run a job and note how it went; a failure goes to the log whole and to the page in short."""
    error: str | None = None
    detail = ""
    try:
        with store.begin() as connection:
            writes.start_job(connection, name, now_ms())
        detail = work()
    except Exception as failure:
        log.exception("job %s failed", name)
        error = f"{type(failure).__name__}: {failure}"[:300]
    try:
        with store.begin() as connection:
            writes.finish_job(connection, name, now_ms(), error=error, detail=detail)
    except SQLAlchemyError:
        log.exception("how job %s went could not be stored", name)
