"""What the Overview shows of a range: the state, charts, and the windows of a selected time."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Final, NamedTuple

from dash import dcc

from components import cards, figures, format, health, kpis, states, tables
from components.theme import PRIORITIES, Limits
from pages import _range, endpoint_href, page_path, subject_href
from pages._drawn import fingerprint
from pages._ongoing import ongoing_alerts
from store import Store, lists, views
from store.times import epoch_ms, iso

MOST_PICKED: Final = 200  # windows of a selected bucket


class Picked(NamedTuple):
    """The bucket of time that a click selected; no span where the address names no time."""

    words: str
    span: tuple[int, int] | None
    windows: list[lists.Row]


@dataclass(frozen=True)
class Seen:
    """All that is drawn: what was found of a range, and how it is looked at."""

    found: views.Overview
    shown: _range.TimeRange
    chosen: Mapping[str, str]  # the range as the address has it
    picked: Picked | None
    theme: str
    limits: Limits
    now: int

    def content(self) -> str:
        """Changes when the charts would look different: new data, range, theme, a bucket on."""
        found = self.found
        moved = self.shown.end // found.bucket_ms
        drawn = (found.risky, found.risk, found.endpoints, found.totals.windows)
        return fingerprint(self.theme, moved, self.picked, *drawn)


def picked(store: Store, at: str | None, bucket_ms: int, now: int) -> Picked | None:
    """The bucket that the address selects, with its riskiest windows."""
    if at is None:
        return None
    try:
        start = epoch_ms(at)
    except ValueError:
        return Picked(f"“{at[:60]}” is no time: write it like 2026-03-18T15:30Z", None, [])
    start -= start % bucket_ms
    windows = lists.riskiest_windows(store, start, start + bucket_ms, MOST_PICKED)
    span = format.span(start, start + bucket_ms, now)
    if len(windows) < MOST_PICKED:
        words = f"{format.plural(len(windows), 'window')} of {span}, riskiest first"
    else:
        words = f"The riskiest {format.number(MOST_PICKED)} windows of {span}"
    return Picked(words, (start, start + bucket_ms), windows)


def nothing_yet(
    shown: _range.TimeRange, fresh: views.Freshness, now: int, demo: bool
) -> dict[str, Any]:
    """No window was ever scored: one sentence instead of empty charts."""
    return {
        "subtitle": f"{shown.words} · {format.span(shown.start, shown.end, now)}",
        "hero": (
            states.not_scored(fresh.error)
            if fresh.error
            else states.waiting(fresh.last_call_at is not None, demo)
        ),
        "hidden": True,
        "status": [],
        "kpis": [],
        "drawn": None,
    }


def subtitle(seen: Seen) -> str:
    """Which time this is, whether it is simulated, and what changes are measured against."""
    shown, totals = seen.shown, seen.found.totals
    parts = [shown.words, format.span(shown.start, shown.end, seen.now)]
    if totals.simulated_calls:
        parts.append(kpis.simulated(totals))
    if seen.found.previous.windows:
        parts.append(f"changes against the {format.duration(shown.end - shown.start)} before")
    return " · ".join(parts)


def status(store: Store, fresh: views.Freshness, seen: Seen) -> Any:
    """How the system is, judged by its last minutes, and what goes on."""
    totals, endpoints = views.recent(store, seen.now - health.RECENT_MS, seen.now)
    high = [e for e in endpoints if e.maximum_risk >= seen.limits.high]
    recent = health.Recent(
        calls=totals.calls,
        errors=totals.errors,
        windows=totals.windows,
        high_windows=totals.high,
        endpoints=len(endpoints),
        high_endpoints=tuple(f"{e.method} {e.endpoint}" for e in high),
    )
    state = health.system_health(
        recent,
        seen.now,
        last_call_at=fresh.last_call_at,
        scored_at=fresh.scored_at,
        stale=fresh.stale,
        error=fresh.error,
    )
    return cards.health_strip(state, _facts(fresh, seen.now), ongoing_alerts(store, seen.now))


def _facts(fresh: views.Freshness, now: int) -> list[tuple[str, Any]]:
    facts = [
        ("Last call", cards.since(fresh.last_call_at, now)),
        ("Last scored minute ended", cards.since(fresh.last_window_end, now)),
    ]
    if fresh.unscored_steps > 1:
        facts.append(("Waiting for scores", format.plural(fresh.unscored_steps, "minute")))
    if fresh.calls_lost:
        facts.append(("Calls lost", format.compact(fresh.calls_lost)))
    return facts


def drawings(seen: Seen, height: int) -> dict[str, Any]:
    """Charts of a height [px] and the grid, each with its state."""
    found, shown, chosen = seen.found, seen.shown, seen.picked
    windows = found.totals.windows
    nothing = states.empty("inbox", "No scored windows")
    priorities = kpis.priorities(found.totals)
    return {
        "risk": figures.risk_over_time(
            found.risk,
            found.bucket_ms,
            shown.start,
            shown.end,
            seen.theme,
            seen.limits,
            chosen.span if chosen else None,
        ),
        "risk_state": [] if found.risk else _no_windows(seen),
        "endpoints": figures.anomalies_by_endpoint(
            found.endpoints,
            height,
            seen.theme,
            seen.limits,
            lambda one: endpoint_href(one.endpoint, one.method, **seen.chosen),
        ),
        "endpoints_state": _no_anomalies(found, nothing),
        "priorities": figures.priority_mix(priorities, seen.theme),
        "priorities_state": [] if windows else nothing,
        "legend": _legend(priorities, seen.chosen) if windows else [],
        "metrics": kpis.model_metrics(found.totals, found.previous),
        "picked": chosen.words if chosen else [],
        "unpicked": chosen is None,
        "windows": tables.window_rows(
            chosen.windows if chosen else found.risky,
            lambda window: subject_href(window, **seen.chosen, at=iso(window["timestamp"])),
        ),
        "windows_state": [] if chosen else _no_risky(found.risky, bool(windows), nothing),
    }


def _legend(priorities: Mapping[str, int], chosen: Mapping[str, str]) -> Any:
    alerts = page_path("/alerts")
    query = "".join(f"&{name}={value}" for name, value in chosen.items())
    hrefs = {name: f"{alerts}?priority={name}{query}" for name in ("HIGH", "MEDIUM")}
    return cards.legend([(name, priorities[name]) for name in PRIORITIES], hrefs)


def _no_windows(seen: Seen) -> Any:
    everything = dcc.Link("Show all data", href=f"{page_path('/')}?range=all", className="button")
    return states.empty(
        "inbox",
        "No scored windows in this range",
        format.span(seen.shown.start, seen.shown.end, seen.now),
        everything if seen.shown.key != _range.ALL else None,
    )


def _no_anomalies(found: views.Overview, nothing: Any) -> Any:
    if any(endpoint.anomalies for endpoint in found.endpoints):
        return []
    if not found.totals.windows:
        return nothing
    return states.empty("check2-circle", "No anomalies", "Every endpoint behaved as usual.")


def _no_risky(risky: Sequence[Any], any_window: bool, nothing: Any) -> Any:
    if risky:
        return []
    if not any_window:
        return nothing
    return states.empty("check2-circle", "Nothing risky", "All windows of this range are LOW.")
