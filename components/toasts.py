"""Notices of new HIGH windows in the corner of the page."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Final

from dash import dcc, html

from components import format
from components.icons import glyph
from components.reasons import why
from components.tables import Row, subject_name

MOST_NOTICES: Final = 3  # of more subjects at once, one notice tells


def notices(windows: Sequence[Row], href: Callable[[Row], str], now: int) -> list[html.Div]:
    """One notice a subject with new HIGH windows; many subjects become one notice.

    Endpoints come before clients, which often only suffer from them, then the newest first.

    Parameters
    ----------
    windows : sequence of Row
        New HIGH windows, in any order.
    href : callable
        Address that tells more about a window's subject.
    now : int
        The clock [epoch ms].
    """
    found: dict[str, list[Row]] = {}
    for window in sorted(windows, key=lambda row: (row["subject"] == "client", -row["id"])):
        found.setdefault(subject_name(window), []).append(window)
    if len(found) <= MOST_NOTICES:
        return [_subject_toast(name, rows, href(rows[0]), now) for name, rows in found.items()]
    names = [format.shortened(name, 40) for name in list(found)[:MOST_NOTICES]]
    text = f"{', '.join(names)} and {len(found) - MOST_NOTICES} more"
    newest = next(iter(found.values()))[0]
    return [_toast(newest, f"{len(found)} subjects at high risk", text, href(newest))]


def _subject_toast(name: str, rows: list[Row], href: str, now: int) -> html.Div:
    newest = rows[0]
    count = f"{len(rows)} windows, the newest: " if len(rows) > 1 else ""
    text = (
        f"{count}risk {format.score(newest['risk_score'])} at "
        f"{format.moment(newest['timestamp'], now)}: {why(newest) or _numbers(newest)}"
    )
    return _toast(newest, format.shortened(name, 44), text[0].upper() + text[1:], href)


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
