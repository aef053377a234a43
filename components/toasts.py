"""Notices of what became HIGH, in the corner of the page."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Final, NamedTuple

from dash import dcc, html

from components import format
from components.icons import glyph
from components.reasons import why
from components.tables import Row, subject_name

MOST_NOTICES: Final = 3  # of more incidents at once, one notice tells


class Told(NamedTuple):
    """An incident: its new HIGH windows, newest first, and how many clients suffer from it."""

    windows: Sequence[Row]
    suffering: int = 0


def notices(told: Sequence[Told], href: Callable[[Row], str], now: int) -> list[html.Div]:
    """One notice an incident; many of them become one notice.

    Endpoints come before clients, then the newest first.

    Parameters
    ----------
    told : sequence of Told
        In any order.
    href : callable
        Address that tells more about a window's subject.
    now : int
        The clock [epoch ms].
    """
    found = sorted(told, key=lambda t: (t.windows[0]["subject"] == "client", -t.windows[0]["id"]))
    if len(found) <= MOST_NOTICES:
        return [_incident_toast(one, href(one.windows[0]), now) for one in found]
    names = [format.shortened(subject_name(one.windows[0]), 40) for one in found[:MOST_NOTICES]]
    text = f"{', '.join(names)} and {len(found) - MOST_NOTICES} more"
    newest = found[0].windows[0]
    return [_toast(newest, f"{len(found)} subjects at high risk", text, href(newest))]


def _incident_toast(told: Told, href: str, now: int) -> html.Div:
    newest = told.windows[0]
    count = f"{len(told.windows)} windows, the newest: " if len(told.windows) > 1 else ""
    text = (
        f"{count}risk {format.score(newest['risk_score'])} at "
        f"{format.moment(newest['timestamp'], now)}: {why(newest) or _numbers(newest)}"
    )
    if told.suffering:
        text += f"; {format.plural(told.suffering, 'client')} suffer"
    title = format.shortened(subject_name(newest), 44)
    return _toast(newest, title, text[0].upper() + text[1:], href)


def _numbers(window: Row) -> str:
    """What a window says of itself where no reasons are stored, as in data of older versions."""
    return (
        f"failure probability {format.percent(window['failure_probability'])}, "
        f"{format.percent(window['error_rate'])} of "
        f"{format.plural(window['req_count'], 'call')} failed"
    )


def _toast(newest: Row, title: str, text: str, href: str) -> html.Div:
    key = str(newest["id"])
    return html.Div(
        [
            glyph("exclamation-octagon"),
            html.Div(
                [
                    html.Div([html.Span("HIGH", className="pill pill-high"), html.Strong(title)]),
                    html.P(text),
                    dcc.Link("Show window", href=href, className="toast-link"),
                ],
                className="note-words",
            ),
            html.Button(
                glyph("x-lg"),
                id={"type": "shell-toast-close", "window": key},
                className="icon-button",
                **{"aria-label": "Dismiss"},
            ),
        ],
        id={"type": "shell-toast", "window": key},
        className="note",
    )
