"""Parts of the Alerts page: its filters, its table, and what it says when there is nothing."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Final

import dash_bootstrap_components as dbc
from dash import dcc, html

from components import alert_detail, cards, format, states, tables
from components.icons import glyph
from jobs.alert_feed import AlertFilters, Feed
from pages import _alerts_filters, _alerts_view, _range, page_path

GRID_PX: Final = 620


def bar(asked: Mapping[str, str]) -> html.Div:
    """The filters, as the address has them."""
    return html.Div(
        [
            _segments("view", asked, "View"),
            _segments("priority", asked, "Priority"),
            _select("state", asked, "State"),
            _select("simulated", asked, "Simulated calls"),
            html.Label(
                [
                    glyph("search"),
                    html.Span("Search for an endpoint or client", className="visually-hidden"),
                    dcc.Input(
                        id="alerts-q",
                        type="search",
                        value=asked["q"],
                        debounce=0.3,
                        placeholder="Endpoint or client",
                        autoComplete="off",
                        spellCheck="false",
                    ),
                ],
                className="alerts-search grid-search",
            ),
            html.Div(id="alerts-exact", className="alerts-exact"),
        ],
        className="alerts-bar",
        role="search",
        **{"aria-label": "Filters of the alerts"},
    )


def _segments(name: str, asked: Mapping[str, str], label: str) -> html.Div:
    words = _alerts_filters.CHOICES[name]
    return html.Div(
        dbc.RadioItems(
            id=f"alerts-{name}",
            options=[{"label": words[key], "value": key} for key in words],
            value=_alerts_filters.choice(asked, name),
            inline=True,
            className="segments",
            inputClassName="btn-check",
            labelClassName="segment",
        ),
        role="group",
        **{"aria-label": label},
    )


def _select(name: str, asked: Mapping[str, str], label: str) -> html.Label:
    words = _alerts_filters.CHOICES[name]
    return html.Label(
        [
            html.Span(label, className="visually-hidden"),
            dbc.Select(
                id=f"alerts-{name}",
                options=[{"label": words[key], "value": key} for key in words],
                value=_alerts_filters.choice(asked, name),
                size="sm",
            ),
        ]
    )


def windows_card(grid_id: str) -> html.Section:
    """The table of all windows."""
    return cards.card(
        "Risky windows",
        alert_detail.chosen_bar("Choose windows to acknowledge or to judge them."),
        tables.grid(
            grid_id,
            alert_detail.windows_columns(own=False),
            GRID_PX,
            label="Risky windows",
            export_name="alerts",
            selectable=True,
        ),
        subtitle="One minute of one endpoint or client, MEDIUM and HIGH, newest first",
    )


def confirmation(words: str, undo: Mapping[str, Any] | None) -> list[Any]:
    """A confirmation, with what takes it back."""
    button = None
    if undo is not None:
        ids = undo.get("windows", [undo.get("alert")])
        kind = "data-windows" if "windows" in undo else "data-alert"
        button = html.Button(
            "Undo",
            className="button-quiet",
            type="button",
            **{"data-act": "undo", kind: ",".join(map(str, ids))},
        )
    close = html.Button(
        glyph("x-lg"), className="icon-button", type="button", **{"aria-label": "Dismiss"}
    )
    return [html.Span(words), button, close]


def subtitle(found: Feed, time: _range.TimeRange, now: int) -> str:
    """The range, and how much is in it."""
    count = f"{format.plural(found.total, 'alert')} of {format.plural(len(found.risky), 'window')}"
    return " · ".join([time.words, format.span(time.start, time.end, now), count])


def notices(found: Feed, asked: _alerts_filters.Asked, rows: int, now: int) -> list[Any]:
    """What is left out of what is shown, and why; `rows` are those of the table."""
    told = [*asked.problems]
    if found.since is not None:
        told.append(
            f"Only the newest {format.plural(len(found.risky), 'risky window')} are shown, since "
            f"{format.moment(found.since, now)}: choose a shorter or an earlier range for others"
        )
    if rows > _alerts_view.MOST_ROWS:
        told.append(
            f"The table has the newest {format.number(_alerts_view.MOST_ROWS)} of "
            f"{format.plural(rows, 'window')}: choose a shorter range or filter for others"
        )
    if found.stale:
        until = f" after {format.moment(found.at, now)}" if found.at else ""
        told.append(f"Scores are stale: what happened{until} is not known yet")
    return [html.P([glyph("info-circle"), f"{words}."], className="alerts-told") for words in told]


def exact_filters(filters: AlertFilters) -> list[Any]:
    """What the address asks for exactly, each with a button that takes it away."""
    found = [(name, getattr(filters, name)) for name in _alerts_filters.EXACT]
    return [
        html.Button(
            [f"{name} ", html.Strong(format.shortened(value, 40)), glyph("x")],
            className="chip",
            type="button",
            **{"data-alerts-clear": name, "aria-label": f"Remove the filter {name} {value}"},
        )
        for name, value in found
        if value
    ]


def nothing(found: Feed, time: _range.TimeRange, now: int) -> Any:
    """Why nothing is shown, and what to do."""
    span = format.span(time.start, time.end, now)
    if found.total:
        clear = html.Button(
            "Clear filters", className="button", type="button", **{"data-alerts-clear": "all"}
        )
        text = f"{format.plural(found.total, 'alert')} of this range do not match the filters."
        return _panel(states.empty("funnel", "No alert matches", text, clear))
    everything = dcc.Link(
        "Show all data", href=f"{page_path('/alerts')}?range=all", className="button"
    )
    action = everything if time.key != _range.ALL else None
    if found.newest is None:
        text = "Alerts come with the first scored minutes."
        return _panel(states.empty("hourglass", "Nothing is scored yet", text))
    text = f"No window was MEDIUM or HIGH, {span}."
    return _panel(states.empty("check2-circle", "No alerts", text, action))


def _panel(content: Any) -> html.Div:
    return html.Div(content, className="panel alerts-empty")
