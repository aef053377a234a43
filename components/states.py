"""What a card shows instead of data: loading, nothing there, not there yet."""

from __future__ import annotations

from typing import Any

from dash import html

from components import icons


def skeleton(kind: str) -> html.Div:
    """A quiet placeholder of the shape to come: `chart`, `bars`, `donut`, `rows` or `numbers`."""
    pieces = {"chart": 1, "bars": 5, "donut": 1, "rows": 7, "numbers": 1}[kind]
    return html.Div(
        [html.Span(className="skeleton-piece") for _ in range(pieces)],
        className=f"skeleton skeleton-{kind}",
        **icons.HIDDEN,
    )


def empty(icon: str, title: str, text: str = "", action: Any = None) -> html.Div:
    """Nothing to draw: says why, and what to do if there is something to do."""
    return html.Div(
        [
            icons.glyph(icon, "empty-icon"),
            html.Div(title, className="empty-title"),
            html.Div(text, className="empty-text") if text else None,
            action,
        ],
        className="empty",
    )


def forbidden(needed: str, role: str) -> html.Div:
    """The whole page for somebody whose role is too low for it."""
    return html.Div(
        [
            html.Div(icons.glyph("lock"), className="hero-mark"),
            html.H2(f"This page is for the role {needed}"),
            html.P(f"You are signed in as {role}. An admin can give you another role."),
        ],
        className="hero",
    )


def not_scored(error: str) -> html.Div:
    """The whole page when the first minute could not be scored."""
    return html.Div(
        [
            html.Div(icons.glyph("exclamation-triangle"), className="hero-mark"),
            html.H2("No minute could be scored yet"),
            html.P("Calls are kept and will be scored when this is mended:"),
            html.Code(error),
        ],
        className="hero",
    )


def waiting(calls_seen: bool, demo: bool) -> html.Div:
    """The whole page before the first scored minute."""
    if calls_seen:
        text = "Calls are coming in. The first scores appear when this minute has closed."
    elif demo:
        text = "The simulated clients are starting. The first scores appear within a minute or two."
    else:
        text = (
            "No call has been recorded yet. Send requests to this server, or bring an access log:"
        )
    command = html.Code("flask import-log access.log --format combined")
    return html.Div(
        [
            html.Div(
                icons.glyph("activity"),
                className="hero-mark",
            ),
            html.H2("Waiting for the first minute"),
            html.P(text),
            None if calls_seen or demo else command,
        ],
        className="hero",
    )
