"""Asking for a run and for its end: what a page may do. Who plays it is `jobs.lab.stage`."""

from __future__ import annotations

import math
from typing import Final

from jobs.lab.scenarios import INTENSITIES, MINUTES, scenario_named
from settings import Settings
from store import Store, scenario_runs
from store.scenario_runs import FAILED, STOPPED, Run

LOST_MS: Final = 10_000  # without a sign of life who plays a run is gone


class LabClosedError(RuntimeError):
    """The lab plays in demo mode alone."""


def order_run(
    settings: Settings,
    store: Store,
    *,
    scenario: str,
    intensity: float,
    minutes: float,
    who: str,
    now: int,
) -> int:
    """Ask for a run; the server that drives the demo begins within a second.

    Parameters
    ----------
    scenario : str
        Name of one of `jobs.lab.scenarios.SCENARIOS`.
    intensity : float
        Strength of an attack or severity of a fault, 1 is usual.
    minutes : float
        Length [minutes].
    who : str
        Who asks.
    now : int
        The clock [epoch ms].

    Returns
    -------
    int
        Id of the run.

    Raises
    ------
    LabClosedError
        The server is not in demo mode.
    LookupError, ValueError
        No such scenario, or a value out of its bounds.
    store.scenario_runs.RunOpenError
        Another run is not over yet.
    """
    if not settings.demo:
        raise LabClosedError(
            "the lab is closed: this server runs without FORESIGHT_DEMO=1, and outside of a demo "
            "nothing may attack it or break it"
        )
    chosen = scenario_named(scenario)
    _refuse_unbounded("intensity", intensity, INTENSITIES)
    _refuse_unbounded("minutes", minutes, MINUTES)
    with store.begin() as connection:
        return scenario_runs.add_run(
            connection,
            scenario=chosen.name,
            kind=chosen.kind,
            intensity=intensity if chosen.scales else 1.0,
            minutes=minutes,
            who=who,
            at=now,
        )


def order_stop(store: Store, now: int) -> Run | None:
    """Ask for the end of the open run, of its measurement when it is over; returns that run.

    A run that nobody plays, or whose player is gone, is closed at once.
    """
    with store.begin() as connection:
        run = scenario_runs.open_run(connection)
        if run is None:
            return None
        if run.phase == "measuring":
            scenario_runs.settle(connection, run.id, now)
        elif run.player is None or is_lost(run, now):
            reason = STOPPED if run.player is None else FAILED
            scenario_runs.note(connection, run.id, ended_at=now, end_reason=reason)
            scenario_runs.settle(connection, run.id, now)
        else:
            scenario_runs.note(connection, run.id, stop_asked_at=now)
        return run


def is_lost(run: Run, now: int) -> bool:
    """Whether nobody has taken a run, or who plays it gives no sign of life."""
    if run.ended_at is not None:
        return False
    return now - (run.heartbeat_at or run.asked_at) > LOST_MS


def _refuse_unbounded(name: str, value: float, known: tuple[float, ...]) -> None:
    if not (math.isfinite(value) and min(known) <= value <= max(known)):
        raise ValueError(f"{name}={value} must be from {min(known):g} to {max(known):g}")
