"""Alerts of the feed as the page shows them."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import asdict
from typing import Any, Final

from components import alert_detail, alerts, reasons, tables
from components.alerts import AlertCard, Link
from jobs.alert_feed import Alert, Feed
from jobs.incidents import Incident
from pages import client_href, subject_href
from store.times import iso

MINUTE_MS: Final = 60_000
AROUND_MS: Final = 10 * MINUTE_MS  # shown before and after an incident on the page of its subject
SHOWN_AT_ONCE: Final = 50
MOST_ROWS: Final = 500  # of the table of windows: some 25 KB compressed


def card(alert: Alert) -> AlertCard:
    """An alert for the list."""
    incident, state = alert.incident, alert.state
    worst = incident.worst
    calls = sum(row["req_count"] for row in incident.windows)
    span = _range(incident.start - AROUND_MS, incident.end + AROUND_MS)
    return AlertCard(
        id=alert.id,
        priority=incident.priority,
        subject=incident.subject.subject,
        name=tables.subject_name(worst),
        href=subject_href(worst, **span),
        start=incident.start,
        end=incident.end,
        ongoing=alert.ongoing,
        began_earlier=alert.began_earlier,
        windows=len(incident.windows),
        risk=worst["risk_score"],
        risks=_risks(incident),
        why="; ".join(reasons.reason_texts(worst)[:2]) or "No reasons are stored of it",
        causes=[_client(name, span) for name in incident.causes],
        suffering=len(incident.suffering),
        calls=calls,
        error_rate=_share(incident, "error_rate") if calls else 0.0,
        share_simulated=sum(r["simulated_count"] for r in incident.windows) / max(calls, 1),
        state=state.name,
        who=state.who,
        at=state.at,
    )


def cards(groups: Sequence[Sequence[Alert]], most: int) -> list[list[AlertCard]]:
    """The first alerts of the groups, for the list."""
    found: list[list[AlertCard]] = []
    for group in groups:
        if most > 0:
            found.append([card(alert) for alert in group[:most]])
            most -= len(group)
    return found


def counts(found: Feed) -> list[Any]:
    """The numbers above the list."""
    return list(alerts.numbers(**asdict(found.counts)))


def details(alert: Alert, now: int) -> dict[str, Any]:
    """Head, body and rows of the panel of one alert."""
    incident, shown = alert.incident, card(alert)
    span = _range(incident.start - AROUND_MS, incident.end + AROUND_MS)
    suffering = [(_client(one.client, span), len(one.windows)) for one in incident.suffering]
    said = reasons.reason_texts(incident.worst) or [shown.why]
    return {
        "head": alert_detail.head(shown, now),
        "body": alert_detail.body(shown, said, suffering),
        "rows": rows(incident.windows[::-1], incident.window_ms),
        "rows_state": [],
    }


def rows(windows: Sequence[Mapping[str, Any]], window_ms: int) -> list[dict[str, Any]]:
    """Windows as rows of a grid, with the address of the calls behind each."""
    return alert_detail.windows_rows(
        (row, subject_href(row), _calls_href(row, window_ms)) for row in windows
    )


def version(row: Mapping[str, Any]) -> tuple[Any, ...]:
    """Changes when a window's row in the table would."""
    return tuple(row[name] for name in ("id", "scored_at", "verdict", "acknowledged_at"))


def _risks(incident: Incident) -> list[float | None]:
    """Risk of each window of its own from the first to the last, None where it was not at risk."""
    step = incident.window_ms
    first, last = incident.windows[0]["timestamp"], incident.windows[-1]["timestamp"]
    found: list[float | None] = [None] * ((last - first) // step + 1)
    for row in incident.windows:
        place = (row["timestamp"] - first) // step
        found[place] = max(found[place] or 0.0, row["risk_score"])
    return found


def _share(incident: Incident, name: str) -> float:
    """Mean of a share over its windows, weighted by calls."""
    calls = sum(row["req_count"] for row in incident.windows)
    return float(sum(row[name] * row["req_count"] for row in incident.windows) / calls)


def _client(name: str, span: dict[str, str]) -> Link:
    return name, client_href(name, **span)


def _calls_href(row: Mapping[str, Any], window_ms: int) -> str:
    """The page of its subject with that window alone, where its calls are listed."""
    return subject_href(row, **_range(row["timestamp"], row["timestamp"] + window_ms))


def _range(start: int, end: int) -> dict[str, str]:
    return {"from": str(iso(start)), "to": str(iso(end))}
