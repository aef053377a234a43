"""The dialog before the current model version changes, and what is said afterwards."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Final

import dash_bootstrap_components as dbc
from dash import dcc, html

from components import cards, format
from components.icons import glyph
from components.model_versions import VersionFacts, origin

MOST_OF_REASON: Final = 200  # characters


def dialog() -> dbc.Modal:
    """Asks before the current version changes; filled in by what was chosen."""
    return dbc.Modal(
        [
            html.Div(id="models-dialog-body"),
            html.Div(
                [
                    html.Label("Reason, for the history (optional)", htmlFor="models-reason"),
                    dcc.Input(
                        id="models-reason",
                        type="text",
                        maxLength=MOST_OF_REASON,
                        autoComplete="off",
                        placeholder="by hand",
                    ),
                ],
                className="dialog-reason",
            ),
            html.P(id="models-dialog-problem", className="dialog-problem", role="alert"),
            html.Div(
                [
                    html.Button("Cancel", id="models-cancel", className="button"),
                    html.Button(id="models-confirm", className="button button-accent"),
                ],
                className="dialog-acts",
            ),
        ],
        id="models-dialog",
        is_open=False,
        centered=True,
        fade=False,
        labelledby="models-dialog-title",
        content_class_name="dialog",
    )


def question(event: str, then: VersionFacts, now_facts: VersionFacts | None, now: int) -> html.Div:
    """What the dialog says: which version, and what changes by it."""
    verb = "Promote" if event == "promote" else "Roll back to"
    return html.Div(
        [
            html.H2(
                [verb, " ", html.Code(then.name), "?"],
                id="models-dialog-title",
                className="dialog-title",
            ),
            html.P(
                [glyph("shield-x"), "The gate refused it: it was worse on frozen scenarios."],
                className="dialog-warning",
            )
            if then.state == "refused"
            else None,
            _compared(then, now_facts, now) if now_facts else None,
            html.Ul(
                [
                    html.Li("Windows are scored with it from the next minute on."),
                    html.Li("What was scored before keeps its scores."),
                    html.Li(_after(event, now_facts)),
                ],
                className="dialog-effects",
            ),
        ]
    )


def _after(event: str, now_facts: VersionFacts | None) -> str:
    if event == "rollback":
        return "The version that is current now stays stored and can be promoted again."
    if now_facts is None:
        return "It is noted in the history with your name."
    return f"Roll back returns to {now_facts.name}."


def _compared(then: VersionFacts, now_facts: VersionFacts, now: int) -> html.Table:
    rows: Mapping[str, tuple[Any, Any]] = {
        "Version": (html.Code(now_facts.name), html.Code(then.name)),
        "Comes from": (origin(now_facts), origin(then)),
        "Trained": (cards.since(now_facts.trained_at, now), cards.since(then.trained_at, now)),
        "Learnt from": (_windows(now_facts), _windows(then)),
    }
    head = [html.Td(), *(html.Th(name, scope="col") for name in ("Now", "Then"))]
    body = [
        html.Tr([html.Th(name, scope="row"), html.Td(before), html.Td(after)])
        for name, (before, after) in rows.items()
    ]
    return html.Table([html.Thead(html.Tr(head)), html.Tbody(body)], className="dialog-facts")


def _windows(facts: VersionFacts) -> str:
    return format.plural(facts.windows, "window") if facts.windows else format.MISSING


def changed(event: str, version: str) -> html.P:
    """What is said once the current version has changed."""
    verb = "Promoted" if event == "promote" else "Rolled back to"
    return html.P(
        [
            glyph("check-circle"),
            html.Span(
                [
                    f"{verb} ",
                    html.Code(version),
                    ". Windows are scored with it from the next minute on.",
                ]
            ),
        ]
    )
