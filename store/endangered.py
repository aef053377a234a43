"""Endpoints that are at risk because of one client, as the causes of their windows say."""

from __future__ import annotations

import json
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field, replace
from typing import Any, Final, NamedTuple

from sqlalchemy import Connection, func, select

from store.tables import anomaly_log

MOST_ENDPOINT_WINDOWS: Final = 3_000  # in which the client is looked for
FEWEST_MINUTES: Final = 10
MOST_MINUTES: Final = 250
_W = anomaly_log.c


class Minute(NamedTuple):
    """A window of the client."""

    start: int
    priority: str
    cluster: str
    statuses: str | None  # JSON object, status code -> calls


@dataclass(frozen=True)
class Endangered:
    """An endpoint that is at risk because of the client, as its windows say."""

    endpoint: str
    method: str
    windows: int
    risk: float  # highest of these windows, and what it would be without the client's calls
    risk_without: float
    together: int  # clients that were left out together with it, itself included
    last_start: int


@dataclass(frozen=True)
class Endangering:
    """Endpoints that a client endangers, the riskiest first."""

    endpoints: list[Endangered] = field(default_factory=list)
    minutes: int = 0  # active minutes that were looked at, the risky ones first
    left_out: int = 0  # and that were not


def endangering(connection: Connection, client: str, minutes: Sequence[Minute]) -> Endangering:
    """Endpoints whose windows name the client as a cause, looked for in its minutes.

    Parameters
    ----------
    minutes : sequence of Minute
        Of the client. The risky ones go first where there are more than are looked at.
    """
    if not minutes:
        return Endangering()
    ordered = sorted(minutes, key=lambda minute: minute.priority == "LOW")
    looked_at = ordered[: _most_minutes(connection, ordered[0].start)]
    named = select(_W.timestamp, _W.endpoint, _W.method, _W.risk_score, _W.causes).where(
        _W.timestamp.in_([minute.start for minute in looked_at]),
        _W.subject == "endpoint",
        _W.causes.contains(json.dumps(client), autoescape=True),
    )
    endpoints = _endangered(client, connection.execute(named))
    return Endangering(endpoints, len(looked_at), len(minutes) - len(looked_at))


def _most_minutes(connection: Connection, minute: int) -> int:
    """As many as have about `MOST_ENDPOINT_WINDOWS`, judged by one of them."""
    of_one = select(func.count()).where(_W.timestamp == minute, _W.subject == "endpoint")
    endpoints = max(1, connection.execute(of_one).scalar_one())
    return min(MOST_MINUTES, max(FEWEST_MINUTES, MOST_ENDPOINT_WINDOWS // endpoints))


def _endangered(client: str, named: Iterable[Any]) -> list[Endangered]:
    found: dict[tuple[str, str], Endangered] = {}
    for at, endpoint, method, risk, causes in named:
        cause = next((c for c in json.loads(causes) if c["client"] == client), None)
        if cause is None:
            continue  # the name stood in another place
        this = Endangered(
            endpoint, method, 1, float(risk), cause["risk_without"], cause["together"], at
        )
        before = found.get((endpoint, method))
        found[endpoint, method] = this if before is None else _both(before, this)
    return sorted(found.values(), key=lambda e: (-e.risk, -e.windows, e.endpoint, e.method))


def _both(one: Endangered, other: Endangered) -> Endangered:
    """Of the riskier window, counted together."""
    riskier = max(one, other, key=lambda e: (e.risk, e.last_start))
    return replace(
        riskier,
        windows=one.windows + other.windows,
        last_start=max(one.last_start, other.last_start),
    )
