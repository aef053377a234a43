"""Drift: how far each feature has moved from what the models were fitted on, hour by hour."""

from __future__ import annotations

from collections.abc import Sequence
from math import sqrt
from typing import Final, NamedTuple

from dash import html

from components import format
from components.model_words import of_feature

MOST: Final = 2.0  # index at the top of the small chart; what is more is cut off
_TONES: Final = {"stable": "low", "moving": "medium", "drifted": "high"}


class Hour(NamedTuple):
    """The index of one feature in one hour; None: not measured."""

    start: int  # [epoch ms]
    psi: float | None
    reading: str  # stable where it was not measured


class Drift(NamedTuple):
    """One feature: its newest index with its reading, and the hours up to it."""

    feature: str
    psi: float
    reading: str  # stable, moving or drifted
    hours: Sequence[Hour]  # oldest first, one an hour


def drift_table(rows: Sequence[Drift], now: int) -> html.Table:
    """Features, the furthest moved first."""
    shown = format.plural(max((len(row.hours) for row in rows), default=0), "hour")
    head = ("Feature", "PSI", "Reading", "Highest", f"Last {shown}")
    ordered = sorted(rows, key=lambda row: -row.psi)
    return html.Table(
        [
            html.Thead(html.Tr([html.Th(name, scope="col") for name in head])),
            html.Tbody([_row(row, now) for row in ordered]),
        ],
        className="facts drift",
    )


def _row(row: Drift, now: int) -> html.Tr:
    words = of_feature(row.feature)
    worst = max((hour for hour in row.hours if hour.psi is not None), key=lambda h: h.psi or 0.0)
    return html.Tr(
        [
            html.Th([words.name, html.Small(words.meaning)], scope="row"),
            html.Td(f"{row.psi:.2f}", className="number"),
            html.Td(html.Span(row.reading, className=f"pill pill-{_TONES[row.reading]}")),
            html.Td(
                [f"{worst.psi or 0.0:.2f}", html.Small(format.moment(worst.start, now))],
                className="number drift-worst",
            ),
            html.Td(_area(row.hours)),
        ]
    )


def _area(hours: Sequence[Hour]) -> html.Div:
    """A step for each hour in the colour of its reading, by the root of its index.

    The root, because what is stable has to be seen beside what is not.
    """
    width = 100 / max(len(hours), 1)
    points, colours = ["0% 100%"], []
    for number, hour in enumerate(hours):
        left, right = f"{number * width:.4g}%", f"{(number + 1) * width:.4g}%"
        top = f"{100 * (1 - sqrt(min(hour.psi or 0.0, MOST) / MOST)):.4g}%"
        points += [f"{left} {top}", f"{right} {top}"]
        colours.append(f"var(--{_TONES[hour.reading]}) {left} {right}")
    style = {
        "clipPath": f"polygon({', '.join([*points, '100% 100%'])})",
        "background": f"linear-gradient(to right, {', '.join(colours)})",
    }
    steps = html.Div(className="drift-steps", style=style)
    return html.Div(steps, className="drift-area", **{"aria-hidden": "true"})
