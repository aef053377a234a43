"""The stage of a demo: its endless simulated clients, or for some minutes a run of the lab.

One server has it, the one that leads. Runs are ordered through the store, so that any server can
ask, and a run is never played twice. While one is played the demo's own attacks and faults pause:
what is seen then is what was played.
"""

from __future__ import annotations

import json
import logging
import secrets
import threading
from collections.abc import Callable
from typing import Any, Final

from sqlalchemy.exc import SQLAlchemyError

from ingest.shop.faults import FILE_NAME, clear_fault
from ingest.simulator.demo import Demo
from jobs.lab.detection import Detection, detection
from jobs.lab.orders import is_lost
from jobs.lab.playing import Playing
from jobs.lab.scenarios import Scenario, scenario_named
from jobs.runtime import Foresight
from jobs.schedule import now_ms
from store import scenario_runs
from store.scenario_runs import ATTACK, FAILED, FAULT, FINISHED, INTERRUPTED, STOPPED, Run

LOOK_S: Final = 0.5  # between two looks for orders
NOTE_MS: Final = 1_500  # between two notes of how a run goes
WAIT_MS: Final = 180_000  # after the end of a run, for its last minute to be scored
STOP_S: Final = 15.0  # for the thread to end

log = logging.getLogger(__name__)


class Stage:
    """Plays the demo, and the runs that are asked for."""

    def __init__(self, parts: Foresight) -> None:
        self._parts, self._store = parts, parts.store
        self._name = secrets.token_hex(8)
        self._stopping = threading.Event()
        self._thread = threading.Thread(target=self._keep, name="stage", daemon=True)
        self._demo = self._new_demo()
        self._playing: Playing | None = None
        self._noted_at = 0
        self._fault_seen_at = 0  # one of the demo's own [epoch ms]

    def start(self) -> None:
        """Start the clients, unless `stop` was first."""
        if not self._stopping.is_set():
            self._demo.start()
            self._thread.start()

    def stop(self) -> None:
        """End all clients; a run that is played is noted as interrupted."""
        self._stopping.set()
        if self._thread.is_alive():
            self._thread.join(STOP_S)
        self._demo.stop()

    def _new_demo(self) -> Demo:
        settings = self._parts.settings
        return Demo(settings.local_url, self._parts.session_key, settings.data_dir)

    def _keep(self) -> None:
        while not self._stopping.wait(LOOK_S):
            self._try(self._look)
        if self._playing is not None:
            self._try(lambda now: self._end(INTERRUPTED, now))

    def _try(self, work: Callable[[int], None]) -> None:
        """What goes wrong is tried again at the next look; the demo goes on without the lab."""
        try:
            work(now_ms())
        except SQLAlchemyError as error:
            log.warning("the lab: %s", error.__cause__ or error)
        except Exception:
            log.exception("the lab")

    def _look(self, now: int) -> None:
        with self._store.read() as connection:
            run = scenario_runs.open_run(connection)
        if self._playing is not None:
            self._tend(self._playing, run, now)
            return
        if (self._parts.settings.data_dir / FILE_NAME).exists():
            self._fault_seen_at = now
        if run is None:
            return
        if run.phase == "asked":
            self._take(run, now)
        elif run.phase == "measuring":
            self._measure(run, now)
        elif is_lost(run, now):
            self._abandon(run, now)

    def _take(self, run: Run, now: int) -> None:
        scenario = scenario_named(run.scenario)
        begins_at = self._calm_from(now) if scenario.kind == FAULT else now
        with self._store.begin() as connection:
            taken = scenario_runs.take_run(
                connection, run.id, self._name, heartbeat_at=now, begins_at=begins_at
            )
        if not taken:
            return
        self._demo.stop()
        settings, key = self._parts.settings, self._parts.session_key
        try:
            seal = self._parts.seal
            self._playing = Playing(run, scenario, settings, key, seal, begins_at)
        except OSError:  # no process could be started; the run is given up as lost
            self._resume_demo()
            raise
        self._note(self._playing, now)

    def _calm_from(self, now: int) -> int:
        """When no trouble of the demo's own is in the minute: then a fault is measured alone."""
        window_ms = self._store.window_ms
        minute = now - now % window_ms
        return minute + window_ms if self._fault_seen_at >= minute else now

    def _tend(self, playing: Playing, run: Run | None, now: int) -> None:
        if run is None or run.id != playing.run.id:
            self._end(STOPPED, now)  # another server took this one for lost
            return
        playing.tend(now)
        if run.stop_asked_at is not None:
            self._end(STOPPED, now)
        elif playing.is_over(now):
            self._end(FAILED if playing.failed or playing.first_at is None else FINISHED, now)
        elif (
            run.first_at is None and playing.first_at is not None
        ) or now - self._noted_at >= NOTE_MS:
            self._note(playing, now)

    def _note(self, playing: Playing, now: int, **more: Any) -> None:
        """Write down how the run goes, which is a sign of life, too."""
        self._noted_at = now
        known = {"heartbeat_at": now, "subjects": json.dumps(playing.subjects)}
        known |= {"first_at": playing.first_at, "calls_sent": playing.calls_sent}
        with self._store.begin() as connection:
            scenario_runs.note(connection, playing.run.id, **known, **more)
            run = scenario_runs.run_of(connection, playing.run.id)
        self._note_seen(run, playing.scenario, now)

    def _end(self, reason: str, now: int) -> None:
        """End the run that is played, and let the demo go on."""
        playing = self._playing
        assert playing is not None
        playing.end()
        self._playing = None
        self._resume_demo()
        self._note(playing, now, ended_at=now, end_reason=reason)

    def _resume_demo(self) -> None:
        if not self._stopping.is_set():
            self._demo = self._new_demo()
            self._demo.start()

    def _abandon(self, run: Run, now: int) -> None:
        """The end of a run whose server is gone."""
        if run.kind == FAULT:
            clear_fault(self._parts.settings.data_dir)
        with self._store.begin() as connection:
            ended_at = run.heartbeat_at or now
            scenario_runs.note(connection, run.id, ended_at=ended_at, end_reason=INTERRUPTED)

    def _measure(self, run: Run, now: int) -> None:
        """Look at what was scored after the end, until nothing more can come."""
        assert run.ended_at is not None
        if now - self._noted_at < NOTE_MS:
            return
        self._noted_at = now
        last_start = run.ended_at - run.ended_at % self._store.grid.step_ms
        with self._store.read() as connection:
            complete = scenario_runs.is_scored_from(connection, last_start)
        self._note_seen(run, scenario_named(run.scenario), now)
        if complete or run.first_at is None or now > run.ended_at + WAIT_MS:
            with self._store.begin() as connection:
                scenario_runs.settle(connection, run.id, now)

    def _note_seen(self, run: Run, scenario: Scenario, now: int) -> None:
        """Write down what is stored and scored of the run."""
        if run.first_at is None:
            return
        end = now if run.ended_at is None else run.ended_at + 1
        clients = run.subjects if run.kind == ATTACK else None
        with self._store.read() as connection:
            windows = scenario_runs.windows_of(
                connection, run.kind, run.subjects, run.first_at - self._store.window_ms + 1, end
            )
            stored = scenario_runs.count_calls(
                connection, scenario.endpoints, run.first_at, end, clients
            )
        with self._store.begin() as connection:
            seen = _newly_seen(run, detection(windows))
            if run.kind == ATTACK:  # what is stored was sent; its report is up to a second older
                seen["calls_sent"] = max(run.calls_sent, stored)
            scenario_runs.note(connection, run.id, calls_stored=stored, **seen)


def _newly_seen(run: Run, found: Detection) -> dict[str, Any]:
    """Columns to be written: a first sighting stays what it was, whatever is scored again."""
    columns: dict[str, Any] = {"subjects_high": max(run.subjects_high, found.subjects_high)}
    if found.risk is not None and found.risk >= (run.risk_score or 0.0):
        columns |= {"risk_score": found.risk, "reasons": found.reasons}
    if run.medium_at is None and (seen := found.medium) is not None:
        columns |= {
            "medium_at": seen.scored_at,
            "medium_start": seen.start,
            "medium_subject": seen.subject,
        }
    if run.high_at is None and (seen := found.high) is not None:
        columns |= {
            "high_at": seen.scored_at,
            "high_start": seen.start,
            "high_subject": seen.subject,
        }
    return columns
