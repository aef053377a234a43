"""The clock: APScheduler in every server, jobs only in the one that leads the database."""

from __future__ import annotations

import logging
import secrets
import threading
import time
from collections.abc import Callable
from typing import Final

from apscheduler.schedulers.background import BackgroundScheduler
from sqlalchemy.exc import SQLAlchemyError

from jobs import drift, retention, retention_clock, retraining, rollups, scorecard, scoring
from jobs.clock import Leaps, Punctual
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
        if not self.leads:
            return
        self._until = 0.0
        try:
            with self._store.begin() as connection:
                writes.release_lease(connection, self._name, self._holder)
        except SQLAlchemyError as error:  # it runs out by itself
            log.warning("lease not released: %s", error.__cause__ or error)


class Schedule:
    """The scheduled jobs of one server process; started after the server forked."""

    def __init__(
        self, settings: Settings, store: Store, models: Models, leaps: Leaps | None = None
    ) -> None:
        self._settings = settings
        self._store = store
        self._models = models
        self._scheduler = BackgroundScheduler(timezone="UTC")
        self._stopping = threading.Event()
        self._scoring = threading.Lock()  # a run out of turn waits for the one at work
        self._leaps = leaps or Leaps()
        self._keeper = threading.Thread(target=self._keep_lead, name="lease", daemon=True)
        self.leader = Leader(store, self.score_now)

    def start(self) -> None:
        """Begin to lead or to wait; scoring runs 5 s after each full step."""
        grace_s = scoring.GRACE_MS // 1000
        step_s = self._store.grid.step_ms // 1000
        seconds = f"{grace_s % step_s}-59/{step_s}" if step_s < 60 else str(grace_s)
        self._add(self._job("scoring", self._score), _at(second=seconds), "scoring")
        after_scoring = _at(second="8-59/20")
        self._add(self._job("rollups", self._roll_up), after_scoring, "rollups")
        self._add(self._job("retention", self._retain), _at(minute=17), "retention")
        each_5_minutes = _at(minute="*/5", second=40)  # when the minute is scored
        self._add(self._job("scorecard", self._compare), each_5_minutes, "scorecard")
        self._add(self._job("drift", self._measure_drift), _at(minute=7), "drift")
        at_night = _at(hour=3, minute=10)
        self._add(self._job("retraining", self._retrain), at_night, "retraining")
        self._scheduler.start()
        self.leader.renew()
        self._keeper.start()

    def score_now(self) -> None:
        """Score what waits without waiting for the next full step."""
        job = self._job("scoring", self._score)
        self._scheduler.add_job(job, misfire_grace_time=None)  # late on a busy machine, not never

    def stop(self) -> None:
        """End after the round at work, and let the next leader begin at once."""
        self._stopping.set()
        self._keeper.join()
        self._scheduler.shutdown(wait=True)
        self.leader.resign()

    def _keep_lead(self) -> None:
        """Apart from the scheduler, whose next times stand still when the clock leaps back."""
        while not self._stopping.wait(RENEW_S):
            try:
                self._follow_clock()
                self.leader.renew()
            except Exception:
                log.exception("the lead could not be kept; trying again")

    def _follow_clock(self) -> None:
        leap_s = self._leaps.since_last_look()
        if not leap_s:
            return
        log.warning("the clock leapt by %.1f s; the jobs follow it", leap_s)
        for job in self._scheduler.get_jobs():
            if isinstance(job.trigger, Punctual):
                job.reschedule(job.trigger)

    def _add(self, function: Callable[[], None], trigger: Punctual, name: str) -> None:
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
        now = now_ms()
        if not retention_clock.may_remove(self._store, now):
            return "nothing removed: the clock is on trial"
        return retention.remove_old(
            self._store,
            now,
            calls_days=self._settings.calls_retention_days,
            windows_days=self._settings.windows_retention_days,
            go_on=self._may_go_on,
        )


def _at(**pattern: int | str) -> Punctual:
    return Punctual(timezone="UTC", **pattern)


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
