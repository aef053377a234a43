"""What goes on now, for the strip at the top of the Overview."""

from __future__ import annotations

from typing import Any, Final

from components import ongoing, reasons, tables
from components.ongoing import Ongoing
from jobs import alert_feed
from pages import client_href, page_path, subject_href
from store import Store

_RECENT_MS: Final = 10 * 60_000
_MOST_LINES: Final = 4


def ongoing_alerts(store: Store, now: int) -> Any:
    """The most pressing incidents that are not over at `now` [epoch ms]; None without any."""
    feed = alert_feed.feed(store, now - _RECENT_MS, now, now)
    going_on = [alert for alert in feed.alerts if alert.ongoing]
    going_on.sort(key=lambda alert: alert.incident.priority != "HIGH")
    lines = [_line(alert) for alert in going_on[:_MOST_LINES]]
    more = len(going_on) - len(lines)
    return ongoing.ongoing_list(lines, more, str(page_path("/alerts")), now)


def _line(alert: alert_feed.Alert) -> Ongoing:
    incident = alert.incident
    worst = incident.worst
    return Ongoing(
        name=tables.subject_name(worst),
        href=subject_href(worst),
        is_endpoint=incident.subject.is_endpoint,
        priority=incident.priority,
        since=incident.start,
        why=next(iter(reasons.reason_texts(worst)), ""),
        causes=[(client, client_href(client)) for client in incident.causes],
        suffering=len(incident.suffering),
        acknowledged_by=None if alert.is_open else alert.state.who,
    )
