"""Panels of an endpoint's page: what stands out, why it is at risk, who causes it, who calls it."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import Any, Final, Protocol

from dash import dcc, html

from components import format, states
from components.endpoint_reasons import Cause, Reason, Weight
from components.icons import HIDDEN, glyph
from components.insights import Insight

SHARED: Final = "(other)"  # what endpoints beyond the busiest of a minute share
SHARED_WORDS: Final = (
    "Of each minute the 1,000 busiest endpoints are scored one by one. All others share this name; "
    "their calls are listed under their own."
)
_CLIENT_CHARACTERS: Final = 40
Href = Callable[[str], str]


class Share(Protocol):
    """What one client called of an endpoint."""

    @property
    def client(self) -> str: ...
    @property
    def calls(self) -> int: ...
    @property
    def errors(self) -> int: ...
    @property
    def average_ms(self) -> float | None: ...


def standing_out(said: Sequence[Insight], nothing: str) -> Any:
    """What stands out of the range, one line each; `nothing` where nothing does."""
    if not said:
        return states.empty("check2-circle", nothing)
    return html.Ul([html.Li(_said(one)) for one in said], className="endpoint-said")


def _said(one: Insight) -> list[Any]:
    over = one.until is not None
    tone = "over" if over else one.tone
    return [
        html.Span(className=f"endpoint-said-mark endpoint-said-{tone}", **HIDDEN),
        html.Div(
            [
                html.Div(one.text, className="endpoint-said-text"),
                html.Div(
                    [one.detail, " · over" if one.detail else "It is over"] if over else one.detail,
                    className="endpoint-said-detail",
                ),
            ]
        ),
    ]


def why(found: Sequence[Reason], about: str) -> Any:
    """Reasons of one window, each with the risk that would go with it; parts may overlap.

    `about` says which window it is.
    """
    rows = [
        html.Li(
            [
                html.Div(
                    [html.Strong(one.name), html.Span(_share(one.share))],
                    className="endpoint-reason-head",
                ),
                _bar(one.share or 0.0, "endpoint-reason-bar"),
                html.P(one.text, className="endpoint-reason-text"),
            ]
        )
        for one in found
    ]
    return [html.P(about, className="card-sub"), html.Ul(rows, className="endpoint-reasons")]


def nothing_risky() -> html.Div:
    """There is no reason to name."""
    return states.empty(
        "check2-circle", "Not at risk", "No minute of this range is MEDIUM or HIGH."
    )


def caused_by(found: Sequence[Cause], risk: float, about: str, href: Href) -> Any:
    """Clients without whom the risk would be lower, each a link to its page."""
    rows = [
        html.Li(
            [
                glyph("person"),
                _client(one.client, href),
                html.Span(format.plural(one.calls, "call"), className="endpoint-cause-calls"),
            ]
        )
        for one in found
    ]
    without, together = found[0].risk_without, found[0].together
    more = together - len(found)
    if more:
        rows.append(html.Li([glyph("people"), f"and {format.plural(more, 'more client')}"]))
    whom = "it" if together == 1 else "them"
    drop = html.Div(
        [
            html.Div([html.Span("Risk"), html.Strong(format.score(risk))]),
            glyph("arrow-right"),
            html.Div([html.Span(f"Risk without {whom}"), html.Strong(format.score(without))]),
        ],
        className="endpoint-cause-drop",
    )
    return [html.P(about, className="card-sub"), drop, html.Ul(rows, className="endpoint-causes")]


def nobody() -> html.Div:
    """The risk has no cause among the clients."""
    return states.empty(
        "people",
        "Nobody in particular",
        "No client stands out without whose calls the risk would be lower by half.",
    )


def callers(shares: Sequence[Share], href: Href) -> html.Ul:
    """Clients with most calls, as bars; the part of a bar that failed is red."""
    most = max((one.calls for one in shares), default=1)
    return html.Ul(
        [html.Li(_caller(one, most, href)) for one in shares], className="endpoint-callers"
    )


def _caller(one: Share, most: int, href: Href) -> list[Any]:
    words = format.plural(one.calls, "call")
    if one.errors:
        words += f", {format.percent(one.errors / one.calls)} failed"
    if one.average_ms is not None:
        words += f", {format.milliseconds(one.average_ms)}"
    return [
        html.Div([_client(one.client, href), html.Span(words)], className="endpoint-caller-words"),
        html.Div(
            [
                html.Span(style={"width": _percent((one.calls - one.errors) / most)}),
                html.Span(
                    className="endpoint-caller-bad", style={"width": _percent(one.errors / most)}
                ),
            ],
            className="endpoint-caller-bar",
            **HIDDEN,
        ),
    ]


def by_feature(found: Sequence[Weight], colours: Mapping[str, str]) -> Any:
    """Features behind the risky minutes, with the colour they have in the chart."""
    if not found:
        return states.empty("check2-circle", "No risky minutes", "Nothing to explain.")
    rows = [
        html.Li(
            [
                html.Span(
                    className="endpoint-feature-mark",
                    style={"background": colours[one.name]},
                    **HIDDEN,
                ),
                html.Span(one.name, className="endpoint-feature-name"),
                html.Span(format.percent(round(one.share, 2)), className="endpoint-feature-share"),
                html.Span(format.plural(one.windows, "minute"), className="endpoint-feature-count"),
            ]
        )
        for one in found
    ]
    return html.Ul(rows, className="endpoint-features")


def chip() -> html.Div:
    """What is selected, with a button to clear it; a poll fills and shows it."""
    return html.Div(
        [
            glyph("cursor"),
            html.Span(id="endpoint-chip-words"),
            html.Button(
                glyph("x-lg"),
                id="endpoint-clear",
                type="button",
                className="icon-button",
                title="Show the whole range",
                **{"aria-label": "Show the whole range"},
            ),
        ],
        id="endpoint-chip",
        className="endpoint-chip",
        hidden=True,
    )


def unknown(endpoint: str, href: str) -> html.Div:
    """No call and no window has this endpoint."""
    return _hero(
        "signpost-split",
        "No such endpoint",
        "No call to it is stored. Endpoints are named as in routes, such as /orders/{id}:",
        endpoint,
        href,
    )


def unnamed(href: str) -> html.Div:
    """The address names no endpoint."""
    return _hero(
        "signpost-split",
        "No endpoint chosen",
        "This page shows the endpoint that its address names, such as:",
        "?endpoint=/payment&method=POST",
        href,
    )


def _hero(icon: str, title: str, text: str, code: str, href: str) -> html.Div:
    return html.Div(
        [
            html.Div(glyph(icon), className="hero-mark"),
            html.H2(title),
            html.P(text),
            html.Code(code),
            dcc.Link("Show all endpoints", href=href, className="button"),
        ],
        className="hero",
    )


def _client(client: str, href: Href) -> dcc.Link:
    return dcc.Link(
        format.shortened(client, _CLIENT_CHARACTERS),
        href=href(client),
        title=client,
        className="endpoint-client-link",
    )


def _share(share: float | None) -> str:
    if share is None:
        return ""
    return f"{format.percent(round(share, 2))} less risk without" if share >= 0.005 else ""


def _bar(share: float, className: str) -> html.Div:
    return html.Div(html.Span(style={"width": _percent(share)}), className=className, **HIDDEN)


def _percent(share: float) -> str:
    return f"{min(max(share, 0.0), 1.0) * 100:.1f}%"
