"""A run minute by minute: the risk of its subjects, its beginning and end, and when it was seen.

It is made of HTML, so that it follows the theme by itself and needs no library of charts.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any, Final, NamedTuple

from dash import html

from components import format
from components.icons import HIDDEN
from components.lab_words import Run, clock, took
from components.theme import USUAL_LIMITS, Limits

BEFORE: Final = 2  # windows shown before the first one of a run
AFTER_MS: Final = 15_000  # after the last minute: room for the mark of its scores
_MOST_LABELS: Final = 6
_EDGE: Final = 88.0  # beyond this share of the width [%] a label stands left of its line
Row = Mapping[str, Any]


class _Axis(NamedTuple):
    start: int
    end: int

    def left(self, at: float) -> float:
        """Place of an instant [% of the width]."""
        share = (at - self.start) / (self.end - self.start)
        return round(100.0 * min(1.0, max(0.0, share)), 2)


def timeline(
    run: Run,
    windows: Sequence[Row],
    scored_to: int,
    now: int,
    window_ms: int,
    limits: Limits = USUAL_LIMITS,
) -> html.Div:
    """Risk by minute with the marks of a run.

    Parameters
    ----------
    run : Run
        One whose first call or switch is known.
    windows : sequence of mapping
        Scored windows of its subjects, columns of `anomaly_log`.
    scored_to : int
        End of the newest scored window of anybody [epoch ms].
    now : int
        The clock [epoch ms].
    window_ms : int
        Length of a window [ms].
    limits : Limits
        From where on risk is MEDIUM or HIGH.
    """
    assert run.first_at is not None
    first = run.first_at - run.first_at % window_ms
    planned = run.first_at + round(run.minutes * 60_000)
    over = planned if run.ended_at is None else run.ended_at
    last = over - over % window_ms
    axis = _Axis(first - BEFORE * window_ms, last + window_ms + AFTER_MS)
    starts = range(axis.start, last + 1, window_ms)
    awaited = range(max(first, scored_to), min(last, now) + 1, window_ms)
    columns = [_column(axis, start, windows, window_ms) for start in starts]
    columns += [_unscored(axis, start, now, window_ms) for start in awaited]
    plot = [*_bands(limits), *columns, *_marks(axis, run, over)]
    return html.Div(
        [
            html.Div(plot, className="lab-plot", role="img", **{"aria-label": _words(windows)}),
            html.Div(
                [_tick(axis, start) for start in starts[:: -(-len(starts) // _MOST_LABELS)]],
                className="lab-ticks",
                **HIDDEN,
            ),
        ],
        className="lab-timeline",
    )


def _bands(limits: Limits) -> list[html.Div]:
    found = []
    for name, low, high in (("medium", limits.medium, limits.high), ("high", limits.high, 1.0)):
        style = {"bottom": f"{100 * low:g}%", "height": f"{100 * (high - low):g}%"}
        label = html.Span(name.upper(), className="lab-band-name")
        found.append(html.Div(label, className=f"lab-band lab-band-{name}", style=style))
    return found


def _column(axis: _Axis, start: int, windows: Sequence[Row], window_ms: int) -> html.Div | None:
    """The riskiest window of a minute."""
    here = [w for w in windows if w["timestamp"] == start]
    if not here:
        return None
    worst = max(here, key=lambda w: w["risk_score"])
    bar = html.Div(
        html.Span(format.score(worst["risk_score"]), className="lab-bar-score"),
        className=f"lab-bar lab-bar-{worst['priority'].lower()}",
        style={"height": f"{max(1.0, 100 * worst['risk_score']):.1f}%"},
    )
    style = _place(axis, start, window_ms)
    return html.Div(bar, className="lab-minute", style=style, title=_listed(start, here))


def _unscored(axis: _Axis, start: int, now: int, window_ms: int) -> html.Div:
    """What keeps a minute from having scores."""
    is_open = now < start + window_ms
    word = "open" if is_open else "scoring"
    title = f"{format.clock(start)}: " + ("the minute is open" if is_open else "being scored")
    return html.Div(
        html.Span(word),
        className=f"lab-minute lab-unscored lab-{word}",
        style=_place(axis, start, window_ms),
        title=title,
    )


def _place(axis: _Axis, start: int, window_ms: int) -> dict[str, str]:
    left, right = axis.left(start), axis.left(start + window_ms)
    return {"left": f"{left}%", "width": f"{right - left:.2f}%"}


def _listed(start: int, windows: Sequence[Row]) -> str:
    ranked = sorted(windows, key=lambda w: -w["risk_score"])
    names = [f"{_name(w)} {format.score(w['risk_score'])} {w['priority']}" for w in ranked]
    return f"{format.clock(start)}: " + ", ".join(names)


def _name(window: Row) -> str:
    if window["client"] is not None:
        return str(window["client"])
    return f"{window['method']} {window['endpoint']}"


def _marks(axis: _Axis, run: Run, over: int) -> list[html.Div]:
    assert run.first_at is not None
    began = "First call" if run.kind == "attack" else "Switched on"
    ended = "Ends" if run.ended_at is None else "Ended"
    found = [_mark(axis, run.first_at, began, "began"), _mark(axis, over, ended, "ended")]
    for name, at in (("MEDIUM", run.medium_at), ("HIGH", run.high_at)):
        if at is not None and not (name == "MEDIUM" and at == run.high_at):
            text = f"{name} after {took(at - run.first_at)}"
            found.append(_mark(axis, at, text, name.lower()))
    return found


def _mark(axis: _Axis, at: int, text: str, kind: str) -> html.Div:
    left = axis.left(at)
    side = "left" if left > _EDGE or (kind in ("high", "medium") and left > 60) else "right"
    return html.Div(
        html.Span(text, className="lab-mark-text"),
        className=f"lab-mark lab-mark-{kind} lab-mark-{side}",
        style={"left": f"{left}%"},
        title=f"{text}, {clock(at)} UTC",
    )


def _tick(axis: _Axis, start: int) -> html.Span:
    return html.Span(format.clock(start), style={"left": f"{axis.left(start)}%"})


def _words(windows: Sequence[Row]) -> str:
    """The same for who does not see it."""
    by_minute: dict[int, Row] = {}
    for window in windows:
        known = by_minute.get(window["timestamp"])
        if known is None or window["risk_score"] > known["risk_score"]:
            by_minute[window["timestamp"]] = window
    told = [
        f"{format.clock(start)} {w['priority']} {format.score(w['risk_score'])}"
        for start, w in sorted(by_minute.items())
    ]
    return "Risk by minute: " + (", ".join(told) or "no minute is scored yet")
