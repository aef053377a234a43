"""What the page of one client shows of what the store has found."""

from __future__ import annotations

from collections.abc import Mapping
from functools import cache
from typing import Any, Final, NamedTuple

from dash import dcc, html

from components import (
    client_figures,
    client_panels,
    client_rankings,
    client_tables,
    figures,
    format,
    states,
)
from components.icons import glyph
from pages import client_href, endpoint_href, page_path, risk_limits
from pages._range import TimeRange
from store.client_calls import MOST_LOOKED_AT, SHARED_CLIENT, ClientCalls
from store.clients import ClientView, Selection
from store.times import iso

CHARTS: Final = ("risk", "traffic", "features", "time")
PANELS: Final = (
    "traffic_key", "features_key", "reasons", "reasons_about", "endangered", "endangered_about",
    "touched", "touched_about", "statuses", "attacks", "minutes_about", "calls_about",
    "addresses",
)  # fmt: skip
_MINUTE_MS: Final = 60_000
_AROUND_MS: Final = 30 * _MINUTE_MS  # shown on both sides of a minute that is looked for
_DAY_MS: Final = 24 * 60 * _MINUTE_MS
_WHOSE: Final = f"the newest {format.number(MOST_LOOKED_AT)} calls of everybody"


class Asked(NamedTuple):
    """What the page is asked for."""

    client: str
    shown: TimeRange
    kept: Mapping[str, str]  # the range as the address has it
    theme: str
    now: int
    picked: tuple[int, int] | None = None  # the bucket that is selected [epoch ms]


def top(asked: Asked, found: ClientView, picked: Selection | None) -> dict[str, Any]:
    """What is sent with every poll: the state now, the numbers, the selection."""
    risky = sum(point.risky for point in found.points)
    last = found.risky[0]["timestamp"] if found.risky else None
    return {
        "subtitle": _subtitle(asked),
        "standing": client_panels.standing(
            found.newest, found.cluster_since, risky, last, asked.now
        )
        if found.newest
        else client_panels.unscored(found.last_at, asked.now),
        "kpis": client_panels.kpi_row(
            found.points, len(found.calls.endpoints), found.calls.cut, risk_limits()
        ),
        "chip": _chip(asked, picked),
    }


def drawings(asked: Asked, found: ClientView, picked: Selection | None) -> dict[str, Any]:
    """Charts, panels and grids."""
    return _charts(asked, found) | _panels(asked, found) | _grids(asked, found, picked)


def nobody(asked: Asked, last_at: int | None) -> dict[str, Any]:
    """The whole page where the range has nothing of the client, or nothing ever had."""
    if last_at is None:
        words = [
            html.H2(f"No client “{format.shortened(asked.client, 80)}”"),
            html.P(
                "No stored call or scored minute has this name. A client is a user, or the "
                "address of calls without one, exactly as it was logged."
            ),
            dcc.Link("All clients", href=page_path("/client"), className="button"),
        ]
    else:
        words = [
            html.H2("Nothing in this range"),
            html.P(f"It was last seen at {format.moment(last_at, asked.now)}."),
            dcc.Link(
                "Show that hour",
                href=client_href(asked.client, **_around(last_at)),
                className="button",
            ),
        ]
    mark = html.Div(glyph("person-x" if last_at is None else "moon"), className="hero-mark")
    return {"hero": html.Div([mark, *words], className="hero"), "subtitle": _subtitle(asked)}


def too_slow(asked: Asked, why: str) -> dict[str, Any]:
    """The whole page where reading took too long."""
    shown = states.empty("hourglass-split", "That took too long", f"{why}; choose a shorter range.")
    return {"hero": shown, "subtitle": _subtitle(asked)}


def _subtitle(asked: Asked) -> str:
    shown, now = asked.shown, asked.now
    parts = [shown.words, format.span(shown.start, shown.end, now)]
    if now - shown.start > _DAY_MS + _MINUTE_MS:
        parts.append("minutes of LOW risk are kept for a day")
    return " · ".join(parts)


def _chip(asked: Asked, picked: Selection | None) -> Any:
    if asked.picked is None or picked is None:
        return []
    calls = sum(window["req_count"] for window in picked.windows)
    span = format.span(*asked.picked, asked.now)
    return [glyph("funnel"), html.Strong(span), f" · {format.plural(calls, 'call')}"]


def _charts(asked: Asked, found: ClientView) -> dict[str, Any]:
    args = (found.points, found.bucket_ms, asked.shown.start, asked.shown.end, asked.theme)
    drawn = {
        "risk": figures.risk_over_time(*args, risk_limits()),
        "traffic": client_figures.calls_by_cluster(*args),
        "features": client_figures.risk_by_feature(*args),
        "time": client_figures.response_time(*args),
    }
    nothing = [] if found.points else states.empty("inbox", "No scored minutes in this range")
    covers: dict[str, Any] = {f"{name}_state": nothing for name in CHARTS}
    if found.points and not any(point.reasons for point in found.points):
        covers["features_state"] = states.empty(
            "check2-circle", "Nothing risky", "All its minutes here are LOW."
        )
    if found.points and all(point.average_ms is None for point in found.points):
        covers["time_state"] = states.empty("inbox", "No response times", "None were logged.")
    pictures = {
        name: client_figures.picked_out(figure, asked.picked, asked.theme)
        for name, figure in drawn.items()
    }
    return pictures | covers


def _panels(asked: Asked, found: ClientView) -> dict[str, Any]:
    calls, newest = found.calls, next(iter(found.risky), None)
    return {
        "traffic_key": client_panels.key(client_figures.traffic_colours(found.points, asked.theme)),
        "features_key": client_panels.key(client_figures.reason_colours(found.points, asked.theme)),
        "reasons": client_panels.reasons(
            newest, asked.now, _minute_href(asked, found, newest["timestamp"]) if newest else None
        ),
        "reasons_about": "Parts of its newest risk, by reason" if newest else "",
        "addresses": client_panels.addresses(asked.client, calls.addresses),
        "endangered": client_rankings.endangered(found.endangering.endpoints, _endpoint(asked)),
        "endangered_about": _looked_for(found),
        "touched": client_rankings.touched(calls.endpoints, _endpoint(asked)),
        "touched_about": _counted(calls),
        "statuses": client_rankings.statuses(found.status_counts),
        "attacks": client_rankings.attacks(calls.attacks, calls.inspected, calls.counted),
    }


def _grids(asked: Asked, found: ClientView, picked: Selection | None) -> dict[str, Any]:
    windows = found.risky if picked is None else picked.windows
    calls = found.calls if picked is None else picked.calls
    return {
        "minutes": client_tables.minute_rows(windows, lambda at: _minute_href(asked, found, at)),
        "minutes_state": [] if windows else _no_minutes(picked),
        "minutes_about": _minutes_about(asked, found, picked),
        "calls": client_tables.call_rows(calls.newest, _endpoint(asked)),
        "calls_state": [] if calls.newest else _no_calls(asked),
        "calls_about": _listed(asked, calls),
    }


def _no_minutes(picked: Selection | None) -> Any:
    if picked is None:
        return states.empty("check2-circle", "Nothing risky", "All its minutes here are LOW.")
    return states.empty("inbox", "No scored minute", "It did not call, or is not scored yet.")


def _no_calls(asked: Asked) -> Any:
    if asked.client == SHARED_CLIENT:
        return states.empty(
            "people",
            "Calls of many clients",
            "Of each minute the 5,000 busiest clients are scored one by one. All others share "
            "this window; their calls are listed under their own names.",
        )
    return states.empty(
        "inbox", "No calls", "They may be older than calls are kept, or among those not looked at."
    )


def _minutes_about(asked: Asked, found: ClientView, picked: Selection | None) -> str:
    if picked is not None and asked.picked is not None:
        return f"All scored minutes of {format.span(*asked.picked, asked.now)}"
    risky = sum(point.risky for point in found.points)
    shown = len(found.risky)
    some = f"the newest {shown} of {format.number(risky)}" if risky > shown else "newest first"
    return f"MEDIUM and HIGH, {some}"


def _listed(asked: Asked, calls: ClientCalls) -> str:
    """Which calls are in the grid."""
    if not calls.newest:
        return ""
    shown = len(calls.newest)
    of = "" if asked.picked is None else f" of {format.span(*asked.picked, asked.now)}"
    if not calls.cut and shown == calls.counted:
        return f"All {format.plural(shown, 'call')}{of or ' of this range'}"
    return f"The newest {format.plural(shown, 'call')}{of}, {_searched(calls)}"


def _searched(calls: ClientCalls) -> str:
    if calls.minutes is None or not calls.cut:
        more = "more than " * calls.cut
        return f"of {more}{format.number(calls.counted)}"
    if calls.minutes <= 1:
        return f"looked for among {_WHOSE}"
    return f"looked for in its newest {calls.minutes} active minutes"


def _counted(calls: ClientCalls) -> str:
    """Which calls are counted by endpoint."""
    if not calls.cut or calls.since is None:
        return "By its calls of this range"
    if calls.minutes is None:
        return f"By its newest {format.number(calls.counted)} calls"
    if calls.minutes <= 1:
        return f"By {_WHOSE}"
    return f"By its newest {calls.minutes} active minutes"


def _looked_for(found: ClientView) -> str:
    looked = found.endangering
    if looked.left_out:
        every = format.number(looked.minutes + looked.left_out)
        return f"In {looked.minutes} of its {every} minutes, the risky ones first"
    return "At risk because of its calls"


def _minute_href(asked: Asked, found: ClientView, at: int) -> str:
    """With the minute selected; where a bucket is longer, with the range drawn around it."""
    alone = found.bucket_ms <= _MINUTE_MS
    span = asked.kept if alone else _around(at)
    return client_href(asked.client, **span, at=str(iso(at)).replace(".000Z", "Z"))


def _around(at: int) -> dict[str, str]:
    ends = {"from": at - at % _MINUTE_MS - _AROUND_MS, "to": at - at % _MINUTE_MS + _AROUND_MS}
    return {name: str(iso(end)).replace(":00.000Z", "Z") for name, end in ends.items()}


def _endpoint(asked: Asked) -> client_rankings.Href:
    return cache(lambda endpoint, method: endpoint_href(endpoint, method, **asked.kept))
