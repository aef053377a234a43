"""Calls of one client: of a user by their index, of an address in the minutes it was active.

There is no index of calls by address, and a minute may hold thousands of calls of others: so calls
of an address are looked for in few minutes and among a bounded number of calls, newest first.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from typing import Any, Final

from sqlalchemy import BigInteger, ColumnElement, Connection, Select, bindparam, func, select

from store.engine import Store
from store.lists import Row, rows
from store.tables import anomaly_log, api_log

MOST_COUNTED: Final = 1_000  # newest calls of a client that are counted by endpoint
MOST_LISTED: Final = 100
MOST_MINUTES: Final = 20  # active minutes in which calls of an address are looked for
MOST_LOOKED_AT: Final = 20_000  # calls of all clients among which they are looked for
SHARED_CLIENT: Final = "(other)"  # the window that clients beyond the busiest share
_C = api_log.c
_COUNTED: Final = (
    _C.id, _C.timestamp, _C.endpoint, _C.method, _C.status_code, _C.response_time_ms,
    _C.attack, _C.attack_score, _C.ip_address,
)  # fmt: skip
_LISTED: Final = tuple(c for c in api_log.c if c.name not in ("identity", "fingerprint"))

# Made once: putting a statement together takes longer than its answer, and these run in a loop.
_SPAN: Final = (
    _C.timestamp >= bindparam("start", type_=BigInteger),
    _C.timestamp < bindparam("end", type_=BigInteger),
)
_CALLS_BETWEEN: Final = select(func.count()).where(*_SPAN)
_LOOKED_AT: Final = (
    select(_C.id, _C.ip_address, _C.user_id)
    .where(*_SPAN)
    .order_by(_C.timestamp.desc(), _C.id.desc())
    .limit(bindparam("left", type_=BigInteger))
    .subquery()
)
_OF_ADDRESS: Final = (
    select(*_COUNTED)
    .where(
        _C.id.in_(
            select(_LOOKED_AT.c.id).where(
                _LOOKED_AT.c.ip_address == bindparam("client"), _LOOKED_AT.c.user_id.is_(None)
            )
        )
    )
    .order_by(_C.timestamp.desc(), _C.id.desc())
    .limit(bindparam("most", type_=BigInteger))
)


@dataclass(frozen=True)
class TouchedEndpoint:
    """Calls of a client to one endpoint."""

    endpoint: str
    method: str
    calls: int
    errors: int
    average_ms: float | None
    last_at: int


@dataclass(frozen=True)
class ClientCalls:
    """The newest calls of a client in a range, listed and counted."""

    newest: list[Row] = field(default_factory=list)
    counted: int = 0
    since: int | None = None  # the oldest call that is counted
    minutes: int | None = None  # active minutes that were looked through; None: found by user
    cut: bool = False  # there may be more calls in the range
    endpoints: list[TouchedEndpoint] = field(default_factory=list)  # most calls first
    addresses: dict[str, int] = field(default_factory=dict)  # address -> calls, most first
    inspected: int = 0  # calls that were looked through for attacks
    attacks: dict[str, int] = field(default_factory=dict)  # kind -> calls, most first


def calls_of_client(
    connection: Connection,
    store: Store,
    client: str,
    start: int,
    end: int,
    listed: int = MOST_LISTED,
) -> ClientCalls:
    """The newest calls of a client in `[start, end)` [epoch ms].

    Whoever ever called with this name as user is taken for a user, others for an address. The
    window that many clients share has no calls of its own.
    """
    if client == SHARED_CLIENT:
        return ClientCalls()
    minutes, all_read = None, True
    if is_user(connection, client):
        found = _of_user(connection, client, start, end, MOST_COUNTED + 1)
    else:
        starts = _active_minutes(connection, store, client, start, end)
        found, minutes, all_read = _of_address(connection, store, client, starts, start, end)
    cut = not all_read or len(found) > MOST_COUNTED
    return _counted(connection, found[:MOST_COUNTED], listed, minutes, cut)


def is_user(connection: Connection, client: str) -> bool:
    """Whether a stored call has this user."""
    return connection.scalar(select(_C.id).where(_C.user_id == client).limit(1)) is not None


def last_call_at(connection: Connection, client: str) -> int | None:
    """Time of the last call of a user; None of an address, whose windows must tell."""
    last: int | None = connection.scalar(select(func.max(_C.timestamp)).where(_C.user_id == client))
    return last


def _of_user(connection: Connection, client: str, start: int, end: int, limit: int) -> list[Any]:
    statement = _newest(select(*_COUNTED).where(_C.user_id == client, *_between(start, end)))
    return [*connection.execute(statement.limit(limit)).all()]


def _active_minutes(
    connection: Connection, store: Store, client: str, start: int, end: int
) -> list[int]:
    """Starts of its newest windows that reach into the range; one more than are looked through."""
    w = anomaly_log.c
    found = (
        select(w.timestamp)
        .where(
            w.client == client,
            w.subject == "client",
            w.timestamp > start - store.window_ms,
            w.timestamp < end,
            w.timestamp % store.window_ms == 0,
        )
        .order_by(w.timestamp.desc())
        .limit(MOST_MINUTES + 1)
    )
    return list(connection.scalars(found))


def _of_address(
    connection: Connection, store: Store, client: str, starts: Sequence[int], start: int, end: int
) -> tuple[list[Any], int, bool]:
    """Calls of an address, newest first; in how many minutes; whether these were all there are."""
    found: list[Any] = []
    left, minutes = MOST_LOOKED_AT, 0
    for minute in starts[:MOST_MINUTES]:
        span = {"start": max(minute, start), "end": min(minute + store.window_ms, end)}
        most = {"left": left, "most": MOST_COUNTED + 1 - len(found)}
        found += connection.execute(_OF_ADDRESS, {**span, **most, "client": client}).all()
        minutes += 1
        left -= connection.execute(_CALLS_BETWEEN, span).scalar_one()
        if left <= 0 or len(found) > MOST_COUNTED:
            break
    return found, minutes, left >= 0 and minutes == len(starts)


def _between(start: int, end: int) -> tuple[ColumnElement[bool], ...]:
    return _C.timestamp >= start, _C.timestamp < end


def _newest(statement: Select[Any]) -> Select[Any]:
    return statement.order_by(_C.timestamp.desc(), _C.id.desc())


def _counted(
    connection: Connection, found: Sequence[Any], listed: int, minutes: int | None, cut: bool
) -> ClientCalls:
    ids = [call.id for call in found[:listed]]
    newest = rows(connection, _newest(select(*_LISTED).where(_C.id.in_(ids)))) if ids else []
    return ClientCalls(
        newest=newest,
        counted=len(found),
        since=found[-1].timestamp if found else None,
        minutes=minutes,
        cut=cut,
        endpoints=_touched(found),
        addresses=_most(call.ip_address for call in found),
        inspected=sum(call.attack_score is not None for call in found),
        attacks=_most(call.attack for call in found if call.attack is not None),
    )


def _touched(found: Iterable[Any]) -> list[TouchedEndpoint]:
    """Calls by endpoint and method; the first of a group is its newest."""
    groups: dict[tuple[str, str], list[Any]] = {}
    for call in found:
        groups.setdefault((call.endpoint, call.method), []).append(call)
    touched = [_endpoint(*key, calls) for key, calls in groups.items()]
    return sorted(touched, key=lambda e: (-e.calls, e.endpoint, e.method))


def _endpoint(endpoint: str, method: str, calls: Sequence[Any]) -> TouchedEndpoint:
    times = [c.response_time_ms for c in calls if c.response_time_ms is not None]
    return TouchedEndpoint(
        endpoint,
        method,
        len(calls),
        sum(call.status_code >= 400 for call in calls),
        sum(times) / len(times) if times else None,
        calls[0].timestamp,
    )


def _most(values: Iterable[str]) -> dict[str, int]:
    return dict(Counter(values).most_common())
