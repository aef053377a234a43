"""Figures as plain dicts (building `go.Figure` costs 30 times as much). Times are epoch ms, UTC."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from html import escape
from typing import Any, Final, Protocol

from dash import Patch

from components import format
from components.theme import (
    FONT,
    PRIORITIES,
    USUAL_LIMITS,
    Limits,
    Palette,
    faded,
    palette,
)

Figure = dict[str, Any]
_GAP_BUCKETS: Final = 3  # a line is broken where more time than this has no windows
_MIN_BARS: Final = 5  # fewer bars keep the height they would have among this many
_BAR_PX: Final = 8
_FIRST_BAR_PX: Final = 26  # from the top of the chart; its name stands above it
_NAME_CHARACTERS: Final = 34  # of an endpoint above its bar in a card of a quarter of the page


class RiskPoint(Protocol):
    """Risk of one bucket of time."""

    @property
    def start(self) -> int: ...
    @property
    def maximum(self) -> float: ...
    @property
    def mean(self) -> float: ...
    @property
    def anomalies(self) -> int: ...


class EndpointRisk(Protocol):
    """Anomalous windows of one endpoint."""

    @property
    def endpoint(self) -> str: ...
    @property
    def method(self) -> str: ...
    @property
    def anomalies(self) -> int: ...
    @property
    def windows(self) -> int: ...
    @property
    def maximum_risk(self) -> float: ...


def risk_over_time(
    points: Sequence[RiskPoint],
    bucket_ms: int,
    start: int,
    end: int,
    theme: str,
    limits: Limits = USUAL_LIMITS,
    selected: tuple[int, int] | None = None,
) -> Figure:
    """Highest and mean risk by time, with the bands of MEDIUM and HIGH.

    Parameters
    ----------
    points : sequence of RiskPoint
        By time; buckets without windows are missing.
    bucket_ms, start, end : int
        Length of a bucket and the range shown [ms].
    theme : str
        `dark` or `light`.
    limits : Limits
        From where on risk is MEDIUM or HIGH.
    selected : tuple of int, optional
        A span of time to be marked [ms].
    """
    colours = palette(theme)
    rows = _with_gaps(points, bucket_ms)
    x = [at for at, _ in rows]
    top = [p.maximum if p else None for _, p in rows]
    layout = base_layout(colours, margin={"l": 34, "r": 58, "t": 6, "b": 40})
    layout |= {
        "hovermode": "x unified",
        "xaxis": time_axis(colours, start, end),
        "yaxis": _risk_axis(colours, limits),
        "shapes": [
            _band(limits.high, 1.0, faded(colours.high, 0.09), colours.high),
            _band(limits.medium, limits.high, faded(colours.medium, 0.05), colours.medium),
            *([selection(*selected, colours)] if selected else []),
        ],
        "annotations": [
            _band_label("HIGH", (limits.high + 1) / 2, colours.high_text),
            _band_label("MEDIUM", (limits.medium + limits.high) / 2, colours.medium_text),
            _band_label("LOW", limits.medium / 2, colours.low_text),
        ],
    }
    mean = [p.mean if p else None for _, p in rows]
    anomalies = [p.anomalies if p else None for _, p in rows]
    return {
        "data": [
            _highest_line(x, top, anomalies, colours),
            _mean_line(x, mean, colours),
            _high_marks(x, top, colours, limits),
            _area_below(rows, colours),
        ],
        "layout": layout,
    }


def anomalies_by_endpoint(
    endpoints: Sequence[EndpointRisk],
    height: int,
    theme: str,
    limits: Limits = USUAL_LIMITS,
    href: Callable[[EndpointRisk], str] = lambda _: "",
) -> Figure:
    """Horizontal bars of anomalous windows, most first, coloured by the worst priority.

    Parameters
    ----------
    endpoints : sequence of EndpointRisk
        Most anomalies first; those without any are left out.
    height : int
        Height of the chart [px]; a bar and the name above it are of fixed size.
    theme : str
        `dark` or `light`.
    limits : Limits
        From where on risk is MEDIUM or HIGH.
    href : callable
        Address of an endpoint's page, the last of a bar's `customdata`.
    """
    colours = palette(theme)
    shown = [e for e in endpoints if e.anomalies]
    rows = max(len(shown), _MIN_BARS)
    names = [f"{e.method} {e.endpoint}" for e in shown]
    most = max((e.anomalies for e in shown), default=1)
    top = _FIRST_BAR_PX * rows / height
    bars = {
        "type": "bar",
        "orientation": "h",
        "x": [e.anomalies for e in shown],
        "y": list(range(len(shown))),
        "width": _BAR_PX * rows / height,
        "marker": {
            "color": [colours.of_priority(limits.priority_of(e.maximum_risk)) for e in shown],
            "cornerradius": 3,
        },
        "customdata": [
            [escape(n), limits.priority_of(e.maximum_risk), e.maximum_risk, e.windows, href(e)]
            for n, e in zip(names, shown, strict=True)
        ],
        "hovertemplate": (
            "<b>%{customdata[0]}</b><br>%{x:,} anomalies in %{customdata[3]:,} windows<br>"
            "highest risk %{customdata[2]:.2f} (%{customdata[1]})<extra></extra>"
        ),
    }
    layout = base_layout(colours, margin={"l": 0, "r": 0, "t": 0, "b": 0})
    layout |= {
        "hovermode": "closest",
        "xaxis": {"visible": False, "range": [0, most], "fixedrange": True},
        "yaxis": {"visible": False, "range": [rows - top, -top], "fixedrange": True},
        "annotations": [
            label
            for row, (name, e) in enumerate(zip(names, shown, strict=True))
            for label in _bar_labels(row, name, e.anomalies, colours)
        ],
    }
    return {"data": [bars], "layout": layout}


def priority_mix(counts: dict[str, int], theme: str) -> Figure:
    """Donut of windows by priority, their number in the middle; its legend is `cards.legend`."""
    colours = palette(theme)
    total = sum(counts.values())
    ring = {
        "type": "pie",
        "labels": list(PRIORITIES),
        "values": [counts[name] for name in PRIORITIES],
        "hole": 0.74,
        "sort": False,
        "direction": "clockwise",
        "textinfo": "none",
        "marker": {"colors": [colours.of_priority(name) for name in PRIORITIES]},
        "hovertemplate": "%{label}: %{value:,} windows (%{percent})<extra></extra>",
    }
    layout = base_layout(colours, margin={"l": 2, "r": 2, "t": 2, "b": 2})
    layout["annotations"] = [
        _text(format.compact(total), 0.5, 0.56, colours.text, size=18, weight=600),
        _text("windows" if total != 1 else "window", 0.5, 0.36, colours.text_2, size=11),
    ]
    return {"data": [ring], "layout": layout}


def redrawn(figure: Figure) -> Patch:
    """The figure as a change of the one shown, keeping how the reader zoomed it.

    Dash writes a zoom into the figure it holds, so a whole new figure would undo it.
    """
    patch = Patch()
    patch["data"] = figure["data"]
    for name, value in figure["layout"].items():
        if name in ("xaxis", "yaxis"):
            for key, part in value.items():
                if key not in ("range", "autorange"):
                    patch["layout"][name][key] = part
        else:
            patch["layout"][name] = value
    return patch


def _with_gaps(points: Sequence[RiskPoint], bucket_ms: int) -> list[tuple[int, RiskPoint | None]]:
    """Points by time with an empty one in each longer gap, so that no line bridges it."""
    rows: list[tuple[int, RiskPoint | None]] = []
    for point in points:
        if rows and point.start - rows[-1][0] > _GAP_BUCKETS * bucket_ms:
            rows.append((rows[-1][0] + bucket_ms, None))
        rows.append((point.start, point))
    return rows


def _highest_line(
    x: list[int], top: list[float | None], anomalies: list[int | None], colours: Palette
) -> dict[str, Any]:
    return {
        "type": "scatter",
        "mode": "lines+markers",
        "name": "Highest",
        "x": x,
        "y": top,
        "customdata": anomalies,
        "line": {"color": colours.accent, "width": 2, "shape": "linear"},
        "marker": {"color": colours.accent, "size": lonely_sizes(top)},
        "hovertemplate": "%{y:.2f} (%{customdata:,} anomalies)",
    }


def _area_below(rows: Sequence[tuple[int, RiskPoint | None]], colours: Palette) -> dict[str, Any]:
    """The tint under the line of highest risk; it falls to zero where there is a gap."""
    edges: list[tuple[int, float]] = []
    for number, (at, point) in enumerate(rows):
        if point is None:
            edges += [(rows[number - 1][0], 0.0), (rows[number + 1][0], 0.0)]
        else:
            edges.append((at, point.maximum))
    return {
        "type": "scatter",
        "mode": "lines",
        "x": [at for at, _ in edges],
        "y": [risk for _, risk in edges],
        "line": {"width": 0},
        "hoverinfo": "skip",
        "showlegend": False,
        "fill": "tozeroy",
        "fillcolor": faded(colours.accent, 0.10),
        "fillgradient": {
            "type": "vertical",
            "colorscale": [[0, faded(colours.accent, 0.02)], [1, faded(colours.accent, 0.26)]],
        },
    }


def _mean_line(x: list[int], mean: list[float | None], colours: Palette) -> dict[str, Any]:
    return {
        "type": "scatter",
        "mode": "lines",
        "name": "Mean",
        "x": x,
        "y": mean,
        "line": {"color": faded(colours.text_2, 0.75), "width": 1.25},
        "hovertemplate": "%{y:.2f}",
    }


def _high_marks(
    x: list[int], top: list[float | None], colours: Palette, limits: Limits
) -> dict[str, Any]:
    high = [(at, risk) for at, risk in zip(x, top, strict=True) if risk and risk >= limits.high]
    return {
        "type": "scatter",
        "mode": "markers",
        "name": "HIGH",
        "x": [at for at, _ in high],
        "y": [risk for _, risk in high],
        "marker": {
            "color": colours.high,
            "size": 5,
        },
        "hoverinfo": "skip",
    }


def lonely_sizes(values: list[float | None]) -> list[int]:
    """Marker sizes: only points without a neighbour need one, a line shows the others."""
    padded = [None, *values, None]
    return [
        5 if before is None and after is None else 0
        for before, after in zip(padded, padded[2:], strict=False)
    ]


def base_layout(colours: Palette, margin: dict[str, int]) -> dict[str, Any]:
    """What all figures have: no ground of their own, the font, the look of the hover label."""
    return {
        "autosize": True,
        "margin": margin,
        "paper_bgcolor": "rgba(0,0,0,0)",
        "plot_bgcolor": colours.surface,  # the hover line is set off against it
        "font": {"family": FONT, "size": 11, "color": colours.text_2},
        "showlegend": False,
        "hoverlabel": {
            "bgcolor": colours.raised,
            "bordercolor": colours.line_strong,
            "font": {"family": FONT, "size": 12, "color": colours.text},
        },
    }


def time_axis(colours: Palette, start: int, end: int) -> dict[str, Any]:
    """The axis of a chart over time, from `start` to `end` [epoch ms]."""
    return {
        "type": "date",
        # Not as `range`, which is where a zoom is kept: see `redrawn`.
        "autorange": True,
        "autorangeoptions": {"include": [start, end], "clipmin": start, "clipmax": end},
        "showgrid": False,
        "zeroline": False,
        "linecolor": colours.line_strong,
        "ticks": "outside",
        "ticklen": 4,
        "tickcolor": colours.line_strong,
        "ticklabelstandoff": 3,
        "nticks": 7,
        "tickangle": 0,  # on a phone they would be turned and cut off
        "tickformatstops": [
            {"dtickrange": [None, 60_000], "value": "%H:%M:%S"},
            {"dtickrange": [60_000, 86_399_999], "value": "%H:%M\n%-d %b"},
            {"dtickrange": [86_400_000, "M1"], "value": "%-d %b\n%Y"},
            {"dtickrange": ["M1", None], "value": "%b %Y"},
        ],
        "hoverformat": "%-d %b %Y, %H:%M UTC",
        "showspikes": True,
        "spikemode": "across",
        "spikethickness": 1,
        "spikedash": "solid",
        "spikecolor": colours.text_3,
    }


def _risk_axis(colours: Palette, limits: Limits) -> dict[str, Any]:
    ticks = [0, limits.medium / 2, limits.medium, limits.high, 1]
    return {
        "range": [0, 1.02],
        "tickvals": ticks,
        "ticktext": [f"{tick:.3g}" for tick in ticks],
        "gridcolor": faded(colours.line_strong, 0.45),
        "zeroline": False,
        "fixedrange": True,
        "ticklabelstandoff": 6,
    }


def selection(start: int, end: int, colours: Palette) -> dict[str, Any]:
    """Marks a span of time from bottom to top."""
    return {
        "type": "rect",
        "layer": "below",
        "yref": "paper",
        "y0": 0,
        "y1": 1,
        "x0": start,
        "x1": end,
        "fillcolor": faded(colours.accent, 0.25),
        "line": {"width": 1, "color": colours.accent},
    }


def _band(low: float, high: float, fill: str, edge: str) -> dict[str, Any]:
    """A tinted stripe across the chart; only its lower edge, the threshold, is drawn."""
    return {
        "type": "rect",
        "layer": "below",
        "xref": "paper",
        "x0": 0,
        "x1": 1,
        "y0": low,
        "y1": high,
        "fillcolor": fill,
        "line": {"width": 0, "color": edge},
    }


def _band_label(text: str, y: float, colour: str) -> dict[str, Any]:
    return {
        "text": text,
        "xref": "paper",
        "x": 1,
        "xanchor": "left",
        "xshift": 8,
        "y": y,
        "yanchor": "middle",
        "showarrow": False,
        "font": {"size": 10, "color": colour},
    }


def _bar_labels(row: int, name: str, count: int, colours: Palette) -> list[dict[str, Any]]:
    shared = {"y": row, "yshift": 14, "yanchor": "middle", "xref": "paper", "showarrow": False}
    shown = format.shortened(name, _NAME_CHARACTERS)
    return [
        shared
        | {
            "text": escape(shown),
            "x": 0,
            "xanchor": "left",
            "xshift": -2,
            "font": {"size": 12, "color": colours.text},
        },
        shared
        | {
            "text": format.compact(count),
            "x": 1,
            "xanchor": "right",
            "xshift": 2,
            "font": {"size": 12, "color": colours.text_2},
        },
    ]


def _text(
    text: str, x: float, y: float, colour: str, *, size: int, weight: int = 400
) -> dict[str, Any]:
    return {
        "text": text,
        "x": x,
        "y": y,
        "xref": "paper",
        "yref": "paper",
        "xanchor": "center",
        "yanchor": "middle",
        "showarrow": False,
        "font": {"size": size, "color": colour, "weight": weight},
    }
