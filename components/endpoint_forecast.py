"""The chart of failure probability with what happened after."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, Protocol

from components import format
from components.figures import Figure
from components.series_figures import Point
from components.series_frame import Frame, line_trace, stretch, time_layout
from components.theme import Palette, palette


class Onset(Protocol):
    """A failure that began, and what was forecast of it."""

    @property
    def at(self) -> int: ...
    @property
    def warned_at(self) -> int | None: ...
    @property
    def probability(self) -> float | None: ...


def failure(points: Sequence[Point], onsets: Sequence[Onset], frame: Frame) -> Figure:
    """Failure probability, and what happened: times of failure, and where one began.

    A probability of exactly 1 is given by rule, to a window that is failing already.
    """
    colours = palette(frame.theme)
    line = line_trace(
        "Probability",
        [(p.start, p.failure_probability) for p in points],
        frame,
        colours.accent,
        ".0%",
    )
    axis = {"range": [0, 1.1], "tickformat": ".0%", "tickvals": [0, 0.25, 0.5, 0.75, 1]}
    layout = time_layout(frame, colours, axis)
    failing = [p.start for p in points if p.failure_probability >= 1]
    layout["shapes"] = [
        *(stretch(start, end, colours) for start, end in _joined(failing, frame.bucket_ms)),
        *layout["shapes"],
    ]
    return {"data": [line, *_onset_marks(onsets, colours)], "layout": layout}


def _joined(starts: Sequence[int], bucket_ms: int) -> list[tuple[int, int]]:
    """Buckets that touch each other as one stretch."""
    found: list[tuple[int, int]] = []
    for start in starts:
        if found and found[-1][1] == start:
            found[-1] = (found[-1][0], start + bucket_ms)
        else:
            found.append((start, start + bucket_ms))
    return found


def _onset_marks(onsets: Sequence[Onset], colours: Palette) -> list[dict[str, Any]]:
    """Failures that began, on the line of 100 %: forecast, not forecast, or not foreseeable."""
    kinds = {
        "Forecast": (colours.low, "triangle-down"),
        "Not forecast": (colours.high, "x"),
        "No forecast possible": (colours.text_3, "circle-open"),
    }
    marks = []
    for kind, (colour, symbol) in kinds.items():
        own = [onset for onset in onsets if kind_of(onset) == kind]
        if own:
            marks.append(
                {
                    "type": "scatter",
                    "mode": "markers",
                    "name": kind,
                    "x": [onset.at for onset in own],
                    "y": [1.05] * len(own),
                    "marker": {"color": colour, "symbol": symbol, "size": 9},
                    "customdata": [_told(onset) for onset in own],
                    "hovertemplate": "%{customdata}<extra></extra>",
                    "cliponaxis": False,
                }
            )
    return marks


def kind_of(onset: Onset) -> str:
    """What became of the forecast of a failure."""
    if onset.warned_at is not None:
        return "Forecast"
    return "Not forecast" if onset.probability is not None else "No forecast possible"


def _told(onset: Onset) -> str:
    if onset.warned_at is not None:
        return f"Failure began, forecast {format.duration(onset.at - onset.warned_at)} before"
    if onset.probability is not None:
        given = format.percent(round(onset.probability, 2))
        return f"Failure began, not forecast: {given} just before"
    return "Failure began; nothing was called just before"
