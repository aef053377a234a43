"""Models: which version scores, what it is worth, what it has learnt, and how to change it."""

from __future__ import annotations

from typing import Any, Final

import dash
import dash_bootstrap_components as dbc
from dash import (
    ALL,
    ClientsideFunction,
    Input,
    Output,
    State,
    callback,
    clientside_callback,
    ctx,
    dcc,
    html,
    no_update,
)
from flask import abort

from components import model_dialog, model_learnt, shell, states
from jobs import versions
from jobs.access import audited
from ml.features import CLIENT, ENDPOINT
from ml.registry import ModelError, UnknownVersionError
from pages import _models_layout, _models_learnt, _models_seen, current, doer, now_ms, who
from pages._drawn import fingerprint
from pages._models_view import CHARTS, PARTS

dash.register_page(__name__, path="/models", name="Models", title="Models · Foresight", order=3)

EVENTS: Final = ("promote", "rollback")
SUBJECTS: Final = {ENDPOINT: "Endpoints", CLIENT: "Clients"}
_TICK: Final = shell.tick_id("models")
_PROMOTE: Final = {"type": "models-promote", "version": ALL}
_DRAWN: Final = {
    **{name: Output(f"models-{name.replace('_', '-')}", "children") for name in PARTS},
    **{name: Output(f"models-{name}", "figure") for name in CHARTS},
}


def layout(subject: Any = ENDPOINT, **_: Any) -> html.Div:
    """Skeletons in the shape of what comes; `subject` is that of the figures."""
    asked = str(subject[-1] if isinstance(subject, list) else subject)
    known = asked in SUBJECTS
    return shell.page(
        "Models",
        shell.tick("models"),
        dcc.Store(id="models-drawn"),
        dcc.Store(id="models-version"),
        dcc.Store(id="models-changed"),
        dcc.Store(id="models-asked"),
        html.Div(
            _choice(asked if known else ENDPOINT),
            className="models-choice",
            role="group",
            **{"aria-label": "Kind of subject"},
        ),
        None if known else _unknown(asked),
        html.Div(id="models-result", role="status", className="models-result"),
        html.Div(_models_layout.chapters()),
        model_dialog.dialog(),
        id="models",
    )


def _choice(subject: str) -> dbc.RadioItems:
    return dbc.RadioItems(
        id="models-subject",
        options=[{"label": label, "value": value} for value, label in SUBJECTS.items()],
        value=subject,
        inline=True,
        className="segments",
        inputClassName="btn-check",
        labelClassName="segment",
    )


def _unknown(asked: str) -> html.P:
    said = f"subject={asked!r} is none of {', '.join(SUBJECTS)}: shown is {ENDPOINT}."
    return html.P(said, className="models-said models-warning", role="alert")


@callback(
    output={
        "parts": _DRAWN,
        "drawn": Output("models-drawn", "data"),
        "version": Output("models-version", "data"),
    },
    inputs={
        "_ticks": Input(_TICK, "n_intervals"),
        "subject": Input("models-subject", "value"),
        "_changed": Input("models-changed", "data"),
        "theme": Input("shell-theme", "data"),
        "drawn": State("models-drawn", "data"),
        "version": State("models-version", "data"),
    },
    running=[(Output(_TICK, "disabled"), True, False)],
)
def show(
    _ticks: int,
    subject: str,
    _changed: int | None,
    theme: str | None,
    drawn: dict[str, str] | None,
    version: str | None,
) -> dict[str, Any]:
    """One read; each part is only sent when it would look different."""
    of = _models_seen.seen(current(), subject, now_ms())
    prints = {name: fingerprint(subject, changes(of)) for name, (_, changes) in PARTS.items()}
    prints |= {
        name: fingerprint(subject, theme, changes(of)) for name, (_, changes) in CHARTS.items()
    }
    known = drawn or {}
    new = {name for name, mark in prints.items() if known.get(name) != mark}
    parts: dict[str, Any] = dict.fromkeys(_DRAWN, no_update)
    parts |= {name: draw(of) for name, (draw, _) in PARTS.items() if name in new}
    parts |= {name: draw(of, theme) for name, (draw, _) in CHARTS.items() if name in new}
    name = "" if of.current is None else of.current.name
    return {
        "parts": parts,
        "drawn": prints if new else no_update,
        "version": name if name != version else no_update,
    }


@callback(
    Output("models-forests", "children"),
    Output("models-profiles", "children"),
    Input("models-version", "data"),
    Input("models-subject", "value"),
    prevent_initial_call=True,
)
def show_learnt(version: str | None, subject: str) -> Any:
    """The insides of the current version: apart, because loading it may take a second."""
    if not version:
        return no_update, no_update
    try:
        found = _models_learnt.learnt(current(), subject)
    except ModelError as error:
        problem = states.empty("exclamation-triangle", "The version can't be loaded", str(error))
        return problem, problem
    forests = [_forest(forest) for forest in found.forests]
    nothing = states.empty("tree", "It has no forest", "No failure was seen in training.")
    shown = html.Div(forests, className="forests") if forests else nothing
    return shown, model_learnt.profiles(found.profiles)


def _forest(forest: _models_learnt.Forest) -> html.Div:
    more = f"and {forest.others} more" if forest.others else ""
    return html.Div(
        [
            html.H3(f"Sees {forest.sees}"),
            model_learnt.bars(forest.inputs, f"Importance in the forest that sees {forest.sees}"),
            html.P(more, className="card-sub") if more else None,
        ]
    )


@callback(
    output={
        "open": Output("models-dialog", "is_open"),
        "body": Output("models-dialog-body", "children"),
        "confirm": Output("models-confirm", "children"),
        "problem": Output("models-dialog-problem", "children"),
        "reason": Output("models-reason", "value"),
        "asked": Output("models-asked", "data"),
    },
    inputs={
        "_promotes": Input(_PROMOTE, "n_clicks"),
        "_rollback": Input("models-rollback", "n_clicks", allow_optional=True),
        "_cancel": Input("models-cancel", "n_clicks"),
        "subject": State("models-subject", "value"),
    },
    prevent_initial_call=True,
)
def ask(_promotes: list[int | None], _rollback: int | None, _cancel: int, subject: str) -> Any:
    """Open the dialog for the version of the button; a button that came anew asks nothing."""
    nothing = dict.fromkeys(("open", "body", "confirm", "problem", "reason", "asked"), no_update)
    if not ctx.triggered[0]["value"]:
        return nothing
    if ctx.triggered_id == "models-cancel":
        return nothing | {"open": False}
    now = now_ms()
    of = _models_seen.seen(current(), subject, now)
    rolling = ctx.triggered_id == "models-rollback"
    wanted = of.back_to if rolling else ctx.triggered_id["version"]
    facts = {found.name: found for found in of.facts}
    if wanted not in facts:
        return nothing  # gone meanwhile; the next poll shows so
    event = "rollback" if rolling else "promote"
    then = next((found for found in of.facts if found.state == "current"), None)
    return {
        "open": True,
        "body": model_dialog.question(event, facts[wanted], then, now),
        "confirm": "Roll back" if rolling else "Promote",
        "problem": "",
        "reason": "",
        "asked": {"event": event, "version": wanted},
    }


@callback(
    Output("models-result", "children"),
    Output("models-dialog", "is_open", allow_duplicate=True),
    Output("models-dialog-problem", "children", allow_duplicate=True),
    Output("models-changed", "data"),
    Input("models-confirm", "n_clicks"),
    Input("models-reason", "n_submit"),
    State("models-asked", "data"),
    State("models-reason", "value"),
    running=[(Output("models-confirm", "disabled"), True, False)],
    prevent_initial_call=True,
)
def change(
    _clicks: int | None, _submits: int | None, asked: dict[str, str] | None, reason: str | None
) -> Any:
    """Do what the dialog asked for; a refusal stays in the dialog."""
    if not asked:
        return no_update
    if asked.get("event") not in EVENTS:
        abort(400, f"event {asked.get('event')!r} is none of {', '.join(EVENTS)}")
    app, now, version = current(), now_ms(), asked["version"]
    said = (reason or "").strip()[: model_dialog.MOST_OF_REASON] or "by hand"
    noted: dict[str, Any] = {"who": who(), "reason": said, "at": now}
    try:
        if asked["event"] == "rollback":
            name = versions.roll_back(app.store, app.models, to=version, **noted)
        else:
            name = versions.promote(app.store, app.models, version, **noted)
    except (UnknownVersionError, ModelError) as error:
        return no_update, True, f"Nothing was changed: {error}.", now
    audited.note_alone(app, doer(), f"model.{asked['event']}", name, reason=said)
    return model_dialog.changed(asked["event"], name), False, "", now


clientside_callback(
    ClientsideFunction("models", "remember"),
    Output("models-subject", "className"),
    Input("models-subject", "value"),
    prevent_initial_call=True,
)
