"""Runs of the scenario lab: asked for, played, measured and kept, one at a time on all servers."""

from __future__ import annotations

import json
from collections.abc import Collection, Sequence
from dataclasses import dataclass
from typing import Any, Final

from sqlalchemy import ColumnElement, Connection, delete, func, insert, select, update
from sqlalchemy.exc import IntegrityError

from store.lists import Row, rows, select_windows
from store.tables import anomaly_log, api_log, scenario_run

ATTACK: Final = "attack"
FAULT: Final = "fault"
FINISHED: Final = "finished"
STOPPED: Final = "stopped"
INTERRUPTED: Final = "interrupted"  # by the end of the server that played it
FAILED: Final = "failed"  # its clients could not call
_R = scenario_run.c
_W = anomaly_log.c


class RunOpenError(RuntimeError):
    """Another run is not over yet."""


class UnknownRunError(LookupError):
    """There is no such run."""


@dataclass(frozen=True)
class Run:
    """A run as it is stored; see the columns of `scenario_run`."""

    id: int
    scenario: str
    kind: str
    intensity: float
    minutes: float
    who: str
    asked_at: int
    player: str | None = None
    heartbeat_at: int | None = None
    begins_at: int | None = None
    first_at: int | None = None
    stop_asked_at: int | None = None
    ended_at: int | None = None
    end_reason: str | None = None
    settled_at: int | None = None
    subjects: tuple[str, ...] = ()
    calls_sent: int = 0
    calls_stored: int = 0
    medium_at: int | None = None
    medium_start: int | None = None
    medium_subject: str | None = None
    high_at: int | None = None
    high_start: int | None = None
    high_subject: str | None = None
    subjects_high: int = 0
    risk_score: float | None = None
    reasons: str | None = None

    @property
    def phase(self) -> str:
        """`asked`, `waiting` for its beginning, `playing`, `measuring` after its end, `settled`."""
        if self.settled_at is not None:
            return "settled"
        if self.ended_at is not None:
            return "measuring"
        if self.player is None:
            return "asked"
        return "waiting" if self.first_at is None else "playing"


def add_run(
    connection: Connection,
    *,
    scenario: str,
    kind: str,
    intensity: float,
    minutes: float,
    who: str,
    at: int,
) -> int:
    """Ask for a run, which is open until it is settled; returns its id.

    Raises
    ------
    RunOpenError
        Another one is open.
    """
    fields = {"scenario": scenario, "kind": kind, "intensity": intensity, "minutes": minutes}
    row = {**fields, "who": who, "asked_at": at, "open": 1}
    try:
        with connection.begin_nested():
            result = connection.execute(insert(scenario_run).values(row))
    except IntegrityError:
        raise RunOpenError("a run is not over yet; stop it or wait for its end") from None
    assert result.inserted_primary_key is not None
    return int(result.inserted_primary_key[0])


def take_run(connection: Connection, run_id: int, player: str, **columns: Any) -> bool:
    """Become who plays a run that nobody plays yet; False when somebody was faster."""
    free = update(scenario_run).where(_R.id == run_id, _R.player.is_(None), _R.open == 1)
    return bool(connection.execute(free.values(player=player, **columns)).rowcount == 1)


def note(connection: Connection, run_id: int, **columns: Any) -> None:
    """Note what is known of an open run, by columns of `scenario_run`."""
    open_one = update(scenario_run).where(_R.id == run_id, _R.open == 1)
    connection.execute(open_one.values(**columns))


def settle(connection: Connection, run_id: int, at: int) -> None:
    """Close a run: nothing more is waited for, and another one may begin."""
    note(connection, run_id, settled_at=at, open=None)


def open_run(connection: Connection) -> Run | None:
    """The run that is not settled yet."""
    return _first(connection, _R.open == 1)


def run_of(connection: Connection, run_id: int) -> Run:
    """A run by its id.

    Raises
    ------
    UnknownRunError
        There is none.
    """
    found = _first(connection, _R.id == run_id)
    if found is None:
        raise UnknownRunError(f"no run has the id {run_id}")
    return found


def newest_runs(connection: Connection, limit: int) -> list[Run]:
    """Runs, the newest first."""
    statement = select(scenario_run).order_by(_R.id.desc()).limit(limit)
    return [_run(row) for row in rows(connection, statement)]


def windows_of(
    connection: Connection, kind: str, subjects: Sequence[str], start: int, end: int
) -> list[Row]:
    """Scored windows of the subjects of a run that start in `[start, end)`, oldest first.

    Parameters
    ----------
    kind : str
        Of the run: clients of an attack, endpoints of a fault.
    subjects : sequence of str
        Clients, or endpoints as `GET /search`.
    """
    known: list[ColumnElement[bool]] = [_W.client.in_(subjects)]
    if kind == FAULT:
        endpoints = [name.partition(" ")[2] for name in subjects]  # found by its index
        named = (_W.method + " " + _W.endpoint).in_(subjects)
        known = [_W.subject == "endpoint", _W.endpoint.in_(endpoints), named]
    statement = select_windows().where(_W.timestamp >= start, _W.timestamp < end, *known)
    return rows(connection, statement.order_by(_W.timestamp, _W.id))


def newest_window(connection: Connection) -> int | None:
    """Start of the newest scored window [epoch ms]."""
    newest: int | None = connection.scalar(select(func.max(_W.timestamp)))
    return newest


def is_scored_from(connection: Connection, start: int) -> bool:
    """Whether any window that starts at `start` or later is scored."""
    return connection.scalar(select(_W.id).where(_W.timestamp >= start).limit(1)) is not None


def count_calls(
    connection: Connection,
    endpoints: Collection[str],
    start: int,
    end: int,
    clients: Collection[str] | None = None,
) -> int:
    """Stored calls to endpoints in `[start, end)`; with `clients`, of these alone."""
    c = api_log.c
    statement = select(func.count()).where(
        c.endpoint.in_(endpoints), c.timestamp >= start, c.timestamp < end
    )
    if clients is not None:
        statement = statement.where(func.coalesce(c.user_id, c.ip_address).in_(clients))
    return connection.execute(statement).scalar_one()


def remove_runs(connection: Connection, before: int) -> None:
    """Remove those that were asked for before an instant [epoch ms] and are over."""
    connection.execute(delete(scenario_run).where(_R.open.is_(None), _R.asked_at < before))


def _first(connection: Connection, condition: ColumnElement[bool]) -> Run | None:
    found = rows(connection, select(scenario_run).where(condition).limit(1))
    return _run(found[0]) if found else None


def _run(row: Row) -> Run:
    del row["open"]
    return Run(**row | {"subjects": tuple(json.loads(row["subjects"]))})
