"""Simulated traffic through real HTTP: the same clients against a running server."""

from __future__ import annotations

import heapq
import math
import threading
import time
from collections import Counter
from collections.abc import Callable, Iterable
from concurrent.futures import Future, ThreadPoolExecutor
from dataclasses import dataclass
from itertools import count
from pathlib import Path
from queue import Empty, SimpleQueue
from random import Random
from typing import Any, Final

from ingest.shop.faults import FAULTS, MAX_SECONDS, clear_fault, start_fault
from ingest.shop.model import Outcome
from ingest.signature import simulator_key
from ingest.simulator import clients as cast
from ingest.simulator import misuse
from ingest.simulator.clients import Behaviour, Client, Step
from ingest.simulator.episodes import Planned, strong_enough
from ingest.simulator.http_client import Sender, Unreachable
from ingest.simulator.pacing import ADJUST_S, BackOff, Pacer, Rate, rate_now

THREADS: Final = 20  # requests at once, below what the mock shop lets sleep
_NAP_S: Final = 0.2  # longest wait before the stop event is looked at

Progress = Callable[[float, dict[str, Any]], None]


@dataclass(slots=True, eq=False)
class _Lane:
    """One client, or one of the requests that an attacker sends at the same time."""

    client: Client
    behaviour: Behaviour


def drive(
    url: str,
    *,
    session_key: str,
    rate: Rate = 10.0,
    minutes: float = 5.0,
    seed: int = 1,
    scenario: str | None = None,
    clients: int = 40,
    data_dir: Path | None = None,
    stop: threading.Event | None = None,
    progress: Progress | None = None,
    episodes: Iterable[Planned] = (),
    population_seed: int | None = None,
) -> dict[str, Any]:
    """Send simulated clients to a running server on this machine; returns what was answered.

    Parameters
    ----------
    url : str
        Of the server, on this machine.
    session_key : str
        Of the server: signs addresses, and passwords follow from it.
    rate : float or callable
        Requests a second of the ordinary clients; a callable gets the time [epoch s].
    minutes : float
        Length; `math.inf` lasts until `stop`.
    seed : int
        Of everything that is drawn.
    scenario : str, optional
        A misuse, which comes on top of the rate, or a fault, from start to end.
    clients : int
        Clients, 60 % normal, 25 % heavy, 15 % bots.
    data_dir : Path, optional
        Data folder of the server; needed for faults.
    stop : Event, optional
        Ends the traffic early when set.
    progress : callable, optional
        Called about once a second with the seconds passed and the counts so far.
    episodes : iterable of Planned
        Misuse and faults by the minutes since the start; may be endless.
    population_seed : int, optional
        Draws the same clients for different seeds; the seed unless given.

    Raises
    ------
    ValueError
        The server is not on this machine, or a fault lacks its data folder.
    """
    if not minutes > 0:
        raise ValueError(f"minutes={minutes} must be above 0")
    if not callable(rate) and not 0 < rate < math.inf:
        raise ValueError(f"rate={rate} must be above 0")
    if scenario is not None:
        episodes = [_whole_scenario(scenario, minutes, rate)]
        if scenario in FAULTS and data_dir is None:
            raise ValueError(f"the fault {scenario!r} needs the data folder of the server")
    key = simulator_key(session_key)
    people = cast.population(clients, seed if population_seed is None else population_seed, key)
    sender = Sender(url, key)
    driver = _Driver(sender, rate, seed, people, data_dir, episodes, key)
    try:
        driver.run(minutes * 60.0, stop or threading.Event(), progress)
    finally:
        driver.close()
    return driver.counts()


def _whole_scenario(name: str, minutes: float, rate: Rate) -> Planned:
    minutes = min(minutes, MAX_SECONDS / 60.0)
    return strong_enough(name, 0.0, minutes, rate_now(rate))


class _Driver:
    """What is due next, on a heap, sent by a bounded pool of threads."""

    def __init__(
        self,
        sender: Sender,
        rate: Rate,
        seed: int,
        people: list[Client],
        data_dir: Path | None,
        episodes: Iterable[Planned],
        key: bytes,
    ) -> None:
        self._sender, self._seed, self._key = sender, seed, key
        self._people, self._data_dir = people, data_dir
        self._episodes = iter(episodes)
        self._pacer, self._back_off = Pacer(rate, len(people)), BackOff()
        self._number = count()
        self._agenda: list[tuple[float, int, _Lane, Step]] = []
        self._actions: list[tuple[float, int, Callable[[float], None]]] = []
        self._answers: SimpleQueue[tuple[_Lane, Future[Outcome]]] = SimpleQueue()
        self._pool = ThreadPoolExecutor(THREADS, "simulated client")
        self._in_flight = 0
        self._statuses: Counter[int] = Counter()
        self._unreachable = 0
        self._happened: list[dict[str, Any]] = []
        self._fault_on = False
        self._began = self._seconds = 0.0

    def run(self, seconds: float, stop: threading.Event, progress: Progress | None) -> None:
        """Send until the time is over or `stop` is set."""
        self._began = time.monotonic()
        self._adjust(0.0)
        self._next_episode(0.0)
        if progress is not None:
            self._report(progress, 0.0)
        for index, client in enumerate(self._people):
            rng = Random(f"client {self._seed} {index}")
            self._enter(_Lane(client, cast.behaviour(client, rng, self._pacer.tempo)), 0.0)
        now = 0.0
        while now < seconds and not stop.is_set():
            self._act(now)
            due = self._send_due(now)
            self._take_answers(max(0.0, min(due - now, _NAP_S, seconds - now)))
            now = self._seconds = time.monotonic() - self._began

    def close(self) -> None:
        """Wait for the answers on their way, repair a fault that is on."""
        self._pool.shutdown(wait=True, cancel_futures=True)
        while not self._answers.empty():
            _, answer = self._answers.get()
            if not answer.cancelled():
                self._counted(answer)
        self._sender.close()
        if self._fault_on and self._data_dir is not None:
            clear_fault(self._data_dir)

    def counts(self) -> dict[str, Any]:
        """What was answered so far."""
        answers = sum(self._statuses.values())
        return {
            "seconds": round(self._seconds, 1),
            "answers": answers,
            "answers_per_s": round(answers / max(self._seconds, 0.001), 2),
            "statuses": {str(status): number for status, number in sorted(self._statuses.items())},
            "unreachable": self._unreachable,
            "episodes": list(self._happened),
        }

    def _enter(self, lane: _Lane, now: float) -> None:
        step = next(lane.behaviour)
        heapq.heappush(self._agenda, (now + step.after_s, next(self._number), lane, step))

    def _at(self, time_s: float, action: Callable[[float], None]) -> None:
        heapq.heappush(self._actions, (time_s, next(self._number), action))

    def _act(self, now: float) -> None:
        while self._actions and self._actions[0][0] <= now:
            heapq.heappop(self._actions)[2](now)

    def _report(self, progress: Progress, now: float) -> None:
        progress(now, self.counts())
        self._at(now + 1.0, lambda later: self._report(progress, later))

    def _send_due(self, now: float) -> float:
        """Send what is due; when the next is."""
        if now < self._back_off.until:
            return self._back_off.until
        while self._agenda and self._agenda[0][0] <= now and self._in_flight < THREADS:
            _, _, lane, step = heapq.heappop(self._agenda)
            self._in_flight += 1
            self._send(lane, step)
        if self._in_flight >= THREADS or not self._agenda:
            return math.inf
        return self._agenda[0][0]

    def _send(self, lane: _Lane, step: Step) -> None:
        answer = self._pool.submit(self._sender.send, lane.client, step.request)
        answer.add_done_callback(lambda done: self._answers.put((lane, done)))

    def _take_answers(self, wait_s: float) -> None:
        try:
            answer = self._answers.get(timeout=wait_s) if wait_s > 0 else self._answers.get_nowait()
            while True:
                self._go_on(*answer)
                answer = self._answers.get_nowait()
        except Empty:
            return

    def _go_on(self, lane: _Lane, answer: Future[Outcome]) -> None:
        self._in_flight -= 1
        outcome = self._counted(answer)
        now = time.monotonic() - self._began
        if outcome is None:
            self._back_off.missed(now)
        else:
            self._back_off.reached()
        try:
            step = lane.behaviour.send(outcome or Outcome(503, 0.0, b""))
        except StopIteration:  # an attack that is over
            return
        heapq.heappush(self._agenda, (now + step.after_s, next(self._number), lane, step))

    def _counted(self, answer: Future[Outcome]) -> Outcome | None:
        """The answer, None when the server could not be reached."""
        try:
            outcome = answer.result()
        except Unreachable:
            self._unreachable += 1
            return None
        self._statuses[outcome.status] += 1
        return outcome

    def _adjust(self, now: float) -> None:
        calm = not (self._fault_on or self._running_misuse())
        self._pacer.adjust(sum(self._statuses.values()), calm)
        self._at(now + ADJUST_S, self._adjust)

    def _running_misuse(self) -> bool:
        return any(lane.client.role in misuse.MISUSE for _, _, lane, _ in self._agenda)

    def _next_episode(self, _: float) -> None:
        planned = next(self._episodes, None)
        if planned is not None:
            begin = self._begin_fault if planned.kind == "fault" else self._begin_misuse
            self._at(planned.start * 60.0, lambda now: begin(planned, now))

    def _begin_fault(self, planned: Planned, now: float) -> None:
        if self._data_dir is None:
            raise ValueError(f"the fault {planned.name!r} needs the data folder of the server")
        seconds = planned.minutes * 60.0
        start_fault(self._data_dir, planned.name, seconds, planned.severity)
        self._fault_on = True
        self._note(planned)
        self._at(now + seconds, self._end_fault)

    def _end_fault(self, now: float) -> None:
        if self._data_dir is not None:
            clear_fault(self._data_dir)
        self._fault_on = False
        self._next_episode(now)

    def _begin_misuse(self, planned: Planned, now: float) -> None:
        rng = Random(f"episode {self._seed} {planned.start}")
        gang = misuse.attackers(planned.name, rng, self._key)
        lanes = [_Lane(*lane) for lane in misuse.behaviours(gang, rng, planned.severity)]
        for lane in lanes:
            self._enter(lane, now)
        self._note(planned)
        self._at(now + planned.minutes * 60.0, lambda later: self._end_misuse(lanes, later))

    def _end_misuse(self, lanes: list[_Lane], now: float) -> None:
        for lane in lanes:
            lane.behaviour.close()
        self._agenda = [entry for entry in self._agenda if entry[2] not in lanes]
        heapq.heapify(self._agenda)
        self._next_episode(now)

    def _note(self, planned: Planned) -> None:
        self._happened.append(
            {"name": planned.name, "at": round(time.time() * 1_000), "minutes": planned.minutes}
        )
