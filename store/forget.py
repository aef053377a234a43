"""Taking a client out of the store: which rows hold its name, and what becomes of them.

Its calls, windows and what was said of them go. Where it stands beside others, as a cause, as the
address of another user's call or in a path, the name alone goes. Sums hold no names and stay.
"""

from __future__ import annotations

import json
import re
from collections.abc import Callable, Collection, Sequence
from dataclasses import dataclass
from typing import Any, Final
from urllib.parse import quote, unquote

from sqlalchemy import ColumnElement, Connection, Table, delete, func, or_, select, update

from store import rolling
from store.tables import (
    acknowledgement,
    anomaly_log,
    api_log,
    feedback,
    live_event,
    onset,
    question,
    saved_question,
    scenario_run,
)

FORGOTTEN: Final = "(forgotten)"  # stands where a column needs a value
BATCH_ROWS: Final = 2_000  # of a transaction
_C, _W = api_log.c, anomaly_log.c
_CALLER: Final = func.coalesce(_C.user_id, _C.ip_address)
Row = tuple[Any, ...]
Names = Collection[str]


@dataclass(frozen=True)
class Place:
    """Where a client's name may stand: rows of a table, by id.

    `holds` says of a row that matches `condition` whether it does; `mend` removes or changes rows.
    """

    name: str
    table: Table
    columns: tuple[ColumnElement[Any], ...]
    condition: ColumnElement[bool]
    holds: Callable[[Row], bool]
    mend: Callable[[Connection, Sequence[Row]], None]


def places(names: Names) -> list[Place]:
    """All places of a client, in the order in which they are to be mended.

    Parameters
    ----------
    names : collection of str
        What it may be stored by.
    """
    return [
        *_rows_of_its_own(names),
        _addresses_of_others(names),
        _paths(names),
        _causes(names),
        *(_questions(table, names) for table in (question, saved_question)),
        _runs(names),
    ]


def find(connection: Connection, place: Place, after: int) -> tuple[list[Row], int | None]:
    """The next rows of a place after an id, and the id to go on after; None: there are no more."""
    key = place.table.c.id
    statement = select(key, *place.columns).where(place.condition, key > after)
    rows = [tuple(row) for row in connection.execute(statement.order_by(key).limit(BATCH_ROWS))]
    go_on = rows[-1][0] if len(rows) == BATCH_ROWS else None
    return [row for row in rows if place.holds(row)], go_on


def onsets(connection: Connection, names: Names) -> int:
    """Failures of the client, which have no id."""
    return int(connection.scalar(select(func.count()).where(onset.c.client.in_(names))) or 0)


def remove_onsets(connection: Connection, names: Names) -> int:
    """Remove failures of the client; says how many."""
    return connection.execute(delete(onset).where(onset.c.client.in_(names))).rowcount


def endpoints_named(connection: Connection, names: Names) -> list[str]:
    """Endpoints in whose name the client stands: they are of all who called them, and stay."""
    like = or_(*(_W.endpoint.contains(name, autoescape=True) for name in names))
    found = connection.scalars(select(_W.endpoint).where(_W.subject == "endpoint", like).distinct())
    return sorted(name for name in found if any(_in_path(name, one) for one in names))


def _rows_of_its_own(names: Names) -> list[Place]:
    return [
        Place("calls", api_log, (), _CALLER.in_(names), _all, _remover(api_log)),
        Place("windows", anomaly_log, (), _W.client.in_(names), _all, _remove_windows),
        *(
            Place(table.name + "s", table, (), table.c.client.in_(names), _all, _remover(table))
            for table in (feedback, acknowledgement)
        ),
    ]


def _addresses_of_others(names: Names) -> Place:
    def mend(connection: Connection, rows: Sequence[Row]) -> None:
        connection.execute(
            update(api_log).where(_C.id.in_(_ids(rows))).values(ip_address=FORGOTTEN)
        )

    shared = _C.ip_address.in_(names) & _CALLER.not_in(names)
    return Place("addresses_of_other_users", api_log, (), shared, _all, mend)


def _paths(names: Names) -> Place:
    """Paths of others' calls such as /users/ann; where it is the route itself, such as /search."""

    def holds(row: Row) -> bool:
        _, path, endpoint = row
        return any(_in_path(path, name) and not _in_path(endpoint, name) for name in names)

    def mend(connection: Connection, rows: Sequence[Row]) -> None:
        connection.execute(update(api_log).where(_C.id.in_(_ids(rows))).values(path=None))

    written = {*names, *(quote(name, safe="") for name in names)}
    like = or_(*(_C.path.contains(name, autoescape=True) for name in written))
    have = like & _CALLER.not_in(names)
    return Place("paths_of_others", api_log, (_C.path, _C.endpoint), have, holds, mend)


def _causes(names: Names) -> Place:
    def holds(row: Row) -> bool:
        return any(cause["client"] in names for cause in json.loads(row[1]))

    def mend(connection: Connection, rows: Sequence[Row]) -> None:
        for row_id, text in rows:
            left = [cause for cause in json.loads(text) if cause["client"] not in names]
            connection.execute(
                update(anomaly_log).where(_W.id == row_id).values(causes=json.dumps(left))
            )

    have = _W.priority.in_(("HIGH", "MEDIUM")) & _W.causes.is_not(None)
    return Place("causes", anomaly_log, (_W.causes,), have, holds, mend)


def _questions(table: Table, names: Names) -> Place:
    """Questions in which the name stands as a word, in any case."""
    word = re.compile("|".join(rf"(?<!\w){re.escape(name)}(?!\w)" for name in names), re.IGNORECASE)
    columns = tuple(table.c[name] for name in ("text", "message", "name") if name in table.c)

    def holds(row: Row) -> bool:
        return any(word.search(text) for text in row[1:])

    have = or_(*(c.icontains(name, autoescape=True) for c in columns for name in names))
    return Place(table.name + "s", table, columns, have, holds, _remover(table))


def _runs(names: Names) -> Place:
    """Runs of the lab whose simulated client it is, once they are over."""
    c = scenario_run.c

    def holds(row: Row) -> bool:
        return any(name in names for name in json.loads(row[1]))

    return Place(
        "scenario_runs",
        scenario_run,
        (c.subjects,),
        c.open.is_(None),
        holds,
        _remover(scenario_run),
    )


def _remover(table: Table) -> Callable[[Connection, Sequence[Row]], None]:
    def remove(connection: Connection, rows: Sequence[Row]) -> None:
        connection.execute(delete(table).where(table.c.id.in_(_ids(rows))))

    return remove


def _remove_windows(connection: Connection, rows: Sequence[Row]) -> None:
    """With their events, but for the last event: it holds the last id."""
    e = live_event.c
    last = select(func.max(e.id)).scalar_subquery()
    connection.execute(delete(live_event).where(e.window_id.in_(_ids(rows)), e.id < last))
    connection.execute(delete(anomaly_log).where(_W.id.in_(_ids(rows))))
    rolling.note_removed(connection)


def _ids(rows: Sequence[Row]) -> list[int]:
    return [row[0] for row in rows]


def _all(_: Row) -> bool:
    return True


def _in_path(path: str, name: str) -> bool:
    """Whether a name is a whole segment of a path."""
    return name in unquote(path).split("/")
