"""Charts of one endpoint over time, and of all of them together; plain dicts like `figures`."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from typing import Any, Final, NamedTuple, Protocol

from components.figures import Figure
from components.series_frame import (
    MARGIN,
    MORE_COLOURS,
    Frame,
    bar_trace,
    line_trace,
    time_layout,
    value_axis,
)
from components.theme import Palette, faded, palette

_TOPS: Final = (0.02, 0.1, 0.2, 0.5, 1.0)  # of an axis of error rates
STATUS_CLASSES: Final = ("2xx", "3xx", "4xx", "5xx")
FAILING_ERROR_RATE: Final = 0.3  # from here on a window is failing


class Point(Protocol):
    """One bucket of time."""

    @property
    def start(self) -> int: ...
    @property
    def calls(self) -> int: ...
    @property
    def errors(self) -> int: ...
    @property
    def status_counts(self) -> Mapping[str, int]: ...
    @property
    def failure_probability(self) -> float: ...
    @property
    def anomaly_score(self) -> float: ...


class Part(NamedTuple):
    """By how much one feature made a bucket risky."""

    start: int
    feature: str
    risk: float


def traffic(points: Sequence[tuple[int, int, int]], frame: Frame) -> Figure:
    """Calls a minute as bars, the share that failed as a line on an axis of its own.

    Parameters
    ----------
    points : sequence of (int, int, int)
        Start of the bucket, calls, errors.
    """
    colours = palette(frame.theme)
    bars = bar_trace("Calls", [(at, calls) for at, calls, _ in points], frame, colours.accent)
    bars["marker"]["color"] = faded(colours.accent, 0.55)
    rates = [(at, errors / calls if calls else None) for at, calls, errors in points]
    line = line_trace("Error rate", rates, frame, colours.high, ".1~%") | {"yaxis": "y2"}
    line["line"] |= {"shape": "hv"}  # as wide as the bars
    layout = time_layout(frame, colours, {"rangemode": "tozero"})
    layout["margin"] = MARGIN | {"r": 46}
    highest = max([rate or 0.0 for _, rate in rates], default=0.0)
    top = next(top for top in _TOPS if highest <= top)
    layout["yaxis2"] = value_axis(colours) | {
        "overlaying": "y",
        "side": "right",
        "range": [0, 1.03 * top],
        "tickvals": [0, top / 2, top],
        "tickformat": ".1~%",
        "showgrid": False,
    }
    return {"data": [bars, line], "layout": layout}


def frequency(points: Sequence[Point], frame: Frame) -> Figure:
    """Calls a minute, stacked by class of status; classes that never came are left out."""
    colours = palette(frame.theme)
    tints = dict(zip(STATUS_CLASSES, _class_colours(colours, frame.theme), strict=True))
    by_class = _by_class(points)
    traces = [
        bar_trace(
            name, [(p.start, n) for p, n in zip(points, counts, strict=True)], frame, tints[name]
        )
        for name, counts in by_class.items()
        if any(counts)
    ]
    return {"data": traces, "layout": time_layout(frame, colours, {"rangemode": "tozero"})}


def latency(times: Sequence[tuple[int, Mapping[str, float | None]]], frame: Frame) -> Figure:
    """Percentiles of the response time [ms]; `times` has by bucket p50, p95 and p99."""
    colours = palette(frame.theme)
    looks = {"p99": MORE_COLOURS[frame.theme][0], "p95": colours.accent, "p50": colours.text_2}
    traces = [
        line_trace(name, [(at, of.get(name)) for at, of in times], frame, colour, ",.3~r", " ms")
        for name, colour in looks.items()
    ]
    axis = {"rangemode": "tozero", "ticksuffix": " ms", "tickformat": ",~f"}
    layout = time_layout(frame, colours, axis)
    layout["margin"] = MARGIN | {"l": 62}
    return {"data": traces, "layout": layout}


def error_rate(points: Sequence[Point], frame: Frame) -> Figure:
    """Share of calls that failed, by whose fault: the caller's (4xx) or the server's (5xx)."""
    colours = palette(frame.theme)
    traces = []
    by_class = _by_class(points)
    for name, colour in (("5xx", colours.high), ("4xx", colours.medium)):
        counts = by_class[name]
        shares = [(p.start, n / p.calls) for p, n in zip(points, counts, strict=True) if p.calls]
        bars = bar_trace(name, shares, frame, colour, per_minute=False)
        traces.append(bars | {"hovertemplate": f"%{{y:.1~%}}<extra>{name}</extra>"})
    top = max((p.errors / p.calls for p in points if p.calls), default=0.0)
    axis = {"range": [0, min(1.02, max(0.05, 1.15 * top))], "tickformat": ".0%"}
    layout = time_layout(frame, colours, axis)
    if top > FAILING_ERROR_RATE / 2:
        layout["shapes"] = [*layout["shapes"], _limit(FAILING_ERROR_RATE, colours)]
    return {"data": traces, "layout": layout}


def anomaly(points: Sequence[Point], parts: Sequence[Part], frame: Frame) -> Figure:
    """Anomaly score as a line; risk of the risky buckets as bars, by the features behind it."""
    colours = palette(frame.theme)
    tints = feature_colours([part.feature for part in parts], frame.theme)
    traces = []
    for feature, tint in tints.items():
        own = [(part.start, part.risk) for part in parts if part.feature == feature]
        bars = bar_trace(feature, own, frame, tint, per_minute=False)
        traces.append(bars | {"hovertemplate": f"%{{y:.2f}}<extra>{feature}</extra>"})
    scores = [(p.start, p.anomaly_score) for p in points]
    traces.append(line_trace("Anomaly score", scores, frame, colours.text_2, ".2f"))
    traces[-1]["line"] |= {"width": 1.25}
    axis = {"range": [0, 1.05], "tickvals": [0, 0.25, 0.5, 0.75, 1]}
    return {"data": traces, "layout": time_layout(frame, colours, axis)}


def feature_colours(features: Iterable[str], theme: str) -> dict[str, str]:
    """A colour for each feature that is named, in the order of their first coming."""
    colours = palette(theme)
    violet, cyan = MORE_COLOURS[theme]
    tints = [colours.accent, colours.medium, violet, cyan, colours.high, colours.low]
    named = list(dict.fromkeys(features))
    return {name: tints[n] if n < len(tints) else colours.text_3 for n, name in enumerate(named)}


def _class_colours(colours: Palette, theme: str) -> tuple[str, ...]:
    return faded(colours.accent, 0.75), MORE_COLOURS[theme][1], colours.medium, colours.high


def _by_class(points: Sequence[Point]) -> dict[str, list[int]]:
    """Calls of each point by class of status."""
    found = {name: [0] * len(points) for name in STATUS_CLASSES}
    for number, point in enumerate(points):
        for code, calls in point.status_counts.items():
            if (name := f"{code[:1]}xx") in found:
                found[name][number] += calls
    return found


def _limit(value: float, colours: Palette) -> dict[str, Any]:
    return {
        "type": "line",
        "xref": "paper",
        "x0": 0,
        "x1": 1,
        "y0": value,
        "y1": value,
        "line": {"color": colours.high, "width": 1, "dash": "dot"},
    }
