"""Cards: a titled panel, one number, the three priorities, health, a list of metrics."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Final

from dash import dcc, html

from components import format, states
from components.health import Health
from components.icons import dot, glyph
from components.theme import PRIORITIES

_HEALTH_ICONS: Final = {
    "healthy": "check-lg",
    "degraded": "exclamation-triangle",
    "critical": "exclamation-octagon",
    "stale": "hourglass-split",
    "quiet": "moon",
    "waiting": "hourglass",
}


@dataclass(frozen=True)
class Delta:
    """A change against the previous period: text, its direction, and whether that is good."""

    text: str
    direction: str  # up | down
    tone: str  # good | bad | plain


@dataclass(frozen=True)
class Metric:
    """One line of `metrics`; `hint` says on hover what it is."""

    name: str
    value: str
    hint: str
    delta: Delta | None = None


def card(
    title: str,
    *body: Any,
    subtitle: str = "",
    aside: Any = None,
    id: str | None = None,
    className: str = "",
) -> html.Section:
    """A bordered panel with a heading; `aside` stands to its right."""
    head = [html.H2(title, className="card-heading")]
    if subtitle:
        head.append(html.P(subtitle, className="card-sub"))
    named = {"id": id} if id else {}
    return html.Section(
        [html.Header([html.Div(head), aside]), *body],
        className=f"panel {className}".strip(),
        **named,
    )


def key(lines: list[tuple[str, str]]) -> html.Div:
    """Names of a chart's lines with their colour, `accent` or `quiet`."""
    return html.Div(
        [html.Span(name, className=f"key-{colour}") for name, colour in lines], className="key"
    )


def chart(id: str, label: str, height: int, kind: str | None = "chart") -> html.Div:
    """A chart of fixed height [px] under a cover (`<id>-state`) that is empty once there is data.

    `kind` is the shape of its skeleton; None leaves the cover to the caller.
    """
    return html.Div(
        [
            dcc.Graph(
                id=id,
                figure={"data": [], "layout": {"height": height}},
                config={"displayModeBar": False, "responsive": True, "doubleClick": "autosize"},
                responsive=True,
                style={"height": f"{height}px"},
            ),
            cover(f"{id}-state", kind) if kind else None,
        ],
        className="chart",
        style={"height": f"{height}px"},
        role="group",
        **{"aria-label": label},
    )


def selection(id: str) -> html.Div:
    """Says what a click on a chart has selected (`<id>`), with a button that ends it.

    The button is `<id>-clear`, the whole `<id>-bar`; hidden while nothing is selected.
    """
    clear = html.Button(
        [glyph("x-lg"), "Show all"], id=f"{id}-clear", className="button", type="button"
    )
    return html.Div(
        [glyph("funnel"), html.Span(id=id, role="status"), clear],
        id=f"{id}-bar",
        className="selection-bar",
        hidden=True,
    )


def cover(id: str, kind: str) -> html.Div:
    """What lies over a chart or table while it has nothing to show; starts as a skeleton."""
    return html.Div(states.skeleton(kind), id=id, className="cover")


def kpi(
    label: str,
    value: str,
    *,
    icon: str,
    full: str = "",
    delta: Delta | None = None,
    note: str = "",
    tone: str = "",
) -> html.Div:
    """One number with its change. `full` is the exact value, shown on hover."""
    return html.Div(
        [
            html.Div(
                [glyph(icon), html.Span(label)],
                className="kpi-label",
            ),
            html.Div(value, className=f"kpi-value {tone}".strip(), title=full or value),
            html.Div([delta_mark(delta), html.Span(note)], className="kpi-foot"),
        ],
        className="kpi",
    )


def priority_counts(counts: dict[str, int], deltas: dict[str, Delta | None]) -> html.Div:
    """HIGH, MEDIUM and LOW side by side, each with its share of all windows."""
    total = sum(counts.values())
    return html.Div(
        [_priority_count(name, counts[name], total, deltas.get(name)) for name in PRIORITIES],
        className="kpi kpi-triple",
    )


def _priority_count(name: str, count: int, total: int, delta: Delta | None) -> html.Div:
    share = format.percent(count / total if total else None)
    return html.Div(
        [
            html.Div(
                [dot(name.lower()), name],
                className="kpi-label",
            ),
            html.Div(
                format.compact(count), className="kpi-value", title=format.plural(count, "window")
            ),
            html.Div([delta_mark(delta), html.Span(share)], className="kpi-foot"),
        ],
        className="kpi-part",
    )


def delta_mark(delta: Delta | None) -> html.Span | None:
    """Arrow and change; colour never stands alone, the arrow says the same."""
    if delta is None:
        return None
    return html.Span(
        [glyph(f"caret-{delta.direction}-fill"), delta.text],
        className=f"delta delta-{delta.tone}",
        title="against the period before",
    )


def change(
    current: float | None, previous: float | None, *, more_is: str = "plain", unit: str = "%"
) -> Delta | None:
    """Change from the previous period to this one.

    Parameters
    ----------
    current, previous : float or None
        None (or a previous 0 for a relative change) gives no delta: there is nothing to compare.
        A change that rounds to nothing gives none either.
    more_is : str
        `bad`, `good` or `plain`: what an increase means.
    unit : str
        `%` relative change; `pt` difference of two shares in percentage points; `ms` and `count`
        plain difference.
    """
    if current is None or previous is None or (unit == "%" and not previous):
        return None
    difference = current - previous
    text = {
        "%": lambda: _relative(abs(difference) / previous),
        "pt": lambda: f"{abs(difference) * 100:.1f}{format.NO_BREAK}pt",
        "ms": lambda: format.milliseconds(abs(difference)),
        "count": lambda: format.compact(abs(difference)),
    }[unit]()
    if not any(c in "123456789" for c in text):
        return None
    direction = "up" if difference > 0 else "down"
    opposite = {"bad": "good", "good": "bad", "plain": "plain"}
    return Delta(text, direction, more_is if direction == "up" else opposite[more_is])


def _relative(change: float) -> str:
    return format.percent(change) if change < 10 else f"{change:,.0f}\u00d7"


def health_strip(health: Health, facts: list[tuple[str, Any]], more: Any = None) -> html.Div:
    """The state in one line, with the times that tell how current it is; `more` stands below."""
    return html.Div(
        [
            html.Div(
                glyph(_HEALTH_ICONS[health.level]),
                className="health-mark",
            ),
            html.Div(
                [
                    html.Div(health.title, className="health-title"),
                    html.Div(health.reason, className="health-reason"),
                ],
                className="health-words",
            ),
            html.Dl(
                [html.Div([html.Dt(name), html.Dd(value)]) for name, value in facts],
                className="health-facts",
            ),
            more,
        ],
        className=f"health health-{health.level}",
        role="status",
    )


def metrics(rows: list[Metric]) -> html.Dl:
    """Name, value and change, one a line."""
    return html.Dl(
        [
            html.Div(
                [
                    html.Dt(row.name, title=row.hint),
                    html.Dd([delta_mark(row.delta), html.Strong(row.value)]),
                ],
                className="metric",
            )
            for row in rows
        ],
        className="metrics",
    )


def legend(entries: list[tuple[str, int]], hrefs: Mapping[str, str]) -> html.Ul:
    """Names and shares beside a donut, where nothing can be clipped; some names are links."""
    total = sum(count for _, count in entries)
    return html.Ul(
        [
            html.Li(
                [
                    dot(name.lower()),
                    dcc.Link(name, href=hrefs[name], className="legend-name")
                    if name in hrefs
                    else html.Span(name, className="legend-name"),
                    html.Span(
                        format.percent(count / total if total else None),
                        className="legend-share",
                        title=format.plural(count, "window"),
                    ),
                ]
            )
            for name, count in entries
        ],
        className="legend-list",
    )


def since(at: int | None, now: int) -> Any:
    """A time told relative to now; `assets/relative-time.js` keeps it true."""
    if at is None:
        return format.MISSING
    return html.Time(format.ago(at, now), title=format.moment(at, now), **{"data-since": str(at)})
