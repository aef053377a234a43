"""The page of one endpoint, drawn from what was read."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from functools import partial
from typing import Any, Final
from urllib.parse import urlencode

from dash import dcc, html

from components import (
    cards,
    endpoint_forecast,
    endpoint_kpis,
    endpoint_lists,
    endpoint_panels,
    endpoint_reasons,
    format,
    series_figures,
    states,
)
from components.health import Health
from components.insights import Insight
from components.series_frame import Frame
from components.theme import Limits
from ml.histogram import percentiles
from pages import _endpoint_insights as told
from pages import _range, client_href, endpoint_href, page_path
from pages._endpoint_reads import Found
from store.lists import Row
from store.times import iso

QUIET_MS: Final = 10 * 60_000  # without a call for this long the newest scores are none of now
_PERCENTILES: Final = (50, 95, 99)
_MINUTE_MS: Final = 60_000


def status(found: Found, limits: Limits) -> html.Div:
    """How it stands now, since when, and why."""
    newest = found.summary
    facts = [
        ("Risk", format.score(newest.last_risk)),
        ("Failure within 5 min", format.percent(round(newest.last_failure_probability, 3))),
        ("Anomaly", format.score(newest.last_anomaly_score)),
        ("Newest minute", cards.since(newest.last_start + found.store.window_ms, found.now)),
    ]
    return cards.health_strip(_health(found, limits), facts)


def _health(found: Found, limits: Limits) -> Health:
    newest = found.summary
    end = newest.last_start + found.store.window_ms
    priority = limits.priority_of(newest.last_risk)
    if end <= found.until - QUIET_MS:
        words = f"Its newest minute was {priority}, risk {format.score(newest.last_risk)}."
        return Health("quiet", f"No calls since {format.moment(end, found.now)}", words)
    since = found.risky_since()
    if priority == "LOW" or since is None:
        return Health("healthy", "LOW risk", _ongoing(found) or "Nothing unusual goes on.")
    level = "critical" if priority == "HIGH" else "degraded"
    title = f"{priority} risk since {format.moment(since, found.now)}"
    words = [reason.text for reason in endpoint_reasons.reasons(found.risky[0])[:1]]
    names = [reason.name for reason in endpoint_reasons.reasons(found.risky[0])[:1]]
    said = f"{names[0]} {words[0]}" if words else "No reason is stored"
    return Health(level, title, _ongoing(found) or f"{said}.")


def _ongoing(found: Found) -> str:
    going_on = [one for one in found.insights if one.until is None]
    return f"{_sentence(going_on[0])}." if going_on else ""


def _sentence(one: Insight) -> str:
    return f"{one.text}: {one.detail}" if one.detail else one.text


def kpis(found: Found) -> list[html.Div]:
    """The numbers of the range."""
    now, before = found.summary, found.before
    times = percentiles(now.latency_histogram, _PERCENTILES)
    first = max(found.points[0].start, found.shown.start)
    minutes = max(found.until - first, found.store.window_ms) / _MINUTE_MS
    return endpoint_kpis.endpoint_kpis(
        endpoint_kpis.One(
            calls=now.calls,
            per_minute=now.calls / minutes,
            errors=now.errors,
            p50_ms=times[0],
            p95_ms=times[1],
            p99_ms=times[2],
            windows=now.windows,
            anomalies=now.anomalies,
            per_minute_before=before and before.calls / minutes,
            error_rate_before=before and before.errors / max(1, before.calls),
        )
    )


def charts(found: Found, theme: str) -> dict[str, Any]:
    """All figures by their name."""
    frame = Frame(
        found.series.bucket_ms,
        found.shown.start,
        found.shown.end,
        found.until,
        theme,
        found.selection.start,
    )
    parts = endpoint_reasons.risk_parts(found.risky, found.series.bucket_ms)
    return {
        "frequency": series_figures.frequency(found.points, frame),
        "latency": series_figures.latency(_times(found), frame),
        "errors": series_figures.error_rate(found.points, frame),
        "failure": endpoint_forecast.failure(found.points, found.onsets, frame),
        "anomaly": series_figures.anomaly(found.points, parts, frame),
    }


def _times(found: Found) -> list[tuple[int, Mapping[str, float | None]]]:
    """Percentiles by bucket."""
    half, most = (told.percentile_of_points(found.points, p) for p in (50, 99))
    rows = zip(found.points, half, found.p95, most, strict=True)
    return [(p.start, {"p50": p50, "p95": p95, "p99": p99}) for p, p50, p95, p99 in rows]


def features(found: Found, theme: str) -> Any:
    """The features behind the risky minutes."""
    parts = endpoint_reasons.risk_parts(found.risky, found.series.bucket_ms)
    colours = series_figures.feature_colours([part.feature for part in parts], theme)
    return endpoint_panels.by_feature(endpoint_reasons.weights(parts), colours)


def outcomes(found: Found) -> str:
    """What came of the forecasts of the range."""
    kinds = [endpoint_forecast.kind_of(onset) for onset in found.onsets]
    if not kinds:
        return "No failure began; failing minutes are tinted"
    forecast = kinds.count("Forecast")
    return f"{format.plural(len(kinds), 'failure')} began, {forecast} forecast; failing is tinted"


def insights(found: Found) -> Any:
    """What stands out of the range."""
    nothing = told.AS_USUAL if found.can_tell else told.TOO_FEW
    return endpoint_panels.standing_out(found.insights, nothing)


def why(found: Found) -> Any:
    """Reasons of the window that is explained."""
    window = found.explained()
    if window is None:
        return endpoint_panels.nothing_risky()
    return endpoint_panels.why(endpoint_reasons.reasons(window), _about(window, found))


def causes(found: Found, kept: Mapping[str, str]) -> Any:
    """Who causes the risk of the window that is explained, or of the newest one that says it."""
    window = found.explained()
    if window is None:
        return endpoint_panels.nothing_risky()
    telling = next((row for row in [window, *found.risky] if endpoint_reasons.causes(row)), None)
    if telling is None or (found.selection.start is not None and telling is not window):
        return endpoint_panels.nobody()
    return endpoint_panels.caused_by(
        endpoint_reasons.causes(telling),
        telling["risk_score"],
        _about(telling, found),
        partial(client_href, **kept),
    )


def _about(window: Row, found: Found) -> str:
    at = format.moment(window["timestamp"], found.now)
    return f"{window['priority']} at {at}, risk {format.score(window['risk_score'])}"


def callers(found: Found, kept: Mapping[str, str]) -> Any:
    """Who calls it most."""
    clients = found.clients.clients
    if not clients:
        return states.empty("people", "No calls are stored", _gone(found))
    return endpoint_panels.callers(clients, partial(client_href, **kept))


def callers_words(found: Found) -> str:
    """Of which calls the clients are counted."""
    read = found.clients.calls_read
    whole = sum(point.calls for point in _selected_points(found))
    newest = f"newest {format.number(read)}" if read < whole else format.number(read)
    return f"Of {newest} calls {_when(found)}" if read else _when(found).capitalize()


def risky_rows(found: Found, kept: Mapping[str, str]) -> list[dict[str, Any]]:
    """Rows of the grid of risky windows."""

    def calls_of(window: Row) -> str:
        at = str(iso(window["timestamp"])).replace(".000Z", "Z")
        of = found.asked.endpoint, found.asked.method or window["method"]
        return endpoint_href(*of, **kept, at=at)

    return endpoint_lists.window_rows(found.risky, calls_of)


def call_rows(found: Found, kept: Mapping[str, str]) -> list[dict[str, Any]]:
    """Rows of the grid of calls."""
    return endpoint_lists.call_rows(found.calls.items, partial(client_href, **kept))


def calls_words(found: Found) -> str:
    """Which calls the grid has."""
    shown = len(found.calls.items)
    if found.calls.next_after is None:
        all_of_them = f"All {format.plural(shown, 'call')}" if shown > 1 else "The only call"
        return f"{all_of_them} {_when(found)}" if shown else f"No call {_when(found)}"
    return f"The newest {format.number(shown)} {_when(found)}"


def no_calls(found: Found) -> Any:
    """What the grid of calls says without any."""
    if found.calls.items:
        return []
    return states.empty("inbox", "No calls are stored", _gone(found))


def selected(found: Found) -> str:
    """Which time is selected."""
    chosen = found.selection
    if chosen.start is None:
        return ""
    return f"Only {format.span(chosen.start, chosen.end, found.now)}"


def no_windows(found: Found) -> Any:
    """The whole page where the endpoint is known, but not in the range."""
    links = [
        dcc.Link("Show all data", href=_all_data(found), className="button")
        if found.shown.key != _range.ALL
        else None,
        dcc.Link("Show all endpoints", href=page_path("/analytics"), className="button"),
    ]
    return states.empty(
        "inbox",
        f"No calls to {format.shortened(found.asked.name, 80)} in this range",
        format.span(found.shown.start, found.shown.end, found.now),
        html.Div(links, className="endpoint-ways"),
    )


def subtitle(found: Found, kept: Mapping[str, str]) -> list[Any]:
    """The way back, the range, and what is simulated."""
    everything = f"{page_path('/analytics')}?{urlencode(kept)}"
    shown = found.shown
    words = [shown.words, format.span(shown.start, shown.end, found.now)]
    if found.asked.endpoint == endpoint_panels.SHARED:
        words.append("shared by the endpoints beyond the 1,000 busiest of a minute")
    summary = found.series.summary
    if summary and summary.simulated_calls and summary.calls:
        share = summary.simulated_calls / summary.calls
        words.append("simulated" if share >= 1 else f"{format.percent(share)} simulated")
    parts: list[Any] = [dcc.Link("All endpoints", href=everything)]
    if found.asked.method:
        every = f"{page_path('/endpoint')}?{urlencode({'endpoint': found.asked.endpoint, **kept})}"
        parts += [" · ", dcc.Link("all its methods", href=every)]
    alerts = page_path("/alerts")
    if alerts:
        own = {"endpoint": found.asked.endpoint}
        own |= {"method": found.asked.method} if found.asked.method else {}
        parts += [" · ", dcc.Link("its alerts", href=f"{alerts}?{urlencode({**own, **kept})}")]
    return [*parts, f" · {' · '.join(words)}"]


def _selected_points(found: Found) -> Sequence[Any]:
    chosen = found.selection
    if chosen.start is None:
        return found.points
    return [point for point in found.points if point.start == chosen.start]


def _when(found: Found) -> str:
    chosen = found.selection
    if chosen.start is None:
        return "of the range"
    return f"of {format.span(chosen.start, chosen.end, found.now)}"


def _gone(found: Found) -> str:
    if found.asked.endpoint == endpoint_panels.SHARED:
        return endpoint_panels.SHARED_WORDS
    if found.selection.start is not None and not _selected_points(found):
        return "There were none in this time."
    return "Calls are removed earlier than scores; the scores of this time are above."


def _all_data(found: Found) -> str:
    of = {"endpoint": found.asked.endpoint}
    if found.asked.method:
        of["method"] = found.asked.method
    return f"{page_path('/endpoint')}?{urlencode({**of, 'range': _range.ALL})}"
