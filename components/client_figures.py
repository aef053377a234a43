"""Charts of one client over time: its calls by usage, response times, and what made it risky."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from html import escape
from typing import Any, Final, Protocol

from components import format
from components.figures import Figure, base_layout, lonely_sizes, time_axis
from components.model_words import of_feature
from components.theme import Palette, faded, palette

CLUSTERS: Final = ("normal", "heavy", "bot")
_MINUTE_MS: Final = 60_000
_GAP_BUCKETS: Final = 3  # a line is broken where more time than this has no windows
_BAR_SHARE: Final = 0.86  # of its bucket
_MOST_PARTS: Final = 5  # reasons with a colour of their own; the rest is one part
_REST: Final = "Other"
_NAMES: Final = {"usage_cluster": "Calls like a program", "mix": "Rare mix"}
_HUES: Final = {  # beside the accent; none is a colour of risk
    "dark": ("#b58cff", "#4cc3d9", "#e39a6b", "#d98bb8"),
    "light": ("#7a4fd6", "#0f8296", "#b0601c", "#a83e7c"),
}


class Point(Protocol):
    """One client in one bucket of time."""

    @property
    def start(self) -> int: ...
    @property
    def windows(self) -> int: ...
    @property
    def calls(self) -> int: ...
    @property
    def errors(self) -> int: ...
    @property
    def average_ms(self) -> float | None: ...
    @property
    def max_ms(self) -> float | None: ...
    @property
    def maximum(self) -> float: ...
    @property
    def calls_by_cluster(self) -> Mapping[str, int]: ...
    @property
    def reasons(self) -> str | None: ...


def cluster_colours(theme: str | None) -> dict[str, str]:
    """Colour of each usage cluster; none of them is a colour of risk."""
    colours, hues = palette(theme), _hues(theme)
    return {"normal": colours.accent, "heavy": hues[1], "bot": hues[0]}


def traffic_colours(points: Sequence[Point], theme: str | None) -> dict[str, str]:
    """What is in the chart of calls, with its colours."""
    found = {
        name.capitalize(): colour
        for name, colour in cluster_colours(theme).items()
        if any(p.calls_by_cluster.get(name) for p in points)
    }
    return found | {"Errors": palette(theme).high}


def calls_by_cluster(
    points: Sequence[Point], bucket_ms: int, start: int, end: int, theme: str | None
) -> Figure:
    """Calls a minute as bars in the colour of the usage cluster, the failed ones at their foot.

    Parameters
    ----------
    points : sequence of Point
        By time; buckets without windows are missing.
    bucket_ms, start, end : int
        Length of a bucket and the range shown [ms].
    theme : str or None
        `dark` or `light`.
    """
    below = [0] * len(points)
    bars = []
    for name, colour in cluster_colours(theme).items():
        calls = [p.calls_by_cluster.get(name, 0) for p in points]
        if any(calls):
            told = [f"{format.plural(n, 'call')}, {name}" for n in calls]
            bars.append(
                _count_bars(name.capitalize(), points, calls, below, bucket_ms, told, colour)
            )
        below = [b + n for b, n in zip(below, calls, strict=True)]
    errors = [p.errors for p in points]
    told = [format.plural(n, "error") for n in errors]
    ground = [0] * len(points)
    red = palette(theme).high
    bars.append(_count_bars("Errors", points, errors, ground, bucket_ms, told, red))
    layout = _layout(palette(theme), start, end)
    layout |= {"barmode": "overlay", "hovermode": "x"}
    return {"data": bars, "layout": layout}


def response_time(
    points: Sequence[Point], bucket_ms: int, start: int, end: int, theme: str | None
) -> Figure:
    """Average and longest response time; arguments as in `calls_by_cluster`."""
    colours = palette(theme)
    rows = _with_gaps(points, bucket_ms)
    x = [at for at, _ in rows]
    longest = [p.max_ms if p else None for _, p in rows]
    average = [p.average_ms if p else None for _, p in rows]
    layout = _layout(colours, start, end)
    layout["hovermode"] = "x unified"
    layout["yaxis"] |= {"ticksuffix": " ms", "tickformat": ",~f"}
    layout["margin"] |= {"l": 58}
    quiet = faded(colours.text_2, 0.75)
    return {
        "data": [
            _line("Longest", x, longest, quiet, 1.25),
            _line("Average", x, average, colours.accent, 2),
        ],
        "layout": layout,
    }


def risk_by_feature(
    points: Sequence[Point], bucket_ms: int, start: int, end: int, theme: str | None
) -> Figure:
    """How much of the highest risk of each bucket goes with which reason, as stacked bars.

    Arguments as in `calls_by_cluster`. Only reasons whose part was measured are drawn.
    """
    colours = palette(theme)
    tints = reason_colours(points, theme)
    parts = {p.start: _with_rest(_parts(p), tints) for p in points if p.reasons}
    layout = _layout(colours, start, end)
    layout |= {"barmode": "stack", "hovermode": "x"}
    layout["yaxis"] |= {"range": [0, 1.02], "tickvals": [0, 0.25, 0.5, 0.75, 1]}
    return {
        "data": [_part_bars(name, colour, parts, bucket_ms) for name, colour in tints.items()],
        "layout": layout,
    }


def reason_colours(points: Sequence[Point], theme: str | None) -> dict[str, str]:
    """Names of the reasons in the chart, the weightiest first, with their colours."""
    weight: dict[str, float] = {}
    for point in points:
        for name, (part, _) in _parts(point).items():
            weight[name] = weight.get(name, 0.0) + part
    names = sorted(weight, key=lambda name: -weight[name])
    tints = (palette(theme).accent, *_hues(theme))[:_MOST_PARTS]
    shown = dict(zip(names, tints, strict=False))
    return shown | ({_REST: palette(theme).text_3} if len(names) > len(shown) else {})


def reason_name(feature: str) -> str:
    """What a reason is called for people; one that is not known keeps its name."""
    try:
        return _NAMES.get(feature) or of_feature(feature).name
    except KeyError:
        return feature


def picked_out(figure: Figure, span: tuple[int, int] | None, theme: str | None) -> Figure:
    """The figure with a tinted band over the span that is selected [epoch ms]."""
    if span is None:
        return figure
    colours = palette(theme)
    band = {
        "type": "rect",
        "layer": "below",
        "yref": "paper",
        "y0": 0,
        "y1": 1,
        "x0": span[0],
        "x1": span[1],
        "fillcolor": faded(colours.accent, 0.22),
        "line": {"width": 1, "color": faded(colours.accent, 0.8)},
    }
    layout = figure["layout"]
    return figure | {"layout": layout | {"shapes": [*layout.get("shapes", []), band]}}


def _hues(theme: str | None) -> tuple[str, ...]:
    return _HUES.get(theme or "dark", _HUES["dark"])


def _count_bars(
    name: str,
    points: Sequence[Point],
    counts: Sequence[int],
    below: Sequence[int],
    bucket_ms: int,
    told: Sequence[str],
    colour: str,
) -> dict[str, Any]:
    """Counts a minute as bars that stand on the counts `below`; none where there is nothing."""
    minutes = bucket_ms / _MINUTE_MS
    filled = [number for number, count in enumerate(counts) if count]
    return {
        **_bar(bucket_ms),
        "name": name,
        "x": [points[number].start for number in filled],
        "y": [counts[number] / minutes for number in filled],
        "base": [below[number] / minutes for number in filled],
        "customdata": [told[number] for number in filled],
        "marker": {"color": colour},
        "hovertemplate": "%{customdata}<extra></extra>",
    }


def _parts(point: Point) -> dict[str, tuple[float, str]]:
    """Name of a reason -> its part of the risk score, and its text."""
    found = json.loads(point.reasons or "[]")
    return {
        reason_name(r["feature"]): (r["share"] * point.maximum, str(r["text"]))
        for r in found
        if r.get("share")
    }


def _with_rest(
    parts: Mapping[str, tuple[float, str]], tints: Mapping[str, str]
) -> dict[str, tuple[float, str]]:
    """Those without a colour of their own as one."""
    shown = {name: part for name, part in parts.items() if name in tints}
    rest = [part for name, part in parts.items() if name not in tints]
    if rest:
        shown[_REST] = (sum(part for part, _ in rest), "; ".join(text for _, text in rest))
    return shown


def _part_bars(
    name: str, colour: str, parts: Mapping[int, Mapping[str, tuple[float, str]]], bucket_ms: int
) -> dict[str, Any]:
    known = {at: found[name] for at, found in parts.items() if name in found}
    return {
        **_bar(bucket_ms),
        "name": name,
        "x": list(known),
        "y": [part for part, _ in known.values()],
        "customdata": [escape(text) for _, text in known.values()],
        "marker": {"color": colour},
        "hovertemplate": "%{y:.2f} %{customdata}<extra></extra>",
    }


def _bar(bucket_ms: int) -> dict[str, Any]:
    return {
        "type": "bar",
        "offset": bucket_ms * (1 - _BAR_SHARE) / 2,
        "width": bucket_ms * _BAR_SHARE,
    }


def _line(
    name: str, x: list[int], y: list[float | None], colour: str, width: float
) -> dict[str, Any]:
    return {
        "type": "scatter",
        "mode": "lines+markers",
        "name": name,
        "x": x,
        "y": y,
        "customdata": [format.milliseconds(value) for value in y],
        "line": {"color": colour, "width": width},
        "marker": {"color": colour, "size": lonely_sizes(y)},
        "hovertemplate": "%{customdata}",
    }


def _layout(colours: Palette, start: int, end: int) -> dict[str, Any]:
    layout = base_layout(colours, margin={"l": 34, "r": 6, "t": 6, "b": 40})
    layout["xaxis"] = time_axis(colours, start, end)
    layout["yaxis"] = {
        "rangemode": "tozero",
        "gridcolor": faded(colours.line_strong, 0.45),
        "zeroline": False,
        "fixedrange": True,
        "ticklabelstandoff": 6,
        "nticks": 5,
    }
    return layout


def _with_gaps(points: Sequence[Point], bucket_ms: int) -> list[tuple[int, Point | None]]:
    """Points by time with an empty one in each longer gap, so that no line bridges it."""
    rows: list[tuple[int, Point | None]] = []
    for point in points:
        if rows and point.start - rows[-1][0] > _GAP_BUCKETS * bucket_ms:
            rows.append((rows[-1][0] + bucket_ms, None))
        rows.append((point.start, point))
    return rows
