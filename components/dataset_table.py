"""Rows of a data set: a grid that asks for them page by page, and one row in full."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Final, Literal

from dash import dcc, html

from components import format, tables
from components.icons import glyph
from components.quantities import Kind, column, shown

BLOCK_ROWS: Final = 100
_BLOCKS_KEPT: Final = 20
_FORMATTERS: Final[Mapping[str, str]] = {
    "count": "ForesightCount", "ms": "ForesightMs", "bytes": "ForesightBytes",
    "share": "ForesightPercent", "score": "ForesightScore", "risk": "ForesightScore",
    "bits": "ForesightBits",
}  # fmt: skip
_WIDTHS: Final = {
    "timestamp": 148, "subject": 104, "method": 96, "endpoint": 190, "client": 150, "text": 320,
    "query": 260, "body": 260, "path": 220, "content_type": 200, "provenance": 210,
    "failure_probability": 96, "anomaly_score": 104, "risk_score": 84, "priority": 104,
}  # fmt: skip
_GROWING: Final = frozenset({"text", "query", "body"})
_USUAL_WIDTH: Final = 128
_ROOM_OF_HEADING: Final = 46  # px beside the words of a heading: its edges and its filter
_LETTER_PX: Final = 7.4
_NARROW: Final = 120


@dataclass(frozen=True)
class Field:
    """A column of a set; `choices` are the values of a column of few."""

    name: str
    kind: Literal["time", "number", "choice", "text"]
    choices: Sequence[str] = ()


@dataclass(frozen=True)
class Standing:
    """A feature of one row, and the share of all rows that have no more of it."""

    feature: str
    value: float
    share: float


def grid(
    id: dict[str, str], fields: Sequence[Field], height: int, filters: Mapping[str, Any]
) -> html.Div:
    """A grid of fixed height [px] that asks the server for its rows, `BLOCK_ROWS` at a time."""
    frame = tables.grid(
        id,
        [_column(field) for field in fields],
        height,
        toolbar=False,
        label="Rows of the data set",
    )
    table, cover = frame.children[1].children
    cover.children = []
    del table.rowData
    table.rowModelType = "infinite"
    table.filterModel = dict(filters)
    table.dashGridOptions |= {
        "initialState": {"filter": {"filterModel": dict(filters)}},  # else all rows flash up first
        "cacheBlockSize": BLOCK_ROWS,
        "maxBlocksInCache": _BLOCKS_KEPT,
        "maxConcurrentDatasourceRequests": 1,  # the component answers the newest request alone
        "blockLoadDebounceMillis": 60,
    }
    return frame


def _column(field: Field) -> tables.Column:
    quantity = column(field.name)
    room = int(len(quantity.name) * _LETTER_PX) + _ROOM_OF_HEADING
    width = max(_WIDTHS.get(field.name, _USUAL_WIDTH), room)
    if field.kind == "time":
        return tables.time_column(field.name, quantity.name, width, narrow=_NARROW)
    if field.name == "priority":
        made = tables.priority_column()
    elif field.kind == "number":
        formatter = _FORMATTERS.get(quantity.kind, "ForesightQuantity")
        return tables.number_column(field.name, quantity.name, width, formatter)
    elif field.kind == "choice":
        made = tables.choice_column(field.name, quantity.name, width)
    else:
        grows = {"flex": 1} if field.name in _GROWING else {}
        return tables.column(field.name, quantity.name, width, tooltipField=field.name, **grows)
    made["context"] = {**made["context"], "choices": [*field.choices]}
    return made


def row(
    title: str,
    tags: Sequence[str],
    standings: Sequence[Standing],
    others: Sequence[tuple[str, str]],
    href: str | None,
) -> html.Div:
    """One row in full: each feature with where it stands in the set, and the other columns."""
    link = dcc.Link([glyph("arrow-right"), "Open its page"], href=href) if href else None
    return html.Div(
        [
            html.Div(
                [
                    html.H3(title, className="dataset-row-title"),
                    *(html.Span(tag, className="tag") for tag in tags),
                    link,
                ],
                className="dataset-row-head",
            ),
            html.Table(
                [
                    html.Thead(
                        html.Tr([html.Th("Feature"), html.Th("Value"), html.Th("Rows at or below")])
                    ),
                    html.Tbody([_standing(standing) for standing in standings]),
                ],
                className="dataset-standings",
            )
            if standings
            else None,
            html.Dl(
                [html.Div([html.Dt(name), html.Dd(value)]) for name, value in others],
                className="dataset-others",
            ),
        ],
        className="dataset-row",
    )


def _standing(standing: Standing) -> html.Tr:
    quantity = column(standing.feature)
    return html.Tr(
        [
            html.Th(quantity.name, scope="row"),
            html.Td(number(standing.value, quantity.kind)),
            html.Td(
                [
                    html.Span(
                        html.Span(style={"width": f"{standing.share:.0%}"}),
                        className="dataset-meter",
                        **{"aria-hidden": "true"},
                    ),
                    html.Span(format.percent(standing.share)),
                ]
            ),
        ]
    )


def number(value: float, kind: Kind) -> str:
    """A number of a column, with its unit if it has one."""
    if kind == "text":
        return f"{value:,.0f}" if float(value).is_integer() else f"{value:,.4g}"
    return shown(value, kind)
