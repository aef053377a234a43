"""Figures of the evaluation beside their targets, intervals and baselines."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from dash import html

from components import format
from components.icons import HIDDEN, glyph


@dataclass(frozen=True)
class Figure:
    """A figure of the evaluation; None where it could not be measured."""

    name: str
    meaning: str
    value: float | None
    interval: tuple[float, float] | None  # 95 %
    target: float | None
    at_least: bool = True  # or at most
    baselines: tuple[tuple[str, float], ...] = ()
    top: float = 1.0  # right end of the scale
    digits: int = 2
    real: bool = False  # measured on real data, not on simulated
    missing: str = ""  # why there is no value

    @property
    def reached(self) -> bool | None:
        """Whether the target is reached; None without a target or a value."""
        if self.value is None or self.target is None:
            return None
        return self.value >= self.target if self.at_least else self.value <= self.target


def figures_table(figures: Sequence[Figure]) -> html.Table:
    """One row a figure: its value on a scale with interval, target and baselines, and a verdict."""
    head = ("Figure", "Value", "On its scale", "Target", "Baseline", "Verdict")
    return html.Table(
        [
            html.Thead(html.Tr([html.Th(name, scope="col") for name in head])),
            html.Tbody([_row(figure) for figure in figures]),
        ],
        className="facts evaluation",
    )


def reached(figures: Sequence[Figure]) -> str:
    """How many targets are reached, in words."""
    judged = [figure.reached for figure in figures if figure.reached is not None]
    return f"{sum(judged)} of {format.plural(len(judged), 'target')} reached"


def scale_key() -> html.Div:
    """What the marks of the scales mean."""
    names = (("value", "Value"), ("interval", "95 % interval"), ("target", "Target"))
    names = (*names, ("baseline", "Baseline"))
    return html.Div(
        [
            html.Span([html.I(className=f"scale-mark mark-{kind}", **HIDDEN), name])
            for kind, name in names
        ],
        className="scale-key",
    )


def _row(figure: Figure) -> html.Tr:
    tag = html.Span("real", className="tag tag-real") if figure.real else None
    return html.Tr(
        [
            html.Th([html.Span([figure.name, tag]), html.Small(figure.meaning)], scope="row"),
            html.Td(_value(figure), className="number", **{"data-of": "Value"}),
            html.Td(_scale(figure), className="scale-cell"),
            html.Td(_target(figure), className="number", **{"data-of": "Target"}),
            html.Td(_baselines(figure), **{"data-of": "Baseline"}),
            html.Td(_verdict(figure), **{"data-of": "Verdict"}),
        ]
    )


def _number(value: float, figure: Figure) -> str:
    return f"{value:.{figure.digits}f}"


def _value(figure: Figure) -> list[html.Strong | html.Small | None]:
    if figure.value is None:
        return [html.Strong(format.MISSING), html.Small(figure.missing)]
    edges = figure.interval
    below = None
    if edges:
        low, high = (_number(edge, figure) for edge in edges)
        below = html.Small(f"{low} to {high}")
    return [html.Strong(_number(figure.value, figure)), below]


def _target(figure: Figure) -> str:
    if figure.target is None:
        return format.MISSING
    sign = "\u2265" if figure.at_least else "\u2264"
    return f"{sign}{format.NO_BREAK}{figure.target:g}"


def _baselines(figure: Figure) -> list[html.Div] | str:
    if not figure.baselines:
        return format.MISSING
    return [
        html.Div([html.Span(_number(value, figure)), html.Small(name)], className="baseline")
        for name, value in figure.baselines
    ]


def _verdict(figure: Figure) -> html.Span | str:
    if figure.reached is None or figure.value is None or figure.target is None:
        return format.MISSING
    if figure.reached:
        return html.Span([glyph("check-lg"), "reached"], className="verdict verdict-good")
    short = abs(figure.value - figure.target)
    return html.Span(
        [glyph("x-lg"), f"missed by {short:.{max(figure.digits, 3)}f}"],
        className="verdict verdict-bad",
    )


def _scale(figure: Figure) -> html.Div:
    """Marks at shares of the scale; screen readers have the numbers beside it."""
    marks = [
        html.I(className="scale-mark mark-baseline", style={"left": _place(value, figure)})
        for _, value in figure.baselines
    ]
    if figure.interval:
        low, high = (min(max(edge / figure.top, 0.0), 1.0) for edge in figure.interval)
        span = {"left": f"{100 * low:.4g}%", "width": f"{100 * (high - low):.4g}%"}
        marks.append(html.I(className="scale-mark mark-interval", style=span))
    if figure.target is not None:
        marks.append(
            html.I(
                className="scale-mark mark-target", style={"left": _place(figure.target, figure)}
            )
        )
    if figure.value is not None:
        tone = {True: " mark-good", False: " mark-bad", None: ""}[figure.reached]
        style = {"left": _place(figure.value, figure)}
        marks.append(html.I(className=f"scale-mark mark-value{tone}", style=style))
    return html.Div(marks, className="scale", **HIDDEN)


def _place(value: float, figure: Figure) -> str:
    return f"{100 * min(max(value / figure.top, 0.0), 1.0):.4g}%"
