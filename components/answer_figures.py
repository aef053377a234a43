"""The chart of an answer over time; like `components.figures` a plain dict."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from html import escape
from itertools import pairwise
from typing import Any, Final

from components.figures import Figure, base_layout, lonely_sizes, time_axis
from components.quantities import Kind, shown
from components.theme import PRIORITIES, Palette, faded, palette

MOST_LINES: Final = 6
_MOST_BARS: Final = 150  # more would be thinner than the gaps between them
_FEW: Final = 40  # points, each of which is marked
_BAR_SHARE: Final = 0.86  # of its bucket
_MORE_COLOURS: Final = {"dark": ("#b58cff", "#4cc3d9"), "light": ("#7a4fd6", "#0f8296")}
_TICKS: Final[dict[str, dict[str, Any]]] = {
    "ms": {"ticksuffix": " ms", "tickformat": ",~f"},
    "share": {"tickformat": ",.2~%"},
    "bytes": {"ticksuffix": "B", "tickformat": ".3~s"},
    "bits": {"ticksuffix": " bit"},
    "count": {"tickformat": ",~f"},
}
Point = tuple[int, float | None]


@dataclass(frozen=True)
class Series:
    """Values by time, of one line or of several; only buckets that have rows are there.

    `additive` says that a bucket without rows is a zero, as of a count; of an average it is a gap.
    """

    lines: Sequence[tuple[str, Sequence[Point]]]  # largest first; points by time
    kind: Kind
    bucket_ms: int
    start: int
    end: int
    additive: bool
    hidden: int = 0  # lines that are not drawn


def series(
    rows: Iterable[tuple[int, str, float | None]],
    kind: Kind,
    bucket_ms: int,
    span: tuple[int | None, int | None],
    *,
    additive: bool,
) -> Series:
    """What is drawn of the rows of an answer.

    Parameters
    ----------
    rows : iterable of (int, str, float or None)
        Start of the bucket [epoch ms], name of the line ("" when there is one), value.
    kind : str
        Of the values.
    bucket_ms : int
        Length of a bucket [ms].
    span : tuple of int or None
        The range that was asked for [epoch ms]; an open end is that of the rows.
    additive : bool
        See `Series`.
    """
    lines: dict[str, list[Point]] = {}
    for at, name, value in rows:
        lines.setdefault(name, []).append((at, value))
    ordered = sorted(lines.items(), key=lambda line: (-_weight(line[1]), line[0]))
    times = [at for points in lines.values() for at, _ in points]
    start, end = span
    return Series(
        [(name, sorted(points)) for name, points in ordered[:MOST_LINES]],
        kind,
        bucket_ms,
        min([*times, *([] if start is None else [start])], default=0),
        max(times, default=0) + bucket_ms if end is None else end,
        additive,
        max(0, len(ordered) - MOST_LINES),
    )


def over_time(drawn: Series, theme: str | None) -> Figure:
    """Bars of a few additive buckets, else lines; zeros are drawn, gaps are left open."""
    colours = palette(theme)
    several = len(drawn.lines) > 1
    as_bars = drawn.additive and not several and _buckets(drawn) <= _MOST_BARS
    tints = _colours(drawn, colours, theme or "dark")
    traces = []
    for (name, points), colour in zip(drawn.lines, tints, strict=True):
        draw = _bars if as_bars else _line
        traces.append(draw(escape(name), points, drawn, colour))
    if not several and not as_bars and drawn.additive:
        traces[0] |= {"fill": "tozeroy", "fillcolor": faded(colours.accent, 0.12)}
    layout = base_layout(colours, margin={"l": 56, "r": 12, "t": 30 if several else 8, "b": 40})
    layout |= {
        "hovermode": "x unified" if not as_bars else "x",
        "xaxis": time_axis(colours, drawn.start, drawn.end),
        "yaxis": _value_axis(drawn, colours),
        "showlegend": several,
        "legend": {"orientation": "h", "x": 0, "y": 1.02, "yanchor": "bottom"},
    }
    return {"data": traces, "layout": layout}


def _weight(points: Sequence[Point]) -> float:
    return sum(value or 0 for _, value in points)


def _buckets(drawn: Series) -> int:
    return (drawn.end - drawn.start) // drawn.bucket_ms


def _colours(drawn: Series, colours: Palette, theme: str) -> list[str]:
    """Priorities keep their colour; other lines have those that are told apart most easily."""
    names = [name for name, _ in drawn.lines]
    if names and set(names) <= set(PRIORITIES):
        return [colours.of_priority(name) for name in names]
    more = _MORE_COLOURS.get(theme, _MORE_COLOURS["dark"])
    tints = [colours.accent, colours.medium, more[1], more[0], colours.low, colours.text_2]
    return tints[: len(names)]


def _bars(name: str, points: Sequence[Point], drawn: Series, colour: str) -> dict[str, Any]:
    return {
        "type": "bar",
        "name": name,
        "x": [at for at, _ in points],
        "y": [value for _, value in points],
        "offset": drawn.bucket_ms * (1 - _BAR_SHARE) / 2,
        "width": drawn.bucket_ms * _BAR_SHARE,
        "marker": {"color": colour, "cornerradius": 2},
        "customdata": [shown(value, drawn.kind) for _, value in points],
        "hovertemplate": "%{customdata}<extra></extra>",
    }


def _line(name: str, points: Sequence[Point], drawn: Series, colour: str) -> dict[str, Any]:
    whole = _with_zeros(points, drawn) if drawn.additive else _with_gaps(points, drawn.bucket_ms)
    values = [value for _, value in whole]
    return {
        "type": "scatter",
        "mode": "lines+markers",
        "name": name,
        "x": [at for at, _ in whole],
        "y": values,
        "line": {"color": colour, "width": 2},
        "marker": {"color": colour, "size": 5 if len(whole) <= _FEW else lonely_sizes(values)},
        "connectgaps": False,
        "customdata": [shown(value, drawn.kind) for value in values],
        "hovertemplate": f"%{{customdata}}<extra>{name and '%{fullData.name}'}</extra>",
    }


def _with_gaps(points: Sequence[Point], bucket_ms: int) -> list[Point]:
    """Points with an empty one in each gap, so that no line bridges it."""
    whole: list[Point] = list(points[:1])
    for (before, _), point in pairwise(points):
        if point[0] - before > bucket_ms:
            whole.append((before + bucket_ms, None))
        whole.append(point)
    return whole


def _with_zeros(points: Sequence[Point], drawn: Series) -> list[Point]:
    """Points with a zero at both sides of each gap, also before the first and after the last."""
    step = drawn.bucket_ms
    first = points[0][0] - (points[0][0] - drawn.start) // step * step
    last = points[-1][0] + max(0, drawn.end - 1 - points[-1][0]) // step * step
    edges = [(first - step, None), *points, (last + step, None)]
    whole: list[Point] = []
    for (before, _), point in pairwise(edges):
        zeros = {before + step, point[0] - step} if point[0] - before > step else set()
        whole += [(at, 0) for at in sorted(zeros)]
        whole.append(point)
    return whole[:-1]


def _value_axis(drawn: Series, colours: Palette) -> dict[str, Any]:
    values = [v for _, points in drawn.lines for _, v in points if v is not None]
    axis: dict[str, Any] = {
        "rangemode": "tozero",
        "gridcolor": faded(colours.line_strong, 0.45),
        "zeroline": False,
        "fixedrange": True,
        "ticklabelstandoff": 6,
        "nticks": 6,
        **_TICKS.get(drawn.kind, {}),
    }
    if drawn.kind in ("score", "risk"):
        axis["range"] = [0, 1.02]
    elif drawn.kind == "count" and max(values, default=0) <= 5:
        axis |= {"dtick": 1}
    if not any(values):
        axis["range"] = [0, 1]
    return axis
