"""The frame that charts over time share: axes, bars and lines by bucket, what is selected."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from itertools import pairwise
from typing import Any, Final

from components.figures import base_layout, lonely_sizes, time_axis
from components.theme import Palette, faded

MARGIN: Final = {"l": 46, "r": 10, "t": 8, "b": 38}
MORE_COLOURS: Final = {"dark": ("#b58cff", "#4cc3d9"), "light": ("#7a4fd6", "#0f8296")}
_MINUTE_MS: Final = 60_000
_GAP_BUCKETS: Final = 3  # a line is broken where more time than this has no windows


@dataclass(frozen=True)
class Frame:
    """What all charts of a page share; times are epoch ms."""

    bucket_ms: int
    start: int
    end: int
    until: int  # what comes later is not counted yet
    theme: str
    selected: int | None = None  # start of the bucket that a person chose

    def minutes(self, at: int) -> float:
        """How much of a bucket is counted; at both ends of the range it may be a part."""
        begin, end = max(at, self.start), min(at + self.bucket_ms, self.until)
        return max(end - begin, _MINUTE_MS) / _MINUTE_MS


def bar_trace(
    name: str,
    points: Sequence[tuple[int, float]],
    frame: Frame,
    colour: str,
    *,
    per_minute: bool = True,
) -> dict[str, Any]:
    """Bars that begin with their bucket and touch the next one's; counts become calls a minute."""
    return {
        "type": "bar",
        "name": name,
        "x": [at for at, _ in points],
        "y": [_short(n / frame.minutes(at) if per_minute else n) for at, n in points],
        "offset": 0,
        "width": frame.bucket_ms,
        "marker": {"color": colour, "line": {"width": 0}},
        "hovertemplate": f"%{{y:,.3~r}} a minute<extra>{name}</extra>",
    }


def line_trace(
    name: str,
    points: Sequence[tuple[int, float | None]],
    frame: Frame,
    colour: str,
    digits: str,
    unit: str = "",
) -> dict[str, Any]:
    """A line that is broken where nothing is known; `digits` and `unit` are of its hover text."""
    rows = _with_gaps(points, frame.bucket_ms)
    values = [None if value is None else _short(value) for _, value in rows]
    return {
        "type": "scatter",
        "mode": "lines+markers",
        "name": name,
        "x": [at for at, _ in rows],
        "y": values,
        "line": {"color": colour, "width": 1.75},
        "marker": {"color": colour, "size": lonely_sizes(values)},
        "hovertemplate": f"%{{y:{digits}}}{unit}<extra>{name}</extra>",
    }


def _with_gaps(
    points: Sequence[tuple[int, float | None]], bucket_ms: int
) -> list[tuple[int, float | None]]:
    """Points with an empty one in each longer gap, so that no line bridges it."""
    rows: list[tuple[int, float | None]] = list(points[:1])
    for (before, _), point in pairwise(points):
        if point[0] - before > _GAP_BUCKETS * bucket_ms:
            rows.append((before + bucket_ms, None))
        rows.append(point)
    return rows


def _short(value: float) -> float:
    """Four digits: more would only be sent, not seen."""
    return float(f"{value:.4g}")


def time_layout(frame: Frame, colours: Palette, axis: dict[str, Any]) -> dict[str, Any]:
    layout = base_layout(colours, margin=MARGIN)
    return layout | {
        "barmode": "stack",
        "bargap": 0,
        "hovermode": "x unified",
        "xaxis": time_axis(colours, frame.start, frame.end) | {"nticks": 6},
        "yaxis": value_axis(colours) | axis,
        "shapes": [] if frame.selected is None else [_selection(frame.selected, frame, colours)],
    }


def value_axis(colours: Palette) -> dict[str, Any]:
    return {
        "gridcolor": faded(colours.line_strong, 0.45),
        "zeroline": False,
        "fixedrange": True,
        "ticklabelstandoff": 6,
        "nticks": 5,
    }


def _selection(at: int, frame: Frame, colours: Palette) -> dict[str, Any]:
    shape = stretch(at, at + frame.bucket_ms, colours)
    line = {"width": 1, "color": colours.accent}
    fill = faded(colours.accent, 0.2)
    return shape | {"fillcolor": fill, "line": line, "layer": "above"}


def stretch(start: int, end: int, colours: Palette) -> dict[str, Any]:
    """A tinted stripe from bottom to top."""
    return {
        "type": "rect",
        "layer": "below",
        "yref": "paper",
        "y0": 0,
        "y1": 1,
        "x0": start,
        "x1": end,
        "fillcolor": faded(colours.high, 0.16),
        "line": {"width": 0},
    }
