"""Grids of clients: who there is, the scored minutes of one, its calls."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from typing import Any, Protocol

from components import tables
from components.reasons import all_of_it, why
from components.theme import Limits

Row = Mapping[str, Any]


class Summary(Protocol):
    """One client: its risk in a range, its calls in the newest minutes of it."""

    @property
    def client(self) -> str: ...
    @property
    def risk(self) -> float: ...
    @property
    def risky(self) -> int: ...
    @property
    def usage_cluster(self) -> str: ...
    @property
    def bot_score(self) -> float | None: ...
    @property
    def last_start(self) -> int: ...
    @property
    def calls(self) -> int: ...
    @property
    def errors(self) -> int: ...
    @property
    def simulated(self) -> float: ...
    @property
    def average_ms(self) -> float | None: ...


def client_columns() -> list[tables.Column]:
    """Columns of `client_rows`."""
    return [
        tables.subject_column("name", "Client", 170),
        tables.choice_column(
            "usage", "Usage", 96, tooltip="The usage cluster most like a program", hide_below=480
        ),
        tables.number_column(
            "bot_score", "Bot score", 100, "ForesightScore",
            tooltip="0 like a person, 1 like a program; highest", hide_below=900,
        ),
        tables.time_column("last", "Newest (UTC)", 152, ago=True, hide_below=700),
        tables.number_column(
            "calls", "Calls", 84, tooltip="In the newest minutes, see above", hide_below=560
        ),
        tables.number_column(
            "error_rate", "Error rate", 98, "ForesightPercent",
            tooltip="In the newest minutes, see above", hide_below=700,
        ),
        tables.number_column(
            "average_ms", "Avg response", 116, "ForesightMs",
            tooltip="In the newest minutes, see above", hide_below=900,
        ),
        tables.number_column(
            "risky", "Risky minutes", 118, tooltip="MEDIUM and HIGH, of the range", hide_below=640
        ),
        tables.priority_column(),
        tables.risk_column("risk", "Highest risk", sort="desc"),
    ]  # fmt: skip


def client_rows(
    clients: Iterable[Summary], href: Callable[[str], str], limits: Limits
) -> list[dict[str, Any]]:
    """Clients as grid rows; those without calls in the newest minutes have none to show."""
    return [
        {
            "id": one.client,
            "subject": "client",
            "name": one.client,
            "shown": tables.shown_name(one.client),
            "href": href(one.client),
            "usage": one.usage_cluster,
            "bot_score": one.bot_score,
            "last": one.last_start,
            "calls": one.calls or None,
            "error_rate": one.errors / one.calls if one.calls else None,
            "average_ms": one.average_ms if one.calls else None,
            "risky": one.risky,
            "priority": limits.priority_of(one.risk),
            "risk": one.risk,
            "simulated": one.simulated,
        }
        for one in clients
    ]


def minute_columns() -> list[tables.Column]:
    """Columns of `minute_rows`."""
    return [
        tables.time_column(
            "at", "Minute (UTC)", 140, narrow=96, cellRenderer="ForesightMinute",
            tooltip="Shows the calls of the minute",
        ),
        tables.priority_column(),
        tables.choice_column("usage", "Usage", 92, hide_below=700),
        tables.why_column(),
        tables.number_column("calls", "Calls", 78, narrow=66),
        tables.number_column("error_rate", "Error rate", 104, "ForesightPercent", hide_below=640),
        tables.number_column(
            "average_ms", "Avg response", 122, "ForesightMs", hide_below=900
        ),
        tables.number_column("anomaly", "Anomaly", 96, "ForesightScore", hide_below=900),
        tables.risk_column(),
    ]  # fmt: skip


def minute_rows(windows: Iterable[Row], href: Callable[[int], str]) -> list[dict[str, Any]]:
    """Scored minutes of one client; `href` gives the address with the minute selected."""
    return [
        {
            "id": str(window["id"]),
            "at": window["timestamp"],
            "at_href": href(window["timestamp"]),
            "priority": window["priority"],
            "usage": window["usage_cluster"],
            "why": why(window),
            "whys": all_of_it(window),
            "calls": window["req_count"],
            "error_rate": window["error_rate"],
            "average_ms": window["avg_response_time"],
            "anomaly": window["anomaly_score"],
            "risk": window["risk_score"],
        }
        for window in windows
    ]


def call_columns() -> list[tables.Column]:
    """Columns of `call_rows`."""
    return [
        tables.time_column("at", "Time (UTC)", 148, narrow=96),
        tables.column("method", "Method", 92, kind="choice", narrow=66, hide_below=480),
        tables.link_column("endpoint", "Endpoint", 150, flex=1, narrow=96),
        tables.status_column("status"),
        tables.number_column("ms", "Response", 104, "ForesightMs", narrow=86),
        tables.number_column("bytes", "Payload", 96, "ForesightBytes", hide_below=700),
        tables.column("path", "Path", 150, flex=1, hide_below=1000),
        tables.column("address", "IP address", 132, hide_below=800),
        tables.choice_column("attack", "Attack", 110, hide_below=900),
        tables.choice_column("source", "Source", 104, hide_below=800),
    ]


def call_rows(calls: Iterable[Row], href: Callable[[str, str], str]) -> list[dict[str, Any]]:
    """Calls of one client; `href` gives the address of the page of an endpoint and method."""
    return [
        {
            "id": str(call["id"]),
            "at": call["timestamp"],
            "method": call["method"],
            "endpoint": call["endpoint"],
            "endpoint_href": href(call["endpoint"], call["method"]),
            "status": call["status_code"],
            "ms": call["response_time_ms"],
            "bytes": call["payload_size"],
            "path": call["path"],
            "address": call["ip_address"],
            "attack": call["attack"],
            "source": call["source"],
        }
        for call in calls
    ]
