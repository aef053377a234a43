"""The one dialog of the Admin page: what it can show, and the fields of its forms."""

from __future__ import annotations

import json
from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Any, Final

import dash_bootstrap_components as dbc
from dash import dcc, html

from components.icons import glyph

FIELD: Final = "admin-field"  # type of the ids of all fields
TITLE: Final = "admin-dialog-title"


@dataclass(frozen=True)
class Choice:
    """One of the answers to choose from, with a sentence that says what it means."""

    value: str
    name: str
    means: str


@dataclass(frozen=True)
class View:
    """What the dialog shows; without a word to `confirm` it only tells or leads on."""

    title: Any
    body: Sequence[Any] = field(default_factory=list)
    confirm: str = ""
    cancel: str = "Cancel"

    @property
    def content(self) -> list[Any]:
        """Title and body; the title takes the focus where there is no field."""
        return [html.H2(self.title, id=TITLE, className="dialog-title", tabIndex=-1), *self.body]


def dialog() -> dbc.Modal:
    """Empty and closed; a click beside it does not close it, since that would lose what it has."""
    return dbc.Modal(
        [
            html.Div(id="admin-dialog-body"),
            html.P(id="admin-problem", className="dialog-problem", role="alert"),
            html.Div(
                [
                    html.Button("Cancel", id="admin-cancel", type="button", className="button"),
                    html.Button(
                        id="admin-confirm", type="button", className="button button-accent"
                    ),
                ],
                className="dialog-acts",
            ),
        ],
        id="admin-dialog",
        is_open=False,
        backdrop="static",
        centered=True,
        fade=False,
        labelledby=TITLE,
        content_class_name="dialog admin-dialog",
    )


def leads_to(view: str, of: str = "") -> dict[str, str]:
    """Attributes of a button that opens the dialog with a view of something."""
    return {"data-admin": json.dumps({"view": view, "of": of})}


def text_field(
    name: str,
    label: str,
    *,
    hint: str = "",
    kind: str = "text",
    complete: str = "off",
    most: int = 64,
    first: bool = False,
) -> html.Div:
    """A labelled line of text; the `first` field has the focus when the dialog opens."""
    return html.Div(
        [
            html.Label(
                [
                    html.Span(label),
                    dcc.Input(
                        id={"type": FIELD, "name": name},
                        name=f"admin-{name}",
                        type=kind,  # type: ignore[arg-type]
                        value="",
                        autoComplete=complete,
                        spellCheck="false",
                        maxLength=most,
                        autoFocus=first or None,
                    ),
                ]
            ),
            html.P(hint, className="admin-hint") if hint else None,
        ],
        className="admin-field",
    )


def choice_field(
    name: str, label: str, choices: Sequence[Choice], value: str, *, inline: bool = False
) -> html.Fieldset:
    """One of a few, each with what it means."""
    options: list[dict[str, Any]] = [
        {
            "label": [html.Span(choice.name), html.Small(choice.means) if choice.means else None],
            "value": choice.value,
            "input_id": f"admin-{name}-{choice.value}",
        }
        for choice in choices
    ]
    return html.Fieldset(
        [
            html.Legend(label),
            dbc.RadioItems(
                id={"type": FIELD, "name": name},
                name=f"admin-{name}",
                options=options,  # type: ignore[arg-type]
                value=value,
                className="admin-choices admin-choices-inline" if inline else "admin-choices",
            ),
        ],
        className="admin-field",
    )


def effects(*sentences: str) -> html.Ul:
    """What will happen; empty sentences are left out."""
    return html.Ul([html.Li(said) for said in sentences if said], className="dialog-effects")


def warning(said: str) -> html.P:
    """A sentence that must not be overlooked."""
    return html.P([glyph("exclamation-triangle"), html.Span(said)], className="dialog-warning")


def facts(rows: Sequence[tuple[str, Any]]) -> html.Dl:
    """Names and values, one a line."""
    return html.Dl(
        [html.Div([html.Dt(name), html.Dd(value)]) for name, value in rows],
        className="admin-facts",
    )


def done(said: str) -> html.P:
    """What is said on the page once something was changed."""
    return html.P([glyph("check-circle"), html.Span(said)])
