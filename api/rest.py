"""The REST API for reading: stats, windows, calls and endpoint analytics."""

from __future__ import annotations

import time
from dataclasses import asdict
from typing import Annotated, Any, Final

from flask import Blueprint, Response, jsonify
from flask.blueprints import BlueprintSetupState
from pydantic import Field
from werkzeug.routing import BaseConverter

from api import current, note_export, schemas, streams
from api.described import described
from api.errors import ApiError
from api.query import (
    NO_NUL,
    OF_ENDPOINT,
    CallsQuery,
    CallsStreamQuery,
    EndpointQuery,
    RangeQuery,
    WindowsQuery,
    WindowsStreamQuery,
    cursor_of,
    query_of,
)
from api.rows import shown
from ml.histogram import percentiles
from store import lists, views
from store.endpoints import EndpointPoint
from store.times import iso

rest = Blueprint("rest", __name__, url_prefix="/api")


class _EndpointName(BaseConverter):
    """An endpoint as it is stored, also with its first slash, which `path` would not take."""

    regex = ".+"
    part_isolating = False


LISTS: Final = (streams.NDJSON, streams.CSV)
LIST_ERRORS: Final = {
    406: "Accept: 'image/png'; there is application/json, application/x-ndjson and text/csv"
}


@rest.record_once
def _add_converter(state: BlueprintSetupState) -> None:
    state.app.url_map.converters["endpoint"] = _EndpointName  # type: ignore[attr-defined]


@rest.get("/stats")
@described("Traffic", schemas.Stats)
def stats(query: RangeQuery) -> Response:
    """Counts of calls and windows, rates of the models, and how fresh the scores are.

    Open ends of the range are those of the data. What is not scored yet is counted from the calls
    themselves, so `total_calls` is exact at any moment.
    """
    start, end = _range(query)
    sums = views.totals(current().store, start, end)
    fresh = asdict(views.freshness(current().store, time.time_ns() // 1_000_000))
    for name in ("last_call_at", "last_window_end", "scored_at"):
        fresh[name] = iso(fresh[name])
    return jsonify({"from": iso(start), "to": iso(end), **_totals(sums), "freshness": fresh})


@rest.get("/anomalies")
@described("Traffic", schemas.WindowList, query=WindowsQuery, also=LISTS, errors=LIST_ERRORS)
def anomalies() -> Response:
    """Scored windows, newest first.

    By `Accept` a page of them as JSON, or as NDJSON or CSV: then without `limit` all that match,
    and with it as many as asked for; `X-Next-Cursor` is the cursor to go on with.
    """
    kind = streams.wanted_type()
    store = current().store
    if kind != streams.JSON:
        asked = query_of(WindowsStreamQuery)
        note_export("anomalies", format=kind)
        found = lists.window_pages(store, asked.filters(), asked.limit, asked.cursor)
        return streams.stream("anomalies", kind, found)
    query = query_of(WindowsQuery)
    return _list(lists.windows_page(store, query.filters(), query.limit, query.cursor))


@rest.get("/logs")
@described("Traffic", schemas.CallList, query=CallsQuery, also=LISTS, errors=LIST_ERRORS)
def logs() -> Response:
    """Logged calls, newest first.

    By `Accept` a page of them as JSON, or as NDJSON or CSV: then without `limit` all that match,
    and with it as many as asked for; `X-Next-Cursor` is the cursor to go on with.
    """
    kind = streams.wanted_type()
    store = current().store
    if kind != streams.JSON:
        asked = query_of(CallsStreamQuery)
        note_export("logs", format=kind)
        found = lists.call_pages(store, asked.filters(), asked.limit, asked.cursor)
        return streams.stream("logs", kind, found)
    query = query_of(CallsQuery)
    return _list(lists.calls_page(store, query.filters(), query.limit, query.cursor))


@rest.get("/analytics/endpoint/<endpoint:endpoint>")
@described("Traffic", schemas.EndpointAnalytics, errors={404: "no call to '/nowhere' is known"})
def endpoint_analytics(
    endpoint: Annotated[
        str,
        Field(min_length=1, pattern=NO_NUL, description=OF_ENDPOINT, examples=["/search"]),
    ],
    query: EndpointQuery,
) -> Response:
    """One endpoint over a range: totals, latency percentiles, status codes, a series in time.

    The endpoint may be given with or without its first slash.
    """
    store = current().store
    start, end = _range(query)
    if "\0" in endpoint:
        raise ApiError(400, f"endpoint {endpoint!r} holds a NUL", parameter="endpoint")
    for name in (endpoint, f"/{endpoint.lstrip('/')}"):
        if views.is_known_endpoint(store, name):
            found = views.endpoint_analytics(store, name, query.method, start, end)
            return jsonify(_analytics(name, query.method, start, end, found))
    raise ApiError(404, f"no call to endpoint {endpoint!r} is known", endpoint=endpoint)


def _range(query: RangeQuery) -> tuple[int, int]:
    """The asked range; open ends are those of the data."""
    if query.start is not None and query.end is not None:
        return query.start, query.end
    first, last = views.data_range(current().store) or (0, 0)
    start = first if query.start is None else query.start
    return start, max(start, last) if query.end is None else query.end


def _totals(sums: views.Totals) -> dict[str, Any]:
    windows = sums.windows
    return {
        "total_calls": sums.calls,
        "errors": sums.errors,
        "error_rate": sums.errors / sums.calls if sums.calls else None,
        "avg_response_time": sums.average_response_ms,
        "simulated_calls": sums.simulated_calls,
        "windows": windows,
        "anomalies": sums.anomalies,
        "detection_rate": sums.anomalies / windows if windows else None,
        "priorities": {"HIGH": sums.high, "MEDIUM": sums.medium, "LOW": sums.low},
        "average_risk": sums.average_risk,
        "bot_rate": sums.bot_windows / windows if windows else None,
    }


def _analytics(
    endpoint: str, method: str | None, start: int, end: int, found: views.EndpointAnalytics
) -> dict[str, Any]:
    of = (50, 95, 99)
    summary, points = found.series.summary, found.series.points
    latency = percentiles(summary.latency_histogram if summary else b"", of)
    return {
        "endpoint": endpoint,
        "method": method,
        "from": iso(start),
        "to": iso(end),
        **_totals(found.totals),
        "latency_ms": {f"p{p}": value for p, value in zip(of, latency, strict=True)},
        "status_counts": summary.status_counts if summary else {},
        "bucket_seconds": found.series.bucket_ms // 1000,
        "series": [_point(point) for point in points],
    }


def _point(point: EndpointPoint) -> dict[str, Any]:
    return {
        "timestamp": iso(point.start),
        "req_count": point.calls,
        "error_rate": point.errors / point.calls,
        "avg_response_time": point.average_ms,
        "max_response_time": point.max_ms,
        "risk_score": point.risk,
        "failure_probability": point.failure_probability,
        "anomaly_score": point.anomaly_score,
    }


def _list(page: lists.Page) -> Response:
    items = [shown(item) for item in page.items]
    return jsonify({"items": items, "next_cursor": cursor_of(page.next_after)})
