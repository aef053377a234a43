"""The feed of alerts: incidents of a range and what people said of them, pressing ones first."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, replace
from statistics import median
from typing import Final

from jobs.alert_state import ACKNOWLEDGED, OPEN, STATES, State, said_of, state_of
from jobs.incidents import QUIET_MS, Incident, Row, incidents_of, together
from store import Store, alerts, views

LOOK_BACK_MS: Final = 60 * 60_000  # before the range, to see when what goes on in it began
MOST_COUNTED: Final = 300  # windows, for the number beside the page's name


@dataclass(frozen=True)
class Alert:
    """An incident and what is known of it beside its windows.

    `began_earlier`: its first windows may be older than what was read.
    """

    incident: Incident
    state: State
    ongoing: bool
    began_earlier: bool

    @property
    def id(self) -> int:
        """Id of its first own window; any of its windows names it too."""
        return int(self.incident.windows[0]["id"])

    @property
    def is_open(self) -> bool:
        """Whether nobody has taken note of it."""
        return self.state.name == OPEN


@dataclass(frozen=True)
class AlertFilters:
    """Conditions on alerts; None: no condition.

    `client` finds alerts of a client, and those that it causes or suffers from; `text` is a part of
    any of these names. `simulated`: whether most calls are.
    """

    priority: str | None = None
    state: str | None = None
    text: str | None = None
    endpoint: str | None = None
    method: str | None = None
    client: str | None = None
    simulated: bool | None = None


@dataclass(frozen=True)
class Counts:
    """Alerts of a range by state, whatever priority and state are asked for.

    `acknowledged_ms` is the median time from the end of the first window to the acknowledgement.
    """

    open_high: int = 0
    open_medium: int = 0
    acknowledged: int = 0
    false_alarms: int = 0
    confirmed: int = 0
    acknowledged_ms: int | None = None


@dataclass(frozen=True)
class Feed:
    """Alerts in the order of concern, in groups of what belongs side by side.

    `risky` are the windows of the range that were read, newest first; `since` is where they begin
    when older ones were left out. `at` is until when it is known what goes on, and `newest` the end
    of the newest scored window, None before the first [epoch ms].
    """

    groups: list[list[Alert]]
    counts: Counts
    total: int  # of alerts, whatever is asked for
    risky: list[Row]
    since: int | None
    at: int
    newest: int | None
    stale: bool

    @property
    def alerts(self) -> list[Alert]:
        """All of them."""
        return [alert for group in self.groups for alert in group]


def feed(
    store: Store,
    start: int,
    end: int,
    now: int,
    filters: AlertFilters = AlertFilters(),
) -> Feed:
    """Alerts of a range.

    Parameters
    ----------
    start, end : int
        Range [epoch ms]; an incident is in it when one of its windows is.
    now : int
        The clock [epoch ms].
    filters : AlertFilters
        Conditions on the alerts.
    """
    fresh = views.freshness(store, now)
    at = min(now, fresh.last_window_end or now) if fresh.stale else now
    with store.read() as connection:
        found = alerts.risky_windows(connection, start - LOOK_BACK_MS, end)
    first = found.rows[-1]["timestamp"] if found.cut else start - LOOK_BACK_MS
    every = [
        _alert(incident, at, first)
        for incident in incidents_of(found.rows, window_ms=store.window_ms)
        if incident.end > start
    ]
    about = [alert for alert in every if _is_about(alert, filters)]
    wanted = [alert for alert in about if _is_as(alert, filters)]
    return Feed(
        groups=in_order(wanted),
        counts=_counts(about),
        total=len(every),
        risky=[row for row in found.rows if row["timestamp"] >= start],
        since=max(first, start) if found.cut else None,
        at=at,
        newest=fresh.last_window_end,
        stale=fresh.stale,
    )


def open_high(store: Store, now: int) -> int:
    """Number of HIGH alerts of the last hour that nobody has taken note of.

    Of more than `MOST_COUNTED` risky windows in that hour only the newest count.
    """
    with store.read() as connection:
        found = alerts.risky_windows(connection, now - LOOK_BACK_MS, now, MOST_COUNTED)
    if not any(row["priority"] == "HIGH" for row in found.rows):
        return 0
    incidents = incidents_of(found.rows, window_ms=store.window_ms)
    return sum(one.priority == "HIGH" and state_of(one).name == OPEN for one in incidents)


def in_order(found: Iterable[Alert]) -> list[list[Alert]]:
    """Groups of what belongs together: open ones, then acknowledged ones, then judged ones.

    First what goes on, HIGH before MEDIUM, the newest first: a group as its most pressing alert.
    Within a group endpoints come before clients, those first that most clients suffer from.
    """
    by_incident = {id(alert.incident): alert for alert in sorted(found, key=_concern)}
    ordered: list[list[Alert]] = []
    for names in ((OPEN,), (ACKNOWLEDGED,), STATES[2:]):
        some = [one.incident for one in by_incident.values() if one.state.name in names]
        for group in together(some):
            group.sort(key=_weight)
            ordered.append([by_incident[id(one)] for one in group])
    return ordered


def windows_like(rows: Iterable[Row], asked: AlertFilters) -> list[Row]:
    """Windows that each for itself are what is asked for of alerts."""
    text = (asked.text or "").casefold()
    exact = ("priority", "endpoint", "method", "client")
    wanted = [(name, getattr(asked, name)) for name in exact if getattr(asked, name) is not None]
    return [
        row
        for row in rows
        if all(row[name] == value for name, value in wanted)
        and asked.state in (None, said_of(row))
        and asked.simulated in (None, 2 * row["simulated_count"] > row["req_count"])
        and text in str(row["client"] or f"{row['method']} {row['endpoint']}").casefold()
    ]


def is_simulated(alert: Alert) -> bool:
    """Whether most calls of its own windows are simulated."""
    rows = alert.incident.windows
    return 2 * sum(r["simulated_count"] for r in rows) > sum(r["req_count"] for r in rows)


def _alert(incident: Incident, at: int, first: int) -> Alert:
    return Alert(
        incident,
        state_of(incident),
        ongoing=incident.is_ongoing(at),
        began_earlier=incident.start - first < QUIET_MS,
    )


def _concern(alert: Alert) -> tuple[bool, bool, int]:
    return not alert.ongoing, alert.incident.priority != "HIGH", -alert.incident.start


def _weight(incident: Incident) -> tuple[bool, bool, int, int]:
    return (
        not incident.subject.is_endpoint,
        incident.priority != "HIGH",
        -len(incident.suffering),
        incident.start,
    )


def _is_as(alert: Alert, asked: AlertFilters) -> bool:
    return asked.priority in (None, alert.incident.priority) and asked.state in (
        None,
        alert.state.name,
    )


def _is_about(alert: Alert, asked: AlertFilters) -> bool:
    if replace(asked, priority=None, state=None) == AlertFilters():
        return True
    incident = alert.incident
    endpoint, method, client = incident.subject[1:]
    clients = {client, *incident.causes, *(one.client for one in incident.suffering)} - {None}
    text = (asked.text or "").casefold()
    return (
        asked.endpoint in (None, endpoint)
        and asked.method in (None, method)
        and (asked.client is None or asked.client in clients)
        and asked.simulated in (None, is_simulated(alert))
        and any(text in str(name).casefold() for name in (f"{method} {endpoint}", *clients))
    )


def _counts(found: Sequence[Alert]) -> Counts:
    states = [alert.state.name for alert in found]
    high = sum(alert.is_open and alert.incident.priority == "HIGH" for alert in found)
    waited = [
        first - (alert.incident.windows[0]["timestamp"] + alert.incident.window_ms)
        for alert in found
        if (first := _first_seen(alert)) is not None
    ]
    return Counts(
        open_high=high,
        open_medium=states.count(OPEN) - high,
        acknowledged=states.count(ACKNOWLEDGED),
        false_alarms=states.count("false_alarm"),
        confirmed=states.count("confirmed"),
        acknowledged_ms=max(0, round(median(waited))) if waited else None,
    )


def _first_seen(alert: Alert) -> int | None:
    """When the first window of it was acknowledged."""
    at = (row["acknowledged_at"] for row in alert.incident.windows)
    return min((one for one in at if one is not None), default=None)
