"""The choice of the time range in the top bar: usual lengths, and a dialog for any start and end.

What they do is in `assets/range.js`: it works without the server.
"""

from __future__ import annotations

from collections.abc import Mapping

import dash_bootstrap_components as dbc
from dash import html

from components.icons import glyph


def range_bar(ranges: Mapping[str, str]) -> html.Div:
    """The usual lengths beside the range of one's own, which is shown by CSS while it is chosen.

    Parameters
    ----------
    ranges : mapping of str to str
        Key of each time range (as in the address) and its short label.
    """
    return html.Div(
        [
            dbc.RadioItems(
                id="shell-range-choice",
                options=[{"label": label, "value": key} for key, label in ranges.items()],
                inline=True,
                className="segments",
                inputClassName="btn-check",
                labelClassName="segment",
            ),
            html.Div(
                [
                    _button("earlier", "chevron-left", "Earlier by the length of the range"),
                    html.Button(
                        [
                            glyph("calendar3"),
                            html.Span("Custom time range", className="visually-hidden"),
                            html.Span(id="shell-range-words", className="range-words"),
                        ],
                        id="shell-range-open",
                        type="button",
                        className="range-open",
                        title="Choose start and end",
                        **{"aria-haspopup": "dialog"},
                    ),
                    _button("later", "chevron-right", "Later by the length of the range"),
                    _button("clear", "x-lg", "Clear the custom time range"),
                ],
                className="range-custom",
            ),
        ],
        className="range",
        role="group",
        **{"aria-label": "Time range"},
    )


def range_dialog() -> html.Dialog:
    """Start and end as a person types them, in UTC; what is wrong with them is said in words."""
    return html.Dialog(
        html.Form(
            [
                html.H2("Custom time range", id="shell-range-title"),
                html.P("In UTC. Leave one end empty to leave it open.", id="shell-range-hint"),
                _field("from", "Start"),
                _field("to", "End"),
                html.P(id="shell-range-wrong", className="range-wrong", role="alert"),
                html.Div(
                    [
                        html.Button(
                            "Cancel", id="shell-range-cancel", type="button", className="button"
                        ),
                        html.Button("Apply", type="submit", className="button button-main"),
                    ],
                    className="range-actions",
                ),
            ],
            id="shell-range-form",
            className="range-form",
            noValidate=True,
        ),
        id="shell-range-dialog",
        className="range-dialog",
        **{"aria-labelledby": "shell-range-title", "aria-describedby": "shell-range-hint"},
    )


def _button(name: str, icon: str, label: str) -> html.Button:
    return html.Button(
        glyph(icon),
        id=f"shell-range-{name}",
        type="button",
        className="icon-button",
        title=label,
        **{"aria-label": label},
    )


def _field(name: str, label: str) -> html.Div:
    id = f"shell-range-{name}"
    return html.Div(
        [
            html.Label(label, htmlFor=id),
            dbc.Input(id=id, type="datetime-local", className="range-field"),
        ]
    )
