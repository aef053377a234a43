"""The frame of the data sets page: controls, charts and table before there is a set to show."""

from __future__ import annotations

from typing import Any, Final

import dash_bootstrap_components as dbc
from dash import dcc, html

from components import cards, states
from components.icons import glyph

CHARTS: Final = ("histogram", "correlation", "map")
_CHART_PX: Final = 300
_MAP_PX: Final = 420
_OF_FEATURES: Final = "dataset-of-features"  # hidden where rows have no features to compare


def controls() -> html.Section:
    """What the charts show: selects, filled by `selects`, and the legend."""
    return html.Section(
        [
            html.Div(selects([], None, [], None), id="datasets-controls"),
            html.Div(id="datasets-legend"),
        ],
        className="panel dataset-controls",
        **{"aria-label": "What the charts show"},
    )


def selects(
    features: list[dict[str, str]],
    feature: str | None,
    labels: list[dict[str, str]],
    colour: str | None,
    shown: Any = None,
) -> list[Any]:
    """Name of the set, and the choice of feature and label; empty until a set is there."""
    return [
        shown,
        html.Label(["Feature", _select("datasets-feature", features, feature)]),
        html.Label(["Label", _select("datasets-colour", labels, colour)]),
    ]


def _select(id: str, options: list[dict[str, str]], value: str | None) -> Any:
    return dbc.Select(id=id, options=options, value=value, disabled=not options, size="sm")


def charts() -> html.Div:
    """Histogram, correlation, map, and the row that is chosen on it."""
    row = html.Div(no_row(), id="datasets-row", **{"aria-live": "polite"})
    return html.Div(
        [
            _chart("histogram", "Distribution", _CHART_PX),
            _chart("correlation", "Correlation of the features", _CHART_PX, _OF_FEATURES),
            _chart("map", "Map of the rows", _MAP_PX, _OF_FEATURES),
            cards.card("Chosen row", row),
        ],
        id="datasets-charts",
        className="dataset-charts",
    )


def _chart(name: str, title: str, height: int, className: str = "") -> html.Section:
    id = f"datasets-{name}"
    card = cards.card(title, cards.chart(id, title, height), className=className)
    heading = card.children[0].children[0]
    heading.children.append(html.P(id=f"{id}-about", className="card-sub"))
    return card


def table(search: str) -> html.Section:
    """Search, count and files above the place of the grid."""
    field = dcc.Input(
        id="datasets-search",
        type="search",
        value=search,
        placeholder="Search",
        debounce=0.4,
        autoComplete="off",
        spellCheck="false",
    )
    bar = html.Div(
        [
            html.Label(
                [glyph("search"), html.Span("Search the rows", className="visually-hidden"), field],
                className="grid-search",
            ),
            html.Span(id="datasets-count", className="dataset-count", **{"aria-live": "polite"}),
            html.Button("Clear filters", id="datasets-clear", type="button", hidden=True),
            html.A([glyph("download"), "CSV"], id="datasets-csv", className="dataset-save"),
            html.A([glyph("download"), "XLSX"], id="datasets-xlsx", className="dataset-save"),
        ],
        className="grid-bar",
    )
    return cards.card(
        "Rows",
        html.Div([bar, html.Div(id="datasets-table")], className="dataset-table"),
        subtitle="Filters of the columns and the search count for the charts, too",
    )


def no_row() -> html.Div:
    """In place of a row."""
    return states.empty("hand-index", "No row chosen", "Click a point of the map, or a row below.")


def no_windows() -> html.Div:
    """In place of the rows of an empty range."""
    return states.empty(
        "inbox",
        "No windows in this range",
        "Choose a longer time range above, or another set of the catalog.",
    )


def failed(problem: str) -> html.Div:
    """In place of the rows of a set that could not be loaded."""
    again = again_button("Try again")
    return states.empty("exclamation-octagon", "This set could not be loaded", problem, again)


def again_button(text: str) -> html.Button:
    """Asks for the set once more."""
    return html.Button(
        [glyph("arrow-clockwise"), text],
        id={"type": "datasets-again", "of": text},
        className="button",
        type="button",
    )
