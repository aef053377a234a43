"""Grids of one endpoint's page: its calls, and its risky minutes."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import Any, Final

from components import tables
from components.endpoint_reasons import Cause, causes, reasons
from components.reasons import all_of_it

CALLS: Final = "endpoint-calls-grid"
WINDOWS: Final = "endpoint-windows-grid"
Row = Mapping[str, Any]


def call_columns() -> list[tables.Column]:
    """Columns of `call_rows`."""
    return [
        tables.time_column("at", "Time (UTC)", narrow=92),
        tables.status_column("status"),
        tables.number_column("ms", "Response", 98, "ForesightMs", narrow=84),
        tables.choice_column("method", "Method", 88, hide_below=900),
        tables.column("path", "Path", 150, flex=2, cellRenderer="ForesightLink", hide_below=560),
        tables.link_column("client", "Client", 120, flex=1, narrow=90),
        tables.number_column("bytes", "Payload", 92, "ForesightBytes", hide_below=700),
        tables.choice_column("source", "Source", 100, hide_below=760),
        tables.choice_column("attack", "Attack", 130, hide_below=900),
    ]


def call_rows(calls: Sequence[Row], href: Callable[[str], str]) -> list[dict[str, Any]]:
    """Calls as grid rows; `href` gives the page of a client."""
    return [_call(call, href) for call in calls]


def window_columns() -> list[tables.Column]:
    """Columns of `window_rows`."""
    share = "ForesightPercent"
    return [
        tables.time_column("at", "Minute (UTC)", ago=True, narrow=74, flex=1, maxWidth=170),
        tables.priority_column(),
        tables.why_column(width=180),
        tables.column(
            "cause",
            "Caused by",
            120,
            flex=1,
            cellClass="cell-why",
            tooltipField="cause",
            hide_below=900,
        ),
        tables.link_column(
            "calls",
            "Calls",
            80,
            kind="number",
            type="rightAligned",
            tooltip="Shows these calls below",
            narrow=64,
        ),
        tables.number_column("error_rate", "Errors", 84, share, hide_below=1250),
        tables.number_column("ms", "Average", 90, "ForesightMs", hide_below=1250),
        tables.number_column("failure", "Failure", 84, share, hide_below=700),
        tables.number_column("anomaly", "Anomaly", 92, "ForesightScore", hide_below=700),
        tables.risk_column(),
    ]


def window_rows(windows: Sequence[Row], href: Callable[[Row], str]) -> list[dict[str, Any]]:
    """Risky windows as grid rows; `href` gives the address that shows the calls of one."""
    return [_window(window, href(window)) for window in windows]


def _call(call: Row, href: Callable[[str], str]) -> dict[str, Any]:
    client = str(call["user_id"] or call["ip_address"])
    return {
        "id": str(call["id"]),
        "at": call["timestamp"],
        "status": call["status_code"],
        "ms": call["response_time_ms"],
        "method": call["method"],
        "path": call["path"] or call["endpoint"],
        "client": client,
        "client_href": href(client),
        "bytes": call["payload_size"],
        "source": call["source"],
        "attack": (call["attack"] or "").replace("_", " "),
    }


def _named(found: Sequence[Cause]) -> str:
    """Who causes it, in the room of a cell."""
    names = [one.client for one in found]
    more = found[0].together - len(names) if found else 0
    return ", ".join([*names, f"{more} more"] if more else names)


def _window(window: Row, href: str) -> dict[str, Any]:
    first = next(iter(reasons(window)), None)
    return {
        "id": str(window["id"]),
        "at": window["timestamp"],
        "priority": window["priority"],
        "why": f"{first.name} {first.text}" if first else "",
        "whys": all_of_it(window),
        "cause": _named(causes(window)),
        "calls": window["req_count"],
        "calls_href": href,
        "error_rate": window["error_rate"],
        "ms": window["avg_response_time"],
        "failure": window["failure_probability"],
        "anomaly": window["anomaly_score"],
        "risk": window["risk_score"],
    }
