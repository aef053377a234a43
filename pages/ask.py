"""Ask: questions in plain English, what was understood of them, and their answers."""

from __future__ import annotations

import time
from collections.abc import Mapping
from functools import partial
from typing import Any, Final, NamedTuple
from urllib.parse import urlencode

import dash
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

from ask.engine import Answer, answer
from ask.question import NotUnderstood
from components import answer_figures, answers, asking, shell
from components.asking import Address
from jobs.access import audited
from jobs.access.roles import Role
from pages import _ask_view, _examples, current, doer, now_ms, only, page_path, who
from store import TooSlow, questions

dash.register_page(__name__, path="/ask", name="Ask", title="Ask · Foresight", order=5)

MOST_HISTORY: Final = 20
_RANGE: Final = ("range", "from", "to")
_FORGET: Final = {"type": "ask-forget", "id": ALL}
_ABOUT: Final = "Calls and scored windows, in plain English"


class _Outcome(NamedTuple):
    """What is shown of a question, and what is remembered of it."""

    shown: Any
    outcome: str
    message: str
    rows: int | None = None


def _layout(q: Any = "", **given: Any) -> html.Div:
    """The question of the address, to be answered as soon as the page is there."""
    text = _one(q).strip()[: asking.MOST_CHARACTERS]
    kept = {name: _one(given[name]) for name in _RANGE if name in given}
    address, now, store = partial(_address, kept), now_ms(), current().store
    with store.read() as connection:
        saved = questions.saved_questions(connection, who())
        latest = questions.latest_texts(connection, who(), MOST_HISTORY)
    return shell.page(
        "Ask",
        dcc.Location(id="ask-url", refresh="callback-nav"),
        dcc.Store(id="ask-first", data=text),
        dcc.Store(id="ask-asked"),
        html.Div(
            [
                html.Div(
                    [
                        html.Section([asking.box(text), asking.help_panel()], className="panel"),
                        html.Div(
                            None
                            if text
                            else asking.examples(_examples.examples(store, now), address),
                            id="ask-answer",
                            className="page-rows",
                        ),
                        asking.waiting(hidden=not text),
                        _unanswered(),
                    ],
                    className="page-rows ask-main",
                ),
                _side(saved, latest, address, now),
            ],
            className="ask-columns",
        ),
        id="ask",
        subtitle=_ABOUT,
    )


layout = only(Role.ADMIN, _layout)


def _side(saved: Any, latest: Any, address: Address, now: int) -> html.Div:
    return html.Div(
        [
            html.Section(
                [
                    html.H2("Saved", className="card-heading"),
                    html.Div(asking.saved(saved, address), id="ask-saved"),
                    asking.saving(),
                    html.P(id="ask-save-problem", className="ask-problem", role="alert"),
                ],
                className="panel",
            ),
            html.Section(
                [
                    html.H2("Asked before", className="card-heading"),
                    html.Div(asking.history(latest, address, now), id="ask-history"),
                ],
                className="panel",
            ),
        ],
        className="ask-side page-rows",
    )


def _unanswered() -> html.P:
    """Shown by CSS when the server is away and nothing else is in its place."""
    return html.P("No answer came. Press Ask to try again.", className="ask-unanswered")


clientside_callback(
    ClientsideFunction("ask", "first"), Output("ask-asked", "data"), Input("ask-first", "data")
)
clientside_callback(
    ClientsideFunction("ask", "giveUp"),
    Output("ask-waiting", "hidden"),
    Input("shell-connection", "data"),
    prevent_initial_call=True,
)


@callback(
    output={
        "answer": Output("ask-answer", "children"),
        "history": Output("ask-history", "children"),
        "name": Output("ask-name", "value"),
        "unnamed": Output("ask-name", "disabled"),
        "unsaved": Output("ask-save", "disabled"),
    },
    inputs={"asked": Input("ask-asked", "data"), "chosen": State("shell-range", "data")},
    running=[
        (Output("ask-waiting", "hidden"), False, True),
        (Output("ask-button", "disabled"), True, False),
        (Output("ask-answer", "className"), "page-rows ask-old", "page-rows"),
    ],
    prevent_initial_call=True,
)
def show(asked: Mapping[str, Any], chosen: Mapping[str, str] | None) -> dict[str, Any]:
    """Answer a question and remember that it was asked."""
    text = str(asked["q"]).strip()[: asking.MOST_CHARACTERS]
    now, address = now_ms(), partial(_address, chosen or {})
    began = time.perf_counter()
    outcome = _outcome(text, now, address, began)
    took_ms = (time.perf_counter() - began) * 1000
    with current().store.begin() as connection:
        questions.remember(
            connection,
            who=who(),
            text=text,
            outcome=outcome.outcome,
            message=outcome.message,
            rows=outcome.rows,
            took_ms=took_ms,
            at=now,
        )
        audited.note(current(), connection, doer(), "question", text, outcome=outcome.outcome)
        latest = questions.latest_texts(connection, who(), MOST_HISTORY)
    refused = outcome.rows is None
    return {
        "answer": outcome.shown,
        "history": asking.history(latest, address, now),
        "name": "" if refused else text[: asking.MOST_OF_NAME],
        "unnamed": refused,
        "unsaved": refused,
    }


@callback(
    Output("ask-chart", "figure"),
    Input("ask-drawn", "data"),
    Input("shell-theme", "data"),
)
def draw(drawn: dict[str, Any] | None, theme: str | None) -> Any:
    """The chart of the answer in the colours of the theme."""
    if not drawn:
        return no_update
    return answer_figures.over_time(answer_figures.Series(**drawn), theme)


@callback(
    Output("ask-saved", "children"),
    Output("ask-save-problem", "children"),
    Input("ask-save", "n_clicks"),
    Input("ask-name", "n_submit"),
    Input(_FORGET, "n_clicks"),
    State("ask-name", "value"),
    State("ask-asked", "data"),
    State("shell-range", "data"),
    running=[(Output("ask-save", "disabled"), True, False)],
    prevent_initial_call=True,
)
def change_saved(
    _saves: int,
    _submits: int,
    _forgets: list[int],
    name: str | None,
    asked: Mapping[str, Any] | None,
    chosen: Mapping[str, str] | None,
) -> Any:
    """Save the question that is shown, or delete one that was saved."""
    if not ctx.triggered[0]["value"]:
        return no_update, no_update  # a button that is new
    problem = ""
    with current().store.begin() as connection:
        try:
            if isinstance(ctx.triggered_id, dict):
                questions.forget_saved(connection, who(), ctx.triggered_id["id"])
            elif asked:
                _save(connection, name or "", str(asked["q"]))
        except questions.NotSavedError as error:
            problem = f"{str(error)[:1].upper()}{str(error)[1:]}."
        except questions.UnknownQuestionError:
            pass  # gone already
        rows = questions.saved_questions(connection, who())
    return asking.saved(rows, partial(_address, chosen or {})), problem


def _save(connection: Any, name: str, text: str) -> None:
    questions.save_question(connection, who=who(), name=name, text=text, at=now_ms())


def _outcome(text: str, now: int, address: Address, began: float) -> _Outcome:
    try:
        found: Answer = answer(current().store, text, now=now, zone=current().settings.zone)
    except NotUnderstood as error:
        shown = answers.refused(text, error.unmatched, str(error), error.suggestions, address)
        return _Outcome(shown, questions.REFUSED, str(error))
    except TooSlow as error:
        return _Outcome(answers.too_slow(str(error)), questions.REFUSED, str(error))
    took_ms = (time.perf_counter() - began) * 1000
    shown = _ask_view.view(found, took_ms, now)
    return _Outcome(shown, questions.ANSWERED, found.interpretation, len(found.rows))


def _address(kept: Mapping[str, str], text: str) -> str:
    """The page with a question; the range of the other pages stays as it is."""
    return f"{page_path('/ask')}?{urlencode({**kept, 'q': text})}"


def _one(given: Any) -> str:
    """A parameter of the address; the last one when it is there more than once."""
    return str(given[-1] if isinstance(given, list) else given)
