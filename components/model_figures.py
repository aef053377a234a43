"""Charts of the models: how forecasts held up, and how many clusters there are."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from math import sqrt
from typing import Any, Final, Protocol

from components import figures, format
from components.figures import Figure
from components.theme import Palette, faded, palette

_SMALLEST_PX: Final = 6  # dots; their area grows with the forecasts
_LARGEST_PX: Final = 18
_FEW: Final = 30  # forecasts of a tenth with fewer say little, and are drawn faint


class Share(Protocol):
    """A share with its 95 % interval."""

    @property
    def value(self) -> float | None: ...
    @property
    def low(self) -> float | None: ...
    @property
    def high(self) -> float | None: ...
    @property
    def n(self) -> int: ...


class Reliability(Protocol):
    """What was said and what happened in one tenth of the probability."""

    @property
    def given(self) -> float: ...
    @property
    def failed(self) -> Share: ...


def reliability(
    live: Sequence[Reliability], offline: Sequence[tuple[float, float]], theme: str | None
) -> Figure:
    """Probability that was given against the share that failed, with the diagonal of the ideal.

    Parameters
    ----------
    live : sequence of Reliability
        Forecasts of this store; the area of a dot grows with their number.
    offline : sequence of (float, float)
        Given and failed of the evaluation, drawn quietly behind.
    theme : str or None
        `dark` or `light`.
    """
    colours = palette(theme)
    layout = figures.base_layout(colours, margin={"l": 46, "r": 12, "t": 8, "b": 42})
    layout |= {
        "hovermode": "closest",
        "xaxis": _share_axis(colours, "Failure probability given"),
        "yaxis": _share_axis(colours, "Failed within 5 minutes", grid=True),
    }
    return {"data": [_ideal(colours), _offline(offline, colours), _live(live, colours)]} | {
        "layout": layout
    }


def _ideal(colours: Palette) -> dict[str, Any]:
    return {
        "type": "scatter",
        "mode": "lines",
        "name": "Ideal",
        "x": [0, 1],
        "y": [0, 1],
        "line": {"color": colours.text_3, "width": 1, "dash": "dot"},
        "hoverinfo": "skip",
    }


def _offline(points: Sequence[tuple[float, float]], colours: Palette) -> dict[str, Any]:
    return {
        "type": "scatter",
        "mode": "lines+markers",
        "name": "Evaluation",
        "x": [given for given, _ in points],
        "y": [failed for _, failed in points],
        "line": {"color": faded(colours.text_2, 0.55), "width": 1.5},
        "marker": {"color": colours.text_2, "size": 4},
        "hovertemplate": "Evaluation: said %{x:.0%}, %{y:.0%} failed<extra></extra>",
    }


def _live(points: Sequence[Reliability], colours: Palette) -> dict[str, Any]:
    known = [point for point in points if point.failed.value is not None]
    value = [point.failed.value or 0.0 for point in known]
    few = [point.failed.n < _FEW for point in known]
    most = max((point.failed.n for point in known), default=1)
    return {
        "type": "scatter",
        "mode": "lines+markers",
        "name": "Live",
        "x": [point.given for point in known],
        "y": value,
        "customdata": [_hover(point) for point in known],
        "hovertemplate": "%{customdata}<extra></extra>",
        "line": {"color": colours.accent, "width": 2},
        "marker": {
            "color": [colours.surface if faint else colours.accent for faint in few],
            "line": {"color": colours.accent, "width": 1.5},
            "opacity": 1,
            "size": [
                _SMALLEST_PX + (_LARGEST_PX - _SMALLEST_PX) * sqrt(point.failed.n / most)
                for point in known
            ],
        },
        "error_y": {
            "type": "data",
            "symmetric": False,
            "array": [(p.failed.high or 0.0) - v for p, v in zip(known, value, strict=True)],
            "arrayminus": [v - (p.failed.low or 0.0) for p, v in zip(known, value, strict=True)],
            "color": faded(colours.accent, 0.6),
            "thickness": 1.5,
            "width": 4,
        },
    }


def _hover(point: Reliability) -> str:
    failed = point.failed
    edges = f"{format.percent(failed.low)} to {format.percent(failed.high)}"
    return (
        f"Said {format.percent(point.given)}: {format.percent(failed.value)} of "
        f"{format.number(failed.n)} failed<br>95 % interval {edges}"
    )


def _share_axis(colours: Palette, title: str, *, grid: bool = False) -> dict[str, Any]:
    return {
        "range": [-0.02, 1.02],
        "tickvals": [0, 0.25, 0.5, 0.75, 1],
        "tickformat": ".0%",
        "title": {"text": title, "font": {"size": 11, "color": colours.text_2}, "standoff": 8},
        "showgrid": grid,
        "gridcolor": faded(colours.line_strong, 0.45),
        "zeroline": False,
        "showline": not grid,
        "linecolor": colours.line_strong,
        "fixedrange": True,
        "ticklabelstandoff": 4,
    }


def elbow(
    curves: Mapping[str, Mapping[int, float]], shown: str, chosen: int, theme: str | None
) -> Figure:
    """Spread that is left within clusters by their number, as a share of that of one cluster.

    Parameters
    ----------
    curves : mapping
        Kind of subject -> number of clusters -> inertia.
    shown : str
        The kind that is looked at; the others are drawn quietly.
    chosen : int
        Number of clusters that the models have.
    theme : str or None
        `dark` or `light`.
    """
    colours = palette(theme)
    layout = figures.base_layout(colours, margin={"l": 46, "r": 12, "t": 18, "b": 42})
    layout |= {
        "hovermode": "closest",
        "xaxis": _number_axis(colours),
        "yaxis": _share_axis(colours, "Spread left", grid=True) | {"range": [0, 1.05]},
        "shapes": [_upright(chosen, colours)],
        "annotations": [_chosen(chosen, colours)],
    }
    ordered = sorted(curves, key=lambda kind: kind == shown)
    lines = [_curve(kind, curves[kind], kind == shown, chosen, colours) for kind in ordered]
    return {"data": lines, "layout": layout}


def _curve(
    kind: str, inertia: Mapping[int, float], is_shown: bool, chosen: int, colours: Palette
) -> dict[str, Any]:
    numbers = sorted(inertia)
    whole = inertia[numbers[0]] if numbers else 1.0
    colour = colours.accent if is_shown else faded(colours.text_2, 0.5)
    return {
        "type": "scatter",
        "mode": "lines+markers",
        "name": kind,
        "x": numbers,
        "y": [inertia[number] / whole if whole else 0.0 for number in numbers],
        "line": {"color": colour, "width": 2 if is_shown else 1.25},
        "marker": {
            "color": colour,
            "size": [10 if is_shown and number == chosen else 5 for number in numbers],
        },
        "hovertemplate": f"{kind.capitalize()}s in %{{x}}: %{{y:.0%}} left<extra></extra>",
    }


def _number_axis(colours: Palette) -> dict[str, Any]:
    return {
        "dtick": 1,
        "title": {
            "text": "Number of clusters",
            "font": {"size": 11, "color": colours.text_2},
            "standoff": 8,
        },
        "showgrid": False,
        "zeroline": False,
        "linecolor": colours.line_strong,
        "fixedrange": True,
        "ticklabelstandoff": 4,
    }


def _upright(at: int, colours: Palette) -> dict[str, Any]:
    line = {"color": faded(colours.accent, 0.55), "width": 1, "dash": "dot"}
    return {"type": "line", "x0": at, "x1": at, "yref": "paper", "y0": 0, "y1": 1, "line": line}


def _chosen(number: int, colours: Palette) -> dict[str, Any]:
    return {
        "text": f"{number} chosen",
        "x": number,
        "xanchor": "left",
        "xshift": 6,
        "y": 1,
        "yref": "paper",
        "yanchor": "bottom",
        "showarrow": False,
        "font": {"size": 11, "color": colours.text},
    }
