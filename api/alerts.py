"""Alerts over REST: incidents of a range, and taking note of them."""

from __future__ import annotations

import json
from dataclasses import asdict
from typing import Annotated, Any, Final, Literal

from flask import Blueprint, Response, jsonify
from pydantic import BaseModel, ConfigDict, Field, StrictBool

from api import alert_schemas, current, now_ms, who
from api.described import described
from api.errors import ApiError
from api.models import WindowId
from api.query import (
    OF_CLIENT,
    OF_ENDPOINT,
    OF_METHOD,
    Cursor,
    Flag,
    Lower,
    Method,
    RangeQuery,
    Text,
    Upper,
    cursor_of,
)
from jobs.alert_feed import Alert, AlertFilters, feed
from store import alerts as stored
from store import views
from store.feedback import UnknownWindowError
from store.times import iso

alerts = Blueprint("alerts", __name__, url_prefix="/api")

MOST_WINDOWS: Final = 1_000  # of one request


class AlertsQuery(RangeQuery):
    """Range, page and filters of `GET /api/alerts`."""

    limit: int = Field(100, ge=1, le=1000, description="Most items of one answer.")
    cursor: Cursor | None = Field(None, description="`next_cursor` of the answer before.")
    priority: Annotated[Literal["HIGH", "MEDIUM"], Upper] | None = Field(
        None, description="The highest of its windows."
    )
    state: Annotated[alert_schemas.State, Lower] | None = Field(
        None, description="What people made of it."
    )
    endpoint: Text | None = Field(None, description=OF_ENDPOINT)
    method: Method | None = Field(None, description=OF_METHOD)
    client: Text | None = Field(
        None, description=f"{OF_CLIENT} Also alerts that it causes or suffers from."
    )
    simulated: Flag | None = Field(None, description="Whether most of its calls are simulated.")


class AcknowledgeBody(BaseModel):
    """The windows that somebody has seen."""

    model_config = ConfigDict(extra="forbid")
    window_ids: list[WindowId] = Field(
        min_length=1,
        max_length=MOST_WINDOWS,
        description="`window_ids` of an alert, or `id` of windows.",
        examples=[[17, 23]],
    )
    undo: StrictBool = Field(False, description="Take the acknowledgement back.")


@alerts.get("/alerts")
@described("Alerts", alert_schemas.AlertList)
def list_alerts(query: AlertsQuery) -> Response:
    """Alerts, newest first: what is at risk, since when, why, and what people made of it.

    An alert is an incident: the MEDIUM and HIGH windows of a subject until it was quiet for 5
    minutes. Clients that only suffer from an endpoint are part of its alert. At most 2,000 windows
    are read, the newest of the range: `since` says where they begin.
    """
    store, now = current().store, now_ms()
    first, last = views.data_range(store) or (0, 0)
    start = first if query.start is None else query.start
    end = last if query.end is None else query.end
    filters = AlertFilters(
        priority=query.priority,
        state=query.state,
        endpoint=query.endpoint,
        method=query.method,
        client=query.client,
        simulated=None if query.simulated is None else bool(query.simulated),
    )
    found = feed(store, start, end, now, filters)
    places = sorted(((a.incident.start, a.id, a) for a in found.alerts), key=lambda p: p[:2])[::-1]
    if query.cursor is not None:
        places = [place for place in places if place[:2] < query.cursor]
    page = places[: query.limit]
    after = page[-1][:2] if len(places) > query.limit else None
    return jsonify(
        {
            "items": [_alert(alert) for _, _, alert in page],
            "next_cursor": cursor_of(after),
            "counts": asdict(found.counts),
            "since": iso(found.since),
        }
    )


@alerts.post("/alerts/acknowledge")
@described("Alerts", alert_schemas.Acknowledged, errors={404: "no window has the id 17"})
def acknowledge(body: AcknowledgeBody) -> Response:
    """Note that somebody has seen windows, or with `undo` take that back; again does no harm.

    Who has seen a window first stays. A verdict is given by `POST /api/feedback`.
    """
    at, person = now_ms(), who()
    try:
        with current().store.begin() as connection:
            rows = stored.windows_of(connection, list(dict.fromkeys(body.window_ids)))
            if body.undo:
                changed = [stored.key_of(row) for row in rows if row["acknowledged_at"] is not None]
                stored.take_back(connection, changed)
            else:
                keys = [stored.key_of(row) for row in rows]
                changed = stored.acknowledge(connection, keys, who=person, at=at)
    except UnknownWindowError as error:
        raise ApiError(404, str(error)) from None
    keys_out = [{**key._asdict(), "timestamp": iso(key.timestamp)} for key in changed]
    return jsonify({"windows": keys_out, "who": person, "at": iso(at)})


def _alert(alert: Alert) -> dict[str, Any]:
    incident = alert.incident
    rows, worst = incident.windows, incident.worst
    calls = sum(row["req_count"] for row in rows)
    errors = sum(row["error_rate"] * row["req_count"] for row in rows)
    return {
        "id": alert.id,
        **incident.subject._asdict(),
        "from": iso(incident.start),
        "to": iso(incident.end),
        "ongoing": alert.ongoing,
        "began_earlier": alert.began_earlier,
        "priority": incident.priority,
        "risk_score": worst["risk_score"],
        "window_ids": [row["id"] for row in rows],
        "req_count": calls,
        "error_rate": round(errors / calls, 4) if calls else 0.0,
        "simulated_count": sum(row["simulated_count"] for row in rows),
        "reasons": json.loads(worst["reasons"] or "[]"),
        "causes": list(incident.causes),
        "suffering": [
            {"client": one.client, "windows": len(one.windows)} for one in incident.suffering
        ],
        "state": alert.state.name,
        "who": alert.state.who,
        "at": iso(alert.state.at),
    }
