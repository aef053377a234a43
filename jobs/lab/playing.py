"""A run that this server plays: its process, and for a fault the switch of the mock shop."""

from __future__ import annotations

import json
import logging
import subprocess
import sys
import threading
from contextlib import suppress
from typing import Any, Final

from ingest.seal import Seal
from ingest.shop.faults import clear_fault, severity_for, start_fault
from ingest.signature import simulator_key
from ingest.simulator.demo import RATE, ROOT, STOP_S
from jobs.lab.attacks import attackers, names_of
from jobs.lab.scenarios import Scenario
from settings import Settings
from store.scenario_runs import ATTACK, FAULT, Run

PATIENCE_MS: Final = 20_000  # for the process to end by itself
_START_S: Final = 3.0  # of the process, beyond the minutes of the run

log = logging.getLogger(__name__)


class Playing:
    """The clients of a run, in a process that ends with this one.

    Parameters
    ----------
    run, scenario : Run, Scenario
        What is played.
    settings : Settings
        Of the server: clients call its own address, faults are switched in its data folder.
    session_key : str
        Of the server.
    seal : Seal
        Of the server: its clients may have pseudonyms.
    begins_at : int
        When a fault is switched on [epoch ms]; until then only ordinary clients call.
    """

    def __init__(
        self,
        run: Run,
        scenario: Scenario,
        settings: Settings,
        session_key: str,
        seal: Seal,
        begins_at: int,
    ) -> None:
        self.run, self.scenario, self.begins_at = run, scenario, begins_at
        self._data_dir = settings.data_dir
        self._length_ms = round(run.minutes * 60_000)
        self._said: dict[str, Any] = {}
        self._fault_at: int | None = None
        self._sent_before = 0  # by ordinary clients, before a fault
        self._process = _started(self._orders(settings.local_url, session_key))
        self._reader = threading.Thread(target=self._read, name="lab reports", daemon=True)
        self._reader.start()
        self.subjects = scenario.names
        if scenario.kind == ATTACK:
            names = names_of(attackers(run.scenario, run.id, simulator_key(session_key)))
            self.subjects = tuple(map(seal.client, names))

    @property
    def first_at(self) -> int | None:
        """The first call of an attack, or the switch of a fault [epoch ms]."""
        if self.scenario.kind == FAULT:
            return self._fault_at
        first: int | None = self._said.get("first_at")
        return first

    @property
    def calls_sent(self) -> int:
        """By the attackers; in a fault by all clients since it began."""
        if self.scenario.kind == ATTACK:
            return int(self._said.get("sent", 0))
        return max(0, int(self._said.get("bystanders", 0)) - self._sent_before)

    @property
    def failed(self) -> bool:
        """Whether the process ended by itself, and not well."""
        return self._process.poll() not in (None, 0)

    def is_over(self, now: int) -> bool:
        """Whether the minutes are over at `now` [epoch ms], or the process is gone."""
        if self._process.poll() is not None:
            return True
        began = self.first_at
        if began is None:
            return now > self.begins_at + PATIENCE_MS
        return now >= began + self._length_ms

    def tend(self, now: int) -> None:
        """Switch the fault on when it is time."""
        if self.scenario.kind == FAULT and self._fault_at is None and now >= self.begins_at:
            self._sent_before = int(self._said.get("bystanders", 0))
            severity = self._severity()
            start_fault(self._data_dir, self.run.scenario, self._length_ms / 1_000, severity)
            self._fault_at = now

    def end(self) -> None:
        """Repair the shop, end the process and wait until it is gone."""
        if self._fault_at is not None:
            clear_fault(self._data_dir)
        assert self._process.stdin is not None
        with suppress(BrokenPipeError):
            self._process.stdin.close()
        try:
            self._process.wait(STOP_S)
        except subprocess.TimeoutExpired:
            self._process.kill()
            self._process.wait()
        self._reader.join()

    def _severity(self) -> float:
        seconds = self._length_ms / 1_000
        usual = severity_for(self.run.scenario, seconds, RATE)
        return usual * self.run.intensity

    def _orders(self, url: str, session_key: str) -> dict[str, Any]:
        wait_s = max(0, self.begins_at - self.run.asked_at) / 1_000
        attacks = self.scenario.kind == ATTACK
        return {
            "url": url,
            "session_key": session_key,
            "scenario": self.run.scenario if attacks else None,
            "strength": self.run.intensity,
            "seed": self.run.id,
            "seconds": wait_s + self._length_ms / 1_000 + _START_S,
        }

    def _read(self) -> None:
        assert self._process.stdout is not None
        for line in self._process.stdout:
            try:
                self._said = json.loads(line)
            except ValueError:
                log.warning("the clients of a run said %r", line[:200])


def _started(orders: dict[str, Any]) -> subprocess.Popen[bytes]:
    process = subprocess.Popen(  # this product's own code  # nosec B603
        [sys.executable, "-m", "jobs.lab.player"],
        cwd=ROOT,
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        start_new_session=True,  # Ctrl+C is for the server, which then ends this process
    )
    assert process.stdin is not None
    with suppress(BrokenPipeError):  # it may be gone already; its status will be seen
        process.stdin.write(json.dumps(orders).encode() + b"\n")
        process.stdin.flush()
    return process
