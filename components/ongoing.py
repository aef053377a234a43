"""What goes on now: each incident that is not over, in one line that leads to its page."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from dash import dcc, html

from components import format
from components.icons import glyph


@dataclass(frozen=True)
class Ongoing:
    """One incident: its subject, since when [epoch ms] it lasts, why, and who is touched by it."""

    name: str
    href: str
    is_endpoint: bool
    priority: str
    since: int
    why: str
    causes: Sequence[tuple[str, str]] = ()  # clients because of whom, with their addresses
    suffering: int = 0  # clients that are risky because of it
    acknowledged_by: str | None = None


def ongoing_list(found: Sequence[Ongoing], more: int, more_href: str, now: int) -> html.Ul | None:
    """The incidents given and a link to `more` others; None without any."""
    if not found:
        return None
    lines = [html.Li(_line(one, now), className="ongoing-line") for one in found]
    if more:
        link = dcc.Link(f"{format.plural(more, 'more alert')}", href=more_href)
        lines.append(html.Li(link, className="ongoing-more"))
    return html.Ul(lines, className="ongoing", **{"aria-label": "Going on now"})


def _line(one: Ongoing, now: int) -> list[object]:
    return [
        html.Span(one.priority, className=f"pill pill-{one.priority.lower()}"),
        dcc.Link(
            [glyph("hdd-network" if one.is_endpoint else "person"), format.shortened(one.name, 48)],
            href=one.href,
            className="ongoing-name",
            title=one.name,
        ),
        html.Span(
            [
                f"since {format.moment(one.since, now).removesuffix(' UTC')} ",
                html.Span(format.duration(max(0, now - one.since)), className="ongoing-length"),
            ],
            className="ongoing-since",
        ),
        html.Span(_story(one), className="ongoing-why", title=one.why),
    ]


def _story(one: Ongoing) -> list[object]:
    """Because of whom, why, who suffers, who looks at it."""
    parts: list[list[object]] = []
    if one.causes:
        links = [dcc.Link(format.shortened(name, 32), href=href) for name, href in one.causes[:2]]
        others = len(one.causes) - len(links)
        named: list[object] = [links[0], *(part for link in links[1:] for part in (", ", link))]
        parts.append(["because of ", *named, *([f" and {others} more"] if others else [])])
    if one.why:
        parts.append([one.why])
    if one.suffering:
        parts.append([f"{format.plural(one.suffering, 'client')} suffer"])
    if one.acknowledged_by:
        parts.append([f"acknowledged by {one.acknowledged_by}"])
    return [piece for number, part in enumerate(parts) for piece in ([" · "] * bool(number) + part)]
