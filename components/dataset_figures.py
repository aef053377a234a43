"""Charts of a data set: histogram by label, correlation of the features, map of the rows."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from html import escape
from itertools import pairwise
from typing import Any, Final

from components.figures import Figure, base_layout
from components.quantities import Kind, Quantity, shown
from components.theme import PRIORITIES, Palette, faded, palette

UNGROUPED: Final = ("(others)", "(none)")
_MORE_COLOURS: Final = {"dark": ("#b58cff", "#4cc3d9"), "light": ("#7a4fd6", "#0f8296")}
_USES: Final = ("normal", "heavy", "bot")
_STEEP: Final = 0.5  # a bin with more of a group than this hides the others on an even scale
_LEAST_SHARE: Final = 1e-4
_STRONGEST: Final = 0.8  # opacity of a correlation of 1
_SHORT: Final = {
    "req_count": "Calls", "error_rate": "Errors", "avg_response_time": "Avg ms",
    "max_response_time": "Max ms", "payload_mean": "Payload", "unique_endpoints": "Endpoints",
    "repeat_rate": "Repeats", "status_entropy": "Entropy",
}  # fmt: skip


@dataclass(frozen=True)
class Bins:
    """Shares of each group in shared bins."""

    edges: Sequence[float]
    shares: Mapping[str, Sequence[float]]  # group -> one for each bin
    logarithmic: bool
    feature: Quantity


@dataclass(frozen=True)
class Cloud:
    """Rows of one group on the map."""

    name: str
    x: Sequence[float]
    y: Sequence[float]
    rows: Sequence[int]
    words: Sequence[str]  # what a row is, for the hover label


def short_name(feature: str) -> str:
    """A feature where there is little room."""
    return _SHORT.get(feature, feature.replace("_", " ").capitalize())


def group_colours(names: Sequence[str], theme: str | None) -> dict[str, str]:
    """Group -> colour; priorities and clusters keep theirs, what has no value is grey."""
    colours = palette(theme)
    more = _MORE_COLOURS.get(theme or "dark", _MORE_COLOURS["dark"])
    grey = dict(zip(UNGROUPED, (colours.text_2, colours.text_3), strict=True))
    named = [name for name in names if name not in grey]
    tints = [colours.accent, colours.medium, more[0], more[1], colours.low, colours.high]
    if set(named) <= set(PRIORITIES):
        tints = [colours.of_priority(name) for name in named]
    elif set(named) <= set(_USES):
        use = dict(zip(_USES, (colours.low, colours.medium, colours.high), strict=True))
        tints = [use[name] for name in named]
    tints.append(colours.text)
    return dict(zip(named, tints, strict=False)) | {n: grey[n] for n in names if n in grey}


def histogram(bins: Bins, theme: str | None) -> Figure:
    """Steps of each group over the values of a feature; the share is logarithmic if one towers."""
    colours, tints = palette(theme), group_colours([*bins.shares], theme)
    highest = max((max(shares, default=0) for shares in bins.shares.values()), default=0)
    steep = highest > _STEEP
    floor = _LEAST_SHARE if steep else 0.0
    edges = [_place(edge, bins.logarithmic) for edge in bins.edges]
    spans = [_span(bins, number) for number in range(len(edges) - 1)]
    steps, told = [], [_told("", edges, [floor] * len(spans), spans, "rgba(0,0,0,0)")]
    for name, shares in bins.shares.items():
        if any(shares):
            heights = [max(share, floor) for share in shares]
            steps.append(_steps(name, edges, heights, tints[name]))
            told.append(_told(name, edges, heights, [*map(_percent, shares)], tints[name]))
    layout = base_layout(colours, margin={"l": 50, "r": 12, "t": 8, "b": 34})
    layout |= {
        "hovermode": "x unified",
        "xaxis": _value_axis(bins, colours),
        "yaxis": _share_axis(steep, highest, colours),
    }
    return {"data": [*steps, *told], "layout": layout}


def correlation(features: Sequence[str], matrix: Sequence[Sequence[float]], theme: str) -> Figure:
    """Lower half of the matrix of correlations; NaN is left out, as of a constant feature."""
    colours = palette(theme)
    names = [short_name(name) for name in features]
    cells = [
        [
            value if column < row and math.isfinite(value) else None
            for column, value in enumerate(of)
        ]
        for row, of in enumerate(matrix)
    ]
    heat = {
        "type": "heatmap",
        "x": names[:-1],
        "y": names[1:],
        "z": [of[:-1] for of in cells[1:]],
        "text": [["" if v is None else f"{v:.2f}" for v in of[:-1]] for of in cells[1:]],
        "texttemplate": "%{text}",
        "textfont": {"size": 11},
        "zmin": -1,
        "zmax": 1,
        "xgap": 2,
        "ygap": 2,
        "showscale": False,
        "hoverongaps": False,
        "colorscale": [
            [0, _blend(colours.medium, colours.surface)],
            [0.5, colours.raised],
            [1, _blend(colours.accent, colours.surface)],
        ],
        "hovertemplate": "%{y} and %{x}: %{z:.2f}<extra></extra>",
    }
    layout = base_layout(colours, margin={"l": 68, "r": 6, "t": 4, "b": 58})
    plain = {"showgrid": False, "zeroline": False, "fixedrange": True, "ticks": ""}
    layout |= {
        "plot_bgcolor": "rgba(0,0,0,0)",
        "xaxis": {**plain, "tickangle": -40},
        "yaxis": {**plain, "autorange": "reversed", "ticklabelstandoff": 4},
    }
    return {"data": [heat], "layout": layout}


def map_of_rows(clouds: Sequence[Cloud], titles: tuple[str, str], theme: str | None) -> Figure:
    """Points of each group, the largest below; the first trace is the ring around a chosen row."""
    colours, tints = palette(theme), group_colours([cloud.name for cloud in clouds], theme)
    ordered = sorted(clouds, key=lambda cloud: (cloud.name not in UNGROUPED, -len(cloud.x)))
    layout = base_layout(colours, margin={"l": 30, "r": 8, "t": 8, "b": 34})
    layout |= {
        "hovermode": "closest",
        "dragmode": "zoom",
        "xaxis": _map_axis(titles[0], colours),
        "yaxis": _map_axis(titles[1], colours),
    }
    return {
        "data": [_ring(colours), *(_points(c, tints[c.name]) for c in ordered)],
        "layout": layout,
    }


def _steps(
    name: str, edges: Sequence[float], heights: Sequence[float], colour: str
) -> dict[str, Any]:
    return {
        "type": "scatter",
        "mode": "lines",
        "name": escape(name),
        "x": list(edges),
        "y": [*heights, heights[-1]],
        "line": {"color": colour, "width": 1.75, "shape": "hv"},
        "fill": "tozeroy",
        "fillcolor": faded(colour, 0.10),
        "hoverinfo": "skip",
    }


def _told(
    name: str, edges: Sequence[float], heights: Sequence[float], texts: Sequence[str], colour: str
) -> dict[str, Any]:
    """What is said of each bin: an unseen point in its middle, since a step has only edges."""
    return {
        "type": "scatter",
        "mode": "markers",
        "name": escape(name),
        "x": [(low + high) / 2 for low, high in pairwise(edges)],
        "y": list(heights),
        "marker": {"size": 8, "opacity": 0, "color": colour},
        "customdata": list(texts),
        "hovertemplate": "%{customdata}" if name else "%{customdata}<extra></extra>",
    }


def _percent(share: float) -> str:
    return f"{share:.1%}" if share >= 0.001 or not share else "< 0.1%"


def _place(value: float, logarithmic: bool) -> float:
    return round(math.log1p(max(value, -0.5)), 5) if logarithmic else value


def _span(bins: Bins, number: int) -> str:
    """What a bin holds: 12 ms - 15 ms; of whole numbers 3, or 4 - 6."""
    low, high = bins.edges[number], bins.edges[number + 1]
    kind = bins.feature.kind
    if low % 1 == 0.5 and high % 1 == 0.5:
        low, high = low + 0.5, high - 0.5
        if low == high:
            return shown(low, kind)
    return f"{_shown(low, kind)} \u2013 {_shown(high, kind)}"


def _shown(value: float, kind: Kind) -> str:
    return f"{value:,.3g}" if kind == "text" else shown(round(value, 4), kind)


def _value_axis(bins: Bins, colours: Palette) -> dict[str, Any]:
    axis: dict[str, Any] = {
        "showgrid": False,
        "zeroline": False,
        "linecolor": colours.line_strong,
        "ticks": "outside",
        "ticklen": 4,
        "tickcolor": colours.line_strong,
        "fixedrange": True,
        "range": [_place(e, bins.logarithmic) for e in (bins.edges[0], bins.edges[-1])],
        "unifiedhovertitle": {"text": escape(bins.feature.name)},
        "showspikes": False,
    }
    kind = bins.feature.kind
    if bins.logarithmic:
        top = bins.edges[-1]
        values = [0, *(10**power for power in range(8) if 10**power <= top)]
        kept = [v for v in values if v >= bins.edges[0]]
        axis |= {
            "tickvals": [_place(v, True) for v in kept],
            "ticktext": [_shown(v, kind) for v in kept],
        }
    elif kind == "share":
        axis |= {"tickformat": ".0%", "nticks": 6}
    else:
        axis |= {"nticks": 7, "ticksuffix": {"ms": " ms", "bits": " bit"}.get(kind, "")}
    return axis


def _share_axis(steep: bool, highest: float, colours: Palette) -> dict[str, Any]:
    axis: dict[str, Any] = {
        "gridcolor": faded(colours.line_strong, 0.45),
        "zeroline": False,
        "fixedrange": True,
        "ticklabelstandoff": 6,
    }
    if steep:
        ticks = [1, 0.1, 0.01, 0.001]
        texts = ["100%", "10%", "1%", "0.1%"]
        bottom = math.log10(_LEAST_SHARE)
        return axis | {
            "type": "log",
            "range": [bottom, 0.05],
            "tickvals": ticks,
            "ticktext": texts,
        }
    digits = ".0%" if highest > 0.05 else ".1%"
    return axis | {"rangemode": "tozero", "tickformat": digits, "nticks": 6}


def _blend(colour: str, ground: str) -> str:
    """`colour` at `_STRONGEST` over `ground`, opaque."""
    parts = [
        round(
            _STRONGEST * int(colour[i : i + 2], 16) + (1 - _STRONGEST) * int(ground[i : i + 2], 16)
        )
        for i in (1, 3, 5)
    ]
    return "#" + "".join(f"{part:02x}" for part in parts)


def _points(cloud: Cloud, colour: str) -> dict[str, Any]:
    return {
        "type": "scatter",
        "mode": "markers",
        "name": escape(cloud.name),
        "x": list(cloud.x),
        "y": list(cloud.y),
        "customdata": [
            [row, escape(words)] for row, words in zip(cloud.rows, cloud.words, strict=True)
        ],
        "marker": {"color": colour, "size": 5, "opacity": 0.72},
        "hovertemplate": "<b>%{fullData.name}</b><br>%{customdata[1]}<extra></extra>",
    }


def _ring(colours: Palette) -> dict[str, Any]:
    return {
        "type": "scatter",
        "mode": "markers",
        "x": [],
        "y": [],
        "hoverinfo": "skip",
        "marker": {
            "symbol": "circle-open",
            "size": 15,
            "color": colours.text,
            "line": {"width": 2, "color": colours.text},
        },
    }


def _map_axis(title: str, colours: Palette) -> dict[str, Any]:
    return {
        "title": {"text": escape(title), "font": {"size": 11, "color": colours.text_2}},
        "showticklabels": False,
        "gridcolor": faded(colours.line_strong, 0.25),
        "zeroline": True,
        "zerolinecolor": faded(colours.line_strong, 0.7),
    }
