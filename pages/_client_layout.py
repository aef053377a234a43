"""The frame of the page of one client: skeletons in the shape of what comes."""

from __future__ import annotations

from typing import Any, Final

from dash import dcc, html

from components import cards, client_panels, client_tables, format, shell, states, tables
from components.icons import glyph
from pages import page_path

RISK_PX: Final = 290
CHART_PX: Final = 250
MINUTES_PX: Final = 302
CALLS_PX: Final = 470


def one_client(name: str) -> html.Div:
    """Everything but the data, which a poll brings."""
    content = [
        html.Div(states.skeleton("numbers"), id="client-standing", className="row-status"),
        html.Div(states.skeleton("numbers"), id="client-kpis", className="row-client-kpis"),
        _picked(),
        _risks(),
        _uses(),
        _comes_of_it(),
        _minutes(),
        _calls(),
    ]
    return shell.page(
        name,
        shell.tick("client"),
        dcc.Store(id="client-of", data=name),
        dcc.Store(id="client-at"),
        dcc.Store(id="client-drawn"),
        dcc.Store(id="client-revealed"),
        html.P(_kind(name), className="client-kind"),
        html.P(id="client-problem", className="client-problem", role="alert"),
        html.Div(id="client-hero"),
        html.Div(content, id="client-content", className="page-rows"),
        id="client",
    )


def _kind(name: str) -> list[Any]:
    kind = client_panels.kind_of(name)
    return [
        dcc.Link([glyph("chevron-left"), "All clients"], href=page_path("/client")),
        html.Span([glyph("person"), kind]),
        html.Span(id="client-addresses"),
    ]


def _picked() -> html.Div:
    """What is selected; it stays in sight, as the calls that it leads to stand far below."""
    return html.Div(
        [
            html.Span(id="client-chip", role="status"),
            html.A("See its calls", href="#client-calls"),
            html.Button(
                glyph("x-lg"),
                id="client-clear",
                className="icon-button",
                title="Show the whole range again",
                type="button",
                **{"aria-label": "Show the whole range again"},
            ),
        ],
        id="client-picked",
        className="client-picked",
        hidden=True,
    )


def _risks() -> html.Div:
    return html.Div(
        [
            cards.card(
                "Risk over time",
                cards.chart("client-risk", "Risk over time", RISK_PX),
                subtitle="Select a point to see its calls",
                aside=cards.key([("Highest", "accent"), ("Mean", "quiet")]),
                className="span-6",
            ),
            _panel("Why it was risky", "reasons"),
            _panel("Endpoints it endangers", "endangered"),
        ],
        className="row-client",
    )


def _uses() -> html.Div:
    return html.Div(
        [
            cards.card(
                "Calls a minute",
                cards.chart("client-traffic", "Calls a minute by usage", CHART_PX),
                subtitle="By usage cluster",
                aside=html.Div(id="client-traffic-key", className="key"),
                className="span-6",
            ),
            cards.card(
                "What made it risky",
                cards.chart("client-features", "Parts of the risk by reason", CHART_PX),
                subtitle="Parts of the highest risk that go with a reason",
                aside=html.Div(id="client-features-key", className="key"),
                className="span-6",
            ),
        ],
        className="row-client",
    )


def _comes_of_it() -> html.Div:
    return html.Div(
        [
            cards.card(
                "Response time",
                cards.chart("client-time", "Response time", CHART_PX),
                subtitle="Of its calls",
                aside=cards.key([("Average", "accent"), ("Longest", "quiet")]),
                className="span-6",
            ),
            _panel("Endpoints it calls", "touched"),
            html.Div(
                [
                    cards.card("Statuses", html.Div(id="client-statuses")),
                    cards.card("Attacks", html.Div(id="client-attacks")),
                ],
                className="span-3 client-stack",
            ),
        ],
        className="row-client",
    )


def _panel(title: str, name: str) -> html.Section:
    """A card a quarter of the page wide, with a line below its heading that may change."""
    about = html.Span(format.NO_BREAK, id=f"client-{name}-about")
    body = html.Div(states.skeleton("bars"), id=f"client-{name}", className="client-body")
    return cards.card(title, body, subtitle=about, className="span-3")


def _minutes() -> html.Section:
    return cards.card(
        "Scored minutes",
        tables.grid(
            "client-minutes-grid",
            client_tables.minute_columns(),
            MINUTES_PX,
            label="Scored minutes of the client",
            export_name="client-minutes",
        ),
        subtitle=html.Span(format.NO_BREAK, id="client-minutes-about"),
    )


def _calls() -> html.Section:
    return cards.card(
        "Calls",
        tables.grid(
            "client-calls-grid",
            client_tables.call_columns(),
            CALLS_PX,
            label="Calls of the client",
            export_name="client-calls",
        ),
        subtitle=html.Span(format.NO_BREAK, id="client-calls-about"),
        id="client-calls",
    )
