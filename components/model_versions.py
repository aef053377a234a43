"""Model versions: the current one, all of them, and what became of each."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, Final

from dash import html

from components import cards, format
from components.icons import glyph

_STATES: Final = {  # what became of a version -> words and the pill
    "current": ("current", "low"),
    "refused": ("refused by the gate", "medium"),
    "earlier": ("was current", "plain"),
    "waiting": ("never current", "plain"),
    "broken": ("can't be read", "high"),
}
_EVENTS: Final = {
    "trained": ("Trained", "cpu"),
    "promoted": ("Promoted", "arrow-up-circle"),
    "refused": ("Refused by the gate", "shield-x"),
    "rolled_back": ("Rolled back to", "arrow-counterclockwise"),
}


@dataclass(frozen=True)
class VersionFacts:
    """What is told of one version."""

    name: str
    state: str  # current, earlier, waiting, refused or broken
    origin: str  # where it comes from, in words
    base: str  # the version that it was adapted from, "" for none
    trained_at: int | None  # [epoch ms]
    windows: int | None  # it learnt from
    training: str = ""  # how long it took, and with what
    figures: tuple[tuple[str, str, str], ...] = ()  # of the gate: name, before, after
    problem: str = ""  # why it can't be read


@dataclass(frozen=True)
class Event:
    """Something that became of a version."""

    at: int  # [epoch ms]
    version: str
    event: str
    who: str
    reason: str


def promote_id(version: str) -> dict[str, str]:
    """Id of the button that promotes a version."""
    return {"type": "models-promote", "version": version}


def current(facts: VersionFacts, since: Event | None, back_to: str | None, now: int) -> html.Div:
    """The version that scores now, how it became so, and the way back."""
    rows = [("Comes from", origin(facts)), ("Trained", cards.since(facts.trained_at, now))]
    if facts.windows:
        rows.append(("Learnt from", format.plural(facts.windows, "window")))
    if facts.training:
        rows.append(("Training", facts.training))
    rows.append(("Current since", _since(since, now)))
    if since:
        rows.append(("Reason", since.reason or format.MISSING))
    return html.Div(
        [
            html.Div(
                [
                    html.Code(facts.name, className="version-name"),
                    html.Span("current", className="pill pill-low"),
                ],
                className="version-head",
            ),
            html.Dl(
                [html.Div([html.Dt(name), html.Dd(value)]) for name, value in rows],
                className="version-facts",
            ),
            _way_back(back_to),
        ],
        className="version-current",
    )


def origin(facts: VersionFacts) -> list[Any]:
    """Where a version comes from."""
    if not facts.base:
        return [facts.origin]
    return [f"{facts.origin}, on top of ", html.Code(facts.base)]


def _since(event: Event | None, now: int) -> Any:
    if event is None:
        return "the beginning of this store"
    return [cards.since(event.at, now), f", by {event.who}"]


def _way_back(back_to: str | None) -> html.Div:
    said = (
        ["Before it ", html.Code(back_to), " was current."]
        if back_to
        else ["No other version was current before it."]
    )
    return html.Div(
        [
            html.Button(
                [glyph("arrow-counterclockwise"), "Roll back\u2026"],
                id="models-rollback",
                className="button",
                disabled=back_to is None,
            ),
            html.P(said),
        ],
        className="version-back",
    )


def versions_table(versions: Sequence[VersionFacts], now: int) -> html.Table:
    """All versions that are kept, newest first; any but the current one can be promoted."""
    head = ("Version", "Comes from", "Frozen scenarios", "State")
    act = html.Th(html.Span("Promote", className="visually-hidden"), scope="col")
    return html.Table(
        [
            html.Thead(html.Tr([*(html.Th(name, scope="col") for name in head), act])),
            html.Tbody([_version(facts, now) for facts in versions]),
        ],
        className="facts versions",
    )


def _version(facts: VersionFacts, now: int) -> html.Tr:
    words, tone = _STATES[facts.state]
    button = html.Button(
        "Promote\u2026",
        id=promote_id(facts.name),
        className="button",
        disabled=facts.state in ("current", "broken"),
        **{"aria-label": f"Promote {facts.name}"},
    )
    base = facts.base.rpartition("-")[2]  # the times of versions stand beside it
    figures = [html.Div([html.Small(n), f"{old} \u2192 {new}"]) for n, old, new in facts.figures]
    return html.Tr(
        [
            html.Th(
                [
                    html.Code(facts.name),
                    html.Small(facts.problem or ["trained ", cards.since(facts.trained_at, now)]),
                ],
                scope="row",
            ),
            html.Td(
                html.Div([facts.origin, html.Small(f"on top of {base}") if base else None]),
                **{"data-of": "Comes from"},
            ),
            html.Td(
                figures or format.MISSING,
                className="version-figures",
                **{"data-of": "Frozen scenarios"},
            ),
            html.Td(html.Span(words, className=f"pill pill-{tone}"), **{"data-of": "State"}),
            html.Td(button, className="version-act"),
        ]
    )


def events(rows: Sequence[Event], now: int) -> html.Ol | html.P:
    """What became of versions, newest first."""
    if not rows:
        return html.P(
            "No version was trained, promoted or rolled back on this store yet.",
            className="card-sub",
        )
    return html.Ol([_event(event, now) for event in rows], className="events")


def _event(event: Event, now: int) -> html.Li:
    words, icon = _EVENTS[event.event]
    return html.Li(
        [
            glyph(icon),
            html.Div(
                [
                    html.Div([words, " ", html.Code(event.version)]),
                    html.P(event.reason),
                ]
            ),
            html.Div([cards.since(event.at, now), html.Small(event.who)], className="event-who"),
        ],
        className=f"event event-{event.event}",
    )
