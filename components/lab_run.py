"""One run of the lab: what is played, how far it got, and where the time to its detection went."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Final, NamedTuple

from dash import dcc, html

from components import format, states
from components.icons import HIDDEN, glyph
from components.lab_words import Run, after, clock, intensity, phase, took

_PHASE_TONES: Final = {"playing": "on", "waiting": "on", "measuring": "on", "asked": "on"}
NOTHING: Final = (format.MISSING, "not begun", "")


class Split(NamedTuple):
    """Where the time to detection went [ms]."""

    unseen: int
    open: int
    scoring: int


class Minute(NamedTuple):
    """The minute of a run that is scored next: its start, and whether it is still open."""

    start: int
    is_open: bool


def nothing() -> html.Div:
    """Before the first run."""
    return states.empty(
        "flask",
        "Nothing was played yet",
        "Choose an attack or a fault below. The first result is there in one to two minutes.",
    )


def heading(title: str, run: Run, lost: bool, risk: str | None) -> list[Any]:
    """Name and state of a run, who asked for it, when and how strong."""
    tone = "lost" if lost else _PHASE_TONES.get(run.phase, "over")
    facts = [
        f"{intensity(run.intensity)} intensity",
        f"{run.minutes:g}{format.NO_BREAK}min",
        f"by {run.who}",
        f"run {run.id}",
    ]
    return [
        html.Div(
            [
                html.H2(title, className="card-heading"),
                html.Span(risk, className="tag lab-risk") if risk else None,
                html.Span(
                    [html.Span(className="status-dot", **HIDDEN), phase(run, lost)],
                    className=f"lab-phase lab-phase-{tone}",
                ),
            ],
            className="lab-run-title",
        ),
        html.P(" · ".join(facts), className="card-sub"),
    ]


def facts(run: Run, minute: Minute | None, window_ms: int) -> html.Div:
    """The numbers of a run, live."""
    return html.Div(
        [
            _fact("Calls sent", *_sent(run)),
            _fact("Calls stored", format.number(run.calls_stored), _lag(run)),
            _fact("Minute to be scored", *_minute(run, minute, window_ms)),
            _fact("Time to detection", *_detected(run)),
        ],
        className="lab-facts",
    )


def _fact(name: str, value: str, note: Any, tone: str = "") -> html.Div:
    return html.Div(
        [
            html.Div(name, className="kpi-label"),
            html.Div(value, className=f"kpi-value lab-value {tone}".strip()),
            html.Div(note, className="kpi-foot"),
        ],
        className="lab-fact",
    )


def _sent(run: Run) -> tuple[str, str]:
    if run.first_at is None:
        return format.MISSING, "none yet"
    name = "first at" if run.kind == "attack" else "by all clients, from"
    return format.number(run.calls_sent), f"{name} {clock(run.first_at)} UTC"


def _lag(run: Run) -> str:
    return "of the attackers" if run.kind == "attack" else "to the endpoints hit"


def _minute(run: Run, minute: Minute | None, window_ms: int) -> tuple[str, str]:
    if minute is None:
        return format.MISSING, "all are scored" if run.phase == "settled" else "not begun"
    closes = minute.start + window_ms
    if minute.is_open:
        return format.clock(minute.start), f"open until {clock(closes)}"
    return format.clock(minute.start), "closed, being scored"


def _detected(run: Run) -> tuple[str, str, str]:
    high, medium = after(run, run.high_at), after(run, run.medium_at)
    if high is not None:
        earlier = medium is not None and medium < high
        return (
            took(high),
            f"HIGH; MEDIUM after {took(medium or 0)}" if earlier else "HIGH",
            "lab-high",
        )
    if run.phase == "settled":
        if medium is not None:
            return took(medium), "MEDIUM, never HIGH", "lab-medium"
        if run.first_at is None or run.risk_score is None:
            return format.MISSING, "not measured", ""
        return "Not detected", "all windows LOW", "lab-missed"
    if medium is not None:
        return took(medium), "MEDIUM, not HIGH yet", "lab-medium"
    return (format.MISSING, "not seen yet", "") if run.first_at else NOTHING


def split_bar(split: Split, window_start: int, window_ms: int) -> html.Div:
    """The time to detection as a bar of its parts."""
    closes = format.clock(window_start + window_ms)
    parts = [
        ("unseen", split.unseen, "earlier minutes, scored lower"),
        ("open", split.open, f"until the minute closed at {closes}"),
        ("scoring", split.scoring, "grace for late calls, and scoring"),
    ]
    shown = [part for part in parts if part[1] > 0]
    return html.Div(
        [
            html.Div(
                [
                    html.Span(className=f"lab-part lab-part-{kind}", style={"flexGrow": length})
                    for kind, length, _ in shown
                ],
                className="lab-split-bar",
                **HIDDEN,
            ),
            html.Ul(
                [
                    html.Li(
                        [
                            html.Span(className=f"lab-key lab-part-{kind}", **HIDDEN),
                            html.Strong(took(length)),
                            html.Span(text),
                        ]
                    )
                    for kind, length, text in shown
                ],
                className="lab-split-words",
            ),
        ],
        className="lab-split",
    )


def seen(run: Run, hrefs: Mapping[str, str]) -> html.Div | None:
    """Who it was about, with links, and why it was risky."""
    if not run.subjects:
        return None
    lines = [
        html.Div(
            [
                html.Span("Attackers" if run.kind == "attack" else "Endpoints", className="lab-dt"),
                html.Span(
                    [dcc.Link(name, href=hrefs[name]) for name in run.subjects],
                    className="lab-subjects",
                ),
            ]
        )
    ]
    if run.reasons:
        lines.append(html.Div([html.Span("Why", className="lab-dt"), html.Span(run.reasons)]))
    return html.Div(lines, className="lab-seen")


def other_open(href: str) -> html.Div:
    """An old run is looked at while another one is played."""
    return html.Div(
        [glyph("broadcast"), "Another run is being played now.", dcc.Link("Show it", href=href)],
        className="lab-other",
        role="status",
    )
