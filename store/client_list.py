"""Who there is: the riskiest clients of a range, and those that called in its newest minutes.

A day of a busy site has hundreds of thousands of client windows. So risk is read from the risky
ones alone, by the index of priorities, and traffic from a bounded number of the newest windows.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, replace
from typing import Any, Final

from sqlalchemy import Connection, Integer, case, cast, func, select

from store.engine import Store
from store.tables import anomaly_log

READ_SECONDS: Final = 5.0
MOST_RISKY: Final = 3_000  # newest windows of HIGH, and of MEDIUM, that are looked at
MOST_RECENT: Final = 6_000  # newest client windows
MOST_RECENT_MS: Final = 15 * 60_000
_CLUSTERS: Final = ("normal", "heavy", "bot")
_W = anomaly_log.c
_CLUSTER = case((_W.usage_cluster == "bot", 2), (_W.usage_cluster == "heavy", 1), else_=0)


@dataclass(frozen=True)
class ClientSummary:
    """One client: its risk in the range, its calls in the newest minutes of it."""

    client: str
    risk: float  # highest that was read
    risky: int  # windows of MEDIUM and above
    high: int
    usage_cluster: str  # the one most like a program
    bot_score: float | None  # highest
    last_start: int  # of its newest window
    calls: int = 0
    errors: int = 0
    simulated: float = 0.0  # share of the calls that were read, be they counted or not
    average_ms: float | None = None


@dataclass(frozen=True)
class Clients:
    """Clients of a range, the riskiest first, then those with most calls."""

    clients: list[ClientSummary]
    left_out: int  # clients that were found, beyond the limit
    recent_since: int | None  # calls are counted from here [epoch ms]; None: no client window
    risky_since: int | None  # older risky windows were not read; None: all were


def clients_between(store: Store, start: int, end: int, limit: int = 500) -> Clients:
    """Clients of a range.

    Parameters
    ----------
    start, end : int
        Range [epoch ms].
    limit : int
        Most clients to return.

    Raises
    ------
    TooSlow
        It took longer than `READ_SECONDS`.
    """
    with store.read_within(READ_SECONDS) as connection:
        found: dict[str, ClientSummary] = {}
        bounds = [
            _add_risky(connection, store, found, priority, start, end)
            for priority in ("HIGH", "MEDIUM")
        ]
        since = _recent_since(connection, start, end)
        if since is not None:
            _add(found, _recent(connection, store, since, end))
    clients = sorted(found.values(), key=lambda c: (-c.risk, -c.calls, c.client))
    risky_since = max((b for b in bounds if b is not None), default=None)
    return Clients(clients[:limit], max(0, len(clients) - limit), since, risky_since)


def _add_risky(
    connection: Connection,
    store: Store,
    found: dict[str, ClientSummary],
    priority: str,
    start: int,
    end: int,
) -> int | None:
    """Add the newest windows of a priority; from when on, where there are more than are read."""
    inside = (_W.priority == priority, _W.timestamp >= start, _W.timestamp < end)
    newest = select(_W.timestamp).where(*inside).order_by(_W.timestamp.desc())
    cut = connection.scalar(newest.limit(1).offset(MOST_RISKY))
    since = start if cut is None else cut + 1
    statement = _by_client().where(
        _W.priority == priority,
        _W.timestamp >= since,
        _W.timestamp < end,
        _W.timestamp % store.window_ms == 0,
        _W.subject == "client",
    )
    risky = [replace(c, calls=0, errors=0) for c in _read(connection, statement)]
    _add(found, risky)
    return None if cut is None else since


def _recent_since(connection: Connection, start: int, end: int) -> int | None:
    """From when on the newest client windows are read."""
    inside = (_W.subject == "client", _W.timestamp >= start, _W.timestamp < end)
    newest = select(_W.timestamp).where(*inside).order_by(_W.timestamp.desc())
    last = connection.scalar(newest.limit(1))
    if last is None:
        return None
    cut = connection.scalar(newest.limit(1).offset(MOST_RECENT))
    earliest = max(start, last - MOST_RECENT_MS + 1)
    return int(earliest if cut is None else min(last, max(earliest, cut + 1)))


def _recent(connection: Connection, store: Store, since: int, end: int) -> Iterable[ClientSummary]:
    statement = _by_client().where(
        _W.subject == "client",
        _W.timestamp >= since,
        _W.timestamp < end,
        _W.timestamp % store.window_ms == 0,
    )
    # Risky windows are counted by priority, over the whole range.
    return [replace(c, risky=0, high=0) for c in _read(connection, statement)]


def _by_client() -> Any:
    timed = _W.avg_response_time.is_not(None)
    return select(
        _W.client,
        func.max(_W.risk_score).label("risk"),
        func.sum(cast(_W.priority != "LOW", Integer)).label("risky"),
        func.sum(cast(_W.priority == "HIGH", Integer)).label("high"),
        func.max(_CLUSTER).label("cluster"),
        func.max(_W.bot_score).label("bot_score"),
        func.max(_W.timestamp).label("last_start"),
        func.sum(_W.req_count).label("calls"),
        func.sum(func.round(_W.error_rate * _W.req_count)).label("errors"),
        func.sum(_W.simulated_count).label("simulated"),
        func.sum(case((timed, _W.req_count))).label("timed"),
        func.sum(case((timed, _W.avg_response_time * _W.req_count))).label("spent"),
    ).group_by(_W.client)


def _read(connection: Connection, statement: Any) -> list[ClientSummary]:
    return [
        ClientSummary(
            client=row.client,
            risk=float(row.risk),
            risky=int(row.risky),
            high=int(row.high),
            usage_cluster=_CLUSTERS[row.cluster],
            bot_score=row.bot_score,
            last_start=row.last_start,
            calls=int(row.calls),
            errors=int(row.errors),
            simulated=row.simulated / row.calls if row.calls else 0.0,
            average_ms=row.spent / row.timed if row.timed else None,
        )
        for row in connection.execute(statement)
    ]


def _add(found: dict[str, ClientSummary], more: Iterable[ClientSummary]) -> None:
    for one in more:
        before = found.get(one.client)
        found[one.client] = one if before is None else _merged(before, one)


def _merged(one: ClientSummary, other: ClientSummary) -> ClientSummary:
    """What two readings of a client's windows say together."""
    newer = max(one, other, key=lambda c: (c.last_start, c.calls))
    scores = [c.bot_score for c in (one, other) if c.bot_score is not None]
    busy = other if other.calls else one
    return ClientSummary(
        client=one.client,
        risk=max(one.risk, other.risk),
        risky=one.risky + other.risky,
        high=one.high + other.high,
        usage_cluster=max(one.usage_cluster, other.usage_cluster, key=_CLUSTERS.index),
        bot_score=max(scores, default=None),
        last_start=newer.last_start,
        calls=busy.calls,
        errors=busy.errors,
        simulated=busy.simulated,
        average_ms=busy.average_ms,
    )
