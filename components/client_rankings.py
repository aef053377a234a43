"""What a client calls and what comes of it: endpoints, statuses, attacks, whom it endangers."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import Any, Final, Protocol

from dash import dcc, html

from components import format, states
from components.icons import dot, glyph

MOST_ENDPOINTS: Final = 8
_CLASSES: Final = {"2": "low", "3": "accent", "4": "medium", "5": "high"}
_MOST_STATUSES: Final = 6
Href = Callable[[str, str], str]


class Touched(Protocol):
    """Calls of a client to one endpoint."""

    @property
    def endpoint(self) -> str: ...
    @property
    def method(self) -> str: ...
    @property
    def calls(self) -> int: ...
    @property
    def errors(self) -> int: ...
    @property
    def average_ms(self) -> float | None: ...


class Endangered(Protocol):
    """An endpoint at risk because of a client."""

    @property
    def endpoint(self) -> str: ...
    @property
    def method(self) -> str: ...
    @property
    def windows(self) -> int: ...
    @property
    def risk(self) -> float: ...
    @property
    def risk_without(self) -> float: ...
    @property
    def together(self) -> int: ...


def endangered(found: Sequence[Endangered], href: Href) -> Any:
    """Endpoints at risk because of the client, and what their risk would be without its calls."""
    if not found:
        return states.empty(
            "shield-check", "None", "No endpoint is at risk because of the calls of this client."
        )
    shown = [_endangered(one, href) for one in found[:MOST_ENDPOINTS]]
    return html.Div([html.Ul(shown, className="client-reasons"), _more(len(found))])


def _endangered(one: Endangered, href: Href) -> html.Li:
    others = one.together - 1
    whose = f"it and {format.plural(others, 'other')}" if others else "its calls"
    without = f"{format.score(one.risk_without)} without {whose}"
    kept = min(one.risk_without, one.risk) * 100
    return html.Li(
        [
            html.Div(
                [_endpoint_link(one.endpoint, one.method, href), f"risk {format.score(one.risk)}"],
                className="ask-bar-words",
            ),
            html.Div(
                [
                    html.Div(className="client-kept", style={"width": f"{kept:.1f}%"}),
                    html.Div(
                        className="client-caused", style={"width": f"{one.risk * 100 - kept:.1f}%"}
                    ),
                ],
                className="client-track",
                title=without,
            ),
            html.P(f"{without} · {format.plural(one.windows, 'risky minute')}"),
        ]
    )


def touched(found: Sequence[Touched], href: Href) -> Any:
    """Endpoints by calls, the errors of each as a part of its bar."""
    if not found:
        return states.empty("inbox", "No calls found", "See below where they were looked for.")
    most, every = found[0].calls, sum(one.calls for one in found)
    shown = [_touched(one, most, every, href) for one in found[:MOST_ENDPOINTS]]
    return html.Div([html.Ul(shown, className="client-reasons"), _more(len(found))])


def _touched(one: Touched, most: int, every: int, href: Href) -> html.Li:
    fine = (one.calls - one.errors) / most * 100
    share = format.percent(one.calls / every)
    about = [share, format.milliseconds(one.average_ms)]
    if one.errors:
        about.insert(1, format.plural(one.errors, "error"))
    return html.Li(
        [
            html.Div(
                [_endpoint_link(one.endpoint, one.method, href), format.plural(one.calls, "call")],
                className="ask-bar-words",
            ),
            html.Div(
                [
                    html.Div(className="client-part", style={"width": f"{fine:.2f}%"}),
                    html.Div(
                        className="client-caused",
                        style={"width": f"{one.errors / most * 100:.2f}%"},
                    ),
                ],
                className="client-track",
            ),
            html.P(" · ".join(about)),
        ]
    )


def _endpoint_link(endpoint: str, method: str, href: Href) -> dcc.Link:
    name = f"{method} {endpoint}"
    return dcc.Link(name, href=href(endpoint, method), title=name)


def _more(count: int) -> Any:
    if count <= MOST_ENDPOINTS:
        return None
    return html.P(
        f"and {format.plural(count - MOST_ENDPOINTS, 'more endpoint')}", className="client-quiet"
    )


def statuses(counts: Mapping[str, int]) -> Any:
    """Classes of status as one bar, and the most frequent codes."""
    total = sum(counts.values())
    if not total:
        return states.empty("inbox", "No statuses", "No scored minute in this range.")
    classes = {first: sum(n for code, n in counts.items() if code[0] == first) for first in "2345"}
    bar = [
        html.Div(
            className=f"client-{_CLASSES[first]}",
            style={"width": f"{count / total * 100:.2f}%"},
            title=f"{first}xx: {format.percent(count / total)}",
        )
        for first, count in classes.items()
        if count
    ]
    most = sorted(counts.items(), key=lambda item: -item[1])
    return html.Div(
        [
            html.Div(bar, className="client-track client-statuses"),
            html.Ul(
                [_status(*one, total) for one in most[:_MOST_STATUSES]], className="client-list"
            ),
        ]
    )


def _status(code: str, calls: int, total: int) -> html.Li:
    colour = _CLASSES.get(code[0], "accent")
    return html.Li(
        [
            html.Span([dot(colour), code], className="client-name"),
            html.Span(format.compact(calls), title=format.number(calls)),
            html.Span(format.percent(calls / total)),
        ]
    )


def attacks(found: Mapping[str, int], inspected: int, counted: int) -> Any:
    """Attacks by kind among the calls that were counted; one line where there is nothing to say."""
    if not inspected:
        return html.P("Its requests were not inspected for attacks.", className="client-quiet")
    of = f"{format.plural(inspected, 'inspected call')}"
    if not found:
        return html.P(f"No attack in {of} of {format.number(counted)}.", className="client-quiet")
    return html.Ul(
        [
            html.Li(
                [
                    html.Span([glyph("bug"), kind.replace("_", " ")], className="client-name"),
                    html.Span(format.number(calls)),
                    html.Span(format.percent(calls / inspected)),
                ]
            )
            for kind, calls in found.items()
        ],
        className="client-list",
    )
